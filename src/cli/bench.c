/* clgrad bench roof | gemm | train WORKLOAD... | compare A B */
#include "cli/bench.h"

#include <stdlib.h>
#include <string.h>

#define USAGE                                                                                      \
    "bench: say roof, gemm, train WORKLOAD... or compare A B (clgrad bench --help tells more)"

/* The value of a flag `--name VALUE` or `--name=VALUE` at argv[*i], which moves on; NULL: another.
 */
static const char *flag_value(const char *name, char **argv, int argc, int *i)
{
    size_t length = strlen(name);

    if (strncmp(argv[*i], name, length) != 0)
        return NULL;
    if (argv[*i][length] == '=')
        return argv[*i] + length + 1;
    if (argv[*i][length] == '\0' && *i + 1 < argc)
        return argv[++*i];
    return NULL;
}

static bool parse_seconds(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return *text && !*end && *out > 0 && *out < 3600;
}

/* Sorts the arguments after the subcommand into flags and operands, which move to the front. */
static int parse(struct clg_bench *bench, int argc, char **argv, size_t *operands)
{
    *operands = 0;
    for (int i = 0; i < argc; i++) {
        const char *value;

        if ((value = flag_value("--init", argv, argc, &i)))
            bench->init = value;
        else if ((value = flag_value("--seconds", argv, argc, &i))) {
            if (!parse_seconds(value, &bench->seconds))
                return clg_cli_fail(CLG_EXIT_USAGE,
                                    "bench: --seconds is '%s', it must be a number over 0", value);
        } else if (argv[i][0] == '-')
            return clg_cli_fail(CLG_EXIT_USAGE, "bench: no flag '%s' with a value", argv[i]);
        else
            argv[(*operands)++] = argv[i];
    }
    return CLG_EXIT_OK;
}

static int run(struct clg_bench *bench, const char *what, char **operands, size_t count)
{
    if (!strcmp(what, "roof") && count == 0)
        return clg_bench_roof(bench);
    if (!strcmp(what, "gemm") && count == 0)
        return clg_bench_gemm(bench);
    if (!strcmp(what, "train") && count > 0)
        return clg_bench_train(bench, (const char *const *)operands, count);
    return clg_cli_fail(CLG_EXIT_USAGE, USAGE);
}

int clg_cli_bench(struct clg_cli *cli, int argc, char **argv)
{
    struct clg_bench bench = {.cli = cli, .seconds = 2};
    size_t count;
    int status;

    if (argc < 2)
        return clg_cli_fail(CLG_EXIT_USAGE, USAGE);
    status = parse(&bench, argc - 2, argv + 2, &count);
    if (status != CLG_EXIT_OK)
        return status;
    if (!strcmp(argv[1], "compare")) {
        if (count != 2)
            return clg_cli_fail(CLG_EXIT_USAGE, "bench compare: give two files of JSON lines");
        return clg_bench_compare(cli, argv[2], argv[3]);
    }
    if (strcmp(argv[1], "roof") && strcmp(argv[1], "gemm") && strcmp(argv[1], "train"))
        return clg_cli_fail(CLG_EXIT_USAGE, USAGE);
    bench.device = clg_cli_open(cli);
    if (!bench.device)
        return CLG_EXIT_FAILED;
    status = run(&bench, argv[1], argv + 2, count);
    clg_device_destroy(&bench.device);
    return status;
}
