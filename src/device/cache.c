/* Compiled programs on disk. An entry is a file named by the hash of its key; it holds the whole
 * key, so that a collision is a miss, and the size and hash of the binary, so that a damaged file
 * is one. */
#include "device/opencl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <clgrad/version.h>

#include "base/file.h"
#include "base/hash.h"

#define CACHE_FORMAT 1
#define ENTRY_MAX    (UINT64_C(256) << 20) /* bytes: what is larger is no compiled program */

/* Everything that could change a binary. */
static void add_key(struct clg_device *device, const struct clg_cache_key *key,
                    struct clg_text *out)
{
    const struct clg_candidate *self = &device->self;
    uint64_t source[2];

    for (int i = 0; i < 2; i++)
        source[i] = clg_hash_string(CLG_HASH_START + (uint64_t)i, key->source);
    *out = (struct clg_text){.ctx = device->object.ctx};
    clg_text_add(out,
                 "clgrad kernels %d\nlibrary %s\nplatform %s\n%s\ndevice %s\n%s\n%s\n%s\n"
                 "options %s\nsource %016" PRIx64 "%016" PRIx64 " %zu\n",
                 CACHE_FORMAT, CLG_VERSION_STRING, self->info.platform, self->platform_version,
                 self->info.name, self->info.vendor, self->info.version, self->info.driver,
                 key->options, source[0], source[1], strlen(key->source));
}

static bool enabled(const struct clg_device *device)
{
    return device->object.ctx->params.cache && !(device->self.quirks & CLG_QUIRK_NO_BINARIES);
}

/* The folder as the application, the environment or the XDG convention says; "" when none does. */
static void add_folder(struct clg_ctx *ctx, struct clg_text *out)
{
    const char *folder;

    *out = (struct clg_text){.ctx = ctx};
    if (ctx->cache_dir)
        clg_text_add(out, "%s", ctx->cache_dir);
    else if ((folder = clg_environment("CLGRAD_CACHE_DIR")))
        clg_text_add(out, "%s", folder);
    else if ((folder = clg_environment("XDG_CACHE_HOME")))
        clg_text_add(out, "%s/clgrad", folder);
    else if ((folder = clg_environment("HOME")))
        clg_text_add(out, "%s/.cache/clgrad", folder);
}

/* An entry's folder, path and key text; finish_entry in any case. */
struct entry {
    struct clg_text folder, path, key;
};

static bool find_entry(struct clg_device *device, const struct clg_cache_key *key, struct entry *e)
{
    struct clg_ctx *ctx = device->object.ctx;

    *e = (struct entry){{.ctx = ctx}, {.ctx = ctx}, {.ctx = ctx}};
    if (!enabled(device))
        return false;
    add_folder(ctx, &e->folder);
    if (!e->folder.data || e->folder.failed)
        return false;
    add_key(device, key, &e->key);
    if (e->key.failed)
        return false;
    clg_text_add(&e->path, "%s/%016" PRIx64 "%016" PRIx64 ".bin", e->folder.data,
                 clg_hash_string(CLG_HASH_START, e->key.data),
                 clg_hash_string(CLG_HASH_START + 1, e->key.data));
    return !e->path.failed;
}

static void finish_entry(struct entry *e)
{
    clg_text_finish(&e->folder);
    clg_text_finish(&e->path);
    clg_text_finish(&e->key);
}

char *clg_cache_path(struct clg_device *device, const struct clg_cache_key *key)
{
    struct entry e;
    char *path = NULL;

    if (find_entry(device, key, &e))
        path = clg_strdup(device->object.ctx, e.path.data);
    finish_entry(&e);
    return path;
}

/* ---- the error that the application sees stays as it was: a miss is no failure ---- */

struct saved_error {
    clg_status status;
    char text[CLG_ERROR_MAX];
};

static void save_error(const struct clg_ctx *ctx, struct saved_error *saved)
{
    saved->status = ctx->status;
    memcpy(saved->text, ctx->error, sizeof(saved->text));
}

static void restore_error(struct clg_ctx *ctx, const struct saved_error *saved)
{
    ctx->status = saved->status;
    memcpy(ctx->error, saved->text, sizeof(saved->text));
}

/* ---- a file: the key text, a zero byte, the numbers below, the binary ---- */

struct numbers {
    uint64_t size, hash;
};

