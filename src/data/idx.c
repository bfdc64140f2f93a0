/* IDX files: two zero bytes, a type, the number of dimensions, the dimensions as big-endian 32-bit
 * numbers, then the values, big-endian as well. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/magic.h"
#include "base/text.h"
#include "data/dataset.h"
#include "data/stream.h"

enum { IDX_U8 = 0x08, IDX_I32 = 0x0c, IDX_F32 = 0x0d };

struct idx_file {
    struct clg_stream *stream;
    unsigned type;
    int64_t count;   /* first dimension */
    clg_shape shape; /* the others */
};

struct idx_source {
    struct idx_file samples, labels;
};

static uint32_t big_endian(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static size_t idx_type_size(unsigned type)
{
    return type == IDX_U8 ? 1 : 4;
}

/* Refuses what does not begin as an IDX file does; known files of another kind by name. */
static clg_status idx_refuse(struct clg_ctx *ctx, const char *path, struct clg_stream *stream,
                             const unsigned char *head)
{
    unsigned char more[CLG_MAGIC_SIZE];

    memcpy(more, head, 4);
    CLG_TRY(clg_magic_check(ctx, path, more,
                            4 + clg_stream_read_some(stream, more + 4, sizeof(more) - 4),
                            CLG_READS_DATA));
    return clg_fail(ctx, CLG_ERR_FORMAT,
                    "'%s' is not an IDX file: it starts with the bytes %02x %02x, not 00 00", path,
                    head[0], head[1]);
}

static clg_status idx_check_magic(struct clg_ctx *ctx, const char *path, struct clg_stream *stream,
                                  const unsigned char *head)
{
    if (head[0] || head[1])
        return idx_refuse(ctx, path, stream, head);
    if (head[2] != IDX_U8 && head[2] != IDX_I32 && head[2] != IDX_F32)
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "'%s': IDX type %02x is not supported: use 08 (bytes), 0c (int32) or 0d "
                        "(float32)",
                        path, head[2]);
    if (head[3] < 1 || head[3] > CLG_MAX_RANK)
        return clg_fail(ctx, CLG_ERR_FORMAT, "'%s' has %d dimensions; 1 to %d are supported", path,
                        head[3], CLG_MAX_RANK);
    return CLG_OK;
}

/* The values after the header must fit the file; so that a damaged header is refused before memory
 * is asked for. */
static clg_status idx_check_size(struct clg_ctx *ctx, const char *path, const struct idx_file *file,
                                 int rank)
{
    uint64_t limit = clg_stream_limit(file->stream), bytes = idx_type_size(file->type);
    char text[CLG_SHAPE_TEXT];

    if (file->count < 1 || file->count > INT32_MAX)
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "'%s' has %" PRId64 " entries; 1 to 2^31 - 1 can be "
                        "used",
                        path, file->count);
    bytes *= (uint64_t)file->count;
    for (int i = 0; i < rank - 1; i++) {
        if (file->shape.dim[i] < 1)
            return clg_fail(ctx, CLG_ERR_FORMAT, "'%s': dimension %d is %" PRId64, path, i + 1,
                            file->shape.dim[i]);
        if (bytes > limit / (uint64_t)file->shape.dim[i])
            bytes = limit;
        else
            bytes *= (uint64_t)file->shape.dim[i];
    }
    if (bytes > limit - 4 - 4 * (uint64_t)rank || limit < 4 + 4 * (uint64_t)rank)
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "'%s' is cut off: its header promises %" PRId64 " entries of shape %s, "
                        "which are more than the file can hold",
                        path, file->count, clg_shape_text(&file->shape, text));
    return CLG_OK;
}

static clg_status idx_open(struct clg_ctx *ctx, const char *path, struct idx_file *file)
{
    unsigned char head[4], dims[4 * CLG_MAX_RANK];

    file->stream = clg_stream_open(ctx, path);
    if (!file->stream)
        return clg_error_status(ctx);
    if (!clg_stream_read(file->stream, head, 4))
        return clg_fail(ctx, CLG_ERR_FORMAT, "%s", clg_stream_error(file->stream));
    CLG_TRY(idx_check_magic(ctx, path, file->stream, head));
    if (!clg_stream_read(file->stream, dims, 4u * head[3]))
        return clg_fail(ctx, CLG_ERR_FORMAT, "%s", clg_stream_error(file->stream));
    file->type = head[2];
    file->count = big_endian(dims);
    file->shape.rank = head[3] - 1;
    for (int i = 1; i < head[3]; i++)
        file->shape.dim[i - 1] = big_endian(dims + 4 * i);
    return idx_check_size(ctx, path, file, head[3]);
}

