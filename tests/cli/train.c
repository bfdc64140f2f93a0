/* clgrad train, eval, predict and graph on small data: what they leave and print. */
#include "test.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

enum { SAMPLES = 100 }; /* six batches of 16 and one of 4 */

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

    cr_assert_not_null(json, "%s in: %s", error.text, text);
    return json;
}

static json_t *load(const struct tiny_run *f, const char *name)
{
    char *text = file_read(file_in(f->run, name), NULL);
    json_t *json = parse(text);

    free(text);
    return json;
}

static double number(const json_t *json, const char *key)
{
    const json_t *value = json_object_get(json, key);

    cr_assert(json_is_number(value), "'%s' is not a number", key);
    return json_number_value(value);
}

static void has_keys(const json_t *json, const char *const *keys)
{
    for (; *keys; keys++)
        cr_assert_not_null(json_object_get(json, *keys), "the key '%s' is missing", *keys);
}

/* The n-th line of a text as JSON, NULL after the last. */
static json_t *line(const char *text, int n)
{
    char *copy = strdup(text), *at = copy;
    json_t *json;

    for (; n > 0 && at; n--) {
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    if (!at || !*at) {
        free(copy);
        return NULL;
    }
    if (strchr(at, '\n'))
        *strchr(at, '\n') = '\0';
    json = parse(at);
    free(copy);
    return json;
}

/* What PoCL needs is set before it is loaded, and what the user set stays. */
TEST(train, sets_up_pocl)
{
    char folder[256], *found;

    test_folder(folder);
    setenv("LAYER_ENVIRONMENT", file_in(folder, "environment"), 1);
    setenv("POCL_PREGION_VALUE_REMAT", "1", 1);
    command_expect(0, NULL, "devices --quiet");
    found = file_read(file_in(folder, "environment"), NULL);
    cr_expect(strstr(found, "\nPOCL_AFFINITY=1\n"));
    cr_expect(strstr(found, "\nPOCL_FORCE_PARALLEL_OUTER_LOOP=0\n"));
    cr_expect(strstr(found, "\nPOCL_PREGION_VALUE_REMAT=1\n"));
    free(found);
    test_remove(folder);
}

TEST(train, leaves_a_folder)
{
    static const char *const run_keys[] = {"device", "versions", "choices", "plan",
                                           "totals", "stopped",  NULL};
    static const char *const device_keys[] = {"index", "platform", "name",   "vendor",  "driver",
                                              "type",  "units",    "memory", "local",   "max_alloc",
                                              "fp16",  "form",     "best",   "same_as", "wrong", NULL};
    static const char *const plan_keys[] = {"arena_bytes", "arena_bound", "launches",
                                            "flops",       "bytes",       NULL};
    struct tiny_run f;
    json_t *run;

    tiny_setup(&f, SAMPLES);
    command_expect(0, NULL, "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    run = load(&f, "run.json");
    has_keys(run, run_keys);
    has_keys(json_object_get(run, "device"), device_keys);
    has_keys(json_object_get(run, "plan"), plan_keys);
    cr_assert_eq(number(json_object_get(run, "totals"), "steps"), 14);
    cr_assert_eq(number(json_object_get(run, "totals"), "epochs"), 2);
    cr_assert(number(json_object_get(run, "totals"), "first_step_seconds") > 0);
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(run, "stopped"), "reason")),
                     "epochs");
    json_decref(run);
    cr_assert_eq(access(file_in(f.run, "recipe.yaml"), R_OK), 0);
    cr_assert_eq(access(file_in(f.run, "model.safetensors"), R_OK), 0);
    test_remove(f.folder);
}

