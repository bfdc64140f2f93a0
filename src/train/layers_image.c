/* Layers of images (N, C, H, W) in recipes that change their size, or in training add chance. */
#include <inttypes.h>

#include "train/layers.h"

/* ---- upsample ---- */

struct upsample {
    struct clg_numbers size, scale;
    const char *mode;
};
static const char *const modes[] = {"nearest", "bilinear", NULL};
static const struct clg_key upsample_keys[] = {
    CLG_PAIR_KEY(struct upsample, size, "size", NULL,
                 "height and width of the result, or one number for both", CLG_POSITIVE),
    CLG_PAIR_KEY(struct upsample, scale, "scale_factor", NULL,
                 "instead of size: a whole number that height and width are multiplied with",
                 CLG_POSITIVE),
    {"mode", CLG_KEY_WORD, "nearest", offsetof(struct upsample, mode),
     "what lies between pixels; corners are not aligned", .detail = modes},
    {0},
};

/* false, and a failure, unless x has samples (C, H, W). */
static bool is_image(struct clg_build *build, const char *layer, clg_tensor x)
{
    const int rank = clg_tensor_shape(x).rank;

    if (clg_tensor_valid(x) && rank != 4)
        clg_layer_refuse(build, "%s: samples have %d dimensions, must have 3 (C, H, W)", layer,
                         rank - 1);
    return rank == 4;
}

static clg_tensor build_upsample(struct clg_build *build, const char *name, clg_tensor x,
                                 const void *args)
{
    const struct upsample *a = args;
    clg_shape from = clg_tensor_shape(x);
    int32_t size[2] = {0, 0}, scale[2] = {0, 0};

    (void)name;
    if (!is_image(build, "upsample", x) ||
        !clg_layer_sizes(build, "upsample", "size", &a->size, 2, size) ||
        !clg_layer_sizes(build, "upsample", "scale_factor", &a->scale, 2, scale))
        return (clg_tensor){0};
    if (!a->size.count == !a->scale.count)
        return clg_layer_refuse(build, "upsample needs either size or scale_factor");
    for (int i = 0; i < 2 && a->scale.count; i++)
        size[i] = clg_layer_int(from.dim[2 + i] * scale[i]);
    return a->mode[0] == 'n' ? clg_upsample_nearest2d(x, size[0], size[1])
                             : clg_upsample_bilinear2d(x, size[0], size[1]);
}
const struct clg_kind clg_upsample_layer_kind = {
    .name = "upsample",
    .doc = "images (C, H, W) in another size",
    .bare = "scale_factor",
    .keys = upsample_keys,
    .size = sizeof(struct upsample),
    .layer = build_upsample,
};

/* ---- dropout2d, noise, flip ---- */

struct chance {
    double number;
};
#define CHANCE(word, key, fallback, range_of, key_doc, call, text)                                 \
    static const struct clg_key word##_keys[] = {                                                  \
        {key, CLG_KEY_NUMBER, fallback, offsetof(struct chance, number), key_doc,                  \
         .range = range_of},                                                                       \
        {0},                                                                                       \
    };                                                                                             \
    static clg_tensor build_##word(struct clg_build *build, const char *name, clg_tensor x,        \
                                   const void *args)                                               \
    {                                                                                              \
        const float number = (float)((const struct chance *)args)->number;                         \
        (void)build, (void)name;                                                                   \
        return call;                                                                               \
    }                                                                                              \
    const struct clg_kind clg_##word##_layer_kind = {                                              \
        .name = #word,                                                                             \
        .doc = text,                                                                               \
        .bare = key,                                                                               \
        .keys = word##_keys,                                                                       \
        .size = sizeof(struct chance),                                                             \
        .layer = build_##word,                                                                     \
    }

CHANCE(dropout2d, "p", "0.5", CLG_SHARE, "probability that a channel becomes zero",
       clg_dropout2d(x, number),
       "in training, zeroes whole channels at random and divides the others by 1 - p");
CHANCE(gaussiannoise, "std", "0.1", CLG_NOT_NEGATIVE, "standard deviation",
       clg_gaussian_noise(x, number), "in training, adds normal numbers of mean 0");
CHANCE(randomhorizontalflip, "p", "0.5", CLG_SHARE, "probability that a sample is mirrored",
       clg_random_flip(x, -1, number),
       "in training, reverses the last dimension of samples at random");
CHANCE(randomverticalflip, "p", "0.5", CLG_SHARE, "probability that a sample is mirrored",
       clg_random_flip(x, -2, number),
       "in training, reverses the last but one dimension of samples at random");

/* ---- crop ---- */

struct crop {
    struct clg_numbers size, padding;
};
static const struct clg_key randomcrop_keys[] = {
    {"size", CLG_KEY_NUMBERS, NULL, offsetof(struct crop, size),
     "height and width of the window, or one number for both", .required = true,
     .range = CLG_POSITIVE},
    CLG_PAIR_KEY(struct crop, padding, "padding", "0", "zeros around the image, above and beside",
                 CLG_NOT_NEGATIVE),
    {0},
};

static clg_tensor build_randomcrop(struct clg_build *build, const char *name, clg_tensor x,
                                   const void *args)
{
    const struct crop *a = args;
    int32_t size[2] = {0, 0}, padding[2] = {0, 0};

    (void)name;
    if (!is_image(build, "randomcrop", x) ||
        !clg_layer_sizes(build, "randomcrop", "size", &a->size, 2, size) ||
        !clg_layer_sizes(build, "randomcrop", "padding", &a->padding, 2, padding))
        return (clg_tensor){0};
    for (int i = 0; i < 2; i++)
        if (padding[i])
            x = clg_pad(x, 2 + i, padding[i], padding[i], CLG_PAD_CONSTANT, 0);
    return clg_random_crop2d(x, size[0], size[1]);
}
const struct clg_kind clg_randomcrop_layer_kind = {
    .name = "randomcrop",
    .doc = "a window of each image, in training at a random place, else in the middle",
    .bare = "size",
    .keys = randomcrop_keys,
    .size = sizeof(struct crop),
    .layer = build_randomcrop,
};
