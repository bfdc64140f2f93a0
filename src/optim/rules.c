/* The rules of optim.def as tables, and what holds for the options of all. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "optim/optim.h"

#define NUMBERS(...) __VA_ARGS__
#define STATES(...)  __VA_ARGS__
#define STEP(...)    #__VA_ARGS__
#define UPDATE(...)  #__VA_ARGS__
#define LR(fallback)

/* ---- which states options use, and what they demand of each other ---- */

static uint32_t mask_of(const bool *used, size_t count)
{
    uint32_t mask = 0;

    for (size_t s = 0; s < count; s++)
        mask |= (uint32_t)used[s] << s;
    return mask;
}

#define NORMED
#define STATE(name, used) used,
#define RUNNING(name, first)
#define DECAY(fallback, doc)
#define NUMBER(field, fallback, range, doc)
#define PAIR(key, a, fallback_a, range_a, b, fallback_b, range_b, doc)
#define FLAG(field, doc)
#define DEMAND(condition, words)                                                                   \
    if (!(condition))                                                                              \
        return words;
#define RULE(name, doc, source, formula, flops, numbers, states, step, update)                     \
    static uint32_t used_##name(const clg_optimizer_params *o)                                     \
    {                                                                                              \
        const bool used[] = {states};                                                              \
        (void)o;                                                                                   \
        return mask_of(used, sizeof(used) / sizeof(*used));                                        \
    }                                                                                              \
    static const char *unmet_##name(const clg_optimizer_params *o)                                 \
    {                                                                                              \
        (void)o;                                                                                   \
        numbers return NULL;                                                                       \
    }
#include "optim/optim.def"
#undef STATE
#undef DECAY
#undef NUMBER
#undef PAIR
#undef FLAG
#undef DEMAND
#undef RULE

/* ---- the tables ---- */

#define FIELD(field, range, fallback)                                                              \
    {#field, offsetof(clg_optimizer_params, field), CLG_RANGE_##range, fallback},
#define STATE(name, used)                   #name,
#define DECAY(fallback, doc)                FIELD(weight_decay, DECAY, fallback)
#define NUMBER(field, fallback, range, doc) FIELD(field, range, fallback)
#define PAIR(key, a, fallback_a, range_a, b, fallback_b, range_b, doc)                             \
    FIELD(a, range_a, fallback_a) FIELD(b, range_b, fallback_b)
#define FLAG(field, doc) FIELD(field, FLAG, 0)
#define DEMAND(condition, words)

#define RULE(name, doc, source, formula, flops, numbers, states, step, update)                     \
    static const struct clg_number numbers_##name[] = {numbers{NULL, 0, CLG_RANGE_FLAG, 0}};
#include "optim/optim.def"
#undef RULE

#define RULE(name, doc, source, formula, flops, numbers, states, step, update)                     \
    static const char *const states_##name[] = {states NULL};
#include "optim/optim.def"
#undef RULE
#undef STATE
#undef RUNNING

#define STATE(name, used)
#define RUNNING(name, first) #name, #first,
#define RULE(name, doc, source, formula, flops, numbers, states, step, update)                     \
    static const char *const running_##name[3] = {states NULL};
#include "optim/optim.def"
#undef RULE
#undef RUNNING
#undef NORMED

#define RUNNING(name, first)
#define NORMED true ||
static const struct clg_rule rules[] = {
#define RULE(name, doc, source, formula, flops, numbers, states, step, update)                     \
    {#name, formula, states_##name, running_##name, states false, numbers_##name, step, update,    \
     flops, used_##name, unmet_##name},
#include "optim/optim.def"
#undef RULE
};

const struct clg_rule *clg_rule_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof(rules) / sizeof(*rules); i++)
        if (!strcmp(rules[i].name, name))
            return &rules[i];
    return NULL;
}

void clg_rule_names(char buffer[CLG_RULE_NAMES])
{
    size_t at = 0;

    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules) && at < CLG_RULE_NAMES; i++)
        at += (size_t)snprintf(buffer + at, CLG_RULE_NAMES - at, "%s%s", i ? ", " : "",
                               rules[i].name);
}

bool clg_rule_decays(const struct clg_rule *rule)
{
    const struct clg_number *n = rule->numbers;

    while (n->name && n->range != CLG_RANGE_DECAY)
        n++;
    return n->name;
}

/* ---- options ---- */

float clg_number_get(const struct clg_number *number, const clg_optimizer_params *params)
{
    const char *field = (const char *)params + number->offset;

    return number->range == CLG_RANGE_FLAG ? (float)*(const bool *)field : *(const float *)field;
}

void clg_number_set(const struct clg_number *number, clg_optimizer_params *params, double value)
{
    char *field = (char *)params + number->offset;

    if (number->range == CLG_RANGE_FLAG)
        *(bool *)field = value != 0;
    else
        *(float *)field = (float)value;
}

/* NULL: the value is in range; else what it must be. */
static const char *must_be(enum clg_range range, float value)
{
    switch (range) {
    case CLG_RANGE_SHARE:
        return value >= 0 && value < 1 ? NULL : "from 0 to under 1";
    case CLG_RANGE_SHRINKING:
        return value > 0 && value < 1 ? NULL : "above 0 and under 1";
    case CLG_RANGE_GROWING:
        return value > 1 && isfinite(value) ? NULL : "above 1";
    case CLG_RANGE_POSITIVE:
    case CLG_RANGE_DIVISOR:
        return value > 0 && isfinite(value) ? NULL : "a positive number";
    case CLG_RANGE_COUNT:
    case CLG_RANGE_FACTOR:
    case CLG_RANGE_DECAY:
        return value >= 0 && isfinite(value) ? NULL : "0 or a positive number";
    case CLG_RANGE_FLAG:
        break;
    }
    return NULL;
}

clg_status clg_rule_check(struct clg_ctx *ctx, const struct clg_rule *rule, const char *name,
                          const clg_optimizer_params *params)
{
    const char *words;

    for (const struct clg_number *n = rule->numbers; n->name; n++) {
        float value = clg_number_get(n, params);

        words = must_be(n->range, value);
        if (words)
            return clg_fail(ctx, CLG_ERR_ARGUMENT, "optimizer '%s': %s is %g, must be %s", name,
                            n->name, (double)value, words);
    }
    if (params->weight_decay != 0 && !clg_rule_decays(rule))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "optimizer '%s': weight_decay is %g, must be 0: %s has none", name,
                        (double)params->weight_decay, rule->name);
    words = rule->unmet(params);
    return words ? clg_fail(ctx, CLG_ERR_ARGUMENT, "optimizer '%s': %s", name, words) : CLG_OK;
}

bool clg_rule_is_ordinary(const struct clg_rule *rule, const clg_optimizer_params *params)
{
    for (const struct clg_number *n = rule->numbers; n->name; n++) {
        float value = clg_number_get(n, params);

        if ((value > CLG_ORDINARY && n->range != CLG_RANGE_COUNT) ||
            (n->range == CLG_RANGE_DIVISOR && value < 0x1p-40f))
            return false;
    }
    return true;
}
