/* clgrad COMMAND [ARGUMENTS] [FLAGS] */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"

struct command {
    const char *name, *arguments, *about;
    int (*run)(struct clg_cli *cli, int argc, char **argv);
    const char *help; /* its own flags */
};

static const struct command commands[] = {
    {"devices", "", "list the OpenCL devices of this machine", clg_cli_devices,
     "  --why          what to look at when a device is missing\n"},
    {"train", "RECIPE", "train a network as a recipe says", clg_cli_train,
     "  --out DIR      folder of the run, new or empty (default runs/RECIPE-N)\n"
     "  --data DIR     folder of the recipe's data (default: the recipe's folder)\n"
     "  --set K=V      replace a value of the recipe: --set optimizer.sgd.lr=0.05; repeatable\n"
     "  --steps N      stop after N steps\n"
     "  --keys         print the list of keys of recipes, and nothing else\n"},
    {"eval", "RUN", "evaluate a trained network on its test set", clg_cli_eval,
     "  --set K=V      replace a value of the run's recipe; repeatable\n"},
    {"predict", "RUN FILE", "classify the samples of a file with a trained network",
     clg_cli_predict, ""},
    {"graph", "RECIPE", "draw the plan of a training step as DOT", clg_cli_graph,
     "  -o FILE        write there (default: standard output)\n"
     "  --data DIR, --set K=V   as for train\n"},
    {"selftest", "", "check every op on a device against the oracle", clg_cli_selftest,
     "  --op NAMES     these ops alone, with commas between them\n"
     "  --small        without cases of millions of operations, for interpreters\n"
     "  --list         no check: the ops with formula, gradient and tolerance\n"},
    {"bench", "roof | gemm | train WORKLOAD... | compare A B", "measure a device", clg_cli_bench,
     "  roof           arithmetic, memory and launches at their best\n"
     "  gemm           matrix products of many shapes\n"
     "  train          steps of softmax, linreg, mlp, mlp-dropout, mlp-wide\n"
     "  compare        two files of JSON lines\n"
     "  --seconds S    time for each figure (default 2)\n"
     "  --init FILE    weights and data of the workload, as bench/ scripts write them\n"},
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static const char common_help[] =
    "  --device SPEC  best, cpu, gpu, amd, intel, nvidia, an index, PLATFORM:DEVICE or part of a\n"
    "                 name (default: CLGRAD_DEVICE, else best)\n"
    "  --form FORM    group or item: form of the kernels (default: by the device's type)\n"
    "  --gemm WHO     native or clblast: matrix products (default: by the form)\n"
    "  --json         JSON lines on standard output\n"
    "  --quiet        print nothing but errors\n"
    "  --help         this text\n";

int clg_cli_fail(int status, const char *format, ...)
{
    char sentence[4096];
    va_list list;

    va_start(list, format);
    vsnprintf(sentence, sizeof(sentence), format, list);
    va_end(list);
    for (char *c = sentence; *c; c++)
        if (*c == '\n')
            *c = ' ';
    fprintf(stderr, "clgrad: %s\n", sentence);
    return status;
}

int clg_cli_fail_ctx(const struct clg_cli *cli)
{
    return clg_cli_fail(CLG_EXIT_FAILED, "%s", clg_error(cli->ctx));
}

void clg_cli_print_line(const char *kind, const char *json)
{
    printf("{\"schema\":1,\"kind\":\"%s\"%s%s\n", kind, json[1] == '}' ? "" : ",", json + 1);
    fflush(stdout);
}

clg_device *clg_cli_open(struct clg_cli *cli)
{
    clg_device_params params = clg_device_defaults();
    clg_device *device;

    params.form = cli->form;
    params.gemm = cli->gemm;
    device = clg_device_open(cli->ctx, cli->device, &params);
    if (!device)
        clg_cli_fail_ctx(cli);
    return device;
}

/* ---- help ---- */

static int print_help(const struct command *command)
{
    if (command) {
        printf("clgrad %s%s%s [FLAGS]: %s\n\n%s%s", command->name, *command->arguments ? " " : "",
               command->arguments, command->about, command->help, common_help);
        return CLG_EXIT_OK;
    }
    printf("clgrad trains neural networks on any OpenCL device.\n\n");
    for (int i = 0; i < COMMAND_COUNT; i++)
        printf("  clgrad %-9s %s\n", commands[i].name, commands[i].about);
    printf("\nclgrad COMMAND --help tells more. Flags of all commands:\n%s"
           "  --version      the version of clgrad\n",
           common_help);
    return CLG_EXIT_OK;
}

/* ---- flags of all commands ---- */

struct words {
    const char *form, *gemm;
    bool help, version;
};

/* Which flag of all commands an argument is: its number, or -1. */
static int common_flag(const char *argument)
{
    static const char *const names[] = {"--device", "--form", "--gemm",    "--json",
                                        "--quiet",  "--help", "--version", "-h"};
    size_t length = strcspn(argument, "=");

    for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++)
        if (strlen(names[i]) == length && strncmp(names[i], argument, length) == 0)
            return i;
    return -1;
}

