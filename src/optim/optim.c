/* Optimizers as objects: parameters, learning rate, states. */
#include "optim/optim.h"

#include <math.h>
#include <string.h>

static void free_strings(struct clg_optimizer *optimizer)
{
    struct clg_ctx *ctx = optimizer->object.ctx;

    clg_free(ctx, (char *)optimizer->params.name);
    clg_free(ctx, (char *)optimizer->params.match);
    for (size_t i = 0; optimizer->no_decay && optimizer->no_decay[i]; i++)
        clg_free(ctx, optimizer->no_decay[i]);
    clg_free(ctx, optimizer->no_decay);
    clg_optimizer_free_groups(optimizer);
}

static void optimizer_finish(struct clg_object *object)
{
    struct clg_optimizer *optimizer = (struct clg_optimizer *)object;
    struct clg_ctx *ctx = object->ctx;

    clg_store_remove_states(optimizer->store, optimizer);
    if (optimizer->part >= 0)
        clg_store_give_part(optimizer->store, optimizer->part);
    for (size_t i = 0; i < optimizer->updates.count; i++)
        optimizer->updates.items[i]->optimizer = NULL;
    for (size_t i = 0; i < optimizer->chunks.count; i++) {
        clg_buffer_destroy(optimizer->chunks.items[i].sum);
        for (uint32_t s = 0; s < CLG_RULE_STATES; s++)
            clg_buffer_destroy(optimizer->chunks.items[i].state[s]);
    }
    free_strings(optimizer);
    clg_free(ctx, optimizer->trained.items);
    clg_free(ctx, optimizer->chunks.items);
    clg_free(ctx, optimizer->updates.items);
    clg_free(ctx, optimizer);
}

clg_optimizer_params clg_optimizer_defaults(const char *rule)
{
    const struct clg_rule *found = clg_rule_find(rule);
    clg_optimizer_params params = {.name = NULL};

    for (const struct clg_number *n = found ? found->numbers : NULL; n && n->name; n++)
        clg_number_set(n, &params, n->fallback);
    return params;
}

/* ---- creation ---- */

static clg_status copy_patterns(struct clg_optimizer *optimizer, const char *const *patterns)
{
    struct clg_ctx *ctx = optimizer->object.ctx;
    size_t count = 0;

    while (patterns && patterns[count])
        count++;
    optimizer->no_decay = clg_new(ctx, count + 1, sizeof(*optimizer->no_decay));
    if (!optimizer->no_decay)
        return CLG_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        optimizer->no_decay[i] = clg_strdup(ctx, patterns[i]);
        if (!optimizer->no_decay[i])
            return CLG_ERR_MEMORY;
    }
    optimizer->params.no_decay = (const char *const *)optimizer->no_decay;
    return CLG_OK;
}

static clg_status copy_params(struct clg_optimizer *optimizer, const clg_optimizer_params *params)
{
    struct clg_ctx *ctx = optimizer->object.ctx;

    optimizer->params = *params;
    optimizer->params.no_decay = NULL;
    optimizer->params.match = NULL;
    optimizer->params.name = clg_strdup(ctx, params->name ? params->name : optimizer->rule->name);
    if (!optimizer->params.name)
        return CLG_ERR_MEMORY;
    optimizer->params.match = clg_strdup(ctx, params->match ? params->match : "*");
    if (!optimizer->params.match)
        return CLG_ERR_MEMORY;
    return copy_patterns(optimizer, params->no_decay);
}

static clg_status check_lr(struct clg_ctx *ctx, const char *name, float lr)
{
    if (lr >= 0 && isfinite(lr))
        return CLG_OK;
    return clg_fail(ctx, CLG_ERR_ARGUMENT,
                    "optimizer '%s': the learning rate is %g, must be 0 or a positive number", name,
                    (double)lr);
}

static clg_status check_params(struct clg_ctx *ctx, const struct clg_rule *rule, float lr,
                               const clg_optimizer_params *params)
{
    const char *name = params->name ? params->name : rule->name;

    if (!*name || strchr(name, '.'))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "optimizer '%s': the name must not be empty or have a point", name);
    CLG_TRY(check_lr(ctx, name, lr));
    return clg_rule_check(ctx, rule, name, params);
}

