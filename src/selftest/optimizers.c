/* Each optimizer for some steps, with each option of its entry: parameters and states against the formulas
 * of src/optim/optim.def, an element at a time. */
#include <math.h>
#include <stdio.h>
#include "optim/optim.h"
#include "selftest/trials.h"

enum { STEPS = 8 }; /* RAdam rectifies from the sixth on */

/* Two that are trained, in chunks of their own, the second without padding; and one that is frozen. */
enum { A, B, FROZEN, PARAMETERS, LARGEST = 64 * 3 };
static const char *const names[PARAMETERS] = {"a", "b", "frozen"};
static const int64_t sizes[PARAMETERS] = {67, LARGEST, 13};

/* Powers of two: products with them do not round. */
#define GROUP_FACTOR 0.25f
#define GROUP_DECAY  0.5f
#define LAST_FACTOR  0.5f /* of the rate in the last step */
#define RATE         0.1f

/* ---- the rules ---- */

typedef struct clg_rounded rounded;

/* An element in a step, t of them with this one. */
struct element {
    rounded w, state[CLG_RULE_STATES];
    rounded running; /* the rule's running number */
    rounded g, lr, decay;
    int t;
};
typedef void reference(struct element *e, const clg_optimizer_params *o);

static rounded exact(float x)
{
    return clg_exactly((double)x);
}

/* A share as kernels have it, and 1 - b. */
static rounded share(float b)
{
    return clg_rounded(clg_number_meant(b), 0);
}

static rounded rest(float b)
{
    return clg_rounded(1 - clg_number_meant(b), 0);
}

static rounded with_decay(const struct element *e)
{
    return clg_plus(e->g, clg_times(e->decay, e->w));
}

static void take_decay(struct element *e)
{
    e->w = clg_minus(e->w, clg_times(clg_times(e->lr, e->decay), e->w));
}

static void step_by(struct element *e, rounded rate, rounded by)
{
    e->w = clg_minus(e->w, clg_times(rate, by));
}

/* sqrt 3 ulp; rsqrt 2 ulp. */
static rounded root(rounded x)
{
    double v = sqrt(x.v);
    return (rounded){v, v - sqrt(fmax(0, x.v - x.e)) + 3 * clg_ulp(v)};
}

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
    return clg_rounded(log(clg_number_meant(b)), 0);
}

/* 1 - b^t = -expm1(t ln b) */
static rounded correction(float b, int t)
{
    rounded x = expm1_of(clg_times(clg_exactly(t), log_of(b)));
    return (rounded){-x.v, x.e};
}

/* m = b m + (1-b) x */
static rounded moved(rounded m, float b, rounded x)
{
    return clg_plus(clg_times(share(b), m), clg_times(rest(b), x));
}

/* v = momentum v + (1-dampening) g, at first v = g; w -= lr (nesterov ? g + momentum v : v) */
static void reference_sgd(struct element *e, const clg_optimizer_params *o)
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
static rounded asgd_rate(const struct element *e, const clg_optimizer_params *o)
{
    rounded rate = e->t == 1 ? e->lr : e->running, lambd = exact(o->lambd);
    rounded base = clg_plus(clg_exactly(1),
                            clg_times(clg_times(lambd, rate), clg_exactly(e->t - 1)));
    double v = pow(base.v, (double)o->alpha);
    double slope = (double)o->alpha * fmax(v / base.v, 1);
    return clg_over(rate, (rounded){v, slope * base.e * 1.01 + 16 * clg_ulp(v)});
}

static void reference_asgd(struct element *e, const clg_optimizer_params *o)
{
    rounded *ax = &e->state[0], eta = asgd_rate(e, o), g = with_decay(e);
    rounded kept = clg_minus(clg_exactly(1), clg_times(exact(o->lambd), eta));
    rounded mu = clg_over(clg_exactly(1), clg_exactly(fmax(1, e->t - 1 - (double)o->t0)));
    e->w = clg_minus(clg_times(kept, e->w), clg_times(eta, g));
    *ax = mu.v == 1 ? e->w : clg_plus(*ax, clg_times(mu, clg_minus(e->w, *ax)));
    e->running = e->lr;
}

