/* The store and its entries by name. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include "base/hash.h"
#include "base/text.h"
#include "store/object.h"

static void entry_free(struct clg_ctx *ctx, struct clg_entry *entry)
{
    if (!entry)
        return;
    clg_free(ctx, entry->name);
    clg_free(ctx, entry);
}

static void store_finish(struct clg_object *object)
{
    struct clg_store *store = (struct clg_store *)object;
    struct clg_ctx *ctx = object->ctx;

    for (size_t i = 0; i < store->entries.count; i++)
        entry_free(ctx, store->entries.items[i]);
    for (size_t i = 0; i < store->chunks.count; i++) {
        clg_buffer_destroy(store->chunks.items[i].value);
        clg_buffer_destroy(store->chunks.items[i].gradient);
    }
    clg_buffer_destroy(store->block);
    clg_buffer_destroy(store->arena);
    clg_kept_free(ctx, &store->kept);
    clg_free(ctx, store->entries.items);
    clg_free(ctx, store->chunks.items);
    clg_free(ctx, store->states.items);
    clg_free(ctx, store->slots);
    clg_free(ctx, store);
}

clg_store *clg_store_create(clg_device *device, uint64_t seed)
{
    struct clg_object *parent;
    struct clg_store *store;

    if (!device)
        return NULL;
    parent = clg_device_object(device);
    store = clg_new(parent->ctx, 1, sizeof(*store));
    if (!store)
        return NULL;
    store->device = device;
    store->seed = seed;
    store->chunk_limit = UINT64_MAX;
    clg_object_init(&store->object, parent, store_finish);
    return store;
}

void clg_store_destroy(clg_store **store)
{
    if (!store || !*store)
        return;
    clg_object_destroy(&(*store)->object);
    *store = NULL;
}

struct clg_object *clg_store_object(struct clg_store *store)
{
    return &store->object;
}

struct clg_device *clg_store_device(const struct clg_store *store)
{
    return store->device;
}

uint64_t clg_store_seed(const struct clg_store *store)
{
    return store->seed;
}

void clg_store_seal(clg_store *store)
{
    if (store)
        store->sealed = true;
}

/* ---- the table of names ---- */

static size_t find_slot(const struct clg_store *store, const char *name)
{
    size_t i = (size_t)clg_hash_string(CLG_HASH_START, name) & (store->slot_count - 1);

    while (store->slots[i] >= 0 && strcmp(store->entries.items[store->slots[i]]->name, name) != 0)
        i = (i + 1) & (store->slot_count - 1);
    return i;
}

int64_t clg_store_find(const struct clg_store *store, const char *name)
{
    return store->slot_count ? store->slots[find_slot(store, name)] : -1;
}

/* Keeps the table at most half full. */
static clg_status make_room(struct clg_store *store)
{
    struct clg_ctx *ctx = store->object.ctx;
    size_t count = store->slot_count ? 2 * store->slot_count : 32;
    int64_t *slots;

    if (2 * (store->entries.count + 1) <= store->slot_count)
        return CLG_OK;
    slots = clg_new(ctx, count, sizeof(*slots));
    if (!slots)
        return CLG_ERR_MEMORY;
    clg_free(ctx, store->slots);
    store->slots = slots;
    store->slot_count = count;
    memset(slots, 0xff, count * sizeof(*slots));
    for (size_t i = 0; i < store->entries.count; i++)
        slots[find_slot(store, store->entries.items[i]->name)] = (int64_t)i;
    return CLG_OK;
}

/* ---- entries ---- */

static const char *kind_word(enum clg_entry_kind kind)
{
    return kind == CLG_ENTRY_PARAMETER ? "parameter" : "state";
}

static bool same_shape(const clg_shape *a, const clg_shape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof(a->dim[0]));
}

/* Names become keys of JSON in files, and two kinds mean something else there. */
static clg_status check_name(struct clg_ctx *ctx, const char *name)
{
    json_t *json;

    if (!name || !*name)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "an entry of the store needs a name");
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return clg_fail(ctx, CLG_ERR_ARGUMENT,
                            "parameter '%.*s...': the name has control characters", (int)(c - name),
                            name);
    if (!strncmp(name, CLG_STATE_PREFIX, strlen(CLG_STATE_PREFIX)) || !strcmp(name, "__metadata__"))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "parameter '%s': names that begin with '%s' and '__metadata__' have "
                        "another meaning in files",
                        name, CLG_STATE_PREFIX);
    json = json_string(name);
    if (!json)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "parameter '%s': the name is not UTF-8", name);
    json_decref(json);
    return CLG_OK;
}

static clg_status check_shape(struct clg_ctx *ctx, const char *name, const clg_shape *shape)
{
    char text[CLG_SHAPE_TEXT];
    int64_t count = 1;

    if (shape->rank < 0 || shape->rank > CLG_MAX_RANK)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "parameter '%s': rank is %d, must be 0 to %d", name,
                        shape->rank, CLG_MAX_RANK);
    for (int32_t i = 0; i < shape->rank; i++) {
        if (shape->dim[i] <= 0 || shape->dim[i] >= CLG_BATCH)
            return clg_fail(ctx, CLG_ERR_ARGUMENT,
                            "parameter '%s': the dimensions of shape %s must be positive numbers, "
                            "not multiples of the batch",
                            name, clg_shape_text(shape, text));
        if (count * shape->dim[i] >= INT64_C(1) << 31)
            return clg_fail(ctx, CLG_ERR_LIMIT,
                            "parameter '%s': shape %s has 2^31 elements or more", name,
                            clg_shape_text(shape, text));
        count *= shape->dim[i];
    }
    return CLG_OK;
}

