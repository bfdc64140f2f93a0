/* The table of a recipe's keys; layers, losses, optimizers and kinds of data have files
 * of their own. */
#include "train/metric.h"
#include "train/recipe.h"

#define DATA(name) offsetof(struct clg_recipe_data, name)
static const struct clg_key normalize_keys[] = {
    {"mean", CLG_KEY_NUMBERS, "0", DATA(normalize.mean) - DATA(normalize),
     "what is taken off each value; a list: a number for each channel"},
    {"std", CLG_KEY_NUMBERS, "1", DATA(normalize.std) - DATA(normalize),
     "what each value is divided by; a list: a number for each channel", .range = CLG_POSITIVE},
    {0},
};
static const struct clg_kind normalize_kind = {
    .name = "normalize",
    .keys = normalize_keys,
};

static const struct clg_key data_keys[] = {
    {"train", CLG_KEY_BY_KEY, NULL, DATA(train), "the training set", .required = true,
     .detail = &clg_data_family},
    {"test", CLG_KEY_BY_KEY, NULL, DATA(test), "the test set, evaluated after each epoch",
     .detail = &clg_data_family},
    {"validation", CLG_KEY_PART, NULL, DATA(validation),
     "what is evaluated after each epoch beside the test set: a share of the training set, or a "
     "number of its samples, which are not trained on; or a set of its own",
     .detail = &clg_data_family},
    {"stratify", CLG_KEY_BOOL, "false", DATA(stratify),
     "whether each class has its share of what is set apart for validation, and of folds"},
    {"folds", CLG_KEY_INT, "0", DATA(folds),
     "parts that the training set falls into, of which one takes the place of validation; 0: none",
     .range = CLG_NOT_NEGATIVE},
    {"fold", CLG_KEY_INT, "1", DATA(fold),
     "which of the folds that is, from 1; `train --folds` trains with each", .range = CLG_POSITIVE},
    {"shape", CLG_KEY_SHAPE, NULL, DATA(shape),
     "shape of a sample as the model sees it; absent: as the files have it"},
    {"normalize", CLG_KEY_SECTION, "{}", DATA(normalize), "the model sees (value - mean) / std",
     .detail = &normalize_kind},
    {"batch", CLG_KEY_INT, "32", DATA(batch), "samples of a step", .range = CLG_POSITIVE},
    {"shuffle", CLG_KEY_BOOL, "true", DATA(shuffle),
     "whether each epoch has a new order; false: the files' order"},
    {"drop_last", CLG_KEY_BOOL, "false", DATA(drop_last),
     "whether the last, short batch of an epoch is left out"},
    {0},
};
static const struct clg_kind data_kind = {
    .name = "data",
    .keys = data_keys,
};

static const char *const schemes[] = {"zeros",      "constant",       "normal",
                                      "uniform",    "xavier_uniform", "xavier_normal",
                                      "he_uniform", "he_normal",      NULL};
#define INIT(name) offsetof(struct clg_recipe_init, name)
static const struct clg_key init_keys[] = {
    {"scheme", CLG_KEY_WORD, NULL, INIT(scheme), "of weights; biases become 0", .detail = schemes},
    {"value", CLG_KEY_NUMBER, NULL, INIT(value), "of constant"},
    {"std", CLG_KEY_NUMBER, NULL, INIT(std), "standard deviation of normal; absent: 1",
     .range = CLG_NOT_NEGATIVE},
    {"a", CLG_KEY_NUMBER, NULL, INIT(a), "lower end of uniform; absent: 0"},
    {"b", CLG_KEY_NUMBER, NULL, INIT(b), "upper end of uniform; absent: 1"},
    {"weights", CLG_KEY_RECIPE_PATH, NULL, INIT(weights),
     "instead of a scheme: a safetensors file, relative to the recipe"},
    {0},
};
static const struct clg_kind init_kind = {
    .name = "init",
    .bare = "scheme",
    .keys = init_keys,
};

#define TRAIN(name) offsetof(struct clg_recipe_train, name)
#define EARLY(name) offsetof(clg_early_stopping, name)
static const struct clg_key early_stopping_keys[] = {
    {"metric", CLG_KEY_WORD, "validation_loss", EARLY(metric), "what must become better",
     .detail = clg_metric_names},
    {"patience", CLG_KEY_INT, "3", EARLY(patience),
     "epochs without a better one after which the training ends", .range = CLG_POSITIVE},
    {"min_delta", CLG_KEY_NUMBER, "0", EARLY(min_delta), "by more than this it must be better",
     .range = CLG_NOT_NEGATIVE},
    {0},
};
static const struct clg_kind early_stopping_kind = {
    .name = "early_stopping",
    .bare = "patience",
    .keys = early_stopping_keys,
};

#define CHECKPOINT(name) offsetof(struct clg_recipe_checkpoint, name)
static const struct clg_key checkpoint_keys[] = {
    {"steps", CLG_KEY_INT, NULL, CHECKPOINT(steps), "steps between two checkpoints",
     .range = CLG_POSITIVE},
    {"minutes", CLG_KEY_NUMBER, NULL, CHECKPOINT(minutes), "minutes between two checkpoints",
     .range = CLG_POSITIVE},
    {"keep", CLG_KEY_INT, "1", CHECKPOINT(keep), "how many of the last are kept",
     .range = CLG_POSITIVE},
    {0},
};
static const struct clg_kind checkpoint_kind = {
    .name = "checkpoint",
    .keys = checkpoint_keys,
};

