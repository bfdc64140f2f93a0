/* The ops of the stored cases: from parameters by PyTorch's names to calls of the library. */
#include "ops/parity.h"

#include <string.h>

/* ---- parameters ---- */

int32_t parity_integer(const struct parity *p, const char *key)
{
    return (int32_t)json_integer_value(json_object_get(p->params, key));
}

float parity_number(const struct parity *p, const char *key)
{
    return (float)json_number_value(json_object_get(p->params, key));
}

bool parity_flag(const struct parity *p, const char *key)
{
    return json_is_true(json_object_get(p->params, key));
}

bool parity_is(const struct parity *p, const char *key, const char *word)
{
    const char *value = json_string_value(json_object_get(p->params, key));
    return value && !strcmp(value, word);
}

bool parity_has(const struct parity *p, const char *key)
{
    return json_object_get(p->params, key) != NULL;
}

size_t parity_list(const struct parity *p, const char *key, int32_t *to)
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
    size_t rank = parity_list(p, "shape", dims);
    for (size_t i = 0; i < rank; i++)
        wide[i] = dims[i];
    return clg_shape_make((int)rank, wide);
}

/* ---- elementwise ---- */

static clg_tensor affine(struct parity *p)
{
    return clg_affine(p->x[0], parity_number(p, "a"), parity_number(p, "b"));
}
static clg_tensor clip(struct parity *p)
{
    return clg_clip(p->x[0], parity_number(p, "low"), parity_number(p, "high"));
}
static clg_tensor hard_tanh(struct parity *p)
{
    return clg_hard_tanh(p->x[0], parity_number(p, "low"), parity_number(p, "high"));
}
static clg_tensor where(struct parity *p)
{
    return clg_where(p->x[0], p->x[1], p->x[2]);
}
static clg_tensor leaky_relu(struct parity *p)
{
    return clg_leaky_relu(p->x[0], parity_number(p, "slope"));
}
static clg_tensor elu(struct parity *p)
{
    return clg_elu(p->x[0], parity_number(p, "alpha"));
}
static clg_tensor celu(struct parity *p)
{
    return clg_celu(p->x[0], parity_number(p, "alpha"));
}
static clg_tensor glu(struct parity *p)
{
    return clg_glu(p->x[0], parity_integer(p, "axis"));
}

/* ---- shape ---- */

static clg_tensor slice(struct parity *p)
{
    return clg_slice(p->x[0], parity_integer(p, "axis"), parity_integer(p, "begin"),
                     parity_integer(p, "end"), parity_integer(p, "step"));
}
static clg_tensor flip(struct parity *p)
{
    return clg_flip(p->x[0], parity_integer(p, "axis"));
}
static clg_tensor split(struct parity *p)
{
    p->n_out = (size_t)parity_integer(p, "count");
    clg_split(p->x[0], parity_integer(p, "axis"), p->n_out, p->y);
    return p->y[0];
}
static clg_tensor concat(struct parity *p)
{
    return clg_concat(p->x, p->n_in, parity_integer(p, "axis"));
}
static clg_tensor stack(struct parity *p)
{
    return clg_stack(p->x, p->n_in, parity_integer(p, "axis"));
}
static clg_tensor pad(struct parity *p)
{
    clg_pad_mode mode = parity_is(p, "mode", "constant")  ? CLG_PAD_CONSTANT
                        : parity_is(p, "mode", "reflect") ? CLG_PAD_REFLECT
                                                          : CLG_PAD_REPLICATE;
    return clg_pad(p->x[0], parity_integer(p, "axis"), parity_integer(p, "before"),
                   parity_integer(p, "after"), mode, parity_number(p, "value"));
}
static clg_tensor tile(struct parity *p)
{
    return clg_tile(p->x[0], parity_integer(p, "axis"), parity_integer(p, "times"));
}
static clg_tensor unsqueeze(struct parity *p)
{
    return clg_unsqueeze(p->x[0], parity_integer(p, "axis"));
}
static clg_tensor squeeze(struct parity *p)
{
    return clg_squeeze(p->x[0], parity_integer(p, "axis"));
}
static clg_tensor flatten(struct parity *p)
{
    return clg_flatten(p->x[0], parity_integer(p, "first"), parity_integer(p, "last"));
}
static clg_tensor reshape(struct parity *p)
{
    return clg_reshape(p->x[0], shape(p));
}
static clg_tensor permute(struct parity *p)
{
    int32_t order[CLG_MAX_RANK];
    parity_list(p, "order", order);
    return clg_permute(p->x[0], order);
}
static clg_tensor broadcast(struct parity *p)
{
    return clg_broadcast(p->x[0], shape(p));
}
static clg_tensor tril(struct parity *p)
{
    return clg_tril(p->x[0], parity_integer(p, "diagonal"));
}
static clg_tensor triu(struct parity *p)
{
    return clg_triu(p->x[0], parity_integer(p, "diagonal"));
}
static clg_tensor index_select(struct parity *p)
{
    return clg_index_select(p->x[0], parity_integer(p, "axis"), p->x[1]);
}
static clg_tensor one_hot(struct parity *p)
{
    return clg_one_hot(p->x[0], parity_integer(p, "classes"));
}
static clg_tensor cumsum(struct parity *p)
{
    return clg_cumsum(p->x[0], parity_integer(p, "axis"));
}
static clg_tensor topk(struct parity *p)
{
    p->n_out = 2;
    return clg_topk(p->x[0], parity_integer(p, "k"), &p->y[1]);
}

/* ---- sums and products ---- */

typedef clg_tensor reduction(clg_tensor x, const int32_t *axes, size_t count, bool keep);

