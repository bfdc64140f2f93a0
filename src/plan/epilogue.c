/* act(A B + bias) in one kernel: the addition and the activation that alone read a product move
 * into its store, and in the backward pass relu's gradient. */
#include <string.h>
#include "gemm/gemm.h"
#include "plan/ir.h"

/* The one reader of each node, or -1 where there are several, or a root is among them. */
static int64_t *sole_readers(struct clg_ir *ir)
{
    int64_t *reader = clg_pool_new(&ir->pool, ir->nodes.count, sizeof(*reader));
    uint32_t *uses = clg_ir_uses(ir);
    if (!reader || !uses)
        return NULL;
    for (size_t i = 0; i < ir->nodes.count; i++)
        reader[i] = -1;
    for (uint32_t i = 0; i < ir->nodes.count; i++) {
        const struct clg_ir_node *node = clg_ir_node(ir, i);
        for (uint32_t k = 0; k < node->n_in && !node->dead; k++)
            reader[node->in[k].node] = i;
    }
    for (size_t i = 0; i < ir->roots.count; i++)
        reader[ir->roots.items[i].ref.node] = -1;
    for (size_t i = 0; i < ir->nodes.count; i++)
        if (uses[i] != 1)
            reader[i] = -1;
    return reader;
}

static bool same_shape(const clg_shape *a, const clg_shape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof(a->dim[0]));
}

/* Whether the type is one row of n columns, to be added to each row of the product. */
static bool is_row(const struct clg_type *type, int64_t n)
{
    int rank = type->shape.rank;
    return type->dtype == CLG_F32 && rank >= 1 && type->shape.dim[rank - 1] == n &&
           clg_shape_count(&type->shape) == n;
}

static uint32_t activation_of(const struct clg_op *op)
{
    return op == CLG_OP(relu)      ? CLG_ACT_RELU
           : op == CLG_OP(sigmoid) ? CLG_ACT_SIGMOID
           : op == CLG_OP(tanh)    ? CLG_ACT_TANH
                                   : CLG_ACT_NONE;
}

/* The reader takes the product's place: it becomes the product. */
static void absorb(struct clg_ir_node *product, struct clg_ir_node *reader)
{
    reader->op = product->op;
    reader->in = product->in;
    reader->n_in = product->n_in;
    reader->attr = product->attr;
    if (!reader->name)
        reader->name = product->name;
    product->dead = true;
}

static bool add_operand(struct clg_ir *ir, struct clg_ir_node *product, struct clg_ref operand)
{
    struct clg_ref *in = clg_pool_new(&ir->pool, 3, sizeof(*in));
    if (!in)
        return false;
    memcpy(in, product->in, 2 * sizeof(*in));
    in[2] = operand;
    product->in = in;
    product->n_in = 3;
    return true;
}

static bool take_bias(struct clg_ir *ir, uint32_t index, int64_t reader)
{
    struct clg_ir_node *product = clg_ir_node(ir, index), *add = clg_ir_node(ir, (uint32_t)reader);
    struct clg_matmul_attr *attr = (struct clg_matmul_attr *)product->attr;
    const clg_shape *shape = &product->out[0].shape;
    if (add->op != CLG_OP(add) || attr->bias || !same_shape(shape, &add->out[0].shape))
        return false;
    struct clg_ref other = add->in[add->in[0].node == index ? 1 : 0];
    if (other.node == index || !is_row(clg_ir_type(ir, other), shape->dim[shape->rank - 1]))
        return false;
    if (!add_operand(ir, product, other))
        return false;
    attr->bias = 1;
    absorb(product, add);
    return true;
}

static bool take_activation(struct clg_ir *ir, uint32_t index, int64_t reader)
{
    struct clg_ir_node *product = clg_ir_node(ir, index), *act = clg_ir_node(ir, (uint32_t)reader);
    struct clg_matmul_attr *attr = (struct clg_matmul_attr *)product->attr;
    uint32_t activation = activation_of(act->op);
    if (activation == CLG_ACT_NONE || attr->activation != CLG_ACT_NONE)
        return false;
    attr->activation = activation;
    absorb(product, act);
    return true;
}

/* relu_grad(gate, product). */
static void take_gate(struct clg_ir *ir, uint32_t index, int64_t reader)
{
    struct clg_ir_node *product = clg_ir_node(ir, index), *grad = clg_ir_node(ir, (uint32_t)reader);
    struct clg_matmul_attr *attr = (struct clg_matmul_attr *)product->attr;
    if (grad->op != CLG_OP(relu_grad) || attr->bias || attr->activation != CLG_ACT_NONE ||
        grad->in[1].node != index ||
        !same_shape(&clg_ir_type(ir, grad->in[0])->shape, &product->out[0].shape))
        return;
    if (add_operand(ir, product, grad->in[0])) {
        attr->activation = CLG_ACT_GATE;
        absorb(product, grad);
    }
}

clg_status clg_pass_epilogue(struct clg_ir *ir)
{
    int64_t *reader = sole_readers(ir);
    if (!reader)
        return CLG_ERR_MEMORY;
    for (uint32_t i = 0; i < ir->nodes.count; i++) {
        if (clg_ir_node(ir, i)->dead || clg_ir_node(ir, i)->op != CLG_OP(matmul))
            continue;
        uint32_t at = i;
        if (reader[at] >= 0 && take_bias(ir, at, reader[at]))
            at = (uint32_t)reader[at];
        if (reader[at] >= 0 && !take_activation(ir, at, reader[at]))
            take_gate(ir, at, reader[at]);
    }
    return CLG_OK;
}
