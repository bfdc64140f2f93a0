/* Pooling by the definition: every window of every plane. Errors: the largest of numbers off by e
 * is off by the largest e; a mean has the length of its sum and a division (2.5 ulp). */
#include <math.h>
#include <string.h>
#include "selftest/cases.h"
#include "selftest/oracle.h"

/* Windows of y (OH, OW) on planes of x (H, W). */
struct windows {
    const struct clg_pool_attr *a;
    int64_t planes, in[2], out[2];
};

static struct windows windows_of(const struct clg_oracle_call *call, const clg_shape *x,
                                 const clg_shape *y)
{
    return (struct windows){
        call->attr, x->dim[0] * x->dim[1], {x->dim[2], x->dim[3]}, {y->dim[2], y->dim[3]}};
}

/* ---- the largest ---- */

static void adaptive_window(const struct windows *w, int d, int64_t o, int64_t *first, int64_t *end)
{
    *first = (int64_t)floor((double)(o * w->in[d]) / (double)w->out[d]);
    *end = (int64_t)ceil((double)((o + 1) * w->in[d]) / (double)w->out[d]);
}

/* How many places window o has along dimension d, and the first; they are dilation apart. */
static int64_t places_in(const struct windows *w, int d, int64_t o, int64_t *first)
{
    int64_t end;
    if (w->a->flags & CLG_POOL_ADAPTIVE) {
        adaptive_window(w, d, o, first, &end);
        return end - *first;
    }
    *first = o * w->a->stride[d] - w->a->padding[d];
    return w->a->kernel[d];
}

/* The place in plane p of the first largest number in window (oh, ow), -1 in an empty one. */
static int64_t largest_of(const struct windows *w, const double *x, int64_t oh, int64_t ow)
{
    int64_t best = -1, top, left;
    int64_t rows = places_in(w, 0, oh, &top), cols = places_in(w, 1, ow, &left);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) {
            int64_t h = top + i * w->a->dilation[0], v = left + j * w->a->dilation[1];
            if (h < 0 || h >= w->in[0] || v < 0 || v >= w->in[1])
                continue;
            double new = x[h * w->in[1] + v];
            if (best < 0 || new > x[best] || (isnan(new) && !isnan(x[best])))
                best = h * w->in[1] + v;
        }
    return best;
}

void clg_oracle_max_pool2d(const struct clg_oracle_call *call)
{
    struct windows w = windows_of(call, &call->in->shape, &call->out->shape);
    int64_t size = w.in[0] * w.in[1], k = 0;
    for (int64_t p = 0; p < w.planes; p++)
        for (int64_t oh = 0; oh < w.out[0]; oh++)
            for (int64_t ow = 0; ow < w.out[1]; ow++, k++) {
                int64_t at = largest_of(&w, call->in->value + p * size, oh, ow);
                call->out[0].value[k] = at < 0 ? -INFINITY : call->in->value[p * size + at];
                call->out[0].error[k] = at < 0 ? 0 : call->in->error[p * size + at];
                call->out[1].value[k] = (double)at;
            }
}

/* The most windows that a place lies in, along dimension d. */
static int64_t windows_with(const struct windows *w, int d)
{
    return w->a->flags & CLG_POOL_ADAPTIVE ? w->out[d] / w->in[d] + 2 : w->a->kernel[d];
}

void clg_oracle_max_pool2d_grad(const struct clg_oracle_call *call)
{
    struct windows w = windows_of(call, &call->out->shape, &call->in->shape);
    int64_t size = w.in[0] * w.in[1], each = w.out[0] * w.out[1];
    double *to = call->out->value, *error = call->out->error;
    double terms = clg_sum_error(windows_with(&w, 0) * windows_with(&w, 1));
    memset(to, 0, (size_t)call->out->count * sizeof(double));
    for (int64_t i = 0; i < call->in->count; i++) {
        int64_t index = (int64_t)call->in[1].value[i], at = i / each * size + index;
        if (index < 0)
            continue;
        to[at] += call->in->value[i];
        error[at] += call->in->error[i] + terms * fabs(call->in->value[i]);
    }
}

void clg_oracle_max_pool2d_pick(const struct clg_oracle_call *call)
{
    struct windows w = windows_of(call, &call->in->shape, &call->out->shape);
    int64_t size = w.in[0] * w.in[1], each = w.out[0] * w.out[1];
    for (int64_t i = 0; i < call->out->count; i++) {
        int64_t index = (int64_t)call->in[1].value[i], at = i / each * size + index;
        call->out->value[i] = index < 0 ? 0 : call->in->value[at];
        call->out->error[i] = index < 0 ? 0 : call->in->error[at];
    }
}

/* ---- the mean ---- */

