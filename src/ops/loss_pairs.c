/* Losses of pairs and triplets of vectors (..., D). */
#include "base/text.h"
#include "ops/families.h"

static const clg_tensor invalid = {NULL, -1, 0};
static const int32_t last[1] = {-1};

static bool check_vectors(const char *what, clg_tensor a, clg_tensor b)
{
    char ta[CLG_SHAPE_TEXT], tb[CLG_SHAPE_TEXT];
    clg_shape sa = clg_tensor_shape(a), sb = clg_tensor_shape(b);
    if (!clg_all_valid(what, (clg_tensor[]){a, b}, 2))
        return false;
    if (sa.rank > 0 && clg_same_shape(&sa, &sb))
        return true;
    clg_graph_fail(a.graph, CLG_ERR_ARGUMENT,
                   "%s: vectors %s and %s must have one shape of 1 dimension or more", what,
                   clg_shape_text(&sa, ta), clg_shape_text(&sb, tb));
    return false;
}

/* ---- cosine ---- */

static clg_tensor inverse_norm(clg_tensor x)
{
    return clg_rsqrt(clg_affine(clg_sum(clg_square(x), last, 1, false), 1, 1e-12f));
}

static clg_tensor cosine(clg_tensor a, clg_tensor b)
{
    clg_tensor product = clg_sum(clg_mul(a, b), last, 1, false);
    return clg_mul(clg_mul(product, inverse_norm(a)), inverse_norm(b));
}

/* x where the targets are y, else 0. */
static clg_tensor where_target(clg_tensor targets, float y, clg_tensor x)
{
    return clg_binary(CLG_OP(keep), clg_eq(targets, clg_fill(x.graph, clg_shape0(), y)), x, 0);
}

clg_tensor clg_cosine_embedding(clg_tensor a, clg_tensor b, clg_tensor targets, float margin,
                                const clg_loss_params *params)
{
    const char *what = "cosine_embedding";
    char text[CLG_SHAPE_TEXT], want[CLG_SHAPE_TEXT];
    clg_loss_params p;
    if (!clg_all_valid(what, (clg_tensor[]){a, b, targets}, 3) || !check_vectors(what, a, b) ||
        !clg_loss_params_of(what, a.graph, params, 0, &p))
        return invalid;
    clg_shape of = clg_tensor_shape(a), rows = clg_shape_without_last(&of);
    clg_shape given = clg_tensor_shape(targets);
    if (!clg_same_shape(&rows, &given))
        return clg_graph_fail(a.graph, CLG_ERR_ARGUMENT, "%s: targets %s must have the shape %s",
                              what, clg_shape_text(&given, text), clg_shape_text(&rows, want));
    clg_tensor c = cosine(a, b);
    clg_tensor alike = where_target(targets, 1, clg_affine(c, -1, 1));
    clg_tensor apart = where_target(targets, -1, clg_relu(clg_affine(c, 1, -margin)));
    return clg_loss_reduce(what, clg_add(alike, apart), &p);
}

/* ---- triplets ---- */

static clg_tensor distance(clg_tensor a, clg_tensor b)
{
    return clg_norm2(clg_affine(clg_sub(a, b), 1, 1e-6f), last, 1, false);
}

clg_tensor clg_triplet_margin(clg_tensor anchor, clg_tensor positive, clg_tensor negative,
                              float margin, const clg_loss_params *params)
{
    const char *what = "triplet_margin";
    clg_loss_params p;
    if (!clg_all_float(what, (clg_tensor[]){anchor, positive, negative}, 3) ||
        !check_vectors(what, anchor, positive) || !check_vectors(what, anchor, negative) ||
        !clg_loss_params_of(what, anchor.graph, params, 0, &p))
        return invalid;
    clg_tensor off = clg_sub(distance(anchor, positive), distance(anchor, negative));
    return clg_loss_reduce(what, clg_relu(clg_affine(off, 1, margin)), &p);
}
