/* PyTorch's values and gradients, stored in tests/ops/parity by tools/pytorch_cases.py, against the
 * library. A file's cases share one graph. The tolerance of an element is what float32 may be off
 * there, from OpenCL's error bounds and the lengths of sums: the error that the oracle carries
 * through the same graph. */
#include "ops/parity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "selftest/evaluate.h"
#include "test.h"

/* The stored numbers have ten digits: half a unit of the last, of a number that begins with 1. */
#define STORED 5e-10

static const char *const files[] = {"elementwise", "activations",  "shape",   "reductions",
                                    "products",    "convolutions", "pooling", "norms",
                                    "losses",      "recurrent",    "along",   "attention"};
enum { FILES = sizeof(files) / sizeof(files[0]), NAME = 64 };

struct bench {
    clg_ctx *ctx;
    clg_store *store;
    clg_graph *graph;
    json_t *cases;
    const char **outputs[2]; /* names to compute: in training, in inference */
    size_t count[2];
};

static json_t *load(const char *file)
{
    char path[512];
    json_error_t error;
    snprintf(path, sizeof(path), "%s/tests/ops/parity/%s.json", getenv("CLG_TEST_SOURCE"), file);
    json_t *json = json_load_file(path, 0, &error);
    cr_assert_not_null(json, "%s:%d: %s", path, error.line, error.text);
    return json;
}

/* ---- stored arrays ---- */

static clg_shape shape_of(const json_t *array)
{
    const json_t *dims = json_object_get(array, "shape");
    int64_t dim[CLG_MAX_RANK] = {0};
    for (size_t i = 0; i < json_array_size(dims); i++)
        dim[i] = json_integer_value(json_array_get(dims, i));
    return clg_shape_make((int)json_array_size(dims), dim);
}

static const json_t *values_of(const json_t *array, bool *integers)
{
    const json_t *data = json_object_get(array, "data");
    *integers = data == NULL;
    return data ? data : json_object_get(array, "int");
}

/* As the words that the device takes; the caller frees them. */
static void *words_of(const json_t *array, size_t *bytes)
{
    bool integers;
    const json_t *values = values_of(array, &integers);
    size_t count = json_array_size(values);
    union {
        float number;
        int32_t integer;
    } *words = calloc(count + 1, sizeof(*words));
    cr_assert_not_null(words);
    for (size_t i = 0; i < count; i++)
        if (integers)
            words[i].integer = (int32_t)json_integer_value(json_array_get(values, i));
        else
            words[i].number = (float)json_number_value(json_array_get(values, i));
    *bytes = count * 4;
    return words;
}

/* ---- building ---- */

/* "d12.weight": of what kind (see stored), of which case, which of them. Valid until the next call.
 */
static const char *named(const char *kind, size_t number, const char *part)
{
    static char name[NAME];
    snprintf(name, sizeof(name), "%s%zu.%s", kind, number, part);
    return name;
}

static const char *numbered(const char *kind, size_t number, size_t part)
{
    char text[24];
    snprintf(text, sizeof(text), "%zu", part);
    return named(kind, number, text);
}

static void add_output(struct bench *b, clg_tensor t, const char *name, bool inference)
{
    cr_assert(clg_tensor_valid(clg_output(t, name)), "%s: %s", name, clg_error(b->ctx));
    const char ***list = &b->outputs[inference];
    *list = realloc(*list, (b->count[inference] + 2) * sizeof(**list));
    cr_assert_not_null(*list);
    (*list)[b->count[inference]++] = strdup(name);
    (*list)[b->count[inference]] = NULL;
}

/* The tensor of a parameter that the case's layer has made. */
static clg_tensor entry_of(struct bench *b, const char *name)
{
    for (size_t i = 0; i < b->graph->nodes.count; i++) {
        const struct clg_node *node = b->graph->nodes.items[i];
        const struct clg_entry_attr *attr = node->attr;
        if (node->op == CLG_OP(entry) &&
            !strcmp(clg_store_get_entry(b->store, attr->entry)->name, name))
            return (clg_tensor){b->graph, (int32_t)i, 0};
    }
    cr_assert_fail("no layer has made a parameter '%s'", name);
    return (clg_tensor){NULL, -1, 0};
}

static void set_entries(struct bench *b, const json_t *entries, size_t number)
{
    const char *key;
    json_t *array;
    json_object_foreach((json_t *)(uintptr_t)entries, key, array)
    {
        size_t bytes;
        float *words = words_of(array, &bytes);
        test_ok(b->ctx, clg_store_set(b->store, named("m", number, key), words, bytes));
        free(words);
    }
}

/* The sum of outputs times what reaches them. */
static clg_tensor weighted(struct bench *b, const struct parity *p, const json_t *upstream)
{
    clg_tensor total = {NULL, -1, 0};
    for (size_t o = 0; o < p->n_out; o++) {
        const json_t *array = json_array_get(upstream, o);
        size_t bytes;
        if (!json_is_object(array))
            continue;
        void *words = words_of(array, &bytes);
        clg_tensor dy = clg_constant(b->graph, CLG_F32, shape_of(array), words);
        clg_tensor part = clg_sum(clg_mul(p->y[o], dy), NULL, 0, false);
        total = clg_tensor_valid(total) ? clg_add(total, part) : part;
        free(words);
    }
    return total;
}

