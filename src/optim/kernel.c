/* The kernel of a rule: STEP and UPDATE of its entry between the macros of cl/optim.clh. */
#include <math.h>
#include "base/text.h"
#include "optim/optim.h"

static bool is_used(const struct clg_rule *rule, const clg_optimizer_params *params, uint32_t s)
{
    return rule->used(params) >> s & 1;
}

static void write_parameters(struct clg_text *text, const struct clg_rule *rule,
                             const clg_optimizer_params *params)
{
    for (uint32_t s = 0; rule->states[s]; s++)
        if (is_used(rule, params, s))
            clg_text_add(text, ", global float *%s_at", rule->states[s]);
    for (const struct clg_number *n = rule->numbers; n->name; n++)
        if (n->range == CLG_RANGE_SHARE)
            clg_text_add(text, ", const float %s, const float rest_%s, const float log_%s", n->name,
                         n->name, n->name);
        else if (n->range != CLG_RANGE_FLAG && n->range != CLG_RANGE_DECAY)
            clg_text_add(text, ", const float %s", n->name);
}

/* A flag is a constant of the kernel, and a state that is not used one of the update. */
static void write_flags(struct clg_text *text, const struct clg_rule *rule,
                        const clg_optimizer_params *params)
{
    for (const struct clg_number *n = rule->numbers; n->name; n++)
        if (n->range == CLG_RANGE_FLAG)
            clg_text_add(text, "    const int %s = %d;\n", n->name,
                         clg_number_get(n, params) != 0);
}

static void write_old(struct clg_text *text, const struct clg_rule *rule,
                      const clg_optimizer_params *params)
{
    clg_text_add(text, "    real w = OLD(w);\n");
    for (uint32_t s = 0; rule->states[s]; s++)
        if (is_used(rule, params, s))
            clg_text_add(text, "    real %s = OLD(%s);\n", rule->states[s], rule->states[s]);
        else
            clg_text_add(text, "    real %s = (real)(0);\n", rule->states[s]);
}

static void write_new(struct clg_text *text, const struct clg_rule *rule,
                      const clg_optimizer_params *params)
{
    clg_text_add(text, "    NEW(w)\n");
    for (uint32_t s = 0; rule->states[s]; s++)
        if (is_used(rule, params, s))
            clg_text_add(text, "    NEW(%s)\n", rule->states[s]);
}

/* norms: the kernel that measures what TRUST needs. */
static void write_kernel(struct clg_text *text, const struct clg_rule *rule,
                         const clg_optimizer_params *params, bool norms)
{
    clg_text_add(text, "kernel void %s%s(TRAINED", rule->name, norms ? "_norms" : "");
    write_parameters(text, rule, params);
    clg_text_add(text, "%s)\n{\n", rule->normed ? ", global float *trust" : "");
    write_flags(text, rule, params);
    clg_text_add(text, "    OPEN_STEP\n");
    if (rule->running[0])
        clg_text_add(text, "    float %s = RUNNING(%s);\n", rule->running[0], rule->running[1]);
    clg_text_add(text, "    %s\n", rule->step);
    if (rule->running[0])
        clg_text_add(text, "    KEEP_RUNNING(%s)\n", rule->running[0]);
    clg_text_add(text, norms ? "    BEGIN_NORMS\n" : "    BEGIN_UPDATE\n");
    write_old(text, rule, params);
    clg_text_add(text, "    %s\n", rule->update);
    if (!norms)
        write_new(text, rule, params);
    clg_text_add(text, norms ? "    END_NORMS\n}\n" : "    END_UPDATE\n}\n");
}

void clg_rule_write(struct clg_text *text, const struct clg_rule *rule,
                    const clg_optimizer_params *params)
{
    clg_text_add(text, "#include \"optim.clh\"\n/* %s */\n#define TRUST(r) TRUST_READ\n",
                 rule->formula);
    write_kernel(text, rule, params, false);
    if (!rule->normed)
        return;
    clg_text_add(text, "#undef TRUST\n#define TRUST(r) TRUST_MEASURE(r)\n");
    write_kernel(text, rule, params, true);
}

void clg_rule_arguments(struct clg_launch *launch, const struct clg_rule *rule,
                        const clg_optimizer_params *params)
{
    for (const struct clg_number *n = rule->numbers; n->name; n++) {
        double value = clg_decimal_of(clg_number_get(n, params));

        if (n->range == CLG_RANGE_FLAG || n->range == CLG_RANGE_DECAY)
            continue;
        clg_launch_float(launch, (float)value);
        if (n->range != CLG_RANGE_SHARE)
            continue;
        clg_launch_float(launch, (float)(1 - value));
        clg_launch_float(launch, (float)log(value));
    }
}
