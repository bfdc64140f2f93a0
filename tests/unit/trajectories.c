/* 30 steps of each update rule with each of its options, as PyTorch takes them in float64. The tolerance of
 * an element is what float32 may be off there: the error that the self-test's reference carries through the
 * same steps, which is held against the same numbers. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "selftest/optimizers.h"
#include "store/store.h"
#include "unit/optimizer_values.h"

/* The stored numbers have ten digits: half a unit of the last, of a number that begins with 1. */
#define STORED 5e-10
/* What a double rounds, in units of what a float32 does. */
#define DOUBLE 0x1p-29

enum { TRAJECTORY = 30, HALVED = 16, A = 3, B = 2, ALL = A + B };
static const float start[ALL] = {1, -0.5f, 0.25f, -0.75f, 2};
static const float rate = 0.125f;

/* As gradient() of tools/pytorch_optimizers.py has it. */
static float gradient(int step, int i)
{
    return (float)((step * 37 + i * 23 + step * step * i) % 129 - 64) / 64;
}

struct bench {
    clg_ctx *ctx;
    clg_store *store;
    clg_optimizer *optimizer;
    clg_plan *plan;
};

static clg_tensor line(clg_graph *graph, const char *name, const char *slope, int64_t count)
{
    clg_tensor p = clg_parameter(graph, name, clg_shape1(count), NULL);
    return clg_sum(clg_mul(p, clg_input(graph, slope, CLG_F32, clg_shape1(count))), NULL, 0, false);
}

static void bench_open(struct bench *b, clg_device *device, const char *rule,
                       const struct trajectory *t, const clg_optimizer_params *params)
{
    b->store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(b->store);
    clg_tensor loss = clg_add(line(graph, "a", "a.slope", A), line(graph, "b", "b.slope", B));
    b->optimizer = clg_optimizer_create(b->store, rule, rate, params);
    cr_assert_not_null(b->optimizer, "%s: %s", rule, clg_error(b->ctx));
    clg_optimizer_group group = clg_optimizer_group_defaults(b->optimizer, "b");
    group.lr = rate / 4;
    group.weight_decay = clg_rule_decays(clg_rule_find(rule)) ? 0.5f : 0;
    if (t->groups)
        test_ok(b->ctx, clg_optimizer_add_group(b->optimizer, &group));
    test_ok(b->ctx, clg_minimize(b->optimizer, loss));
    b->plan = clg_compile(graph, 1, CLG_TRAIN, NULL);
    cr_assert_not_null(b->plan, "%s: %s", rule, clg_error(b->ctx));
    test_ok(b->ctx, clg_store_set(b->store, "a", start, A * sizeof(*start)));
    test_ok(b->ctx, clg_store_set(b->store, "b", start + A, B * sizeof(*start)));
}

static void step(struct bench *b, int number, float now[ALL])
{
    float g[ALL];
    for (int i = 0; i < ALL; i++)
        g[i] = gradient(number, i);
    if (number == HALVED)
        test_ok(b->ctx, clg_optimizer_set_lr(b->optimizer, rate / 2));
    test_ok(b->ctx, clg_plan_write(b->plan, "a.slope", g, A * sizeof(*g)));
    test_ok(b->ctx, clg_plan_write(b->plan, "b.slope", g + A, B * sizeof(*g)));
    test_ok(b->ctx, clg_plan_step(b->plan));
    test_ok(b->ctx, clg_store_get(b->store, "a", now, A * sizeof(*now)));
    test_ok(b->ctx, clg_store_get(b->store, "b", now + A, B * sizeof(*now)));
}

static void refer(struct clg_rule_element *e, int number, int i, bool groups,
                  const clg_optimizer_params *params)
{
    bool grouped = groups && i >= A;
    e->t = number;
    e->g = clg_exactly((double)gradient(number, i));
    e->lr = clg_exactly((double)rate / (grouped ? 4 : 1) / (number < HALVED ? 1 : 2));
    e->decay = clg_exactly(grouped ? 0.5 : (double)params->weight_decay);
}

