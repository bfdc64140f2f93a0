/* The ops of the stored cases: from parameters by PyTorch's names to calls of the library. */
#include "ops/parity.h"

#include <string.h>

/* ---- parameters ---- */

static int32_t integer(const struct parity *p, const char *key)
{
    return (int32_t)json_integer_value(json_object_get(p->params, key));
}

static float number(const struct parity *p, const char *key)
{
    return (float)json_number_value(json_object_get(p->params, key));
}

static bool flag(const struct parity *p, const char *key)
{
    return json_is_true(json_object_get(p->params, key));
}

static bool is(const struct parity *p, const char *key, const char *word)
{
    const char *value = json_string_value(json_object_get(p->params, key));
    return value && !strcmp(value, word);
}

/* A list's numbers, how many there are; `to` keeps what it has when there is no such key. */
static size_t list(const struct parity *p, const char *key, int32_t *to)
{
    const json_t *array = json_object_get(p->params, key);
    for (size_t i = 0; i < json_array_size(array); i++)
        to[i] = (int32_t)json_integer_value(json_array_get(array, i));
    return json_array_size(array);
}

static clg_shape shape(const struct parity *p)
{
    int32_t dims[CLG_MAX_RANK] = {0};
    int64_t wide[CLG_MAX_RANK];
    size_t rank = list(p, "shape", dims);
    for (size_t i = 0; i < rank; i++)
        wide[i] = dims[i];
    return clg_shape_make((int)rank, wide);
}

/* ---- elementwise ---- */

static clg_tensor affine(struct parity *p)
{
    return clg_affine(p->x[0], number(p, "a"), number(p, "b"));
}
static clg_tensor clip(struct parity *p)
{
    return clg_clip(p->x[0], number(p, "low"), number(p, "high"));
}
static clg_tensor hard_tanh(struct parity *p)
{
    return clg_hard_tanh(p->x[0], number(p, "low"), number(p, "high"));
}
static clg_tensor where(struct parity *p)
{
    return clg_where(p->x[0], p->x[1], p->x[2]);
}
static clg_tensor leaky_relu(struct parity *p)
{
    return clg_leaky_relu(p->x[0], number(p, "slope"));
}
static clg_tensor elu(struct parity *p)
{
    return clg_elu(p->x[0], number(p, "alpha"));
}
static clg_tensor glu(struct parity *p)
{
    return clg_glu(p->x[0], integer(p, "axis"));
}

/* ---- shape ---- */

static clg_tensor slice(struct parity *p)
{
    return clg_slice(p->x[0], integer(p, "axis"), integer(p, "begin"), integer(p, "end"),
                     integer(p, "step"));
}
static clg_tensor flip(struct parity *p)
{
    return clg_flip(p->x[0], integer(p, "axis"));
}
static clg_tensor split(struct parity *p)
{
    p->n_out = (size_t)integer(p, "count");
    clg_split(p->x[0], integer(p, "axis"), p->n_out, p->y);
    return p->y[0];
}
static clg_tensor concat(struct parity *p)
{
    return clg_concat(p->x, p->n_in, integer(p, "axis"));
}
static clg_tensor stack(struct parity *p)
{
    return clg_stack(p->x, p->n_in, integer(p, "axis"));
}
static clg_tensor pad(struct parity *p)
{
    clg_pad_mode mode = is(p, "mode", "constant")  ? CLG_PAD_CONSTANT
                        : is(p, "mode", "reflect") ? CLG_PAD_REFLECT
                                                   : CLG_PAD_REPLICATE;
    return clg_pad(p->x[0], integer(p, "axis"), integer(p, "before"), integer(p, "after"), mode,
                   number(p, "value"));
}
static clg_tensor tile(struct parity *p)
{
    return clg_tile(p->x[0], integer(p, "axis"), integer(p, "times"));
}
static clg_tensor unsqueeze(struct parity *p)
{
    return clg_unsqueeze(p->x[0], integer(p, "axis"));
}
static clg_tensor squeeze(struct parity *p)
{
    return clg_squeeze(p->x[0], integer(p, "axis"));
}
static clg_tensor flatten(struct parity *p)
{
    return clg_flatten(p->x[0], integer(p, "first"), integer(p, "last"));
}
static clg_tensor reshape(struct parity *p)
{
    return clg_reshape(p->x[0], shape(p));
}
static clg_tensor permute(struct parity *p)
{
    int32_t order[CLG_MAX_RANK];
    list(p, "order", order);
    return clg_permute(p->x[0], order);
}
static clg_tensor broadcast(struct parity *p)
{
    return clg_broadcast(p->x[0], shape(p));
}
static clg_tensor tril(struct parity *p)
{
    return clg_tril(p->x[0], integer(p, "diagonal"));
}
static clg_tensor triu(struct parity *p)
{
    return clg_triu(p->x[0], integer(p, "diagonal"));
}
static clg_tensor index_select(struct parity *p)
{
    return clg_index_select(p->x[0], integer(p, "axis"), p->x[1]);
}
static clg_tensor one_hot(struct parity *p)
{
    return clg_one_hot(p->x[0], integer(p, "classes"));
}
static clg_tensor cumsum(struct parity *p)
{
    return clg_cumsum(p->x[0], integer(p, "axis"));
}
static clg_tensor topk(struct parity *p)
{
    p->n_out = 2;
    return clg_topk(p->x[0], integer(p, "k"), &p->y[1]);
}

