/* Layers in recipes that give the same numbers in another shape. */
#include <inttypes.h>

#include "train/layers.h"

static clg_tensor build_identity(struct clg_build *build, const char *name, clg_tensor x,
                                 const void *args)
{
    (void)build, (void)name, (void)args;
    return x;
}
const struct clg_kind clg_identity_layer_kind = {
    .name = "identity",
    .doc = "x",
    .layer = build_identity,
};

struct dims {
    int64_t start, end;
};
static const struct clg_key flatten_keys[] = {
    {"start_dim", CLG_KEY_INT, "1", offsetof(struct dims, start), "first dimension that is merged"},
    {"end_dim", CLG_KEY_INT, "-1", offsetof(struct dims, end), "last one; negative: from the end"},
    {0},
};
static clg_tensor build_flatten(struct clg_build *build, const char *name, clg_tensor x,
                                const void *args)
{
    const struct dims *dims = args;
    clg_shape from = clg_tensor_shape(x), to = {0};
    int64_t start = dims->start < 0 ? dims->start + from.rank : dims->start;
    int64_t end = dims->end < 0 ? dims->end + from.rank : dims->end;

    (void)name;
    if (start < 0 || end >= from.rank || start > end)
        return clg_layer_refuse(
            build, "flatten: dimensions %" PRId64 " to %" PRId64 " of an input with %d dimensions",
            dims->start, dims->end, (int)from.rank);
    for (int32_t i = 0; i < from.rank; i++) {
        if (i > start && i <= end)
            to.dim[to.rank - 1] *= from.dim[i];
        else
            to.dim[to.rank++] = from.dim[i];
    }
    return clg_reshape(x, to);
}
const struct clg_kind clg_flatten_layer_kind = {
    .name = "flatten",
    .doc = "merges dimensions; dimension 0 is the batch",
    .keys = flatten_keys,
    .size = sizeof(struct dims),
    .layer = build_flatten,
};

/* ---- unflatten, reshape ---- */

static int64_t product(const clg_shape *shape)
{
    int64_t count = 1;

    for (int32_t i = 0; i < shape->rank; i++)
        count *= shape->dim[i];
    return count;
}

struct sizes {
    int64_t dim;
    clg_shape shape;
};
static const struct clg_key unflatten_keys[] = {
    {"dim", CLG_KEY_INT, "1", offsetof(struct sizes, dim), "the dimension that is split"},
    {"unflattened_size", CLG_KEY_SHAPE, NULL, offsetof(struct sizes, shape), "what it becomes",
     .required = true},
    {0},
};
static clg_tensor build_unflatten(struct clg_build *build, const char *name, clg_tensor x,
                                  const void *args)
{
    const struct sizes *a = args;
    clg_shape from = clg_tensor_shape(x), to = {0};
    int64_t dim = a->dim < 0 ? a->dim + from.rank : a->dim;

    (void)name;
    if (dim < 0 || dim >= from.rank || from.rank + a->shape.rank - 1 > CLG_MAX_RANK)
        return clg_layer_refuse(build,
                                "unflatten: dimension %" PRId64 " into %d, of an input with %d; "
                                "there may be %d in all",
                                a->dim, (int)a->shape.rank, (int)from.rank, CLG_MAX_RANK);
    if (from.dim[dim] != product(&a->shape))
        return clg_layer_refuse(build,
                                "unflatten: dimension %" PRId64
                                " has not as many values as unflattened_size, %" PRId64,
                                a->dim, product(&a->shape));
    for (int32_t i = 0; i < from.rank; i++)
        for (int32_t j = 0; j < (i == dim ? a->shape.rank : 1); j++)
            to.dim[to.rank++] = i == dim ? a->shape.dim[j] : from.dim[i];
    return clg_reshape(x, to);
}
const struct clg_kind clg_unflatten_layer_kind = {
    .name = "unflatten",
    .doc = "splits a dimension in several",
    .bare = "unflattened_size",
    .keys = unflatten_keys,
    .size = sizeof(struct sizes),
    .layer = build_unflatten,
};

static const struct clg_key reshape_keys[] = {
    {"shape", CLG_KEY_SHAPE, NULL, offsetof(struct sizes, shape), "of a sample, without the batch",
     .required = true},
    {0},
};
static clg_tensor build_reshape(struct clg_build *build, const char *name, clg_tensor x,
                                const void *args)
{
    const clg_shape *sample = &((const struct sizes *)args)->shape;
    clg_shape from = clg_tensor_shape(x), to = {.rank = 1 + sample->rank, .dim = {CLG_BATCH}};

    (void)name;
    from.rank--;
    for (int32_t i = 0; i < from.rank; i++)
        from.dim[i] = from.dim[i + 1];
    if (clg_tensor_shape(x).dim[0] != CLG_BATCH || product(&from) != product(sample))
        return clg_layer_refuse(build,
                                "reshape: a sample has %" PRId64 " values, but the shape is of "
                                "%" PRId64,
                                product(&from), product(sample));
    for (int32_t i = 0; i < sample->rank; i++)
        to.dim[1 + i] = sample->dim[i];
    return clg_reshape(x, to);
}
const struct clg_kind clg_reshape_layer_kind = {
    .name = "reshape",
    .doc = "the values of each sample in another shape",
    .bare = "shape",
    .keys = reshape_keys,
    .size = sizeof(struct sizes),
    .layer = build_reshape,
};
