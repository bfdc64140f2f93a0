/* Update rules against the same in double, both kernel forms, several chunks; gating; resuming. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/philox.h"
#include "base/text.h"
#include "selftest/optimizers.h"
#include "store/store.h"

#define STEPS 7
#define UNIT  0x1p-23 /* a rounding or two, whether a multiply-add is fused or not */

struct tried {
    const char *rule;
    float lr, decay, momentum, beta1, beta2, eps;
    bool nesterov;
    const char *no_decay[2];
};
static const struct tried cases[] = {
    {"sgd", 0.1f, 0, 0, 0, 0, 0, false, {NULL}},
    {"sgd", 0.1f, 0.01f, 0, 0, 0, 0, false, {"*.bias"}},
    {"sgd", 0.1f, 0.01f, 0.9f, 0, 0, 0, false, {NULL}},
    {"sgd", 0.05f, 0.01f, 0.5f, 0, 0, 0, true, {"a.*"}},
    {"adam", 0.01f, 0, 0, 0.9f, 0.999f, 1e-8f, false, {NULL}},
    {"adam", 0.02f, 0.1f, 0, 0.8f, 0.99f, 1e-3f, false, {"*.bias"}},
    {"adam", 0.02f, 0, 0, 0, 0, 1e-8f, false, {NULL}},
    {"adamw", 0.01f, 0.01f, 0, 0.9f, 0.999f, 1e-8f, false, {NULL}},
    {"adamw", 0.02f, 0.5f, 0, 0.7f, 0.9f, 1e-6f, false, {"b.weight"}},
};

/* ---- a store with parameters whose gradients the tests write ---- */

#define PARAMETERS 4
#define LARGEST    (64 * 3)
static const char *const names[PARAMETERS] = {"a.weight", "frozen", "a.bias", "b.weight"};
static const int64_t sizes[PARAMETERS] = {7 * 11, 130, 13, 64 * 3}; /* the last has no padding */

struct bench {
    clg_ctx *ctx;
    clg_device *device;
    clg_store *store;
    clg_graph *graph;
    clg_optimizer *optimizer;
    clg_plan *plan;
};

static clg_tensor build_loss(struct bench *b)
{
    const clg_init init = {.scheme = CLG_INIT_NORMAL, .a = 0.1f, .b = 0.7f};
    clg_tensor loss = clg_fill(b->graph, clg_shape0(), 0);
    for (int i = 0; i < PARAMETERS; i++) {
        clg_tensor p = clg_parameter(b->graph, names[i], clg_shape1(sizes[i]), &init);
        loss = clg_add(loss, clg_sum(clg_square(p), NULL, 0, false));
    }
    return clg_output(loss, "loss");
}

static clg_optimizer_params params_of(const struct tried *t)
{
    clg_optimizer_params p = clg_optimizer_defaults(t->rule);
    p.match = "?.*";
    p.no_decay = t->no_decay;
    p.weight_decay = t->decay;
    p.momentum = t->momentum;
    p.nesterov = t->nesterov;
    p.beta1 = t->beta1;
    p.beta2 = t->beta2;
    p.eps = t->eps;
    return p;
}

static void bench_store(struct bench *b, uint64_t seed)
{
    b->store = clg_store_create(b->device, seed);
    b->graph = clg_graph_create(b->store);
    clg_store_limit_chunks(b->store, 256); /* two chunks at least */
}

static void bench_compile(struct bench *b)
{
    b->plan = clg_compile(b->graph, 1, CLG_TRAIN, NULL);
    cr_assert_not_null(b->plan, "%s", clg_error(b->ctx));
    cr_assert_geq(clg_store_chunks(b->store), 2);
}

static void bench_minimize(struct bench *b, const struct tried *t)
{
    clg_optimizer_params p = params_of(t);
    b->optimizer = clg_optimizer_create(b->store, t->rule, t->lr, &p);
    cr_assert_not_null(b->optimizer, "%s", clg_error(b->ctx));
    test_ok(b->ctx, clg_minimize(b->optimizer, build_loss(b)));
}

static struct bench bench_device(clg_form form)
{
    struct bench b = {.ctx = test_context()};
    b.device = test_open(b.ctx, form);
    return b;
}

/* A new store on the device, ready to train. */
static void bench_case(struct bench *b, const struct tried *t)
{
    clg_store_destroy(&b->store);
    bench_store(b, 3);
    bench_minimize(b, t);
    bench_compile(b);
}

/* Gradients over six orders of magnitude. */
static void draw_gradient(int parameter, int step, float *out)
{
    for (int64_t i = 0; i < sizes[parameter]; i++) {
        uint32_t words[4];
        clg_philox((uint32_t[]){(uint32_t)i, (uint32_t)parameter, (uint32_t)step, 0},
                   (uint32_t[]){5, 6}, words);
        out[i] = ldexpf(2 * clg_uniform(words[0]) - 1, -(int)(words[1] % 20));
    }
}

