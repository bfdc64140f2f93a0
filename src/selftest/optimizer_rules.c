/* What each rule of optim.def does to an element, from its formula: a rule without a reference here does not
 * build. */
#include "selftest/optimizers.h"

typedef struct clg_rounded rounded;

static rounded exact(float x)
{
    return clg_exactly((double)x);
}

/* A share as kernels have it, and 1 - b. */
static rounded share(float b)
{
    return clg_rounded(clg_decimal_of(b), 0);
}

static rounded rest(float b)
{
    return clg_rounded(1 - clg_decimal_of(b), 0);
}

/* A count of steps, which is a float32. */
static rounded count(double t)
{
    return t <= 0x1p24 ? clg_exactly(t) : clg_rounded(t, 0);
}

static rounded with_decay(const struct clg_rule_element *e)
{
    return clg_plus(e->g, clg_times(e->decay, e->w));
}

static void take_decay(struct clg_rule_element *e)
{
    e->w = clg_minus(e->w, clg_times(clg_times(e->lr, e->decay), e->w));
}

static void step_by(struct clg_rule_element *e, rounded rate, rounded by)
{
    e->w = clg_minus(e->w, clg_times(rate, by));
}

/* rsqrt 2 ulp. */
static rounded inverse_root(rounded x)
{
    double v = 1 / sqrt(x.v);
    return (rounded){v, 1 / sqrt(x.v - x.e) - v + 2 * clg_ulp(v)};
}

/* Of what is not known the sign of, 2 off. */
static rounded sign(rounded x)
{
    return (rounded){x.v > 0 ? 1 : x.v < 0 ? -1 : 0, fabs(x.v) > x.e || x.e == 0 ? 0 : 2};
}

/* Nothing rounds. */
static rounded larger(rounded a, rounded b)
{
    return (rounded){fmax(a.v, b.v), fmax(a.e, b.e)};
}

/* e^x - 1 and e^x: 3 ulp. */
static rounded expm1_of(rounded x)
{
    double v = expm1(x.v);
    return (rounded){v, exp(x.v + x.e) * x.e + 3 * clg_ulp(v)};
}

static rounded exp_of(rounded x)
{
    double v = exp(x.v);
    return (rounded){v, exp(x.v + x.e) * x.e + 3 * clg_ulp(v)};
}

/* ln b */
static rounded log_of(float b)
{
    return clg_rounded(log(clg_decimal_of(b)), 0);
}

/* 1 - b^t = -expm1(t ln b) */
static rounded correction(float b, double t)
{
    rounded x = expm1_of(clg_times(count(t), log_of(b)));
    return (rounded){-x.v, x.e};
}

/* m = b m + (1-b) x */
static rounded moved(rounded m, float b, rounded x)
{
    return clg_plus(clg_times(share(b), m), clg_times(rest(b), x));
}

/* v = momentum v + (1-dampening) g, at first v = g; w -= lr (nesterov ? g + momentum v : v) */
void clg_reference_sgd(struct clg_rule_element *e, const clg_optimizer_params *o)
{
    rounded *v = &e->state[0], g = with_decay(e), step = g;
    rounded fresh = e->t == 1 ? clg_exactly(1) : rest(o->dampening);
    if (o->momentum != 0)
        step = *v = clg_plus(clg_times(exact(o->momentum), *v), clg_times(fresh, g));
    if (o->nesterov)
        step = clg_plus(g, clg_times(exact(o->momentum), *v));
    step_by(e, e->lr, step);
}

/* eta = lr' / (1 + lambd lr' (t-1))^alpha: powr 16 ulp */
static rounded asgd_rate(const struct clg_rule_element *e, const clg_optimizer_params *o)
{
    rounded rate = e->t == 1 ? e->lr : e->running, lambd = exact(o->lambd);
    rounded base = clg_plus(clg_exactly(1),
                            clg_times(clg_times(lambd, rate), count(e->t - 1)));
    double v = pow(base.v, (double)o->alpha);
    double slope = (double)o->alpha * fmax(v / base.v, 1);
    return clg_over(rate, (rounded){v, slope * base.e * 1.01 + 16 * clg_ulp(v)});
}

void clg_reference_asgd(struct clg_rule_element *e, const clg_optimizer_params *o)
{
    rounded *ax = &e->state[0], eta = asgd_rate(e, o), g = with_decay(e);
    rounded kept = clg_minus(clg_exactly(1), clg_times(exact(o->lambd), eta));
    rounded mu = clg_over(clg_exactly(1), count(fmax(1, e->t - 1 - (double)o->t0)));
    e->w = clg_minus(clg_times(kept, e->w), clg_times(eta, g));
    *ax = mu.v == 1 ? e->w : clg_plus(*ax, clg_times(mu, clg_minus(e->w, *ax)));
    e->running = e->lr;
}

