/* Copies of entries for the application. */
#include "store/object.h"

/* Checks what the functions below are given; *entry_out stays NULL on failure. */
static clg_status check_copy(struct clg_store *store, const char *name, size_t bytes,
                             const struct clg_entry **entry_out)
{
    const struct clg_entry *entry = clg_store_lookup(store, name);
    struct clg_ctx *ctx = store->object.ctx;

    *entry_out = NULL;
    if (!entry)
        return CLG_ERR_ARGUMENT;
    if (bytes != entry->count * sizeof(float))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "parameter '%s': has %llu bytes (float32), values has %zu", name,
                        (unsigned long long)(entry->count * sizeof(float)), bytes);
    CLG_TRY(clg_store_allocate(store));
    *entry_out = entry;
    return CLG_OK;
}

clg_status clg_store_get(clg_store *store, const char *name, float *values, size_t bytes)
{
    const struct clg_entry *entry;

    if (!store || !CLG_GIVEN(store, name) || !CLG_GIVEN(store, values))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_copy(store, name, bytes, &entry));
    return clg_buffer_read(store->chunks.items[entry->chunk].value, entry->offset * sizeof(float),
                           values, bytes);
}

clg_status clg_store_set(clg_store *store, const char *name, const float *values, size_t bytes)
{
    const struct clg_entry *entry;

    if (!store || !CLG_GIVEN(store, name) || !CLG_GIVEN(store, values))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_copy(store, name, bytes, &entry));
    clg_store_written(store);
    return clg_buffer_write(store->chunks.items[entry->chunk].value, entry->offset * sizeof(float),
                            values, bytes);
}

/* The same for its gradient, and where that lies. */
static clg_status check_gradient(struct clg_store *store, const char *name, size_t bytes,
                                 const struct clg_entry **entry_out, struct clg_buffer **out)
{
    CLG_TRY(check_copy(store, name, bytes, entry_out));
    *out = store->chunks.items[(*entry_out)->chunk].gradient;
    if (!(*entry_out)->trained || !*out)
        return clg_fail(store->object.ctx, CLG_ERR_STATE,
                        "parameter '%s': has no gradient, because no plan trains it", name);
    return CLG_OK;
}

clg_status clg_store_get_gradient(clg_store *store, const char *name, float *values, size_t bytes)
{
    const struct clg_entry *entry;
    struct clg_buffer *gradient;

    if (!store || !CLG_GIVEN(store, name) || !CLG_GIVEN(store, values))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_gradient(store, name, bytes, &entry, &gradient));
    return clg_buffer_read(gradient, entry->offset * sizeof(float), values, bytes);
}

clg_status clg_store_set_gradient(clg_store *store, const char *name, const float *values,
                                  size_t bytes)
{
    const struct clg_entry *entry;
    struct clg_buffer *gradient;

    if (!store || !CLG_GIVEN(store, name) || !CLG_GIVEN(store, values))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_gradient(store, name, bytes, &entry, &gradient));
    store->gradient_writes++;
    return clg_buffer_write(gradient, entry->offset * sizeof(float), values, bytes);
}
