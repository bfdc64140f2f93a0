/* Writing the store as safetensors. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/hash.h"
#include "store/object.h"

#define PIECE (4u << 20) /* bytes copied from the device at once */

/* A tensor to be written: from device memory, or from what an earlier load kept. */
struct source {
    struct clg_text name; /* owned, of a state; else borrowed below */
    const char *borrowed;
    struct clg_tensor_info info;
    struct clg_buffer *buffer;
    uint64_t offset; /* bytes */
    const void *data;
};
struct save {
    struct clg_store *store;
    struct clg_ctx *ctx;
    clg_save_params params;
    CLG_VEC(struct source) sources;
    struct clg_file_tensor *tensors; /* in the order of the file */
    const struct source **order;
    const char **metadata;
    char step[24], draw[24], sum_text[17];
    int64_t batches; /* training forwards so far */
    uint64_t checksum; /* so far */
};

static void save_finish(struct save *save)
{
    for (size_t i = 0; i < save->sources.count; i++)
        clg_text_finish(&save->sources.items[i].name);
    clg_free(save->ctx, save->sources.items);
    clg_free(save->ctx, save->tensors);
    clg_free(save->ctx, save->order);
    clg_free(save->ctx, save->metadata);
}

/* ---- what is written ---- */

static clg_status add_values(struct save *save, const struct clg_entry *entry,
                             const struct clg_store_state *state, struct clg_buffer *buffer)
{
    struct source *source = CLG_PUSH(save->ctx, save->sources);

    if (!source)
        return CLG_ERR_MEMORY;
    *source = (struct source){.name.ctx = save->ctx,
                              .borrowed = entry->name,
                              .info = {.type = CLG_FILE_F32,
                                       .shape = entry->shape,
                                       .count = entry->count,
                                       .bytes = entry->count * sizeof(float)},
                              .buffer = buffer,
                              .offset = entry->offset * sizeof(float)};
    if (!state)
        return CLG_OK;
    CLG_TRY(clg_state_name(&source->name, state, entry));
    source->borrowed = source->name.data;
    return CLG_OK;
}

static clg_status collect_store(struct save *save)
{
    const struct clg_store *store = save->store;

    for (size_t i = 0; i < store->entries.count; i++) {
        const struct clg_entry *entry = store->entries.items[i];
        CLG_TRY(add_values(save, entry, NULL, store->chunks.items[entry->chunk].value));
    }
    for (size_t s = 0; save->params.states && s < store->states.count; s++)
        for (size_t i = 0; i < store->entries.count; i++) {
            struct clg_buffer *buffer =
                clg_state_buffer(store, &store->states.items[s], (int64_t)i);
            if (buffer)
                CLG_TRY(add_values(save, store->entries.items[i], &store->states.items[s], buffer));
        }
    return CLG_OK;
}

/* A number of an optimizer, which lies in the step block. */
static clg_status add_scalar(struct save *save, const char *optimizer, const char *word,
                             enum clg_file_type type, uint64_t offset)
{
    struct source *source = CLG_PUSH(save->ctx, save->sources);

    if (!source)
        return CLG_ERR_MEMORY;
    *source = (struct source){.name.ctx = save->ctx,
                              .info = {.type = type, .count = 1, .bytes = clg_file_type_size(type)},
                              .buffer = save->store->block,
                              .offset = offset};
    clg_text_add(&source->name, CLG_STATE_PREFIX "%s.%s", optimizer, word);
    source->borrowed = source->name.data;
    return source->name.failed ? CLG_ERR_MEMORY : CLG_OK;
}

/* Of every optimizer whose states are saved: its steps, a U32 as long as they fit in one, and its running
 * number, from the word that the latest step wrote. */
static clg_status collect_scalars(struct save *save)
{
    const struct clg_store *store = save->store;
    uint32_t words[CLG_BLOCK_BYTES / 4];

    CLG_TRY(clg_buffer_read(store->block, 0, words, sizeof(words)));
    for (size_t s = 0; s < store->states.count; s++) {
        const struct clg_store_state *state = &store->states.items[s];
        const uint32_t *part = words + CLG_PART(state->part);
        uint64_t odd = part[CLG_PART_STEPS] & 1;

        if (state->index > 0 || !clg_state_has_memory(store, state))
            continue;
        CLG_TRY(add_scalar(save, state->optimizer, "step",
                           part[CLG_PART_STEPS_HIGH] ? CLG_FILE_U64 : CLG_FILE_U32,
                           clg_state_steps_offset(state)));
        if (state->running)
            CLG_TRY(add_scalar(save, state->optimizer, state->running, CLG_FILE_F32,
                               clg_state_running_offset(state) + odd * sizeof(float)));
    }
    return CLG_OK;
}