static void write_gradient(struct bench *b, int parameter, const float *values)
{
    struct clg_view view = clg_store_gradient(b->store, clg_store_find(b->store, names[parameter]));
    test_ok(b->ctx,
            clg_buffer_write(view.buffer, view.offset * 4, values, (size_t)sizes[parameter] * 4));
}

static void update(struct bench *b, int step)
{
    float g[LARGEST];
    test_ok(b->ctx, clg_plan_backward(b->plan));
    for (int p = 0; p < PARAMETERS; p++) {
        draw_gradient(p, step, g);
        write_gradient(b, p, g);
    }
    test_ok(b->ctx, clg_plan_update(b->plan));
}

static void get(struct bench *b, int parameter, float *out)
{
    test_ok(b->ctx, clg_store_get(b->store, names[parameter], out, (size_t)sizes[parameter] * 4));
}

/* ---- the reference: the formulas in double, with a bound of what rounding may do ---- */

struct reference {
    double w[LARGEST], m[LARGEST], v[LARGEST];    /* sgd: v is the momentum buffer */
    double ew[LARGEST], em[LARGEST], ev[LARGEST]; /* bounds of the errors */
};

static void sgd(struct reference *r, int64_t i, double g, double lr, const struct tried *t,
                double decay)
{
    double eg = decay * r->ew[i] + UNIT * (fabs(g) + fabs(decay * r->w[i]));
    g += decay * r->w[i];
    double v = t->momentum * r->v[i] + g;
    r->ev[i] = t->momentum * r->ev[i] + eg + UNIT * (fabs(v) + fabs(g));
    r->v[i] = v;
    double s = t->nesterov ? g + t->momentum * v : v;
    double es = t->nesterov ? eg + t->momentum * r->ev[i] + UNIT * (fabs(g) + fabs(s)) : r->ev[i];
    r->ew[i] += lr * es + UNIT * (fabs(r->w[i]) + 2 * fabs(lr * s));
    r->w[i] -= lr * s;
}

/* OpenCL C 1.2, 7.4: expm1 3 ulp, division 2.5, sqrt 3, rsqrt 2: with the roundings between them a
 * step and a root are off by less than 16 units each, relatively. */
static void adam(struct reference *r, int64_t i, double g, double lr, const struct tried *t,
                 double decay, int step)
{
    double b1 = round(t->beta1 * 1e6) / 1e6, b2 = round(t->beta2 * 1e6) / 1e6;
    bool decoupled = !strcmp(t->rule, "adamw");
    double coupled = decoupled ? 0 : decay;
    double eg = coupled * r->ew[i] + UNIT * (fabs(g) + fabs(coupled * r->w[i]));
    g += coupled * r->w[i];
    if (decoupled) {
        r->ew[i] += UNIT * fabs(r->w[i]) * 2;
        r->w[i] -= lr * decay * r->w[i];
    }
    r->em[i] = b1 * r->em[i] + (1 - b1) * eg + 2 * UNIT * (fabs(b1 * r->m[i]) + fabs(g));
    r->m[i] = b1 * r->m[i] + (1 - b1) * g;
    r->ev[i] =
        b2 * r->ev[i] + (1 - b2) * 2 * fabs(g) * eg + 3 * UNIT * (b2 * r->v[i] + (1 - b2) * g * g);
    r->v[i] = b2 * r->v[i] + (1 - b2) * g * g;
    double scale = 1 / (1 - pow(b2, step)), a = lr / (1 - pow(b1, step));
    double root = sqrt(r->v[i] * scale), d = root + t->eps;
    double ed = 16 * UNIT * d + (r->v[i] > 0 ? r->ev[i] * scale / (2 * root) : 0);
    double s = a * r->m[i] / d;
    double es = a * r->em[i] / d + fabs(s) * (16 * UNIT + ed / d);
    r->ew[i] += es + UNIT * (fabs(r->w[i]) + fabs(s));
    r->w[i] -= s;
}

static void reference_step(struct reference *r, int parameter, double lr, const struct tried *t,
                           int step)
{
    float g[LARGEST];
    double decay = t->no_decay[0] && clg_match(t->no_decay[0], names[parameter]) ? 0 : t->decay;
    draw_gradient(parameter, step, g);
    for (int64_t i = 0; i < sizes[parameter]; i++)
        if (!strcmp(t->rule, "sgd"))
            sgd(r, i, g[i], lr, t, decay);
        else
            adam(r, i, g[i], lr, t, decay, step);
}

/* ---- rules ---- */

