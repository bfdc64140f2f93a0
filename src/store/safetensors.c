/* Reading safetensors: nothing of a file is believed before it is checked. */
#include "store/safetensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/magic.h"

#define HEADER_MAX 100000000 /* bytes; the format's own limit */

static const struct type {
    const char *name;
    size_t size;
    bool is_float;
} types[CLG_FILE_TYPE_COUNT] = {
#define X(name, size, is_float) {#name, size, is_float},
    CLG_FILE_TYPES(X)
#undef X
};

const char *clg_file_type_name(enum clg_file_type type)
{
    return types[type].name;
}

size_t clg_file_type_size(enum clg_file_type type)
{
    return types[type].size;
}

bool clg_file_type_is_float(enum clg_file_type type)
{
    return types[type].is_float;
}

/* ---- one tensor of the header ---- */

#define refuse(file, ...) clg_fail((file)->ctx, CLG_ERR_FORMAT, __VA_ARGS__)

static bool has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    return false;
}

static clg_status read_type(const struct clg_safetensors *file, const json_t *json,
                            struct clg_file_tensor *tensor)
{
    const char *name = json_string_value(json_object_get(json, "dtype"));

    if (!name)
        return refuse(file, "'%s': tensor '%s' has no dtype", file->path, tensor->name);
    for (int i = 0; i < CLG_FILE_TYPE_COUNT; i++)
        if (!strcmp(types[i].name, name)) {
            tensor->info.type = (enum clg_file_type)i;
            return CLG_OK;
        }
    return refuse(file, "'%s': tensor '%s' has dtype '%.64s', which is not known", file->path,
                  tensor->name, name);
}

/* Sizes stay below 2^62 bytes, so that sums of two do not overflow. */
static clg_status read_shape(const struct clg_safetensors *file, const json_t *json,
                             struct clg_file_tensor *tensor)
{
    const json_t *shape = json_object_get(json, "shape");
    struct clg_tensor_info *info = &tensor->info;
    size_t rank = json_array_size(shape);
    uint64_t limit = (UINT64_C(1) << 62) / types[info->type].size;

    if (!json_is_array(shape))
        return refuse(file, "'%s': tensor '%s' has no shape", file->path, tensor->name);
    if (rank > CLG_MAX_RANK)
        return refuse(file, "'%s': tensor '%s' has %zu dimensions, at most %d are supported",
                      file->path, tensor->name, rank, CLG_MAX_RANK);
    info->shape.rank = (int32_t)rank;
    info->count = 1;
    for (size_t i = 0; i < rank; i++) {
        const json_t *dim = json_array_get(shape, i);
        int64_t d = json_is_integer(dim) ? json_integer_value(dim) : -1;

        if (d < 0)
            return refuse(file, "'%s': dimension %zu of tensor '%s' is not a size", file->path, i,
                          tensor->name);
        if (d > 0 && info->count > limit / (uint64_t)d)
            return refuse(file, "'%s': tensor '%s' is larger than any file", file->path,
                          tensor->name);
        info->shape.dim[i] = d;
        info->count *= (uint64_t)d;
    }
    info->bytes = info->count * types[info->type].size;
    return CLG_OK;
}

static clg_status read_offsets(const struct clg_safetensors *file, const json_t *json,
                               struct clg_file_tensor *tensor)
{
    const json_t *offsets = json_object_get(json, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *second = json_array_get(offsets, 1);
    int64_t begin, end;

    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(second))
        return refuse(file, "'%s': tensor '%s' has no data_offsets of two numbers", file->path,
                      tensor->name);
    begin = json_integer_value(first);
    end = json_integer_value(second);
    if (begin < 0 || end < begin || (uint64_t)end > file->body_size)
        return refuse(file,
                      "'%s': tensor '%s' lies at bytes %" PRId64 " to %" PRId64
                      ", but the file has %" PRIu64 " bytes of data",
                      file->path, tensor->name, begin, end, file->body_size);
    if ((uint64_t)(end - begin) != tensor->info.bytes)
        return refuse(file,
                      "'%s': tensor '%s' has %" PRId64 " bytes of data, its shape needs %" PRIu64,
                      file->path, tensor->name, end - begin, tensor->info.bytes);
    tensor->offset = (uint64_t)begin;
    return CLG_OK;
}

