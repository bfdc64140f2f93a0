/* Reading safetensors into the store: everything is checked before anything is written. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "store/object.h"

/* Where a tensor of the file goes. */
enum goal { GOAL_ENTRY, GOAL_STATE, GOAL_STEPS, GOAL_KEPT };
struct target {
    enum goal goal;
    size_t state;
    int64_t entry;
};
struct load {
    struct clg_store *store;
    struct clg_ctx *ctx;
    const char *path;
    struct clg_safetensors file;
    struct target *targets; /* one per tensor of the file */
    bool *found;            /* one per entry */
    float *values;          /* room for the largest entry */
    clg_kept_list kept;
    uint64_t draws;
    uint32_t steps;
};

static void load_finish(struct load *load)
{
    clg_free(load->ctx, load->targets);
    clg_free(load->ctx, load->found);
    clg_free(load->ctx, load->values);
    clg_kept_free(load->ctx, &load->kept);
    clg_safetensors_finish(&load->file);
}

/* ---- checks ---- */

static clg_status check_tensor(struct load *load, const struct clg_file_tensor *tensor,
                               const struct clg_entry *entry)
{
    char where[256];

    snprintf(where, sizeof(where), "'%s'", load->path);
    return clg_state_check(load->ctx, where, tensor->name, &tensor->info, entry);
}

static clg_status check_steps(struct load *load, const struct clg_file_tensor *tensor)
{
    char where[256];

    snprintf(where, sizeof(where), "'%s'", load->path);
    return clg_state_check_steps(load->ctx, where, tensor->name, &tensor->info);
}

static clg_status choose(struct load *load, size_t i)
{
    const struct clg_file_tensor *tensor = &load->file.tensors.items[i];
    struct clg_store *store = load->store;
    struct target *target = &load->targets[i];
    char text[CLG_SHAPE_TEXT];

    target->goal = GOAL_ENTRY;
    target->entry = clg_store_find(store, tensor->name);
    if (target->entry >= 0) {
        load->found[target->entry] = true;
        return check_tensor(load, tensor, store->entries.items[target->entry]);
    }
    if (clg_state_find(store, tensor->name, &target->state, &target->entry)) {
        const struct clg_store_state *state = &store->states.items[target->state];

        target->goal = clg_state_buffer(store, state, target->entry) ? GOAL_STATE : GOAL_KEPT;
        return check_tensor(load, tensor, store->entries.items[target->entry]);
    }
    if (clg_state_find_steps(store, tensor->name)) {
        target->goal = GOAL_STEPS;
        return check_steps(load, tensor);
    }
    target->goal = GOAL_KEPT;
    if (!clg_file_type_is_float(tensor->info.type) ||
        !strncmp(tensor->name, CLG_STATE_PREFIX, strlen(CLG_STATE_PREFIX)))
        return CLG_OK;
    return clg_fail(load->ctx, CLG_ERR_FORMAT,
                    "'%s': has a tensor '%s' %s, which is no parameter of the store", load->path,
                    tensor->name, clg_shape_text(&tensor->info.shape, text));
}

/* PyTorch counts batches in an integer that files may lack. */
static bool may_be_absent(const char *name)
{
    static const char last[] = "num_batches_tracked";
    size_t length = strlen(name);

    return length >= sizeof(last) - 1 && !strcmp(name + length - (sizeof(last) - 1), last);
}

static clg_status check_complete(struct load *load)
{
    char text[CLG_SHAPE_TEXT];

    for (size_t i = 0; i < load->store->entries.count; i++) {
        const struct clg_entry *entry = load->store->entries.items[i];

        if (!load->found[i] && !may_be_absent(entry->name))
            return clg_fail(load->ctx, CLG_ERR_FORMAT,
                            "'%s': has no tensor '%s', a parameter of the store with shape %s",
                            load->path, entry->name, clg_shape_text(&entry->shape, text));
    }
    return CLG_OK;
}

static clg_status read_counter(struct load *load, const char *key, int64_t limit, int64_t *out)
{
    const char *text = clg_safetensors_metadata(&load->file, key);

    *out = 0;
    if (!text)
        return CLG_OK;
    if (!clg_parse_int(text, out) || *out < 0 || *out > limit)
        return clg_fail(load->ctx, CLG_ERR_FORMAT,
                        "'%s': metadata '%s' is '%.64s', must be a number from 0 to %" PRId64,
                        load->path, key, text, limit);
    return CLG_OK;
}

static clg_status check_counters(struct load *load)
{
    int64_t steps, draws;

    CLG_TRY(read_counter(load, CLG_KEY_STEP, UINT32_MAX - 1, &steps));
    CLG_TRY(read_counter(load, CLG_KEY_DRAW, INT64_MAX, &draws));
    load->steps = (uint32_t)steps;
    load->draws = (uint64_t)draws;
    return CLG_OK;
}

