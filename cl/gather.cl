/* gather.cl: rows by index, and rows added up by index. */
#include "row.clh"

/* y (n, cols): row i is row index[i] of table (R, cols); outside it is clamped and flagged. */
kernel void gather_rows(TENSOR(const float, table), TENSOR(const int, index), TENSOR(float, y),
                        global uint *block, const int R, const int n, const int cols)
{
    OPEN(const float, table);
    OPEN(const int, index);
    OPEN(float, y);
    FOR_ROWS(n)
    {
        const rowu r = ROW(n), to = r * (uint)cols;
        const rowi given = ROW_GETI(index, r), row = clamp(given, (rowi)(0), (rowi)(R - 1));
        RAISE_IF(row != given, block, RAISED_INDEX);
        const rowu from = TO_ROWU(row) * (uint)cols;
#define COPY(T, c) PUT(T, y, to, c, GET(T, table, from, c))
        ROW_EACH(cols, COPY)
    }
}

/* y (slices, R, cols): row k of slice s is the sum of the rows of x (n, cols) with index k, of those from
 * s slice on, in their order; an index outside is clamped, and flagged by the first part. Each of
 * `parts` has `per` rows of a slice, and looks through all its indices. */
#if !SHORT_ROWS
kernel void scatter_add(TENSOR(const float, x), TENSOR(const int, index), TENSOR(float, y),
                        global uint *block, const int R, const int n, const int cols,
                        const int per, const int parts, const int slice, const int slices)
{
    OPEN(const float, x);
    OPEN(const int, index);
    OPEN(float, y);
    FOR_ROWS(parts * slices)
    {
        const int u = ROW(parts * slices), p = u % parts, s = u / parts;
        const int first = p * per, end = min(first + per, R), last = min((s + 1) * slice, n);
        const uint table = (uint)s * R;
        for (int row = first; row < end; row++) {
            const uint to = (table + row) * cols;
#define ZERO(T, c) PUT(T, y, to, c, (T)(0.0f))
            ROW_EACH(cols, ZERO)
        }
        for (int i = s * slice; i < last; i++) {
            const int given = index[i], row = clamp(given, 0, R - 1);
            if (p == 0 && row != given)
                raise(block, RAISED_INDEX);
            if (row < first || row >= end)
                continue;
            const uint from = (uint)i * cols, to = (table + row) * cols;
#define ADD(T, c) PUT(T, y, to, c, GET(T, y, to, c) + GET(T, x, from, c))
            ROW_EACH(cols, ADD)
        }
    }
}
#endif