static clg_tensor reduce(struct parity *p, reduction *op)
{
    int32_t axes[CLG_MAX_RANK];
    size_t count = parity_list(p, "axes", axes);
    return op(p->x[0], axes, count, parity_flag(p, "keep"));
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
    size_t count = parity_list(p, "axes", axes);
    return clg_variance(p->x[0], axes, count, parity_flag(p, "keep"),
                        parity_integer(p, "correction"));
}
static clg_tensor matmul(struct parity *p)
{
    return clg_matmul(p->x[0], p->x[1], parity_flag(p, "transpose_a"),
                      parity_flag(p, "transpose_b"));
}
static clg_tensor linear(struct parity *p)
{
    clg_linear_params params = clg_linear_defaults();
    params.bias = parity_flag(p, "bias");
    return clg_linear(p->x[0], p->name, parity_integer(p, "out"), &params);
}

/* ---- indices, rows and sizes ---- */

static clg_tensor upsample(struct parity *p)
{
    int32_t size[2] = {0};
    parity_list(p, "size", size);
    return parity_is(p, "mode", "nearest") ? clg_upsample_nearest2d(p->x[0], size[0], size[1])
                                           : clg_upsample_bilinear2d(p->x[0], size[0], size[1]);
}
static clg_tensor scatter_add(struct parity *p)
{
    return clg_scatter_add(p->x[0], p->x[1], parity_integer(p, "count"));
}
static clg_tensor argmin_along(struct parity *p)
{
    return clg_argmin_along(p->x[0], parity_integer(p, "axis"), parity_flag(p, "keep"));
}
static clg_tensor argmax_along(struct parity *p)
{
    return clg_argmax_along(p->x[0], parity_integer(p, "axis"), parity_flag(p, "keep"));
}
static clg_tensor softplus_with(struct parity *p)
{
    return clg_softplus_with(p->x[0], parity_number(p, "beta"), parity_number(p, "threshold"));
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
    {"gelu", .unary = clg_gelu}, {"gelu_tanh", .unary = clg_gelu_tanh},
    {"silu", .unary = clg_silu}, {"mish", .unary = clg_mish}, {"softplus", .unary = clg_softplus},
    {"softsign", .unary = clg_softsign}, {"hard_swish", .unary = clg_hard_swish},
    {"transpose", .unary = clg_transpose}, {"argmax", .unary = clg_argmax},
    {"argmin", .unary = clg_argmin}, {"softmax", .unary = clg_softmax},
    {"log_softmax", .unary = clg_log_softmax},
    {"global_avg_pool2d", .unary = clg_global_avg_pool2d},
    {"global_max_pool2d", .unary = clg_global_max_pool2d}, {"add", .binary = clg_add},
    {"sub", .binary = clg_sub}, {"mul", .binary = clg_mul}, {"div", .binary = clg_div},
    {"max", .binary = clg_max}, {"min", .binary = clg_min}, {"pow", .binary = clg_pow},
    {"eq", .binary = clg_eq}, {"lt", .binary = clg_lt}, {"gt", .binary = clg_gt},
    {"le", .binary = clg_le}, {"ge", .binary = clg_ge}, {"and", .binary = clg_and},
    {"or", .binary = clg_or}, {"prelu", .binary = clg_prelu},
    {"take_along", .binary = clg_take_along}, {"gather", .binary = clg_gather},
    {"accuracy", .binary = clg_accuracy}, {"affine", .build = affine}, {"clip", .build = clip},
    {"hard_tanh", .build = hard_tanh}, {"where", .build = where},
    {"leaky_relu", .build = leaky_relu}, {"elu", .build = elu},
    {"celu", .build = celu}, {"log_sigmoid", .unary = clg_log_sigmoid}, {"glu", .build = glu},
    {"slice", .build = slice}, {"flip", .build = flip}, {"split", .build = split},
    {"concat", .build = concat}, {"stack", .build = stack}, {"pad", .build = pad},
    {"tile", .build = tile}, {"unsqueeze", .build = unsqueeze}, {"squeeze", .build = squeeze},
    {"flatten", .build = flatten}, {"reshape", .build = reshape}, {"permute", .build = permute},
    {"broadcast", .build = broadcast}, {"tril", .build = tril}, {"triu", .build = triu},
    {"index_select", .build = index_select}, {"one_hot", .build = one_hot},
    {"cumsum", .build = cumsum}, {"topk", .build = topk}, {"sum", .build = sum},
    {"mean", .build = mean}, {"reduce_max", .build = reduce_max},
    {"reduce_min", .build = reduce_min}, {"product", .build = product}, {"norm1", .build = norm1},
    {"norm2", .build = norm2}, {"logsumexp", .build = logsumexp}, {"variance", .build = variance},
    {"matmul", .build = matmul}, {"linear", .build = linear}, {"upsample", .build = upsample},
    {"scatter_add", .build = scatter_add}, {"argmin_along", .build = argmin_along},
    {"argmax_along", .build = argmax_along}, {"softplus_with", .build = softplus_with},
    {"outer", .binary = clg_outer}, {"dot", .binary = clg_dot},
};
/* clang-format on */
const size_t parity_op_count = sizeof(parity_ops) / sizeof(parity_ops[0]);

static const struct parity_op *find(const struct parity_op *ops, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(ops[i].name, name))
            return &ops[i];
    return NULL;
}

bool parity_build(struct parity *p, const char *name)
{
    const struct parity_op *op = find(parity_ops, parity_op_count, name);
    if (!op)
        op = find(parity_layers, parity_layer_count, name);
    if (!op)
        return false;
    p->n_out = 1;
    p->y[0] = op->unary    ? op->unary(p->x[0])
              : op->binary ? op->binary(p->x[0], p->x[1])
                           : op->build(p);
    return true;
}
