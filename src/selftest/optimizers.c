/* Each optimizer for some steps, with each option of its entry: parameters and states against the formulas
 * of src/optim/optim.def, an element at a time. */
#include <math.h>
#include <stdio.h>
#include "selftest/optimizers.h"
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

/* ---- a case ---- */

struct training {
    const char *name; /* the rule's */
    clg_rule_reference *rule;
    clg_optimizer_params params;
    bool group; /* b with a rate and decay of its own, a without decay */
    clg_optimizer *optimizer;
    clg_plan *plan;
    struct clg_rule_element element[PARAMETERS][LARGEST];
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
static void set_element(const struct training *t, int parameter, int step, struct clg_rule_element *e)
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
        struct clg_rule_element *e = &t->element[p][i];
        g[i] = ldexpf(clg_trial_number(trial), -(int)(i % 20));
        e->g = clg_exactly((double)g[i]);
        set_element(t, p, step, e);
    }
    if (p != FROZEN)
        clg_rule_step(clg_rule_find(t->name), t->rule, t->element[p], (size_t)sizes[p], &t->params);
    return clg_plan_write(t->plan, slope, g, (size_t)sizes[p] * sizeof(*g));
}

static clg_status read_start(struct clg_trial *trial, struct training *t)
{
    float w[LARGEST];
    for (int p = 0; p < PARAMETERS; p++) {
        CLG_TRY(clg_store_get(trial->store, names[p], w, (size_t)sizes[p] * sizeof(*w)));
        for (int64_t i = 0; i < sizes[p]; i++)
            t->element[p][i] = (struct clg_rule_element){.w = clg_exactly((double)w[i])};
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

static clg_status check_rule(struct clg_trial *trial, const char *name, clg_rule_reference *rule)
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
        return check_rule(trial, #rule, clg_reference_##rule);                                         \
    }
#include "optim/optim.def"
#undef RULE
