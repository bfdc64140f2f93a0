/* clgrad selftest: every op's cases against the oracle, and what is between the ops, on the user's
 * device. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <jansson.h>
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "device/device.h"
#include "selftest/selftest.h"

/* Of a line with its figures. */
enum { FIGURES_WIDTH = 74 };

struct selftest {
    struct clg_cli *cli;
    const char *only; /* --op, names with commas between them; NULL: all */
    bool small;       /* --small */
    bool list;        /* --list */
    FILE *record;     /* where a child process keeps its results; NULL: they are printed */
    const char *wrong; /* of the device, as in clg_device_info */
    uint32_t checks, cases, failed, faults;
    double worst;
};

/* NaN and infinity have no place in JSON. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static int print_json(json_t *object)
{
    char *line = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(object);
    if (!line)
        return clg_cli_fail(CLG_EXIT_FAILED, "no memory for a line of JSON");
    clg_say_json(stdout, line);
    putchar('\n');
    free(line);
    clg_output_flush();
    return CLG_EXIT_OK;
}

static const char *verdict(const struct clg_selftest_result *r)
{
    if (!r->pass)
        return "FAIL";
    return r->fault ? "note" : "pass";
}

static int print_result(const struct selftest *t, const char *form,
                        const struct clg_selftest_result *r)
{
    int width = clg_terminal_width(stdout);
    if (t->cli->quiet && r->pass)
        return CLG_EXIT_OK;
    if (t->cli->json)
        return print_json(json_pack(
            "{s:i, s:s, s:s, s:s, s:b, s:b, s:i, s:o, s:o, s:o, s:s}", "schema", 1, "kind", "op",
            "op", r->op, "form", form, "pass", r->pass, "fault", r->fault, "cases", (int)r->cases,
            "worst_forward", number(r->worst_forward), "worst_gradient", number(r->worst_gradient),
            "worst_rule", number(r->worst_rule), "message", r->message));
    printf("%-20s %-5s  %s", r->op, form, verdict(r));
    if (!width || width >= FIGURES_WIDTH)
        printf("  %3u cases  forward %5.2f  gradient %5.2f", r->cases, r->worst_forward,
               r->worst_gradient);
    putchar('\n');
    if (!r->pass || r->fault)
        clg_say(stdout, "    %s\n", r->message);
    clg_output_flush();
    return CLG_EXIT_OK;
}

static int add_result(struct selftest *t, const char *form, const struct clg_selftest_result *r)
{
    if (t->record)
        return fwrite(r, sizeof(*r), 1, t->record) == 1 ? CLG_EXIT_OK : CLG_EXIT_FAILED;
    t->checks++;
    t->cases += r->cases;
    t->failed += !r->pass;
    t->faults += r->fault;
    t->worst = fmax(t->worst, fmax(r->worst_forward, r->worst_gradient));
    return print_result(t, form, r);
}

/* Whether the list has the name, between commas. */
static bool in_list(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += length)
        if ((at == list || at[-1] == ',') && (at[length] == ',' || !at[length]))
            return true;
    return false;
}

/* The op's cases against the oracle and, where that is not an interpreter's time, once more for the
 * same bits. */
static clg_status check_op(const struct selftest *t, clg_device *device, const struct clg_op *op,
                           struct clg_selftest_result *result)
{
    struct clg_selftest_result again;
    clg_status status = clg_selftest_run(device, op, t->small, result);
    if (t->small || !result->pass)
        return status;
    status = clg_selftest_repeat(device, op, t->small, &again);
    result->pass = again.pass;
    memcpy(result->message, again.message, sizeof(result->message));
    return status;
}

/* Checks are the driver's, those of steps and optimizers, then the ops. */
static const char *name_of(int check)
{
    return check < CLG_TRIAL_COUNT ? clg_trials[check].name : clg_ops[check - CLG_TRIAL_COUNT].name;
}

/* A lost device ends it. */
static int run_checks(struct selftest *t, clg_device *device)
{
    const char *form = clg_device_get_form(device) == CLG_FORM_ITEM ? "item" : "group";
    struct clg_selftest_result result;
    clg_status status = CLG_OK;
    for (int i = 0; i < CLG_TRIAL_COUNT + CLG_OP_COUNT && status != CLG_ERR_DEVICE_LOST; i++) {
        if (t->only && !in_list(t->only, name_of(i)))
            continue;
        status = i < CLG_TRIAL_COUNT ? clg_selftest_trial(device, &clg_trials[i], &result)
                                     : check_op(t, device, &clg_ops[i - CLG_TRIAL_COUNT], &result);
        if (add_result(t, form, &result) != CLG_EXIT_OK)
            return CLG_EXIT_FAILED;
    }
    return CLG_EXIT_OK;
}

/* On a CPU device CLBlast compiles for long: there only who asks for it gets it. */
static clg_device *open_form(const struct selftest *t, clg_form form)
{
    struct clg_cli cli = *t->cli;
    cli.form = form;
    clg_device *device = clg_cli_open(&cli);
    if (!device || cli.gemm != CLG_GEMM_AUTO ||
        clg_device_get_info(device)->type == CLG_DEVICE_GPU ||
        clg_device_machine(device)->gemm == CLG_GEMM_NATIVE)
        return device;
    clg_device_destroy(&device);
    cli.gemm = CLG_GEMM_NATIVE;
    return clg_cli_open(&cli);
}