/* Takes the flags of all commands out of argv; what is left keeps its order. */
static int take_common(struct clg_cli *cli, struct words *words, int *argc, char **argv)
{
    const char **texts[] = {&cli->device, &words->form, &words->gemm};
    bool *switches[] = {&cli->json, &cli->quiet, &words->help, &words->version, &words->help};
    int kept = 1;

    for (int i = 1; i < *argc; i++) {
        int flag = common_flag(argv[i]);
        char *value = strchr(argv[i], '=');

        if (flag < 0) {
            argv[kept++] = argv[i];
        } else if (flag >= 3) {
            *switches[flag - 3] = true;
        } else if (value) {
            *texts[flag] = value + 1;
        } else if (i + 1 < *argc) {
            *texts[flag] = argv[++i];
        } else {
            return clg_cli_fail(CLG_EXIT_USAGE, "%s needs a value", argv[i]);
        }
    }
    argv[kept] = NULL;
    *argc = kept;
    return CLG_EXIT_OK;
}

/* The position of a word among the choices; fails with a sentence for another one. 0 for NULL. */
static int choose(const char *flag, const char *word, const char *first, const char *second,
                  int *out)
{
    *out = 0;
    if (word && strcmp(word, first) == 0)
        *out = 1;
    else if (word && strcmp(word, second) == 0)
        *out = 2;
    else if (word)
        return clg_cli_fail(CLG_EXIT_USAGE, "%s is '%s', but must be %s or %s", flag, word, first,
                            second);
    return CLG_EXIT_OK;
}

static int set_choices(struct clg_cli *cli, const struct words *words)
{
    int form, gemm;

    if (choose("--form", words->form, "group", "item", &form) != CLG_EXIT_OK ||
        choose("--gemm", words->gemm, "native", "clblast", &gemm) != CLG_EXIT_OK)
        return CLG_EXIT_USAGE;
    cli->form = (clg_form)form;
    cli->gemm = (clg_gemm_choice)gemm;
    return CLG_EXIT_OK;
}

/* ---- running ---- */

static void print_warning(void *user, clg_log_level level, const char *message)
{
    const struct clg_cli *cli = user;

    if (level == CLG_LOG_WARNING && !cli->quiet)
        fprintf(stderr, "clgrad: warning: %s\n", message);
}

static int run_command(struct clg_cli *cli, const struct command *command, int argc, char **argv)
{
    clg_ctx_params params = clg_ctx_defaults();
    int status;

    params.log = print_warning;
    params.log_user = cli;
    cli->ctx = clg_ctx_create(&params);
    if (!cli->ctx)
        return clg_cli_fail(CLG_EXIT_FAILED, "out of memory");
    status = command->run(cli, argc, argv);
    clg_ctx_destroy(&cli->ctx);
    if (fflush(stdout) != 0 || ferror(stdout))
        return clg_cli_fail(CLG_EXIT_FAILED, "cannot write to standard output: %s",
                            strerror(errno));
    return status;
}

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static double now(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    struct clg_cli cli = {.started = now()};
    struct words words = {0};
    const struct command *command;

    /* Doubles the speed of small sizes on PoCL; read at the first OpenCL call. */
    setenv("POCL_AFFINITY", "1", 0);
    if (take_common(&cli, &words, &argc, argv) != CLG_EXIT_OK ||
        set_choices(&cli, &words) != CLG_EXIT_OK)
        return CLG_EXIT_USAGE;
    command = argc > 1 ? find_command(argv[1]) : NULL;
    if (words.version) {
        printf("clgrad %s\n", clg_version());
        return CLG_EXIT_OK;
    }
    if (argc > 1 && !command)
        return clg_cli_fail(CLG_EXIT_USAGE, "there is no command '%s'; see clgrad --help", argv[1]);
    if (words.help)
        return print_help(command);
    if (!command)
        return clg_cli_fail(CLG_EXIT_USAGE, "a command is missing; see clgrad --help");
    return run_command(&cli, command, argc - 1, argv + 1);
}