/* An epoch's training loss is the mean over its samples, the short batch included. */
TEST(train, log)
{
    struct tiny_run f;
    double sum = 0;
    char *log;
    json_t *entry;

    tiny_setup(&f, SAMPLES);
    command_expect(0, NULL, "train '%s' --out '%s' --set train.log_every=1 --device cpu", f.recipe,
                   f.run);
    log = file_read(file_in(f.run, "log.jsonl"), NULL);
    for (int i = 0; i < 7; i++) {
        entry = line(log, i);
        cr_assert_eq(number(entry, "step"), i + 1);
        sum += number(entry, "loss") * (i < 6 ? 16 : 4);
        json_decref(entry);
    }
    entry = line(log, 7);
    cr_assert_eq(number(entry, "epoch"), 1);
    cr_assert_eq(number(entry, "step"), 7);
    cr_assert_float_eq(number(entry, "train_loss"), sum / SAMPLES, 1e-5);
    cr_assert(number(entry, "train_accuracy") >= 0 && number(entry, "test_accuracy") <= 1);
    cr_assert(number(entry, "test_loss") > 0 && number(entry, "seconds") > 0);
    json_decref(entry);
    entry = line(log, 15);
    cr_assert_eq(number(entry, "epoch"), 2);
    json_decref(entry);
    cr_assert_null(line(log, 16));
    free(log);
    test_remove(f.folder);
}

static void expect_rates(const struct tiny_run *f, const char *schedule, const double *rates, int count)
{
    char *log;

    command_expect(0, NULL,
                   "train '%s' --out '%s' --device cpu --set optimizer.sgd.lr=0.3 --set train.epochs=5 "
                   "--set 'schedule=%s' --set train.log_every=1",
                   f->recipe, f->run, schedule);
    log = file_read(file_in(f->run, "log.jsonl"), NULL);
    for (int i = 0; i < count; i++) {
        json_t *entry = line(log, i);

        if (!isnan(rates[i]))
            cr_assert_float_eq(number(entry, "lr"), rates[i], 1e-8, "%s, line %d: %.9g", schedule, i,
                               number(entry, "lr"));
        json_decref(entry);
    }
    free(log);
    test_remove(f->run);
}

/* Seven steps and a line for the epoch. */
TEST(train, schedules)
{
    struct tiny_run f;
    double rates[24];

    tiny_setup(&f, SAMPLES);
    for (int i = 0; i < 24; i++)
        rates[i] = i % 8 == 7 ? 0.3 * pow(0.5, i / 8) : NAN;
    expect_rates(&f, "{exponential: {gamma: 0.5}}", rates, 24);
    for (int i = 0; i < 24; i++) {
        int step = i % 8 == 7 ? i / 8 * 7 + 6 : i - i / 8;

        rates[i] = step < 3 ? 0.1 + 0.2 * step / 3 : 0.3 * pow(0.1, (step - 3) / 5);
    }
    expect_rates(&f, "{step: {step_size: 5, by: step, warmup: 3}}", rates, 24);
    /* no epoch is better by 2 of the loss */
    for (int i = 0; i < 24; i++)
        rates[i] = i % 8 == 7 ? 0.3 * (i > 16 ? 0.5 : 1) : NAN;
    expect_rates(&f,
                 "{plateau: {metric: test_loss, factor: 0.5, patience: 0, threshold: 2, "
                 "threshold_mode: abs}}",
                 rates, 24);
    test_remove(f.folder);
}

/* The gradients' norm of each step, and the last step's number. */
static int norms(const struct tiny_run *f, const char *settings, double *out, int most)
{
    char *log;
    int steps = 0;

    command_expect(0, NULL,
                   "train '%s' --out '%s' --device cpu --set data.shuffle=false --set train.epochs=1 "
                   "--set train.log_every=1 --set train.clip.norm=0.01 %s",
                   f->recipe, f->run, settings);
    log = file_read(file_in(f->run, "log.jsonl"), NULL);
    for (;;) {
        json_t *entry = line(log, steps);
        bool epoch = json_object_get(entry, "epoch");

        cr_assert_lt(steps, most);
        out[steps] = number(entry, "grad_norm");
        cr_assert_eq(number(entry, "step"), epoch ? steps : steps + 1);
        json_decref(entry);
        if (epoch)
            break;
        steps++;
    }
    free(log);
    test_remove(f->run);
    return steps;
}