/* s += g^2; w -= lr / (1 + (t-1) lr_decay) g / (sqrt(s) + eps) */
void clg_reference_adagrad(struct clg_rule_element *e, const clg_optimizer_params *o)
{
    rounded *s = &e->state[0], g = with_decay(e);
    rounded slower = clg_plus(clg_exactly(1),
                              clg_times(count(e->t - 1), exact(o->lr_decay)));
    if (s->v == 0)
        *s = exact(o->initial_accumulator_value);
    *s = clg_plus(*s, clg_times(g, g));
    rounded below = clg_plus(clg_root_of(*s), exact(o->eps));
    e->w = clg_minus(e->w, clg_over(clg_times(clg_over(e->lr, slower), g), below));
}

void clg_reference_rmsprop(struct clg_rule_element *e, const clg_optimizer_params *o)
{
    rounded *v = &e->state[0], *m = &e->state[1], *b = &e->state[2];
    rounded g = with_decay(e), spread;
    spread = *v = moved(*v, o->alpha, clg_times(g, g));
    if (o->centered) {
        *m = moved(*m, o->alpha, g);
        spread = clg_minus(*v, clg_times(*m, *m));
    }
    *b = clg_plus(clg_times(exact(o->momentum), *b),
                  clg_over(g, clg_plus(clg_root_of(spread), exact(o->eps))));
    step_by(e, e->lr, *b);
}

/* d = sqrt(a + eps) / sqrt(v + eps) g */
void clg_reference_adadelta(struct clg_rule_element *e, const clg_optimizer_params *o)
{
    rounded *v = &e->state[0], *a = &e->state[1], g = with_decay(e), eps = exact(o->eps);
    *v = moved(*v, o->rho, clg_times(g, g));
    rounded d = clg_times(clg_over(clg_root_of(clg_plus(*a, eps)), clg_root_of(clg_plus(*v, eps))), g);
    *a = moved(*a, o->rho, clg_times(d, d));
    step_by(e, e->lr, d);
}

/* Nothing but sizes of steps rounds before the step. */
void clg_reference_rprop(struct clg_rule_element *e, const clg_optimizer_params *o)
{
    rounded *prev = &e->state[0], *size = &e->state[1];
    double turn = sign(e->g).v * sign(*prev).v;
    if (size->v == 0)
        *size = e->lr;
    if (turn != 0)
        *size = clg_times(*size, turn > 0 ? share(o->eta_plus) : share(o->eta_minus));
    size->v = fmin(fmax(size->v, (double)o->step_min), (double)o->step_max);
    *prev = turn < 0 ? clg_exactly(0) : e->g;
    step_by(e, sign(*prev), *size);
}

/* w -= rate * m / (sqrt(v / (1-b2^t)) + eps) */
static void adam_step(struct clg_rule_element *e, const clg_optimizer_params *o, rounded g)
{
    rounded *m = &e->state[0], *v = &e->state[1], *most = &e->state[2];
    *m = moved(*m, o->beta1, g);
    *v = moved(*v, o->beta2, clg_times(g, g));
    *most = larger(*most, *v);
    rounded below = clg_times(clg_root_of(o->amsgrad ? *most : *v), inverse_root(correction(o->beta2, e->t)));
    rounded rate = clg_over(e->lr, correction(o->beta1, e->t));
    e->w = clg_minus(e->w, clg_over(clg_times(rate, *m), clg_plus(below, exact(o->eps))));
}

void clg_reference_adam(struct clg_rule_element *e, const clg_optimizer_params *o)
{
    adam_step(e, o, with_decay(e));
}

void clg_reference_adamw(struct clg_rule_element *e, const clg_optimizer_params *o)
{
    take_decay(e);
    adam_step(e, o, e->g);
}

void clg_reference_adamax(struct clg_rule_element *e, const clg_optimizer_params *o)
{
    rounded *m = &e->state[0], *u = &e->state[1], g = with_decay(e);
    *m = moved(*m, o->beta1, g);
    *u = larger(clg_times(share(o->beta2), *u),
                clg_plus((rounded){fabs(g.v), g.e}, exact(o->eps)));
    rounded rate = clg_over(e->lr, correction(o->beta1, e->t));
    e->w = clg_minus(e->w, clg_over(clg_times(rate, *m), *u));
}

/* b1 (1 - 0.96^(t momentum_decay) / 2) */
static rounded nadam_mu(const clg_optimizer_params *o, double t)
{
    rounded x = clg_times(clg_times(clg_rounded(log(0.96), 0), exact(o->momentum_decay)),
                          count(t));
    rounded half = clg_times(clg_exactly(0.5), exp_of(x));
    return clg_times(share(o->beta1), clg_minus(clg_exactly(1), half));
}

/* lr a / (1-p) */
static rounded nadam_rate(const struct clg_rule_element *e, rounded a, rounded p)
{
    return clg_over(clg_times(e->lr, a), clg_minus(clg_exactly(1), p));
}

void clg_reference_nadam(struct clg_rule_element *e, const clg_optimizer_params *o)
{
    rounded *m = &e->state[0], *v = &e->state[1], g = with_decay(e);
    rounded mu = nadam_mu(o, e->t), next = nadam_mu(o, e->t + 1), *p = &e->running;
    *p = clg_times(e->t == 1 ? clg_exactly(1) : *p, mu);
    *m = moved(*m, o->beta1, g);
    *v = moved(*v, o->beta2, clg_times(g, g));
    rounded of_g = nadam_rate(e, clg_minus(clg_exactly(1), mu), *p);
    rounded of_mean = nadam_rate(e, next, clg_times(*p, next));
    rounded above = clg_plus(clg_times(of_g, g), clg_times(of_mean, *m));
    rounded below = clg_times(clg_root_of(*v), inverse_root(correction(o->beta2, e->t)));
    e->w = clg_minus(e->w, clg_over(above, clg_plus(below, exact(o->eps))));
}

