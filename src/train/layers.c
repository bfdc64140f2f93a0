/* The list of a recipe's layers, and building a list of them. */
#include <math.h>
#include <stdio.h>

#include "train/layers.h"

static const struct clg_kind *const kinds[] = {
#define LAYER(word) &clg_##word##_layer_kind,
#include "train/layers.def"
#undef LAYER
    NULL,
};
const struct clg_family clg_layer_family = {"layer", kinds};

clg_tensor clg_layer_refuse(struct clg_build *build, const char *format, ...)
{
    char sentence[CLG_ERROR_MAX];
    va_list list;

    va_start(list, format);
    vsnprintf(sentence, sizeof(sentence), format, list);
    va_end(list);
    clg_fail(build->recipe->object.ctx, CLG_ERR_ARGUMENT, "%s", sentence);
    return (clg_tensor){0};
}

int32_t clg_layer_int(int64_t number)
{
    return number < INT32_MAX ? (int32_t)number : INT32_MAX;
}

bool clg_layer_sizes(struct clg_build *build, const char *layer, const char *key,
                     const struct clg_numbers *from, int size, int32_t *to)
{
    if (!from->count)
        return true;
    for (int i = 0; i < size; i++) {
        double number = from->items[from->count > 1 ? i : 0];

        if ((from->count > 1 && from->count != (size_t)size) || number != floor(number) ||
            number > INT32_MAX) {
            clg_layer_refuse(build, "%s: %s must be a whole number%s", layer, key,
                             size > 1 ? ", or a list of two" : "");
            return false;
        }
        to[i] = (int32_t)number;
    }
    return true;
}

static clg_tensor build_layer(struct clg_build *build, const struct clg_choice *layer,
                              const char *prefix, clg_tensor x)
{
    struct clg_recipe *recipe = build->recipe;
    const char *name = layer->name;

    if (prefix)
        name = clg_blocks_print(&recipe->pool, "%s.%s", prefix, name);
    if (!name)
        return (clg_tensor){0};
    x = layer->kind->layer(build, name, x, layer->args);
    /* The inner layer of a block has told its place already. */
    if (!clg_tensor_valid(x) && !layer->kind->block)
        clg_recipe_fail_at(recipe, layer->at);
    return x;
}

clg_tensor clg_build_layers(struct clg_build *build, const struct clg_choices *layers,
                            const char *prefix, clg_tensor x)
{
    for (size_t i = 0; i < layers->count && clg_tensor_valid(x); i++)
        x = build_layer(build, &layers->items[i], prefix, x);
    return x;
}
