/* Every allocation of reading and running a recipe may fail: a status, no crash, no leak. */
#include "test.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <clgrad/train.h>

#include "cli/command.h"
#include "fault/allocator.h"
#include "train/recipe.h"

static clg_ctx *context(struct allocator *a)
{
    clg_ctx_params params = clg_ctx_defaults();
    clg_ctx *ctx;

    *a = (struct allocator){0};
    params.allocate = allocator_call;
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
        a = (struct allocator){.fail_at = n + 1};
        status = read_all(ctx, path);
        cr_assert_eq(status, a.failed ? CLG_ERR_MEMORY : CLG_OK, "allocation %ld: %s: %s", n,
                     clg_status_string(status), clg_error(ctx));
        n++;
    } while (a.failed);
    cr_assert(n > 100);
    clg_ctx_destroy(&ctx);
    test_remove(folder);
}

/* ---- kinds of data ---- */

static const char *const data_recipes[] = {
    "train: {synthetic: moons, samples: 20}, validation: 0.2, stratify: true",
    "train: {npy: x.npy, labels: x.npy}, folds: 3, fold: 2",
#if CLG_HAVE_CSV
    "train: {csv: t.csv, target: y, drop: [x]}, validation: 2, test: {csv: t.csv, target: y}",
#endif
};

static void write_data(const char *folder)
{
    static const char array[] = "\x93NUMPY\1\0\x3a\0"
                                "{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }\n12345";

    file_write(file_in(folder, "x.npy"), array, sizeof(array) - 1);
    file_write_text(file_in(folder, "t.csv"), "x,y,z,k\n1,a,,p\n2,b,3,q\n3,a,4,p\n4,b,5,r\n");
}

/* Opens the sets, and the training set's file (of a table) to predict from. */
static clg_status open_all(clg_ctx *ctx, const char *path, const char *file)
{
    clg_recipe *recipe = clg_recipe_read(ctx, path, NULL);
    clg_status status = recipe ? CLG_OK : clg_error_status(ctx);
    clg_dataset *train, *samples = NULL;

    if (status == CLG_OK)
        status = clg_recipe_datasets(recipe, &train, NULL);
    if (status == CLG_OK)
        status = clg_dataset_wait(train);
    if (status == CLG_OK && file) {
        samples = clg_recipe_samples(recipe, file);
        status = samples ? CLG_OK : clg_error_status(ctx);
    }
    clg_dataset_destroy(&samples);
    clg_recipe_destroy(&recipe);
    return status;
}

TEST(allocations, of_kinds_of_data)
{
    char folder[256], text[1024];
    struct allocator a;
    clg_ctx *ctx = context(&a);

    test_folder(folder);
    write_data(folder);
    for (size_t i = 0; i < sizeof(data_recipes) / sizeof(data_recipes[0]); i++) {
        const char *file = strstr(data_recipes[i], "csv") ? "t.csv" : NULL;
        clg_status status;
        long n = 0;

        snprintf(text, sizeof(text),
                 "data: {%s}\nmodel: [linear: 2]\nloss: cross_entropy\noptimizer: sgd\n"
                 "train: {epochs: 1}\n",
                 data_recipes[i]);
        file_write_text(file_in(folder, "r.yaml"), text);
        do {
            a = (struct allocator){.fail_at = n + 1};
            status = open_all(ctx, file_in(folder, "r.yaml"), file ? file_in(folder, file) : NULL);
            cr_assert_eq(status, a.failed ? CLG_ERR_MEMORY : CLG_OK, "%s: allocation %ld: %s: %s",
                         data_recipes[i], n, clg_status_string(status), clg_error(ctx));
            n++;
        } while (a.failed);
        cr_assert(n > 20);
    }
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
        a = (struct allocator){.fail_at = n + 1};
        status = build_model(ctx, device, file_in(folder, "r.yaml"));
        cr_assert_eq(status, a.failed ? CLG_ERR_MEMORY : CLG_OK, "allocation %ld: %s: %s", n,
                     clg_status_string(status), clg_error(ctx));
        n++;
    } while (a.failed);
    cr_assert(n > 100);
    clg_ctx_destroy(&ctx);
    test_remove(folder);
}

