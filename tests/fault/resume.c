/* A training that is killed with SIGKILL fifty times, at random steps and at random calls on the way to
 * the disk (hold.c), and goes on each time: its weights and its log are those of one that nobody killed.
 * Everything that a checkpoint must have is in it: two moments and a running product of NAdam, running
 * statistics, dropout, an order, batches that add up to a step, a schedule by steps, sums of an unfinished
 * epoch, the best weights so far. */
#include "test.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"

enum { SAMPLES = 100, KILLS = 50, MOST_LINES = 14, MOST_CALLS = 40 };

static const char recipe_text[] =
    "data:\n"
    "  train: {images: images.idx, labels: labels.idx}\n"
    "  test: {images: images.idx, labels: labels.idx}\n"
    "  shape: [8]\n"
    "  normalize: {mean: 0, std: 255}\n"
    "  batch: 16\n"
    "model:\n"
    "  - linear: {out: 5}\n"
    "  - batchnorm1d\n"
    "  - relu\n"
    "  - dropout: 0.3\n"
    "  - linear: {out: 3}\n"
    "loss: cross_entropy\n"
    "optimizer: {nadam: {lr: 0.01}}\n"
    "schedule: {cosine: {T_max: 300, by: step, warmup: 20}}\n"
    "train:\n"
    "  epochs: 250\n"
    "  accumulate: 2\n"
    "  clip: {norm: 0.5}\n"
    "  log_every: 1\n"
    "  checkpoint: {steps: 3, keep: 2}\n"
    "  early_stopping: {metric: test_loss, patience: 1000}\n";

struct fixture {
    char folder[256], recipe[600], run[600], whole[600];
};

static void setup(struct fixture *f)
{
    test_folder(f->folder);
    tiny_data(f->folder, SAMPLES);
    snprintf(f->recipe, sizeof(f->recipe), "%s", file_in(f->folder, "recipe.yaml"));
    snprintf(f->run, sizeof(f->run), "%s", file_in(f->folder, "run"));
    snprintf(f->whole, sizeof(f->whole), "%s", file_in(f->folder, "whole"));
    file_write_text(f->recipe, recipe_text);
    command_expect(0, NULL, "train '%s' --out '%s' --device cpu --quiet", f->recipe, f->whole);
}

static bool has_checkpoint(const struct fixture *f)
{
    char line[800];

    snprintf(line, sizeof(line), "ls '%s'/checkpoint/step-*.safetensors > /dev/null 2>&1", f->run);
    return system(line) == 0;
}

/* Goes on where there is something to go on from. */
static const char *arguments(const struct fixture *f)
{
    static char line[1500];

    if (has_checkpoint(f))
        snprintf(line, sizeof(line), "train --resume '%s' --device cpu --json", f->run);
    else
        snprintf(line, sizeof(line), "train '%s' --out '%s' --device cpu --json", f->recipe, f->run);
    return line;
}

static void kill_at_step(const struct fixture *f, int lines)
{
    struct running run;

    running_start(&run, "exec \"$CLG_TEST_COMMAND\" %s", arguments(f));
    for (int i = 0; i < lines; i++)
        running_line(run.out);
    kill(run.pid, SIGKILL);
    cr_assert_eq(running_end(&run), 128 + SIGKILL);
}

static void kill_while_saving(const struct fixture *f, int calls)
{
    struct running run;

    running_start(&run, "LD_PRELOAD='%s' HOLD_IN='%s' HOLD_AT=%d exec \"$CLG_TEST_COMMAND\" %s",
                  getenv("CLG_TEST_HOLD"), f->run, calls, arguments(f));
    for (int i = 0; i < calls; i++)
        cr_assert_eq(fgetc(run.notes), '.', "the run ended before its call %d", calls);
    kill(run.pid, SIGKILL);
    cr_assert_eq(running_end(&run), 128 + SIGKILL);
}

/* A log without what depends on the clock, as one text. */
static char *lines_of(const char *run)
{
    char *log = file_read(file_in(run, "log.jsonl"), NULL), *out = calloc(strlen(log) + 1, 2), *end;

    for (char *at = log; (end = strchr(at, '\n')); at = end + 1) {
        json_t *line;
        char *text;

        *end = '\0';
        line = json_loads(at, JSON_REJECT_DUPLICATES, NULL);
        cr_assert_not_null(line, "not a line of JSON: %s", at);
        json_object_del(line, "seconds");
        json_object_del(line, "samples_per_second");
        text = json_dumps(line, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(9));
        strcat(strcat(out, text), "\n");
        free(text);
        json_decref(line);
    }
    free(log);
    return out;
}

static void expect_same_log(const struct fixture *f, unsigned seed)
{
    char *got = lines_of(f->run), *want = lines_of(f->whole), *a = got, *b = want;

    for (int i = 1; *a || *b; i++) {
        size_t m = strcspn(a, "\n"), n = strcspn(b, "\n");

        cr_assert(m == n && memcmp(a, b, m) == 0, "seed %u: line %d of the log is %.*s, not %.*s",
                  seed, i, (int)m, a, (int)n, b);
        a += m + (a[m] != '\0');
        b += n + (b[n] != '\0');
    }
    free(got);
    free(want);
}

static void expect_same_weights(const struct fixture *f, unsigned seed)
{
    size_t size, whole_size;
    char *got = file_read(file_in(f->run, "model.safetensors"), &size);
    char *want = file_read(file_in(f->whole, "model.safetensors"), &whole_size);

    cr_assert(size == whole_size && memcmp(got, want, size) == 0,
              "seed %u: the weights are not those of a training that nobody killed", seed);
    free(got);
    free(want);
}

/* The seed is another one each time; CLG_TEST_SEED repeats one that was printed. */
static unsigned take_seed(void)
{
    const char *given = getenv("CLG_TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

    fprintf(stderr, "CLG_TEST_SEED=%u\n", seed);
    srand(seed);
    return seed;
}

TEST(resume, after_fifty_kills)
{
    struct fixture f;
    unsigned seed = take_seed();
    int went_on = 0;

    setup(&f);
    for (int i = 0; i < KILLS; i++) {
        went_on += has_checkpoint(&f);
        if (i % 2)
            kill_at_step(&f, rand() % (MOST_LINES + 1));
        else
            kill_while_saving(&f, 1 + rand() % MOST_CALLS);
    }
    cr_assert_gt(went_on, KILLS / 2, "seed %u: only %d runs went on", seed, went_on);
    command_expect(0, NULL, "%s", arguments(&f));
    expect_same_log(&f, seed);
    expect_same_weights(&f, seed);
    command_expect(0, NULL, "eval '%s' --device cpu --quiet", f.run);
    test_remove(f.folder);
}
