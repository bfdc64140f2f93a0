/* Losses that are compositions: cases alone, as each of their ops has its oracle. */
#include "selftest/losses.h"

static clg_tensor numbers(struct clg_cases *cases, clg_shape shape, double low, double high)
{
    return clg_case_uniform(cases, shape, low, high);
}

static clg_loss_params reduced(clg_reduction reduction)
{
    clg_loss_params p = clg_loss_defaults();
    p.reduction = reduction;
    return p;
}

/* ---- classes ---- */

static clg_tensor labels_of(struct clg_cases *cases, clg_shape shape)
{
    clg_shape rows = clg_shape_make(shape.rank - 1, shape.dim);
    return clg_case_integers(cases, rows, (int32_t)shape.dim[shape.rank - 1]);
}

static void classes_case(struct clg_cases *cases, const char *what, clg_shape shape,
                         const clg_loss_params *params)
{
    clg_tensor x = numbers(cases, shape, -3, 3);
    clg_check(cases, what, clg_cross_entropy(x, labels_of(cases, shape), params));
}

static void ignoring_cases(struct clg_cases *cases)
{
    static const int32_t labels[5] = {2, -100, 0, -100, 1};
    clg_loss_params p = clg_loss_defaults();
    p.ignore = true;
    clg_tensor x = numbers(cases, clg_shape2(5, 3), -3, 3);
    clg_tensor y = clg_case_labels(cases, clg_shape1(5), labels);
    clg_check(cases, "two labels ignored", clg_cross_entropy(x, y, &p));
    p.class_weight = numbers(cases, clg_shape1(3), 0.5, 2);
    p.label_smoothing = 0.1f;
    x = numbers(cases, clg_shape2(5, 3), -3, 3);
    y = clg_case_labels(cases, clg_shape1(5), labels);
    clg_check(cases, "ignored, weighed and smoothed", clg_cross_entropy(x, y, &p));
    classes_case(cases, "class 2 of (batch, 37) ignored", clg_shape2(CLG_BATCH, 37),
                 &(clg_loss_params){.ignore = true, .ignore_index = 2});
}

static void soft_cases(struct clg_cases *cases)
{
    clg_loss_params p = clg_loss_defaults();
    p.label_smoothing = 0.2f;
    clg_shape shape = clg_shape2(CLG_BATCH, 17);
    clg_tensor x = numbers(cases, shape, -3, 3);
    clg_check(cases, "soft targets", clg_cross_entropy(x, numbers(cases, shape, 0, 1), &p));
    p.class_weight = numbers(cases, clg_shape1(17), 0.5, 2);
    p.reduction = CLG_REDUCE_NONE;
    x = numbers(cases, clg_shape3(2, 3, 17), -3, 3);
    clg_tensor y = numbers(cases, clg_shape3(2, 3, 17), 0, 1);
    clg_check(cases, "soft targets, weighed, each", clg_cross_entropy(x, y, &p));
}

static void nll_cases(struct clg_cases *cases)
{
    clg_loss_params p = reduced(CLG_REDUCE_SUM);
    clg_shape shape = clg_shape2(CLG_BATCH, 1025);
    clg_tensor x = numbers(cases, shape, -3, 0);
    clg_check(cases, "nll of squares", clg_nll(clg_square(x), labels_of(cases, shape), NULL));
    x = numbers(cases, clg_shape3(3, 5, 1), -3, 0);
    clg_check(cases, "nll of one class", clg_nll(x, labels_of(cases, clg_shape3(3, 5, 1)), &p));
}

void clg_cases_of_classes(struct clg_cases *cases)
{
    clg_loss_params p = clg_loss_defaults();
    p.label_smoothing = 0.1f;
    classes_case(cases, "smoothed labels of (batch, 67)", clg_shape2(CLG_BATCH, 67), &p);
    p = clg_loss_defaults();
    p.class_weight = numbers(cases, clg_shape1(5), 0.5, 2);
    classes_case(cases, "classes weighed in (13, 5)", clg_shape2(13, 5), &p);
    p = reduced(CLG_REDUCE_BATCH_MEAN);
    p.weight = numbers(cases, clg_shape2(CLG_BATCH, 1), 0, 2);
    classes_case(cases, "samples weighed in (batch, 7, 3)", clg_shape3(CLG_BATCH, 7, 3), &p);
    ignoring_cases(cases);
    soft_cases(cases);
    nll_cases(cases);
}

