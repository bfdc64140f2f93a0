/* clgrad export: the weights of a run in a file of their own. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#if CLG_HAVE_ZIP
#include <zip.h>
#endif

#include <clgrad/train.h>
#include "base/file.h"
#include "base/text.h"
#include "cli/cli.h"

static bool ends_in(const char *path, const char *ending)
{
    size_t length = strlen(path), tail = strlen(ending);

    return length > tail && !strcasecmp(path + length - tail, ending);
}

#if CLG_HAVE_ZIP

enum { NPY_ALIGNMENT = 64, NPY_MAGIC = 10 }; /* magic, version and the header's length */

/* NumPy's NPY 1.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
static void add_head(struct clg_text *head, clg_shape shape)
{
    struct clg_text words = {.ctx = head->ctx};
    size_t padding, length;

    clg_text_add(&words, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (int i = 0; i < shape.rank; i++)
        clg_text_add(&words, "%s%" PRId64, i ? ", " : "", shape.dim[i]);
    clg_text_add(&words, "%s), }", shape.rank == 1 ? "," : "");
    padding = NPY_ALIGNMENT - 1 - (NPY_MAGIC + words.length) % NPY_ALIGNMENT;
    length = words.length + padding + 1;
    clg_text_append(head, "\x93NUMPY\x01\0", 8);
    clg_text_append(head, (const char[]){(char)(length & 255), (char)(length >> 8)}, 2);
    if (!words.failed)
        clg_text_add(head, "%s%*s\n", words.data, (int)padding, "");
    head->failed |= words.failed;
    clg_text_finish(&words);
}

static size_t count_of(clg_shape shape)
{
    size_t count = 1;

    for (int i = 0; i < shape.rank; i++)
        count *= (size_t)shape.dim[i];
    return count;
}

/* An entry as NPY, which the archive frees. */
static clg_status add_entry(struct clg_ctx *ctx, clg_store *store, const char *name, zip_t *archive)
{
    struct clg_text head = {.ctx = ctx}, file = {.ctx = ctx};
    zip_source_t *source = NULL;
    clg_shape shape;
    size_t bytes;
    char *data;

    CLG_TRY(clg_store_describe(store, name, &shape, NULL));
    bytes = count_of(shape) * sizeof(float);
    add_head(&head, shape);
    clg_text_add(&file, "%s.npy", name);
    data = head.failed || file.failed ? NULL : malloc(head.length + bytes);
    if (data) {
        memcpy(data, head.data, head.length);
        if (clg_store_get(store, name, (float *)(void *)(data + head.length), bytes) == CLG_OK)
            source = zip_source_buffer(archive, data, head.length + bytes, 1);
    }
    if (!source) {
        free(data);
    } else if (zip_file_add(archive, file.data, source, ZIP_FL_ENC_UTF_8) < 0) {
        zip_source_free(source);
        source = NULL;
    }
    clg_text_finish(&head);
    clg_text_finish(&file);
    return source ? CLG_OK : clg_fail(ctx, CLG_ERR_MEMORY, "cannot add '%s' to the archive", name);
}

static clg_status add_entries(struct clg_ctx *ctx, clg_store *store, zip_t *archive)
{
    for (size_t i = 0; i < clg_store_count(store); i++)
        CLG_TRY(add_entry(ctx, store, clg_store_name(store, i), archive));
    return CLG_OK;
}

/* Copies the finished archive out of memory, so that the file is written as every other is. */
static clg_status write_archive(struct clg_ctx *ctx, zip_source_t *memory, const char *path)
{
    char piece[65536];
    clg_status status = CLG_OK;
    zip_int64_t got = 0;
    struct clg_file file;

    if (zip_source_open(memory) != 0)
        return clg_fail(ctx, CLG_ERR_MEMORY, "out of memory for '%s'", path);
    status = clg_file_open(&file, ctx, path);
    if (status == CLG_OK) {
        while (status == CLG_OK && (got = zip_source_read(memory, piece, sizeof(piece))) > 0)
            status = clg_file_write(&file, piece, (size_t)got);
        if (status == CLG_OK && got < 0)
            status = clg_fail(ctx, CLG_ERR_MEMORY, "out of memory for '%s'", path);
        if (status == CLG_OK)
            status = clg_file_commit(&file);
        else
            clg_file_discard(&file);
    }
    zip_source_close(memory);
    return status;
}

static clg_status save_npz(struct clg_ctx *ctx, clg_store *store, const char *path)
{
    zip_source_t *memory = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_t *archive = memory ? zip_open_from_source(memory, ZIP_TRUNCATE, NULL) : NULL;
    clg_status status;

    if (!archive) {
        zip_source_free(memory);
        return clg_fail(ctx, CLG_ERR_MEMORY, "out of memory for '%s'", path);
    }
    zip_source_keep(memory);
    status = add_entries(ctx, store, archive);
    if (status == CLG_OK && zip_close(archive) == 0)
        status = write_archive(ctx, memory, path);
    else {
        if (status == CLG_OK)
            status =
                clg_fail(ctx, CLG_ERR_FILE, "cannot make '%s': %s", path, zip_strerror(archive));
        zip_discard(archive);
    }
    zip_source_free(memory);
    return status;
}

#else

static clg_status save_npz(struct clg_ctx *ctx, clg_store *store, const char *path)
{
    (void)store;
    return clg_fail(ctx, CLG_ERR_UNSUPPORTED,
                    "cannot write '%s': this clgrad was built without libzip", path);
}

#endif

static clg_status save_safetensors(clg_store *store, const char *path)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    clg_save_params params = clg_save_defaults();

    params.states = false;
    params.metadata = metadata;
    return clg_store_save_with(store, path, &params);
}

static int export_run(struct clg_cli *cli, const char *run, const char *path)
{
    clg_recipe *recipe = clg_run_recipe(cli->ctx, run, NULL);
    clg_device *device;
    clg_model model;

    if (!recipe)
        return clg_cli_fail_ctx(cli);
    device = clg_cli_open(cli);
    if (!device)
        return CLG_EXIT_FAILED;
    if (clg_run_model(recipe, device, run, &model) != CLG_OK ||
        (ends_in(path, ".npz") ? save_npz(cli->ctx, model.store, path)
                               : save_safetensors(model.store, path)) != CLG_OK)
        return clg_cli_fail_ctx(cli);
    return CLG_EXIT_OK;
}

int clg_cli_export(struct clg_cli *cli, int argc, char **argv)
{
    static const struct clg_cli_flag none[] = {{0}};
    const char *operands[2];
    int status =
        clg_cli_parse(cli, argc, argv, none, (const char *const[]){"RUN", "FILE", NULL}, operands);

    if (status != CLG_EXIT_OK)
        return status;
    if (!ends_in(operands[1], ".npz") && !ends_in(operands[1], ".safetensors"))
        return clg_cli_fail(CLG_EXIT_USAGE,
                            "export: FILE is '%s', but must end in .npz or "
                            ".safetensors",
                            operands[1]);
    return export_run(cli, operands[0], operands[1]);
}