/* What lies between the entries must stay zero: it is part of what kernels update. */
static void check_padding(struct bench *b)
{
    for (uint32_t c = 0; c < clg_store_chunks(b->store); c++) {
        struct clg_view view = clg_store_chunk_value(b->store, c);
        float chunk[1024];
        bool used[1024] = {false};
        cr_assert_leq(view.shape.dim[0], 1024);
        test_ok(b->ctx, clg_buffer_read(view.buffer, 0, chunk, (size_t)view.shape.dim[0] * 4));
        for (int p = 0; p < PARAMETERS; p++) {
            const struct clg_entry *e =
                clg_store_get_entry(b->store, clg_store_find(b->store, names[p]));
            cr_assert_eq(e->offset % CLG_SEGMENT, 0);
            for (uint64_t i = 0; e->chunk == c && i < e->count; i++)
                used[e->offset + i] = true;
        }
        for (int64_t i = 0; i < view.shape.dim[0]; i++)
            cr_assert(used[i] || chunk[i] == 0, "chunk %u [%d]: %g", c, (int)i, (double)chunk[i]);
    }
}

static void rule_is_right(struct bench *b, const struct tried *t)
{
    static struct reference r[PARAMETERS];
    float start[PARAMETERS][LARGEST], now[LARGEST];
    bench_case(b, t);
    memset(r, 0, sizeof(r));
    for (int p = 0; p < PARAMETERS; p++) {
        get(b, p, start[p]);
        for (int64_t i = 0; i < sizes[p]; i++)
            r[p].w[i] = start[p][i];
    }
    for (int step = 1; step <= STEPS; step++) {
        float lr = step < 4 ? t->lr : t->lr / 4;
        if (step == 4)
            test_ok(b->ctx, clg_optimizer_set_lr(b->optimizer, lr));
        update(b, step);
        for (int p = 0; p < PARAMETERS; p++)
            if (p != 1)
                reference_step(&r[p], p, lr, t, step);
    }
    for (int p = 0; p < PARAMETERS; p++) {
        get(b, p, now);
        if (p == 1)
            cr_assert_arr_eq(now, start[p], (size_t)sizes[p] * 4, "frozen was changed");
        else
            test_within(names[p], now, r[p].w, r[p].ew, (size_t)sizes[p],
                        "running error analysis with OpenCL's bounds");
    }
    check_padding(b);
    clg_progress progress;
    test_ok(b->ctx, clg_store_progress(b->store, &progress));
    cr_assert_eq(progress.steps, STEPS);
    cr_assert_eq(progress.first_bad_step, 0);
}

TEST(optim, rules)
{
    for (size_t f = 0; f < TEST_FORMS; f++) {
        struct bench b = bench_device(test_forms[f]);
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
            rule_is_right(&b, &cases[i]);
        clg_ctx_destroy(&b.ctx);
    }
}

static void read_all(struct bench *b, float out[PARAMETERS][LARGEST])
{
    memset(out, 0, PARAMETERS * sizeof(*out));
    for (int p = 0; p < PARAMETERS; p++)
        get(b, p, out[p]);
}

/* A gradient that is not finite leaves everything alone, and stops what follows. */
static void gated(struct bench *b, const struct tried *t)
{
    float before[PARAMETERS][LARGEST], after[PARAMETERS][LARGEST], g[LARGEST];
    clg_progress progress;
    bench_case(b, t);
    update(b, 1);
    read_all(b, before);
    test_ok(b->ctx, clg_plan_backward(b->plan));
    for (int p = 0; p < PARAMETERS; p++) {
        draw_gradient(p, 2, g);
        g[5] = p == 3 ? NAN : g[5];
        g[9] = p == 3 ? -INFINITY : g[9];
        write_gradient(b, p, g);
    }
    test_ok(b->ctx, clg_plan_update(b->plan));
    read_all(b, after);
    cr_assert_arr_eq(before, after, sizeof(before), "%s: a bad step changed something", t->rule);
    test_ok(b->ctx, clg_store_progress(b->store, &progress));
    cr_assert_eq(progress.first_bad_step, 2);
    cr_assert(progress.bad_update && !progress.bad_loss && !progress.bad_index);
    cr_assert_eq(progress.steps, 1);
    update(b, 3);
    read_all(b, after);
    cr_assert_arr_eq(before, after, sizeof(before), "%s: a gated step changed something", t->rule);
    test_ok(b->ctx, clg_store_clear_bad(b->store));
    update(b, 4);
    read_all(b, after);
    draw_gradient(3, 4, g);
    for (int i = 0; i < sizes[3]; i++)
        cr_assert(isfinite(after[3][i]) &&
                      (before[3][i] != after[3][i] || fabsf(g[i]) < 0x1p-12f), /* may round away */
                  "element %d", i);
    test_ok(b->ctx, clg_store_progress(b->store, &progress));
    cr_assert_eq(progress.first_bad_step, 0);
    cr_assert_eq(progress.steps, 2);
}

TEST(optim, gated)
{
    for (size_t f = 0; f < TEST_FORMS; f++) {
        struct bench b = bench_device(test_forms[f]);
        for (size_t i = 0; i < 9; i += 2)
            gated(&b, &cases[i]);
        clg_ctx_destroy(&b.ctx);
    }
}

