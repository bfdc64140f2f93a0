/* Rows by index, and their gradient: rows added up by index. */
#include <string.h>
#include "base/text.h"
#include "ops/families.h"

/* (lead..., rest...) where rest are the dimensions of `of` from `first` on. */
static clg_shape join(const clg_shape *lead, int n_lead, const clg_shape *of, int first)
{
    clg_shape shape = {0};
    int rank = n_lead + of->rank - first;
    if (rank > CLG_MAX_RANK)
        return clg_shape_make(CLG_MAX_RANK + 1, lead->dim);
    for (int i = 0; i < rank; i++)
        shape.dim[i] = i < n_lead ? lead->dim[i] : of->dim[first + i - n_lead];
    shape.rank = rank;
    return shape;
}

clg_tensor clg_gather(clg_tensor table, clg_tensor indices)
{
    return clg_plain(CLG_OP(gather), table, indices);
}

void clg_shape_gather(struct clg_infer *infer)
{
    const struct clg_type *table = &infer->in[0], *index = &infer->in[1];
    if (table->shape.rank < 1 || table->dtype != CLG_F32)
        clg_infer_fail(infer, "the table must be float32 with at least 1 dimension");
    else if (index->dtype != CLG_I32)
        clg_infer_fail(infer, "the indices must be int32");
    else
        infer->out[0].shape = join(&index->shape, index->shape.rank, &table->shape, 1);
}

clg_tensor clg_scatter_add(clg_tensor rows, clg_tensor indices, int64_t count)
{
    struct clg_scatter_attr attr = {count};
    if (!clg_all_valid("scatter_add", (clg_tensor[]){rows, indices}, 2))
        return (clg_tensor){NULL, -1, 0};
    if (count < 1 || count > INT32_MAX)
        return clg_graph_fail(rows.graph, CLG_ERR_ARGUMENT,
                              "scatter_add: the result has %lld rows, must have 1 to 2^31 - 1",
                              (long long)count);
    return clg_node_add(rows.graph, CLG_OP(scatter_add), (clg_tensor[]){rows, indices}, 2, &attr,
                        NULL);
}

void clg_grad_gather(struct clg_gradient *g)
{
    if (g->need[0])
        g->dx[0] = clg_scatter_add(g->dy[0], g->in[1], clg_tensor_shape(g->in[0]).dim[0]);
}

static int64_t count_from(const clg_shape *shape, int first)
{
    int64_t count = 1;
    for (int i = first; i < shape->rank; i++)
        count *= shape->dim[i];
    return count;
}

void clg_lower_gather(struct clg_lower *lower)
{
    const clg_shape *table = &lower->in[0].shape;
    int64_t cols = count_from(table, 1), n = clg_shape_count(&lower->in[1].shape);
    struct clg_launch *launch = clg_launch_over_rows(lower, "gather", "gather_rows", n, cols);
    clg_launch_view(launch, &lower->in[0]);
    clg_launch_view(launch, &lower->in[1]);
    clg_launch_view(launch, &lower->out[0]);
    clg_launch_buffer(launch, lower->block);
    clg_launch_int(launch, table->dim[0]);
    clg_launch_int(launch, n);
    clg_launch_int(launch, cols);
    clg_launch_cost(launch, 0, (uint64_t)(8 * n * cols + 4 * n));
}

void clg_shape_scatter_add(struct clg_infer *infer)
{
    const struct clg_scatter_attr *attr = infer->attr;
    const struct clg_type *rows = &infer->in[0], *index = &infer->in[1];
    clg_shape lead = index->shape;
    if (rows->dtype != CLG_F32 || index->dtype != CLG_I32)
        clg_infer_fail(infer, "the rows must be float32, the indices int32");
    else if (rows->shape.rank < lead.rank ||
             memcmp(rows->shape.dim, lead.dim, (size_t)lead.rank * sizeof(lead.dim[0])))
        clg_infer_fail(infer, "the rows' first dimensions must be those of the indices");
    else
        infer->out[0].shape = join(&(clg_shape){1, {attr->rows}}, 1, &rows->shape, lead.rank);
}

void clg_grad_scatter_add(struct clg_gradient *g)
{
    if (g->need[0])
        g->dx[0] = clg_gather(g->dy[0], g->in[1]);
}

/* How the sums are cut. Slices of the indices, each with a table of its own, so that a row is the
 * sum of about REPEATS rows in each, and of the slices: a function of sizes. Each part of a table's
 * rows is one machine row's, which looks through all the slice's indices: a row's sum has their
 * order whatever the number of parts, so that may follow the device. */
struct scatter {
    int64_t rows, cols, n, slice, slices, per, parts;
};

enum { REPEATS = 256 };

static struct scatter scatter_of(const struct clg_lower *lower)
{
    const clg_shape *table = &lower->out[0].shape;
    struct scatter s = {.rows = table->dim[0],
                        .cols = count_from(table, 1),
                        .n = clg_shape_count(&lower->in[1].shape)};
    int64_t parts =
        lower->machine->form == CLG_FORM_ITEM ? 4 * (int64_t)lower->machine->units : 1024;
    int64_t slices = s.n / (REPEATS * s.rows);
    slices = slices > 1 ? slices : 1;
    s.slice = (s.n + slices - 1) / slices;
    s.slices = (s.n + s.slice - 1) / s.slice;
    s.per = (s.rows + parts - 1) / parts;
    s.parts = (s.rows + s.per - 1) / s.per;
    return s;
}

static void launch_scatter(struct clg_lower *lower, const struct scatter *s,
                           const struct clg_view *to)
{
    struct clg_launch *launch =
        clg_launch_kernel(lower->launches, "gather", "scatter_add", NULL, lower->label);
    clg_launch_view(launch, &lower->in[0]);
    clg_launch_view(launch, &lower->in[1]);
    clg_launch_view(launch, to);
    clg_launch_buffer(launch, lower->block);
    const int64_t sizes[] = {s->rows, s->n, s->cols, s->per, s->parts, s->slice, s->slices};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        clg_launch_int(launch, sizes[i]);
    clg_launch_rows(launch, (size_t)(s->parts * s->slices));
    clg_launch_cost(launch, (uint64_t)(s->n * s->cols),
                    (uint64_t)(4 * (s->rows + 2 * s->n) * s->cols + 4 * s->n));
}

static void scatter_add(struct clg_sum *sum)
{
    struct clg_lower *lower = sum->lower;
    struct scatter s = scatter_of(lower);
    int64_t count = s.rows * s.cols;
    struct clg_view to = s.slices > 1 ? clg_sum_take(sum, s.slices * count) : lower->out[0];
    if (!sum->dry)
        launch_scatter(lower, &s, &to);
    if (s.slices > 1)
        clg_sum_middle(sum, &to, &lower->out[0], 1, s.slices, count, 1);
}

size_t clg_work_scatter_add(const struct clg_lower *lower)
{
    struct clg_lower copy = *lower;
    struct clg_sum sum = {&copy, true, 0};
    scatter_add(&sum);
    return sum.used * sizeof(float);
}

void clg_lower_scatter_add(struct clg_lower *lower)
{
    struct clg_sum sum = {lower, false, 0};
    scatter_add(&sum);
}
