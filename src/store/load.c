/* Reading safetensors into the store: everything is checked before anything is written. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/hash.h"
#include "base/magic.h"
#include "store/object.h"

/* Where a tensor of the file goes. */
enum goal { GOAL_NOWHERE, GOAL_ENTRY, GOAL_STATE, GOAL_SCALAR, GOAL_KEPT };
struct target {
    enum goal goal;
    bool running; /* of a scalar: no count of steps */
    size_t state;
    int64_t entry;
};
struct load {
    struct clg_store *store;
    struct clg_ctx *ctx;
    const char *path;
    clg_load_params params;
    clg_load_report report;
    struct clg_safetensors file;
    struct target *targets; /* one per tensor of the file */
    bool *found;            /* one per entry */
    float *values;          /* room for the largest entry */
    clg_kept_list kept;
    uint64_t draws;
    uint64_t steps;
};

static void load_finish(struct load *load)
{
    clg_free(load->ctx, load->targets);
    clg_free(load->ctx, load->found);
    clg_free(load->ctx, load->values);
    clg_kept_free(load->ctx, &load->kept);
    clg_safetensors_finish(&load->file);
}

/* ---- what goes where ---- */

/* Whether the call is about an entry of this name. */
static bool concerns(const struct load *load, const char *name)
{
    const char *const *match = load->params.match;

    for (; match && *match; match++)
        if (clg_match(*match, name))
            return true;
    return !load->params.match;
}

static void choose_state(const struct load *load, const char *name, struct target *target)
{
    const struct clg_store *store = load->store;
    const struct clg_entry *entry;

    if (!load->params.states)
        return;
    if (clg_state_find_scalar(store, name, &target->running)) {
        target->goal = GOAL_SCALAR;
        return;
    }
    target->goal = GOAL_KEPT;
    if (!clg_state_find(store, name, &target->state, &target->entry))
        return;
    entry = store->entries.items[target->entry];
    if (!concerns(load, entry->name))
        target->goal = GOAL_NOWHERE;
    else if (clg_state_buffer(store, &store->states.items[target->state], target->entry))
        target->goal = GOAL_STATE;
}

/* Also notes which entries were found. *extra: a float tensor that the store does not have. */
static void choose(struct load *load, size_t i, bool *extra)
{
    const struct clg_file_tensor *tensor = &load->file.tensors.items[i];
    struct target *target = &load->targets[i];

    *extra = false;
    *target = (struct target){.goal = GOAL_NOWHERE, .entry = -1};
    if (clg_state_is_named(tensor->name)) {
        choose_state(load, tensor->name, target);
        return;
    }
    if (!load->params.values || !concerns(load, tensor->name))
        return;
    target->entry = clg_store_find(load->store, tensor->name);
    if (target->entry >= 0) {
        target->goal = GOAL_ENTRY;
        load->found[target->entry] = true;
    } else if (clg_file_type_is_float(tensor->info.type)) {
        *extra = true;
    } else {
        target->goal = GOAL_KEPT;
    }
}

/* ---- names that do not fit ---- */

#define LISTED 1500 /* characters of names in a sentence, about */

/* A list of names, and how many did not find room. */
struct names {
    struct clg_text text;
    size_t count, left_out;
};

static void add_name(struct names *names, const char *name, const clg_shape *shape)
{
    char text[CLG_SHAPE_TEXT];

    names->count++;
    if (names->text.length > LISTED)
        names->left_out++;
    else
        clg_text_add(&names->text, "%s'%.200s' %s", names->count > 1 ? ", " : "", name,
                     clg_shape_text(shape, text));
}

static void add_names(struct clg_text *out, const char *before, const struct names *names,
                      const char *after)
{
    clg_text_add(out, "%s %s", before, names->text.data ? names->text.data : "");
    if (names->left_out)
        clg_text_add(out, " and %zu more", names->left_out);
    clg_text_add(out, "%s", after);
}