/* ---- resuming ---- */

static void resumes(struct bench *b, const struct tried *t, bool compiled_first)
{
    float straight[PARAMETERS][LARGEST], resumed[PARAMETERS][LARGEST];
    char folder[256], path[300];
    bench_case(b, t);
    test_folder(folder);
    snprintf(path, sizeof(path), "%s/half.safetensors", folder);
    for (int step = 1; step <= 6; step++) {
        update(b, step);
        if (step == 3)
            test_ok(b->ctx, clg_store_save(b->store, path, NULL));
    }
    read_all(b, straight);
    clg_store_destroy(&b->store);
    bench_store(b, 4);
    bench_minimize(b, t);
    if (compiled_first) {
        bench_compile(b);
        update(b, 77); /* states that must not survive */
    }
    test_ok(b->ctx, clg_store_load(b->store, path));
    if (!compiled_first)
        bench_compile(b);
    for (int step = 4; step <= 6; step++)
        update(b, step);
    read_all(b, resumed);
    cr_assert_arr_eq(straight, resumed, sizeof(straight), "%s: resumed training differs", t->rule);
    test_remove(folder);
}

TEST(optim, resumes_with_the_same_bits)
{
    for (int first = 0; first < 2; first++) {
        struct bench b = bench_device(test_forms[first]);
        for (size_t i = 0; i < 9; i += 2)
            resumes(&b, &cases[i], first);
        clg_ctx_destroy(&b.ctx);
    }
}

/* States of a file survive a store that knows no such optimizer, and an optimizer made later takes
 * them. */
static void states_are_kept(clg_form form)
{
    const struct tried *t = &cases[4];
    struct bench b = bench_device(form);
    float straight[PARAMETERS][LARGEST], late[PARAMETERS][LARGEST];
    char folder[256], first[300], second[300];
    bench_case(&b, t);
    test_folder(folder);
    snprintf(first, sizeof(first), "%s/first", folder);
    snprintf(second, sizeof(second), "%s/second", folder);
    update(&b, 1);
    test_ok(b.ctx, clg_store_save(b.store, first, NULL));
    update(&b, 2);
    read_all(&b, straight);
    clg_store_destroy(&b.store);
    bench_store(&b, 9);
    build_loss(&b);
    test_ok(b.ctx, clg_store_load(b.store, first));
    test_ok(b.ctx, clg_store_save(b.store, second, NULL));
    clg_store_destroy(&b.store);
    bench_store(&b, 9);
    clg_graph *other = clg_graph_create(b.store);
    clg_graph *graph = b.graph;
    b.graph = other;
    build_loss(&b);
    b.graph = graph;
    test_ok(b.ctx, clg_store_load(b.store, second));
    bench_minimize(&b, t);
    bench_compile(&b);
    update(&b, 2);
    read_all(&b, late);
    cr_assert_arr_eq(straight, late, sizeof(straight));
    clg_ctx_destroy(&b.ctx);
    test_remove(folder);
}

TEST(optim, states_are_kept)
{
    states_are_kept(CLG_FORM_ITEM);
}

/* A file of weights alone puts an optimizer back to its start. */
TEST(optim, starts_anew_without_states)
{
    const struct tried *t = &cases[4];
    struct bench b = bench_device(CLG_FORM_AUTO);
    float fresh[PARAMETERS][LARGEST], again[PARAMETERS][LARGEST];
    char folder[256], path[300];
    test_folder(folder);
    snprintf(path, sizeof(path), "%s/weights", folder);
    bench_store(&b, 3);
    build_loss(&b);
    test_ok(b.ctx, clg_store_save(b.store, path, NULL));
    bench_case(&b, t);
    test_ok(b.ctx, clg_store_load(b.store, path));
    for (int step = 1; step <= 2; step++)
        update(&b, step);
    read_all(&b, fresh);
    test_ok(b.ctx, clg_store_load(b.store, path));
    for (int step = 1; step <= 2; step++)
        update(&b, step);
    read_all(&b, again);
    cr_assert_arr_eq(fresh, again, sizeof(fresh));
    clg_ctx_destroy(&b.ctx);
    test_remove(folder);
}

/* ---- whole steps ---- */

