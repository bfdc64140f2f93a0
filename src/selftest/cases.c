/* Making cases: inputs from fixed numbers, and what is to be checked of each. */
#include <stdio.h>
#include <string.h>
#include "base/philox.h"
#include "selftest/suite.h"

clg_graph *clg_case_graph(struct clg_cases *cases)
{
    return cases->graph;
}

bool clg_case_large(const struct clg_cases *cases)
{
    return !cases->small;
}

static const clg_tensor invalid = {NULL, -1, 0};

static struct clg_case_input *make_input(struct clg_cases *cases, clg_dtype dtype, clg_shape shape)
{
    char name[CLG_CASE_NAME];
    clg_shape numbers = clg_resolve(&shape, CLG_CASE_BATCH);
    int64_t count = clg_extent(&numbers, 0, numbers.rank);
    snprintf(name, sizeof(name), "x%zu", cases->inputs.count);
    double *value = clg_new(cases->ctx, (size_t)count, sizeof(*value));
    struct clg_case_input *input = value ? CLG_PUSH(cases->ctx, cases->inputs) : NULL;
    if (!input) {
        clg_free(cases->ctx, value);
        cases->status = CLG_ERR_MEMORY;
        return NULL;
    }
    *input = (struct clg_case_input){
        .t = clg_input(cases->graph, name, dtype, shape), .count = count, .value = value};
    return input;
}

/* A number in [0, 1) that no other input has. */
static double next_number(struct clg_cases *cases)
{
    uint64_t n = cases->stream++;
    uint32_t counter[4] = {(uint32_t)n, (uint32_t)(n >> 32), 0, 0}, key[2] = {20, 26}, out[4];
    clg_philox(counter, key, out);
    return clg_uniform(out[0]);
}

clg_tensor clg_case_uniform(struct clg_cases *cases, clg_shape shape, double low, double high)
{
    struct clg_case_input *input = make_input(cases, CLG_F32, shape);
    for (int64_t i = 0; input && i < input->count; i++)
        input->value[i] = (float)(low + (high - low) * next_number(cases));
    return input ? input->t : invalid;
}

clg_tensor clg_case_alike(struct clg_cases *cases, clg_shape shape)
{
    return clg_case_uniform(cases, shape, 0.1, 0.100001);
}

clg_tensor clg_case_values(struct clg_cases *cases, clg_shape shape, const float *values)
{
    struct clg_case_input *input = make_input(cases, CLG_F32, shape);
    for (int64_t i = 0; input && i < input->count; i++)
        input->value[i] = values[i];
    return input ? input->t : invalid;
}

clg_tensor clg_case_integers(struct clg_cases *cases, clg_shape shape, int32_t limit)
{
    struct clg_case_input *input = make_input(cases, CLG_I32, shape);
    for (int64_t i = 0; input && i < input->count; i++)
        input->value[i] = (int32_t)(limit * next_number(cases));
    return input ? input->t : invalid;
}

clg_tensor clg_case_labels(struct clg_cases *cases, clg_shape shape, const int32_t *values)
{
    struct clg_case_input *input = make_input(cases, CLG_I32, shape);
    for (int64_t i = 0; input && i < input->count; i++)
        input->value[i] = values[i];
    return input ? input->t : invalid;
}

/* sum(t * w) with a fixed random w: in [0.5, 1.5), every second one negative. */
static clg_tensor weigh(struct clg_cases *cases, clg_tensor t)
{
    struct clg_case_input *w = make_input(cases, CLG_F32, clg_tensor_shape(t));
    for (int64_t i = 0; w && i < w->count; i++)
        w->value[i] = (float)((i % 2 ? -1 : 1) * (0.5 + next_number(cases)));
    return w ? clg_sum(clg_mul(t, w->t), NULL, 0, false) : invalid;
}

/* The derivatives of the scalar by every float input of the case. */
static void differentiate(struct clg_cases *cases, struct clg_case *c, clg_tensor scalar)
{
    struct clg_case_gradient *g = &c->gradient[c->gradients];
    clg_tensor *by = clg_new(cases->ctx, 3 * c->count + 1, sizeof(*by));
    if (!by) {
        cases->status = CLG_ERR_MEMORY;
        return;
    }
    clg_tensor *wrt = by + c->count, *out = wrt + c->count;
    size_t n = 0, at = 0;
    for (size_t i = 0; i < c->count; i++)
        if (clg_tensor_dtype(cases->inputs.items[c->first + i].t) == CLG_F32)
            wrt[n++] = cases->inputs.items[c->first + i].t;
    *g = (struct clg_case_gradient){scalar, by};
    c->gradients++;
    if (n == 0)
        clg_suite_fail(cases, "case '%s' has no float32 input to differentiate by", c->what);
    clg_grad(scalar, wrt, n, out);
    for (size_t i = 0; i < c->count; i++) {
        bool is_float = clg_tensor_dtype(cases->inputs.items[c->first + i].t) == CLG_F32;
        by[i] = is_float ? out[at++] : invalid;
    }
}

