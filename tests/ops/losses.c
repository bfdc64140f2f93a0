/* Losses against textbook values and PyTorch's, gradients at their corners, and refusals. */
#include "test.h"
#include <math.h>
#include <string.h>

struct bench {
    clg_ctx *ctx;
    clg_store *store;
    clg_graph *graph;
};

static struct bench bench_open(void)
{
    struct bench b = {.ctx = test_context()};
    b.store = clg_store_create(test_open(b.ctx, CLG_FORM_ITEM), 1);
    b.graph = clg_graph_create(b.store);
    cr_assert_not_null(b.graph);
    return b;
}

static clg_tensor numbers(const struct bench *b, clg_shape shape, const float *values)
{
    return clg_constant(b->graph, CLG_F32, shape, values);
}

static clg_tensor labels(const struct bench *b, clg_shape shape, const int32_t *values)
{
    return clg_constant(b->graph, CLG_I32, shape, values);
}

static void expect(const struct bench *b, const char *what, clg_tensor t, const double *want,
                   size_t count)
{
    float got[16];
    cr_assert_leq(count, 16);
    test_ok(b->ctx, clg_eval(t, got, count * sizeof(*got)));
    test_close(what, got, want, count, 1e-6, 1e-5, "a few float32 operations");
}

static clg_loss_params reduced(clg_reduction reduction)
{
    clg_loss_params p = clg_loss_defaults();
    p.reduction = reduction;
    return p;
}

#define ONE(value) ((double[]){value}), 1

/* Differences of 0.5, -0.5, 3 and 0. */
TEST(losses, of_values)
{
    struct bench b = bench_open();
    const clg_loss_params each = reduced(CLG_REDUCE_NONE), sum = reduced(CLG_REDUCE_SUM);
    clg_tensor x = numbers(&b, clg_shape2(2, 2), (float[]){1, 2, 3, 4});
    clg_tensor y = numbers(&b, clg_shape2(2, 2), (float[]){1.5f, 1.5f, 0, 4});
    clg_tensor u = numbers(&b, clg_shape1(2), (float[]){1, 2});
    expect(&b, "mse of (1, 2) and (1.5, 1.5)",
           clg_mse(u, clg_fill(b.graph, clg_shape1(2), 1.5f), NULL), ONE(0.25));
    expect(&b, "mse", clg_mse(x, y, &each), (double[]){0.25, 0.25, 9, 0}, 4);
    expect(&b, "mae", clg_mae(x, y, NULL), ONE(1));
    expect(&b, "huber", clg_huber(x, y, 2, &each), (double[]){0.125, 0.125, 4, 0}, 4);
    expect(&b, "smooth_l1", clg_smooth_l1(x, y, 2, &each), (double[]){0.0625, 0.0625, 2, 0}, 4);
    expect(&b, "smooth_l1, beta 0", clg_smooth_l1(x, y, 0, &sum), ONE(4));
    clg_loss_params masked = reduced(CLG_REDUCE_BATCH_MEAN);
    masked.weight = numbers(&b, clg_shape2(2, 1), (float[]){1, 0});
    expect(&b, "half_mse, one row of two", clg_half_mse(x, y, &masked), ONE(0.125));
    clg_ctx_destroy(&b.ctx);
}

/* ln(1 + e^-1), ln(1 + e^50), and e^-50: no digit is lost far out. */
TEST(losses, of_probabilities)
{
    struct bench b = bench_open();
    clg_loss_params each = reduced(CLG_REDUCE_NONE);
    const double low = log1p(exp(-1)), want[4] = {3 * low, 50, exp(-50), (1 + low + 3 * low) / 2};
    clg_tensor x = numbers(&b, clg_shape1(4), (float[]){1, 50, -50, 1});
    clg_tensor y = numbers(&b, clg_shape1(4), (float[]){1, 0, 0, 0.5f});
    clg_tensor dx;
    each.pos_weight = clg_fill(b.graph, clg_shape0(), 3);
    clg_tensor loss = clg_bce_with_logits(x, y, &each);
    expect(&b, "bce", loss, want, 4);
    test_ok(b.ctx, clg_grad(clg_sum(loss, NULL, 0, false), &x, 1, &dx));
    expect(&b, "gradient of bce", dx,
           (double[]){-3 / (1 + exp(1)), 1, exp(-50), 0.5 / (1 + exp(-1)) - 1.5 / (1 + exp(1))}, 4);
    clg_ctx_destroy(&b.ctx);
}