/* loss = sum(w c): the gradient is c. */
static void whole_step(clg_form form)
{
    struct bench b = {.ctx = test_context()};
    float c[33], w[33], g[33], now[33], loss;
    clg_progress progress;
    b.device = test_open(b.ctx, form);
    b.store = clg_store_create(b.device, 1);
    b.graph = clg_graph_create(b.store);
    const clg_init half = {.scheme = CLG_INIT_CONSTANT, .a = 0.5f};
    clg_tensor p = clg_parameter(b.graph, "w", clg_shape1(33), &half);
    clg_tensor input = clg_input(b.graph, "c", CLG_F32, clg_shape1(33));
    clg_tensor sum = clg_output(clg_sum(clg_mul(p, input), NULL, 0, false), "loss");
    b.optimizer = clg_sgd_create(b.store, 0.25f, NULL);
    test_ok(b.ctx, clg_minimize(b.optimizer, sum));
    test_refused(b.ctx, CLG_ERR_STATE, "gradient",
                 clg_store_get_gradient(b.store, "w", g, sizeof(g)));
    b.plan = clg_compile(b.graph, 1, CLG_TRAIN, NULL);
    cr_assert_not_null(b.plan, "%s", clg_error(b.ctx));
    for (int i = 0; i < 33; i++)
        c[i] = (float)(i - 16);
    test_ok(b.ctx, clg_plan_write(b.plan, "c", c, sizeof(c)));
    test_ok(b.ctx, clg_plan_step(b.plan));
    test_ok(b.ctx, clg_plan_read(b.plan, "loss", &loss, sizeof(loss)));
    cr_assert_eq(loss, 0);
    test_ok(b.ctx, clg_store_get_gradient(b.store, "w", g, sizeof(g)));
    test_ok(b.ctx, clg_store_get(b.store, "w", w, sizeof(w)));
    for (int i = 0; i < 33; i++)
        cr_assert(g[i] == c[i] && w[i] == 0.5f - 0.25f * c[i], "%d: %g, %g", i, (double)g[i],
                  (double)w[i]);
    c[3] = NAN;
    test_ok(b.ctx, clg_plan_write(b.plan, "c", c, sizeof(c)));
    test_ok(b.ctx, clg_plan_step(b.plan));
    test_ok(b.ctx, clg_store_get(b.store, "w", now, sizeof(now)));
    cr_assert_arr_eq(w, now, sizeof(w), "a step with a NaN loss changed the weights");
    test_ok(b.ctx, clg_store_progress(b.store, &progress));
    cr_assert(progress.bad_loss && progress.first_bad_step == 2 && progress.steps == 1);
    clg_ctx_destroy(&b.ctx);
}

TEST(optim, whole_step)
{
    for (size_t f = 0; f < TEST_FORMS; f++)
        whole_step(test_forms[f]);
}

/* Two optimizers, two losses, one graph: each trains its own, with its own learning rate. */
static void two_optimizers(clg_form form)
{
    struct bench b = {.ctx = test_context()};
    clg_optimizer_params p = clg_optimizer_defaults("sgd");
    float u[5], w[7];
    b.device = test_open(b.ctx, form);
    b.store = clg_store_create(b.device, 1);
    b.graph = clg_graph_create(b.store);
    const clg_init ones = {.scheme = CLG_INIT_CONSTANT, .a = 1};
    clg_tensor tu = clg_parameter(b.graph, "u", clg_shape1(5), &ones);
    clg_tensor tw = clg_parameter(b.graph, "w", clg_shape1(7), &ones);
    clg_tensor first = clg_sum(clg_square(tu), NULL, 0, false);
    clg_tensor both = clg_add(first, clg_sum(clg_square(tw), NULL, 0, false));
    clg_optimizer *a = clg_sgd_create(b.store, 0.25f, NULL);
    p.match = "w";
    p.name = "other";
    clg_optimizer *o = clg_sgd_create(b.store, 0.125f, &p);
    test_ok(b.ctx, clg_minimize(a, first));
    test_ok(b.ctx, clg_minimize(o, both));
    b.plan = clg_compile(b.graph, 1, CLG_TRAIN, NULL);
    cr_assert_not_null(b.plan, "%s", clg_error(b.ctx));
    test_ok(b.ctx, clg_plan_step(b.plan));
    test_ok(b.ctx, clg_optimizer_set_lr(o, 0));
    cr_assert_eq(clg_optimizer_get_lr(o), 0);
    test_ok(b.ctx, clg_plan_step(b.plan));
    test_ok(b.ctx, clg_store_get(b.store, "u", u, sizeof(u)));
    test_ok(b.ctx, clg_store_get(b.store, "w", w, sizeof(w)));
    cr_assert_eq(u[4], 0.25f, "%g", (double)u[4]);
    cr_assert_eq(w[6], 0.75f, "%g", (double)w[6]);
    clg_ctx_destroy(&b.ctx);
}

TEST(optim, two_optimizers)
{
    for (size_t f = 0; f < TEST_FORMS; f++)
        two_optimizers(test_forms[f]);
}

/* Two of Adam, a graph each: u and w go down by the sum of their squares. */
struct pair {
    clg_store *store;
    clg_plan *plan[2];
};
static const char *const pair_names[2] = {"u", "w"};

