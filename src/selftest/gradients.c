/* Gradients between backward and update: given or written by the application, clipped, added up. */
#include <math.h>
#include "selftest/trials.h"
#include "store/store.h"

enum { COUNT = 67 }; /* of a parameter: a segment and a bit */

#define RATE 0.5f

struct descent {
    clg_plan *plan;
    struct clg_rounded w[COUNT];
};

static clg_status begin(struct clg_trial *trial, struct descent *d)
{
    float values[COUNT];
    d->plan = clg_trial_compile(trial, 1, CLG_TRAIN);
    if (!d->plan)
        return clg_error_status(trial->ctx);
    CLG_TRY(clg_store_get(trial->store, "w", values, sizeof(values)));
    for (int i = 0; i < COUNT; i++)
        d->w[i] = clg_exactly((double)values[i]);
    return CLG_OK;
}

static void draw(struct clg_trial *trial, float values[COUNT])
{
    for (int i = 0; i < COUNT; i++)
        values[i] = clg_trial_number(trial);
}

/* w -= rate factor g, as the device must have it too. */
static clg_status descend(struct clg_trial *trial, struct descent *d, const float g[COUNT],
                          float factor)
{
    for (int i = 0; i < COUNT; i++) {
        struct clg_rounded scaled =
            clg_times(clg_exactly((double)g[i]), clg_exactly((double)factor));
        d->w[i] = clg_minus(d->w[i], clg_times(clg_exactly((double)RATE), scaled));
    }
    return clg_trial_entry(trial, "w", d->w, COUNT);
}

clg_status clg_trial_gradient_given(struct clg_trial *trial)
{
    const clg_init init = {.scheme = CLG_INIT_UNIFORM, .a = -1, .b = 1};
    struct descent d;
    float g[COUNT];
    CLG_TRY(clg_trial_case(trial, "twice what is written into an input"));
    clg_tensor w = clg_parameter(trial->graph, "w", clg_shape1(COUNT), &init);
    clg_tensor twice =
        clg_affine(clg_input(trial->graph, "g", CLG_F32, clg_shape1(COUNT)), 2, 0);
    clg_optimizer *sgd = clg_sgd_create(trial->store, RATE, NULL);
    CLG_TRY(clg_minimize_gradients(sgd, &w, &twice, 1));
    CLG_TRY(begin(trial, &d));
    for (int step = 0; step < 3; step++) {
        draw(trial, g);
        CLG_TRY(clg_plan_write(d.plan, "g", g, sizeof(g)));
        CLG_TRY(clg_plan_step(d.plan));
        CLG_TRY(descend(trial, &d, g, 2));
    }
    return CLG_OK;
}

clg_status clg_trial_gradient_written(struct clg_trial *trial)
{
    struct descent d;
    float g[COUNT];
    CLG_TRY(clg_trial_case(trial, "other gradients between backward and update"));
    clg_optimizer *sgd = clg_sgd_create(trial->store, RATE, NULL);
    CLG_TRY(clg_minimize(sgd, clg_trial_line(trial, "w", COUNT)));
    CLG_TRY(begin(trial, &d));
    for (int step = 0; step < 3; step++) {
        draw(trial, g);
        CLG_TRY(clg_plan_write(d.plan, "w.slope", g, sizeof(g)));
        CLG_TRY(clg_plan_backward(d.plan));
        draw(trial, g);
        CLG_TRY(clg_store_set_gradient(trial->store, "w", g, sizeof(g)));
        CLG_TRY(clg_plan_update(d.plan));
        CLG_TRY(descend(trial, &d, g, 1));
    }
    return CLG_OK;
}

/* ---- clipping ---- */

/* Two parameters of one optimizer in two chunks, and one of another optimizer beside the first. */
struct clipping {
    clg_optimizer *optimizer;
    clg_plan *plan;
    struct clg_rounded w[2][COUNT];
    float g[2][COUNT];
};

static const char *const clipped[2] = {"w", "v"};

