/* A recipe's data sets: opened, and set apart for validation. */
#include <inttypes.h>
#include <math.h>
#include <unistd.h>

#include "base/file.h"
#include "data/csv.h"
#include "train/recipe.h"

void clg_recipe_close_data(struct clg_recipe *recipe)
{
    clg_dataset_destroy(&recipe->test);
    clg_dataset_destroy(&recipe->validation);
    clg_dataset_destroy(&recipe->train);
    clg_dataset_destroy(&recipe->whole);
}

struct clg_columns *clg_recipe_columns(const struct clg_recipe *recipe)
{
    const clg_dataset *train = clg_dataset_whole(recipe->train);

    return train ? train->columns : NULL;
}

static struct clg_data_request request_for(const struct clg_recipe *recipe, enum clg_data_part part)
{
    return (struct clg_data_request){
        .part = part,
        .seed = (uint64_t)recipe->values.train.seed,
        .classes = recipe->values.loss.kind->classes,
        .columns = clg_recipe_columns(recipe),
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

static clg_status check_fold(const struct clg_recipe *recipe)
{
    const struct clg_recipe_data *data = &recipe->values.data;
    int64_t samples = clg_dataset_count(recipe->whole);

    if (data->folds < 2 || data->folds > samples)
        return clg_yaml_fail(recipe->object.ctx, data_node(recipe, "folds"),
                             "data.folds is %" PRId64 ", but must be 2 to %" PRId64
                             ", the number of samples",
                             data->folds, samples);
    if (data->fold > data->folds)
        return clg_yaml_fail(recipe->object.ctx, data_node(recipe, "fold"),
                             "data.fold is %" PRId64 ", but must be 1 to %" PRId64
                             ", as data.folds says",
                             data->fold, data->folds);
    return CLG_OK;
}

/* Deals the whole set out to rows[0 .. *first), which are trained on, and the others. */
static clg_status choose_rows(struct clg_recipe *recipe, int32_t *rows, int64_t *first)
{
    const struct clg_recipe_data *data = &recipe->values.data;
    clg_split_params params = clg_split_defaults();

    params.stratify = data->stratify;
    params.seed = (uint64_t)recipe->values.train.seed;
    if (data->folds) {
        CLG_TRY(check_fold(recipe));
        params.folds = data->folds;
        params.fold = data->fold - 1;
    } else {
        CLG_TRY(count_validation(recipe, &params.count));
    }
    if (clg_split_rows(recipe->whole, &params, rows, first) == CLG_OK)
        return CLG_OK;
    return clg_recipe_fail_at(recipe, data_node(recipe, data->stratify ? "stratify"
                                                        : data->folds  ? "folds"
                                                                       : "validation"));
}

static clg_status learn(struct clg_recipe *recipe, clg_dataset *data, const int32_t *rows,
                        int64_t count)
{
    if (clg_dataset_learn(data, rows, count) == CLG_OK)
        return CLG_OK;
    return clg_recipe_fail_at(recipe, recipe->values.data.train.at);
}

static clg_status split_train(struct clg_recipe *recipe)
{
    int64_t count = clg_dataset_count(recipe->whole), first = 0;
    int32_t *rows = clg_new(recipe->object.ctx, (size_t)count, sizeof(*rows));
    clg_status status = rows ? choose_rows(recipe, rows, &first) : CLG_ERR_MEMORY;

    if (status == CLG_OK)
        status = learn(recipe, recipe->whole, rows, first);
    if (status == CLG_OK) {
        recipe->train = clg_dataset_view(recipe->whole, rows, first);
        recipe->validation = clg_dataset_view(recipe->whole, rows + first, count - first);
        status =
            recipe->train && recipe->validation ? CLG_OK : clg_error_status(recipe->object.ctx);
    }
    clg_free(recipe->object.ctx, rows);
    return status;
}

static clg_status open_train(struct clg_recipe *recipe)
{
    const struct clg_recipe_data *data = &recipe->values.data;

    if (recipe->train)
        return CLG_OK;
    if (data->folds || data->validation.number > 0) {
        CLG_TRY(open_data(recipe, &data->train, CLG_DATA_TRAIN, &recipe->whole));
        return split_train(recipe);
    }
    if (data->stratify)
        return clg_yaml_fail(recipe->object.ctx, data_node(recipe, "stratify"),
                             "data.stratify is about what data.validation sets apart of the "
                             "training set, but that is %s",
                             data->validation.set.kind ? "a set of its own" : "missing");
    CLG_TRY(open_data(recipe, &data->train, CLG_DATA_TRAIN, &recipe->train));
    return learn(recipe, recipe->train, NULL, 0);
}

/* ---- what it gives ---- */

clg_status clg_recipe_datasets(clg_recipe *recipe, clg_dataset **train, clg_dataset **test)
{
    const struct clg_recipe_data *data;

    if (!recipe)
        return CLG_ERR_ARGUMENT;
    data = &recipe->values.data;
    CLG_TRY(open_train(recipe));
    if (!data->folds)
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

#define COLUMNS_MAX (UINT64_C(1) << 30) /* bytes of data.json */

/* What a run has learnt; *columns stays NULL where it has no such file. */
static clg_status read_columns(struct clg_recipe *recipe, struct clg_columns **columns)
{
    struct clg_ctx *ctx = recipe->object.ctx;
    const char *path = clg_blocks_print(&recipe->pool, "%s/data.json", recipe->run);
    char *text;
    size_t size;

    if (!path)
        return CLG_ERR_MEMORY;
    if (access(path, F_OK) != 0)
        return CLG_OK;
    CLG_TRY(clg_file_read_limited(ctx, path, COLUMNS_MAX, &text, &size));
    *columns = clg_columns_read(ctx, path, text, size);
    clg_free(ctx, text);
    return *columns ? CLG_OK : clg_error_status(ctx);
}

/* The columns to make samples with for predictions: the run's, else the training set's; NULL where
 * that is no table. */
static clg_status find_columns(struct clg_recipe *recipe, struct clg_columns **columns)
{
    *columns = NULL;
    if (recipe->run)
        CLG_TRY(read_columns(recipe, columns));
    if (*columns || !recipe->values.data.train.kind->learns)
        return CLG_OK;
    CLG_TRY(open_train(recipe));
    *columns = clg_columns_retain(clg_recipe_columns(recipe));
    return CLG_OK;
}

clg_dataset *clg_recipe_samples(clg_recipe *recipe, const char *path)
{
    struct clg_data_request request;
    const struct clg_choice *train;
    clg_dataset *data;

    if (!recipe || !CLG_GIVEN(recipe, path))
        return NULL;
    train = &recipe->values.data.train;
    request = request_for(recipe, CLG_DATA_TEST);
    request.file = path;
    if (find_columns(recipe, &request.columns) != CLG_OK)
        return NULL;
    data = train->kind->open(recipe->object.ctx, &request, train->args);
    clg_columns_release(request.columns);
    return data;
}