static struct clg_buffer *state_buffer(void *owner, uint32_t index, uint32_t chunk)
{
    const struct clg_optimizer *optimizer = owner;

    return chunk < optimizer->chunks.count ? optimizer->chunks.items[chunk].state[index] : NULL;
}

static bool has_entry(void *owner, int64_t entry)
{
    const struct clg_optimizer *optimizer = owner;

    for (size_t i = 0; i < optimizer->trained.count; i++)
        if (optimizer->trained.items[i] == entry)
            return true;
    return false;
}

static void choose_states(struct clg_optimizer *optimizer)
{
    const struct clg_rule *rule = optimizer->rule;
    uint32_t used = rule->used(&optimizer->params);

    for (uint32_t s = 0; rule->states[s]; s++)
        if (used >> s & 1)
            optimizer->state[optimizer->states++] = rule->states[s];
}

static clg_status register_states(struct clg_optimizer *optimizer)
{
    for (uint32_t s = 0; s < optimizer->states; s++) {
        const struct clg_store_state state = {.optimizer = optimizer->params.name,
                                              .state = optimizer->state[s],
                                              .owner = optimizer,
                                              .index = s,
                                              .part = optimizer->part,
                                              .running = optimizer->rule->running[0],
                                              .buffer = state_buffer,
                                              .has = has_entry};
        CLG_TRY(clg_store_add_state(optimizer->store, &state));
    }
    return CLG_OK;
}

/* A part of the block, which an optimizer before may have used. */
static clg_status take_part(struct clg_optimizer *optimizer)
{
    struct clg_buffer *block = clg_store_block(optimizer->store);

    optimizer->part = clg_store_take_part(optimizer->store);
    if (optimizer->part >= 0 && block)
        return clg_buffer_fill(block, (uint64_t)CLG_PART(optimizer->part) * 4,
                               (CLG_PART(1) - CLG_PART(0)) * 4, 0);
    if (optimizer->part >= 0)
        return CLG_OK;
    return clg_fail(optimizer->object.ctx, CLG_ERR_LIMIT,
                    "optimizer '%s': the store has %d optimizers already, more are not possible",
                    optimizer->params.name, CLG_BLOCK_OPTIMIZERS);
}

static struct clg_optimizer *create(clg_store *store, const struct clg_rule *rule, float lr,
                                    const clg_optimizer_params *params)
{
    struct clg_object *parent = clg_store_object(store);
    struct clg_optimizer *optimizer = clg_new(parent->ctx, 1, sizeof(*optimizer));
    clg_status status;

    if (!optimizer)
        return NULL;
    optimizer->store = store;
    optimizer->rule = rule;
    optimizer->lr = lr;
    optimizer->max_norm = optimizer->most = INFINITY;
    optimizer->part = -1;
    clg_object_init(&optimizer->object, parent, optimizer_finish);
    status = copy_params(optimizer, params);
    if (status == CLG_OK)
        status = take_part(optimizer);
    choose_states(optimizer);
    if (status == CLG_OK)
        status = register_states(optimizer);
    if (status != CLG_OK)
        clg_optimizer_destroy(&optimizer);
    return optimizer;
}

clg_optimizer *clg_optimizer_create(clg_store *store, const char *rule, float lr,
                                    const clg_optimizer_params *params)
{
    const struct clg_rule *found = clg_rule_find(rule);
    clg_optimizer_params p = params ? *params : clg_optimizer_defaults(rule);
    struct clg_ctx *ctx;
    char names[CLG_RULE_NAMES];

    if (!store || !CLG_GIVEN(store, rule))
        return NULL;
    ctx = clg_store_object(store)->ctx;
    if (!found) {
        clg_rule_names(names);
        clg_fail(ctx, CLG_ERR_ARGUMENT, "optimizer '%s' is not one: there are %s", rule,
                 names);
        return NULL;
    }
    return check_params(ctx, found, lr, &p) == CLG_OK ? create(store, found, lr, &p) : NULL;
}

clg_optimizer *clg_sgd_create(clg_store *store, float lr, const clg_optimizer_params *params)
{
    return clg_optimizer_create(store, "sgd", lr, params);
}

