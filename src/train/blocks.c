#include "train/blocks.h"

#include <stdio.h>

bool clg_blocks_keep(struct clg_blocks *pool, void *block)
{
    void **place = CLG_PUSH(pool->ctx, pool->list);

    if (place)
        *place = block;
    else
        clg_free(pool->ctx, block);
    return place != NULL;
}

void *clg_blocks_new(struct clg_blocks *pool, size_t count, size_t size)
{
    void *block = clg_new(pool->ctx, count, size);

    return block && clg_blocks_keep(pool, block) ? block : NULL;
}

char *clg_blocks_print(struct clg_blocks *pool, const char *format, ...)
{
    va_list list;
    char *text;
    int length;

    va_start(list, format);
    length = vsnprintf(NULL, 0, format, list);
    va_end(list);
    if (length < 0)
        return NULL;
    text = clg_blocks_new(pool, (size_t)length + 1, 1);
    if (!text)
        return NULL;
    va_start(list, format);
    vsnprintf(text, (size_t)length + 1, format, list);
    va_end(list);
    return text;
}

void clg_blocks_finish(struct clg_blocks *pool)
{
    for (size_t i = 0; i < pool->list.count; i++)
        clg_free(pool->ctx, pool->list.items[i]);
    clg_free(pool->ctx, pool->list.items);
    pool->list.items = NULL;
    pool->list.count = pool->list.capacity = 0;
}