static clg_status make(struct clg_trial *trial, const char *what, struct clipping *c)
{
    clg_optimizer_params params = clg_optimizer_defaults("sgd");
    CLG_TRY(clg_trial_case(trial, what));
    clg_store_limit_chunks(trial->store, 256);
    params.match = "?";
    c->optimizer = clg_sgd_create(trial->store, RATE, &params);
    return c->optimizer ? CLG_OK : clg_error_status(trial->ctx);
}

static clg_status compile(struct clg_trial *trial, struct clipping *c)
{
    clg_optimizer_params params = clg_optimizer_defaults("sgd");
    float values[COUNT];
    params.match = params.name = "other";
    clg_optimizer *other = clg_sgd_create(trial->store, RATE, &params);
    clg_tensor first = clg_trial_line(trial, "w", COUNT);
    CLG_TRY(clg_minimize(other, clg_trial_line(trial, "other", COUNT)));
    CLG_TRY(clg_minimize(c->optimizer, clg_add(first, clg_trial_line(trial, "v", COUNT))));
    c->plan = clg_trial_compile(trial, 1, CLG_TRAIN);
    if (!c->plan)
        return clg_error_status(trial->ctx);
    for (int k = 0; k < 2; k++) {
        CLG_TRY(clg_store_get(trial->store, clipped[k], values, sizeof(values)));
        for (int i = 0; i < COUNT; i++)
            c->w[k][i] = clg_exactly((double)values[i]);
    }
    return CLG_OK;
}

/* Forward and backward with gradients of this size; those of the other optimizer are large. */
static clg_status compute(struct clg_trial *trial, struct clipping *c, float size,
                          clg_status (*run)(clg_plan *plan))
{
    static const char *const inputs[2] = {"w.slope", "v.slope"};
    float others[COUNT];
    for (int i = 0; i < COUNT; i++) {
        c->g[0][i] = size * clg_trial_number(trial);
        c->g[1][i] = size * clg_trial_number(trial);
        others[i] = 100;
    }
    for (int k = 0; k < 2; k++)
        CLG_TRY(clg_plan_write(c->plan, inputs[k], c->g[k], sizeof(c->g[k])));
    CLG_TRY(clg_plan_write(c->plan, "other.slope", others, sizeof(others)));
    return run(c->plan);
}

static struct clg_rounded norm_of(const struct clipping *c)
{
    struct clg_rounded squares[2 * COUNT];
    for (int i = 0; i < 2 * COUNT; i++) {
        struct clg_rounded g = clg_exactly((double)c->g[i / COUNT][i % COUNT]);
        squares[i] = clg_times(g, g);
    }
    return clg_root_of(clg_sum_of(squares, 2 * COUNT));
}

/* w -= rate factor g, where the device must be. */
static clg_status apply(struct clg_trial *trial, struct clipping *c, struct clg_rounded factor)
{
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < COUNT; i++) {
            struct clg_rounded g = clg_times(clg_exactly((double)c->g[k][i]), factor);
            c->w[k][i] = clg_minus(c->w[k][i], clg_times(clg_exactly((double)RATE), g));
        }
        CLG_TRY(clg_trial_entry(trial, clipped[k], c->w[k], COUNT));
    }
    return CLG_OK;
}

static clg_status look_at_norm(struct clg_trial *trial, struct clipping *c, float most)
{
    struct clg_rounded norm = norm_of(c), factor = clg_exactly(1);
    float got;
    CLG_TRY(clg_optimizer_grad_norm(c->optimizer, &got));
    clg_trial_values(trial, "norm", &got, &norm, 1);
    if (norm.v > (double)most)
        factor = clg_over(clg_exactly((double)most),
                          clg_plus(norm, clg_exactly((double)1e-6f)));
    return apply(trial, c, factor);
}

