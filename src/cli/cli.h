/* The command: what its subcommands share. */
#ifndef CLG_CLI_CLI_H
#define CLG_CLI_CLI_H

#include <clgrad/clgrad.h>

/* Flags that every subcommand takes. They are removed from argv before the subcommand sees it. */
struct clg_cli {
    const char *device; /* --device; NULL: CLGRAD_DEVICE, else best */
    clg_form form;      /* --form group|item */
    clg_gemm_choice gemm; /* --gemm native|clblast */
    bool json, quiet;   /* --json, --quiet */
    double started;     /* when main began, by the monotonic clock */
    clg_ctx *ctx;       /* owned by main */
};

/* Exit statuses. */
enum { CLG_EXIT_OK = 0, CLG_EXIT_FAILED = 1, CLG_EXIT_USAGE = 2 };

/* One line on stderr, "clgrad: " before it. Returns status, for `return clg_cli_fail(...)`. */
int clg_cli_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The device the flags ask for, or NULL after printing why not. */
clg_device *clg_cli_open(struct clg_cli *cli);

/* Prints the context's sentence; returns CLG_EXIT_FAILED. */
int clg_cli_fail_ctx(const struct clg_cli *cli);

/* Prints a JSON object (a text that starts with a brace) as a line, with schema and kind in front. */
void clg_cli_print_line(const char *kind, const char *json);

/* A flag of a subcommand: exactly one of the pointers is set. */
struct clg_cli_flag {
    const char *name;  /* "--out"; NULL ends the list */
    const char **text; /* takes a value */
    int64_t *number;   /* takes a whole number over 0 */
    const char **list; /* takes a value, several times: room for argc pointers, NULL at the end */
    bool *on;          /* takes none */
};
/* Sorts the arguments after argv[0] into flags (anywhere, `--flag value` or `--flag=value`) and exactly
 * as many operands as there are names in operand_names (until NULL). CLG_EXIT_OK, or CLG_EXIT_USAGE after
 * printing why. */
int clg_cli_parse(int argc, char **argv, const struct clg_cli_flag *flags,
                  const char *const *operand_names, const char **operands);

/* Subcommands: argv[0] is the subcommand's name. Return the exit status. */
int clg_cli_devices(struct clg_cli *cli, int argc, char **argv);
int clg_cli_train(struct clg_cli *cli, int argc, char **argv);
int clg_cli_eval(struct clg_cli *cli, int argc, char **argv);
int clg_cli_predict(struct clg_cli *cli, int argc, char **argv);
int clg_cli_graph(struct clg_cli *cli, int argc, char **argv);
int clg_cli_selftest(struct clg_cli *cli, int argc, char **argv);
/* A part of selftest: --list. */
int clg_cli_selftest_list(struct clg_cli *cli);
int clg_cli_bench(struct clg_cli *cli, int argc, char **argv);

#endif
