/* What ends a training from outside: signals, closed pipes and descriptors, full disks. */
#define _GNU_SOURCE /* prlimit */
#include "test.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"

enum { SAMPLES = 50, LINES = 8 /* of log.jsonl: 4 steps an epoch, 2 epochs */, NO_END = 1000000 };

static const struct {
    int number;
    const char *name;
} signals[] = {{SIGHUP, "SIGHUP"}, {SIGINT, "SIGINT"}, {SIGTERM, "SIGTERM"}, {SIGPIPE, "SIGPIPE"}};
enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };

/* Starts a training after the words of a shell's line, and waits for its first epoch. */
static void start(const struct tiny_run *f, struct running *run, const char *before, int epochs)
{
    running_start(run,
                  "%s exec \"$CLG_TEST_COMMAND\" train '%s' --out '%s' --device cpu "
                  "--set train.epochs=%d",
                  before, f->recipe, f->run, epochs);
    cr_assert_not_null(strstr(running_line(run->out), "device"));
    cr_assert_not_null(strstr(running_line(run->out), "epoch"));
}

static void expect_announcement(struct running *run, const char *name)
{
    const char *line = running_line(run->err);

    cr_assert(strstr(line, name) && strstr(line, "a second signal ends it at once"), "%s", line);
}

static void expect_reason(const struct tiny_run *f, const char *reason)
{
    json_t *run = json_load_file(file_in(f->run, "run.json"), JSON_REJECT_DUPLICATES, NULL);

    cr_assert_not_null(run, "there is no run.json");
    cr_assert_str_eq(json_string_value(json_object_get(json_object_get(run, "stopped"), "reason")),
                     reason);
    json_decref(run);
}

static void expect_saved(const struct tiny_run *f, struct running *run)
{
    int status = running_end(run);

    cr_assert_eq(status, 0, "status %d", status);
    expect_reason(f, "requested");
    cr_assert_eq(access(file_in(f->run, "model.safetensors"), R_OK), 0);
}

TEST(signals, each_saves)
{
    for (int i = 0; i < SIGNALS; i++) {
        struct tiny_run f;
        struct running run;

        tiny_setup(&f, SAMPLES);
        start(&f, &run, "", NO_END);
        kill(run.pid, signals[i].number);
        expect_announcement(&run, signals[i].name);
        expect_saved(&f, &run);
        if (i == 0)
            command_expect(0, NULL, "eval '%s' --device cpu", f.run);
        test_remove(f.folder);
    }
}

/* Held at the opening of the weights' file, a training ends by the second signal all the same, and
 * the same holds where both are the same one. */
TEST(signals, the_second_ends_at_once)
{
    for (int i = 0; i < SIGNALS; i++) {
        struct tiny_run f;
        struct running run;
        char hold[700];
        int second = signals[(i * 3 + 3) % SIGNALS].number;

        tiny_setup(&f, SAMPLES);
        snprintf(hold, sizeof(hold), "LD_PRELOAD='%s' HOLD_IN='%s/model' HOLD_AT=1",
                 getenv("CLG_TEST_HOLD"), f.run);
        start(&f, &run, hold, NO_END);
        kill(run.pid, signals[i].number);
        expect_announcement(&run, signals[i].name);
        cr_assert_eq(fgetc(run.notes), '.');
        kill(run.pid, second);
        cr_assert_eq(running_end(&run), 128 + second);
        cr_assert_neq(access(file_in(f.run, "run.json"), F_OK), 0);
        test_remove(f.folder);
    }
}

/* `timeout` sends twice in a row, and a closed terminal sends SIGHUP beside a shell's. */
TEST(signals, copies_are_one_request)
{
    struct tiny_run f;
    struct running run;
    int status;

    tiny_setup(&f, SAMPLES);
    start(&f, &run, "", NO_END);
    kill(run.pid, SIGSTOP);
    cr_assert_eq(waitpid(run.pid, &status, WUNTRACED), run.pid);
    kill(run.pid, SIGTERM); /* both are there when it goes on */
    kill(run.pid, SIGHUP);
    kill(run.pid, SIGCONT);
    expect_saved(&f, &run);
    test_remove(f.folder);
}

