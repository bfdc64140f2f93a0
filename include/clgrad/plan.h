/* clgrad/plan.h: a graph compiled for a device, a batch size and a mode; steps. */
#ifndef CLGRAD_PLAN_H
#define CLGRAD_PLAN_H

#include <clgrad/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Launches in order, with their memory. Holds no training state: several plans of one store (a full
 * and a short batch, training and evaluation) take turns. Child of the graph. */
typedef struct clg_plan clg_plan;

/* CLG_TRAIN keeps gradients, updates, dropout; CLG_INFER drops them. */
typedef enum clg_mode { CLG_TRAIN, CLG_INFER } clg_mode;

typedef struct clg_plan_params {
    /* Outputs that can be read and metrics that add up, NULL at the end; default NULL: all. What the
     * mode keeps of gradients, updates and assignments is computed whatever is named here. */
    const char *const *outputs;
    bool fuse;                  /* default true; false: an elementwise op a kernel, for debugging */
} clg_plan_params;
CLG_API clg_plan_params clg_plan_defaults(void);

/* Compiles the graph. batch: what CLG_BATCH stands for, >= 1. NULL on failure: a refused op, something
 * that will not fit the device (said before anything is allocated), a kernel that does not build. */
CLG_API clg_plan *clg_compile(clg_graph *graph, int64_t batch, clg_mode mode,
                              const clg_plan_params *params);

/* What would lie on the device if this were compiled now: all that lies there, and what clg_compile()
 * would add. Allocates nothing there, and does not refuse what is too much. */
CLG_API clg_status clg_plan_estimate(clg_graph *graph, int64_t batch, clg_mode mode,
                                     const clg_plan_params *params, clg_memory *out);

CLG_API void clg_plan_destroy(clg_plan **plan);

/* Copies bytes (exactly the input's size) into an input; returns when data is no longer needed. */
CLG_API clg_status clg_plan_write(clg_plan *plan, const char *input, const void *data, size_t bytes);

typedef struct clg_feed_params {
    const clg_array *index; /* int32 (rows, 1): order of the samples; NULL: file order */
    float mean, std;        /* float inputs get (value - mean) / std; defaults 0 and 1 */
} clg_feed_params;
CLG_API clg_feed_params clg_feed_defaults(void);

/* From now on, each step first gathers the input from the rows of array: row index[cursor + i] (or
 * cursor + i) for sample i; afterwards the cursor moves on by the batch. cols is the input's size per
 * sample. Array and index are retained until the input is written, bound or fed anew. */
CLG_API clg_status clg_plan_feed(clg_plan *plan, const char *input, const clg_array *array,
                                 const clg_feed_params *params);

/* Sets the cursor: the first row of the next step. Rows past the end are clamped. */
CLG_API clg_status clg_plan_seek(clg_plan *plan, int64_t row);

/* A step: forward, backward, update; or forward alone in inference. Does not wait for the device. An
 * input that was neither written nor fed is an error that names it. A training step whose loss or
 * update is not finite changes no parameter and no state (clg_store_progress tells which it was). */
CLG_API clg_status clg_plan_step(clg_plan *plan);
/* The two halves of a training step: gradients are in the store after the first, which computes them
 * anew (they do not add up). Each update needs a backward of its own that succeeded: CLG_ERR_STATE
 * without one, and when another plan has computed one of the gradients since. */
CLG_API clg_status clg_plan_backward(clg_plan *plan);
CLG_API clg_status clg_plan_update(clg_plan *plan);

/* The first half for a batch whose gradients are to be added to those of the next ones: the next
 * clg_plan_backward() or clg_plan_step(), of any plan of the same optimizers, makes the gradients the mean
 * over its batch and all batches since the last update. So N - 1 calls and a step are a step with N times
 * the batch, when the loss is a mean and batches have one size; draws and metrics advance with each call,
 * steps are counted by update. CLG_ERR_STATE without clg_optimizer_accumulate(). A bad batch makes the
 * whole step a bad one. Loading a file and clg_store_clear_bad() forget the batches. */
CLG_API clg_status clg_plan_accumulate(clg_plan *plan);

/* Waits, and copies an output (bytes exactly its size) of the last step; CLG_ERR_STATE when there was
 * none, or it failed. */
CLG_API clg_status clg_plan_read(clg_plan *plan, const char *output, void *data, size_t bytes);

/* Waits, and gives a metric's sum of value * batch and of batch since the last reset; reset: starts
 * anew. Either out may be NULL. */
CLG_API clg_status clg_plan_metric(clg_plan *plan, const char *metric, double *sum, double *count);
CLG_API clg_status clg_plan_reset_metrics(clg_plan *plan);

/* What a metric has added up, as it lies on the device: for another process, which goes on from it with
 * the bits that this one would have had. */
typedef struct clg_metric_sum {
    float sum, carry; /* of value * batch; carry: what rounding has added too much (Kahan) */
    uint64_t count;   /* of batch */
} clg_metric_sum;
CLG_API clg_status clg_plan_get_metric(clg_plan *plan, const char *metric, clg_metric_sum *out);
CLG_API clg_status clg_plan_set_metric(clg_plan *plan, const char *metric,
                                       const clg_metric_sum *sum);

/* What was compiled. */
typedef struct clg_plan_report {
    uint64_t arena_bytes;  /* scratch memory of this plan */
    uint64_t arena_bound;  /* largest sum of live tensors, aligned, in the chosen order */
    uint64_t own_bytes;    /* inputs, outputs, constants */
    uint32_t launches;     /* kernels a step enqueues */
    uint32_t kernels;      /* different kernels built for it */
    uint32_t gemm_kernels; /* of these, matrix products */
    uint64_t flops, bytes; /* of a step: arithmetic, and memory read and written */
    clg_memory memory;     /* all that lies on the device now */
    const char *choices;   /* JSON object: what the plan decided (providers); belongs to the plan */
} clg_plan_report;
CLG_API clg_status clg_plan_get_report(const clg_plan *plan, clg_plan_report *out);

/* What is a box of a drawing: LAUNCHES a node of the plan, with all ops that were fused into it, its
 * parameters, shapes and bytes; LAYERS all nodes of a layer in a direction. A layer is what parameters
 * "LAYER.weight" have in common; what has none stands with the layer before it. */
typedef enum clg_drawing { CLG_DRAW_LAUNCHES, CLG_DRAW_LAYERS } clg_drawing;

/* The plan as a drawing in Graphviz's DOT language, the same for the same plan: what outputs, loss and
 * states need is grouped as forward, what gradients alone need as backward; the updates follow. *text
 * belongs to the plan, until the next drawing. */
CLG_API clg_status clg_plan_draw(clg_plan *plan, clg_drawing what, const char **text);
/* clg_plan_draw() of launches. */
CLG_API clg_status clg_plan_dot(clg_plan *plan, const char **text);

#ifdef __cplusplus
}
#endif
#endif
