/* Groups of parameters by name: rates and decay of their own, and parameters that stay. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 5, IN = 7, HIDDEN = 6, OUT = 3 };

struct bench {
    clg_ctx *ctx;
    clg_device *device;
    clg_store *store;
    clg_graph *graph;
    clg_optimizer *optimizer;
    clg_tensor loss;
    clg_plan *plan;
};

/* first (linear), relu, last (linear), mean square; and an optimizer for it. */
static struct bench bench_open(clg_form form, const char *rule, float lr,
                               const clg_optimizer_params *params)
{
    struct bench b = {.ctx = test_context()};
    clg_tensor x;
    b.device = test_open(b.ctx, form);
    b.store = clg_store_create(b.device, 5);
    b.graph = clg_graph_create(b.store);
    x = clg_input(b.graph, "x", CLG_F32, clg_shape2(CLG_BATCH, IN));
    x = clg_linear(clg_relu(clg_linear(x, "first", HIDDEN, NULL)), "last", OUT, NULL);
    b.loss = clg_output(clg_mean(clg_square(x), NULL, 0, false), "loss");
    b.optimizer = clg_optimizer_create(b.store, rule, lr, params);
    cr_assert_not_null(b.optimizer, "%s", clg_error(b.ctx));
    return b;
}

static void bench_train(struct bench *b, int steps)
{
    float x[BATCH * IN];
    if (!b->plan) {
        test_ok(b->ctx, clg_minimize(b->optimizer, b->loss));
        b->plan = clg_compile(b->graph, BATCH, CLG_TRAIN, NULL);
        cr_assert_not_null(b->plan, "%s", clg_error(b->ctx));
    }
    for (int i = 0; i < BATCH * IN; i++)
        x[i] = sinf(1.3f * (float)i);
    test_ok(b->ctx, clg_plan_write(b->plan, "x", x, sizeof(x)));
    for (int i = 0; i < steps; i++)
        test_ok(b->ctx, clg_plan_step(b->plan));
}

static void group(struct bench *b, const char *match, float lr, float decay)
{
    clg_optimizer_group g = clg_optimizer_group_defaults(b->optimizer, match);
    g.lr = lr;
    g.weight_decay = decay;
    test_ok(b->ctx, clg_optimizer_add_group(b->optimizer, &g));
}

struct values {
    float w[HIDDEN * IN];
};
static size_t count_of(const char *name)
{
    const struct {
        const char *name;
        size_t count;
    } table[] = {{"first.weight", HIDDEN * IN},
                 {"first.bias", HIDDEN},
                 {"last.weight", OUT * HIDDEN},
                 {"last.bias", OUT}};
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (!strcmp(table[i].name, name))
            return table[i].count;
    return 0;
}

static struct values value_of(struct bench *b, const char *name)
{
    struct values v = {{0}};
    test_ok(b->ctx, clg_store_get(b->store, name, v.w, count_of(name) * sizeof(float)));
    return v;
}

/* After one step of plain SGD: w - lr (g + decay w), with the gradient that the store has. */
static void check_step(struct bench *b, const char *name, const struct values *before, double lr,
                       double decay)
{
    struct values after = value_of(b, name), g = {{0}};
    double want[HIDDEN * IN], tolerance[HIDDEN * IN];
    size_t n = count_of(name);
    test_ok(b->ctx, clg_store_get_gradient(b->store, name, g.w, n * sizeof(float)));
    for (size_t i = 0; i < n; i++) {
        double w = before->w[i], step = lr * (g.w[i] + decay * w);
        want[i] = w - step;
        /* Roundings of 2^-24: decay w, the sum, rate times factor, the product: each of the step's
         * parts; and the difference. */
        tolerance[i] =
            0x1p-24 * (6 * lr * (fabs((double)g.w[i]) + decay * fabs(w)) + fabs(want[i]));
    }
    test_within(name, after.w, want, tolerance, n, "six roundings of the step, one of the result");
}

TEST(groups, rates_and_decay)
{
    const char *const spared[] = {"*.bias", NULL};
    for (size_t f = 0; f < TEST_FORMS; f++) {
        clg_optimizer_params p = clg_optimizer_defaults("sgd");
        p.weight_decay = 0.25f;
        p.no_decay = spared;
        struct bench b = bench_open(test_forms[f], "sgd", 0.1f, &p);
        group(&b, "last.*", 0.03f, 0.5f);
        group(&b, "*", 0.2f, 0); /* what is matched already keeps its first group */
        struct values first = value_of(&b, "first.weight"), last = value_of(&b, "last.weight"),
                      bias = value_of(&b, "last.bias");
        bench_train(&b, 1);
        check_step(&b, "first.weight", &first, 0.2, 0);
        check_step(&b, "last.weight", &last, 0.03, 0.5);
        check_step(&b, "last.bias", &bias, 0.03, 0);
        /* The rates stay in proportion: a tenth of all. */
        test_ok(b.ctx, clg_optimizer_set_lr(b.optimizer, 0.01f));
        first = value_of(&b, "first.weight");
        last = value_of(&b, "last.weight");
        bench_train(&b, 1);
        check_step(&b, "first.weight", &first, 0.02, 0);
        check_step(&b, "last.weight", &last, 0.003, 0.5);
        clg_ctx_destroy(&b.ctx);
    }
}

static uint64_t flops(const struct bench *b)
{
    clg_plan_report report;
    test_ok(b->ctx, clg_plan_get_report(b->plan, &report));
    return report.flops;
}

