/* Flags and operands of the subcommands. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* The flag that an argument names, "--out" or "--out=DIR"; *value: what follows the =, or NULL. */
static const struct clg_cli_flag *find_flag(const struct clg_cli_flag *flags, const char *argument,
                                            const char **value)
{
    const char *equals = strchr(argument, '=');
    size_t length = equals ? (size_t)(equals - argument) : strlen(argument);

    *value = equals ? equals + 1 : NULL;
    for (; flags->name; flags++)
        if (strlen(flags->name) == length && strncmp(flags->name, argument, length) == 0)
            return flags;
    return NULL;
}

static bool whole_number(const char *text, int64_t *out)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    *out = value;
    return end != text && !*end && !errno && value > 0;
}

static void append(const char **list, const char *value)
{
    while (*list)
        list++;
    list[0] = value;
    list[1] = NULL;
}

/* Stores a flag's value: given after =, or the next argument. */
static int take_flag(const struct clg_cli_flag *flag, const char *value, int argc, char **argv,
                     int *i)
{
    if (flag->on && value)
        return clg_cli_fail(CLG_EXIT_USAGE, "%s: %s takes no value", argv[0], flag->name);
    if (flag->on) {
        *flag->on = true;
        return CLG_EXIT_OK;
    }
    if (!value && *i + 1 >= argc)
        return clg_cli_fail(CLG_EXIT_USAGE, "%s: %s needs a value", argv[0], flag->name);
    if (!value)
        value = argv[++*i];
    if (flag->text)
        *flag->text = value;
    else if (flag->list)
        append(flag->list, value);
    else if (!whole_number(value, flag->number))
        return clg_cli_fail(CLG_EXIT_USAGE, "%s: %s is '%s', but must be a whole number over 0",
                            argv[0], flag->name, value);
    return CLG_EXIT_OK;
}

int clg_cli_parse(int argc, char **argv, const struct clg_cli_flag *flags,
                  const char *const *operand_names, const char **operands)
{
    int count = 0;

    for (int i = 1; i < argc; i++) {
        const struct clg_cli_flag *flag;
        const char *value;

        if (argv[i][0] != '-' || !argv[i][1]) {
            if (!operand_names[count])
                return clg_cli_fail(CLG_EXIT_USAGE, "%s: '%s' is one argument too many", argv[0],
                                    argv[i]);
            operands[count++] = argv[i];
            continue;
        }
        flag = find_flag(flags, argv[i], &value);
        if (!flag)
            return clg_cli_fail(CLG_EXIT_USAGE, "%s: unknown flag '%s'; see clgrad %s --help",
                                argv[0], argv[i], argv[0]);
        if (take_flag(flag, value, argc, argv, &i) != CLG_EXIT_OK)
            return CLG_EXIT_USAGE;
    }
    if (operand_names[count])
        return clg_cli_fail(CLG_EXIT_USAGE, "%s: %s is missing; see clgrad %s --help", argv[0],
                            operand_names[count], argv[0]);
    return CLG_EXIT_OK;
}
