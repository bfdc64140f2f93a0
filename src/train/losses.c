/* The losses of recipes. */
#include <math.h>

#include "train/recipe.h"

/* What losses of classes, bce_with_logits and the bent ones take. */
struct args {
    double label_smoothing, ignore_index, delta, beta;
    struct clg_numbers weight, pos_weight;
    const char *reduction;
};
#define ARG(name) offsetof(struct args, name)

/* Numbers as a constant (count); absent: none. False when memory is short. */
static bool constant(const struct clg_build *build, const struct clg_numbers *numbers,
                     clg_tensor *out)
{
    float *values;

    *out = (clg_tensor){0};
    if (!numbers->count)
        return true;
    values = clg_blocks_new(&build->recipe->pool, numbers->count, sizeof(*values));
    for (size_t i = 0; values && i < numbers->count; i++)
        values[i] = (float)numbers->items[i];
    if (values)
        *out = clg_constant(build->graph, CLG_F32, clg_shape1((int64_t)numbers->count), values);
    return values && clg_tensor_valid(*out);
}

/* ---- classes ---- */

#define CLASS_KEYS                                                                                 \
    {"weight",                                                                                     \
     CLG_KEY_NUMBERS,                                                                              \
     NULL,                                                                                         \
     ARG(weight),                                                                                  \
     "a factor for each class; the mean divides by the sum of the labels' factors",                \
     .range = CLG_NOT_NEGATIVE},                                                                   \
    {                                                                                              \
        "ignore_index", CLG_KEY_NUMBER, NULL, ARG(ignore_index),                                   \
            "samples with this label, a class or not, do not count in loss and gradient; absent: " \
            "none"                                                                                 \
    }

static const struct clg_key nll_keys[] = {CLASS_KEYS, {0}};
static const struct clg_key cross_entropy_keys[] = {
    CLASS_KEYS,
    {"label_smoothing", CLG_KEY_NUMBER, "0", ARG(label_smoothing),
     "share of the uniform distribution that is mixed into the labels", .range = CLG_SHARE},
    {0},
};

/* Without ignored labels cross_entropy is one pass. */
static bool class_params(const struct clg_build *build, const struct args *args,
                         clg_loss_params *out)
{
    struct clg_recipe *recipe = build->recipe;

    *out = clg_loss_defaults();
    out->label_smoothing = (float)args->label_smoothing;
    out->ignore = recipe->ignores = !isnan(args->ignore_index);
    if (out->ignore &&
        (args->ignore_index != rint(args->ignore_index) || fabs(args->ignore_index) > 1 << 24)) {
        clg_fail(recipe->object.ctx, CLG_ERR_ARGUMENT,
                 "ignore_index is %g, must be a whole number within 2^24 of 0", args->ignore_index);
        return false;
    }
    if (out->ignore)
        recipe->ignored = out->ignore_index = (int32_t)args->ignore_index;
    return constant(build, &args->weight, &out->class_weight);
}

static clg_tensor cross_entropy(const struct clg_build *build, clg_tensor result, clg_tensor label,
                                const void *args)
{
    clg_loss_params p;

    return class_params(build, args, &p) ? clg_cross_entropy(result, label, &p) : (clg_tensor){0};
}

static clg_tensor nll(const struct clg_build *build, clg_tensor result, clg_tensor label,
                      const void *args)
{
    clg_loss_params p;

    return class_params(build, args, &p) ? clg_nll(result, label, &p) : (clg_tensor){0};
}

static const struct clg_kind cross_entropy_kind = {
    .name = "cross_entropy",
    .doc = "softmax cross-entropy of the model's outputs, one for each class, with integer labels",
    .keys = cross_entropy_keys,
    .size = sizeof(struct args),
    .classes = true,
    .loss = cross_entropy,
};
static const struct clg_kind nll_kind = {
    .name = "nll",
    .doc = "the negative of the label's output, where outputs are log-probabilities, one for each "
           "class",
    .keys = nll_keys,
    .size = sizeof(struct args),
    .classes = true,
    .loss = nll,
};

/* ---- numbers ---- */

#define PLAIN(loss_name, call, is_regression, words)                                               \
    static clg_tensor loss_name(const struct clg_build *build, clg_tensor result,                  \
                                clg_tensor label, const void *args)                                \
    {                                                                                              \
        (void)build;                                                                               \
        (void)args;                                                                                \
        return call;                                                                               \
    }                                                                                              \
    static const struct clg_kind loss_name##_kind = {                                              \
        .name = #loss_name,                                                                        \
        .doc = words,                                                                              \
        .regression = is_regression,                                                               \
        .loss = loss_name,                                                                         \
    }

