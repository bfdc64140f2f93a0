/* All cases of an op in one plan, in inference and in training: fused, placed and ordered as in
 * real work. */
#include <stdio.h>
#include <clgrad/plan.h>
#include "selftest/suite.h"

struct stage {
    struct clg_cases *cases;
    bool training;
    clg_plan *plan;
    const char **outputs;
    bool *need;
};

static bool is_gradient(const char *output)
{
    return output[0] == 'd';
}

bool clg_suite_wants(const struct clg_named *output, bool training)
{
    return training || !is_gradient(output->name);
}

/* Names of what the mode computes, and the nodes they depend on. */
static clg_status choose_outputs(struct stage *s)
{
    clg_graph *graph = s->cases->graph;
    size_t n = 0;
    s->outputs = clg_new(s->cases->ctx, graph->outputs.count + 1, sizeof(*s->outputs));
    s->need = clg_new(s->cases->ctx, graph->nodes.count, sizeof(*s->need));
    if (!s->outputs || !s->need)
        return CLG_ERR_MEMORY;
    for (size_t i = 0; i < graph->outputs.count; i++) {
        const struct clg_named *output = &graph->outputs.items[i];
        if (!clg_suite_wants(output, s->training))
            continue;
        s->outputs[n++] = output->name;
        clg_evaluation_need(graph, output->ref, s->need);
    }
    return CLG_OK;
}

static clg_status write_input(struct stage *s, const struct clg_case_input *input)
{
    struct clg_ctx *ctx = s->cases->ctx;
    bool integers = clg_tensor_dtype(input->t) == CLG_I32;
    union {
        float number;
        int32_t integer;
    } *words = clg_new(ctx, (size_t)input->count, 4);
    for (int64_t i = 0; words && i < input->count; i++)
        if (integers)
            words[i].integer = (int32_t)input->value[i];
        else
            words[i].number = (float)input->value[i];
    clg_status status = words ? clg_plan_write(s->plan, clg_tensor_node(input->t)->name, words,
                                               (size_t)input->count * 4)
                              : CLG_ERR_MEMORY;
    clg_free(ctx, words);
    return status;
}

static clg_status write_inputs(struct stage *s)
{
    for (size_t i = 0; i < s->cases->inputs.count; i++) {
        const struct clg_case_input *input = &s->cases->inputs.items[i];
        if (s->need[input->t.node])
            CLG_TRY(write_input(s, input));
    }
    return CLG_OK;
}

static clg_status run(struct stage *s)
{
    clg_plan_params params = clg_plan_defaults();
    CLG_TRY(choose_outputs(s));
    params.outputs = s->outputs;
    s->plan =
        clg_compile(s->cases->graph, CLG_CASE_BATCH, s->training ? CLG_TRAIN : CLG_INFER, &params);
    if (!s->plan)
        return clg_error_status(s->cases->ctx);
    CLG_TRY(write_inputs(s));
    return clg_plan_step(s->plan);
}

clg_status clg_suite_step(struct clg_cases *cases, bool training, clg_plan **plan)
{
    struct stage s = {.cases = cases, .training = training};
    clg_status status = run(&s);
    clg_free(cases->ctx, s.outputs);
    clg_free(cases->ctx, s.need);
    *plan = s.plan;
    return status;
}

static clg_status read_output(struct clg_cases *cases, const struct clg_evaluation *values,
                              clg_plan *plan, const struct clg_named *output)
{
    struct clg_selftest_result *result = cases->result;
    const struct clg_oracle_array *want = &values->out[output->ref.node][output->ref.output];
    size_t bytes = (size_t)want->count * 4, number = 0, input = 0;
    unsigned which = 0;
    char where[160];
    void *got = clg_new(cases->ctx, 1, bytes);
    if (!got)
        return CLG_ERR_MEMORY;
    bool gradient = is_gradient(output->name);
    sscanf(output->name + 1, gradient ? "%zu.%u.%zu" : "%zu.%u", &number, &which, &input);
    const char *what = cases->list.items[number].what;
    if (gradient)
        snprintf(where, sizeof(where), "case '%s', gradient %u by input %zu", what, which, input);
    else
        snprintf(where, sizeof(where), "case '%s' in %s, output %u", what,
                 values->training ? "training" : "inference", which);
    clg_status status = clg_plan_read(plan, output->name, got, bytes);
    if (status == CLG_OK)
        clg_compare(cases, want, got, gradient ? &result->worst_gradient : &result->worst_forward,
                    where);
    clg_free(cases->ctx, got);
    return status;
}

clg_status clg_check_plan(struct clg_cases *cases, const struct clg_evaluation *values)
{
    clg_plan *plan = NULL;
    clg_status status = clg_suite_step(cases, values->training, &plan);
    for (size_t i = 0; status == CLG_OK && i < cases->graph->outputs.count; i++)
        if (clg_suite_wants(&cases->graph->outputs.items[i], values->training))
            status = read_output(cases, values, plan, &cases->graph->outputs.items[i]);
    clg_plan_destroy(&plan);
    return status;
}
