/* Evaluates a graph node by node with the oracle: forward and gradient graphs alike. */
#ifndef CLG_SELFTEST_EVALUATE_H
#define CLG_SELFTEST_EVALUATE_H

#include "selftest/oracle.h"

struct clg_evaluation {
    const clg_graph *graph;
    struct clg_ctx *ctx;
    int64_t batch;
    bool training;
    bool exact; /* errors stay 0: for differences of values */
    uint64_t seed, draw;
    double **leaf;                 /* per leaf node: its values; NULL for other nodes */
    struct clg_oracle_array **out; /* per node: an array per output, made when first evaluated */
};

/* A shape with the batch put in. */
clg_shape clg_resolve(const clg_shape *shape, int64_t batch);

/* Leaves get their values: constants and fills their own, entries those of the store, inputs zeros
 * that the caller overwrites. */
clg_status clg_evaluation_init(struct clg_evaluation *e, const clg_graph *graph, int64_t batch,
                               bool training);
void clg_evaluation_finish(struct clg_evaluation *e);

/* Marks in need (a flag per node, not cleared first) the nodes a tensor depends on. */
void clg_evaluation_need(const clg_graph *graph, struct clg_ref ref, bool *need);
/* Evaluates the marked nodes in the order they were built. */
clg_status clg_evaluation_run(struct clg_evaluation *e, const bool *need);

/* The array of an evaluated tensor. */
const struct clg_oracle_array *clg_evaluated(const struct clg_evaluation *e, clg_tensor t);

/* Calls the oracle of one op on inputs of the caller's; outputs are filled. Values over the largest
 * float become infinite, as a float32 result would. */
void clg_run_oracle(struct clg_oracle_call *call);

#endif
