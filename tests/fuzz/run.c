/* Damaged folders of runs, the same ones each run: what eval and predict read is refused with a
 * sentence, or gives a model whose weights are those of the file. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <clgrad/train.h>

#include "cli/command.h"
#include "fuzz/damage.h"

#define ROUNDS            1500
#define CHECKPOINT_ROUNDS 400

static const char recipe_text[] =
    "data:\n  train: {images: /a.idx, labels: /b.idx}\n  shape: [1, 4, 2]\nmodel:\n"
    "  - conv2d: {out: 3, kernel_size: 3, padding: 1}\n  - batchnorm2d\n  - relu\n  - flatten\n"
    "  - linear: {out: 3, name: head}\nloss: cross_entropy\noptimizer: {adam: {lr: 0.5}}\n"
    "train: {epochs: 2}\n";
static const char summary[] = "{\"recipe\": \"r\", \"totals\": {\"steps\": 3}, "
                              "\"stopped\": {\"reason\": \"epochs\", \"step\": 3}}\n";
static const char *const words[] = {
    "F32",   "F16",    "shape", "dtype", "data_offsets", "head.weight", "head",   "1.bias",
    "0",     "-1",     "3",     "null",  "[]",           "{}",          "linear", "relu",
    "tanh",  "conv2d", "~",     "24",    "stopped",      "reason",      "nan",    "clgrad.checksum",
    "model", "\"",     "",      NULL,
};
static const char *const files[] = {"recipe.yaml", "model.safetensors", "run.json"};

struct bench {
    clg_ctx *ctx;
    clg_device *device;
    char folder[256];
    struct damage whole[3];
    long accepted, refused;
};

/* The folder as a training would leave it, without the training. */
static void make_run(struct bench *b)
{
    const char *metadata[] = {"model", "", "step", "3", NULL};
    clg_recipe *recipe;
    clg_model model;
    char *data;
    size_t size;

    file_write_text(file_in(b->folder, files[0]), recipe_text);
    file_write_text(file_in(b->folder, files[2]), summary);
    recipe = clg_recipe_read(b->ctx, file_in(b->folder, files[0]), NULL);
    test_ok(b->ctx, clg_recipe_model(recipe, b->device, false, &model));
    test_ok(b->ctx, clg_store_save(model.store, file_in(b->folder, files[1]), metadata));
    clg_store_destroy(&model.store);
    clg_recipe_destroy(&recipe);
    for (int i = 0; i < 3; i++) {
        data = file_read(file_in(b->folder, files[i]), &size);
        damage_set(&b->whole[i], data, size);
        free(data);
    }
}

static void try_one(struct bench *b)
{
    clg_recipe *recipe = clg_run_recipe(b->ctx, b->folder, NULL);
    clg_model model;

    if (recipe && clg_run_model(recipe, b->device, b->folder, &model) == CLG_OK) {
        cr_assert_gt(clg_store_count(model.store), 0);
        clg_store_destroy(&model.store);
        b->accepted++;
    } else {
        cr_assert(clg_error_status(b->ctx) != CLG_OK &&
                      clg_error_status(b->ctx) != CLG_ERR_DEVICE_LOST,
                  "%s", clg_error(b->ctx));
        cr_assert_gt(strlen(clg_error(b->ctx)), 20, "%s", clg_error(b->ctx));
        b->refused++;
    }
    clg_recipe_destroy(&recipe);
}

TEST(run, damaged_folders)
{
    static struct bench b;
    static struct damage d;

    b.ctx = clg_ctx_create(NULL);
    b.device = test_open(b.ctx, CLG_FORM_AUTO);
    test_folder(b.folder);
    damage_seed(4);
    make_run(&b);
    try_one(&b);
    cr_assert_eq(b.accepted, 1, "%s", clg_error(b.ctx));
    for (long i = 0, rounds = damage_rounds(ROUNDS); i < rounds; i++) {
        uint32_t which = damage_below(3);

        damage_copy(&d, &b.whole[which]);
        if (damage_below(2))
            damage_words(&d, words);
        else
            damage_bytes(&d);
        damage_write(&d, file_in(b.folder, files[which]));
        try_one(&b);
        damage_write(&b.whole[which], file_in(b.folder, files[which]));
    }
    cr_log_info("%ld accepted, %ld refused", b.accepted, b.refused);
    cr_assert(b.accepted > ROUNDS / 10 && b.refused > ROUNDS / 4, "%ld accepted, %ld refused",
              b.accepted, b.refused);
    clg_ctx_destroy(&b.ctx);
    test_remove(b.folder);
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

/* A run with a checkpoint and the best weights beside it. */
static void make_trained(struct bench *b, const char *run)
{
    const char *set[] = {"train.early_stopping={metric: test_loss, patience: 9}", NULL};
    clg_recipe_params settings = {.set = set};
    clg_train_params params = clg_train_defaults();
    clg_recipe *recipe;

    tiny_data(b->folder, 20);
    recipe = clg_recipe_read(b->ctx, tiny_recipe(b->folder, ""), &settings);
    params.out = run;
    test_ok(b->ctx, clg_train(recipe, b->device, &params, NULL, NULL));
    clg_recipe_destroy(&recipe);
}

/* Refused as a damaged file; or the damage means nothing, and the run ends as it did. */
static void go_on_damaged(struct bench *b, const char *run, const struct damage *model)
{
    clg_status status = go_on(b->ctx, b->device, run);
    size_t size;
    char *data;

    if (status != CLG_OK) {
        cr_assert(status == CLG_ERR_FORMAT, "%s: %s", clg_status_string(status), clg_error(b->ctx));
        b->refused++;
        return;
    }
    data = file_read(file_in(run, "model.safetensors"), &size);
    cr_assert(size == model->size && memcmp(data, model->data, size) == 0, "other weights");
    free(data);
    b->accepted++;
}

TEST(run, damaged_checkpoints)
{
    static const char *const checkpoints[] = {"checkpoint/step-00000004.safetensors",
                                              "checkpoint/best-00000004.safetensors"};
    static struct damage whole[2], model, d;
    struct bench b = {.ctx = clg_ctx_create(NULL)};
    char run[300], *data;
    size_t size;

    b.device = test_open(b.ctx, CLG_FORM_AUTO);
    test_folder(b.folder);
    damage_seed(5);
    snprintf(run, sizeof(run), "%s", file_in(b.folder, "run"));
    make_trained(&b, run);
    for (int i = 0; i < 3; i++) {
        data = file_read(file_in(run, i < 2 ? checkpoints[i] : "model.safetensors"), &size);
        damage_set(i < 2 ? &whole[i] : &model, data, size);
        free(data);
    }
    for (long i = 0, rounds = damage_rounds(CHECKPOINT_ROUNDS); i < rounds; i++) {
        uint32_t which = damage_below(2);

        damage_copy(&d, &whole[which]);
        if (damage_below(2))
            damage_words(&d, words);
        else
            damage_bytes(&d);
        damage_write(&d, file_in(run, checkpoints[which]));
        go_on_damaged(&b, run, &model);
        damage_write(&whole[which], file_in(run, checkpoints[which]));
    }
    cr_assert(b.refused > CHECKPOINT_ROUNDS / 2, "%ld accepted, %ld refused", b.accepted, b.refused);
    cr_assert_eq(go_on(b.ctx, b.device, run), CLG_OK, "%s", clg_error(b.ctx));
    clg_ctx_destroy(&b.ctx);
    test_remove(b.folder);
}