static void pair_open(struct pair *p, clg_ctx *ctx, clg_device *device)
{
    const clg_init ones = {.scheme = CLG_INIT_CONSTANT, .a = 1};

    p->store = clg_store_create(device, 1);
    for (int i = 0; i < 2; i++) {
        clg_optimizer_params params = clg_optimizer_defaults("adam");
        clg_graph *graph = clg_graph_create(p->store);
        clg_tensor x = clg_parameter(graph, pair_names[i], clg_shape1(5), &ones);

        params.name = i ? "second" : "first";
        test_ok(ctx, clg_minimize(clg_adam_create(p->store, 0.125f, &params),
                                  clg_sum(clg_square(x), NULL, 0, false)));
        p->plan[i] = clg_compile(graph, 1, CLG_TRAIN, NULL);
        cr_assert_not_null(p->plan[i], "%s", clg_error(ctx));
    }
}

static void pair_read(struct pair *p, clg_ctx *ctx, float out[2][5])
{
    for (int i = 0; i < 2; i++)
        test_ok(ctx, clg_store_get(p->store, pair_names[i], out[i], sizeof(out[i])));
}

/* An optimizer's bias correction counts its own updates, and files carry the count. */
TEST(optim, own_steps)
{
    clg_ctx *ctx = test_context();
    clg_device *device = test_open(ctx, CLG_FORM_AUTO);
    char folder[256], path[300];
    float straight[2][5], resumed[2][5];
    struct pair p, again;

    test_folder(folder);
    snprintf(path, sizeof(path), "%s/weights", folder);
    pair_open(&p, ctx, device);
    for (int i = 0; i < 5; i++)
        test_ok(ctx, clg_plan_step(p.plan[0]));
    test_ok(ctx, clg_plan_step(p.plan[1]));
    pair_read(&p, ctx, straight);
    /* The first step of Adam is lr against the sign of the gradient, up to eps. */
    cr_assert_float_eq(straight[1][4], 1 - 0.125f, 2 * (float)UNIT, "%.9g", (double)straight[1][4]);
    test_ok(ctx, clg_store_save(p.store, path, NULL));
    pair_open(&again, ctx, device);
    test_ok(ctx, clg_store_load(again.store, path));
    for (int i = 0; i < 2; i++) {
        test_ok(ctx, clg_plan_step(p.plan[i]));
        test_ok(ctx, clg_plan_step(again.plan[i]));
    }
    pair_read(&p, ctx, straight);
    pair_read(&again, ctx, resumed);
    cr_assert_arr_eq(straight, resumed, sizeof(straight));
    clg_ctx_destroy(&ctx);
    test_remove(folder);
}

/* ---- many steps ---- */

/* A store with the parameter w (5) and the input "slope", its gradient. */
static clg_optimizer *line_open(struct bench *b, const char *rule)
{
    const clg_init ones = {.scheme = CLG_INIT_CONSTANT, .a = 1};
    b->store = clg_store_create(b->device, 1);
    b->graph = clg_graph_create(b->store);
    clg_tensor w = clg_parameter(b->graph, "w", clg_shape1(5), &ones);
    clg_tensor slope = clg_input(b->graph, "slope", CLG_F32, clg_shape1(5));
    clg_optimizer *o = clg_optimizer_create(b->store, rule, 0.125f, NULL);
    test_ok(b->ctx, clg_minimize(o, clg_sum(clg_mul(w, slope), NULL, 0, false)));
    b->plan = clg_compile(b->graph, 1, CLG_TRAIN, NULL);
    cr_assert_not_null(b->plan, "%s", clg_error(b->ctx));
    return o;
}

static void line_step(struct bench *b, float now[5])
{
    const float slope[5] = {0.5f, -1, 2, 0.25f, -0.125f};
    test_ok(b->ctx, clg_plan_write(b->plan, "slope", slope, sizeof(slope)));
    test_ok(b->ctx, clg_plan_step(b->plan));
    test_ok(b->ctx, clg_store_get(b->store, "w", now, 5 * sizeof(*now)));
}

/* A file that says that the rule has done so many steps; all of its states are 0. */
static void write_steps(const char *path, const char *rule, uint64_t steps)
{
    char header[256];
    uint64_t length;
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    length = (uint64_t)snprintf(
        header, sizeof(header),
        "{\"optimizer.%s.step\":{\"dtype\":\"U64\",\"shape\":[],\"data_offsets\":[0,8]},"
        "\"w\":{\"dtype\":\"F32\",\"shape\":[5],\"data_offsets\":[8,28]}}",
        rule);
    length = (length + 7) / 8 * 8;
    const float w[5] = {1, 1, 1, 1, 1};
    char padded[256];
    memset(padded, ' ', sizeof(padded));
    memcpy(padded, header, strlen(header));
    fwrite(&length, sizeof(length), 1, file);
    fwrite(padded, 1, (size_t)length, file);
    fwrite(&steps, sizeof(steps), 1, file);
    fwrite(w, sizeof(w), 1, file);
    fclose(file);
}

