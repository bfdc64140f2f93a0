/* NPZ: a zip archive of NPY files, NAME.npy for the array NAME. */
#include <stdio.h>
#include <string.h>
#if CLG_HAVE_ZIP
#include <zip.h>
#endif

#include "base/file.h"
#include "base/magic.h"
#include "base/text.h"
#include "data/npy.h"

#if CLG_HAVE_ZIP

#define DEFLATE_AT_MOST 1032u /* bytes that a byte of deflate data can stand for */

struct member {
    struct clg_ctx *ctx;
    zip_t *archive;
    zip_file_t *file;
    char *path;
    char error[512];
};

static size_t member_read(void *from, void *data, size_t size)
{
    struct member *m = from;
    size_t got = 0;

    while (got < size && !m->error[0]) {
        zip_int64_t part = zip_fread(m->file, (char *)data + got, size - got);

        if (part < 0)
            snprintf(m->error, sizeof(m->error), "'%.300s' is damaged: %.100s", m->path,
                     zip_file_strerror(m->file));
        if (part <= 0)
            break;
        got += (size_t)part;
    }
    return got;
}

static const char *member_error(void *from)
{
    return ((struct member *)from)->error;
}

static void member_close(void *from)
{
    struct member *m = from;

    if (m->file)
        zip_fclose(m->file);
    if (m->archive)
        zip_discard(m->archive);
    clg_free(m->ctx, m->path);
    clg_free(m->ctx, m);
}

/* After a failure: the arrays that there are. */
static clg_status no_such_array(struct member *m, const char *name)
{
    struct clg_text names = {.ctx = m->ctx};
    clg_status status;

    for (zip_int64_t i = 0; i < zip_get_num_entries(m->archive, 0) && i < 20; i++) {
        const char *entry = zip_get_name(m->archive, (zip_uint64_t)i, 0);
        size_t length = entry ? strlen(entry) : 0;

        if (length > 4 && strcmp(entry + length - 4, ".npy") == 0)
            clg_text_add(&names, "%s%.*s", names.length ? ", " : "", (int)(length - 4), entry);
    }
    status = clg_fail(m->ctx, CLG_ERR_FORMAT, "'%s' has no array '%.100s'; it has: %.500s", m->path,
                      name, names.length ? names.data : "none");
    clg_text_finish(&names);
    return status;
}

/* Not a regular file, not there, or of another kind: sentences of their own. */
static clg_status check_file(struct clg_ctx *ctx, const char *path, uint64_t *size)
{
    char head[CLG_MAGIC_SIZE];
    FILE *file = clg_file_open_regular(ctx, path, size);
    size_t got;

    if (!file)
        return clg_error_status(ctx);
    got = fread(head, 1, sizeof(head), file);
    fclose(file);
    return clg_magic_check(ctx, path, head, got, CLG_READS_NPZ);
}

static clg_status open_member(struct member *m, const char *name, uint64_t *size)
{
    char *entry = clg_new(m->ctx, strlen(name) + 5, 1);
    zip_stat_t st = {0};
    zip_error_t error;
    int code = 0;

    if (!entry)
        return CLG_ERR_MEMORY;
    snprintf(entry, strlen(name) + 5, "%s.npy", name);
    m->archive = zip_open(m->path, ZIP_RDONLY, &code);
    if (!m->archive) {
        zip_error_init_with_code(&error, code);
        clg_fail(m->ctx, CLG_ERR_FORMAT, "'%s' is not an NPZ file, or is damaged: %s", m->path,
                 zip_error_strerror(&error));
        zip_error_fini(&error);
        clg_free(m->ctx, entry);
        return CLG_ERR_FORMAT;
    }
    if (zip_stat(m->archive, entry, 0, &st) == 0 && st.valid & ZIP_STAT_SIZE)
        m->file = zip_fopen(m->archive, entry, 0);
    *size = st.size;
    clg_free(m->ctx, entry);
    if (m->file)
        return CLG_OK;
    if (zip_error_code_zip(zip_get_error(m->archive)) == ZIP_ER_NOENT)
        return no_such_array(m, name);
    return clg_fail(m->ctx, CLG_ERR_FORMAT, "'%s': the array '%.100s' cannot be read: %s", m->path,
                    name, zip_strerror(m->archive));
}

clg_status clg_npz_open(struct clg_ctx *ctx, const char *path, const char *name,
                        struct clg_source *source)
{
    static const struct clg_source_type type = {member_read, member_error, member_close};
    struct member *m;
    uint64_t size = 0, most = 0;
    clg_status status;

    CLG_TRY(check_file(ctx, path, &most));
    m = clg_new(ctx, 1, sizeof(*m));
    if (!m)
        return CLG_ERR_MEMORY;
    m->ctx = ctx;
    m->path = clg_strdup(ctx, path);
    status = m->path ? open_member(m, name, &size) : CLG_ERR_MEMORY;
    if (status == CLG_OK)
        *source = (struct clg_source){
            &type, m, size / DEFLATE_AT_MOST < most ? size : most * DEFLATE_AT_MOST};
    else
        member_close(m);
    return status;
}

#else

clg_status clg_npz_open(struct clg_ctx *ctx, const char *path, const char *name,
                        struct clg_source *source)
{
    (void)name;
    (void)source;
    return clg_fail(ctx, CLG_ERR_UNSUPPORTED,
                    "'%s': NPZ files are read with libzip, which this clgrad was built without "
                    "(Debian's package is libzip-dev)",
                    path);
}

#endif

/* "FILE: NAME", for messages. */
static char *name_array(struct clg_ctx *ctx, const char *path, const char *name)
{
    struct clg_text text = {.ctx = ctx};

    clg_text_add(&text, "%s: %s", path, name);
    if (!text.failed)
        return text.data;
    clg_text_finish(&text);
    return NULL;
}

clg_dataset *clg_dataset_open_npz(clg_ctx *ctx, const char *path, const char *samples,
                                  const char *labels)
{
    struct clg_source sources[2] = {{0}};
    char *names[2] = {NULL, NULL};
    clg_dataset *data = NULL;
    bool open;

    if (!ctx || !CLG_GIVEN(ctx, path) || !CLG_GIVEN(ctx, samples))
        return NULL;
    names[0] = name_array(ctx, path, samples);
    names[1] = labels ? name_array(ctx, path, labels) : NULL;
    open = names[0] && (names[1] || !labels) &&
           clg_npz_open(ctx, path, samples, &sources[0]) == CLG_OK &&
           (!labels || clg_npz_open(ctx, path, labels, &sources[1]) == CLG_OK);
    if (open)
        data = clg_npy_dataset(ctx, names[0], &sources[0], names[1], &sources[1]);
    else if (sources[0].type)
        sources[0].type->close(sources[0].from);
    clg_free(ctx, names[0]);
    clg_free(ctx, names[1]);
    return data;
}