/* Under nohup a hang-up changes nothing: neither the training nor what ends it later. */
TEST(signals, nohup)
{
    struct tiny_run f;
    struct running run;

    tiny_setup(&f, SAMPLES);
    start(&f, &run, "trap '' HUP;", NO_END);
    for (int i = 0; i < 3; i++) {
        kill(run.pid, SIGHUP);
        cr_assert_not_null(strstr(running_line(run.out), "epoch"));
    }
    kill(run.pid, SIGTERM);
    expect_announcement(&run, "SIGTERM");
    expect_saved(&f, &run);
    test_remove(f.folder);
}

/* Hang-ups while kernels are compiled, when LLVM has handlers of its own in place. */
TEST(signals, nohup_while_compiling)
{
    struct tiny_run f;
    struct running run;

    tiny_setup(&f, SAMPLES);
    running_start(&run,
                  "trap '' HUP; export POCL_CACHE_DIR='%s/cold'; exec \"$CLG_TEST_COMMAND\" train "
                  "'%s' --out '%s' --device cpu --set train.epochs=%d",
                  f.folder, f.recipe, f.run, NO_END);
    cr_assert_not_null(strstr(running_line(run.out), "device"));
    while (poll(&(struct pollfd){.fd = fileno(run.out), .events = POLLIN}, 1, 1) == 0)
        kill(run.pid, SIGHUP);
    cr_assert_not_null(strstr(running_line(run.out), "epoch"));
    kill(run.pid, SIGTERM);
    expect_announcement(&run, "SIGTERM");
    expect_saved(&f, &run);
    test_remove(f.folder);
}

/* What was ignored stays so, whichever it is. */
TEST(signals, ignored_stay_ignored)
{
    struct tiny_run f;
    struct running run;

    tiny_setup(&f, SAMPLES);
    start(&f, &run, "trap '' INT TERM PIPE;", NO_END);
    kill(run.pid, SIGINT);
    kill(run.pid, SIGTERM);
    kill(run.pid, SIGPIPE);
    cr_assert_not_null(strstr(running_line(run.out), "epoch"));
    kill(run.pid, SIGHUP);
    expect_announcement(&run, "SIGHUP");
    expect_saved(&f, &run);
    test_remove(f.folder);
}

/* ---- output ---- */

/* A line of a shell that trains, with words after the command. */
static int shell(const struct tiny_run *f, const char *after)
{
    struct running run;

    running_start(&run, "\"$CLG_TEST_COMMAND\" train '%s' --out '%s' --device cpu %s", f->recipe,
                  f->run, after);
    return running_end(&run);
}

/* A reader that ends ends the output and not the training. */
TEST(output, reader_ends)
{
    static const char *const flags[] = {"", "--json --set train.log_every=1"};

    for (int i = 0; i < 2; i++) {
        struct tiny_run f;
        struct running run;

        tiny_setup(&f, SAMPLES);
        running_start(&run,
                      "{ \"$CLG_TEST_COMMAND\" train '%s' --out '%s' --device cpu "
                      "--set train.epochs=300 %s; echo $? >&3; } | head -n 1",
                      f.recipe, f.run, flags[i]);
        cr_assert_str_eq(running_line(run.notes), "0");
        cr_assert_eq(fgetc(run.err), EOF, "somebody was told");
        cr_assert_eq(running_end(&run), 0);
        expect_reason(&f, "epochs");
        test_remove(f.folder);
    }
}

