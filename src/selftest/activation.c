/* Activations. Errors: exp 3 ulp, tanh 5, division 2.5 (OpenCL C 1.2, table 7.1). */
#include <math.h>
#include "selftest/oracle.h"
#include "selftest/special.h"

ELEMENTWISE(relu, a <= 0 ? 0 : a, EXACT);
ELEMENTWISE(relu_grad, a <= 0 ? 0 : b, EXACT);
ELEMENTWISE(leaky_relu, a > 0 ? a : p[0] * a, ULPS(0.5));
ELEMENTWISE(leaky_relu_grad, a > 0 ? b : p[0] * b, ULPS(0.5));
/* e = e^-a is off by 3 ulp; in 1 / (1 + e) that weighs e / (1 + e) = 1 - r. */
ELEMENTWISE(sigmoid, 1 / (1 + exp(-a)), 2 * CLG_ROUND * r * (3 * (1 - r) + 0.5) + ULPS(2.5));
ELEMENTWISE(tanh, tanh(a), ULPS(5));
/* a / 6 rounds the factor and the product, or divides. */
ELEMENTWISE(hard_sigmoid, isnan(a) ? a : fmin(fmax(a / 6 + 0.5, 0), 1),
            fabs(a) > 4 ? EXACT : 5 * CLG_ROUND * fabs(a / 6) + ULPS(0.5));
ELEMENTWISE(hard_sigmoid_grad, a > -3 && a < 3 ? b / 6 : 0, ULPS(2.5));

void clg_cases_relu(struct clg_cases *cases)
{
    static const float zeros[2] = {0, -0.0f};
    static const double slopes[2] = {0, 0};
    clg_unary_cases(cases, clg_relu, -3, 3);
    clg_check_kink(cases, "at 0", clg_relu(clg_case_values(cases, clg_shape1(2), zeros)), slopes);
}

/* b flows where a says so: a is the forward pass's business, and has no gradient here. */
static void gate_cases(struct clg_cases *cases, const struct clg_op *op, float p0)
{
    struct clg_ew_attr attr = {.p = {p0}};
    clg_tensor in[2] = {clg_case_special(cases, -5, 5),
                        clg_case_uniform(cases, clg_shape1(25), -1, 1)};
    clg_check_forward(cases, "special numbers", clg_node_add(in[0].graph, op, in, 2, &attr, NULL));
    static const float a[7] = {-4, -2, -1, 0.5f, 1, 2, 4};
    in[0] = clg_constant(clg_case_graph(cases), CLG_F32, clg_shape1(7), a);
    in[1] = clg_case_uniform(cases, clg_shape2(3, 7), -1, 1);
    clg_check_twice(cases, "its derivatives", clg_node_add(in[0].graph, op, in, 2, &attr, NULL));
}

void clg_cases_relu_grad(struct clg_cases *cases)
{
    gate_cases(cases, CLG_OP(relu_grad), 0);
}

static clg_tensor leaky(clg_tensor x)
{
    return clg_leaky_relu(x, 0.01f);
}

void clg_cases_leaky_relu(struct clg_cases *cases)
{
    static const float zeros[1] = {0};
    static const double slopes[1] = {0.25};
    clg_unary_cases(cases, leaky, -3, 3);
    clg_check_kink(cases, "at 0",
                   clg_leaky_relu(clg_case_values(cases, clg_shape1(1), zeros), 0.25f), slopes);
}

void clg_cases_leaky_relu_grad(struct clg_cases *cases)
{
    gate_cases(cases, CLG_OP(leaky_relu_grad), 0.01f);
}

void clg_cases_sigmoid(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_sigmoid, -6, 6);
}

void clg_cases_tanh(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_tanh, -4, 4);
}

void clg_cases_hard_sigmoid(struct clg_cases *cases)
{
    static const float ends[2] = {-3, 3};
    static const double slopes[2] = {0, 0};
    clg_unary_cases(cases, clg_hard_sigmoid, -5, 5);
    clg_check_kink(cases, "at the ends",
                   clg_hard_sigmoid(clg_case_values(cases, clg_shape1(2), ends)), slopes);
}

void clg_cases_hard_sigmoid_grad(struct clg_cases *cases)
{
    gate_cases(cases, CLG_OP(hard_sigmoid_grad), 0);
}
