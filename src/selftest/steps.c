/* What a step does besides its ops: counters, random draws, metrics, assignments, gradients into the
 * store, batches that take turns, and replaying. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "optim/optim.h"
#include "selftest/trials.h"

/* ---- counters ---- */

struct counting {
    clg_optimizer *optimizer[2];
    clg_plan *plan;
};

static clg_status make_two(struct clg_trial *trial, struct counting *c)
{
    static const char *const rules[2] = {"sgd", "adam"}, *const names[2] = {"a", "b"};
    const float slope[3] = {0.5f, -1, 2};
    for (int i = 0; i < 2; i++) {
        clg_optimizer_params params = clg_optimizer_defaults(rules[i]);
        params.match = names[i];
        clg_tensor loss = clg_trial_line(trial, names[i], 3);
        c->optimizer[i] = clg_optimizer_create(trial->store, rules[i], 0.01f, &params);
        if (!c->optimizer[i])
            return clg_error_status(trial->ctx);
        CLG_TRY(clg_minimize(c->optimizer[i], loss));
    }
    c->plan = clg_trial_compile(trial, 1, CLG_TRAIN);
    if (!c->plan)
        return clg_error_status(trial->ctx);
    CLG_TRY(clg_plan_write(c->plan, "a.slope", slope, sizeof(slope)));
    return clg_plan_write(c->plan, "b.slope", slope, sizeof(slope));
}

static clg_status look_at_counters(struct clg_trial *trial, const struct counting *c,
                                   const char *when, uint64_t draws, uint32_t steps)
{
    uint32_t words[CLG_BLOCK_BYTES / 4];
    clg_progress progress;
    char where[80];
    CLG_TRY(clg_store_progress(trial->store, &progress));
    snprintf(where, sizeof(where), "draws %s", when);
    clg_trial_count(trial, where, progress.draws, draws);
    snprintf(where, sizeof(where), "steps %s", when);
    clg_trial_count(trial, where, progress.steps, steps);
    CLG_TRY(clg_buffer_read(clg_store_block(trial->store), 0, words, sizeof(words)));
    for (int i = 0; i < 2; i++) {
        snprintf(where, sizeof(where), "steps of optimizer %d %s", i, when);
        clg_trial_count(trial, where, words[CLG_PART(c->optimizer[i]->part) + CLG_PART_STEPS],
                        steps);
    }
    return CLG_OK;
}

/* The low word of the draws is full: the next draw carries into the high one. */
static clg_status carry_draws(struct clg_trial *trial, const struct counting *c, uint32_t steps)
{
    const uint32_t low = UINT32_MAX;
    CLG_TRY(clg_buffer_write(clg_store_block(trial->store), CLG_BLOCK_DRAW * 4, &low, sizeof(low)));
    CLG_TRY(clg_plan_step(c->plan));
    return look_at_counters(trial, c, "over 2^32 - 1", UINT64_C(1) << 32, steps + 1);
}

clg_status clg_trial_step_counters(struct clg_trial *trial)
{
    struct counting c;
    CLG_TRY(clg_trial_case(trial, "two optimizers"));
    CLG_TRY(make_two(trial, &c));
    for (uint32_t step = 1; step <= 3; step++) {
        char when[32];
        snprintf(when, sizeof(when), "after step %u", step);
        CLG_TRY(clg_plan_step(c.plan));
        CLG_TRY(look_at_counters(trial, &c, when, step, step));
    }
    CLG_TRY(clg_plan_backward(c.plan));
    CLG_TRY(look_at_counters(trial, &c, "between the halves of step 4", 4, 3));
    CLG_TRY(clg_plan_update(c.plan));
    CLG_TRY(look_at_counters(trial, &c, "after both", 4, 4));
    return carry_draws(trial, &c, 4);
}

/* ---- random numbers ---- */

enum { DRAWN = 131 };

