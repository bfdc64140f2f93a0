/* clgrad bench compare A B: ratios of what two files of JSON lines both have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/terminal.h"

/* The figures of each kind, and what tells its lines apart. */
static const struct kind {
    const char *kind, *keys[3], *figures[5];
} kinds[] = {
    {"roof", {"device"}, {"gflops", "copy_gbs", "read_gbs"}},
    {"gemm", {"shape", "case"}, {"gflops_best", "gflops_median", "us_synced"}},
    {"train",
     {"workload"},
     {"ms_per_step_min", "ms_per_step_median", "ms_per_step_synced", "first_step_s",
      "peak_rss_mb"}},
};

static const struct kind *kind_of(const json_t *line)
{
    const char *name = json_string_value(json_object_get(line, "kind"));

    for (size_t i = 0; name && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strcmp(kinds[i].kind, name))
            return &kinds[i];
    return NULL;
}

static bool same(const json_t *a, const json_t *b, const struct kind *kind)
{
    if (kind_of(b) != kind)
        return false;
    for (int i = 0; i < 3 && kind->keys[i]; i++)
        if (!json_equal(json_object_get(a, kind->keys[i]), json_object_get(b, kind->keys[i])))
            return false;
    return true;
}

/* All lines of a file as an array; NULL after a message. Other lines than objects are passed over.
 */
static json_t *read_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    json_t *lines = json_array();
    json_t *line;

    if (!file) {
        clg_cli_fail(CLG_EXIT_FAILED, "bench compare: cannot read '%s'", path);
        json_decref(lines);
        return NULL;
    }
    while ((line = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL)))
        json_array_append_new(lines, line);
    fclose(file);
    return lines;
}

static void print_ratio(const struct clg_cli *cli, const json_t *a, const struct kind *kind,
                        const char *figure, double from, double to)
{
    char name[128] = "";
    size_t length = 0;

    for (int i = 0; i < 3 && kind->keys[i] && length < sizeof(name); i++) {
        const char *key = json_string_value(json_object_get(a, kind->keys[i]));

        length += (size_t)snprintf(name + length, sizeof(name) - length, "%s%s", i ? " " : "",
                                   key ? key : "");
    }
    if (cli->json)
        clg_bench_print("compare",
                        json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "of", kind->kind, "name", name,
                                  "figure", figure, "a", from, "b", to, "ratio", to / from));
    else
        clg_say(stdout, "%-6s %-24s %-20s %12.4f %12.4f %8.3f\n", kind->kind, name, figure, from, to,
               to / from);
}

static size_t compare_lines(const struct clg_cli *cli, const json_t *a, const json_t *b)
{
    const struct kind *kind = kind_of(a);
    size_t found = 0;

    if (!kind || !same(a, b, kind))
        return 0;
    for (int i = 0; i < 5 && kind->figures[i]; i++) {
        double from = json_number_value(json_object_get(a, kind->figures[i]));
        double to = json_number_value(json_object_get(b, kind->figures[i]));

        if (from > 0 && to > 0) {
            print_ratio(cli, a, kind, kind->figures[i], from, to);
            found++;
        }
    }
    return found;
}

int clg_bench_compare(struct clg_cli *cli, const char *a, const char *b)
{
    json_t *first = read_lines(a), *second = first ? read_lines(b) : NULL, *x, *y;
    size_t i, k, found = 0;
    int status = CLG_EXIT_FAILED;

    if (second && !cli->json)
        printf("%-6s %-24s %-20s %12s %12s %8s\n", "", "", "", "A", "B", "B / A");
    if (second) {
        json_array_foreach(first, i, x) json_array_foreach(second, k, y) found +=
            compare_lines(cli, x, y);
        status = found
                     ? CLG_EXIT_OK
                     : clg_cli_fail(CLG_EXIT_FAILED,
                                    "bench compare: '%s' and '%s' have no figure in common", a, b);
    }
    json_decref(first);
    json_decref(second);
    return status;
}
