#include "selftest/suite.h"
#include "selftest/table.h"

#define SEED 20260118

/* An op that says it can be differentiated again shows it once at least. */
static void demand_second(struct clg_cases *cases)
{
    const struct clg_op *op = cases->op;
    if (!op || !op->grad || op->flags & (CLG_OP_ONCE | CLG_OP_CONSTANT))
        return;
    for (size_t i = 0; i < cases->list.count; i++)
        if (cases->list.items[i].kind == CLG_CASE_TWICE)
            return;
    clg_suite_fail(cases, "no case checks its second derivatives (clg_check_twice)");
}

clg_status clg_suite_make(struct clg_cases *cases, clg_store **store,
                          void (*make)(struct clg_cases *cases))
{
    *store = clg_store_create(cases->device, SEED);
    cases->graph = clg_graph_create(*store);
    if (!cases->graph)
        return clg_error_status(cases->ctx);
    make(cases);
    cases->result->cases = (uint32_t)cases->list.count;
    demand_second(cases);
    return cases->status;
}

void clg_suite_free(struct clg_cases *cases)
{
    for (size_t i = 0; i < cases->inputs.count; i++)
        clg_free(cases->ctx, cases->inputs.items[i].value);
    for (size_t i = 0; i < cases->list.count; i++) {
        clg_free(cases->ctx, cases->list.items[i].what);
        for (uint32_t g = 0; g < cases->list.items[i].gradients; g++)
            clg_free(cases->ctx, cases->list.items[i].gradient[g].by);
    }
    clg_free(cases->ctx, cases->inputs.items);
    clg_free(cases->ctx, cases->list.items);
}

clg_status clg_suite_evaluate(struct clg_cases *cases, bool training, struct clg_evaluation *e)
{
    size_t n = cases->graph->nodes.count;
    bool *need = clg_new(cases->ctx, n + 1, sizeof(*need));
    clg_status status =
        need ? clg_evaluation_init(e, cases->graph, CLG_CASE_BATCH, training) : CLG_ERR_MEMORY;
    for (size_t i = 0; status == CLG_OK && i < n; i++)
        need[i] = true;
    if (status == CLG_OK) {
        clg_suite_fill(cases, e);
        status = clg_evaluation_run(e, need);
    }
    clg_free(cases->ctx, need);
    return status;
}

/* A kernel that writes outside of its tensors is not let loose on a plan. */
static clg_status check_training(struct clg_cases *cases, const struct clg_evaluation *values)
{
    CLG_TRY(clg_check_differences(cases, values));
    CLG_TRY(clg_check_guarded(cases, values));
    return cases->result->pass ? clg_check_plan(cases, values) : CLG_OK;
}

static clg_status check_inference(struct clg_cases *cases, const struct clg_evaluation *values)
{
    return cases->result->pass ? clg_check_plan(cases, values) : CLG_OK;
}

static clg_status check_mode(struct clg_cases *cases, bool training,
                             clg_status check(struct clg_cases *, const struct clg_evaluation *))
{
    struct clg_evaluation values = {0};
    clg_status status = clg_suite_evaluate(cases, training, &values);
    if (status == CLG_OK)
        status = check(cases, &values);
    clg_evaluation_finish(&values);
    return status;
}

static clg_status run(struct clg_cases *cases, void (*make)(struct clg_cases *cases))
{
    struct clg_selftest_result *result = cases->result;
    clg_store *store;
    clg_status status = clg_suite_make(cases, &store, make);
    if (status == CLG_OK && result->pass)
        status = check_mode(cases, true, check_training);
    if (status == CLG_OK && result->pass && !cases->small) /* its kernels are those of training */
        status = check_mode(cases, false, check_inference);
    if (status != CLG_OK)
        clg_suite_fail(cases, "%s", clg_error(cases->ctx));
    if (!(result->worst_forward <= 1 && result->worst_gradient <= 1 && result->worst_rule <= 1))
        clg_suite_fail(cases, "an error is over its tolerance");
    clg_suite_free(cases);
    clg_store_destroy(&store);
    return status;
}

struct clg_cases clg_suite_of(clg_device *device, const struct clg_op *op, bool small,
                              struct clg_selftest_result *result)
{
    return (struct clg_cases){.ctx = clg_device_object(device)->ctx,
                              .device = device,
                              .op = op,
                              .small = small,
                              .result = result};
}

clg_status clg_selftest_run(clg_device *device, const struct clg_op *op, bool small,
                            struct clg_selftest_result *result)
{
    *result = (struct clg_selftest_result){.op = op->name, .pass = true};
    struct clg_cases cases = clg_suite_of(device, op, small, result);
    return run(&cases, clg_selftest_entry(op)->cases);
}

clg_status clg_selftest_repeat(clg_device *device, const struct clg_op *op, bool small,
                               struct clg_selftest_result *result)
{
    *result = (struct clg_selftest_result){.op = op->name, .pass = true};
    struct clg_cases cases[2] = {clg_suite_of(device, op, small, result),
                                 clg_suite_of(device, op, small, result)};
    clg_store *stores[2] = {NULL, NULL};
    clg_status status = CLG_OK;
    for (int i = 0; i < 2 && status == CLG_OK; i++)
        status = clg_suite_make(&cases[i], &stores[i], clg_selftest_entry(op)->cases);
    if (status == CLG_OK && result->pass)
        status = clg_check_repeated(&cases[0], &cases[1]);
    if (status != CLG_OK)
        clg_suite_fail(&cases[0], "%s", clg_error(cases[0].ctx));
    for (int i = 0; i < 2; i++) {
        clg_suite_free(&cases[i]);
        clg_store_destroy(&stores[i]);
    }
    return status;
}

clg_status clg_selftest_cases(clg_device *device, const char *name,
                              void (*make)(struct clg_cases *cases),
                              struct clg_selftest_result *result)
{
    *result = (struct clg_selftest_result){.op = name, .pass = true};
    struct clg_cases cases = {
        .ctx = clg_device_object(device)->ctx, .device = device, .result = result};
    return run(&cases, make);
}
