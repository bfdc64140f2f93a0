/* Losses of classes with options: weights, labels that do not count, smoothing, soft targets. They
 * follow PyTorch in what a mean divides by. */
#include "base/text.h"
#include "ops/families.h"

static const clg_tensor invalid = {NULL, -1, 0};
static const int32_t last[1] = {-1};

/* A loss of x (..., C) while it is built. */
struct classes {
    const char *what;
    clg_loss_params params;
    clg_tensor x, labels; /* labels: those that do not count are 0 */
    clg_tensor counted;   /* 1 for rows that count, else 0; none: all do */
    clg_tensor factor;    /* of each row: its class's weight, 0 where it does not count; none: 1 */
    int64_t C;
};

static clg_tensor kept(clg_tensor condition, clg_tensor x)
{
    return condition.graph ? clg_binary(CLG_OP(keep), condition, x, 0) : x;
}

/* ---- checks ---- */

static bool check_shapes(const struct classes *c, bool soft)
{
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    clg_shape x = clg_tensor_shape(c->x), y = clg_tensor_shape(c->labels);
    clg_shape rows = x.rank > 0 ? clg_shape_without_last(&x) : x;
    if (x.rank < 1 || x.dim[x.rank - 1] >= CLG_BATCH)
        clg_graph_fail(c->x.graph, CLG_ERR_ARGUMENT,
                       "%s: input %s must have classes, a number of them, as its last dimension",
                       c->what, clg_shape_text(&x, a));
    else if (!clg_same_shape(soft ? &x : &rows, &y) ||
             clg_tensor_dtype(c->labels) != (soft ? CLG_F32 : CLG_I32))
        clg_graph_fail(c->x.graph, CLG_ERR_ARGUMENT,
                       "%s: input %s needs int32 labels of its shape without the last dimension, "
                       "the labels are %s %s",
                       c->what, clg_shape_text(&x, a),
                       clg_tensor_dtype(c->labels) == CLG_I32 ? "int32" : "float32",
                       clg_shape_text(&y, b));
    else
        return true;
    return false;
}

static bool check_options(const struct classes *c, bool soft)
{
    char a[CLG_SHAPE_TEXT];
    const clg_loss_params *p = &c->params;
    clg_shape of = clg_tensor_shape(p->class_weight), want = clg_shape1(c->C);
    if (p->class_weight.graph && !clg_same_shape(&of, &want))
        clg_graph_fail(c->x.graph, CLG_ERR_ARGUMENT,
                       "%s: class_weight %s must have a number for each of %lld classes", c->what,
                       clg_shape_text(&of, a), (long long)c->C);
    else if (p->ignore && soft)
        clg_graph_fail(c->x.graph, CLG_ERR_ARGUMENT, "%s: it takes no ignore with soft targets",
                       c->what);
    else if (p->ignore && (p->ignore_index > 1 << 24 || p->ignore_index < -(1 << 24)))
        clg_graph_fail(c->x.graph, CLG_ERR_ARGUMENT,
                       "%s: the ignore_index is %d, must be within 2^24 of 0", c->what,
                       p->ignore_index);
    else
        return true;
    return false;
}

/* Fills c, or false and a sentence. */
static bool begin(struct classes *c, const clg_loss_params *params, bool soft, int takes)
{
    if (!clg_all_valid(c->what, (clg_tensor[]){c->x, c->labels}, 2) ||
        !clg_loss_params_of(c->what, c->x.graph, params, takes, &c->params) ||
        !check_shapes(c, soft))
        return false;
    clg_shape shape = clg_tensor_shape(c->x);
    c->C = shape.dim[shape.rank - 1];
    return check_options(c, soft);
}

/* ---- rows ---- */

static void find_factors(struct classes *c)
{
    const clg_loss_params *p = &c->params;
    if (p->ignore) {
        clg_tensor index = clg_fill(c->x.graph, clg_shape0(), (float)p->ignore_index);
        c->factor = c->counted = clg_not(clg_eq(c->labels, index));
        c->labels = clg_cast(kept(c->counted, c->labels), CLG_I32);
    }
    if (p->class_weight.graph)
        c->factor = kept(c->counted, clg_gather(p->class_weight, c->labels));
}

