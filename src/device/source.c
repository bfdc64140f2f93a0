/* Putting a kernel's source together: the files of cl/ lie in the library as bytes, and an OpenCL
 * driver has no folder to look into, so that every #include is put in place here. */
#include "device/opencl.h"

#include <string.h>

#include "device/embedded.h"

static const struct clg_embedded *find_file(const char *name, size_t length)
{
    for (size_t i = 0; i < clg_embedded_count; i++)
        if (strlen(clg_embedded[i].name) == length &&
            memcmp(clg_embedded[i].name, name, length) == 0)
            return &clg_embedded[i];
    return NULL;
}

struct assembly {
    struct clg_text *out;
    CLG_VEC(const struct clg_embedded *) done; /* each file once */
};

/* The name in an #include "name" line; NULL when the line is none. */
static const char *included(const char *line, const char *end, size_t *length)
{
    const char *close;

    while (line < end && (*line == ' ' || *line == '\t'))
        line++;
    if (end - line < 10 || memcmp(line, "#include", 8) != 0)
        return NULL;
    line = memchr(line, '"', (size_t)(end - line));
    if (!line)
        return NULL;
    close = memchr(line + 1, '"', (size_t)(end - line - 1));
    if (!close)
        return NULL;
    *length = (size_t)(close - line - 1);
    return line + 1;
}

static clg_status add_file(struct assembly *a, const char *name, size_t length);

/* Copies text line by line; #line keeps the driver's messages pointing to the file in cl/. */
static clg_status add_text(struct assembly *a, const char *name, const char *text, size_t size)
{
    const char *end = text + size, *next;
    unsigned number = 1;

    clg_text_add(a->out, "#line 1 \"%s\"\n", name);
    for (const char *line = text; line < end; line = next, number++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *file;
        size_t length;

        next = newline ? newline + 1 : end;
        file = included(line, next, &length);
        if (file) {
            CLG_TRY(add_file(a, file, length));
            clg_text_add(a->out, "#line %u \"%s\"\n", number + 1, name);
        } else {
            clg_text_append(a->out, line, (size_t)(next - line));
        }
    }
    clg_text_append(a->out, "\n", 1);
    return a->out->failed ? CLG_ERR_MEMORY : CLG_OK;
}

static clg_status add_file(struct assembly *a, const char *name, size_t length)
{
    const struct clg_embedded *file = find_file(name, length), **slot;
    struct clg_ctx *ctx = a->out->ctx;

    if (!file)
        return clg_fail(ctx, CLG_ERR_BUILD, "there is no kernel file '%.*s' in this library",
                        (int)length, name);
    for (size_t i = 0; i < a->done.count; i++)
        if (a->done.items[i] == file)
            return CLG_OK;
    slot = CLG_PUSH(ctx, a->done);
    if (!slot)
        return CLG_ERR_MEMORY;
    *slot = file;
    return add_text(a, file->name, (const char *)file->data, file->size);
}

clg_status clg_source_assemble(struct clg_ctx *ctx, const char *name, const char *text,
                               struct clg_text *out)
{
    struct clg_text path = {.ctx = ctx};
    struct assembly a = {.out = out};
    clg_status status;

    *out = (struct clg_text){.ctx = ctx};
    if (text) {
        status = add_text(&a, name, text, strlen(text));
    } else {
        clg_text_add(&path, "%s.cl", name);
        status = path.failed ? CLG_ERR_MEMORY : add_file(&a, path.data, path.length);
        clg_text_finish(&path);
    }
    clg_free(ctx, a.done.items);
    if (status != CLG_OK)
        clg_text_finish(out);
    return status;
}
