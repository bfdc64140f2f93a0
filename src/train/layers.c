/* The layers of recipes: names and keys of PyTorch's modules. A new one is an entry in the list at
 * the end, with its keys and the function that builds it. */
#include <inttypes.h>

#include "train/layers_image.h"

struct linear {
    int64_t out;
    bool bias;
};
static const struct clg_key linear_keys[] = {
    {"out", CLG_KEY_INT, NULL, offsetof(struct linear, out), "number of outputs", .required = true,
     .range = CLG_POSITIVE},
    {"bias", CLG_KEY_BOOL, "true", offsetof(struct linear, bias), "whether a bias is added"},
    {0},
};
static clg_tensor build_linear(struct clg_build *build, const char *name, clg_tensor x,
                               const void *args)
{
    const struct linear *linear = args;
    clg_linear_params params = clg_linear_defaults();

    params.bias = linear->bias;
    params.weight_init = build->weight_init;
    return clg_linear(x, name, linear->out, &params);
}
static const struct clg_kind linear_kind = {
    .name = "linear",
    .doc = "y = x Wᵀ + b over the last dimension",
    .bare = "out",
    .keys = linear_keys,
    .size = sizeof(struct linear),
    .layer = build_linear,
};

struct one_number {
    double value;
};
static const struct clg_key dropout_keys[] = {
    {"p", CLG_KEY_NUMBER, "0.5", offsetof(struct one_number, value),
     "probability that a value becomes zero", .range = CLG_SHARE},
    {0},
};
static clg_tensor build_dropout(struct clg_build *build, const char *name, clg_tensor x,
                                const void *args)
{
    (void)build, (void)name;
    return clg_dropout(x, (float)((const struct one_number *)args)->value);
}
static const struct clg_kind dropout_kind = {
    .name = "dropout",
    .doc = "in training, zeroes values at random and divides the others by 1 - p",
    .bare = "p",
    .keys = dropout_keys,
    .size = sizeof(struct one_number),
    .layer = build_dropout,
};

static const struct clg_key leakyrelu_keys[] = {
    {"negative_slope", CLG_KEY_NUMBER, "0.01", offsetof(struct one_number, value),
     "slope below zero"},
    {0},
};
static clg_tensor build_leakyrelu(struct clg_build *build, const char *name, clg_tensor x,
                                  const void *args)
{
    (void)build, (void)name;
    return clg_leaky_relu(x, (float)((const struct one_number *)args)->value);
}
static const struct clg_kind leakyrelu_kind = {
    .name = "leakyrelu",
    .doc = "x for x > 0, else negative_slope · x",
    .bare = "negative_slope",
    .keys = leakyrelu_keys,
    .size = sizeof(struct one_number),
    .layer = build_leakyrelu,
};

/* Layers without keys: an op of one tensor. */
#define WORD(word, op, text)                                                                       \
    static clg_tensor build_##word(struct clg_build *build, const char *name, clg_tensor x,        \
                                   const void *args)                                               \
    {                                                                                              \
        (void)build, (void)name, (void)args;                                                       \
        return op(x);                                                                              \
    }                                                                                              \
    static const struct clg_kind word##_kind = {.name = #word, .doc = text, .layer = build_##word};

static clg_tensor identity(clg_tensor x)
{
    return x;
}
WORD(relu, clg_relu, "max(x, 0)")
WORD(sigmoid, clg_sigmoid, "1 / (1 + e⁻ˣ)")
WORD(tanh, clg_tanh, "hyperbolic tangent")
WORD(hardsigmoid, clg_hard_sigmoid, "x / 6 + 1 / 2 clamped to 0 to 1")
WORD(identity, identity, "x")

struct dims {
    int64_t start, end;
};
static const struct clg_key flatten_keys[] = {
    {"start_dim", CLG_KEY_INT, "1", offsetof(struct dims, start), "first dimension that is merged"},
    {"end_dim", CLG_KEY_INT, "-1", offsetof(struct dims, end), "last one; negative: from the end"},
    {0},
};
static clg_tensor build_flatten(struct clg_build *build, const char *name, clg_tensor x,
                                const void *args)
{
    const struct dims *dims = args;
    clg_shape from = clg_tensor_shape(x), to = {0};
    int64_t start = dims->start < 0 ? dims->start + from.rank : dims->start;
    int64_t end = dims->end < 0 ? dims->end + from.rank : dims->end;

    (void)name;
    if (start < 0 || end >= from.rank || start > end) {
        clg_fail(build->recipe->object.ctx, CLG_ERR_ARGUMENT,
                 "flatten: dimensions %" PRId64 " to %" PRId64 " of an input with %d dimensions",
                 dims->start, dims->end, (int)from.rank);
        return (clg_tensor){0};
    }
    for (int32_t i = 0; i < from.rank; i++) {
        if (i > start && i <= end)
            to.dim[to.rank - 1] *= from.dim[i];
        else
            to.dim[to.rank++] = from.dim[i];
    }
    return clg_reshape(x, to);
}
static const struct clg_kind flatten_kind = {
    .name = "flatten",
    .doc = "merges dimensions; dimension 0 is the batch",
    .keys = flatten_keys,
    .size = sizeof(struct dims),
    .layer = build_flatten,
};

