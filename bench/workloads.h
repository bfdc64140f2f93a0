/* The training steps that clgrad and its peers are compared by. */
#ifndef CLG_BENCH_WORKLOADS_H
#define CLG_BENCH_WORKLOADS_H

#include <clgrad/clgrad.h>

#define CLG_WORKLOAD_LAYERS 4

/* Linear layers with ReLU between them; cross-entropy over `out` classes, or the mean squared
 * error. */
struct clg_workload {
    const char *name;
    int64_t batch, in, out[CLG_WORKLOAD_LAYERS]; /* 0 ends */
    float dropout[CLG_WORKLOAD_LAYERS];          /* after a layer's ReLU; 0: none */
    const char *optimizer;
    float lr;
};

extern const struct clg_workload clg_workloads[];
extern const size_t clg_workload_count;
/* NULL: there is none of this name. */
const struct clg_workload *clg_workload_find(const char *name);

/* Whether the target is a class (int32) and not a number. */
bool clg_workload_classifies(const struct clg_workload *w);
size_t clg_workload_depth(const struct clg_workload *w);

/* The training graph, with inputs "x" (batch, in) and "y" (batch) or (batch, 1), output "loss", and
 * layers l0, l1, ... NULL on failure. */
clg_graph *clg_workload_build(const struct clg_workload *w, clg_store *store);

#endif