/* A step of number `steps` + 1 from states of 0, against the reference. */
static void step_after(struct bench *b, const char *rule, clg_rule_reference *reference,
                       uint64_t steps)
{
    const double slope[5] = {0.5, -1, 2, 0.25, -0.125};
    clg_optimizer_params params = clg_optimizer_defaults(rule);
    char folder[256], path[300];
    double want[5], error[5];
    float now[5];
    test_folder(folder);
    snprintf(path, sizeof(path), "%s/many", folder);
    write_steps(path, rule, steps);
    line_open(b, rule);
    test_ok(b->ctx, clg_store_load(b->store, path));
    for (int s = 0; s < 3; s++)
        line_step(b, now);
    struct clg_rule_element e[5] = {{.t = 0}};
    for (int i = 0; i < 5; i++)
        e[i].w = clg_exactly(1);
    for (uint64_t t = steps + 1; t <= steps + 3; t++) {
        for (int i = 0; i < 5; i++) {
            e[i].g = clg_exactly(slope[i]);
            e[i].lr = clg_exactly(0.125);
            e[i].decay = clg_exactly((double)params.weight_decay);
            e[i].t = (double)t;
        }
        clg_rule_step(clg_rule_find(rule), reference, e, 5, &params);
    }
    for (int i = 0; i < 5; i++) {
        want[i] = e[i].w.v;
        error[i] = e[i].w.e;
    }
    test_within(rule, now, want, error, 5, "the self-test's reference");
    clg_store_destroy(&b->store);
    test_remove(folder);
}

/* Around 2^24, where float32 begins to count by twos, and at 2^32 and beyond, where a word ends. */
TEST(optim, many_steps)
{
    static const uint64_t counts[] = {16777213, 4294967294, 1099511627776};
    for (size_t f = 0; f < TEST_FORMS; f++) {
        struct bench b = bench_device(test_forms[f]);
        for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
#define RULE(name, ...) step_after(&b, #name, clg_reference_##name, counts[i]);
#include "optim/optim.def"
#undef RULE
        }
        clg_ctx_destroy(&b.ctx);
    }
}

/* Rules with a running number go on from a file with the same bits. */
static void running_resumes(struct bench *b, const char *rule, int steps)
{
    char folder[256], path[300];
    float straight[5], resumed[5];
    test_folder(folder);
    snprintf(path, sizeof(path), "%s/half", folder);
    clg_optimizer *o = line_open(b, rule);
    for (int s = 0; s < steps; s++)
        line_step(b, straight);
    test_ok(b->ctx, clg_optimizer_set_lr(o, 0.03125f));
    test_ok(b->ctx, clg_store_save(b->store, path, NULL));
    line_step(b, straight);
    clg_store_destroy(&b->store);
    o = line_open(b, rule);
    line_step(b, resumed);
    line_step(b, resumed);
    test_ok(b->ctx, clg_optimizer_set_lr(o, 0.03125f));
    test_ok(b->ctx, clg_store_load(b->store, path));
    line_step(b, resumed);
    cr_assert_arr_eq(straight, resumed, sizeof(straight), "%s after %d steps", rule, steps);
    clg_store_destroy(&b->store);
    test_remove(folder);
}

TEST(optim, running_numbers_are_saved)
{
    struct bench b = bench_device(CLG_FORM_AUTO);
    for (int steps = 1; steps < 5; steps++) {
        running_resumes(&b, "nadam", steps);
        running_resumes(&b, "asgd", steps);
    }
    clg_ctx_destroy(&b.ctx);
}

/* ---- refusals ---- */

static void refused(struct bench *b, const char *words, const char *rule, float lr,
                    const clg_optimizer_params *p)
{
    cr_assert_null(clg_optimizer_create(b->store, rule, lr, p), "%s", words);
    cr_assert_eq(clg_error_status(b->ctx), CLG_ERR_ARGUMENT);
    cr_assert_not_null(strstr(clg_error(b->ctx), words), "no '%s' in: %s", words,
                       clg_error(b->ctx));
}

static void refuse_params(struct bench *b)
{
    clg_optimizer_params p = clg_optimizer_defaults("sgd");
    refused(b, "sgd, asgd, adagrad, ", "sdg", 0.1f, NULL);
    refused(b, "learning rate", "sgd", -1, NULL);
    refused(b, "learning rate", "sgd", NAN, NULL);
    p.nesterov = true;
    refused(b, "nesterov", "sgd", 0.1f, &p);
    p.momentum = -1;
    refused(b, "momentum", "sgd", 0.1f, &p);
    p.momentum = 0.5f;
    p.dampening = 0.5f;
    refused(b, "dampening of 0", "sgd", 0.1f, &p);
    p = clg_optimizer_defaults("rprop");
    p.eta_plus = 1;
    refused(b, "eta_plus is 1, must be above 1", "rprop", 0.1f, &p);
    p = clg_optimizer_defaults("rprop");
    p.step_min = 51;
    refused(b, "step_min", "rprop", 0.1f, &p);
    p.step_min = 1;
    p.weight_decay = 0.5f;
    refused(b, "rprop has none", "rprop", 0.1f, &p);
    p = clg_optimizer_defaults("adam");
    p.beta2 = 1;
    refused(b, "beta2", "adam", 0.1f, &p);
    p = clg_optimizer_defaults("adam");
    p.eps = 0;
    refused(b, "eps", "adam", 0.1f, &p);
    p = clg_optimizer_defaults("adam");
    p.weight_decay = INFINITY;
    refused(b, "weight_decay", "adam", 0.1f, &p);
    p = clg_optimizer_defaults("adam");
    p.name = "a.b";
    refused(b, "point", "adam", 0.1f, &p);
    cr_assert_float_eq(clg_optimizer_defaults("adamw").weight_decay, 0.01f, 0);
    cr_assert_null(clg_optimizer_create(NULL, "sgd", 0.1f, NULL));
}

