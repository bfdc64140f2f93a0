/* clgrad/graph.h: graphs, shapes, tensors, gradients. */
#ifndef CLGRAD_GRAPH_H
#define CLGRAD_GRAPH_H

#include <clgrad/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A program in single-assignment form over the parameters of one store: built once, compiled for a
 * mode and a batch size. Child of the store. */
typedef struct clg_graph clg_graph;

/* A value in a graph: copied freely, owns nothing. What an op gives that was refused is invalid
 * (graph NULL), and an op that is given an invalid tensor returns one: check the last. */
typedef struct clg_tensor {
    clg_graph *graph;
    int32_t node, output;
} clg_tensor;

/* A new graph, or NULL. */
CLG_API clg_graph *clg_graph_create(clg_store *store);

/* Destroys the graph with its plans and sets the pointer to NULL. */
CLG_API void clg_graph_destroy(clg_graph **graph);

/* CLG_OK, or the status of the first op that was refused; its sentence is in clg_error(). */
CLG_API clg_status clg_graph_status(const clg_graph *graph);

/* Whether the tensor is one. */
CLG_API bool clg_tensor_valid(clg_tensor t);

/* Its shape and type; rank 0 and CLG_F32 for an invalid tensor. */
CLG_API clg_shape clg_tensor_shape(clg_tensor t);
CLG_API clg_dtype clg_tensor_dtype(clg_tensor t);

/* A value the application writes before a step. name: unique in the graph. */
CLG_API clg_tensor clg_input(clg_graph *graph, const char *name, clg_dtype type, clg_shape shape);

/* A constant of the type and shape, copied from data (row-major). No dimension may be a multiple of
 * the batch. */
CLG_API clg_tensor clg_constant(clg_graph *graph, clg_dtype type, clg_shape shape, const void *data);

/* A float32 tensor of the shape with one value everywhere. */
CLG_API clg_tensor clg_fill(clg_graph *graph, clg_shape shape, float value);

/* The parameter of the store with this name: made if it is new (and the store is not sealed), else
 * shared; another shape than it has is an error. */
CLG_API clg_tensor clg_parameter(clg_graph *graph, const char *name, clg_shape shape,
                                 const clg_init *init);

/* A state of the store: running statistics, carried hidden states. clg_minimize() does not train it and
 * the store keeps no gradient for it. */
CLG_API clg_tensor clg_state(clg_graph *graph, const char *name, clg_shape shape,
                             const clg_init *init);

typedef enum clg_when { CLG_WHEN_TRAINING, CLG_WHEN_ALWAYS } clg_when;

/* At the end of each step, writes value into the entry that `state` (from clg_state or clg_parameter)
 * names: running statistics, an average of weights. Shapes must be equal. In training it is skipped
 * while the step is flagged bad. A second one to the same entry of a graph is refused, and one to a
 * parameter that clg_minimize() updates there. */
CLG_API clg_status clg_assign(clg_tensor state, clg_tensor value, clg_when when);

/* Marks a tensor as readable after a step under a unique name, and returns it. */
CLG_API clg_tensor clg_output(clg_tensor t, const char *name);

/* Marks a scalar as a metric under a unique name, and returns it: each step adds value * batch on the
 * device; clg_plan_metric() gives the mean. A metric is an output too. */
CLG_API clg_tensor clg_metric(clg_tensor t, const char *name);

/* d loss / d wrt[i] for i < count into out[i], as new nodes of the graph (reverse mode; a wrt the loss
 * does not depend on gets zeros). wrt: any float32 tensors of the graph, states among them. loss must be a scalar. On failure every out[i] is invalid. */
CLG_API clg_status clg_grad(clg_tensor loss, const clg_tensor *wrt, size_t count, clg_tensor *out);

/* Compiles for inference what the tensor needs, runs it, and copies its value (size bytes, exactly)
 * to out. Leaves may be parameters, states and constants, and no dimension a multiple of the batch.
 * For learning, debugging and tests. */
CLG_API clg_status clg_eval(clg_tensor t, void *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
