/* Flags and operands of the subcommands, and the help that is made of them. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/terminal.h"

enum { COMMON = 5 };

/* What the flags of a call are stored in before they are taken over. */
struct parsed {
    const struct clg_cli_flag *own;
    struct clg_cli_flag common[COMMON + 1];
    int form, gemm;
};

static const char *const forms[] = {"group", "item", NULL};
static const char *const gemms[] = {"native", "clblast", NULL};

static const struct {
    unsigned takes;
    struct clg_cli_flag flag;
} commons[COMMON] = {
    {CLG_TAKES_DEVICE,
     {"--device", "SPEC",
      "best, cpu, gpu, amd, intel, nvidia, an index, PLATFORM:DEVICE or part of a name (default: "
      "CLGRAD_DEVICE, else best)"}},
    {CLG_TAKES_KERNELS,
     {"--form", "FORM", "group or item: form of the kernels (default: by the device's type)",
      .words = forms}},
    {CLG_TAKES_KERNELS,
     {"--gemm", "WHO", "native or clblast: matrix products (default: by the form)",
      .words = gemms}},
    {CLG_TAKES_JSON, {"--json", NULL, "JSON lines on standard output"}},
    {CLG_TAKES_QUIET, {"--quiet", NULL, "print nothing but errors"}},
};

/* The common flags that the command takes. */
static void add_common(struct parsed *parsed, struct clg_cli *cli)
{
    struct clg_cli_flag *out = parsed->common;

    for (int i = 0; i < COMMON; i++) {
        if (!(commons[i].takes & cli->command->takes))
            continue;
        *out = commons[i].flag;
        out->text = commons[i].takes == CLG_TAKES_DEVICE ? &cli->device : NULL;
        out->word = out->words == forms ? &parsed->form : out->words ? &parsed->gemm : NULL;
        out->on = commons[i].takes == CLG_TAKES_JSON    ? &cli->json
                  : commons[i].takes == CLG_TAKES_QUIET ? &cli->quiet
                                                        : NULL;
        out++;
    }
    *out = (struct clg_cli_flag){0};
}

static bool is_flag(const char *name, const char *argument)
{
    size_t length = strcspn(argument, "=");

    return strlen(name) == length && strncmp(name, argument, length) == 0;
}

bool clg_cli_common_flag(const char *argument, bool *valued)
{
    for (int i = 0; i < COMMON; i++) {
        *valued = commons[i].flag.value && !strchr(argument, '=');
        if (is_flag(commons[i].flag.name, argument))
            return true;
    }
    return false;
}

const char *clg_cli_word_to_front(int argc, char **argv)
{
    bool valued;
    int at = 1;
    char *word;

    while (at < argc && clg_cli_common_flag(argv[at], &valued))
        at += 1 + valued;
    if (at >= argc)
        return NULL;
    word = argv[at];
    memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof(*argv));
    argv[1] = word;
    return word;
}

/* ---- words that are not known ---- */

struct clg_cli_nearest clg_cli_nearest_to(const char *word, size_t length)
{
    struct clg_cli_nearest nearest = {.distance = length / 3 + 2};

    snprintf(nearest.word, sizeof(nearest.word), "%.*s", (int)(length < 64 ? length : 63), word);
    return nearest;
}

/* A word's beginning is as near as a letter that is wrong. */
void clg_cli_nearest_try(struct clg_cli_nearest *nearest, const char *known)
{
    size_t length = strlen(nearest->word), distance = clg_edit_distance(nearest->word, known);

    if (distance > 1 && length > 1 && strncmp(nearest->word, known, length) == 0)
        distance = 1;
    if (distance >= nearest->distance)
        return;
    nearest->best = known;
    nearest->distance = distance;
}

