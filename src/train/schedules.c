/* The schedules of recipes: names, keys and defaults of PyTorch. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "train/fit.h"
#include "train/metric.h"
#include "train/recipe.h"

#define ARGS(name)  offsetof(struct clg_schedule_args, name)
#define FIELD(name) offsetof(struct clg_schedule_args, params.name)

static const char *const units[] = {"epoch", "step", NULL};
static const char *const modes[] = {"min", "max", NULL};
static const char *const threshold_modes[] = {"rel", "abs", NULL};
static const char *const strategies[] = {"cos", "linear", NULL};

#define COMMON                                                                                     \
    {"by", CLG_KEY_WORD, "epoch", ARGS(by), "what is counted", .detail = units},                   \
    {                                                                                              \
        "warmup", CLG_KEY_INT, "0", FIELD(warmup),                                                 \
            "epochs or steps before it in which the rate rises linearly from a third",             \
            .range = CLG_NOT_NEGATIVE                                                              \
    }
#define REQUIRED_COUNT(field, doc)                                                                 \
    {                                                                                              \
        #field, CLG_KEY_INT, NULL, FIELD(field), doc, .required = true, .range = CLG_POSITIVE      \
    }
#define NUMBER(field, fallback, range_, doc)                                                       \
    {                                                                                              \
        #field, CLG_KEY_NUMBER, fallback, FIELD(field), doc, .range = range_                       \
    }
#define COUNT(field, fallback, range_, doc)                                                        \
    {                                                                                              \
        #field, CLG_KEY_INT, fallback, FIELD(field), doc, .range = range_                          \
    }
#define ETA_MIN NUMBER(eta_min, "0", CLG_NOT_NEGATIVE, "the least rate")

static const struct clg_key step_keys[] = {
    REQUIRED_COUNT(step_size, "after how many the rate changes"),
    NUMBER(gamma, "0.1", CLG_POSITIVE, "what it is multiplied by"),
    COMMON,
    {0},
};
static const struct clg_key multistep_keys[] = {
    {"milestones", CLG_KEY_NUMBERS, NULL, ARGS(milestones), "after which the rate changes",
     .required = true, .range = CLG_POSITIVE},
    NUMBER(gamma, "0.1", CLG_POSITIVE, "what it is multiplied by"),
    COMMON,
    {0},
};
static const struct clg_key exponential_keys[] = {
    {"gamma", CLG_KEY_NUMBER, NULL, FIELD(gamma), "what the rate is multiplied by each time",
     .required = true, .range = CLG_POSITIVE},
    COMMON,
    {0},
};
static const struct clg_key cosine_keys[] = {
    REQUIRED_COUNT(T_max, "half a period"),
    ETA_MIN,
    COMMON,
    {0},
};
static const struct clg_key restarts_keys[] = {
    REQUIRED_COUNT(T_0, "until the first restart"),
    COUNT(T_mult, "1", CLG_POSITIVE, "how many times longer each period is than the one before"),
    ETA_MIN,
    COMMON,
    {0},
};
static const struct clg_key linear_keys[] = {
    {"start_factor", CLG_KEY_NUMBER, NULL, FIELD(start_factor),
     "of the rate at first; absent: 1/3", .range = CLG_SHARE},
    NUMBER(end_factor, "1", CLG_SHARE, "of the rate at last"),
    COUNT(total_iters, "5", CLG_POSITIVE, "until then"),
    COMMON,
    {0},
};
static const struct clg_key polynomial_keys[] = {
    COUNT(total_iters, "5", CLG_POSITIVE, "until the rate is 0"),
    NUMBER(power, "1", CLG_NOT_NEGATIVE, "of the polynomial"),
    COMMON,
    {0},
};
static const struct clg_key onecycle_keys[] = {
    {"max_lr", CLG_KEY_NUMBER, NULL, FIELD(max_lr), "the highest rate", .required = true,
     .range = CLG_POSITIVE},
    COUNT(total_steps, NULL, CLG_POSITIVE, "of the cycle; absent: the training after the warm-up"),
    NUMBER(pct_start, "0.3", CLG_SHARE, "share of them in which the rate rises"),
    {"anneal_strategy", CLG_KEY_WORD, "cos", ARGS(anneal_strategy), "the shape", .detail = strategies},
    NUMBER(div_factor, "25", CLG_POSITIVE, "the first rate is max_lr divided by it"),
    NUMBER(final_div_factor, "1e4", CLG_POSITIVE, "the last rate is the first divided by it"),
    COMMON,
    {0},
};
static const struct clg_key plateau_keys[] = {
    {"metric", CLG_KEY_WORD, NULL, ARGS(metric),
     "what is looked at after each epoch; absent: validation_loss, or train_loss where there is no "
     "validation set",
     .detail = clg_metric_names},
    {"mode", CLG_KEY_WORD, NULL, ARGS(mode), "what is better; absent: max of an accuracy, else min",
     .detail = modes},
    NUMBER(factor, "0.1", CLG_BELOW_ONE, "what the rate is multiplied by"),
    COUNT(patience, "10", CLG_NOT_NEGATIVE, "epochs without a better metric that are let pass"),
    NUMBER(threshold, "1e-4", CLG_NOT_NEGATIVE, "by how much a metric must be better"),
    {"threshold_mode", CLG_KEY_WORD, "rel", ARGS(threshold_mode), "a share of the best, or a difference",
     .detail = threshold_modes},
    COUNT(cooldown, "0", CLG_NOT_NEGATIVE, "epochs after a change that do not count"),
    NUMBER(min_lr, "0", CLG_NOT_NEGATIVE, "the least rate"),
    NUMBER(eps, "1e-8", CLG_NOT_NEGATIVE, "a change of the rate that is not larger is left out"),
    COMMON,
    {0},
};

#define KIND(id, doc_)                                                                             \
    static const struct clg_kind id##_kind = {                                                     \
        .name = #id, .doc = doc_, .keys = id##_keys, .size = sizeof(struct clg_schedule_args)}
#define cosine_restarts_keys restarts_keys
KIND(step, "StepLR: the rate changes every so many");
KIND(multistep, "MultiStepLR: the rate changes at milestones");
KIND(exponential, "ExponentialLR: the rate changes each time");
KIND(cosine, "CosineAnnealingLR, without restarts");
KIND(cosine_restarts, "CosineAnnealingWarmRestarts: Loshchilov & Hutter 2017");
KIND(linear, "LinearLR: from one factor of the rate to another, then constant");
KIND(polynomial, "PolynomialLR: down to 0");
KIND(onecycle, "OneCycleLR with cycle_momentum=False: up and down once; Smith & Topin 2018");
KIND(plateau, "ReduceLROnPlateau: lower when a metric does not become better any more");

static const struct clg_kind *const kinds[] = {
    &step_kind,   &multistep_kind,  &exponential_kind, &cosine_kind,  &cosine_restarts_kind,
    &linear_kind, &polynomial_kind, &onecycle_kind,    &plateau_kind, NULL,
};
const struct clg_family clg_schedule_family = {"schedule", kinds};

/* ---- what a recipe's schedule makes ---- */

