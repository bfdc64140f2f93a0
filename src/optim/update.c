/* An optimizer's update in a graph: a launch per chunk for all its parameters together. */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "optim/optim.h"

/* What the kernels read per segment: a factor of the learning rate, or less than 0 where nothing
 * may be touched, and the weight decay. cl/optim.clh reads it as float2. */
struct segment {
    float factor, decay;
};
/* What a normed rule has per segment (cl/trust.cl). */
#define TRUST_BYTES (3 * sizeof(float))

/* Floats a work-item (item form) or a group (per work-item, group form) takes at least. */
#define ITEM_SEGMENTS 64
#define GROUP_FLOATS  4
#define GROUP_ITEMS   ((size_t)1 << 18)

static void forget(struct clg_optimizer_update *update)
{
    struct clg_optimizer *optimizer = update->optimizer;
    size_t kept = 0;

    for (size_t i = 0; optimizer && i < optimizer->updates.count; i++)
        if (optimizer->updates.items[i] != update)
            optimizer->updates.items[kept++] = optimizer->updates.items[i];
    if (optimizer)
        optimizer->updates.count = kept;
}

static void update_finish(struct clg_object *object)
{
    struct clg_optimizer_update *update = (struct clg_optimizer_update *)object;

    forget(update);
    for (size_t i = 0; i < update->tables.count; i++) {
        clg_buffer_destroy(update->tables.items[i].segments);
        clg_buffer_destroy(update->tables.items[i].trust);
        clg_buffer_destroy(update->tables.items[i].ranges);
    }
    clg_free(object->ctx, update->tables.items);
    clg_free(object->ctx, update->entries);
    clg_free(object->ctx, update);
}

struct clg_optimizer_update *clg_update_create(struct clg_optimizer *optimizer, clg_graph *graph,
                                               int64_t *entries, size_t count)
{
    struct clg_ctx *ctx = graph->object.ctx;
    struct clg_optimizer_update *update = clg_new(ctx, 1, sizeof(*update)), **slot;

    if (!update) {
        clg_free(ctx, entries);
        return NULL;
    }
    update->entries = entries;
    update->count = count;
    clg_object_init(&update->object, &graph->object, update_finish);
    slot = CLG_PUSH(ctx, optimizer->updates);
    if (!slot) {
        clg_object_destroy(&update->object);
        return NULL;
    }
    *slot = update;
    update->optimizer = optimizer;
    return update;
}

/* ---- prepare ---- */

/* How many floats of the chunk this update trains; fills the segments' rows where table is given.
 */
static uint64_t describe_chunk(const struct clg_optimizer_update *update, uint32_t chunk,
                               struct segment *table)
{
    uint64_t count = 0;

    for (size_t i = 0; i < update->count; i++) {
        const struct clg_entry *entry =
            clg_store_get_entry(update->optimizer->store, update->entries[i]);
        struct clg_group setting = clg_optimizer_setting(update->optimizer, entry->name);
        uint64_t first = entry->offset / CLG_SEGMENT;
        uint64_t end = (entry->offset + entry->count + CLG_SEGMENT - 1) / CLG_SEGMENT;

        if (entry->chunk != chunk)
            continue;
        count += entry->count;
        for (uint64_t s = first; table && s < end; s++)
            table[s] = (struct segment){setting.factor, setting.decay};
    }
    return count;
}

static uint64_t segments_of(const struct clg_store *store, uint32_t chunk)
{
    struct clg_view view = clg_store_chunk_value(store, chunk);

    return (uint64_t)clg_shape_count(&view.shape) / CLG_SEGMENT;
}

static clg_status create_table(struct clg_optimizer_update *update, uint32_t chunk,
                               struct clg_buffer **out)
{
    struct clg_store *store = update->optimizer->store;
    struct clg_ctx *ctx = update->object.ctx;
    uint64_t count = segments_of(store, chunk);
    struct segment *rows = clg_new(ctx, (size_t)count, sizeof(*rows));
    clg_status status = CLG_OK;

