/* The context's error and its log. Nothing here allocates, so that a lack of memory can be told. */
#include "base/context.h"

#include <stdio.h>
#include <string.h>

clg_status clg_fail(struct clg_ctx *ctx, clg_status status, const char *format, ...)
{
    char text[CLG_ERROR_MAX]; /* the arguments may point into ctx->error */
    va_list args;

    if (!ctx)
        return status;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    memcpy(ctx->error, text, strlen(text) + 1);
    ctx->status = status;
    return status;
}

bool clg_given(const void *object, const char *function, const char *argument, bool given)
{
    const struct clg_object *handle = object;

    if (!given && handle)
        clg_fail(handle->ctx, CLG_ERR_ARGUMENT, "%s: %s is NULL", function, argument);
    return given;
}

void clg_log_line(struct clg_ctx *ctx, clg_log_level level, const char *format, ...)
{
    char text[CLG_ERROR_MAX];
    va_list args;

    if (!ctx || !ctx->params.log)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ctx->params.log(ctx->params.log_user, level, text);
}