/* Dropout of ones by a half gives 2 or 0. */
static clg_status look_at_draw(struct clg_trial *trial, clg_plan *plan, clg_tensor y, uint64_t draw)
{
    const struct clg_ew_attr *attr = clg_tensor_node(y)->attr;
    const struct clg_oracle_call call = {.seed = clg_store_seed(trial->store), .draw = draw};
    struct clg_rounded want[DRAWN];
    char what[32];
    for (int i = 0; i < DRAWN; i++)
        want[i] = clg_exactly(clg_uniform_at(&call, attr->number, i) >= 0.5 ? 2 : 0);
    CLG_TRY(clg_plan_step(plan));
    snprintf(what, sizeof(what), "draw %d", (int)draw);
    trial->what = what;
    clg_status status = clg_trial_output(trial, plan, "y", want, DRAWN);
    trial->what = "dropout";
    return status;
}

clg_status clg_trial_step_draws(struct clg_trial *trial)
{
    CLG_TRY(clg_trial_case(trial, "dropout"));
    clg_tensor y = clg_dropout(clg_fill(trial->graph, clg_shape1(DRAWN), 1), 0.5f);
    clg_output(y, "y");
    clg_plan *plan = clg_trial_compile(trial, 1, CLG_TRAIN);
    if (!plan)
        return clg_error_status(trial->ctx);
    for (uint64_t draw = 0; draw < 3; draw++)
        CLG_TRY(look_at_draw(trial, plan, y, draw));
    return CLG_OK;
}

/* ---- metrics ---- */

enum { COUNTED = 4 };

static clg_status look_at_metric(struct clg_trial *trial, clg_plan *plan, const char *name,
                                 double want, uint64_t want_count)
{
    double sum, count;
    char where[64];
    CLG_TRY(clg_plan_metric(plan, name, &sum, &count));
    if (sum != want) {
        trial->result->worst_forward = INFINITY;
        clg_trial_fail(trial, "sum of '%s' is %.10g, must be %.10g exactly", name, sum, want);
    }
    snprintf(where, sizeof(where), "samples of '%s'", name);
    clg_trial_count(trial, where, (uint64_t)count, want_count);
    return CLG_OK;
}

/* A step whose means are a and b. */
static clg_status step_with(clg_plan *plan, float a, float b)
{
    const float values[2][COUNTED] = {{a, a, a, a}, {b, b, b, b}};
    CLG_TRY(clg_plan_write(plan, "x", values[0], sizeof(values[0])));
    CLG_TRY(clg_plan_write(plan, "y", values[1], sizeof(values[1])));
    return clg_plan_step(plan);
}

/* 2^24 and three times 1: a float32 sum alone would stay at 2^24. */
static clg_status carry_sums(struct clg_trial *trial, clg_plan *plan)
{
    CLG_TRY(clg_plan_reset_metrics(plan));
    CLG_TRY(step_with(plan, 0x1p22f, 0));
    for (int i = 0; i < 3; i++)
        CLG_TRY(step_with(plan, 0.25f, 0));
    return look_at_metric(trial, plan, "first", 0x1p24 + 3, 4 * COUNTED);
}

static clg_status check_metrics(struct clg_trial *trial, const char *what, clg_mode mode)
{
    CLG_TRY(clg_trial_case(trial, what));
    clg_tensor x = clg_input(trial->graph, "x", CLG_F32, clg_shape1(CLG_BATCH));
    clg_tensor y = clg_input(trial->graph, "y", CLG_F32, clg_shape1(CLG_BATCH));
    clg_metric(clg_mean(x, NULL, 0, false), "first");
    clg_metric(clg_mean(y, NULL, 0, false), "second");
    clg_plan *plan = clg_trial_compile(trial, COUNTED, mode);
    if (!plan)
        return clg_error_status(trial->ctx);
    for (int step = 1, sum = 0; step <= 3; step++) {
        uint64_t samples = (uint64_t)step * COUNTED;
        sum += step;
        CLG_TRY(step_with(plan, 3.0f * (float)step, -7.0f * (float)step));
        CLG_TRY(look_at_metric(trial, plan, "first", 3 * COUNTED * sum, samples));
        CLG_TRY(look_at_metric(trial, plan, "second", -7 * COUNTED * sum, samples));
    }
    return carry_sums(trial, plan);
}

