/* Calls and allocations fail in a network with convolution, batch norm, attention and an LSTM:
 * trained by a recipe, evaluated and predicted with from its folder; and in the selftest of such
 * ops. A status and a sentence, nothing held or lost. A run takes PoCL half a second, so the points
 * are a sample: the same ones each time. */
#include "test.h"

#include <clgrad/train.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "fault/allocator.h"
#include "graph/op.h"
#include "selftest/selftest.h"

enum { OUT_OF_RESOURCES = -5, CALLS = 12, ALLOCATIONS = 16, SELFTESTS = 4, SAMPLES = 20 };

struct fixture {
    char folder[256], recipe[600], out[600];
    struct allocator allocator;
    const struct layer *layer;
};

static void setup(struct fixture *f)
{
    *f = (struct fixture){.layer = test_layer()};
    cr_assert_not_null(f->layer, "this test needs the layer: run it by `meson test`");
    test_folder(f->folder);
    tiny_data(f->folder, SAMPLES);
    snprintf(f->recipe, sizeof(f->recipe), "%s", file_in(f->folder, "recipe.yaml"));
    snprintf(f->out, sizeof(f->out), "%s", file_in(f->folder, "run"));
    file_write_text(f->recipe, "data:\n"
                               "  train: {images: images.idx, labels: labels.idx}\n"
                               "  test: {images: images.idx, labels: labels.idx}\n"
                               "  shape: [1, 4, 2]\n"
                               "  batch: 16\n"
                               "model:\n"
                               "  - conv2d: {out: 4, kernel_size: 3, padding: 1}\n"
                               "  - batchnorm2d\n"
                               "  - reshape: [8, 4]\n"
                               "  - multiheadattention: 2\n"
                               "  - lstm: 3\n"
                               "  - flatten\n"
                               "  - linear: 3\n"
                               "loss: cross_entropy\n"
                               "optimizer: {adam: {lr: 0.01}}\n"
                               "train: {epochs: 1}\n");
}

static clg_ctx *context(struct fixture *f)
{
    clg_ctx_params params = clg_ctx_defaults();

    params.allocate = allocator_call;
    params.allocate_user = &f->allocator;
    return clg_ctx_create(&params);
}

static clg_status train(clg_ctx *ctx, clg_device *device, const struct fixture *f)
{
    clg_train_params params = clg_train_defaults();
    clg_recipe *recipe = clg_recipe_read(ctx, f->recipe, NULL);
    clg_status status;

    if (!recipe)
        return clg_error_status(ctx);
    params.out = f->out;
    status = clg_train(recipe, device, &params, NULL, NULL);
    clg_recipe_destroy(&recipe);
    return status;
}

static int take(void *user, int64_t index, const float *values, size_t count)
{
    (void)user, (void)index;
    return !(count == 3 && values[0] >= 0);
}

/* eval, then predict. */
static clg_status infer(clg_ctx *ctx, clg_device *device, const struct fixture *f)
{
    clg_recipe *recipe = clg_run_recipe(ctx, f->out, NULL);
    clg_model model = {0};
    clg_fit_params fit;
    clg_dataset *test;
    clg_score score;
    clg_status status;

    if (!recipe)
        return clg_error_status(ctx);
    fit = clg_recipe_fit(recipe);
    status = clg_recipe_datasets(recipe, NULL, &test);
    if (status == CLG_OK)
        status = clg_run_model(recipe, device, f->out, &model);
    if (status == CLG_OK)
        status = clg_evaluate(&model, test, &fit, &score);
    if (status == CLG_OK)
        status = clg_predict(&model, test, &fit, take, NULL);
    clg_store_destroy(&model.store);
    clg_recipe_destroy(&recipe);
    return status;
}

static clg_status run(struct fixture *f, long fail_at, char message[1024])
{
    clg_device *device;
    clg_status status;
    clg_ctx *ctx;

    message[0] = '\0';
    test_remove(f->out);
    f->allocator = (struct allocator){.fail_at = fail_at};
    ctx = context(f);
    if (!ctx)
        return CLG_ERR_MEMORY;
    device = clg_device_open(ctx, "cpu", NULL);
    status = device ? train(ctx, device, f) : clg_error_status(ctx);
    if (status == CLG_OK)
        status = infer(ctx, device, f);
    if (status != CLG_OK)
        snprintf(message, 1024, "%s", clg_error(ctx));
    clg_ctx_destroy(&ctx);
    cr_assert_eq(f->allocator.live, 0, "%ld blocks are lost", f->allocator.live);
    return status;
}

