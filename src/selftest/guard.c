/* Every node of the cases' op that has a kernel of its own runs alone, its tensors in buffers of
 * their own between guard words: a write outside of a tensor, an element left unwritten, and a
 * result that differs when an output is not wanted or when it runs again show here. */
#include <stdio.h>
#include <string.h>
#include "selftest/suite.h"

/* Around outputs and scratch memory, and in them: a NaN with a payload of its own, so that what is
 * left unwritten is seen. Around inputs a number, 123.456: what is computed from a NaN may be that
 * same NaN. */
#define GUARD       0x7fc5a5a5u
#define GUARD_INPUT 0x42f6e979u

/* Words before and after a tensor: as many as it has, so that a row too much stays inside, but
 * these at least and these at most. */
#define EDGE_LEAST 64u
#define EDGE_MOST  131072u

#define ALL UINT32_MAX

/* A tensor in a buffer of its own. */
struct guarded {
    struct clg_buffer *buffer;
    size_t first, count, words; /* the tensor, and all of the buffer, in words */
    uint32_t *host;             /* what the buffer must hold; of outputs the guards alone */
};

struct bench {
    struct clg_cases *cases;
    const struct clg_node *node;
    size_t index; /* of the node */
    struct clg_oracle_array *in, *out;
    struct clg_view *view; /* inputs, then outputs */
    struct guarded *guarded;
    struct guarded workspace;
    struct clg_buffer *block;
    struct clg_lower lower;
};

static clg_status guarded_init(struct bench *b, struct guarded *g, size_t count, uint32_t guard)
{
    size_t align = clg_device_machine(b->cases->device)->align / 4u;
    size_t edge = count < EDGE_LEAST ? EDGE_LEAST : count > EDGE_MOST ? EDGE_MOST : count;
    edge = align > 1 ? (edge + align - 1) / align * align : edge;
    *g = (struct guarded){.first = edge, .count = count, .words = edge + count + edge};
    g->host = clg_new(b->cases->ctx, g->words, sizeof(*g->host));
    for (size_t i = 0; g->host && i < g->words; i++)
        g->host[i] = guard;
    g->buffer = g->host ? clg_buffer_create(b->cases->device, g->words * 4) : NULL;
    return g->buffer ? CLG_OK : clg_error_status(b->cases->ctx);
}

static void guarded_finish(struct bench *b, struct guarded *g)
{
    clg_buffer_destroy(g->buffer);
    clg_free(b->cases->ctx, g->host);
}

static clg_status upload(const struct guarded *g)
{
    return clg_buffer_write(g->buffer, 0, g->host, g->words * 4);
}

static void put(const struct clg_oracle_array *array, uint32_t *words)
{
    for (int64_t i = 0; i < array->count; i++) {
        float number = (float)array->value[i];
        int32_t integer = array->dtype == CLG_I32 ? (int32_t)array->value[i] : 0;
        memcpy(&words[i], array->dtype == CLG_I32 ? (void *)&integer : (void *)&number, 4);
    }
}

static clg_status array_init(struct clg_ctx *ctx, struct clg_oracle_array *array,
                             const struct clg_oracle_array *like)
{
    *array = *like;
    array->value = clg_new(ctx, (size_t)like->count, sizeof(double));
    array->error = clg_new(ctx, (size_t)like->count, sizeof(double));
    return array->value && array->error ? CLG_OK : CLG_ERR_MEMORY;
}

/* What a float32 device is given: the values rounded, without error. */
static void round_values(struct clg_oracle_array *array, const struct clg_oracle_array *from)
{
    for (int64_t i = 0; i < from->count; i++)
        array->value[i] = from->dtype == CLG_F32 ? (float)from->value[i] : from->value[i];
}

static clg_status bench_arrays(struct bench *b, const struct clg_evaluation *values)
{
    const struct clg_node *node = b->node;
    struct clg_ctx *ctx = b->cases->ctx;
    for (uint32_t i = 0; i < node->n_in; i++) {
        const struct clg_oracle_array *from = &values->out[node->in[i].node][node->in[i].output];
        CLG_TRY(array_init(ctx, &b->in[i], from));
        round_values(&b->in[i], from);
    }
    for (uint32_t o = 0; o < node->n_out; o++)
        CLG_TRY(array_init(ctx, &b->out[o], &values->out[b->index][o]));
    struct clg_oracle_call call = {.ctx = ctx,
                                   .op = node->op,
                                   .attr = node->attr,
                                   .n_in = node->n_in,
                                   .n_out = node->n_out,
                                   .in = b->in,
                                   .out = b->out,
                                   .seed = values->seed,
                                   .draw = values->draw};
    clg_run_oracle(&call);
    return CLG_OK;
}