clg_status clg_trial_step_metrics(struct clg_trial *trial)
{
    CLG_TRY(check_metrics(trial, "in inference", CLG_INFER));
    return check_metrics(trial, "in training", CLG_TRAIN);
}

/* ---- assignments ---- */

enum { HELD = 5 };

static clg_tensor add_state(struct clg_trial *trial, const char *name, clg_tensor x, clg_when when)
{
    const clg_init zeros = {.scheme = CLG_INIT_ZEROS};
    clg_tensor state = clg_state(trial->graph, name, clg_shape1(HELD), &zeros);
    clg_assign(state, clg_add(state, x), when);
    return state;
}

struct held {
    double trained[HELD], always[HELD];
};

/* Three steps that add to both states, or to the second alone; outputs see states as they were. */
static clg_status count_up(struct clg_trial *trial, clg_plan *plan, struct held *held,
                           bool training)
{
    for (int step = 1; step <= 3; step++) {
        struct clg_rounded before[HELD], trained[HELD], always[HELD];
        float x[HELD];
        for (int i = 0; i < HELD; i++) {
            x[i] = (float)(step * (i + 1));
            before[i] = clg_exactly(held->always[i]);
            held->trained[i] += training ? (double)x[i] : 0;
            held->always[i] += (double)x[i];
            trained[i] = clg_exactly(held->trained[i]);
            always[i] = clg_exactly(held->always[i]);
        }
        CLG_TRY(clg_plan_write(plan, "x", x, sizeof(x)));
        CLG_TRY(clg_plan_step(plan));
        CLG_TRY(clg_trial_entry(trial, "trained", trained, HELD));
        CLG_TRY(clg_trial_entry(trial, "always", always, HELD));
        CLG_TRY(clg_trial_output(trial, plan, "before", before, HELD));
    }
    return CLG_OK;
}

clg_status clg_trial_step_assign(struct clg_trial *trial)
{
    struct held held = {{0}, {0}};
    CLG_TRY(clg_trial_case(trial, "two states"));
    clg_tensor x = clg_input(trial->graph, "x", CLG_F32, clg_shape1(HELD));
    add_state(trial, "trained", x, CLG_WHEN_TRAINING);
    clg_output(add_state(trial, "always", x, CLG_WHEN_ALWAYS), "before");
    clg_plan *train = clg_trial_compile(trial, 1, CLG_TRAIN);
    clg_plan *infer = train ? clg_trial_compile(trial, 1, CLG_INFER) : NULL;
    if (!infer)
        return clg_error_status(trial->ctx);
    CLG_TRY(count_up(trial, train, &held, true));
    CLG_TRY(count_up(trial, infer, &held, false));
    return count_up(trial, train, &held, true);
}

/* ---- numbers ---- */

/* Numbers of a step into an input and, for the reference, as they are. */
static clg_status write_numbers(struct clg_trial *trial, clg_plan *plan, const char *input,
                                struct clg_rounded *numbers, int count)
{
    float values[CLG_TRIAL_MAX];
    for (int i = 0; i < count; i++) {
        values[i] = clg_trial_number(trial);
        numbers[i] = clg_exactly((double)values[i]);
    }
    return clg_plan_write(plan, input, values, (size_t)count * sizeof(*values));
}

static clg_status read_numbers(struct clg_trial *trial, const char *name,
                               struct clg_rounded *numbers, int count)
{
    float values[CLG_TRIAL_MAX];
    CLG_TRY(clg_store_get(trial->store, name, values, (size_t)count * sizeof(*values)));
    for (int i = 0; i < count; i++)
        numbers[i] = clg_exactly((double)values[i]);
    return CLG_OK;
}

static clg_tensor uniform_parameter(struct clg_trial *trial, const char *name, clg_shape shape)
{
    const clg_init init = {.scheme = CLG_INIT_UNIFORM, .a = -1, .b = 1};
    return clg_parameter(trial->graph, name, shape, &init);
}

/* ---- a parameter that is used twice: gradients alone, at a rate of 0 ---- */

