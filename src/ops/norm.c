/* Normalisation, composed of reductions and arithmetic; and the two ops that batch norm needs. */
#include <inttypes.h>
#include <math.h>
#include "base/text.h"
#include "ops/families.h"

/* ---- the value by mode ---- */

void clg_shape_by_mode(struct clg_infer *infer)
{
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    if (infer->in[0].dtype != infer->in[1].dtype ||
        !clg_same_shape(&infer->in[0].shape, &infer->in[1].shape))
        clg_infer_fail(infer, "shapes %s and %s must be equal, and types too",
                       clg_shape_text(&infer->in[0].shape, a),
                       clg_shape_text(&infer->in[1].shape, b));
    infer->out[0] = infer->in[0];
}

clg_tensor clg_by_mode(clg_tensor inference, clg_tensor training)
{
    return clg_plain(CLG_OP(by_mode), inference, training);
}

void clg_grad_by_mode(struct clg_gradient *g)
{
    clg_tensor zeros = clg_fill(g->graph, clg_tensor_shape(g->dy[0]), 0);
    if (g->need[0])
        g->dx[0] = clg_by_mode(g->dy[0], zeros);
    if (g->need[1])
        g->dx[1] = clg_by_mode(zeros, g->dy[0]);
}

/* ---- the unbiased variance ---- */

void clg_shape_unbiased(struct clg_infer *infer)
{
    if (infer->in[0].dtype != CLG_F32 || infer->in[1].dtype != CLG_F32)
        clg_infer_fail(infer, "the inputs must be float32");
    infer->out[0].shape = infer->in[0].shape;
}

void clg_lower_unbiased(struct clg_lower *lower)
{
    int64_t count = clg_shape_count(&lower->in[0].shape);
    int64_t n = clg_shape_count(&lower->in[1].shape) / count;
    struct clg_sum sum = {lower, false, 0};
    if (n < 2) {
        if (lower->launches->status == CLG_OK)
            lower->launches->status =
                clg_fail(clg_device_object(lower->device)->ctx, CLG_ERR_ARGUMENT,
                         "%s: batch norm has one value per channel in training, must have 2 or "
                         "more",
                         lower->label);
        return;
    }
    clg_sum_middle(&sum, &lower->in[0], &lower->out[0], count, 1, 1,
                   (float)((double)(n - 1) / (double)n));
}

/* ---- compositions ---- */

clg_tensor clg_centre_again(clg_tensor centred, const int32_t *axes, size_t count)
{
    return clg_sub(centred, clg_detach(clg_mean(centred, axes, count, true)));
}

clg_norm_params clg_norm_defaults(void)
{
    const clg_tensor none = {NULL, -1, 0};
    return (clg_norm_params){none, none, none, none, 1e-5f, 0.1f};
}

/* t (C), or one number, as (1, C, 1, ...) beside x. */
static clg_tensor per_channel(clg_tensor t, clg_tensor x)
{
    clg_shape from = clg_tensor_shape(x), to = clg_clean_shape(from);
    for (int i = 0; i < to.rank; i++)
        to.dim[i] = i == 1 ? from.dim[1] : 1;
    return clg_reshape(t, to);
}

static clg_tensor scale_and_shift(clg_tensor y, clg_tensor weight, clg_tensor bias)
{
    if (weight.graph)
        y = clg_mul(y, weight);
    return bias.graph ? clg_add(y, bias) : y;
}

static clg_tensor scale_channels(clg_tensor y, const clg_norm_params *p)
{
    clg_tensor weight = p->weight, bias = p->bias;
    if (weight.graph)
        weight = per_channel(weight, y);
    if (bias.graph)
        bias = per_channel(bias, y);
    return scale_and_shift(y, weight, bias);
}

static clg_tensor standardise(clg_tensor centred, clg_tensor variance, float eps)
{
    return clg_mul(centred, clg_rsqrt(clg_affine(variance, 1, eps)));
}

static bool check_rank(clg_tensor x, const char *what, int least)
{
    clg_shape shape = clg_tensor_shape(x);
    char text[CLG_SHAPE_TEXT];
    if (!clg_tensor_valid(x))
        return false;
    if (shape.rank >= least && (least < 2 || shape.dim[1] < CLG_BATCH))
        return true;
    clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                   "%s: input %s must have at least %d dimensions, and channels that are a number",
                   what, clg_shape_text(&shape, text), least);
    return false;
}

static const clg_tensor invalid = {NULL, -1, 0};

/* (1 - momentum) old + momentum new, as a step from the nearer of the two: the factors do not add
 * up to 1 in float32, and a mean far from 0 would settle beside what it follows. A layer that is used
 * again in a graph goes on from what its use before leaves, as in PyTorch. */
static void follow(clg_tensor running, clg_tensor now, float momentum)
{
    clg_tensor old = clg_assigned(running);
    clg_tensor flat = clg_reshape(now, clg_tensor_shape(running));
    clg_tensor step = clg_sub(flat, old);
    clg_reassign(running,
                 momentum < 0.5f ? clg_add(old, clg_affine(step, momentum, 0))
                                 : clg_sub(flat, clg_affine(step, 1 - momentum, 0)),
                 CLG_WHEN_TRAINING);
}

static bool check_batch_norm(clg_tensor x, const clg_norm_params *p)
{
    if (!check_rank(x, "batch_norm", 2))
        return false;
    if (!p->running_mean.graph != !p->running_var.graph)
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                       "batch_norm: running_mean and running_var go together, one is missing");
    else if (!(p->eps >= 0) || !isfinite(p->eps))
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                       "batch_norm: eps is %g, must be 0 or a positive number", (double)p->eps);
    else if (!(p->momentum >= 0 && p->momentum <= 1))
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "batch_norm: momentum is %g, must be in [0, 1]",
                       (double)p->momentum);
    else
        return true;
    return false;
}

