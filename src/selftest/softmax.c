/* Softmax and its logarithm over the last dimension. Errors: exp 3 ulp, log 3, division 2.5 (OpenCL
 * C 1.2, table 7.1); the rounding of x - m, which exp makes relative; the length of the sum. */
#include <math.h>
#include "ops/families.h"
#include "selftest/cases.h"
#include "selftest/rows.h"

int64_t clg_case_cols(const clg_shape *shape)
{
    return shape->rank ? shape->dim[shape->rank - 1] : 1;
}

/* Relative error of e^(x_j - m): the difference rounds, and 3 ulp. */
static double exp_rounding(const struct clg_softmax_row *r, int64_t j)
{
    return CLG_ROUND * (fabs(r->x[j] - r->m) + 6);
}

struct clg_softmax_row clg_softmax_row(const struct clg_oracle_array *x, int64_t row, int64_t C)
{
    return clg_softmax_row_of(x->value + row * C, x->error + row * C, C);
}

struct clg_softmax_row clg_softmax_row_of(const double *x, const double *e, int64_t C)
{
    struct clg_softmax_row r = {.x = x, .e = e, .C = C, .m = -INFINITY};
    for (int64_t j = 0; j < C; j++)
        r.m = isnan(r.x[j]) || r.x[j] > r.m ? r.x[j] : r.m;
    for (int64_t j = 0; j < C; j++) {
        double t = exp(r.x[j] - r.m);
        r.S += t;
        r.rounding += t > 0 ? t * exp_rounding(&r, j) : 0;
        r.carried += t * r.e[j];
    }
    r.rounding = r.rounding / r.S + clg_sum_error(C);
    r.carried /= r.S;
    return r;
}

double clg_softmax_at(const struct clg_softmax_row *r, int64_t j, double *error)
{
    double y = exp(r->x[j] - r->m) / r->S;
    double rounding = y > 0 ? y * (exp_rounding(r, j) + r->rounding) : 0;
    /* the division, or a reciprocal and a product */
    *error = rounding + 3 * clg_ulp(y) + y * (r->e[j] + r->carried);
    return y;
}

double clg_log_softmax_at(const struct clg_softmax_row *r, int64_t j, double *error)
{
    double y = r->x[j] - r->m - log(r->S);
    *error = CLG_ROUND * fabs(r->x[j] - r->m) + 0.5 * clg_ulp(y) + r->rounding +
             3 * clg_ulp(log(r->S)) + r->e[j] + r->carried;
    return y;
}

static void each_row(const struct clg_oracle_call *call,
                     double at(const struct clg_softmax_row *, int64_t, double *))
{
    int64_t C = clg_case_cols(&call->in->shape);
    for (int64_t i = 0; i < call->in->count / C; i++) {
        struct clg_softmax_row r = clg_softmax_row(call->in, i, C);
        for (int64_t j = 0; j < C; j++)
            call->out->value[i * C + j] = at(&r, j, &call->out->error[i * C + j]);
    }
}

void clg_oracle_softmax(const struct clg_oracle_call *call)
{
    each_row(call, clg_softmax_at);
}

void clg_oracle_log_softmax(const struct clg_oracle_call *call)
{
    each_row(call, clg_log_softmax_at);
}

/* How many columns row i sees. */
static int64_t seen_columns(const struct clg_oracle_call *call, int64_t i, int64_t C)
{
    const struct clg_mask_attr *attr = call->attr;
    const clg_shape *shape = &call->in->shape;
    int64_t rows = call->in->count / C, T = shape->dim[shape->rank - 2], seen = C;
    if (attr->causal && i % T + 1 < seen)
        seen = i % T + 1;
    if (call->n_in > 1) {
        double length = call->in[1].value[i / (rows / shape->dim[0])];
        seen = (int64_t)fmax(fmin(length, (double)seen), 0);
    }
    return seen;
}

void clg_oracle_masked_softmax(const struct clg_oracle_call *call)
{
    int64_t C = clg_case_cols(&call->in->shape);
    for (int64_t i = 0; i < call->in->count / C; i++) {
        int64_t seen = seen_columns(call, i, C);
        struct clg_softmax_row r =
            clg_softmax_row_of(call->in->value + i * C, call->in->error + i * C, seen);
        for (int64_t j = 0; j < C; j++) {
            double *error = &call->out->error[i * C + j];
            bool some = j < seen && r.m != -INFINITY;
            call->out->value[i * C + j] = some ? clg_softmax_at(&r, j, error) : 0;
            *error = some ? *error : 0;
        }
    }
}