static const struct clg_key softmax_keys[] = {
    {"dim", CLG_KEY_INT, "-1", offsetof(struct dims, start), "the last dimension, or -1 for it"},
    {0},
};
/* Whether the key dim names the last dimension. */
static bool is_last(struct clg_build *build, const char *layer, clg_tensor x, const void *args)
{
    int64_t dim = ((const struct dims *)args)->start;
    int32_t rank = clg_tensor_shape(x).rank;

    if (dim == -1 || dim == rank - 1)
        return true;
    clg_fail(build->recipe->object.ctx, CLG_ERR_UNSUPPORTED,
             "%s: dim is %" PRId64 ", but only the last dimension (%d, or -1) is supported", layer,
             dim, (int)rank - 1);
    return false;
}
static clg_tensor build_softmax(struct clg_build *build, const char *name, clg_tensor x,
                                const void *args)
{
    (void)name;
    return is_last(build, "softmax", x, args) ? clg_softmax(x) : (clg_tensor){0};
}
static clg_tensor build_logsoftmax(struct clg_build *build, const char *name, clg_tensor x,
                                   const void *args)
{
    (void)name;
    return is_last(build, "logsoftmax", x, args) ? clg_log_softmax(x) : (clg_tensor){0};
}
static const struct clg_kind softmax_kind = {
    .name = "softmax",
    .doc = "eˣ / Σ eˣ (the loss cross_entropy contains it already)",
    .bare = "dim",
    .keys = softmax_keys,
    .size = sizeof(struct dims),
    .layer = build_softmax,
};
static const struct clg_kind logsoftmax_kind = {
    .name = "logsoftmax",
    .doc = "logarithm of softmax",
    .bare = "dim",
    .keys = softmax_keys,
    .size = sizeof(struct dims),
    .layer = build_logsoftmax,
};

struct sequential {
    struct clg_choices layers;
};
static const struct clg_key sequential_keys[] = {
    {"layers", CLG_KEY_LIST, NULL, offsetof(struct sequential, layers), "layers, one after another",
     .required = true, .detail = &clg_layer_family},
    {0},
};
static clg_tensor build_sequential(struct clg_build *build, const char *name, clg_tensor x,
                                   const void *args)
{
    return clg_build_layers(build, &((const struct sequential *)args)->layers, name, x);
}
static const struct clg_kind sequential_kind = {
    .name = "sequential",
    .doc = "a block: its parameters are named NAME.POSITION",
    .bare = "layers",
    .keys = sequential_keys,
    .size = sizeof(struct sequential),
    .layer = build_sequential,
};

static const struct clg_kind *const kinds[] = {
    &linear_kind,  &relu_kind,        &leakyrelu_kind, &sigmoid_kind,
    &tanh_kind,    &hardsigmoid_kind, &softmax_kind,   &logsoftmax_kind,
    &dropout_kind, &flatten_kind,     &identity_kind,  &sequential_kind,
    CLG_IMAGE_KINDS,
    NULL,
};
const struct clg_family clg_layer_family = {"layer", kinds};

static clg_tensor build_layer(struct clg_build *build, const struct clg_choice *layer,
                              const char *prefix, clg_tensor x)
{
    struct clg_recipe *recipe = build->recipe;
    const char *name = layer->name;

    if (prefix)
        name = clg_blocks_print(&recipe->pool, "%s.%s", prefix, name);
    if (!name)
        return (clg_tensor){0};
    x = layer->kind->layer(build, name, x, layer->args);
    /* The inner layer of a block has told its place already. */
    if (!clg_tensor_valid(x) && layer->kind->layer != build_sequential)
        clg_recipe_fail_at(recipe, layer->at);
    return x;
}

clg_tensor clg_build_layers(struct clg_build *build, const struct clg_choices *layers,
                            const char *prefix, clg_tensor x)
{
    for (size_t i = 0; i < layers->count && clg_tensor_valid(x); i++)
        x = build_layer(build, &layers->items[i], prefix, x);
    return x;
}