/* Batches of 10 added up in twos are those of 20, to rounding; what is left at the end is a step too. */
TEST(train, accumulates_and_clips)
{
    struct tiny_run f;
    double one[12], two[12];

    tiny_setup(&f, SAMPLES);
    cr_assert_eq(norms(&f, "--set data.batch=20", one, 12), 5);
    cr_assert_eq(norms(&f, "--set data.batch=10 --set train.accumulate=2", two, 12), 5);
    for (int i = 0; i < 6; i++)
        cr_assert_float_eq(one[i], two[i], 1e-5 * one[i], "%d: %.9g and %.9g", i, one[i], two[i]);
    cr_assert_neq(one[0], one[1]);
    cr_assert_eq(norms(&f, "--set data.batch=10 --set train.accumulate=4", two, 12), 3);
    cr_assert_eq(norms(&f,
                       "--set data.batch=30 --set train.accumulate=2 --set data.drop_last=true "
                       "--set train.clip.value=0.1",
                       two, 12),
                 2);
    command_expect(1, "train.clip.norm is", "train '%s' --out '%s' --set train.clip.norm=0",
                   f.recipe, f.run);
    command_expect(1, "train.accumulate is", "train '%s' --out '%s' --set train.accumulate=0",
                   f.recipe, f.run);
    test_remove(f.folder);
}

/* The training losses of two epochs. */
static void losses(const struct tiny_run *f, const char *settings, double out[2])
{
    char *log;

    command_expect(0, NULL, "train '%s' --out '%s' --device cpu --set optimizer.sgd.lr=0.3 %s",
                   f->recipe, f->run, settings);
    log = file_read(file_in(f->run, "log.jsonl"), NULL);
    for (int i = 0; i < 2; i++) {
        json_t *entry = line(log, i);

        out[i] = number(entry, "train_loss");
        json_decref(entry);
    }
    free(log);
    test_remove(f->run);
}

/* Half the squares are what SGD's weight decay adds to gradients; losses are told without them. */
TEST(train, penalties)
{
    struct tiny_run f;
    double plain[2], decayed[2], l2[2], l1[2];

    tiny_setup(&f, SAMPLES);
    losses(&f, "", plain);
    losses(&f, "--set optimizer.sgd.weight_decay=0.25", decayed);
    losses(&f, "--set train.penalty.l2=0.25", l2);
    losses(&f, "--set train.penalty.l1=0.05", l1);
    for (int i = 0; i < 2; i++)
        cr_assert_float_eq(l2[i], decayed[i], 1e-5 * decayed[i], "%.9g and %.9g", l2[i], decayed[i]);
    cr_assert_gt(l2[1], plain[1] * 1.001);
    cr_assert_gt(l1[1], plain[1] * 1.001);
    command_expect(1, "train.penalty.l1 is", "train '%s' --out '%s' --set train.penalty.l1=-1",
                   f.recipe, f.run);
    test_remove(f.folder);
}

TEST(train, refused_schedules)
{
    static const struct {
        const char *schedule, *words;
    } cases[] = {
        {"{onecycle: {max_lr: 1, total_steps: 1, warmup: 0}}",
         "schedule.onecycle.total_steps is 1, but must be at least 2: the training has 2 epochs"},
        {"{multistep: {milestones: [1.5]}}", "milestones has 1.5, but must have whole numbers"},
        {"{multistep: {milestones: [2, 2]}}", "milestone 2 comes after 2, but must be larger"},
        {"{plateau: {metric: validation_loss}}",
         "the schedule looks at 'validation_loss', but the epochs of this training have train_loss"},
        {"{cosine: {}}", "schedule.cosine needs the key 'T_max'"},
        {"{cosin: {T_max: 1}}", "unknown schedule 'cosin'; the nearest known one is 'cosine'"},
        {"{step: {step_size: 1, by: batch}}", "schedule.step.by 'batch' is not known; the nearest is"},
    };
    struct tiny_run f;

    tiny_setup(&f, SAMPLES);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        command_expect(1, cases[i].words, "train '%s' --out '%s' --device cpu --set 'schedule=%s'",
                       f.recipe, f.run, cases[i].schedule);
    test_remove(f.folder);
}

