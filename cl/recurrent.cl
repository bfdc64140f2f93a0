/* recurrent.cl: one step of an LSTM, a GRU or an RNN after its products, and the step's gradient.
 *
 * Of a batch of `rows` sequences with `steps` steps, step t: gx (rows, G cols) is the input's
 * product with its bias, rec (rows, G cols) the state's; h, c (rows, cols) are the states before the
 * step, h_next, c_next those after it; y (rows, steps, cols); gates (rows, S cols) what the gradient
 * needs. A sequence that has ended keeps its state, and its y is 0. The states after a step never
 * lie where those before it do. */
#include "row.clh"

#define WANT_Y      1
#define WANT_GATES  2
#define HAS_LENGTHS 4
#define IS_RELU     8
#define HAS_DY      16
#define HAS_REC     32
#define HAS_PASS    64
#define HAS_DC      128

#define ONE(T)        ((T)(1.0f))
#define ZERO(T)       ((T)(0.0f))
#define SIGMOID(T, x) (ONE(T) / (ONE(T) + exp(-(x))))

/* Where a row begins: in states, in what has G columns for each of theirs, in y. live: the sequence
 * has not ended. */
#define ROW_OF_STEP                                                       \
    const rowu r = ROW(rows), at = r * (uint)cols;                        \
    const rowu to = (r * (uint)steps + (uint)t) * (uint)cols;             \
    rowi end = (rowi)(INT_MAX);                                           \
    if (flags & HAS_LENGTHS)                                              \
        end = ROW_GETI(lengths, r);                                       \
    const rowi live = (rowi)(t) < end;

/* ---- forward ---- */

#define STEP(name)                                                                           \
    kernel void name(TENSOR(const float, gx), TENSOR(const float, rec), TENSOR(const float, h), \
                     TENSOR(const float, c), TENSOR(float, h_next), TENSOR(float, c_next),     \
                     TENSOR(float, y), TENSOR(float, gates), TENSOR(const int, lengths),       \
                     const int rows, const int cols, const int steps, const int t,             \
                     const int flags)
#define OPEN_STEP             \
    OPEN(const float, gx);    \
    OPEN(const float, rec);   \
    OPEN(const float, h);     \
    OPEN(float, h_next);      \
    OPEN(float, y);           \
    OPEN(float, gates);       \
    OPEN(const int, lengths);

#define GX(T, g, j)      GET(T, gx, in, (g) * cols + (j))
#define REC(T, g, j)     GET(T, rec, in, (g) * cols + (j))
#define PUT_GATE(T, g, j, v) PUT(T, gates, saved, (g) * cols + (j), v)
#define PUT_STATE(T, j, v)                                         \
    {                                                              \
        const T new_ = v;                                          \
        PUT(T, h_next, at, j, live ? new_ : GET(T, h, at, j));     \
        if (flags & WANT_Y)                                        \
            PUT(T, y, to, j, live ? new_ : ZERO(T));               \
    }

/* i, f, o = sigmoid(gx + rec), g = tanh(gx + rec), in the order i, f, g, o; c' = f c + i g,
 * h' = o tanh(c') (Hochreiter & Schmidhuber 1997; Gers et al. 2000). Kept: i, f, g, o. */
STEP(lstm_step)
{
    OPEN_STEP
    OPEN(const float, c);
    OPEN(float, c_next);
    FOR_ROWS(rows)
    {
        ROW_OF_STEP
        const rowu in = at * 4, saved = in;
#define LSTM(T, j)                                                   \
    {                                                                \
        const T ig = SIGMOID(T, GX(T, 0, j) + REC(T, 0, j));         \
        const T fg = SIGMOID(T, GX(T, 1, j) + REC(T, 1, j));         \
        const T gg = tanh(GX(T, 2, j) + REC(T, 2, j));               \
        const T og = SIGMOID(T, GX(T, 3, j) + REC(T, 3, j));         \
        const T old = GET(T, c, at, j), cell = fg * old + ig * gg;   \
        PUT(T, c_next, at, j, live ? cell : old);                    \
        PUT_STATE(T, j, og * tanh(cell))                             \
        if (flags & WANT_GATES) {                                    \
            PUT_GATE(T, 0, j, ig);                                   \
            PUT_GATE(T, 1, j, fg);                                   \
            PUT_GATE(T, 2, j, gg);                                   \
            PUT_GATE(T, 3, j, og);                                   \
        }                                                            \
    }
        ROW_EACH(cols, LSTM)
    }
}