clg_tensor clg_batch_norm(clg_tensor x, const clg_norm_params *params)
{
    clg_norm_params p = params ? *params : clg_norm_defaults();
    int32_t axes[CLG_MAX_RANK] = {0};
    if (!check_batch_norm(x, &p))
        return invalid;
    int rank = clg_tensor_shape(x).rank;
    for (int i = 2; i < rank; i++)
        axes[i - 1] = i;
    clg_tensor mean = clg_mean(x, axes, (size_t)rank - 1, true);
    clg_tensor centred = clg_centre_again(clg_sub(x, mean), axes, (size_t)rank - 1);
    clg_tensor variance = clg_mean(clg_square(centred), axes, (size_t)rank - 1, true);
    if (p.running_mean.graph && p.running_var.graph) {
        follow(p.running_mean, mean, p.momentum);
        follow(p.running_var, clg_plain(CLG_OP(unbiased), variance, x), p.momentum);
        centred = clg_by_mode(clg_sub(x, per_channel(p.running_mean, x)), centred);
        variance = clg_by_mode(per_channel(p.running_var, x), variance);
    }
    clg_tensor y = scale_channels(standardise(centred, variance, p.eps), &p);
    return clg_graph_status(x.graph) == CLG_OK ? y : invalid;
}

/* The last `dims` axes of x, as negative numbers; 0 and a failure where there are not so many. */
static size_t last_axes(clg_tensor x, const char *what, int32_t dims, int32_t axes[CLG_MAX_RANK])
{
    int rank = clg_tensor_shape(x).rank;
    if (!clg_tensor_valid(x))
        return 0;
    if (dims < 1 || dims > rank) {
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                       "%s: is over the last %d dimensions, the input has %d", what, dims, rank);
        return 0;
    }
    for (int32_t i = 0; i < dims; i++)
        axes[i] = rank - dims + i;
    return (size_t)dims;
}

/* (x - mean) / sqrt(variance + eps) over some axes. */
static clg_tensor standardise_over(clg_tensor x, const int32_t *axes, size_t count, float eps)
{
    clg_tensor mean = clg_mean(x, axes, count, true);
    clg_tensor centred = clg_centre_again(clg_sub(x, mean), axes, count);
    return standardise(centred, clg_mean(clg_square(centred), axes, count, true), eps);
}

clg_tensor clg_layer_norm(clg_tensor x, int32_t dims, const clg_norm_params *params)
{
    clg_norm_params p = params ? *params : clg_norm_defaults();
    int32_t axes[CLG_MAX_RANK];
    size_t count = last_axes(x, "layer_norm", dims, axes);
    if (!count)
        return invalid;
    return scale_and_shift(standardise_over(x, axes, count, p.eps), p.weight, p.bias);
}

clg_tensor clg_rms_norm(clg_tensor x, int32_t dims, const clg_norm_params *params)
{
    clg_norm_params p = params ? *params : clg_norm_defaults();
    int32_t axes[CLG_MAX_RANK];
    size_t count = last_axes(x, "rms_norm", dims, axes);
    if (!count || !clg_all_float("rms_norm", &x, 1))
        return invalid;
    clg_tensor mean = clg_mean(clg_square(x), axes, count, true);
    clg_tensor y = clg_mul(x, clg_rsqrt(clg_affine(mean, 1, p.eps)));
    return scale_and_shift(y, p.weight, p.bias);
}

clg_tensor clg_group_norm(clg_tensor x, int32_t groups, const clg_norm_params *params)
{
    clg_norm_params p = params ? *params : clg_norm_defaults();
    clg_shape shape = clg_tensor_shape(x);
    if (!check_rank(x, "group_norm", 2))
        return invalid;
    if (groups < 1 || shape.dim[1] % groups)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "group_norm: %" PRId64 " channels cannot be split into %d groups",
                              shape.dim[1], groups);
    clg_tensor rows = clg_reshape(x, clg_shape3(shape.dim[0], groups, -1));
    clg_tensor y = standardise_over(rows, (const int32_t[]){2}, 1, p.eps);
    return scale_channels(clg_reshape(y, shape), &p);
}

clg_tensor clg_instance_norm(clg_tensor x, const clg_norm_params *params)
{
    if (!check_rank(x, "instance_norm", 3))
        return invalid;
    return clg_group_norm(x, (int32_t)clg_tensor_shape(x).dim[1], params);
}

/* The sum over channels is a window along the first dimension of planes (C, H W). */
clg_tensor clg_local_response_norm(clg_tensor x, int32_t size, float alpha, float beta, float k)
{
    clg_shape shape = clg_tensor_shape(x);
    if (!clg_all_float("local_response_norm", &x, 1) || !check_rank(x, "local_response_norm", 3))
        return invalid;
    if (size < 1)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "local_response_norm: size is %d, must be at least 1", size);
    clg_tensor planes = clg_reshape(clg_square(x), clg_shape4(shape.dim[0], 1, shape.dim[1], -1));
    struct clg_pool_attr attr = {.kernel = {size, 1},
                                 .stride = {1, 1},
                                 .padding = {size / 2, 0},
                                 .dilation = {1, 1},
                                 .flags = CLG_POOL_COUNT_PADDING};
    for (int i = 0; i < 2 && clg_tensor_valid(planes); i++)
        attr.size[i] = (int32_t)clg_tensor_shape(planes).dim[2 + i];
    clg_tensor mean = clg_node_add(x.graph, CLG_OP(avg_pool2d), &planes, 1, &attr, NULL);
    clg_tensor base = clg_affine(clg_reshape(mean, shape), alpha, k);
    return clg_mul(x, clg_exp(clg_affine(clg_log(base), -beta, 0)));
}