#define CLIP(name) offsetof(struct clg_recipe_clip, name)
static const struct clg_key clip_keys[] = {
    {"norm", CLG_KEY_NUMBER, NULL, CLIP(norm),
     "largest norm of all gradients together; they are scaled down to it", .range = CLG_POSITIVE},
    {"value", CLG_KEY_NUMBER, NULL, CLIP(value),
     "largest absolute value of each; after norm, where both are given", .range = CLG_POSITIVE},
    {0},
};
static const struct clg_kind clip_kind = {
    .name = "clip",
    .keys = clip_keys,
};

#define PENALTY(name) offsetof(struct clg_recipe_penalty, name)
static const struct clg_key penalty_keys[] = {
    {"l1", CLG_KEY_NUMBER, "0", PENALTY(l1), "times the sum of |w|", .range = CLG_NOT_NEGATIVE},
    {"l2", CLG_KEY_NUMBER, "0", PENALTY(l2), "times half the sum of w^2",
     .range = CLG_NOT_NEGATIVE},
    {0},
};
static const struct clg_kind penalty_kind = {
    .name = "penalty",
    .keys = penalty_keys,
};

static const char *const bad_steps[] = {"stop", "skip", NULL};

static const struct clg_key train_keys[] = {
    {"epochs", CLG_KEY_INT, "0", TRAIN(epochs), "passes over the training set; 0: as steps say",
     .range = CLG_NOT_NEGATIVE},
    {"steps", CLG_KEY_INT, "0", TRAIN(steps), "updates after which to stop; 0: as epochs say",
     .range = CLG_NOT_NEGATIVE},
    {"seed", CLG_KEY_INT, "1", TRAIN(seed), "of initial values, order and dropout",
     .range = CLG_NOT_NEGATIVE},
    {"log_every", CLG_KEY_INT, "0", TRAIN(log_every),
     "steps between two lines with the loss in log.jsonl; 0: none", .range = CLG_NOT_NEGATIVE},
    {"freeze", CLG_KEY_TEXTS, NULL, TRAIN(freeze),
     "patterns (* and ?) of parameters that stay as they are"},
    {"accumulate", CLG_KEY_INT, "1", TRAIN(accumulate),
     "batches of a step, whose update takes the mean of their gradients; at an epoch's end those that "
     "are left", .range = CLG_POSITIVE},
    {"clip", CLG_KEY_SECTION, "{}", TRAIN(clip),
     "clips gradients before the update; log.jsonl then has their norm before that, of the step, or of "
     "an epoch's last, as grad_norm",
     .detail = &clip_kind},
    {"penalty", CLG_KEY_SECTION, "{}", TRAIN(penalty),
     "what is minimised is the loss and this, of the parameters that are trained and that the optimizer's "
     "no_decay does not name; losses in log.jsonl are without it",
     .detail = &penalty_kind},
    {"on_bad_step", CLG_KEY_WORD, "stop", TRAIN(on_bad_step),
     "when a loss or an update is not finite, or an index is out of range, which changes nothing: stop "
     "ends the training there, skip goes on with the next step", .detail = bad_steps},
    {"early_stopping", CLG_KEY_SECTION, NULL, TRAIN(early_stopping),
     "ends the training when a metric does not become better any more, and takes the weights of the "
     "best epoch; absent: not so",
     .detail = &early_stopping_kind},
    {"checkpoint", CLG_KEY_SECTION, NULL, TRAIN(checkpoint),
     "when a checkpoint is written; absent: at ends of epochs, half a minute apart or more, and "
     "always at the end",
     .detail = &checkpoint_kind},
    {0},
};
static const struct clg_kind train_kind = {
    .name = "train",
    .keys = train_keys,
};

#define RECIPE(name) offsetof(struct clg_recipe_values, name)
static const struct clg_key recipe_keys[] = {
    {"data", CLG_KEY_SECTION, NULL, RECIPE(data), "what to train on", .required = true,
     .detail = &data_kind},
    {"model", CLG_KEY_LIST, NULL, RECIPE(model), "layers, one after another", .required = true,
     .detail = &clg_layer_family},
    {"init", CLG_KEY_SECTION, NULL, RECIPE(init),
     "initial values of all weights; absent: PyTorch's default for each layer",
     .detail = &init_kind},
    {"loss", CLG_KEY_ONE_OF, NULL, RECIPE(loss), "what is minimised", .required = true,
     .detail = &clg_loss_family},
    {"optimizer", CLG_KEY_ONE_OF, NULL, RECIPE(optimizer), "how it is minimised", .required = true,
     .detail = &clg_optimizer_family},
    {"schedule", CLG_KEY_ONE_OF, NULL, RECIPE(schedule),
     "how the learning rate changes; absent: it stays", .detail = &clg_schedule_family},
    {"train", CLG_KEY_SECTION, NULL, RECIPE(train), "how long; one of epochs and steps",
     .required = true, .detail = &train_kind},
    {0},
};
const struct clg_kind clg_recipe_kind = {
    .name = "recipe",
    .keys = recipe_keys,
    .size = sizeof(struct clg_recipe_values),
};