/* PyTorch counts batches in an integer that files may lack. */
static bool may_be_absent(const char *name)
{
    static const char last[] = "num_batches_tracked";
    size_t length = strlen(name);

    return length >= sizeof(last) - 1 && !strcmp(name + length - (sizeof(last) - 1), last);
}

static void add_missing(struct load *load, struct names *missing)
{
    for (size_t i = 0; load->params.values && i < load->store->entries.count; i++) {
        const struct clg_entry *entry = load->store->entries.items[i];

        if (!load->found[i] && !may_be_absent(entry->name) && concerns(load, entry->name))
            add_name(missing, entry->name, &entry->shape);
    }
}

/* Refuses names that are not allowed to differ, all of them in one sentence as PyTorch does. */
static clg_status judge(struct load *load, const struct names *missing, const struct names *extra)
{
    bool refuse_missing = missing->count && !load->params.missing;
    bool refuse_extra = extra->count && !load->params.extra;

    struct clg_text sentence = {.ctx = load->ctx};
    clg_status status = CLG_OK;

    load->report.missing = missing->count;
    load->report.extra = extra->count;
    if (refuse_missing)
        add_names(&sentence, "has no tensor", missing, ", which the store needs");
    if (refuse_missing && refuse_extra)
        clg_text_add(&sentence, "; ");
    if (refuse_extra)
        add_names(&sentence, "has", extra,
                  extra->count > 1 ? ", which are no parameters of the store"
                                   : ", which is no parameter of the store");
    if (missing->text.failed || extra->text.failed || sentence.failed)
        status = CLG_ERR_MEMORY;
    else if (sentence.length)
        status = clg_fail(load->ctx, CLG_ERR_FORMAT, "'%s': %s", load->path, sentence.data);
    clg_text_finish(&sentence);
    return status;
}

static clg_status choose_all(struct load *load)
{
    struct names missing = {.text.ctx = load->ctx}, extra = {.text.ctx = load->ctx};
    clg_status status;
    bool is_extra;

    for (size_t i = 0; i < load->file.tensors.count; i++) {
        const struct clg_file_tensor *tensor = &load->file.tensors.items[i];

        choose(load, i, &is_extra);
        if (is_extra)
            add_name(&extra, tensor->name, &tensor->info.shape);
    }
    add_missing(load, &missing);
    status = judge(load, &missing, &extra);
    clg_text_finish(&missing.text);
    clg_text_finish(&extra.text);
    return status;
}

/* ---- checks ---- */

static clg_status check_tensor(struct load *load, size_t i)
{
    const struct clg_file_tensor *tensor = &load->file.tensors.items[i];
    const struct target *target = &load->targets[i];
    char where[256];

    snprintf(where, sizeof(where), "'%s'", load->path);
    if (target->goal == GOAL_SCALAR)
        return clg_state_check_scalar(load->ctx, where, tensor->name, target->running, &tensor->info,
                                      load->file.body + tensor->offset);
    if (target->goal == GOAL_NOWHERE || target->entry < 0)
        return CLG_OK;
    return clg_state_check(load->ctx, where, tensor->name, &tensor->info,
                           load->store->entries.items[target->entry]);
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

    if (!load->params.counters)
        return CLG_OK;
    CLG_TRY(read_counter(load, CLG_KEY_STEP, CLG_STEPS_MAX, &steps));
    CLG_TRY(read_counter(load, CLG_KEY_DRAW, INT64_MAX, &draws));
    load->steps = (uint64_t)steps;
    load->draws = (uint64_t)draws;
    return CLG_OK;
}

