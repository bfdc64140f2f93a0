/* A recipe's data sets: opened, and set apart for validation. */
#include <inttypes.h>
#include <math.h>

#include "data/dataset.h"
#include "train/recipe.h"

void clg_recipe_close_data(struct clg_recipe *recipe)
{
    clg_dataset_destroy(&recipe->test);
    clg_dataset_destroy(&recipe->validation);
    clg_dataset_destroy(&recipe->train);
    clg_dataset_destroy(&recipe->whole);
}

static struct clg_data_request request_for(const struct clg_recipe *recipe, enum clg_data_part part)
{
    return (struct clg_data_request){
        .part = part,
        .seed = (uint64_t)recipe->values.train.seed,
    };
}

/* Opens a set that the recipe has and that is not open yet. */
static clg_status open_data(struct clg_recipe *recipe, const struct clg_choice *choice,
                            enum clg_data_part part, clg_dataset **out)
{
    const struct clg_data_request request = request_for(recipe, part);

    if (*out || !choice->kind)
        return CLG_OK;
    *out = choice->kind->open(recipe->object.ctx, &request, choice->args);
    return *out ? CLG_OK : clg_recipe_fail_at(recipe, choice->at);
}

/* ---- a part for validation ---- */

static const struct clg_yaml *data_node(const struct clg_recipe *recipe, const char *key)
{
    return clg_yaml_find(clg_yaml_find(recipe->root, "data"), key);
}

/* How many samples are set apart. A share is rounded to the nearest number of them. */
static clg_status count_validation(const struct clg_recipe *recipe, int64_t *count)
{
    double number = recipe->values.data.validation.number;
    int64_t samples = clg_dataset_count(recipe->whole);

    *count = llrint(number < 1 ? number * (double)samples : number);
    if (*count > 0 && *count < samples)
        return CLG_OK;
    return clg_yaml_fail(recipe->object.ctx, data_node(recipe, "validation"),
                         "data.validation is %g, but the training set has %" PRId64
                         " samples: %s, and both parts need one or more",
                         number, samples,
                         *count ? "none would be left to train on" : "that is none of them");
}

static clg_status split_train(struct clg_recipe *recipe)
{
    clg_split_params params = clg_split_defaults();

    params.stratify = recipe->values.data.stratify;
    params.seed = (uint64_t)recipe->values.train.seed;
    CLG_TRY(count_validation(recipe, &params.count));
    if (clg_dataset_split(recipe->whole, &params, &recipe->train, &recipe->validation) == CLG_OK)
        return CLG_OK;
    return clg_recipe_fail_at(recipe,
                              data_node(recipe, params.stratify ? "stratify" : "validation"));
}

static clg_status open_train(struct clg_recipe *recipe)
{
    const struct clg_recipe_data *data = &recipe->values.data;

    if (recipe->train)
        return CLG_OK;
    if (data->validation.number > 0) {
        CLG_TRY(open_data(recipe, &data->train, CLG_DATA_TRAIN, &recipe->whole));
        return split_train(recipe);
    }
    if (data->stratify)
        return clg_yaml_fail(recipe->object.ctx, data_node(recipe, "stratify"),
                             "data.stratify is about what data.validation sets apart of the "
                             "training set, but that is %s",
                             data->validation.set.kind ? "a set of its own" : "missing");
    return open_data(recipe, &data->train, CLG_DATA_TRAIN, &recipe->train);
}

/* ---- what it gives ---- */

clg_status clg_recipe_datasets(clg_recipe *recipe, clg_dataset **train, clg_dataset **test)
{
    const struct clg_recipe_data *data;

    if (!recipe)
        return CLG_ERR_ARGUMENT;
    data = &recipe->values.data;
    CLG_TRY(open_train(recipe));
    CLG_TRY(open_data(recipe, &data->validation.set, CLG_DATA_VALIDATION, &recipe->validation));
    CLG_TRY(open_data(recipe, &data->test, CLG_DATA_TEST, &recipe->test));
    if (train)
        *train = recipe->train;
    if (test)
        *test = recipe->test;
    return CLG_OK;
}

clg_status clg_recipe_validation(clg_recipe *recipe, clg_dataset **validation)
{
    if (!recipe || !CLG_GIVEN(recipe, validation))
        return CLG_ERR_ARGUMENT;
    *validation = NULL;
    CLG_TRY(clg_recipe_datasets(recipe, NULL, NULL));
    *validation = recipe->validation;
    return CLG_OK;
}

clg_dataset *clg_recipe_samples(clg_recipe *recipe, const char *path)
{
    struct clg_data_request request;
    const struct clg_choice *train;

    if (!recipe || !CLG_GIVEN(recipe, path))
        return NULL;
    train = &recipe->values.data.train;
    request = request_for(recipe, CLG_DATA_TEST);
    request.file = path;
    return train->kind->open(recipe->object.ctx, &request, train->args);
}
