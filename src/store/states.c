/* Optimizer states in files: what is registered, and what a file had for optimizers to come. */
#include <inttypes.h>
#include <string.h>
#include "base/text.h"
#include "store/object.h"

void clg_kept_free(struct clg_ctx *ctx, clg_kept_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        clg_free(ctx, list->items[i].name);
        clg_free(ctx, list->items[i].data);
    }
    clg_free(ctx, list->items);
    *list = (clg_kept_list){.items = NULL};
}

clg_status clg_store_add_state(struct clg_store *store, const struct clg_store_state *state)
{
    struct clg_store_state *slot;

    for (size_t i = 0; i < store->states.count; i++)
        if (!strcmp(store->states.items[i].optimizer, state->optimizer) &&
            !strcmp(store->states.items[i].state, state->state))
            return clg_fail(store->object.ctx, CLG_ERR_ARGUMENT,
                            "optimizer '%s': the store has an optimizer of this name already; give "
                            "one of them another (clg_optimizer_params.name)",
                            state->optimizer);
    slot = CLG_PUSH(store->object.ctx, store->states);
    if (!slot)
        return CLG_ERR_MEMORY;
    *slot = *state;
    return CLG_OK;
}

void clg_store_remove_states(struct clg_store *store, const void *owner)
{
    size_t kept = 0;

    for (size_t i = 0; i < store->states.count; i++)
        if (store->states.items[i].owner != owner)
            store->states.items[kept++] = store->states.items[i];
    store->states.count = kept;
}

struct clg_buffer *clg_state_buffer(const struct clg_store *store,
                                    const struct clg_store_state *state, int64_t entry)
{
    if ((size_t)entry >= store->placed || !state->has(state->owner, entry))
        return NULL;
    return state->buffer(state->owner, state->index, store->entries.items[entry]->chunk);
}

clg_status clg_state_name(struct clg_text *text, const struct clg_store_state *state,
                          const struct clg_entry *entry)
{
    clg_text_add(text, CLG_STATE_PREFIX "%s.%s.%s", state->optimizer, state->state, entry->name);
    return text->failed ? CLG_ERR_MEMORY : CLG_OK;
}

bool clg_state_is_named(const char *name)
{
    return strncmp(name, CLG_STATE_PREFIX, strlen(CLG_STATE_PREFIX)) == 0;
}

bool clg_state_find(const struct clg_store *store, const char *name, size_t *state_out,
                    int64_t *entry_out)
{
    size_t prefix = strlen(CLG_STATE_PREFIX);

    if (strncmp(name, CLG_STATE_PREFIX, prefix) != 0)
        return false;
    for (size_t i = 0; i < store->states.count; i++) {
        const struct clg_store_state *state = &store->states.items[i];
        size_t a = strlen(state->optimizer), b = strlen(state->state);
        const char *rest = name + prefix;
        int64_t entry;

        if (strncmp(rest, state->optimizer, a) != 0 || rest[a] != '.' ||
            strncmp(rest + a + 1, state->state, b) != 0 || rest[a + 1 + b] != '.')
            continue;
        entry = clg_store_find(store, rest + a + b + 2);
        if (entry < 0 || !state->has(state->owner, entry))
            continue;
        *state_out = i;
        *entry_out = entry;
        return true;
    }
    return false;
}

bool clg_state_has_memory(const struct clg_store *store, const struct clg_store_state *state)
{
    for (uint32_t c = 0; c < store->chunks.count; c++)
        if (state->buffer(state->owner, state->index, c))
            return true;
    return false;
}

/* optimizer.NAME.WORD of the state's optimizer. */
static bool is_scalar(const struct clg_store_state *state, const char *name, const char *word)
{
    size_t prefix = strlen(CLG_STATE_PREFIX), length = strlen(state->optimizer);

    return word && !strncmp(name, CLG_STATE_PREFIX, prefix) &&
           !strncmp(name + prefix, state->optimizer, length) && name[prefix + length] == '.' &&
           !strcmp(name + prefix + length + 1, word);
}

const struct clg_store_state *clg_state_find_scalar(const struct clg_store *store, const char *name,
                                                    bool *running)
{
    for (size_t i = 0; i < store->states.count; i++) {
        const struct clg_store_state *state = &store->states.items[i];

        *running = is_scalar(state, name, state->running);
        if (*running || is_scalar(state, name, "step"))
            return clg_state_has_memory(store, state) ? state : NULL;
    }
    return NULL;
}

uint64_t clg_state_steps_offset(const struct clg_store_state *state)
{
    return (uint64_t)(CLG_PART(state->part) + CLG_PART_STEPS) * sizeof(uint32_t);
}

uint64_t clg_state_running_offset(const struct clg_store_state *state)
{
    return (uint64_t)(CLG_PART(state->part) + CLG_PART_RUNNING) * sizeof(uint32_t);
}

static clg_status check_running(struct clg_ctx *ctx, const char *where, const char *name,
                                const struct clg_tensor_info *info)
{
    char has[CLG_SHAPE_TEXT];

    if (info->shape.rank == 0 && info->type == CLG_FILE_F32)
        return CLG_OK;
    return clg_fail(ctx, CLG_ERR_FORMAT, "%s: tensor '%s' is %s %s, must be one F32", where, name,
                    clg_file_type_name(info->type), clg_shape_text(&info->shape, has));
}

