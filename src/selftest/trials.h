/* Trials: what is between the ops, and the driver itself, checked on the device.
 *
 * A trial builds small graphs, steps them, and compares what the device has with what it computes
 * itself, in double precision on the host, with the error that float32 may have (rounded.h). */
#ifndef CLG_SELFTEST_TRIALS_H
#define CLG_SELFTEST_TRIALS_H

#include <clgrad/optim.h>
#include <clgrad/plan.h>
#include "selftest/rounded.h"
#include "selftest/selftest.h"

#define CLG_TRIAL_ARRAYS 4
/* Most numbers that are compared at once. */
#define CLG_TRIAL_MAX 256

struct clg_trial {
    struct clg_ctx *ctx;
    clg_device *device;
    struct clg_selftest_result *result;
    const char *what; /* the case at work, for sentences */
    clg_store *store; /* its store and graph, with all that is made of them */
    clg_graph *graph;
    clg_array *arrays[CLG_TRIAL_ARRAYS];
    uint32_t drawn; /* numbers of clg_trial_number() so far */
};

/* clg_trial_GROUP_NAME, for every entry of trials.def, and clg_trial_optimizer_RULE. */
#define TRIAL(group, name, proves) clg_status clg_trial_##group##_##name(struct clg_trial *trial);
#include "selftest/trials.def"
#undef TRIAL
#define RULE(name, ...) clg_status clg_trial_optimizer_##name(struct clg_trial *trial);
#include "optim/optim.def"
#undef RULE

/* Ends the case before, and begins one in a new store of a fixed seed. */
clg_status clg_trial_case(struct clg_trial *trial, const char *what);

/* The next of the case's numbers: a float32, uniform in [-1, 1). */
float clg_trial_number(struct clg_trial *trial);

/* A plan or an array that lives as long as the case; NULL on failure. */
clg_plan *clg_trial_compile(struct clg_trial *trial, int64_t batch, clg_mode mode);
clg_array *clg_trial_array(struct clg_trial *trial, clg_dtype type, int64_t rows, int64_t cols,
                           const void *data);

/* The scalar sum(p s): p a new parameter (count) of the store with values in [-1, 1), s the input
 * "NAME.slope". So the gradient of p is what the trial writes. */
clg_tensor clg_trial_line(struct clg_trial *trial, const char *name, int64_t count);

/* Records a mismatch of the case; the first sentence is kept. */
void clg_trial_fail(struct clg_trial *trial, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Compare what the device has with what it must have: a count; elements; a value of the store; a
 * gradient of it; an output of the plan. */
void clg_trial_count(struct clg_trial *trial, const char *where, uint64_t got, uint64_t want);
void clg_trial_values(struct clg_trial *trial, const char *where, const float *got,
                      const struct clg_rounded *want, size_t count);
clg_status clg_trial_entry(struct clg_trial *trial, const char *name,
                           const struct clg_rounded *want, size_t count);
clg_status clg_trial_gradient(struct clg_trial *trial, const char *name,
                              const struct clg_rounded *want, size_t count);
clg_status clg_trial_output(struct clg_trial *trial, clg_plan *plan, const char *name,
                            const struct clg_rounded *want, size_t count);

#endif
