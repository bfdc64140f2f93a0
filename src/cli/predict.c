/* clgrad predict */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <clgrad/train.h>
#include "cli/cli.h"
#include "cli/output.h"

struct printer {
    const struct clg_cli *cli;
    const clg_dataset *samples;
    bool classes, csv;
    const char *id; /* column that stands in place of the index; NULL: none */
    int64_t lines;
};

/* A number as JSON has it. */
static void print_number(const struct clg_cli *cli, double value)
{
    if (cli->json && !isfinite(value))
        fputs("null", stdout);
    else
        printf("%.9g", value);
}

/* A text as a field of CSV (RFC 4180). */
static void print_field(const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
}

/* The text of a class; "" where classes have numbers alone. */
static const char *class_name(const struct printer *p, size_t class_index)
{
    const char *name = clg_dataset_class_name(p->samples, (int64_t)class_index);

    return name ? name : "";
}

static size_t best_of(const float *p, size_t count)
{
    size_t best = 0;

    for (size_t i = 1; i < count; i++)
        if (p[i] > p[best])
            best = i;
    return best;
}

/* Predictions of a target whose logarithm was learnt are the target. */
static double value_of(const struct printer *p, float value)
{
    return clg_dataset_log_target(p->samples) ? exp((double)value) : (double)value;
}

/* ---- lines of text ---- */

static void print_class(const struct printer *p, int64_t index, const float *v, size_t count)
{
    size_t best = best_of(v, count);
    const char *name = class_name(p, best);

    printf("%" PRId64 "\t", index);
    if (name[0])
        fputs(name, stdout);
    else
        printf("%zu", best);
    printf("\t%.6f\n", (double)v[best]);
}

static void print_values(const struct printer *p, int64_t index, const float *v, size_t count)
{
    printf("%" PRId64, index);
    for (size_t i = 0; i < count; i++) {
        putchar('\t');
        print_number(p->cli, value_of(p, v[i]));
    }
    putchar('\n');
}

/* ---- JSON ---- */

static void print_json_text(const char *text)
{
    putchar('"');
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < ' ')
            printf("\\u%04x", (unsigned)*text);
        else
            putchar(*text);
    putchar('"');
}

static void print_json(const struct printer *p, int64_t index, const float *v, size_t count)
{
    size_t best = best_of(v, count);

    printf("{\"schema\":1,\"kind\":\"prediction\",\"index\":%" PRId64, index);
    if (p->classes) {
        printf(",\"class\":%zu", best);
        if (class_name(p, best)[0]) {
            fputs(",\"name\":", stdout);
            print_json_text(class_name(p, best));
        }
        fputs(",\"probability\":", stdout);
        print_number(p->cli, (double)v[best]);
        puts("}");
        return;
    }
    fputs(",\"values\":[", stdout);
    for (size_t i = 0; i < count; i++) {
        if (i)
            putchar(',');
        print_number(p->cli, value_of(p, v[i]));
    }
    puts("]}");
}

/* ---- CSV ---- */

/* The names of the columns: index or --id, the target's or "class" and "value", "probability". */
static void print_head(const struct printer *p, size_t count)
{
    const char *target = clg_dataset_target(p->samples);

    print_field(p->id ? p->id : "index");
    for (size_t i = 0; i < (p->classes ? 1 : count); i++) {
        putchar(',');
        print_field(target ? target : p->classes ? "class" : "value");
        if (count > 1 && !p->classes)
            printf("_%zu", i);
    }
    puts(p->classes ? ",probability" : "");
}

static bool print_csv(const struct printer *p, int64_t index, const float *v, size_t count)
{
    const char *id = p->id ? clg_dataset_cell(p->samples, p->id, index) : NULL;
    size_t best = best_of(v, count);

    if (p->id && !id)
        return false;
    if (id)
        print_field(id);
    else
        printf("%" PRId64, index);
    if (p->classes && class_name(p, best)[0]) {
        putchar(',');
        print_field(class_name(p, best));
    } else if (p->classes) {
        printf(",%zu", best);
    }
    for (size_t i = 0; i < count && !p->classes; i++)
        printf(",%.9g", value_of(p, v[i]));
    if (p->classes)
        printf(",%.6f", (double)v[best]);
    putchar('\n');
    return true;
}

static int print_row(void *user, int64_t index, const float *values, size_t count)
{
    struct printer *p = user;

    if (p->cli->quiet)
        return 0;
    if (p->csv && p->lines++ == 0)
        print_head(p, count);
    if (p->csv)
        return !print_csv(p, index, values, count) || (ferror(stdout) && !clg_output_flush());
    if (p->cli->json)
        print_json(p, index, values, count);
    else if (p->classes)
        print_class(p, index, values, count);
    else
        print_values(p, index, values, count);
    return ferror(stdout) && !clg_output_flush();
}

/* An --id that is no column is known before anything is predicted. */
static bool has_id(const struct printer *p)
{
    return !p->id || clg_dataset_cell(p->samples, p->id, 0);
}

static int predict(struct clg_cli *cli, clg_recipe *recipe, const char *run, const char *file,
                   struct printer *printer)
{
    clg_fit_params fit = clg_recipe_fit(recipe);
    clg_dataset *samples = clg_recipe_samples(recipe, file);
    clg_device *device;
    clg_model model;

    printer->samples = samples;
    if (!samples || !has_id(printer))
        return clg_cli_fail_ctx(cli);
    device = clg_cli_open(cli);
    if (!device)
        return CLG_EXIT_FAILED;
    if (clg_run_model(recipe, device, run, &model) != CLG_OK ||
        clg_recipe_check_data(recipe, &model, samples) != CLG_OK)
        return clg_cli_fail_ctx(cli);
    printer->classes = clg_recipe_classes(recipe) > 0;
    if (clg_predict(&model, samples, &fit, print_row, printer) == CLG_OK)
        return CLG_EXIT_OK;
    return clg_output_flush() ? clg_cli_fail_ctx(cli) : CLG_EXIT_FAILED;
}

int clg_cli_predict(struct clg_cli *cli, int argc, char **argv)
{
    struct printer printer = {.cli = cli};
    const char *operands[2];
    const struct clg_cli_flag flags[] = {
        {"--csv", NULL, "print CSV with a line of names", .on = &printer.csv},
        {"--id", "COLUMN", "with --csv: a column of a CSV file in place of the index",
         .text = &printer.id},
        {0},
    };
    clg_recipe *recipe;
    int status =
        clg_cli_parse(cli, argc, argv, flags, (const char *const[]){"RUN", "FILE", NULL}, operands);

    if (status != CLG_EXIT_OK)
        return status;
    if (printer.id && !printer.csv)
        return clg_cli_fail(CLG_EXIT_USAGE, "--id goes with --csv");
    if (printer.csv && cli->json)
        return clg_cli_fail(CLG_EXIT_USAGE, "--csv and --json are two ways to print: choose one");
    recipe = clg_run_recipe(cli->ctx, operands[0], NULL);
    return recipe ? predict(cli, recipe, operands[0], operands[1], &printer)
                  : clg_cli_fail_ctx(cli);
}
