/* Equal nodes become one. Random nodes are never equal. */
#include <string.h>
#include "base/hash.h"
#include "plan/ir.h"

static uint64_t node_hash(const struct clg_ir_node *node)
{
    uint64_t h = clg_hash_bytes(CLG_HASH_START, &node->op, sizeof(node->op));
    h = clg_hash_bytes(h, node->in, node->n_in * sizeof(*node->in));
    return clg_hash_bytes(h, node->attr, node->op->attr_size);
}

static bool equal(const struct clg_ir_node *a, const struct clg_ir_node *b)
{
    if (a->op != b->op || a->n_in != b->n_in || memcmp(a->in, b->in, a->n_in * sizeof(*a->in)))
        return false;
    if (a->op->attr_size && memcmp(a->attr, b->attr, a->op->attr_size))
        return false;
    for (uint32_t i = 0; i < a->n_out; i++)
        if (memcmp(&a->out[i].shape, &b->out[i].shape, sizeof(clg_shape)) ||
            a->out[i].dtype != b->out[i].dtype)
            return false;
    return true;
}

clg_status clg_pass_common(struct clg_ir *ir)
{
    size_t size = 64;
    while (size < 2 * ir->nodes.count)
        size *= 2;
    uint32_t *table = clg_pool_new(&ir->pool, size, sizeof(*table)); /* index + 1 */
    if (!table)
        return CLG_ERR_MEMORY;
    for (uint32_t i = 0; i < ir->nodes.count; i++) {
        struct clg_ir_node *node = clg_ir_node(ir, i);
        if (node->dead || (node->op->flags & CLG_OP_RANDOM) || node->op == CLG_OP(input))
            continue;
        size_t slot = node_hash(node) & (size - 1);
        while (table[slot] && !equal(clg_ir_node(ir, table[slot] - 1), node))
            slot = (slot + 1) & (size - 1);
        if (!table[slot]) {
            table[slot] = i + 1;
            continue;
        }
        uint32_t first = table[slot] - 1;
        for (uint32_t k = 0; k < ir->nodes.count; k++)
            for (uint32_t j = 0; j < clg_ir_node(ir, k)->n_in; j++)
                if (clg_ir_node(ir, k)->in[j].node == i)
                    clg_ir_node(ir, k)->in[j].node = first;
        for (size_t k = 0; k < ir->roots.count; k++)
            if (ir->roots.items[k].ref.node == i)
                ir->roots.items[k].ref.node = first;
        node->dead = true;
    }
    return CLG_OK;
}
