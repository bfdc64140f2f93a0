/* A plan as a drawing for Graphviz: a box a node of the plan, or a box a layer. What an output, the
 * loss or a state needs is the forward half; what gradients alone need is the backward half;
 * updates follow. */
#include <string.h>
#include "gemm/gemm.h"
#include "plan/plan.h"

/* A box of the drawing: one node, or the nodes of a layer in one of the halves. */
struct box {
    const char *layer; /* name, not terminated; NULL: the box of one node */
    size_t length;     /* of the name */
    bool backward;
    uint32_t first, last; /* of its nodes; the others follow by next[] */
};

struct drawing {
    struct clg_plan *plan;
    struct clg_text *text;
    struct clg_pool pool;
    bool *forward, *drawn; /* of a node */
    uint32_t *box;         /* of a drawn node: the box it is in */
    uint32_t *next;        /* of a drawn node: the next one in its box, or NONE */
    CLG_VEC(struct box) boxes;
    uint32_t *edge; /* of a box: the one to which the last edge from it goes */
};

#define NONE UINT32_MAX

static const char outside[] = "input", loss_layer[] = "loss";

/* ---- which half, which box ---- */

static struct clg_ir_node *node_at(const struct drawing *d, uint32_t index)
{
    return clg_ir_node(&d->plan->ir, index);
}

/* The node in whose memory a value lies: a reshape is not a step of its own. */
static uint32_t source(const struct drawing *d, struct clg_ref ref)
{
    while (node_at(d, ref.node)->op == CLG_OP(reshape))
        ref = node_at(d, ref.node)->in[0];
    return ref.node;
}

static bool is_leaf(const struct clg_ir_node *node)
{
    return node->op && (node->op->flags & CLG_OP_LEAF);
}

static void find_halves(struct drawing *d)
{
    const struct clg_ir *ir = &d->plan->ir;

    for (size_t i = 0; i < ir->roots.count; i++) {
        if (ir->roots.items[i].kind != CLG_ROOT_GRADIENT)
            d->forward[ir->roots.items[i].ref.node] = true;
        d->drawn[source(d, ir->roots.items[i].ref)] = true;
    }
    for (uint32_t at = ir->order_count; at-- > 0;) {
        const struct clg_ir_node *node = node_at(d, ir->order[at]);

        for (uint32_t k = 0; k < node->n_in && d->forward[ir->order[at]]; k++)
            d->forward[node->in[k].node] = true;
        d->drawn[ir->order[at]] |=
            node->op == CLG_OP(input) || (!is_leaf(node) && node->op != CLG_OP(reshape));
    }
}

static const char *entry_name(const struct drawing *d, const struct clg_ir_node *node)
{
    const struct clg_entry_attr *attr = node->attr;

    return node->op == CLG_OP(entry) ? clg_store_get_entry(d->plan->store, attr->entry)->name
                                     : NULL;
}

/* "block.0" of "block.0.weight". */
static size_t layer_length(const char *entry)
{
    const char *point = strrchr(entry, '.');

    return point ? (size_t)(point - entry) : strlen(entry);
}

/* The box of the layer, which is made where there is none yet; NONE: memory is short. */
static uint32_t find_box(struct drawing *d, const char *layer, size_t length, bool backward)
{
    struct box *box;

    for (uint32_t i = 0; layer && i < d->boxes.count; i++) {
        box = &d->boxes.items[i];
        if (box->backward == backward && box->length == length &&
            !memcmp(box->layer, layer, length))
            return i;
    }
    box = CLG_PUSH(d->plan->object.ctx, d->boxes);
    if (!box)
        return NONE;
    *box = (struct box){layer, length, backward, NONE, NONE};
    return (uint32_t)d->boxes.count - 1;
}

/* The parameter that tells the layer of a node: the one whose gradient it is, or one that it reads.
 */
static const char *telling_entry(const struct drawing *d, uint32_t index)
{
    const struct clg_ir *ir = &d->plan->ir;
    const struct clg_ir_node *node = node_at(d, index);
    const char *name = NULL;

    for (size_t i = 0; i < ir->roots.count; i++)
        if (ir->roots.items[i].kind == CLG_ROOT_GRADIENT &&
            source(d, ir->roots.items[i].ref) == index)
            return clg_store_get_entry(d->plan->store, ir->roots.items[i].entry)->name;
    for (uint32_t k = 0; k < node->n_in && !name; k++)
        name = entry_name(d, node_at(d, source(d, node->in[k])));
    return name;
}

/* Whether the node is a loss or another number for the application: no layer's. */
static bool gives_number(const struct drawing *d, uint32_t index)
{
    const struct clg_ir *ir = &d->plan->ir;

    for (size_t i = 0; i < ir->roots.count; i++)
        if (ir->roots.items[i].ref.node == index && ir->roots.items[i].kind <= CLG_ROOT_LOSS &&
            node_at(d, index)->out[ir->roots.items[i].ref.output].shape.rank == 0)
            return true;
    return false;
}

