/* Layers of images and normalisation in recipes: names and keys of PyTorch's modules. */
#include <inttypes.h>
#include <math.h>

#include "train/layers_image.h"

#define NUMBERS(type, field, key, fallback, doc_text, at_least)                                    \
    {                                                                                              \
        key, CLG_KEY_NUMBERS, fallback, offsetof(type, field), doc_text, .range = at_least         \
    }

/* One number, or one for height and one for width, as whole numbers. */
static bool pair_of(struct clg_build *build, const char *layer, const char *key,
                    const struct clg_numbers *from, int32_t to[2])
{
    if (!from->count)
        return true; /* absent: what stands there */
    for (size_t i = 0; i < 2; i++) {
        double number = from->items[from->count > 1 ? i : 0];
        if (from->count > 2 || number != floor(number) || number > INT32_MAX) {
            clg_fail(build->recipe->object.ctx, CLG_ERR_ARGUMENT,
                     "%s: %s must be a whole number, or a list of two", layer, key);
            return false;
        }
        to[i] = (int32_t)number;
    }
    return true;
}

/* ---- conv2d ---- */

struct conv2d {
    int64_t out, groups;
    bool bias;
    struct clg_numbers kernel, stride, padding, dilation;
};
static const struct clg_key conv2d_keys[] = {
    {"out", CLG_KEY_INT, NULL, offsetof(struct conv2d, out), "number of output channels",
     .required = true, .range = CLG_POSITIVE},
    {"kernel_size", CLG_KEY_NUMBERS, NULL, offsetof(struct conv2d, kernel),
     "height and width of the kernel, or one number for both", .required = true,
     .range = CLG_POSITIVE},
    NUMBERS(struct conv2d, stride, "stride", "1", "distance of the kernel's places", CLG_POSITIVE),
    NUMBERS(struct conv2d, padding, "padding", "0", "zeros around the image", CLG_NOT_NEGATIVE),
    NUMBERS(struct conv2d, dilation, "dilation", "1", "distance of the kernel's numbers",
            CLG_POSITIVE),
    {"groups", CLG_KEY_INT, "1", offsetof(struct conv2d, groups),
     "groups of channels that do not mix", .range = CLG_POSITIVE},
    {"bias", CLG_KEY_BOOL, "true", offsetof(struct conv2d, bias), "whether a bias is added"},
    {0},
};
static clg_tensor build_conv2d(struct clg_build *build, const char *name, clg_tensor x,
                               const void *args)
{
    const struct conv2d *a = args;
    clg_conv_layer_params params = clg_conv_layer_defaults();
    int32_t kernel[2] = {0, 0};

    params.bias = a->bias;
    params.weight_init = build->weight_init;
    params.conv.groups = a->groups < INT32_MAX ? (int32_t)a->groups : INT32_MAX;
    if (!pair_of(build, "conv2d", "kernel_size", &a->kernel, kernel) ||
        !pair_of(build, "conv2d", "stride", &a->stride, params.conv.stride) ||
        !pair_of(build, "conv2d", "padding", &a->padding, params.conv.padding) ||
        !pair_of(build, "conv2d", "dilation", &a->dilation, params.conv.dilation))
        return (clg_tensor){0};
    return clg_conv2d_layer(x, name, a->out, kernel[0], kernel[1], &params);
}
const struct clg_kind clg_conv2d_kind = {
    .name = "conv2d",
    .doc = "convolution of images (channels, height, width)",
    .keys = conv2d_keys,
    .size = sizeof(struct conv2d),
    .layer = build_conv2d,
};

/* ---- pooling ---- */

struct pool2d {
    struct clg_numbers kernel, stride, padding, dilation;
    bool count_include_pad;
};
#define POOL_KEYS                                                                                  \
    {"kernel_size",                                                                                \
     CLG_KEY_NUMBERS,                                                                              \
     NULL,                                                                                         \
     offsetof(struct pool2d, kernel),                                                              \
     "height and width of a window, or one number for both",                                       \
     .required = true,                                                                             \
     .range = CLG_POSITIVE},                                                                       \
        NUMBERS(struct pool2d, stride, "stride", NULL,                                             \
                "distance of the windows; absent: the kernel's size", CLG_POSITIVE),               \
        NUMBERS(struct pool2d, padding, "padding", "0", "places around the image",                 \
                CLG_NOT_NEGATIVE)
