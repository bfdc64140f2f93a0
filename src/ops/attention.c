/* Attention and positions: compositions of other ops. */
#include <inttypes.h>
#include <math.h>
#include "base/text.h"
#include "ops/families.h"

static const clg_tensor invalid = {NULL, -1, 0};

clg_attention_params clg_attention_defaults(void)
{
    return (clg_attention_params){.mask = invalid, .lengths = invalid};
}

static bool check_operands(clg_tensor q, clg_tensor k, clg_tensor v)
{
    clg_shape sq = clg_tensor_shape(q), sk = clg_tensor_shape(k), sv = clg_tensor_shape(v);
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT], c[CLG_SHAPE_TEXT];
    if (!clg_all_valid("attention", (clg_tensor[]){q, k, v}, 3))
        return false;
    bool fit = sq.rank >= 2 && sk.rank == sq.rank && sv.rank == sq.rank &&
               sq.dim[sq.rank - 1] < CLG_BATCH && sq.dim[sq.rank - 1] == sk.dim[sq.rank - 1] &&
               sk.dim[sq.rank - 2] == sv.dim[sq.rank - 2];
    for (int i = 0; fit && i < sq.rank - 2; i++)
        fit = sq.dim[i] == sk.dim[i] && sq.dim[i] == sv.dim[i];
    if (!fit)
        clg_graph_fail(q.graph, CLG_ERR_ARGUMENT,
                       "attention: q %s, k %s and v %s must be (..., T, d), (..., S, d) and "
                       "(..., S, e)",
                       clg_shape_text(&sq, a), clg_shape_text(&sk, b), clg_shape_text(&sv, c));
    return fit;
}

static bool check_params(clg_tensor q, const clg_attention_params *p)
{
    if (!(p->dropout >= 0 && p->dropout <= 1))
        clg_graph_fail(q.graph, CLG_ERR_ARGUMENT, "attention: dropout is %g, must be 0 to 1",
                       (double)p->dropout);
    else if (!(p->scale >= 0 && isfinite(p->scale)))
        clg_graph_fail(q.graph, CLG_ERR_ARGUMENT,
                       "attention: scale is %g, must be positive, or 0 for 1 / sqrt(d)",
                       (double)p->scale);
    else
        return true;
    return false;
}

/* The scale goes to q, which is smaller than the scores. */
clg_tensor clg_attention(clg_tensor q, clg_tensor k, clg_tensor v,
                         const clg_attention_params *params)
{
    clg_attention_params p = params ? *params : clg_attention_defaults();
    if (!check_operands(q, k, v) || !check_params(q, &p))
        return invalid;
    clg_shape shape = clg_tensor_shape(q);
    float scale = p.scale > 0 ? p.scale : (float)(1 / sqrt((double)shape.dim[shape.rank - 1]));
    clg_tensor weights = clg_matmul(clg_affine(q, scale, 0), k, false, true);
    if (p.mask.graph)
        weights = clg_add(weights, p.mask);
    bool masked = p.mask.graph || p.causal || p.lengths.graph;
    weights = masked ? clg_masked_softmax(weights, p.lengths, p.causal) : clg_softmax(weights);
    if (p.dropout > 0)
        weights = clg_dropout(weights, p.dropout);
    return clg_matmul(weights, v, false, false);
}

/* ---- positions ---- */

/* A constant (T, cols) of value(angle, column), angle = t / 10000^(i / cols), i the even column of
 * the pair. */
static clg_tensor angles(clg_graph *graph, const char *what, int64_t T, int64_t cols,
                         double value(double angle, int64_t column))
{
    if (T < 1 || cols < 1 || T >= CLG_BATCH || cols >= CLG_BATCH || T > INT32_MAX / cols)
        return clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                              "%s: (%" PRId64 ", %" PRId64 ") must be positive numbers of under "
                              "2^31 elements",
                              what, T, cols);
    struct clg_ctx *ctx = graph->object.ctx;
    float *values = clg_new(ctx, (size_t)(T * cols), sizeof(*values));
    if (!values)
        return clg_graph_fail(graph, CLG_ERR_MEMORY, "%s: out of host memory", what);
    for (int64_t i = 0; i < T * cols; i++) {
        int64_t t = i / cols, column = i % cols;
        double even = (double)(column / 2 * 2);
        values[i] = (float)value((double)t / pow(10000, even / (double)cols), column);
    }
    clg_tensor out = clg_constant(graph, CLG_F32, clg_shape2(T, cols), values);
    clg_free(ctx, values);
    return out;
}

static double sine_or_cosine(double angle, int64_t column)
{
    return column % 2 ? cos(angle) : sin(angle);
}

static double cosine(double angle, int64_t column)
{
    (void)column;
    return cos(angle);
}

static double signed_sine(double angle, int64_t column)
{
    return column % 2 ? sin(angle) : -sin(angle);
}

clg_tensor clg_sinusoidal_positions(clg_graph *graph, int64_t T, int64_t E)
{
    return graph ? angles(graph, "sinusoidal_positions", T, E, sine_or_cosine) : invalid;
}

/* (a, b) becomes (a cos - b sin, b cos + a sin): x cos + (b, a) (-sin, sin). */
clg_tensor clg_rotary_positions(clg_tensor x)
{
    clg_shape shape = clg_tensor_shape(x), pairs = shape;
    char text[CLG_SHAPE_TEXT];
    if (!clg_all_float("rotary_positions", &x, 1))
        return invalid;
    int r = shape.rank;
    if (r < 2 || r >= CLG_MAX_RANK || shape.dim[r - 1] % 2 || shape.dim[r - 1] >= CLG_BATCH ||
        shape.dim[r - 2] >= CLG_BATCH)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "rotary_positions: the input has shape %s, must be (..., T, d) with "
                              "numbers T and d, d even",
                              clg_shape_text(&shape, text));
    pairs.dim[r - 1] /= 2;
    pairs.dim[pairs.rank++] = 2;
    clg_tensor swapped = clg_reshape(clg_flip(clg_reshape(x, pairs), -1), shape);
    int64_t T = shape.dim[r - 2], d = shape.dim[r - 1];
    return clg_add(clg_mul(x, angles(x.graph, "rotary_positions", T, d, cosine)),
                   clg_mul(swapped, angles(x.graph, "rotary_positions", T, d, signed_sine)));
}