TEST(train, json_lines)
{
    static const char *const kinds[] = {"step", "epoch", "step", "epoch", "run", NULL};
    struct tiny_run f;
    struct command run;

    tiny_setup(&f, SAMPLES);
    command_run(&run, "train '%s' --out '%s' --set train.log_every=7 --json --device cpu", f.recipe,
                f.run);
    cr_assert_eq(run.status, 0, "%s", run.err);
    for (int i = 0; kinds[i]; i++) {
        json_t *entry = line(run.out, i);

        cr_assert_eq(number(entry, "schema"), 1);
        cr_assert_str_eq(json_string_value(json_object_get(entry, "kind")), kinds[i]);
        json_decref(entry);
    }
    cr_assert_null(line(run.out, 5));
    command_free(&run);
    test_remove(f.folder);
}

TEST(train, stops_inside_an_epoch)
{
    struct tiny_run f;
    json_t *entry, *run;
    char *log;

    tiny_setup(&f, SAMPLES);
    command_expect(0, NULL, "train '%s' --out '%s' --steps 3 --device cpu", f.recipe, f.run);
    log = file_read(file_in(f.run, "log.jsonl"), NULL);
    entry = line(log, 0);
    cr_assert_eq(number(entry, "epoch"), 1);
    cr_assert_eq(number(entry, "step"), 3);
    cr_assert(number(entry, "test_loss") > 0);
    cr_assert_null(line(log, 1));
    run = load(&f, "run.json");
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(run, "stopped"), "reason")),
                     "steps");
    cr_assert_eq(number(json_object_get(run, "totals"), "epochs"), 0);
    json_decref(run);
    json_decref(entry);
    free(log);
    test_remove(f.folder);
}

TEST(train, without_a_test_set)
{
    struct tiny_run f;
    json_t *entry;
    char *log;

    tiny_setup(&f, SAMPLES);
    command_expect(0, NULL, "train '%s' --out '%s' --set data.test=null --device cpu", f.recipe,
                   f.run);
    log = file_read(file_in(f.run, "log.jsonl"), NULL);
    entry = line(log, 1);
    cr_assert(number(entry, "train_loss") > 0);
    cr_assert_null(json_object_get(entry, "test_loss"));
    cr_assert_null(json_object_get(entry, "test_accuracy"));
    json_decref(entry);
    free(log);
    command_expect(1, "has no test set", "eval '%s' --device cpu", f.run);
    test_remove(f.folder);
}

/* Trains into the folder's NAME with flags and gives model.safetensors. */
static char *model_of(const struct tiny_run *f, const char *name, const char *flags, size_t *size)
{
    char out[700];

    snprintf(out, sizeof(out), "%s", file_in(f->folder, name));
    command_expect(0, NULL, "train '%s' --out '%s' --device cpu %s", f->recipe, out, flags);
    return file_read(file_in(out, "model.safetensors"), size);
}

TEST(train, same_seed_same_bits)
{
    static const char dropout[] = "--set model.1.dropout=0.5 --set optimizer.sgd.momentum=0.9";
    struct tiny_run f;
    size_t size_a, size_b, size_c;
    char *a, *b, *c, other[300];

    tiny_setup(&f, SAMPLES);
    a = model_of(&f, "a", dropout, &size_a);
    b = model_of(&f, "b", dropout, &size_b);
    snprintf(other, sizeof(other), "%s --set train.seed=2", dropout);
    c = model_of(&f, "c", other, &size_c);
    cr_assert(size_a == size_b && memcmp(a, b, size_a) == 0, "two runs with one seed differ");
    cr_assert(size_a != size_c || memcmp(a, c, size_a) != 0, "another seed changes nothing");
    free(a);
    free(b);
    free(c);
    test_remove(f.folder);
}

