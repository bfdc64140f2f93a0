/* sum.cl: sums over a dimension, in chunks whose partial sums a second pass adds up. Part p of the R
 * numbers is [p chunk, (p + 1) chunk); which pass adds what depends on sizes alone. */
#include "row.clh"

/* y (A, parts) = sums of the parts of the rows of x (A, R), over count */
kernel void sum_rows(TENSOR(const float, x), TENSOR(float, y), const int A, const int R,
                     const int chunk, const int parts, const float count)
{
    OPEN(const float, x);
    OPEN(float, y);
    ROW_LOCAL;
    FOR_ROWS(A * parts)
    {
        const rowu u = ROW(A * parts);
#if SHORT_ROWS /* one part */
        const rowu at = u * (uint)R;
        const int n = min(chunk, R);
#else
        const int first = u % parts * chunk, n = min(chunk, R - first);
        const uint at = u / parts * R + first;
#endif
        rowf s;
#define X(T, i) GET(T, x, at, i)
        ROW_SUM(s, n, X)
        ROW_PUT(y, u, s / count);
    }
}

/* y (A, parts, C) = sums of the parts of x (A, R, C) over R, over count. A work-item or work-group takes a
 * strip of columns of one part. */
#if SHORT_ROWS
#elif FORM_ITEM

#define STRIP (4 * VW)

kernel void sum_columns(TENSOR(const float, x), TENSOR(float, y), const int A, const int R,
                        const int C, const int chunk, const int parts, const float count)
{
    OPEN(const float, x);
    OPEN(float, y);
    const int strips = (C + STRIP - 1) / STRIP;
    FOR_ROWS(A * parts * strips)
    {
        const uint u = ROW(A * parts * strips);
        const int c = u % strips * STRIP, part = u / strips % parts, a = u / strips / parts;
        const int n = min(chunk, R - part * chunk), width = min(STRIP, C - c);
        global const float *from = x + ((uint)(a * R + part * chunk) * C + c);
        global float *to = y + ((uint)(a * parts + part) * C + c);
        if (width == STRIP) {
            const floatv zero = (floatv)(0.0f);
            floatv s0 = zero, s1 = zero, s2 = zero, s3 = zero;
            for (int r = 0; r < n;) { /* ADD_UP in blocks, of four vectors */
                const int end = min(n, r + SUM_BLOCK);
                floatv t0 = zero, t1 = zero, t2 = zero, t3 = zero;
                for (; r < end; r++, from += C) {
                    t0 += LOADV(from);
                    t1 += LOADV(from + VW);
                    t2 += LOADV(from + 2 * VW);
                    t3 += LOADV(from + 3 * VW);
                }
                s0 += t0;
                s1 += t1;
                s2 += t2;
                s3 += t3;
            }
            STOREV(s0 / count, to);
            STOREV(s1 / count, to + VW);
            STOREV(s2 / count, to + 2 * VW);
            STOREV(s3 / count, to + 3 * VW);
        } else {
            int i = 0;
            for (; i <= width - VW; i += VW) {
                floatv s = (floatv)(0.0f);
                int r = 0;
#define VECTOR(T, r) LOADV(from + (uint)(r) * C + i)
                ADD_UP(floatv, s, r, n, 1, VECTOR)
                STOREV(s / count, to + i);
            }
            for (; i < width; i++) {
                float s = 0.0f;
                int r = 0;
#define NUMBER(T, r) from[(uint)(r) * C + i]
                ADD_UP(float, s, r, n, 1, NUMBER)
                to[i] = s / count;
            }
        }
    }
}

#else

#define STRIP (LOCAL < 32 ? LOCAL : 32)

kernel void sum_columns(TENSOR(const float, x), TENSOR(float, y), const int A, const int R,
                        const int C, const int chunk, const int parts, const float count)
{
    OPEN(const float, x);
    OPEN(float, y);
    local float memory[LOCAL];
    const int strips = (C + STRIP - 1) / STRIP;
    const uint l = get_local_id(0);
    FOR_ROWS(A * parts * strips)
    {
        const uint u = ROW(A * parts * strips);
        const int c = u % strips * STRIP + l % STRIP;
        const int part = u / strips % parts, a = u / strips / parts;
        const int n = min(chunk, R - part * chunk);
        global const float *from = x + ((uint)(a * R + part * chunk) * C + c);
        const int end = c < C ? n : 0;
        float s = 0.0f;
        int r = l / STRIP;
#define NUMBER(T, r) from[(uint)(r) * C]
        ADD_UP(float, s, r, end, LOCAL / STRIP, NUMBER)
        barrier(CLK_LOCAL_MEM_FENCE);
        memory[l] = s;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint k = LOCAL / 2; k >= STRIP; k /= 2) {
            if (l < k)
                memory[l] += memory[l + k];
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        if (l < STRIP && c < C)
            y[(uint)(a * parts + part) * C + c] = memory[l] / count;
    }
}

#endif