static bool pool_of(struct clg_build *build, const char *layer, const struct pool2d *a,
                    int32_t kernel[2], clg_pool_params *params)
{
    *params = clg_pool_defaults();
    return pair_of(build, layer, "kernel_size", &a->kernel, kernel) &&
           pair_of(build, layer, "stride", &a->stride, params->stride) &&
           pair_of(build, layer, "padding", &a->padding, params->padding);
}

static const struct clg_key maxpool2d_keys[] = {
    POOL_KEYS,
    NUMBERS(struct pool2d, dilation, "dilation", "1", "distance of a window's places",
            CLG_POSITIVE),
    {0},
};
static clg_tensor build_maxpool2d(struct clg_build *build, const char *name, clg_tensor x,
                                  const void *args)
{
    const struct pool2d *a = args;
    clg_pool_params params;
    int32_t kernel[2] = {0, 0};

    (void)name;
    if (!pool_of(build, "maxpool2d", a, kernel, &params) ||
        !pair_of(build, "maxpool2d", "dilation", &a->dilation, params.dilation))
        return (clg_tensor){0};
    return clg_max_pool2d(x, kernel[0], kernel[1], &params);
}
const struct clg_kind clg_maxpool2d_kind = {
    .name = "maxpool2d",
    .doc = "the largest number of each window",
    .bare = "kernel_size",
    .keys = maxpool2d_keys,
    .size = sizeof(struct pool2d),
    .layer = build_maxpool2d,
};

static const struct clg_key avgpool2d_keys[] = {
    POOL_KEYS,
    {"count_include_pad", CLG_KEY_BOOL, "true", offsetof(struct pool2d, count_include_pad),
     "whether zeros of the padding count"},
    {0},
};
static clg_tensor build_avgpool2d(struct clg_build *build, const char *name, clg_tensor x,
                                  const void *args)
{
    const struct pool2d *a = args;
    clg_pool_params params;
    int32_t kernel[2] = {0, 0};

    (void)name;
    if (!pool_of(build, "avgpool2d", a, kernel, &params))
        return (clg_tensor){0};
    params.count_include_pad = a->count_include_pad;
    return clg_avg_pool2d(x, kernel[0], kernel[1], &params);
}
const struct clg_kind clg_avgpool2d_kind = {
    .name = "avgpool2d",
    .doc = "the mean of each window",
    .bare = "kernel_size",
    .keys = avgpool2d_keys,
    .size = sizeof(struct pool2d),
    .layer = build_avgpool2d,
};

struct adaptive {
    struct clg_numbers size;
};
static const struct clg_key adaptive_keys[] = {
    {"output_size", CLG_KEY_NUMBERS, NULL, offsetof(struct adaptive, size),
     "height and width of the result, or one number for both", .required = true,
     .range = CLG_POSITIVE},
    {0},
};
static clg_tensor build_adaptive(struct clg_build *build, const char *name, clg_tensor x,
                                 const void *args)
{
    int32_t size[2] = {0, 0};

    (void)name;
    if (!pair_of(build, "adaptiveavgpool2d", "output_size", &((const struct adaptive *)args)->size,
                 size))
        return (clg_tensor){0};
    return clg_adaptive_avg_pool2d(x, size[0], size[1]);
}
const struct clg_kind clg_adaptiveavgpool2d_kind = {
    .name = "adaptiveavgpool2d",
    .doc = "means of windows that cover the image",
    .bare = "output_size",
    .keys = adaptive_keys,
    .size = sizeof(struct adaptive),
    .layer = build_adaptive,
};

/* ---- normalisation ---- */

struct norm {
    double eps, momentum;
    bool affine, running;
    int64_t groups;
};
#define EPS_KEY                                                                                    \
    {                                                                                              \
        "eps", CLG_KEY_NUMBER, "1e-5", offsetof(struct norm, eps), "added to the variance",        \
            .range = CLG_NOT_NEGATIVE                                                              \
    }
#define AFFINE_KEY(key)                                                                            \
    {                                                                                              \
        key, CLG_KEY_BOOL, "true", offsetof(struct norm, affine),                                  \
            "whether weight and bias are learnt"                                                   \
    }
static clg_norm_layer_params norm_of(const struct norm *a)
{
    clg_norm_layer_params params = clg_norm_layer_defaults();

    params.eps = (float)a->eps;
    params.affine = a->affine;
    return params;
}

