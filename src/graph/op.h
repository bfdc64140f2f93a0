/* What an op is: its entry in src/ops/ops.def comes down to this. */
#ifndef CLG_GRAPH_OP_H
#define CLG_GRAPH_OP_H

#include "graph/graph.h"

enum clg_op_flags {
    CLG_OP_ELEMENTWISE = 1, /* one line ew_NAME in cl/elementwise.clh; lowered by the fuser alone */
    CLG_OP_RANDOM = 2,      /* never merged with an equal node; ew_NAME gets a uniform number U */
    CLG_OP_ONCE = 4,        /* differentiable once */
    CLG_OP_CONSTANT = 8,    /* no gradient flows through it (argmax, accuracy) */
    CLG_OP_VIEW = 16,       /* the same memory in another shape (reshape) */
    CLG_OP_LEAF = 32,       /* input, parameter, state, constant, fill */
    CLG_OP_TRAINING = 64,   /* the identity on input 0 in inference (dropout) */
    CLG_OP_BY_MODE = 128,   /* with TRAINING: the identity on input 1 in training; never lowered */
    CLG_OP_IN_PLACE = 256,  /* output 0 may lie where an input of its shape does that nobody reads later */
};

/* A shape rule's view of the node being built. Fills out[]; on refusal calls clg_infer_fail. */
struct clg_infer {
    clg_graph *graph;
    const struct clg_op *op;
    const char *name;
    uint32_t n_in;
    const struct clg_type *in;
    void *attr;           /* may be completed (axes made positive) */
    struct clg_type *out; /* op->n_out; preset: float32 scalars */
    bool failed;
};
/* "OP 'NAME': " and the sentence. */
void clg_infer_fail(struct clg_infer *infer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A gradient rule's view: dy[i] is the gradient of output i, invalid where nothing flows. Sets dx[i]
 * (shape of input i exactly) for the inputs that need[i]; left invalid: no gradient. Builds nodes with
 * the public op functions. */
struct clg_gradient {
    clg_graph *graph;
    const struct clg_node *node;
    const void *attr;
    const clg_tensor *in, *out, *dy;
    const bool *need;
    clg_tensor *dx;
};

/* A lowering's view: everything has numbers for shapes; before placement buffers are NULL. */
struct clg_lower {
    struct clg_device *device;
    const struct clg_machine *machine;
    struct clg_launches *launches;
    const void *attr;
    const char *label; /* "softmax fc2" */
    uint32_t n_in, n_out;
    const struct clg_view *in;
    const struct clg_view *out; /* buffer NULL: not wanted */
    struct clg_view workspace;
    struct clg_buffer *block;   /* the step block: seed, draw, flags (a private one in inference) */
};

struct clg_op {
    const char *name, *family;
    uint32_t flags, min_in, max_in, n_out;
    size_t attr_size;
    uint32_t params;     /* elementwise: how many of p[] its line takes */
    const char *formula; /* for docs */
    void (*shape)(struct clg_infer *infer);
    void (*grad)(struct clg_gradient *g);             /* NULL: no gradient */
    size_t (*workspace)(const struct clg_lower *lower); /* bytes; NULL: none */
    void (*lower)(struct clg_lower *lower);           /* NULL: elementwise, view, leaf */
};

/* Elementwise ops are a macro each in cl/elementwise.clh: ew_NAME(T, a[, b], [U,] [p0, p1, ...]), where T is
 * float or a float vector, U (RANDOM ops) uniform numbers in [0, 1), p0 ... scalar floats. Arguments must
 * be names or literals: a macro uses them more than once. int32 inputs arrive as floats. Every input is
 * broadcast to the node's output, whose shape may be larger than that of any input (expand).
 *
 * Attributes of elementwise ops: numbers their line sees as p0, p1, ...; number: of a random node. */
struct clg_ew_attr {
    float p[4];
    uint32_t number;
    uint32_t dtype; /* clg_dtype of the result; 0: float32 */
};

#endif