/* The run's weights are the best epoch's, not the last one's. */
TEST(train, stops_early)
{
    struct tiny_run f;
    struct command eval;
    json_t *run, *best, *score, *entry;
    char *log;
    int epochs;

    tiny_setup(&f, SAMPLES);
    command_expect(0, NULL,
                   "train '%s' --out '%s' --device cpu --set train.epochs=50 "
                   "--set 'schedule={exponential: {gamma: 1.7}}' "
                   "--set 'train.early_stopping={metric: test_loss, patience: 5}'",
                   f.recipe, f.run);
    run = load(&f, "run.json");
    best = json_object_get(run, "best");
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(run, "stopped"), "reason")),
                     "early_stopping");
    epochs = (int)number(json_object_get(run, "totals"), "epochs");
    cr_assert_eq(number(best, "epoch"), epochs - 5);
    cr_assert_str_eq(json_string_value(json_object_get(best, "metric")), "test_loss");
    log = file_read(file_in(f.run, "log.jsonl"), NULL);
    entry = line(log, epochs - 6);
    cr_assert_eq(number(entry, "test_loss"), number(best, "value"));
    command_run(&eval, "eval '%s' --json --device cpu", f.run);
    cr_assert_str_empty(eval.err);
    score = parse(eval.out);
    cr_assert_eq(number(score, "test_loss"), number(entry, "test_loss"));
    json_decref(run);
    json_decref(entry);
    json_decref(score);
    free(log);
    command_free(&eval);
    test_remove(f.folder);
}

/* The rate of the steepest fall of count smoothed losses by the logarithm of the rate. */
static double steepest(const double *smoothed, const double *rates, int count)
{
    double least = 0, rate = 0;

    for (int i = 1; i + 1 < count; i++) {
        double slope = (smoothed[i + 1] - smoothed[i - 1]) / log(rates[i + 1] / rates[i - 1]);

        rate = slope < least ? rates[i] : rate;
        least = fmin(slope, least);
    }
    return rate;
}

/* Rates grow geometrically; the mean keeps 0.9 of itself; the one suggested makes it fall fastest. */
TEST(train, lr_find)
{
    struct tiny_run f;
    struct command find;
    json_t *entry, *last = NULL;
    double rates[61], smoothed[61], mean = 0, suggestion;
    int count = 0;

    tiny_setup(&f, SAMPLES);
    command_run(&find, "lr-find '%s' --from 1e-4 --to 100 --steps 61 --json --device cpu", f.recipe);
    cr_assert_eq(find.status, 0, "%s", find.err);
    for (; (entry = line(find.out, count)); count++) {
        if (strcmp(json_string_value(json_object_get(entry, "kind")), "step") == 0) {
            rates[count] = number(entry, "lr");
            smoothed[count] = number(entry, "smoothed");
            mean = 0.9 * mean + 0.1 * number(entry, "loss");
            cr_assert_float_eq(smoothed[count], mean / (1 - pow(0.9, count + 1)), 1e-6);
            cr_assert_float_eq(rates[count] / (1e-4 * pow(10, count / 10.0)), 1, 1e-6);
            cr_assert_eq(number(entry, "step"), count + 1);
        }
        json_decref(last);
        last = entry;
    }
    suggestion = number(last, "suggestion");
    cr_assert_gt(count, 30);
    cr_assert_float_eq(suggestion / steepest(smoothed, rates, count - 1), 1, 0.01);
    json_decref(last);
    command_free(&find);
    command_expect(2, "--to must be over --from", "lr-find '%s' --from 1 --to 1", f.recipe);
    cr_assert_neq(access(f.run, F_OK), 0);
    test_remove(f.folder);
}

