/* The optimizers of recipes: names, keys and defaults of PyTorch. */
#include <math.h>

#include "base/text.h"
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

/* ---- the rules of optim.def as kinds ---- */

#define NUMBERS(...) __VA_ARGS__
#define KEY_RANGE_SHARE   CLG_BELOW_ONE
#define KEY_RANGE_FACTOR  CLG_NOT_NEGATIVE
#define KEY_RANGE_DIVISOR CLG_POSITIVE
#define KEY_RANGE_COUNT CLG_NOT_NEGATIVE
#define KEY_RANGE_POSITIVE CLG_POSITIVE
#define KEY_RANGE_SHRINKING CLG_POSITIVE

#define LR(fallback)                                                                               \
    {"lr", CLG_KEY_NUMBER, #fallback, FIELD(lr), "learning rate", .range = CLG_NOT_NEGATIVE},
#define NUMBER(field, fallback, limits, doc)                                                       \
    {#field, CLG_KEY_NUMBER, #fallback, FIELD(field), doc, .range = KEY_RANGE_##limits},
#define DECAY(fallback, doc)                                                                       \
    NUMBER(weight_decay, fallback, FACTOR, doc)                                                    \
    {"no_decay", CLG_KEY_TEXTS, "[]", FIELD(no_decay),                                             \
     "patterns (* and ?) of parameters that weight_decay leaves alone"},
#define PAIR(key, a, fallback_a, range_a, b, fallback_b, range_b, doc)                             \
    {#key, CLG_KEY_NUMBERS, "[" #fallback_a ", " #fallback_b "]", FIELD(key), doc,                 \
     .range = KEY_RANGE_##range_a},
#define FLAG(field, doc) {#field, CLG_KEY_BOOL, "false", FIELD(field), doc},
#define DEMAND(condition, words)
#define RULE(rule, about, source, formula, flops, numbers, states, step, update)                   \
    static const struct clg_key keys_##rule[] = {                                                  \
        numbers{"groups", CLG_KEY_SECTIONS, NULL, FIELD(groups),                                   \
                "parameters with values of their own; the first that matches counts",              \
                .detail = &group_kind},                                                            \
        {0},                                                                                       \
    };
#include "optim/optim.def"
#undef LR
#undef NUMBER
#undef DECAY
#undef PAIR
#undef FLAG
#undef RULE

static clg_status check_pair(const struct clg_recipe *recipe, const char *key,
                             const struct clg_numbers *pair)
{
    const struct clg_choice *choice = &recipe->values.optimizer;

    if (pair->count == 2)
        return CLG_OK;
    return clg_yaml_fail(recipe->object.ctx, choice->at,
                         "optimizer.%s.%s are %zu numbers, but must be two", choice->kind->name,
                         key, pair->count);
}

/* A kind of optimizer, and how its keys become the library's options. */
struct rule_kind {
    struct clg_kind kind;
    clg_status (*fill)(const struct clg_recipe *recipe, const struct clg_optimizer_args *args,
                       clg_optimizer_params *params);
};

#define LR(fallback)
#define NUMBER(field, fallback, limits, doc) params->field = (float)args->field;
#define DECAY(fallback, doc)                                                                       \
    NUMBER(weight_decay, fallback, FACTOR, doc)                                                    \
    params->no_decay = (const char *const *)args->no_decay;
#define PAIR(key, a, fallback_a, range_a, b, fallback_b, range_b, doc)                             \
    CLG_TRY(check_pair(recipe, #key, &args->key));                                                 \
    params->a = (float)args->key.items[0];                                                         \
    params->b = (float)args->key.items[1];
#define FLAG(field, doc) params->field = args->field;
#define RULE(rule, about, source, formula, flops, numbers, states, step, update)                   \
    static clg_status fill_##rule(const struct clg_recipe *recipe,                                 \
                                  const struct clg_optimizer_args *args,                           \
                                  clg_optimizer_params *params)                                    \
    {                                                                                              \
        (void)recipe;                                                                              \
        numbers return CLG_OK;                                                                     \
    }                                                                                              \
    static const struct rule_kind rule##_kind = {{.name = #rule,                                   \
                                                  .doc = about " (" source ")",                        \
                                                  .keys = keys_##rule,                             \
                                                  .size = sizeof(struct clg_optimizer_args)},      \
                                                 fill_##rule};
#include "optim/optim.def"
#undef RULE

static const struct clg_kind *const kinds[] = {
#define RULE(rule, ...) &rule##_kind.kind,
#include "optim/optim.def"
    NULL,
};
const struct clg_family clg_optimizer_family = {"optimizer", kinds};

/* ---- building ---- */

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

static bool clips(const struct clg_recipe *recipe)
{
    return !isnan(recipe->values.train.clip.norm) || !isnan(recipe->values.train.clip.value);
}

/* What becomes of gradients before the update. A norm without a maximum is measured alone. */
static clg_status set_gradients(const struct clg_recipe *recipe, clg_optimizer *optimizer)
{
    const struct clg_recipe_train *train = &recipe->values.train;

    if (clips(recipe))
        CLG_TRY(clg_optimizer_clip_norm(
            optimizer, isnan(train->clip.norm) ? INFINITY : (float)train->clip.norm));
    if (!isnan(train->clip.value))
        CLG_TRY(clg_optimizer_clip_value(optimizer, (float)train->clip.value));
    return train->accumulate > 1 ? clg_optimizer_accumulate(optimizer) : CLG_OK;
}

/* ---- penalties ---- */

static bool matches(const char *const *patterns, const char *name)
{
    for (; patterns && *patterns; patterns++)
        if (clg_match(*patterns, name))
            return true;
    return false;
}

static clg_tensor add_scaled_sum(clg_tensor loss, clg_tensor terms, double factor)
{
    return clg_add(loss, clg_affine(clg_sum(terms, NULL, 0, false), (float)factor, 0));
}

/* loss + l1 sum |w| + l2 / 2 sum w^2 */
static clg_tensor penalize(const struct clg_recipe *recipe, clg_store *store, clg_tensor loss)
{
    const struct clg_recipe_penalty *penalty = &recipe->values.train.penalty;
    const struct clg_optimizer_args *args = recipe->values.optimizer.args;
    const char *const *frozen = (const char *const *)recipe->values.train.freeze;

    if (penalty->l1 == 0 && penalty->l2 == 0)
        return loss;
    for (size_t i = 0; i < clg_store_count(store); i++) {
        const char *name = clg_store_name(store, i);
        bool trainable = false;
        clg_shape shape;
        clg_tensor w;

        clg_store_describe(store, name, &shape, &trainable);
        if (!trainable || matches(frozen, name) ||
            matches((const char *const *)args->no_decay, name))
            continue;
        w = clg_parameter(loss.graph, name, shape, NULL);
        if (penalty->l1 > 0)
            loss = add_scaled_sum(loss, clg_abs(w), penalty->l1);
        if (penalty->l2 > 0)
            loss = add_scaled_sum(loss, clg_square(w), penalty->l2 / 2);
    }
    return loss;
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
    CLG_TRY(set_gradients(recipe, optimizer));
    return clg_minimize(optimizer, loss);
}

clg_status clg_build_optimizer(struct clg_build *build, clg_model *model, clg_tensor loss)
{
    struct clg_recipe *recipe = build->recipe;
    const struct clg_choice *choice = &recipe->values.optimizer;
    const struct clg_optimizer_args *args = choice->args;
    clg_optimizer_params params = clg_optimizer_defaults(choice->kind->name);
    clg_optimizer *optimizer;

    CLG_TRY(((const struct rule_kind *)choice->kind)->fill(recipe, args, &params));
    optimizer = clg_optimizer_create(model->store, choice->kind->name, (float)args->lr, &params);
    if (minimize(recipe, optimizer, penalize(recipe, model->store, loss)) != CLG_OK)
        return clg_recipe_fail_at(recipe, choice->at);
    model->optimizer = optimizer;
    return CLG_OK;
}
