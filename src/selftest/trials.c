/* The list of trials, and what they share. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/philox.h"
#include "selftest/suite.h"
#include "selftest/trials.h"

#define SEED 20261130

const struct clg_trial_entry clg_trials[] = {
#define TRIAL(group, name, proves) {#group "." #name, proves, clg_trial_##group##_##name},
#include "selftest/trials.def"
#undef TRIAL
#define RULE(name, doc, source, formula, ...) {"optimizer." #name, "eight steps with each option: " formula, clg_trial_optimizer_##name},
#include "optim/optim.def"
#undef RULE
};
_Static_assert(sizeof(clg_trials) / sizeof(*clg_trials) == CLG_TRIAL_COUNT, "a list of its own");

/* ---- cases ---- */

static void end_case(struct clg_trial *trial)
{
    clg_store_destroy(&trial->store);
    trial->graph = NULL;
    for (int i = 0; i < CLG_TRIAL_ARRAYS; i++)
        clg_array_destroy(&trial->arrays[i]);
}

clg_status clg_trial_case(struct clg_trial *trial, const char *what)
{
    end_case(trial);
    trial->what = what;
    trial->result->cases++;
    trial->store = clg_store_create(trial->device, SEED);
    trial->graph = clg_graph_create(trial->store);
    return trial->graph ? CLG_OK : clg_error_status(trial->ctx);
}

float clg_trial_number(struct clg_trial *trial)
{
    uint32_t words[4];
    clg_philox((uint32_t[]){trial->drawn++, 0, 0, 0}, (uint32_t[]){SEED, 0}, words);
    return 2 * clg_uniform(words[0]) - 1;
}

clg_plan *clg_trial_compile(struct clg_trial *trial, int64_t batch, clg_mode mode)
{
    return clg_compile(trial->graph, batch, mode, NULL);
}

clg_array *clg_trial_array(struct clg_trial *trial, clg_dtype type, int64_t rows, int64_t cols,
                           const void *data)
{
    clg_array **slot = trial->arrays;
    while (*slot)
        slot++;
    return *slot = clg_array_create(trial->device, type, rows, cols, data);
}

clg_tensor clg_trial_line(struct clg_trial *trial, const char *name, int64_t count)
{
    const clg_init init = {.scheme = CLG_INIT_UNIFORM, .a = -1, .b = 1};
    char slope[32];
    snprintf(slope, sizeof(slope), "%s.slope", name);
    clg_tensor p = clg_parameter(trial->graph, name, clg_shape1(count), &init);
    clg_tensor s = clg_input(trial->graph, slope, CLG_F32, clg_shape1(count));
    return clg_sum(clg_mul(p, s), NULL, 0, false);
}

/* ---- comparing ---- */

void clg_trial_fail(struct clg_trial *trial, const char *format, ...)
{
    struct clg_selftest_result *result = trial->result;
    va_list args;
    if (!result->pass)
        return;
    result->pass = false;
    int at = trial->what
                 ? snprintf(result->message, sizeof(result->message), "case '%s': ", trial->what)
                 : 0;
    va_start(args, format);
    vsnprintf(result->message + at, sizeof(result->message) - (size_t)at, format, args);
    va_end(args);
}

void clg_trial_count(struct clg_trial *trial, const char *where, uint64_t got, uint64_t want)
{
    if (got == want)
        return;
    trial->result->worst_forward = INFINITY;
    clg_trial_fail(trial, "%s: %llu, must be %llu", where, (unsigned long long)got,
                   (unsigned long long)want);
}

static void compare(struct clg_trial *trial, double *worst, const char *where, const float *got,
                    const struct clg_rounded *want, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double units = clg_error_units(want[i].v, want[i].e, got[i]);
        *worst = isnan(units) ? INFINITY : fmax(*worst, units);
        if (!(units <= 1))
            clg_trial_fail(trial, "%s: element %zu is %.10g, must be %.10g within %.3g", where, i,
                           (double)got[i], want[i].v, want[i].e);
    }
}

void clg_trial_values(struct clg_trial *trial, const char *where, const float *got,
                      const struct clg_rounded *want, size_t count)
{
    compare(trial, &trial->result->worst_forward, where, got, want, count);
}

clg_status clg_trial_entry(struct clg_trial *trial, const char *name,
                           const struct clg_rounded *want, size_t count)
{
    float got[CLG_TRIAL_MAX];
    CLG_TRY(clg_store_get(trial->store, name, got, count * sizeof(*got)));
    compare(trial, &trial->result->worst_forward, name, got, want, count);
    return CLG_OK;
}

clg_status clg_trial_gradient(struct clg_trial *trial, const char *name,
                              const struct clg_rounded *want, size_t count)
{
    float got[CLG_TRIAL_MAX];
    char where[64];
    snprintf(where, sizeof(where), "gradient of %s", name);
    CLG_TRY(clg_store_get_gradient(trial->store, name, got, count * sizeof(*got)));
    compare(trial, &trial->result->worst_gradient, where, got, want, count);
    return CLG_OK;
}

clg_status clg_trial_output(struct clg_trial *trial, clg_plan *plan, const char *name,
                            const struct clg_rounded *want, size_t count)
{
    float got[CLG_TRIAL_MAX];
    CLG_TRY(clg_plan_read(plan, name, got, count * sizeof(*got)));
    compare(trial, &trial->result->worst_forward, name, got, want, count);
    return CLG_OK;
}

/* ---- running ---- */

const struct clg_trial_entry *clg_trial_find(const char *name)
{
    for (size_t i = 0; i < CLG_TRIAL_COUNT; i++)
        if (!strcmp(clg_trials[i].name, name))
            return &clg_trials[i];
    return NULL;
}

clg_status clg_selftest_trial(clg_device *device, const struct clg_trial_entry *entry,
                              struct clg_selftest_result *result)
{
    struct clg_trial trial = {
        .ctx = clg_device_object(device)->ctx, .device = device, .result = result};
    *result = (struct clg_selftest_result){.op = entry->name, .pass = true};
    clg_status status = entry->run(&trial);
    if (status != CLG_OK)
        clg_trial_fail(&trial, "%s", clg_error(trial.ctx));
    end_case(&trial);
    return status;
}
