/* Runs of the command, and the small files it works on. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* What a run gave; out and err until command_free. */
struct command {
    int status; /* exit status; 128 + number of the signal that ended it */
    char *out, *err;
};

/* Runs `clgrad` with the arguments, which a shell takes apart. */
void command_run(struct command *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void command_free(struct command *run);
/* The same, and fails unless it ends with the status, and (unless NULL) standard error is one line
 * with these words. */
void command_expect(int status, const char *words, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A process that goes on while the test does; it is killed with the test. */
struct running {
    pid_t pid;
    FILE *out, *err; /* what it prints */
    FILE *notes;     /* what it writes to its descriptor 3 */
};
/* Starts a shell's line, in which $CLG_TEST_COMMAND is the command and should be exec'ed. */
void running_start(struct running *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Waits for a line (without its end) and fails when there is none. Good until the next call. */
const char *running_line(FILE *stream);
/* Reads what it still prints and waits for its end. Its status, as in struct command. */
int running_end(struct running *run);

/* FOLDER/NAME in a buffer of its own; good for the last 8 calls. */
const char *file_in(const char *folder, const char *name);
/* Fails when the file cannot be read. A zero byte follows; free() it. */
char *file_read(const char *path, size_t *size);
void file_write(const char *path, const void *data, size_t size);
void file_write_text(const char *path, const char *text);

/* An IDX file of bytes: type 8, dimensions (until 0), then size bytes. */
void idx_write(const char *path, const uint32_t *dims, const void *data, size_t size);

/* A set of data that can be learnt: count samples (4, 2) of bytes with labels 0 to 2, as images.idx
 * and labels.idx in the folder. */
void tiny_data(const char *folder, int count);
/* A recipe for it, as recipe.yaml in the folder: a net 8-5-3, batch 16, 2 epochs; with: further
 * lines. */
const char *tiny_recipe(const char *folder, const char *with);
/* A temporary folder with both, and the path of a run in it; test_remove(folder) ends it. */
struct tiny_run {
    char folder[256], recipe[600], run[600];
};
void tiny_setup(struct tiny_run *tiny, int count);

/* Folder of Fashion-MNIST; skips the test, saying what to install, where it is missing. */
const char *fashion_mnist(void);

#endif
