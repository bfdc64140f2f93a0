/* The account of device memory: what is estimated is what is taken, and too much is refused before. */
#include "test.h"

#include <string.h>
#include "device/opencl.h"
#include "store/store.h"

struct bench {
    clg_ctx *ctx;
    clg_device *device;
    clg_store *store;
    clg_graph *graph;
};

/* Two layers in chunks of their own, with a batch norm's states and two optimizers. */
static struct bench bench_open(clg_form form)
{
    struct bench b = {.ctx = test_context()};
    clg_optimizer_params p = clg_optimizer_defaults("adam");
    b.device = test_open(b.ctx, form);
    b.store = clg_store_create(b.device, 1);
    b.graph = clg_graph_create(b.store);
    clg_store_limit_chunks(b.store, 256);
    clg_tensor x = clg_input(b.graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 37));
    clg_tensor y = clg_input(b.graph, "y", CLG_I32, clg_shape1(CLG_BATCH));
    x = clg_relu(clg_batch_norm_layer(clg_linear(x, "a", 13, NULL), "n", NULL));
    clg_tensor loss = clg_metric(clg_cross_entropy(clg_linear(x, "b", 10, NULL), y, NULL), "loss");
    p.match = "a.*";
    test_ok(b.ctx, clg_minimize(clg_adam_create(b.store, 0.1f, &p), loss));
    p = clg_optimizer_defaults("sgd");
    p.match = "b.*";
    p.momentum = 0.9f;
    test_ok(b.ctx, clg_minimize(clg_sgd_create(b.store, 0.1f, &p), loss));
    return b;
}

static uint64_t total(const clg_memory *m)
{
    return m->weights + m->gradients + m->states + m->data + m->scratch + m->own + m->other;
}

static clg_memory now(struct bench *b)
{
    clg_memory m;
    test_ok(b->ctx, clg_device_memory(b->device, &m));
    return m;
}

static clg_memory estimate(struct bench *b, int64_t batch, clg_mode mode)
{
    clg_memory m;
    test_ok(b->ctx, clg_plan_estimate(b->graph, batch, mode, NULL, &m));
    return m;
}

static void expect_same(const clg_memory *want, const clg_memory *got)
{
    cr_assert_eq(want->weights, got->weights);
    cr_assert_eq(want->gradients, got->gradients);
    cr_assert_eq(want->states, got->states);
    cr_assert_eq(want->data, got->data);
    cr_assert_eq(want->scratch, got->scratch);
    cr_assert_eq(want->own, got->own);
    cr_assert_eq(want->other, got->other);
    cr_assert_eq(want->device, got->device);
}

TEST(memory, is_as_estimated)
{
    static const struct {
        int64_t batch;
        clg_mode mode;
    } plans[] = {{8, CLG_INFER}, {5, CLG_TRAIN}, {3, CLG_TRAIN}, {400, CLG_INFER}, {1, CLG_INFER}};
    for (size_t f = 0; f < TEST_FORMS; f++) {
        struct bench b = bench_open(test_forms[f]);
        for (size_t i = 0; i < sizeof(plans) / sizeof(*plans); i++) {
            clg_memory before = now(&b), want = estimate(&b, plans[i].batch, plans[i].mode), got;
            got = now(&b);
            expect_same(&before, &got);
            clg_plan *plan = clg_compile(b.graph, plans[i].batch, plans[i].mode, NULL);
            cr_assert_not_null(plan, "%s", clg_error(b.ctx));
            got = now(&b);
            expect_same(&want, &got);
            clg_plan_report report;
            test_ok(b.ctx, clg_plan_get_report(plan, &report));
            expect_same(&want, &report.memory);
        }
        clg_memory all = now(&b);
        cr_assert(all.weights && all.gradients && all.states > all.gradients && all.own);
        clg_store_destroy(&b.store);
        all = now(&b);
        cr_assert_eq(total(&all), 0);
        clg_ctx_destroy(&b.ctx);
    }
}

/* A batch that is refused leaves no trace, also of what is made lazily. */
TEST(memory, too_much_is_refused_before)
{
    static const char *const words[] = {"weights", "gradients", "optimizer states", "data",
                                        "scratch", "inputs and outputs", "other", "batch of 64"};
    const struct layer *layer = test_layer();
    struct bench b = bench_open(CLG_FORM_AUTO);
    clg_array *array = clg_array_create(b.device, CLG_F32, 100, 37, NULL);
    clg_memory want = estimate(&b, 64, CLG_TRAIN), got;
    cr_assert_eq(want.data, 100 * 37 * 4);
    b.device->machine.memory = total(&want) - 1;
    layer->mark();
    cr_assert_null(clg_compile(b.graph, 64, CLG_TRAIN, NULL));
    cr_assert_eq(clg_error_status(b.ctx), CLG_ERR_LIMIT);
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        cr_assert(strstr(clg_error(b.ctx), words[i]), "no '%s' in: %s", words[i], clg_error(b.ctx));
    long count = 0, made = 0;
    const char *name;
    for (size_t i = 0; (name = layer->calls(i, &count)) != NULL; i++)
        made += strcmp(name, "clCreateBuffer") ? 0 : count;
    cr_assert_eq(made, 0, "%ld buffers were made", made);
    test_refused(b.ctx, CLG_ERR_LIMIT, "memory: ", clg_device_check_memory(b.device, &want));
    b.device->machine.memory++;
    test_ok(b.ctx, clg_device_check_memory(b.device, &want));
    cr_assert_not_null(clg_compile(b.graph, 64, CLG_TRAIN, NULL), "%s", clg_error(b.ctx));
    got = now(&b);
    cr_assert_eq(total(&got), total(&want));
    clg_array_destroy(&array);
    clg_ctx_destroy(&b.ctx);
}

TEST(memory, of_arrays_is_counted)
{
    struct bench b = bench_open(CLG_FORM_AUTO);
    b.device->machine.memory = 1000;
    clg_array *first = clg_array_create(b.device, CLG_U8, 30, 30, NULL);
    cr_assert_not_null(first, "%s", clg_error(b.ctx));
    cr_assert_null(clg_array_create(b.device, CLG_U8, 101, 1, NULL));
    test_refused(b.ctx, CLG_ERR_LIMIT, "array: ", clg_error_status(b.ctx));
    clg_array *second = clg_array_create(b.device, CLG_U8, 100, 1, NULL);
    cr_assert_not_null(second, "%s", clg_error(b.ctx));
    clg_array_destroy(&first);
    cr_assert_eq(now(&b).data, 100);
    clg_ctx_destroy(&b.ctx);
}
