/* clgrad COMMAND [ARGUMENTS] [FLAGS] */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "cli/terminal.h"

#define RUNS (CLG_TAKES_DEVICE | CLG_TAKES_KERNELS | CLG_TAKES_QUIET)

static int print_version(struct clg_cli *cli, int argc, char **argv);

static const struct clg_cli_command commands[] = {
    {"devices", "", "list the OpenCL devices of this machine", CLG_TAKES_JSON | CLG_TAKES_QUIET,
     clg_cli_devices},
    {"train", "RECIPE", "train a network as a recipe says", RUNS | CLG_TAKES_JSON, clg_cli_train},
    {"lr-find", "RECIPE", "look for a learning rate: a short training in which it grows",
     RUNS | CLG_TAKES_JSON, clg_cli_lr_find},
    {"eval", "RUN", "evaluate a trained network on its test set", RUNS | CLG_TAKES_JSON,
     clg_cli_eval},
    {"predict", "RUN FILE", "classify the samples of a file with a trained network",
     RUNS | CLG_TAKES_JSON, clg_cli_predict},
    {"graph", "RECIPE", "draw the plan of a training step as DOT", RUNS, clg_cli_graph},
    {"export", "RUN FILE", "write the weights of a run: FILE.npz or FILE.safetensors",
     CLG_TAKES_DEVICE, clg_cli_export},
    {"plot", "RUN...", "draw the losses and metrics of runs", 0, clg_cli_plot},
    {"selftest", "", "check every op on a device against the oracle", RUNS | CLG_TAKES_JSON,
     clg_cli_selftest},
    {"bench", "roof | gemm | train WORKLOAD... | compare A B", "measure a device", 0,
     clg_cli_bench},
    {"version", "", "print the version of clgrad", CLG_TAKES_JSON, print_version},
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

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
    clg_say(stderr, "clgrad: %s\n", sentence);
    return status;
}

int clg_cli_fail_ctx(const struct clg_cli *cli)
{
    return clg_cli_fail(CLG_EXIT_FAILED, "%s", clg_error(cli->ctx));
}

void clg_cli_print_line(const char *kind, const char *json)
{
    printf("{\"schema\":1,\"kind\":\"%s\"%s", kind, json[1] == '}' ? "" : ",");
    clg_say_json(stdout, json + 1);
    putchar('\n');
    clg_output_flush();
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

/* ---- running ---- */

static void print_message(void *user, clg_log_level level, const char *message)
{
    const struct clg_cli *cli = user;

    if (level == CLG_LOG_ERROR)
        clg_cli_fail(CLG_EXIT_FAILED, "%s", message);
    if (level == CLG_LOG_WARNING && !cli->quiet)
        clg_say(stderr, "clgrad: warning: %s\n", message);
}

static int print_version(struct clg_cli *cli, int argc, char **argv)
{
    static const struct clg_cli_flag none[] = {{0}};
    int status = clg_cli_parse(cli, argc, argv, none, (const char *const[]){NULL}, NULL);

    if (status == CLG_EXIT_OK && cli->json)
        clg_cli_print_line("version", "{\"version\":\"" CLG_VERSION_STRING "\"}");
    else if (status == CLG_EXIT_OK)
        printf("clgrad %s\n", clg_version());
    return status;
}

static int run_command(struct clg_cli *cli, const struct clg_cli_command *command, int argc,
                       char **argv)
{
    clg_ctx_params params = clg_ctx_defaults();
    int status;

    params.log = print_message;
    params.log_user = cli;
    cli->command = command;
    cli->ctx = clg_ctx_create(&params);
    if (!cli->ctx)
        return clg_cli_fail(CLG_EXIT_FAILED, "out of memory");
    status = command->run(cli, argc, argv);
    clg_ctx_destroy(&cli->ctx);
    return status == CLG_EXIT_HELPED ? CLG_EXIT_OK : status;
}

/* ---- finding the command ---- */

static int fail_command(const char *name)
{
    struct clg_cli_nearest nearest = clg_cli_nearest_to(name, strlen(name));

    clg_cli_nearest_try(&nearest, name[0] == '-' ? "--help" : "help");
    clg_cli_nearest_try(&nearest, name[0] == '-' ? "--version" : "version");
    for (int i = 0; i < COMMAND_COUNT; i++)
        clg_cli_nearest_try(&nearest, commands[i].name);
    return clg_cli_fail_unknown(&nearest, "help", "there is no %s '%s'",
                                name[0] == '-' ? "flag" : "command", name);
}

static const struct clg_cli_command *find_command(const char *name)
{
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int print_commands(void)
{
    clg_say_wrapped(stdout, "clgrad trains neural networks on any OpenCL device.");
    putchar('\n');
    for (int i = 0; i < COMMAND_COUNT; i++)
        clg_say_entry(stdout, commands[i].name, commands[i].about);
    clg_say_entry(stdout, "help COMMAND", "the flags of a command");
    return CLG_EXIT_OK;
}

/* The command's name for the flags that ask for what a command does. */
static const char *alias(const char *word)
{
    if (!strcmp(word, "--version") || !strcmp(word, "-V"))
        return "version";
    if (!strcmp(word, "--help") || !strcmp(word, "-h"))
        return "help";
    return word;
}

/* help, help COMMAND, help bench WHAT: as if --help stood behind the rest. */
static int help(struct clg_cli *cli, int argc, char **argv)
{
    const struct clg_cli_command *command;

    if (argc == 1 || (argc == 2 && !strcmp(alias(argv[1]), "help")))
        return print_commands();
    command = find_command(alias(argv[1]));
    if (!command)
        return fail_command(argv[1]);
    if (argc > 2 + (command->run == clg_cli_bench))
        return clg_cli_fail(CLG_EXIT_USAGE, "help: '%s' is one argument too many", argv[argc - 1]);
    memmove(argv, argv + 1, (size_t)(argc - 1) * sizeof(*argv));
    argv[argc - 1] = "--help";
    return run_command(cli, command, argc, argv);
}

static double now(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Before the first OpenCL call; what the user set stays. */
static void set_up_pocl(void)
{
    /* Doubles the speed of small sizes. */
    setenv("POCL_AFFINITY", "1", 0);
    /* PoCL 7 computes wrong with either of them on (docs/opencl.md). */
    setenv("POCL_FORCE_PARALLEL_OUTER_LOOP", "0", 0);
    setenv("POCL_PREGION_VALUE_REMAT", "0", 0);
}

static int dispatch(int argc, char **argv)
{
    struct clg_cli cli = {.started = now()};
    const struct clg_cli_command *command;
    const char *name;

    set_up_pocl();
    name = clg_cli_word_to_front(argc, argv);
    if (!name)
        return clg_cli_fail(CLG_EXIT_USAGE, "a command is missing; see clgrad help");
    if (!strcmp(alias(name), "help"))
        return help(&cli, argc - 1, argv + 1);
    command = find_command(alias(name));
    return command ? run_command(&cli, command, argc - 1, argv + 1) : fail_command(name);
}

int main(int argc, char **argv)
{
    if (!clg_output_begin())
        return CLG_EXIT_FAILED; /* and nowhere to say why */
    signal(SIGXFSZ, SIG_IGN);   /* a file at its limit (ulimit -f) is an error of the write */
    return clg_output_end(dispatch(argc, argv));
}
