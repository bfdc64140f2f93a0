/* Files that are often given in place of others, by their first bytes. */
#ifndef CLG_BASE_MAGIC_H
#define CLG_BASE_MAGIC_H

#include "base/context.h"

enum clg_reader {
    CLG_READS_WEIGHTS,
    CLG_READS_DATA, /* IDX */
    CLG_READS_RECIPE,
    CLG_READS_TABLE, /* CSV */
    CLG_READS_NPY,
    CLG_READS_NPZ,
    CLG_READERS
};

/* How many bytes of a file's beginning are looked at. */
#define CLG_MAGIC_SIZE 264

/* Refuses a file whose beginning (size bytes of it) is that of another kind: the sentence names the
 * kind and says what to do. CLG_OK for what is not known: the reader has its own sentences. */
clg_status clg_magic_check(struct clg_ctx *ctx, const char *path, const void *head, size_t size,
                           enum clg_reader reader);

#endif
