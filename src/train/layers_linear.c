/* The linear layer and dropout in recipes. */
#include "train/layers.h"

struct linear {
    int64_t in, out;
    bool bias;
};
static const struct clg_key linear_keys[] = {
    {"out", CLG_KEY_INT, NULL, offsetof(struct linear, out), "number of outputs", .required = true,
     .range = CLG_POSITIVE, .also = "out_features"},
    CLG_INPUT_KEY(struct linear, in, "in_features", -1, "last dimension"),
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
const struct clg_kind clg_linear_layer_kind = {
    .name = "linear",
    .doc = "y = x Wᵀ + b over the last dimension",
    .bare = "out",
    .keys = linear_keys,
    .size = sizeof(struct linear),
    .layer = build_linear,
};

struct dropout {
    double p;
};
static const struct clg_key dropout_keys[] = {
    {"p", CLG_KEY_NUMBER, "0.5", offsetof(struct dropout, p),
     "probability that a value becomes zero", .range = CLG_SHARE},
    {0},
};
static clg_tensor build_dropout(struct clg_build *build, const char *name, clg_tensor x,
                                const void *args)
{
    (void)build, (void)name;
    return clg_dropout(x, (float)((const struct dropout *)args)->p);
}
const struct clg_kind clg_dropout_layer_kind = {
    .name = "dropout",
    .doc = "in training, zeroes values at random and divides the others by 1 - p",
    .bare = "p",
    .keys = dropout_keys,
    .size = sizeof(struct dropout),
    .layer = build_dropout,
};