/* Where window o begins and ends along dimension d, and how many numbers count. */
static int64_t window(const struct windows *w, int d, int64_t o, int64_t *first, int64_t *end)
{
    if (w->a->flags & CLG_POOL_ADAPTIVE) {
        adaptive_window(w, d, o, first, end);
        return *end - *first;
    }
    int64_t from = o * w->a->stride[d] - w->a->padding[d], to = from + w->a->kernel[d];
    if (to > w->in[d] + w->a->padding[d])
        to = w->in[d] + w->a->padding[d];
    *first = from < 0 ? 0 : from;
    *end = to > w->in[d] ? w->in[d] : to;
    return w->a->flags & CLG_POOL_COUNT_PADDING ? to - from : *end - *first;
}

/* For all pairs of a window (number o) and a place in it (number i): at(..., count). */
typedef void pair(const struct clg_oracle_call *call, int64_t i, int64_t o, int64_t count);

static void each_pair(const struct clg_oracle_call *call, const struct windows *w, pair *at)
{
    for (int64_t o = 0; o < w->planes * w->out[0] * w->out[1]; o++) {
        int64_t ow = o % w->out[1], oh = o / w->out[1] % w->out[0], p = o / w->out[1] / w->out[0];
        int64_t h0, h1, w0, w1, nh = window(w, 0, oh, &h0, &h1), nw = window(w, 1, ow, &w0, &w1);
        for (int64_t h = h0; h < h1; h++)
            for (int64_t v = w0; v < w1; v++)
                at(call, (p * w->in[0] + h) * w->in[1] + v, o, nh * nw);
    }
}

static void add(const struct clg_oracle_call *call, int64_t from, int64_t to, int64_t count,
                double rounding)
{
    double term = call->in->value[from] / (double)count;
    call->out->value[to] += term;
    call->out->error[to] += call->in->error[from] / (double)count + rounding * fabs(term);
}

static void forward_pair(const struct clg_oracle_call *call, int64_t i, int64_t o, int64_t count)
{
    add(call, i, o, count, clg_sum_error(count) + 5 * CLG_ROUND);
}

/* How many windows may hold a place: what a sum of the gradient has at most. */
static int64_t windows_at_most(const struct windows *w)
{
    int64_t n = 1;
    for (int d = 0; d < 2; d++)
        n *= w->a->flags & CLG_POOL_ADAPTIVE ? w->out[d] / w->in[d] + 2
                                             : (w->a->kernel[d] - 1) / w->a->stride[d] + 1;
    return n;
}

static void backward_pair(const struct clg_oracle_call *call, int64_t i, int64_t o, int64_t count)
{
    struct windows w = windows_of(call, &call->out->shape, &call->in->shape);
    add(call, o, i, count, clg_sum_error(windows_at_most(&w)) + 5 * CLG_ROUND);
}

void clg_oracle_avg_pool2d(const struct clg_oracle_call *call)
{
    struct windows w = windows_of(call, &call->in->shape, &call->out->shape);
    memset(call->out->value, 0, (size_t)call->out->count * sizeof(double));
    each_pair(call, &w, forward_pair);
}

void clg_oracle_avg_pool2d_grad(const struct clg_oracle_call *call)
{
    struct windows w = windows_of(call, &call->out->shape, &call->in->shape);
    memset(call->out->value, 0, (size_t)call->out->count * sizeof(double));
    each_pair(call, &w, backward_pair);
}

/* ---- cases ---- */

static const struct example {
    const char *what;
    int64_t x[4];
    int32_t kernel[2];
    clg_pool_params p;
} examples[] = {
    {"2 of (batch, 3, 8, 6)", {CLG_BATCH, 3, 8, 6}, {2, 2}, {{0}, {0}, {1, 1}, true}},
    {"3, stride 2, padding 1", {2, 2, 11, 13}, {3, 3}, {{2, 2}, {1, 1}, {1, 1}, true}},
    {"padding not counted", {1, 3, 7, 5}, {3, 4}, {{1, 2}, {1, 2}, {1, 1}, false}},
    {"stride over the kernel", {1, 2, 17, 9}, {2, 1}, {{5, 3}, {0}, {1, 1}, true}},
    {"1", {2, 1, 3, 1}, {1, 1}, {{0}, {0}, {1, 1}, true}},
    {"the whole plane", {3, 2, 5, 7}, {5, 7}, {{0}, {0}, {1, 1}, true}},
    {"overlapping, dilated", {2, 2, 9, 10}, {3, 2}, {{1, 1}, {1, 0}, {2, 3}, true}},
};
enum { EXAMPLES = sizeof(examples) / sizeof(examples[0]) };

/* Their product is over 2^31: adaptive windows begin at a multiple of one over the other. */
enum { LONG_ROW = 65536, LONG_PLACES = 40000 };