/* What has no parameter stands with the layer whose result it reads, in its own half if it can. */
static uint32_t box_of(struct drawing *d, uint32_t index)
{
    const struct clg_ir_node *node = node_at(d, index);
    const char *name = telling_entry(d, index);
    bool backward = !d->forward[index];
    const struct box *from = NULL;

    if (node->op == CLG_OP(input))
        return find_box(d, outside, strlen(outside), false);
    if (gives_number(d, index))
        return find_box(d, loss_layer, strlen(loss_layer), false);
    if (name)
        return find_box(d, name, layer_length(name), backward);
    for (uint32_t k = 0; k < node->n_in; k++) {
        uint32_t in = source(d, node->in[k]);

        if (d->drawn[in] && (!from || (from->backward != backward && !d->forward[in] == backward)))
            from = &d->boxes.items[d->box[in]];
    }
    return from ? find_box(d, from->layer, from->length, backward)
                : find_box(d, outside, strlen(outside), backward);
}

static void append(struct drawing *d, uint32_t index)
{
    struct box *box = &d->boxes.items[d->box[index]];

    *(box->first == NONE ? &box->first : &d->next[box->last]) = index;
    box->last = index;
    d->next[index] = NONE;
}

static clg_status find_boxes(struct drawing *d, bool layers)
{
    const struct clg_ir *ir = &d->plan->ir;

    for (uint32_t at = 0; at < ir->order_count; at++) {
        uint32_t i = ir->order[at];

        if (!d->drawn[i])
            continue;
        d->box[i] = layers ? box_of(d, i) : find_box(d, NULL, 0, !d->forward[i]);
        if (d->box[i] == NONE)
            return CLG_ERR_MEMORY;
        append(d, i);
    }
    d->edge = clg_pool_new(&d->pool, d->boxes.count, sizeof(*d->edge));
    return d->edge ? CLG_OK : CLG_ERR_MEMORY;
}

/* ---- words ---- */

static void add_quoted(struct clg_text *t, const char *s, size_t length)
{
    for (size_t i = 0; i < length && s[i]; i++)
        clg_text_add(t, s[i] == '"' || s[i] == '\\' ? "\\%c" : "%c", s[i]);
}

static void add_product(struct clg_text *t, const struct clg_matmul_attr *attr)
{
    static const char *const activations[] = {"", "+relu", "+sigmoid", "+tanh", "+relu_grad"};

    clg_text_add(t, "%s%s", attr->bias ? "+bias" : "", activations[attr->activation]);
    if (attr->transpose_a || attr->transpose_b)
        clg_text_add(t, " (a%s b%s)", attr->transpose_a ? "^T" : "", attr->transpose_b ? "^T" : "");
}

/* "matmul+bias+relu (a b^T)", with all that was fused. */
static void add_ops(struct clg_text *t, const struct clg_ir_node *node)
{
    for (uint32_t m = 0; node->fused && m < node->fused->count; m++)
        clg_text_add(t, "%s%s", m ? "+" : "", node->fused->members[m].op->name);
    if (node->fused)
        return;
    clg_text_add(t, "%s", node->op->name);
    if (node->op == CLG_OP(matmul) || node->op == CLG_OP(matmul_sums))
        add_product(t, node->attr);
}

/* "-> (256, 10) 10 KiB" */
static void add_results(const struct drawing *d, uint32_t index)
{
    const struct clg_ir_node *node = node_at(d, index);
    char shape[CLG_SHAPE_TEXT];

    for (uint32_t o = 0; o < node->n_out; o++)
        if (clg_plan_value(d->plan, (struct clg_ref){index, o})->read)
            clg_text_add(d->text, "\\n-> %s %lld KiB", clg_shape_text(&node->out[o].shape, shape),
                         (long long)(clg_shape_count(&node->out[o].shape) * 4 + 1023) / 1024);
}

/* "0.weight (256, 784)" of each entry it reads. */
static void add_entries(const struct drawing *d, const struct clg_ir_node *node)
{
    char shape[CLG_SHAPE_TEXT];

    for (uint32_t k = 0; k < node->n_in; k++) {
        const struct clg_ir_node *in = node_at(d, source(d, node->in[k]));
        const char *name = entry_name(d, in);

        if (!name)
            continue;
        clg_text_add(d->text, "\\n");
        add_quoted(d->text, name, strlen(name));
        clg_text_add(d->text, " %s", clg_shape_text(&in->out[0].shape, shape));
    }
}

