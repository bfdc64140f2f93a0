/* strided.cl: y[i . ys] = x[i . xs] for every index i below d, of 8 dimensions (1 and stride 0 where
 * there are fewer). */
#include "common.clh"

#define DIMENSION(k) const int d##k, const int xs##k, const int ys##k

kernel void strided_copy(TENSOR(const float, x), TENSOR(float, y), DIMENSION(0), DIMENSION(1),
                         DIMENSION(2), DIMENSION(3), DIMENSION(4), DIMENSION(5), DIMENSION(6),
                         DIMENSION(7))
{
    OPEN(const float, x);
    OPEN(float, y);
    const int rows = d0 * d1 * d2 * d3 * d4 * d5 * d6;
/* Takes dimension k off the flat index at, and moves along it on both sides. */
#define STEP(k)                       \
    {                                 \
        const int i_ = at % d##k;     \
        at /= d##k;                   \
        from += i_ * xs##k;           \
        to += i_ * ys##k;             \
    }
#define STEP_ROWS STEP(6) STEP(5) STEP(4) STEP(3) STEP(2) STEP(1) STEP(0)
#if FORM_ITEM
    for (uint r = work_item(); r < (uint)rows; r += get_global_size(0)) {
        int at = r, from = 0, to = 0;
        STEP_ROWS
        int i = 0;
        for (; xs7 == 1 && ys7 == 1 && i <= d7 - VW; i += VW)
            STOREV(LOADV(x + from + i), y + to + i);
        for (; i < d7; i++)
            y[to + i * ys7] = x[from + i * xs7];
    }
#else
    for (uint e = work_item(); e < (uint)(rows * d7); e += get_global_size(0)) {
        int at = e, from = 0, to = 0;
        STEP(7)
        STEP_ROWS
        y[to] = x[from];
    }
#endif
}

/* y[begin + i step] = x[i] for every index i below n, value elsewhere; y of 8 dimensions d. */
#define PLACES(k) const int e##k, const int n##k, const int b##k, const int s##k

kernel void embed(TENSOR(const float, x), TENSOR(float, y), PLACES(0), PLACES(1), PLACES(2),
                  PLACES(3), PLACES(4), PLACES(5), PLACES(6), PLACES(7), const float value)
{
    OPEN(const float, x);
    OPEN(float, y);
    const int rows = e0 * e1 * e2 * e3 * e4 * e5 * e6;
/* Where index i of y comes from along dimension k. */
#define SOURCE(k, i)                                     \
    {                                                    \
        const int off_ = (i) - b##k, j_ = off_ / s##k;   \
        here = here && j_ * s##k == off_ && j_ >= 0 && j_ < n##k; \
        from += j_ * scale;                              \
        scale *= n##k;                                   \
    }
#define TAKE(k)            \
    {                      \
        SOURCE(k, at % e##k) \
        at /= e##k;        \
    }
#define TAKE_ROWS TAKE(6) TAKE(5) TAKE(4) TAKE(3) TAKE(2) TAKE(1) TAKE(0)
#if FORM_ITEM
    for (uint r = work_item(); r < (uint)rows; r += get_global_size(0)) {
        int at = r, from = 0, scale = n7, here = 1;
        TAKE_ROWS
        global float *to = y + r * (uint)e7;
        for (int i = 0; i < e7; i++) {
            const int off = i - b7, j = s7 == 1 ? off : off / s7;
            to[i] = here && j * s7 == off && j >= 0 && j < n7 ? x[from + j] : value;
        }
    }
#else
    for (uint e = work_item(); e < (uint)(rows * e7); e += get_global_size(0)) {
        int at = e, from = 0, scale = 1, here = 1;
        TAKE(7)
        TAKE_ROWS
        y[e] = here ? x[from] : value;
    }
#endif
}
