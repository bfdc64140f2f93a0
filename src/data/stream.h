/* Bytes of a file, unpacked when it is compressed by gzip. Reading touches host memory only and
 * leaves failures in the stream, not in a context: it may happen in another thread than the
 * opening. */
#ifndef CLG_DATA_STREAM_H
#define CLG_DATA_STREAM_H

#include "base/context.h"

struct clg_stream;

/* Opens a file and looks whether it is compressed. NULL on failure. */
struct clg_stream *clg_stream_open(struct clg_ctx *ctx, const char *path);

/* Reads exactly size bytes; false when there are fewer or the file is damaged. */
bool clg_stream_read(struct clg_stream *stream, void *data, size_t size);

/* Reads what there is up to size bytes, and says how many those are. */
size_t clg_stream_read_some(struct clg_stream *stream, void *data, size_t size);

/* Whether nothing follows; reads to the end of the file, so that a checksum is looked at. */
bool clg_stream_at_end(struct clg_stream *stream);

/* After a failure: what was wrong, a sentence that starts with the file's name. */
const char *clg_stream_error(const struct clg_stream *stream);

/* The most bytes the file can hold when unpacked. */
uint64_t clg_stream_limit(const struct clg_stream *stream);

void clg_stream_close(struct clg_stream *stream); /* NULL is accepted */

#endif