/* The files of a run are the same whatever is closed. */
TEST(output, closed_descriptors)
{
    static const char *const close[] = {"<&- ", ">&- ", "2>&- "};
    struct tiny_run f;
    size_t size, other;
    char *weights, *log;

    tiny_setup(&f, SAMPLES);
    cr_assert_eq(shell(&f, "--set train.log_every=1"), 0);
    weights = file_read(file_in(f.run, "model.safetensors"), &size);
    for (int set = 1; set < 8; set++) {
        char closed[64] = "", *again;
        int lines = 0;

        test_remove(f.run);
        for (int i = 0; i < 3; i++)
            strcat(closed, set & 1 << i ? close[i] : "");
        strcat(closed, "--set train.log_every=1");
        cr_assert_eq(shell(&f, closed), 0, "%s", closed);
        again = file_read(file_in(f.run, "model.safetensors"), &other);
        cr_assert(other == size && memcmp(again, weights, size) == 0, "other weights: %s", closed);
        free(again);
        log = file_read(file_in(f.run, "log.jsonl"), NULL);
        for (char *at = log, *end; (end = strchr(at, '\n')); at = end + 1, lines++) {
            *end = '\0';
            json_decref(json_loads(at, 0, NULL));
            cr_assert(*at == '{', "%s: in the log: %s", closed, at);
        }
        cr_assert_eq(lines, LINES + 2, "%s: %d lines", closed, lines);
        free(log);
        expect_reason(&f, "epochs");
    }
    free(weights);
    test_remove(f.folder);
}

static void check_whole_lines(const char *path)
{
    size_t size;
    char *log = file_read(path, &size);

    cr_assert(size > 0 && log[size - 1] == '\n', "the log ends inside a line");
    free(log);
}

/* A log that cannot grow any more is given up, which is said once; what stands in it are whole
 * lines, and the training goes on and saves. */
TEST(output, log_that_cannot_be_written)
{
    static const char *const flags[] = {"", "--json"};

    for (int i = 0; i < 2; i++) {
        const struct rlimit limit = {4096, 4096}; /* the weights are smaller */
        struct tiny_run f;
        struct running run;

        tiny_setup(&f, SAMPLES);
        running_start(&run,
                      "exec \"$CLG_TEST_COMMAND\" train '%s' --out '%s' --device cpu "
                      "--set train.epochs=%d --set train.log_every=1 %s",
                      f.recipe, f.run, NO_END, flags[i]);
        while (!strstr(running_line(run.out), "epoch"))
            ;
        cr_assert_eq(prlimit(run.pid, RLIMIT_FSIZE, &limit, NULL), 0);
        cr_assert_not_null(
            strstr(running_line(run.err), "log.jsonl': File too large; the training goes on"));
        for (int line = 0; line < 100; line++)
            running_line(run.out);
        kill(run.pid, SIGTERM);
        expect_announcement(&run, "SIGTERM");
        expect_saved(&f, &run);
        command_expect(0, NULL, "eval '%s' --device cpu", f.run);
        check_whole_lines(file_in(f.run, "log.jsonl"));
        test_remove(f.folder);
    }
}

/* What cannot be printed is no success, unless nobody is there. Said once. */
TEST(output, full_disk)
{
    static const char *const words[] = {"--version", "--help", "devices", "train --keys"};
    struct tiny_run f;

    tiny_setup(&f, SAMPLES);
    command_expect(1, "cannot write to standard output: No space left on device; the training goes",
                   "train '%s' --out '%s' --device cpu >/dev/full", f.recipe, f.run);
    expect_reason(&f, "epochs");
    command_expect(1, "cannot write to standard output: No space",
                   "eval '%s' --device cpu >/dev/full", f.run);
    command_expect(1, "cannot write to standard output: No space",
                   "predict '%s' '%s' --device cpu >/dev/full", f.run,
                   file_in(f.folder, "images.idx"));
    command_expect(1, "cannot write '/dev/full': No space", "graph '%s' --device cpu -o /dev/full",
                   f.recipe);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        command_expect(1, "cannot write to standard output: No space", "%s >/dev/full", words[i]);
        command_expect(1, "cannot write to standard output: Bad file", "%s >&-", words[i]);
    }
    test_remove(f.folder);
}
