/* A bad step: one whose loss or update is not finite or whose index is out of range changes nothing, nor
 * does what follows, until it is forgotten. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "optim/optim.h"
#include "selftest/trials.h"

/* Two optimizers with a parameter each, in chunks of their own; a state; a metric. */
enum { COUNT = 67, CHUNKS = 8, FLOATS = 64 * 4, STATES = 2, ROWS = 7 };

struct gated {
    clg_optimizer *optimizer[2];
    clg_plan *plan;
};

/* Everything that a good step moves. */
struct everything {
    float value[CHUNKS][FLOATS];
    float state[2][CLG_RULE_STATES][CHUNKS][FLOATS];
    double sum, count;
};

static clg_status make_optimizers(struct clg_trial *trial, struct gated *g, clg_tensor loss)
{
    static const char *const rules[2] = {"adam", "sgd"}, *const names[2] = {"a", "b"};
    const float lr[2] = {0.25f, 4};
    for (int i = 0; i < 2; i++) {
        clg_optimizer_params params = clg_optimizer_defaults(rules[i]);
        params.match = names[i];
        params.momentum = 0.5f;
        g->optimizer[i] = clg_optimizer_create(trial->store, rules[i], lr[i], &params);
        if (!g->optimizer[i])
            return clg_error_status(trial->ctx);
        CLG_TRY(clg_minimize(g->optimizer[i], loss));
    }
    return CLG_OK;
}

static clg_status make(struct clg_trial *trial, const char *what, struct gated *g)
{
    const clg_init zeros = {.scheme = CLG_INIT_ZEROS};
    float table[ROWS] = {1, 2, 3, 4, 5, 6, 7};
    CLG_TRY(clg_trial_case(trial, what));
    clg_store_limit_chunks(trial->store, 128);
    clg_tensor loss = clg_add(clg_trial_line(trial, "a", COUNT), clg_trial_line(trial, "b", COUNT));
    clg_tensor rows = clg_input(trial->graph, "index", CLG_I32, clg_shape1(3));
    clg_tensor values = clg_constant(trial->graph, CLG_F32, clg_shape2(ROWS, 1), table);
    loss = clg_add(loss, clg_sum(clg_gather(values, rows), NULL, 0, false));
    clg_metric(loss, "loss");
    clg_tensor state = clg_state(trial->graph, "state", clg_shape1(COUNT), &zeros);
    clg_tensor ones = clg_fill(trial->graph, clg_shape1(COUNT), 1);
    CLG_TRY(clg_assign(state, clg_add(state, ones), CLG_WHEN_TRAINING));
    CLG_TRY(make_optimizers(trial, g, loss));
    g->plan = clg_trial_compile(trial, 2, CLG_TRAIN);
    return g->plan ? CLG_OK : clg_error_status(trial->ctx);
}

/* What a step is given: slopes of both parameters, the 5th of the first or second changed. */
static clg_status step(struct clg_trial *trial, struct gated *g, float a, float b, int32_t index)
{
    const int32_t rows[3] = {1, index, 3};
    float slopes[2][COUNT];
    for (int i = 0; i < COUNT; i++) {
        slopes[0][i] = clg_trial_number(trial);
        slopes[1][i] = clg_trial_number(trial);
    }
    slopes[0][5] = a;
    slopes[1][5] = b;
    CLG_TRY(clg_plan_write(g->plan, "a.slope", slopes[0], sizeof(slopes[0])));
    CLG_TRY(clg_plan_write(g->plan, "b.slope", slopes[1], sizeof(slopes[1])));
    CLG_TRY(clg_plan_write(g->plan, "index", rows, sizeof(rows)));
    return clg_plan_step(g->plan);
}

static clg_status read_chunk(struct clg_buffer *buffer, float to[FLOATS])
{
    size_t bytes = buffer ? clg_buffer_size(buffer) : 0;
    return bytes ? clg_buffer_read(buffer, 0, to, bytes < FLOATS * 4 ? bytes : FLOATS * 4) : CLG_OK;
}