static void follow(clg_ctx *ctx, clg_device *device, const char *rule, clg_rule_reference *reference,
                   const struct trajectory *t)
{
    struct clg_rule_element e[ALL] = {{.t = 0}};
    clg_optimizer_params params = clg_optimizer_defaults(rule);
    struct bench b = {.ctx = ctx};
    float now[ALL];
    t->set(&params);
    bench_open(&b, device, rule, t, &params);
    for (int i = 0; i < ALL; i++)
        e[i].w = clg_exactly((double)start[i]);
    for (int s = 1; s <= TRAJECTORY; s++) {
        step(&b, s, now);
        for (int i = 0; i < ALL; i++)
            refer(&e[i], s, i, t->groups, &params);
        clg_rule_step(clg_rule_find(rule), reference, e, A, &params);
        clg_rule_step(clg_rule_find(rule), reference, e + A, B, &params);
        for (int i = 0; i < ALL; i++) {
            double want = t->values[(s - 1) * ALL + i], stored = STORED * fabs(want);
            cr_assert(fabs(e[i].w.v - want) <= stored + DOUBLE * e[i].w.e,
                      "%s, step %d, element %d: the reference has %.12g, PyTorch %.10g", rule, s, i,
                      e[i].w.v, want);
            cr_assert(fabs(now[i] - want) <= stored + e[i].w.e,
                      "%s, step %d, element %d: %.9g, PyTorch has %.10g; tolerance %.3g: the "
                      "reference's error",
                      rule, s, i, (double)now[i], want, e[i].w.e);
        }
    }
    clg_store_destroy(&b.store);
}

/* Some trajectory has another value of it. */
static void is_tried(const char *rule, const struct clg_number *number, const struct trajectory *list,
                     size_t count)
{
    const clg_optimizer_params defaults = clg_optimizer_defaults(rule);
    bool tried = false;
    for (size_t i = 0; i < count; i++) {
        clg_optimizer_params params = defaults;
        list[i].set(&params);
        tried = tried || clg_number_get(number, &params) != clg_number_get(number, &defaults);
    }
    cr_assert(tried, "%s: no trajectory has another %s", rule, number->name);
}

static const struct {
    const char *name;
    clg_rule_reference *reference;
    const struct trajectory *list;
    size_t count;
} rules[] = {
#define RULE(name, ...)                                                                            \
    {#name, clg_reference_##name, trajectories_##name,                                             \
     sizeof(trajectories_##name) / sizeof(*trajectories_##name)},
#include "optim/optim.def"
#undef RULE
};

TEST(trajectories, of_each_rule)
{
    clg_ctx *ctx = test_context();
    for (size_t f = 0; f < TEST_FORMS; f++) {
        clg_device *device = test_open(ctx, test_forms[f]);
        for (size_t r = 0; r < sizeof(rules) / sizeof(*rules); r++)
            for (size_t i = 0; i < rules[r].count; i++)
                follow(ctx, device, rules[r].name, rules[r].reference, &rules[r].list[i]);
        clg_device_destroy(&device);
    }
    clg_ctx_destroy(&ctx);
}

TEST(trajectories, with_each_option)
{
    for (size_t r = 0; r < sizeof(rules) / sizeof(*rules); r++)
        for (const struct clg_number *n = clg_rule_find(rules[r].name)->numbers; n->name; n++)
            is_tried(rules[r].name, n, rules[r].list, rules[r].count);
}

/* ---- docs/optimizers.md has the table ---- */

static void add_row(struct clg_text *out, const char *name, const char *formula, const char *source)
{
    const struct clg_rule *rule = clg_rule_find(name);
    clg_text_add(out, "| `%s` | ", name);
    for (const char *c = formula; *c; c++)
        clg_text_add(out, *c == '|' ? "\\%c" : "%c", *c);
    clg_text_add(out, " | ");
    for (size_t s = 0; rule->states[s]; s++)
        clg_text_add(out, "%s`%s`", s ? ", " : "", rule->states[s]);
    if (rule->running[0])
        clg_text_add(out, " (`%s`)", rule->running[0]);
    clg_text_add(out, " | %s |\n", source);
}

TEST(trajectories, table_of_rules)
{
    clg_ctx *ctx = test_context();
    struct clg_text table = {.ctx = ctx};
    char path[512], *docs;
    size_t size;
    clg_text_add(&table, "| rule | what a step does | states | source |\n| --- | --- | --- | --- |\n");
#define RULE(name, doc, source, formula, ...) add_row(&table, #name, formula, doc ": " source);
#include "optim/optim.def"
#undef RULE
    snprintf(path, sizeof(path), "%s/docs/optimizers.md", getenv("CLG_TEST_SOURCE"));
    test_ok(ctx, clg_file_read(ctx, path, &docs, &size));
    cr_assert_not_null(strstr(docs, table.data), "docs/optimizers.md has not this table:\n%s", table.data);
    clg_free(ctx, docs);
    clg_text_finish(&table);
    clg_ctx_destroy(&ctx);
}