/* The binary inside a file that belongs to this key and is whole; NULL otherwise. */
static const unsigned char *check_file(const char *data, size_t size, const struct clg_text *key,
                                       size_t *binary_size)
{
    struct numbers n;
    size_t head = key->length + 1 + sizeof(n);

    if (size <= head || memcmp(data, key->data, key->length + 1) != 0)
        return NULL;
    memcpy(&n, data + key->length + 1, sizeof(n));
    if (n.size != size - head || n.hash != clg_hash_bytes(CLG_HASH_START, data + head, size - head))
        return NULL;
    *binary_size = size - head;
    return (const unsigned char *)data + head;
}

static cl_program build_binary(struct clg_device *device, const char *options,
                               const unsigned char *binary, size_t size)
{
    cl_int error, status;
    cl_program program = clCreateProgramWithBinary(device->context, 1, &device->self.device, &size,
                                                   &binary, &status, &error);

    if (!program)
        return NULL;
    if (status == CL_SUCCESS &&
        clBuildProgram(program, 1, &device->self.device, options, NULL, NULL) == CL_SUCCESS)
        return program;
    clReleaseProgram(program);
    return NULL;
}

static cl_program load_entry(struct clg_device *device, const char *options, struct entry *e)
{
    struct clg_ctx *ctx = device->object.ctx;
    const unsigned char *binary;
    cl_program program = NULL;
    char *data;
    size_t size, binary_size;

    if (access(e->path.data, R_OK) != 0 ||
        clg_file_read_limited(ctx, e->path.data, ENTRY_MAX, &data, &size) != CLG_OK)
        return NULL;
    binary = check_file(data, size, &e->key, &binary_size);
    if (binary)
        program = build_binary(device, options, binary, binary_size);
    if (!program)
        clg_log_line(ctx, CLG_LOG_INFO, "kernel cache: '%s' is of no use, compiling again",
                     e->path.data);
    clg_free(ctx, data);
    return program;
}

cl_program clg_cache_load(struct clg_device *device, const struct clg_cache_key *key)
{
    struct saved_error saved;
    cl_program program = NULL;
    struct entry e;

    save_error(device->object.ctx, &saved);
    if (find_entry(device, key, &e))
        program = load_entry(device, key->options, &e);
    finish_entry(&e);
    restore_error(device->object.ctx, &saved);
    return program;
}

static clg_status write_entry(struct clg_ctx *ctx, const struct entry *e,
                              const unsigned char *binary, size_t size)
{
    struct numbers n = {size, clg_hash_bytes(CLG_HASH_START, binary, size)};
    struct clg_file file;
    clg_status status;

    CLG_TRY(clg_make_dirs(ctx, e->folder.data));
    CLG_TRY(clg_file_open(&file, ctx, e->path.data));
    status = clg_file_write(&file, e->key.data, e->key.length + 1);
    if (status == CLG_OK)
        status = clg_file_write(&file, &n, sizeof(n));
    if (status == CLG_OK)
        status = clg_file_write(&file, binary, size);
    if (status == CLG_OK)
        return clg_file_commit(&file);
    clg_file_discard(&file);
    return status;
}

static clg_status store_entry(struct clg_device *device, const struct entry *e, cl_program program)
{
    struct clg_ctx *ctx = device->object.ctx;
    unsigned char *binary;
    size_t size = 0;
    clg_status status = CLG_ERR_UNSUPPORTED;

    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, NULL) !=
            CL_SUCCESS ||
        size == 0)
        return status;
    binary = clg_new(ctx, size, 1);
    if (!binary)
        return CLG_ERR_MEMORY;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof(binary), &binary, NULL) == CL_SUCCESS)
        status = write_entry(ctx, e, binary, size);
    clg_free(ctx, binary);
    return status;
}

void clg_cache_store(struct clg_device *device, const struct clg_cache_key *key, cl_program program)
{
    struct clg_ctx *ctx = device->object.ctx;
    struct saved_error saved;
    struct entry e;

    save_error(ctx, &saved);
    if (find_entry(device, key, &e) && store_entry(device, &e, program) != CLG_OK)
        clg_log_line(ctx, CLG_LOG_INFO, "kernel cache: '%s' was not written", e.path.data);
    finish_entry(&e);
    restore_error(ctx, &saved);
}