int clg_cli_fail_unknown(const struct clg_cli_nearest *nearest, const char *see, const char *format,
                         ...)
{
    char sentence[1024];
    va_list list;

    va_start(list, format);
    vsnprintf(sentence, sizeof(sentence), format, list);
    va_end(list);
    if (nearest->best)
        return clg_cli_fail(CLG_EXIT_USAGE, "%s; the nearest known one is '%s'", sentence,
                            nearest->best);
    return clg_cli_fail(CLG_EXIT_USAGE, "%s; see clgrad %s", sentence, see);
}

static int fail_flag(const struct clg_cli *cli, const struct parsed *parsed, const char *argument)
{
    const char *name = cli->command->name;
    int length = (int)strcspn(argument, "=");
    struct clg_cli_nearest nearest = clg_cli_nearest_to(argument, (size_t)length);
    char see[64];
    bool valued;

    snprintf(see, sizeof(see), "%s --help", name);
    if (clg_cli_common_flag(argument, &valued))
        return clg_cli_fail(CLG_EXIT_USAGE, "%s does not take %.*s; see clgrad %s", name, length,
                            argument, see);
    for (const struct clg_cli_flag *f = parsed->own; f->name; f++)
        clg_cli_nearest_try(&nearest, f->name);
    for (const struct clg_cli_flag *f = parsed->common; f->name; f++)
        clg_cli_nearest_try(&nearest, f->name);
    return clg_cli_fail_unknown(&nearest, see, "%s: unknown flag '%.*s'", name, length, argument);
}

/* ---- help ---- */

static void print_flag(const struct clg_cli_flag *flag)
{
    char name[64];

    snprintf(name, sizeof(name), "%s%s%s", flag->name, flag->value ? " " : "",
             flag->value ? flag->value : "");
    clg_say_entry(stdout, name, flag->about);
}

static int print_help(const struct clg_cli *cli, const struct parsed *parsed)
{
    const struct clg_cli_command *c = cli->command;

    clg_say_wrapped(stdout, "clgrad %s%s%s [FLAGS]: %s", c->name, *c->arguments ? " " : "",
                    c->arguments, c->about);
    putchar('\n');
    for (const struct clg_cli_flag *f = parsed->own; f->name; f++)
        print_flag(f);
    for (const struct clg_cli_flag *f = parsed->common; f->name; f++)
        print_flag(f);
    clg_say_entry(stdout, "--help", "this text");
    return CLG_EXIT_HELPED;
}

/* ---- values ---- */

static void append(const char **list, const char *value)
{
    while (*list)
        list++;
    list[0] = value;
    list[1] = NULL;
}

static bool take_word(const char *const *words, const char *value, int *out)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], value) == 0) {
            *out = i + 1;
            return true;
        }
    return false;
}

/* Stores a value; NULL, or what it must be. */
static const char *take_value(const struct clg_cli_flag *flag, const char *value, char must[64])
{
    if (flag->text) {
        *flag->text = value;
    } else if (flag->list) {
        append(flag->list, value);
    } else if (flag->number) {
        if (!clg_parse_int(value, flag->number) || *flag->number <= 0)
            return "a whole number over 0";
    } else if (flag->real) {
        if (!clg_parse_double(value, flag->real) || !(*flag->real > 0) || isinf(*flag->real))
            return "a number over 0";
    } else if (!take_word(flag->words, value, flag->word)) {
        int length = 0;

        for (int i = 0; flag->words[i]; i++)
            length += snprintf(must + length, (size_t)(64 - length), "%s%s", i ? " or " : "",
                               flag->words[i]);
        return must;
    }
    return NULL;
}

/* A flag that is on or off: alone, or with =true or =false. */
static const char *take_switch(const struct clg_cli_flag *flag, const char *value)
{
    static const char *const words[] = {"true", "false", NULL};
    int word = 1;

    if (value && !take_word(words, value, &word))
        return "true or false";
    *flag->on = word == 1;
    return NULL;
}