    if (!rows)
        return CLG_ERR_MEMORY;
    for (uint64_t s = 0; s < count; s++)
        rows[s].factor = -1;
    describe_chunk(update, chunk, rows);
    *out = clg_buffer_create(clg_store_device(store), (size_t)count * sizeof(*rows));
    status = *out ? clg_buffer_write(*out, 0, rows, (size_t)count * sizeof(*rows))
                  : clg_error_status(ctx);
    clg_free(ctx, rows);
    return status;
}

/* First segment and number of segments of each parameter in the chunk; cl/trust.cl reads it as int2. */
static clg_status create_ranges(struct clg_optimizer_update *update, uint32_t chunk,
                                struct clg_update_tables *tables)
{
    struct clg_store *store = update->optimizer->store;
    struct clg_ctx *ctx = update->object.ctx;
    int32_t(*rows)[2] = clg_new(ctx, update->count, sizeof(*rows));
    clg_status status = CLG_OK;

    if (!rows)
        return CLG_ERR_MEMORY;
    tables->parameters = 0;
    for (size_t i = 0; i < update->count; i++) {
        const struct clg_entry *entry = clg_store_get_entry(store, update->entries[i]);
        int32_t *row = rows[tables->parameters];

        if (entry->chunk != chunk)
            continue;
        row[0] = (int32_t)(entry->offset / CLG_SEGMENT);
        row[1] = (int32_t)((entry->count + CLG_SEGMENT - 1) / CLG_SEGMENT);
        tables->parameters++;
    }
    tables->ranges = clg_buffer_create(clg_store_device(store), tables->parameters * sizeof(*rows));
    status = tables->ranges ? clg_buffer_write(tables->ranges, 0, rows,
                                               tables->parameters * sizeof(*rows))
                            : clg_error_status(ctx);
    clg_free(ctx, rows);
    return status;
}

static clg_status create_trust(struct clg_optimizer_update *update, uint32_t chunk,
                               struct clg_update_tables *tables)
{
    struct clg_store *store = update->optimizer->store;

    if (!tables->ranges)
        CLG_TRY(create_ranges(update, chunk, tables));
    tables->trust = clg_buffer_create(clg_store_device(store),
                                      (size_t)segments_of(store, chunk) * TRUST_BYTES);
    return tables->trust ? CLG_OK : clg_error_status(update->object.ctx);
}

/* Entries keep their places, so tables are made once; chunks may be added. */
static clg_status create_tables(struct clg_optimizer_update *update)
{
    uint32_t chunks = clg_store_chunks(update->optimizer->store);

    while (update->tables.count < chunks) {
        struct clg_update_tables *slot = CLG_PUSH(update->object.ctx, update->tables);
        if (!slot)
            return CLG_ERR_MEMORY;
        *slot = (struct clg_update_tables){.segments = NULL};
    }
    for (uint32_t c = 0; c < chunks; c++) {
        struct clg_update_tables *tables = &update->tables.items[c];

        if (describe_chunk(update, c, NULL) == 0)
            continue;
        if (update->optimizer->rule->normed && !tables->trust)
            CLG_TRY(create_trust(update, c, tables));
        if (!tables->segments)
            CLG_TRY(create_table(update, c, &tables->segments));
    }
    return CLG_OK;
}

clg_status clg_update_check(const void *data)
{
    const struct clg_optimizer_update *update = data;

    if (update->optimizer)
        return CLG_OK;
    return clg_fail(update->object.ctx, CLG_ERR_STATE, "an optimizer of this graph was destroyed");
}

clg_status clg_update_prepare(void *data)
{
    struct clg_optimizer_update *update = data;

    CLG_TRY(clg_update_check(update));
    CLG_TRY(clg_optimizer_allocate(update->optimizer));
    CLG_TRY(create_tables(update));
    CLG_TRY(clg_optimizer_send_clip(update->optimizer));
    return clg_optimizer_send_lr(update->optimizer);
}

