#include "cli/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/terminal.h"

extern char **environ;

enum { LEGEND_COLUMNS = 40 };

void clg_gnuplot_quote(struct clg_text *script, const char *text)
{
    char shown[8 * LEGEND_COLUMNS];

    clg_shown(shown, sizeof(shown), LEGEND_COLUMNS, text);
    clg_text_append(script, "'", 1);
    for (const char *c = shown; *c; c++) {
        if (*c == '\'')
            clg_text_append(script, "'", 1);
        clg_text_append(script, *c == '\n' || *c == '\t' ? " " : c, 1);
    }
    clg_text_append(script, "'", 1);
}

/* Descriptors become the child's 0 to 2; those here close by themselves. */
static int start(pid_t *pid, int script, int drawing, int errors)
{
    char *arguments[] = {"gnuplot", "--default-settings", "-", NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    int error;

    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_adddup2(&actions, script, 0);
    posix_spawn_file_actions_adddup2(&actions, drawing, 1);
    posix_spawn_file_actions_adddup2(&actions, errors, 2);
    error = posix_spawnp(pid, arguments[0], &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* What it does not read, as it ended before, is told by its status. */
static void feed(int fd, const struct clg_text *script)
{
    for (size_t at = 0; at < script->length;) {
        ssize_t written = write(fd, script->data + at, script->length - at);

        if (written > 0)
            at += (size_t)written;
        else if (errno != EINTR)
            break;
    }
    close(fd);
}

/* The last line that gnuplot printed says what was wrong. */
static clg_status fail_run(struct clg_ctx *ctx, FILE *errors, int status)
{
    char line[256], last[256] = "";

    rewind(errors);
    while (fgets(line, sizeof(line), errors)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[strspn(line, " \t^")])
            strcpy(last, line);
    }
    if (WIFSIGNALED(status))
        return clg_fail(ctx, CLG_ERR_STATE, "gnuplot was ended by signal %d", WTERMSIG(status));
    return clg_fail(ctx, CLG_ERR_STATE, "gnuplot failed%s%s", last[0] ? ": " : "",
                    last + strspn(last, " \t"));
}

static clg_status run(const struct clg_text *script, FILE *drawing, FILE *errors)
{
    struct clg_ctx *ctx = script->ctx;
    void (*before)(int);
    int ends[2], error, status = 0;
    pid_t pid;

    if (pipe(ends) != 0)
        return clg_fail(ctx, CLG_ERR_STATE, "cannot start gnuplot: %s", strerror(errno));
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    error = start(&pid, ends[0], fileno(drawing), fileno(errors));
    close(ends[0]);
    if (error) {
        close(ends[1]);
        return error == ENOENT
                   ? clg_fail(ctx, CLG_ERR_STATE,
                              "gnuplot is missing: install the package "
                              "gnuplot-nox")
                   : clg_fail(ctx, CLG_ERR_STATE, "cannot start gnuplot: %s", strerror(error));
    }
    before = signal(SIGPIPE, SIG_IGN);
    feed(ends[1], script);
    signal(SIGPIPE, before);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0 ? CLG_OK : fail_run(ctx, errors, status);
}

clg_status clg_gnuplot(const struct clg_text *script, FILE *drawing)
{
    FILE *errors = script->failed ? NULL : tmpfile();
    clg_status status;

    if (script->failed)
        return clg_fail(script->ctx, CLG_ERR_MEMORY, "out of memory");
    if (!errors)
        return clg_fail(script->ctx, CLG_ERR_FILE, "cannot make a temporary file: %s",
                        strerror(errno));
    status = run(script, drawing, errors);
    fclose(errors);
    return status;
}
