/* Rows by index, and rows added up by index. An index outside of the table is clamped. */
#include <math.h>
#include "selftest/cases.h"
#include "selftest/oracle.h"

static int64_t clamp(double index, int64_t rows)
{
    return index < 0 ? 0 : index >= (double)rows ? rows - 1 : (int64_t)index;
}

void clg_oracle_gather(const struct clg_oracle_call *call)
{
    const struct clg_oracle_array *table = &call->in[0], *index = &call->in[1];
    int64_t cols = clg_extent(&table->shape, 1, table->shape.rank);
    for (int64_t i = 0; i < call->out->count; i++) {
        int64_t from = clamp(index->value[i / cols], table->shape.dim[0]) * cols + i % cols;
        call->out->value[i] = table->value[from];
        call->out->error[i] = table->error[from];
    }
}

static void gather_case(struct clg_cases *cases, const char *what, clg_shape table, clg_shape index)
{
    clg_tensor x = clg_case_uniform(cases, table, -1, 1);
    clg_tensor i = clg_case_integers(cases, index, (int32_t)table.dim[0]);
    clg_check(cases, what, clg_gather(x, i));
}

void clg_cases_gather(struct clg_cases *cases)
{
    static const int32_t wild[5] = {-1, 4, 0, INT32_MAX, INT32_MIN};
    gather_case(cases, "(7, 5) by (11)", clg_shape2(7, 5), clg_shape1(11));
    gather_case(cases, "(1, 1) by (1)", clg_shape2(1, 1), clg_shape1(1));
    gather_case(cases, "(13) by (3, 4)", clg_shape1(13), clg_shape2(3, 4));
    gather_case(cases, "(5, 2, 3) by ()", clg_shape3(5, 2, 3), clg_shape0());
    gather_case(cases, "(33, 1025) by (batch)", clg_shape2(33, 1025), clg_shape1(CLG_BATCH));
    gather_case(cases, "(1025, 3) by (batch, 9)", clg_shape2(1025, 3), clg_shape2(CLG_BATCH, 9));
    clg_tensor x = clg_case_uniform(cases, clg_shape2(4, 3), -1, 1);
    clg_check(cases, "indices outside", clg_gather(x, clg_case_labels(cases, clg_shape1(5), wild)));
    x = clg_case_uniform(cases, clg_shape2(4, 3), -1, 1);
    clg_tensor i = clg_case_integers(cases, clg_shape1(6), 4);
    clg_check_twice(cases, "squares", clg_square(clg_gather(x, i)));
    x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 5, 3), -1, 1);
    i = clg_case_integers(cases, clg_shape1(7), 5);
    clg_check(cases, "index_select of the middle", clg_index_select(x, 1, i));
}

/* Until the end, error holds the sum of absolute values. */
static void add_rows(const struct clg_oracle_call *call, double *carried, int64_t *terms)
{
    const struct clg_oracle_array *x = &call->in[0], *index = &call->in[1];
    struct clg_oracle_array *y = call->out;
    int64_t cols = clg_extent(&y->shape, 1, y->shape.rank);
    for (int64_t i = 0; i < y->count; i++)
        y->value[i] = 0;
    for (int64_t i = 0; i < x->count; i++) {
        int64_t to = clamp(index->value[i / cols], y->shape.dim[0]) * cols + i % cols;
        y->value[to] += x->value[i];
        y->error[to] += fabs(x->value[i]);
        carried[to] += x->error[i];
        terms[to]++;
    }
    for (int64_t i = 0; i < y->count; i++)
        y->error[i] = clg_sum_error(terms[i]) * y->error[i] + carried[i];
}

void clg_oracle_scatter_add(const struct clg_oracle_call *call)
{
    double *carried = clg_new(call->ctx, (size_t)call->out->count, sizeof(*carried));
    int64_t *terms = clg_new(call->ctx, (size_t)call->out->count, sizeof(*terms));
    if (carried && terms)
        add_rows(call, carried, terms);
    clg_free(call->ctx, carried);
    clg_free(call->ctx, terms);
}

void clg_cases_scatter_add(struct clg_cases *cases)
{
    static const int32_t wild[4] = {-1, 2, 0, INT32_MAX};
    clg_tensor x = clg_case_uniform(cases, clg_shape2(11, 5), -1, 1);
    clg_check_twice(cases, "(11, 5) into 7 rows",
                    clg_scatter_add(x, clg_case_integers(cases, clg_shape1(11), 7), 7));
    x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 35, 67), -1, 1);
    clg_check(cases, "(batch, 35, 67) into 4 rows",
              clg_scatter_add(x, clg_case_integers(cases, clg_shape2(CLG_BATCH, 35), 4), 4));
    x = clg_case_uniform(cases, clg_shape1(5), -1, 1);
    clg_check(cases, "(5) into 2000 rows",
              clg_scatter_add(x, clg_case_integers(cases, clg_shape1(5), 2000), 2000));
    x = clg_case_uniform(cases, clg_shape2(3, 1025), -1, 1);
    clg_check(cases, "(3, 1025) into 1 row",
              clg_scatter_add(x, clg_case_integers(cases, clg_shape1(3), 1), 1));
    x = clg_case_uniform(cases, clg_shape2(4, 3), -1, 1);
    clg_check(cases, "indices outside",
              clg_scatter_add(x, clg_case_labels(cases, clg_shape1(4), wild), 3));
    if (!clg_case_large(cases))
        return;
    x = clg_case_alike(cases, clg_shape2(CLG_CASE_LONG, 2));
    clg_tensor i = clg_case_integers(cases, clg_shape1(CLG_CASE_LONG), 3);
    clg_check_forward(cases, "many into 3 rows", clg_scatter_add(x, i, 3));
}
