/* Sums in two passes at most: chunks first, then the partial sums, both in a fixed order. */
#include "ops/families.h"

enum {
    ROW_CHUNK = 4096,       /* numbers that one row of the machine adds up */
    LONG_ROW_CHUNK = 65536, /* where there are enough rows to keep it busy */
    ENOUGH_ROWS = 64,
    COLUMN_CHUNK = 256,
    WHOLE_COLUMN = 512,       /* added up in one pass */
    LONG_WHOLE_COLUMN = 4096, /* where there are enough columns */
    ENOUGH_COLUMNS = 2048,
    MAX_PARTS = 1024,
};

struct clg_view clg_sum_take(struct clg_sum *sum, int64_t count)
{
    uint64_t align = sum->lower->machine->align / sizeof(float);
    align = align ? align : 1;
    struct clg_view view = sum->lower->workspace;
    view.offset += sum->used;
    view.dtype = CLG_F32;
    view.shape = clg_shape1(count);
    sum->used += ((uint64_t)count + align - 1) / align * align;
    return view;
}

/* How many of R numbers a chunk has, when `parts` of them at most are wanted. */
static int64_t chunk_size(int64_t R, int64_t chunk)
{
    int64_t least = (R + MAX_PARTS - 1) / MAX_PARTS;
    return chunk > least ? chunk : least;
}

static int64_t row_chunk(int64_t A, int64_t R)
{
    int64_t whole = A < ENOUGH_ROWS ? ROW_CHUNK : LONG_ROW_CHUNK;
    return R <= whole ? R : chunk_size(R, whole);
}

static int64_t column_chunk(int64_t A, int64_t R, int64_t C)
{
    int64_t whole = A * C < ENOUGH_COLUMNS ? WHOLE_COLUMN : LONG_WHOLE_COLUMN;
    return R <= whole ? R : chunk_size(R, COLUMN_CHUNK);
}

/* The widest strip of columns that one work-group or work-item takes: STRIP in cl/sum.cl. */
static int64_t strip_of(const struct clg_machine *machine)
{
    int64_t local = machine->local < 32 ? machine->local : 32;
    return machine->form == CLG_FORM_ITEM ? 4 * (int64_t)machine->vector : local;
}

static struct clg_launch *launch_columns(struct clg_lower *lower, int64_t planes, int64_t C)
{
    int64_t strip = strip_of(lower->machine);
    struct clg_launch *launch =
        clg_launch_kernel(lower->launches, "sum", "sum_columns", NULL, lower->label);
    clg_launch_rows(launch, (size_t)(planes * ((C + strip - 1) / strip)));
    return launch;
}

/* y (A, parts, C), part p the sum over its chunk of R, over count. */
static void launch_pass(struct clg_sum *sum, const struct clg_view *x, const struct clg_view *y,
                        int64_t A, int64_t R, int64_t C, int64_t chunk, float count)
{
    if (sum->dry)
        return;
    int64_t parts = (R + chunk - 1) / chunk;
    struct clg_launch *launch = C == 1 ? clg_launch_over_rows(sum->lower, "sum", "sum_rows",
                                                              A * parts, parts > 1 ? chunk : R)
                                       : launch_columns(sum->lower, A * parts, C);
    clg_launch_view(launch, x);
    clg_launch_view(launch, y);
    clg_launch_int(launch, A);
    clg_launch_int(launch, R);
    if (C != 1)
        clg_launch_int(launch, C);
    clg_launch_int(launch, chunk);
    clg_launch_int(launch, parts);
    clg_launch_float(launch, count);
    clg_launch_cost(launch, (uint64_t)(A * R * C), 4 * (uint64_t)(A * C * (R + parts)));
}

void clg_sum_middle(struct clg_sum *sum, const struct clg_view *x, const struct clg_view *y,
                    int64_t A, int64_t R, int64_t C, float count)
{
    int64_t chunk = C == 1 ? row_chunk(A, R) : column_chunk(A, R, C);
    int64_t parts = (R + chunk - 1) / chunk;
    if (parts == 1) {
        launch_pass(sum, x, y, A, R, C, R, count);
        return;
    }
    struct clg_view partial = clg_sum_take(sum, A * parts * C);
    launch_pass(sum, x, &partial, A, R, C, chunk, 1);
    launch_pass(sum, &partial, y, A, parts, C, parts, count);
}

void clg_sum_chunks(struct clg_sum *sum, const struct clg_view *x, const struct clg_view *y,
                    int64_t A, int64_t R, int64_t C, int64_t chunk)
{
    launch_pass(sum, x, y, A, R, C, chunk, 1);
}
