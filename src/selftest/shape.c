/* Ops that move elements: exact, but for the mean of expand. */
#include "selftest/cases.h"
#include "selftest/oracle.h"

static void take(const struct clg_oracle_call *call, int64_t to, int64_t from)
{
    call->out->value[to] = call->in->value[from];
    call->out->error[to] = call->in->error[from];
}

void clg_oracle_reshape(const struct clg_oracle_call *call)
{
    for (int64_t i = 0; i < call->out->count; i++)
        take(call, i, i);
}

void clg_cases_reshape(struct clg_cases *cases)
{
    clg_tensor x = clg_case_uniform(cases, clg_shape3(4, 3, 5), -1, 1);
    clg_check_twice(cases, "(4, 3, 5) to (6, 10)", clg_reshape(x, clg_shape2(6, -1)));
    x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 3, 5), -1, 1);
    clg_check(cases, "(batch, 3, 5) to (batch, 15), squared",
              clg_square(clg_reshape(clg_square(x), clg_shape2(CLG_BATCH, 15))));
    x = clg_case_uniform(cases, clg_shape2(CLG_BATCH, 6), -1, 1);
    clg_check(cases, "(batch, 6) to (3 batch, 2)", clg_reshape(x, clg_shape2(-1, 2)));
    x = clg_case_uniform(cases, clg_shape1(1), -1, 1);
    clg_check(cases, "(1) to ()", clg_reshape(x, clg_shape0()));
    x = clg_case_uniform(cases, clg_shape1(3), -1, 1);
    clg_check(cases, "of a reshape", clg_reshape(clg_reshape(x, clg_shape2(3, 1)), clg_shape1(3)));
}

void clg_oracle_permute(const struct clg_oracle_call *call)
{
    const struct clg_permute_attr *attr = call->attr;
    for (int64_t i = 0; i < call->out->count; i++) {
        int64_t to[CLG_MAX_RANK], from[CLG_MAX_RANK] = {0};
        clg_unravel(&call->out->shape, i, to);
        for (int d = 0; d < call->out->shape.rank; d++)
            from[attr->order[d]] = to[d];
        take(call, i, clg_ravel(&call->in->shape, from));
    }
}

void clg_cases_permute(struct clg_cases *cases)
{
    static const int32_t second[3] = {2, 0, 1}, fourth[4] = {3, 1, 0, 2}, same[2] = {0, 1};
    static const int32_t middle[4] = {0, 2, 1, 3};
    clg_tensor x = clg_case_uniform(cases, clg_shape3(3, 5, 7), -1, 1);
    clg_check_twice(cases, "(3, 5, 7) by 2 0 1", clg_permute(x, second));
    x = clg_case_uniform(cases, clg_shape4(2, 3, CLG_BATCH, 5), -1, 1);
    clg_check(cases, "(2, 3, batch, 5) by 3 1 0 2", clg_permute(x, fourth));
    x = clg_case_uniform(cases, clg_shape2(4, 9), -1, 1);
    clg_check(cases, "by 0 1", clg_permute(x, same));
    x = clg_case_uniform(cases, clg_shape4(3, 4, 2, 6), -1, 1);
    clg_check(cases, "(3, 4, 2, 6) by 0 2 1 3", clg_permute(x, middle));
    const int64_t sizes[][2] = {{33, 65},  {31, 32},  {1, 17}, {17, 1},
                                {2, 1025}, {1025, 3}, {64, 64}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        x = clg_case_uniform(cases, clg_shape2(sizes[i][0], sizes[i][1]), -1, 1);
        clg_check(cases, "a transpose", clg_transpose(x));
    }
    x = clg_case_uniform(cases, clg_shape3(5, 18, 34), -1, 1);
    clg_check(cases, "a batch of transposes", clg_transpose(x));
}

static double scaled(const double *x, const double *p)
{
    return x[0] * p[0];
}

/* 1 / repeats rounds, and the product. */
static double scaled_error(const double *x, const double *p, double r)
{
    (void)x;
    return p[0] == 1 ? EXACT : ULPS(1);
}

void clg_oracle_expand(const struct clg_oracle_call *call)
{
    const struct clg_expand_attr *attr = call->attr;
    const double repeats = (double)(call->out->count / call->in->count);
    const double p[4] = {attr->mean ? 1 / repeats : 1};
    clg_map_oracle_with(call, p, scaled, scaled_error);
}

void clg_cases_expand(struct clg_cases *cases)
{
    clg_tensor x = clg_case_uniform(cases, clg_shape2(4, 1), -1, 1);
    clg_check_twice(cases, "(4, 1) to (3, 4, 5)", clg_broadcast(x, clg_shape3(3, 4, 5)));
    x = clg_case_uniform(cases, clg_shape0(), -1, 1);
    clg_check(cases, "() to (batch, 2)", clg_broadcast(x, clg_shape2(CLG_BATCH, 2)));
    x = clg_case_uniform(cases, clg_shape1(7), -1, 1);
    clg_check(cases, "(7) to (7)", clg_broadcast(x, clg_shape1(7)));
    struct clg_expand_attr attr = {.shape = clg_shape2(5 * CLG_BATCH, 7), .mean = 1};
    clg_check_twice(cases, "a mean's gradient",
                    clg_node_add(x.graph, CLG_OP(expand),
                                 (clg_tensor[]){clg_case_uniform(cases, clg_shape1(7), -1, 1)}, 1,
                                 &attr, NULL));
}
