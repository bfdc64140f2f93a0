/* Cross-entropy of logits in one pass, and scores of predictions. */
#include "base/text.h"
#include "ops/families.h"

clg_loss_params clg_loss_defaults(void)
{
    return (clg_loss_params){.reduction = CLG_REDUCE_MEAN, .ignore_index = -100};
}

/* logits (..., C) against labels (...). */
static bool check_labels(struct clg_infer *infer)
{
    const struct clg_type *x = &infer->in[0], *label = &infer->in[1];
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    clg_shape rows = clg_shape_without_last(&x->shape);
    if (x->dtype != CLG_F32 || label->dtype != CLG_I32)
        clg_infer_fail(infer, "the logits must be float32, the labels int32");
    else if (x->shape.rank < 1 || !clg_same_shape(&rows, &label->shape))
        clg_infer_fail(infer,
                       "logits %s need labels of their shape without the last dimension, "
                       "the labels have %s",
                       clg_shape_text(&x->shape, a), clg_shape_text(&label->shape, b));
    return !infer->failed;
}

/* ---- cross-entropy ---- */

clg_tensor clg_plain_cross_entropy(clg_tensor logits, clg_tensor labels, clg_reduction reduction)
{
    struct clg_loss_attr attr = {(uint32_t)reduction};
    clg_graph *graph = logits.graph ? logits.graph : labels.graph;
    return clg_node_add(graph, CLG_OP(cross_entropy), (clg_tensor[]){logits, labels}, 2, &attr,
                        NULL);
}

void clg_shape_cross_entropy(struct clg_infer *infer)
{
    const struct clg_loss_attr *attr = infer->attr;
    if (!check_labels(infer))
        return;
    if (attr->reduction > CLG_REDUCE_NONE)
        clg_infer_fail(infer, "the reduction is %u, must be mean, sum, none or batch mean", attr->reduction);
    infer->out[0].shape = attr->reduction == CLG_REDUCE_NONE ? infer->in[1].shape : clg_shape0();
    infer->out[1].shape = infer->in[0].shape;
}

/* Output 1 is the derivative already. */
void clg_grad_cross_entropy(struct clg_gradient *g)
{
    if (clg_tensor_valid(g->dy[1])) {
        clg_graph_fail(g->graph, CLG_ERR_UNSUPPORTED,
                       "grad: cross_entropy can be differentiated once only");
        return;
    }
    clg_tensor dy = g->dy[0];
    clg_shape shape = clg_tensor_shape(dy);
    if (shape.rank > 0) {
        shape.dim[shape.rank++] = 1;
        dy = clg_reshape(dy, shape);
    }
    if (g->need[0])
        g->dx[0] = clg_mul(g->out[1], dy);
}

enum { WANT_LOSS = 1, WANT_GRADIENT = 2 };

/* What the sum of the rows' losses is divided by. */
static double count_of(const struct clg_lower *lower)
{
    const struct clg_loss_attr *attr = lower->attr;
    return attr->reduction == CLG_REDUCE_MEAN ? (double)clg_shape_count(&lower->in[1].shape) : 1;
}

/* A launch over rows of logits and their labels: loss and gradient. */
static void launch_cross_entropy(struct clg_lower *lower, const struct clg_view *loss, int wants)
{
    const clg_shape *shape = &lower->in[0].shape;
    uint64_t count = (uint64_t)clg_shape_count(shape);
    struct clg_launch *launch = clg_launch_over_rows(lower, "loss", "cross_entropy",
                                                     clg_rows_of(shape), clg_cols_of(shape));
    clg_launch_view(launch, &lower->in[0]);
    clg_launch_view(launch, &lower->in[1]);
    clg_launch_view(launch, wants & WANT_LOSS ? loss : &lower->out[1]);
    clg_launch_view(launch, wants & WANT_GRADIENT ? &lower->out[1] : loss);
    clg_launch_buffer(launch, lower->block);
    clg_launch_int(launch, clg_rows_of(shape));
    clg_launch_int(launch, clg_cols_of(shape));
    clg_launch_float(launch, (float)(1 / count_of(lower)));
    clg_launch_int(launch, wants);
    clg_launch_cost(launch, 6 * count, 4 * count * (wants & WANT_GRADIENT ? 2 : 1));
}

