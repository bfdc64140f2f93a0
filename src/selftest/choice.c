/* Comparisons, logic and choice: exact. */
#include <math.h>
#include "selftest/cases.h"
#include "selftest/oracle.h"
#include "selftest/special.h"

ELEMENTWISE(eq, a == b, EXACT);
ELEMENTWISE(lt, a < b, EXACT);
ELEMENTWISE(gt, a > b, EXACT);
ELEMENTWISE(and, a != 0 && b != 0, EXACT);
ELEMENTWISE(or, a != 0 || b != 0, EXACT);
ELEMENTWISE(not, a == 0, EXACT);
ELEMENTWISE(where, a != 0 ? b : c, EXACT);

/* Special numbers against themselves, and against uniform ones. */
static void compared(struct clg_cases *cases, clg_binary_op *op)
{
    clg_tensor a = clg_case_special(cases, -1, 1), b = clg_case_special(cases, -1, 1);
    clg_check_forward(cases, "special numbers with themselves", op(a, b));
    a = clg_case_special(cases, -1, 1);
    clg_check_forward(cases, "special numbers and a row",
                      op(a, clg_case_uniform(cases, clg_shape1(25), -1, 1)));
    a = clg_case_integers(cases, clg_shape2(CLG_BATCH, 7), 2);
    clg_check_forward(cases, "integers", op(a, clg_case_integers(cases, clg_shape1(7), 2)));
}

void clg_cases_eq(struct clg_cases *cases)
{
    compared(cases, clg_eq);
    clg_tensor w = clg_case_uniform(cases, clg_shape2(7, 3), -1, 1);
    clg_tensor rows = clg_one_hot(clg_case_integers(cases, clg_shape1(CLG_BATCH), 7), 7);
    clg_check(cases, "rows by one_hot", clg_matmul(rows, w, false, false));
}

void clg_cases_lt(struct clg_cases *cases)
{
    compared(cases, clg_lt);
}

void clg_cases_gt(struct clg_cases *cases)
{
    compared(cases, clg_gt);
}

void clg_cases_and(struct clg_cases *cases)
{
    compared(cases, clg_and);
}

void clg_cases_or(struct clg_cases *cases)
{
    compared(cases, clg_or);
}

void clg_cases_not(struct clg_cases *cases)
{
    clg_check_forward(cases, "special numbers", clg_not(clg_case_special(cases, -1, 1)));
    clg_check_forward(cases, "integers", clg_not(clg_case_integers(cases, clg_shape1(19), 2)));
}

static clg_tensor mask(struct clg_cases *cases)
{
    static const float values[5] = {0, 1, -0.0f, 2, NAN};
    return clg_constant(clg_case_graph(cases), CLG_F32, clg_shape1(5), values);
}

void clg_cases_where(struct clg_cases *cases)
{
    clg_tensor c = clg_case_integers(cases, clg_shape2(41, 1), 2);
    clg_tensor a = clg_case_special(cases, -1, 1), b = clg_case_special(cases, -9, 9);
    clg_check_forward(cases, "special numbers", clg_where(c, a, clg_neg(b)));
    a = clg_case_uniform(cases, clg_shape2(3, 1), -1, 1);
    b = clg_case_uniform(cases, clg_shape1(5), -1, 1);
    clg_check_twice(cases, "squares by a row of zeros and ones",
                    clg_square(clg_where(mask(cases), a, b)));
    a = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 5, 3), -2, 2);
    b = clg_case_uniform(cases, clg_shape1(5), 0.1, 0.5);
    clg_check(cases, "prelu by channel", clg_prelu(a, b));
    clg_check(cases, "elu", clg_elu(clg_case_uniform(cases, clg_shape1(21), -3, 3), 0.7f));
    clg_check(cases, "celu", clg_celu(clg_case_uniform(cases, clg_shape1(21), -3, 3), 0.7f));
}