/* The mean divides by the sum of the factors. */
static clg_tensor reduce_rows(struct classes *c, clg_tensor rows)
{
    if (!c->factor.graph || c->params.reduction != CLG_REDUCE_MEAN)
        return clg_loss_reduce(c->what, rows, &c->params);
    c->params.reduction = CLG_REDUCE_SUM;
    return clg_div(clg_loss_reduce(c->what, rows, &c->params), clg_sum(c->factor, NULL, 0, false));
}

static clg_tensor weigh(const struct classes *c, clg_tensor rows)
{
    rows = kept(c->counted, rows);
    return c->params.class_weight.graph ? clg_mul(c->factor, rows) : rows;
}

/* -x at the labels, of log-probabilities x. */
static clg_tensor negative_at(const struct classes *c, clg_tensor x)
{
    return clg_neg(clg_squeeze(clg_take_along(x, clg_unsqueeze(c->labels, -1)), -1));
}

/* ---- the losses ---- */

clg_tensor clg_nll(clg_tensor log_probabilities, clg_tensor labels, const clg_loss_params *params)
{
    struct classes c = {.what = "nll", .x = log_probabilities, .labels = labels};
    if (!begin(&c, params, false, CLG_TAKES_CLASS_WEIGHT | CLG_TAKES_IGNORE))
        return invalid;
    find_factors(&c);
    return reduce_rows(&c, weigh(&c, negative_at(&c, c.x)));
}

/* (1 - s) the weighted loss of the label, and s / C times the sum of all classes' weighted losses.
 */
static clg_tensor smoothed(const struct classes *c)
{
    float s = c->params.label_smoothing;
    clg_tensor log_p = clg_log_softmax(c->x), all = log_p;
    if (c->params.class_weight.graph)
        all = clg_mul(log_p, c->params.class_weight);
    all = kept(c->counted, clg_sum(all, last, 1, false));
    return clg_sub(clg_affine(weigh(c, negative_at(c, log_p)), 1 - s, 0),
                   clg_affine(all, (float)(s / (double)c->C), 0));
}

static clg_tensor soft_targets(struct classes *c)
{
    float s = c->params.label_smoothing;
    clg_tensor p = s > 0 ? clg_affine(c->labels, 1 - s, (float)(s / (double)c->C)) : c->labels;
    if (c->params.class_weight.graph)
        p = clg_mul(p, c->params.class_weight);
    clg_tensor rows = clg_neg(clg_sum(clg_mul(p, clg_log_softmax(c->x)), last, 1, false));
    return clg_loss_reduce(c->what, rows, &c->params);
}

static bool is_plain(const clg_loss_params *p)
{
    return !p || (!p->weight.graph && !p->class_weight.graph && !p->pos_weight.graph &&
                  !p->ignore && p->label_smoothing == 0 && p->reduction != CLG_REDUCE_BATCH_MEAN);
}

/* Float labels of another shape than the logits' are a mistake that the plain op names. */
static bool is_soft(clg_tensor logits, clg_tensor labels)
{
    clg_shape a = clg_tensor_shape(logits), b = clg_tensor_shape(labels);
    return clg_tensor_valid(logits) && clg_tensor_valid(labels) && a.rank > 0 &&
           clg_tensor_dtype(labels) == CLG_F32 && clg_same_shape(&a, &b);
}

clg_tensor clg_cross_entropy(clg_tensor logits, clg_tensor labels, const clg_loss_params *params)
{
    struct classes c = {.what = "cross_entropy", .x = logits, .labels = labels};
    bool soft = is_soft(logits, labels);
    if (!soft && is_plain(params))
        return clg_plain_cross_entropy(logits, labels,
                                       params ? params->reduction : CLG_REDUCE_MEAN);
    if (!begin(&c, params, soft, CLG_TAKES_CLASS_WEIGHT | CLG_TAKES_IGNORE | CLG_TAKES_SMOOTHING))
        return invalid;
    if (soft)
        return soft_targets(&c);
    find_factors(&c);
    if (c.params.label_smoothing > 0)
        return reduce_rows(&c, smoothed(&c));
    return reduce_rows(&c, weigh(&c, clg_plain_cross_entropy(logits, c.labels, CLG_REDUCE_NONE)));
}