static clg_status collect_kept(struct save *save)
{
    const struct clg_store *store = save->store;

    for (size_t i = 0; i < store->kept.count; i++) {
        const struct clg_kept *kept = &store->kept.items[i];
        struct source *source;

        if (clg_store_find(store, kept->name) >= 0)
            continue; /* an entry has taken the name since */
        if (!save->params.states && clg_state_is_named(kept->name))
            continue;
        source = CLG_PUSH(save->ctx, save->sources);
        if (!source)
            return CLG_ERR_MEMORY;
        *source = (struct source){
            .name.ctx = save->ctx, .borrowed = kept->name, .info = kept->info, .data = kept->data};
    }
    return CLG_OK;
}

#define BATCHES "num_batches_tracked"

/* Whether a layer, whose names begin with size characters of stem, has its count already. */
static bool has_batches(const struct save *save, const char *stem, size_t size)
{
    for (size_t i = 0; i < save->sources.count; i++) {
        const char *name = save->sources.items[i].borrowed;

        if (!strncmp(name, stem, size) && !strcmp(name + size, BATCHES))
            return true;
    }
    return false;
}

static clg_status add_batches(struct save *save, const char *stem, size_t size)
{
    struct source *source = CLG_PUSH(save->ctx, save->sources);

    if (!source)
        return CLG_ERR_MEMORY;
    *source = (struct source){.name.ctx = save->ctx,
                              .info = {.type = CLG_FILE_I64, .count = 1, .bytes = sizeof(int64_t)},
                              .data = &save->batches};
    clg_text_add(&source->name, "%.*s" BATCHES, (int)size, stem);
    source->borrowed = source->name.data;
    return source->name.failed ? CLG_ERR_MEMORY : CLG_OK;
}

/* Beside running statistics a module of PyTorch counts the batches they come from; a file that was loaded
 * may have had that count, which is kept. */
static clg_status collect_batches(struct save *save)
{
    static const char mean[] = "running_mean";

    for (size_t i = 0; i < save->store->entries.count; i++) {
        const struct clg_entry *entry = save->store->entries.items[i];
        size_t length = strlen(entry->name), size = length - (sizeof(mean) - 1);

        if (entry->kind == CLG_ENTRY_STATE && length >= sizeof(mean) - 1 &&
            !strcmp(entry->name + size, mean) && !has_batches(save, entry->name, size))
            CLG_TRY(add_batches(save, entry->name, size));
    }
    return CLG_OK;
}

/* Wide types first, so that every tensor is aligned to its type. */
static clg_status lay_out(struct save *save)
{
    size_t count = save->sources.count, n = 0;
    uint64_t end = 0;

    save->tensors = clg_new(save->ctx, count, sizeof(*save->tensors));
    save->order = clg_new(save->ctx, count, sizeof(*save->order));
    if (!save->tensors || !save->order)
        return CLG_ERR_MEMORY;
    for (size_t size = 8; size > 0; size /= 2)
        for (size_t i = 0; i < count; i++) {
            const struct source *source = &save->sources.items[i];

            if (clg_file_type_size(source->info.type) != size)
                continue;
            save->order[n] = source;
            save->tensors[n++] = (struct clg_file_tensor){source->borrowed, source->info, end};
            end += source->info.bytes;
        }
    return CLG_OK;
}

/* ---- metadata ---- */

static bool is_utf8(const char *s)
{
    json_t *json = json_string(s);

    json_decref(json);
    return json != NULL;
}

static clg_status check_metadata(struct clg_ctx *ctx, const char *const *metadata, size_t *count)
{
    *count = 0;
    for (size_t i = 0; metadata && metadata[i]; i += 2) {
        if (!metadata[i + 1])
            return clg_fail(ctx, CLG_ERR_ARGUMENT, "save: metadata '%s' has no value", metadata[i]);
        if (!is_utf8(metadata[i]) || !is_utf8(metadata[i + 1]))
            return clg_fail(ctx, CLG_ERR_ARGUMENT, "save: metadata '%s' is not UTF-8", metadata[i]);
        if (!strncmp(metadata[i], CLG_KEY_PREFIX, strlen(CLG_KEY_PREFIX)))
            return clg_fail(ctx, CLG_ERR_ARGUMENT,
                            "save: metadata '%s': keys that begin with '%s' are the library's",
                            metadata[i], CLG_KEY_PREFIX);
        for (size_t k = 0; k < i; k += 2)
            if (!strcmp(metadata[i], metadata[k]))
                return clg_fail(ctx, CLG_ERR_ARGUMENT, "save: metadata '%s' is given twice",
                                metadata[i]);
        *count = i + 2;
    }
    return CLG_OK;
}

