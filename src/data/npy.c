/* NPY (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): "\x93NUMPY", two
 * bytes of version, the header's length (two bytes in version 1, else four; little-endian), a
 * header that is a Python dictionary of three entries, then the values. */
#include "data/npy.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/magic.h"
#include "base/text.h"
#include "data/stream.h"

enum type { U1, I4, I8, F4, F8, TYPES };
static const char *const type_names[TYPES] = {"u1", "i4", "i8", "f4", "f8"};
static const size_t type_sizes[TYPES] = {1, 4, 8, 4, 8};

struct array {
    struct clg_source source;
    enum type type;
    bool swapped;    /* its bytes are in another order than this machine's */
    bool fortran;    /* the first index runs fastest */
    int64_t count;   /* first dimension */
    clg_shape shape; /* the others */
};

struct arrays {
    struct array samples, labels;
};

static void close_array(struct array *array)
{
    if (array->source.type)
        array->source.type->close(array->source.from);
    array->source.type = NULL;
}

/* ---- the header ---- */

#define HEADER_MAX 65536u

/* A place in a header's text. */
struct cursor {
    const char *at, *begin, *path;
    struct clg_ctx *ctx;
};

static clg_status wrong_header(const struct cursor *c, const char *wanted)
{
    return clg_fail(c->ctx, CLG_ERR_FORMAT,
                    "'%s' is damaged: its header, at character %zu, has '%.20s' where %s must be",
                    c->path, (size_t)(c->at - c->begin), c->at, wanted);
}

static bool skip(struct cursor *c, const char *word)
{
    size_t length = strlen(word);

    c->at += strspn(c->at, " ");
    if (strncmp(c->at, word, length) != 0)
        return false;
    c->at += length;
    return true;
}

static bool is_big_endian(void)
{
    const uint16_t one = 1;

    return *(const unsigned char *)&one == 0;
}

/* '<f4' */
static clg_status read_type(struct cursor *c, struct array *array)
{
    char quote = c->at[strspn(c->at, " ")], word[24] = "";
    size_t length;

    if (quote != '\'' && quote != '"')
        return skip(c, "[")
                   ? clg_fail(c->ctx, CLG_ERR_FORMAT,
                              "'%s' is an array of records: use an array of numbers", c->path)
                   : wrong_header(c, "a type such as '<f4'");
    c->at += strspn(c->at, " ") + 1;
    length = strcspn(c->at, (char[]){quote, '\0'});
    snprintf(word, sizeof(word), "%.*s", (int)(length < 23 ? length : 23), c->at);
    c->at += length + (c->at[length] == quote);
    for (array->type = 0; array->type < TYPES; array->type++)
        if (word[0] && strchr("<>|=", word[0]) && strcmp(word + 1, type_names[array->type]) == 0) {
            array->swapped =
                (word[0] == '<' && is_big_endian()) || (word[0] == '>' && !is_big_endian());
            return CLG_OK;
        }
    return clg_fail(c->ctx, CLG_ERR_FORMAT,
                    "'%s': values of type '%s' are not supported; x.astype(\"float32\") in Python "
                    "makes one of u1, i4, i8, f4 and f8",
                    c->path, word);
}

static clg_status read_order(struct cursor *c, struct array *array)
{
    array->fortran = skip(c, "True");
    return array->fortran || skip(c, "False") ? CLG_OK : wrong_header(c, "True or False");
}

static clg_status read_dimension(struct cursor *c, int64_t *dim)
{
    c->at += strspn(c->at, " ");
    if (*c->at < '0' || *c->at > '9')
        return wrong_header(c, "a dimension");
    for (*dim = 0; *c->at >= '0' && *c->at <= '9'; c->at++) {
        if (*dim > INT64_MAX / 10 - 1)
            return wrong_header(c, "a dimension under 2^63");
        *dim = *dim * 10 + (*c->at - '0');
    }
    return CLG_OK;
}

/* (60000, 28, 28), (60000,) */
static clg_status read_shape(struct cursor *c, struct array *array)
{
    int64_t dims[CLG_MAX_RANK];
    int32_t rank = 0;

    if (!skip(c, "("))
        return wrong_header(c, "a shape in parentheses");
    while (!skip(c, ")")) {
        if (rank == CLG_MAX_RANK)
            return clg_fail(c->ctx, CLG_ERR_FORMAT,
                            "'%s' has over %d dimensions; 1 to %d are supported", c->path,
                            CLG_MAX_RANK, CLG_MAX_RANK);
        CLG_TRY(read_dimension(c, &dims[rank++]));
        if (!skip(c, ",") && c->at[strspn(c->at, " ")] != ')')
            return wrong_header(c, "a comma or a parenthesis");
    }
    if (rank == 0)
        return clg_fail(c->ctx, CLG_ERR_FORMAT,
                        "'%s' is a single number: its first dimension must count the samples",
                        c->path);
    array->count = dims[0];
    array->shape.rank = rank - 1;
    for (int32_t i = 1; i < rank; i++)
        array->shape.dim[i - 1] = dims[i];
    return CLG_OK;
}

