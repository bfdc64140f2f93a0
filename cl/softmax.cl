/* softmax.cl: softmax and its logarithm over rows, and their gradients. x, y, dx, dy (rows, cols). */
#include "row.clh"

#define X(T, i)        GET(T, x, at, i)
#define Y(T, i)        GET(T, y, at, i)
#define DY(T, i)       GET(T, dy, at, i)
#define EXP(T, i)      exp(X(T, i) - (T)(m))
#define KEEP_EXP(T, i) KEEP(T, y, at, i, EXP(T, i))

/* y_i = e^(x_i - m) / sum_j e^(x_j - m), m = max_j x_j; a row of -infinity gives NaN. */
kernel void softmax(TENSOR(const float, x), TENSOR(float, y), const int rows, const int cols)
{
    OPEN(const float, x);
    OPEN(float, y);
    ROW_LOCAL;
    FOR_ROWS(rows)
    {
        const rowu r = ROW(rows), at = r * (uint)cols;
        rowf m, s;
        ROW_MAX(m, cols, X)
        ROW_SUM(s, cols, KEEP_EXP)
        const rowf share = (rowf)(1.0f) / s;
#define SOFTMAX(T, i) PUT(T, y, at, i, Y(T, i) * (T)(share))
        ROW_EACH(cols, SOFTMAX)
    }
}

/* The same over the first columns of each row, 0 behind them: up to the row's own index t among the T
 * rows of its matrix (causal), and up to its length, one for `per` rows each (with_lengths). A row
 * that sees nothing is 0: of no columns, or of -infinity. y may be x. */
kernel void masked_softmax(TENSOR(const float, x), TENSOR(const int, lengths), TENSOR(float, y),
                           const int rows, const int cols, const int T, const int per,
                           const int causal, const int with_lengths)
{
    OPEN(const float, x);
    OPEN(const int, lengths);
    OPEN(float, y);
    ROW_LOCAL;
    FOR_ROWS(rows)
    {
        const rowu r = ROW(rows), at = r * (uint)cols;
        rowu limit = (rowu)((uint)cols);
        if (causal)
            limit = min(limit, r % (uint)T + 1u);
        if (with_lengths)
            limit = min(limit, TO_ROWU(max(ROW_GETI(lengths, r / (uint)per), (rowi)(0))));
        rowf m, s;
#define SEEN(T_, i) BELOW(T_, i, limit, X(T_, i))
        ROW_MAX(m, cols, SEEN)
        m = m > (rowf)(-INFINITY) ? m : (rowf)(0.0f);
#define SEEN_EXP(T_, i)      exp(SEEN(T_, i) - (T_)(m))
#define KEEP_SEEN_EXP(T_, i) KEEP(T_, y, at, i, SEEN_EXP(T_, i))
        ROW_SUM(s, cols, KEEP_SEEN_EXP)
        const rowf share = s == (rowf)(0.0f) ? s : (rowf)(1.0f) / s;
#define MASKED_SOFTMAX(T_, i) PUT(T_, y, at, i, Y(T_, i) * (T_)(share))
        ROW_EACH(cols, MASKED_SOFTMAX)
    }
}

/* dx_i = y_i (dy_i - sum_j y_j dy_j) */
kernel void softmax_grad(TENSOR(const float, y), TENSOR(const float, dy), TENSOR(float, dx),
                         const int rows, const int cols)
{
    OPEN(const float, y);
    OPEN(const float, dy);
    OPEN(float, dx);
    ROW_LOCAL;
    FOR_ROWS(rows)
    {
        const rowu r = ROW(rows), at = r * (uint)cols;
        rowf s;
#define PRODUCT(T, i) (Y(T, i) * DY(T, i))
        ROW_SUM(s, cols, PRODUCT)
#define SOFTMAX_GRAD(T, i) PUT(T, dx, at, i, Y(T, i) * (DY(T, i) - (T)(s)))
        ROW_EACH(cols, SOFTMAX_GRAD)
    }
}

/* y_i = x_i - m - ln sum_j e^(x_j - m) */
kernel void log_softmax(TENSOR(const float, x), TENSOR(float, y), const int rows, const int cols)
{
    OPEN(const float, x);
    OPEN(float, y);
    ROW_LOCAL;
    FOR_ROWS(rows)
    {
        const rowu r = ROW(rows), at = r * (uint)cols;
        rowf m, s;
        ROW_MAX(m, cols, X)
        ROW_SUM(s, cols, EXP)
        s = log(s);
#define LOG_SOFTMAX(T, i) PUT(T, y, at, i, X(T, i) - (T)(m) - (T)(s))
        ROW_EACH(cols, LOG_SOFTMAX)
    }
}

/* dx_i = dy_i - e^y_i sum_j dy_j */
kernel void log_softmax_grad(TENSOR(const float, y), TENSOR(const float, dy), TENSOR(float, dx),
                             const int rows, const int cols)
{
    OPEN(const float, y);
    OPEN(const float, dy);
    OPEN(float, dx);
    ROW_LOCAL;
    FOR_ROWS(rows)
    {
        const rowu r = ROW(rows), at = r * (uint)cols;
        rowf s;
        ROW_SUM(s, cols, DY)
#define LOG_SOFTMAX_GRAD(T, i) PUT(T, dx, at, i, DY(T, i) - exp(Y(T, i)) * (T)(s))
        ROW_EACH(cols, LOG_SOFTMAX_GRAD)
    }
}