/* "= d 0.weight" of each gradient that it gives, "= 1.running_mean" of each state. */
static void add_written(const struct drawing *d, uint32_t index)
{
    const struct clg_ir *ir = &d->plan->ir;

    for (size_t i = 0; i < ir->roots.count; i++) {
        const struct clg_root *root = &ir->roots.items[i];
        const char *name;

        if (root->kind < CLG_ROOT_GRADIENT || source(d, root->ref) != index)
            continue;
        name = clg_store_get_entry(d->plan->store, root->entry)->name;
        clg_text_add(d->text, "\\n= %s", root->kind == CLG_ROOT_GRADIENT ? "d " : "");
        add_quoted(d->text, name, strlen(name));
    }
}

static const char *color_of(const struct clg_ir_node *node)
{
    if (!node->op)
        return "#fff2cc";
    if (is_leaf(node))
        return node->op == CLG_OP(entry) ? "#d5e8d4" : "#dae8fc";
    return node->op == CLG_OP(matmul) || node->op == CLG_OP(matmul_sums) ? "#f8cecc" : "#ffffff";
}

/* ---- boxes ---- */

static void add_title(const struct drawing *d, uint32_t index)
{
    const struct clg_ir_node *node = node_at(d, index);
    const char *name = node->name ? node->name : entry_name(d, node);

    add_ops(d->text, node);
    if (name) {
        clg_text_add(d->text, " ");
        add_quoted(d->text, name, strlen(name));
    }
}

static void draw_node(const struct drawing *d, uint32_t index)
{
    const struct clg_ir_node *node = node_at(d, index);

    clg_text_add(d->text, "    b%u [fillcolor=\"%s\", label=\"", d->box[index], color_of(node));
    add_title(d, index);
    add_entries(d, node);
    add_results(d, index);
    add_written(d, index);
    clg_text_add(d->text, "\"];\n");
}

static int64_t largest_result(const struct drawing *d, uint32_t index)
{
    const struct clg_ir_node *node = node_at(d, index);
    int64_t most = 0;

    for (uint32_t o = 0; o < node->n_out; o++) {
        int64_t count = clg_shape_count(&node->out[o].shape);

        if (clg_plan_value(d->plan, (struct clg_ref){index, o})->read && count > most)
            most = count;
    }
    return most;
}

/* A line for each node, and the results of the one that gives most. */
static void draw_layer(const struct drawing *d, uint32_t box)
{
    const struct box *b = &d->boxes.items[box];
    uint32_t result = b->first;

    clg_text_add(d->text, "    b%u [fillcolor=\"%s\", label=\"", box,
                 b->layer == outside ? "#dae8fc" : "#ffffff");
    add_quoted(d->text, b->layer, b->length);
    for (uint32_t i = b->first; i != NONE; i = d->next[i]) {
        clg_text_add(d->text, "\\n");
        add_title(d, i);
        if (largest_result(d, i) >= largest_result(d, result))
            result = i;
    }
    add_results(d, result);
    clg_text_add(d->text, "\"];\n");
}

static void draw_half(const struct drawing *d, bool backward)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < d->boxes.count; i++)
        count += d->boxes.items[i].backward == backward;
    if (!count)
        return;
    clg_text_add(d->text, "  subgraph cluster_%s {\n    label=\"%s\";\n",
                 backward ? "backward" : "forward", backward ? "backward" : "forward");
    for (uint32_t i = 0; i < d->boxes.count; i++)
        if (d->boxes.items[i].backward == backward) {
            if (d->boxes.items[i].layer)
                draw_layer(d, i);
            else
                draw_node(d, d->boxes.items[i].first);
        }
    clg_text_add(d->text, "  }\n");
}

/* ---- edges ---- */

/* What backward reads of forward does not decide where boxes stand: both halves stay columns. */
static void draw_edge(const struct drawing *d, uint32_t from, uint32_t to)
{
    bool crosses = !d->boxes.items[from].backward && d->boxes.items[to].backward;

    if (from == to || d->edge[from] == to + 1)
        return;
    d->edge[from] = to + 1;
    clg_text_add(d->text, "  b%u -> b%u%s;\n", from, to,
                 crosses ? " [constraint=false, style=dashed, color=\"#999999\"]" : "");
}

static void draw_edges(const struct drawing *d)
{
    for (uint32_t box = 0; box < d->boxes.count; box++)
        for (uint32_t i = d->boxes.items[box].first; i != NONE; i = d->next[i])
            for (uint32_t k = 0; k < node_at(d, i)->n_in; k++) {
                uint32_t in = source(d, node_at(d, i)->in[k]);

                if (d->drawn[in])
                    draw_edge(d, d->box[in], box);
            }
}

