#include <float.h>
#include <math.h>
#include "selftest/suite.h"

/* The error in units of the tolerance, to which goes what the oracle's own double precision is off.
 * A result below the smallest normal number may be flushed. */
double clg_error_units(double want, double error, double got)
{
    if (isnan(want))
        return isnan(got) ? 0 : INFINITY;
    if (isinf(want) || isinf(got))
        return want == got ? 0 : INFINITY;
    double difference = fabs(got - want);
    return difference == 0 ? 0 : difference / (error + 0x1p-50 * fabs(want) + FLT_MIN);
}

static double element(const struct clg_oracle_array *like, const void *data, int64_t i)
{
    return like->dtype == CLG_I32 ? (double)((const int32_t *)data)[i]
                                  : (double)((const float *)data)[i];
}

void clg_compare(struct clg_cases *cases, const struct clg_oracle_array *want, const void *got,
                 double *worst, const char *where)
{
    for (int64_t i = 0; i < want->count; i++) {
        double value = element(want, got, i);
        double units = clg_error_units(want->value[i], want->error[i], value);
        if (units <= *worst)
            continue;
        *worst = isnan(units) ? INFINITY : units;
        if (!(units <= 1))
            clg_suite_fail(
                cases,
                "%s: element %lld is %.10g, must be %.10g within %.3g (from OpenCL's table "
                "of error bounds and the lengths of sums)",
                where, (long long)i, value, want->value[i], want->error[i] + FLT_MIN);
    }
}
