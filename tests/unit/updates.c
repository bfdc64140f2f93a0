/* A step's updates are all or nothing: every chunk, every optimizer, their states, assigned states. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/philox.h"
#include "base/text.h"
#include "optim/optim.h"
#include "store/store.h"

static const char *const rules[] = {
#define RULE(name, ...) #name,
#include "optim/optim.def"
#undef RULE
};
#define RULES (sizeof(rules) / sizeof(*rules))

#define WIDTH 67 /* of a parameter: a segment and a bit */

struct bench {
    clg_ctx *ctx;
    clg_device *device;
    clg_store *store;
    clg_graph *graph;
    clg_plan *plan;
    char folder[256];
};

static struct bench bench_open(clg_form form)
{
    struct bench b = {.ctx = test_context()};
    b.device = test_open(b.ctx, form);
    test_folder(b.folder);
    return b;
}

static void bench_close(struct bench *b)
{
    clg_ctx_destroy(&b->ctx);
    test_remove(b->folder);
}

/* A new store whose every parameter lies in a chunk of its own. */
static void bench_store(struct bench *b)
{
    clg_store_destroy(&b->store);
    b->store = clg_store_create(b->device, 3);
    b->graph = clg_graph_create(b->store);
    clg_store_limit_chunks(b->store, 1);
}

static void bench_compile(struct bench *b)
{
    b->plan = clg_compile(b->graph, 1, CLG_TRAIN, NULL);
    cr_assert_not_null(b->plan, "%s", clg_error(b->ctx));
}

static clg_tensor parameter(struct bench *b, const char *name, float value)
{
    const clg_init init = {.scheme = CLG_INIT_CONSTANT, .a = value};
    return clg_parameter(b->graph, name, clg_shape1(WIDTH), &init);
}

static clg_tensor total(clg_tensor x)
{
    return clg_sum(x, NULL, 0, false);
}

static clg_optimizer *optimizer(struct bench *b, const char *rule, const char *name,
                                const char *match, float lr)
{
    clg_optimizer_params p = clg_optimizer_defaults(rule);
    p.name = name;
    p.match = match;
    if (!strcmp(rule, "sgd"))
        p.momentum = 0.9f;
    clg_optimizer *o = clg_optimizer_create(b->store, rule, lr, &p);
    cr_assert_not_null(o, "%s", clg_error(b->ctx));
    return o;
}

static void set(struct bench *b, const char *name, float value, int count)
{
    float values[WIDTH] = {0};
    test_ok(b->ctx, clg_store_get(b->store, name, values, sizeof(values)));
    for (int i = 0; i < count; i++)
        values[i] = value;
    test_ok(b->ctx, clg_store_set(b->store, name, values, sizeof(values)));
}

/* ---- everything that a store holds, as its file ---- */

struct image {
    char *data;
    size_t size;
};

/* Without the header: draws are counted in bad steps too. */
static struct image image(struct bench *b)
{
    struct image image;
    char path[300];
    uint64_t header;
    snprintf(path, sizeof(path), "%s/image", b->folder);
    test_ok(b->ctx, clg_store_save(b->store, path, NULL));
    test_ok(b->ctx, clg_file_read(b->ctx, path, &image.data, &image.size));
    memcpy(&header, image.data, 8);
    image.size -= 8 + (size_t)header;
    memmove(image.data, image.data + 8 + header, image.size);
    return image;
}

static bool same_as(struct bench *b, struct image *before)
{
    struct image after = image(b);
    bool same = after.size == before->size && !memcmp(after.data, before->data, after.size);
    clg_free(b->ctx, after.data);
    return same;
}

/* The step is refused for its update, and nothing but the count of draws has changed. */
static void step_is_refused(struct bench *b, const char *what)
{
    clg_progress before, after;
    struct image all = image(b);
    test_ok(b->ctx, clg_store_progress(b->store, &before));
    test_ok(b->ctx, clg_plan_step(b->plan));
    test_ok(b->ctx, clg_store_progress(b->store, &after));
    cr_assert(after.bad_update && !after.bad_loss && !after.bad_index, "%s: not flagged", what);
    cr_assert_eq(after.first_bad_step, before.steps + 1, "%s", what);
    cr_assert_eq(after.steps, before.steps, "%s", what);
    cr_assert(same_as(b, &all), "%s: a bad step has changed something", what);
    clg_free(b->ctx, all.data);
}