/* H(p, q) = H(p) + KL(p || q): cross-entropy of soft targets is entropy plus divergence. */
TEST(losses, cross_entropy_is_entropy_plus_divergence)
{
    struct bench b = bench_open();
    const clg_loss_params sum = reduced(CLG_REDUCE_SUM), batch = reduced(CLG_REDUCE_BATCH_MEAN);
    clg_tensor z = numbers(&b, clg_shape2(2, 3), (float[]){0.3f, -1, 2, 1, 1, 1});
    clg_tensor p = numbers(&b, clg_shape2(2, 3), (float[]){0.5f, 0.25f, 0.25f, 0, 0.5f, 0.5f});
    const double entropy = 1.5 * log(2) + log(2);
    clg_tensor cross = clg_cross_entropy(z, p, &sum);
    clg_tensor kl = clg_kl_div(clg_log_softmax(z), p, &sum);
    expect(&b, "cross-entropy - divergence", clg_sub(cross, kl), ONE(entropy));
    expect(&b, "relative entropy", clg_sub(clg_relative_entropy(clg_softmax(z), p, &sum), kl),
           ONE(0));
    expect(&b, "batch mean",
           clg_sub(clg_kl_div(clg_log_softmax(z), p, &batch), clg_affine(kl, 0.5f, 0)), ONE(0));
    clg_ctx_destroy(&b.ctx);
}

/* Rows of log-probabilities -1, -2, -3: what is divided by shows in the means. */
TEST(losses, of_classes)
{
    struct bench b = bench_open();
    clg_loss_params p = clg_loss_defaults();
    clg_tensor x = numbers(&b, clg_shape2(3, 3), (float[]){-1, -2, -3, -1, -2, -3, -1, -2, -3});
    clg_tensor y = labels(&b, clg_shape1(3), (int32_t[]){0, 2, -100});
    p.ignore = true;
    expect(&b, "ignored", clg_nll(x, y, &p), ONE(2));
    p.class_weight = numbers(&b, clg_shape1(3), (float[]){3, 1, 1});
    expect(&b, "weighed", clg_nll(x, y, &p), ONE((3.0 * 1 + 1 * 3) / 4));
    p.reduction = CLG_REDUCE_NONE;
    p.weight = numbers(&b, clg_shape1(3), (float[]){1, 2, 5});
    expect(&b, "each", clg_nll(x, y, &p), (double[]){3, 6, 0}, 3);
    p = clg_loss_defaults();
    p.reduction = CLG_REDUCE_NONE;
    p.label_smoothing = 0.3f;
    y = labels(&b, clg_shape1(3), (int32_t[]){0, 2, 1});
    const double lse = log(exp(-1) + exp(-2) + exp(-3)), all = 0.1 * (6 + 3 * lse);
    expect(&b, "smoothed", clg_cross_entropy(x, y, &p),
           (double[]){0.7 * (1 + lse) + all, 0.7 * (3 + lse) + all, 0.7 * (2 + lse) + all}, 3);
    clg_ctx_destroy(&b.ctx);
}

/* PyTorch 2's nn.functional.cross_entropy of these, with weight, ignore_index 1, label_smoothing.
 */