static void draw_outputs(const struct drawing *d)
{
    const struct clg_ir *ir = &d->plan->ir;

    for (size_t i = 0; i < ir->roots.count; i++) {
        const struct clg_root *root = &ir->roots.items[i];

        if (root->kind != CLG_ROOT_OUTPUT)
            continue;
        clg_text_add(d->text, "  r%zu [shape=ellipse, fillcolor=\"#ffffff\", label=\"", i);
        add_quoted(d->text, root->name, strlen(root->name));
        clg_text_add(d->text, "\"];\n  b%u -> r%zu;\n", d->box[source(d, root->ref)], i);
    }
}

static bool updates(const struct clg_update *update, int64_t entry)
{
    for (size_t i = 0; i < update->count; i++)
        if (update->entries[i] == entry)
            return true;
    return false;
}

/* A box an optimizer, which reads the gradients of its parameters. */
static void draw_updates(const struct drawing *d)
{
    const struct clg_graph *graph = d->plan->graph;
    const struct clg_ir *ir = &d->plan->ir;

    for (size_t u = 0; u < d->plan->updates; u++) {
        const struct clg_update *update = &graph->updates.items[u];
        uint32_t seen = NONE; /* the box of the edge before */

        clg_text_add(d->text,
                     "  subgraph cluster_update%zu {\n    label=\"update\";\n    u%zu "
                     "[fillcolor=\"#e1d5e7\", label=\"",
                     u, u);
        add_quoted(d->text, update->name, strlen(update->name));
        clg_text_add(d->text, "\\n%zu parameter%s\"];\n  }\n", update->count,
                     update->count == 1 ? "" : "s");
        for (size_t i = 0; i < ir->roots.count; i++) {
            const struct clg_root *root = &ir->roots.items[i];
            uint32_t box = d->box[source(d, root->ref)];

            if (root->kind == CLG_ROOT_GRADIENT && box != seen && updates(update, root->entry)) {
                clg_text_add(d->text, "  b%u -> u%zu;\n", box, u);
                seen = box;
            }
        }
    }
}

/* ---- the whole ---- */

static void draw_head(const struct drawing *d, const clg_plan_report *r)
{
    clg_text_add(
        d->text,
        "digraph plan {\n  rankdir=TB;\n  labelloc=t;\n  node [shape=box, style=filled];\n"
        "  label=\"batch %lld: %u launches, %.3f GFLOP, scratch %llu bytes (bound %llu)\";\n",
        (long long)d->plan->ir.batch, r->launches, (double)r->flops * 1e-9,
        (unsigned long long)r->arena_bytes, (unsigned long long)r->arena_bound);
}

static clg_status draw(struct drawing *d, const clg_plan_report *report, bool layers)
{
    size_t count = d->plan->ir.nodes.count;

    d->forward = clg_pool_new(&d->pool, count, sizeof(*d->forward));
    d->drawn = clg_pool_new(&d->pool, count, sizeof(*d->drawn));
    d->box = clg_pool_new(&d->pool, count, sizeof(*d->box));
    d->next = clg_pool_new(&d->pool, count, sizeof(*d->next));
    if (!d->forward || !d->drawn || !d->box || !d->next)
        return CLG_ERR_MEMORY;
    find_halves(d);
    CLG_TRY(find_boxes(d, layers));
    draw_head(d, report);
    draw_half(d, false);
    draw_half(d, true);
    draw_outputs(d);
    draw_updates(d);
    draw_edges(d);
    clg_text_add(d->text, "}\n");
    return d->text->failed ? CLG_ERR_MEMORY : CLG_OK;
}

clg_status clg_plan_draw(clg_plan *plan, clg_drawing what, const char **text)
{
    struct drawing d = {.plan = plan};
    clg_plan_report report;
    clg_status status;

    if (!plan || !CLG_GIVEN(plan, text))
        return CLG_ERR_ARGUMENT;
    if (what != CLG_DRAW_LAUNCHES && what != CLG_DRAW_LAYERS)
        return clg_fail(
            plan->object.ctx, CLG_ERR_ARGUMENT,
            "plan_draw: the drawing is %d, must be CLG_DRAW_LAUNCHES or CLG_DRAW_LAYERS",
            (int)what);
    CLG_TRY(clg_plan_get_report(plan, &report));
    clg_text_finish(&plan->dot);
    plan->dot = (struct clg_text){.ctx = plan->object.ctx};
    d.text = &plan->dot;
    d.pool.ctx = plan->object.ctx;
    status = draw(&d, &report, what == CLG_DRAW_LAYERS);
    clg_free(plan->object.ctx, d.boxes.items);
    clg_pool_finish(&d.pool);
    if (status == CLG_OK)
        *text = plan->dot.data;
    return status;
}

clg_status clg_plan_dot(clg_plan *plan, const char **text)
{
    return plan && CLG_GIVEN(plan, text) ? clg_plan_draw(plan, CLG_DRAW_LAUNCHES, text)
                                         : CLG_ERR_ARGUMENT;
}
