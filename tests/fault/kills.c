/* A training that is killed with SIGKILL, which nothing can catch: every file of its folder is
 * whole, and the folder serves: for `eval` where weights were saved, for going on where a checkpoint was,
 * for another training where neither. Ten kills at random steps, ten at random calls on the way to the disk (hold.c). */
#include "test.h"

#include <dirent.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

enum { SAMPLES = 50, KILLS = 10, SEED = 19 };
#define LAST "checkpoint/step-00000008.safetensors" /* of two epochs of four steps */

struct fixture {
    char folder[256], recipe[600], run[600];
    char *weights; /* of a run that nobody kills */
    size_t size;
};

static void setup(struct fixture *f)
{
    char whole[600];

    srand(SEED);
    test_folder(f->folder);
    tiny_data(f->folder, SAMPLES);
    snprintf(f->recipe, sizeof(f->recipe), "%s", tiny_recipe(f->folder, ""));
    snprintf(f->run, sizeof(f->run), "%s", file_in(f->folder, "run"));
    snprintf(whole, sizeof(whole), "%s", file_in(f->folder, "whole"));
    command_expect(0, NULL, "train '%s' --out '%s' --device cpu", f->recipe, whole);
    f->weights = file_read(file_in(whole, "model.safetensors"), &f->size);
}

static void finish(struct fixture *f)
{
    free(f->weights);
    test_remove(f->folder);
}

/* All lines but one that was being written. */
static void check_log(const struct fixture *f)
{
    char *log = file_read(file_in(f->run, "log.jsonl"), NULL), *end;

    for (char *at = log; (end = strchr(at, '\n')); at = end + 1) {
        json_t *line;

        *end = '\0';
        line = json_loads(at, JSON_REJECT_DUPLICATES, NULL);
        cr_assert_not_null(line, "not a line of JSON: %s", at);
        json_decref(line);
    }
    free(log);
}

static void check_json(const char *path)
{
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);

    cr_assert_not_null(json, "%s is torn", path);
    json_decref(json);
}

static void check_weights(const struct fixture *f)
{
    size_t size;
    char *data = file_read(file_in(f->run, "model.safetensors"), &size);

    cr_assert(size == f->size && memcmp(data, f->weights, size) == 0, "the weights are torn");
    free(data);
}

static int count_files(const char *path)
{
    DIR *folder = opendir(path);
    int count = -2; /* . and .. */

    cr_assert_not_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static bool has(const struct fixture *f, const char *name)
{
    return access(file_in(f->run, name), F_OK) == 0;
}

static void check_files(const struct fixture *f)
{
    cr_assert_eq(count_files(f->run), 5, "something was left behind in %s", f->run);
    cr_assert_eq(count_files(file_in(f->run, "checkpoint")), 1, "something was left behind there");
}

static void check_folder(const struct fixture *f)
{
    if (has(f, "log.jsonl"))
        check_log(f);
    if (has(f, "run.json"))
        check_json(file_in(f->run, "run.json"));
    if (has(f, "model.safetensors")) {
        check_weights(f);
        command_expect(0, NULL, "eval '%s' --device cpu", f->run);
    } else if (has(f, LAST)) {
        command_expect(0, NULL, "train --resume '%s' --device cpu --quiet", f->run);
        check_weights(f);
        check_files(f);
    } else {
        command_expect(0, NULL, "train '%s' --out '%s' --device cpu --quiet", f->recipe, f->run);
        check_files(f);
    }
    test_remove(f->run);
}

static void start(const struct fixture *f, struct running *run, const char *flags, int hold_at)
{
    char hold[700] = "";

    if (hold_at >= 0)
        snprintf(hold, sizeof(hold), "LD_PRELOAD='%s' HOLD_IN='%s' HOLD_AT=%d",
                 getenv("CLG_TEST_HOLD"), f->run, hold_at);
    running_start(run, "%s exec \"$CLG_TEST_COMMAND\" train '%s' --out '%s' --device cpu %s", hold,
                  f->recipe, f->run, flags);
}

static void end_killed(struct running *run)
{
    kill(run->pid, SIGKILL);
    cr_assert_eq(running_end(run), 128 + SIGKILL);
}

TEST(kills, at_steps)
{
    struct fixture f;
    struct running run;

    setup(&f);
    for (int i = 0; i < KILLS; i++) {
        int lines = rand() % 200;

        start(&f, &run, "--json --set train.epochs=1000000 --set train.log_every=1", -1);
        for (int n = 0; n <= lines; n++)
            running_line(run.out);
        end_killed(&run);
        cr_assert(!has(&f, "model.safetensors"));
        check_folder(&f);
    }
    finish(&f);
}

/* How many calls a run makes on the way to the disk. */
static int count_calls(const struct fixture *f)
{
    struct running run;
    int count = 0;

    start(f, &run, "", 0);
    while (fgetc(run.notes) != EOF)
        count++;
    cr_assert_eq(running_end(&run), 0);
    test_remove(f->run);
    return count;
}

TEST(kills, while_saving)
{
    struct fixture f;
    struct running run;
    int calls;

    setup(&f);
    calls = count_calls(&f);
    cr_assert_geq(calls, 3 * 4, "only %d calls: is the library loaded?", calls);
    for (int i = 0; i < KILLS; i++) {
        int at = 1 + rand() % calls;

        start(&f, &run, "", at);
        for (int n = 0; n < at; n++)
            cr_assert_eq(fgetc(run.notes), '.');
        end_killed(&run);
        check_folder(&f);
    }
    finish(&f);
}

/* The folder of a training that goes on is nobody else's, though it looks like a killed one's. */
TEST(kills, not_a_living_one)
{
    struct fixture f;
    struct running run;

    setup(&f);
    start(&f, &run, "--set train.epochs=1000000", -1);
    running_line(run.out);
    running_line(run.out);
    command_expect(1, "is not empty: another run writes there",
                   "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    end_killed(&run);
    check_folder(&f);
    finish(&f);
}