/* ---- sums and products ---- */

typedef clg_tensor reduction(clg_tensor x, const int32_t *axes, size_t count, bool keep);

static clg_tensor reduce(struct parity *p, reduction *op)
{
    int32_t axes[CLG_MAX_RANK];
    size_t count = list(p, "axes", axes);
    return op(p->x[0], axes, count, flag(p, "keep"));
}
static clg_tensor sum(struct parity *p)
{
    return reduce(p, clg_sum);
}
static clg_tensor mean(struct parity *p)
{
    return reduce(p, clg_mean);
}
static clg_tensor reduce_max(struct parity *p)
{
    return reduce(p, clg_reduce_max);
}
static clg_tensor reduce_min(struct parity *p)
{
    return reduce(p, clg_reduce_min);
}
static clg_tensor product(struct parity *p)
{
    return reduce(p, clg_product);
}
static clg_tensor norm1(struct parity *p)
{
    return reduce(p, clg_norm1);
}
static clg_tensor norm2(struct parity *p)
{
    return reduce(p, clg_norm2);
}
static clg_tensor logsumexp(struct parity *p)
{
    return reduce(p, clg_logsumexp);
}
static clg_tensor variance(struct parity *p)
{
    int32_t axes[CLG_MAX_RANK];
    size_t count = list(p, "axes", axes);
    return clg_variance(p->x[0], axes, count, flag(p, "keep"), integer(p, "correction"));
}
static clg_tensor matmul(struct parity *p)
{
    return clg_matmul(p->x[0], p->x[1], flag(p, "transpose_a"), flag(p, "transpose_b"));
}
static clg_tensor linear(struct parity *p)
{
    clg_linear_params params = clg_linear_defaults();
    params.bias = flag(p, "bias");
    return clg_linear(p->x[0], p->name, integer(p, "out"), &params);
}

/* ---- images ---- */

static clg_conv_params conv_params(const struct parity *p)
{
    clg_conv_params params = clg_conv_defaults();
    list(p, "stride", params.stride);
    list(p, "padding", params.padding);
    list(p, "dilation", params.dilation);
    list(p, "output_padding", params.output_padding);
    if (json_object_get(p->params, "groups"))
        params.groups = integer(p, "groups");
    return params;
}
static clg_tensor conv1d(struct parity *p)
{
    clg_conv_params params = conv_params(p);
    return clg_conv1d(p->x[0], p->x[1], &params);
}
static clg_tensor conv2d(struct parity *p)
{
    clg_conv_params params = conv_params(p);
    return clg_conv2d(p->x[0], p->x[1], &params);
}
static clg_tensor conv_transpose2d(struct parity *p)
{
    clg_conv_params params = conv_params(p);
    return clg_conv_transpose2d(p->x[0], p->x[1], &params);
}
static clg_tensor conv2d_layer(struct parity *p)
{
    int32_t kernel[2] = {1, 1};
    clg_conv_layer_params params = clg_conv_layer_defaults();
    params.conv = conv_params(p);
    list(p, "kernel", kernel);
    return clg_conv2d_layer(p->x[0], p->name, integer(p, "out"), kernel[0], kernel[1], &params);
}

typedef clg_tensor pooling(clg_tensor x, int32_t kh, int32_t kw, const clg_pool_params *params);

