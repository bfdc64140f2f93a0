/* Every allocation of reading and running a recipe may fail: a status, no crash, no leak. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <clgrad/train.h>

#include "cli/command.h"

struct allocator {
    long left; /* allocations until one fails; below 0: none does */
    bool failed;
};

static void *allocate(void *user, void *ptr, size_t size)
{
    struct allocator *a = user;

    if (size == 0) {
        free(ptr);
        return NULL;
    }
    if (a->left == 0)
        a->failed = true;
    if (a->left >= 0 && a->left-- == 0)
        return NULL;
    return realloc(ptr, size);
}

static clg_ctx *context(struct allocator *a)
{
    clg_ctx_params params = clg_ctx_defaults();
    clg_ctx *ctx;

    *a = (struct allocator){.left = -1};
    params.allocate = allocate;
    params.allocate_user = a;
    ctx = clg_ctx_create(&params);
    cr_assert_not_null(ctx);
    return ctx;
}

/* Reads and resolves the recipe, and opens its data. */
static clg_status read_all(clg_ctx *ctx, const char *path)
{
    const char *set[] = {"init.scheme=he_normal", "data.normalize.mean=[0,1]", NULL};
    clg_recipe_params params = {.data_dir = "relative/..", .set = set};
    clg_recipe *recipe;
    const char *text;
    clg_status status;

    params.data_dir = NULL;
    recipe = clg_recipe_read(ctx, path, &params);
    status = recipe ? clg_recipe_resolved(recipe, &text) : clg_error_status(ctx);
    if (status == CLG_OK)
        status = clg_recipe_datasets(recipe, NULL, NULL);
    clg_recipe_destroy(&recipe);
    return status;
}

TEST(allocations, of_a_recipe)
{
    char folder[256];
    struct allocator a;
    clg_ctx *ctx = context(&a);
    const char *path;
    clg_status status;
    long n = 0;

    test_folder(folder);
    tiny_data(folder, 20);
    path = tiny_recipe(folder, "");
    do {
        a = (struct allocator){.left = n};
        status = read_all(ctx, path);
        cr_assert_eq(status, a.failed ? CLG_ERR_MEMORY : CLG_OK, "allocation %ld: %s: %s", n,
                     clg_status_string(status), clg_error(ctx));
        n++;
    } while (a.failed);
    cr_assert(n > 100);
    clg_ctx_destroy(&ctx);
    test_remove(folder);
}

/* Blocks, shared parameters, groups and frozen ones: what a plain recipe does not allocate. */
static const char blocks[] =
    "data: {train: {images: x, labels: y}, shape: [4]}\n"
    "model:\n"
    "  - linear: {out: 4, name: a}\n"
    "  - residual: {layers: [{linear: 4}, relu], shortcut: [{linear: 4}]}\n"
    "  - parallel: [[{linear: 4}], [identity]]\n"
    "  - repeat: {times: 2, layers: [{prelu: 8}]}\n"
    "  - sequential: [{sequential: [{linear: 4}, {linear: {out: 4, share: a}}]}]\n"
    "loss: mse\n"
    "optimizer: {sgd: {lr: 0.1, momentum: 0.5, groups: [{match: ['a.*', '2.*'], lr: 1}]}}\n"
    "train: {steps: 1, freeze: ['1.*']}\n";

static clg_status build_model(clg_ctx *ctx, clg_device *device, const char *path)
{
    clg_recipe *recipe = clg_recipe_read(ctx, path, NULL);
    clg_model model = {0};
    clg_status status =
        recipe ? clg_recipe_model(recipe, device, true, &model) : clg_error_status(ctx);

    clg_store_destroy(&model.store);
    clg_recipe_destroy(&recipe);
    return status;
}

TEST(allocations, of_a_model_with_blocks)
{
    char folder[256];
    struct allocator a;
    clg_ctx *ctx = context(&a);
    clg_device *device = clg_device_open(ctx, "cpu", NULL);
    clg_status status;
    long n = 0;

    cr_assert_not_null(device, "%s", clg_error(ctx));
    test_folder(folder);
    file_write_text(file_in(folder, "r.yaml"), blocks);
    do {
        a = (struct allocator){.left = n};
        status = build_model(ctx, device, file_in(folder, "r.yaml"));
        cr_assert_eq(status, a.failed ? CLG_ERR_MEMORY : CLG_OK, "allocation %ld: %s: %s", n,
                     clg_status_string(status), clg_error(ctx));
        n++;
    } while (a.failed);
    cr_assert(n > 100);
    clg_ctx_destroy(&ctx);
    test_remove(folder);
}

/* One in a few, so that it takes seconds. */
TEST(allocations, of_a_run)
{
    char folder[256], out[600], path[600];
    struct allocator a;
    clg_ctx *ctx = context(&a);
    clg_device *device = clg_device_open(ctx, "cpu", NULL);
    clg_status status;
    long n = 0;

    cr_assert_not_null(device, "%s", clg_error(ctx));
    test_folder(folder);
    tiny_data(folder, 20);
    snprintf(path, sizeof(path), "%s", tiny_recipe(folder, ""));
    do {
        clg_train_params params = clg_train_defaults();
        clg_recipe *recipe = clg_recipe_read(ctx, path, NULL);

        snprintf(out, sizeof(out), "%s/run%ld", folder, n);
        params.out = out;
        a = (struct allocator){.left = n};
        status = clg_train(recipe, device, &params, NULL, NULL);
        a.left = -1;
        cr_assert_eq(status == CLG_OK, !a.failed, "allocation %ld: %s: %s", n,
                     clg_status_string(status), clg_error(ctx));
        cr_assert(status == CLG_OK || clg_error(ctx)[0]);
        clg_recipe_destroy(&recipe);
        n += 1 + n / 20;
    } while (a.failed);
    cr_assert(n > 100);
    clg_ctx_destroy(&ctx);
    test_remove(folder);
}