TEST(losses, as_pytorch)
{
    struct bench b = bench_open();
    clg_loss_params p = clg_loss_defaults();
    clg_tensor x = numbers(&b, clg_shape2(4, 3),
                           (float[]){0.5f, -1, 2, 1, 0.25f, -0.5f, 3, 0, 1, -2, 1, 0.75f});
    clg_tensor y = labels(&b, clg_shape1(4), (int32_t[]){2, 1, 0, 2});
    p.class_weight = numbers(&b, clg_shape1(3), (float[]){1, 2, 0.5f});
    expect(&b, "weight", clg_cross_entropy(x, y, &p), ONE(0.818306289285));
    p.ignore = true;
    p.ignore_index = 1;
    expect(&b, "weight, ignore_index", clg_cross_entropy(x, y, &p), ONE(0.358636834714));
    p.label_smoothing = 0.2f;
    expect(&b, "weight, ignore_index, label_smoothing", clg_cross_entropy(x, y, &p),
           ONE(0.992791288356));
    p.ignore = false;
    clg_tensor soft = numbers(&b, clg_shape2(4, 3),
                              (float[]){0.5f, 0.25f, 0.25f, 0, 1, 0, 0.1f, 0.1f, 0.8f, 1, 0, 0});
    expect(&b, "soft targets", clg_cross_entropy(x, soft, &p), ONE(2.461212078));
    clg_ctx_destroy(&b.ctx);
}

TEST(losses, of_vectors)
{
    struct bench b = bench_open();
    const clg_loss_params each = reduced(CLG_REDUCE_NONE);
    clg_tensor x = numbers(&b, clg_shape2(3, 2), (float[]){1, 0, 3, 4, 1, 1});
    clg_tensor z = numbers(&b, clg_shape2(3, 2), (float[]){0, 2, 6, 8, -1, -1});
    clg_tensor y = numbers(&b, clg_shape1(3), (float[]){1, -1, -1});
    expect(&b, "cosine", clg_cosine_embedding(x, z, y, 0.25f, &each), (double[]){1, 0.75, 0}, 3);
    clg_tensor n = numbers(&b, clg_shape2(3, 2), (float[]){1, 0, 0, 0, 1, 4});
    expect(&b, "triplet", clg_triplet_margin(x, z, n, 1, &each),
           (double[]){sqrt(5) + 1, 1, sqrt(8) - 2}, 3);
    y = numbers(&b, clg_shape1(3), (float[]){1, -1, 1});
    expect(&b, "hinge", clg_hinge(numbers(&b, clg_shape1(3), (float[]){0.5f, 2, 3}), y, NULL),
           ONE((0.5 + 3 + 0) / 3));
    clg_ctx_destroy(&b.ctx);
}

static clg_tensor filled(const struct bench *b, clg_shape shape)
{
    return clg_fill(b->graph, shape, 1);
}

/* The sum over dimension 0's size, whether or not rows have factors. */
TEST(losses, batch_mean)
{
    struct bench b = bench_open();
    static const float logits[12] = {1, 2, 0, -1, 3, 1, 0, 0, 2, 1, -2, 1};
    for (int i = 0; i < 3; i++) {
        clg_loss_params p = clg_loss_defaults();
        clg_tensor x = numbers(&b, clg_shape3(2, 2, 3), logits);
        clg_tensor y = clg_constant(b.graph, CLG_I32, clg_shape2(2, 2), (int32_t[]){0, 1, 2, 1});
        float sum, mean;
        p.ignore = i == 1;
        p.class_weight = i == 2 ? filled(&b, clg_shape1(3)) : p.class_weight;
        p.reduction = CLG_REDUCE_SUM;
        test_ok(b.ctx, clg_eval(clg_cross_entropy(x, y, &p), &sum, sizeof(sum)));
        p.reduction = CLG_REDUCE_BATCH_MEAN;
        test_ok(b.ctx, clg_eval(clg_cross_entropy(x, y, &p), &mean, sizeof(mean)));
        cr_assert_eq(mean, sum / 2, "%d: %g, not half of %g", i, (double)mean, (double)sum);
    }
    clg_ctx_destroy(&b.ctx);
}

