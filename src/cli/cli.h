/* The command: what its subcommands share. */
#ifndef CLG_CLI_CLI_H
#define CLG_CLI_CLI_H

#include <clgrad/clgrad.h>

struct clg_cli;

/* Flags of several subcommands. */
enum {
    CLG_TAKES_DEVICE = 1 << 0,
    CLG_TAKES_KERNELS = 1 << 1, /* --form, --gemm */
    CLG_TAKES_JSON = 1 << 2,
    CLG_TAKES_QUIET = 1 << 3,
};

/* A subcommand. */
struct clg_cli_command {
    const char *name, *arguments, *about; /* "train", "RECIPE", what it does */
    unsigned takes;                       /* CLG_TAKES_ */
    /* argv[0] is the subcommand's name. Returns the exit status. */
    int (*run)(struct clg_cli *cli, int argc, char **argv);
};

struct clg_cli {
    const struct clg_cli_command *command; /* that runs */
    const char *device;                    /* --device; NULL: CLGRAD_DEVICE, else best */
    clg_form form;                         /* --form group|item */
    clg_gemm_choice gemm;                  /* --gemm native|clblast */
    bool json, quiet;                      /* --json, --quiet */
    double started;                        /* when main began, by the monotonic clock */
    clg_ctx *ctx;                          /* owned by main */
};

/* Exit statuses. HELPED: --help was obeyed instead, which main makes OK. */
enum { CLG_EXIT_HELPED = -1, CLG_EXIT_OK = 0, CLG_EXIT_FAILED = 1, CLG_EXIT_USAGE = 2 };

/* One line on stderr, "clgrad: " before it. Returns status, for `return clg_cli_fail(...)`. */
int clg_cli_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The device the flags ask for, or NULL after printing why not. */
clg_device *clg_cli_open(struct clg_cli *cli);

/* Prints the context's sentence; returns CLG_EXIT_FAILED. */
int clg_cli_fail_ctx(const struct clg_cli *cli);

/* Prints a JSON object (a text that starts with a brace) as a line, with schema and kind in front.
 */
void clg_cli_print_line(const char *kind, const char *json);

/* A flag of a subcommand: exactly one of the pointers is set. */
struct clg_cli_flag {
    const char *name;         /* "--out"; NULL ends the list */
    const char *value;        /* what the help calls its value; NULL: it takes none */
    const char *about;        /* a line of the help */
    const char **text;        /* any value */
    int64_t *number;          /* a whole number over 0 */
    double *real;             /* a number over 0 */
    const char **list;        /* several times: room for argc pointers, NULL at the end */
    const char *const *words; /* one of these, until NULL ... */
    int *word;                /* ... its position from 1 */
    bool *on;                 /* no value, or =true, =false */
    bool *alone;              /* no value, and no other argument beside it: not even operands */
};
/* Sorts the arguments after argv[0] into flags (its own and those that it takes of the common ones;
 * anywhere before `--`, `--flag value` or `--flag=value`) and exactly as many operands as there are
 * names in operand_names (until NULL); a last name with "..." stands for one or more, NULL at their
 * end. CLG_EXIT_OK, CLG_EXIT_HELPED, or CLG_EXIT_USAGE after printing why. */
int clg_cli_parse(struct clg_cli *cli, int argc, char **argv, const struct clg_cli_flag *flags,
                  const char *const *operand_names, const char **operands);
/* Whether the argument is a flag of several subcommands; *valued: whether the next one is its
 * value. */
bool clg_cli_common_flag(const char *argument, bool *valued);
/* Moves the command's name, before which such flags may stand, to argv[1]. NULL: there is none. */
const char *clg_cli_word_to_front(int argc, char **argv);

/* The known word that is nearest to an unknown one. */
struct clg_cli_nearest {
    char word[64];    /* the unknown one, cut */
    const char *best; /* NULL: none is near */
    size_t distance;
};
struct clg_cli_nearest clg_cli_nearest_to(const char *word, size_t length);
void clg_cli_nearest_try(struct clg_cli_nearest *nearest, const char *known);
/* Fails with wrong use: "SENTENCE; the nearest known one is '...'", or "SENTENCE; see clgrad SEE".
 */
int clg_cli_fail_unknown(const struct clg_cli_nearest *nearest, const char *see, const char *format,
                         ...) __attribute__((format(printf, 3, 4)));

/* The subcommands. */
int clg_cli_devices(struct clg_cli *cli, int argc, char **argv);
int clg_cli_train(struct clg_cli *cli, int argc, char **argv);
int clg_cli_eval(struct clg_cli *cli, int argc, char **argv);
int clg_cli_predict(struct clg_cli *cli, int argc, char **argv);
int clg_cli_lr_find(struct clg_cli *cli, int argc, char **argv);
int clg_cli_graph(struct clg_cli *cli, int argc, char **argv);
int clg_cli_export(struct clg_cli *cli, int argc, char **argv);
int clg_cli_plot(struct clg_cli *cli, int argc, char **argv);
int clg_cli_selftest(struct clg_cli *cli, int argc, char **argv);
/* A part of selftest: --list. */
int clg_cli_selftest_list(struct clg_cli *cli);
int clg_cli_bench(struct clg_cli *cli, int argc, char **argv);

#endif
