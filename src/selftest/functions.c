/* Functions of one number, and powers. Errors: OpenCL C 1.2, table 7.1 (pow 16 ulp, rsqrt 2, log1p
 * 2, expm1 3, sin and cos 4, erf 16; floor, rint, trunc correctly rounded). */
#include <math.h>
#include "selftest/cases.h"
#include "selftest/oracle.h"
#include "selftest/special.h"

ELEMENTWISE(pow, pow(a, b), ULPS(16));
ELEMENTWISE(rsqrt, 1 / sqrt(a), ULPS(2));
ELEMENTWISE(log1p, log1p(a), ULPS(2));
ELEMENTWISE(expm1, expm1(a), ULPS(3));
ELEMENTWISE(sin, sin(a), ULPS(4));
ELEMENTWISE(cos, cos(a), ULPS(4));
ELEMENTWISE(erf, erf(a), ULPS(16));
ELEMENTWISE(floor, floor(a), EXACT);
ELEMENTWISE(round, rint(a), EXACT);
ELEMENTWISE(detach, a, EXACT);
ELEMENTWISE(cast, trunc(a), EXACT);
ELEMENTWISE(clip, a < p[0] ? p[0] : (a > p[1] ? p[1] : a), EXACT);
ELEMENTWISE(clip_grad, a >= p[0] && a <= p[1] ? b : 0, EXACT);

void clg_cases_pow(struct clg_cases *cases)
{
    static const float base[4] = {-2, -2, 0, 3}, power[4] = {3, 2, 2, 0};
    static const double slopes[8] = {12, -4, 0, 0, 0, 0, 0, 0};
    clg_binary_cases(cases, clg_pow, 0.5, 2);
    clg_tensor a = clg_case_values(cases, clg_shape1(4), base);
    clg_tensor b = clg_constant(clg_case_graph(cases), CLG_F32, clg_shape1(4), power);
    clg_check_kink(cases, "negative numbers and 0", clg_pow(a, b), slopes);
}

void clg_cases_rsqrt(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_rsqrt, 0.1, 9);
}

void clg_cases_log1p(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_log1p, -0.9, 9);
}

void clg_cases_expm1(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_expm1, -5, 5);
}

void clg_cases_sin(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_sin, -7, 7);
}

void clg_cases_cos(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_cos, -7, 7);
}

void clg_cases_erf(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_erf, -3, 3);
}

/* A constant on each step: nothing flows. */
static void stepped(struct clg_cases *cases, clg_unary_op *op)
{
    clg_check_forward(cases, "special numbers", op(clg_case_special(cases, -9, 9)));
    clg_tensor x = clg_case_uniform(cases, clg_shape1(9), -3, 3);
    clg_check_twice(cases, "no gradient flows", clg_mul(x, op(x)));
}

void clg_cases_floor(struct clg_cases *cases)
{
    stepped(cases, clg_floor);
}

void clg_cases_round(struct clg_cases *cases)
{
    static const float halves[8] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 4.5f, 5.5f};
    stepped(cases, clg_round);
    clg_tensor x = clg_case_values(cases, clg_shape1(8), halves);
    clg_check_forward(cases, "halves go to the even", clg_round(x));
}

void clg_cases_detach(struct clg_cases *cases)
{
    clg_check_forward(cases, "special numbers", clg_detach(clg_case_special(cases, -9, 9)));
    static const float x[3] = {-2, 0.5f, 3};
    static const double slopes[3] = {-2, 0.5, 3};
    clg_tensor a = clg_case_values(cases, clg_shape1(3), x);
    clg_check_kink(cases, "x times x as a constant", clg_mul(a, clg_detach(a)), slopes);
}

static clg_tensor clip(clg_tensor x)
{
    return clg_clip(x, -1.5f, 2);
}

void clg_cases_clip(struct clg_cases *cases)
{
    static const float ends[4] = {-1.5f, 2, -1.6f, 2.1f};
    static const double slopes[4] = {1, 1, 0, 0};
    clg_unary_cases(cases, clip, -3, 3);
    clg_check_kink(cases, "at the ends", clip(clg_case_values(cases, clg_shape1(4), ends)), slopes);
    clg_check(cases, "hard tanh",
              clg_hard_tanh(clg_case_uniform(cases, clg_shape1(21), -3, 3), -1, 1));
}

void clg_cases_clip_grad(struct clg_cases *cases)
{
    static const float a[5] = {-4, -1, 0.5f, 1, 4};
    const struct clg_ew_attr attr = {.p = {-2, 2}};
    clg_tensor in[2] = {clg_case_special(cases, -5, 5),
                        clg_case_uniform(cases, clg_shape1(25), -1, 1)};
    clg_check_forward(cases, "special numbers",
                      clg_node_add(in[0].graph, CLG_OP(clip_grad), in, 2, &attr, NULL));
    in[0] = clg_constant(clg_case_graph(cases), CLG_F32, clg_shape1(5), a);
    in[1] = clg_case_uniform(cases, clg_shape2(3, 5), -1, 1);
    clg_check_twice(cases, "its derivatives",
                    clg_node_add(in[0].graph, CLG_OP(clip_grad), in, 2, &attr, NULL));
}

void clg_cases_cast(struct clg_cases *cases)
{
    static const float numbers[7] = {0, 1.75f, -1.75f, 16777215, -16777216, 0.99f, -0.0f};
    clg_tensor x = clg_case_values(cases, clg_shape1(7), numbers);
    clg_check_forward(cases, "to int32", clg_cast(x, CLG_I32));
    x = clg_case_integers(cases, clg_shape2(3, 41), 1 << 24);
    clg_check_forward(cases, "to float32", clg_cast(x, CLG_F32));
    x = clg_case_uniform(cases, clg_shape2(CLG_BATCH, 7), -9, 9);
    clg_tensor whole = clg_cast(clg_cast(x, CLG_I32), CLG_F32);
    clg_check_forward(cases, "there and back", clg_sub(x, whole));
}
