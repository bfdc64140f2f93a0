/* What a plan says of itself. */
#include <string.h>
#include "gemm/gemm.h"
#include "plan/plan.h"

static void add_costs(const struct clg_launches *launches, clg_plan_report *out)
{
    for (size_t i = 0; i < launches->list.count; i++) {
        struct clg_launch_info info = clg_launch_get_info(launches->list.items[i]);
        out->flops += info.flops;
        out->bytes += info.bytes;
    }
    out->launches += (uint32_t)launches->list.count;
}

static const char *choices(struct clg_plan *plan)
{
    const struct clg_machine *m = clg_device_machine(plan->device);
    if (!plan->choices.data)
        clg_text_add(&plan->choices,
                     "{\"form\": \"%s\", \"gemm\": \"%s\", \"local\": %u, \"vector\": %u}",
                     m->form == CLG_FORM_ITEM ? "item" : "group",
                     m->gemm == CLG_GEMM_CLBLAST ? "clblast" : "native",
                     m->form == CLG_FORM_ITEM ? 1 : m->local, m->vector);
    return plan->choices.data ? plan->choices.data : "{}";
}

clg_status clg_plan_get_report(const clg_plan *plan, clg_plan_report *out)
{
    if (!plan || !CLG_GIVEN(plan, out))
        return CLG_ERR_ARGUMENT;
    *out = (clg_plan_report){.arena_bytes = plan->places.arena_bytes,
                             .arena_bound = plan->places.arena_bound,
                             .own_bytes = plan->places.own_bytes,
                             .memory = clg_memory_now(plan->device),
                             .choices = choices((struct clg_plan *)plan)};
    const struct clg_launches *lists[CLG_PHASES];
    for (size_t i = 0; i < CLG_PHASES; i++) {
        lists[i] = &plan->phases[i];
        if (i != CLG_PHASE_ADD && i != CLG_PHASE_RENORM)
            add_costs(lists[i], out);
    }
    clg_launches_count_kernels(lists, CLG_PHASES, &out->kernels, &out->gemm_kernels);
    return CLG_OK;
}