/* {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } in any order, each entry once. */
static clg_status read_header(struct cursor *c, struct array *array)
{
    static const struct {
        const char *name, *other;
        clg_status (*read)(struct cursor *c, struct array *array);
    } entries[] = {
        {"'descr'", "\"descr\"", read_type},
        {"'fortran_order'", "\"fortran_order\"", read_order},
        {"'shape'", "\"shape\"", read_shape},
    };
    unsigned found = 0;
    size_t i;

    if (!skip(c, "{"))
        return wrong_header(c, "a brace");
    while (!skip(c, "}")) {
        for (i = 0; i < 3 && !skip(c, entries[i].name) && !skip(c, entries[i].other); i++)
            continue;
        if (i == 3 || found >> i & 1)
            return wrong_header(c, "descr, fortran_order or shape, each once");
        found |= 1u << i;
        if (!skip(c, ":"))
            return wrong_header(c, "a colon");
        CLG_TRY(entries[i].read(c, array));
        if (!skip(c, ",") && c->at[strspn(c->at, " ")] != '}')
            return wrong_header(c, "a comma or a brace");
    }
    if (found != 7)
        return wrong_header(c, "descr, fortran_order and shape");
    return c->at[strspn(c->at, " \n")] ? wrong_header(c, "its end") : CLG_OK;
}

/* ---- opening ---- */

static clg_status read_exactly(struct clg_ctx *ctx, const char *path, struct array *array,
                               void *data, size_t size)
{
    const struct clg_source *source = &array->source;

    if (source->type->read_some(source->from, data, size) == size)
        return CLG_OK;
    if (source->type->error(source->from)[0])
        return clg_fail(ctx, CLG_ERR_FORMAT, "%s", source->type->error(source->from));
    return clg_fail(ctx, CLG_ERR_FORMAT, "'%s' is cut off in its header", path);
}

static clg_status refuse(struct clg_ctx *ctx, const char *path, const struct clg_source *source,
                         const unsigned char *head, size_t size)
{
    unsigned char more[CLG_MAGIC_SIZE];

    memcpy(more, head, size);
    size += source->type->read_some(source->from, more + size, sizeof(more) - size);
    CLG_TRY(clg_magic_check(ctx, path, more, size, CLG_READS_NPY));
    return clg_fail(ctx, CLG_ERR_FORMAT,
                    "'%s' is not an NPY file: it does not begin with \\x93NUMPY", path);
}

/* The length of the header that follows. */
static clg_status read_length(struct clg_ctx *ctx, const char *path, struct array *array,
                              size_t *length)
{
    const struct clg_source *source = &array->source;
    unsigned char head[8], bytes[4] = {0};
    size_t size = source->type->read_some(source->from, head, sizeof(head));

    if (source->type->error(source->from)[0])
        return clg_fail(ctx, CLG_ERR_FORMAT, "%s", source->type->error(source->from));
    if (size < sizeof(head) || memcmp(head, "\x93NUMPY", 6) != 0)
        return refuse(ctx, path, source, head, size);
    if (head[6] < 1 || head[6] > 3)
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "'%s': version %d of NPY is not known; 1 to 3 are supported", path,
                        head[6]);
    CLG_TRY(read_exactly(ctx, path, array, bytes, head[6] == 1 ? 2 : 4));
    *length = bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 24;
    if (*length > HEADER_MAX)
        return clg_fail(ctx, CLG_ERR_FORMAT, "'%s' has a header of %zu bytes; up to %u are read",
                        path, *length, HEADER_MAX);
    return CLG_OK;
}

/* The values after the header must fit the file, so that a damaged header is refused before memory
 * is asked for. */
static clg_status check_size(struct clg_ctx *ctx, const char *path, const struct array *array)
{
    uint64_t left = array->source.limit / type_sizes[array->type];
    char text[CLG_SHAPE_TEXT];

    if (array->count < 1 || array->count > INT32_MAX)
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "'%s' has %" PRId64 " entries; 1 to 2^31 - 1 can be used", path,
                        array->count);
    left /= (uint64_t)array->count;
    for (int32_t i = 0; i < array->shape.rank; i++) {
        if (array->shape.dim[i] < 1)
            return clg_fail(ctx, CLG_ERR_FORMAT, "'%s': dimension %d is %" PRId64, path, (int)i + 1,
                            array->shape.dim[i]);
        left /= (uint64_t)array->shape.dim[i];
    }
    if (left > 0)
        return clg_dataset_values(&array->shape) <= INT32_MAX
                   ? CLG_OK
                   : clg_fail(ctx, CLG_ERR_LIMIT,
                              "'%s': an entry of shape %s has 2^31 values or more", path,
                              clg_shape_text(&array->shape, text));
    return clg_fail(ctx, CLG_ERR_FORMAT,
                    "'%s' is cut off: its header promises %" PRId64
                    " entries of shape %s, which are "
                    "more than the file can hold",
                    path, array->count, clg_shape_text(&array->shape, text));
}

