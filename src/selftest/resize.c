/* Planes in another size and windows of them, by the definition. Errors: a weight is a quotient of
 * whole numbers (2.5 ulp, which are at most 5 roundings) or 1 less it. */
#include <math.h>
#include <string.h>
#include "selftest/cases.h"
#include "selftest/oracle.h"

#define WEIGHT_ERROR (6 * CLG_ROUND)

/* What place i of `from` weighs in place o of `to`. */
static double weight(int64_t i, int64_t o, int64_t from, int64_t to, bool nearest)
{
    if (nearest)
        return o * from / to == i;
    double at = fmax(((double)o + 0.5) * (double)from / (double)to - 0.5, 0);
    double whole = floor(at + 1e-9), t = fmax(at - whole, 0);
    double low = (double)i == whole ? 1 - t : 0;
    return low + ((double)i == fmin(whole + 1, (double)from - 1) ? t : 0);
}

/* Planes x (H, W) and y (OH, OW); y[o] += w x[i], or with back x[i] += w y[o], for all pairs. */
struct resizing {
    const struct clg_oracle_array *from;
    struct clg_oracle_array *to;
    int64_t in[2], out[2];
    bool nearest, back;
};

static void add_pair(const struct resizing *r, int64_t i, int64_t o, double wh, double ww)
{
    int64_t f = r->back ? o : i, t = r->back ? i : o;
    double v = r->from->value[f], w = wh * ww;
    double terms = r->back ? 2 * clg_sum_error(r->out[0] + 2) + 2 * clg_sum_error(r->out[1] + 2)
                           : 6 * CLG_ROUND;
    double off = r->nearest ? 0 : (wh + ww) * WEIGHT_ERROR;
    r->to->value[t] += w * v;
    r->to->error[t] += w * r->from->error[f] + fabs(v) * (off + w * terms);
}

static void add_plane(const struct resizing *r, int64_t plane)
{
    for (int64_t oh = 0; oh < r->out[0]; oh++)
        for (int64_t h = 0; h < r->in[0]; h++) {
            double wh = weight(h, oh, r->in[0], r->out[0], r->nearest);
            for (int64_t ow = 0; wh > 0 && ow < r->out[1]; ow++)
                for (int64_t v = 0; v < r->in[1]; v++) {
                    double ww = weight(v, ow, r->in[1], r->out[1], r->nearest);
                    if (ww > 0)
                        add_pair(r, (plane * r->in[0] + h) * r->in[1] + v,
                                 (plane * r->out[0] + oh) * r->out[1] + ow, wh, ww);
                }
        }
}

static void resize(const struct clg_oracle_call *call, bool back)
{
    const clg_shape *x = back ? &call->out->shape : &call->in->shape;
    const clg_shape *y = back ? &call->in->shape : &call->out->shape;
    struct resizing r = {call->in,
                         call->out,
                         {x->dim[2], x->dim[3]},
                         {y->dim[2], y->dim[3]},
                         ((const struct clg_resize_attr *)call->attr)->nearest,
                         back};
    memset(call->out->value, 0, (size_t)call->out->count * sizeof(double));
    for (int64_t p = 0; p < x->dim[0] * x->dim[1]; p++)
        add_plane(&r, p);
}

void clg_oracle_upsample2d(const struct clg_oracle_call *call)
{
    resize(call, false);
}

void clg_oracle_upsample2d_grad(const struct clg_oracle_call *call)
{
    resize(call, true);
}

/* ---- crops ---- */

/* Exactly as a device does: one product of floats. */
static int64_t begin_of(const struct clg_oracle_array *place, int64_t n, int d, int64_t room)
{
    float product = (float)place->value[2 * n + d] * (float)(room + 1);
    int64_t begin = (int64_t)product;
    return begin < 0 ? 0 : begin > room ? room : begin;
}

/* Element o of the window of x is element *i of x. */
static int64_t place_in(const clg_shape *x, const clg_shape *window, int64_t o,
                        const struct clg_oracle_array *place)
{
    int64_t at[CLG_MAX_RANK];
    clg_unravel(window, o, at);
    for (int d = 0; d < 2; d++)
        at[2 + d] += begin_of(place, at[0], d, x->dim[2 + d] - window->dim[2 + d]);
    return clg_ravel(x, at);
}

void clg_oracle_crop2d(const struct clg_oracle_call *call)
{
    for (int64_t o = 0; o < call->out->count; o++) {
        int64_t i = place_in(&call->in->shape, &call->out->shape, o, &call->in[1]);
        call->out->value[o] = call->in->value[i];
        call->out->error[o] = call->in->error[i];
    }
}

