/* clgrad train --resume: what goes on, and what is refused. */
#include "test.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "fuzz/damage.h"
#include "store/safetensors.h"

enum { SAMPLES = 100 }; /* seven batches */

static void train(const struct tiny_run *f, const char *run, const char *flags)
{
    command_expect(0, NULL, "train '%s' --out '%s' --device cpu --quiet %s", f->recipe, run, flags);
}

static void expect_equal(const char *a, const char *b)
{
    size_t sizes[2];
    char *data[2] = {file_read(file_in(a, "model.safetensors"), &sizes[0]),
                     file_read(file_in(b, "model.safetensors"), &sizes[1])};

    cr_assert(sizes[0] == sizes[1] && memcmp(data[0], data[1], sizes[0]) == 0,
              "the weights of %s and %s differ", a, b);
    free(data[0]);
    free(data[1]);
}

static int count_lines(const char *run)
{
    char *log = file_read(file_in(run, "log.jsonl"), NULL);
    int count = 0;

    for (const char *at = log; (at = strchr(at, '\n')); at++)
        count++;
    free(log);
    return count;
}

/* ---- what goes on ---- */

static const char optimizer[] = "--set 'optimizer={adam: {lr: 0.01}}' --set train.log_every=1";

/* A finished run goes on as if it had been asked for more at once; so does one that was stopped inside an
 * epoch, whose line is then written anew. */
TEST(resume, more_epochs)
{
    struct tiny_run f;
    char whole[600], flags[400];

    tiny_setup(&f, SAMPLES);
    snprintf(whole, sizeof(whole), "%s", file_in(f.folder, "whole"));
    snprintf(flags, sizeof(flags), "%s --set train.epochs=5", optimizer);
    train(&f, whole, flags);
    train(&f, f.run, optimizer); /* two epochs */
    command_expect(0, NULL, "train --resume '%s' --set train.epochs=5 --device cpu --quiet", f.run);
    expect_equal(f.run, whole);
    cr_assert_eq(count_lines(f.run), 5 * 8);
    test_remove(f.run);
    snprintf(flags, sizeof(flags), "%s --set train.epochs=5 --steps 10", optimizer);
    train(&f, f.run, flags);
    cr_assert_eq(count_lines(f.run), 7 + 1 + 3 + 1);
    command_expect(0, NULL, "train --resume '%s' --set train.steps=0 --device cpu --quiet", f.run);
    expect_equal(f.run, whole);
    cr_assert_eq(count_lines(f.run), 5 * 8);
    test_remove(f.folder);
}

/* Nothing is left to do: the run stays as it is. */
TEST(resume, a_finished_run)
{
    struct tiny_run f;
    char before[600];

    tiny_setup(&f, SAMPLES);
    train(&f, f.run, "");
    snprintf(before, sizeof(before), "%s", file_in(f.folder, "before"));
    command_expect(0, NULL, "train '%s' --out '%s' --device cpu --quiet", f.recipe, before);
    command_expect(0, NULL, "train --resume '%s' --device cpu --quiet", f.run);
    expect_equal(f.run, before);
    cr_assert_eq(count_lines(f.run), 2);
    cr_assert_eq(access(file_in(f.run, "run.json"), R_OK), 0);
    test_remove(f.folder);
}

/* The best weights of before are there afterwards; a larger patience makes an ended training go on. */
TEST(resume, early_stopping)
{
    static const char rules[] = "--set 'schedule={exponential: {gamma: 1.7}}' "
                                "--set 'train.early_stopping={metric: test_loss, patience: %d}' "
                                "--set train.epochs=%d";
    struct tiny_run f;
    char whole[600], flags[400];

    tiny_setup(&f, SAMPLES);
    snprintf(whole, sizeof(whole), "%s", file_in(f.folder, "whole"));
    snprintf(flags, sizeof(flags), rules, 9, 50);
    train(&f, whole, flags);
    snprintf(flags, sizeof(flags), rules, 4, 50);
    train(&f, f.run, flags);
    command_expect(0, NULL,
                   "train --resume '%s' --set train.early_stopping.patience=9 --device cpu --quiet",
                   f.run);
    cr_assert_eq(count_lines(f.run), count_lines(whole));
    expect_equal(f.run, whole);
    test_remove(f.folder);
}

static int count_checkpoints(const char *run)
{
    DIR *folder = opendir(file_in(run, "checkpoint"));
    const struct dirent *entry;
    int count = 0;

    cr_assert_not_null(folder);
    while ((entry = readdir(folder)))
        count += strncmp(entry->d_name, "step-", 5) == 0;
    closedir(folder);
    return count;
}

/* The latest is damaged, so the one before is taken. */
TEST(resume, from_the_one_before)
{
    static const size_t places[] = {9, 300, 0}; /* 0: the file's end */
    struct tiny_run f;
    char whole[600], *data;
    size_t size;

    tiny_setup(&f, SAMPLES);
    snprintf(whole, sizeof(whole), "%s", file_in(f.folder, "whole"));
    train(&f, whole, "--set 'train.checkpoint={steps: 5, keep: 3}'");
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const char *latest = "checkpoint/step-00000014.safetensors";

        train(&f, f.run, "--set 'train.checkpoint={steps: 5, keep: 3}'");
        cr_assert_eq(count_checkpoints(f.run), 3);
        data = file_read(file_in(f.run, latest), &size);
        data[places[i] ? places[i] : size - 1] ^= 1;
        file_write(file_in(f.run, latest), data, size);
        free(data);
        command_expect(0, "the checkpoint before it is taken",
                       "train --resume '%s' --device cpu", f.run);
        cr_assert_eq(count_lines(f.run), 2);
        expect_equal(f.run, whole);
        test_remove(f.run);
    }
    test_remove(f.folder);
}