clg_optimizer *clg_adam_create(clg_store *store, float lr, const clg_optimizer_params *params)
{
    return clg_optimizer_create(store, "adam", lr, params);
}

clg_optimizer *clg_adamw_create(clg_store *store, float lr, const clg_optimizer_params *params)
{
    return clg_optimizer_create(store, "adamw", lr, params);
}

void clg_optimizer_destroy(clg_optimizer **optimizer)
{
    if (!optimizer || !*optimizer)
        return;
    clg_object_destroy(&(*optimizer)->object);
    *optimizer = NULL;
}

/* ---- states ---- */

static clg_status allocate_chunk(struct clg_optimizer *optimizer, uint32_t chunk)
{
    struct clg_optimizer_chunk *slot;

    while (optimizer->chunks.count <= chunk) {
        slot = CLG_PUSH(optimizer->object.ctx, optimizer->chunks);
        if (!slot)
            return CLG_ERR_MEMORY;
        *slot = (struct clg_optimizer_chunk){.state = {NULL}};
    }
    slot = &optimizer->chunks.items[chunk];
    if (optimizer->accumulates && !slot->sum) {
        slot->sum = clg_store_create_beside(optimizer->store, chunk);
        if (!slot->sum)
            return clg_error_status(optimizer->object.ctx);
        clg_buffer_count_as(slot->sum, CLG_MEMORY_GRADIENTS);
    }
    for (uint32_t s = 0; s < optimizer->states; s++) {
        if (!slot->state[s])
            slot->state[s] = clg_store_create_beside(optimizer->store, chunk);
        if (!slot->state[s])
            return clg_error_status(optimizer->object.ctx);
    }
    return CLG_OK;
}

clg_status clg_optimizer_allocate(struct clg_optimizer *optimizer)
{
    CLG_TRY(clg_store_allocate(optimizer->store));
    CLG_TRY(clg_store_allocate_gradients(optimizer->store));
    for (size_t i = 0; i < optimizer->trained.count; i++) {
        int64_t entry = optimizer->trained.items[i];
        CLG_TRY(allocate_chunk(optimizer, clg_store_get_entry(optimizer->store, entry)->chunk));
    }
    return clg_store_restore_states(optimizer->store, optimizer);
}

static bool trains_chunk(const struct clg_optimizer *optimizer, uint32_t chunk)
{
    for (size_t i = 0; i < optimizer->trained.count; i++)
        if (clg_store_get_entry(optimizer->store, optimizer->trained.items[i])->chunk == chunk)
            return true;
    return false;
}

void clg_optimizer_measure(const struct clg_optimizer *optimizer, clg_memory *sum)
{
    for (uint32_t c = 0; c < clg_store_chunks(optimizer->store); c++) {
        struct clg_view view = clg_store_chunk_value(optimizer->store, c);
        uint64_t bytes = sizeof(float) * (uint64_t)clg_shape_count(&view.shape);
        bool made = optimizer->states == 0 || state_buffer((void *)optimizer, 0, c);

        if (!trains_chunk(optimizer, c))
            continue;
        if (!made)
            sum->states += optimizer->states * bytes;
        if (optimizer->accumulates &&
            (c >= optimizer->chunks.count || !optimizer->chunks.items[c].sum))
            sum->gradients += bytes;
    }
}

/* ---- the learning rate ---- */

clg_status clg_optimizer_send_lr(struct clg_optimizer *optimizer)
{
    struct clg_buffer *block = clg_store_block(optimizer->store);
    uint32_t word;

    if (!block)
        return CLG_OK; /* sent when the first plan is compiled */
    memcpy(&word, &optimizer->lr, sizeof(word));
    /* a fill, unlike a write, does not wait */
    return clg_buffer_fill(block, (uint64_t)(CLG_PART(optimizer->part) + CLG_PART_LR) * sizeof(word),
                           sizeof(word), word);
}

clg_status clg_optimizer_set_lr(clg_optimizer *optimizer, float lr)
{
    if (!optimizer)
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_lr(optimizer->object.ctx, optimizer->params.name, lr));
    optimizer->lr = lr;
    return clg_optimizer_send_lr(optimizer);
}

float clg_optimizer_get_lr(const clg_optimizer *optimizer)
{
    return optimizer ? optimizer->lr : 0;
}
