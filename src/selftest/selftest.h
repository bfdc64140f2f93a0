/* Checks a device: every op's cases against the oracle, forward and gradient; what is between the
 * ops; the driver. */
#ifndef CLG_SELFTEST_SELFTEST_H
#define CLG_SELFTEST_SELFTEST_H

#include "ops/ops.h"

#define CLG_SELFTEST_MESSAGE 512

/* What became of one op on one device and form. The worst errors are in units of tolerance: over 1
 * is a failure, and so is a sentence in message (which tells the first). worst_rule: gradient rules
 * against differences of the oracle, in units of theirs. */
struct clg_selftest_result {
    const char *op;
    uint32_t cases;
    double worst_forward, worst_gradient, worst_rule;
    bool pass;
    bool fault; /* the driver computes wrong what clgrad's kernels avoid: message tells, pass stays */
    char message[CLG_SELFTEST_MESSAGE];
};

struct clg_cases;

/* An op in words and numbers. */
struct clg_selftest_description {
    uint32_t cases;
    const char *gradient; /* how often it can be differentiated, and is checked: none, once, twice */
    char shapes[CLG_SELFTEST_MESSAGE]; /* "(2, 3), (3) -> (2, 3)": of the first case's node */
    double ulps; /* its tolerance there: the largest, in units of 2^-23 of the largest value */
};
/* Makes the op's cases; nothing runs on the device. */
clg_status clg_selftest_describe(clg_device *device, const struct clg_op *op,
                                 struct clg_selftest_description *out);

/* Runs cases: those of an op, or any others under a name (then every node with a kernel of its own
 * is looked at alone, not the op's nodes only). small: without those that take an interpreter
 * minutes. A status other than CLG_OK: the device or memory failed, and the result says so too. */
clg_status clg_selftest_run(clg_device *device, const struct clg_op *op, bool small,
                            struct clg_selftest_result *result);
clg_status clg_selftest_cases(clg_device *device, const char *name,
                              void (*make)(struct clg_cases *cases),
                              struct clg_selftest_result *result);

/* Runs a training step of an op's cases in two stores: forward and gradients must have the same bits.
 * No oracle is asked. */
clg_status clg_selftest_repeat(clg_device *device, const struct clg_op *op, bool small,
                               struct clg_selftest_result *result);

/* What is between the ops, and the driver itself: trials.def. */
struct clg_trial;
struct clg_trial_entry {
    const char *name, *proves; /* "step.feed"; what, in words */
    clg_status (*run)(struct clg_trial *trial);
};
enum {
    CLG_TRIAL_COUNT = 0
#define TRIAL(group, name, proves) +1
#include "selftest/trials.def"
#undef TRIAL
#define RULE(...) +1
#include "optim/optim.def"
#undef RULE
};
extern const struct clg_trial_entry clg_trials[];
const struct clg_trial_entry *clg_trial_find(const char *name); /* NULL: none */

/* Runs a trial: reported like an op, under its name. */
clg_status clg_selftest_trial(clg_device *device, const struct clg_trial_entry *entry,
                              struct clg_selftest_result *result);

#endif
