/* Activations in recipes: names, keys and defaults of PyTorch's modules. */
#include <inttypes.h>
#include <string.h>

#include "train/layers.h"

/* Without keys: an op of one tensor. */
#define WORD(word, op, text)                                                                       \
    static clg_tensor build_##word(struct clg_build *build, const char *name, clg_tensor x,        \
                                   const void *args)                                               \
    {                                                                                              \
        (void)build, (void)name, (void)args;                                                       \
        return op(x);                                                                              \
    }                                                                                              \
    const struct clg_kind clg_##word##_layer_kind = {                                              \
        .name = #word, .doc = text, .layer = build_##word};

WORD(relu, clg_relu, "max(x, 0)")
WORD(relu6, clg_relu6, "x clamped to 0 to 6")
WORD(selu, clg_selu, "1.0507 times elu with alpha 1.6733")
WORD(silu, clg_silu, "x · sigmoid(x)")
WORD(mish, clg_mish, "x · tanh(softplus(x))")
WORD(sigmoid, clg_sigmoid, "1 / (1 + e⁻ˣ)")
WORD(logsigmoid, clg_log_sigmoid, "ln(1 / (1 + e⁻ˣ))")
WORD(tanh, clg_tanh, "hyperbolic tangent")
WORD(softsign, clg_softsign, "x / (1 + |x|)")
WORD(hardsigmoid, clg_hard_sigmoid, "x / 6 + 1 / 2 clamped to 0 to 1")
WORD(hardswish, clg_hard_swish, "x · hardsigmoid(x)")

/* With one number, which may stand bare. */
struct number {
    double value;
};
#define NUMBER(word, op, key, fallback, key_doc, least, text)                                      \
    static const struct clg_key word##_keys[] = {                                                  \
        {key, CLG_KEY_NUMBER, fallback, offsetof(struct number, value), key_doc, .range = least},  \
        {0},                                                                                       \
    };                                                                                             \
    static clg_tensor build_##word(struct clg_build *build, const char *name, clg_tensor x,        \
                                   const void *args)                                               \
    {                                                                                              \
        (void)build, (void)name;                                                                   \
        return op(x, (float)((const struct number *)args)->value);                                 \
    }                                                                                              \
    const struct clg_kind clg_##word##_layer_kind = {                                              \
        .name = #word,                                                                             \
        .doc = text,                                                                               \
        .bare = key,                                                                               \
        .keys = word##_keys,                                                                       \
        .size = sizeof(struct number),                                                             \
        .layer = build_##word,                                                                     \
    };

NUMBER(leakyrelu, clg_leaky_relu, "negative_slope", "0.01", "slope below zero", CLG_ANY,
       "x for x > 0, else negative_slope · x")
NUMBER(elu, clg_elu, "alpha", "1", "what it falls to, negated", CLG_ANY,
       "x for x > 0, else alpha (eˣ - 1)")
NUMBER(celu, clg_celu, "alpha", "1", "what it falls to, negated", CLG_POSITIVE,
       "x for x > 0, else alpha (e^(x / alpha) - 1)")

struct softplus {
    double beta, threshold;
};
static const struct clg_key softplus_keys[] = {
    {"beta", CLG_KEY_NUMBER, "1", offsetof(struct softplus, beta), "steepness",
     .range = CLG_POSITIVE},
    {"threshold", CLG_KEY_NUMBER, "20", offsetof(struct softplus, threshold),
     "over this, beta x counts as large"},
    {0},
};
static clg_tensor build_softplus(struct clg_build *build, const char *name, clg_tensor x,
                                 const void *args)
{
    const struct softplus *a = args;

    (void)build, (void)name;
    return clg_softplus_with(x, (float)a->beta, (float)a->threshold);
}
const struct clg_kind clg_softplus_layer_kind = {
    .name = "softplus",
    .doc = "ln(1 + e^(beta x)) / beta; x where beta x is over the threshold",
    .bare = "beta",
    .keys = softplus_keys,
    .size = sizeof(struct softplus),
    .layer = build_softplus,
};

struct prelu {
    int64_t count;
    double init;
};
static const struct clg_key prelu_keys[] = {
    {"num_parameters", CLG_KEY_INT, "1", offsetof(struct prelu, count),
     "1, or as many as channels: a slope for each", .range = CLG_POSITIVE},
    {"init", CLG_KEY_NUMBER, "0.25", offsetof(struct prelu, init), "the slopes' first value"},
    {0},
};
static clg_tensor build_prelu(struct clg_build *build, const char *name, clg_tensor x,
                              const void *args)
{
    const struct prelu *prelu = args;
    clg_prelu_layer_params params = clg_prelu_layer_defaults();

    (void)build;
    params.count = prelu->count;
    params.init = (float)prelu->init;
    return clg_prelu_layer(x, name, &params);
}
const struct clg_kind clg_prelu_layer_kind = {
    .name = "prelu",
    .doc = "x for x > 0, else weight · x with a learnt weight",
    .bare = "num_parameters",
    .keys = prelu_keys,
    .size = sizeof(struct prelu),
    .layer = build_prelu,
};