/* ---- the two files ---- */

static void expect_tensors(const char *path, const char *const *names)
{
    struct clg_safetensors file;
    clg_ctx *ctx = test_context();
    size_t size, count = 0;
    char *data = file_read(path, &size);

    test_ok(ctx, clg_safetensors_parse(&file, ctx, path, data, size));
    for (; names[count]; count++) {
        bool found = false;

        for (size_t i = 0; i < file.tensors.count; i++)
            found |= strcmp(file.tensors.items[i].name, names[count]) == 0;
        cr_assert(found, "%s has no %s", path, names[count]);
    }
    cr_assert_eq(file.tensors.count, count, "%s has %zu tensors", path, file.tensors.count);
    clg_safetensors_finish(&file);
    free(data);
    clg_ctx_destroy(&ctx);
}

/* The count of batches is the file's first tensor, being the widest. */
static void expect_batches(const char *path, int64_t count)
{
    size_t size;
    char *data = file_read(path, &size);
    uint64_t header;
    int64_t found;

    memcpy(&header, data, sizeof(header));
    memcpy(&found, data + 8 + header, sizeof(found));
    cr_assert_eq(found, count, "%lld batches", (long long)found);
    free(data);
}

/* The state dict alone, and all the rest. */
TEST(resume, files)
{
    static const char *const normed[] = {"0.weight",       "0.bias",        "1.weight",
                                         "1.bias",         "1.running_mean", "1.running_var",
                                         "1.num_batches_tracked", NULL};
    static const char *const model[] = {"0.weight", "0.bias", "2.weight", "2.bias", NULL};
    static const char *const all[] = {"0.weight",
                                      "0.bias",
                                      "2.weight",
                                      "2.bias",
                                      "optimizer.sgd.momentum_buffer.0.weight",
                                      "optimizer.sgd.momentum_buffer.0.bias",
                                      "optimizer.sgd.momentum_buffer.2.weight",
                                      "optimizer.sgd.momentum_buffer.2.bias",
                                      "optimizer.sgd.step",
                                      NULL};
    struct tiny_run f;

    tiny_setup(&f, SAMPLES);
    train(&f, f.run, "--set 'model=[linear: 3, batchnorm1d]'");
    expect_tensors(file_in(f.run, "model.safetensors"), normed);
    expect_batches(file_in(f.run, "model.safetensors"), 14);
    command_expect(0, NULL, "eval '%s' --device cpu --quiet", f.run);
    test_remove(f.run);
    train(&f, f.run, "--set optimizer.sgd.momentum=0.9");
    expect_tensors(file_in(f.run, "model.safetensors"), model);
    expect_tensors(file_in(f.run, "checkpoint/step-00000014.safetensors"), all);
    cr_assert_eq(count_checkpoints(f.run), 1);
    test_remove(f.folder);
}

/* ---- what is refused ---- */

TEST(resume, refuses)
{
    static const struct {
        const char *flags, *words;
    } cases[] = {
        {"--set model.0.linear.out=6",
         "is a checkpoint of another recipe: there model.0.linear.out is 5, here it is 6"},
        {"--set optimizer.sgd.lr=0.1", "there optimizer.sgd.lr is 0.5, here it is 0.1"},
        {"--set 'schedule={step: {step_size: 1}}'", "there schedule is absent, here it is a map"},
        {"--set data.test=null", "there data.test is a map, here it is absent"},
        {"--form group", "is a checkpoint of another device: there its form is 'item', here it is 'group'"},
    };
    struct tiny_run f;

    tiny_setup(&f, SAMPLES);
    train(&f, f.run, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        command_expect(1, cases[i].words, "train --resume '%s' --device cpu --quiet %s", f.run,
                       cases[i].flags);
    command_expect(0, NULL, "eval '%s' --device cpu --quiet", f.run);
    command_expect(2, "--out does not go with --resume", "train --resume '%s' --out x", f.run);
    command_expect(1, "a run that has a checkpoint goes on with --resume",
                   "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    command_expect(1, "is not a folder", "train --resume '%s'", f.recipe);
    test_remove(file_in(f.run, "checkpoint"));
    command_expect(1, "has no checkpoint to go on from", "train --resume '%s' --device cpu", f.run);
    test_remove(f.folder);
}

/* Data of another size under the same names. */
TEST(resume, refuses_other_data)
{
    struct tiny_run f;

    tiny_setup(&f, SAMPLES);
    train(&f, f.run, "");
    tiny_data(f.folder, SAMPLES + 16);
    command_expect(1, "is a checkpoint of other data: there the training set has 100 samples, here it has 116",
                   "train --resume '%s' --device cpu --quiet", f.run);
    test_remove(f.folder);
}