/* ---- checkpoints ---- */

static clg_status go_on(clg_ctx *ctx, clg_device *device, const char *run)
{
    clg_recipe *recipe = clg_run_recipe(ctx, run, NULL);
    clg_train_params params = clg_train_defaults();
    clg_status status;

    params.out = run;
    params.resume = true;
    status = recipe ? clg_train(recipe, device, &params, NULL, NULL) : clg_error_status(ctx);
    clg_recipe_destroy(&recipe);
    return status;
}

/* Goes on from a checkpoint with best weights, and ends; what was written before is good for the next. */
TEST(allocations, of_a_training_that_goes_on)
{
    char folder[256], run[300];
    const char *set[] = {"train.early_stopping={metric: test_loss, patience: 9}", NULL};
    clg_recipe_params settings = {.set = set};
    clg_train_params params = clg_train_defaults();
    struct allocator a;
    clg_ctx *ctx = context(&a);
    clg_device *device = clg_device_open(ctx, "cpu", NULL);
    clg_recipe *recipe;
    clg_status status;
    long n = 0;

    test_folder(folder);
    tiny_data(folder, 20);
    snprintf(run, sizeof(run), "%s", file_in(folder, "run"));
    recipe = clg_recipe_read(ctx, tiny_recipe(folder, ""), &settings);
    params.out = run;
    test_ok(ctx, clg_train(recipe, device, &params, NULL, NULL));
    clg_recipe_destroy(&recipe);
    for (;; n++) {
        a = (struct allocator){.fail_at = n + 1};
        status = go_on(ctx, device, run);
        if (!a.failed)
            break;
        cr_assert_eq(status, CLG_ERR_MEMORY, "allocation %ld: %s: %s", n,
                     clg_status_string(status), clg_error(ctx));
    }
    test_ok(ctx, status);
    cr_assert_gt(n, 500);
    clg_ctx_destroy(&ctx);
    test_remove(folder);
}

/* ---- every layer and loss ---- */

struct sample {
    const char *shape, *model, *loss; /* of a recipe */
};

static const struct sample samples[] = {
    {"[6]", "[linear: 4, leakyrelu, prelu, relu6, elu, celu, selu, glu, relu]", "mse"},
    {"[6]", "[linear: 4, gelu, silu, mish, sigmoid, logsigmoid, tanh, softplus, softsign]",
     "half_mse"},
    {"[6]", "[linear: 4, hardsigmoid, hardswish, hardtanh, dropout: 0.5, identity, logsoftmax]",
     "kl_div"},
    {"[6]", "[linear: 4, softmax]", "mse"},
    {"[6]", "[sequential: [linear: 4], residual: {layers: [tanh]}, identity]", "bce_with_logits"},
    {"[6]", "[parallel: [[tanh], [relu]], repeat: {times: 2, layers: [linear: 4]}]", "mae"},
    {"[3, 4, 4]", "[gaussiannoise: 0.1, randomhorizontalflip, randomverticalflip, prelu]", "huber"},
    {"[3, 4, 4]", "[upsample: 2, dropout2d: 0.5, randomcrop: 3, prelu]", "smooth_l1"},
    {"[3, 4, 4]", "[zeropad2d: 1, constantpad2d: {padding: 1, value: 2}, prelu]", "hinge"},
    {"[3, 4, 4]", "[reflectionpad2d: 1, replicationpad2d: 1, flatten, linear: 3]",
     "{cross_entropy: {weight: [1, 2, 3], ignore_index: 1, label_smoothing: 0.1}}"},
    {"[3, 4, 4]", "[conv2d: {out: 2, kernel_size: 3}, flatten, linear: 3, logsoftmax]", "nll"},
    {"[3, 4, 4]", "[convtranspose2d: {out: 2, kernel_size: 3}, batchnorm2d]", "mse"},
    {"[3, 4, 4]", "[conv2d: {out: 4, kernel_size: 1}, groupnorm: 2, instancenorm2d]", "mse"},
    {"[3, 4, 4]", "[instancenorm2d: {affine: true}, localresponsenorm: 3, layernorm]", "mse"},
    {"[3, 4, 4]", "[maxpool2d: 2, avgpool2d: 2, prelu]", "mse"},
    {"[3, 4, 4]", "[lppool2d: {kernel_size: 2, norm_type: 2}, adaptiveavgpool2d: 1, prelu]", "mse"},
    {"[3, 4, 4]", "[adaptivemaxpool2d: 2, reshape: [12], unflatten: [3, 4], prelu]", "mse"},
    {"[3, 8]", "[conv1d: {out: 2, kernel_size: 3}, batchnorm1d, instancenorm1d, rmsnorm]", "mse"},
    {"[3, 8]", "[maxpool1d: 2, avgpool1d: 2, adaptiveavgpool1d: 2, adaptivemaxpool1d: 1, prelu]",
     "mse"},
    {"[5, 4]", "[sinusoidalpositions, lstm: 3]", "mse"},
    {"[5, 4]", "[gru: 3, rnn: 2]", "mse"},
    {"[5, 4]", "[multiheadattention: 2]", "mse"},
    {"[5]", "[embedding: {num_embeddings: 7, embedding_dim: 2}]", "mse"},
};

