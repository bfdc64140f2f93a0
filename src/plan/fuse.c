/* Elementwise chains become one kernel each.
 *
 * Nodes join the group of a node they read when both compute the same shape and no path leaves the
 * group and comes back (the group would wait for itself). dep[g] is the set of groups that group g
 * waits for, kept transitively closed while groups grow. */
#include <string.h>
#include "plan/ir.h"

/* MAX_ARGUMENTS: OpenCL promises 1024 bytes of kernel arguments. */
enum { MAX_MEMBERS = 32, MAX_EXTERNALS = 12, MAX_ARGUMENTS = 960, MAX_NODES = 16384 };

struct fusion {
    struct clg_ir *ir;
    uint32_t n, words; /* nodes; 64-bit words of a set */
    uint32_t *group;   /* of a node: the lowest node in it */
    uint32_t *size;    /* members of a group */
    uint64_t *dep;     /* n sets */
};

static bool in_set(const struct fusion *f, uint32_t set, uint32_t item)
{
    return f->dep[(size_t)set * f->words + item / 64] >> (item % 64) & 1;
}

static void unite(struct fusion *f, uint32_t to, uint32_t from)
{
    for (uint32_t w = 0; w < f->words; w++)
        f->dep[(size_t)to * f->words + w] |= f->dep[(size_t)from * f->words + w];
}

static bool fusable(const struct clg_ir_node *node)
{
    return !node->dead && node->op && (node->op->flags & CLG_OP_ELEMENTWISE);
}

static bool same_space(const struct clg_ir_node *a, const struct clg_ir_node *b)
{
    return a->out[0].shape.rank == b->out[0].shape.rank &&
           !memcmp(a->out[0].shape.dim, b->out[0].shape.dim,
                   (size_t)a->out[0].shape.rank * sizeof(a->out[0].shape.dim[0]));
}

/* Whether a group other than b that group a reads waits for b. */
static bool detour(const struct fusion *f, uint32_t a, uint32_t b)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (f->group[i] != a)
            continue;
        const struct clg_ir_node *node = clg_ir_node(f->ir, i);
        for (uint32_t k = 0; k < node->n_in; k++) {
            uint32_t g = f->group[node->in[k].node];
            if (g != a && g != b && in_set(f, g, b))
                return true;
        }
    }
    return false;
}

/* Whether the two groups together stay within what one kernel takes. */
static bool small_enough(const struct fusion *f, uint32_t a, uint32_t b)
{
    struct clg_ref seen[MAX_EXTERNALS];
    uint32_t count = 0;
    uint32_t members = f->size[a] + f->size[b];
    if (members > MAX_MEMBERS)
        return false;
    for (uint32_t i = 0; i < f->n; i++) {
        if (f->group[i] != a && f->group[i] != b)
            continue;
        const struct clg_ir_node *node = clg_ir_node(f->ir, i);
        for (uint32_t k = 0; k < node->n_in; k++) {
            uint32_t g = f->group[node->in[k].node], j = 0;
            if (g == a || g == b || clg_ir_node(f->ir, node->in[k].node)->op == CLG_OP(fill))
                continue;
            while (j < count &&
                   (seen[j].node != node->in[k].node || seen[j].output != node->in[k].output))
                j++;
            if (j == MAX_EXTERNALS)
                return false;
            if (j == count)
                seen[count++] = node->in[k];
        }
    }
    uint32_t rank = (uint32_t)clg_ir_node(f->ir, a)->out[0].shape.rank;
    return members * 24 + count * (16 + 4 * rank) + 4 * rank <= MAX_ARGUMENTS;
}

static void merge(struct fusion *f, uint32_t a, uint32_t b)
{
    uint32_t to = a < b ? a : b, from = a < b ? b : a;
    for (uint32_t i = 0; i < f->n; i++)
        if (f->group[i] == from)
            f->group[i] = to;
    f->size[to] += f->size[from];
    unite(f, to, from);
    for (uint32_t i = 0; i < f->n; i++)
        if (in_set(f, i, to) || in_set(f, i, from)) {
            f->dep[(size_t)i * f->words + to / 64] |= UINT64_C(1) << (to % 64);
            unite(f, i, to);
        }
    f->dep[(size_t)to * f->words + to / 64] &= ~(UINT64_C(1) << (to % 64));
    f->dep[(size_t)to * f->words + from / 64] &= ~(UINT64_C(1) << (from % 64));
}