/* A file without a checksum (PyTorch's) is taken as it is. */
static clg_status check_sum(const struct load *load)
{
    const char *says = clg_safetensors_metadata(&load->file, CLG_KEY_CHECKSUM);
    static const char *const keys[] = {CLG_KEY_STEP, CLG_KEY_DRAW};
    uint64_t sum = 0;
    char text[17];

    if (!says)
        return CLG_OK;
    for (size_t i = 0; i < 2; i++) {
        const char *value = clg_safetensors_metadata(&load->file, keys[i]);

        sum += value ? clg_safetensors_hash_pair(keys[i], value) : 0;
    }
    for (size_t i = 0; i < load->file.tensors.count; i++) {
        const struct clg_file_tensor *tensor = &load->file.tensors.items[i];

        sum += clg_hash_bytes(clg_safetensors_hash(tensor), load->file.body + tensor->offset,
                              (size_t)tensor->info.bytes);
    }
    snprintf(text, sizeof(text), "%016" PRIx64, sum);
    if (strcmp(text, says) == 0)
        return CLG_OK;
    return clg_fail(load->ctx, CLG_ERR_FORMAT,
                    "'%s': is damaged: its content has the checksum %s, but its metadata say %.32s "
                    "(what changes a file on purpose leaves clgrad.checksum out)",
                    load->path, text, says);
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

/* Makes room for what the store has kept from earlier files. */
static clg_status reserve_kept(struct load *load)
{
    size_t count = load->kept.count;

    for (size_t i = 0; i < load->store->kept.count; i++) {
        struct clg_kept *room = CLG_PUSH(load->ctx, load->kept);

        if (!room)
            return CLG_ERR_MEMORY;
    }
    load->kept.count = count;
    return CLG_OK;
}

static clg_status prepare(struct load *load)
{
    uint64_t largest = 1;

    for (size_t i = 0; i < load->file.tensors.count; i++) {
        const struct clg_file_tensor *tensor = &load->file.tensors.items[i];

        if (load->targets[i].goal == GOAL_KEPT)
            CLG_TRY(keep(load, tensor));
        else if (load->targets[i].goal != GOAL_NOWHERE && tensor->info.count > largest)
            largest = tensor->info.count;
    }
    CLG_TRY(reserve_kept(load));
    load->values = clg_new(load->ctx, (size_t)largest, sizeof(*load->values));
    return load->values ? clg_store_allocate(load->store) : CLG_ERR_MEMORY;
}

static void give_metadata(const struct load *load)
{
    if (load->params.metadata)
        clg_safetensors_each_metadata(&load->file, load->params.metadata, load->params.user);
}

static clg_status check(struct load *load)
{
    load->targets = clg_new(load->ctx, load->file.tensors.count, sizeof(*load->targets));
    load->found = clg_new(load->ctx, load->store->entries.count, sizeof(*load->found));
    if (!load->targets || !load->found)
        return CLG_ERR_MEMORY;
    CLG_TRY(check_sum(load));
    give_metadata(load);
    CLG_TRY(choose_all(load));
    for (size_t i = 0; i < load->file.tensors.count; i++)
        CLG_TRY(check_tensor(load, i));
    CLG_TRY(check_counters(load));
    return prepare(load);
}

/* ---- the change ---- */

static clg_status clear_state(const struct load *load, const struct clg_store_state *state)
{
    const struct clg_store *store = load->store;

    for (size_t i = 0; i < store->entries.count; i++) {
        const struct clg_entry *entry = store->entries.items[i];
        struct clg_buffer *buffer = clg_state_buffer(store, state, (int64_t)i);

        if (buffer && concerns(load, entry->name))
            CLG_TRY(clg_buffer_fill(buffer, entry->offset * sizeof(float),
                                    (size_t)entry->count * sizeof(float), 0));
    }
    CLG_TRY(clg_buffer_fill(store->block, clg_state_running_offset(state), sizeof(uint64_t), 0));
    return clg_buffer_fill(store->block, clg_state_steps_offset(state), sizeof(uint64_t), 0);
}

/* A file need not have states: those that are not in it start anew. */
static clg_status clear_states(const struct load *load)
{
    for (size_t s = 0; load->params.states && s < load->store->states.count; s++)
        CLG_TRY(clear_state(load, &load->store->states.items[s]));
    return CLG_OK;
}

static clg_status write_scalar(struct load *load, const struct clg_file_tensor *tensor)
{
    bool running;
    const struct clg_store_state *state =
        clg_state_find_scalar(load->store, tensor->name, &running);

    return clg_state_write_scalar(load->store, state, running, &tensor->info,
                                  load->file.body + tensor->offset);
}

static clg_status write_tensor(struct load *load, size_t i)
{
    const struct clg_file_tensor *tensor = &load->file.tensors.items[i];
    const struct target *target = &load->targets[i];
    const struct clg_entry *entry;
    struct clg_buffer *buffer;

    if (target->goal == GOAL_KEPT || target->goal == GOAL_NOWHERE)
        return CLG_OK;
    if (target->goal == GOAL_SCALAR)
        return write_scalar(load, tensor);
    entry = load->store->entries.items[target->entry];
    buffer = target->goal == GOAL_ENTRY
                 ? load->store->chunks.items[entry->chunk].value
                 : clg_state_buffer(load->store, &load->store->states.items[target->state],
                                    target->entry);
    clg_safetensors_floats(tensor->info.type, load->file.body + tensor->offset, entry->count,
                           load->values);
    if (target->goal == GOAL_ENTRY)
        load->report.values++;
    else
        load->report.states++;
    return clg_buffer_write(buffer, entry->offset * sizeof(float), load->values,
                            (size_t)entry->count * sizeof(float));
}

/* What earlier loads kept goes with what this one replaces, and stays with what it left out. There
 * is room for it. */
static void keep_old(struct load *load)
{
    clg_kept_list *old = &load->store->kept;

    for (size_t i = 0; i < old->count; i++) {
        struct clg_kept *kept = &old->items[i];

        if (clg_state_is_named(kept->name) ? load->params.states : load->params.values)
            continue;
        load->kept.items[load->kept.count++] = *kept;
        *kept = (struct clg_kept){0};
    }
}

static clg_status commit(struct load *load)
{
    clg_kept_list old;

    clg_store_written(load->store);
    CLG_TRY(clear_states(load));
    for (size_t i = 0; i < load->file.tensors.count; i++)
        CLG_TRY(write_tensor(load, i));
    CLG_TRY(load->params.counters ? clg_block_restore(load->store, load->draws, load->steps)
                                  : clg_store_clear_bad(load->store));
    keep_old(load);
    old = load->store->kept;
    load->store->kept = load->kept;
    load->kept = old;
    return CLG_OK;
}

/* So that a large file of another kind is refused before it is read. */
static clg_status check_head(struct clg_ctx *ctx, const char *path)
{
    char head[CLG_MAGIC_SIZE];
    uint64_t size;
    FILE *stream = clg_file_open_regular(ctx, path, &size);
    size_t have;

    if (!stream)
        return clg_error_status(ctx);
    have = fread(head, 1, sizeof(head), stream);
    fclose(stream);
    return clg_safetensors_check_head(ctx, path, head, have, size);
}

clg_load_params clg_load_defaults(void)
{
    return (clg_load_params){.values = true, .states = true, .counters = true};
}

clg_status clg_store_load_with(clg_store *store, const char *path, const clg_load_params *params,
                               clg_load_report *report)
{
    struct load load = {.store = store, .path = path};
    clg_status status;
    char *data;
    size_t size;

    if (!store || !CLG_GIVEN(store, path))
        return CLG_ERR_ARGUMENT;
    load.ctx = store->object.ctx;
    load.params = params ? *params : clg_load_defaults();
    CLG_TRY(check_head(load.ctx, path));
    CLG_TRY(clg_file_read(load.ctx, path, &data, &size));
    status = clg_safetensors_parse(&load.file, load.ctx, path, data, size);
    if (status == CLG_OK)
        status = check(&load);
    if (status == CLG_OK)
        status = commit(&load);
    if (status == CLG_OK && report)
        *report = load.report;
    load_finish(&load);
    clg_free(load.ctx, data);
    return status;
}

clg_status clg_store_load(clg_store *store, const char *path)
{
    return clg_store_load_with(store, path, NULL, NULL);
}