/* The op was refused with these words; the graph starts anew. */
static void refused(struct bench *b, clg_tensor t, const char *words)
{
    cr_assert(!clg_tensor_valid(t), "not refused: %s", words);
    cr_assert_not_null(strstr(clg_error(b->ctx), words), "no '%s' in: %s", words,
                       clg_error(b->ctx));
    clg_graph_destroy(&b->graph);
    b->graph = clg_graph_create(b->store);
}

static clg_tensor some_labels(const struct bench *b, int64_t count)
{
    return labels(b, clg_shape1(count), (int32_t[]){0, 0, 0, 0});
}

TEST(losses, refuse_shapes)
{
    struct bench b = bench_open();
    clg_shape s = clg_shape2(2, 3), other = clg_shape2(3, 2), v = clg_shape1(2);
    clg_loss_params p = clg_loss_defaults();
    refused(&b, clg_mae(filled(&b, s), filled(&b, other), NULL),
            "mae: shapes (2, 3) and (3, 2) must be equal");
    p.weight = filled(&b, v);
    refused(&b, clg_huber(filled(&b, s), filled(&b, s), 1, &p),
            "huber: weights (2) do not broadcast to the losses (2, 3)");
    p = clg_loss_defaults();
    p.ignore = true;
    refused(&b, clg_cross_entropy(filled(&b, s), some_labels(&b, 3), &p),
            "needs int32 labels of its shape without the last dimension, the labels are int32 (3)");
    refused(&b, clg_nll(filled(&b, s), filled(&b, s), NULL), "the labels are float32 (2, 3)");
    refused(&b, clg_cosine_embedding(filled(&b, s), filled(&b, s), filled(&b, s), 0, NULL),
            "targets (2, 3) must have the shape (2)");
    refused(&b, clg_triplet_margin(filled(&b, s), filled(&b, s), filled(&b, other), 1, NULL),
            "vectors (2, 3) and (3, 2) must have one shape");
    p.class_weight = filled(&b, v);
    refused(&b, clg_nll(filled(&b, s), some_labels(&b, 2), &p),
            "class_weight (2) must have a number for each of 3 classes");
    clg_ctx_destroy(&b.ctx);
}

TEST(losses, refuse_options)
{
    struct bench b = bench_open();
    clg_shape s = clg_shape2(2, 3);
    clg_loss_params p = clg_loss_defaults();
    refused(&b, clg_huber(filled(&b, s), filled(&b, s), 0, NULL), "delta is 0, must be over 0");
    refused(&b, clg_smooth_l1(filled(&b, s), filled(&b, s), -1, NULL),
            "beta is -1, must be at least 0");
    p.label_smoothing = 0.5f;
    refused(&b, clg_nll(filled(&b, s), some_labels(&b, 2), &p), "nll: it takes no label_smoothing");
    p.label_smoothing = 2;
    refused(&b, clg_cross_entropy(filled(&b, s), some_labels(&b, 2), &p),
            "the label_smoothing is 2, must be in [0, 1]");
    p = clg_loss_defaults();
    p.ignore = true;
    refused(&b, clg_mse(filled(&b, s), filled(&b, s), &p), "mse: it takes no ignore");
    refused(&b, clg_cross_entropy(filled(&b, s), filled(&b, s), &p),
            "it takes no ignore with soft targets");
    p.ignore_index = INT32_MIN;
    refused(&b, clg_cross_entropy(filled(&b, s), some_labels(&b, 2), &p),
            "the ignore_index is -2147483648, must be within 2^24 of 0");
    p = clg_loss_defaults();
    p.pos_weight = filled(&b, s);
    refused(&b, clg_hinge(filled(&b, s), filled(&b, s), &p), "hinge: it takes no pos_weight");
    clg_ctx_destroy(&b.ctx);
}