/* s += g^2; w -= lr / (1 + (t-1) lr_decay) g / (sqrt(s) + eps) */
static void reference_adagrad(struct element *e, const clg_optimizer_params *o)
{
    rounded *s = &e->state[0], g = with_decay(e);
    rounded slower = clg_plus(clg_exactly(1),
                              clg_times(clg_exactly(e->t - 1), exact(o->lr_decay)));
    if (e->t == 1)
        *s = exact(o->initial_accumulator_value);
    *s = clg_plus(*s, clg_times(g, g));
    rounded below = clg_plus(root(*s), exact(o->eps));
    e->w = clg_minus(e->w, clg_over(clg_times(clg_over(e->lr, slower), g), below));
}

static void reference_rmsprop(struct element *e, const clg_optimizer_params *o)
{
    rounded *v = &e->state[0], *m = &e->state[1], *b = &e->state[2];
    rounded g = with_decay(e), spread;
    spread = *v = moved(*v, o->alpha, clg_times(g, g));
    if (o->centered) {
        *m = moved(*m, o->alpha, g);
        spread = clg_minus(*v, clg_times(*m, *m));
    }
    *b = clg_plus(clg_times(exact(o->momentum), *b),
                  clg_over(g, clg_plus(root(spread), exact(o->eps))));
    step_by(e, e->lr, *b);
}

/* d = sqrt(a + eps) / sqrt(v + eps) g */
static void reference_adadelta(struct element *e, const clg_optimizer_params *o)
{
    rounded *v = &e->state[0], *a = &e->state[1], g = with_decay(e), eps = exact(o->eps);
    *v = moved(*v, o->rho, clg_times(g, g));
    rounded d = clg_times(clg_over(root(clg_plus(*a, eps)), root(clg_plus(*v, eps))), g);
    *a = moved(*a, o->rho, clg_times(d, d));
    step_by(e, e->lr, d);
}

/* Nothing but sizes of steps rounds before the step. */
static void reference_rprop(struct element *e, const clg_optimizer_params *o)
{
    rounded *prev = &e->state[0], *size = &e->state[1];
    double turn = sign(e->g).v * sign(*prev).v;
    if (e->t == 1)
        *size = e->lr;
    if (turn != 0)
        *size = clg_times(*size, turn > 0 ? share(o->eta_plus) : share(o->eta_minus));
    size->v = fmin(fmax(size->v, (double)o->step_min), (double)o->step_max);
    *prev = turn < 0 ? clg_exactly(0) : e->g;
    step_by(e, sign(*prev), *size);
}

/* w -= rate * m / (sqrt(v / (1-b2^t)) + eps) */
static void adam_step(struct element *e, const clg_optimizer_params *o, rounded g)
{
    rounded *m = &e->state[0], *v = &e->state[1], *most = &e->state[2];
    *m = moved(*m, o->beta1, g);
    *v = moved(*v, o->beta2, clg_times(g, g));
    *most = larger(*most, *v);
    rounded below = clg_times(root(o->amsgrad ? *most : *v), inverse_root(correction(o->beta2, e->t)));
    rounded rate = clg_over(e->lr, correction(o->beta1, e->t));
    e->w = clg_minus(e->w, clg_over(clg_times(rate, *m), clg_plus(below, exact(o->eps))));
}

static void reference_adam(struct element *e, const clg_optimizer_params *o)
{
    adam_step(e, o, with_decay(e));
}

static void reference_adamw(struct element *e, const clg_optimizer_params *o)
{
    take_decay(e);
    adam_step(e, o, e->g);
}

static void reference_adamax(struct element *e, const clg_optimizer_params *o)
{
    rounded *m = &e->state[0], *u = &e->state[1], g = with_decay(e);
    *m = moved(*m, o->beta1, g);
    *u = larger(clg_times(share(o->beta2), *u),
                clg_plus((rounded){fabs(g.v), g.e}, exact(o->eps)));
    rounded rate = clg_over(e->lr, correction(o->beta1, e->t));
    e->w = clg_minus(e->w, clg_over(clg_times(rate, *m), *u));
}

