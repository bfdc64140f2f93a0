/* Along one dimension: elements by index, running sums, the largest few. */
#include <string.h>
#include "base/text.h"
#include "ops/families.h"

static const clg_tensor invalid = {NULL, -1, 0};

/* A launch of cl/along.cl over independent lines, without its views. */
static struct clg_launch *launch_over(struct clg_lower *lower, const char *kernel, int64_t lines)
{
    struct clg_launch *launch =
        clg_launch_kernel(lower->launches, "along", kernel, NULL, lower->label);
    if (lower->machine->form == CLG_FORM_ITEM)
        clg_launch_rows(launch, (size_t)lines);
    else
        clg_launch_items(launch, (size_t)lines);
    return launch;
}

static struct clg_launch *launch_lines(struct clg_lower *lower, const char *kernel, int64_t lines)
{
    struct clg_launch *launch = launch_over(lower, kernel, lines);
    for (uint32_t i = 0; i < lower->n_in; i++)
        clg_launch_view(launch, &lower->in[i]);
    for (uint32_t i = 0; i < lower->n_out; i++)
        clg_launch_view(launch, &lower->out[i]);
    return launch;
}

/* ---- by index, in the last dimension ---- */

/* x (..., C) and indices (..., K): the same dimensions but the last. */
static bool check_indices(struct clg_infer *infer)
{
    const struct clg_type *x = &infer->in[0], *index = &infer->in[1];
    char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
    clg_shape rows = index->shape;
    if (rows.rank > 0 && rows.rank == x->shape.rank)
        rows.dim[rows.rank - 1] = x->shape.dim[rows.rank - 1];
    if (x->dtype != CLG_F32 || index->dtype != CLG_I32)
        clg_infer_fail(infer, "the values must be float32, the indices int32");
    else if (rows.rank == 0 || !clg_same_shape(&rows, &x->shape))
        clg_infer_fail(infer,
                       "values %s and indices %s must have equal dimensions but for the last",
                       clg_shape_text(&x->shape, a), clg_shape_text(&index->shape, b));
    return !infer->failed;
}

clg_tensor clg_take_along(clg_tensor x, clg_tensor indices)
{
    return clg_plain(CLG_OP(take_along), x, indices);
}

void clg_shape_take_along(struct clg_infer *infer)
{
    if (check_indices(infer))
        infer->out[0].shape = infer->in[1].shape;
}

static clg_tensor add_along(clg_tensor x, clg_tensor indices, int64_t count)
{
    struct clg_count_attr attr = {count};
    return clg_node_add(x.graph, CLG_OP(add_along), (clg_tensor[]){x, indices}, 2, &attr, NULL);
}

void clg_grad_take_along(struct clg_gradient *g)
{
    clg_shape shape = clg_tensor_shape(g->in[0]);
    if (g->need[0])
        g->dx[0] = add_along(g->dy[0], g->in[1], shape.dim[shape.rank - 1]);
}

void clg_lower_take_along(struct clg_lower *lower)
{
    int64_t count = clg_shape_count(&lower->out[0].shape);
    struct clg_launch *launch = launch_lines(lower, "take_along", count);
    clg_launch_buffer(launch, lower->block);
    clg_launch_int(launch, count);
    clg_launch_int(launch, clg_cols_of(&lower->in[0].shape));
    clg_launch_int(launch, clg_cols_of(&lower->out[0].shape));
    clg_launch_cost(launch, 0, 12 * (uint64_t)count);
}

void clg_shape_add_along(struct clg_infer *infer)
{
    if (!check_indices(infer))
        return;
    infer->out[0].shape = infer->in[0].shape;
    if (!clg_same_shape(&infer->in[0].shape, &infer->in[1].shape))
        clg_infer_fail(infer, "values and indices must have one shape");
    infer->out[0].shape.dim[infer->in[0].shape.rank - 1] =
        ((const struct clg_count_attr *)infer->attr)->count;
}

void clg_grad_add_along(struct clg_gradient *g)
{
    if (g->need[0])
        g->dx[0] = clg_take_along(g->dy[0], g->in[1]);
}

void clg_lower_add_along(struct clg_lower *lower)
{
    int64_t count = clg_shape_count(&lower->out[0].shape);
    int64_t K = clg_cols_of(&lower->in[0].shape);
    struct clg_launch *launch = launch_lines(lower, "add_along", count);
    clg_launch_int(launch, count);
    clg_launch_int(launch, clg_cols_of(&lower->out[0].shape));
    clg_launch_int(launch, K);
    clg_launch_cost(launch, (uint64_t)(count * K), 4 * (uint64_t)count);
}