static const char *const names[] = {
#define LAYER(name) #name,
#include "train/layers.def"
#undef LAYER
};

/* Whether a sample has the word, between characters that are none of a word. */
static bool is_used(const char *word, bool loss)
{
    size_t length = strlen(word);

    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const char *text = loss ? samples[i].loss : samples[i].model;

        for (const char *at = text; (at = strstr(at, word)); at += length)
            if ((at == text || !strchr("abcdefghijklmnopqrstuvwxyz_", at[-1])) &&
                !isalnum((unsigned char)at[length]) && at[length] != '_')
                return true;
    }
    return false;
}

static clg_status build_sample(clg_ctx *ctx, clg_device *device, const char *path,
                               struct allocator *a, long at)
{
    clg_recipe *recipe;
    clg_model model = {0};
    clg_status status;

    a->fail_at = 0;
    recipe = clg_recipe_read(ctx, path, NULL);
    cr_assert_not_null(recipe, "%s", clg_error(ctx));
    *a = (struct allocator){.fail_at = at + 1};
    status = clg_recipe_model(recipe, device, true, &model);
    a->fail_at = 0;
    clg_store_destroy(&model.store);
    clg_recipe_destroy(&recipe);
    return status;
}

/* Whatever fails first is what is told. */
TEST(allocations, of_every_layer_and_loss)
{
    char folder[256], text[1024];
    struct allocator a;
    clg_ctx *ctx = context(&a);
    clg_device *device = clg_device_open(ctx, "cpu", NULL);
    clg_status status;

    cr_assert_not_null(device, "%s", clg_error(ctx));
    test_folder(folder);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        cr_assert(is_used(names[i], false), "the layer %s is in no sample", names[i]);
    for (size_t i = 0; clg_loss_family.kinds[i]; i++)
        cr_assert(is_used(clg_loss_family.kinds[i]->name, true), "the loss %s is in no sample",
                  clg_loss_family.kinds[i]->name);
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const struct sample *s = &samples[i];
        long n = 0;

        snprintf(text, sizeof(text),
                 "data: {train: {images: x, labels: y}, shape: %s}\nmodel: %s\nloss: %s\n"
                 "optimizer: {sgd: {lr: 0.1}}\ntrain: {steps: 1}\n",
                 s->shape, s->model, s->loss);
        file_write_text(file_in(folder, "r.yaml"), text);
        do {
            status = build_sample(ctx, device, file_in(folder, "r.yaml"), &a, n++);
            cr_assert_eq(status, a.failed ? CLG_ERR_MEMORY : CLG_OK, "%s, allocation %ld: %s: %s",
                         s->model, n, clg_status_string(status), clg_error(ctx));
            cr_assert(!a.failed || strstr(clg_error(ctx), "memory"), "%s, allocation %ld: %s",
                      s->model, n, clg_error(ctx));
        } while (a.failed);
        cr_assert_gt(n, 50);
    }
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
        a = (struct allocator){.fail_at = n + 1};
        status = clg_train(recipe, device, &params, NULL, NULL);
        a.fail_at = 0;
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