/* b1 (1 - 0.96^(t momentum_decay) / 2) */
static rounded nadam_mu(const clg_optimizer_params *o, int t)
{
    rounded x = clg_times(clg_times(clg_rounded(log(0.96), 0), exact(o->momentum_decay)),
                          clg_exactly(t));
    rounded half = clg_times(clg_exactly(0.5), exp_of(x));
    return clg_times(share(o->beta1), clg_minus(clg_exactly(1), half));
}

/* lr a / (1-p) */
static rounded nadam_rate(const struct element *e, rounded a, rounded p)
{
    return clg_over(clg_times(e->lr, a), clg_minus(clg_exactly(1), p));
}

static void reference_nadam(struct element *e, const clg_optimizer_params *o)
{
    rounded *m = &e->state[0], *v = &e->state[1], g = with_decay(e);
    rounded mu = nadam_mu(o, e->t), next = nadam_mu(o, e->t + 1), *p = &e->running;
    *p = clg_times(e->t == 1 ? clg_exactly(1) : *p, mu);
    *m = moved(*m, o->beta1, g);
    *v = moved(*v, o->beta2, clg_times(g, g));
    rounded of_g = nadam_rate(e, clg_minus(clg_exactly(1), mu), *p);
    rounded of_mean = nadam_rate(e, next, clg_times(*p, next));
    rounded above = clg_plus(clg_times(of_g, g), clg_times(of_mean, *m));
    rounded below = clg_times(root(*v), inverse_root(correction(o->beta2, e->t)));
    e->w = clg_minus(e->w, clg_over(above, clg_plus(below, exact(o->eps))));
}

/* coth y - 1/y as cl/optim.clh has it: eight operations in a row of terms that shrink; tanh 5 ulp. */
static rounded langevin(rounded y)
{
    double v = 1 / tanh(y.v) - 1 / y.v;
    if (y.v < 0.5)
        return (rounded){v, y.e / 3 + 16 * CLG_ROUND * v + 1e-8 * v};
    double t = tanh(y.v);
    return clg_minus(clg_over(clg_exactly(1), (rounded){t, y.e * (1 - t * t) * 1.1 + 5 * clg_ulp(t)}),
                     clg_over(clg_exactly(1), y));
}

static rounded radam_length(rounded x, int t)
{
    rounded start = langevin(clg_times(clg_exactly(0.5), x)), n = clg_exactly(t);
    rounded tx = clg_times(n, x);
    if (tx.v < 2)
        return clg_plus(start,
                        clg_minus(n, clg_times(n, langevin(clg_times(clg_exactly(0.5), tx)))));
    rounded left = clg_over(clg_times(clg_exactly(2), n), expm1_of(tx));
    return clg_plus(start, clg_minus(clg_over(clg_exactly(2), x), left));
}

/* sqrt((l-4) (l-2) n / ((n-4) (n-2) l)) */
static rounded radam_factor(rounded l, rounded n)
{
    rounded two = clg_exactly(2), four = clg_exactly(4);
    rounded above = clg_times(clg_times(clg_minus(l, four), clg_minus(l, two)), n);
    return root(clg_over(above, clg_times(clg_times(clg_minus(n, four), clg_minus(n, two)), l)));
}

static void reference_radam(struct element *e, const clg_optimizer_params *o)
{
    rounded *m = &e->state[0], *v = &e->state[1], g = with_decay(e), x = log_of(o->beta2);
    x.v = -x.v;
    rounded n = clg_plus(langevin(clg_times(clg_exactly(0.5), x)), clg_over(clg_exactly(2), x));
    rounded l = radam_length(x, e->t), rate = clg_over(e->lr, correction(o->beta1, e->t));
    *m = moved(*m, o->beta1, g);
    *v = moved(*v, o->beta2, clg_times(g, g));
    if (l.v > 5) {
        rate = clg_times(rate, clg_times(radam_factor(l, n), root(correction(o->beta2, e->t))));
        rate = clg_over(rate, clg_plus(root(*v), exact(o->eps)));
    }
    step_by(e, rate, *m);
}

