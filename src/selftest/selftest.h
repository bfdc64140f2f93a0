/* Checks a device: every op's cases against the oracle, forward and gradient. */
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

/* Runs a small kernel that hands local memory to inlined functions: the promise all kernels of the
 * group form rest on. Reported like an op, under the name "local_memory". */
clg_status clg_selftest_local_memory(clg_device *device, struct clg_selftest_result *result);

#endif