static void step_is_good(struct bench *b, const char *what)
{
    clg_progress before, after;
    struct image all = image(b);
    test_ok(b->ctx, clg_store_progress(b->store, &before));
    test_ok(b->ctx, clg_plan_step(b->plan));
    test_ok(b->ctx, clg_store_progress(b->store, &after));
    cr_assert(after.first_bad_step == 0 && after.steps == before.steps + 1, "%s", what);
    cr_assert(!same_as(b, &all), "%s: a good step has changed nothing", what);
    clg_free(b->ctx, all.data);
}

/* ---- what is not finite in one place ---- */

/* sum(a^2) + sum(sqrt(b)) + sum(c^2): at b = 0 the loss is finite and its gradient is not. a and b
 * have an optimizer each, c is in the chunk after; s follows a. */
static void build(struct bench *b, const char *first, const char *second)
{
    bench_store(b);
    clg_tensor a = parameter(b, "a.w", 1), root = parameter(b, "b.w", 1), c = parameter(b, "a.z", 2);
    clg_tensor s = clg_state(b->graph, "s", clg_shape1(WIDTH), NULL);
    test_ok(b->ctx, clg_assign(s, clg_affine(a, 2, 1), CLG_WHEN_TRAINING));
    clg_tensor loss = clg_add(clg_add(total(clg_square(a)), total(clg_sqrt(root))),
                              total(clg_square(c)));
    test_ok(b->ctx, clg_minimize(optimizer(b, first, "first", "a.*", 0.01f), loss));
    test_ok(b->ctx, clg_minimize(optimizer(b, second, "second", "b.*", 0.01f), loss));
    bench_compile(b);
    cr_assert_geq(clg_store_chunks(b->store), 4);
}

static void one_of_two(struct bench *b, const char *first, const char *second)
{
    build(b, first, second);
    step_is_good(b, "the first step");
    set(b, "b.w", 0, 1);
    step_is_refused(b, "the gradient of a root at 0");
    step_is_refused(b, "a step after it");
    set(b, "b.w", 1, 1);
    test_ok(b->ctx, clg_store_clear_bad(b->store));
    step_is_good(b, "the bad value was replaced");
}

TEST(updates, of_all_optimizers)
{
    for (size_t f = 0; f < TEST_FORMS; f++) {
        struct bench b = bench_open(test_forms[f]);
        for (size_t i = 0; i < RULES; i++)
            one_of_two(&b, rules[i], rules[(i + f + 1) % RULES]);
        bench_close(&b);
    }
}

/* From its first step on: what issue reports begin with. */
TEST(updates, in_the_first_step)
{
    struct bench b = bench_open(CLG_FORM_AUTO);
    bench_store(&b);
    clg_tensor loss = clg_add(total(clg_square(parameter(&b, "a", 1))),
                              total(clg_sqrt(parameter(&b, "b", 0))));
    test_ok(b.ctx, clg_minimize(clg_sgd_create(b.store, 0.1f, NULL), loss));
    bench_compile(&b);
    step_is_refused(&b, "step 1");
    bench_close(&b);
}

/* ---- a finite gradient, and an update that is not ---- */

/* sum(a) has the gradient 1. */
static void build_sum(struct bench *b, const char *rule, float lr, float decay)
{
    clg_optimizer_params p = clg_optimizer_defaults(rule);
    bench_store(b);
    p.weight_decay = decay;
    clg_optimizer *o = clg_optimizer_create(b->store, rule, lr, &p);
    clg_tensor loss = clg_add(total(parameter(b, "a", 1)), total(parameter(b, "b", 1)));
    test_ok(b->ctx, clg_minimize(o, clg_affine(loss, 4, 0)));
    bench_compile(b);
}

/* Numbers that are out of the ordinary, from the start. */
TEST(updates, that_overflow_by_a_number)
{
    for (size_t f = 0; f < TEST_FORMS; f++) {
        struct bench b = bench_open(test_forms[f]);
        build_sum(&b, "sgd", 3e38f, 0);
        step_is_refused(&b, "a learning rate of 3e38");
        build_sum(&b, "sgd", 1e3f, 3e38f);
        step_is_refused(&b, "a weight decay of 3e38");
        build_sum(&b, "adamw", 1e3f, 3e38f);
        step_is_refused(&b, "a decoupled weight decay of 3e38");
        bench_close(&b);
    }
}

/* Values that somebody else wrote, in the middle of a training. */
TEST(updates, that_overflow_by_a_value)
{
    for (size_t f = 0; f < TEST_FORMS; f++) {
        struct bench b = bench_open(test_forms[f]);
        build_sum(&b, "sgd", 0.1f, 1e3f);
        step_is_good(&b, "the first");
        step_is_good(&b, "the second");
        set(&b, "b", -5e37f, 1);
        step_is_refused(&b, "a decay of 1000 times -5e37");
        bench_close(&b);
    }
}