static clg_tensor pool(struct parity *p, pooling *op)
{
    int32_t kernel[2] = {1, 1};
    clg_pool_params params = clg_pool_defaults();
    list(p, "kernel", kernel);
    list(p, "stride", params.stride);
    list(p, "padding", params.padding);
    list(p, "dilation", params.dilation);
    if (json_object_get(p->params, "count_include_pad"))
        params.count_include_pad = flag(p, "count_include_pad");
    return op(p->x[0], kernel[0], kernel[1], &params);
}
static clg_tensor max_pool2d(struct parity *p)
{
    return pool(p, clg_max_pool2d);
}
static clg_tensor avg_pool2d(struct parity *p)
{
    return pool(p, clg_avg_pool2d);
}
static clg_tensor l2_pool2d(struct parity *p)
{
    return pool(p, clg_l2_pool2d);
}
static clg_tensor adaptive_avg_pool2d(struct parity *p)
{
    int32_t size[2] = {1, 1};
    list(p, "size", size);
    return clg_adaptive_avg_pool2d(p->x[0], size[0], size[1]);
}

/* ---- normalisation: inputs after the first are weight and bias ---- */

static clg_norm_params norm_params(const struct parity *p)
{
    clg_norm_params params = clg_norm_defaults();
    if (p->n_in > 1)
        params.weight = p->x[1];
    if (p->n_in > 2)
        params.bias = p->x[2];
    params.eps = number(p, "eps");
    return params;
}
static clg_tensor batch_norm(struct parity *p)
{
    clg_norm_params params = norm_params(p);
    return clg_batch_norm(p->x[0], &params);
}
static clg_tensor batch_norm_layer(struct parity *p)
{
    clg_norm_layer_params params = clg_norm_layer_defaults();
    params.eps = number(p, "eps");
    params.momentum = number(p, "momentum");
    return clg_batch_norm_layer(p->x[0], p->name, &params);
}
static clg_tensor layer_norm(struct parity *p)
{
    clg_norm_params params = norm_params(p);
    return clg_layer_norm(p->x[0], integer(p, "dims"), &params);
}
static clg_tensor rms_norm(struct parity *p)
{
    clg_norm_params params = norm_params(p);
    return clg_rms_norm(p->x[0], integer(p, "dims"), &params);
}
static clg_tensor group_norm(struct parity *p)
{
    clg_norm_params params = norm_params(p);
    return clg_group_norm(p->x[0], integer(p, "groups"), &params);
}
static clg_tensor instance_norm(struct parity *p)
{
    clg_norm_params params = norm_params(p);
    return clg_instance_norm(p->x[0], &params);
}
static clg_tensor local_response_norm(struct parity *p)
{
    return clg_local_response_norm(p->x[0], integer(p, "size"), number(p, "alpha"),
                                   number(p, "beta"), number(p, "k"));
}

/* ---- losses ---- */

typedef clg_tensor loss_function(clg_tensor a, clg_tensor b, const clg_loss_params *params);

static clg_tensor loss(struct parity *p, loss_function *op)
{
    clg_loss_params params = clg_loss_defaults();
    params.reduction = is(p, "reduction", "sum")    ? CLG_REDUCE_SUM
                       : is(p, "reduction", "none") ? CLG_REDUCE_NONE
                                                    : CLG_REDUCE_MEAN;
    return op(p->x[0], p->x[1], &params);
}
static clg_tensor mse(struct parity *p)
{
    return loss(p, clg_mse);
}
static clg_tensor half_mse(struct parity *p)
{
    return loss(p, clg_half_mse);
}
static clg_tensor cross_entropy(struct parity *p)
{
    return loss(p, clg_cross_entropy);
}