static clg_status open_array(struct clg_ctx *ctx, const char *path, struct array *array)
{
    struct cursor c = {.path = path, .ctx = ctx};
    clg_status status;
    size_t length = 0;
    char *header;

    CLG_TRY(read_length(ctx, path, array, &length));
    header = clg_new(ctx, length + 1, 1);
    if (!header)
        return CLG_ERR_MEMORY;
    c.at = c.begin = header;
    status = read_exactly(ctx, path, array, header, length);
    if (status == CLG_OK)
        status = read_header(&c, array);
    clg_free(ctx, header);
    return status == CLG_OK ? check_size(ctx, path, array) : status;
}

/* ---- values ---- */

static void swap_bytes(unsigned char *value, size_t size)
{
    for (size_t i = 0; i < size / 2; i++) {
        unsigned char byte = value[i];

        value[i] = value[size - 1 - i];
        value[size - 1 - i] = byte;
    }
}

/* A value as a number that is exact but for i8 beyond 2^53. */
static double number_at(const struct array *array, unsigned char *value)
{
    union {
        int32_t i4;
        int64_t i8;
        float f4;
        double f8;
    } u;

    if (array->type == U1)
        return value[0];
    if (array->swapped)
        swap_bytes(value, type_sizes[array->type]);
    memcpy(&u, value, type_sizes[array->type]);
    switch (array->type) {
    case I4:
        return (double)u.i4;
    case I8:
        return (double)u.i8;
    case F4:
        return (double)u.f4;
    default:
        return u.f8;
    }
}

/* Where values go in row-major order; with fortran the first index runs fastest. */
struct place {
    int64_t index[CLG_MAX_RANK], dim[CLG_MAX_RANK], stride[CLG_MAX_RANK], at;
    int32_t rank;
};

static struct place first_place(const struct array *array)
{
    struct place p = {.rank = array->shape.rank + 1, .dim = {array->count}};

    for (int32_t i = 1; i < p.rank; i++)
        p.dim[i] = array->shape.dim[i - 1];
    p.stride[p.rank - 1] = 1;
    for (int32_t i = p.rank - 1; i > 0; i--)
        p.stride[i - 1] = p.stride[i] * p.dim[i];
    return p;
}

static void next_place(struct place *p, bool fortran)
{
    p->at++;
    for (int32_t i = 0; fortran && i < p->rank; i++) {
        p->at += p->stride[i] - (i == 0);
        if (++p->index[i] < p->dim[i])
            return;
        p->at -= p->dim[i] * p->stride[i];
        p->index[i] = 0;
    }
}

/* Stores a value where it belongs; false when the type cannot hold it. */
static bool store(void *values, clg_dtype type, int64_t at, double value)
{
    if (type == CLG_U8)
        ((unsigned char *)values)[at] = (unsigned char)value;
    else if (type == CLG_F32)
        ((float *)values)[at] = (float)value;
    else if (value < INT32_MIN || value > INT32_MAX)
        return false;
    else
        ((int32_t *)values)[at] = (int32_t)value;
    return type != CLG_F32 || isfinite((float)value) || !isfinite(value);
}

#define CHUNK 8192u /* bytes, a multiple of every type's size */

static bool fail_reading(struct clg_dataset *data, const char *name, const struct array *array)
{
    const char *error = array->source.type->error(array->source.from);

    if (error[0])
        snprintf(data->reason, sizeof(data->reason), "%s", error);
    else
        snprintf(data->reason, sizeof(data->reason), "'%.300s' is cut off: it ends too early",
                 name);
    return false;
}

static bool read_values(struct clg_dataset *data, const char *name, struct array *array,
                        clg_dtype type, void *values)
{
    size_t size = type_sizes[array->type];
    int64_t left = array->count * clg_dataset_values(&array->shape);
    struct place place = first_place(array);
    unsigned char chunk[CHUNK];
    double value;

    while (left > 0) {
        size_t part = (uint64_t)left < CHUNK / size ? (size_t)left * size : CHUNK;

        if (array->source.type->read_some(array->source.from, chunk, part) != part)
            return fail_reading(data, name, array);
        for (size_t at = 0; at < part; at += size, next_place(&place, array->fortran)) {
            value = number_at(array, chunk + at);
            if (!store(values, type, place.at, value)) {
                snprintf(data->reason, sizeof(data->reason),
                         "'%.300s': value %" PRId64 " of entry %" PRId64 " is %g, which is no %s",
                         name, place.at % place.stride[0], place.at / place.stride[0], value,
                         type == CLG_F32 ? "float32" : "int32");
                return false;
            }
        }
        left -= (int64_t)(part / size);
    }
    if (array->source.type->read_some(array->source.from, chunk, 1) == 0)
        return !array->source.type->error(array->source.from)[0] || fail_reading(data, name, array);
    snprintf(data->reason, sizeof(data->reason),
             "'%.300s' has bytes after the data its header describes", name);
    return false;
}

