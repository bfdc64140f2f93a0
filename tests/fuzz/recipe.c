/* Thousands of damaged recipes and settings, the same ones each run: every one is refused with a
 * sentence, or is a recipe after all, and then what it resolves to is one with the same meaning. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <clgrad/train.h>

#include "cli/command.h"
#include "fuzz/damage.h"

#define ROUNDS 3000

static const char *const seeds[] = {
    "data:\n  train: {images: a.idx, labels: b.idx}\n  test: {images: a.idx, labels: b.idx}\n"
    "  shape: [784]\n  normalize: {mean: 0.5, std: [255]}\n  batch: 16\nmodel:\n"
    "  - linear: {out: 5, name: fc}\n  - relu\n  - dropout: 0.5\n  - linear: {out: 5, share: fc}\n"
    "init: {scheme: normal, std: 0.01}\nloss: {cross_entropy: {label_smoothing: 0.1}}\n"
    "optimizer: {sgd: {lr: 0.5, momentum: 0.9, groups: [{match: ['fc.*'], lr: 1e-3}]}}\n"
    "train: {epochs: 2, seed: 1, freeze: [fc.bias]}\n",
    "data: {train: {images: /a, labels: /b}, shape: [1, 8, 8], drop_last: true, shuffle: false}\n"
    "model: [{conv2d: {in_channels: 1, out_channels: 4, kernel_size: [3, 3], padding: 1}},\n"
    "  batchnorm2d, {residual: {layers: [{conv2d: {out: 4, kernel_size: 1}}], shortcut: "
    "[identity]}},\n"
    "  {repeat: {times: 2, layers: [gelu]}}, {parallel: [[tanh], [{sequential: [silu]}]]},\n"
    "  {maxpool2d: {kernel_size: 2}}, flatten, {layernorm: {normalized_shape: [128]}}]\n"
    "loss: mse\noptimizer: {adamw: {betas: [0.9, 0.999], eps: 1e-8}}\ntrain: {steps: 7}\n",
    ("# a comment\n---\n\"data\":\n  'train':\n    images: >-\n      a b\n    labels: |\n      c\n"
    "model:\n- lstm: 3\n- linear: 2\nloss: huber\noptimizer: adam\ntrain:\n  epochs: +3\n...\n"),
};
static const char *const words[] = {
    "lr",
    "linear",
    "out",
    "out_features",
    "null",
    "~",
    "",
    "true",
    "yes",
    "0",
    "-1",
    "1e9",
    "1e-60",
    "0,5",
    "010",
    "0x10",
    "99999999999999999999",
    ".5",
    "nan",
    "[",
    "]",
    "{",
    "}",
    "[]",
    "{}",
    ": ",
    ":",
    "- ",
    ",",
    "\n",
    "\n  ",
    "\t",
    "\r\n",
    "#",
    "&a ",
    "*a",
    "!!int ",
    "'",
    "\"",
    "---\n",
    "|",
    "<<",
    "name",
    "share",
    "relu",
    "sequential",
    "residual",
    "repeat",
    "cross_entropy",
    "adam",
    "model",
    "data",
    "\xef\xbb\xbf",
    "\xff",
    "\xc3\xa4",
    "in_features",
    "normalized_shape",
    NULL,
};
static const char *const settings[] = {
    "optimizer.sgd.lr=0.1",  "model.0.linear.out=7",
    "data.shape=[3, 4]",     "data.test=null",
    "model=[relu, tanh]",    "train={epochs: 1, steps: 2}",
    "init.scheme=he_normal", "loss=mse",
    "model.2.dropout.p=0.1",
};

struct bench {
    clg_ctx *ctx;
    char folder[256], path[300], again[300];
    long accepted, refused;
};

static void check_accepted(struct bench *b, clg_recipe *recipe)
{
    const char *text, *same;
    clg_recipe *again;

    test_ok(b->ctx, clg_recipe_resolved(recipe, &text));
    file_write_text(b->again, text);
    again = clg_recipe_read(b->ctx, b->again, NULL);
    cr_assert_not_null(again, "%s in:\n%s", clg_error(b->ctx), text);
    test_ok(b->ctx, clg_recipe_resolved(again, &same));
    cr_assert_str_eq(text, same);
    clg_recipe_destroy(&again);
}

static void try_one(struct bench *b, const char *const *set)
{
    clg_recipe_params params = {.data_dir = "/data", .set = set};
    clg_recipe *recipe = clg_recipe_read(b->ctx, b->path, &params);
    clg_status status = clg_error_status(b->ctx);

    if (recipe) {
        check_accepted(b, recipe);
        b->accepted++;
    } else {
        cr_assert(status == CLG_ERR_FORMAT || status == CLG_ERR_ARGUMENT, "%s", clg_error(b->ctx));
        cr_assert_gt(strlen(clg_error(b->ctx)), 20, "%s", clg_error(b->ctx));
        b->refused++;
    }
    clg_recipe_destroy(&recipe);
}

static void damage_text(struct damage *text)
{
    for (uint32_t n = 1 + damage_below(3); n > 0 && text->size; n--)
        if (damage_below(3))
            damage_words(text, words);
        else
            damage_bytes(text);
}

static void open_bench(struct bench *b, uint32_t seed)
{
    *b = (struct bench){.ctx = clg_ctx_create(NULL)};
    test_folder(b->folder);
    snprintf(b->path, sizeof(b->path), "%s/r.yaml", b->folder);
    snprintf(b->again, sizeof(b->again), "%s/again.yaml", b->folder);
    damage_seed(seed);
}

static void close_bench(struct bench *b)
{
    cr_log_info("%ld accepted, %ld refused", b->accepted, b->refused);
    cr_assert(b->accepted > ROUNDS / 100 && b->refused > ROUNDS / 10, "%ld accepted, %ld refused",
              b->accepted, b->refused);
    clg_ctx_destroy(&b->ctx);
    test_remove(b->folder);
}

TEST(recipe, damaged)
{
    static struct damage text;
    struct bench b;

    open_bench(&b, 1);
    for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++) {
        file_write_text(b.path, seeds[i]);
        try_one(&b, NULL);
    }
    cr_assert_eq(b.refused, 0, "%s", clg_error(b.ctx));
    for (long i = 0, rounds = damage_rounds(ROUNDS); i < rounds; i++) {
        const char *seed = seeds[damage_below(sizeof(seeds) / sizeof(*seeds))];

        damage_set(&text, seed, strlen(seed));
        damage_text(&text);
        damage_write(&text, b.path);
        try_one(&b, NULL);
    }
    close_bench(&b);
}

TEST(recipe, damaged_settings)
{
    static struct damage text;
    struct bench b;

    open_bench(&b, 2);
    file_write_text(b.path, seeds[0]);
    for (long i = 0, rounds = damage_rounds(ROUNDS); i < rounds; i++) {
        const char *seed = settings[damage_below(sizeof(settings) / sizeof(*settings))];
        const char *set[] = {text.data, settings[damage_below(3)], NULL};

        damage_set(&text, seed, strlen(seed));
        damage_text(&text);
        text.data[text.size < DAMAGE_ROOM ? text.size : DAMAGE_ROOM - 1] = '\0';
        try_one(&b, set);
    }
    close_bench(&b);
}
