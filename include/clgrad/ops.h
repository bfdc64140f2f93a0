/* clgrad/ops.h: the operators. Each adds nodes to the graph of its first tensor and returns the
 * result; a refused one returns an invalid tensor and leaves its sentence in clg_error().
 *
 * Elementwise binary ops broadcast as NumPy does: shapes are aligned at the last dimension, and a
 * dimension of 1 is repeated. Axes count from 0; negative ones from the end.
 *
 * Tensors are float32 where nothing else is said. Of int32, elementwise ops take the value as float32
 * (exact up to 2^24) and give float32; ops that only move elements (slice, concat, reshape, permute and
 * their kin) keep the type; all others refuse it: clg_cast() converts. */
#ifndef CLGRAD_OPS_H
#define CLGRAD_OPS_H

#include <clgrad/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* a + b, a - b, a * b, a / b, the larger and the smaller (the gradient at a tie goes to a). */
CLG_API clg_tensor clg_add(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_sub(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_mul(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_div(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_max(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_min(clg_tensor a, clg_tensor b);

/* -x, x^2, sqrt(x), e^x, ln(x), |x| (gradient 0 at 0). */
CLG_API clg_tensor clg_neg(clg_tensor x);
CLG_API clg_tensor clg_square(clg_tensor x);
CLG_API clg_tensor clg_sqrt(clg_tensor x);
CLG_API clg_tensor clg_exp(clg_tensor x);
CLG_API clg_tensor clg_log(clg_tensor x);
CLG_API clg_tensor clg_abs(clg_tensor x);

/* a x + b with numbers a and b. */
CLG_API clg_tensor clg_affine(clg_tensor x, float a, float b);

/* max(x, 0), NaN kept; gradient 0 at 0. */
CLG_API clg_tensor clg_relu(clg_tensor x);
/* x for x > 0, else slope * x. PyTorch's default slope is 0.01. */
CLG_API clg_tensor clg_leaky_relu(clg_tensor x, float slope);
/* 1 / (1 + e^-x). */
CLG_API clg_tensor clg_sigmoid(clg_tensor x);
CLG_API clg_tensor clg_tanh(clg_tensor x);
/* x / 6 + 1 / 2 clamped to [0, 1]; gradient 1/6 inside (-3, 3). */
CLG_API clg_tensor clg_hard_sigmoid(clg_tensor x);

/* Functions of one number. a^b: its gradients are 0 where b, or a, is 0. round: halves go to the even
 * number. No gradient flows through floor, round and detach (x, as a constant). clip: x within [low,
 * high]; the gradient at an end is 1. */
CLG_API clg_tensor clg_pow(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_rsqrt(clg_tensor x);
CLG_API clg_tensor clg_log1p(clg_tensor x);
CLG_API clg_tensor clg_expm1(clg_tensor x);
CLG_API clg_tensor clg_sin(clg_tensor x);
CLG_API clg_tensor clg_cos(clg_tensor x);
CLG_API clg_tensor clg_erf(clg_tensor x);
CLG_API clg_tensor clg_floor(clg_tensor x);
CLG_API clg_tensor clg_round(clg_tensor x);
CLG_API clg_tensor clg_detach(clg_tensor x);
CLG_API clg_tensor clg_clip(clg_tensor x, float low, float high);
/* int32 to float32 (exact up to 2^24) and back, where the fraction is cut off. No gradient. */
CLG_API clg_tensor clg_cast(clg_tensor x, clg_dtype type);

/* Comparisons and logic: 1 and 0 as float32; operands may be int32 (exact up to 2^24), and what is
 * not 0 counts as true. sign is 1, -1 or x itself (0, NaN). No gradient flows through them. */
CLG_API clg_tensor clg_sign(clg_tensor x);
CLG_API clg_tensor clg_eq(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_lt(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_gt(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_le(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_ge(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_and(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_or(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_not(clg_tensor a);
/* a where the condition is not 0, else b; what is not chosen gets no gradient. */
CLG_API clg_tensor clg_where(clg_tensor condition, clg_tensor a, clg_tensor b);

/* x within [low, high] (PyTorch's default: -1, 1), and within [0, 6]; gradient 0 at the ends. */
CLG_API clg_tensor clg_hard_tanh(clg_tensor x, float low, float high);
CLG_API clg_tensor clg_relu6(clg_tensor x);
/* x for x > 0, else slope * x; slope: a tensor of one number, or of one for each index of x's
 * dimension 1 (He et al. 2015; PyTorch begins with 0.25). */
CLG_API clg_tensor clg_prelu(clg_tensor x, clg_tensor slope);
/* x for x > 0, else alpha (e^x - 1) (Clevert et al. 2016; alpha is 1 in PyTorch), and 1.0507 times
 * that with alpha 1.6733 (Klambauer et al. 2017). */
CLG_API clg_tensor clg_elu(clg_tensor x, float alpha);
CLG_API clg_tensor clg_selu(clg_tensor x);
/* x for x > 0, else alpha (e^(x / alpha) - 1) (Barron 2017; alpha is 1 in PyTorch, and over 0). */
CLG_API clg_tensor clg_celu(clg_tensor x, float alpha);
/* ln(1 / (1 + e^-x)), finite for every x. */
CLG_API clg_tensor clg_log_sigmoid(clg_tensor x);
/* x / 2 (1 + erf(x / sqrt(2))) and its approximation by tanh (Hendrycks & Gimpel 2016). */
CLG_API clg_tensor clg_gelu(clg_tensor x);
CLG_API clg_tensor clg_gelu_tanh(clg_tensor x);
/* x sigmoid(x); x tanh(ln(1 + e^x)) (Misra 2020); ln(1 + e^x); x / (1 + |x|); x hard_sigmoid(x). */
CLG_API clg_tensor clg_silu(clg_tensor x);
CLG_API clg_tensor clg_mish(clg_tensor x);
CLG_API clg_tensor clg_softplus(clg_tensor x);
/* ln(1 + e^(beta x)) / beta, and x where beta x is over the threshold (PyTorch's defaults: 1 and 20). */
CLG_API clg_tensor clg_softplus_with(clg_tensor x, float beta, float threshold);
CLG_API clg_tensor clg_softsign(clg_tensor x);
CLG_API clg_tensor clg_hard_swish(clg_tensor x);

/* a sigmoid(b), a and b the halves of x along the axis (Dauphin et al. 2017). */
CLG_API clg_tensor clg_glu(clg_tensor x, int32_t axis);

/* Pieces. The axis's size must be a number, not a multiple of the batch. slice: Python's x[begin:end:
 * step] along an axis, where INT64_MAX and INT64_MIN are beyond the ends. split: count equal parts into
 * out, all of them invalid on failure (of a count over 65536 that is not one of parts nothing is written).
 * concat: along an axis in which alone shapes may differ; at most 64 parts. stack: along a new
 * axis. */
CLG_API clg_tensor clg_slice(clg_tensor x, int32_t axis, int64_t begin, int64_t end, int32_t step);
CLG_API clg_tensor clg_flip(clg_tensor x, int32_t axis);
CLG_API clg_status clg_split(clg_tensor x, int32_t axis, size_t count, clg_tensor *out);
CLG_API clg_tensor clg_concat(const clg_tensor *parts, size_t count, int32_t axis);
CLG_API clg_tensor clg_stack(const clg_tensor *parts, size_t count, int32_t axis);

typedef enum clg_pad_mode { CLG_PAD_CONSTANT, CLG_PAD_REFLECT, CLG_PAD_REPLICATE } clg_pad_mode;
/* Elements before and after x along an axis: value, x mirrored at its ends (without them), or its ends
 * repeated. */
CLG_API clg_tensor clg_pad(clg_tensor x, int32_t axis, int64_t before, int64_t after,
                           clg_pad_mode mode, float value);
/* x several times, one after the other along an axis. */
CLG_API clg_tensor clg_tile(clg_tensor x, int32_t axis, int32_t times);

/* A new dimension of 1 that becomes this axis; a dimension of 1 less; dimensions first to last as one. */
CLG_API clg_tensor clg_unsqueeze(clg_tensor x, int32_t axis);
CLG_API clg_tensor clg_squeeze(clg_tensor x, int32_t axis);
CLG_API clg_tensor clg_flatten(clg_tensor x, int32_t first, int32_t last);

/* x (..., C) at int32 indices (..., K) of its last dimension: (..., K). An index outside [0, C) is
 * clamped and flags the step. */
CLG_API clg_tensor clg_take_along(clg_tensor x, clg_tensor indices);
/* The entries of an axis by int32 indices (K): that dimension becomes K. */
CLG_API clg_tensor clg_index_select(clg_tensor x, int32_t axis, clg_tensor indices);
/* int32 indices (...) as (..., classes): 1 at the index, else 0. No gradient. */
CLG_API clg_tensor clg_one_hot(clg_tensor indices, int32_t classes);
/* The triangle of the last two dimensions with column - row <= diagonal, and >= diagonal; else 0. */
CLG_API clg_tensor clg_tril(clg_tensor x, int32_t diagonal);
CLG_API clg_tensor clg_triu(clg_tensor x, int32_t diagonal);
/* The sum of all elements up to each along an axis. */
CLG_API clg_tensor clg_cumsum(clg_tensor x, int32_t axis);

/* The k largest of the last dimension, the largest first, equal ones by index; indices (may be NULL)
 * gets theirs, of int32. NaN counts as the largest. */
CLG_API clg_tensor clg_topk(clg_tensor x, int32_t k, clg_tensor *indices);
/* Index (int32) of the smallest element over the last dimension; the first of equals. No gradient. */
CLG_API clg_tensor clg_argmin(clg_tensor x);
/* The same along any axis (of clg_argmax too), which is dropped or with keep stays as 1. */
CLG_API clg_tensor clg_argmin_along(clg_tensor x, int32_t axis, bool keep);
CLG_API clg_tensor clg_argmax_along(clg_tensor x, int32_t axis, bool keep);

/* Over axes (count 0: all); keep: reduced dimensions stay as 1. The largest and smallest: the gradient
 * goes to the first of equals. product: differentiable once. variance: over n - correction (0 or 1;
 * PyTorch's default is 1). norm1 is the sum of |x|, norm2 the root of the sum of x^2 (gradient 0 where
 * it is 0). logsumexp is ln(sum e^x). */
CLG_API clg_tensor clg_reduce_max(clg_tensor x, const int32_t *axes, size_t count, bool keep);
CLG_API clg_tensor clg_reduce_min(clg_tensor x, const int32_t *axes, size_t count, bool keep);
CLG_API clg_tensor clg_product(clg_tensor x, const int32_t *axes, size_t count, bool keep);
CLG_API clg_tensor clg_variance(clg_tensor x, const int32_t *axes, size_t count, bool keep,
                                int32_t correction);
CLG_API clg_tensor clg_norm1(clg_tensor x, const int32_t *axes, size_t count, bool keep);
CLG_API clg_tensor clg_norm2(clg_tensor x, const int32_t *axes, size_t count, bool keep);
CLG_API clg_tensor clg_logsumexp(clg_tensor x, const int32_t *axes, size_t count, bool keep);

/* A (..., M, K) times B (..., K, N), or with transpose_a A (..., K, M) and with transpose_b
 * B (..., N, K): (..., M, N). Leading dimensions must be equal, or one side has none. */
CLG_API clg_tensor clg_matmul(clg_tensor a, clg_tensor b, bool transpose_a, bool transpose_b);

/* Of vectors a (M) and b (N): a_i b_j, (M, N); of a (K) and b (K): the sum of a_i b_i, a scalar. */
CLG_API clg_tensor clg_outer(clg_tensor a, clg_tensor b);
CLG_API clg_tensor clg_dot(clg_tensor a, clg_tensor b);

/* Sum and mean over the axes (count 0: all). keep: reduced dimensions stay as 1. */
CLG_API clg_tensor clg_sum(clg_tensor x, const int32_t *axes, size_t count, bool keep);
CLG_API clg_tensor clg_mean(clg_tensor x, const int32_t *axes, size_t count, bool keep);

/* The same elements in another shape; one dimension may be -1 (inferred). */
CLG_API clg_tensor clg_reshape(clg_tensor x, clg_shape shape);
/* Dimension i of the result is dimension order[i] of x; order is a permutation of its rank. */
CLG_API clg_tensor clg_permute(clg_tensor x, const int32_t *order);
/* Swaps the last two dimensions. */
CLG_API clg_tensor clg_transpose(clg_tensor x);
/* x repeated to the shape, by the rules of broadcasting. */
CLG_API clg_tensor clg_broadcast(clg_tensor x, clg_shape shape);

/* Rows of table (R, C...) by indices (S...) of int32: (S..., C...). An index outside [0, R) is clamped
 * and flags the step. */
CLG_API clg_tensor clg_gather(clg_tensor table, clg_tensor indices);
/* The other way: (count, C...), of which row r is the sum of the rows (S..., C...) whose index (S...) is
 * r, in their order, without atomics; 0 where there is none. An index outside is clamped and flags the
 * step. */
CLG_API clg_tensor clg_scatter_add(clg_tensor rows, clg_tensor indices, int64_t count);

/* Zeroes elements with probability p and divides the others by 1 - p (Srivastava et al. 2014);
 * p in [0, 1]. In inference the identity. Masks come from Philox 4x32-10 and are never stored. */
CLG_API clg_tensor clg_dropout(clg_tensor x, float p);

/* The same for whole channels of x (N, C, ...): all of a channel is zeroed, or nothing (Tompson et al.
 * 2015). */
CLG_API clg_tensor clg_dropout2d(clg_tensor x, float p);
/* x plus normal numbers of mean 0 and this standard deviation (>= 0). In inference the identity. */
CLG_API clg_tensor clg_gaussian_noise(clg_tensor x, float std);
/* 1 with probability p, an element each, else 0. In inference p itself, which is the mean; in training
 * no gradient flows. */
CLG_API clg_tensor clg_bernoulli(clg_tensor p);
/* A window (height, width) of each sample of x (N, C, H, W), at a place of its own, each equally likely
 * (pad x first for more of them); in inference the middle. Each sample of x (N, ...) reversed along the
 * axis with probability p (0.5 in PyTorch's RandomHorizontalFlip, where the axis is -1); in inference
 * the identity. */
CLG_API clg_tensor clg_random_crop2d(clg_tensor x, int32_t height, int32_t width);
CLG_API clg_tensor clg_random_flip(clg_tensor x, int32_t axis, float p);

/* Over the last dimension. A row of -infinity alone, or with NaN or +infinity in it, gives NaN, as in
 * PyTorch (in an attention that row is 0). */
CLG_API clg_tensor clg_softmax(clg_tensor x);
CLG_API clg_tensor clg_log_softmax(clg_tensor x);

/* ---- losses ---- */

/* How a loss for each element (or, of labels, each row) becomes one: their mean, their sum, themselves,
 * or their sum over dimension 0's size, which is the mean of a batch's divergences (PyTorch's
 * "batchmean"). */
typedef enum clg_reduction {
    CLG_REDUCE_MEAN,
    CLG_REDUCE_SUM,
    CLG_REDUCE_NONE,
    CLG_REDUCE_BATCH_MEAN
} clg_reduction;

/* Tensors with graph NULL stand for none. A field that a loss does not take is refused. */
typedef struct clg_loss_params {
    clg_reduction reduction; /* default MEAN */
    /* A factor for each loss before the reduction, broadcast to their shape: weights of samples, a mask.
     * A mean divides by the number of losses all the same. Default none. */
    clg_tensor weight;
    /* Of clg_cross_entropy and clg_nll: (C), a factor for each class; the mean divides by the sum of the
     * rows' factors (with soft targets by the number of rows). Default none. */
    clg_tensor class_weight;
    /* Of clg_bce_with_logits: a factor for the targets' share of the loss, broadcast. Default none. */
    clg_tensor pos_weight;
    /* Of clg_cross_entropy, in [0, 1]: targets are mixed with so much of the uniform distribution
     * (Szegedy et al. 2016). Default 0. */
    float label_smoothing;
    /* Of clg_cross_entropy and clg_nll with integer labels: rows with the label ignore_index count
     * nowhere, not in the mean's divisor either (all ignored: 0 / 0). Default false, and -100. */
    bool ignore;
    int32_t ignore_index;
} clg_loss_params;
CLG_API clg_loss_params clg_loss_defaults(void);

/* Cross-entropy of logits (..., C) against class indices (...) of int32: the mean of
 * log(sum_j e^x_j) - x_label; without options but the reduction one pass computes the loss and its
 * gradient. A label outside [0, C) is clamped and flags the step. Differentiable once, unless labels are
 * smoothed. Against probabilities (..., C) of float32 (soft targets) the loss of a row is
 * -sum_j p_j log softmax(x)_j. */
CLG_API clg_tensor clg_cross_entropy(clg_tensor logits, clg_tensor labels,
                                     const clg_loss_params *params);
/* The negative of log-probabilities (..., C) at class indices (...) of int32. */
CLG_API clg_tensor clg_nll(clg_tensor log_probabilities, clg_tensor labels,
                           const clg_loss_params *params);
/* (a - b)^2, (a - b)^2 / 2, |a - b|. Shapes must be equal, here and in all that follow. */
CLG_API clg_tensor clg_mse(clg_tensor a, clg_tensor b, const clg_loss_params *params);
CLG_API clg_tensor clg_half_mse(clg_tensor a, clg_tensor b, const clg_loss_params *params);
CLG_API clg_tensor clg_mae(clg_tensor a, clg_tensor b, const clg_loss_params *params);
/* d^2 / 2 for d = |a - b| <= delta, else delta (d - delta / 2) (Huber 1964; delta > 0, 1 in PyTorch); and
 * d^2 / (2 beta) for d <= beta, else d - beta / 2 (Girshick 2015; beta >= 0, 1 in PyTorch; 0: |a - b|). */
CLG_API clg_tensor clg_huber(clg_tensor a, clg_tensor b, float delta,
                             const clg_loss_params *params);
CLG_API clg_tensor clg_smooth_l1(clg_tensor a, clg_tensor b, float beta,
                                 const clg_loss_params *params);
/* Binary cross-entropy of the probabilities sigmoid(logits) against targets in [0, 1]:
 * -(w y log sigmoid(x) + (1 - y) log(1 - sigmoid(x))), w the pos_weight, without cancellation. */
CLG_API clg_tensor clg_bce_with_logits(clg_tensor logits, clg_tensor targets,
                                       const clg_loss_params *params);
/* p (log p - q) of log-probabilities q and target probabilities p, 0 where p is 0: the terms of the
 * Kullback-Leibler divergence, as PyTorch's kl_div. Its sum over a distribution is the divergence: so
 * SUM or BATCH_MEAN is what a textbook means, MEAN divides by the number of classes too. */
CLG_API clg_tensor clg_kl_div(clg_tensor log_probabilities, clg_tensor targets,
                              const clg_loss_params *params);
/* p log(p / q) of probabilities q and target probabilities p, 0 where p is 0. */
CLG_API clg_tensor clg_relative_entropy(clg_tensor probabilities, clg_tensor targets,
                                        const clg_loss_params *params);
/* max(0, 1 - x y) of scores x and targets y of 1 and -1; gradient 0 at 1 - x y = 0. */
CLG_API clg_tensor clg_hinge(clg_tensor scores, clg_tensor targets, const clg_loss_params *params);
/* Of vectors a and b (..., D) and targets (...): 1 - cos(a, b) where the target is 1, max(0, cos(a, b)
 * - margin) where it is -1, else 0 (PyTorch's default margin is 0). 1e-12 is added to squared norms. */
CLG_API clg_tensor clg_cosine_embedding(clg_tensor a, clg_tensor b, clg_tensor targets,
                                        float margin, const clg_loss_params *params);
/* max(0, |a - p| - |a - n| + margin) of anchors, positives and negatives (..., D), with Euclidean
 * norms of differences to which 1e-6 is added (Balntas et al. 2016; PyTorch's default margin is 1). */
CLG_API clg_tensor clg_triplet_margin(clg_tensor anchor, clg_tensor positive, clg_tensor negative,
                                      float margin, const clg_loss_params *params);

/* Index (int32) of the largest element over the last dimension; the first of equals. No gradient. */
CLG_API clg_tensor clg_argmax(clg_tensor x);
/* The share of rows of logits (..., C) whose argmax is the label: a scalar. No gradient. */
CLG_API clg_tensor clg_accuracy(clg_tensor logits, clg_tensor labels);

/* ---- convolution. Images are (N, C, H, W); N alone may be a multiple of the batch. ---- */

/* Pairs are of height and width; conv1d reads the first of each. */
typedef struct clg_conv_params {
    int32_t stride[2];         /* default 1, 1 */
    int32_t padding[2];        /* zeros around the image; default 0, 0 */
    int32_t dilation[2];       /* distance of the kernel's numbers; default 1, 1 */
    int32_t output_padding[2]; /* of clg_conv_transpose2d alone: 0 to under the stride; default 0 */
    int32_t groups;            /* default 1; C makes a depthwise convolution */
} clg_conv_params;
CLG_API clg_conv_params clg_conv_defaults(void);

/* x (N, C, H, W) with weight (O, C / groups, kh, kw) gives (N, O, OH, OW), as PyTorch's conv2d (a
 * cross-correlation), OH = (H + 2 padding - dilation (kh - 1) - 1) / stride + 1, rounded down; group g
 * of the channels makes group g of the outputs. A bias (O, 1, 1) is added with clg_add. Refused: other
 * channels than the weight needs, a kernel larger than the padded image. Differentiable any number
 * of times. */
CLG_API clg_tensor clg_conv2d(clg_tensor x, clg_tensor weight, const clg_conv_params *params);
/* The same along one dimension: x (N, C, L), weight (O, C / groups, K). */
CLG_API clg_tensor clg_conv1d(clg_tensor x, clg_tensor weight, const clg_conv_params *params);
/* Transposed convolution, as PyTorch's conv_transpose2d: x (N, C, H, W) with weight
 * (C, O / groups, kh, kw) gives (N, O, OH, OW), OH = (H - 1) stride - 2 padding + dilation (kh - 1) +
 * output_padding + 1: the gradient of clg_conv2d to its image. */
CLG_API clg_tensor clg_conv_transpose2d(clg_tensor x, clg_tensor weight,
                                        const clg_conv_params *params);

/* ---- pooling of images (N, C, H, W) ---- */

/* Pairs are of height and width. */
typedef struct clg_pool_params {
    int32_t stride[2];      /* default 0: the kernel's size */
    int32_t padding[2];     /* default 0, 0; half of the kernel at most */
    int32_t dilation[2];    /* of clg_max_pool2d alone; default 1, 1 */
    bool count_include_pad; /* of clg_avg_pool2d alone: zeros of the padding count; default true */
} clg_pool_params;
CLG_API clg_pool_params clg_pool_defaults(void);

/* The largest, or the mean, of windows (kh, kw): (N, C, OH, OW) with OH = (H + 2 padding -
 * dilation (kh - 1) - 1) / stride + 1, rounded down, as PyTorch's max_pool2d and avg_pool2d. The
 * gradient of the largest goes to the first of equals; NaN is the largest of all. */
CLG_API clg_tensor clg_max_pool2d(clg_tensor x, int32_t kh, int32_t kw,
                                  const clg_pool_params *params);
CLG_API clg_tensor clg_avg_pool2d(clg_tensor x, int32_t kh, int32_t kw,
                                  const clg_pool_params *params);
/* The same over windows of sequences x (N, C, L); the first of each pair of params counts. */
CLG_API clg_tensor clg_max_pool1d(clg_tensor x, int32_t kernel, const clg_pool_params *params);
CLG_API clg_tensor clg_avg_pool1d(clg_tensor x, int32_t kernel, const clg_pool_params *params);
/* The square root of the window's sum of squares (PyTorch's lp_pool2d with norm 2). At a window of
 * zeros the gradient is not finite. */
CLG_API clg_tensor clg_l2_pool2d(clg_tensor x, int32_t kh, int32_t kw,
                                 const clg_pool_params *params);
/* The mean, or the largest, of (height, width) windows that cover the image: place i takes
 * floor(i H / height) to ceil((i + 1) H / height), as PyTorch. */
CLG_API clg_tensor clg_adaptive_avg_pool2d(clg_tensor x, int32_t height, int32_t width);
CLG_API clg_tensor clg_adaptive_max_pool2d(clg_tensor x, int32_t height, int32_t width);
/* The same of sequences x (N, C, L): (N, C, length). */
CLG_API clg_tensor clg_adaptive_avg_pool1d(clg_tensor x, int32_t length);
CLG_API clg_tensor clg_adaptive_max_pool1d(clg_tensor x, int32_t length);
/* Of each whole plane: (N, C, 1, 1). */
CLG_API clg_tensor clg_global_avg_pool2d(clg_tensor x);
CLG_API clg_tensor clg_global_max_pool2d(clg_tensor x);

/* Images in another size, as PyTorch's interpolate with align_corners false: place o of the result is
 * x at floor(o H / height), or between the nearest two of each direction at (o + 1/2) H / height - 1/2.
 * Differentiable any number of times. */
CLG_API clg_tensor clg_upsample_nearest2d(clg_tensor x, int32_t height, int32_t width);
CLG_API clg_tensor clg_upsample_bilinear2d(clg_tensor x, int32_t height, int32_t width);

/* ---- normalisation: (x - mean) / sqrt(variance + eps) * weight + bias ----
 *
 * weight and bias have a number per channel (dimension 1), or the shape of the dimensions that are
 * normalised over; a tensor with graph NULL stands for none. Variances divide by n. */

typedef struct clg_norm_params {
    clg_tensor weight, bias;               /* default none */
    clg_tensor running_mean, running_var;  /* of batch norm: states (C); default none */
    float eps;                             /* default 1e-5 */
    float momentum;                        /* of batch norm, default 0.1 */
} clg_norm_params;
CLG_API clg_norm_params clg_norm_defaults(void);

/* Over the batch and all positions of each channel of x (N, C, ...) (Ioffe & Szegedy 2015). In training
 * with the batch's mean and variance, and running values become (1 - momentum) old + momentum new,
 * the variance as n / (n - 1) of itself; in inference with the running values. Without running
 * values always the batch's. One value per channel is refused in training. */
CLG_API clg_tensor clg_batch_norm(clg_tensor x, const clg_norm_params *params);
/* Over the last `dims` dimensions (Ba et al. 2016). */
CLG_API clg_tensor clg_layer_norm(clg_tensor x, int32_t dims, const clg_norm_params *params);
/* Over the channels of a group and all positions, of x (N, C, ...) (Wu & He 2018); C groups: instance
 * norm (Ulyanov et al. 2016). */
CLG_API clg_tensor clg_group_norm(clg_tensor x, int32_t groups, const clg_norm_params *params);
CLG_API clg_tensor clg_instance_norm(clg_tensor x, const clg_norm_params *params);
/* x / sqrt(mean of x^2 + eps) * weight over the last `dims` dimensions (Zhang & Sennrich 2019). */
CLG_API clg_tensor clg_rms_norm(clg_tensor x, int32_t dims, const clg_norm_params *params);
/* x / (k + alpha / size * sum of x^2 over `size` neighbouring channels)^beta of x (N, C, H, W)
 * (Krizhevsky et al. 2012; PyTorch's defaults are alpha 1e-4, beta 0.75, k 1). */
CLG_API clg_tensor clg_local_response_norm(clg_tensor x, int32_t size, float alpha, float beta,
                                           float k);

/* ---- sequences, batch first: x (N, T, in); T is a number, N may be a multiple of the batch ---- */

/* One direction of a layer, with PyTorch's layout: weight_ih (G H, in), weight_hh (G H, H) and the
 * biases (G H), the gates i, f, g, o of an LSTM (G = 4), r, z, n of a GRU (3), or one (RNN) above each
 * other. A bias with graph NULL stands for none. */
typedef struct clg_recurrent_weights {
    clg_tensor weight_ih, weight_hh, bias_ih, bias_hh;
} clg_recurrent_weights;

typedef struct clg_recurrent_params {
    clg_tensor h0, c0;  /* states before the first step, (N, H); default none: zeros. c0: LSTM alone */
    clg_tensor lengths; /* (N) of int32: steps of each sequence; default none: T for all */
    bool reverse;       /* from the last step to the first; default false */
    bool relu;          /* of clg_rnn: instead of tanh; default false */
} clg_recurrent_params;
CLG_API clg_recurrent_params clg_recurrent_defaults(void);

/* All outputs of a recurrent layer in one direction: (N, T, H). h_n and c_n (each may be NULL) get the
 * states after the last step, (N, H). Past a sequence's length the output is 0 and the states stay as
 * they are, so that in reverse it begins at its own last step, as PyTorch's packed sequences. One
 * product for all inputs, then one and a fused kernel a step. Differentiable once.
 * lstm: Hochreiter & Schmidhuber 1997 with forget gates (Gers et al. 2000); gru: Cho et al. 2014, with
 * the reset gate behind the product, as PyTorch; rnn: Elman 1990. */
CLG_API clg_tensor clg_lstm(clg_tensor x, const clg_recurrent_weights *weights,
                            const clg_recurrent_params *params, clg_tensor *h_n, clg_tensor *c_n);
CLG_API clg_tensor clg_gru(clg_tensor x, const clg_recurrent_weights *weights,
                           const clg_recurrent_params *params, clg_tensor *h_n);
CLG_API clg_tensor clg_rnn(clg_tensor x, const clg_recurrent_weights *weights,
                           const clg_recurrent_params *params, clg_tensor *h_n);

/* ---- attention and positions ---- */

typedef struct clg_attention_params {
    bool causal;        /* query t sees keys 0 to t alone; default false */
    float scale;        /* of the scores; default 0: 1 / sqrt(d) */
    float dropout;      /* of the weights; default 0 */
    clg_tensor mask;    /* added to the scores, broadcast to (..., T, S); default none */
    clg_tensor lengths; /* of int32, keys each index of the first dimension has; default none: S */
} clg_attention_params;
CLG_API clg_attention_params clg_attention_defaults(void);

/* softmax(q k^T scale) v of q (..., T, d), k (..., S, d) and v (..., S, e): (..., T, e) (Vaswani et
 * al. 2017). Without dropout the (T, S) matrix of each head is stored once. A query that sees
 * no key, behind the lengths or a mask of -infinity, gives 0, and its gradients are 0. */
CLG_API clg_tensor clg_attention(clg_tensor q, clg_tensor k, clg_tensor v,
                                 const clg_attention_params *params);

/* The constant (T, E) with sin(t / 10000^(i / E)) in even columns i and the cosine of the same in the
 * odd one behind each (Vaswani et al. 2017). */
CLG_API clg_tensor clg_sinusoidal_positions(clg_graph *graph, int64_t T, int64_t E);
/* x (..., T, d), d even: the pairs of columns (i, i + 1) of row t turned by the angle
 * t / 10000^(i / d) (Su et al. 2021). */
CLG_API clg_tensor clg_rotary_positions(clg_tensor x);

#ifdef __cplusplus
}
#endif
#endif