static clg_status check_existing(struct clg_store *store, const struct clg_entry *entry,
                                 enum clg_entry_kind kind, const clg_shape *shape)
{
    char has[CLG_SHAPE_TEXT], wants[CLG_SHAPE_TEXT];

    if (entry->kind != kind)
        return clg_fail(store->object.ctx, CLG_ERR_ARGUMENT, "'%s' is a %s of the store, not a %s",
                        entry->name, kind_word(entry->kind), kind_word(kind));
    if (!same_shape(&entry->shape, shape))
        return clg_fail(store->object.ctx, CLG_ERR_ARGUMENT,
                        "%s '%s': the store has it with shape %s, not %s", kind_word(kind),
                        entry->name, clg_shape_text(&entry->shape, has),
                        clg_shape_text(shape, wants));
    return CLG_OK;
}

static struct clg_entry *entry_create(struct clg_ctx *ctx, const char *name,
                                      enum clg_entry_kind kind, const clg_shape *shape,
                                      const clg_init *init)
{
    struct clg_entry *entry = clg_new(ctx, 1, sizeof(*entry));

    if (!entry)
        return NULL;
    *entry = (struct clg_entry){.name = clg_strdup(ctx, name),
                                .kind = kind,
                                .shape = clg_shape_make(shape->rank, shape->dim),
                                .count = (uint64_t)clg_shape_count(shape)};
    if (init)
        entry->init = *init;
    if (entry->name)
        return entry;
    entry_free(ctx, entry);
    return NULL;
}

static int64_t add_entry(struct clg_store *store, const char *name, enum clg_entry_kind kind,
                         const clg_shape *shape, const clg_init *init)
{
    struct clg_ctx *ctx = store->object.ctx;
    struct clg_entry *entry, **slot;

    if (store->sealed) {
        clg_fail(ctx, CLG_ERR_ARGUMENT, "%s '%s': the store has none of this name, and is sealed",
                 kind_word(kind), name);
        return -1;
    }
    if (check_name(ctx, name) != CLG_OK || check_shape(ctx, name, shape) != CLG_OK ||
        clg_init_check(ctx, name, shape, init) != CLG_OK || make_room(store) != CLG_OK)
        return -1;
    entry = entry_create(ctx, name, kind, shape, init);
    slot = entry ? CLG_PUSH(ctx, store->entries) : NULL;
    if (!slot) {
        entry_free(ctx, entry);
        return -1;
    }
    *slot = entry;
    store->slots[find_slot(store, name)] = (int64_t)store->entries.count - 1;
    return (int64_t)store->entries.count - 1;
}

int64_t clg_store_entry(struct clg_store *store, const char *name, enum clg_entry_kind kind,
                        clg_shape shape, const clg_init *init)
{
    int64_t index = name ? clg_store_find(store, name) : -1;

    if (index < 0)
        return add_entry(store, name, kind, &shape, init);
    if (check_existing(store, store->entries.items[index], kind, &shape) != CLG_OK)
        return -1;
    return index;
}

const struct clg_entry *clg_store_get_entry(const struct clg_store *store, int64_t index)
{
    if (index < 0 || (size_t)index >= store->entries.count)
        return NULL;
    return store->entries.items[index];
}

void clg_store_mark_trained(struct clg_store *store, int64_t entry)
{
    store->entries.items[entry]->trained = true;
}

uint64_t clg_store_next_serial(struct clg_store *store)
{
    return ++store->plans;
}

void clg_store_set_gradient_of(struct clg_store *store, int64_t entry, uint64_t plan)
{
    store->entries.items[entry]->gradient_of = plan;
}

struct clg_entry *clg_store_lookup(struct clg_store *store, const char *name)
{
    int64_t index = name ? clg_store_find(store, name) : -1;

    if (index >= 0)
        return store->entries.items[index];
    clg_fail(store->object.ctx, CLG_ERR_ARGUMENT, "the store has no parameter '%s'",
             name ? name : "");
    return NULL;
}

/* ---- what the application sees ---- */

size_t clg_store_count(const clg_store *store)
{
    return store ? store->entries.count : 0;
}

const char *clg_store_name(const clg_store *store, size_t i)
{
    return store && i < store->entries.count ? store->entries.items[i]->name : NULL;
}

clg_status clg_store_describe(clg_store *store, const char *name, clg_shape *shape_out,
                              bool *trainable_out)
{
    const struct clg_entry *entry;

    if (!store || !CLG_GIVEN(store, name))
        return CLG_ERR_ARGUMENT;
    entry = clg_store_lookup(store, name);
    if (!entry)
        return CLG_ERR_ARGUMENT;
    if (shape_out)
        *shape_out = entry->shape;
    if (trainable_out)
        *trainable_out = entry->kind == CLG_ENTRY_PARAMETER;
    return CLG_OK;
}