static void cross_entropy(struct clg_sum *sum)
{
    struct clg_lower *lower = sum->lower;
    const struct clg_loss_attr *attr = lower->attr;
    int64_t rows = clg_rows_of(&lower->in[0].shape);
    bool each = attr->reduction == CLG_REDUCE_NONE;
    struct clg_view loss = each ? lower->out[0] : clg_sum_take(sum, rows);
    int wants = (lower->out[0].buffer ? WANT_LOSS : 0) | (lower->out[1].buffer ? WANT_GRADIENT : 0);
    if (!sum->dry && wants)
        launch_cross_entropy(lower, &loss, wants);
    if (!each && (sum->dry || wants & WANT_LOSS))
        clg_sum_middle(sum, &loss, &lower->out[0], 1, rows, 1, (float)count_of(lower));
}

size_t clg_work_cross_entropy(const struct clg_lower *lower)
{
    struct clg_lower copy = *lower;
    struct clg_sum sum = {&copy, true, 0};
    cross_entropy(&sum);
    return sum.used * sizeof(float);
}

void clg_lower_cross_entropy(struct clg_lower *lower)
{
    struct clg_sum sum = {lower, false, 0};
    cross_entropy(&sum);
}

/* ---- scores ---- */

clg_tensor clg_argmax(clg_tensor x)
{
    return clg_plain(CLG_OP(argmax), x, x);
}

void clg_shape_argmax(struct clg_infer *infer)
{
    const struct clg_type *x = &infer->in[0];
    if (x->dtype != CLG_F32 || x->shape.rank < 1)
        clg_infer_fail(infer, "the input must be float32 with at least 1 dimension");
    infer->out[0] = (struct clg_type){CLG_I32, clg_shape_without_last(&x->shape)};
}

static void launch_scores(struct clg_lower *lower, const char *kernel, const struct clg_view *out)
{
    const clg_shape *shape = &lower->in[0].shape;
    uint64_t count = (uint64_t)clg_shape_count(shape);
    struct clg_launch *launch =
        clg_launch_over_rows(lower, "loss", kernel, clg_rows_of(shape), clg_cols_of(shape));
    for (uint32_t i = 0; i < lower->n_in; i++)
        clg_launch_view(launch, &lower->in[i]);
    clg_launch_view(launch, out);
    clg_launch_int(launch, clg_rows_of(shape));
    clg_launch_int(launch, clg_cols_of(shape));
    clg_launch_cost(launch, count, 4 * count);
}

void clg_lower_argmax(struct clg_lower *lower)
{
    launch_scores(lower, "argmax", &lower->out[0]);
}

clg_tensor clg_accuracy(clg_tensor logits, clg_tensor labels)
{
    return clg_plain(CLG_OP(accuracy), logits, labels);
}

void clg_shape_accuracy(struct clg_infer *infer)
{
    check_labels(infer);
}

static void accuracy(struct clg_sum *sum)
{
    struct clg_lower *lower = sum->lower;
    int64_t rows = clg_rows_of(&lower->in[0].shape);
    struct clg_view hits = clg_sum_take(sum, rows);
    if (!sum->dry)
        launch_scores(lower, "hits", &hits);
    clg_sum_middle(sum, &hits, &lower->out[0], 1, rows, 1, (float)rows);
}

size_t clg_work_accuracy(const struct clg_lower *lower)
{
    struct clg_lower copy = *lower;
    struct clg_sum sum = {&copy, true, 0};
    accuracy(&sum);
    return sum.used * sizeof(float);
}

void clg_lower_accuracy(struct clg_lower *lower)
{
    struct clg_sum sum = {lower, false, 0};
    accuracy(&sum);
}