static clg_tensor planes(struct clg_cases *cases, const struct example *e)
{
    return clg_case_uniform(cases, clg_shape_make(4, e->x), -1, 1);
}

static clg_tensor largest(struct clg_cases *cases, const struct example *e)
{
    return clg_max_pool2d(planes(cases, e), e->kernel[0], e->kernel[1], &e->p);
}

void clg_cases_max_pool2d(struct clg_cases *cases)
{
    static const float equal[8] = {1, 1, 2, 2, 1, 1, 2, 2};
    static const float special[16] = {NAN, 1,   INFINITY,  2,  -INFINITY, -INFINITY,
                                      3,   NAN, 0,         -1, -INFINITY, -INFINITY,
                                      -2,  -3,  -INFINITY, 5};
    for (int i = 0; i < EXAMPLES; i++)
        if (i == 1)
            clg_check_twice(cases, examples[i].what, largest(cases, &examples[i]));
        else
            clg_check(cases, examples[i].what, largest(cases, &examples[i]));
    clg_check_forward(
        cases, "the first of equals",
        clg_max_pool2d(clg_case_values(cases, clg_shape4(1, 1, 2, 4), equal), 2, 2, NULL));
    clg_check_forward(
        cases, "infinity and NaN",
        clg_max_pool2d(clg_case_values(cases, clg_shape4(1, 1, 4, 4), special), 2, 2, NULL));
    clg_check(cases, "of everything",
              clg_global_max_pool2d(clg_case_uniform(cases, clg_shape4(2, 3, 5, 4), -1, 1)));
    clg_tensor x = clg_case_uniform(cases, clg_shape4(CLG_BATCH, 2, 7, 11), -1, 1);
    clg_check_twice(cases, "adaptive (3, 4)", clg_square(clg_adaptive_max_pool2d(x, 3, 4)));
    x = clg_case_uniform(cases, clg_shape4(2, 1, 3, 5), -1, 1);
    clg_check(cases, "adaptive, larger", clg_adaptive_max_pool2d(x, 7, 5));
    if (clg_case_large(cases)) {
        x = clg_case_uniform(cases, clg_shape4(1, 1, 1, LONG_ROW), -1, 1);
        clg_check_forward(cases, "adaptive, a long row",
                          clg_adaptive_max_pool2d(x, 1, LONG_PLACES));
    }
    clg_pool_params along = {.stride = {2}, .padding = {1}, .dilation = {3}};
    x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 2, 13), -1, 1);
    clg_check(cases, "sequences", clg_max_pool1d(x, 3, &along));
    x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 2, 13), -1, 1);
    clg_check(cases, "sequences, adaptive", clg_adaptive_max_pool1d(x, 5));
}

/* The indices of another input's largest numbers, and numbers for its windows or planes. */
static void by_index(struct clg_cases *cases, const struct clg_op *op, bool to_planes)
{
    for (int i = 0; i < EXAMPLES; i++) {
        clg_tensor x = planes(cases, &examples[i]),
                   y = clg_max_pool2d(x, examples[i].kernel[0], examples[i].kernel[1],
                                      &examples[i].p);
        struct clg_pool_attr attr = *(const struct clg_pool_attr *)clg_tensor_node(y)->attr;
        clg_shape shape = clg_tensor_shape(x), windows = clg_tensor_shape(y);
        for (int d = 0; d < 2 && to_planes; d++)
            attr.size[d] = (int32_t)shape.dim[2 + d];
        clg_tensor in[2] = {clg_case_uniform(cases, to_planes ? windows : shape, -1, 1),
                            clg_tensor_output(y, 1)};
        clg_tensor z = clg_node_add(x.graph, op, in, 2, &attr, NULL);
        if (i == 1)
            clg_check_twice(cases, examples[i].what, clg_square(z));
        else
            clg_check(cases, examples[i].what, z);
    }
}

void clg_cases_max_pool2d_grad(struct clg_cases *cases)
{
    by_index(cases, CLG_OP(max_pool2d_grad), true);
    /* Adaptive windows that overlap. */
    clg_tensor x = clg_case_uniform(cases, clg_shape4(CLG_BATCH, 2, 7, 5), -1, 1);
    clg_tensor y = clg_adaptive_max_pool2d(x, 4, 7);
    struct clg_pool_attr attr = *(const struct clg_pool_attr *)clg_tensor_node(y)->attr;
    attr.size[0] = 7;
    attr.size[1] = 5;
    clg_tensor in[2] = {clg_case_uniform(cases, clg_tensor_shape(y), -1, 1),
                        clg_tensor_output(y, 1)};
    clg_check(cases, "adaptive",
              clg_node_add(x.graph, CLG_OP(max_pool2d_grad), in, 2, &attr, NULL));
}