/* coth y - 1/y as cl/optim.clh has it. The series: the first two of its operations round its value, each
 * before that a term of y^2/15 of it or less; what it leaves out is below 2^-27 of it. tanh 5 ulp. */
static rounded langevin(rounded y)
{
    double v = 1 / tanh(y.v) - 1 / y.v;
    if (y.v < 0.5)
        return (rounded){v, y.e / 3 + 4 * CLG_ROUND * v + 0x1p-27 * v};
    double t = tanh(y.v);
    return clg_minus(clg_over(clg_exactly(1), (rounded){t, y.e * (1 - t * t) * 1.1 + 5 * clg_ulp(t)}),
                     clg_over(clg_exactly(1), y));
}

static rounded radam_length(rounded x, double t)
{
    rounded start = langevin(clg_times(clg_exactly(0.5), x)), n = count(t);
    rounded tx = clg_times(n, x);
    if (tx.v < 2)
        return clg_plus(start,
                        clg_minus(n, clg_times(n, langevin(clg_times(clg_exactly(0.5), tx)))));
    rounded left = {0, 2 * t * exp(-tx.v)};
    if (tx.v < 64)
        left = clg_over(clg_times(clg_exactly(2), n), expm1_of(tx));
    return clg_plus(start, clg_minus(clg_over(clg_exactly(2), x), left));
}

/* sqrt((l-4) (l-2) n / ((n-4) (n-2) l)) */
static rounded radam_factor(rounded l, rounded n)
{
    rounded two = clg_exactly(2), four = clg_exactly(4);
    rounded above = clg_times(clg_times(clg_minus(l, four), clg_minus(l, two)), n);
    return clg_root_of(clg_over(above, clg_times(clg_times(clg_minus(n, four), clg_minus(n, two)), l)));
}

void clg_reference_radam(struct clg_rule_element *e, const clg_optimizer_params *o)
{
    rounded *m = &e->state[0], *v = &e->state[1], g = with_decay(e), x = log_of(o->beta2);
    x.v = -x.v;
    rounded n = clg_plus(langevin(clg_times(clg_exactly(0.5), x)), clg_over(clg_exactly(2), x));
    rounded l = radam_length(x, e->t), rate = clg_over(e->lr, correction(o->beta1, e->t));
    *m = moved(*m, o->beta1, g);
    *v = moved(*v, o->beta2, clg_times(g, g));
    if (l.v > 5) {
        rate = clg_times(rate, clg_times(radam_factor(l, n), clg_root_of(correction(o->beta2, e->t))));
        rate = clg_over(rate, clg_plus(clg_root_of(*v), exact(o->eps)));
    }
    step_by(e, rate, *m);
}

void clg_reference_lion(struct clg_rule_element *e, const clg_optimizer_params *o)
{
    rounded *m = &e->state[0];
    take_decay(e);
    step_by(e, e->lr, sign(moved(*m, o->beta1, e->g)));
    *m = moved(*m, o->beta2, e->g);
}

void clg_reference_lamb(struct clg_rule_element *e, const clg_optimizer_params *o)
{
    rounded *m = &e->state[0], *v = &e->state[1];
    *m = moved(*m, o->beta1, e->g);
    *v = moved(*v, o->beta2, clg_times(e->g, e->g));
    rounded below = clg_times(clg_root_of(*v), inverse_root(correction(o->beta2, e->t)));
    rounded mean = clg_times(clg_over(clg_exactly(1), correction(o->beta1, e->t)), *m);
    e->r = clg_plus(clg_over(mean, clg_plus(below, exact(o->eps))), clg_times(e->decay, e->w));
    step_by(e, clg_times(e->lr, e->trust), e->r);
}

/* The sum of squares, in any order that goes through as many additions as elements at most. */
static rounded square_sum(rounded sum, rounded x)
{
    return clg_plus(sum, clg_times(x, x));
}

void clg_rule_step(const struct clg_rule *rule, clg_rule_reference *reference, struct clg_rule_element *e,
                   size_t count, const clg_optimizer_params *o)
{
    rounded of_w = {0, 0}, of_r = {0, 0}, trust = clg_exactly(1);
    for (size_t i = 0; rule->normed && i < count; i++) {
        struct clg_rule_element tried = e[i];
        tried.trust = trust;
        reference(&tried, o);
        of_w = square_sum(of_w, e[i].w);
        of_r = square_sum(of_r, tried.r);
    }
    if (of_w.v > 0 && of_r.v > 0)
        trust = clg_over(clg_root_of(of_w), clg_root_of(of_r));
    for (size_t i = 0; i < count; i++) {
        e[i].trust = trust;
        reference(&e[i], o);
    }
}