static clg_status bench_block(struct bench *b, const struct clg_evaluation *values)
{
    uint32_t words[CLG_BLOCK_BYTES / 4] = {0};
    words[CLG_BLOCK_SEED] = (uint32_t)values->seed;
    words[CLG_BLOCK_SEED_HIGH] = (uint32_t)(values->seed >> 32);
    words[CLG_BLOCK_DRAW] = (uint32_t)values->draw;
    words[CLG_BLOCK_DRAW_HIGH] = (uint32_t)(values->draw >> 32);
    b->block = clg_buffer_create(b->cases->device, sizeof(words));
    return b->block ? clg_buffer_write(b->block, 0, words, sizeof(words))
                    : clg_error_status(b->cases->ctx);
}

static clg_status bench_place(struct bench *b)
{
    const struct clg_node *node = b->node;
    for (uint32_t i = 0; i < node->n_in + node->n_out; i++) {
        const struct clg_oracle_array *a = i < node->n_in ? &b->in[i] : &b->out[i - node->n_in];
        b->view[i] = (struct clg_view){.dtype = a->dtype, .shape = a->shape};
    }
    b->lower.in = b->view;
    b->lower.out = b->view + node->n_in;
    size_t scratch = node->op->workspace ? node->op->workspace(&b->lower) : 0;
    for (uint32_t i = 0; i < node->n_in + node->n_out; i++) {
        const struct clg_oracle_array *a = i < node->n_in ? &b->in[i] : &b->out[i - node->n_in];
        CLG_TRY(guarded_init(b, &b->guarded[i], (size_t)a->count,
                             i < node->n_in ? GUARD_INPUT : GUARD));
        if (i < node->n_in)
            put(a, b->guarded[i].host + b->guarded[i].first);
        b->view[i].buffer = b->guarded[i].buffer;
        b->view[i].offset = b->guarded[i].first;
    }
    if (scratch == 0)
        return CLG_OK;
    CLG_TRY(guarded_init(b, &b->workspace, (scratch + 3) / 4, GUARD));
    b->lower.workspace = (struct clg_view){b->workspace.buffer, b->workspace.first, CLG_F32,
                                           clg_shape1((int64_t)b->workspace.count)};
    return CLG_OK;
}

static clg_status bench_init(struct bench *b, struct clg_cases *cases, size_t index,
                             const struct clg_evaluation *values)
{
    const struct clg_node *node = cases->graph->nodes.items[index];
    size_t n = node->n_in + node->n_out;
    *b = (struct bench){.cases = cases, .node = node, .index = index};
    b->in = clg_new(cases->ctx, n, sizeof(*b->in));
    b->view = clg_new(cases->ctx, n, sizeof(*b->view));
    b->guarded = clg_new(cases->ctx, n, sizeof(*b->guarded));
    if (!b->in || !b->view || !b->guarded)
        return CLG_ERR_MEMORY;
    b->out = b->in + node->n_in;
    b->lower = (struct clg_lower){.device = cases->device,
                                  .machine = clg_device_machine(cases->device),
                                  .attr = node->attr,
                                  .label = node->op->name,
                                  .n_in = node->n_in,
                                  .n_out = node->n_out};
    CLG_TRY(bench_arrays(b, values));
    CLG_TRY(bench_block(b, values));
    b->lower.block = b->block;
    return bench_place(b);
}

static void bench_finish(struct bench *b)
{
    for (uint32_t i = 0; i < b->node->n_in + b->node->n_out; i++) {
        if (b->in) {
            clg_free(b->cases->ctx, b->in[i].value);
            clg_free(b->cases->ctx, b->in[i].error);
        }
        if (b->guarded)
            guarded_finish(b, &b->guarded[i]);
    }
    guarded_finish(b, &b->workspace);
    clg_buffer_destroy(b->block);
    clg_free(b->cases->ctx, b->in);
    clg_free(b->cases->ctx, b->view);
    clg_free(b->cases->ctx, b->guarded);
}

/* Whether words outside of the tensor, and all of an input, are what they were. */
static bool untouched(const struct guarded *g, const uint32_t *now, bool input)
{
    for (size_t i = 0; i < g->words; i++) {
        bool inside = i >= g->first && i < g->first + g->count;
        if ((input || !inside) && now[i] != g->host[i])
            return false;
    }
    return true;
}

static const char *where(const struct bench *b, char text[160], const char *part, uint32_t number)
{
    snprintf(text, 160, "%s alone (node %zu), %s %u", b->node->op->name, b->index, part, number);
    return text;
}

/* Reads a buffer back and looks at its guards; the words are the caller's to free. */
static clg_status inspect(struct bench *b, const struct guarded *g, const char *name, bool input,
                          uint32_t **words)
{
    *words = clg_new(b->cases->ctx, g->words, sizeof(**words));
    if (!*words)
        return CLG_ERR_MEMORY;
    CLG_TRY(clg_buffer_read(g->buffer, 0, *words, g->words * 4));
    if (!untouched(g, *words, input))
        clg_suite_fail(b->cases, "%s: its kernel writes outside of its outputs", name);
    return CLG_OK;
}

