/* loss.cl: cross-entropy and predictions over rows of logits x (rows, cols). */
#include "row.clh"

#define WANT_LOSS     1
#define WANT_GRADIENT 2

#define X(T, i) GET(T, x, at, i)

/* loss = ln sum_j e^(x_j - m) + m - x_label,
 * dx_i = (e^(x_i - m) / sum_j e^(x_j - m) - [i = label]) scale, m = max_j x_j. */
kernel void cross_entropy(TENSOR(const float, x), TENSOR(const int, labels), TENSOR(float, loss),
                          TENSOR(float, dx), global uint *block, const int rows, const int cols,
                          const float scale, const int wants)
{
    OPEN(const float, x);
    OPEN(const int, labels);
    OPEN(float, loss);
    OPEN(float, dx);
    ROW_LOCAL;
    FOR_ROWS(rows)
    {
        const rowu r = ROW(rows), at = r * (uint)cols;
        const rowi given = ROW_GETI(labels, r), label = clamp(given, (rowi)(0), (rowi)(cols - 1));
        RAISE_IF(label != given, block, RAISED_INDEX);
        rowf m, s;
        ROW_MAX(m, cols, X)
#define EXP(T, i)      exp(X(T, i) - (T)(m))
#define KEEP_EXP(T, i) KEEP(T, dx, at, i, EXP(T, i))
        if (wants & WANT_GRADIENT)
            LANE_SUM(s, cols, KEEP_EXP)
        else
            LANE_SUM(s, cols, EXP)
        s = ROW_TOTAL(s);
        const rowf share = (rowf)(1.0f) / s;
#define GRADIENT(T, i) \
    PUT(T, dx, at, i, (GET(T, dx, at, i) * (T)(share) - IS(T, i, label)) * (T)(scale))
        if (wants & WANT_GRADIENT)
            ROW_EACH(cols, GRADIENT)
        if (wants & WANT_LOSS)
            ROW_PUT(loss, r, log(s) + (m - PICK(x, at, label)));
    }
}

/* y (rows) = argmax_i x_i */
kernel void argmax(TENSOR(const float, x), TENSOR(int, y), const int rows, const int cols)
{
    OPEN(const float, x);
    OPEN(int, y);
    ROW_LOCAL;
    FOR_ROWS(rows)
    {
        const rowu r = ROW(rows), at = r * (uint)cols;
        rowi best;
        ROW_ARGMAX(best, cols, X)
        ROW_PUTI(y, r, best);
    }
}

/* y (rows) = [argmax_i x_i = label] */
kernel void hits(TENSOR(const float, x), TENSOR(const int, labels), TENSOR(float, y),
                 const int rows, const int cols)
{
    OPEN(const float, x);
    OPEN(const int, labels);
    OPEN(float, y);
    ROW_LOCAL;
    FOR_ROWS(rows)
    {
        const rowu r = ROW(rows), at = r * (uint)cols;
        rowi best;
        ROW_ARGMAX(best, cols, X)
        ROW_PUT(y, r, best == ROW_GETI(labels, r) ? (rowf)(1.0f) : (rowf)(0.0f));
    }
}
