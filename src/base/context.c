/* The public face of the context. What libclgrad-train also needs of it lies in the other files of
 * this folder, so that only libclgrad carries these symbols. */
#include "base/context.h"

#include <stdlib.h>
#include <string.h>

static void *allocate_libc(void *user, void *ptr, size_t size)
{
    (void)user;
    if (size > 0)
        return realloc(ptr, size);
    free(ptr);
    return NULL;
}

clg_ctx_params clg_ctx_defaults(void)
{
    return (clg_ctx_params){.cache = true};
}

static void ctx_finish(struct clg_object *object)
{
    struct clg_ctx *ctx = (struct clg_ctx *)object;

    clg_free(ctx, ctx->cache_dir);
    clg_free(ctx, ctx);
}

clg_ctx *clg_ctx_create(const clg_ctx_params *params)
{
    clg_ctx_params p = params ? *params : clg_ctx_defaults();
    struct clg_ctx *ctx;

    if (!p.allocate)
        p.allocate = allocate_libc;
    ctx = p.allocate(p.allocate_user, NULL, sizeof(*ctx));
    if (!ctx)
        return NULL;
    memset(ctx, 0, sizeof(*ctx));
    ctx->object.ctx = ctx;
    ctx->object.finish = ctx_finish;
    ctx->params = p;
    if (p.cache_dir) {
        ctx->cache_dir = clg_strdup(ctx, p.cache_dir);
        if (!ctx->cache_dir)
            clg_ctx_destroy(&ctx);
    }
    if (ctx)
        ctx->params.cache_dir = ctx->cache_dir;
    return ctx;
}

void clg_ctx_destroy(clg_ctx **ctx)
{
    if (!ctx || !*ctx)
        return;
    clg_object_destroy(&(*ctx)->object);
    *ctx = NULL;
}

const char *clg_error(const clg_ctx *ctx)
{
    return ctx ? ctx->error : "there is no context: memory was short when it was made";
}

clg_status clg_error_status(const clg_ctx *ctx)
{
    return ctx ? ctx->status : CLG_ERR_MEMORY;
}
