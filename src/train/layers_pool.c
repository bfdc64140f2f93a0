/* Pooling in recipes: names, keys and defaults of PyTorch's modules. */
#include "train/layers.h"

struct pool {
    struct clg_numbers kernel, stride, padding, dilation;
    bool count_include_pad;
    double norm;
};
#define KERNEL_KEYS(of)                                                                            \
    {"kernel_size",    CLG_KEY_NUMBERS,      NULL, offsetof(struct pool, kernel), of,              \
     .required = true, .range = CLG_POSITIVE},                                                     \
        CLG_PAIR_KEY(struct pool, stride, "stride", NULL,                                          \
                     "distance of the windows; absent: the kernel's size", CLG_POSITIVE)
#define PADDING_KEY(around)                                                                        \
    CLG_PAIR_KEY(struct pool, padding, "padding", "0", around, CLG_NOT_NEGATIVE)
#define DILATION_KEY                                                                               \
    CLG_PAIR_KEY(struct pool, dilation, "dilation", "1", "distance of a window's places",          \
                 CLG_POSITIVE)
#define COUNT_KEY                                                                                  \
    {                                                                                              \
        "count_include_pad", CLG_KEY_BOOL, "true", offsetof(struct pool, count_include_pad),       \
            "whether zeros of the padding count"                                                   \
    }
#define LENGTH "length of a window"
#define BOTH   "height and width of a window, or one number for both"

static const struct clg_key maxpool1d_keys[] = {
    KERNEL_KEYS(LENGTH),
    PADDING_KEY("places at both ends"),
    DILATION_KEY,
    {0},
};
static const struct clg_key avgpool1d_keys[] = {
    KERNEL_KEYS(LENGTH),
    PADDING_KEY("places at both ends"),
    COUNT_KEY,
    {0},
};
static const struct clg_key maxpool2d_keys[] = {
    KERNEL_KEYS(BOTH),
    PADDING_KEY("places around the image"),
    DILATION_KEY,
    {0},
};
static const struct clg_key avgpool2d_keys[] = {
    KERNEL_KEYS(BOTH),
    PADDING_KEY("places around the image"),
    COUNT_KEY,
    {0},
};

/* Reads the keys for `size` dimensions. */
static bool read_keys(struct clg_build *build, const char *layer, const struct pool *a, int size,
                      int32_t kernel[2], clg_pool_params *params)
{
    *params = clg_pool_defaults();
    params->count_include_pad = a->count_include_pad;
    return clg_layer_sizes(build, layer, "kernel_size", &a->kernel, size, kernel) &&
           clg_layer_sizes(build, layer, "stride", &a->stride, size, params->stride) &&
           clg_layer_sizes(build, layer, "padding", &a->padding, size, params->padding) &&
           clg_layer_sizes(build, layer, "dilation", &a->dilation, size, params->dilation);
}

#define POOL1D(word, op, text)                                                                     \
    static clg_tensor build_##word(struct clg_build *build, const char *name, clg_tensor x,        \
                                   const void *args)                                               \
    {                                                                                              \
        clg_pool_params params;                                                                    \
        int32_t kernel[2] = {0, 0};                                                                \
        (void)name;                                                                                \
        return read_keys(build, #word, args, 1, kernel, &params) ? op(x, kernel[0], &params)       \
                                                                 : (clg_tensor){0};                \
    }                                                                                              \
    KIND(word, text)
#define POOL2D(word, op, text)                                                                     \
    static clg_tensor build_##word(struct clg_build *build, const char *name, clg_tensor x,        \
                                   const void *args)                                               \
    {                                                                                              \
        clg_pool_params params;                                                                    \
        int32_t kernel[2] = {0, 0};                                                                \
        (void)name;                                                                                \
        return read_keys(build, #word, args, 2, kernel, &params)                                   \
                   ? op(x, kernel[0], kernel[1], &params)                                          \
                   : (clg_tensor){0};                                                              \
    }                                                                                              \
    KIND(word, text)
#define KIND(word, text)                                                                           \
    const struct clg_kind clg_##word##_layer_kind = {                                              \
        .name = #word,                                                                             \
        .doc = text,                                                                               \
        .bare = "kernel_size",                                                                     \
        .keys = word##_keys,                                                                       \
        .size = sizeof(struct pool),                                                               \
        .layer = build_##word,                                                                     \
    };

