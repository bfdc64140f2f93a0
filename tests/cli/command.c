#define _GNU_SOURCE /* pipe2 */
#include "cli/command.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static void run_list(struct command *run, const char *format, va_list list)
{
    const char *command = getenv("CLG_TEST_COMMAND");
    char arguments[4096], line[8192], folder[256];
    int status;

    cr_assert_not_null(command, "CLG_TEST_COMMAND does not say where the command is");
    vsnprintf(arguments, sizeof(arguments), format, list);
    test_folder(folder);
    snprintf(line, sizeof(line), "'%s' >'%s/out' 2>'%s/err' %s", command, folder, folder,
             arguments);
    status = system(line);
    run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    run->out = file_read(file_in(folder, "out"), NULL);
    run->err = file_read(file_in(folder, "err"), NULL);
    test_remove(folder);
}

void command_run(struct command *run, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    run_list(run, format, list);
    va_end(list);
}

void command_free(struct command *run)
{
    free(run->out);
    free(run->err);
    *run = (struct command){0};
}

void command_expect(int status, const char *words, const char *format, ...)
{
    struct command run;
    va_list list;

    va_start(list, format);
    run_list(&run, format, list);
    va_end(list);
    cr_assert_eq(run.status, status, "clgrad %s: exit status %d, not %d; it says: %s", format,
                 run.status, status, run.err);
    if (words) {
        char *end = strchr(run.err, '\n');

        cr_assert_not_null(strstr(run.err, words), "clgrad %s: '%s' is not in: %s", format, words,
                           run.err);
        cr_assert(end && !end[1], "clgrad %s: not one line on stderr: %s", format, run.err);
    }
    command_free(&run);
}

/* ---- processes that go on ---- */

enum { PIPES = 3 };

/* A shell passes on what it was told to ignore: these tests too may run under nohup. */
static void exec_shell(const char *line, int pipes[PIPES][2])
{
    static const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE};

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < PIPES; i++)
        dup2(pipes[i][1], 50 + i); /* out of the way of 1 to 3 */
    for (int i = 0; i < PIPES; i++) {
        dup2(50 + i, 1 + i);
        close(50 + i);
    }
    execl("/bin/sh", "sh", "-c", line, (char *)NULL);
    _exit(127);
}

void running_start(struct running *run, const char *format, ...)
{
    FILE **streams[PIPES] = {&run->out, &run->err, &run->notes};
    int pipes[PIPES][2];
    char line[8192];
    va_list list;

    va_start(list, format);
    vsnprintf(line, sizeof(line), format, list);
    va_end(list);
    for (int i = 0; i < PIPES; i++)
        cr_assert_eq(pipe2(pipes[i], O_CLOEXEC), 0);
    run->pid = fork();
    cr_assert_geq(run->pid, 0);
    if (run->pid == 0)
        exec_shell(line, pipes);
    for (int i = 0; i < PIPES; i++) {
        close(pipes[i][1]);
        *streams[i] = fdopen(pipes[i][0], "r");
        cr_assert_not_null(*streams[i]);
    }
}

const char *running_line(FILE *stream)
{
    static char line[4096];

    cr_assert_not_null(fgets(line, sizeof(line), stream), "the process ended");
    line[strcspn(line, "\n")] = '\0';
    return line;
}

int running_end(struct running *run)
{
    FILE *streams[PIPES] = {run->out, run->err, run->notes};
    char rest[4096];
    int status;

    for (int i = 0; i < PIPES; i++) {
        while (fread(rest, 1, sizeof(rest), streams[i]) > 0)
            ;
        fclose(streams[i]);
    }
    cr_assert_eq(waitpid(run->pid, &status, 0), run->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- files ---- */

const char *file_in(const char *folder, const char *name)
{
    static char paths[8][600];
    static unsigned next;
    char *path = paths[next++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

char *file_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *data;
    long length;

    cr_assert_not_null(file, "cannot open %s", path);
    fseek(file, 0, SEEK_END);
    length = ftell(file);
    rewind(file);
    data = calloc((size_t)length + 1, 1);
    cr_assert_not_null(data);
    cr_assert_eq(fread(data, 1, (size_t)length, file), (size_t)length);
    fclose(file);
    if (size)
        *size = (size_t)length;
    return data;
}

void file_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");

    cr_assert_not_null(file, "cannot write %s", path);
    cr_assert_eq(fwrite(data, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

void file_write_text(const char *path, const char *text)
{
    file_write(path, text, strlen(text));
}

void idx_write(const char *path, const uint32_t *dims, const void *data, size_t size)
{
    unsigned char *file = calloc(1, 64 + size), *at = file + 4;

    cr_assert_not_null(file);
    file[2] = 8;
    for (; *dims; dims++, at += 4, file[3]++)
        for (int i = 0; i < 4; i++)
            at[i] = (unsigned char)(*dims >> (24 - 8 * i));
    memcpy(at, data, size);
    file_write(path, file, (size_t)(at - file) + size);
    free(file);
}

void tiny_data(const char *folder, int count)
{
    unsigned char *samples = malloc(8 * (size_t)count), *labels = malloc((size_t)count);
    uint32_t noise = 1;

    cr_assert(samples && labels);
    for (int i = 0; i < count; i++) {
        labels[i] = (unsigned char)(i % 3);
        for (int j = 0; j < 8; j++) {
            noise = noise * 1664525u + 1013904223u;
            samples[8 * i + j] =
                (unsigned char)((noise >> 24) / 4 + (j % 3 == labels[i] ? 150 : 20));
        }
    }
    idx_write(file_in(folder, "images.idx"), (const uint32_t[]){(uint32_t)count, 4, 2, 0}, samples,
              8 * (size_t)count);
    idx_write(file_in(folder, "labels.idx"), (const uint32_t[]){(uint32_t)count, 0}, labels,
              (size_t)count);
    free(samples);
    free(labels);
}

const char *tiny_recipe(const char *folder, const char *with)
{
    const char *path = file_in(folder, "recipe.yaml");
    char text[4096];

    snprintf(text, sizeof(text),
             "data:\n"
             "  train: {images: images.idx, labels: labels.idx}\n"
             "  test: {images: images.idx, labels: labels.idx}\n"
             "  shape: [8]\n"
             "  normalize: {mean: 0, std: 255}\n"
             "  batch: 16\n"
             "model:\n"
             "  - linear: {out: 5}\n"
             "  - relu\n"
             "  - linear: {out: 3}\n"
             "loss: cross_entropy\n"
             "optimizer: {sgd: {lr: 0.5}}\n"
             "train: {epochs: 2}\n"
             "%s",
             with);
    file_write_text(path, text);
    return path;
}

void tiny_setup(struct tiny_run *tiny, int count)
{
    test_folder(tiny->folder);
    tiny_data(tiny->folder, count);
    snprintf(tiny->recipe, sizeof(tiny->recipe), "%s", tiny_recipe(tiny->folder, ""));
    snprintf(tiny->run, sizeof(tiny->run), "%s", file_in(tiny->folder, "run"));
}

const char *fashion_mnist(void)
{
    static const char folder[] = "/usr/share/datasets/fashion-mnist";
    const char *other = getenv("CLG_TEST_FASHION_MNIST");

    if (other)
        return other;
    if (access(folder, R_OK) != 0)
        cr_skip_test("Fashion-MNIST is missing: apt-get install dataset-fashion-mnist");
    return folder;
}
