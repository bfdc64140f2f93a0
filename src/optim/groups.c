/* Settings of parameters by patterns of their names: learning rate, weight decay, freezing. */
#include <math.h>
#include <stdio.h>
#include "base/text.h"
#include "optim/optim.h"

static bool matches(const char *const *patterns, const char *name)
{
    for (; *patterns; patterns++)
        if (clg_match(*patterns, name))
            return true;
    return false;
}

struct clg_group clg_optimizer_setting(const struct clg_optimizer *optimizer, const char *name)
{
    struct clg_group setting = {.factor = 1, .decay = optimizer->params.weight_decay};

    for (size_t i = 0; i < optimizer->groups.count; i++)
        if (clg_match(optimizer->groups.items[i].match, name)) {
            setting = optimizer->groups.items[i];
            break;
        }
    if (matches(optimizer->params.no_decay, name))
        setting.decay = 0;
    setting.match = NULL;
    return setting;
}

void clg_optimizer_free_groups(struct clg_optimizer *optimizer)
{
    for (size_t i = 0; i < optimizer->groups.count; i++)
        clg_free(optimizer->object.ctx, optimizer->groups.items[i].match);
    clg_free(optimizer->object.ctx, optimizer->groups.items);
}

/* ---- groups that match nothing ---- */

static const struct clg_entry *parameter(const struct clg_store *store, size_t i)
{
    const struct clg_entry *entry = clg_store_get_entry(store, (int64_t)i);

    return entry->kind == CLG_ENTRY_PARAMETER ? entry : NULL;
}

/* "0.weight, 0.bias, ...": as many as there is room for. */
static void list_parameters(const struct clg_store *store, char *text, size_t size)
{
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < clg_store_count(store); i++) {
        const struct clg_entry *entry = parameter(store, i);
        size_t before = at;

        if (!entry)
            continue;
        at += (size_t)snprintf(text + at, size - at, "%s%s", at ? ", " : "", entry->name);
        if (at + sizeof(", ...") > size) {
            snprintf(text + before, size - before, "%s", before ? ", ..." : "...");
            return;
        }
    }
}

clg_status clg_optimizer_check_groups(const struct clg_optimizer *optimizer)
{
    const struct clg_store *store = optimizer->store;
    char names[400];

    for (size_t g = 0; g < optimizer->groups.count; g++) {
        const struct clg_group *group = &optimizer->groups.items[g];
        bool found = false;

        for (size_t i = 0; i < clg_store_count(store) && !found; i++)
            found = parameter(store, i) && clg_match(group->match, parameter(store, i)->name);
        if (found)
            continue;
        list_parameters(store, names, sizeof(names));
        return clg_fail(optimizer->object.ctx, CLG_ERR_ARGUMENT,
                        "optimizer '%s': '%.100s', to be %s, matches no parameter; there are %s",
                        optimizer->params.name, group->match, group->frozen ? "frozen" : "a group",
                        names);
    }
    return CLG_OK;
}

/* ---- adding ---- */

static clg_status check_begin(const struct clg_optimizer *optimizer, const char *match)
{
    struct clg_ctx *ctx = optimizer->object.ctx;

    if (!match || !*match)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "optimizer '%s': a group needs a pattern",
                        optimizer->params.name);
    if (optimizer->trained.count > 0)
        return clg_fail(ctx, CLG_ERR_STATE,
                        "optimizer '%s': group '%.100s' comes too late, it must be added before "
                        "clg_minimize()",
                        optimizer->params.name, match);
    return CLG_OK;
}

static clg_status check_group(const struct clg_optimizer *optimizer,
                              const clg_optimizer_group *group)
{
    struct clg_ctx *ctx = optimizer->object.ctx;
    const char *name = optimizer->params.name;

    if (!(group->lr >= 0) || !isfinite(group->lr))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "optimizer '%s': the learning rate of group '%.100s' is %g, must be 0 or a "
                        "positive number",
                        name, group->match, (double)group->lr);
    if (!(group->weight_decay >= 0) || !isfinite(group->weight_decay))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "optimizer '%s': weight_decay of group '%.100s' is %g, must be 0 or a "
                        "positive number",
                        name, group->match, (double)group->weight_decay);
    if (group->weight_decay != 0 && !clg_rule_decays(optimizer->rule))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "optimizer '%s': weight_decay of group '%.100s' is %g, must be 0: %s has none",
                        name, group->match, (double)group->weight_decay, optimizer->rule->name);
    if (optimizer->lr == 0 && group->lr != 0)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "optimizer '%s': the learning rate of group '%.100s' is %g, must be 0 too: "
                        "rates change in proportion to the optimizer's, which is 0",
                        name, group->match, (double)group->lr);
    return CLG_OK;
}

static clg_status add(struct clg_optimizer *optimizer, const char *match,
                      const struct clg_group *group)
{
    struct clg_ctx *ctx = optimizer->object.ctx;
    char *copy = clg_strdup(ctx, match);
    struct clg_group *slot = copy ? CLG_PUSH(ctx, optimizer->groups) : NULL;

    if (!slot) {
        clg_free(ctx, copy);
        return CLG_ERR_MEMORY;
    }
    *slot = *group;
    slot->match = copy;
    return CLG_OK;
}

clg_optimizer_group clg_optimizer_group_defaults(const clg_optimizer *optimizer, const char *match)
{
    if (!optimizer)
        return (clg_optimizer_group){.match = match};
    return (clg_optimizer_group){match, optimizer->lr, optimizer->params.weight_decay};
}

clg_status clg_optimizer_add_group(clg_optimizer *optimizer, const clg_optimizer_group *group)
{
    struct clg_group added = {.factor = 1};

    if (!optimizer || !CLG_GIVEN(optimizer, group))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_begin(optimizer, group->match));
    CLG_TRY(check_group(optimizer, group));
    if (group->lr != optimizer->lr)
        added.factor = group->lr / optimizer->lr;
    added.decay = group->weight_decay;
    return add(optimizer, group->match, &added);
}

clg_status clg_optimizer_freeze(clg_optimizer *optimizer, const char *match)
{
    const struct clg_group frozen = {.frozen = true};

    if (!optimizer || !CLG_GIVEN(optimizer, match))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(check_begin(optimizer, match));
    return add(optimizer, match, &frozen);
}