static void join_producers(struct fusion *f, uint32_t index)
{
    const struct clg_ir_node *node = clg_ir_node(f->ir, index);
    for (uint32_t k = 0; k < node->n_in; k++) {
        uint32_t p = node->in[k].node, a = f->group[index], b = f->group[p];
        if (a != b && fusable(clg_ir_node(f->ir, p)) && same_space(node, clg_ir_node(f->ir, p)) &&
            !detour(f, a, b) && !detour(f, b, a) && small_enough(f, a, b))
            merge(f, a, b);
    }
}

static clg_status find_groups(struct fusion *f)
{
    struct clg_ir *ir = f->ir;
    f->n = (uint32_t)ir->nodes.count;
    f->words = (f->n + 63) / 64;
    f->group = clg_pool_new(&ir->pool, f->n, sizeof(*f->group));
    f->size = clg_pool_new(&ir->pool, f->n, sizeof(*f->size));
    bool whole = ir->fuse && f->n <= MAX_NODES;
    f->dep = clg_pool_new(&ir->pool, whole ? (size_t)f->n * f->words : 1, sizeof(*f->dep));
    if (!f->group || !f->size || !f->dep)
        return CLG_ERR_MEMORY;
    for (uint32_t i = 0; i < f->n; i++)
        f->group[i] = i, f->size[i] = 1;
    for (uint32_t at = 0; whole && at < ir->order_count; at++) {
        uint32_t i = ir->order[at];
        const struct clg_ir_node *node = clg_ir_node(ir, i);
        for (uint32_t k = 0; k < node->n_in; k++) {
            uint32_t g = f->group[node->in[k].node];
            f->dep[(size_t)i * f->words + g / 64] |= UINT64_C(1) << (g % 64);
            unite(f, i, g);
        }
        if (fusable(node))
            join_producers(f, i);
    }
    return CLG_OK;
}

/* ---- building the fused nodes ---- */

struct building {
    struct clg_ir *ir;
    struct clg_ir_node *node;
    struct clg_fused *fused;
    uint32_t *member; /* of an old node: index in the group */
};

static struct clg_operand external(struct building *b, struct clg_ref ref)
{
    uint32_t i = 0;
    while (i < b->node->n_in &&
           (b->node->in[i].node != ref.node || b->node->in[i].output != ref.output))
        i++;
    if (i == b->node->n_in)
        b->node->in[b->node->n_in++] = ref;
    return (struct clg_operand){CLG_OPERAND_EXTERNAL, i};
}

static void fill_numbers(const struct clg_ir *ir, const struct clg_ir_node *old,
                         struct clg_member *m)
{
    const struct clg_ew_attr *attr = old->attr;
    if (old->op->attr_size >= sizeof(*attr)) {
        memcpy(m->p, attr->p, sizeof(m->p));
        m->number = attr->number;
    }
    clg_ir_numbers(ir, old, m->p);
}

static void add_member(struct building *b, const struct fusion *f, uint32_t index)
{
    const struct clg_ir_node *old = clg_ir_node(b->ir, index);
    struct clg_member *m = &b->fused->members[b->fused->count];
    *m = (struct clg_member){.op = old->op, .output = -1};
    fill_numbers(b->ir, old, m);
    for (uint32_t k = 0; k < old->n_in; k++) {
        const struct clg_ir_node *in = clg_ir_node(b->ir, old->in[k].node);
        if (in->op == CLG_OP(fill)) {
            m->in[k] = (struct clg_operand){CLG_OPERAND_NUMBER, 0};
            m->fill[k] = ((const struct clg_fill_attr *)in->attr)->value;
        } else if (f->group[old->in[k].node] == f->group[index]) {
            m->in[k] = (struct clg_operand){CLG_OPERAND_MEMBER, b->member[old->in[k].node]};
        } else {
            m->in[k] = external(b, old->in[k]);
        }
    }
    b->member[index] = b->fused->count++;
}

