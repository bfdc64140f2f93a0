/* Whether a data set fits a recipe and its model. */
#include <inttypes.h>

#include "base/text.h"
#include "data/dataset.h"
#include "train/recipe.h"

/* The file that labels come from; those from memory have the data set's name. */
static const char *name_of_labels(const clg_dataset *data)
{
    return data->label_name ? data->label_name : data->name;
}

static clg_status check_samples(const struct clg_recipe *recipe, const clg_dataset *data)
{
    const clg_shape *shape = &recipe->values.data.shape;
    const struct clg_yaml *node = clg_yaml_find(recipe->root, "data");
    char wanted[CLG_SHAPE_TEXT], found[CLG_SHAPE_TEXT];

    if (clg_dataset_values(shape) == clg_dataset_values(&data->shape))
        return CLG_OK;
    if (clg_yaml_find(node, "shape"))
        node = clg_yaml_find(node, "shape");
    return clg_yaml_fail(recipe->object.ctx, node,
                         "samples of '%s' have the shape %s, which does not fit %s: the numbers of "
                         "values must be equal",
                         data->name, clg_shape_text(&data->shape, found),
                         clg_shape_text(shape, wanted));
}

clg_status clg_recipe_check_sizes(const struct clg_recipe *recipe, const clg_model *model,
                                  const clg_dataset *data)
{
    int64_t wanted = recipe->classes ? 1 : model->results;

    if (!data)
        return CLG_OK;
    CLG_TRY(check_samples(recipe, data));
    if (data->has_labels && recipe->classes && data->label_type != CLG_I32)
        return clg_yaml_fail(
            recipe->object.ctx, recipe->values.loss.at,
            "the loss %s needs labels that are classes, of bytes or int32, but those "
            "of '%s' are float32; mse takes numbers",
            recipe->values.loss.kind->name, name_of_labels(data));
    if (data->has_labels && !recipe->classes && clg_dataset_class_count(data) > 2)
        return clg_yaml_fail(recipe->object.ctx, recipe->values.loss.at,
                             "the target of '%s' has %" PRId64 " classes, but the loss %s compares "
                             "with numbers; cross_entropy takes classes",
                             data->name, clg_dataset_class_count(data),
                             recipe->values.loss.kind->name);
    if (!data->has_labels || clg_dataset_values(&data->label_shape) == wanted)
        return CLG_OK;
    return clg_yaml_fail(recipe->object.ctx, recipe->values.loss.at,
                         "the loss %s needs labels of %" PRId64 " value%s, but those of '%s' have "
                         "%" PRId64,
                         recipe->values.loss.kind->name, wanted, wanted == 1 ? "" : "s",
                         name_of_labels(data), clg_dataset_values(&data->label_shape));
}

clg_status clg_recipe_check_classes(const struct clg_recipe *recipe, clg_dataset *data)
{
    clg_status status;

    if (!data || !data->has_labels || !recipe->classes)
        return CLG_OK;
    status = recipe->ignores ? clg_dataset_check_labels(data, recipe->classes, recipe->ignored)
                             : clg_dataset_check_classes(data, recipe->classes);
    return status == CLG_OK ? CLG_OK : clg_recipe_fail_at(recipe, recipe->values.loss.at);
}

clg_status clg_recipe_check_data(clg_recipe *recipe, const clg_model *model, clg_dataset *data)
{
    if (!CLG_GIVEN(data, recipe) || !CLG_GIVEN(recipe, model) || !CLG_GIVEN(recipe, data))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(clg_recipe_check_sizes(recipe, model, data));
    CLG_TRY(clg_dataset_wait(data));
    return clg_recipe_check_classes(recipe, data);
}
