/* The rules of optim.def: their parameters, and their kernels' arguments. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "optim/optim.h"

static clg_status check_decay(struct clg_ctx *ctx, const char *name, const clg_optimizer_params *p)
{
    if (p->weight_decay >= 0 && isfinite(p->weight_decay))
        return CLG_OK;
    return clg_fail(ctx, CLG_ERR_ARGUMENT,
                    "optimizer '%s': weight_decay is %g, must be 0 or a positive number", name,
                    (double)p->weight_decay);
}

/* ---- sgd ---- */

static clg_status check_sgd(struct clg_ctx *ctx, const char *name, const clg_optimizer_params *p)
{
    CLG_TRY(check_decay(ctx, name, p));
    if (!(p->momentum >= 0) || !isfinite(p->momentum))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "optimizer '%s': momentum is %g, must be 0 or a positive number", name,
                        (double)p->momentum);
    if (p->nesterov && p->momentum == 0)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "optimizer '%s': nesterov needs a momentum above 0",
                        name);
    return CLG_OK;
}

/* Without momentum v would be g: no memory for it. */
static uint32_t count_sgd(const clg_optimizer_params *p)
{
    return p->momentum != 0;
}

static const char *kernel_sgd(const clg_optimizer_params *p)
{
    return p->momentum != 0 ? "sgd_momentum" : "sgd";
}

static void arguments_sgd(struct clg_launch *launch, const struct clg_rule *rule,
                          const clg_optimizer_params *p)
{
    (void)rule;
    if (p->momentum == 0)
        return;
    clg_launch_float(launch, p->momentum);
    clg_launch_int(launch, p->nesterov);
}

/* ---- adam, adamw ---- */

static clg_status check_adam(struct clg_ctx *ctx, const char *name, const clg_optimizer_params *p)
{
    CLG_TRY(check_decay(ctx, name, p));
    if (!(p->beta1 >= 0 && p->beta1 < 1 && p->beta2 >= 0 && p->beta2 < 1))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "optimizer '%s': beta1 is %g and beta2 %g, must be in [0, 1)", name,
                        (double)p->beta1, (double)p->beta2);
    if (!(p->eps > 0) || !isfinite(p->eps))
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "optimizer '%s': eps is %g, must be above 0", name,
                        (double)p->eps);
    return CLG_OK;
}

static uint32_t count_adam(const clg_optimizer_params *p)
{
    (void)p;
    return 2;
}

static const char *kernel_adam(const clg_optimizer_params *p)
{
    (void)p;
    return "adam";
}

/* The decimal number that was meant by a float: 0.999f is 0.99900001287, and 1 - 0.999f would be
 * off by 1e-5 of itself. */
static double meant(float x)
{
    for (double scale = 10; scale <= 1e9; scale *= 10) {
        double decimal = round((double)x * scale) / scale;
        if ((float)decimal == x)
            return decimal;
    }
    return x;
}

/* Corrections 1 - b^t are computed on the device as -expm1(t ln b): steps change nothing here. */
static void arguments_adam(struct clg_launch *launch, const struct clg_rule *rule,
                           const clg_optimizer_params *p)
{
    double beta1 = meant(p->beta1), beta2 = meant(p->beta2);

    clg_launch_float(launch, (float)beta1);
    clg_launch_float(launch, (float)(1 - beta1));
    clg_launch_float(launch, (float)log(beta1));
    clg_launch_float(launch, (float)beta2);
    clg_launch_float(launch, (float)(1 - beta2));
    clg_launch_float(launch, (float)log(beta2));
    clg_launch_float(launch, p->eps);
    clg_launch_int(launch, !strcmp(rule->name, "adamw"));
}

/* ---- the table ---- */

static const struct clg_rule rules[] = {
#define RULE(name, family, formula, first, second, decay, flops)                                   \
    {#name,          formula,         {first, second},   decay, flops, check_##family,             \
     count_##family, kernel_##family, arguments_##family},
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

void clg_rule_names(char *buffer, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < sizeof(rules) / sizeof(*rules) && at < size; i++)
        at += (size_t)snprintf(buffer + at, size - at, "%s%s", i ? ", " : "", rules[i].name);
}