/* Stores the value of the flag at argv[*i]: what follows its =, or the next argument. */
static int take_flag(const struct clg_cli *cli, const struct clg_cli_flag *flag, char **argv,
                     int *i)
{
    const char *name = cli->command->name, *value = strchr(argv[*i], '=');
    const char *wanted;
    char must[64];

    value = value ? value + 1 : NULL;
    if (!flag->on && !value)
        value = argv[++*i];
    if (!flag->on && !value)
        return clg_cli_fail(CLG_EXIT_USAGE, "%s: %s needs a value", name, flag->name);
    wanted = flag->on ? take_switch(flag, value) : take_value(flag, value, must);
    if (wanted)
        return clg_cli_fail(CLG_EXIT_USAGE, "%s: %s is '%s', but must be %s", name, flag->name,
                            value, wanted);
    return CLG_EXIT_OK;
}

/* ---- parsing ---- */

static const struct clg_cli_flag *find_flag(const struct parsed *parsed, const char *argument)
{
    for (const struct clg_cli_flag *f = parsed->own; f->name; f++)
        if (is_flag(f->name, argument))
            return f;
    for (const struct clg_cli_flag *f = parsed->common; f->name; f++)
        if (is_flag(f->name, argument))
            return f;
    return NULL;
}

static int parse_flag(const struct clg_cli *cli, const struct parsed *parsed, char **argv, int *i)
{
    const struct clg_cli_flag *flag = find_flag(parsed, argv[*i]);

    if (flag && flag->alone)
        return clg_cli_fail(CLG_EXIT_USAGE, "%s: %s stands alone", cli->command->name, flag->name);
    if (strcmp(argv[*i], "--help") == 0 || strcmp(argv[*i], "-h") == 0)
        return print_help(cli, parsed);
    return flag ? take_flag(cli, flag, argv, i) : fail_flag(cli, parsed, argv[*i]);
}

/* Whether the only argument is a flag that stands alone, which is then taken. */
static bool take_alone(const struct clg_cli_flag *flags, int argc, char **argv)
{
    for (; argc == 2 && flags->name; flags++)
        if (flags->alone && strcmp(flags->name, argv[1]) == 0) {
            *flags->alone = true;
            return true;
        }
    return false;
}

static bool endless(const char *operand_name)
{
    return operand_name && strstr(operand_name, "...");
}

/* Takes the operand after `taken` others. */
static int take_operand(const struct clg_cli *cli, const char *const *names, const char **operands,
                        int taken, const char *word)
{
    int named = 0;

    while (names[named])
        named++;
    if (taken >= named && !(named && endless(names[named - 1])))
        return clg_cli_fail(CLG_EXIT_USAGE, "%s: '%s' is one argument too many", cli->command->name,
                            word);
    operands[taken] = word;
    if (named && endless(names[named - 1]))
        operands[taken + 1] = NULL;
    return CLG_EXIT_OK;
}

int clg_cli_parse(struct clg_cli *cli, int argc, char **argv, const struct clg_cli_flag *flags,
                  const char *const *operand_names, const char **operands)
{
    struct parsed parsed = {.own = flags};
    bool ended = false; /* by -- */
    int count = 0, status = CLG_EXIT_OK;

    if (take_alone(flags, argc, argv))
        return CLG_EXIT_OK;
    add_common(&parsed, cli);
    for (int i = 1; i < argc && status == CLG_EXIT_OK; i++) {
        if (!ended && strcmp(argv[i], "--") == 0)
            ended = true;
        else if (!ended && argv[i][0] == '-' && argv[i][1])
            status = parse_flag(cli, &parsed, argv, &i);
        else
            status = take_operand(cli, operand_names, operands, count++, argv[i]);
    }
    if (status != CLG_EXIT_OK)
        return status;
    for (int i = 0; operand_names[i]; i++)
        if (i >= count)
            return clg_cli_fail(CLG_EXIT_USAGE, "%s: %s is missing; see clgrad %s --help",
                                cli->command->name, operand_names[i], cli->command->name);
    cli->form = (clg_form)parsed.form;
    cli->gemm = (clg_gemm_choice)parsed.gemm;
    return CLG_EXIT_OK;
}
