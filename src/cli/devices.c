/* clgrad devices */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clgrad/train.h>
#include "cli/cli.h"
#include "cli/terminal.h"

enum { CELL = 256, COLUMNS = 13 };

struct row {
    char cell[COLUMNS][CELL];
};

static const char *const titles[COLUMNS] = {
    "",       "name",    "platform", "vendor", "driver", "type",    "units",
    "memory", "largest", "local",    "fp16",   "form",   "same as",
};

/* "15.6 GiB" */
static void size_text(char cell[CELL], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int unit = 0;

    for (; value >= 1024 && unit < 4; unit++)
        value /= 1024;
    snprintf(cell, CELL, value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static const char *type_text(clg_device_type type)
{
    static const char *const words[] = {"?", "CPU", "GPU", "software", "other"};

    return words[type];
}

static void fill_row(struct row *row, const clg_device_info *info)
{
    snprintf(row->cell[0], CELL, "%s%d", info->best ? "*" : " ", info->index);
    clg_shown(row->cell[1], CELL, 48, info->name);
    clg_shown(row->cell[2], CELL, 30, info->platform);
    clg_shown(row->cell[3], CELL, 24, info->vendor);
    clg_shown(row->cell[4], CELL, 24, info->driver);
    snprintf(row->cell[5], CELL, "%s", type_text(info->type));
    snprintf(row->cell[6], CELL, "%u", info->units);
    size_text(row->cell[7], info->memory);
    size_text(row->cell[8], info->max_alloc);
    size_text(row->cell[9], info->local_memory);
    snprintf(row->cell[10], CELL, "%s", info->fp16 ? "yes" : "no");
    snprintf(row->cell[11], CELL, "%s", info->form == CLG_FORM_ITEM ? "item" : "group");
    if (info->same_as >= 0)
        snprintf(row->cell[12], CELL, "%d", info->same_as);
}

/* Columns in the order in which they go where a terminal is narrow; index, name and type stay. */
static const int dropped[] = {12, 3, 10, 8, 9, 4, 11, 6, 7, 2};
enum { DROPPED = sizeof(dropped) / sizeof(dropped[0]), NAME = 1, NAME_MIN = 8 };

/* Width of each column, 0 of one that is left out, so that a line fits into `whole` (0: endless).
 */
static void fit_columns(const struct row *rows, size_t count, int whole, int width[COLUMNS])
{
    int sum = -2;

    for (int c = 0; c < COLUMNS; c++) {
        width[c] = 0;
        for (size_t i = 0; i <= count; i++)
            if (clg_columns(rows[i].cell[c]) > width[c])
                width[c] = clg_columns(rows[i].cell[c]);
        sum += width[c] + 2;
    }
    for (int i = 0; i < DROPPED && whole && sum > whole; i++) {
        sum -= width[dropped[i]] + 2;
        width[dropped[i]] = 0;
    }
    if (whole && sum > whole)
        width[NAME] =
            width[NAME] - (sum - whole) > NAME_MIN ? width[NAME] - (sum - whole) : NAME_MIN;
}

static void print_cell(const char *cell, int width)
{
    char text[CELL];

    clg_shown(text, CELL, width, cell);
    printf("%s%*s", text, width - clg_columns(text), "");
}

static void print_row(const struct row *row, const int *width)
{
    int last = COLUMNS - 1;

    while (last > 0 && (!row->cell[last][0] || !width[last]))
        last--;
    for (int c = 0; c < last; c++)
        if (width[c]) {
            print_cell(row->cell[c], width[c]);
            fputs("  ", stdout);
        }
    print_cell(row->cell[last], last == NAME ? width[NAME] : clg_columns(row->cell[last]));
    putchar('\n');
}

static int print_table(const clg_device_info *list, size_t count)
{
    struct row *rows = calloc(count + 1, sizeof(*rows));
    int width[COLUMNS];

    if (!rows)
        return clg_cli_fail(CLG_EXIT_FAILED, "out of memory");
    for (int c = 0; c < COLUMNS; c++)
        snprintf(rows[0].cell[c], CELL, "%s", titles[c]);
    for (size_t i = 0; i < count; i++)
        fill_row(&rows[i + 1], &list[i]);
    fit_columns(rows, count, clg_terminal_width(stdout), width);
    for (size_t i = 0; i <= count; i++)
        print_row(&rows[i], width);
    printf("* is what --device best takes\n");
    for (size_t i = 0; i < count; i++)
        if (list[i].wrong)
            clg_say_wrapped(stdout, "%d: %s", list[i].index, list[i].wrong);
    free(rows);
    return CLG_EXIT_OK;
}

static int print_json(struct clg_cli *cli, const clg_device_info *list, size_t count)
{
    const char *line;

    for (size_t i = 0; i < count; i++) {
        if (clg_device_json(cli->ctx, &list[i], &line) != CLG_OK)
            return clg_cli_fail_ctx(cli);
        clg_cli_print_line("device", line);
    }
    return CLG_EXIT_OK;
}

static int print_why(struct clg_cli *cli)
{
    const char *text;
    json_t *object;
    char *line;

    if (clg_device_why(cli->ctx, &text) != CLG_OK)
        return clg_cli_fail_ctx(cli);
    if (!cli->json) {
        clg_say(stdout, "%s", text);
        return CLG_EXIT_OK;
    }
    object = json_pack("{s:s}", "text", text);
    line = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (!line)
        return clg_cli_fail(CLG_EXIT_FAILED, "out of memory");
    clg_cli_print_line("why", line);
    free(line);
    return CLG_EXIT_OK;
}

int clg_cli_devices(struct clg_cli *cli, int argc, char **argv)
{
    const clg_device_info *list;
    bool why = false;
    size_t count;
    const struct clg_cli_flag flags[] = {
        {"--why", NULL, "what to look at when a device is missing", .on = &why}, {0}};
    int status = clg_cli_parse(cli, argc, argv, flags, (const char *const[]){NULL}, NULL);

    if (status != CLG_EXIT_OK)
        return status;
    if (why)
        return print_why(cli);
    if (clg_device_list(cli->ctx, true, &list, &count) != CLG_OK)
        return clg_cli_fail_ctx(cli);
    if (cli->quiet)
        return CLG_EXIT_OK;
    return cli->json ? print_json(cli, list, count) : print_table(list, count);
}