/* A learning rate that is changed meanwhile. */
TEST(updates, that_overflow_by_a_schedule)
{
    struct bench b = bench_open(CLG_FORM_AUTO);
    bench_store(&b);
    clg_optimizer *o = clg_sgd_create(b.store, 0.1f, NULL);
    test_ok(b.ctx, clg_minimize(o, clg_affine(total(parameter(&b, "a", 1)), 4, 0)));
    bench_compile(&b);
    step_is_good(&b, "the first");
    step_is_good(&b, "the second");
    test_ok(b.ctx, clg_optimizer_set_lr(o, 3e38f));
    step_is_refused(&b, "a learning rate of 3e38");
    bench_close(&b);
}

/* The optimizer's own values grow, a step before the gradient is zero: momentum 1000 from a gradient of
 * 1 overflows after about 13 steps of finite, small gradients. */
TEST(updates, that_overflow_by_themselves)
{
    for (size_t f = 0; f < TEST_FORMS; f++) {
        struct bench b = bench_open(test_forms[f]);
        clg_optimizer_params p = clg_optimizer_defaults("sgd");
        clg_progress progress = {.first_bad_step = 0};
        bench_store(&b);
        p.momentum = 1000;
        clg_optimizer *o = clg_optimizer_create(b.store, "sgd", 1e-30f, &p);
        test_ok(b.ctx, clg_minimize(o, total(parameter(&b, "a", 1))));
        bench_compile(&b);
        for (int step = 1; step <= 13; step++)
            step_is_good(&b, "momentum below 1000^13");
        step_is_refused(&b, "momentum of 1000^13");
        test_ok(b.ctx, clg_store_progress(b.store, &progress));
        cr_assert_eq(progress.first_bad_step, 14);
        bench_close(&b);
    }
}

/* ---- any numbers at all ---- */

/* Finite, of any size and sign; a share of them is ordinary. */
static float any(uint32_t word, int limit)
{
    int exponent = (int)(word >> 8) % (limit + 126) - 126;
    float x = ldexpf(1 + (float)(word & 127) / 128, word & 1 ? exponent : exponent % 31);
    return word & 2 ? -x : x;
}

static void fill_any(struct bench *b, struct clg_view view, uint32_t trial, uint32_t what)
{
    float values[WIDTH];
    for (uint32_t i = 0; i < WIDTH; i++) {
        uint32_t words[4];
        clg_philox((uint32_t[]){i, trial, what, 0}, (uint32_t[]){7, 8}, words);
        values[i] = any(words[0], words[1] % 64 == 0 ? 127 : 60);
    }
    test_ok(b->ctx, clg_buffer_write(view.buffer, view.offset * 4, values, sizeof(values)));
}

static bool all_finite(struct bench *b)
{
    struct image all = image(b);
    bool finite = true;
    float x;
    for (size_t i = 0; i + 4 <= all.size; i += 4) {
        memcpy(&x, all.data + i, 4); /* a count of steps is a finite float too */
        finite = finite && isfinite(x);
    }
    clg_free(b->ctx, all.data);
    return finite;
}

/* Whatever values, gradients and numbers are: a step is taken whole and all is finite, or it is refused
 * and all is as it was. */
static clg_optimizer_params any_params(const char *name, uint32_t trial)
{
    static const float factors[] = {0, 1e-3f, 1024, 1e20f}, shares[] = {0, 0.9f, 0.99999994f};
    static const float divisors[] = {1e-8f, 0x1p-40f, 1e-38f};
    const struct clg_rule *rule = clg_rule_find(name);
    clg_optimizer_params p = clg_optimizer_defaults(name);
    for (const struct clg_number *n = rule->numbers; n->name; n++) {
        double value = clg_number_get(n, &p);
        if (n->range == CLG_RANGE_FACTOR || n->range == CLG_RANGE_DECAY)
            value = factors[trial / 4 % 4];
        else if (n->range == CLG_RANGE_SHARE)
            value = shares[trial / 3 % 3];
        else if (n->range == CLG_RANGE_DIVISOR)
            value = divisors[trial % 3];
        else if (n->range == CLG_RANGE_FLAG)
            value = trial & 1;
        clg_number_set(n, &p, value);
        trial = trial * 5 + 1; /* the next option's, in another order */
    }
    p.nesterov = p.nesterov && !rule->unmet(&p);
    return p;
}

