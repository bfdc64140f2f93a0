/* Data in recipes, from the file to the log: what is set apart for validation, and the kinds. */
#include "test.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

enum { SAMPLES = 100 };

/* The last line of a run's log. */
static json_t *last_line(const char *run)
{
    char *log = file_read(file_in(run, "log.jsonl"), NULL), *at;
    json_t *line;

    *strrchr(log, '\n') = '\0';
    at = strrchr(log, '\n');
    line = json_loads(at ? at + 1 : log, 0, NULL);
    cr_assert_not_null(line, "%s", log);
    free(log);
    return line;
}

static double number(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);

    cr_assert(json_is_number(value), "'%s' is not a number", key);
    return json_number_value(value);
}

/* Trains with a setting more, and gives the log's last line. */
static json_t *train(const struct tiny_run *f, const char *run, const char *settings)
{
    command_expect(0, NULL, "train '%s' --out '%s' --device cpu --quiet %s", f->recipe,
                   file_in(f->folder, run), settings);
    return last_line(file_in(f->folder, run));
}

static void same(const json_t *a, const char *key, const json_t *b, const char *other)
{
    cr_assert_eq(number(a, key), number(b, other), "%s %.9g is not %s %.9g", key, number(a, key),
                 other, number(b, other));
}

/* A fifth is not trained on: 5 steps an epoch in place of 7. The choice hangs on the seed alone. */
TEST(validation, a_share)
{
    struct tiny_run f;
    json_t *share, *count, *other;

    tiny_setup(&f, SAMPLES);
    share = train(&f, "share", "--set data.validation=0.2");
    cr_assert_eq(number(share, "step"), 10);
    cr_assert(number(share, "validation_loss") > 0 && number(share, "validation_accuracy") <= 1);
    cr_assert(number(share, "test_loss") > 0);
    count = train(&f, "count", "--set data.validation=20 --set data.test=null");
    cr_assert_null(json_object_get(count, "test_loss"));
    same(count, "validation_loss", share, "validation_loss");
    same(count, "train_loss", share, "train_loss");
    other = train(&f, "other", "--set data.validation=20 --set train.seed=2");
    cr_assert_neq(number(other, "validation_loss"), number(share, "validation_loss"));
    json_decref(share);
    json_decref(count);
    json_decref(other);
    test_remove(f.folder);
}

/* A set of its own is evaluated as a test set of the same files is, and all samples are trained on.
 */
TEST(validation, a_set)
{
    struct tiny_run f;
    json_t *line;

    tiny_setup(&f, SAMPLES);
    line = train(&f, "run", "--set 'data.validation={images: images.idx, labels: labels.idx}'");
    cr_assert_eq(number(line, "step"), 14);
    same(line, "validation_loss", line, "test_loss");
    same(line, "validation_accuracy", line, "test_accuracy");
    json_decref(line);
    test_remove(f.folder);
}

TEST(validation, is_printed)
{
    struct tiny_run f;
    struct command run;

    tiny_setup(&f, SAMPLES);
    command_run(&run,
                "train '%s' --out '%s' --device cpu --set data.validation=0.2 --set "
                "data.test=null",
                f.recipe, f.run);
    cr_assert_eq(run.status, 0, "%s", run.err);
    cr_assert(strstr(run.out, "  validation loss "), "%s", run.out);
    cr_assert(strstr(run.out, "validation accuracy "), "%s", run.out);
    command_free(&run);
    test_remove(f.folder);
}

TEST(validation, refusals)
{
    static const char *const cases[][2] = {
        {"data.validation=0.001", "data.validation is 0.001, but the training set has 100 samples: "
                                  "that is none of them"},
        {"data.validation=100", "none would be left to train on"},
        {"data.validation=0.999", "none would be left to train on"},
        {"data.validation=1.5", "must be a share of the training set under 1, a whole number"},
        {"data.validation=-1", "data.validation is '-1', but must be a number over 0"},
        {"data.validation=[1]", "data.validation is a list, but must be a share"},
        {"data.validation={pictures: a}", "unknown kind of data 'pictures'"},
        {"data.stratify=true", "data.stratify is about what data.validation sets apart of the "
                               "training set, but that is missing"},
    };
    struct tiny_run f;

    tiny_setup(&f, SAMPLES);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        command_expect(1, cases[i][1], "train '%s' --out '%s' --device cpu --set '%s'", f.recipe,
                       f.run, cases[i][0]);
    test_remove(f.folder);
}

