/* A recipe's model on a device. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "data/dataset.h"
#include "train/recipe.h"

bool clg_normalizes_in_graph(const struct clg_recipe_data *data)
{
    return data->normalize.mean.count > 1 || data->normalize.std.count > 1;
}

/* A list of numbers, or one number, as a constant (C, 1, ...) for samples (C, ...). */
static clg_tensor channel_constant(struct clg_build *build, const struct clg_numbers *numbers,
                                   const clg_shape *sample)
{
    struct clg_recipe *recipe = build->recipe;
    clg_shape shape = {.rank = sample->rank};
    float *values = clg_blocks_new(&recipe->pool, numbers->count, sizeof(*values));

    if (!values)
        return (clg_tensor){0};
    for (size_t i = 0; i < numbers->count; i++)
        values[i] = (float)numbers->items[i];
    for (int32_t i = 0; i < shape.rank; i++)
        shape.dim[i] = i ? 1 : (int64_t)numbers->count;
    return clg_constant(build->graph, CLG_F32, shape, values);
}

static clg_status check_channels(const struct clg_recipe *recipe, const struct clg_numbers *numbers,
                                 const clg_shape *sample, const char *name)
{
    const struct clg_yaml *data = clg_yaml_find(recipe->root, "data");
    char text[CLG_SHAPE_TEXT];

    if (numbers->count == 1 || (sample->rank > 0 && sample->dim[0] == (int64_t)numbers->count))
        return CLG_OK;
    return clg_yaml_fail(recipe->object.ctx, clg_yaml_find(data, "normalize"),
                         "data.normalize.%s has %zu numbers, but samples of shape %s have another "
                         "number of channels (the first dimension)",
                         name, numbers->count, clg_shape_text(sample, text));
}

static clg_tensor normalize(struct clg_build *build, const clg_shape *sample, clg_tensor x)
{
    const struct clg_recipe_data *data = &build->recipe->values.data;

    if (!clg_normalizes_in_graph(data))
        return x;
    if (check_channels(build->recipe, &data->normalize.mean, sample, "mean") != CLG_OK ||
        check_channels(build->recipe, &data->normalize.std, sample, "std") != CLG_OK)
        return (clg_tensor){0};
    x = clg_sub(x, channel_constant(build, &data->normalize.mean, sample));
    return clg_div(x, channel_constant(build, &data->normalize.std, sample));
}

/* Writes the shape that the files have into the recipe, so that a run knows it without them. */
static clg_status remember_shape(struct clg_recipe *recipe, const clg_shape *shape)
{
    struct clg_yaml *data = clg_yaml_find(recipe->root, "data"), *list, *dim;
    struct clg_blocks *pool = &recipe->pool;

    list = clg_yaml_map(pool, data->origin, data->line);
    if (!list)
        return CLG_ERR_MEMORY;
    list->kind = CLG_YAML_LIST;
    for (int32_t i = 0; i < shape->rank; i++) {
        const char *text = clg_blocks_print(pool, "%" PRId64, shape->dim[i]);

        dim = text ? clg_yaml_scalar(pool, data->origin, data->line, text) : NULL;
        if (!dim)
            return CLG_ERR_MEMORY;
        clg_yaml_add(list, NULL, dim);
    }
    clg_yaml_add(data, "shape", list);
    recipe->values.data.shape = *shape;
    return CLG_OK;
}

/* The shape of a sample: as the recipe says, else as the files have it. */
static clg_status sample_shape(struct clg_recipe *recipe, clg_shape *out)
{
    clg_dataset *train;

    *out = recipe->values.data.shape;
    if (out->rank)
        return CLG_OK;
    CLG_TRY(clg_recipe_datasets(recipe, &train, NULL));
    *out = clg_dataset_shape(train);
    return out->rank ? remember_shape(recipe, out) : CLG_OK;
}

/* Classes are told apart by one output for each: the result must be (batch, classes). */
static clg_status check_classes(struct clg_recipe *recipe, clg_tensor result)
{
    clg_shape shape = clg_tensor_shape(result);
    char text[CLG_SHAPE_TEXT];

    if (shape.rank != 2 || shape.dim[0] != CLG_BATCH)
        return clg_yaml_fail(recipe->object.ctx, recipe->values.loss.at,
                             "the model gives %s, but the loss %s needs (batch, classes)",
                             clg_shape_text(&shape, text), recipe->values.loss.kind->name);
    recipe->classes = shape.dim[1];
    return CLG_OK;
}