/* ---- what needs memory, still without a change to the store ---- */

static clg_status keep(struct load *load, const struct clg_file_tensor *tensor)
{
    struct clg_kept *kept = CLG_PUSH(load->ctx, load->kept);

    if (!kept)
        return CLG_ERR_MEMORY;
    *kept = (struct clg_kept){.name = clg_strdup(load->ctx, tensor->name),
                              .info = tensor->info,
                              .data = clg_new(load->ctx, 1, (size_t)tensor->info.bytes)};
    if (!kept->name || !kept->data)
        return CLG_ERR_MEMORY;
    memcpy(kept->data, load->file.body + tensor->offset, (size_t)tensor->info.bytes);
    return CLG_OK;
}

static clg_status prepare(struct load *load)
{
    uint64_t largest = 1;

    for (size_t i = 0; i < load->file.tensors.count; i++) {
        const struct clg_file_tensor *tensor = &load->file.tensors.items[i];

        if (load->targets[i].goal == GOAL_KEPT)
            CLG_TRY(keep(load, tensor));
        else if (tensor->info.count > largest)
            largest = tensor->info.count;
    }
    load->values = clg_new(load->ctx, (size_t)largest, sizeof(*load->values));
    return load->values ? clg_store_allocate(load->store) : CLG_ERR_MEMORY;
}

static clg_status check(struct load *load)
{
    load->targets = clg_new(load->ctx, load->file.tensors.count, sizeof(*load->targets));
    load->found = clg_new(load->ctx, load->store->entries.count, sizeof(*load->found));
    if (!load->targets || !load->found)
        return CLG_ERR_MEMORY;
    for (size_t i = 0; i < load->file.tensors.count; i++)
        CLG_TRY(choose(load, i));
    CLG_TRY(check_complete(load));
    CLG_TRY(check_counters(load));
    return prepare(load);
}

/* ---- the change ---- */

/* A file need not have states: those that are not in it start anew. */
static clg_status clear_states(struct clg_store *store)
{
    for (size_t s = 0; s < store->states.count; s++)
        for (uint32_t c = 0; c < store->chunks.count; c++) {
            const struct clg_store_state *state = &store->states.items[s];
            struct clg_buffer *buffer = state->buffer(state->owner, state->index, c);

            if (buffer)
                CLG_TRY(clg_buffer_fill(buffer, 0, clg_buffer_size(buffer), 0));
        }
    for (size_t s = 0; s < store->states.count; s++)
        CLG_TRY(clg_buffer_fill(store->block, clg_state_steps_offset(&store->states.items[s]),
                                sizeof(uint32_t), 0));
    return CLG_OK;
}

static clg_status write_tensor(struct load *load, size_t i)
{
    const struct clg_file_tensor *tensor = &load->file.tensors.items[i];
    const struct target *target = &load->targets[i];
    const struct clg_entry *entry;
    struct clg_buffer *buffer;

    if (target->goal == GOAL_KEPT)
        return CLG_OK;
    if (target->goal == GOAL_STEPS)
        return clg_buffer_write(
            load->store->block,
            clg_state_steps_offset(clg_state_find_steps(load->store, tensor->name)),
            load->file.body + tensor->offset, sizeof(uint32_t));
    entry = load->store->entries.items[target->entry];
    buffer = target->goal == GOAL_ENTRY
                 ? load->store->chunks.items[entry->chunk].value
                 : clg_state_buffer(load->store, &load->store->states.items[target->state],
                                    target->entry);
    clg_safetensors_floats(tensor->info.type, load->file.body + tensor->offset, entry->count,
                           load->values);
    return clg_buffer_write(buffer, entry->offset * sizeof(float), load->values,
                            (size_t)entry->count * sizeof(float));
}

static clg_status commit(struct load *load)
{
    clg_kept_list old = load->store->kept;

    CLG_TRY(clear_states(load->store));
    for (size_t i = 0; i < load->file.tensors.count; i++)
        CLG_TRY(write_tensor(load, i));
    CLG_TRY(clg_block_restore(load->store, load->draws, load->steps));
    load->store->kept = load->kept;
    load->kept = old;
    return CLG_OK;
}

clg_status clg_store_load(clg_store *store, const char *path)
{
    struct load load = {.store = store, .path = path};
    clg_status status;
    char *data;
    size_t size;

    if (!store)
        return CLG_ERR_ARGUMENT;
    load.ctx = store->object.ctx;
    if (!path)
        return clg_fail(load.ctx, CLG_ERR_ARGUMENT, "load: needs a path");
    CLG_TRY(clg_file_read(load.ctx, path, &data, &size));
    status = clg_safetensors_parse(&load.file, load.ctx, path, data, size);
    if (status == CLG_OK)
        status = check(&load);
    if (status == CLG_OK)
        status = commit(&load);
    load_finish(&load);
    clg_free(load.ctx, data);
    return status;
}
