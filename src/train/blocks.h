/* Memory that is freed all at once: what a recipe consists of. */
#ifndef CLG_TRAIN_BLOCKS_H
#define CLG_TRAIN_BLOCKS_H

#include "base/context.h"

struct clg_blocks {
    struct clg_ctx *ctx;
    CLG_VEC(void *) list;
};

/* Zeroed memory; NULL, with CLG_ERR_MEMORY in the context, when it is short. */
void *clg_blocks_new(struct clg_blocks *pool, size_t count, size_t size);
/* A formatted string. */
char *clg_blocks_print(struct clg_blocks *pool, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Takes over a block from clg_new; false when memory was short (and then it is freed). */
bool clg_blocks_keep(struct clg_blocks *pool, void *block);
void clg_blocks_finish(struct clg_blocks *pool);

#endif
