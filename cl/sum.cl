/* sum.cl: sums over a dimension, in chunks whose partial sums a second pass adds up. Part p of the R
 * numbers is [p chunk, (p + 1) chunk); which pass adds what depends on sizes alone. */
#include "row.clh"

/* y (A, parts) = scale * sums of the parts of the rows of x (A, R) */
kernel void sum_rows(TENSOR(const float, x), TENSOR(float, y), const int A, const int R,
                     const int chunk, const int parts, const float scale)
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
        ROW_PUT(y, u, s * scale);
    }
}

/* y (A, parts, C) = scale * sums of the parts of x (A, R, C) over R. A work-item or work-group takes a
 * strip of columns of one part. */
#if SHORT_ROWS
#elif FORM_ITEM

#define STRIP (4 * VW)

kernel void sum_columns(TENSOR(const float, x), TENSOR(float, y), const int A, const int R,
                        const int C, const int chunk, const int parts, const float scale)
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
            floatv s0 = (floatv)(0.0f), s1 = s0, s2 = s0, s3 = s0;
            for (int r = 0; r < n; r++, from += C) {
                s0 += LOADV(from);
                s1 += LOADV(from + VW);
                s2 += LOADV(from + 2 * VW);
                s3 += LOADV(from + 3 * VW);
            }
            STOREV(s0 * scale, to);
            STOREV(s1 * scale, to + VW);
            STOREV(s2 * scale, to + 2 * VW);
            STOREV(s3 * scale, to + 3 * VW);
        } else {
            int i = 0;
            for (; i <= width - VW; i += VW) {
                floatv s = (floatv)(0.0f);
                for (int r = 0; r < n; r++)
                    s += LOADV(from + (uint)r * C + i);
                STOREV(s * scale, to + i);
            }
            for (; i < width; i++) {
                float s = 0.0f;
                for (int r = 0; r < n; r++)
                    s += from[(uint)r * C + i];
                to[i] = s * scale;
            }
        }
    }
}

#else

#define STRIP (LOCAL < 32 ? LOCAL : 32)

kernel void sum_columns(TENSOR(const float, x), TENSOR(float, y), const int A, const int R,
                        const int C, const int chunk, const int parts, const float scale)
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
        float s = 0.0f;
        if (c < C)
            for (int r = l / STRIP; r < n; r += LOCAL / STRIP)
                s += from[(uint)r * C];
        barrier(CLK_LOCAL_MEM_FENCE);
        memory[l] = s;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint k = LOCAL / 2; k >= STRIP; k /= 2) {
            if (l < k)
                memory[l] += memory[l + k];
            barrier(CLK_LOCAL_MEM_FENCE);
        }
        if (l < STRIP && c < C)
            y[(uint)(a * parts + part) * C + c] = memory[l] * scale;
    }
}

#endif
