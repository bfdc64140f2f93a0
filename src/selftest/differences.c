/* Gradient rules against central differences of the oracle, all in double precision on the host: a
 * wrong rule shows here whatever the device does. */
#include <math.h>
#include "selftest/suite.h"

/* The step is 1e-5 of the number, of 0.01 at least and of 1 at most: the third derivative then adds
 * about 1e-10, rounding about 1e-16 / 1e-5 = 1e-11 of the sum of absolute values; a wrong rule is
 * off by far more than 1e-6 of the largest derivative. */
#define STEP      1e-5
#define TOLERANCE 1e-6
#define ALL_BELOW 64 /* elements: up to here each is tried alone */
#define SAMPLES   24 /* else so many of each input, and all together */

struct probe {
    struct clg_cases *cases;
    const struct clg_case *c;
    const struct clg_case_gradient *gradient;
    struct clg_evaluation e;
    bool *need;
    double scale; /* sum of the absolute values whose sum the scalar is */
};

static double step_of(double x)
{
    return STEP * fmin(fmax(fabs(x), 0.01), 1.0);
}

static clg_status scalar_at(struct probe *p, double *out)
{
    CLG_TRY(clg_evaluation_run(&p->e, p->need));
    *out = *clg_evaluated(&p->e, p->gradient->scalar)->value;
    return CLG_OK;
}

/* The i-th input of the case moves by sign * step * direction (at one element, or at all). */
static void move(struct probe *p, size_t i, int64_t element, double sign)
{
    const struct clg_case_input *input = &p->cases->inputs.items[p->c->first + i];
    double *x = p->e.leaf[input->t.node];
    for (int64_t k = 0; k < input->count; k++)
        if (element < 0 || element == k)
            x[k] = input->value[k] + sign * step_of(input->value[k]);
        else
            x[k] = input->value[k];
}

/* What the gradient says the scalar changes by along that move, per unit of sign. */
static double predicted(const struct probe *p, const struct clg_evaluation *gradients, size_t i,
                        int64_t element, double *largest)
{
    const struct clg_case_input *input = &p->cases->inputs.items[p->c->first + i];
    const double *g = clg_evaluated(gradients, p->gradient->by[i])->value;
    double sum = 0;
    for (int64_t k = 0; k < input->count; k++) {
        double change = g[k] * step_of(input->value[k]);
        *largest = fmax(*largest, fabs(g[k]) * STEP);
        if (element < 0 || element == k)
            sum += change;
    }
    return sum;
}

static void judge(struct probe *p, double difference, double prediction, double largest, size_t i,
                  int64_t element)
{
    double tolerance = TOLERANCE * (largest + fabs(prediction)) + 1e-15 * p->scale + 1e-300;
    double units = fabs(difference - prediction) / tolerance;
    struct clg_selftest_result *result = p->cases->result;
    result->worst_rule = units > result->worst_rule || isnan(units) ? units : result->worst_rule;
    if (units <= 1)
        return;
    clg_suite_fail(p->cases,
                   "case '%s', gradient %d: element %lld of input %zu changes the sum by %.9g, its "
                   "rule says %.9g (tolerance %.2g: central differences)",
                   p->c->what, p->gradient != p->c->gradient, (long long)element, i, difference,
                   prediction, tolerance);
}

static clg_status try_move(struct probe *p, const struct clg_evaluation *gradients, size_t i,
                           int64_t element)
{
    double low = 0, high = 0, largest = 0;
    move(p, i, element, -1);
    CLG_TRY(scalar_at(p, &low));
    move(p, i, element, 1);
    CLG_TRY(scalar_at(p, &high));
    move(p, i, element, 0);
    double prediction = predicted(p, gradients, i, element, &largest);
    judge(p, (high - low) / 2, prediction, largest, i, element);
    return CLG_OK;
}

static clg_status try_input(struct probe *p, const struct clg_evaluation *gradients, size_t i)
{
    const struct clg_case_input *input = &p->cases->inputs.items[p->c->first + i];
    int64_t step = input->count <= ALL_BELOW ? 1 : input->count / SAMPLES;
    for (int64_t k = 0; k < input->count; k += step)
        CLG_TRY(try_move(p, gradients, i, k));
    return input->count <= ALL_BELOW ? CLG_OK : try_move(p, gradients, i, -1);
}

/* The scalar is sum(t * w): the sum of |t * w| bounds what rounding does to it. */
static void find_scale(struct probe *p)
{
    const struct clg_node *sum = clg_tensor_node(p->gradient->scalar);
    const struct clg_oracle_array *terms =
        sum->n_in ? &p->e.out[sum->in[0].node][sum->in[0].output] : NULL;
    for (int64_t i = 0; terms && i < terms->count; i++)
        p->scale += fabs(terms->value[i]);
}

static clg_status try_gradient(struct probe *p, const struct clg_evaluation *gradients)
{
    double ignored;
    clg_graph *graph = p->cases->graph;
    clg_tensor s = p->gradient->scalar;
    clg_evaluation_need(graph, (struct clg_ref){(uint32_t)s.node, (uint32_t)s.output}, p->need);
    CLG_TRY(scalar_at(p, &ignored));
    find_scale(p);
    for (size_t i = 0; i < p->c->count; i++)
        if (clg_tensor_valid(p->gradient->by[i]))
            CLG_TRY(try_input(p, gradients, i));
    return CLG_OK;
}

static clg_status check_one(struct clg_cases *cases, const struct clg_case *c,
                            const struct clg_case_gradient *gradient,
                            const struct clg_evaluation *gradients)
{
    struct probe p = {.cases = cases, .c = c, .gradient = gradient};
    clg_status status = clg_evaluation_init(&p.e, cases->graph, CLG_CASE_BATCH, true);
    p.need = clg_new(cases->ctx, cases->graph->nodes.count, sizeof(*p.need));
    if (!p.need)
        status = CLG_ERR_MEMORY;
    p.e.exact = true;
    if (status == CLG_OK) {
        clg_suite_fill(cases, &p.e);
        status = try_gradient(&p, gradients);
    }
    clg_free(cases->ctx, p.need);
    clg_evaluation_finish(&p.e);
    return status;
}

/* Where there is no derivative, the gradient is what the op says it is. */
static void check_kink(struct clg_cases *cases, const struct clg_case *c,
                       const struct clg_evaluation *gradients)
{
    const double *w = cases->inputs.items[c->weights].value, *slope = c->slopes;
    for (size_t i = 0; i < c->count; i++) {
        if (!clg_tensor_valid(c->gradient->by[i]))
            continue;
        const struct clg_oracle_array *g = clg_evaluated(gradients, c->gradient->by[i]);
        for (int64_t k = 0; k < g->count; k++, slope++)
            if (!(fabs(g->value[k] - w[k] * *slope) <= 1e-6))
                clg_suite_fail(cases,
                               "case '%s': the gradient of element %lld of input %zu is %.9g times "
                               "what reaches it, must be %.9g",
                               c->what, (long long)k, i, g->value[k] / w[k], *slope);
    }
}

clg_status clg_check_differences(struct clg_cases *cases, const struct clg_evaluation *values)
{
    for (size_t n = 0; n < cases->list.count; n++) {
        const struct clg_case *c = &cases->list.items[n];
        if (c->kind == CLG_CASE_KINK)
            check_kink(cases, c, values);
        for (uint32_t g = 0; c->kind != CLG_CASE_KINK && g < c->gradients; g++)
            CLG_TRY(check_one(cases, c, &c->gradient[g], values));
    }
    return CLG_OK;
}
