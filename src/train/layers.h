/* What the files of layers share. A layer is a line of layers.def and a struct clg_kind. */
#ifndef CLG_TRAIN_LAYERS_H
#define CLG_TRAIN_LAYERS_H

#include "train/recipe.h"

/* A layer that was built. */
struct clg_built {
    const struct clg_kind *kind;
    const char *name;  /* from the model's root */
    const char *owner; /* of its parameters' names: another layer's where it shares */
    struct clg_built *next;
};

#define LAYER(word) extern const struct clg_kind clg_##word##_layer_kind;
#include "train/layers.def"
#undef LAYER

/* A key with one number, or one for height and one for width. */
#define CLG_PAIR_KEY(type, field, key, fallback, doc_text, at_least)                               \
    {                                                                                              \
        key, CLG_KEY_NUMBERS, fallback, offsetof(type, field), doc_text, .range = at_least         \
    }

/* A size that is inferred from dimension `dim` of the input (-1: the last), under PyTorch's name. */
#define CLG_INPUT_KEY(type, field, key, dim, of)                                                   \
    {                                                                                              \
        key, CLG_KEY_INT, NULL, offsetof(type, field), of " of the input, which is inferred",      \
            .range = CLG_POSITIVE, .input = dim                                                    \
    }

/* Reads a key of CLG_PAIR_KEY as whole numbers into to[0] to to[size - 1], a single number into all; absent: as
 * they are. False, and a failure, when it is something else. */
bool clg_layer_sizes(struct clg_build *build, const char *layer, const char *key,
                     const struct clg_numbers *from, int size, int32_t *to);

/* A key's whole number as int32: what is beyond becomes INT32_MAX, for the layer to refuse. */
int32_t clg_layer_int(int64_t number);

/* Fails, and gives an invalid tensor. */
clg_tensor clg_layer_refuse(struct clg_build *build, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
