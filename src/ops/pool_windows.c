/* Pooling made of the ops of pool.c: adaptive windows, whole planes, squares, sequences. */
#include "ops/families.h"

/* Windows that cover the image, as many as height times width. */
static clg_tensor adaptive(const struct clg_op *op, clg_tensor x, int32_t height, int32_t width)
{
    const struct clg_pool_attr attr = {.kernel = {1, 1},
                                       .stride = {1, 1},
                                       .dilation = {1, 1},
                                       .size = {height, width},
                                       .flags = CLG_POOL_ADAPTIVE};
    return clg_node_add(x.graph, op, &x, 1, &attr, NULL);
}

clg_tensor clg_adaptive_avg_pool2d(clg_tensor x, int32_t height, int32_t width)
{
    if (height == 1 && width == 1 && clg_tensor_shape(x).rank == 4)
        return clg_mean(x, (const int32_t[]){2, 3}, 2, true);
    return adaptive(CLG_OP(avg_pool2d), x, height, width);
}

clg_tensor clg_adaptive_max_pool2d(clg_tensor x, int32_t height, int32_t width)
{
    return adaptive(CLG_OP(max_pool2d), x, height, width);
}

/* The root of the sum of squares, which is count times their mean; padding adds zeros. */
clg_tensor clg_l2_pool2d(clg_tensor x, int32_t kh, int32_t kw, const clg_pool_params *params)
{
    clg_pool_params p = params ? *params : clg_pool_defaults();
    p.count_include_pad = true;
    if (!clg_all_float("l2_pool2d", &x, 1))
        return (clg_tensor){NULL, -1, 0};
    clg_tensor mean = clg_avg_pool2d(clg_square(x), kh, kw, &p);
    return clg_sqrt(clg_affine(mean, (float)kh * (float)kw, 0));
}

clg_tensor clg_global_avg_pool2d(clg_tensor x)
{
    return clg_adaptive_avg_pool2d(x, 1, 1);
}

clg_tensor clg_global_max_pool2d(clg_tensor x)
{
    clg_shape s = clg_tensor_shape(x);
    bool numbers = s.rank == 4 && s.dim[2] < INT32_MAX && s.dim[3] < INT32_MAX;
    return clg_max_pool2d(x, numbers ? (int32_t)s.dim[2] : 1, numbers ? (int32_t)s.dim[3] : 1,
                          NULL);
}

/* ---- sequences (N, C, L), as images of height 1 ---- */

static clg_tensor with_height(clg_tensor x, const char *what)
{
    clg_shape s = clg_tensor_shape(x);
    if (!clg_tensor_valid(x))
        return x;
    if (s.rank != 3)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "%s: the input has %d dimensions, must have 3: (N, C, L)", what,
                              s.rank);
    return clg_reshape(x, clg_shape4(s.dim[0], s.dim[1], 1, s.dim[2]));
}

static clg_tensor without_height(clg_tensor y)
{
    clg_shape s = clg_tensor_shape(y);
    return clg_tensor_valid(y) ? clg_reshape(y, clg_shape3(s.dim[0], s.dim[1], s.dim[3])) : y;
}

static clg_pool_params along_length(const clg_pool_params *params)
{
    clg_pool_params p = params ? *params : clg_pool_defaults();
    p.stride[1] = p.stride[0];
    p.padding[1] = p.padding[0];
    p.dilation[1] = p.dilation[0];
    p.stride[0] = p.dilation[0] = 1;
    p.padding[0] = 0;
    return p;
}

clg_tensor clg_max_pool1d(clg_tensor x, int32_t kernel, const clg_pool_params *params)
{
    clg_pool_params p = along_length(params);
    return without_height(clg_max_pool2d(with_height(x, "max_pool1d"), 1, kernel, &p));
}

clg_tensor clg_avg_pool1d(clg_tensor x, int32_t kernel, const clg_pool_params *params)
{
    clg_pool_params p = along_length(params);
    return without_height(clg_avg_pool2d(with_height(x, "avg_pool1d"), 1, kernel, &p));
}

clg_tensor clg_adaptive_avg_pool1d(clg_tensor x, int32_t length)
{
    return without_height(
        clg_adaptive_avg_pool2d(with_height(x, "adaptive_avg_pool1d"), 1, length));
}

clg_tensor clg_adaptive_max_pool1d(clg_tensor x, int32_t length)
{
    return without_height(
        clg_adaptive_max_pool2d(with_height(x, "adaptive_max_pool1d"), 1, length));
}
