/* NumPy's arrays: a header and values, in a file of their own or in an archive. */
#ifndef CLG_DATA_NPY_H
#define CLG_DATA_NPY_H

#include "data/dataset.h"

/* What an array's bytes are read from. Reading touches host memory only and leaves failures in
 * error(), a sentence. */
struct clg_source {
    const struct clg_source_type {
        size_t (*read_some)(void *from, void *data,
                            size_t size); /* less at the end, or a failure */
        const char *(*error)(void *from); /* "" without one */
        void (*close)(void *from);
    } * type; /* NULL: not open */
    void *from;
    uint64_t limit; /* the most bytes there can be */
};

/* Opens the array NAME of an NPZ archive. */
clg_status clg_npz_open(struct clg_ctx *ctx, const char *path, const char *name,
                        struct clg_source *source);

/* A data set of one or two arrays that are open; it closes both, also on failure. labels->type
 * NULL: none. Their names are for messages. */
clg_dataset *clg_npy_dataset(struct clg_ctx *ctx, const char *name, struct clg_source *samples,
                             const char *label_name, struct clg_source *labels);

#endif