static const struct clg_key batchnorm_keys[] = {
    EPS_KEY,
    {"momentum", CLG_KEY_NUMBER, "0.1", offsetof(struct norm, momentum),
     "share of the batch in the running values", .range = CLG_SHARE},
    AFFINE_KEY("affine"),
    {"track_running_stats", CLG_KEY_BOOL, "true", offsetof(struct norm, running),
     "whether inference uses running values"},
    {0},
};
static clg_tensor build_batchnorm(struct clg_build *build, const char *name, clg_tensor x,
                                  const void *args)
{
    const struct norm *a = args;
    clg_norm_layer_params params = norm_of(a);

    (void)build;
    params.momentum = (float)a->momentum;
    params.running = a->running;
    return clg_batch_norm_layer(x, name, &params);
}
#define BATCHNORM(word, of)                                                                        \
    const struct clg_kind clg_##word##_kind = {                                                    \
        .name = #word,                                                                             \
        .doc = "normalises each channel over the batch" of,                                        \
        .keys = batchnorm_keys,                                                                    \
        .size = sizeof(struct norm),                                                               \
        .layer = build_batchnorm,                                                                  \
    };
BATCHNORM(batchnorm1d, "")
BATCHNORM(batchnorm2d, " and the image")

/* The sample's dimensions are what PyTorch calls normalized_shape: they are inferred. */
static const struct clg_key layernorm_keys[] = {
    EPS_KEY,
    AFFINE_KEY("elementwise_affine"),
    {"dims", CLG_KEY_INT, "1", offsetof(struct norm, groups), "how many of the last dimensions",
     .range = CLG_POSITIVE},
    {0},
};
static clg_tensor build_layernorm(struct clg_build *build, const char *name, clg_tensor x,
                                  const void *args)
{
    const struct norm *a = args;
    clg_norm_layer_params params = norm_of(a);

    (void)build;
    return clg_layer_norm_layer(x, name, a->groups < INT32_MAX ? (int32_t)a->groups : INT32_MAX,
                                &params);
}
const struct clg_kind clg_layernorm_kind = {
    .name = "layernorm",
    .doc = "normalises over the last dimensions",
    .keys = layernorm_keys,
    .size = sizeof(struct norm),
    .layer = build_layernorm,
};

static const struct clg_key groupnorm_keys[] = {
    {"num_groups", CLG_KEY_INT, NULL, offsetof(struct norm, groups), "groups of channels",
     .required = true, .range = CLG_POSITIVE},
    EPS_KEY,
    AFFINE_KEY("affine"),
    {0},
};
static clg_tensor build_groupnorm(struct clg_build *build, const char *name, clg_tensor x,
                                  const void *args)
{
    const struct norm *a = args;
    clg_norm_layer_params params = norm_of(a);

    (void)build;
    return clg_group_norm_layer(x, name, a->groups < INT32_MAX ? (int32_t)a->groups : INT32_MAX,
                                &params);
}
const struct clg_kind clg_groupnorm_kind = {
    .name = "groupnorm",
    .doc = "normalises over a group of channels and the image",
    .bare = "num_groups",
    .keys = groupnorm_keys,
    .size = sizeof(struct norm),
    .layer = build_groupnorm,
};

struct response {
    int64_t size;
    double alpha, beta, k;
};
static const struct clg_key response_keys[] = {
    {"size", CLG_KEY_INT, NULL, offsetof(struct response, size), "neighbouring channels",
     .required = true, .range = CLG_POSITIVE},
    {"alpha", CLG_KEY_NUMBER, "1e-4", offsetof(struct response, alpha),
     "factor of the mean square"},
    {"beta", CLG_KEY_NUMBER, "0.75", offsetof(struct response, beta), "exponent"},
    {"k", CLG_KEY_NUMBER, "1", offsetof(struct response, k), "added to it"},
    {0},
};
static clg_tensor build_response(struct clg_build *build, const char *name, clg_tensor x,
                                 const void *args)
{
    const struct response *a = args;

    (void)build, (void)name;
    return clg_local_response_norm(x, a->size < INT32_MAX ? (int32_t)a->size : INT32_MAX,
                                   (float)a->alpha, (float)a->beta, (float)a->k);
}
const struct clg_kind clg_localresponsenorm_kind = {
    .name = "localresponsenorm",
    .doc = "divides by a power of the neighbouring channels' mean square",
    .bare = "size",
    .keys = response_keys,
    .size = sizeof(struct response),
    .layer = build_response,
};
