/* Launches that several families use. */
#include "ops/families.h"

int64_t clg_rows_of(const clg_shape *shape)
{
    int64_t rows = 1;
    for (int i = 0; i < shape->rank - 1; i++)
        rows *= shape->dim[i];
    return rows;
}

int64_t clg_cols_of(const clg_shape *shape)
{
    return shape->rank ? shape->dim[shape->rank - 1] : 1;
}

enum {
    SHORT_ROW = 16,  /* columns below which each lane takes a row */
    WORK_ITEM = 256, /* numbers that make starting a work-item of the item form worth it */
};

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

struct clg_launch *clg_launch_over_rows(struct clg_lower *lower, const char *source,
                                        const char *kernel, int64_t rows, int64_t cols)
{
    const struct clg_machine *machine = lower->machine;
    bool item = machine->form == CLG_FORM_ITEM, short_rows = cols < SHORT_ROW;
    struct clg_launch *launch = clg_launch_kernel(
        lower->launches, source, kernel, short_rows ? "-DSHORT_ROWS=1" : NULL, lower->label);
    if (item) {
        int64_t most = short_rows ? divide_up(rows, machine->vector) : rows;
        int64_t items = divide_up(rows * cols, WORK_ITEM);
        clg_launch_rows(launch, (size_t)(items < most ? items : most));
    } else if (short_rows) {
        clg_launch_items(launch, (size_t)rows);
    } else {
        clg_launch_rows(launch, (size_t)rows);
    }
    return launch;
}

/* Dimensions that lie behind each other on both sides become one; those of size 1 go. */
static void merge_dimensions(struct clg_strided *c)
{
    int rank = 0;
    for (int i = 0; i < c->rank; i++) {
        if (c->dim[i] == 1)
            continue;
        int last = rank - 1;
        bool joined = rank && c->from_stride[last] == c->from_stride[i] * c->dim[i] &&
                      c->to_stride[last] == c->to_stride[i] * c->dim[i];
        int at = joined ? last : rank++;
        c->dim[at] = c->dim[i] * (joined ? c->dim[at] : 1);
        c->from_stride[at] = c->from_stride[i];
        c->to_stride[at] = c->to_stride[i];
    }
    c->rank = rank;
}

void clg_strided_copy(struct clg_lower *lower, const struct clg_strided *copy)
{
    struct clg_strided c = *copy;
    merge_dimensions(&c);
    int pad = CLG_MAX_RANK - c.rank;
    int64_t count = 1, cols = c.rank ? c.dim[c.rank - 1] : 1;
    struct clg_launch *launch =
        clg_launch_kernel(lower->launches, "strided", "strided_copy", NULL, lower->label);
    clg_launch_view(launch, &c.from);
    clg_launch_view(launch, &c.to);
    for (int i = 0; i < CLG_MAX_RANK; i++) {
        int64_t dim = i < pad ? 1 : c.dim[i - pad];
        clg_launch_int(launch, dim);
        clg_launch_int(launch, i < pad ? 0 : c.from_stride[i - pad]);
        clg_launch_int(launch, i < pad ? 0 : c.to_stride[i - pad]);
        count *= dim;
    }
    if (lower->machine->form == CLG_FORM_ITEM)
        clg_launch_rows(launch, (size_t)(count / cols));
    else
        clg_launch_items(launch, (size_t)count);
    clg_launch_cost(launch, 0, 8 * (uint64_t)count);
}