static void differentiate(struct bench *b, const struct parity *p, const json_t *c, size_t number)
{
    clg_tensor wrt[2 * PARITY_INPUTS], out[2 * PARITY_INPUTS];
    char names[2 * PARITY_INPUTS][NAME];
    size_t n = 0;
    const char *key;
    json_t *array;
    for (size_t i = 0; i < p->n_in; i++)
        if (json_is_object(json_array_get(json_object_get(c, "gradients"), i))) {
            strcpy(names[n], numbered("d", number, i));
            wrt[n++] = p->x[i];
        }
    json_object_foreach(json_object_get(c, "parameter_gradients"), key, array)
    {
        strcpy(names[n], named("p", number, key));
        wrt[n++] = entry_of(b, named("m", number, key));
    }
    test_ok(b->ctx, clg_grad(weighted(b, p, json_object_get(c, "upstream")), wrt, n, out));
    for (size_t i = 0; i < n; i++)
        add_output(b, out[i], names[i], false);
}

static void build_case(struct bench *b, const json_t *c, size_t number)
{
    const json_t *inputs = json_object_get(c, "inputs");
    const char *op = json_string_value(json_object_get(c, "op"));
    struct parity p = {.graph = b->graph, .params = json_object_get(c, "params")};
    bool integers, inference = json_is_true(json_object_get(c, "inference"));
    snprintf(p.name, sizeof(p.name), "m%zu", number);
    for (; p.n_in < json_array_size(inputs); p.n_in++) {
        const json_t *array = json_array_get(inputs, p.n_in);
        values_of(array, &integers);
        p.x[p.n_in] = clg_input(b->graph, numbered("x", number, p.n_in),
                                integers ? CLG_I32 : CLG_F32, shape_of(array));
    }
    cr_assert(parity_build(&p, op), "there is no builder of '%s'", op);
    cr_assert_eq(p.n_out, json_array_size(json_object_get(c, "outputs")), "%s", op);
    for (size_t o = 0; o < p.n_out; o++)
        add_output(b, p.y[o], numbered("y", number, o), inference);
    set_entries(b, json_object_get(c, "parameters"), number);
    set_entries(b, json_object_get(c, "states"), number);
    if (json_object_get(c, "upstream"))
        differentiate(b, &p, c, number);
}

/* ---- running ---- */

/* The array that belongs to a name, and its case. */
static const json_t *stored(const struct bench *b, const char *name, const json_t **of)
{
    static const struct {
        char kind;
        const char *key;
    } keys[] = {{'x', "inputs"},
                {'y', "outputs"},
                {'d', "gradients"},
                {'p', "parameter_gradients"},
                {'m', "states_after"}};
    char *part;
    const json_t *c = json_array_get(b->cases, strtoul(name + 1, &part, 10));
    size_t k = 0;
    while (keys[k].kind != *name)
        k++;
    const json_t *list = json_object_get(c, keys[k].key);
    *of = c;
    return json_is_array(list) ? json_array_get(list, strtoul(part + 1, NULL, 10))
                               : json_object_get(list, part + 1);
}

static void write_inputs(const struct bench *b, clg_plan *plan, struct clg_evaluation *e)
{
    for (size_t i = 0; i < b->graph->nodes.count; i++) {
        const struct clg_node *node = b->graph->nodes.items[i];
        const json_t *c;
        size_t bytes;
        if (node->op != CLG_OP(input))
            continue;
        const json_t *array = stored(b, node->name, &c);
        void *words = words_of(array, &bytes);
        bool integers, inference = json_is_true(json_object_get(c, "inference"));
        const json_t *values = values_of(array, &integers);
        for (size_t k = 0; k < json_array_size(values); k++)
            e->leaf[i][k] = json_number_value(json_array_get(values, k));
        if (inference || e->training) /* training updates the states of all */
            test_ok(b->ctx, clg_plan_write(plan, node->name, words, bytes));
        free(words);
    }
}

/* got: float32 or int32 words. */
static void compare(const struct bench *b, const char *name, const struct clg_oracle_array *oracle,
                    const void *got)
{
    const json_t *c, *array = stored(b, name, &c);
    bool integers;
    const json_t *values = values_of(array, &integers);
    size_t count = json_array_size(values);
    double *want = calloc(2 * count + 1, sizeof(*want)), *tolerance = want + count;
    float *numbers = calloc(count + 1, sizeof(*numbers));
    char what[160];
    snprintf(what, sizeof(what), "%s %s (%s)", json_string_value(json_object_get(c, "op")),
             json_string_value(json_object_get(c, "what")), name);
    cr_assert_eq((size_t)oracle->count, count, "%s has another size", what);
    for (size_t i = 0; i < count; i++) {
        want[i] = json_number_value(json_array_get(values, i));
        tolerance[i] = oracle->error[i] + STORED * fabs(want[i]);
        numbers[i] = integers ? (float)((const int32_t *)got)[i] : ((const float *)got)[i];
    }
    test_within(what, numbers, want, tolerance, count, "the oracle's error of the same graph");
    free(want);
    free(numbers);
}