/* ---- kinds ---- */

/* A recipe of this data, model, loss and training. */
static const char *recipe_of(const char *folder, const char *data, const char *model,
                             const char *rest)
{
    const char *path = file_in(folder, "recipe.yaml");
    char text[4096];

    snprintf(text, sizeof(text), "data: {%s}\nmodel: [%s]\n%s\n", data, model, rest);
    file_write_text(path, text);
    return path;
}

/* The closed form's values are 2, -3.4 and 4.2 to 0.01 / √1000 each. */
TEST(synthetic, linear_regression)
{
    struct tiny_run f;
    json_t *line;

    tiny_setup(&f, SAMPLES);
    recipe_of(f.folder,
              "train: {synthetic: linear}, test: {synthetic: linear, noise: 0}, batch: 10",
              "linear: 1", "loss: mse\noptimizer: {sgd: {lr: 0.03}}\ntrain: {epochs: 3}");
    line = train(&f, "run", "");
    cr_assert_eq(number(line, "step"), 300);
    cr_assert_lt(number(line, "test_loss"), 1e-4, "%g", number(line, "test_loss"));
    json_decref(line);
    test_remove(f.folder);
}

TEST(synthetic, moons_are_told_apart)
{
    struct tiny_run f;
    json_t *line;

    tiny_setup(&f, SAMPLES);
    recipe_of(f.folder, "train: {synthetic: moons}, validation: 0.2, stratify: true, batch: 16",
              "linear: 16, tanh, linear: 2",
              "loss: cross_entropy\noptimizer: {adam: {lr: 0.01}}\ntrain: {epochs: 20}");
    line = train(&f, "run", "");
    cr_assert_gt(number(line, "validation_accuracy"), 0.97, "%g",
                 number(line, "validation_accuracy"));
    json_decref(line);
    test_remove(f.folder);
}

