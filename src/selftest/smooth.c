/* Activations beyond those of activation.c, compositions too. Errors: OpenCL C 1.2, table 7.1 (erfc
 * 16 ulp, exp 3, log1p 2). */
#include <float.h>
#include <math.h>
#include "selftest/cases.h"
#include "selftest/oracle.h"
#include "selftest/special.h"

#define BELL (0.3989422804014327 * exp(-a * a / 2))
#define TAIL (0.5 * erfc(-a * 0.7071067811865476))

/* erfc(z) changes by 2 z / sqrt(pi) e^(-z^2) / erfc(z) < 2 z^2 + 1 times what z = -a / sqrt(2) is
 * off, which is two roundings. What erfc flushes weighs a. */
#define TAIL_ERROR (CLG_ROUND * 2 * (a * a + 1) + 34 * CLG_ROUND)

ELEMENTWISE(gelu, a *TAIL,
            fabs(r) > 0 ? fabs(r) * TAIL_ERROR + ULPS(1) + FLT_MIN * fabs(a) : FLT_MIN * fabs(a));
/* a^2 / 2 is off by two roundings; products follow. */
ELEMENTWISE(gelu_grad, b *(TAIL + (isinf(a) ? 0 * a : a * BELL)),
            isfinite(a)
                ? fabs(b) * (TAIL * TAIL_ERROR + fabs(a) * BELL * CLG_ROUND * (a * a * 2 + 12) +
                             FLT_MIN * (fabs(a) + 1)) +
                      ULPS(1.5)
                : EXACT);
/* e^a is off by 3 ulp, and weighs e^a / (1 + e^a) / ln(1 + e^a) <= 1. */
ELEMENTWISE(softplus, a > 20 ? a : log1p(exp(a)), a > 20 ? EXACT : ULPS(6));

static clg_tensor gelu_of(clg_tensor x)
{
    return clg_gelu(x);
}

static clg_tensor mixed(struct clg_cases *cases)
{
    return clg_case_uniform(cases, clg_shape2(5, 7), -3, 3);
}

void clg_cases_gelu(struct clg_cases *cases)
{
    clg_unary_cases(cases, gelu_of, -5, 5);
    clg_check_forward(cases, "tails", clg_gelu(clg_case_uniform(cases, clg_shape1(1025), -14, 14)));
    clg_check(cases, "by tanh", clg_gelu_tanh(mixed(cases)));
    clg_check(cases, "silu", clg_silu(mixed(cases)));
}

static clg_tensor gate(clg_tensor a, clg_tensor b)
{
    return clg_node_add(a.graph, CLG_OP(gelu_grad), (clg_tensor[]){a, b}, 2, NULL, NULL);
}

void clg_cases_gelu_grad(struct clg_cases *cases)
{
    clg_tensor a = clg_case_uniform(cases, clg_shape1(1025), -9, 9);
    clg_check_forward(cases, "tails", gate(a, clg_case_uniform(cases, clg_shape1(1), -1, 1)));
    a = clg_case_uniform(cases, clg_shape2(3, 7), -4, 4);
    clg_check_twice(cases, "its derivatives",
                    gate(a, clg_case_uniform(cases, clg_shape1(7), -1, 1)));
}

void clg_cases_softplus(struct clg_cases *cases)
{
    clg_unary_cases(cases, clg_softplus, -5, 5);
    clg_check_forward(cases, "about the threshold",
                      clg_softplus(clg_case_uniform(cases, clg_shape1(257), 15, 25)));
    clg_check_twice(cases, "beta 2, threshold 1", clg_softplus_with(mixed(cases), 2, 1));
    clg_check(cases, "mish", clg_mish(mixed(cases)));
    clg_check(cases, "softsign", clg_softsign(mixed(cases)));
    clg_check(cases, "log_sigmoid", clg_log_sigmoid(mixed(cases)));
    clg_check_forward(cases, "log_sigmoid, far out",
                      clg_log_sigmoid(clg_case_uniform(cases, clg_shape1(257), -100, 100)));
}