static void reference_lion(struct element *e, const clg_optimizer_params *o)
{
    rounded *m = &e->state[0];
    take_decay(e);
    step_by(e, e->lr, sign(moved(*m, o->beta1, e->g)));
    *m = moved(*m, o->beta2, e->g);
}

/* ---- a case ---- */

struct training {
    const char *name; /* the rule's */
    reference *rule;
    clg_optimizer_params params;
    bool group; /* b with a rate and decay of its own, a without decay */
    clg_optimizer *optimizer;
    clg_plan *plan;
    struct element element[PARAMETERS][LARGEST];
};

static clg_status make_optimizer(struct clg_trial *trial, struct training *t)
{
    static const char *const no_decay[] = {"a", NULL};
    t->params.no_decay = t->group ? no_decay : NULL;
    t->optimizer = clg_optimizer_create(trial->store, t->name, RATE, &t->params);
    if (!t->optimizer)
        return clg_error_status(trial->ctx);
    CLG_TRY(clg_optimizer_freeze(t->optimizer, "frozen"));
    bool decays = clg_rule_decays(t->optimizer->rule);
    const clg_optimizer_group group = {"b", RATE * GROUP_FACTOR, decays ? GROUP_DECAY : 0};
    return t->group ? clg_optimizer_add_group(t->optimizer, &group) : CLG_OK;
}

static clg_status make_plan(struct clg_trial *trial, struct training *t)
{
    clg_tensor line[PARAMETERS];
    clg_store_limit_chunks(trial->store, 256); /* two chunks at least */
    for (int p = 0; p < PARAMETERS; p++)
        line[p] = clg_trial_line(trial, names[p], sizes[p]);
    clg_tensor loss = clg_add(clg_add(line[A], line[B]), line[FROZEN]);
    CLG_TRY(make_optimizer(trial, t));
    CLG_TRY(clg_minimize(t->optimizer, loss));
    t->plan = clg_trial_compile(trial, 1, CLG_TRAIN);
    return t->plan ? CLG_OK : clg_error_status(trial->ctx);
}

/* The rate of a parameter in a step, and its decay: as patterns and set_lr() say. */
static void set_element(const struct training *t, int parameter, int step, struct element *e)
{
    double lr = (double)RATE * (step == STEPS ? (double)LAST_FACTOR : 1);
    double decay = (double)t->params.weight_decay;
    if (t->group && parameter == B) {
        lr *= (double)GROUP_FACTOR;
        decay = (double)GROUP_DECAY;
    } else if (t->group && parameter == A) {
        decay = 0;
    }
    e->lr = clg_exactly(lr);
    e->decay = clg_exactly(decay);
    e->t = step;
}

/* Gradients over six orders of magnitude. */
static clg_status write_slope(struct clg_trial *trial, struct training *t, int p, int step)
{
    float g[LARGEST];
    char slope[32];
    snprintf(slope, sizeof(slope), "%s.slope", names[p]);
    for (int64_t i = 0; i < sizes[p]; i++) {
        struct element *e = &t->element[p][i];
        g[i] = ldexpf(clg_trial_number(trial), -(int)(i % 20));
        e->g = clg_exactly((double)g[i]);
        set_element(t, p, step, e);
        if (p != FROZEN)
            t->rule(e, &t->params);
    }
    return clg_plan_write(t->plan, slope, g, (size_t)sizes[p] * sizeof(*g));
}

static clg_status read_start(struct clg_trial *trial, struct training *t)
{
    float w[LARGEST];
    for (int p = 0; p < PARAMETERS; p++) {
        CLG_TRY(clg_store_get(trial->store, names[p], w, (size_t)sizes[p] * sizeof(*w)));
        for (int64_t i = 0; i < sizes[p]; i++)
            t->element[p][i] = (struct element){.w = clg_exactly((double)w[i])};
    }
    return CLG_OK;
}

/* Where a state in use stands in the rule's list. */
static uint32_t place_of(const struct clg_optimizer *optimizer, uint32_t state)
{
    uint32_t place = 0;
    while (optimizer->rule->states[place] != optimizer->state[state])
        place++;
    return place;
}