void clg_oracle_crop2d_grad(const struct clg_oracle_call *call)
{
    memset(call->out->value, 0, (size_t)call->out->count * sizeof(double));
    for (int64_t o = 0; o < call->in->count; o++) {
        int64_t i = place_in(&call->out->shape, &call->in->shape, o, &call->in[1]);
        call->out->value[i] = call->in->value[o];
        call->out->error[i] = call->in->error[o];
    }
}

/* ---- cases ---- */

static clg_tensor images(struct clg_cases *cases, clg_shape shape)
{
    return clg_case_uniform(cases, shape, -1, 1);
}

void clg_cases_upsample2d(struct clg_cases *cases)
{
    static const float odd[4] = {INFINITY, 1, NAN, 2};
    clg_tensor x = images(cases, clg_shape4(CLG_BATCH, 2, 3, 5));
    clg_check_twice(cases, "squares, (3, 5) to (7, 10) bilinear",
                    clg_square(clg_upsample_bilinear2d(x, 7, 10)));
    x = images(cases, clg_shape4(2, 3, 4, 3));
    clg_check(cases, "(4, 3) to (8, 9) nearest", clg_upsample_nearest2d(x, 8, 9));
    x = images(cases, clg_shape4(1, 2, 11, 13));
    clg_check(cases, "(11, 13) to (4, 5) bilinear", clg_upsample_bilinear2d(x, 4, 5));
    x = images(cases, clg_shape4(1, 2, 11, 13));
    clg_check(cases, "(11, 13) to (17, 5) nearest", clg_upsample_nearest2d(x, 17, 5));
    x = images(cases, clg_shape4(CLG_BATCH, 1, 1, 1));
    clg_check(cases, "(1, 1) to (3, 1)", clg_upsample_bilinear2d(x, 3, 1));
    x = images(cases, clg_shape4(1, 1, 2, 1025));
    clg_check(cases, "(2, 1025) to (3, 1537)", clg_upsample_bilinear2d(x, 3, 1537));
    x = clg_case_values(cases, clg_shape4(1, 1, 2, 2), odd);
    clg_check_forward(cases, "infinity and NaN, nearest", clg_upsample_nearest2d(x, 4, 4));
}

static clg_tensor sized(const struct clg_op *op, clg_tensor a, clg_tensor b, int32_t height,
                        int32_t width)
{
    struct clg_resize_attr attr = {.size = {height, width}};
    return clg_node_add(a.graph, op, (clg_tensor[]){a, b}, op->min_in, &attr, NULL);
}

void clg_cases_upsample2d_grad(struct clg_cases *cases)
{
    clg_tensor x = images(cases, clg_shape4(CLG_BATCH, 2, 7, 5));
    clg_check_twice(cases, "squares, (7, 5) from (3, 4)",
                    clg_square(sized(CLG_OP(upsample2d_grad), x, x, 3, 4)));
    if (!clg_case_large(cases))
        return;
    x = clg_case_alike(cases, clg_shape4(1, 1, 1, CLG_CASE_LONG));
    clg_check_forward(cases, "a long row from one place",
                      sized(CLG_OP(upsample2d_grad), x, x, 1, 1));
}

void clg_cases_crop2d(struct clg_cases *cases)
{
    clg_tensor x = images(cases, clg_shape4(7, 2, 5, 6));
    clg_check_twice(cases, "squares of (3, 4) of (5, 6)", clg_square(clg_random_crop2d(x, 3, 4)));
    x = images(cases, clg_shape4(CLG_BATCH, 1, 3, 67));
    clg_check(cases, "(3, 33) of (3, 67)", clg_random_crop2d(x, 3, 33));
    x = images(cases, clg_shape4(CLG_BATCH, 3, 1, 1));
    clg_check(cases, "all of (1, 1)", clg_random_crop2d(x, 1, 1));
}

void clg_cases_crop2d_grad(struct clg_cases *cases)
{
    static const float places[6] = {0, 0.999f, 0.5f, 0.25f, 1, -1};
    clg_tensor x = images(cases, clg_shape4(3, 2, 2, 3));
    clg_tensor at = clg_constant(clg_case_graph(cases), CLG_F32, clg_shape2(3, 2), places);
    clg_check_twice(cases, "squares of (2, 3) in (4, 7)",
                    clg_square(sized(CLG_OP(crop2d_grad), x, at, 4, 7)));
}