struct gelu {
    const char *approximate;
};
static const char *const approximations[] = {"none", "tanh", NULL};
static const struct clg_key gelu_keys[] = {
    {"approximate", CLG_KEY_WORD, "none", offsetof(struct gelu, approximate), "how it is computed",
     .detail = approximations},
    {0},
};
static clg_tensor build_gelu(struct clg_build *build, const char *name, clg_tensor x,
                             const void *args)
{
    (void)build, (void)name;
    return strcmp(((const struct gelu *)args)->approximate, "tanh") == 0 ? clg_gelu_tanh(x)
                                                                         : clg_gelu(x);
}
const struct clg_kind clg_gelu_layer_kind = {
    .name = "gelu",
    .doc = "x Φ(x), Φ the normal distribution",
    .bare = "approximate",
    .keys = gelu_keys,
    .size = sizeof(struct gelu),
    .layer = build_gelu,
};

struct range {
    double min, max;
};
static const struct clg_key hardtanh_keys[] = {
    {"min_val", CLG_KEY_NUMBER, "-1", offsetof(struct range, min), "lower end"},
    {"max_val", CLG_KEY_NUMBER, "1", offsetof(struct range, max), "upper end"},
    {0},
};
static clg_tensor build_hardtanh(struct clg_build *build, const char *name, clg_tensor x,
                                 const void *args)
{
    const struct range *range = args;

    (void)build, (void)name;
    return clg_hard_tanh(x, (float)range->min, (float)range->max);
}
const struct clg_kind clg_hardtanh_layer_kind = {
    .name = "hardtanh",
    .doc = "x clamped to min_val to max_val",
    .keys = hardtanh_keys,
    .size = sizeof(struct range),
    .layer = build_hardtanh,
};

/* ---- over a dimension ---- */

struct dim {
    int64_t dim;
};
static const struct clg_key glu_keys[] = {
    {"dim", CLG_KEY_INT, "-1", offsetof(struct dim, dim), "the dimension that is halved"},
    {0},
};
static clg_tensor build_glu(struct clg_build *build, const char *name, clg_tensor x,
                            const void *args)
{
    int64_t dim = ((const struct dim *)args)->dim;

    (void)build, (void)name;
    return clg_glu(x, dim > -CLG_MAX_RANK ? clg_layer_int(dim) : INT32_MIN);
}
const struct clg_kind clg_glu_layer_kind = {
    .name = "glu",
    .doc = "a · sigmoid(b), a and b the halves of x",
    .bare = "dim",
    .keys = glu_keys,
    .size = sizeof(struct dim),
    .layer = build_glu,
};

static const struct clg_key softmax_keys[] = {
    {"dim", CLG_KEY_INT, "-1", offsetof(struct dim, dim), "the last dimension, or -1 for it"},
    {0},
};
/* Whether the key dim names the last dimension. */
static bool is_last(struct clg_build *build, const char *layer, clg_tensor x, const void *args)
{
    int64_t dim = ((const struct dim *)args)->dim;
    int32_t rank = clg_tensor_shape(x).rank;

    if (dim == -1 || dim == rank - 1)
        return true;
    clg_fail(build->recipe->object.ctx, CLG_ERR_UNSUPPORTED,
             "%s: dim is %" PRId64 ", but only the last dimension (%d, or -1) is supported", layer,
             dim, (int)rank - 1);
    return false;
}
#define OVER_LAST(word, op, text)                                                                  \
    static clg_tensor build_##word(struct clg_build *build, const char *name, clg_tensor x,        \
                                   const void *args)                                               \
    {                                                                                              \
        (void)name;                                                                                \
        return is_last(build, #word, x, args) ? op(x) : (clg_tensor){0};                           \
    }                                                                                              \
    const struct clg_kind clg_##word##_layer_kind = {                                              \
        .name = #word,                                                                             \
        .doc = text,                                                                               \
        .bare = "dim",                                                                             \
        .keys = softmax_keys,                                                                      \
        .size = sizeof(struct dim),                                                                \
        .layer = build_##word,                                                                     \
    };
OVER_LAST(softmax, clg_softmax, "eˣ / Σ eˣ (the loss cross_entropy contains it already)")
OVER_LAST(logsoftmax, clg_log_softmax, "logarithm of softmax")