POOL1D(maxpool1d, clg_max_pool1d, "the largest number of each window of sequences")
POOL1D(avgpool1d, clg_avg_pool1d, "the mean of each window of sequences")
POOL2D(maxpool2d, clg_max_pool2d, "the largest number of each window")
POOL2D(avgpool2d, clg_avg_pool2d, "the mean of each window")

static const struct clg_key lppool2d_keys[] = {
    {"norm_type", CLG_KEY_NUMBER, NULL, offsetof(struct pool, norm), "the power: 1 or 2",
     .required = true},
    KERNEL_KEYS(BOTH),
    {0},
};
static clg_tensor build_lppool2d(struct clg_build *build, const char *name, clg_tensor x,
                                 const void *args)
{
    const struct pool *a = args;
    clg_pool_params params;
    int32_t kernel[2] = {0, 0};

    (void)name;
    if (!read_keys(build, "lppool2d", a, 2, kernel, &params))
        return (clg_tensor){0};
    params.count_include_pad = true;
    if (a->norm == 2)
        return clg_l2_pool2d(x, kernel[0], kernel[1], &params);
    if (a->norm != 1)
        return clg_layer_refuse(build, "lppool2d: norm_type is %g, but must be 1 or 2", a->norm);
    x = clg_avg_pool2d(x, kernel[0], kernel[1], &params);
    return clg_affine(x, (float)kernel[0] * (float)kernel[1], 0);
}
const struct clg_kind clg_lppool2d_layer_kind = {
    .name = "lppool2d",
    .doc = "the root of the sum of squares of each window (norm_type 2), or its sum (1)",
    .keys = lppool2d_keys,
    .size = sizeof(struct pool),
    .layer = build_lppool2d,
};

/* ---- adaptive ---- */

struct adaptive {
    struct clg_numbers size;
    int64_t length; /* of sequences */
};
static const struct clg_key adaptive_keys[] = {
    {"output_size", CLG_KEY_NUMBERS, NULL, offsetof(struct adaptive, size),
     "height and width of the result, or one number for both", .required = true,
     .range = CLG_POSITIVE},
    {0},
};
#define ADAPTIVE(word, op, text)                                                                   \
    static clg_tensor build_##word(struct clg_build *build, const char *name, clg_tensor x,        \
                                   const void *args)                                               \
    {                                                                                              \
        const struct adaptive *a = args;                                                           \
        int32_t size[2] = {0, 0};                                                                  \
        (void)name;                                                                                \
        return clg_layer_sizes(build, #word, "output_size", &a->size, 2, size)                     \
                   ? op(x, size[0], size[1])                                                       \
                   : (clg_tensor){0};                                                              \
    }                                                                                              \
    const struct clg_kind clg_##word##_layer_kind = {                                              \
        .name = #word,                                                                             \
        .doc = text,                                                                               \
        .bare = "output_size",                                                                     \
        .keys = adaptive_keys,                                                                     \
        .size = sizeof(struct adaptive),                                                           \
        .layer = build_##word,                                                                     \
    };

static const struct clg_key adaptive1d_keys[] = {
    {"output_size", CLG_KEY_INT, NULL, offsetof(struct adaptive, length), "length of the result",
     .required = true, .range = CLG_POSITIVE},
    {0},
};
#define ADAPTIVE1D(word, op, text)                                                                 \
    static clg_tensor build_##word(struct clg_build *build, const char *name, clg_tensor x,        \
                                   const void *args)                                               \
    {                                                                                              \
        (void)build, (void)name;                                                                   \
        return op(x, clg_layer_int(((const struct adaptive *)args)->length));                      \
    }                                                                                              \
    const struct clg_kind clg_##word##_layer_kind = {                                              \
        .name = #word,                                                                             \
        .doc = text,                                                                               \
        .bare = "output_size",                                                                     \
        .keys = adaptive1d_keys,                                                                   \
        .size = sizeof(struct adaptive),                                                           \
        .layer = build_##word,                                                                     \
    };
ADAPTIVE1D(adaptiveavgpool1d, clg_adaptive_avg_pool1d, "means of windows that cover the sequence")
ADAPTIVE1D(adaptivemaxpool1d, clg_adaptive_max_pool1d,
           "the largest numbers of windows that cover the sequence")
ADAPTIVE(adaptiveavgpool2d, clg_adaptive_avg_pool2d, "means of windows that cover the image")
ADAPTIVE(adaptivemaxpool2d, clg_adaptive_max_pool2d,
         "the largest numbers of windows that cover the image")