static bool read_arrays(struct clg_dataset *data)
{
    struct arrays *arrays = data->source;

    return read_values(data, data->name, &arrays->samples, data->type, data->samples) &&
           (!data->has_labels ||
            read_values(data, data->label_name, &arrays->labels, data->label_type, data->labels));
}

/* ---- data sets ---- */

static void close_arrays(struct clg_dataset *data)
{
    struct arrays *arrays = data->source;

    close_array(&arrays->samples);
    close_array(&arrays->labels);
    clg_free(data->object.ctx, arrays);
}

static clg_status prepare_samples(struct clg_dataset *data, struct array *array)
{
    CLG_TRY(open_array(data->object.ctx, data->name, array));
    data->count = array->count;
    data->shape = array->shape;
    data->type = array->type == U1 ? CLG_U8 : CLG_F32;
    /* Not zeroed: memory that a header promises and the file does not fill is never touched. */
    data->samples =
        clg_resize(data->object.ctx, NULL, (size_t)data->count, clg_dataset_sample_bytes(data));
    return data->samples ? CLG_OK : CLG_ERR_MEMORY;
}

static clg_status prepare_labels(struct clg_dataset *data, const char *name, struct array *array)
{
    struct clg_ctx *ctx = data->object.ctx;

    data->label_name = clg_strdup(ctx, name);
    if (!data->label_name)
        return CLG_ERR_MEMORY;
    CLG_TRY(open_array(ctx, name, array));
    if (array->count != data->count)
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "'%s' has %" PRId64 " labels, '%s' has %" PRId64 " samples: there must be "
                        "a label for each",
                        name, array->count, data->name, data->count);
    data->has_labels = true;
    data->label_shape = array->shape;
    data->label_type = array->type == F4 || array->type == F8 ? CLG_F32 : CLG_I32;
    data->labels = clg_resize(ctx, NULL, (size_t)data->count, clg_dataset_label_bytes(data));
    return data->labels ? CLG_OK : CLG_ERR_MEMORY;
}

clg_dataset *clg_npy_dataset(struct clg_ctx *ctx, const char *name, struct clg_source *samples,
                             const char *label_name, struct clg_source *labels)
{
    struct clg_dataset *data = clg_dataset_new(ctx, name);
    struct arrays *arrays = data ? clg_new(ctx, 1, sizeof(*arrays)) : NULL;
    struct arrays taken = {{.source = *samples}, {.source = *labels}};

    if (!arrays) {
        close_array(&taken.samples);
        close_array(&taken.labels);
        clg_dataset_destroy(&data);
        return NULL;
    }
    *arrays = taken;
    data->source = arrays;
    data->source_finish = close_arrays;
    data->read = read_arrays;
    if (prepare_samples(data, &arrays->samples) != CLG_OK ||
        (labels->type && prepare_labels(data, label_name, &arrays->labels) != CLG_OK)) {
        clg_dataset_destroy(&data);
        return NULL;
    }
    clg_dataset_start(data);
    return data;
}

/* ---- files of their own ---- */

static size_t stream_read(void *from, void *data, size_t size)
{
    return clg_stream_read_some(from, data, size);
}

static const char *stream_error(void *from)
{
    return clg_stream_error(from);
}

static void stream_close(void *from)
{
    clg_stream_close(from);
}

static clg_status open_stream(struct clg_ctx *ctx, const char *path, struct clg_source *source)
{
    static const struct clg_source_type type = {stream_read, stream_error, stream_close};
    struct clg_stream *stream = clg_stream_open(ctx, path);

    if (!stream)
        return clg_error_status(ctx);
    *source = (struct clg_source){&type, stream, clg_stream_limit(stream)};
    return CLG_OK;
}

clg_dataset *clg_dataset_open_npy(clg_ctx *ctx, const char *samples, const char *labels)
{
    struct clg_source sources[2] = {{0}};

    if (!ctx || !CLG_GIVEN(ctx, samples) || open_stream(ctx, samples, &sources[0]) != CLG_OK)
        return NULL;
    if (labels && open_stream(ctx, labels, &sources[1]) != CLG_OK) {
        sources[0].type->close(sources[0].from);
        return NULL;
    }
    return clg_npy_dataset(ctx, samples, &sources[0], labels, &sources[1]);
}