enum { N = 4, IN = 5, OUT = 3 };

static clg_status minimize(struct clg_trial *trial, clg_tensor loss, float lr)
{
    clg_optimizer *sgd = clg_sgd_create(trial->store, lr, NULL);
    return sgd ? clg_minimize(sgd, loss) : clg_error_status(trial->ctx);
}

/* sum((x w) c): the gradient of w is x^T c. */
static clg_tensor weighed(struct clg_trial *trial, clg_tensor w, const char *x, const char *c)
{
    clg_tensor in = clg_input(trial->graph, x, CLG_F32, clg_shape2(N, IN));
    clg_tensor weights = clg_input(trial->graph, c, CLG_F32, clg_shape2(N, OUT));
    return clg_sum(clg_mul(clg_matmul(in, w, false, false), weights), NULL, 0, false);
}

static clg_status step_shared(struct clg_trial *trial, clg_plan *plan)
{
    struct clg_rounded x[2][N * IN], c[2][N * OUT], want[IN * OUT];
    CLG_TRY(write_numbers(trial, plan, "x0", x[0], N * IN));
    CLG_TRY(write_numbers(trial, plan, "x1", x[1], N * IN));
    CLG_TRY(write_numbers(trial, plan, "c0", c[0], N * OUT));
    CLG_TRY(write_numbers(trial, plan, "c1", c[1], N * OUT));
    CLG_TRY(clg_plan_step(plan));
    for (int j = 0; j < IN; j++)
        for (int k = 0; k < OUT; k++) {
            struct clg_rounded terms[2][N];
            for (int i = 0; i < 2 * N; i++)
                terms[i / N][i % N] =
                    clg_times(x[i / N][i % N * IN + j], c[i / N][i % N * OUT + k]);
            want[j * OUT + k] = clg_plus(clg_sum_of(terms[0], N), clg_sum_of(terms[1], N));
        }
    return clg_trial_gradient(trial, "w", want, IN * OUT);
}

clg_status clg_trial_step_shared(struct clg_trial *trial)
{
    const float slope[IN] = {1, 2, 3, 4, 5};
    CLG_TRY(clg_trial_case(trial, "two products"));
    clg_tensor w = uniform_parameter(trial, "w", clg_shape2(IN, OUT));
    clg_tensor both = clg_add(weighed(trial, w, "x0", "c0"), weighed(trial, w, "x1", "c1"));
    CLG_TRY(minimize(trial, clg_add(both, clg_trial_line(trial, "other", IN)), 0));
    clg_plan *plan = clg_trial_compile(trial, 1, CLG_TRAIN);
    if (!plan)
        return clg_error_status(trial->ctx);
    CLG_TRY(clg_plan_write(plan, "other.slope", slope, sizeof(slope)));
    for (int step = 0; step < 3; step++)
        CLG_TRY(step_shared(trial, plan));
    return CLG_OK;
}

/* ---- steps of a linear regression: replayed, and by plans of two batches in turns ---- */

#define RATE 0.5f

struct regression {
    struct clg_rounded x[N * IN], t[N * OUT]; /* of the step: n rows */
    struct clg_rounded w[IN * OUT], b[OUT];
    int n;
};

/* d = x w + b - t, and mean(d^2). */
static struct clg_rounded forward(const struct regression *r, struct clg_rounded d[N * OUT])
{
    struct clg_rounded squares[N * OUT], terms[IN];
    for (int at = 0; at < r->n * OUT; at++) {
        int i = at / OUT, k = at % OUT;
        for (int j = 0; j < IN; j++)
            terms[j] = clg_times(r->x[i * IN + j], r->w[j * OUT + k]);
        d[at] = clg_minus(clg_plus(clg_sum_of(terms, IN), r->b[k]), r->t[at]);
        squares[at] = clg_times(d[at], d[at]);
    }
    return clg_over(clg_sum_of(squares, r->n * OUT), clg_exactly(r->n * OUT));
}

