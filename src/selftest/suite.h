/* The cases of one op while they are made and checked: inside of src/selftest. */
#ifndef CLG_SELFTEST_SUITE_H
#define CLG_SELFTEST_SUITE_H

#include <clgrad/plan.h>
#include "base/text.h"
#include "selftest/cases.h"
#include "selftest/evaluate.h"
#include "selftest/selftest.h"

struct clg_case_input {
    clg_tensor t;
    int64_t count;
    double *value; /* float32 or int32 values */
};

enum clg_case_kind { CLG_CASE_FORWARD, CLG_CASE_KINK, CLG_CASE_ONCE, CLG_CASE_TWICE };

/* A scalar of the case and its derivatives by the case's float inputs. */
struct clg_case_gradient {
    clg_tensor scalar;
    clg_tensor *by; /* one per input of the case; invalid for integers */
};

struct clg_case {
    char *what;
    enum clg_case_kind kind;
    clg_tensor y;
    size_t first, count;  /* of the suite's inputs; the weights are beyond them */
    size_t weights;       /* input that y is multiplied with */
    const double *slopes; /* of a case at a kink */
    uint32_t gradients;   /* how many of the next are there */
    struct clg_case_gradient gradient[2];
};

struct clg_selftest_result;

struct clg_cases {
    struct clg_ctx *ctx;
    clg_device *device;
    const struct clg_op *op; /* NULL: cases of more than one op */
    bool small;              /* without those that clg_case_large guards */
    clg_graph *graph;
    uint64_t stream;   /* of the numbers in inputs */
    size_t case_first; /* inputs of the case being made begin here */
    CLG_VEC(struct clg_case_input) inputs;
    CLG_VEC(struct clg_case) list;
    clg_status status; /* of memory and the device; a mismatch is in the result */
    struct clg_selftest_result *result;
};

/* Cases of an op, or others, in a new store that the caller destroys; and their end. */
struct clg_cases clg_suite_of(clg_device *device, const struct clg_op *op, bool small,
                              struct clg_selftest_result *result);
clg_status clg_suite_make(struct clg_cases *cases, clg_store **store,
                          void (*make)(struct clg_cases *cases));
void clg_suite_free(struct clg_cases *cases);

/* Records a mismatch; the first sentence is kept. */
void clg_suite_fail(struct clg_cases *cases, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for the names of inputs and outputs. */
#define CLG_CASE_NAME 48

/* Values of the inputs into an evaluation's leaves. */
void clg_suite_fill(const struct clg_cases *cases, struct clg_evaluation *e);

/* How far a result is from what it must be, in units of the tolerance. */
double clg_error_units(double want, double error, double got);

/* Compares a float32 or int32 array from the device with the oracle's; keeps the largest error, in
 * units of tolerance, in *worst. where: "case 'x', output 0". */
void clg_compare(struct clg_cases *cases, const struct clg_oracle_array *want, const void *got,
                 double *worst, const char *where);

/* Whether a plan of the mode computes the output: gradients are of training alone. */
bool clg_suite_wants(const struct clg_named *output, bool training);

/* A step of all cases in one plan that the caller destroys (in any case). */
clg_status clg_suite_step(struct clg_cases *cases, bool training, clg_plan **plan);

/* All nodes of the graph, evaluated for the mode. */
clg_status clg_suite_evaluate(struct clg_cases *cases, bool training, struct clg_evaluation *e);

/* The rules of gradients against central differences, in double precision on the host. values: the
 * evaluation for training. */
clg_status clg_check_differences(struct clg_cases *cases, const struct clg_evaluation *values);
/* Every node that has a kernel of its own, alone, between guard words. */
clg_status clg_check_guarded(struct clg_cases *cases, const struct clg_evaluation *values);
/* A whole plan in the mode of the evaluation. */
clg_status clg_check_plan(struct clg_cases *cases, const struct clg_evaluation *values);
/* A training step of the same cases in another store: the same bits. */
clg_status clg_check_repeated(struct clg_cases *cases, struct clg_cases *again);

#endif
