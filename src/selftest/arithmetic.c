/* Arithmetic, comparison and choice. Errors: OpenCL C 1.2, table 7.1 (+, -, * correctly rounded,
 * / 2.5 ulp, sqrt 3, exp and log 3). */
#include <float.h>
#include <math.h>
#include "selftest/cases.h"
#include "selftest/oracle.h"
#include "selftest/special.h"

ELEMENTWISE(add, a + b, ULPS(0.5));
ELEMENTWISE(sub, a - b, ULPS(0.5));
ELEMENTWISE(mul, a *b, ULPS(0.5));
ELEMENTWISE(div, a / b, ULPS(2.5));
ELEMENTWISE(max, isnan(a) || a >= b ? a : b, EXACT);
ELEMENTWISE(min, isnan(a) || a <= b ? a : b, EXACT);
ELEMENTWISE(neg, -a, EXACT);
ELEMENTWISE(square, a *a, ULPS(0.5));
ELEMENTWISE(sqrt, sqrt(a), ULPS(3));
ELEMENTWISE(exp, exp(a), ULPS(3));
ELEMENTWISE(log, log(a), ULPS(3));
ELEMENTWISE(abs, fabs(a), EXACT);
ELEMENTWISE(affine, p[0] * a + p[1], CLG_ROUND *fabs(p[0] * a) + ULPS(0.5));
ELEMENTWISE(sign, a > 0 ? 1 : (a < 0 ? -1 : a), EXACT);
ELEMENTWISE(ge, a >= b, EXACT);
ELEMENTWISE(le, a <= b, EXACT);
ELEMENTWISE(keep, a != 0 ? b : 0, EXACT);
ELEMENTWISE(drop, a != 0 ? 0 : b, EXACT);

static clg_tensor op_node(const struct clg_op *op, clg_tensor a, clg_tensor b)
{
    clg_tensor in[2] = {a, b};
    return clg_node_add(a.graph, op, in, op->min_in, NULL, NULL);
}

void clg_cases_add(struct clg_cases *cases)
{
    clg_binary_cases(cases, clg_add, -1, 1);
    clg_broadcast_cases(cases, clg_add, -1, 1);
    clg_tensor x = clg_case_uniform(cases, clg_shape1(31), -1, 1);
    clg_check(cases, "a tensor and itself", clg_add(x, x));
}

void clg_cases_sub(struct clg_cases *cases)
{
    clg_binary_cases(cases, clg_sub, -1, 1);
}

void clg_cases_mul(struct clg_cases *cases)
{
    clg_binary_cases(cases, clg_mul, -2, 2);
    clg_broadcast_cases(cases, clg_mul, -2, 2);
    clg_tensor a = clg_case_uniform(cases, clg_shape1(13), -2, 2);
    clg_check_twice(cases, "outer product",
                    clg_outer(a, clg_case_uniform(cases, clg_shape1(5), -2, 2)));
}

void clg_cases_div(struct clg_cases *cases)
{
    clg_binary_cases(cases, clg_div, 0.5, 2);
}

/* Equal numbers: all of the gradient goes to the first. */
static void tie(struct clg_cases *cases, clg_tensor op(clg_tensor, clg_tensor))
{
    static const float a[3] = {1, 0, -2.5f}, b[3] = {1, -0.0f, -2.5f};
    static const double slopes[6] = {1, 1, 1, 0, 0, 0};
    clg_tensor x = clg_case_values(cases, clg_shape1(3), a);
    clg_check_kink(cases, "equal numbers", op(x, clg_case_values(cases, clg_shape1(3), b)), slopes);
}

void clg_cases_max(struct clg_cases *cases)
{
    clg_binary_cases(cases, clg_max, -1, 1);
    tie(cases, clg_max);
}

void clg_cases_min(struct clg_cases *cases)
{
    clg_binary_cases(cases, clg_min, -1, 1);
    tie(cases, clg_min);
}

void clg_cases_neg(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_neg, -3, 3);
}

void clg_cases_square(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_square, -3, 3);
}

void clg_cases_sqrt(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_sqrt, 0.1, 9);
}

void clg_cases_exp(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_exp, -5, 5);
}

void clg_cases_log(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_log, 0.1, 9);
}

void clg_cases_abs(struct clg_cases *cases)
{
    static const float zeros[2] = {0, -0.0f};
    static const double slopes[2] = {0, 0};
    clg_unary_cases(cases, clg_abs, -3, 3);
    clg_check_kink(cases, "at 0", clg_abs(clg_case_values(cases, clg_shape1(2), zeros)), slopes);
}

static clg_tensor affine(clg_tensor x)
{
    return clg_affine(x, -2.5f, 0.75f);
}

void clg_cases_affine(struct clg_cases *cases)
{
    clg_unary_cases(cases, affine, -3, 3);
    clg_tensor x = clg_case_uniform(cases, clg_shape2(CLG_BATCH, 3), -1, 1);
    clg_check(cases, "by 0", clg_affine(x, 0, 1));
}

static clg_tensor sign(clg_tensor x)
{
    return op_node(CLG_OP(sign), x, x);
}

/* Two inputs of which one alone has a gradient: values at special numbers, derivatives broadcast.
 */
static void masked(struct clg_cases *cases, const struct clg_op *op)
{
    clg_tensor a = clg_case_special(cases, -1, 1),
               b = clg_case_uniform(cases, clg_shape1(25), -1, 1);
    clg_check_forward(cases, "special numbers and a row", op_node(op, a, b));
    clg_check_forward(cases, "a row and special numbers",
                      op_node(op, clg_case_uniform(cases, clg_shape1(25), -1, 1),
                              clg_case_special(cases, -1, 1)));
}

void clg_cases_sign(struct clg_cases *cases)
{
    clg_check_forward(cases, "special numbers", sign(clg_case_special(cases, -1, 1)));
    clg_tensor x = clg_case_uniform(cases, clg_shape1(9), -1, 1);
    clg_check_twice(cases, "no gradient flows", clg_mul(x, sign(x)));
}

void clg_cases_ge(struct clg_cases *cases)
{
    masked(cases, CLG_OP(ge));
}

void clg_cases_le(struct clg_cases *cases)
{
    masked(cases, CLG_OP(le));
}

/* The mask is a constant: no gradient flows into it. */
static void chosen(struct clg_cases *cases, const struct clg_op *op)
{
    static const float mask[5] = {0, 1, -0.0f, 2, 1};
    masked(cases, op);
    clg_tensor m = clg_constant(clg_case_graph(cases), CLG_F32, clg_shape1(5), mask);
    clg_tensor x = clg_case_uniform(cases, clg_shape2(3, 1), -1, 1);
    clg_check_twice(cases, "by a row of zeros and ones", op_node(op, m, x));
}

void clg_cases_keep(struct clg_cases *cases)
{
    chosen(cases, CLG_OP(keep));
    clg_tensor x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 3, 5), -1, 1);
    clg_check_twice(cases, "lower triangle", clg_square(clg_tril(x, 1)));
    x = clg_case_uniform(cases, clg_shape2(5, 4), -1, 1);
    clg_check(cases, "upper triangle", clg_triu(x, -1));
}

void clg_cases_drop(struct clg_cases *cases)
{
    chosen(cases, CLG_OP(drop));
}
