/* The optimizers of recipes: names, keys and defaults of PyTorch. */
#include <math.h>

#include "train/recipe.h"

#define FIELD(name) offsetof(struct clg_optimizer_args, name)

#define GROUP(name) offsetof(struct clg_group_args, name)
static const struct clg_key group_keys[] = {
    {"match", CLG_KEY_TEXTS, NULL, GROUP(match), "patterns (* and ?) of the parameters",
     .required = true},
    {"lr", CLG_KEY_NUMBER, NULL, GROUP(lr), "their learning rate; absent: the optimizer's",
     .range = CLG_NOT_NEGATIVE},
    {"weight_decay", CLG_KEY_NUMBER, NULL, GROUP(weight_decay), "absent: the optimizer's",
     .range = CLG_NOT_NEGATIVE},
    {0},
};
static const struct clg_kind group_kind = {
    .name = "group",
    .keys = group_keys,
    .size = sizeof(struct clg_group_args),
};

#define PATTERNS                                                                                   \
    {"no_decay", CLG_KEY_TEXTS, "[]", FIELD(no_decay),                                             \
     "patterns (* and ?) of parameters that weight_decay leaves alone"},                           \
    {                                                                                              \
        "groups", CLG_KEY_SECTIONS, NULL, FIELD(groups),                                           \
            "parameters with values of their own; the first that matches counts",                  \
            .detail = &group_kind                                                                  \
    }
#define LR                                                                                         \
    {                                                                                              \
        "lr", CLG_KEY_NUMBER, "0.001", FIELD(lr), "learning rate", .range = CLG_NOT_NEGATIVE       \
    }

#define BETAS                                                                                      \
    {                                                                                              \
        "betas", CLG_KEY_NUMBERS, "[0.9, 0.999]", FIELD(betas),                                    \
            "decay of the running means of gradient and squared gradient", .range = CLG_BELOW_ONE  \
    }
#define EPS                                                                                        \
    {                                                                                              \
        "eps", CLG_KEY_NUMBER, "1e-8", FIELD(eps), "added to the denominator",                     \
            .range = CLG_POSITIVE                                                                  \
    }

static const struct clg_key sgd_keys[] = {
    LR,
    {"momentum", CLG_KEY_NUMBER, "0", FIELD(momentum), "share of the last step that is kept",
     .range = CLG_NOT_NEGATIVE},
    {"weight_decay", CLG_KEY_NUMBER, "0", FIELD(weight_decay),
     "share of the weights added to their gradients", .range = CLG_NOT_NEGATIVE},
    {"nesterov", CLG_KEY_BOOL, "false", FIELD(nesterov), "momentum as Nesterov has it"},
    PATTERNS,
    {0},
};

static const struct clg_key adam_keys[] = {
    LR,
    BETAS,
    EPS,
    {"weight_decay", CLG_KEY_NUMBER, "0", FIELD(weight_decay),
     "share of the weights added to their gradients", .range = CLG_NOT_NEGATIVE},
    PATTERNS,
    {0},
};
static const struct clg_key adamw_keys[] = {
    LR,
    BETAS,
    EPS,
    {"weight_decay", CLG_KEY_NUMBER, "0.01", FIELD(weight_decay),
     "share of the weights, times lr, taken off in each step", .range = CLG_NOT_NEGATIVE},
    PATTERNS,
    {0},
};

static const struct clg_kind sgd_kind = {
    .name = "sgd",
    .doc = "stochastic gradient descent",
    .keys = sgd_keys,
    .size = sizeof(struct clg_optimizer_args),
};
static const struct clg_kind adam_kind = {
    .name = "adam",
    .doc = "Kingma & Ba 2015",
    .keys = adam_keys,
    .size = sizeof(struct clg_optimizer_args),
};
static const struct clg_kind adamw_kind = {
    .name = "adamw",
    .doc = "Loshchilov & Hutter 2019",
    .keys = adamw_keys,
    .size = sizeof(struct clg_optimizer_args),
};
static const struct clg_kind *const kinds[] = {&sgd_kind, &adam_kind, &adamw_kind, NULL};
const struct clg_family clg_optimizer_family = {"optimizer", kinds};

static clg_status add_groups(clg_optimizer *optimizer, const struct clg_rows *groups)
{
    const struct clg_group_args *rows = groups->items;

    for (size_t i = 0; i < groups->count; i++)
        for (const char **match = rows[i].match; *match; match++) {
            clg_optimizer_group group = clg_optimizer_group_defaults(optimizer, *match);

            if (!isnan(rows[i].lr))
                group.lr = (float)rows[i].lr;
            if (!isnan(rows[i].weight_decay))
                group.weight_decay = (float)rows[i].weight_decay;
            CLG_TRY(clg_optimizer_add_group(optimizer, &group));
        }
    return CLG_OK;
}

static clg_status minimize(const struct clg_recipe *recipe, clg_optimizer *optimizer,
                           clg_tensor loss)
{
    const struct clg_optimizer_args *args = recipe->values.optimizer.args;

    if (!optimizer)
        return clg_error_status(recipe->object.ctx);
    for (const char **match = recipe->values.train.freeze; match && *match; match++)
        CLG_TRY(clg_optimizer_freeze(optimizer, *match));
    CLG_TRY(add_groups(optimizer, &args->groups));
    return clg_minimize(optimizer, loss);
}

clg_status clg_build_optimizer(struct clg_build *build, clg_model *model, clg_tensor loss)
{
    struct clg_recipe *recipe = build->recipe;
    const struct clg_choice *choice = &recipe->values.optimizer;
    const struct clg_optimizer_args *args = choice->args;
    clg_optimizer_params params = clg_optimizer_defaults(choice->kind->name);
    clg_optimizer *optimizer;

    params.weight_decay = (float)args->weight_decay;
    params.momentum = (float)args->momentum;
    params.nesterov = args->nesterov;
    params.no_decay = (const char *const *)args->no_decay;
    if (args->betas.count == 2) {
        params.beta1 = (float)args->betas.items[0];
        params.beta2 = (float)args->betas.items[1];
        params.eps = (float)args->eps;
    } else if (args->betas.count) {
        return clg_yaml_fail(recipe->object.ctx, choice->at,
                             "optimizer.%s.betas are %zu numbers, but must be two",
                             choice->kind->name, args->betas.count);
    }
    optimizer = clg_optimizer_create(model->store, choice->kind->name, (float)args->lr, &params);
    if (minimize(recipe, optimizer, loss) != CLG_OK)
        return clg_recipe_fail_at(recipe, choice->at);
    model->optimizer = optimizer;
    return CLG_OK;
}