static void any_numbers(struct bench *b, const char *rule, uint32_t trial)
{
    static const float rates[] = {0, 1e-3f, 1024, 1e20f};
    clg_optimizer_params p = any_params(rule, trial);
    bench_store(b);
    clg_optimizer *o = clg_optimizer_create(b->store, rule, rates[trial % 4], &p);
    cr_assert_not_null(o, "%s", clg_error(b->ctx));
    clg_tensor w = parameter(b, "w", 1);
    test_ok(b->ctx, clg_minimize(o, clg_affine(total(w), 0, 0)));
    bench_compile(b);
    for (uint32_t step = 0; step < 4; step++) {
        clg_progress before, after;
        test_ok(b->ctx, clg_store_progress(b->store, &before));
        if (step == 0)
            fill_any(b, clg_store_value(b->store, 0), trial, 0);
        struct image all = image(b);
        test_ok(b->ctx, clg_plan_backward(b->plan));
        fill_any(b, clg_store_gradient(b->store, 0), trial, 1 + step);
        test_ok(b->ctx, clg_plan_update(b->plan));
        test_ok(b->ctx, clg_store_progress(b->store, &after));
        if (after.first_bad_step)
            cr_assert(same_as(b, &all), "%s, trial %u: refused and changed", rule, trial);
        else
            cr_assert(all_finite(b), "%s, trial %u: taken and not finite", rule, trial);
        clg_free(b->ctx, all.data);
        test_ok(b->ctx, clg_store_clear_bad(b->store));
    }
}

TEST(updates, of_any_numbers)
{
    for (size_t f = 0; f < TEST_FORMS; f++) {
        struct bench b = bench_open(test_forms[f]);
        for (uint32_t trial = 0; trial < 8 * RULES; trial++)
            any_numbers(&b, rules[trial % RULES], trial / RULES * 3 + trial);
        bench_close(&b);
    }
}

/* ---- an update has a backward of its own ---- */

static clg_plan *compile(struct bench *b, clg_graph *graph, clg_mode mode)
{
    clg_plan *plan = clg_compile(graph, 1, mode, NULL);
    cr_assert_not_null(plan, "%s", clg_error(b->ctx));
    return plan;
}

TEST(updates, need_a_backward)
{
    struct bench b = bench_open(CLG_FORM_AUTO);
    float x = 1;
    bench_store(&b);
    clg_tensor in = clg_input(b.graph, "x", CLG_F32, clg_shape1(1));
    clg_tensor w = parameter(&b, "w", 1), state = clg_state(b.graph, "s", clg_shape1(1), NULL);
    test_ok(b.ctx, clg_assign(state, clg_square(in), CLG_WHEN_ALWAYS));
    test_ok(b.ctx, clg_minimize(clg_sgd_create(b.store, 0.1f, NULL),
                                clg_output(total(clg_mul(w, in)), "loss")));
    clg_mode modes[] = {CLG_TRAIN, CLG_INFER};
    for (int i = 0; i < 2; i++) {
        clg_plan *plan = compile(&b, b.graph, modes[i]);
        test_refused(b.ctx, CLG_ERR_STATE, "no clg_plan_backward()", clg_plan_update(plan));
        test_refused(b.ctx, CLG_ERR_STATE, "'x'", clg_plan_backward(plan));
        test_refused(b.ctx, CLG_ERR_STATE, "no clg_plan_backward()", clg_plan_update(plan));
        test_refused(b.ctx, CLG_ERR_STATE, "no step", clg_plan_read(plan, "loss", &x, sizeof(x)));
        test_ok(b.ctx, clg_plan_write(plan, "x", &x, sizeof(x)));
        test_ok(b.ctx, clg_plan_backward(plan));
        test_ok(b.ctx, clg_plan_backward(plan));
        test_ok(b.ctx, clg_plan_update(plan));
        test_refused(b.ctx, CLG_ERR_STATE, "needs one of its own", clg_plan_update(plan));
        test_ok(b.ctx, clg_plan_read(plan, "loss", &x, sizeof(x)));
        x = 1;
        test_ok(b.ctx, clg_plan_step(plan));
        test_refused(b.ctx, CLG_ERR_STATE, "needs one of its own", clg_plan_update(plan));
    }
    bench_close(&b);
}

/* Gradients lie in the store: two plans that train the same parameter cannot be half way both, two with
 * parameters of their own can. */