clg_status clg_trial_gradient_clip_norm(struct clg_trial *trial)
{
    const float most = 1.25f, sizes[3] = {1, 0.01f, 1000};
    struct clipping c;
    CLG_TRY(make(trial, "norms above and below 1.25", &c));
    CLG_TRY(clg_optimizer_clip_norm(c.optimizer, most));
    CLG_TRY(compile(trial, &c));
    for (int step = 0; step < 3; step++) {
        CLG_TRY(compute(trial, &c, sizes[step], clg_plan_step));
        CLG_TRY(look_at_norm(trial, &c, most));
    }
    trial->what = "gradients that were written after backward";
    CLG_TRY(compute(trial, &c, 0.01f, clg_plan_backward));
    draw(trial, c.g[1]);
    CLG_TRY(clg_store_set_gradient(trial->store, "v", c.g[1], sizeof(c.g[1])));
    CLG_TRY(clg_plan_update(c.plan));
    CLG_TRY(look_at_norm(trial, &c, most));
    trial->what = "another maximum for the same plan";
    CLG_TRY(clg_optimizer_clip_norm(c.optimizer, 3));
    CLG_TRY(compute(trial, &c, 1, clg_plan_step));
    return look_at_norm(trial, &c, 3);
}

clg_status clg_trial_gradient_clip_value(struct clg_trial *trial)
{
    const float most = 0.25f;
    struct clipping c;
    CLG_TRY(make(trial, "within 0.25", &c));
    CLG_TRY(clg_optimizer_clip_value(c.optimizer, most));
    CLG_TRY(compile(trial, &c));
    for (int step = 0; step < 3; step++) {
        CLG_TRY(compute(trial, &c, 1, clg_plan_step));
        for (int i = 0; i < 2 * COUNT; i++) {
            float *g = &c.g[i / COUNT][i % COUNT];
            *g = fmaxf(fminf(*g, most), -most);
        }
        CLG_TRY(apply(trial, &c, clg_exactly(1)));
    }
    return CLG_OK;
}

/* ---- adding up ---- */

/* Means over as many batches. */
static clg_status step_over(struct clg_trial *trial, struct descent *d, int batches)
{
    struct clg_rounded g[COUNT];
    float slopes[COUNT];
    for (int i = 0; i < COUNT; i++)
        g[i] = clg_exactly(0);
    for (int b = 1; b <= batches; b++) {
        draw(trial, slopes);
        CLG_TRY(clg_plan_write(d->plan, "w.slope", slopes, sizeof(slopes)));
        CLG_TRY(b < batches ? clg_plan_accumulate(d->plan) : clg_plan_step(d->plan));
        for (int i = 0; i < COUNT; i++)
            g[i] = b == 1 ? clg_exactly((double)slopes[i])
                          : clg_plus(g[i], clg_exactly((double)slopes[i]));
    }
    for (int i = 0; i < COUNT; i++) {
        if (batches > 1)
            g[i] = clg_over(g[i], clg_exactly(batches));
        d->w[i] = clg_minus(d->w[i], clg_times(clg_exactly((double)RATE), g[i]));
    }
    CLG_TRY(clg_trial_gradient(trial, "w", g, COUNT));
    return clg_trial_entry(trial, "w", d->w, COUNT);
}

clg_status clg_trial_gradient_accumulate(struct clg_trial *trial)
{
    static const int batches[4] = {3, 1, 5, 2};
    struct descent d;
    clg_progress progress;
    CLG_TRY(clg_trial_case(trial, "means over 3, 1, 5 and 2 batches"));
    clg_optimizer *sgd = clg_sgd_create(trial->store, RATE, NULL);
    CLG_TRY(clg_optimizer_accumulate(sgd));
    CLG_TRY(clg_minimize(sgd, clg_trial_line(trial, "w", COUNT)));
    CLG_TRY(begin(trial, &d));
    for (int step = 0; step < 4; step++)
        CLG_TRY(step_over(trial, &d, batches[step]));
    CLG_TRY(clg_store_progress(trial->store, &progress));
    clg_trial_count(trial, "draws", progress.draws, 11);
    clg_trial_count(trial, "steps", progress.steps, 4);
    return CLG_OK;
}