static clg_status collect_metadata(struct save *save)
{
    const char *const *metadata = save->params.metadata;
    clg_progress progress;
    size_t count;

    CLG_TRY(check_metadata(save->ctx, metadata, &count));
    CLG_TRY(clg_store_progress(save->store, &progress));
    save->batches = (int64_t)progress.draws;
    snprintf(save->step, sizeof(save->step), "%" PRIu64, progress.steps);
    snprintf(save->draw, sizeof(save->draw), "%" PRIu64, progress.draws);
    snprintf(save->sum_text, sizeof(save->sum_text), "%016x", 0);
    save->checksum = clg_safetensors_hash_pair(CLG_KEY_STEP, save->step) +
                     clg_safetensors_hash_pair(CLG_KEY_DRAW, save->draw);
    const char *own[] = {CLG_KEY_STEP, save->step,       CLG_KEY_DRAW,
                         save->draw,   CLG_KEY_CHECKSUM, save->sum_text};
    const size_t owned = sizeof(own) / sizeof(own[0]);
    save->metadata = clg_new(save->ctx, owned + count + 1, sizeof(*save->metadata));
    if (!save->metadata)
        return CLG_ERR_MEMORY;
    memcpy(save->metadata, own, sizeof(own));
    if (count > 0)
        memcpy(save->metadata + owned, metadata, count * sizeof(*metadata));
    return CLG_OK;
}

/* ---- the file ---- */

static clg_status write_device(struct clg_file *file, const struct source *source, void *piece,
                               uint64_t *hash)
{
    for (uint64_t at = 0; at < source->info.bytes; at += PIECE) {
        uint64_t left = source->info.bytes - at;
        size_t bytes = left < PIECE ? (size_t)left : PIECE;

        CLG_TRY(clg_buffer_read(source->buffer, source->offset + at, piece, bytes));
        *hash = clg_hash_bytes(*hash, piece, bytes);
        CLG_TRY(clg_file_write(file, piece, bytes));
    }
    return CLG_OK;
}

static clg_status write_source(struct save *save, struct clg_file *file, size_t i, void *piece)
{
    const struct source *source = save->order[i];
    uint64_t hash = clg_safetensors_hash(&save->tensors[i]);
    size_t bytes = (size_t)source->info.bytes;

    if (source->buffer) {
        CLG_TRY(write_device(file, source, piece, &hash));
    } else {
        hash = clg_hash_bytes(hash, source->data, bytes);
        CLG_TRY(clg_file_write(file, source->data, bytes));
    }
    save->checksum += hash;
    return CLG_OK;
}

static clg_status write_body(struct save *save, struct clg_file *file)
{
    void *piece = clg_new(save->ctx, 1, PIECE);
    clg_status status = piece ? CLG_OK : CLG_ERR_MEMORY;

    for (size_t i = 0; i < save->sources.count && status == CLG_OK; i++)
        status = write_source(save, file, i, piece);
    clg_free(save->ctx, piece);
    return status;
}

static clg_status write_header(struct save *save, struct clg_file *file)
{
    struct clg_text header = {.ctx = save->ctx};
    clg_status status = clg_safetensors_header(&header, save->tensors, save->sources.count,
                                               (const char *const *)save->metadata);

    if (status == CLG_OK)
        status = clg_file_write(file, header.data, header.length);
    clg_text_finish(&header);
    return status;
}

/* The checksum stands in the header and is known after the body: the header is written again. */
static clg_status write_all(struct save *save, struct clg_file *file)
{
    CLG_TRY(write_header(save, file));
    CLG_TRY(write_body(save, file));
    snprintf(save->sum_text, sizeof(save->sum_text), "%016" PRIx64, save->checksum);
    CLG_TRY(clg_file_rewind(file));
    return write_header(save, file);
}

static clg_status write_file(struct save *save, const char *path)
{
    struct clg_file file;
    clg_status status;

    CLG_TRY(clg_file_open(&file, save->ctx, path));
    status = write_all(save, &file);
    if (status == CLG_OK)
        return clg_file_commit(&file);
    clg_file_discard(&file);
    return status;
}

clg_save_params clg_save_defaults(void)
{
    return (clg_save_params){.states = true};
}

clg_status clg_store_save_with(clg_store *store, const char *path, const clg_save_params *params)
{
    struct save save = {.store = store, .params = params ? *params : clg_save_defaults()};
    clg_status status;

    if (!store || !CLG_GIVEN(store, path))
        return CLG_ERR_ARGUMENT;
    save.ctx = store->object.ctx;
    CLG_TRY(clg_store_allocate(store));
    status = collect_metadata(&save);
    if (status == CLG_OK)
        status = collect_store(&save);
    if (status == CLG_OK && save.params.states)
        status = collect_scalars(&save);
    if (status == CLG_OK)
        status = collect_kept(&save);
    if (status == CLG_OK && !save.params.states)
        status = collect_batches(&save);
    if (status == CLG_OK)
        status = lay_out(&save);
    if (status == CLG_OK)
        status = write_file(&save, path);
    save_finish(&save);
    return status;
}

clg_status clg_store_save(clg_store *store, const char *path, const char *const *metadata)
{
    clg_save_params params = clg_save_defaults();

    if (!store || !CLG_GIVEN(store, path))
        return CLG_ERR_ARGUMENT;
    params.metadata = metadata;
    return clg_store_save_with(store, path, &params);
}