TEST(updates, need_the_gradients_of_their_plan)
{
    struct bench b = bench_open(CLG_FORM_AUTO);
    bench_store(&b);
    clg_graph *other = clg_graph_create(b.store);
    clg_init one = {.scheme = CLG_INIT_CONSTANT, .a = 1};
    test_ok(b.ctx, clg_minimize(optimizer(&b, "sgd", "first", "a", 0.1f),
                                total(clg_square(parameter(&b, "a", 1)))));
    test_ok(b.ctx, clg_minimize(optimizer(&b, "adam", "second", "b", 0.1f),
                                total(clg_square(clg_parameter(other, "b", clg_shape1(3), &one)))));
    clg_plan *a = compile(&b, b.graph, CLG_TRAIN), *again = compile(&b, b.graph, CLG_TRAIN);
    clg_plan *c = compile(&b, other, CLG_TRAIN);
    test_ok(b.ctx, clg_plan_backward(a));
    test_ok(b.ctx, clg_plan_backward(c));
    test_ok(b.ctx, clg_plan_update(a));
    test_ok(b.ctx, clg_plan_update(c));
    test_ok(b.ctx, clg_plan_backward(a));
    test_ok(b.ctx, clg_plan_backward(again));
    test_refused(b.ctx, CLG_ERR_STATE, "gradient of 'a'", clg_plan_update(a));
    test_ok(b.ctx, clg_plan_update(again));
    test_ok(b.ctx, clg_plan_step(a));
    bench_close(&b);
}

/* What is assigned is what the step computed with. */
TEST(updates, assign_the_input_of_the_step)
{
    struct bench b = bench_open(CLG_FORM_AUTO);
    float first = 5, second = 7, got = 0;
    bench_store(&b);
    clg_tensor in = clg_input(b.graph, "x", CLG_F32, clg_shape1(1));
    test_ok(b.ctx, clg_assign(clg_state(b.graph, "s", clg_shape1(1), NULL), in, CLG_WHEN_ALWAYS));
    clg_plan *plan = compile(&b, b.graph, CLG_INFER);
    test_ok(b.ctx, clg_plan_write(plan, "x", &first, sizeof(first)));
    test_ok(b.ctx, clg_plan_backward(plan));
    test_ok(b.ctx, clg_plan_write(plan, "x", &second, sizeof(second)));
    test_ok(b.ctx, clg_plan_update(plan));
    test_ok(b.ctx, clg_store_get(b.store, "s", &got, sizeof(got)));
    cr_assert_eq(got, first);
    bench_close(&b);
}

/* ---- of one entry, one ---- */

TEST(updates, of_one_entry_are_one)
{
    struct bench b = bench_open(CLG_FORM_AUTO);
    bench_store(&b);
    clg_tensor w = parameter(&b, "w", 1);
    clg_optimizer *o = clg_sgd_create(b.store, 0.1f, NULL);
    test_ok(b.ctx, clg_assign(w, clg_neg(w), CLG_WHEN_TRAINING));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "parameter 'w' would be updated by optimizer 'sgd' and "
                 "assigned", clg_minimize(o, total(clg_square(w))));
    b.graph = clg_graph_create(b.store);
    w = parameter(&b, "w", 1);
    test_ok(b.ctx, clg_minimize(o, total(clg_square(w))));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "'w': optimizer 'sgd' updates it",
                 clg_assign(w, clg_neg(w), CLG_WHEN_ALWAYS));
    b.graph = clg_graph_create(b.store);
    clg_tensor s = clg_state(b.graph, "s", clg_shape1(2), NULL);
    test_ok(b.ctx, clg_assign(s, clg_fill(b.graph, clg_shape1(2), 1), CLG_WHEN_TRAINING));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "'s': the graph assigns to it already",
                 clg_assign(s, clg_fill(b.graph, clg_shape1(2), 2), CLG_WHEN_ALWAYS));
    bench_close(&b);
}

/* A batch norm that is used twice has followed both, in their order. */
TEST(updates, of_a_shared_batch_norm)
{
    struct bench b = bench_open(CLG_FORM_AUTO);
    float mean = 0;
    bench_store(&b);
    clg_tensor first = clg_fill(b.graph, clg_shape2(4, 1), 10);
    clg_tensor second = clg_fill(b.graph, clg_shape2(4, 1), 100);
    clg_output(clg_batch_norm_layer(first, "n", NULL), "first");
    test_ok(b.ctx, clg_layer_share(b.graph, "n"));
    clg_output(clg_batch_norm_layer(second, "n", NULL), "second");
    test_ok(b.ctx, clg_plan_step(compile(&b, b.graph, CLG_TRAIN)));
    test_ok(b.ctx, clg_store_get(b.store, "n.running_mean", &mean, sizeof(mean)));
    cr_assert_float_eq(mean, 0.9 * (0.1 * 10) + 0.1 * 100, 1e-5);
    bench_close(&b);
}
