/* Random ops: the oracle draws the numbers that the device must draw. */
#include <math.h>
#include "selftest/oracle.h"
#include "selftest/special.h"

/* b is the uniform number. 1 - p rounds, then a division, or a reciprocal and a product. */
ELEMENTWISE(dropout, b >= p[0] ? a / (1 - p[0]) : 0, p[0] > 0 ? ULPS(4) : EXACT);

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
