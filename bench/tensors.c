#include "tensors.h"

#include <string.h>

#include "base/file.h"

clg_status clg_tensors_open(struct clg_tensors *t, clg_ctx *ctx, const char *path)
{
    size_t size;
    clg_status status;

    *t = (struct clg_tensors){0};
    CLG_TRY(clg_file_read(ctx, path, &t->data, &size));
    status = clg_safetensors_parse(&t->file, ctx, path, t->data, size);
    if (status != CLG_OK)
        clg_free(ctx, t->data);
    return status;
}

void clg_tensors_close(struct clg_tensors *t)
{
    struct clg_ctx *ctx = t->file.ctx;

    if (!ctx)
        return;
    clg_safetensors_finish(&t->file);
    clg_free(ctx, t->data);
    *t = (struct clg_tensors){0};
}

const void *clg_tensors_find(const struct clg_tensors *t, const char *name, size_t bytes)
{
    for (size_t i = 0; i < t->file.tensors.count; i++) {
        const struct clg_file_tensor *tensor = &t->file.tensors.items[i];

        if (!strcmp(tensor->name, name) && tensor->info.bytes == bytes)
            return t->file.body + tensor->offset;
    }
    clg_fail(t->file.ctx, CLG_ERR_FORMAT, "%s: no tensor '%s' of %zu bytes", t->file.path, name,
             bytes);
    return NULL;
}
