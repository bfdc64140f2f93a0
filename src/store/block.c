/* The step block: counters, flags, and a part per optimizer. */
#include "store/object.h"

struct clg_buffer *clg_store_block(const struct clg_store *store)
{
    return store->block;
}

int clg_store_take_part(struct clg_store *store)
{
    for (int i = 0; i < CLG_BLOCK_OPTIMIZERS; i++)
        if (!(store->parts >> i & 1)) {
            store->parts |= 1u << i;
            return i;
        }
    return -1;
}

void clg_store_give_part(struct clg_store *store, int part)
{
    store->parts &= ~(1u << part);
}

clg_status clg_store_look(struct clg_store *store, int part)
{
    return clg_buffer_fill(store->block, (uint64_t)(CLG_PART(part) + CLG_PART_LOOK) * 4, 4, 1);
}

uint64_t clg_store_writes(const struct clg_store *store)
{
    return store->writes;
}

uint64_t clg_store_gradient_writes(const struct clg_store *store)
{
    return store->gradient_writes;
}

void clg_store_written(struct clg_store *store)
{
    store->writes++;
}

clg_status clg_store_progress(clg_store *store, clg_progress *out)
{
    uint32_t words[CLG_BLOCK_WORDS] = {0};

    if (!store || !CLG_GIVEN(store, out))
        return CLG_ERR_ARGUMENT;
    if (store->block)
        CLG_TRY(clg_buffer_read(store->block, 0, words, sizeof(words)));
    *out = (clg_progress){
        .draws = words[CLG_BLOCK_DRAW] | (uint64_t)words[CLG_BLOCK_DRAW_HIGH] << 32,
        .steps = words[CLG_BLOCK_STEP] | (uint64_t)words[CLG_BLOCK_STEP_HIGH] << 32,
        .bad_loss = words[CLG_BLOCK_WHY] & CLG_RAISED_LOSS,
        .bad_update = words[CLG_BLOCK_WHY] & CLG_RAISED_UPDATE,
        .bad_index = words[CLG_BLOCK_WHY] & CLG_RAISED_INDEX,
        .first_bad_step =
            words[CLG_BLOCK_FIRST_BAD] | (uint64_t)words[CLG_BLOCK_FIRST_BAD_HIGH] << 32,
        .skipped = words[CLG_BLOCK_SKIPPED] | (uint64_t)words[CLG_BLOCK_SKIPPED_HIGH] << 32,
    };
    return CLG_OK;
}

clg_status clg_store_on_bad_step(clg_store *store, clg_bad_step what)
{
    if (!store)
        return CLG_ERR_ARGUMENT;
    if (what != CLG_BAD_STOP && what != CLG_BAD_SKIP)
        return clg_fail(store->object.ctx, CLG_ERR_ARGUMENT,
                        "on_bad_step is %d, must be CLG_BAD_STOP or CLG_BAD_SKIP", (int)what);
    store->on_bad_step = what;
    return store->block ? clg_buffer_fill(store->block, CLG_BLOCK_ON_BAD * 4, 4, what) : CLG_OK;
}

/* Gradients that were to be added to the next update's. */
static clg_status forget_batches(struct clg_store *store)
{
    for (int i = 0; i < CLG_BLOCK_OPTIMIZERS; i++)
        if (store->parts >> i & 1)
            CLG_TRY(clg_buffer_fill(store->block, (uint64_t)(CLG_PART(i) + CLG_PART_BATCHES) * 4, 4,
                                    0));
    return CLG_OK;
}

clg_status clg_store_clear_bad(clg_store *store)
{
    const uint32_t zeros[CLG_BLOCK_ON_BAD - CLG_BLOCK_RAISED] = {0};

    if (!store)
        return CLG_ERR_ARGUMENT;
    if (!store->block)
        return CLG_OK;
    CLG_TRY(forget_batches(store));
    return clg_buffer_write(store->block, CLG_BLOCK_RAISED * sizeof(uint32_t), zeros,
                            sizeof(zeros));
}

clg_status clg_block_restore(struct clg_store *store, uint64_t draws, uint64_t steps)
{
    const uint32_t words[CLG_BLOCK_ON_BAD] = {[CLG_BLOCK_DRAW] = (uint32_t)draws,
                                               [CLG_BLOCK_DRAW_HIGH] = (uint32_t)(draws >> 32),
                                               [CLG_BLOCK_STEP] = (uint32_t)steps,
                                               [CLG_BLOCK_STEP_HIGH] = (uint32_t)(steps >> 32)};

    CLG_TRY(forget_batches(store));
    return clg_buffer_write(store->block, 0, words, sizeof(words));
}
