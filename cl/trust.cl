/* trust.cl: the factors of rules that scale each parameter's step (TRUST of src/optim/optim.def).
 *
 * trust (3 segments): of each segment the factor, which this writes; then the sums of w^2, and those of r^2,
 * that the rule's _norms kernel wrote. ranges: first segment and number of segments of each parameter. */
#include "row.clh"

#if !SHORT_ROWS

#define OF_W(T, i) GET(T, trust, (uint)(segments + first), i)
#define OF_R(T, i) GET(T, trust, (uint)(2 * segments + first), i)

/* |w| / |r| of the parameter, 1 where either is 0; NaN where a square is not finite, which refuses the step. */
kernel void measure_trust(global float *trust, global const int2 *ranges, const int segments, const int parameters)
{
    ROW_LOCAL;
    FOR_ROWS(parameters)
    {
        const uint r = ROW(parameters);
        const int first = ranges[r].x, n = ranges[r].y;
        float of_w, of_r;
        ROW_SUM(of_w, n, OF_W)
        ROW_SUM(of_r, n, OF_R)
        const float ratio = of_w > 0 && of_r > 0 ? sqrt(of_w) / sqrt(of_r) : 1;
        const float factor = isfinite(of_w + of_r) ? ratio : NAN;
#define X(T, i) PUT(T, trust, (uint)first, i, (T)(factor))
        ROW_EACH(n, X)
#undef X
    }
}

#endif
