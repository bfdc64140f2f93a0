/* What the passes of the compiler work on: a copy of the graph's nodes with numbers for shapes. */
#ifndef CLG_PLAN_IR_H
#define CLG_PLAN_IR_H

#include <clgrad/plan.h>
#include "ops/ops.h"

/* Memory that is freed all at once. failed stays true after memory was short: a pass may go on
 * without, the compile may not, for what it decides must not depend on that. */
struct clg_pool {
    struct clg_ctx *ctx;
    bool failed;
    CLG_VEC(void *) blocks;
};
void *clg_pool_new(struct clg_pool *pool, size_t count, size_t size); /* zeroed */
void clg_pool_finish(struct clg_pool *pool);

/* A generated elementwise kernel: members in order, each a macro call on externals and members. */
enum clg_operand_kind { CLG_OPERAND_EXTERNAL, CLG_OPERAND_MEMBER, CLG_OPERAND_NUMBER };
struct clg_operand {
    enum clg_operand_kind kind;
    uint32_t index;
};
struct clg_member {
    const struct clg_op *op;
    struct clg_operand in[4];
    float fill[4]; /* of operands that are one number everywhere */
    float p[4];    /* become arguments of the kernel, so that other numbers need no other kernel */
    uint32_t number; /* of a random op */
    int32_t output;  /* which output of the fused node it is, or -1 */
};
struct clg_fused {
    uint32_t count;
    struct clg_member *members;
};

struct clg_ir_node {
    const struct clg_op *op; /* NULL: fused */
    const char *name;
    uint32_t n_in, n_out;
    struct clg_ref *in;
    struct clg_type *out;
    const void *attr;
    struct clg_fused *fused;
    bool dead;
};

/* What a step must leave behind, and where. */
enum clg_root_kind { CLG_ROOT_OUTPUT, CLG_ROOT_LOSS, CLG_ROOT_GRADIENT, CLG_ROOT_STATE };
struct clg_root {
    enum clg_root_kind kind;
    const char *name; /* of an output */
    bool metric;
    int64_t entry; /* of a gradient or state */
    struct clg_ref ref;
};

struct clg_ir {
    struct clg_pool pool;
    struct clg_graph *graph;
    clg_mode mode;
    int64_t batch;
    bool fuse;
    CLG_VEC(struct clg_ir_node *) nodes;
    CLG_VEC(struct clg_root) roots;
    uint32_t *order; /* live nodes, producers first; set by clg_pass_order */
    uint32_t order_count;
};

/* Copies the graph for a batch size and a mode: what inference does not need is left out. outputs:
 * names to keep (NULL: all). */
clg_status clg_ir_build(struct clg_ir *ir, clg_graph *graph, int64_t batch, clg_mode mode,
                        const char *const *outputs);
/* The same for a single tensor (clg_eval). */
clg_status clg_ir_build_tensor(struct clg_ir *ir, clg_tensor t);
void clg_ir_finish(struct clg_ir *ir);

struct clg_ir_node *clg_ir_node(const struct clg_ir *ir, uint32_t index);
const struct clg_type *clg_ir_type(const struct clg_ir *ir, struct clg_ref ref);
/* The numbers p[] of an elementwise node that depend on its sizes. */
void clg_ir_numbers(const struct clg_ir *ir, const struct clg_ir_node *node, float p[4]);
/* Makes every reader of node `from` (all outputs) read `to` instead. */
void clg_ir_replace(struct clg_ir *ir, uint32_t from, struct clg_ref to);
/* How often each node is read, roots included: an array of nodes.count, from the pool. */
uint32_t *clg_ir_uses(struct clg_ir *ir);

/* The passes, in the order of clg_passes[] (compile.c). */
struct clg_pass {
    const char *name;
    clg_status (*run)(struct clg_ir *ir);
};
clg_status clg_pass_simplify(struct clg_ir *ir);  /* x * 1, constants of one number */
clg_status clg_pass_dead(struct clg_ir *ir);      /* what no root needs */
clg_status clg_pass_common(struct clg_ir *ir);    /* equal nodes become one */
clg_status clg_pass_keep(struct clg_ir *ir);      /* entries that are outputs are copied */
clg_status clg_pass_transpose(struct clg_ir *ir); /* transposes into flags of matrix products */
clg_status clg_pass_epilogue(struct clg_ir *ir);  /* bias and activation into matrix products */
clg_status clg_pass_sums(struct clg_ir *ir);      /* sums of an operand into its product */
clg_status clg_pass_fuse(struct clg_ir *ir);      /* elementwise chains into one node each */
clg_status clg_pass_order(struct clg_ir *ir);     /* producers first */

/* The launch of a fused node: generates its kernel (codegen.c). */
void clg_fused_lower(struct clg_lower *lower, const struct clg_fused *fused);

#endif