static clg_status read_tensor(struct clg_safetensors *file, const char *name, const json_t *json)
{
    struct clg_file_tensor *tensor;

    if (!*name || has_control(name))
        return refuse(file, "'%s': a tensor's name is empty or has control characters", file->path);
    if (!json_is_object(json))
        return refuse(file, "'%s': the header says nothing about tensor '%s'", file->path, name);
    tensor = CLG_PUSH(file->ctx, file->tensors);
    if (!tensor)
        return CLG_ERR_MEMORY;
    *tensor = (struct clg_file_tensor){.name = name};
    CLG_TRY(read_type(file, json, tensor));
    CLG_TRY(read_shape(file, json, tensor));
    return read_offsets(file, json, tensor);
}

/* ---- the whole ---- */

static clg_status check_metadata(const struct clg_safetensors *file, json_t *json)
{
    const char *key;
    json_t *value;

    if (!json_is_object(json))
        return refuse(file, "'%s': __metadata__ is not an object", file->path);
    json_object_foreach(json, key, value)
    {
        if (!json_is_string(value))
            return refuse(file, "'%s': metadata '%s' is not a string", file->path, key);
    }
    return CLG_OK;
}

static int by_offset(const void *a, const void *b)
{
    const struct clg_file_tensor *x = a, *y = b;

    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    if (x->info.bytes != y->info.bytes) /* empty ones first */
        return x->info.bytes < y->info.bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

static clg_status check_layout(struct clg_safetensors *file)
{
    struct clg_file_tensor *t = file->tensors.items;
    uint64_t end = 0;

    if (file->tensors.count > 0)
        qsort(t, file->tensors.count, sizeof(*t), by_offset);
    for (size_t i = 0; i < file->tensors.count; i++) {
        if (t[i].offset != end)
            return refuse(file,
                          "'%s': tensor '%s' begins at byte %" PRIu64
                          " of the data, must at %" PRIu64 ": tensors lie back to back",
                          file->path, t[i].name, t[i].offset, end);
        end += t[i].info.bytes;
    }
    if (end != file->body_size)
        return refuse(file, "'%s': has %" PRIu64 " bytes of data, its tensors need %" PRIu64,
                      file->path, file->body_size, end);
    return CLG_OK;
}

static clg_status read_header(struct clg_safetensors *file)
{
    const char *name;
    json_t *json;

    json_object_foreach((json_t *)file->header, name, json)
    {
        if (!strcmp(name, "__metadata__"))
            CLG_TRY(check_metadata(file, json));
        else
            CLG_TRY(read_tensor(file, name, json));
    }
    return check_layout(file);
}

static uint64_t read_length(const char *data)
{
    uint64_t length = 0;

    for (int i = 0; i < 8; i++)
        length |= (uint64_t)(unsigned char)data[i] << 8 * i;
    return length;
}

clg_status clg_safetensors_check_head(struct clg_ctx *ctx, const char *path, const char *head,
                                      size_t have, uint64_t size)
{
    uint64_t length = have < 8 ? 0 : read_length(head);
    bool is_json = have > 8 && head[8] == '{';

    if (!is_json || length == 0 || length > HEADER_MAX)
        CLG_TRY(clg_magic_check(ctx, path, head, have, CLG_READS_WEIGHTS));
    if (size < 8)
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "'%s': is not a safetensors file: it has %" PRIu64 " bytes", path, size);
    if (length > HEADER_MAX)
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "'%s': is not a safetensors file: its header would have %" PRIu64 " bytes",
                        path, length);
    if (length > size - 8)
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "'%s': is cut short: its header has %" PRIu64 " bytes, the file %" PRIu64,
                        path, length, size);
    if (length == 0 || !is_json)
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "'%s': is not a safetensors file: its header is no JSON object", path);
    return CLG_OK;
}

/* ---- bounds of the header, before memory is asked for ---- */

