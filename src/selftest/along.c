/* Along one dimension, and reductions that are made of it. */
#include <math.h>
#include "selftest/cases.h"
#include "selftest/oracle.h"
#include "selftest/rows.h"

static int64_t clamp(double index, int64_t C)
{
    return index < 0 ? 0 : index >= (double)C ? C - 1 : (int64_t)index;
}

void clg_oracle_take_along(const struct clg_oracle_call *call)
{
    int64_t C = clg_case_cols(&call->in[0].shape), K = clg_case_cols(&call->out->shape);
    for (int64_t e = 0; e < call->out->count; e++) {
        int64_t from = e / K * C + clamp(call->in[1].value[e], C);
        call->out->value[e] = call->in[0].value[from];
        call->out->error[e] = call->in[0].error[from];
    }
}

void clg_oracle_add_along(const struct clg_oracle_call *call)
{
    int64_t C = clg_case_cols(&call->out->shape), K = clg_case_cols(&call->in[0].shape);
    for (int64_t e = 0; e < call->out->count; e++) {
        double sum = 0, size = 0, carried = 0;
        for (int64_t k = e / C * K; k < (e / C + 1) * K; k++) {
            bool here = clamp(call->in[1].value[k], C) == e % C;
            sum += here ? call->in[0].value[k] : 0;
            size += here ? fabs(call->in[0].value[k]) : 0;
            carried += here ? call->in[0].error[k] : 0;
        }
        call->out->value[e] = sum;
        call->out->error[e] = clg_sum_error(K) * size + carried;
    }
}

void clg_oracle_cumsum(const struct clg_oracle_call *call)
{
    const struct clg_axis_attr *attr = call->attr;
    const clg_shape *shape = &call->in->shape;
    int64_t R = shape->dim[attr->axis], C = clg_extent(shape, attr->axis + 1, shape->rank);
    for (int64_t l = 0; l < call->in->count / R; l++) {
        double sum = 0, size = 0, carried = 0;
        for (int64_t i = 0; i < R; i++) {
            int64_t at = l / C * R * C + (attr->reverse ? R - 1 - i : i) * C + l % C;
            sum += call->in->value[at];
            size += fabs(call->in->value[at]);
            carried += call->in->error[at];
            call->out->value[at] = sum;
            call->out->error[at] = clg_sum_error(i + 1) * size + carried;
        }
    }
}

static bool before(double a, int64_t i, double b, int64_t k)
{
    bool equal = a == b || (isnan(a) && isnan(b));
    return equal ? i < k : isnan(a) || (!isnan(b) && a > b);
}

void clg_oracle_topk(const struct clg_oracle_call *call)
{
    int64_t C = clg_case_cols(&call->in->shape), K = clg_case_cols(&call->out->shape);
    for (int64_t r = 0; r < call->in->count / C; r++) {
        const double *x = call->in->value + r * C;
        for (int64_t i = 0; i < C; i++) {
            int64_t place = 0;
            for (int64_t k = 0; k < C; k++)
                place += before(x[k], k, x[i], i);
            if (place < K)
                call->out->value[r * K + place] = (double)i;
        }
    }
}

/* The product of a row without element i (-1: with all), and how far it may be off: a rounding a
 * factor, and what each factor is off. */
static double product_but(const struct clg_oracle_array *x, int64_t row, int64_t C, int64_t i,
                          double *error)
{
    double product = 1;
    *error = 0;
    for (int64_t k = 0; k < C; k++) {
        double v = k == i ? 1 : x->value[row * C + k], e = k == i ? 0 : x->error[row * C + k];
        *error = *error * (fabs(v) + e) + fabs(product) * e + CLG_ROUND * fabs(product * v);
        product *= v;
    }
    return product;
}

void clg_oracle_row_product(const struct clg_oracle_call *call)
{
    int64_t C = clg_case_cols(&call->in->shape);
    for (int64_t r = 0; r < call->out->count; r++)
        call->out->value[r] = product_but(call->in, r, C, -1, &call->out->error[r]);
}

void clg_oracle_others_product(const struct clg_oracle_call *call)
{
    int64_t C = clg_case_cols(&call->in->shape);
    for (int64_t e = 0; e < call->out->count; e++) {
        double off, dy = call->in[1].value[e / C];
        double product = product_but(call->in, e / C, C, e % C, &off);
        call->out->value[e] = dy * product;
        call->out->error[e] = fabs(dy) * off + fabs(product) * call->in[1].error[e / C] +
                              2 * CLG_ROUND * fabs(dy * product);
    }
}

static clg_tensor numbers(struct clg_cases *cases, clg_shape shape)
{
    return clg_case_uniform(cases, shape, -1, 1);
}

static clg_tensor take(struct clg_cases *cases, clg_shape shape, int64_t K)
{
    clg_tensor x = numbers(cases, shape);
    int32_t C = (int32_t)shape.dim[shape.rank - 1];
    shape.dim[shape.rank - 1] = K;
    return clg_take_along(x, clg_case_integers(cases, shape, C));
}