/* ---- values ---- */

typedef clg_tensor pair_loss(clg_tensor a, clg_tensor b, const clg_loss_params *params);

/* Four in one: what is compiled for one of them nearly does for all. */
static clg_tensor of_differences(clg_tensor a, clg_tensor b, const clg_loss_params *params)
{
    clg_tensor l1 = clg_add(clg_mae(a, b, params), clg_smooth_l1(a, b, 0.5f, params));
    return clg_add(l1, clg_add(clg_huber(a, b, 0.75f, params), clg_hinge(a, b, params)));
}

/* The mean with a mask of rows. Every case costs kernels to compile: one shape is enough here. */
static void pair_case(struct clg_cases *cases, pair_loss *loss, const char *what,
                      const double range[4])
{
    clg_loss_params masked = clg_loss_defaults();
    masked.weight = clg_case_values(cases, clg_shape2(5, 1), (const float[]){1, 0, 2, 1, 0});
    clg_tensor a = numbers(cases, clg_shape2(5, 67), range[0], range[1]);
    clg_tensor b = numbers(cases, clg_shape2(5, 67), range[2], range[3]);
    clg_check(cases, what, loss(a, b, &masked));
}

static void weighed_bce(struct clg_cases *cases)
{
    clg_loss_params p = reduced(CLG_REDUCE_BATCH_MEAN);
    p.pos_weight = numbers(cases, clg_shape1(7), 0.5, 3);
    clg_tensor x = numbers(cases, clg_shape2(CLG_BATCH, 7), -25, 25);
    clg_tensor y = numbers(cases, clg_shape2(CLG_BATCH, 7), 0, 1);
    clg_check(cases, "bce, positive ones weighed", clg_bce_with_logits(x, y, &p));
}

/* Terms with p = 0 are 0, and so is what flows there, whatever the other side is. */
static void zero_divergence(struct clg_cases *cases)
{
    static const float p[4] = {0, 0.5f, 0, 0.5f}, q[4] = {-1e30f, -1, -2, -0.5f};
    clg_loss_params each = reduced(CLG_REDUCE_NONE);
    clg_tensor a = clg_case_values(cases, clg_shape1(4), q);
    clg_tensor b = clg_case_values(cases, clg_shape1(4), p);
    clg_check_forward(cases, "kl_div of zeros", clg_kl_div(a, b, &each));
    a = clg_exp(a);
    clg_check_forward(cases, "relative entropy of zeros", clg_relative_entropy(a, b, &each));
}

static void vector_cases(struct clg_cases *cases)
{
    static const float sides[5] = {1, -1, 1, -1, 0};
    clg_loss_params each = reduced(CLG_REDUCE_NONE);
    clg_tensor a = numbers(cases, clg_shape2(5, 33), -1, 1);
    clg_tensor b = numbers(cases, clg_shape2(5, 33), -1, 1);
    clg_tensor y = clg_constant(clg_case_graph(cases), CLG_F32, clg_shape1(5), sides);
    clg_check(cases, "cosine", clg_cosine_embedding(a, b, y, -0.5f, &each));
    a = numbers(cases, clg_shape2(CLG_BATCH, 5), -1, 1);
    b = numbers(cases, clg_shape2(CLG_BATCH, 5), -1, 1);
    clg_tensor c = numbers(cases, clg_shape2(CLG_BATCH, 5), -1, 1);
    clg_check_twice(cases, "triplets", clg_triplet_margin(a, b, c, 5, NULL));
}

void clg_cases_of_values(struct clg_cases *cases)
{
    static const double any[4] = {-2, 2, -2, 2}, share[4] = {-6, 6, 0, 1};
    static const double logs[4] = {-4, 0, 0.01, 1}, shares[4] = {0.05, 1, 0.01, 1};
    pair_case(cases, of_differences, "mae, smooth_l1, huber and hinge", any);
    pair_case(cases, clg_bce_with_logits, "bce", share);
    pair_case(cases, clg_kl_div, "kl_div", logs);
    pair_case(cases, clg_relative_entropy, "relative entropy", shares);
    weighed_bce(cases);
    zero_divergence(cases);
    vector_cases(cases);
}