static clg_status read_all(struct clg_trial *trial, const struct gated *g, struct everything *to)
{
    memset(to, 0, sizeof(*to));
    for (uint32_t c = 0; c < clg_store_chunks(trial->store) && c < CHUNKS; c++) {
        CLG_TRY(read_chunk(clg_store_chunk_value(trial->store, c).buffer, to->value[c]));
        for (int o = 0; o < 2; o++)
            for (uint32_t s = 0; s < g->optimizer[o]->states; s++)
                if (c < g->optimizer[o]->chunks.count)
                    CLG_TRY(read_chunk(g->optimizer[o]->chunks.items[c].state[s],
                                       to->state[o][s][c]));
    }
    return clg_plan_metric(g->plan, "loss", &to->sum, &to->count);
}

/* Whether the step before did (or did not) move parameters, both optimizers' states and the state; and,
 * counted, the metric. */
static void compare(struct clg_trial *trial, const char *when, const struct everything *before,
                    const struct everything *now, bool moves, bool counted)
{
    const struct part {
        const char *what;
        const void *before, *now;
        size_t bytes;
        bool moves;
    } parts[] = {
        {"parameters and states", before->value, now->value, sizeof(now->value), moves},
        {"the first optimizer's states", before->state[0], now->state[0], sizeof(now->state[0]),
         moves},
        {"the second optimizer's states", before->state[1], now->state[1], sizeof(now->state[1]),
         moves},
        {"the metric's sum", &before->sum, &now->sum, sizeof(now->sum), counted},
        {"the metric's count", &before->count, &now->count, sizeof(now->count), counted},
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (parts[i].moves == !memcmp(parts[i].before, parts[i].now, parts[i].bytes)) {
            trial->result->worst_forward = INFINITY;
            clg_trial_fail(trial, "%s: %s %s", when, parts[i].what,
                           parts[i].moves ? "did not move" : "moved");
        }
}

static clg_status look_at_progress(struct clg_trial *trial, const char *when,
                                   const clg_progress *want)
{
    clg_progress now;
    char where[96];
    CLG_TRY(clg_store_progress(trial->store, &now));
    const struct {
        const char *what;
        uint64_t got, want;
    } fields[] = {{"draws", now.draws, want->draws},
                  {"steps", now.steps, want->steps},
                  {"the first bad step", now.first_bad_step, want->first_bad_step},
                  {"a bad loss", now.bad_loss, want->bad_loss},
                  {"a bad update", now.bad_update, want->bad_update},
                  {"a bad index", now.bad_index, want->bad_index}};
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        snprintf(where, sizeof(where), "%s: %s", when, fields[i].what);
        clg_trial_count(trial, where, fields[i].got, fields[i].want);
    }
    return CLG_OK;
}

/* What makes the second step bad, and what is said of it. */
struct badness {
    const char *what;
    float a, b; /* slopes */
    int32_t index;
    clg_progress told;
};

/* The element with the slope in question becomes 0, so that the loss stays finite. */
static clg_status clear_element(struct clg_trial *trial, const char *name)
{
    float values[COUNT];
    CLG_TRY(clg_store_get(trial->store, name, values, sizeof(values)));
    values[5] = 0;
    return clg_store_set(trial->store, name, values, sizeof(values));
}

static clg_status check_with(struct clg_trial *trial, const struct badness *bad, struct gated *g,
                             struct everything all[2])
{
    clg_progress want = bad->told;
    CLG_TRY(make(trial, bad->what, g));
    CLG_TRY(read_all(trial, g, &all[0]));
    CLG_TRY(step(trial, g, 1, 1, 2));
    CLG_TRY(read_all(trial, g, &all[1]));
    compare(trial, "a good step", &all[0], &all[1], true, true);
    if (bad->told.bad_update) {
        CLG_TRY(clear_element(trial, "a"));
        CLG_TRY(clear_element(trial, "b"));
        CLG_TRY(read_all(trial, g, &all[1]));
    }
    CLG_TRY(step(trial, g, bad->a, bad->b, bad->index));
    CLG_TRY(read_all(trial, g, &all[0]));
    /* a loss that is finite was counted before its update was tried */
    compare(trial, "the bad step", &all[1], &all[0], false, want.bad_update);
    all[1] = all[0];
    want = (clg_progress){2, 1, 2, want.bad_loss, want.bad_update, want.bad_index};
    CLG_TRY(look_at_progress(trial, "after the bad step", &want));
    CLG_TRY(step(trial, g, 1, 1, 2));
    CLG_TRY(read_all(trial, g, &all[0]));
    compare(trial, "a good step after it", &all[1], &all[0], false, false);
    CLG_TRY(clg_store_clear_bad(trial->store));
    CLG_TRY(step(trial, g, 1, 1, 2));
    CLG_TRY(read_all(trial, g, &all[0]));
    compare(trial, "a step after it was forgotten", &all[1], &all[0], true, true);
    return look_at_progress(trial, "at the end", &(clg_progress){.draws = 4, .steps = 2});
}

