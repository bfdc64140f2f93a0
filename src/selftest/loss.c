/* Losses and scores. */
#include <math.h>
#include "selftest/cases.h"
#include "selftest/losses.h"
#include "selftest/rows.h"
#include "selftest/special.h"

static int64_t clamp(double label, int64_t C)
{
    return label < 0 ? 0 : label >= (double)C ? C - 1 : (int64_t)label;
}

/* ln S - (x_label - m), summed over rows or not: value, error, and the sum of absolute values. */
static void losses(const struct clg_oracle_call *call, int64_t rows, int64_t C, double scale)
{
    bool each = ((const struct clg_loss_attr *)call->attr)->reduction == CLG_REDUCE_NONE;
    double sum = 0, size = 0, error = 0;
    for (int64_t i = 0; i < rows; i++) {
        struct clg_softmax_row r = clg_softmax_row(&call->in[0], i, C);
        double off, loss = -clg_log_softmax_at(&r, clamp(call->in[1].value[i], C), &off);
        sum += loss;
        size += fabs(loss);
        error += off;
        if (each) {
            call->out[0].value[i] = loss;
            call->out[0].error[i] = off;
        }
    }
    if (each)
        return;
    *call->out[0].value = sum * scale;
    *call->out[0].error = scale * (error + clg_sum_error(rows) * size);
    *call->out[0].error +=
        scale == 1 ? 0 : 3 * clg_ulp(sum * scale); /* rows round, and the division */
}

/* (softmax_j - [j = label]) scale. */
static void derivatives(const struct clg_oracle_call *call, int64_t rows, int64_t C, double scale)
{
    for (int64_t i = 0; i < rows; i++) {
        struct clg_softmax_row r = clg_softmax_row(&call->in[0], i, C);
        int64_t label = clamp(call->in[1].value[i], C);
        for (int64_t j = 0; j < C; j++) {
            double off, p = clg_softmax_at(&r, j, &off) - (j == label), d = p * scale;
            call->out[1].value[i * C + j] = d;
            call->out[1].error[i * C + j] = scale * (off + CLG_ROUND * fabs(p)) + clg_ulp(d);
        }
    }
}

void clg_oracle_cross_entropy(const struct clg_oracle_call *call)
{
    const struct clg_loss_attr *attr = call->attr;
    int64_t C = clg_case_cols(&call->in[0].shape), rows = call->in[0].count / C;
    double scale = attr->reduction == CLG_REDUCE_MEAN ? 1 / (double)rows : 1;
    losses(call, rows, C, scale);
    derivatives(call, rows, C, scale);
}

static void cross_entropy_case(struct clg_cases *cases, const char *what, clg_shape shape,
                               clg_reduction reduction)
{
    clg_loss_params params = clg_loss_defaults();
    clg_shape rows = clg_shape_make(shape.rank - 1, shape.dim);
    params.reduction = reduction;
    clg_tensor x = clg_case_uniform(cases, shape, -4, 4);
    clg_tensor labels = clg_case_integers(cases, rows, (int32_t)shape.dim[shape.rank - 1]);
    clg_check(cases, what, clg_cross_entropy(x, labels, &params));
}

void clg_cases_cross_entropy(struct clg_cases *cases)
{
    static const float extreme[12] = {100, 0, -100, 1e4f, -1e4f, 0, 88, 88, 88, -1e30f, 1e30f, 0};
    static const float infinite[9] = {INFINITY, 0, 1, NAN, 0, 1, -INFINITY, 0, 1};
    static const int32_t labels[4] = {0, 1, 2, 0}, wild[4] = {-1, 3, INT32_MAX, INT32_MIN};
    clg_loss_params each = clg_loss_defaults();
    each.reduction = CLG_REDUCE_NONE;
    cross_entropy_case(cases, "mean of (67, 10)", clg_shape2(67, 10), CLG_REDUCE_MEAN);
    cross_entropy_case(cases, "sum of (5, 33)", clg_shape2(5, 33), CLG_REDUCE_SUM);
    cross_entropy_case(cases, "each of (13, 257)", clg_shape2(13, 257), CLG_REDUCE_NONE);
    cross_entropy_case(cases, "mean of (1, 1)", clg_shape2(1, 1), CLG_REDUCE_MEAN);
    cross_entropy_case(cases, "mean of (7)", clg_shape1(7), CLG_REDUCE_MEAN);
    cross_entropy_case(cases, "sum of (batch, 5, 3)", clg_shape3(CLG_BATCH, 5, 3), CLG_REDUCE_SUM);
    cross_entropy_case(cases, "each of (2, 1, 15)", clg_shape3(2, 1, 15), CLG_REDUCE_NONE);
    cross_entropy_case(cases, "mean of (batch, 1025)", clg_shape2(CLG_BATCH, 1025),
                       CLG_REDUCE_MEAN);
    cross_entropy_case(cases, "mean of (1025, 2)", clg_shape2(1025, 2), CLG_REDUCE_MEAN);
    cross_entropy_case(cases, "sum of (5003, 3)", clg_shape2(5003, 3), CLG_REDUCE_SUM);
    clg_tensor x = clg_case_values(cases, clg_shape2(4, 3), extreme);
    clg_tensor y = clg_case_labels(cases, clg_shape1(4), labels);
    clg_check_forward(cases, "far apart", clg_cross_entropy(x, y, &each));
    x = clg_case_values(cases, clg_shape2(3, 3), infinite);
    y = clg_case_labels(cases, clg_shape1(3), labels);
    clg_check_forward(cases, "infinity and NaN", clg_cross_entropy(x, y, &each));
    x = clg_case_uniform(cases, clg_shape2(4, 3), -1, 1);
    y = clg_case_labels(cases, clg_shape1(4), wild);
    clg_check(cases, "labels outside", clg_cross_entropy(x, y, NULL));
    clg_cases_of_classes(cases);
    clg_cases_of_values(cases);
    if (!clg_case_large(cases))
        return;
    x = clg_case_alike(cases, clg_shape2(CLG_CASE_LONG, 2));
    y = clg_case_integers(cases, clg_shape1(CLG_CASE_LONG), 2);
    clg_check_forward(cases, "of many rows", clg_cross_entropy(x, y, NULL));
    x = clg_case_alike(cases, clg_shape2(1, CLG_CASE_LONG));
    y = clg_case_integers(cases, clg_shape1(1), CLG_CASE_LONG);
    clg_check_forward(cases, "of many classes", clg_cross_entropy(x, y, NULL));
}

