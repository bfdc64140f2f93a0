/* Convolutions: the attribute of their three ops, and what their files share. */
#ifndef CLG_OPS_CONV_H
#define CLG_OPS_CONV_H

#include "ops/families.h"

/* Pairs are of height and width. */
struct clg_conv_size {
    int64_t N, C, H, W;     /* of the images x */
    int64_t O, kh, kw;      /* of the weight (O, C / groups, kh, kw) */
    int64_t OH, OW, groups; /* of the result y (N, O, OH, OW) */
};

/* OH or OW: places of a kernel of `size` numbers `dilation` apart, along `extent` numbers. */
int64_t clg_conv_places(int64_t extent, int64_t size, int32_t stride, int32_t padding,
                        int32_t dilation);

/* conv2d for a layer, whose name messages give. */
clg_tensor clg_conv2d_named(clg_tensor x, clg_tensor weight, const clg_conv_params *params,
                            const char *name);

#endif