void clg_cases_take_along(struct clg_cases *cases)
{
    static const int32_t wild[4] = {-1, 3, INT32_MAX, INT32_MIN};
    const int32_t first[1] = {0}, ends[2] = {0, 2}, last[1] = {-1};
    clg_check_twice(cases, "squares of (5, 7) at 3 places",
                    clg_square(take(cases, clg_shape2(5, 7), 3)));
    clg_check(cases, "(batch, 2, 1025) at 1", take(cases, clg_shape3(CLG_BATCH, 2, 1025), 1));
    clg_check(cases, "(1) at 5", take(cases, clg_shape1(1), 5));
    clg_tensor x = numbers(cases, clg_shape1(3));
    clg_check(cases, "indices outside",
              clg_take_along(x, clg_case_labels(cases, clg_shape1(4), wild)));
    x = numbers(cases, clg_shape2(7, CLG_BATCH));
    clg_check(cases, "the largest of columns", clg_reduce_max(x, first, 1, false));
    x = numbers(cases, clg_shape3(5, 4, 9));
    clg_check(cases, "the smallest over the ends", clg_reduce_min(x, ends, 2, true));
    x = numbers(cases, clg_shape2(CLG_BATCH, 9));
    clg_check(cases, "ln of the sum of e^x", clg_logsumexp(x, last, 1, false));
    static const float equal[4] = {1, 2, 2, 2};
    x = clg_case_values(cases, clg_shape1(4), equal);
    clg_check_forward(cases, "equal numbers", clg_reduce_max(x, NULL, 0, true));
}

void clg_cases_add_along(struct clg_cases *cases)
{
    const struct clg_count_attr attr = {5}, many = {1025};
    clg_tensor in[2] = {numbers(cases, clg_shape2(3, 11)),
                        clg_case_integers(cases, clg_shape2(3, 11), 5)};
    clg_check_twice(cases, "squares of 11 into 5",
                    clg_square(clg_node_add(in[0].graph, CLG_OP(add_along), in, 2, &attr, NULL)));
    in[0] = numbers(cases, clg_shape2(CLG_BATCH, 1));
    in[1] = clg_case_integers(cases, clg_shape2(CLG_BATCH, 1), 1025);
    clg_check(cases, "1 into 1025",
              clg_node_add(in[0].graph, CLG_OP(add_along), in, 2, &many, NULL));
    if (!clg_case_large(cases))
        return;
    in[0] = clg_case_alike(cases, clg_shape1(CLG_CASE_LONG));
    in[1] = clg_case_integers(cases, clg_shape1(CLG_CASE_LONG), 1);
    clg_check_forward(cases, "many into the first of 5",
                      clg_node_add(in[0].graph, CLG_OP(add_along), in, 2, &attr, NULL));
}

void clg_cases_cumsum(struct clg_cases *cases)
{
    clg_check_twice(cases, "squares along (3, 11)",
                    clg_square(clg_cumsum(numbers(cases, clg_shape2(3, 11)), 1)));
    clg_check(cases, "along (1025)", clg_cumsum(numbers(cases, clg_shape1(1025)), -1));
    clg_check(cases, "along the first of (7, 13)",
              clg_cumsum(numbers(cases, clg_shape2(7, 13)), 0));
    clg_check(cases, "along the second of (batch, 5, 3)",
              clg_cumsum(numbers(cases, clg_shape3(CLG_BATCH, 5, 3)), 1));
    clg_check(cases, "along the batch", clg_cumsum(numbers(cases, clg_shape2(CLG_BATCH, 2)), 0));
    clg_check(cases, "along the first of (2051, 3)",
              clg_cumsum(numbers(cases, clg_shape2(2051, 3)), 0));
    if (!clg_case_large(cases))
        return;
    clg_tensor x = clg_case_alike(cases, clg_shape2(3, CLG_CASE_LONG));
    clg_check_forward(cases, "along long rows", clg_cumsum(x, 1));
}

void clg_cases_topk(struct clg_cases *cases)
{
    static const float odd[8] = {1, NAN, 1, INFINITY, -INFINITY, NAN, 0, -0.0f};
    clg_tensor index, x = numbers(cases, clg_shape2(CLG_BATCH, 257));
    clg_check(cases, "3 of 257", clg_topk(x, 3, &index));
    x = clg_affine(clg_case_integers(cases, clg_shape2(5, 33), 4), 1, 0);
    clg_topk(x, 33, &index);
    clg_check_forward(cases, "all of many equal numbers", index);
    clg_topk(clg_case_values(cases, clg_shape1(8), odd), 8, &index);
    clg_check_forward(cases, "NaN and infinity", index);
}

void clg_cases_row_product(struct clg_cases *cases)
{
    static const float zeros[8] = {0, 2, 3, 4, 0, 0, 5, 6};
    const int32_t first[1] = {0};
    clg_tensor x = clg_case_uniform(cases, clg_shape2(CLG_BATCH, 7), 0.5, 2);
    clg_check(cases, "columns of (batch, 7)", clg_product(x, first, 1, false));
    x = clg_case_values(cases, clg_shape2(2, 4), zeros);
    clg_check(cases, "one and two zeros", clg_product(x, (const int32_t[]){1}, 1, true));
    x = clg_case_uniform(cases, clg_shape1(1025), 0.9, 1.1);
    clg_check_forward(cases, "all of (1025)", clg_product(x, NULL, 0, false));
}

void clg_cases_others_product(struct clg_cases *cases)
{
    clg_tensor in[2] = {clg_case_uniform(cases, clg_shape2(13, 33), -1.5, 1.5),
                        numbers(cases, clg_shape1(13))};
    clg_check_forward(cases, "(13, 33)",
                      clg_node_add(in[0].graph, CLG_OP(others_product), in, 2, NULL, NULL));
    in[0] = numbers(cases, clg_shape2(3, 1));
    in[1] = numbers(cases, clg_shape1(3));
    clg_check_forward(cases, "of none",
                      clg_node_add(in[0].graph, CLG_OP(others_product), in, 2, NULL, NULL));
}
