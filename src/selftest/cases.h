/* The cases of an op: small graphs on inputs that are the same on every run.
 *
 * An op NAME of ops.def has a function clg_cases_NAME here, or nothing links. It makes inputs,
 * builds the op on them with the public op functions (or clg_node_add for an op that has none), and
 * ends each case with one of the clg_check functions. All cases of an op share one graph, one plan
 * for inference and one for training; the batch is CLG_CASE_BATCH. */
#ifndef CLG_SELFTEST_CASES_H
#define CLG_SELFTEST_CASES_H

#include "ops/ops.h"

#define CLG_CASE_BATCH 3

struct clg_cases;

/* clg_cases_NAME, for every op. */
#define OP(name, ...) void clg_cases_##name(struct clg_cases *cases);
#include "ops/ops.def"
#undef OP

clg_graph *clg_case_graph(struct clg_cases *cases);

/* Whether cases of many operations are wanted: not when an interpreter runs them. */
bool clg_case_large(const struct clg_cases *cases);

/* Inputs of the case that is being made. Uniform float32 numbers in [low, high); those given (as
 * many as the shape has elements); integers in [0, limit). The shape may hold CLG_BATCH. */
clg_tensor clg_case_uniform(struct clg_cases *cases, clg_shape shape, double low, double high);
clg_tensor clg_case_values(struct clg_cases *cases, clg_shape shape, const float *values);
clg_tensor clg_case_integers(struct clg_cases *cases, clg_shape shape, int32_t limit);
clg_tensor clg_case_labels(struct clg_cases *cases, clg_shape shape, const int32_t *values);

/* Numbers whose running sum is off by far more than a promised sum's error: about equal, so that
 * its roundings add up. Of LONG of them, a prime, where clg_case_large says so. */
#define CLG_CASE_LONG 100003
clg_tensor clg_case_alike(struct clg_cases *cases, clg_shape shape);

/* Ends a case. what: a few words for messages.
 *
 * clg_check: every output of y's node; then the gradient of sum(y * w), w a fixed random tensor, to
 * every float32 input of the case: its graph in double precision against central differences of the
 * oracle (is the rule right?), and the device's against its graph in double precision.
 * clg_check_twice: the same, and again for the gradient's gradient.
 * clg_check_kink: as clg_check, but where there is no derivative: instead of differences, slopes
 * say what d y[i] / d x[i] is by definition; y and all float inputs have one shape, and the slopes
 * of the first input come first. They must outlive the suite (static). clg_check_forward: the
 * values alone, for ops without a gradient and for values such as NaN. */
void clg_check(struct clg_cases *cases, const char *what, clg_tensor y);
void clg_check_twice(struct clg_cases *cases, const char *what, clg_tensor y);
void clg_check_kink(struct clg_cases *cases, const char *what, clg_tensor y, const double *slopes);
void clg_check_forward(struct clg_cases *cases, const char *what, clg_tensor y);

#endif