/* Whether anything outside its group reads the node. */
static bool *outside_readers(struct clg_ir *ir, const struct fusion *f)
{
    bool *read = clg_pool_new(&ir->pool, f->n, sizeof(*read));
    for (uint32_t i = 0; read && i < f->n; i++) {
        const struct clg_ir_node *node = clg_ir_node(ir, i);
        for (uint32_t k = 0; k < node->n_in && !node->dead; k++)
            read[node->in[k].node] |= f->group[i] != f->group[node->in[k].node];
    }
    for (size_t i = 0; read && i < ir->roots.count; i++)
        read[ir->roots.items[i].ref.node] = true;
    return read;
}

static struct clg_ir_node *new_node(struct clg_ir *ir, uint32_t members,
                                    struct clg_fused **fused_out)
{
    struct clg_ir_node *node = clg_pool_new(&ir->pool, 1, sizeof(*node));
    struct clg_fused *fused = clg_pool_new(&ir->pool, 1, sizeof(*fused));
    if (!node || !fused)
        return NULL;
    node->in = clg_pool_new(&ir->pool, 4 * (size_t)members, sizeof(*node->in));
    node->out = clg_pool_new(&ir->pool, members, sizeof(*node->out));
    fused->members = clg_pool_new(&ir->pool, members, sizeof(*fused->members));
    if (!node->in || !node->out || !fused->members)
        return NULL;
    node->fused = *fused_out = fused;
    return node;
}

/* What the group's outputs become: readers of an old node read an output of the new one. */
struct moved {
    bool moved;
    struct clg_ref to;
};

static clg_status build_group(struct clg_ir *ir, const struct fusion *f, uint32_t group,
                              const bool *read, uint32_t *member, struct moved *moved)
{
    struct building b = {.ir = ir, .member = member};
    b.node = new_node(ir, f->size[group], &b.fused);
    struct clg_ir_node **slot = b.node ? CLG_PUSH(ir->pool.ctx, ir->nodes) : NULL;
    if (!slot)
        return CLG_ERR_MEMORY;
    *slot = b.node;
    for (uint32_t at = 0; at < ir->order_count; at++) {
        uint32_t i = ir->order[at];
        if (f->group[i] != group)
            continue;
        add_member(&b, f, i);
        struct clg_ir_node *old = clg_ir_node(ir, i);
        b.node->name = old->name ? old->name : b.node->name;
        if (read[i]) {
            b.fused->members[member[i]].output = (int32_t)b.node->n_out;
            moved[i] = (struct moved){true, {(uint32_t)ir->nodes.count - 1, b.node->n_out}};
            b.node->out[b.node->n_out++] = old->out[0];
        }
        old->dead = true;
    }
    return CLG_OK;
}

static void redirect(struct clg_ir *ir, const struct moved *moved, uint32_t n)
{
    for (size_t i = 0; i < ir->nodes.count; i++) {
        struct clg_ir_node *node = ir->nodes.items[i];
        for (uint32_t k = 0; k < node->n_in && !node->dead; k++)
            if (node->in[k].node < n && moved[node->in[k].node].moved)
                node->in[k] = moved[node->in[k].node].to;
    }
    for (size_t i = 0; i < ir->roots.count; i++)
        if (ir->roots.items[i].ref.node < n && moved[ir->roots.items[i].ref.node].moved)
            ir->roots.items[i].ref = moved[ir->roots.items[i].ref.node].to;
}

clg_status clg_pass_fuse(struct clg_ir *ir)
{
    CLG_TRY(clg_pass_order(ir));
    struct fusion f = {.ir = ir};
    CLG_TRY(find_groups(&f));
    bool *read = outside_readers(ir, &f);
    uint32_t *member = clg_pool_new(&ir->pool, f.n, sizeof(*member));
    struct moved *moved = clg_pool_new(&ir->pool, f.n, sizeof(*moved));
    if (!read || !member || !moved)
        return CLG_ERR_MEMORY;
    for (uint32_t i = 0; i < f.n; i++)
        if (f.group[i] == i && fusable(clg_ir_node(ir, i)))
            CLG_TRY(build_group(ir, &f, i, read, member, moved));
    redirect(ir, moved, f.n);
    return clg_pass_order(ir);
}
