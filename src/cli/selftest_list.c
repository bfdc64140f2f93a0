/* clgrad selftest --list: the ops and the trials, as docs/ops.md has them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include "cli/cli.h"
#include "selftest/selftest.h"

static void print_head(void)
{
    puts(
        "# Ops\n\n"
        "`clgrad selftest --list` prints this page; it is made from `src/ops/ops.def` and the "
        "cases "
        "of the self-test. These are the nodes of graphs: functions of `clgrad/ops.h` that are not "
        "here are made of them.\n\n"
        "- **Formula**: a, b, c are the inputs, p0, p1, ... numbers.\n"
        "- **Shapes**: of the first case; batch is a multiple of the batch size.\n"
        "- **Gradient**: none; once; twice: any number of times, and the second is checked.\n"
        "- **Tolerance**: of that case, in units of 2⁻²³ of its largest value. Each element has "
        "its "
        "own, from OpenCL's table of error bounds and the length of sums "
        "(`src/selftest/oracle.h`). Cases compare the values with it, and the gradients.");
}

/* A vertical bar would end a column. */
static void print_text(const char *text)
{
    for (; *text; text++)
        printf(*text == '|' ? "\\%c" : "%c", *text);
}

static void print_op(const struct clg_op *op, const char *family,
                     const struct clg_selftest_description *d)
{
    if (!family || strcmp(family, op->family) != 0)
        printf("\n## %s\n\n| op | formula | shapes | gradient | tolerance | cases |\n"
               "| --- | --- | --- | --- | --- | --- |\n",
               op->family);
    printf("| `%s` | ", op->name);
    print_text(op->formula);
    printf(" | %s | %s | ", d->shapes, d->gradient);
    if (d->ulps > 0)
        printf("%.2g", d->ulps);
    else
        printf("exact");
    printf(" | %u |\n", d->cases);
}

static int print_json(const struct clg_op *op, const struct clg_selftest_description *d)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:i}", "op", op->name, "family",
                               op->family, "formula", op->formula, "shapes", d->shapes, "gradient",
                               d->gradient, "tolerance_ulps", d->ulps, "cases", (int)d->cases);
    char *line = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(3)) : NULL;

    json_decref(object);
    if (!line)
        return clg_cli_fail(CLG_EXIT_FAILED, "no memory for a line of JSON");
    clg_cli_print_line("op", line);
    free(line);
    return CLG_EXIT_OK;
}

/* Families together, in the order in which ops.def first has them. */
static bool is_first(int op)
{
    for (int i = 0; i < op; i++)
        if (!strcmp(clg_ops[i].family, clg_ops[op].family))
            return false;
    return true;
}

static int list_family(const struct clg_cli *cli, clg_device *device, int first)
{
    const char *family = NULL;

    for (int i = first; i < CLG_OP_COUNT; i++) {
        struct clg_selftest_description d;

        if (strcmp(clg_ops[i].family, clg_ops[first].family) != 0)
            continue;
        if (clg_selftest_describe(device, &clg_ops[i], &d) != CLG_OK)
            return clg_cli_fail_ctx(cli);
        if (cli->json && print_json(&clg_ops[i], &d) != CLG_EXIT_OK)
            return CLG_EXIT_FAILED;
        if (!cli->json)
            print_op(&clg_ops[i], family, &d);
        family = clg_ops[i].family;
    }
    return CLG_EXIT_OK;
}

/* ---- trials ---- */

static void print_trials_head(void)
{
    puts("\n## Between the ops\n\n"
         "The self-test also checks the driver, steps and optimizers, under these names "
         "(`src/selftest/trials.def`), each against what it computes itself in double precision. A "
         "`driver` check that finds a fault which clgrad's kernels are written around passes with "
         "a note ([opencl.md](opencl.md)): kernels of your own may meet it.\n\n"
         "| check | what it proves |\n| --- | --- |");
}

static int print_trial_json(const struct clg_trial_entry *trial)
{
    json_t *object = json_pack("{s:s, s:s}", "check", trial->name, "proves", trial->proves);
    char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;

    json_decref(object);
    if (!line)
        return clg_cli_fail(CLG_EXIT_FAILED, "no memory for a line of JSON");
    clg_cli_print_line("check", line);
    free(line);
    return CLG_EXIT_OK;
}

static int list_trials(const struct clg_cli *cli)
{
    if (!cli->json)
        print_trials_head();
    for (int i = 0; i < CLG_TRIAL_COUNT; i++) {
        if (cli->json && print_trial_json(&clg_trials[i]) != CLG_EXIT_OK)
            return CLG_EXIT_FAILED;
        if (cli->json)
            continue;
        printf("| `%s` | ", clg_trials[i].name);
        print_text(clg_trials[i].proves);
        puts(" |");
    }
    return CLG_EXIT_OK;
}

int clg_cli_selftest_list(struct clg_cli *cli)
{
    clg_device *device = clg_cli_open(cli);
    int status = device ? CLG_EXIT_OK : CLG_EXIT_FAILED;

    if (device && !cli->json)
        print_head();
    for (int i = 0; i < CLG_OP_COUNT && status == CLG_EXIT_OK; i++)
        if (is_first(i))
            status = list_family(cli, device, i);
    if (status == CLG_EXIT_OK)
        status = list_trials(cli);
    clg_device_destroy(&device);
    return status;
}
