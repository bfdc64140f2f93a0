/* Leaves: inputs, store entries, constants, fills. */
#include <string.h>
#include "selftest/cases.h"
#include "selftest/oracle.h"

static void copy_leaf(const struct clg_oracle_call *call)
{
    memcpy(call->out->value, call->leaf, (size_t)call->out->count * sizeof(double));
}

void clg_oracle_input(const struct clg_oracle_call *call)
{
    copy_leaf(call);
}

void clg_oracle_entry(const struct clg_oracle_call *call)
{
    copy_leaf(call);
}

void clg_oracle_constant(const struct clg_oracle_call *call)
{
    copy_leaf(call);
}

void clg_oracle_fill(const struct clg_oracle_call *call)
{
    copy_leaf(call);
}

void clg_cases_input(struct clg_cases *cases)
{
    clg_check(cases, "read as it was written", clg_case_uniform(cases, clg_shape2(3, 5), -1, 1));
    clg_check_forward(cases, "integers",
                      clg_case_integers(cases, clg_shape2(CLG_BATCH, 7), 1 << 30));
    clg_tensor x = clg_case_uniform(cases, clg_shape1(CLG_BATCH), -1, 1);
    clg_check(cases, "a multiple of the batch, used twice", clg_mul(x, x));
}

void clg_cases_entry(struct clg_cases *cases)
{
    clg_init init = {.scheme = CLG_INIT_NORMAL, .a = 0, .b = 1};
    clg_graph *graph = clg_case_graph(cases);
    clg_tensor p = clg_parameter(graph, "p", clg_shape2(5, 13), &init);
    clg_tensor s = clg_state(graph, "s", clg_shape0(), &init);
    clg_check_forward(cases, "a parameter itself", p);
    clg_check_forward(cases, "a state itself", s);
    clg_tensor x = clg_case_uniform(cases, clg_shape2(5, 13), -1, 1);
    clg_check(cases, "a parameter and a state in a sum", clg_add(clg_mul(x, p), s));
}

void clg_cases_constant(struct clg_cases *cases)
{
    static const float numbers[6] = {-1.5f, 0, 1, 3e8f, 1e-30f, 2};
    static const int32_t integers[3] = {-7, 0, INT32_MAX};
    clg_graph *graph = clg_case_graph(cases);
    clg_tensor c = clg_constant(graph, CLG_F32, clg_shape2(2, 3), numbers);
    clg_check_forward(cases, "itself", c);
    clg_check_forward(cases, "integers", clg_constant(graph, CLG_I32, clg_shape1(3), integers));
    clg_tensor x = clg_case_uniform(cases, clg_shape3(4, 1, 3), 0, 1);
    clg_check(cases, "in a product", clg_mul(x, c));
}

void clg_cases_fill(struct clg_cases *cases)
{
    clg_graph *graph = clg_case_graph(cases);
    clg_check_forward(cases, "itself", clg_fill(graph, clg_shape2(CLG_BATCH, 11), 0.1f));
    clg_check_forward(cases, "a scalar", clg_fill(graph, clg_shape0(), -2));
    clg_tensor x = clg_case_uniform(cases, clg_shape1(5), 1, 2);
    clg_check(cases, "as a divisor", clg_div(x, clg_fill(graph, clg_shape2(2, 5), 3)));
}