/* The same bits after training, no gradient, no state in the file, and less to compute. */
TEST(groups, frozen)
{
    struct bench all = bench_open(CLG_FORM_AUTO, "adam", 0.1f, NULL),
                 b = bench_open(CLG_FORM_AUTO, "adam", 0.1f, NULL);
    struct values weight = value_of(&b, "first.weight"), bias = value_of(&b, "first.bias"),
                  last = value_of(&b, "last.weight"), now;
    char folder[256], path[300], bytes[8192] = "";
    float gradient[HIDDEN];
    test_ok(b.ctx, clg_optimizer_freeze(b.optimizer, "first.*"));
    group(&b, "first.bias", 0.5f, 0); /* comes second: it stays frozen */
    bench_train(&all, 1);
    bench_train(&b, 5);
    now = value_of(&b, "first.weight");
    cr_assert_eq(memcmp(now.w, weight.w, sizeof(now.w)), 0, "a frozen weight has changed");
    now = value_of(&b, "first.bias");
    cr_assert_eq(memcmp(now.w, bias.w, sizeof(now.w)), 0, "a frozen bias has changed");
    now = value_of(&b, "last.weight");
    cr_assert_neq(memcmp(now.w, last.w, sizeof(now.w)), 0, "nothing was trained");
    test_refused(b.ctx, CLG_ERR_STATE, "first.bias",
                 clg_store_get_gradient(b.store, "first.bias", gradient, sizeof(gradient)));
    /* Without the products that give first.weight's gradient and what reaches it. */
    cr_assert_leq(flops(&b) + 2 * BATCH * HIDDEN * (IN + OUT), flops(&all));
    test_folder(folder);
    snprintf(path, sizeof(path), "%s/weights", folder);
    test_ok(b.ctx, clg_store_save(b.store, path, NULL));
    FILE *file = fopen(path, "rb");
    cr_assert_gt(fread(bytes, 1, sizeof(bytes) - 1, file), 8);
    fclose(file);
    cr_assert_not_null(strstr(bytes + 8, "optimizer.adam.exp_avg.last.weight"));
    cr_assert_null(strstr(bytes + 8, "optimizer.adam.exp_avg.first.weight"));
    cr_assert_not_null(strstr(bytes + 8, "\"first.weight\""), "frozen parameters are saved");
    test_remove(folder);
    clg_ctx_destroy(&all.ctx);
    clg_ctx_destroy(&b.ctx);
}

static void refused(const char *match, bool freeze, clg_status status, const char *words)
{
    struct bench b = bench_open(CLG_FORM_AUTO, "sgd", 0.1f, NULL);
    clg_optimizer_group g = clg_optimizer_group_defaults(b.optimizer, match);
    test_ok(b.ctx, freeze ? clg_optimizer_freeze(b.optimizer, match)
                          : clg_optimizer_add_group(b.optimizer, &g));
    test_refused(b.ctx, status, words, clg_minimize(b.optimizer, b.loss));
    clg_ctx_destroy(&b.ctx);
}

TEST(groups, patterns_that_match_nothing)
{
    static const char there[] = "matches no parameter; there are first.weight, first.bias, "
                                "last.weight, last.bias";
    refused("frist.*", false, CLG_ERR_ARGUMENT, "optimizer 'sgd': 'frist.*', to be a group, ");
    refused("frist.*", false, CLG_ERR_ARGUMENT, there);
    refused("first", true, CLG_ERR_ARGUMENT, "optimizer 'sgd': 'first', to be frozen, ");
    refused("first", true, CLG_ERR_ARGUMENT, there);
    refused("*", true, CLG_ERR_ARGUMENT,
            "the loss depends on no parameter that matches '*' and is not frozen");
}

TEST(groups, refused)
{
    struct bench b = bench_open(CLG_FORM_AUTO, "sgd", 0.1f, NULL);
    clg_optimizer_group g = clg_optimizer_group_defaults(b.optimizer, "*");
    cr_assert(g.lr == 0.1f && g.weight_decay == 0);
    g.lr = -1;
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "the learning rate of group '*' is -1, must be 0 or a",
                 clg_optimizer_add_group(b.optimizer, &g));
    g.lr = NAN;
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "the learning rate of group '*' is ",
                 clg_optimizer_add_group(b.optimizer, &g));
    g.lr = 0.1f;
    g.weight_decay = INFINITY;
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "weight_decay of group '*' is inf, must be 0 or a",
                 clg_optimizer_add_group(b.optimizer, &g));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "a group needs a pattern",
                 clg_optimizer_freeze(b.optimizer, ""));
    cr_assert_eq(clg_optimizer_freeze(NULL, "*"), CLG_ERR_ARGUMENT);
    cr_assert_eq(clg_optimizer_add_group(NULL, &g), CLG_ERR_ARGUMENT);
    cr_assert_eq(clg_optimizer_add_group(b.optimizer, NULL), CLG_ERR_ARGUMENT);
    clg_optimizer *still = clg_sgd_create(b.store, 0, &(clg_optimizer_params){.name = "still"});
    g = clg_optimizer_group_defaults(still, "first.*");
    test_ok(b.ctx, clg_optimizer_add_group(still, &g));
    g.lr = 0.1f;
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "in proportion to the optimizer's, which is 0",
                 clg_optimizer_add_group(still, &g));
    bench_train(&b, 1);
    test_refused(b.ctx, CLG_ERR_STATE, "group '*' comes too late",
                 clg_optimizer_freeze(b.optimizer, "*"));
    clg_ctx_destroy(&b.ctx);
}