/* clang-format off */
const struct parity_op parity_ops[] = {
    {"neg", .unary = clg_neg}, {"square", .unary = clg_square}, {"sqrt", .unary = clg_sqrt},
    {"exp", .unary = clg_exp}, {"log", .unary = clg_log}, {"abs", .unary = clg_abs},
    {"rsqrt", .unary = clg_rsqrt}, {"log1p", .unary = clg_log1p}, {"expm1", .unary = clg_expm1},
    {"sin", .unary = clg_sin}, {"cos", .unary = clg_cos}, {"erf", .unary = clg_erf},
    {"floor", .unary = clg_floor}, {"round", .unary = clg_round}, {"sign", .unary = clg_sign},
    {"detach", .unary = clg_detach}, {"not", .unary = clg_not}, {"relu", .unary = clg_relu},
    {"sigmoid", .unary = clg_sigmoid}, {"tanh", .unary = clg_tanh}, {"relu6", .unary = clg_relu6},
    {"hard_sigmoid", .unary = clg_hard_sigmoid}, {"selu", .unary = clg_selu},
    {"gelu", .unary = clg_gelu}, {"gelu_tanh", .unary = clg_gelu_tanh}, {"silu", .unary = clg_silu},
    {"mish", .unary = clg_mish}, {"softplus", .unary = clg_softplus},
    {"softsign", .unary = clg_softsign}, {"hard_swish", .unary = clg_hard_swish},
    {"transpose", .unary = clg_transpose}, {"argmax", .unary = clg_argmax},
    {"argmin", .unary = clg_argmin}, {"softmax", .unary = clg_softmax},
    {"log_softmax", .unary = clg_log_softmax},
    {"global_avg_pool2d", .unary = clg_global_avg_pool2d},
    {"global_max_pool2d", .unary = clg_global_max_pool2d},
    {"add", .binary = clg_add}, {"sub", .binary = clg_sub}, {"mul", .binary = clg_mul},
    {"div", .binary = clg_div}, {"max", .binary = clg_max}, {"min", .binary = clg_min},
    {"pow", .binary = clg_pow}, {"eq", .binary = clg_eq}, {"lt", .binary = clg_lt},
    {"gt", .binary = clg_gt}, {"le", .binary = clg_le}, {"ge", .binary = clg_ge},
    {"and", .binary = clg_and}, {"or", .binary = clg_or}, {"prelu", .binary = clg_prelu},
    {"take_along", .binary = clg_take_along}, {"gather", .binary = clg_gather},
    {"accuracy", .binary = clg_accuracy},
    {"affine", .build = affine}, {"clip", .build = clip}, {"hard_tanh", .build = hard_tanh},
    {"where", .build = where}, {"leaky_relu", .build = leaky_relu}, {"elu", .build = elu},
    {"glu", .build = glu}, {"slice", .build = slice}, {"flip", .build = flip},
    {"split", .build = split}, {"concat", .build = concat}, {"stack", .build = stack},
    {"pad", .build = pad}, {"tile", .build = tile}, {"unsqueeze", .build = unsqueeze},
    {"squeeze", .build = squeeze}, {"flatten", .build = flatten}, {"reshape", .build = reshape},
    {"permute", .build = permute}, {"broadcast", .build = broadcast}, {"tril", .build = tril},
    {"triu", .build = triu}, {"index_select", .build = index_select}, {"one_hot", .build = one_hot},
    {"cumsum", .build = cumsum}, {"topk", .build = topk}, {"sum", .build = sum},
    {"mean", .build = mean}, {"reduce_max", .build = reduce_max},
    {"reduce_min", .build = reduce_min}, {"product", .build = product}, {"norm1", .build = norm1},
    {"norm2", .build = norm2}, {"logsumexp", .build = logsumexp}, {"variance", .build = variance},
    {"matmul", .build = matmul}, {"linear", .build = linear}, {"conv1d", .build = conv1d},
    {"conv2d", .build = conv2d}, {"conv_transpose2d", .build = conv_transpose2d},
    {"conv2d_layer", .build = conv2d_layer}, {"max_pool2d", .build = max_pool2d},
    {"avg_pool2d", .build = avg_pool2d}, {"l2_pool2d", .build = l2_pool2d},
    {"adaptive_avg_pool2d", .build = adaptive_avg_pool2d}, {"batch_norm", .build = batch_norm},
    {"batch_norm_layer", .build = batch_norm_layer}, {"layer_norm", .build = layer_norm},
    {"rms_norm", .build = rms_norm}, {"group_norm", .build = group_norm},
    {"instance_norm", .build = instance_norm},
    {"local_response_norm", .build = local_response_norm}, {"mse", .build = mse},
    {"half_mse", .build = half_mse}, {"cross_entropy", .build = cross_entropy},
};
/* clang-format on */
const size_t parity_op_count = sizeof(parity_ops) / sizeof(parity_ops[0]);

bool parity_build(struct parity *p, const char *name)
{
    const struct parity_op *op = parity_ops;
    while (op < parity_ops + parity_op_count && strcmp(op->name, name))
        op++;
    if (op == parity_ops + parity_op_count)
        return false;
    p->n_out = 1;
    p->y[0] = op->unary    ? op->unary(p->x[0])
              : op->binary ? op->binary(p->x[0], p->x[1])
                           : op->build(p);
    return true;
}
