/* Where entries lie: chunks of device memory, gradients beside them, and the plans' scratch arena.
 */
#include <inttypes.h>
#include "store/object.h"

/* Kernels index a chunk with an int. */
#define CHUNK_MAX ((UINT64_C(1) << 31) - (UINT64_C(1) << 20))

void clg_store_limit_chunks(struct clg_store *store, uint64_t floats)
{
    store->chunk_limit = floats;
}

/* Floats between the starts of entries: whole segments, and as the device wants offsets. */
static uint64_t grain(const struct clg_store *store)
{
    uint64_t step = CLG_SEGMENT;

    while (step * sizeof(float) % clg_device_machine(store->device)->align)
        step += CLG_SEGMENT;
    return step;
}

static uint64_t padded(const struct clg_store *store, const struct clg_entry *entry)
{
    uint64_t step = grain(store);

    return (entry->count + step - 1) / step * step;
}

static uint64_t chunk_limit(const struct clg_store *store)
{
    uint64_t limit = clg_device_machine(store->device)->max_alloc / sizeof(float);

    if (limit > CHUNK_MAX)
        limit = CHUNK_MAX;
    return store->chunk_limit < limit ? store->chunk_limit : limit;
}

/* A whole buffer of zeros: every page is touched, so that a driver that promised too much fails
 * here. */
static struct clg_buffer *create_zeros(struct clg_store *store, size_t bytes)
{
    struct clg_buffer *buffer = clg_buffer_create(store->device, bytes);

    if (buffer && clg_buffer_fill(buffer, 0, bytes, 0) != CLG_OK) {
        clg_buffer_destroy(buffer);
        return NULL;
    }
    return buffer;
}

static clg_status initialise(struct clg_store *store, struct clg_buffer *buffer,
                             const struct clg_entry *entry)
{
    struct clg_ctx *ctx = store->object.ctx;
    size_t bytes = (size_t)entry->count * sizeof(float);
    float *values;
    clg_status status;

    if (entry->init.scheme == CLG_INIT_ZEROS)
        return CLG_OK; /* as the buffer is */
    values = clg_new(ctx, 1, bytes);
    if (!values)
        return CLG_ERR_MEMORY;
    status = clg_init_values(store, entry, values);
    if (status == CLG_OK)
        status = clg_buffer_write(buffer, entry->offset * sizeof(float), values, bytes);
    clg_free(ctx, values);
    return status;
}

/* Gives as many of the next entries a place as a chunk may hold. */
static void place_entries(struct clg_store *store, struct clg_chunk *chunk, uint32_t number)
{
    uint64_t limit = chunk_limit(store);

    chunk->first = store->placed;
    for (; store->placed < store->entries.count; store->placed++) {
        struct clg_entry *entry = store->entries.items[store->placed];

        if (chunk->entries > 0 && chunk->count + padded(store, entry) > limit)
            return;
        entry->chunk = number;
        entry->offset = chunk->count;
        chunk->count += padded(store, entry);
        chunk->entries++;
        chunk->parameters |= entry->kind == CLG_ENTRY_PARAMETER;
    }
}

static clg_status make_chunk(struct clg_store *store, struct clg_chunk *chunk)
{
    struct clg_buffer *value = create_zeros(store, (size_t)chunk->count * sizeof(float));
    clg_status status = CLG_OK;

    if (!value)
        return clg_error_status(store->object.ctx);
    clg_buffer_count_as(value, CLG_MEMORY_WEIGHTS);
    for (size_t i = 0; i < chunk->entries && status == CLG_OK; i++)
        status = initialise(store, value, store->entries.items[chunk->first + i]);
    if (status == CLG_OK)
        chunk->value = value;
    else
        clg_buffer_destroy(value);
    return status;
}

/* Said before anything is allocated. */
static clg_status check_sizes(struct clg_store *store)
{
    uint64_t max_alloc = clg_device_machine(store->device)->max_alloc;

    for (size_t i = store->placed; i < store->entries.count; i++) {
        const struct clg_entry *entry = store->entries.items[i];
        uint64_t bytes = padded(store, entry) * sizeof(float);

        if (bytes > max_alloc || bytes / sizeof(float) > CHUNK_MAX)
            return clg_fail(store->object.ctx, CLG_ERR_LIMIT,
                            "parameter '%s' needs %" PRIu64
                            " bytes, the device allocates at most %" PRIu64 " at once",
                            entry->name, bytes, max_alloc);
    }
    return CLG_OK;
}

static clg_status create_block(struct clg_store *store)
{
    uint32_t words[CLG_BLOCK_WORDS] = {0};
    struct clg_buffer *block;

    if (store->block)
        return CLG_OK;
    block = create_zeros(store, CLG_STORE_BLOCK_BYTES);
    if (!block)
        return clg_error_status(store->object.ctx);
    words[CLG_BLOCK_ON_BAD] = store->on_bad_step;
    words[CLG_BLOCK_SEED] = (uint32_t)store->seed;
    words[CLG_BLOCK_SEED_HIGH] = (uint32_t)(store->seed >> 32);
    if (clg_buffer_write(block, 0, words, sizeof(words)) != CLG_OK) {
        clg_buffer_destroy(block);
        return clg_error_status(store->object.ctx);
    }
    store->block = block;
    return CLG_OK;
}

