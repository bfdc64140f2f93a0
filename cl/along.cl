/* along.cl: along one dimension. A work-item takes a line or an element at a time, in both forms. */
#include "common.clh"

#define FOR_LINES(l, count) for (uint l = work_item(); l < (uint)(count); l += get_global_size(0))

/* y (rows, K) = x (rows, C) at index (rows, K); outside it is clamped and flagged. */
kernel void take_along(TENSOR(const float, x), TENSOR(const int, index), TENSOR(float, y),
                       global uint *block, const int count, const int C, const int K)
{
    OPEN(const float, x);
    OPEN(const int, index);
    OPEN(float, y);
    FOR_LINES(e, count)
    {
        const int given = index[e], i = clamp(given, 0, C - 1);
        if (i != given)
            raise(block, RAISED_INDEX);
        y[e] = x[e / (uint)K * (uint)C + (uint)i];
    }
}

/* y[r, c] (rows, C) = the sum of the x[r, k] (rows, K) with index[r, k] = c, in their order. */
kernel void add_along(TENSOR(const float, x), TENSOR(const int, index), TENSOR(float, y),
                      const int count, const int C, const int K)
{
    OPEN(const float, x);
    OPEN(const int, index);
    OPEN(float, y);
    FOR_LINES(e, count)
    {
        const uint r = e / (uint)C, at = r * (uint)K;
        const int c = e - r * (uint)C;
        float sum = 0.0f;
        int k = 0;
#define FOUND(T, k) (clamp(index[at + (k)], 0, C - 1) == c ? x[at + (k)] : 0.0f)
        ADD_UP(float, sum, k, K, 1, FOUND)
        y[e] = sum;
    }
}

/* y[a, r, c] = the sum of x[a, i, c] over i <= r, or with reverse over i >= r. Part p of the R numbers
 * is [p chunk, (p + 1) chunk); done (A, parts, C) has the running sums of the parts' sums, if there is
 * more than one. y may be x. */
kernel void cumsum(TENSOR(const float, x), TENSOR(const float, done), TENSOR(float, y), const int A,
                   const int R, const int C, const int chunk, const int parts, const int reverse)
{
    OPEN(const float, x);
    OPEN(const float, done);
    OPEN(float, y);
    FOR_LINES(l, A * parts * C)
    {
        const int c = l % (uint)C, p = l / (uint)C % (uint)parts, a = l / (uint)C / (uint)parts;
        const int n = min(chunk, R - p * chunk), before = reverse ? p + 1 : p - 1;
        const uint first = (uint)(a * R + p * chunk) * (uint)C + (uint)c;
        float total = 0.0f;
        if (before >= 0 && before < parts)
            total = done[(uint)(a * parts + before) * (uint)C + (uint)c];
        int i = 0;
        while (i < n) { /* as ADD_UP */
            const int many = i + min(n - i, SUM_BLOCKS * SUM_BLOCK);
            float sums = 0.0f;
            while (i < many) {
                const int few = i + min(many - i, SUM_BLOCK);
                float sum = 0.0f;
                for (; i < few; i++) {
                    const uint at = first + (uint)(reverse ? n - 1 - i : i) * (uint)C;
                    sum += x[at];
                    y[at] = total + (sums + sum);
                }
                sums += sum;
            }
            total += sums;
        }
    }
}

/* Integers in the order of floats, -0 as 0, NaN above all. */
INLINE int order_of(const float v)
{
    const int bits = as_int(v + 0.0f);
    return v == v ? bits ^ ((bits >> 31) & 0x7fffffff) : INT_MAX;
}

/* y (rows, k): indices of the k largest x (rows, cols), the largest first, equal ones by index. */
kernel void topk(TENSOR(const float, x), TENSOR(int, y), const int rows, const int cols, const int k)
{
    OPEN(const float, x);
    OPEN(int, y);
    FOR_LINES(r, rows)
    {
        const uint at = r * (uint)cols;
        int before = INT_MAX, last = -1;
        for (int j = 0; j < k; j++) {
            int best = INT_MIN, found = -1;
            for (int i = 0; i < cols; i++) {
                const int v = order_of(x[at + i]);
                const bool left = v < before || (v == before && i > last);
                if (left && (found < 0 || v > best)) {
                    best = v;
                    found = i;
                }
            }
            y[r * (uint)k + j] = found;
            before = best;
            last = found;
        }
    }
}

/* y (rows) = the product of x (rows, cols) */
kernel void row_product(TENSOR(const float, x), TENSOR(float, y), const int rows, const int cols)
{
    OPEN(const float, x);
    OPEN(float, y);
    FOR_LINES(r, rows)
    {
        float product = 1.0f;
        for (int i = 0; i < cols; i++)
            product *= x[r * (uint)cols + i];
        y[r] = product;
    }
}

/* dx[r, i] = dy[r] times the product of all x[r, j] but x[r, i]: those before it, then those after. */
kernel void others_product(TENSOR(const float, x), TENSOR(const float, dy), TENSOR(float, dx),
                           const int rows, const int cols)
{
    OPEN(const float, x);
    OPEN(const float, dy);
    OPEN(float, dx);
    FOR_LINES(r, rows)
    {
        const uint at = r * (uint)cols;
        float product = dy[r];
        for (int i = 0; i < cols; i++) {
            dx[at + i] = product;
            product *= x[at + i];
        }
        product = 1.0f;
        for (int i = cols - 1; i >= 0; i--) {
            dx[at + i] *= product;
            product *= x[at + i];
        }
    }
}
