/* The two ops of batch norm, and the compositions around them. Errors: a division, 2.5 ulp,
 * and what it divides by rounds. */
#include <math.h>
#include "selftest/cases.h"
#include "selftest/oracle.h"

/* As in training: in inference the evaluation takes input 0 without asking. */
void clg_oracle_by_mode(const struct clg_oracle_call *call)
{
    for (int64_t i = 0; i < call->out->count; i++) {
        call->out->value[i] = call->in[1].value[i];
        call->out->error[i] = call->in[1].error[i];
    }
}

void clg_oracle_unbiased(const struct clg_oracle_call *call)
{
    double n = (double)call->in[1].count / (double)call->in[0].count;
    for (int64_t i = 0; i < call->out->count; i++) {
        call->out->value[i] = call->in[0].value[i] * n / (n - 1);
        call->out->error[i] = call->in[0].error[i] * n / (n - 1) + 3 * clg_ulp(call->out->value[i]);
    }
}

static clg_norm_params with_weights(struct clg_cases *cases, clg_shape shape)
{
    clg_norm_params p = clg_norm_defaults();
    p.weight = clg_case_uniform(cases, shape, 0.5, 1.5);
    p.bias = clg_case_uniform(cases, shape, -1, 1);
    return p;
}

/* States of the store: their assignment runs with the plan, but no case looks at it. */
static void add_running(struct clg_cases *cases, clg_norm_params *p, int64_t channels)
{
    const clg_init mean = {.scheme = CLG_INIT_CONSTANT, .a = 0.25f};
    const clg_init variance = {.scheme = CLG_INIT_CONSTANT, .a = 0.75f};
    p->running_mean = clg_state(clg_case_graph(cases), "running_mean", clg_shape1(channels), &mean);
    p->running_var =
        clg_state(clg_case_graph(cases), "running_var", clg_shape1(channels), &variance);
}

void clg_cases_by_mode(struct clg_cases *cases)
{
    clg_tensor in[2] = {clg_case_uniform(cases, clg_shape2(CLG_BATCH, 5), -1, 1),
                        clg_case_uniform(cases, clg_shape2(CLG_BATCH, 5), -1, 1)};
    clg_tensor chosen = clg_node_add(in[0].graph, CLG_OP(by_mode), in, 2, NULL, NULL);
    clg_check_twice(cases, "times both", clg_mul(clg_square(chosen), clg_mul(in[0], in[1])));
    clg_tensor x = clg_case_uniform(cases, clg_shape4(CLG_BATCH, 3, 4, 5), -1, 1);
    clg_norm_params p = with_weights(cases, clg_shape1(3));
    add_running(cases, &p, 3);
    clg_check(cases, "batch norm", clg_batch_norm(x, &p));
    x = clg_case_uniform(cases, clg_shape2(7, 5), -1, 1);
    clg_check_twice(cases, "batch norm of rows", clg_batch_norm(x, NULL));
    x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 2, 7), -1, 1);
    p = with_weights(cases, clg_shape1(7));
    clg_check(cases, "layer norm", clg_layer_norm(x, 1, &p));
    x = clg_case_uniform(cases, clg_shape3(CLG_BATCH, 2, 3), -1, 1);
    p = with_weights(cases, clg_shape2(2, 3));
    clg_check(cases, "root mean square norm", clg_rms_norm(x, 2, &p));
    x = clg_case_uniform(cases, clg_shape4(2, 4, 3, 3), -1, 1);
    p = with_weights(cases, clg_shape1(4));
    clg_check(cases, "group norm", clg_group_norm(x, 2, &p));
    x = clg_case_uniform(cases, clg_shape3(2, 3, 11), -1, 1);
    clg_check(cases, "instance norm", clg_instance_norm(x, NULL));
    x = clg_case_uniform(cases, clg_shape4(CLG_BATCH, 7, 2, 3), -1, 1);
    clg_check(cases, "local response norm", clg_local_response_norm(x, 5, 0.5f, 0.75f, 1));
    x = clg_case_uniform(cases, clg_shape3(2, 3, 4), -1, 1);
    clg_check(cases, "local response norm of 4", clg_local_response_norm(x, 4, 0.5f, 0.75f, 2));
}

void clg_cases_unbiased(struct clg_cases *cases)
{
    static const int64_t shapes[][2] = {{2, 1}, {3, 5}, {2, 17}, {41, 67}};
    for (int i = 0; i < 4; i++) {
        clg_tensor in[2] = {clg_case_uniform(cases, clg_shape1(shapes[i][1]), 0, 2),
                            clg_case_uniform(cases, clg_shape2(shapes[i][0], shapes[i][1]), -1, 1)};
        clg_check_forward(cases, "variances",
                          clg_node_add(in[0].graph, CLG_OP(unbiased), in, 2, NULL, NULL));
    }
}
