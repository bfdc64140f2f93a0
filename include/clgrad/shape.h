/* clgrad/shape.h: the shapes of tensors. */
#ifndef CLGRAD_SHAPE_H
#define CLGRAD_SHAPE_H

#include <stdint.h>
#include <clgrad/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A dimension is a positive number, or a multiple of the batch size: 35 * CLG_BATCH. */
#define CLG_BATCH    (INT64_C(1) << 32)
#define CLG_MAX_RANK 8

/* Row-major: the last dimension is contiguous. Rank 0 is a scalar. */
typedef struct clg_shape {
    int32_t rank;
    int64_t dim[CLG_MAX_RANK];
} clg_shape;

/* A shape from rank dimensions; rank over CLG_MAX_RANK gives rank -1, which every op refuses. */
CLG_API clg_shape clg_shape_make(int32_t rank, const int64_t *dim);
CLG_API clg_shape clg_shape0(void);
CLG_API clg_shape clg_shape1(int64_t a);
CLG_API clg_shape clg_shape2(int64_t a, int64_t b);
CLG_API clg_shape clg_shape3(int64_t a, int64_t b, int64_t c);
CLG_API clg_shape clg_shape4(int64_t a, int64_t b, int64_t c, int64_t d);

#ifdef __cplusplus
}
#endif
#endif