/* The scalar of the second round: sum over all inputs of sum(gradient * fixed weights). */
static clg_tensor weigh_gradients(struct clg_cases *cases, const struct clg_case *c)
{
    clg_tensor total = invalid;
    for (size_t i = 0; i < c->count; i++) {
        if (!clg_tensor_valid(c->gradient[0].by[i]))
            continue;
        clg_tensor part = weigh(cases, c->gradient[0].by[i]);
        total = clg_tensor_valid(total) ? clg_add(total, part) : part;
    }
    return total;
}

static void mark(struct clg_case *c, size_t number)
{
    char name[CLG_CASE_NAME];
    struct clg_node *node = clg_tensor_node(c->y);
    for (uint32_t o = 0; node && o < node->n_out; o++) {
        snprintf(name, sizeof(name), "y%zu.%u", number, o);
        clg_output(clg_tensor_output(c->y, o), name);
    }
    for (uint32_t g = 0; g < c->gradients; g++)
        for (size_t i = 0; i < c->count; i++) {
            if (!clg_tensor_valid(c->gradient[g].by[i]))
                continue;
            snprintf(name, sizeof(name), "d%zu.%u.%zu", number, g, i);
            clg_output(c->gradient[g].by[i], name);
        }
}

static void end_case(struct clg_cases *cases, const char *what, clg_tensor y,
                     enum clg_case_kind kind, const double *slopes)
{
    struct clg_case *c = CLG_PUSH(cases->ctx, cases->list);
    if (!c) {
        cases->status = CLG_ERR_MEMORY;
        return;
    }
    *c = (struct clg_case){.what = clg_strdup(cases->ctx, what),
                           .kind = kind,
                           .y = y,
                           .first = cases->case_first,
                           .count = cases->inputs.count - cases->case_first,
                           .weights = cases->inputs.count,
                           .slopes = slopes};
    if (!clg_tensor_valid(y))
        clg_suite_fail(cases, "case '%s': %s", what, clg_error(cases->ctx));
    else if (kind != CLG_CASE_FORWARD)
        differentiate(cases, c, weigh(cases, y));
    if (kind == CLG_CASE_TWICE && clg_graph_status(cases->graph) == CLG_OK)
        differentiate(cases, c, weigh_gradients(cases, c));
    if (clg_graph_status(cases->graph) == CLG_OK)
        mark(c, cases->list.count - 1);
    else
        clg_suite_fail(cases, "case '%s': %s", what, clg_error(cases->ctx));
    cases->case_first = cases->inputs.count;
}

void clg_check(struct clg_cases *cases, const char *what, clg_tensor y)
{
    end_case(cases, what, y, CLG_CASE_ONCE, NULL);
}

void clg_check_twice(struct clg_cases *cases, const char *what, clg_tensor y)
{
    end_case(cases, what, y, CLG_CASE_TWICE, NULL);
}

void clg_check_kink(struct clg_cases *cases, const char *what, clg_tensor y, const double *slopes)
{
    end_case(cases, what, y, CLG_CASE_KINK, slopes);
}

void clg_check_forward(struct clg_cases *cases, const char *what, clg_tensor y)
{
    end_case(cases, what, y, CLG_CASE_FORWARD, NULL);
}

void clg_suite_fill(const struct clg_cases *cases, struct clg_evaluation *e)
{
    for (size_t i = 0; i < cases->inputs.count; i++) {
        const struct clg_case_input *input = &cases->inputs.items[i];
        if (clg_tensor_valid(input->t))
            memcpy(e->leaf[input->t.node], input->value,
                   (size_t)input->count * sizeof(*input->value));
    }
}

void clg_suite_fail(struct clg_cases *cases, const char *format, ...)
{
    va_list args;
    cases->result->pass = false;
    if (cases->result->message[0])
        return;
    va_start(args, format);
    vsnprintf(cases->result->message, sizeof(cases->result->message), format, args);
    va_end(args);
}