static clg_status check(struct clg_trial *trial, const struct badness *bad)
{
    struct everything *all = clg_new(trial->ctx, 2, sizeof(*all));
    struct gated g;
    clg_status status = all ? check_with(trial, bad, &g, all) : CLG_ERR_MEMORY;
    clg_free(trial->ctx, all);
    return status;
}

clg_status clg_trial_step_gating(struct clg_trial *trial)
{
    const struct badness list[] = {
        {"a loss that is NaN", NAN, 1, 2, {.bad_loss = true}},
        {"a loss that is infinite", 1, -INFINITY, 2, {.bad_loss = true}},
        {"an index over the end", 1, 1, ROWS, {.bad_index = true}},
        {"an index below 0", 1, 1, -1, {.bad_index = true}},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        CLG_TRY(check(trial, &list[i]));
    return CLG_OK;
}

/* A gradient of 2^127: its square is the first optimizer's state, 4 times it is off the second's
 * parameter. */
clg_status clg_trial_step_bad_update(struct clg_trial *trial)
{
    const struct badness list[] = {
        {"a state of the first optimizer", 0x1p127f, 1, 2, {.bad_update = true}},
        {"a parameter of the second", 1, 0x1p127f, 2, {.bad_update = true}},
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        CLG_TRY(check(trial, &list[i]));
    return CLG_OK;
}

/* ---- skipped ---- */

/* A step that moves everything, or nothing but perhaps the metric. */
static clg_status step_and_look(struct clg_trial *trial, struct gated *g, struct everything all[2],
                                const struct badness *what, bool moves, bool counted)
{
    if (what->told.bad_update || moves) {
        CLG_TRY(clear_element(trial, "a"));
        CLG_TRY(clear_element(trial, "b"));
    }
    CLG_TRY(read_all(trial, g, &all[0]));
    CLG_TRY(step(trial, g, what->a, what->b, what->index));
    CLG_TRY(read_all(trial, g, &all[1]));
    compare(trial, what->what, &all[0], &all[1], moves, counted);
    return CLG_OK;
}

static clg_status skip_all(struct clg_trial *trial, struct gated *g, struct everything all[2])
{
    static const struct badness good = {"a good step", 1, 1, 2, {0}}, list[] = {
        {"a loss that is NaN", NAN, 1, 2, {.bad_loss = true}},
        {"an update that is not finite", 1, 0x1p127f, 2, {.bad_update = true}},
        {"an index over the end", 1, 1, ROWS, {.bad_index = true}},
    };
    const clg_progress want = {.draws = 7, .steps = 3, .first_bad_step = 2, .bad_loss = true};
    clg_progress now;
    CLG_TRY(make(trial, "bad steps between good ones", g));
    CLG_TRY(clg_store_on_bad_step(trial->store, CLG_BAD_SKIP));
    CLG_TRY(step_and_look(trial, g, all, &good, true, true));
    for (size_t i = 0; i < 3; i++) {
        CLG_TRY(step_and_look(trial, g, all, &list[i], false, list[i].told.bad_update));
        if (i < 2) /* and two bad ones in a row */
            CLG_TRY(step_and_look(trial, g, all, &good, true, true));
    }
    CLG_TRY(step_and_look(trial, g, all, &list[0], false, false));
    CLG_TRY(look_at_progress(trial, "at the end", &want));
    CLG_TRY(clg_store_progress(trial->store, &now));
    clg_trial_count(trial, "skipped", now.skipped, 4);
    return CLG_OK;
}

clg_status clg_trial_step_skip(struct clg_trial *trial)
{
    struct everything *all = clg_new(trial->ctx, 2, sizeof(*all));
    struct gated g;
    clg_status status = all ? skip_all(trial, &g, all) : CLG_ERR_MEMORY;
    clg_free(trial->ctx, all);
    return status;
}