/* r, z = sigmoid(gx + rec), n = tanh(gx_n + r rec_n), in the order r, z, n;
 * h' = (1 - z) n + z h (Cho et al. 2014, as PyTorch). Kept: r, z, n, rec_n. */
STEP(gru_step)
{
    OPEN_STEP
    FOR_ROWS(rows)
    {
        ROW_OF_STEP
        const rowu in = at * 3, saved = at * 4;
#define GRU(T, j)                                                    \
    {                                                                \
        const T rg = SIGMOID(T, GX(T, 0, j) + REC(T, 0, j));         \
        const T zg = SIGMOID(T, GX(T, 1, j) + REC(T, 1, j));         \
        const T hn = REC(T, 2, j), ng = tanh(GX(T, 2, j) + rg * hn); \
        PUT_STATE(T, j, (ONE(T) - zg) * ng + zg * GET(T, h, at, j))  \
        if (flags & WANT_GATES) {                                    \
            PUT_GATE(T, 0, j, rg);                                   \
            PUT_GATE(T, 1, j, zg);                                   \
            PUT_GATE(T, 2, j, ng);                                   \
            PUT_GATE(T, 3, j, hn);                                   \
        }                                                            \
    }
        ROW_EACH(cols, GRU)
    }
}

/* h' = tanh(gx + rec), or relu, which keeps NaN (Elman 1990). Kept: h'. */
STEP(rnn_step)
{
    OPEN_STEP
    FOR_ROWS(rows)
    {
        ROW_OF_STEP
        const rowu in = at, saved = at;
#define RNN(T, j)                                                     \
    {                                                                 \
        const T pre = GX(T, 0, j) + REC(T, 0, j);                     \
        const T post = flags & IS_RELU ? (pre <= ZERO(T) ? ZERO(T) : pre) : tanh(pre); \
        PUT_STATE(T, j, post)                                         \
        if (flags & WANT_GATES)                                       \
            PUT_GATE(T, 0, j, post);                                  \
    }
        ROW_EACH(cols, RNN)
    }
}

/* ---- backward: dh = dy + rec + pass reaches the state after the step ----
 *
 * rec (rows, cols) is what the later step's gates gave, pass what went around them. dg (rows, G cols)
 * becomes the gradient of rec's parts, dx that of gx's where it differs (GRU). state: c before the
 * step (LSTM), or h (GRU). */

#define GRAD_STEP(name)                                                                        \
    kernel void name(TENSOR(const float, dy), TENSOR(const float, rec), TENSOR(float, pass),     \
                     TENSOR(float, dc), TENSOR(const float, gates), TENSOR(const float, state),  \
                     TENSOR(float, dg), TENSOR(float, dx), TENSOR(const int, lengths),           \
                     const int rows, const int cols, const int steps, const int t,               \
                     const int flags)
#define OPEN_GRAD_STEP        \
    OPEN(const float, dy);    \
    OPEN(const float, rec);   \
    OPEN(float, pass);        \
    OPEN(const float, gates); \
    OPEN(float, dg);          \
    OPEN(const int, lengths);

/* What reaches the state after the step but by y: a sequence that has ended hands it on. */
#define GIVEN(T, j)                                                 \
    T given = ZERO(T);                                              \
    if (flags & HAS_REC)                                            \
        given += GET(T, rec, at, j);                                \
    if (flags & HAS_PASS)                                           \
        given += GET(T, pass, at, j);                               \
    const T dh = flags & HAS_DY ? given + GET(T, dy, to, j) : given;
#define GATE(T, g, j) GET(T, gates, saved, (g) * cols + (j))
#define PUT_GRAD(T, to_, g, j, v) PUT(T, to_, in, (g) * cols + (j), live ? v : ZERO(T))

