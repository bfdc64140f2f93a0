/* Gradients between backward and update: given or written by the application. */
#include <stdio.h>
#include "selftest/trials.h"

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
