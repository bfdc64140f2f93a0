/* Losses of values against values, an element each: compositions, which the fuser makes one kernel.
 */
#include "base/text.h"
#include "ops/families.h"

static const clg_tensor invalid = {NULL, -1, 0};

/* ---- options ---- */

bool clg_loss_params_of(const char *what, clg_graph *graph, const clg_loss_params *params,
                        int takes, clg_loss_params *out)
{
    const clg_loss_params p = params ? *params : clg_loss_defaults();
    const char *refused = p.class_weight.graph && !(takes & CLG_TAKES_CLASS_WEIGHT) ? "class_weight"
                          : p.ignore && !(takes & CLG_TAKES_IGNORE)                 ? "ignore"
                          : p.pos_weight.graph && !(takes & CLG_TAKES_POS_WEIGHT)   ? "pos_weight"
                          : p.label_smoothing != 0 && !(takes & CLG_TAKES_SMOOTHING)
                              ? "label_smoothing"
                              : NULL;
    *out = p;
    if ((uint32_t)p.reduction > CLG_REDUCE_BATCH_MEAN)
        clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                       "%s: the reduction is %u, must be mean, sum, none or batch mean", what,
                       (uint32_t)p.reduction);
    else if (refused)
        clg_graph_fail(graph, CLG_ERR_ARGUMENT, "%s: it takes no %s", what, refused);
    else if (!(p.label_smoothing >= 0 && p.label_smoothing <= 1))
        clg_graph_fail(graph, CLG_ERR_ARGUMENT, "%s: the label_smoothing is %g, must be in [0, 1]",
                       what, (double)p.label_smoothing);
    else
        return true;
    return false;
}

static clg_tensor weighted(const char *what, clg_tensor losses, clg_tensor weight)
{
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    clg_shape of = clg_tensor_shape(losses), shape = clg_tensor_shape(weight), both;
    if (!weight.graph || !clg_tensor_valid(losses))
        return losses;
    if (clg_tensor_valid(weight) &&
        (!clg_shape_broadcast(&of, &shape, &both) || !clg_same_shape(&of, &both)))
        return clg_graph_fail(losses.graph, CLG_ERR_ARGUMENT,
                              "%s: weights %s do not broadcast to the losses %s", what,
                              clg_shape_text(&shape, a), clg_shape_text(&of, b));
    return clg_mul(losses, weight);
}

clg_tensor clg_loss_reduce(const char *what, clg_tensor losses, const clg_loss_params *params)
{
    const int32_t first = 0;
    losses = weighted(what, losses, params->weight);
    if (params->reduction == CLG_REDUCE_NONE)
        return losses;
    if (params->reduction == CLG_REDUCE_SUM)
        return clg_sum(losses, NULL, 0, false);
    if (params->reduction == CLG_REDUCE_MEAN || clg_tensor_shape(losses).rank < 2)
        return clg_mean(losses, NULL, 0, false);
    return clg_sum(clg_mean(losses, &first, 1, false), NULL, 0, false);
}

/* Whether a and b can be compared element by element; *p are the options. */
static bool ready(const char *what, clg_tensor a, clg_tensor b, const clg_loss_params *params,
                  int takes, clg_loss_params *p)
{
    char ta[CLG_SHAPE_TEXT], tb[CLG_SHAPE_TEXT];
    clg_shape sa = clg_tensor_shape(a), sb = clg_tensor_shape(b);
    if (!clg_all_float(what, (clg_tensor[]){a, b}, 2))
        return false;
    if (!clg_same_shape(&sa, &sb)) {
        clg_graph_fail(a.graph, CLG_ERR_ARGUMENT, "%s: shapes %s and %s must be equal", what,
                       clg_shape_text(&sa, ta), clg_shape_text(&sb, tb));
        return false;
    }
    return clg_loss_params_of(what, a.graph, params, takes, p);
}

/* ---- distances ---- */

clg_tensor clg_mse(clg_tensor a, clg_tensor b, const clg_loss_params *params)
{
    clg_loss_params p;
    if (!ready("mse", a, b, params, 0, &p))
        return invalid;
    return clg_loss_reduce("mse", clg_square(clg_sub(a, b)), &p);
}

clg_tensor clg_half_mse(clg_tensor a, clg_tensor b, const clg_loss_params *params)
{
    clg_loss_params p;
    if (!ready("half_mse", a, b, params, 0, &p))
        return invalid;
    return clg_loss_reduce("half_mse", clg_affine(clg_square(clg_sub(a, b)), 0.5f, 0), &p);
}

