/* Random ops: the oracle draws the numbers that the device must draw. */
#include <math.h>
#include "selftest/oracle.h"
#include "selftest/special.h"

/* b is the uniform number. 1 - p rounds, then a division, or a reciprocal and a product. */
ELEMENTWISE(dropout, b >= p[0] ? a / (1 - p[0]) : 0, p[0] > 0 ? ULPS(4) : EXACT);

/* b is the uniform number. */
ELEMENTWISE(uniform, b, EXACT);

void clg_cases_dropout(struct clg_cases *cases)
{
    clg_check_twice(cases, "half of (17, 67)",
                    clg_dropout(clg_case_uniform(cases, clg_shape2(17, 67), -1, 1), 0.5f));
    clg_check(cases, "none, p = 0",
              clg_dropout(clg_case_uniform(cases, clg_shape1(130), -1, 1), 0));
    clg_check(cases, "all, p = 1", clg_dropout(clg_case_uniform(cases, clg_shape1(63), -1, 1), 1));
    clg_check(cases, "a scalar", clg_dropout(clg_case_uniform(cases, clg_shape0(), -1, 1), 0.2f));
    clg_check(cases, "of the batch, 4 numbers a row",
              clg_dropout(clg_case_uniform(cases, clg_shape2(43 * CLG_BATCH, 4), 1, 2), 0.1f));
    clg_check_forward(cases, "special numbers", clg_dropout(clg_case_special(cases, -1, 1), 0.3f));
    clg_tensor x = clg_case_uniform(cases, clg_shape2(9, 65), -1, 1);
    clg_tensor row = clg_case_uniform(cases, clg_shape1(65), -1, 1);
    clg_check(cases, "between sums", clg_add(clg_dropout(clg_add(x, row), 0.5f), row));
}

static clg_tensor numbers(struct clg_cases *cases, clg_shape shape)
{
    return clg_case_uniform(cases, shape, -1, 1);
}

void clg_cases_uniform(struct clg_cases *cases)
{
    clg_tensor x = numbers(cases, clg_shape2(CLG_BATCH, 1025));
    clg_check_forward(cases, "(batch, 1025)",
                      clg_node_add(x.graph, CLG_OP(uniform), &x, 1, NULL, NULL));
    x = numbers(cases, clg_shape4(CLG_BATCH, 7, 3, 5));
    clg_check_twice(cases, "dropout2d", clg_dropout2d(clg_square(x), 0.5f));
    x = numbers(cases, clg_shape2(13, 67));
    clg_check(cases, "Gaussian noise", clg_gaussian_noise(x, 0.25f));
    x = clg_case_uniform(cases, clg_shape2(CLG_BATCH, 131), 0, 1);
    clg_check_forward(cases, "Bernoulli", clg_bernoulli(x));
    x = numbers(cases, clg_shape4(7, 2, 3, 5));
    clg_check(cases, "random flip", clg_random_flip(x, -1, 0.5f));
}