clg_tensor clg_index_select(clg_tensor x, int32_t axis, clg_tensor indices)
{
    int32_t k, there[CLG_MAX_RANK], back[CLG_MAX_RANK];
    int rank = clg_tensor_shape(x).rank;
    if (!clg_all_valid("index_select", (clg_tensor[]){x, indices}, 2))
        return invalid;
    if (!clg_axis_index(axis, rank, &k) || clg_tensor_shape(indices).rank != 1)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "index_select: axis %d of %d dimensions, by indices of %d dimensions "
                              "(must be 1)",
                              axis, rank, clg_tensor_shape(indices).rank);
    for (int i = 0; i < rank; i++) {
        there[i] = i == 0 ? k : i - (i <= k);
        back[i] = i == k ? 0 : i + (i < k);
    }
    return clg_permute(clg_gather(clg_permute(x, there), indices), back);
}

/* 0, 1, ... count - 1 as float32. */
static clg_tensor iota(clg_graph *graph, int64_t count)
{
    float *numbers = clg_new(graph->object.ctx, (size_t)count, sizeof(*numbers));
    if (!numbers)
        return clg_graph_fail(graph, CLG_ERR_MEMORY, "out of memory");
    for (int64_t i = 0; i < count; i++)
        numbers[i] = (float)i;
    clg_tensor t = clg_constant(graph, CLG_F32, clg_shape1(count), numbers);
    clg_free(graph->object.ctx, numbers);
    return t;
}

clg_tensor clg_one_hot(clg_tensor indices, int32_t classes)
{
    if (!clg_tensor_valid(indices))
        return invalid;
    if (classes < 1 || classes > 1 << 24 || clg_tensor_dtype(indices) != CLG_I32)
        return clg_graph_fail(indices.graph, CLG_ERR_ARGUMENT,
                              "one_hot: %d classes of int32 indices, must be 1 to 2^24", classes);
    return clg_eq(clg_unsqueeze(indices, -1), iota(indices.graph, classes));
}

static clg_tensor triangle(clg_tensor x, int32_t diagonal, bool lower)
{
    clg_shape shape = clg_tensor_shape(x);
    if (!clg_tensor_valid(x))
        return invalid;
    if (shape.rank < 2 || shape.dim[shape.rank - 1] >= CLG_BATCH ||
        shape.dim[shape.rank - 2] >= CLG_BATCH)
        return clg_graph_fail(
            x.graph, CLG_ERR_ARGUMENT,
            "a triangle needs 2 dimensions or more, and numbers for the last two");
    clg_tensor row = clg_unsqueeze(iota(x.graph, shape.dim[shape.rank - 2]), -1);
    clg_tensor col = iota(x.graph, shape.dim[shape.rank - 1]);
    clg_tensor end = clg_affine(row, 1, (float)diagonal);
    clg_tensor mask = lower ? clg_le(col, end) : clg_ge(col, end);
    return clg_binary(CLG_OP(keep), mask, x, 0);
}

clg_tensor clg_tril(clg_tensor x, int32_t diagonal)
{
    return triangle(x, diagonal, true);
}

clg_tensor clg_triu(clg_tensor x, int32_t diagonal)
{
    return triangle(x, diagonal, false);
}

/* ---- running sums ---- */

static clg_tensor running(clg_tensor x, int32_t axis, bool reverse)
{
    struct clg_axis_attr attr = {axis, reverse};
    return clg_node_add(x.graph, CLG_OP(cumsum), &x, 1, &attr, NULL);
}

clg_tensor clg_cumsum(clg_tensor x, int32_t axis)
{
    return running(x, axis, false);
}

void clg_shape_cumsum(struct clg_infer *infer)
{
    struct clg_axis_attr *attr = infer->attr;
    infer->out[0] = infer->in[0];
    if (infer->in[0].dtype != CLG_F32)
        clg_infer_fail(infer, "the input must be float32");
    else if (!clg_axis_index(attr->axis, infer->in[0].shape.rank, &attr->axis))
        clg_infer_fail(infer, "axis outside of %d dimensions", infer->in[0].shape.rank);
}

void clg_grad_cumsum(struct clg_gradient *g)
{
    const struct clg_axis_attr *attr = g->attr;
    g->dx[0] = running(g->dy[0], attr->axis, !attr->reverse);
}

/* Of x (A, R, C) along R, in parts of a chunk each. */
struct scan {
    int64_t A, R, C, chunk, parts;
    bool reverse;
};

enum {
    WHOLE_LINE = 1024,       /* numbers of a line that one work-item goes through */
    LONG_WHOLE_LINE = 32768, /* where there are enough lines */
    ENOUGH_LINES = 256,
    MAX_PARTS = 1024,
};

static struct scan scan_of(const struct clg_lower *lower)
{
    const struct clg_axis_attr *attr = lower->attr;
    const clg_shape *shape = &lower->in[0].shape;
    struct scan s = {.A = 1, .R = shape->dim[attr->axis], .C = 1, .reverse = attr->reverse};
    for (int i = 0; i < shape->rank; i++) {
        s.A *= i < attr->axis ? shape->dim[i] : 1;
        s.C *= i > attr->axis ? shape->dim[i] : 1;
    }
    int64_t whole = s.A * s.C < ENOUGH_LINES ? WHOLE_LINE : LONG_WHOLE_LINE;
    int64_t least = (s.R + MAX_PARTS - 1) / MAX_PARTS;
    s.chunk = s.R <= whole ? s.R : least > WHOLE_LINE ? least : WHOLE_LINE;
    s.parts = (s.R + s.chunk - 1) / s.chunk;
    return s;
}