static int run_form(struct selftest *t, clg_form form, char name[256])
{
    clg_device *device = open_form(t, form);
    if (!device)
        return CLG_EXIT_FAILED;
    snprintf(name, 256, "%s", clg_device_get_info(device)->name);
    t->wrong = clg_device_get_info(device)->wrong;
    int status = run_checks(t, device);
    clg_device_destroy(&device);
    return status;
}

/* ---- both forms: the item form in a process of its own, as compiling is most of the work ---- */

/* The process that runs the item form, or -1. What fails in it the parent says. */
static pid_t start_item(const struct selftest *t, FILE *record)
{
    pid_t child = record ? fork() : -1;
    if (child != 0)
        return child;
    struct selftest own = *t;
    char name[256];
    own.record = record;
    if (!freopen("/dev/null", "w", stderr))
        _exit(CLG_EXIT_FAILED);
    int status = run_form(&own, CLG_FORM_ITEM, name);
    _exit(fflush(record) == 0 ? status : CLG_EXIT_FAILED);
}

static int end_item(struct selftest *t, pid_t child, FILE *record)
{
    struct clg_selftest_result result;
    int status = 0;
    waitpid(child, &status, 0);
    rewind(record);
    while (fread(&result, sizeof(result), 1, record) == 1)
        if (add_result(t, "item", &result) != CLG_EXIT_OK)
            return CLG_EXIT_FAILED;
    if (WIFEXITED(status) && WEXITSTATUS(status) == CLG_EXIT_OK)
        return CLG_EXIT_OK;
    return clg_cli_fail(CLG_EXIT_FAILED, "selftest: the item form did not end; run it alone with "
                                         "--form item");
}

static int run_both(struct selftest *t, char name[256])
{
    FILE *record = tmpfile();
    pid_t child = start_item(t, record);
    int status = run_form(t, CLG_FORM_GROUP, name);
    int other = CLG_EXIT_OK;
    if (child > 0 && status == CLG_EXIT_OK)
        other = end_item(t, child, record);
    else if (child > 0)
        waitpid(child, NULL, 0);
    else if (status == CLG_EXIT_OK)
        other = run_form(t, CLG_FORM_ITEM, name);
    if (record)
        fclose(record);
    return status == CLG_EXIT_OK ? other : status;
}

static int print_summary(const struct selftest *t, const char *device)
{
    if (t->cli->quiet)
        return CLG_EXIT_OK;
    if (t->cli->json)
        return print_json(json_pack("{s:i, s:s, s:s, s:s?, s:b, s:i, s:i, s:i, s:i, s:o}", "schema", 1,
                                    "kind", "summary", "device", device, "wrong", t->wrong, "pass", t->failed == 0,
                                    "ops", (int)t->checks, "failed", (int)t->failed, "faults",
                                    (int)t->faults, "cases", (int)t->cases, "worst",
                                    number(t->worst)));
    clg_say_wrapped(stdout, "%s: %u of %u checks pass, %u cases, worst error %.2f of its tolerance",
                    device, t->checks - t->failed, t->checks, t->cases, t->worst);
    return CLG_EXIT_OK;
}

static int check_name(const char *name, size_t length)
{
    struct clg_cli_nearest nearest = clg_cli_nearest_to(name, length);
    for (int i = 0; i < CLG_TRIAL_COUNT + CLG_OP_COUNT; i++) {
        if (strlen(name_of(i)) == length && !strncmp(name_of(i), name, length))
            return CLG_EXIT_OK;
        clg_cli_nearest_try(&nearest, name_of(i));
    }
    return clg_cli_fail_unknown(&nearest, "selftest --list", "selftest: there is no op '%.*s'",
                                (int)length, name);
}

static int check_names(const char *list)
{
    int status = CLG_EXIT_OK;
    for (const char *at = list; at && status == CLG_EXIT_OK;
         at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        status = check_name(at, strcspn(at, ","));
    return status;
}

static int parse(struct selftest *t, int argc, char **argv)
{
    static const char *const none[] = {NULL};
    const struct clg_cli_flag flags[] = {
        {"--op", "NAMES", "these ops alone, with commas between them", .text = &t->only},
        {"--small", NULL, "without cases of millions of operations, for interpreters",
         .on = &t->small},
        {"--list", NULL, "no check: the ops with formula, gradient and tolerance", .on = &t->list},
        {0},
    };
    int status = clg_cli_parse(t->cli, argc, argv, flags, none, NULL);
    if (status == CLG_EXIT_OK && t->list && (t->only || t->small))
        return clg_cli_fail(CLG_EXIT_USAGE, "selftest: --list goes with neither --op nor --small");
    return status == CLG_EXIT_OK ? check_names(t->only) : status;
}

int clg_cli_selftest(struct clg_cli *cli, int argc, char **argv)
{
    struct selftest t = {.cli = cli};
    char name[256] = "";
    int status = parse(&t, argc, argv);
    if (status == CLG_EXIT_OK && t.list)
        return clg_cli_selftest_list(cli);
    if (status == CLG_EXIT_OK)
        status = cli->form == CLG_FORM_AUTO ? run_both(&t, name) : run_form(&t, cli->form, name);
    if (status == CLG_EXIT_OK)
        status = print_summary(&t, name);
    return status == CLG_EXIT_OK && t.failed ? CLG_EXIT_FAILED : status;
}