TEST(optim, refuses_parameters)
{
    struct bench b = {.ctx = test_context()};
    b.device = test_open(b.ctx, CLG_FORM_AUTO);
    b.store = clg_store_create(b.device, 1);
    refuse_params(&b);
    clg_optimizer *adam = clg_adam_create(b.store, 0.1f, NULL);
    cr_assert_not_null(adam);
    refused(&b, "of this name already", "adam", 0.1f, NULL);
    clg_optimizer_destroy(&adam);
    cr_assert_null(adam);
    clg_optimizer_destroy(&adam);
    for (int i = 0; i < 100; i++) { /* parts and names are given back */
        adam = clg_adam_create(b.store, 0.1f, NULL);
        cr_assert_not_null(adam, "%s", clg_error(b.ctx));
        clg_optimizer_destroy(&adam);
    }
    for (int i = 0; i < CLG_BLOCK_OPTIMIZERS; i++)
        cr_assert_not_null(clg_sgd_create(b.store, 0.1f, NULL));
    cr_assert_null(clg_sgd_create(b.store, 0.1f, NULL));
    cr_assert_eq(clg_error_status(b.ctx), CLG_ERR_LIMIT);
    clg_ctx_destroy(&b.ctx);
}

static clg_tensor parameter(clg_graph *graph, const char *name)
{
    return clg_parameter(graph, name, clg_shape1(3), NULL);
}

static clg_tensor sum(clg_tensor t)
{
    return clg_sum(t, NULL, 0, false);
}

TEST(optim, refuses_losses)
{
    struct bench b = {.ctx = test_context()};
    b.device = test_open(b.ctx, CLG_FORM_AUTO);
    b.store = clg_store_create(b.device, 1);
    clg_store *other = clg_store_create(b.device, 1);
    clg_optimizer_params p = clg_optimizer_defaults("sgd");
    p.match = "nothing*";
    clg_optimizer *sgd = clg_sgd_create(b.store, 0.1f, NULL);
    clg_optimizer *nothing = clg_sgd_create(b.store, 0.1f, &p);
    clg_optimizer *foreign = clg_sgd_create(other, 0.1f, NULL);
    p.match = "*";
    p.name = "second";
    clg_optimizer *second = clg_sgd_create(b.store, 0.1f, &p);
    const struct {
        const char *words;
        clg_optimizer *optimizer;
        bool scalar;
    } tried[] = {
        {"scalar", sgd, false},
        {"'nothing*'", nothing, true},
        {"another store", foreign, true},
        {"parameter 'w' would be updated by optimizer 'second' and by optimizer 'sgd'", sgd, true}};
    for (size_t i = 0; i < sizeof(tried) / sizeof(*tried); i++) {
        clg_graph *graph = clg_graph_create(b.store);
        clg_tensor loss = parameter(graph, "w");
        loss = tried[i].scalar ? sum(loss) : loss;
        if (i == 3)
            test_ok(b.ctx, clg_minimize(second, loss));
        test_refused(b.ctx, CLG_ERR_ARGUMENT, tried[i].words,
                     clg_minimize(tried[i].optimizer, loss));
        cr_assert_null(clg_compile(graph, 1, CLG_TRAIN, NULL));
    }
    cr_assert_eq(clg_minimize(NULL, (clg_tensor){NULL, -1, 0}), CLG_ERR_ARGUMENT);
    clg_ctx_destroy(&b.ctx);
}

/* A graph and its plans outlive their optimizer: an error, not a crash. */
TEST(optim, destroyed_before_its_graph)
{
    struct bench b = bench_device(CLG_FORM_AUTO);
    bench_case(&b, &cases[4]);
    clg_optimizer_destroy(&b.optimizer);
    test_refused(b.ctx, CLG_ERR_STATE, "destroyed", clg_plan_step(b.plan));
    cr_assert_null(clg_compile(b.graph, 1, CLG_TRAIN, NULL));
    cr_assert_not_null(strstr(clg_error(b.ctx), "destroyed"));
    clg_ctx_destroy(&b.ctx);
}