clg_tensor clg_mae(clg_tensor a, clg_tensor b, const clg_loss_params *params)
{
    clg_loss_params p;
    if (!ready("mae", a, b, params, 0, &p))
        return invalid;
    return clg_loss_reduce("mae", clg_abs(clg_sub(a, b)), &p);
}

/* m (d - m / 2) for m = min(d, knee): d^2 / 2 up to the knee, a line of slope knee beyond. */
static clg_tensor bent(clg_tensor d, float knee)
{
    clg_tensor m = clg_min(d, clg_fill(d.graph, clg_shape0(), knee));
    return clg_mul(m, clg_sub(d, clg_affine(m, 0.5f, 0)));
}

clg_tensor clg_huber(clg_tensor a, clg_tensor b, float delta, const clg_loss_params *params)
{
    clg_loss_params p;
    if (!ready("huber", a, b, params, 0, &p))
        return invalid;
    if (!(delta > 0))
        return clg_graph_fail(a.graph, CLG_ERR_ARGUMENT, "huber: delta is %g, must be over 0",
                              (double)delta);
    return clg_loss_reduce("huber", bent(clg_abs(clg_sub(a, b)), delta), &p);
}

clg_tensor clg_smooth_l1(clg_tensor a, clg_tensor b, float beta, const clg_loss_params *params)
{
    clg_loss_params p;
    if (!ready("smooth_l1", a, b, params, 0, &p))
        return invalid;
    if (!(beta >= 0))
        return clg_graph_fail(a.graph, CLG_ERR_ARGUMENT,
                              "smooth_l1: beta is %g, must be at least 0", (double)beta);
    clg_tensor d = clg_abs(clg_sub(a, b));
    return clg_loss_reduce("smooth_l1", beta > 0 ? clg_affine(bent(d, beta), 1 / beta, 0) : d, &p);
}

/* ---- probabilities ---- */

/* -log sigmoid(x) is softplus(-x), -log(1 - sigmoid(x)) is softplus(x): the loss is a sum of two
 * numbers that are not negative, where (1 - y) x + softplus(-x) would lose all digits far out. */
clg_tensor clg_bce_with_logits(clg_tensor logits, clg_tensor targets, const clg_loss_params *params)
{
    clg_loss_params p;
    if (!ready("bce_with_logits", logits, targets, params, CLG_TAKES_POS_WEIGHT, &p))
        return invalid;
    clg_tensor pos = weighted("bce_with_logits (pos_weight)", targets, p.pos_weight);
    clg_tensor loss = clg_add(clg_mul(pos, clg_softplus(clg_neg(logits))),
                              clg_mul(clg_affine(targets, -1, 1), clg_softplus(logits)));
    return clg_loss_reduce("bce_with_logits", loss, &p);
}

/* p, and 1 where it is 0, so that neither the logarithm nor its slope is infinite there. */
static clg_tensor not_zero(clg_tensor p)
{
    return clg_add(p, clg_not(p));
}

static clg_tensor kept_terms(clg_tensor p, clg_tensor logarithm)
{
    return clg_binary(CLG_OP(keep), p, clg_mul(p, logarithm), 0);
}

clg_tensor clg_kl_div(clg_tensor log_probabilities, clg_tensor targets,
                      const clg_loss_params *params)
{
    clg_loss_params p;
    if (!ready("kl_div", log_probabilities, targets, params, 0, &p))
        return invalid;
    clg_tensor ratio = clg_sub(clg_log(not_zero(targets)), log_probabilities);
    return clg_loss_reduce("kl_div", kept_terms(targets, ratio), &p);
}

clg_tensor clg_relative_entropy(clg_tensor probabilities, clg_tensor targets,
                                const clg_loss_params *params)
{
    clg_loss_params p;
    if (!ready("relative_entropy", probabilities, targets, params, 0, &p))
        return invalid;
    clg_tensor ratio = clg_log(clg_div(not_zero(targets), probabilities));
    return clg_loss_reduce("relative_entropy", kept_terms(targets, ratio), &p);
}

/* ---- margins ---- */

clg_tensor clg_hinge(clg_tensor scores, clg_tensor targets, const clg_loss_params *params)
{
    clg_loss_params p;
    if (!ready("hinge", scores, targets, params, 0, &p))
        return invalid;
    return clg_loss_reduce("hinge", clg_relu(clg_affine(clg_mul(scores, targets), -1, 1)), &p);
}