static void swap_words(void *data, size_t count)
{
    uint32_t *words = data;

    for (size_t i = 0; i < count; i++)
        words[i] = big_endian((const unsigned char *)&words[i]);
}

/* Bytes at the end of a block become int32 over the whole block; writing stays behind reading. */
static void widen_bytes(void *block, size_t count)
{
    const unsigned char *bytes = (const unsigned char *)block + 3 * count;
    int32_t *words = block;

    for (size_t i = 0; i < count; i++)
        words[i] = bytes[i];
}

static bool idx_read_values(struct clg_dataset *data, struct idx_file *file, void *block,
                            size_t values, bool widen)
{
    size_t bytes = values * idx_type_size(file->type);
    unsigned char *at = block;

    if (widen)
        at += 3 * values;
    if (!clg_stream_read(file->stream, at, bytes) || !clg_stream_at_end(file->stream)) {
        snprintf(data->reason, sizeof(data->reason), "%s", clg_stream_error(file->stream));
        return false;
    }
    if (file->type != IDX_U8)
        swap_words(block, values);
    else if (widen)
        widen_bytes(block, values);
    return true;
}

static bool idx_read(struct clg_dataset *data)
{
    struct idx_source *source = data->source;
    size_t count = (size_t)data->count;

    if (!idx_read_values(data, &source->samples, data->samples,
                         count * (size_t)clg_dataset_values(&data->shape), false))
        return false;
    return !data->has_labels ||
           idx_read_values(data, &source->labels, data->labels,
                           count * (size_t)clg_dataset_values(&data->label_shape),
                           source->labels.type == IDX_U8);
}

static void idx_source_finish(struct clg_dataset *data)
{
    struct idx_source *source = data->source;

    clg_stream_close(source->samples.stream);
    clg_stream_close(source->labels.stream);
    clg_free(data->object.ctx, source);
}

static clg_status idx_open_samples(struct clg_dataset *data, struct idx_file *file,
                                   const char *path)
{
    struct clg_ctx *ctx = data->object.ctx;
    char text[CLG_SHAPE_TEXT];

    CLG_TRY(idx_open(ctx, path, file));
    if (file->type == IDX_I32)
        return clg_fail(ctx, CLG_ERR_FORMAT, "'%s': samples are bytes or float32, not int32", path);
    data->count = file->count;
    data->type = file->type == IDX_U8 ? CLG_U8 : CLG_F32;
    data->shape = file->shape;
    if (clg_dataset_values(&data->shape) > INT32_MAX)
        return clg_fail(ctx, CLG_ERR_LIMIT, "'%s': a sample of shape %s has 2^31 values or more",
                        path, clg_shape_text(&data->shape, text));
    /* Not zeroed: memory that a header promises and the file does not fill is never touched. */
    data->samples = clg_resize(ctx, NULL, (size_t)data->count, clg_dataset_sample_bytes(data));
    return data->samples ? CLG_OK : CLG_ERR_MEMORY;
}

static clg_status idx_open_labels(struct clg_dataset *data, struct idx_file *file, const char *path)
{
    struct clg_ctx *ctx = data->object.ctx;

    CLG_TRY(idx_open(ctx, path, file));
    if (file->count != data->count)
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "'%s' has %" PRId64 " labels, '%s' has %" PRId64 " samples: there must be "
                        "a label for each",
                        path, file->count, data->name, data->count);
    data->label_name = clg_strdup(ctx, path);
    data->label_type = file->type == IDX_F32 ? CLG_F32 : CLG_I32;
    data->label_shape = file->shape;
    data->has_labels = true;
    data->labels = clg_resize(ctx, NULL, (size_t)data->count, clg_dataset_label_bytes(data));
    return data->labels && data->label_name ? CLG_OK : CLG_ERR_MEMORY;
}

clg_dataset *clg_dataset_open_idx(clg_ctx *ctx, const char *samples, const char *labels)
{
    struct clg_dataset *data;
    struct idx_source *source;

    if (!ctx || !CLG_GIVEN(ctx, samples))
        return NULL;
    data = clg_dataset_new(ctx, samples);
    source = data ? clg_new(ctx, 1, sizeof(*source)) : NULL;
    if (!source) {
        clg_dataset_destroy(&data);
        return NULL;
    }
    data->source = source;
    data->source_finish = idx_source_finish;
    data->read = idx_read;
    if (idx_open_samples(data, &source->samples, samples) != CLG_OK ||
        (labels && idx_open_labels(data, &source->labels, labels) != CLG_OK)) {
        clg_dataset_destroy(&data);
        return NULL;
    }
    clg_dataset_start(data);
    return data;
}