TEST(synthetic, refusals)
{
    static const char *const cases[][2] = {
        {"synthetic: circles", "data.train.synthetic 'circles' is not known"},
        {"synthetic: xor, degree: 2", "recipe.yaml:1: the key 'degree' goes with synthetic: "
                                      "polynomial, not with xor"},
        {"synthetic: moons, weights: [1]", "'weights' goes with synthetic: linear"},
        {"synthetic: linear, bits: 3", "'bits' goes with synthetic: parity"},
        {"synthetic: linear, samples: 0", "samples is '0', but must be a whole number over 0"},
        {"synthetic: linear, seed: -2", "the seed is -2"},
        {"synthetic: parity, bits: 9999999", "up to 2^20 bits"},
    };
    struct tiny_run f;
    char data[256];

    tiny_setup(&f, SAMPLES);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(data, sizeof(data), "train: {%s}", cases[i][0]);
        recipe_of(f.folder, data, "linear: 1", "loss: mse\noptimizer: sgd\ntrain: {epochs: 1}");
        command_expect(1, cases[i][1], "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    }
    test_remove(f.folder);
}

/* ---- tables ---- */

#if CLG_HAVE_CSV

/* y = 3 a - 2 for a from -5 to 5, and its group by sign. */
static void write_table(const char *path, int from, int to, bool target)
{
    FILE *file = fopen(path, "w");

    fprintf(file, "id,a%s,group\n", target ? ",y" : "");
    for (int i = from; i < to; i++) {
        double a = (i * 37 % 101 - 50) / 10.0;

        fprintf(file, "row %d,%g", i, a);
        if (target)
            fprintf(file, ",%g", exp(0.3 * a));
        fprintf(file, ",%s\n", a < 0 ? "\"minus, or less\"" : "plus");
    }
    fclose(file);
}

static void table_setup(struct tiny_run *f, const char *with)
{
    char data[512];

    tiny_setup(f, SAMPLES);
    write_table(file_in(f->folder, "train.csv"), 0, 101, true);
    write_table(file_in(f->folder, "new.csv"), 0, 20, false);
    snprintf(data, sizeof(data), "train: {csv: train.csv, drop: id, %s}, validation: 11, batch: 10",
             with);
    recipe_of(f->folder, data, "linear: 1",
              "loss: mse\noptimizer: {adam: {lr: 0.03}}\ntrain: {epochs: 60}");
}

/* A file without the target is predicted from, in the target's unit, without the training set. */
TEST(csv, train_and_predict)
{
    struct tiny_run f;
    struct command run;
    json_t *line;
    char *row;

    table_setup(&f, "target: y, log_target: true");
    line = train(&f, "run", "");
    cr_assert_lt(number(line, "validation_loss"), 1e-3, "%g", number(line, "validation_loss"));
    json_decref(line);
    remove(file_in(f.folder, "train.csv"));
    command_run(&run, "predict '%s' '%s' --csv --id id --device cpu", f.run,
                file_in(f.folder, "new.csv"));
    cr_assert_eq(run.status, 0, "%s", run.err);
    cr_assert_eq(strncmp(run.out, "id,y\nrow 0,", 11), 0, "%s", run.out);
    row = strtok(run.out, "\n");
    for (int i = 0; i < 20; i++) {
        double wanted = exp(0.3 * (i * 37 % 101 - 50) / 10.0);

        row = strtok(NULL, "\n");
        cr_assert_float_eq(strtod(strchr(row, ',') + 1, NULL) / wanted, 1, 0.1, "%s is not %g", row,
                           wanted);
    }
    cr_assert_null(strtok(NULL, "\n"));
    command_free(&run);
    command_expect(1, "has no column 'idd'", "predict '%s' '%s' --csv --id idd --device cpu", f.run,
                   file_in(f.folder, "new.csv"));
    command_expect(2, "--id goes with --csv", "predict '%s' x --id id", f.run);
    command_expect(2, "two ways to print", "predict '%s' x --csv --json", f.run);
    test_remove(f.folder);
}

/* A target of text makes classes, and predictions have its words. */
TEST(csv, classes)
{
    struct tiny_run f;
    struct command run;
    json_t *line;

    table_setup(&f, "target: group");
    recipe_of(f.folder,
              "train: {csv: train.csv, drop: [id, y], target: group}, validation: 0.2, stratify: "
              "true, batch: 10",
              "linear: 2",
              "loss: cross_entropy\noptimizer: {adam: {lr: 0.1}}\ntrain: {epochs: 40}");
    line = train(&f, "run", "");
    cr_assert_eq(number(line, "validation_accuracy"), 1);
    json_decref(line);
    command_run(&run, "predict '%s' '%s' --device cpu", f.run, file_in(f.folder, "new.csv"));
    cr_assert_eq(strncmp(run.out, "0\tminus, or less\t", 17), 0, "%s", run.out);
    command_free(&run);
    command_run(&run, "predict '%s' '%s' --csv --device cpu", f.run, file_in(f.folder, "new.csv"));
    cr_assert_eq(strncmp(run.out, "index,group,probability\n0,\"minus, or less\",", 42), 0, "%s",
                 run.out);
    command_free(&run);
    command_run(&run, "predict '%s' '%s' --json --device cpu", f.run, file_in(f.folder, "new.csv"));
    cr_assert_not_null(strstr(run.out, "\"class\":0,\"name\":\"minus, or less\","), "%s", run.out);
    command_free(&run);
    test_remove(f.folder);
}

TEST(csv, refusals)
{
    static const char *const cases[][2] = {
        {"target: z", "recipe.yaml:1: '"},
        {"target: z", "has no column 'z'; the nearest of its 4 is 'a'"},
        {"target: y, delimiter: ab", "recipe.yaml:1: delimiter is 'ab', but must be one character"},
        {"target: y, missing: median", "missing 'median' is not known; the nearest is 'mean'"},
        {"target: y, drop: b", "has no column 'b'"},
        {"drop: [y]", "needs the key 'target': column of the labels"},
    };
    struct tiny_run f;
    char data[256];

    table_setup(&f, "target: y");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(data, sizeof(data), "train: {csv: train.csv, %s}", cases[i][0]);
        recipe_of(f.folder, data, "linear: 1", "loss: mse\noptimizer: sgd\ntrain: {epochs: 1}");
        command_expect(1, cases[i][1], "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    }
    test_remove(f.folder);
}

#else

TEST(csv, is_left_out)
{
    struct tiny_run f;

    tiny_setup(&f, SAMPLES);
    file_write_text(file_in(f.folder, "t.csv"), "x,y\n1,2\n");
    recipe_of(f.folder, "train: {csv: t.csv, target: y}", "linear: 1",
              "loss: mse\noptimizer: sgd\ntrain: {epochs: 1}");
    command_expect(1, "CSV files are read with libcsv, which this clgrad was built without",
                   "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    test_remove(f.folder);
}

#endif

/* ---- NumPy ---- */

static void write_npy(const char *path, const char *header, const void *values, size_t size)
{
    FILE *file = fopen(path, "wb");

    fwrite("\x93NUMPY\1", 1, 8, file);
    fputc((int)strlen(header), file);
    fputc(0, file);
    fputs(header, file);
    cr_assert_eq(fwrite(values, 1, size, file), size);
    fclose(file);
}

/* The same samples give the same figures from IDX and from NPY, and each predicts from either. */
TEST(npy, as_idx)
{
    struct tiny_run f;
    struct command npy, idx;
    json_t *a, *b;
    char *bytes;
    size_t size;

    tiny_setup(&f, SAMPLES);
    a = train(&f, "run", "");
    bytes = file_read(file_in(f.folder, "images.idx"), &size);
    write_npy(file_in(f.folder, "x.npy"),
              "{'descr': '|u1', 'fortran_order': False, 'shape': (100, 4, 2)}",
              bytes + size - SAMPLES * 8, SAMPLES * 8);
    free(bytes);
    bytes = file_read(file_in(f.folder, "labels.idx"), &size);
    write_npy(file_in(f.folder, "y.npy"),
              "{'descr': '|u1', 'fortran_order': False, 'shape': (100,)}", bytes + size - SAMPLES,
              SAMPLES);
    free(bytes);
    b = train(&f, "other", "--set 'data.train={npy: x.npy, labels: y.npy}'");
    same(a, "train_loss", b, "train_loss");
    same(a, "test_loss", b, "test_loss");
    command_run(&npy, "predict '%s' '%s' --device cpu", f.run, file_in(f.folder, "x.npy"));
    command_run(&idx, "predict '%s' '%s' --device cpu", file_in(f.folder, "other"),
                file_in(f.folder, "images.idx"));
    cr_assert_eq(npy.status, 0, "%s", npy.err);
    cr_assert_str_eq(npy.out, idx.out);
    command_free(&npy);
    command_free(&idx);
    json_decref(a);
    json_decref(b);
    test_remove(f.folder);
}

/* ---- folds ---- */

/* Each fold is a run with its part as validation set, as the keys alone make it; the folder has a
 * line for each, and their mean and deviation. */
TEST(folds, rows_mean_and_deviation)
{
    double loss[3], mean, deviation;
    struct tiny_run f;
    json_t *line, *other, *all;
    char *log, *at, *text;

    tiny_setup(&f, SAMPLES);
    command_expect(0, NULL,
                   "train '%s' --out '%s' --device cpu --quiet --folds 3 --set "
                   "data.stratify=true",
                   f.recipe, f.run);
    log = at = file_read(file_in(f.run, "log.jsonl"), NULL);
    for (int fold = 1; fold <= 3; fold++) {
        char name[32];

        line = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);
        cr_assert_eq(number(line, "fold"), fold);
        loss[fold - 1] = number(line, "validation_loss");
        snprintf(name, sizeof(name), "run/fold-%d", fold);
        other = last_line(file_in(f.folder, name));
        same(line, "validation_loss", other, "validation_loss");
        same(line, "train_accuracy", other, "train_accuracy");
        json_decref(line);
        json_decref(other);
        at = strchr(at, '\n') + 1;
    }
    cr_assert_eq(*at, '\0');
    free(log);
    cr_assert(loss[0] != loss[1] && loss[1] != loss[2]);
    mean = (loss[0] + loss[1] + loss[2]) / 3;
    deviation =
        sqrt((pow(loss[0] - mean, 2) + pow(loss[1] - mean, 2) + pow(loss[2] - mean, 2)) / 2);
    text = file_read(file_in(f.run, "run.json"), NULL);
    all = json_loads(text, 0, NULL);
    free(text);
    cr_assert_eq(number(all, "folds"), 3);
    /* run.json has nine digits */
    cr_assert_float_eq(number(json_object_get(all, "mean"), "validation_loss") / mean, 1, 1e-8);
    cr_assert_float_eq(number(json_object_get(all, "deviation"), "validation_loss") / deviation, 1,
                       1e-6);
    json_decref(all);
    line = train(&f, "second", "--set data.folds=3 --set data.fold=2 --set data.stratify=true");
    cr_assert_eq(number(line, "validation_loss"), loss[1]);
    json_decref(line);
    test_remove(f.folder);
}

TEST(folds, are_printed)
{
    struct tiny_run f;
    struct command run;

    tiny_setup(&f, SAMPLES);
    command_run(&run, "train '%s' --out '%s' --device cpu --folds 2", f.recipe, f.run);
    cr_assert_eq(run.status, 0, "%s", run.err);
    cr_assert(strstr(run.out, "fold 2/2  train loss ") && strstr(run.out, "\nmean ") &&
                  strstr(run.out, "\ndeviation "),
              "%s", run.out);
    command_free(&run);
    command_run(&run, "train '%s' --out '%s' --device cpu --folds 2 --json", f.recipe,
                file_in(f.folder, "json"));
    cr_assert(strstr(run.out, "\"kind\":\"fold\",\"fold\":2,") &&
                  strstr(run.out, "\"kind\":\"folds\",\"folds\":2,"),
              "%s", run.out);
    command_free(&run);
    test_remove(f.folder);
}

TEST(folds, refusals)
{
    struct tiny_run f;

    tiny_setup(&f, SAMPLES);
    command_expect(1, "data.folds is 1, but must be 2 to 100, the number of samples",
                   "train '%s' --out '%s' --device cpu --folds 1", f.recipe, f.run);
    command_expect(1, "data.folds is 101", "train '%s' --out '%s' --device cpu --folds 101",
                   f.recipe, f.run);
    command_expect(1, "data.fold is 4, but must be 1 to 3",
                   "train '%s' --out '%s' --device cpu --set data.folds=3 --set data.fold=4",
                   f.recipe, f.run);
    /* nothing was left behind */
    command_expect(0, NULL, "train '%s' --out '%s' --device cpu --quiet", f.recipe, f.run);
    command_expect(1, "is not empty", "train '%s' --out '%s' --device cpu --folds 2", f.recipe,
                   f.run);
    test_remove(f.folder);
}

/* ---- errors of regressions ---- */

/* With all parameters 0 every output is 0: errors follow from the labels 0, 1, 2 of the set. */
TEST(errors, of_a_constant)
{
    struct tiny_run f;
    struct command run;
    json_t *line, *eval;
    double labels[SAMPLES], mean = 0, squares = 0, absolute = 0, variance = 0;
    size_t size;
    char *bytes;

    tiny_setup(&f, SAMPLES);
    recipe_of(f.folder,
              "train: {images: images.idx, labels: labels.idx}, test: {images: images.idx, labels: "
              "labels.idx}, shape: [8], normalize: {mean: 0, std: 255}",
              "linear: 1",
              "init: zeros\nloss: huber\noptimizer: {sgd: {lr: 0}}\ntrain: {epochs: 1}");
    line = train(&f, "run", "");
    bytes = file_read(file_in(f.folder, "labels.idx"), &size);
    for (int i = 0; i < SAMPLES; i++) {
        labels[i] = bytes[(int)size - SAMPLES + i];
        mean += labels[i] / SAMPLES;
        squares += labels[i] * labels[i] / SAMPLES;
        absolute += labels[i] / SAMPLES;
    }
    for (int i = 0; i < SAMPLES; i++)
        variance += (labels[i] - mean) * (labels[i] - mean) / SAMPLES;
    free(bytes);
    /* float32 means of small whole numbers, and nine digits */
    cr_assert_float_eq(number(line, "rmse"), sqrt(squares), 1e-6);
    cr_assert_float_eq(number(line, "mae"), absolute, 1e-6);
    cr_assert_float_eq(number(line, "r2"), 1 - squares / variance, 1e-5);
    command_run(&run, "eval '%s' --json --device cpu", f.run);
    eval = json_loads(run.out, JSON_DISABLE_EOF_CHECK, NULL);
    same(eval, "rmse", line, "rmse");
    same(eval, "r2", line, "r2");
    command_free(&run);
    json_decref(eval);
    json_decref(line);
    line = train(&f, "classes", "--set loss=cross_entropy --set model.0.linear=3");
    cr_assert_null(json_object_get(line, "rmse"));
    json_decref(line);
    test_remove(f.folder);
}