static clg_status compare_state(struct clg_trial *trial, struct training *t, int p, uint32_t state)
{
    const struct clg_entry *entry =
        clg_store_get_entry(trial->store, clg_store_find(trial->store, names[p]));
    struct clg_buffer *buffer = t->optimizer->chunks.items[entry->chunk].state[state];
    struct clg_rounded want[LARGEST];
    float got[LARGEST];
    char where[64];
    CLG_TRY(clg_buffer_read(buffer, entry->offset * 4, got, (size_t)sizes[p] * 4));
    for (int64_t i = 0; i < sizes[p]; i++)
        want[i] = t->element[p][i].state[place_of(t->optimizer, state)];
    snprintf(where, sizeof(where), "%s of %s", t->optimizer->state[state], names[p]);
    clg_trial_values(trial, where, got, want, (size_t)sizes[p]);
    return CLG_OK;
}

static clg_status compare(struct clg_trial *trial, struct training *t)
{
    struct clg_rounded want[LARGEST];
    for (int p = 0; p < PARAMETERS; p++) {
        for (int64_t i = 0; i < sizes[p]; i++)
            want[i] = t->element[p][i].w;
        CLG_TRY(clg_trial_entry(trial, names[p], want, (size_t)sizes[p]));
        for (uint32_t s = 0; p != FROZEN && s < t->optimizer->states; s++)
            CLG_TRY(compare_state(trial, t, p, s));
    }
    return CLG_OK;
}

static clg_status run_case(struct clg_trial *trial, const char *what, struct training *t)
{
    CLG_TRY(clg_trial_case(trial, what));
    CLG_TRY(make_plan(trial, t));
    CLG_TRY(read_start(trial, t));
    for (int step = 1; step <= STEPS; step++) {
        if (step == STEPS)
            CLG_TRY(clg_optimizer_set_lr(t->optimizer, RATE * LAST_FACTOR));
        for (int p = 0; p < PARAMETERS; p++)
            CLG_TRY(write_slope(trial, t, p, step));
        CLG_TRY(clg_plan_step(t->plan));
        CLG_TRY(compare(trial, t));
    }
    return CLG_OK;
}

/* Another value than any default, within the range. */
static double other_value(enum clg_range range)
{
    static const double values[] = {[CLG_RANGE_SHARE] = 0.6,
                                    [CLG_RANGE_FACTOR] = 0.25,
                                    [CLG_RANGE_POSITIVE] = 0.125,
                                    [CLG_RANGE_DIVISOR] = 1e-3,
                                    [CLG_RANGE_SHRINKING] = 0.25,
                                    [CLG_RANGE_GROWING] = 1.5,
                                    [CLG_RANGE_COUNT] = 2,
                                    [CLG_RANGE_DECAY] = 0.0625,
                                    [CLG_RANGE_FLAG] = true};
    return values[range];
}

/* The defaults; then each option changed, with all before it in the rule's list but the flags; then all of
 * them in groups. */
static clg_status run_cases(struct clg_trial *trial, struct training *t)
{
    t->params = clg_optimizer_defaults(t->name);
    CLG_TRY(run_case(trial, "plain", t));
    for (const struct clg_number *n = clg_rule_find(t->name)->numbers; n->name; n++) {
        clg_number_set(n, &t->params, other_value(n->range));
        CLG_TRY(run_case(trial, n->name, t));
        if (n->range == CLG_RANGE_FLAG)
            clg_number_set(n, &t->params, false);
    }
    t->group = true;
    return run_case(trial, "a group, no_decay and a frozen parameter", t);
}

static clg_status check_rule(struct clg_trial *trial, const char *name, reference *rule)
{
    struct training *t = clg_new(trial->ctx, 1, sizeof(*t));
    clg_status status = CLG_ERR_MEMORY;
    if (t) {
        t->name = name;
        t->rule = rule;
        status = run_cases(trial, t);
    }
    clg_free(trial->ctx, t);
    return status;
}

#define RULE(rule, ...)                                                                            \
    clg_status clg_trial_optimizer_##rule(struct clg_trial *trial)                                 \
    {                                                                                              \
        return check_rule(trial, #rule, reference_##rule);                                         \
    }
#include "optim/optim.def"
#undef RULE