static void expect_nothing_held(const struct layer *layer, const char *what, long at)
{
    for (enum layer_kind kind = 0; kind < LAYER_KINDS; kind++)
        cr_assert_eq(layer->live(kind), 0, "%s %ld failed: %ld objects of kind %d are held", what,
                     at, layer->live(kind), (int)kind);
}

/* The n-th of count points from 1 to all, at unequal distances. */
static long point(int n, int count, long all)
{
    return 1 + (n * all + (n * 37 % count) * all / count / 2) / count;
}

TEST(kinds_fail, calls)
{
    struct fixture f;
    char message[1024];

    setup(&f);
    f.layer->fail(0, 0, false);
    cr_assert_eq(run(&f, 0, message), CLG_OK, "%s", message);
    const long all = f.layer->made();
    cr_assert_gt(all, 200);
    for (int n = 0; n < CALLS; n++) {
        long at = point(n, CALLS, all);
        f.layer->fail(at, OUT_OF_RESOURCES, false);
        clg_status status = run(&f, 0, message);
        cr_assert(status == CLG_OK || strlen(message) > 10,
                  "call %ld (%s): '%s' without a sentence", at, f.layer->failed(),
                  clg_status_string(status));
        expect_nothing_held(f.layer, "call", at);
    }
    f.layer->fail(0, 0, false);
    test_remove(f.folder);
}

TEST(kinds_fail, allocations)
{
    struct fixture f;
    char message[1024];

    setup(&f);
    cr_assert_eq(run(&f, 0, message), CLG_OK, "%s", message);
    const long all = f.allocator.requests;
    cr_assert_gt(all, 2000);
    for (int n = 0; n < ALLOCATIONS; n++) {
        long at = point(n, ALLOCATIONS, all);
        clg_status status = run(&f, at, message);
        cr_assert(f.allocator.failed);
        cr_assert_eq(status, CLG_ERR_MEMORY, "allocation %ld of %ld: '%s': %s", at, all,
                     clg_status_string(status), message);
        expect_nothing_held(f.layer, "allocation", at);
    }
    test_remove(f.folder);
}

/* A device that was lost stays so: each run has its own. */
static clg_status selftest(clg_ctx *ctx, const struct clg_op *op,
                           struct clg_selftest_result *result)
{
    clg_device *device = clg_device_open(ctx, "cpu", NULL);
    clg_status status;

    *result = (struct clg_selftest_result){0};
    if (!device)
        return clg_error_status(ctx);
    status = clg_selftest_run(device, op, true, result);
    clg_device_destroy(&device);
    return status;
}

/* The selftest says that an op failed, and why. */
static void check_op(const struct layer *layer, clg_ctx *ctx, const struct clg_op *op)
{
    struct clg_selftest_result result;
    long all;

    layer->fail(0, 0, false);
    test_ok(ctx, selftest(ctx, op, &result));
    cr_assert(result.pass, "%s: %s", op->name, result.message);
    all = layer->made();
    for (int n = 0; n < SELFTESTS; n++) {
        long at = point(n, SELFTESTS, all);
        layer->fail(at, OUT_OF_RESOURCES, false);
        clg_status status = selftest(ctx, op, &result);
        const char *call = layer->failed();
        bool opened = result.op != NULL;
        cr_assert(!call || status != CLG_OK || strncmp(call, "clGet", 5) == 0 ||
                      strcmp(call, "clFinish") == 0,
                  "%s: call %ld (%s) failed and nobody noticed", op->name, at, call);
        cr_assert(status == CLG_OK || !opened || (!result.pass && strlen(result.message) > 10),
                  "%s: call %ld (%s): '%s'", op->name, at, call, result.message);
        expect_nothing_held(layer, "call", at);
    }
    layer->fail(0, 0, false);
}

TEST(kinds_fail, selftest)
{
    static const char *const names[] = {"conv2d", "lstm", "masked_softmax", "unbiased"};
    struct fixture f;
    int found = 0;

    setup(&f);
    clg_ctx *ctx = context(&f);
    cr_assert_not_null(ctx);
    for (int i = 0; i < CLG_OP_COUNT; i++)
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            if (strcmp(clg_ops[i].name, names[k]) == 0) {
                check_op(f.layer, ctx, &clg_ops[i]);
                found++;
            }
    cr_assert_eq(found, 4);
    clg_ctx_destroy(&ctx);
    test_remove(f.folder);
}