/* Chunks that were planned and never made are planned anew: entries may have come since. */
static void forget_planned(struct clg_store *store)
{
    while (store->chunks.count > 0 && !store->chunks.items[store->chunks.count - 1].value)
        store->placed = store->chunks.items[--store->chunks.count].first;
}

clg_status clg_store_place(struct clg_store *store)
{
    forget_planned(store);
    CLG_TRY(check_sizes(store));
    while (store->placed < store->entries.count) {
        uint32_t number = (uint32_t)store->chunks.count;
        struct clg_chunk *slot = CLG_PUSH(store->object.ctx, store->chunks);

        if (!slot)
            return CLG_ERR_MEMORY;
        *slot = (struct clg_chunk){.value = NULL};
        place_entries(store, slot, number);
    }
    return CLG_OK;
}

void clg_store_measure(const struct clg_store *store, bool gradients, clg_memory *sum)
{
    for (size_t i = 0; i < store->chunks.count; i++) {
        const struct clg_chunk *chunk = &store->chunks.items[i];

        if (!chunk->value)
            sum->weights += chunk->count * sizeof(float);
        if (gradients && chunk->parameters && !chunk->gradient)
            sum->gradients += chunk->count * sizeof(float);
    }
    sum->other += store->block ? 0 : CLG_STORE_BLOCK_BYTES;
}

clg_status clg_store_allocate(struct clg_store *store)
{
    CLG_TRY(clg_store_place(store));
    CLG_TRY(create_block(store));
    for (size_t i = 0; i < store->chunks.count; i++)
        if (!store->chunks.items[i].value)
            CLG_TRY(make_chunk(store, &store->chunks.items[i]));
    return CLG_OK;
}

clg_status clg_store_allocate_gradients(struct clg_store *store)
{
    for (size_t i = 0; i < store->chunks.count; i++) {
        struct clg_chunk *chunk = &store->chunks.items[i];

        if (chunk->gradient || !chunk->parameters)
            continue;
        chunk->gradient = create_zeros(store, (size_t)chunk->count * sizeof(float));
        if (!chunk->gradient)
            return clg_error_status(store->object.ctx);
        clg_buffer_count_as(chunk->gradient, CLG_MEMORY_GRADIENTS);
    }
    return CLG_OK;
}

struct clg_buffer *clg_store_create_beside(struct clg_store *store, uint32_t chunk)
{
    struct clg_buffer *buffer =
        create_zeros(store, (size_t)store->chunks.items[chunk].count * sizeof(float));

    clg_buffer_count_as(buffer, CLG_MEMORY_STATES);
    return buffer;
}

/* ---- views ---- */

static struct clg_view entry_view(const struct clg_store *store, int64_t index, bool gradient)
{
    const struct clg_entry *entry = store->entries.items[index];
    struct clg_view view = {.offset = entry->offset, .dtype = CLG_F32, .shape = entry->shape};

    if ((size_t)index < store->placed) {
        const struct clg_chunk *chunk = &store->chunks.items[entry->chunk];
        view.buffer = gradient ? chunk->gradient : chunk->value;
    }
    return view;
}

struct clg_view clg_store_value(const struct clg_store *store, int64_t entry)
{
    return entry_view(store, entry, false);
}

struct clg_view clg_store_gradient(const struct clg_store *store, int64_t entry)
{
    return entry_view(store, entry, true);
}

uint32_t clg_store_chunks(const struct clg_store *store)
{
    return (uint32_t)store->chunks.count;
}

static struct clg_view flat_view(struct clg_buffer *buffer, uint64_t count)
{
    return (struct clg_view){
        .buffer = buffer, .dtype = CLG_F32, .shape = clg_shape1((int64_t)count)};
}

struct clg_view clg_store_chunk_value(const struct clg_store *store, uint32_t chunk)
{
    return flat_view(store->chunks.items[chunk].value, store->chunks.items[chunk].count);
}

struct clg_view clg_store_chunk_gradient(const struct clg_store *store, uint32_t chunk)
{
    return flat_view(store->chunks.items[chunk].gradient, store->chunks.items[chunk].count);
}

/* ---- the arena ---- */

clg_status clg_store_reserve(struct clg_store *store, size_t bytes)
{
    if (store->arena && clg_buffer_size(store->arena) >= bytes)
        return CLG_OK;
    if (!store->arena) {
        store->arena = create_zeros(store, bytes);
        clg_buffer_count_as(store->arena, CLG_MEMORY_SCRATCH);
        return store->arena ? CLG_OK : clg_error_status(store->object.ctx);
    }
    CLG_TRY(clg_buffer_resize(store->arena, bytes));
    return clg_buffer_fill(store->arena, 0, bytes & ~(size_t)3, 0);
}

struct clg_buffer *clg_store_arena(const struct clg_store *store)
{
    return store->arena;
}