/* What eval measures is what the log of the last epoch says; it learns. */
TEST(train, eval_and_predict)
{
    struct tiny_run f;
    struct command eval, predict;
    json_t *score, *entry;
    char *log;
    int hits = 0, count = 0, index, class;

    tiny_setup(&f, SAMPLES);
    command_expect(0, NULL, "train '%s' --out '%s' --set train.epochs=20 --device cpu", f.recipe,
                   f.run);
    log = file_read(file_in(f.run, "log.jsonl"), NULL);
    entry = line(log, 19);
    command_run(&eval, "eval '%s' --json --device cpu", f.run);
    cr_assert_eq(eval.status, 0, "%s", eval.err);
    score = parse(eval.out);
    cr_assert_eq(number(score, "test_loss"), number(entry, "test_loss"));
    cr_assert_eq(number(score, "test_accuracy"), number(entry, "test_accuracy"));
    cr_assert_eq(number(score, "samples"), SAMPLES);
    cr_assert(number(score, "test_accuracy") > 0.9, "it did not learn: %s", eval.out);

    command_run(&predict, "predict '%s' '%s' --device cpu", f.run, file_in(f.folder, "images.idx"));
    cr_assert_eq(predict.status, 0, "%s", predict.err);
    for (char *at = predict.out; *at; at = strchr(at, '\n') + 1, count++) {
        float probability;

        cr_assert_eq(sscanf(at, "%d\t%d\t%f\n", &index, &class, &probability), 3, "%s", at);
        cr_assert(index == count && probability > 0.33f && probability <= 1);
        hits += class == index % 3;
    }
    cr_assert_eq(count, SAMPLES);
    cr_assert_float_eq(hits / (double)SAMPLES, number(score, "test_accuracy"), 1e-6);
    json_decref(score);
    json_decref(entry);
    free(log);
    command_free(&eval);
    command_free(&predict);
    test_remove(f.folder);
}

TEST(train, graph)
{
    struct tiny_run f;
    struct command run;
    char *dot;

    tiny_setup(&f, SAMPLES);
    remove(file_in(f.folder, "images.idx")); /* the shape is in the recipe: no data are needed */
    command_run(&run, "graph '%s' --device cpu", f.recipe);
    cr_assert_eq(run.status, 0, "%s", run.err);
    cr_assert_eq(strncmp(run.out, "digraph", 7), 0, "not DOT: %.40s", run.out);
    command_expect(0, NULL, "graph '%s' -o '%s' --device cpu", f.recipe, f.run);
    dot = file_read(f.run, NULL);
    cr_assert_str_eq(dot, run.out);
    free(dot);
    command_free(&run);
    test_remove(f.folder);
}

static void copy_file(const char *from, const char *to)
{
    size_t size;
    char *data = file_read(from, &size);

    file_write(to, data, size);
    free(data);
}

/* Fails unless eval of the run ends well and says this on standard error; NULL: nothing. */
static void eval_says(const char *run, const char *words)
{
    struct command eval;

    command_run(&eval, "eval '%s' --device cpu", run);
    cr_assert_eq(eval.status, 0, "%s", eval.err);
    cr_assert(words ? strstr(eval.err, words) != NULL : !eval.err[0], "%s", eval.err);
    command_free(&eval);
}

/* A copy of a file of weights with the parameters alone: without optimizer states and metadata. */
static void bare_weights(const char *from, const char *to)
{
    size_t size, end = 0;
    char *file = file_read(from, &size), *out = calloc(1, size), *text;
    json_t *header = json_object(), *old, *tensor;
    const char *name;
    uint64_t length;

    memcpy(&length, file, 8);
    old = json_loadb(file + 8, (size_t)length, 0, NULL);
    json_object_foreach(old, name, tensor)
    {
        json_t *offsets = json_object_get(tensor, "data_offsets");
        size_t begin = (size_t)json_integer_value(json_array_get(offsets, 0));
        size_t bytes = (size_t)json_integer_value(json_array_get(offsets, 1)) - begin;

        if (!offsets || strncmp(name, "optimizer.", 10) == 0)
            continue;
        memcpy(out + end, file + 8 + length + begin, bytes);
        json_object_set_new(tensor, "data_offsets", json_pack("[I, I]", end, end + bytes));
        json_object_set(header, name, tensor);
        end += bytes;
    }
    text = json_dumps(header, JSON_COMPACT);
    length = strlen(text);
    memmove(out + 8 + length, out, end);
    memcpy(out, &length, 8);
    memcpy(out + 8, text, length);
    file_write(to, out, 8 + length + end);
    json_decref(header);
    json_decref(old);
    free(text);
    free(out);
    free(file);
}