static int64_t values_per_sample(clg_tensor result)
{
    clg_shape shape = clg_tensor_shape(result);
    int64_t values = 1;

    for (int32_t i = 1; i < shape.rank; i++)
        values *= shape.dim[i];
    return values;
}

/* Adds label, loss, metrics and what clg_predict() reads; *loss is what an optimizer minimises. */
static clg_status build_loss(struct clg_build *build, clg_model *model, clg_tensor result,
                             clg_tensor *loss)
{
    struct clg_recipe *recipe = build->recipe;
    const struct clg_kind *kind = recipe->values.loss.kind;
    clg_tensor label;

    if (kind->classes) {
        CLG_TRY(check_classes(recipe, result));
        label = clg_input(build->graph, "label", CLG_I32, clg_shape1(CLG_BATCH));
        clg_metric(clg_accuracy(result, label), "accuracy");
        clg_output(clg_softmax(result), "result");
    } else {
        label = clg_input(build->graph, "label", CLG_F32, clg_tensor_shape(result));
        clg_output(result, "result");
    }
    if (kind->regression) {
        clg_metric(clg_mse(result, label, NULL), "mse");
        clg_metric(clg_mae(result, label, NULL), "mae");
    }
    *loss = clg_metric(kind->loss(build, result, label, recipe->values.loss.args), "loss");
    model->label = kind->classes ? CLG_I32 : CLG_F32;
    model->accuracy = kind->classes;
    model->errors = kind->regression;
    model->results = values_per_sample(result);
    if (clg_graph_status(build->graph) != CLG_OK || !clg_tensor_valid(*loss))
        return clg_recipe_fail_at(recipe, recipe->values.loss.at);
    return CLG_OK;
}

static clg_status build_graph(struct clg_build *build, clg_model *model, clg_tensor *loss)
{
    struct clg_recipe *recipe = build->recipe;
    clg_shape sample, shape = {.dim = {CLG_BATCH}};
    clg_tensor x;

    CLG_TRY(sample_shape(recipe, &sample));
    shape.rank = 1 + sample.rank;
    for (int32_t i = 0; i < sample.rank; i++)
        shape.dim[1 + i] = sample.dim[i];
    x = clg_input(build->graph, "input", CLG_F32, shape);
    x = clg_build_layers(build, &recipe->values.model, NULL, normalize(build, &sample, x));
    if (!clg_tensor_valid(x))
        return clg_error_status(recipe->object.ctx);
    return build_loss(build, model, x, loss);
}

/* Initial values are values: moments and counters of the training that a file comes from are not
 * this training's. */
static clg_status load_values(const struct clg_recipe *recipe, clg_store *store, const char *path)
{
    clg_load_params params = clg_load_defaults();

    params.states = params.counters = false;
    if (clg_store_load_with(store, path, &params, NULL) == CLG_OK)
        return CLG_OK;
    return clg_recipe_fail_at(recipe, clg_yaml_find(recipe->root, "init"));
}

static clg_status build_model(struct clg_recipe *recipe, clg_model *model, bool for_training)
{
    const struct clg_recipe_init *from = &recipe->values.init;
    struct clg_build build = {.recipe = recipe, .graph = model->graph, .store = model->store};
    clg_init init;
    clg_tensor loss;

    if (from->scheme) {
        clg_recipe_make_init(from, &init);
        build.weight_init = &init;
    }
    CLG_TRY(build_graph(&build, model, &loss));
    if (!for_training)
        return CLG_OK;
    CLG_TRY(clg_build_optimizer(&build, model, loss));
    return from->weights ? load_values(recipe, model->store, from->weights) : CLG_OK;
}

clg_status clg_recipe_model(clg_recipe *recipe, clg_device *device, bool for_training,
                            clg_model *model_out)
{
    clg_model model = {.device = device};
    clg_status status;

    if (!CLG_GIVEN(device, recipe) || !CLG_GIVEN(recipe, device) || !CLG_GIVEN(recipe, model_out))
        return CLG_ERR_ARGUMENT;
    *model_out = (clg_model){0};
    model.store = clg_store_create(device, (uint64_t)recipe->values.train.seed);
    model.graph = clg_graph_create(model.store);
    status = model.graph ? build_model(recipe, &model, for_training)
                         : clg_error_status(recipe->object.ctx);
    if (status == CLG_OK)
        *model_out = model;
    else
        clg_store_destroy(&model.store);
    return status;
}