#define TENSORS_MAX 1000000 /* a header of 100 MB has room for no more than twice as many */
#define LIST_MAX    64      /* numbers of a list: far more than a shape has */

/* Where a look through the header stands. */
struct scan {
    const char *at, *end;
    int depth;
    char open[3];       /* the brackets around: an object, a tensor, a list */
    uint64_t commas[3]; /* in each of them so far */
    uint64_t colons, all_commas;
};

/* From a quotation mark to behind the one that ends the text. */
static void skip_string(struct scan *scan)
{
    for (scan->at++; scan->at < scan->end && *scan->at != '"'; scan->at++)
        if (*scan->at == '\\' && scan->at + 1 < scan->end)
            scan->at++;
    scan->at += scan->at < scan->end;
}

static const char *scan_bracket(struct scan *scan, char c)
{
    if (c == '}' || c == ']') {
        scan->depth -= scan->depth > 0;
        return NULL;
    }
    if (scan->depth == 3)
        return "its header has lists and objects too deep in each other";
    scan->commas[scan->depth] = 0;
    scan->open[scan->depth++] = c;
    return NULL;
}

static const char *scan_separator(struct scan *scan, char c)
{
    if ((c == ':' ? ++scan->colons : ++scan->all_commas / 3) > UINT64_C(5) * TENSORS_MAX)
        return "its header describes more than a million tensors";
    if (c == ',' && scan->depth > 0 && scan->open[scan->depth - 1] == '[' &&
        ++scan->commas[scan->depth - 1] >= LIST_MAX)
        return "its header has a list of more than 64 numbers, which no shape is";
    return NULL;
}

/* Says what is wrong with a header that describes no reasonable file, in one pass without memory:
 * a tree of JSON takes 20 times the space of its text. NULL: nothing. */
static const char *scan_header(const char *data, uint64_t length)
{
    struct scan scan = {.at = data, .end = data + length};
    const char *wrong = NULL;

    while (!wrong && scan.at < scan.end) {
        char c = *scan.at;

        if (c == '"') {
            skip_string(&scan);
            continue;
        }
        if (c == '{' || c == '[' || c == '}' || c == ']')
            wrong = scan_bracket(&scan, c);
        else if (c == ',' || c == ':')
            wrong = scan_separator(&scan, c);
        scan.at++;
    }
    return wrong;
}

clg_status clg_safetensors_parse(struct clg_safetensors *file, struct clg_ctx *ctx,
                                 const char *path, const char *data, size_t size)
{
    uint64_t length;
    const char *wrong;
    json_error_t error;
    clg_status status;

    CLG_TRY(clg_safetensors_check_head(ctx, path, data,
                                       size < CLG_MAGIC_SIZE ? size : CLG_MAGIC_SIZE, size));
    *file = (struct clg_safetensors){.ctx = ctx, .path = path};
    length = read_length(data);
    wrong = scan_header(data + 8, length);
    if (wrong)
        return refuse(file, "'%s': %s", path, wrong);
    file->header = json_loadb(data + 8, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (!file->header && json_error_code(&error) == json_error_out_of_memory)
        return clg_fail(ctx, CLG_ERR_MEMORY, "'%s': out of host memory for its header", path);
    if (!file->header)
        return refuse(file, "'%s': its header is not JSON: %s (byte %d)", path, error.text,
                      error.position);
    file->body = data + 8 + length;
    file->body_size = size - 8 - length;
    status = read_header(file);
    if (status != CLG_OK)
        clg_safetensors_finish(file);
    return status;
}

void clg_safetensors_finish(struct clg_safetensors *file)
{
    if (!file->ctx)
        return;
    json_decref(file->header);
    clg_free(file->ctx, file->tensors.items);
    *file = (struct clg_safetensors){.ctx = NULL};
}

const char *clg_safetensors_metadata(const struct clg_safetensors *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

void clg_safetensors_each_metadata(const struct clg_safetensors *file,
                                   void (*give)(void *user, const char *key, const char *value),
                                   void *user)
{
    json_t *pairs = json_object_get(file->header, "__metadata__"), *value;
    const char *key;

    json_object_foreach(pairs, key, value) give(user, key, json_string_value(value));
}
