/* Sums and means over axes. */
#include <math.h>
#include "selftest/cases.h"
#include "selftest/oracle.h"

/* Where element i of x goes: the reduced dimensions count as 1. */
static int64_t target(const clg_shape *from, uint32_t axes, int64_t i)
{
    int64_t index[CLG_MAX_RANK], at = 0;
    clg_unravel(from, i, index);
    for (int d = 0; d < from->rank; d++)
        at = axes >> d & 1 ? at : at * from->dim[d] + index[d];
    return at;
}

/* Until the end, error holds the sum of absolute values; carried, what the inputs were off. */
static void reduce(const struct clg_oracle_call *call, double *carried)
{
    const struct clg_reduce_attr *attr = call->attr;
    const struct clg_oracle_array *x = call->in;
    struct clg_oracle_array *y = call->out;
    int64_t n = x->count / y->count;
    for (int64_t i = 0; i < y->count; i++)
        y->value[i] = 0;
    for (int64_t i = 0; i < x->count; i++) {
        int64_t to = target(&x->shape, attr->axes, i);
        y->value[to] += x->value[i];
        y->error[to] += fabs(x->value[i]);
        carried[to] += x->error[i];
    }
    for (int64_t i = 0; i < y->count; i++) {
        double over = attr->mean ? (double)n : 1;
        y->value[i] /= over;
        y->error[i] = (clg_sum_error(n) * y->error[i] + carried[i]) / over;
        /* n rounds, and the division */
        y->error[i] += attr->mean ? 3 * clg_ulp(y->value[i]) : 0;
    }
}

void clg_oracle_reduce(const struct clg_oracle_call *call)
{
    double *carried = clg_new(call->ctx, (size_t)call->out->count, sizeof(*carried));
    if (carried)
        reduce(call, carried);
    clg_free(call->ctx, carried);
}

static void sum_and_mean(struct clg_cases *cases, const char *what, clg_shape shape,
                         const int32_t *axes, size_t count)
{
    clg_tensor x = clg_case_uniform(cases, shape, -1, 2);
    clg_check(cases, what, clg_sum(x, axes, count, false));
    x = clg_case_uniform(cases, shape, -1, 2);
    clg_check(cases, what, clg_square(clg_mean(x, axes, count, true)));
}

static void long_sums(struct clg_cases *cases)
{
    const int32_t first[1] = {0}, last[1] = {-1};
    const int64_t n = CLG_CASE_LONG;
    if (!clg_case_large(cases))
        return;
    clg_tensor x = clg_case_alike(cases, clg_shape1(n));
    clg_check_forward(cases, "a long sum", clg_sum(x, NULL, 0, false));
    x = clg_case_alike(cases, clg_shape2(67, 30011));
    clg_check_forward(cases, "the means of long rows", clg_mean(x, last, 1, false));
    x = clg_case_alike(cases, clg_shape2(n, 3));
    clg_check_forward(cases, "long columns", clg_sum(x, first, 1, false));
    x = clg_case_alike(cases, clg_shape2(4093, 67));
    clg_check_forward(cases, "many columns", clg_mean(x, first, 1, false));
}

static void special_sums(struct clg_cases *cases)
{
    static const float infinite[6] = {1, INFINITY, 2, 1, -INFINITY, INFINITY};
    static const float nan[3] = {1, NAN, INFINITY}, small[4] = {1, 0x1p-24f, -1, 0x1p-24f};
    const int32_t last[1] = {1};
    clg_tensor x = clg_case_values(cases, clg_shape2(2, 3), infinite);
    clg_check_forward(cases, "infinities", clg_sum(x, last, 1, false));
    x = clg_case_values(cases, clg_shape1(3), nan);
    clg_check_forward(cases, "a NaN", clg_mean(x, NULL, 0, false));
    x = clg_case_values(cases, clg_shape1(4), small);
    clg_check_forward(cases, "cancellation", clg_sum(x, NULL, 0, false));
}

void clg_cases_reduce(struct clg_cases *cases)
{
    const int32_t first[1] = {0}, second[1] = {1}, last[1] = {-1}, ends[2] = {0, 2};
    const int32_t outer[2] = {-2, 0}, odd[2] = {1, 3};
    sum_and_mean(cases, "all of ()", clg_shape0(), NULL, 0);
    sum_and_mean(cases, "all of (1)", clg_shape1(1), NULL, 0);
    sum_and_mean(cases, "all of (5003)", clg_shape1(5003), NULL, 0);
    sum_and_mean(cases, "all of (batch, 1025)", clg_shape2(CLG_BATCH, 1025), NULL, 0);
    sum_and_mean(cases, "rows of (13, 1025)", clg_shape2(13, 1025), last, 1);
    sum_and_mean(cases, "columns of (1025, 13)", clg_shape2(1025, 13), first, 1);
    sum_and_mean(cases, "columns of (5, 67)", clg_shape2(5, 67), first, 1);
    sum_and_mean(cases, "rows of (67, 1)", clg_shape2(67, 1), last, 1);
    sum_and_mean(cases, "columns of (1, 67)", clg_shape2(1, 67), first, 1);
    sum_and_mean(cases, "the middle of (3, 31, 17)", clg_shape3(3, 31, 17), second, 1);
    sum_and_mean(cases, "the ends of (9, 7, 33)", clg_shape3(9, 7, 33), ends, 2);
    sum_and_mean(cases, "the first two of (3, 5, 16)", clg_shape3(3, 5, 16), outer, 2);
    sum_and_mean(cases, "second and last of (2, 3, 4, 5)", clg_shape4(2, 3, 4, 5), odd, 2);
    sum_and_mean(cases, "the batch of (batch, 7)", clg_shape2(CLG_BATCH, 7), first, 1);
    clg_tensor x = clg_case_uniform(cases, clg_shape2(4, 7), -1, 1);
    clg_check_twice(cases, "of squares", clg_mean(clg_square(x), last, 1, false));
    x = clg_case_uniform(cases, clg_shape1(70001), 0, 1);
    clg_check_forward(cases, "all of (70001)", clg_sum(x, NULL, 0, false));
    x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 5, 7), -1, 1);
    clg_check_twice(cases, "variance", clg_variance(x, second, 1, true, 1));
    x = clg_case_uniform(cases, clg_shape2(CLG_BATCH, 13), -1, 1);
    clg_check(cases, "norm1", clg_norm1(x, last, 1, false));
    x = clg_case_uniform(cases, clg_shape1(67), -1, 1);
    clg_check_twice(cases, "dot", clg_dot(x, clg_case_uniform(cases, clg_shape1(67), -1, 1)));
    special_sums(cases);
    long_sums(cases);
}