PLAIN(mse, clg_mse(result, label, NULL), true,
      "mean of (output - label)²; labels are numbers, as many as outputs");
PLAIN(half_mse, clg_half_mse(result, label, NULL), true, "half of mse");
PLAIN(mae, clg_mae(result, label, NULL), true, "mean of |output - label|; labels as for mse");
PLAIN(hinge, clg_hinge(result, label, NULL), false,
      "mean of max(0, 1 - output label); labels 1 and -1");

static clg_tensor huber(const struct clg_build *build, clg_tensor result, clg_tensor label,
                        const void *args)
{
    (void)build;
    return clg_huber(result, label, (float)((const struct args *)args)->delta, NULL);
}

static const struct clg_key huber_keys[] = {
    {"delta", CLG_KEY_NUMBER, "1", ARG(delta), "where the square ends", .range = CLG_POSITIVE},
    {0},
};
static const struct clg_kind huber_kind = {
    .name = "huber",
    .doc = "mean of d² / 2 for d = |output - label| up to delta, delta (d - delta / 2) beyond; "
           "labels as for mse",
    .bare = "delta",
    .keys = huber_keys,
    .size = sizeof(struct args),
    .regression = true,
    .loss = huber,
};

static clg_tensor smooth_l1(const struct clg_build *build, clg_tensor result, clg_tensor label,
                            const void *args)
{
    (void)build;
    return clg_smooth_l1(result, label, (float)((const struct args *)args)->beta, NULL);
}

static const struct clg_key smooth_l1_keys[] = {
    {"beta", CLG_KEY_NUMBER, "1", ARG(beta), "where the square ends", .range = CLG_NOT_NEGATIVE},
    {0},
};
static const struct clg_kind smooth_l1_kind = {
    .name = "smooth_l1",
    .doc = "mean of d² / (2 beta) for d = |output - label| up to beta, d - beta / 2 beyond; labels "
           "as for mse",
    .bare = "beta",
    .keys = smooth_l1_keys,
    .size = sizeof(struct args),
    .regression = true,
    .loss = smooth_l1,
};

/* ---- probabilities ---- */

static clg_tensor bce_with_logits(const struct clg_build *build, clg_tensor result,
                                  clg_tensor label, const void *args)
{
    clg_loss_params p = clg_loss_defaults();

    return constant(build, &((const struct args *)args)->pos_weight, &p.pos_weight)
               ? clg_bce_with_logits(result, label, &p)
               : (clg_tensor){0};
}

static const struct clg_key bce_keys[] = {
    {"pos_weight", CLG_KEY_NUMBERS, NULL, ARG(pos_weight),
     "a factor for the loss of labels 1; a list: for each output", .range = CLG_NOT_NEGATIVE},
    {0},
};
static const struct clg_kind bce_kind = {
    .name = "bce_with_logits",
    .doc =
        "mean of the binary cross-entropy of sigmoid(output) with labels from 0 to 1, as many as "
        "outputs",
    .keys = bce_keys,
    .size = sizeof(struct args),
    .loss = bce_with_logits,
};

static clg_tensor kl_div(const struct clg_build *build, clg_tensor result, clg_tensor label,
                         const void *args)
{
    const char *reduction = ((const struct args *)args)->reduction;
    clg_loss_params p = clg_loss_defaults();

    (void)build;
    p.reduction = reduction[0] == 'b' ? CLG_REDUCE_BATCH_MEAN : CLG_REDUCE_MEAN;
    return clg_kl_div(result, label, &p);
}

static const char *const kl_reductions[] = {"mean", "batchmean", NULL};
static const struct clg_key kl_keys[] = {
    {"reduction", CLG_KEY_WORD, "mean", ARG(reduction),
     "over all outputs, or over samples as the divergence is defined", .detail = kl_reductions},
    {0},
};
static const struct clg_kind kl_kind = {
    .name = "kl_div",
    .doc =
        "Kullback-Leibler divergence of outputs, which are log-probabilities, from labels, which "
        "are probabilities and as many",
    .keys = kl_keys,
    .size = sizeof(struct args),
    .loss = kl_div,
};

static const struct clg_kind *const kinds[] = {
    &cross_entropy_kind, &nll_kind, &mse_kind, &half_mse_kind, &mae_kind, &huber_kind,
    &smooth_l1_kind,     &bce_kind, &kl_kind,  &hinge_kind,    NULL,
};
const struct clg_family clg_loss_family = {"loss", kinds};