/* w -= rate x^T g, b -= rate sum(g), g = 2 d / (n OUT). */
static void descend(struct regression *r, const struct clg_rounded d[N * OUT])
{
    const struct clg_rounded rate = clg_exactly((double)RATE);
    const struct clg_rounded factor = clg_over(clg_exactly(2), clg_exactly(r->n * OUT));
    struct clg_rounded g[N * OUT], terms[N];
    for (int at = 0; at < r->n * OUT; at++)
        g[at] = clg_times(factor, d[at]);
    for (int at = 0; at < IN * OUT; at++) {
        for (int i = 0; i < r->n; i++)
            terms[i] = clg_times(r->x[i * IN + at / OUT], g[i * OUT + at % OUT]);
        r->w[at] = clg_minus(r->w[at], clg_times(rate, clg_sum_of(terms, r->n)));
    }
    for (int k = 0; k < OUT; k++) {
        for (int i = 0; i < r->n; i++)
            terms[i] = g[i * OUT + k];
        r->b[k] = clg_minus(r->b[k], clg_times(rate, clg_sum_of(terms, r->n)));
    }
}

/* A step of n rows; the plan's sum of n loss is *sum afterwards. */
static clg_status step_regression(struct clg_trial *trial, clg_plan *plan, struct regression *r,
                                  int n, struct clg_rounded *sum)
{
    struct clg_rounded d[N * OUT];
    double got, count;
    r->n = n;
    CLG_TRY(write_numbers(trial, plan, "x", r->x, n * IN));
    CLG_TRY(write_numbers(trial, plan, "t", r->t, n * OUT));
    CLG_TRY(clg_plan_step(plan));
    struct clg_rounded loss = forward(r, d);
    descend(r, d);
    *sum = clg_plus(*sum, clg_times(loss, clg_exactly(n)));
    CLG_TRY(clg_trial_output(trial, plan, "loss", &loss, 1));
    CLG_TRY(clg_trial_entry(trial, "w", r->w, IN * OUT));
    CLG_TRY(clg_trial_entry(trial, "b", r->b, OUT));
    CLG_TRY(clg_plan_metric(plan, "loss", &got, &count));
    clg_trial_values(trial, "sum of losses", (float[]){(float)got}, sum, 1);
    return CLG_OK;
}

/* Three steps with N rows, or the second with fewer by a plan of its own. */
static clg_status regress(struct clg_trial *trial, const char *what, int second)
{
    struct regression r;
    struct clg_rounded sums[2] = {{0, 0}, {0, 0}};
    CLG_TRY(clg_trial_case(trial, what));
    clg_tensor x = clg_input(trial->graph, "x", CLG_F32, clg_shape2(CLG_BATCH, IN));
    clg_tensor t = clg_input(trial->graph, "t", CLG_F32, clg_shape2(CLG_BATCH, OUT));
    clg_tensor w = uniform_parameter(trial, "w", clg_shape2(IN, OUT));
    clg_tensor y = clg_matmul(x, w, false, false);
    clg_tensor d = clg_sub(clg_add(y, uniform_parameter(trial, "b", clg_shape1(OUT))), t);
    CLG_TRY(minimize(trial, clg_metric(clg_mean(clg_square(d), NULL, 0, false), "loss"), RATE));
    clg_plan *full = clg_trial_compile(trial, N, CLG_TRAIN);
    clg_plan *other = full && second != N ? clg_trial_compile(trial, second, CLG_TRAIN) : full;
    if (!other)
        return clg_error_status(trial->ctx);
    CLG_TRY(read_numbers(trial, "w", r.w, IN * OUT));
    CLG_TRY(read_numbers(trial, "b", r.b, OUT));
    CLG_TRY(step_regression(trial, full, &r, N, &sums[0]));
    CLG_TRY(step_regression(trial, other, &r, second, &sums[other != full]));
    return step_regression(trial, full, &r, N, &sums[0]);
}

clg_status clg_trial_step_replay(struct clg_trial *trial)
{
    return regress(trial, "three steps of a linear regression", N);
}

clg_status clg_trial_step_batch(struct clg_trial *trial)
{
    return regress(trial, "batches of 4, 3 and 4 rows", N - 1);
}
