/* clgrad plot: logs become curves, and what is no run is refused. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"

static const char epochs[] =
    "{\"step\":1,\"loss\":9}\n"
    "{\"epoch\":1,\"step\":7,\"train_loss\":2.5,\"test_loss\":2.75,\"train_accuracy\":0.5,"
    "\"seconds\":1}\n"
    "{\"epoch\":2,\"step\":14,\"train_loss\":null,\"test_loss\":1.5,\"train_accuracy\":0.75}\n"
    "{\"epoch\":3,\"step\":21,\"train_loss\":1,\"test_loss\":1.25,\"train_accuracy\":1}\n"
    "{\"epoch\":4,\"st";

static const char *write_log(const char *folder, const char *name, const char *text)
{
    const char *run = file_in(folder, name);

    cr_assert_eq(mkdir(run, 0777), 0);
    file_write_text(file_in(run, "log.jsonl"), text);
    return run;
}

static void expect_in(const char *text, const char *words)
{
    cr_expect_not_null(strstr(text, words), "'%s' is not in: %s", words, text);
}

static char *svg_of(const char *folder, const char *arguments)
{
    command_expect(0, NULL, "plot %s -o '%s'", arguments, file_in(folder, "x.svg"));
    return file_read(file_in(folder, "x.svg"), NULL);
}

static size_t count_of(const char *text, const char *words)
{
    size_t count = 0;

    for (; (text = strstr(text, words)); text += strlen(words))
        count++;
    return count;
}

TEST(plot, a_panel_a_quantity)
{
    char folder[256], arguments[600], *svg;

    test_folder(folder);
    snprintf(arguments, sizeof(arguments), "'%s/'", write_log(folder, "one", epochs));
    svg = svg_of(folder, arguments);
    cr_expect_eq(count_of(svg, ">epoch<"), 2, "not two panels: %s", svg);
    cr_expect_eq(count_of(svg, ">train<"), 2);
    cr_expect_eq(count_of(svg, ">test<"), 1);
    cr_expect_eq(count_of(svg, ">validation<"), 0);
    cr_expect_eq(count_of(svg, ">one<"), 0, "the loss of a step is drawn");
    expect_in(svg, ">accuracy (share of samples)<");
    expect_in(svg, "rgb(  0, 114, 178)");
    expect_in(svg, "rgb(  0, 158, 115)"); /* of test, as beside a validation set */
    free(svg);
    test_remove(folder);
}

/* Nothing in a run's name has a meaning to gnuplot or in the picture. */
TEST(plot, names_of_runs)
{
    char folder[256], arguments[1400], *svg;

    test_folder(folder);
    write_log(folder, "a_{b}^2 '<&`exit 3`$", epochs);
    write_log(folder, "c\\n\"@d %s", epochs);
    snprintf(arguments, sizeof(arguments), "%s/a* %s/c*", folder, folder);
    svg = svg_of(folder, arguments);
    expect_in(svg, ">train, a_{b}^2 '&lt;&amp;`exit 3`$<");
    expect_in(svg, ">test, c\\n\"@d %s<");
    free(svg);
    test_remove(folder);
}

TEST(plot, steps_where_there_are_no_epochs)
{
    char folder[256];
    struct command run;

    test_folder(folder);
    command_run(&run, "plot '%s'",
                write_log(folder, "one", "{\"step\":10,\"loss\":1}\n{\"step\":20,\"loss\":0.5}\n"));
    cr_expect_eq(run.status, 0, "%s", run.err);
    expect_in(run.out, "  step  ");
    expect_in(run.out, "loss");
    cr_expect_null(strchr(run.out, '\f'));
    command_free(&run);
    test_remove(folder);
}

TEST(plot, png)
{
    char folder[256], *png;
    size_t size;

    test_folder(folder);
    write_log(folder, "one", epochs);
    command_expect(0, NULL, "plot '%s/one' -o '%s/x.PNG'", folder, folder);
    png = file_read(file_in(folder, "x.PNG"), &size);
    cr_assert_gt(size, 24);
    cr_expect_eq(memcmp(png, "\x89PNG\r\n\x1a\n", 8), 0);
    cr_expect_eq(memcmp(png + 16, "\0\0\x02\x58", 4), 0, "not 600 pixels wide");
    free(png);
    test_remove(folder);
}

TEST(plot, refusals)
{
    char folder[256], path[4096];

    test_folder(folder);
    write_log(folder, "one", epochs);
    write_log(folder, "steps", "{\"step\":1,\"loss\":1}\n");
    write_log(folder, "empty", "");
    write_log(folder, "nulls", "{\"epoch\":1,\"train_loss\":null}\n");
    write_log(folder, "bad", "{\"step\":1,\"loss\":1}\n[1]\n");
    write_log(folder, "folds", "{\"fold\":1,\"epoch\":2}\n");
    command_expect(2, "RUN... is missing", "plot");
    command_expect(2, "-o is 'x.pdf', but must end in .svg or .png", "plot x -o x.pdf");
    command_expect(1, "is not the folder of a run: there is no log.jsonl in it", "plot '%s'",
                   folder);
    command_expect(1, "has no line of an epoch or a step", "plot '%s/empty'", folder);
    command_expect(1, "no number that is finite", "plot '%s/nulls'", folder);
    command_expect(1, "log.jsonl:2: this is no JSON object", "plot '%s/bad'", folder);
    command_expect(1, "is the log of a cross-validation", "plot '%s/folds'", folder);
    command_expect(1, "one picture has one axis", "plot '%s/one' '%s/steps'", folder, folder);
    command_expect(1, "/no/x.svg", "plot '%s/one' -o '%s/no/x.svg'", folder, folder);
    snprintf(path, sizeof(path), "%s", getenv("PATH"));
    setenv("PATH", folder, 1);
    command_expect(1, "gnuplot is missing: install the package gnuplot-nox",
                   "plot '%s/one' -o '%s/x.svg'", folder, folder);
    file_write_text(file_in(folder, "gnuplot"), "#!/bin/sh\necho broken >&2\nexit 3\n");
    cr_assert_eq(chmod(file_in(folder, "gnuplot"), 0755), 0);
    command_expect(1, "gnuplot failed: broken", "plot '%s/one' -o '%s/x.svg'", folder, folder);
    setenv("PATH", path, 1);
    cr_expect_neq(access(file_in(folder, "x.svg"), F_OK), 0, "half a picture was left");
    test_remove(folder);
}
