/* Blocks in recipes: layers that consist of layers. */
#include <inttypes.h>
#include <string.h>

#include "train/layers.h"

struct sequential {
    struct clg_choices layers;
};
static const struct clg_key sequential_keys[] = {
    {"layers", CLG_KEY_LIST, NULL, offsetof(struct sequential, layers), "layers, one after another",
     .required = true, .detail = &clg_layer_family},
    {0},
};
static clg_tensor build_sequential(struct clg_build *build, const char *name, clg_tensor x,
                                   const void *args)
{
    return clg_build_layers(build, &((const struct sequential *)args)->layers, name, x);
}
const struct clg_kind clg_sequential_layer_kind = {
    .name = "sequential",
    .doc = "a block: its parameters are named NAME.POSITION",
    .bare = "layers",
    .keys = sequential_keys,
    .size = sizeof(struct sequential),
    .block = true,
    .layer = build_sequential,
};

/* ---- residual ---- */

struct residual {
    struct clg_choices layers, shortcut;
};
static const struct clg_key residual_keys[] = {
    {"layers", CLG_KEY_LIST, NULL, offsetof(struct residual, layers),
     "f: layers, one after another", .required = true, .detail = &clg_layer_family},
    {"shortcut", CLG_KEY_LIST, NULL, offsetof(struct residual, shortcut),
     "layers for x itself, with parameters NAME.shortcut.POSITION; absent: x as it is",
     .detail = &clg_layer_family},
    {0},
};

/* Whether two results can be added; broadcasting would hide a mistake. */
static bool same_shape(struct clg_build *build, const char *layer, clg_tensor a, clg_tensor b)
{
    clg_shape s = clg_tensor_shape(a), t = clg_tensor_shape(b);
    char have[CLG_SHAPE_TEXT], other[CLG_SHAPE_TEXT];

    if (s.rank == t.rank && memcmp(s.dim, t.dim, (size_t)s.rank * sizeof(s.dim[0])) == 0)
        return true;
    clg_layer_refuse(build, "%s: %s and %s cannot be added, the shapes must be equal", layer,
                     clg_shape_text(&s, have), clg_shape_text(&t, other));
    return false;
}

static clg_tensor build_residual(struct clg_build *build, const char *name, clg_tensor x,
                                 const void *args)
{
    const struct residual *residual = args;
    const char *prefix = clg_blocks_print(&build->recipe->pool, "%s.shortcut", name);
    clg_tensor y = clg_build_layers(build, &residual->layers, name, x);

    if (!prefix || !clg_tensor_valid(y))
        return (clg_tensor){0};
    x = clg_build_layers(build, &residual->shortcut, prefix, x);
    if (!clg_tensor_valid(x) || !same_shape(build, "residual", y, x))
        return (clg_tensor){0};
    return clg_add(y, x);
}
const struct clg_kind clg_residual_layer_kind = {
    .name = "residual",
    .doc = "x + f(x); parameters of f are named NAME.POSITION",
    .bare = "layers",
    .keys = residual_keys,
    .size = sizeof(struct residual),
    .block = true,
    .layer = build_residual,
};

/* ---- parallel ---- */

struct parallel {
    struct clg_lists branches;
    bool concat;
    int64_t dim;
};
static const struct clg_key parallel_keys[] = {
    {"branches", CLG_KEY_LISTS, NULL, offsetof(struct parallel, branches),
     "lists of layers, each beginning with x", .required = true, .detail = &clg_layer_family},
    {"concat", CLG_KEY_BOOL, "true", offsetof(struct parallel, concat),
     "whether results are joined along a dimension; false: added"},
    {"dim", CLG_KEY_INT, "1", offsetof(struct parallel, dim),
     "the dimension they are joined along; 1: channels"},
    {0},
};

static clg_tensor join(struct clg_build *build, const struct parallel *parallel,
                       const clg_tensor *parts, size_t count)
{
    int64_t dim = parallel->dim;
    clg_tensor sum = parts[0];

    if (parallel->concat && count > 1)
        return clg_concat(parts, count, dim > -CLG_MAX_RANK ? clg_layer_int(dim) : INT32_MIN);
    for (size_t i = 1; i < count; i++) {
        if (!same_shape(build, "parallel", sum, parts[i]))
            return (clg_tensor){0};
        sum = clg_add(sum, parts[i]);
    }
    return sum;
}

static clg_tensor build_parallel(struct clg_build *build, const char *name, clg_tensor x,
                                 const void *args)
{
    const struct parallel *parallel = args;
    const struct clg_lists *branches = &parallel->branches;
    struct clg_blocks *pool = &build->recipe->pool;
    clg_tensor *parts = clg_blocks_new(pool, branches->count, sizeof(*parts));

    for (size_t i = 0; parts && i < branches->count; i++) {
        const char *prefix = clg_blocks_print(pool, "%s.%zu", name, i);

        if (!prefix)
            return (clg_tensor){0};
        parts[i] = clg_build_layers(build, &branches->items[i], prefix, x);
        if (!clg_tensor_valid(parts[i]))
            return parts[i];
    }
    return parts ? join(build, parallel, parts, branches->count) : (clg_tensor){0};
}
const struct clg_kind clg_parallel_layer_kind = {
    .name = "parallel",
    .doc = "several layers side by side; parameters are named NAME.BRANCH.POSITION",
    .bare = "branches",
    .keys = parallel_keys,
    .size = sizeof(struct parallel),
    .block = true,
    .layer = build_parallel,
};

/* ---- repeat ---- */

#define MOST_TIMES 1000

struct repeat {
    int64_t times;
    struct clg_choices layers;
};
static const struct clg_key repeat_keys[] = {
    {"times", CLG_KEY_INT, NULL, offsetof(struct repeat, times), "how often, 1000 at most",
     .required = true, .range = CLG_POSITIVE},
    {"layers", CLG_KEY_LIST, NULL, offsetof(struct repeat, layers), "layers, one after another",
     .required = true, .detail = &clg_layer_family},
    {0},
};
static clg_tensor build_repeat(struct clg_build *build, const char *name, clg_tensor x,
                               const void *args)
{
    const struct repeat *repeat = args;

    if (repeat->times > MOST_TIMES)
        return clg_layer_refuse(build, "repeat: times is %" PRId64 ", but must be at most %d",
                                repeat->times, MOST_TIMES);
    for (int64_t i = 0; i < repeat->times && clg_tensor_valid(x); i++) {
        const char *prefix = clg_blocks_print(&build->recipe->pool, "%s.%" PRId64, name, i);

        x = prefix ? clg_build_layers(build, &repeat->layers, prefix, x) : (clg_tensor){0};
    }
    return x;
}
const struct clg_kind clg_repeat_layer_kind = {
    .name = "repeat",
    .doc = "the same layers several times, each time with parameters of their own: "
           "NAME.TIME.POSITION",
    .keys = repeat_keys,
    .size = sizeof(struct repeat),
    .block = true,
    .layer = build_repeat,
};