static clg_status copy_milestones(const struct clg_recipe *recipe, clg_schedule_params *params)
{
    const struct clg_schedule_args *args = recipe->values.schedule.args;
    int64_t *out = clg_blocks_new((struct clg_blocks *)&recipe->pool, args->milestones.count + 1,
                                  sizeof(*out));

    if (!out)
        return CLG_ERR_MEMORY;
    for (size_t i = 0; i < args->milestones.count; i++) {
        double value = args->milestones.items[i];

        if (value != floor(value) || value > 0x1p53)
            return clg_yaml_fail(recipe->object.ctx, recipe->values.schedule.at,
                                 "schedule.multistep.milestones has %g, but must have whole numbers",
                                 value);
        out[i] = (int64_t)value;
    }
    params->milestones = out;
    params->milestone_count = args->milestones.count;
    return CLG_OK;
}

/* A cycle is as long as the training, or longer. */
static clg_status fit_cycle(const struct clg_recipe *recipe, int64_t length,
                            clg_schedule_params *params)
{
    const struct clg_schedule_args *args = recipe->values.schedule.args;
    int64_t after = length - params->warmup;

    if (strcmp(recipe->values.schedule.kind->name, "onecycle") != 0)
        return CLG_OK;
    if (!params->total_steps)
        params->total_steps = after > 1 ? after : 1;
    if (params->total_steps >= after)
        return CLG_OK;
    return clg_yaml_fail(recipe->object.ctx, recipe->values.schedule.at,
                         "schedule.onecycle.total_steps is %" PRId64 ", but must be at least %" PRId64
                         ": the training has %" PRId64 " %ss after the warm-up",
                         params->total_steps, after, after, args->by);
}

static clg_status schedule_params(const struct clg_recipe *recipe, int64_t length,
                                  clg_schedule_params *out)
{
    const struct clg_schedule_args *args = recipe->values.schedule.args;
    const clg_schedule_params defaults = clg_schedule_defaults();

    *out = args->params;
    out->lr = ((const struct clg_optimizer_args *)recipe->values.optimizer.args)->lr;
    if (!(out->start_factor >= 0))
        out->start_factor = defaults.start_factor;
    out->linear_anneal = args->anneal_strategy && strcmp(args->anneal_strategy, "linear") == 0;
    out->absolute = args->threshold_mode && strcmp(args->threshold_mode, "abs") == 0;
    out->maximize = args->mode     ? strcmp(args->mode, "max") == 0
                    : args->metric ? clg_metric_rises(args->metric)
                                   : false;
    CLG_TRY(copy_milestones(recipe, out));
    return fit_cycle(recipe, length, out);
}

clg_status clg_recipe_schedule(const struct clg_recipe *recipe, const clg_model *model,
                               const struct clg_length *length, clg_fit_params *fit)
{
    const struct clg_choice *choice = &recipe->values.schedule;
    const struct clg_schedule_args *args = choice->args;
    clg_schedule_params params;

    if (!choice->kind)
        return CLG_OK;
    fit->schedule_by_step = strcmp(args->by, "step") == 0;
    fit->schedule_metric = args->metric;
    CLG_TRY(schedule_params(recipe, fit->schedule_by_step ? length->steps : length->epochs, &params));
    fit->schedule = clg_schedule_create(model->optimizer, choice->kind->name, &params);
    return fit->schedule ? CLG_OK : clg_recipe_fail_at(recipe, choice->at);
}
