#include "data/stream.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"

#define CHUNK           (256u * 1024u)
#define DEFLATE_AT_MOST 1032u /* bytes that a byte of deflate data can stand for */

struct clg_stream {
    struct clg_ctx *ctx;
    FILE *file;
    char *path;
    uint64_t file_size;
    bool packed;    /* compressed by gzip */
    bool unpacking; /* zlib's state is there */
    bool ended;     /* the last gzip member is behind us */
    z_stream z;
    unsigned char *chunk;
    size_t at, filled; /* of chunk */
    char error[512];
};

static bool stream_fail(struct clg_stream *stream, const char *what)
{
    if (!stream->error[0])
        snprintf(stream->error, sizeof(stream->error), "'%.300s' %s", stream->path, what);
    return false;
}

/* Reads the next part of the file. False at its end and on an error. */
static bool refill(struct clg_stream *stream)
{
    stream->at = 0;
    stream->filled = fread(stream->chunk, 1, CHUNK, stream->file);
    if (ferror(stream->file))
        return stream_fail(stream, "cannot be read");
    return stream->filled > 0;
}

static bool starts_like_gzip(const struct clg_stream *stream)
{
    return stream->filled - stream->at >= 2 && stream->chunk[stream->at] == 0x1f &&
           stream->chunk[stream->at + 1] == 0x8b;
}

static bool start_unpacking(struct clg_stream *stream)
{
    if (inflateInit2(&stream->z, 15 + 16) != Z_OK) /* 16: a gzip header, not zlib's */
        return stream_fail(stream, "cannot be unpacked: zlib is out of memory");
    stream->unpacking = true;
    return true;
}

/* After a gzip member: another one, the end of the file, or what does not belong there. */
static bool next_member(struct clg_stream *stream)
{
    if (stream->at == stream->filled && !refill(stream)) {
        stream->ended = true;
        return !stream->error[0];
    }
    if (stream->filled - stream->at == 1) { /* the first byte of a header at the edge of a chunk */
        stream->chunk[0] = stream->chunk[stream->at];
        stream->filled = 1 + fread(stream->chunk + 1, 1, CHUNK - 1, stream->file);
        stream->at = 0;
    }
    if (!starts_like_gzip(stream))
        return stream_fail(stream, "has bytes after its gzip data");
    return inflateReset(&stream->z) == Z_OK;
}

/* Unpacks into data until size bytes are there or the data end. False for damage. */
static bool unpack(struct clg_stream *stream, unsigned char *data, size_t size, size_t *got)
{
    int status;

    *got = 0;
    while (*got < size && !stream->ended) {
        size_t want = size - *got < (1u << 30) ? size - *got : (1u << 30);

        if (stream->at == stream->filled && !refill(stream))
            return stream_fail(stream, "is cut off: its gzip data have no end");
        stream->z.next_in = stream->chunk + stream->at;
        stream->z.avail_in = (uInt)(stream->filled - stream->at);
        stream->z.next_out = data + *got;
        stream->z.avail_out = (uInt)want;
        status = inflate(&stream->z, Z_NO_FLUSH);
        stream->at = stream->filled - stream->z.avail_in;
        *got += want - stream->z.avail_out;
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return stream_fail(stream, "is damaged: its gzip data do not unpack");
        if (status == Z_STREAM_END && !next_member(stream))
            return false;
    }
    return true;
}

static size_t copy_plain(struct clg_stream *stream, unsigned char *data, size_t size)
{
    size_t got = 0;

    while (got < size) {
        size_t part = stream->filled - stream->at;

        if (part == 0) {
            if (!refill(stream))
                break;
            continue;
        }
        part = part < size - got ? part : size - got;
        memcpy(data + got, stream->chunk + stream->at, part);
        stream->at += part;
        got += part;
    }
    return got;
}

bool clg_stream_read(struct clg_stream *stream, void *data, size_t size)
{
    size_t got = 0;

    if (stream->error[0])
        return false;
    if (!stream->packed)
        got = copy_plain(stream, data, size);
    else if (!unpack(stream, data, size, &got))
        return false;
    return got == size || stream_fail(stream, "is cut off: it ends too early");
}

size_t clg_stream_read_some(struct clg_stream *stream, void *data, size_t size)
{
    size_t got = 0;

    if (stream->error[0])
        return 0;
    if (!stream->packed)
        return copy_plain(stream, data, size);
    unpack(stream, data, size, &got);
    return got;
}

bool clg_stream_at_end(struct clg_stream *stream)
{
    unsigned char byte;
    size_t got = 0;

    if (stream->error[0])
        return false;
    if (!stream->packed)
        got = copy_plain(stream, &byte, 1);
    else if (!unpack(stream, &byte, 1, &got))
        return false;
    if (stream->error[0])
        return false;
    return got == 0 || stream_fail(stream, "has bytes after the data its header describes");
}

const char *clg_stream_error(const struct clg_stream *stream)
{
    return stream->error;
}

uint64_t clg_stream_limit(const struct clg_stream *stream)
{
    return stream->packed ? stream->file_size * DEFLATE_AT_MOST : stream->file_size;
}

struct clg_stream *clg_stream_open(struct clg_ctx *ctx, const char *path)
{
    struct clg_stream *stream = clg_new(ctx, 1, sizeof(*stream));

    if (!stream)
        return NULL;
    stream->ctx = ctx;
    stream->path = clg_strdup(ctx, path);
    stream->chunk = clg_new(ctx, CHUNK, 1);
    if (!stream->path || !stream->chunk)
        goto fail;
    stream->file = clg_file_open_regular(ctx, path, &stream->file_size);
    if (!stream->file)
        goto fail;
    refill(stream);
    stream->packed = starts_like_gzip(stream);
    if (stream->packed)
        start_unpacking(stream);
    if (stream->error[0]) {
        clg_fail(ctx, CLG_ERR_FILE, "%s", stream->error);
        goto fail;
    }
    return stream;

fail:
    clg_stream_close(stream);
    return NULL;
}

void clg_stream_close(struct clg_stream *stream)
{
    if (!stream)
        return;
    if (stream->unpacking)
        inflateEnd(&stream->z);
    if (stream->file)
        fclose(stream->file);
    clg_free(stream->ctx, stream->chunk);
    clg_free(stream->ctx, stream->path);
    clg_free(stream->ctx, stream);
}