/* Weights know what model they are of, what training they come from, and when they are damaged. */
TEST(train, weights_belong_to_a_recipe)
{
    struct tiny_run f;
    char *weights, *summary, other[700], file[700];
    size_t size;

    tiny_setup(&f, SAMPLES);
    snprintf(other, sizeof(other), "%s/other", f.folder);
    snprintf(file, sizeof(file), "%s/model.safetensors", f.run);
    command_expect(0, NULL, "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    weights = file_read(file, &size);
    eval_says(f.run, NULL);
    command_expect(0, NULL, "train '%s' --out '%s' --set model.1=tanh --device cpu", f.recipe,
                   other);
    copy_file(file_in(other, "model.safetensors"), file);
    command_expect(1, "do not belong together: the file was written by a training of another model",
                   "eval '%s' --device cpu", f.run);
    command_expect(1, "do not belong together", "predict '%s' '%s/images.idx' --device cpu", f.run,
                   f.folder);
    file_write(file, weights, size);
    command_expect(1, "do not belong together", "eval '%s' --set data.normalize.std=9 --device cpu",
                   f.run);
    command_expect(0, NULL, "eval '%s' --set data.batch=9 --device cpu", f.run);
    command_expect(0, NULL, "train '%s' --out '%s/seed' --set train.seed=2 --device cpu", f.recipe,
                   f.folder);
    command_expect(0, NULL, "train '%s' --out '%s/wide' --set model.0.linear.out=9 --device cpu",
                   f.recipe, f.folder);
    copy_file(file_in(f.folder, "wide/model.safetensors"), file);
    command_expect(1, "do not belong together", "eval '%s' --device cpu", f.run);
    bare_weights(file_in(f.folder, "seed/model.safetensors"), file);
    eval_says(f.run, "model.safetensors' does not say which model it was written for");
    copy_file(file_in(f.folder, "seed/model.safetensors"), file);
    eval_says(f.run, "the model is the same, but the training was another");
    weights[size - 3] ^= 4;
    file_write(file, weights, size);
    command_expect(1, "model.safetensors': is damaged", "eval '%s' --device cpu", f.run);
    weights[size - 3] ^= 4;
    file_write(file, weights, size);
    summary = file_read(file_in(f.run, "run.json"), NULL);
    remove(file_in(f.run, "run.json"));
    eval_says(f.run, "was not finished, it has no run.json that can be read: these are the weights "
                     "of step 14");
    memcpy(strstr(summary, "\"epochs\",\n"), "\"nan\"   ,", 9);
    file_write_text(file_in(f.run, "run.json"), summary);
    eval_says(f.run, "was not finished, it stopped (nan): these are the weights of step 14");
    file_write_text(file_in(f.run, "run.json"), "{\"stopped\": [");
    eval_says(f.run, "run.json' does not say whether the run was finished");
    free(weights);
    free(summary);
    test_remove(f.folder);
}

/* Weights of a run are the initial weights of the next. */
TEST(train, starts_from_weights)
{
    struct tiny_run f;
    struct command eval;
    json_t *before, *entry;
    char *log;

    tiny_setup(&f, SAMPLES);
    command_expect(0, NULL, "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    command_run(&eval, "eval '%s' --json --device cpu", f.run);
    before = parse(eval.out);
    command_expect(0, NULL,
                   "train '%s' --out '%s/next' --set init.weights='%s/model.safetensors' "
                   "--set optimizer.sgd.lr=0 --steps 1 --device cpu",
                   f.recipe, f.folder, f.run);
    log = file_read(file_in(f.folder, "next/log.jsonl"), NULL);
    entry = line(log, 0);
    cr_assert_eq(number(entry, "test_loss"), number(before, "test_loss"));
    json_decref(entry);
    json_decref(before);
    free(log);
    command_free(&eval);
    test_remove(f.folder);
}

/* Fails unless the first lines of both logs have the same losses. */
static void same_losses(const char *first, const char *second, int lines)
{
    for (int i = 0; i < lines; i++) {
        json_t *a = line(first, i), *b = line(second, i);

        cr_assert_eq(number(a, "step"), i + 1);
        cr_assert_eq(number(a, "loss"), number(b, "loss"), "step %d: %.9g, not %.9g", i + 1,
                     number(a, "loss"), number(b, "loss"));
        json_decref(a);
        json_decref(b);
    }
}

/* Initial values are values: moments and counters of the run they come from are not taken over, so
 * that a run from a run's weights and one from these weights alone are the same, and a run counts
 * its own steps. */
TEST(train, starts_anew_from_weights)
{
    struct tiny_run f;
    char *log, *bare_log, *run;
    size_t size;

    tiny_setup(&f, SAMPLES);
    command_expect(0, NULL,
                   "train '%s' --out '%s' --set optimizer='{adam: {lr: 0.01}}' --device cpu",
                   f.recipe, f.run);
    bare_weights(file_in(f.run, "model.safetensors"), file_in(f.folder, "bare"));
    for (int i = 0; i < 2; i++)
        command_expect(0, NULL,
                       "train '%s' --out '%s/%d' --set init.weights='%s' --set model.1=dropout "
                       "--set optimizer='{adam: {lr: 0.01}}' --set train.log_every=1 --steps 3 "
                       "--device cpu",
                       f.recipe, f.folder, i, i ? "bare" : "run/model.safetensors");
    log = file_read(file_in(f.folder, "0/log.jsonl"), &size);
    bare_log = file_read(file_in(f.folder, "1/log.jsonl"), &size);
    same_losses(log, bare_log, 3);
    command_expect(1, "training stopped at step 2",
                   "train '%s' --out '%s/bad' --set init.weights=run/model.safetensors "
                   "--set optimizer.sgd.lr=1e38 --device cpu --quiet",
                   f.recipe, f.folder);
    run = file_read(file_in(f.folder, "bad/run.json"), NULL);
    cr_assert_not_null(strstr(run, "\"step\": 2"), "%s", run);
    free(log);
    free(bare_log);
    free(run);
    test_remove(f.folder);
}

/* Numbers as labels: the loss is a mean of squares, and there is no accuracy. */
TEST(train, regression)
{
    struct tiny_run f;
    struct command predict;
    json_t *entry;
    char *log;

    tiny_setup(&f, SAMPLES);
    command_expect(0, NULL,
                   "train '%s' --out '%s' --set loss=mse --set model.2.linear.out=1 "
                   "--set optimizer.sgd.lr=0.05 --set train.epochs=30 --device cpu",
                   f.recipe, f.run);
    log = file_read(file_in(f.run, "log.jsonl"), NULL);
    entry = line(log, 29);
    cr_assert(number(entry, "test_loss") < 0.3);
    cr_assert_null(json_object_get(entry, "test_accuracy"));
    json_decref(entry);
    free(log);
    command_run(&predict, "predict '%s' '%s' --json --device cpu", f.run,
                file_in(f.folder, "images.idx"));
    entry = line(predict.out, 5);
    cr_assert_eq(json_array_size(json_object_get(entry, "values")), 1);
    json_decref(entry);
    command_free(&predict);
    test_remove(f.folder);
}

/* Channels are normalised by lists, and the shape may come from the files. */
TEST(train, channels)
{
    struct tiny_run f;
    char *recipe;

    tiny_setup(&f, SAMPLES);
    command_expect(0, NULL,
                   "train '%s' --out '%s' --set data.shape=null "
                   "--set data.normalize.mean=[1,2,3,4] --set data.normalize.std=[9,8,7,6] "
                   "--set model.0=flatten --device cpu",
                   f.recipe, f.run);
    recipe = file_read(file_in(f.run, "recipe.yaml"), NULL);
    cr_assert_not_null(strstr(recipe, "shape: [4, 2]"), "%s", recipe);
    free(recipe);
    test_remove(f.folder);
}
