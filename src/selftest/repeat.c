/* A training step of an op's cases, in two stores: the same seed gives the same bits. */
#include <stdio.h>
#include <string.h>
#include "selftest/suite.h"

static size_t bytes_of(const struct clg_cases *cases, const struct clg_named *output)
{
    const struct clg_type *type =
        &cases->graph->nodes.items[output->ref.node]->out[output->ref.output];
    clg_shape shape = clg_resolve(&type->shape, CLG_CASE_BATCH);
    return 4 * (size_t)clg_extent(&shape, 0, shape.rank);
}

/* Of the first element that differs, or count. */
static size_t first_difference(const uint32_t *a, const uint32_t *b, size_t count)
{
    size_t i = 0;
    while (i < count && a[i] == b[i])
        i++;
    return i;
}

/* What an output is called in messages: its case, and which of its results. */
static const char *say(const struct clg_cases *cases, const struct clg_named *output,
                       char text[160])
{
    size_t number = 0;
    sscanf(output->name + 1, "%zu", &number);
    snprintf(text, 160, "case '%s', %s %s", cases->list.items[number].what,
             output->name[0] == 'd' ? "gradient" : "output", output->name);
    return text;
}

static clg_status compare_output(struct clg_cases *cases, size_t index, clg_plan *const plan[2])
{
    const struct clg_named *output = &cases->graph->outputs.items[index];
    size_t bytes = bytes_of(cases, output), at;
    char text[160];
    uint32_t *bits = clg_new(cases->ctx, 2, bytes);
    uint32_t *again = bits ? bits + bytes / 4 : NULL;
    clg_status status = bits ? clg_plan_read(plan[0], output->name, bits, bytes) : CLG_ERR_MEMORY;
    if (status == CLG_OK)
        status = clg_plan_read(plan[1], output->name, again, bytes);
    at = status == CLG_OK ? first_difference(bits, again, bytes / 4) : bytes / 4;
    if (at < bytes / 4)
        clg_suite_fail(cases, "%s: element %zu has the bits %08x, and %08x in a second run",
                       say(cases, output, text), at, bits[at], again[at]);
    clg_free(cases->ctx, bits);
    return status;
}

clg_status clg_check_repeated(struct clg_cases *cases, struct clg_cases *again)
{
    clg_plan *plan[2] = {NULL, NULL};
    clg_status status = clg_suite_step(cases, true, &plan[0]);
    if (status == CLG_OK)
        status = clg_suite_step(again, true, &plan[1]);
    for (size_t i = 0; status == CLG_OK && i < cases->graph->outputs.count; i++)
        status = compare_output(cases, i, plan);
    clg_plan_destroy(&plan[0]);
    clg_plan_destroy(&plan[1]);
    return status;
}