/* y_i (d_i - t), t = sum_j y_j d_j. */
static void softmax_grad_row(const double *y, const double *ey, const double *d, const double *ed,
                             int64_t C, double *z, double *ez)
{
    double t = 0, size = 0, carried = 0;
    for (int64_t j = 0; j < C; j++) {
        t += y[j] * d[j];
        size += fabs(y[j] * d[j]);
        carried += fabs(y[j]) * ed[j] + fabs(d[j]) * ey[j] + ey[j] * ed[j];
    }
    double et = clg_sum_error(C + 1) * size + carried;
    for (int64_t j = 0; j < C; j++) {
        double difference = d[j] - t;
        double off = et + ed[j] + CLG_ROUND * fabs(difference);
        z[j] = y[j] * difference;
        ez[j] = (fabs(y[j]) + ey[j]) * off + fabs(difference) * ey[j] + 0.5 * clg_ulp(z[j]);
    }
}

/* d_i - e^y_i t, t = sum_j d_j. */
static void log_softmax_grad_row(const double *y, const double *ey, const double *d,
                                 const double *ed, int64_t C, double *z, double *ez)
{
    double t = 0, size = 0, carried = 0;
    for (int64_t j = 0; j < C; j++) {
        t += d[j];
        size += fabs(d[j]);
        carried += ed[j];
    }
    double et = clg_sum_error(C) * size + carried;
    for (int64_t j = 0; j < C; j++) {
        double p = exp(y[j]), ep = p * (6 * CLG_ROUND + expm1(ey[j]));
        z[j] = d[j] - p * t;
        ez[j] =
            ed[j] + (p + ep) * et + ep * fabs(t) + CLG_ROUND * fabs(p * t) + 0.5 * clg_ulp(z[j]);
    }
}

static void each_pair(const struct clg_oracle_call *call,
                      void row(const double *, const double *, const double *, const double *,
                               int64_t, double *, double *))
{
    const struct clg_oracle_array *y = &call->in[0], *d = &call->in[1];
    int64_t C = clg_case_cols(&y->shape);
    for (int64_t i = 0; i < y->count; i += C)
        row(y->value + i, y->error + i, d->value + i, d->error + i, C, call->out->value + i,
            call->out->error + i);
}

void clg_oracle_softmax_grad(const struct clg_oracle_call *call)
{
    each_pair(call, softmax_grad_row);
}

void clg_oracle_log_softmax_grad(const struct clg_oracle_call *call)
{
    each_pair(call, log_softmax_grad_row);
}

/* Shapes of rows: one number, primes, a vector and a group more or less one, longer than any group.
 */
static const int64_t shapes[][2] = {{1, 1},  {3, 2},   {5, 7},   {2, 15},   {67, 10},
                                    {3, 33}, {2, 256}, {7, 257}, {1, 1025}, {2, 4099}};
enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

/* A long row whose exponentials, less the largest, are just below 1: a long running sum counts 1. */
static clg_tensor long_row(struct clg_cases *cases)
{
    return clg_case_uniform(cases, clg_shape2(1, CLG_CASE_LONG), 0.1, 0.1001);
}

static void row_cases(struct clg_cases *cases, clg_tensor op(clg_tensor))
{
    static const float extreme[12] = {88,     -88, 0,     1e4f,  1e4f,   -1e4f,
                                      -1e30f, 0,   1e30f, 3e38f, -3e38f, 1};
    static const float infinite[12] = {-INFINITY, 0, 1, INFINITY,  0,         1,
                                       NAN,       0, 1, -INFINITY, -INFINITY, -2};
    for (int i = 0; i < SHAPES; i++) {
        clg_tensor x = clg_case_uniform(cases, clg_shape2(shapes[i][0], shapes[i][1]), -4, 4);
        clg_check(cases, "rows", op(x));
    }
    clg_tensor x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 2, 5), -20, 20);
    clg_check_twice(cases, "(batch, 2, 5)", op(x));
    clg_check(cases, "one row", op(clg_case_uniform(cases, clg_shape1(11), -1, 1)));
    clg_check_forward(cases, "far apart", op(clg_case_values(cases, clg_shape2(4, 3), extreme)));
    clg_check_forward(cases, "infinity and NaN",
                      op(clg_case_values(cases, clg_shape2(4, 3), infinite)));
    if (clg_case_large(cases))
        clg_check_forward(cases, "a long row", op(long_row(cases)));
}

void clg_cases_softmax(struct clg_cases *cases)
{
    row_cases(cases, clg_softmax);
}

void clg_cases_log_softmax(struct clg_cases *cases)
{
    row_cases(cases, clg_log_softmax);
}

