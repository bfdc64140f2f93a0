/* Pieces of tensors: exact. */
#include "selftest/cases.h"
#include "selftest/oracle.h"

void clg_oracle_slice(const struct clg_oracle_call *call)
{
    const struct clg_slice_attr *attr = call->attr;
    for (int64_t i = 0; i < call->out->count; i++) {
        int64_t at[CLG_MAX_RANK];
        clg_unravel(&call->out->shape, i, at);
        for (int d = 0; d < call->in->shape.rank; d++)
            at[d] = attr->begin[d] + at[d] * attr->step[d];
        int64_t from = clg_ravel(&call->in->shape, at);
        call->out->value[i] = call->in->value[from];
        call->out->error[i] = call->in->error[from];
    }
}

void clg_oracle_embed(const struct clg_oracle_call *call)
{
    const struct clg_slice_attr *attr = call->attr;
    for (int64_t i = 0; i < call->out->count; i++) {
        call->out->value[i] = attr->value;
        call->out->error[i] = 0;
    }
    for (int64_t i = 0; i < call->in->count; i++) {
        int64_t at[CLG_MAX_RANK];
        clg_unravel(&call->in->shape, i, at);
        for (int d = 0; d < call->in->shape.rank; d++)
            at[d] = attr->begin[d] + at[d] * attr->step[d];
        int64_t to = clg_ravel(&call->out->shape, at);
        call->out->value[to] = call->in->value[i];
        call->out->error[to] = call->in->error[i];
    }
}

void clg_oracle_concat(const struct clg_oracle_call *call)
{
    int32_t axis = ((const struct clg_axis_attr *)call->attr)->axis;
    int64_t first = 0;
    for (uint32_t k = 0; k < call->n_in; k++) {
        const struct clg_oracle_array *x = &call->in[k];
        for (int64_t i = 0; i < x->count; i++) {
            int64_t at[CLG_MAX_RANK];
            clg_unravel(&x->shape, i, at);
            at[axis] += first;
            int64_t to = clg_ravel(&call->out->shape, at);
            call->out->value[to] = x->value[i];
            call->out->error[to] = x->error[i];
        }
        first += x->shape.dim[axis];
    }
}

static clg_tensor numbers(struct clg_cases *cases, clg_shape shape)
{
    return clg_case_uniform(cases, shape, -1, 1);
}

void clg_cases_slice(struct clg_cases *cases)
{
    clg_tensor half[2];
    clg_check_twice(cases, "squares of every third of (11)",
                    clg_square(clg_slice(numbers(cases, clg_shape1(11)), 0, 1, 10, 3)));
    clg_check(cases, "the middle of (batch, 7, 33)",
              clg_slice(numbers(cases, clg_shape3(CLG_BATCH, 7, 33)), 1, 2, -1, 1));
    clg_check(cases, "columns of (13, 67)",
              clg_slice(numbers(cases, clg_shape2(13, 67)), -1, 5, INT64_MAX, 1));
    clg_check(cases, "back by 2 in (batch, 1025)",
              clg_slice(numbers(cases, clg_shape2(CLG_BATCH, 1025)), 1, -2, 0, -2));
    clg_check(cases, "the one of (5, 1, 3) and two of it",
              clg_slice(numbers(cases, clg_shape3(5, 1, 3)), 2, 0, 2, 1));
    clg_check(cases, "rows flipped", clg_flip(numbers(cases, clg_shape2(5, 17)), 0));
    clg_check(cases, "columns flipped", clg_flip(numbers(cases, clg_shape3(2, 3, 65)), 2));
    clg_split(numbers(cases, clg_shape3(CLG_BATCH, 6, 5)), 1, 2, half);
    clg_check(cases, "halves multiplied", clg_mul(half[0], half[1]));
    clg_check(cases, "glu", clg_glu(numbers(cases, clg_shape2(CLG_BATCH, 34)), -1));
}

void clg_cases_embed(struct clg_cases *cases)
{
    clg_tensor x = numbers(cases, clg_shape3(CLG_BATCH, 5, 7));
    clg_check_twice(cases, "squares of zeros about (batch, 5, 7)",
                    clg_square(clg_pad(clg_pad(x, 1, 2, 1, CLG_PAD_CONSTANT, 0), 2, 3, 0,
                                       CLG_PAD_CONSTANT, 0)));
    clg_check(cases, "-1 before and after (1025)",
              clg_pad(numbers(cases, clg_shape1(1025)), 0, 1, 2, CLG_PAD_CONSTANT, -1));
    clg_check(cases, "2 before (3, 1)",
              clg_pad(numbers(cases, clg_shape2(3, 1)), 0, 1, 0, CLG_PAD_CONSTANT, 2));
    struct clg_slice_attr attr = {.shape = clg_shape2(9, 17), .value = 0.5f};
    attr.begin[0] = 7, attr.step[0] = -3, attr.begin[1] = 1, attr.step[1] = 4;
    x = numbers(cases, clg_shape2(3, 4));
    clg_check(cases, "apart and backwards",
              clg_node_add(x.graph, CLG_OP(embed), &x, 1, &attr, NULL));
}

void clg_cases_concat(struct clg_cases *cases)
{
    clg_tensor p[3] = {numbers(cases, clg_shape2(CLG_BATCH, 5)),
                       numbers(cases, clg_shape2(CLG_BATCH, 1)),
                       numbers(cases, clg_shape2(CLG_BATCH, 33))};
    clg_check_twice(cases, "squares of columns 5, 1 and 33", clg_square(clg_concat(p, 3, -1)));
    p[0] = numbers(cases, clg_shape3(2, 3, 7));
    p[1] = numbers(cases, clg_shape3(4, 3, 7));
    clg_check(cases, "along the first axis", clg_concat(p, 2, 0));
    p[0] = p[2] = numbers(cases, clg_shape2(3, 17));
    p[1] = numbers(cases, clg_shape2(3, 17));
    clg_check(cases, "a stack, one twice in it", clg_stack(p, 3, 1));
    clg_check(cases, "reflected",
              clg_pad(numbers(cases, clg_shape2(CLG_BATCH, 5)), 1, 4, 2, CLG_PAD_REFLECT, 0));
    clg_check(cases, "replicated",
              clg_pad(numbers(cases, clg_shape3(2, 4, 3)), 1, 2, 3, CLG_PAD_REPLICATE, 0));
    clg_check(cases, "tiled", clg_tile(numbers(cases, clg_shape2(CLG_BATCH, 5)), 1, 3));
}
