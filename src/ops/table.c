/* The table of ops: ops.def as structures. */
#include "ops/families.h"

#define OP(NAME, FAMILY, FLAGS, MIN_IN, MAX_IN, N_OUT, ATTR, PARAMS, FORMULA, SHAPE, GRAD, WORK,   \
           LOWER)                                                                                  \
    [CLG_OP_##NAME] = {                                                                            \
        .name = #NAME,                                                                             \
        .family = #FAMILY,                                                                         \
        .flags = FLAGS,                                                                            \
        .min_in = MIN_IN,                                                                          \
        .max_in = MAX_IN,                                                                          \
        .n_out = N_OUT,                                                                            \
        .attr_size = sizeof(ATTR),                                                                 \
        .params = PARAMS,                                                                          \
        .formula = FORMULA,                                                                        \
        .shape = SHAPE,                                                                            \
        .grad = GRAD,                                                                              \
        .workspace = WORK,                                                                         \
        .lower = LOWER,                                                                            \
    },

const struct clg_op clg_ops[CLG_OP_COUNT] = {
#include "ops/ops.def"
};