static clg_status check_steps(struct clg_ctx *ctx, const char *where, const char *name,
                              const struct clg_tensor_info *info, const void *data)
{
    char has[CLG_SHAPE_TEXT];
    uint64_t steps = 0;

    if (info->shape.rank != 0 || (info->type != CLG_FILE_U32 && info->type != CLG_FILE_U64))
        return clg_fail(ctx, CLG_ERR_FORMAT, "%s: tensor '%s' is %s %s, must be one U32 or U64",
                        where, name, clg_file_type_name(info->type),
                        clg_shape_text(&info->shape, has));
    memcpy(&steps, data, (size_t)info->bytes);
    if (steps > CLG_STEPS_MAX)
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "%s: tensor '%s' is %" PRIu64 ", must be a number from 0 to %" PRId64,
                        where, name, steps, CLG_STEPS_MAX);
    return CLG_OK;
}

clg_status clg_state_check_scalar(struct clg_ctx *ctx, const char *where, const char *name, bool running,
                                  const struct clg_tensor_info *info, const void *data)
{
    return running ? check_running(ctx, where, name, info)
                   : check_steps(ctx, where, name, info, data);
}

/* A running number goes into both its words: which of them is read depends on the steps. */
clg_status clg_state_write_scalar(struct clg_store *store, const struct clg_store_state *state, bool running,
                                  const struct clg_tensor_info *info, const void *data)
{
    uint32_t words[2] = {0};

    memcpy(words, data, (size_t)info->bytes);
    if (running)
        words[1] = words[0];
    return clg_buffer_write(store->block,
                            running ? clg_state_running_offset(state)
                                    : clg_state_steps_offset(state),
                            words, sizeof(words));
}

clg_status clg_state_check(struct clg_ctx *ctx, const char *where, const char *name,
                           const struct clg_tensor_info *info, const struct clg_entry *entry)
{
    char has[CLG_SHAPE_TEXT], needs[CLG_SHAPE_TEXT];

    if (!clg_file_type_is_float(info->type) || clg_file_type_size(info->type) < 2)
        return clg_fail(ctx, CLG_ERR_FORMAT, "%s: tensor '%s' is %s, must be F32, F64, F16 or BF16",
                        where, name, clg_file_type_name(info->type));
    if (info->shape.rank != entry->shape.rank ||
        memcmp(info->shape.dim, entry->shape.dim,
               (size_t)entry->shape.rank * sizeof(entry->shape.dim[0])))
        return clg_fail(ctx, CLG_ERR_FORMAT, "%s: tensor '%s' has shape %s, the store needs %s",
                        where, name, clg_shape_text(&info->shape, has),
                        clg_shape_text(&entry->shape, needs));
    return CLG_OK;
}

static clg_status write_floats(struct clg_store *store, struct clg_buffer *buffer,
                               const struct clg_entry *entry, const struct clg_kept *kept)
{
    struct clg_ctx *ctx = store->object.ctx;
    float *values = clg_new(ctx, (size_t)entry->count, sizeof(*values));
    clg_status status;

    if (!values)
        return CLG_ERR_MEMORY;
    clg_safetensors_floats(kept->info.type, kept->data, entry->count, values);
    status = clg_buffer_write(buffer, entry->offset * sizeof(float), values,
                              (size_t)entry->count * sizeof(float));
    clg_free(ctx, values);
    return status;
}

/* Takes kept tensor i into the owner's state when it is one and has memory. */
static clg_status restore(struct clg_store *store, const void *owner, size_t i, bool *taken)
{
    struct clg_kept *kept = &store->kept.items[i];
    const struct clg_store_state *state;
    const struct clg_entry *entry;
    struct clg_buffer *buffer;
    size_t index;
    int64_t at;
    bool running;

    *taken = false;
    state = clg_state_find_scalar(store, kept->name, &running);
    if (state && state->owner == owner) {
        CLG_TRY(clg_state_check_scalar(store->object.ctx, "the file loaded", kept->name, running,
                                       &kept->info, kept->data));
        CLG_TRY(clg_state_write_scalar(store, state, running, &kept->info, kept->data));
        *taken = true;
        return CLG_OK;
    }
    if (!clg_state_find(store, kept->name, &index, &at))
        return CLG_OK;
    state = &store->states.items[index];
    entry = store->entries.items[at];
    buffer = state->owner == owner ? clg_state_buffer(store, state, at) : NULL;
    if (!buffer)
        return CLG_OK;
    CLG_TRY(clg_state_check(store->object.ctx, "the file loaded", kept->name, &kept->info, entry));
    CLG_TRY(write_floats(store, buffer, entry, kept));
    *taken = true;
    return CLG_OK;
}

clg_status clg_store_restore_states(struct clg_store *store, const void *owner)
{
    struct clg_ctx *ctx = store->object.ctx;
    clg_kept_list *list = &store->kept;
    clg_status status = CLG_OK;
    size_t left = 0;

    for (size_t i = 0; i < list->count; i++) {
        bool taken = false;

        if (status == CLG_OK)
            status = restore(store, owner, i, &taken);
        if (!taken) {
            list->items[left++] = list->items[i];
            continue;
        }
        clg_store_written(store);
        clg_free(ctx, list->items[i].name);
        clg_free(ctx, list->items[i].data);
    }
    list->count = left;
    return status;
}