static clg_status inspect_others(struct bench *b)
{
    for (uint32_t i = 0; i <= b->node->n_in; i++) {
        char text[160];
        const struct guarded *g = i < b->node->n_in ? &b->guarded[i] : &b->workspace;
        uint32_t *words = NULL;
        clg_status status =
            g->buffer ? inspect(b, g, where(b, text, "input", i), i < b->node->n_in, &words)
                      : CLG_OK;
        clg_free(b->cases->ctx, words);
        CLG_TRY(status);
    }
    return CLG_OK;
}

static clg_status inspect_output(struct bench *b, uint32_t o, bool wanted, uint32_t *first)
{
    char text[160];
    struct guarded *g = &b->guarded[b->node->n_in + o];
    uint32_t *words = NULL;
    where(b, text, wanted ? "output" : "unwanted output", o);
    clg_status status = inspect(b, g, text, !wanted, &words);
    if (status == CLG_OK && wanted) {
        clg_compare(b->cases, &b->out[o], words + g->first, &b->cases->result->worst_forward, text);
        if (first && memcmp(words, first, g->words * 4))
            clg_suite_fail(b->cases, "%s: a second run gives other bits", text);
    }
    clg_free(b->cases->ctx, words);
    return status;
}

static clg_status run_once(struct bench *b, struct clg_launches *launches, uint32_t wanted,
                           uint32_t **first)
{
    for (uint32_t i = 0; i < b->node->n_in + b->node->n_out; i++)
        CLG_TRY(upload(&b->guarded[i]));
    if (b->workspace.buffer)
        CLG_TRY(upload(&b->workspace));
    CLG_TRY(clg_launches_run(launches, 0, launches->list.count));
    for (uint32_t o = 0; o < b->node->n_out; o++) {
        bool want = wanted == ALL || wanted == o;
        CLG_TRY(inspect_output(b, o, want, first ? first[o] : NULL));
    }
    return inspect_others(b);
}

/* Outputs as they are now, to compare the next run with. */
static clg_status remember(struct bench *b, uint32_t **first)
{
    for (uint32_t o = 0; o < b->node->n_out; o++) {
        const struct guarded *g = &b->guarded[b->node->n_in + o];
        first[o] = clg_new(b->cases->ctx, g->words, sizeof(**first));
        if (!first[o])
            return CLG_ERR_MEMORY;
        CLG_TRY(clg_buffer_read(g->buffer, 0, first[o], g->words * 4));
    }
    return CLG_OK;
}

static clg_status run_twice(struct bench *b, struct clg_launches *launches, uint32_t wanted)
{
    if (b->cases->small) /* an interpreter gives the same bits */
        return run_once(b, launches, wanted, NULL);
    uint32_t **first = clg_new(b->cases->ctx, b->node->n_out, sizeof(*first));
    clg_status status = first ? run_once(b, launches, wanted, NULL) : CLG_ERR_MEMORY;
    if (status == CLG_OK)
        status = remember(b, first);
    if (status == CLG_OK)
        status = run_once(b, launches, wanted, first);
    for (uint32_t o = 0; first && o < b->node->n_out; o++)
        clg_free(b->cases->ctx, first[o]);
    clg_free(b->cases->ctx, first);
    return status;
}

/* Lowers the node for one output or all, and runs it. */
static clg_status run_wanted(struct bench *b, uint32_t wanted)
{
    struct clg_launches launches;
    clg_launches_init(&launches, b->cases->device);
    for (uint32_t o = 0; o < b->node->n_out; o++) {
        bool want = wanted == ALL || wanted == o;
        b->view[b->node->n_in + o].buffer = want ? b->guarded[b->node->n_in + o].buffer : NULL;
    }
    b->lower.launches = &launches;
    b->node->op->lower(&b->lower);
    clg_status status = clg_launches_build(&launches);
    if (status == CLG_OK)
        status = run_twice(b, &launches, wanted);
    clg_launches_finish(&launches);
    return status;
}

static clg_status check_node(struct clg_cases *cases, size_t index,
                             const struct clg_evaluation *values)
{
    struct bench b;
    clg_status status = bench_init(&b, cases, index, values);
    if (status == CLG_OK)
        status = run_wanted(&b, ALL);
    for (uint32_t o = 0; status == CLG_OK && b.node->n_out > 1 && o < b.node->n_out; o++)
        status = run_wanted(&b, o);
    bench_finish(&b);
    return status;
}

clg_status clg_check_guarded(struct clg_cases *cases, const struct clg_evaluation *values)
{
    for (size_t i = 0; i < cases->graph->nodes.count; i++) {
        const struct clg_op *op = cases->graph->nodes.items[i]->op;
        if (op->lower && (!cases->op || op == cases->op))
            CLG_TRY(check_node(cases, i, values));
    }
    return CLG_OK;
}
