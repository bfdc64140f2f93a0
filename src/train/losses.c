/* The losses of recipes. */
#include "train/recipe.h"

static clg_tensor cross_entropy(clg_tensor result, clg_tensor label)
{
    return clg_cross_entropy(result, label, NULL);
}

static clg_tensor mse(clg_tensor result, clg_tensor label)
{
    return clg_mse(result, label, NULL);
}

static clg_tensor half_mse(clg_tensor result, clg_tensor label)
{
    return clg_half_mse(result, label, NULL);
}

static const struct clg_kind cross_entropy_kind = {
    .name = "cross_entropy",
    .doc = "softmax cross-entropy of the model's outputs, one for each class, with integer labels",
    .classes = true,
    .loss = cross_entropy,
};
static const struct clg_kind mse_kind = {
    .name = "mse",
    .doc = "mean of (output - label)²; labels are numbers, as many as outputs",
    .loss = mse,
};
static const struct clg_kind half_mse_kind = {
    .name = "half_mse",
    .doc = "half of mse",
    .loss = half_mse,
};
static const struct clg_kind *const kinds[] = {
    &cross_entropy_kind,
    &mse_kind,
    &half_mse_kind,
    NULL,
};
const struct clg_family clg_loss_family = {"loss", kinds};