void clg_update_measure(const void *data, bool states, clg_memory *sum)
{
    const struct clg_optimizer_update *update = data;
    uint32_t chunks = clg_store_chunks(update->optimizer->store);

    for (uint32_t c = 0; c < chunks; c++)
        if ((c >= update->tables.count || !update->tables.items[c].segments) &&
            describe_chunk(update, c, NULL) > 0)
            sum->other += segments_of(update->optimizer->store, c) *
                          (sizeof(struct segment) +
                           (update->optimizer->rule->normed ? TRUST_BYTES : 0));
    if (states)
        clg_optimizer_measure(update->optimizer, sum);
}

/* ---- lower ---- */

static void set_range(struct clg_launch *launch, const struct clg_machine *machine,
                      uint64_t segments)
{
    size_t per_group = (size_t)machine->local * GROUP_FLOATS;
    size_t groups = ((size_t)segments * CLG_SEGMENT + per_group - 1) / per_group;

    if (machine->form == CLG_FORM_ITEM)
        groups = ((size_t)segments + ITEM_SEGMENTS - 1) / ITEM_SEGMENTS;
    else if (groups > GROUP_ITEMS / machine->local)
        groups = GROUP_ITEMS / machine->local;
    clg_launch_rows(launch, groups);
}

static bool is_ordinary(const struct clg_optimizer *optimizer)
{
    for (size_t i = 0; i < optimizer->groups.count; i++)
        if (optimizer->groups.items[i].factor > CLG_ORDINARY ||
            optimizer->groups.items[i].decay > CLG_ORDINARY)
            return false;
    return clg_rule_is_ordinary(optimizer->rule, &optimizer->params);
}

static void lower_chunk(struct clg_optimizer_update *update, struct clg_launches *launches,
                        const char *source, const char *kernel, uint32_t chunk,
                        enum clg_update_pass pass)
{
    struct clg_optimizer *optimizer = update->optimizer;
    const struct clg_rule *rule = optimizer->rule;
    const struct clg_machine *machine = clg_device_machine(clg_store_device(optimizer->store));
    uint64_t count = describe_chunk(update, chunk, NULL);
    uint64_t segments = segments_of(optimizer->store, chunk);
    uint32_t arrays = pass == CLG_UPDATE_CHECK ? 1 : 3 + 2 * optimizer->states;
    struct clg_launch *launch =
        clg_launch_generated(launches, source, kernel, NULL, optimizer->params.name);

    clg_launch_buffer(launch, clg_store_chunk_value(optimizer->store, chunk).buffer);
    clg_launch_buffer(launch, clg_store_chunk_gradient(optimizer->store, chunk).buffer);
    clg_launch_buffer(launch, update->tables.items[chunk].segments);
    clg_launch_buffer(launch, clg_store_block(optimizer->store));
    clg_launch_int(launch, CLG_PART(optimizer->part));
    clg_launch_int(launch, (int64_t)segments);
    clg_launch_int(launch, pass);
    clg_launch_int(launch, !is_ordinary(optimizer));
    for (uint32_t s = 0; s < optimizer->states; s++)
        clg_launch_buffer(launch, optimizer->chunks.items[chunk].state[s]);
    clg_rule_arguments(launch, rule, &optimizer->params);
    if (rule->normed)
        clg_launch_buffer(launch, update->tables.items[chunk].trust);
    set_range(launch, machine, segments);
    clg_launch_cost(launch, pass == CLG_UPDATE_CHECK ? 0 : count * rule->flops,
                    count * sizeof(float) * arrays);
}