/* Index of the first largest number of a row; of the first NaN where there is one. */
static int64_t largest(const double *x, int64_t C)
{
    int64_t at = 0;
    for (int64_t j = 0; j < C; j++) {
        if (isnan(x[j]))
            return j;
        at = x[j] > x[at] ? j : at;
    }
    return at;
}

void clg_oracle_argmax(const struct clg_oracle_call *call)
{
    int64_t C = clg_case_cols(&call->in->shape);
    for (int64_t i = 0; i < call->out->count; i++)
        call->out->value[i] = (double)largest(call->in->value + i * C, C);
}

void clg_cases_argmax(struct clg_cases *cases)
{
    static const int64_t shapes[][2] = {{1, 1},   {5, 7},   {67, 10},  {3, 33},  {4, 64},
                                        {2, 255}, {7, 257}, {3, 1025}, {2, 4099}};
    static const float odd[15] = {1, 1, 1,     -INFINITY, -INFINITY, -INFINITY, 0,       NAN,
                                  5, 0, -0.0f, -1,        NAN,       NAN,       INFINITY};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        clg_tensor x = clg_case_uniform(cases, clg_shape2(shapes[i][0], shapes[i][1]), -1, 1);
        clg_check_forward(cases, "rows", clg_argmax(x));
    }
    clg_tensor x = clg_case_values(cases, clg_shape2(5, 3), odd);
    clg_check_forward(cases, "equal numbers and NaN", clg_argmax(x));
    x = clg_case_integers(cases, clg_shape3(CLG_BATCH, 9, 37), 3);
    clg_check_forward(cases, "many equal numbers", clg_argmax(clg_affine(x, 1, 0)));
    x = clg_case_uniform(cases, clg_shape1(19), -1, 1);
    clg_check_forward(cases, "one row", clg_argmax(x));
    x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 11, 3), -1, 1);
    clg_check_forward(cases, "along the middle", clg_argmax_along(x, 1, false));
    x = clg_case_uniform(cases, clg_shape2(CLG_BATCH, 17), -1, 1);
    clg_check_forward(cases, "the smallest along the batch", clg_argmin_along(x, 0, true));
}

void clg_oracle_accuracy(const struct clg_oracle_call *call)
{
    int64_t C = clg_case_cols(&call->in->shape), rows = call->in->count / C, hits = 0;
    for (int64_t i = 0; i < rows; i++)
        hits += largest(call->in->value + i * C, C) == (int64_t)call->in[1].value[i];
    *call->out->value = (double)hits / (double)rows;
    *call->out->error = 3 * clg_ulp(*call->out->value); /* rows round, and the division */
}

static void accuracy_case(struct clg_cases *cases, const char *what, clg_shape shape)
{
    clg_shape rows = clg_shape_make(shape.rank - 1, shape.dim);
    clg_tensor x = clg_case_uniform(cases, shape, -1, 1);
    clg_tensor labels = clg_case_integers(cases, rows, (int32_t)shape.dim[shape.rank - 1]);
    clg_check_forward(cases, what, clg_accuracy(x, labels));
}

void clg_cases_accuracy(struct clg_cases *cases)
{
    accuracy_case(cases, "(1, 1)", clg_shape2(1, 1));
    accuracy_case(cases, "(1025, 3)", clg_shape2(1025, 3));
    accuracy_case(cases, "(7, 257)", clg_shape2(7, 257));
    accuracy_case(cases, "(batch, 11, 2)", clg_shape3(CLG_BATCH, 11, 2));
    accuracy_case(cases, "(5)", clg_shape1(5));
    accuracy_case(cases, "(5003, 2)", clg_shape2(5003, 2));
}
