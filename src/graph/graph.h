/* Nodes and graphs as the floors above see them. */
#ifndef CLG_GRAPH_GRAPH_H
#define CLG_GRAPH_GRAPH_H

#include <clgrad/graph.h>
#include "store/store.h"

struct clg_op;

/* One output of a node. */
struct clg_ref {
    uint32_t node, output;
};
struct clg_type {
    clg_dtype dtype;
    clg_shape shape;
};

/* A node: an op with inputs, attributes and the types of its outputs. Immutable once built. */
struct clg_node {
    const struct clg_op *op;
    uint32_t n_in, n_out;
    struct clg_ref *in;
    struct clg_type *out;
    void *attr; /* op->attr_size bytes, no padding garbage: compared bytewise */
    char *name; /* of a layer or input, for messages and drawings; may be NULL */
};

struct clg_named {
    char *name;
    struct clg_ref ref;
    bool metric;
};
struct clg_assignment {
    int64_t entry;
    bool gradient; /* into the entry's gradient; else its value */
    clg_when when;
    struct clg_ref value;
};

/* What an optimizer puts into a graph. A step checks all updates, merges the flags, and applies all or
 * none (cl/optim.clh). Before that gradients may be added up, or looked at as a whole (cl/gradient.cl). */
enum clg_update_pass {
    CLG_UPDATE_CHECK,
    CLG_UPDATE_APPLY,
    CLG_UPDATE_ADD,  /* this batch's gradients wait for those of the next */
    CLG_UPDATE_MEAN, /* gradients become the mean over those that wait, and themselves */
    CLG_UPDATE_NORM  /* sums of their squares */
};
struct clg_update {
    void *data;
    clg_status (*check)(const void *data);                           /* the optimizer is there */
    clg_status (*prepare)(void *data);                               /* allocates states */
    bool (*wants)(const void *data, enum clg_update_pass pass);      /* it has such launches */
    /* Adds the bytes that prepare is still to take; states: those of the optimizer too. */
    void (*measure)(const void *data, bool states, clg_memory *sum);
    void (*lower)(void *data, struct clg_launches *launches, enum clg_update_pass pass);
    char *name;       /* the optimizer's, for messages: a copy */
    int part;         /* of the step block, where its steps are counted */
    int64_t *entries; /* parameters it updates */
    size_t count;
};

struct clg_graph {
    struct clg_object object;
    struct clg_store *store;
    clg_status status; /* the first failure */
    char *error;       /* and its sentence */
    CLG_VEC(struct clg_node *) nodes;
    CLG_VEC(struct clg_named) outputs;
    CLG_VEC(struct clg_assignment) assigns;
    CLG_VEC(struct clg_update) updates;
    CLG_VEC(struct clg_ref) losses;   /* of clg_minimize: the check looks at these */
    struct clg_names {
        char **items;
        size_t count, capacity;
    } layers, shared;                 /* names in use; those that may be used again, once each */
    CLG_VEC(void *) blobs;            /* memory attributes point to; freed with the graph */
    uint32_t random_nodes;
};

/* Adds a node: checks the number of inputs, runs the op's shape rule, copies attr (op->attr_size bytes;
 * NULL: zeros). Returns output 0; clg_tensor_output() gives others. Any invalid input gives an invalid
 * tensor. */
clg_tensor clg_node_add(clg_graph *graph, const struct clg_op *op, const clg_tensor *in, uint32_t n_in,
                        const void *attr, const char *name);
/* The same for a leaf, whose type no rule can tell. */
clg_tensor clg_leaf_add(clg_graph *graph, const struct clg_op *op, const struct clg_type *type,
                        const void *attr, const char *name);
clg_tensor clg_tensor_output(clg_tensor t, uint32_t output);
struct clg_node *clg_tensor_node(clg_tensor t); /* NULL when invalid */
const struct clg_type *clg_tensor_type(clg_tensor t);

/* Records a graph's first failure (and the context's latest); returns an invalid tensor. */
clg_tensor clg_graph_fail(clg_graph *graph, clg_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What the graph assigns to an entry's value at the end of a step, or NULL; and the update that changes
 * it, or NULL. */
struct clg_assignment *clg_graph_find_assignment(const clg_graph *graph, int64_t entry);
const struct clg_update *clg_graph_find_update(const clg_graph *graph, int64_t entry);

/* A layer takes its name in this graph; false, and a failure, when it is taken already and not to be
 * shared. */
bool clg_graph_take_layer(clg_graph *graph, const char *name);
/* One more layer may take this name, which is taken. NULL: none may. */
clg_status clg_graph_share_layer(clg_graph *graph, const char *name);

#endif
