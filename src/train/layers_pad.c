/* Borders around images in recipes: names and keys of PyTorch's modules. */
#include <math.h>

#include "train/layers.h"

struct pad {
    struct clg_numbers padding;
    double value;
};
#define PADDING_KEY                                                                                \
    {                                                                                              \
        "padding", CLG_KEY_NUMBERS, NULL, offsetof(struct pad, padding),                           \
            "places on each side, or a list: left, right, top, bottom", .required = true,          \
                                                                        .range = CLG_NOT_NEGATIVE  \
    }
static const struct clg_key pad_keys[] = {PADDING_KEY, {0}};
static const struct clg_key constantpad2d_keys[] = {
    PADDING_KEY,
    {"value", CLG_KEY_NUMBER, "0", offsetof(struct pad, value), "what is there"},
    {0},
};

static clg_tensor pad(struct clg_build *build, const char *layer, clg_tensor x, const struct pad *a,
                      clg_pad_mode mode)
{
    const struct clg_numbers *from = &a->padding;
    int64_t sides[4];

    for (size_t i = 0; i < 4; i++) {
        double number = from->items[from->count > 1 ? i : 0];

        if ((from->count > 1 && from->count != 4) || number != floor(number) || number > INT32_MAX)
            return clg_layer_refuse(build, "%s: padding must be a whole number, or a list of four",
                                    layer);
        sides[i] = (int64_t)number;
    }
    if (clg_tensor_shape(x).rank != 4)
        return clg_layer_refuse(build,
                                "%s: the input has %d dimensions, but must be (batch, "
                                "channels, height, width)",
                                layer, (int)clg_tensor_shape(x).rank);
    x = clg_pad(x, 3, sides[0], sides[1], mode, (float)a->value);
    return clg_pad(x, 2, sides[2], sides[3], mode, (float)a->value);
}
#define PAD(word, keys_of, mode, text)                                                             \
    static clg_tensor build_##word(struct clg_build *build, const char *name, clg_tensor x,        \
                                   const void *args)                                               \
    {                                                                                              \
        (void)name;                                                                                \
        return pad(build, #word, x, args, mode);                                                   \
    }                                                                                              \
    const struct clg_kind clg_##word##_layer_kind = {                                              \
        .name = #word,                                                                             \
        .doc = text,                                                                               \
        .bare = "padding",                                                                         \
        .keys = keys_of,                                                                           \
        .size = sizeof(struct pad),                                                                \
        .layer = build_##word,                                                                     \
    };
PAD(zeropad2d, pad_keys, CLG_PAD_CONSTANT, "zeros around the image")
PAD(constantpad2d, constantpad2d_keys, CLG_PAD_CONSTANT, "one number around the image")
PAD(reflectionpad2d, pad_keys, CLG_PAD_REFLECT, "the image mirrored at its edges")
PAD(replicationpad2d, pad_keys, CLG_PAD_REPLICATE, "the image's edges repeated around it")