static void launch_scan(struct clg_lower *lower, const struct scan *s, const struct clg_view *x,
                        const struct clg_view *done, const struct clg_view *y)
{
    int64_t count = s->A * s->R * s->C;
    struct clg_launch *launch = launch_over(lower, "cumsum", s->A * s->parts * s->C);
    clg_launch_view(launch, x);
    clg_launch_view(launch, done);
    clg_launch_view(launch, y);
    const int64_t sizes[] = {s->A, s->R, s->C, s->chunk, s->parts, s->reverse};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        clg_launch_int(launch, sizes[i]);
    clg_launch_cost(launch, (uint64_t)count, 8 * (uint64_t)count);
}

size_t clg_work_cumsum(const struct clg_lower *lower)
{
    struct clg_lower copy = *lower;
    struct scan s = scan_of(lower);
    struct clg_sum sum = {&copy, true, 0};
    if (s.parts > 1)
        clg_sum_take(&sum, s.A * s.parts * s.C);
    return sum.used * sizeof(float);
}

/* The sums of the parts, running sums of those, and from there on each part by itself. */
void clg_lower_cumsum(struct clg_lower *lower)
{
    struct scan s = scan_of(lower), of_parts = s;
    struct clg_sum sum = {lower, false, 0};
    struct clg_view done = {.buffer = NULL};
    if (s.parts > 1) {
        done = clg_sum_take(&sum, s.A * s.parts * s.C);
        clg_sum_chunks(&sum, &lower->in[0], &done, s.A, s.R, s.C, s.chunk);
        of_parts.R = of_parts.chunk = s.parts;
        of_parts.parts = 1;
        launch_scan(lower, &of_parts, &done, &(struct clg_view){.buffer = NULL}, &done);
    }
    launch_scan(lower, &s, &lower->in[0], &done, &lower->out[0]);
}

/* ---- the largest few ---- */

clg_tensor clg_topk(clg_tensor x, int32_t k, clg_tensor *indices)
{
    struct clg_count_attr attr = {k};
    clg_tensor index = clg_node_add(x.graph, CLG_OP(topk), &x, 1, &attr, NULL);
    if (indices)
        *indices = index;
    return clg_take_along(x, index);
}

void clg_shape_topk(struct clg_infer *infer)
{
    int64_t k = ((const struct clg_count_attr *)infer->attr)->count;
    const struct clg_type *x = &infer->in[0];
    int last = x->shape.rank - 1;
    infer->out[0] = (struct clg_type){CLG_I32, x->shape};
    if (x->dtype != CLG_F32 || last < 0)
        clg_infer_fail(infer, "the input must be float32 with at least 1 dimension");
    else if (k < 1 || k > x->shape.dim[last])
        clg_infer_fail(infer, "the %lld largest of %lld", (long long)k,
                       (long long)x->shape.dim[last]);
    else
        infer->out[0].shape.dim[last] = k;
}

void clg_lower_topk(struct clg_lower *lower)
{
    const clg_shape *shape = &lower->in[0].shape;
    int64_t count = clg_shape_count(shape), k = clg_cols_of(&lower->out[0].shape);
    struct clg_launch *launch = launch_lines(lower, "topk", clg_rows_of(shape));
    clg_launch_int(launch, clg_rows_of(shape));
    clg_launch_int(launch, clg_cols_of(shape));
    clg_launch_int(launch, k);
    clg_launch_cost(launch, (uint64_t)(count * k), 4 * (uint64_t)(count * k));
}

/* ---- products ---- */

void clg_lower_row_product(struct clg_lower *lower)
{
    const clg_shape *shape = &lower->in[0].shape;
    uint64_t count = (uint64_t)clg_shape_count(shape);
    struct clg_launch *launch = launch_lines(lower, "row_product", clg_rows_of(shape));
    clg_launch_int(launch, clg_rows_of(shape));
    clg_launch_int(launch, clg_cols_of(shape));
    clg_launch_cost(launch, count, 4 * count);
}

void clg_lower_others_product(struct clg_lower *lower)
{
    const clg_shape *shape = &lower->in[0].shape;
    uint64_t count = (uint64_t)clg_shape_count(shape);
    struct clg_launch *launch = launch_lines(lower, "others_product", clg_rows_of(shape));
    clg_launch_int(launch, clg_rows_of(shape));
    clg_launch_int(launch, clg_cols_of(shape));
    clg_launch_cost(launch, 2 * count, 16 * count);
}
