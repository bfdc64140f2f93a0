/* clgrad bench roof | gemm | train WORKLOAD... | compare A B */
#include "cli/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"

#define MEASURES (CLG_TAKES_DEVICE | CLG_TAKES_KERNELS | CLG_TAKES_JSON)

static int parse_seconds(struct clg_bench *bench, int argc, char **argv)
{
    const struct clg_cli_flag flags[] = {CLG_BENCH_SECONDS(bench), {0}};

    return clg_cli_parse(bench->cli, argc, argv, flags, (const char *const[]){NULL}, NULL);
}

static int parse_train(struct clg_bench *bench, int argc, char **argv, const char **workloads)
{
    const struct clg_cli_flag flags[] = {
        CLG_BENCH_SECONDS(bench),
        {"--init", "FILE", "weights and data of the workload, as bench/ scripts write them",
         .text = &bench->init},
        {0},
    };

    return clg_cli_parse(bench->cli, argc, argv, flags, (const char *const[]){"WORKLOAD...", NULL},
                         workloads);
}

/* Opens the device and measures there. */
static int measure(struct clg_bench *bench, int (*run)(struct clg_bench *bench))
{
    int status = CLG_EXIT_FAILED;

    bench->device = clg_cli_open(bench->cli);
    if (bench->device)
        status = run(bench);
    clg_device_destroy(&bench->device);
    return status;
}

static int roof(struct clg_cli *cli, int argc, char **argv)
{
    struct clg_bench bench = {.cli = cli, .seconds = 2};
    int status = parse_seconds(&bench, argc, argv);

    return status == CLG_EXIT_OK ? measure(&bench, clg_bench_roof) : status;
}

static int gemm(struct clg_cli *cli, int argc, char **argv)
{
    struct clg_bench bench = {.cli = cli, .seconds = 2};
    int status = parse_seconds(&bench, argc, argv);

    return status == CLG_EXIT_OK ? measure(&bench, clg_bench_gemm) : status;
}

static int train(struct clg_cli *cli, int argc, char **argv)
{
    struct clg_bench bench = {.cli = cli, .seconds = 2};
    int status;

    bench.workloads = calloc((size_t)argc + 1, sizeof(*bench.workloads));
    if (!bench.workloads)
        return clg_cli_fail(CLG_EXIT_FAILED, "out of memory");
    status = parse_train(&bench, argc, argv, bench.workloads);
    if (status == CLG_EXIT_OK)
        status = clg_bench_check_workloads(&bench);
    if (status == CLG_EXIT_OK)
        status = measure(&bench, clg_bench_train);
    free(bench.workloads);
    return status;
}

static int compare(struct clg_cli *cli, int argc, char **argv)
{
    static const struct clg_cli_flag none[] = {{0}};
    const char *files[2];
    int status = clg_cli_parse(cli, argc, argv, none, (const char *const[]){"A", "B", NULL}, files);

    return status == CLG_EXIT_OK ? clg_bench_compare(cli, files[0], files[1]) : status;
}

static const struct clg_cli_command subcommands[] = {
    {"bench roof", "", "arithmetic, memory and launches at their best",
     CLG_TAKES_DEVICE | CLG_TAKES_JSON, roof},
    {"bench gemm", "", "matrix products of many shapes", MEASURES, gemm},
    {"bench train", "WORKLOAD...", "steps of softmax, linreg, mlp, mlp-dropout, mlp-wide", MEASURES,
     train},
    {"bench compare", "A B", "compare two files of JSON lines", CLG_TAKES_JSON, compare},
};
enum { COUNT = sizeof(subcommands) / sizeof(subcommands[0]), PREFIX = sizeof("bench ") - 1 };

static int print_help(void)
{
    clg_say_wrapped(stdout, "clgrad bench WHAT [FLAGS]: measure a device");
    putchar('\n');
    for (int i = 0; i < COUNT; i++)
        clg_say_entry(stdout, subcommands[i].name, subcommands[i].about);
    clg_say_entry(stdout, "help bench WHAT", "the flags of one of them");
    return CLG_EXIT_HELPED;
}

int clg_cli_bench(struct clg_cli *cli, int argc, char **argv)
{
    const char *what = clg_cli_word_to_front(argc, argv);
    struct clg_cli_nearest nearest;

    if (!what)
        return clg_cli_fail(
            CLG_EXIT_USAGE,
            "bench: roof, gemm, train or compare is missing; see clgrad bench --help");
    if (!strcmp(what, "--help") || !strcmp(what, "-h"))
        return print_help();
    nearest = clg_cli_nearest_to(what, strlen(what));
    for (int i = 0; i < COUNT; i++) {
        if (!strcmp(what, subcommands[i].name + PREFIX)) {
            cli->command = &subcommands[i];
            return subcommands[i].run(cli, argc - 1, argv + 1);
        }
        clg_cli_nearest_try(&nearest, subcommands[i].name + PREFIX);
    }
    return clg_cli_fail_unknown(&nearest, "bench --help",
                                "bench: there is no '%s' (roof, gemm, train, compare)", what);
}