void clg_cases_max_pool2d_pick(struct clg_cases *cases)
{
    by_index(cases, CLG_OP(max_pool2d_pick), false);
}

static clg_tensor mean(struct clg_cases *cases, const struct example *e)
{
    clg_pool_params p = e->p;
    p.dilation[0] = p.dilation[1] = 1;
    return clg_avg_pool2d(planes(cases, e), e->kernel[0], e->kernel[1], &p);
}

void clg_cases_avg_pool2d(struct clg_cases *cases)
{
    for (int i = 0; i < EXAMPLES; i++)
        clg_check(cases, examples[i].what, mean(cases, &examples[i]));
    clg_tensor x = clg_case_uniform(cases, clg_shape4(CLG_BATCH, 2, 7, 11), -1, 1);
    clg_check_twice(cases, "adaptive (3, 4)", clg_square(clg_adaptive_avg_pool2d(x, 3, 4)));
    x = clg_case_uniform(cases, clg_shape4(2, 1, 3, 5), -1, 1);
    clg_check(cases, "adaptive, larger", clg_adaptive_avg_pool2d(x, 7, 5));
    x = clg_case_uniform(cases, clg_shape4(2, 3, 3, 5), -1, 1);
    clg_check(cases, "of everything", clg_global_avg_pool2d(x));
    if (clg_case_large(cases)) {
        x = clg_case_alike(cases, clg_shape4(1, 2, 1, CLG_CASE_LONG));
        clg_check_forward(cases, "of a long row", clg_avg_pool2d(x, 1, CLG_CASE_LONG, NULL));
        x = clg_case_alike(cases, clg_shape4(1, 1, 317, 331));
        clg_check_forward(cases, "of a large plane", clg_avg_pool2d(x, 317, 331, NULL));
        x = clg_case_uniform(cases, clg_shape4(1, 1, 1, LONG_ROW), -1, 1);
        clg_check_forward(cases, "adaptive, a long row",
                          clg_adaptive_avg_pool2d(x, 1, LONG_PLACES));
    }
    x = clg_case_uniform(cases, clg_shape4(2, 3, 6, 7), 0.5, 1);
    clg_check(cases, "root of squares", clg_l2_pool2d(x, 2, 3, NULL));
    clg_pool_params along = {.stride = {2}, .padding = {1}};
    x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 2, 13), -1, 1);
    clg_check(cases, "sequences", clg_avg_pool1d(x, 3, &along));
    x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 2, 13), -1, 1);
    clg_check(cases, "sequences, adaptive", clg_adaptive_avg_pool1d(x, 5));
}

void clg_cases_avg_pool2d_grad(struct clg_cases *cases)
{
    static const int64_t sizes[][4] = {{7, 11, 3, 4}, {3, 5, 7, 5}, {4, 4, 1, 2}};
    for (int i = 0; i < 3; i++) {
        const int64_t *s = sizes[i];
        struct clg_pool_attr attr = {.kernel = {1, 1},
                                     .stride = {1, 1},
                                     .dilation = {1, 1},
                                     .size = {(int32_t)s[0], (int32_t)s[1]},
                                     .flags = CLG_POOL_ADAPTIVE};
        clg_tensor dy = clg_case_uniform(cases, clg_shape4(CLG_BATCH, 2, s[2], s[3]), -1, 1);
        clg_check(cases, "adaptive",
                  clg_node_add(dy.graph, CLG_OP(avg_pool2d_grad), &dy, 1, &attr, NULL));
    }
    for (int i = 0; i < EXAMPLES; i++) {
        clg_tensor y = mean(cases, &examples[i]);
        struct clg_pool_attr attr = *(const struct clg_pool_attr *)clg_tensor_node(y)->attr;
        for (int d = 0; d < 2; d++)
            attr.size[d] = (int32_t)examples[i].x[2 + d];
        clg_tensor dy = clg_case_uniform(cases, clg_tensor_shape(y), -1, 1);
        clg_tensor dx = clg_node_add(dy.graph, CLG_OP(avg_pool2d_grad), &dy, 1, &attr, NULL);
        (i == 0 ? clg_check_twice : clg_check)(cases, examples[i].what, dx);
    }
    if (clg_case_large(cases)) {
        struct clg_pool_attr attr = {.size = {1, LONG_ROW}, .flags = CLG_POOL_ADAPTIVE};
        clg_tensor dy = clg_case_uniform(cases, clg_shape4(1, 1, 1, LONG_PLACES), -1, 1);
        clg_check_forward(cases, "adaptive, a long row",
                          clg_node_add(dy.graph, CLG_OP(avg_pool2d_grad), &dy, 1, &attr, NULL));
    }
}
