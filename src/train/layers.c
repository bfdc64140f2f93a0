/* The list of a recipe's layers, and building a list of them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

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

/* ---- sharing ---- */

static const struct clg_built *find_built(const struct clg_build *build, const char *name)
{
    for (const struct clg_built *at = build->built; at; at = at->next)
        if (strcmp(at->name, name) == 0)
            return at;
    return NULL;
}

/* The layer that a name means in the block prefix: of the block, or of one around it. NULL, and a
 * failure, when there is none. */
static const struct clg_built *resolve(struct clg_build *build, const char *prefix,
                                       const char *name)
{
    struct clg_blocks *pool = &build->recipe->pool;
    size_t length = prefix ? strlen(prefix) : 0;

    for (;;) {
        const struct clg_built *found;
        const char *full =
            length ? clg_blocks_print(pool, "%.*s.%s", (int)length, prefix, name) : name;

        if (!full)
            return NULL;
        found = find_built(build, full);
        if (found)
            return found;
        if (!length)
            break;
        while (length && prefix[--length] != '.')
            ;
    }
    clg_layer_refuse(build, "share: no layer before this one is called '%.100s'", name);
    return NULL;
}

/* Whether the store has entries NAME.WHAT. */
static bool has_parameters(const struct clg_build *build, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < clg_store_count(build->store); i++) {
        const char *entry = clg_store_name(build->store, i);

        if (strncmp(entry, name, length) == 0 && entry[length] == '.')
            return true;
    }
    return false;
}

/* Finds whose parameters a layer uses. */
static bool find_owner(struct clg_build *build, const struct clg_choice *layer, const char *prefix,
                       struct clg_built *own)
{
    const struct clg_built *of;

    if (!layer->share)
        return true;
    of = resolve(build, prefix, layer->share);
    if (!of)
        return false;
    if (of->kind != own->kind)
        clg_layer_refuse(build, "share: layer '%.100s' is %s, but this one %s", layer->share,
                         of->kind->name, own->kind->name);
    else if (!has_parameters(build, of->owner))
        clg_layer_refuse(build, "share: layer '%.100s' has no parameters", layer->share);
    else {
        own->owner = of->owner;
        return true;
    }
    return false;
}

/* Builds a layer with the parameters of the layers that are there. */
static clg_tensor build_shared(struct clg_build *build, const struct clg_choice *layer,
                               const char *owner, clg_tensor x)
{
    size_t before = clg_store_count(build->store);
    bool outer = build->sharing;

    build->sharing = true;
    if (!layer->kind->block && has_parameters(build, owner) &&
        clg_layer_share(build->graph, owner) != CLG_OK)
        return (clg_tensor){0};
    x = layer->kind->layer(build, owner, x, layer->args);
    build->sharing = outer;
    if (clg_tensor_valid(x) && clg_store_count(build->store) > before)
        return clg_layer_refuse(build,
                                "share: this layer has the parameter '%s', which '%s' has not",
                                clg_store_name(build->store, before), owner);
    return x;
}

/* ---- building ---- */

/* Refuses sizes of the input that the recipe gives and the input does not have. */
static bool check_inputs(struct clg_build *build, const struct clg_choice *layer, clg_tensor x)
{
    clg_shape shape = clg_tensor_shape(x);
    char text[CLG_SHAPE_TEXT];

    for (const struct clg_key *key = layer->kind->keys; key && key->name; key++) {
        int dim = key->input < 0 ? shape.rank - 1 : key->input;
        int64_t given;

        if (!key->input || dim >= shape.rank)
            continue;
        given = *(const int64_t *)((const char *)layer->args + key->offset);
        if (given && given != shape.dim[dim]) {
            clg_layer_refuse(
                build, "%s: %s is %" PRId64 ", but dimension %d of the input %s is not",
                layer->kind->name, key->name, given, dim, clg_shape_text(&shape, text));
            return false;
        }
    }
    return true;
}

/* What blocks in blocks repeat would fill the memory first. */
#define LAYERS_MAX 10000

static clg_tensor build_layer(struct clg_build *build, const struct clg_choice *layer,
                              const char *prefix, clg_tensor x)
{
    struct clg_blocks *pool = &build->recipe->pool;
    struct clg_built *own = clg_blocks_new(pool, 1, sizeof(*own));
    const char *name = layer->name;

    if (prefix)
        name = clg_blocks_print(pool, "%s.%s", prefix, name);
    if (!name || !own)
        return (clg_tensor){0};
    *own = (struct clg_built){layer->kind, name, name, NULL};
    if (++build->layers > LAYERS_MAX)
        x = clg_layer_refuse(build, "the model has more than 10000 layers");
    else if (!check_inputs(build, layer, x) || !find_owner(build, layer, prefix, own))
        x = (clg_tensor){0};
    else if (layer->share || build->sharing)
        x = build_shared(build, layer, own->owner, x);
    else
        x = layer->kind->layer(build, name, x, layer->args);
    own->next = build->built;
    build->built = own;
    if (!clg_tensor_valid(x) && !build->placed) {
        build->placed = true;
        clg_recipe_fail_at(build->recipe, layer->at);
    }
    return x;
}

clg_tensor clg_build_layers(struct clg_build *build, const struct clg_choices *layers,
                            const char *prefix, clg_tensor x)
{
    for (size_t i = 0; i < layers->count && clg_tensor_valid(x); i++)
        x = build_layer(build, &layers->items[i], prefix, x);
    return x;
}
