/* The formulas of torch.optim.lr_scheduler, closed where PyTorch multiplies a rate on from count to
 * count (StepLR, MultiStepLR, ExponentialLR, CosineAnnealingLR, LinearLR, PolynomialLR): in double both
 * round to the same float32. The others are closed in PyTorch too, or recursions here as there. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "optim/schedule.h"

#define PI 3.14159265358979323846

static double rate_step(const struct clg_schedule *s, int64_t t)
{
    return s->params.lr * pow(s->params.gamma, (double)(t / s->params.step_size));
}

static double rate_multistep(const struct clg_schedule *s, int64_t t)
{
    size_t passed = 0;

    while (passed < s->params.milestone_count && s->milestones[passed] <= t)
        passed++;
    return s->params.lr * pow(s->params.gamma, (double)passed);
}

static double rate_exponential(const struct clg_schedule *s, int64_t t)
{
    return s->params.lr * pow(s->params.gamma, (double)t);
}

/* Half a cosine from one number to another; share: 0 to 1. */
static double along_cosine(double from, double to, double share)
{
    return to + (from - to) / 2 * (cos(PI * share) + 1);
}

static double rate_cosine(const struct clg_schedule *s, int64_t t)
{
    int64_t period = s->params.T_max;
    int64_t at = t / period % 2 ? period - t % period : t % period;

    return along_cosine(s->params.lr, s->params.eta_min, (double)at / (double)period);
}

static double rate_cosine_restarts(const struct clg_schedule *s, int64_t t)
{
    int64_t period = s->params.T_0, times = s->params.T_mult;

    if (times == 1)
        t %= period;
    while (t >= period) {
        t -= period;
        period = period > INT64_MAX / times ? INT64_MAX : period * times;
    }
    return along_cosine(s->params.lr, s->params.eta_min, (double)t / (double)period);
}

static double share_of_iters(const struct clg_schedule *s, int64_t t)
{
    return t < s->params.total_iters ? (double)t / (double)s->params.total_iters : 1;
}

static double rate_linear(const struct clg_schedule *s, int64_t t)
{
    double from = s->params.start_factor, to = s->params.end_factor;

    return s->params.lr * (from + (to - from) * share_of_iters(s, t));
}

static double rate_polynomial(const struct clg_schedule *s, int64_t t)
{
    return s->params.lr * pow(1 - share_of_iters(s, t), s->params.power);
}

static double anneal(const struct clg_schedule *s, double from, double to, double share)
{
    return s->params.linear_anneal ? (to - from) * share + from : along_cosine(from, to, share);
}

/* s->params.lr is max_lr / div_factor. */
static double rate_onecycle(const struct clg_schedule *s, int64_t t)
{
    const clg_schedule_params *p = &s->params;
    double top = p->pct_start * (double)p->total_steps - 1, end = (double)p->total_steps - 1;
    double at = (double)t;

    if (at <= top)
        return top > 0 ? anneal(s, p->lr, p->max_lr, at / top) : p->max_lr;
    return anneal(s, p->max_lr, p->lr / p->final_div_factor,
                  end > top ? (at - top) / (end - top) : 1);
}

static double rate_plateau(const struct clg_schedule *s, int64_t t)
{
    (void)t;
    return s->state.lr;
}

/* ---- the table ---- */

#define AT(field)               #field, offsetof(clg_schedule_params, field)
#define COUNT(field)            {AT(field), true, false, 1, 0x1p62, "at least 1"}
#define COUNT_OR_NONE(field)    {AT(field), true, false, 0, 0x1p62, "at least 0"}
#define POSITIVE(field)         {AT(field), false, true, 0, HUGE_VAL, "over 0"}
#define NOT_NEGATIVE(field)     {AT(field), false, false, 0, HUGE_VAL, "0 or a positive number"}
#define SHARE(field)            {AT(field), false, false, 0, 1, "0 to 1"}
#define POSITIVE_SHARE(field)   {AT(field), false, true, 0, 1, "over 0 and at most 1"}

static const struct clg_schedule_limit step_limits[] = {COUNT(step_size), POSITIVE(gamma), {0}};
static const struct clg_schedule_limit gamma_limits[] = {POSITIVE(gamma), {0}};
static const struct clg_schedule_limit cosine_limits[] = {COUNT(T_max), NOT_NEGATIVE(eta_min), {0}};
static const struct clg_schedule_limit restarts_limits[] = {
    COUNT(T_0),
    {AT(T_mult), true, false, 1, 1e6, "1 to 1000000"},
    NOT_NEGATIVE(eta_min),
    {0},
};
static const struct clg_schedule_limit linear_limits[] = {
    POSITIVE_SHARE(start_factor), SHARE(end_factor), COUNT(total_iters), {0}};
static const struct clg_schedule_limit polynomial_limits[] = {
    COUNT(total_iters), NOT_NEGATIVE(power), {0}};
static const struct clg_schedule_limit onecycle_limits[] = {
    POSITIVE(max_lr),     COUNT(total_steps),        SHARE(pct_start),
    POSITIVE(div_factor), POSITIVE(final_div_factor), {0}};
static const struct clg_schedule_limit plateau_limits[] = {
    {AT(factor), false, true, 0, 0x1.fffffffffffffp-1, "over 0 and under 1"},
    COUNT_OR_NONE(patience),
    COUNT_OR_NONE(cooldown),
    NOT_NEGATIVE(threshold),
    NOT_NEGATIVE(min_lr),
    NOT_NEGATIVE(eps),
    {0},
};

static const struct clg_schedule_kind kinds[] = {
    {"step", step_limits, rate_step},
    {"multistep", gamma_limits, rate_multistep},
    {"exponential", gamma_limits, rate_exponential},
    {"cosine", cosine_limits, rate_cosine},
    {"cosine_restarts", restarts_limits, rate_cosine_restarts},
    {"linear", linear_limits, rate_linear},
    {"polynomial", polynomial_limits, rate_polynomial},
    {"onecycle", onecycle_limits, rate_onecycle},
    {"plateau", plateau_limits, rate_plateau},
};

const struct clg_schedule_kind *clg_schedule_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

void clg_schedule_names(char *buffer, size_t size)
{
    size_t at = 0;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && at < size; i++)
        at += (size_t)snprintf(buffer + at, size - at, "%s%s", i ? ", " : "", kinds[i].name);
}