static void compare_outputs(const struct bench *b, clg_plan *plan, const struct clg_evaluation *e)
{
    for (size_t i = 0; i < b->graph->outputs.count; i++) {
        const struct clg_named *output = &b->graph->outputs.items[i];
        const json_t *c, *array = stored(b, output->name, &c);
        size_t bytes;
        if (json_is_true(json_object_get(c, "inference")) == e->training)
            continue;
        void *words = words_of(array, &bytes);
        test_ok(b->ctx, clg_plan_read(plan, output->name, words, bytes));
        compare(b, output->name, &e->out[output->ref.node][output->ref.output], words);
        free(words);
    }
}

/* States after a training step: assigned values, or as they were. */
static void compare_states(const struct bench *b, const struct clg_evaluation *e)
{
    for (size_t i = 0; i < b->graph->assigns.count; i++) {
        const struct clg_assignment *a = &b->graph->assigns.items[i];
        const char *name = clg_store_get_entry(b->store, a->entry)->name;
        const json_t *c, *array = *name == 'm' ? stored(b, name, &c) : NULL;
        size_t bytes;
        if (!array || json_is_true(json_object_get(c, "inference")))
            continue;
        float *words = words_of(array, &bytes);
        test_ok(b->ctx, clg_store_get(b->store, name, words, bytes));
        compare(b, name, &e->out[a->value.node][a->value.output], words);
        free(words);
    }
}

static void run_mode(struct bench *b, bool training)
{
    struct clg_evaluation e;
    clg_plan_params params = clg_plan_defaults();
    bool *need = calloc(b->graph->nodes.count, sizeof(*need));
    if (b->count[!training] == 0) {
        free(need);
        return;
    }
    memset(need, true, b->graph->nodes.count * sizeof(*need));
    params.outputs = b->outputs[!training];
    clg_plan *plan = clg_compile(b->graph, 1, training ? CLG_TRAIN : CLG_INFER, &params);
    cr_assert_not_null(plan, "%s", clg_error(b->ctx));
    test_ok(b->ctx, clg_evaluation_init(&e, b->graph, 1, training));
    write_inputs(b, plan, &e);
    test_ok(b->ctx, clg_evaluation_run(&e, need));
    test_ok(b->ctx, clg_plan_step(plan));
    compare_outputs(b, plan, &e);
    if (training)
        compare_states(b, &e);
    clg_evaluation_finish(&e);
    clg_plan_destroy(&plan);
    free(need);
}

static void run(const char *file, clg_form form)
{
    clg_device_params params = clg_device_defaults();
    params.form = form;
    params.gemm = CLG_GEMM_NATIVE;
    struct bench b = {.ctx = test_context(), .cases = load(file)};
    b.store = clg_store_create(test_open_with(b.ctx, &params), 1);
    b.graph = clg_graph_create(b.store);
    cr_assert_not_null(b.graph, "%s", clg_error(b.ctx));
    for (size_t i = 0; i < json_array_size(b.cases); i++)
        build_case(&b, json_array_get(b.cases, i), i);
    run_mode(&b, false); /* before a training step changes the states */
    run_mode(&b, true);
    for (int mode = 0; mode < 2; mode++) {
        for (size_t i = 0; i < b.count[mode]; i++)
            free((char *)(uintptr_t)b.outputs[mode][i]);
        free(b.outputs[mode]);
    }
    json_decref(b.cases);
    clg_ctx_destroy(&b.ctx);
}

TEST(parity, item)
{
    for (int i = 0; i < FILES; i++)
        run(files[i], CLG_FORM_ITEM);
}

TEST(parity, group)
{
    for (int i = 0; i < FILES; i++)
        run(files[i], CLG_FORM_GROUP);
}

static void expect_cases(const struct parity_op *ops, size_t count)
{
    bool *here = calloc(count, sizeof(*here));
    for (int i = 0; i < FILES; i++) {
        json_t *cases = load(files[i]);
        for (size_t c = 0; c < json_array_size(cases); c++) {
            const json_t *op = json_object_get(json_array_get(cases, c), "op");
            for (size_t k = 0; k < count; k++)
                here[k] |= !strcmp(ops[k].name, json_string_value(op));
        }
        json_decref(cases);
    }
    for (size_t k = 0; k < count; k++)
        cr_assert(here[k], "no case of %s: add one to tools/pytorch_cases.py", ops[k].name);
    free(here);
}

/* An op that is built here and in no file would go untested. */
TEST(parity, of_every_op)
{
    expect_cases(parity_ops, parity_op_count);
    expect_cases(parity_layers, parity_layer_count);
}
