/* What the command shows on terminals of several kinds, and what never reaches one. */
#include "test.h"

#include <errno.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"

/* All that the command writes to a terminal of so many columns; free(). It must succeed. */
static char *on_terminal(int columns, const char *term, const char *arguments)
{
    struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = 24};
    char line[4096], *out = calloc(1, 1 << 18);
    int master, slave, status;
    size_t length = 0;
    ssize_t got;
    pid_t child;

    snprintf(line, sizeof(line), "exec '%s' %s", getenv("CLG_TEST_COMMAND"), arguments);
    cr_assert(out && openpty(&master, &slave, NULL, NULL, &size) == 0, "no terminal");
    child = fork();
    if (child == 0) {
        setenv("TERM", term, 1);
        for (int i = 0; i < 3; i++)
            dup2(slave, i);
        close(master);
        execl("/bin/sh", "sh", "-c", line, NULL);
        _exit(127);
    }
    close(slave);
    while ((got = read(master, out + length, (1 << 18) - 1 - length)) > 0 ||
           (got < 0 && errno == EINTR))
        length += got > 0 ? (size_t)got : 0;
    close(master);
    cr_assert(waitpid(child, &status, 0) == child && WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0, "clgrad %s: exit status %d: %s", arguments,
                 WEXITSTATUS(status), out);
    return out;
}

/* The longest line in columns; one that is written over begins anew. */
static int widest(const char *out)
{
    int most = 0, columns = 0;

    for (; *out; out++) {
        if (strncmp(out, "\033[K", 3) == 0)
            out += 2;
        else
            columns = *out == '\r' || *out == '\n' ? 0 : columns + ((*out & 0xc0) != 0x80);
        most = columns > most ? columns : most;
    }
    return most;
}

static void expect_fits(const char *arguments)
{
    static const int widths[] = {40, 80, 132};

    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        char *out = on_terminal(widths[i], "xterm", arguments);

        cr_expect_leq(widest(out), widths[i], "%d columns: clgrad %s: %s", widths[i], arguments,
                      out);
        free(out);
    }
}

TEST(terminal, tables_and_help_fit)
{
    static const char *const names[] = {"help",
                                        "help train",
                                        "help selftest",
                                        "help bench",
                                        "help bench train",
                                        "devices",
                                        "selftest --op add --small --form item",
                                        "bench train linreg --seconds 0.01"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        expect_fits(names[i]);
}

/* Enough columns, or no terminal: nothing is left out. */
TEST(terminal, devices_have_all_columns_where_there_is_room)
{
    struct command run;
    char *wide = on_terminal(250, "xterm", "devices"),
         *narrow = on_terminal(40, "xterm", "devices");

    command_run(&run, "devices");
    for (char *c = wide; *c; c++) /* the terminal's line ends */
        if (*c == '\r')
            memmove(c, c + 1, strlen(c));
    cr_expect_str_eq(wide, run.out);
    cr_expect_not_null(strstr(wide, "Portable Computing Language"), "%s", wide);
    cr_expect_null(strstr(narrow, "vendor"), "%s", narrow);
    cr_expect_not_null(strstr(narrow, "*0"), "%s", narrow);
    command_free(&run);
    free(wide);
    free(narrow);
}

/* The lines of a training; TERM=dumb is never asked to write over a line. */
TEST(terminal, a_training)
{
    static const struct {
        int columns;
        const char *term;
    } kinds[] = {{40, "xterm"}, {40, "dumb"}, {80, "dumb"}, {80, ""}, {200, "dumb"}};
    char folder[256], arguments[1024];

    test_folder(folder);
    tiny_data(folder, 40);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char *out, *epoch;

        snprintf(arguments, sizeof(arguments), "train '%s' --device cpu --out '%s/%zu'",
                 tiny_recipe(folder, ""), folder, i);
        out = on_terminal(kinds[i].columns, kinds[i].term, arguments);
        epoch = strstr(out, "epoch  1/2");
        cr_assert_not_null(epoch, "%s", out);
        if (strcmp(kinds[i].term, "xterm") != 0)
            cr_expect_null(strchr(out, '\033'), "TERM=%s: %s", kinds[i].term, out);
        *strstr(epoch, "test accuracy") = '\0'; /* the end names a folder, of any length */
        cr_expect_leq(widest(epoch), kinds[i].columns, "%d columns: %s", kinds[i].columns, epoch);
        free(out);
    }
    test_remove(folder);
}

/* What would be obeyed: escape sequences in 7 and 8 bits, a bell, a carriage return, a change of
 * direction, bytes that are not UTF-8. */
#define HOSTILE                                                                                    \
    "a\033[31mb\xc2\x9b"                                                                           \
    "31mc\ad\re\xe2\x80\xae"                                                                       \
    "f\xff"

static void expect_harmless(const char *text)
{
    static const char *const obeyed[] = {"\033", "\xc2\x9b", "\a", "\r", "\xe2\x80\xae", "\xff"};

    for (size_t i = 0; i < sizeof(obeyed) / sizeof(obeyed[0]); i++)
        cr_expect_null(strstr(text, obeyed[i]), "character %zu of those a terminal obeys is in: %s",
                       i, text);
}

TEST(terminal, sentences_are_shown_not_obeyed)
{
    static const char *const calls[] = {"'" HOSTILE "'",
                                        "train '" HOSTILE "'",
                                        "train --'" HOSTILE "'",
                                        "eval '" HOSTILE "'",
                                        "predict x '" HOSTILE "'",
                                        "selftest --op '" HOSTILE "'",
                                        "train x --form '" HOSTILE "'",
                                        "selftest --device '" HOSTILE "'"};

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct command run;

        command_run(&run, "%s", calls[i]);
        cr_expect_gt(run.status, 0);
        expect_harmless(run.err);
        expect_harmless(run.out);
        command_free(&run);
    }
    command_expect(2, "there is no command 'a\\x1b[31mb\\u009b31mc\\x07d\\x0de\\u202ef\\xff'",
                   "'%s'", HOSTILE);
}

/* Keys, values and names of a recipe reach sentences, and the folder's name the last line. */
TEST(terminal, recipes_are_shown_not_obeyed)
{
    static const char *const keys[] = {"\"n\\e[31m\\x9b\\a\\r\": 3", "name: \"\\e[31m\\x9b\\a\\r\"",
                                       "activation: \"\\e]0;title\\a\"", "out: \"\\e[2J\\u202e\""};
    char folder[256], text[1024];
    struct command run;

    test_folder(folder);
    tiny_data(folder, 40);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        snprintf(text, sizeof(text),
                 "data: {train: {images: images.idx, labels: labels.idx}, shape: [8]}\n"
                 "model: [linear: {%s}]\nloss: cross_entropy\noptimizer: sgd\n",
                 keys[i]);
        file_write_text(file_in(folder, "hostile.yaml"), text);
        command_run(&run, "train '%s/hostile.yaml' --device cpu", folder);
        cr_expect_eq(run.status, 1, "%s: %s", keys[i], run.out);
        expect_harmless(run.err);
        command_free(&run);
    }
    command_run(&run, "train '%s' --device cpu --out '%s/x\033[31m' --steps 1",
                tiny_recipe(folder, ""), folder);
    cr_expect_eq(run.status, 0, "%s", run.err);
    cr_expect_not_null(strstr(run.out, "/x\\x1b[31m"), "%s", run.out);
    expect_harmless(run.out);
    command_free(&run);
    test_remove(folder);
}
