#include "base/context.h"

#include <string.h>

static bool product(size_t count, size_t size, size_t *bytes)
{
    if (size > 0 && count > SIZE_MAX / size)
        return false;
    *bytes = count * size;
    if (*bytes == 0)
        *bytes = 1; /* a size of 0 would free */
    return true;
}

void *clg_resize(struct clg_ctx *ctx, void *ptr, size_t count, size_t size)
{
    size_t bytes;
    void *out = NULL;

    if (product(count, size, &bytes))
        out = ctx->params.allocate(ctx->params.allocate_user, ptr, bytes);
    if (!out)
        clg_fail(ctx, CLG_ERR_MEMORY, "out of host memory: %zu items of %zu bytes", count, size);
    return out;
}

void *clg_new(struct clg_ctx *ctx, size_t count, size_t size)
{
    void *out = clg_resize(ctx, NULL, count, size);

    if (out)
        memset(out, 0, count * size);
    return out;
}

void clg_free(struct clg_ctx *ctx, void *ptr)
{
    if (ptr)
        ctx->params.allocate(ctx->params.allocate_user, ptr, 0);
}

char *clg_strdup(struct clg_ctx *ctx, const char *s)
{
    size_t length = strlen(s) + 1;
    char *out = clg_new(ctx, length, 1);

    if (out)
        memcpy(out, s, length);
    return out;
}

bool clg_grow(struct clg_ctx *ctx, void *items, size_t count, size_t *capacity, size_t size)
{
    size_t room = *capacity < 8 ? 8 : *capacity + *capacity / 2;
    char *block;

    if (count < *capacity)
        return true;
    memcpy(&block, items, sizeof(block)); /* items points to a pointer of any type */
    block = clg_resize(ctx, block, room, size);
    if (!block)
        return false;
    memset(block + count * size, 0, (room - count) * size);
    memcpy(items, &block, sizeof(block));
    *capacity = room;
    return true;
}
