/* Convolutions in recipes: names, keys and defaults of PyTorch's modules. */
#include "train/layers.h"

struct conv {
    int64_t in, out, groups;
    bool bias;
    struct clg_numbers kernel, stride, padding, dilation, output_padding;
};
#define SIZE(field, key, fallback, doc, least)                                                     \
    CLG_PAIR_KEY(struct conv, field, key, fallback, doc, least)
#define OUT_KEY                                                                                    \
    {                                                                                              \
        "out", CLG_KEY_INT, NULL, offsetof(struct conv, out), "number of output channels",         \
            .required = true, .range = CLG_POSITIVE, .also = "out_channels"                        \
    },                                                                                             \
        CLG_INPUT_KEY(struct conv, in, "in_channels", 1, "channels")
#define KERNEL_KEY(doc)                                                                            \
    {                                                                                              \
        "kernel_size", CLG_KEY_NUMBERS, NULL, offsetof(struct conv, kernel), doc,                  \
            .required = true, .range = CLG_POSITIVE                                                \
    }
#define SHARED_KEYS(around)                                                                        \
    SIZE(stride, "stride", "1", "distance of the kernel's places", CLG_POSITIVE),                  \
        SIZE(padding, "padding", "0", around, CLG_NOT_NEGATIVE),                                   \
        SIZE(dilation, "dilation", "1", "distance of the kernel's numbers", CLG_POSITIVE),         \
        {"groups",                                                                                 \
         CLG_KEY_INT,                                                                              \
         "1",                                                                                      \
         offsetof(struct conv, groups),                                                            \
         "groups of channels that do not mix",                                                     \
         .range = CLG_POSITIVE},                                                                   \
    {                                                                                              \
        "bias", CLG_KEY_BOOL, "true", offsetof(struct conv, bias), "whether a bias is added"       \
    }

static const struct clg_key conv1d_keys[] = {
    OUT_KEY,
    KERNEL_KEY("length of the kernel"),
    SHARED_KEYS("zeros at both ends"),
    {0},
};
static const struct clg_key conv2d_keys[] = {
    OUT_KEY,
    KERNEL_KEY("height and width of the kernel, or one number for both"),
    SHARED_KEYS("zeros around the image"),
    {0},
};
static const struct clg_key convtranspose2d_keys[] = {
    OUT_KEY,
    KERNEL_KEY("height and width of the kernel, or one number for both"),
    SHARED_KEYS("places around the result that are left out"),
    SIZE(output_padding, "output_padding", "0", "places more at the result's end",
         CLG_NOT_NEGATIVE),
    {0},
};

/* Reads the keys for `size` dimensions. */
static bool read_keys(struct clg_build *build, const char *layer, const struct conv *a, int size,
                      int32_t kernel[2], clg_conv_layer_params *params)
{
    clg_conv_params *conv = &params->conv;

    *params = clg_conv_layer_defaults();
    params->bias = a->bias;
    params->weight_init = build->weight_init;
    conv->groups = clg_layer_int(a->groups);
    return clg_layer_sizes(build, layer, "kernel_size", &a->kernel, size, kernel) &&
           clg_layer_sizes(build, layer, "stride", &a->stride, size, conv->stride) &&
           clg_layer_sizes(build, layer, "padding", &a->padding, size, conv->padding) &&
           clg_layer_sizes(build, layer, "dilation", &a->dilation, size, conv->dilation) &&
           clg_layer_sizes(build, layer, "output_padding", &a->output_padding, size,
                           conv->output_padding);
}

static clg_tensor build_conv1d(struct clg_build *build, const char *name, clg_tensor x,
                               const void *args)
{
    const struct conv *a = args;
    clg_conv_layer_params params;
    int32_t kernel[2] = {0, 0};

    if (!read_keys(build, "conv1d", a, 1, kernel, &params))
        return (clg_tensor){0};
    return clg_conv1d_layer(x, name, a->out, kernel[0], &params);
}
const struct clg_kind clg_conv1d_layer_kind = {
    .name = "conv1d",
    .doc = "convolution of sequences (channels, length)",
    .keys = conv1d_keys,
    .size = sizeof(struct conv),
    .layer = build_conv1d,
};

static clg_tensor build_conv2d(struct clg_build *build, const char *name, clg_tensor x,
                               const void *args)
{
    const struct conv *a = args;
    clg_conv_layer_params params;
    int32_t kernel[2] = {0, 0};

    if (!read_keys(build, "conv2d", a, 2, kernel, &params))
        return (clg_tensor){0};
    return clg_conv2d_layer(x, name, a->out, kernel[0], kernel[1], &params);
}
const struct clg_kind clg_conv2d_layer_kind = {
    .name = "conv2d",
    .doc = "convolution of images (channels, height, width)",
    .keys = conv2d_keys,
    .size = sizeof(struct conv),
    .layer = build_conv2d,
};

static clg_tensor build_convtranspose2d(struct clg_build *build, const char *name, clg_tensor x,
                                        const void *args)
{
    const struct conv *a = args;
    clg_conv_layer_params params;
    int32_t kernel[2] = {0, 0};

    if (!read_keys(build, "convtranspose2d", a, 2, kernel, &params))
        return (clg_tensor){0};
    return clg_conv_transpose2d_layer(x, name, a->out, kernel[0], kernel[1], &params);
}
const struct clg_kind clg_convtranspose2d_layer_kind = {
    .name = "convtranspose2d",
    .doc = "transposed convolution: from small images to large ones",
    .keys = convtranspose2d_keys,
    .size = sizeof(struct conv),
    .layer = build_convtranspose2d,
};