static void masked_case(struct clg_cases *cases, const char *what, clg_shape shape, bool causal,
                        const int32_t *lengths, bool twice)
{
    clg_tensor x = clg_case_uniform(cases, shape, -4, 4), given = {NULL, -1, 0};
    if (lengths)
        given = clg_case_labels(cases, clg_shape1(shape.dim[0]), lengths);
    clg_tensor y = clg_masked_softmax(x, given, causal);
    (twice ? clg_check_twice : clg_check)(cases, what, y);
}

/* Behind an added mask of -infinity: one, all and none of the columns of a row, in short rows and
 * long. */
static void added_mask_case(struct clg_cases *cases, int64_t C, bool causal)
{
    float mask[3 * 33] = {0};
    clg_tensor x = clg_case_uniform(cases, clg_shape3(2, 3, C), -4, 4);
    for (int64_t j = 0; j < C; j++)
        mask[j] = j % 2 ? -INFINITY : 0, mask[C + j] = -INFINITY;
    clg_tensor added = clg_constant(x.graph, CLG_F32, clg_shape2(3, C), mask);
    clg_check(cases, "an added mask",
              clg_masked_softmax(clg_add(x, added), (clg_tensor){NULL, -1, 0}, causal));
}

void clg_cases_masked_softmax(struct clg_cases *cases)
{
    static const int32_t lengths[7] = {2, 17, 0, 1, 33, 100, -3};
    static const float special[9] = {1, NAN, INFINITY, 2, 3, -INFINITY, -INFINITY, 1, 3e38f};
    static const float infinite[6] = {-INFINITY, -INFINITY, NAN, -INFINITY, INFINITY, -INFINITY};
    masked_case(cases, "(1, 1)", clg_shape2(1, 1), true, NULL, false);
    masked_case(cases, "causal (3, 3)", clg_shape2(3, 3), true, NULL, true);
    masked_case(cases, "causal (2, 17, 33)", clg_shape3(2, 17, 33), true, NULL, false);
    masked_case(cases, "causal (batch, 2, 33, 17)", clg_shape4(CLG_BATCH, 2, 33, 17), true, NULL,
                false);
    masked_case(cases, "causal (3, 1025)", clg_shape2(3, 1025), true, NULL, false);
    masked_case(cases, "lengths (7, 3, 33)", clg_shape3(7, 3, 33), false, lengths, false);
    masked_case(cases, "lengths (7, 2, 3, 5)", clg_shape4(7, 2, 3, 5), false, lengths, true);
    masked_case(cases, "both (7, 17, 17)", clg_shape3(7, 17, 17), true, lengths, false);
    clg_check_forward(cases, "infinity and NaN behind the mask",
                      clg_masked_softmax(clg_case_values(cases, clg_shape2(3, 3), special),
                                         (clg_tensor){NULL, -1, 0}, true));
    clg_check_forward(cases, "infinity and NaN alone",
                      clg_masked_softmax(clg_case_values(cases, clg_shape2(3, 2), infinite),
                                         (clg_tensor){NULL, -1, 0}, false));
    added_mask_case(cases, 5, false);
    added_mask_case(cases, 33, true);
    if (clg_case_large(cases))
        clg_check_forward(cases, "a long row",
                          clg_masked_softmax(long_row(cases), (clg_tensor){NULL, -1, 0}, false));
}

/* y: what softmax or its logarithm gives, roughly. */
static void pair_cases(struct clg_cases *cases, const struct clg_op *op, double low, double high)
{
    for (int i = 0; i < SHAPES + 1; i++) {
        const int64_t *s = shapes[i % SHAPES];
        double scale = low < 0 ? 1 : 1 / (double)s[1];
        clg_tensor in[2] = {
            clg_case_uniform(cases, clg_shape2(s[0], s[1]), low * scale, high * scale),
            clg_case_uniform(cases, clg_shape2(s[0], s[1]), -1, 1)};
        clg_tensor z = clg_node_add(in[0].graph, op, in, 2, NULL, NULL);
        if (i == 2)
            clg_check_twice(cases, "rows", z);
        else
            clg_check(cases, "rows", z);
    }
    if (!clg_case_large(cases))
        return;
    const clg_tensor in[2] = {long_row(cases), long_row(cases)};
    clg_check_forward(cases, "a long row", clg_node_add(in[0].graph, op, in, 2, NULL, NULL));
}

void clg_cases_softmax_grad(struct clg_cases *cases)
{
    pair_cases(cases, CLG_OP(softmax_grad), 0, 2);
}

void clg_cases_log_softmax_grad(struct clg_cases *cases)
{
    pair_cases(cases, CLG_OP(log_softmax_grad), -6, 0);
}