/* The factors of a normed rule's parameters, from gradients, values and states as they are. */
static void lower_trust(struct clg_optimizer_update *update, struct clg_launches *launches,
                        const char *source, uint32_t chunk)
{
    struct clg_optimizer *optimizer = update->optimizer;
    const struct clg_update_tables *tables = &update->tables.items[chunk];
    struct clg_launch *launch;
    char norms[64];

    snprintf(norms, sizeof(norms), "%s_norms", optimizer->rule->name);
    lower_chunk(update, launches, source, norms, chunk, CLG_UPDATE_CHECK);
    launch = clg_launch_kernel(launches, "trust", "measure_trust", NULL, optimizer->params.name);
    clg_launch_buffer(launch, tables->trust);
    clg_launch_buffer(launch, tables->ranges);
    clg_launch_int(launch, (int64_t)segments_of(optimizer->store, chunk));
    clg_launch_int(launch, tables->parameters);
    clg_launch_rows(launch, tables->parameters);
}

bool clg_update_wants(const void *data, enum clg_update_pass pass)
{
    const struct clg_optimizer *optimizer = ((const struct clg_optimizer_update *)data)->optimizer;

    if (pass == CLG_UPDATE_NORM)
        return optimizer->clips;
    return pass == CLG_UPDATE_CHECK || pass == CLG_UPDATE_APPLY || optimizer->accumulates;
}

/* What is done with the gradients before the update; first: no chunk came before. */
static void lower_gradients(struct clg_optimizer_update *update, struct clg_launches *launches,
                            uint32_t chunk, enum clg_update_pass pass, bool first)
{
    static const char *const kernels[] = {[CLG_UPDATE_ADD] = "add_batch",
                                          [CLG_UPDATE_MEAN] = "mean_batch",
                                          [CLG_UPDATE_NORM] = "squares"};
    struct clg_optimizer *optimizer = update->optimizer;
    uint64_t count = describe_chunk(update, chunk, NULL);
    struct clg_launch *launch = clg_launch_kernel(launches, "gradient", kernels[pass], NULL,
                                                  optimizer->params.name);

    clg_launch_buffer(launch, clg_store_chunk_gradient(optimizer->store, chunk).buffer);
    if (pass != CLG_UPDATE_NORM)
        clg_launch_buffer(launch, optimizer->chunks.items[chunk].sum);
    clg_launch_buffer(launch, update->tables.items[chunk].segments);
    clg_launch_buffer(launch, clg_store_block(optimizer->store));
    clg_launch_int(launch, CLG_PART(optimizer->part));
    clg_launch_int(launch, (int64_t)segments_of(optimizer->store, chunk));
    if (pass == CLG_UPDATE_NORM)
        clg_launch_int(launch, first);
    clg_launch_rows(launch, CLG_SQUARES);
    clg_launch_cost(launch, count * 2, count * sizeof(float) * (pass == CLG_UPDATE_NORM ? 1 : 3));
}

static void lower_all_gradients(struct clg_optimizer_update *update,
                                struct clg_launches *launches, enum clg_update_pass pass)
{
    bool first = true;

    for (uint32_t c = 0; c < update->tables.count; c++) {
        if (!update->tables.items[c].segments)
            continue;
        lower_gradients(update, launches, c, pass, first);
        first = false;
    }
}

static void lower_rule(struct clg_optimizer_update *update, struct clg_launches *launches,
                       enum clg_update_pass pass)
{
    struct clg_optimizer *optimizer = update->optimizer;
    struct clg_text source = {.ctx = update->object.ctx};

    clg_rule_write(&source, optimizer->rule, &optimizer->params);
    if (source.failed && launches->status == CLG_OK)
        launches->status = CLG_ERR_MEMORY;
    for (uint32_t c = 0; c < update->tables.count; c++) {
        if (!update->tables.items[c].segments)
            continue;
        if (optimizer->rule->normed && pass == CLG_UPDATE_CHECK)
            lower_trust(update, launches, source.data, c);
        lower_chunk(update, launches, source.data, optimizer->rule->name, c, pass);
    }
    clg_text_finish(&source);
}

void clg_update_lower(void *data, struct clg_launches *launches, enum clg_update_pass pass)
{
    if (pass == CLG_UPDATE_CHECK || pass == CLG_UPDATE_APPLY)
        lower_rule(data, launches, pass);
    else
        lower_all_gradients(data, launches, pass);
}
