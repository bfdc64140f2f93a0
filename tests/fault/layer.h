/* What the layer offers to tests; tests/test.h finds these functions in the loaded layer. */
#ifndef LAYER_H
#define LAYER_H

#include <stdbool.h>
#include <stddef.h>

enum layer_kind {
    LAYER_CONTEXT,
    LAYER_QUEUE,
    LAYER_MEM,
    LAYER_PROGRAM,
    LAYER_KERNEL,
    LAYER_EVENT,
    LAYER_KINDS
};

struct layer {
    /* References that are held: created + retained - released since the process started. */
    long (*live)(enum layer_kind kind);
    /* Forgets the calls counted by name. */
    void (*mark)(void);
    /* How often the i-th function was called since the mark, and its name; NULL past the last. */
    const char *(*calls)(size_t i, long *count);
    /* Lets the at-th fallible call from now (from 1) fail with the OpenCL status; sticky: and every
     * fallible call after it. 0: none. */
    void (*fail)(long at, int status, bool sticky);
    /* The function that was failed first since fail(), or NULL. */
    const char *(*failed)(void);
    /* The at-th fallible call since fail() (from 1, of the first 16,384), or NULL. */
    const char *(*made_at)(long at);
    /* Fallible calls since fail(), and since the first one that failed. */
    long (*made)(void);
    long (*calls_after)(void);
};

/* The layer's one symbol beside the two that the loader wants. */
#define LAYER_SYMBOL "layer"

#endif