GRAD_STEP(lstm_grad_step)
{
    OPEN_GRAD_STEP
    OPEN(float, dc);
    OPEN(const float, state);
    FOR_ROWS(rows)
    {
        ROW_OF_STEP
        const rowu in = at * 4, saved = in;
#define LSTM_GRAD(T, j)                                                                     \
    {                                                                                       \
        GIVEN(T, j)                                                                         \
        const T ig = GATE(T, 0, j), fg = GATE(T, 1, j), gg = GATE(T, 2, j), og = GATE(T, 3, j); \
        const T old = GET(T, state, at, j), tc = tanh(fg * old + ig * gg);                  \
        const T later = flags & HAS_DC ? GET(T, dc, at, j) : ZERO(T);                       \
        const T cell = later + dh * og * (ONE(T) - tc * tc);                                \
        PUT_GRAD(T, dg, 0, j, cell * gg * ig * (ONE(T) - ig));                              \
        PUT_GRAD(T, dg, 1, j, cell * old * fg * (ONE(T) - fg));                             \
        PUT_GRAD(T, dg, 2, j, cell * ig * (ONE(T) - gg * gg));                              \
        PUT_GRAD(T, dg, 3, j, dh * tc * og * (ONE(T) - og));                                \
        PUT(T, dc, at, j, live ? cell * fg : later);                                        \
        PUT(T, pass, at, j, live ? ZERO(T) : given);                                        \
    }
        ROW_EACH(cols, LSTM_GRAD)
    }
}

GRAD_STEP(gru_grad_step)
{
    OPEN_GRAD_STEP
    OPEN(const float, state);
    OPEN(float, dx);
    FOR_ROWS(rows)
    {
        ROW_OF_STEP
        const rowu in = at * 3, saved = at * 4;
#define GRU_GRAD(T, j)                                                                      \
    {                                                                                       \
        GIVEN(T, j)                                                                         \
        const T rg = GATE(T, 0, j), zg = GATE(T, 1, j), ng = GATE(T, 2, j), hn = GATE(T, 3, j); \
        const T dn = dh * (ONE(T) - zg) * (ONE(T) - ng * ng);                               \
        const T dr = dn * hn * rg * (ONE(T) - rg);                                          \
        const T dz = dh * (GET(T, state, at, j) - ng) * zg * (ONE(T) - zg);                 \
        PUT_GRAD(T, dg, 0, j, dr);                                                          \
        PUT_GRAD(T, dg, 1, j, dz);                                                          \
        PUT_GRAD(T, dg, 2, j, dn * rg);                                                     \
        PUT_GRAD(T, dx, 0, j, dr);                                                          \
        PUT_GRAD(T, dx, 1, j, dz);                                                          \
        PUT_GRAD(T, dx, 2, j, dn);                                                          \
        PUT(T, pass, at, j, live ? dh * zg : given);                                        \
    }
        ROW_EACH(cols, GRU_GRAD)
    }
}

GRAD_STEP(rnn_grad_step)
{
    OPEN_GRAD_STEP
    FOR_ROWS(rows)
    {
        ROW_OF_STEP
        const rowu in = at, saved = at;
#define RNN_GRAD(T, j)                                                          \
    {                                                                           \
        GIVEN(T, j)                                                             \
        const T post = GATE(T, 0, j);                                           \
        const T slope = flags & IS_RELU ? (post <= ZERO(T) ? ZERO(T) : ONE(T))  \
                                        : ONE(T) - post * post;                 \
        PUT_GRAD(T, dg, 0, j, dh * slope);                                      \
        PUT(T, pass, at, j, live ? ZERO(T) : given);                            \
    }
        ROW_EACH(cols, RNN_GRAD)
    }
}

/* dh0 = rec + pass, what reaches the state before the first step. */
kernel void state_grad(TENSOR(const float, rec), TENSOR(const float, pass), TENSOR(float, dh0),
                       const int rows, const int cols)
{
    OPEN(const float, rec);
    OPEN(const float, pass);
    OPEN(float, dh0);
    FOR_ROWS(rows)
    {
        const rowu r = ROW(rows), at = r * (uint)cols;
#define STATE_GRAD(T, j) PUT(T, dh0, at, j, GET(T, rec, at, j) + GET(T, pass, at, j))
        ROW_EACH(cols, STATE_GRAD)
    }
}
