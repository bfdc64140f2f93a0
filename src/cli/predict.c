/* clgrad predict */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include <clgrad/train.h>
#include "cli/cli.h"
#include "cli/output.h"

struct printer {
    const struct clg_cli *cli;
    bool classes;
};

/* A number as JSON has it. */
static void print_number(const struct clg_cli *cli, double value)
{
    if (cli->json && !isfinite(value))
        fputs("null", stdout);
    else
        printf("%.9g", value);
}

static int print_class(const struct clg_cli *cli, int64_t index, const float *p, size_t count)
{
    size_t best = 0;

    for (size_t i = 1; i < count; i++)
        if (p[i] > p[best])
            best = i;
    if (!cli->json)
        return printf("%" PRId64 "\t%zu\t%.6f\n", index, best, (double)p[best]) < 0;
    printf("{\"schema\":1,\"kind\":\"prediction\",\"index\":%" PRId64
           ",\"class\":%zu,\"probability\":",
           index, best);
    print_number(cli, (double)p[best]);
    return puts("}") < 0;
}

static int print_values(const struct clg_cli *cli, int64_t index, const float *v, size_t count)
{
    printf(cli->json ? "{\"schema\":1,\"kind\":\"prediction\",\"index\":%" PRId64 ",\"values\":["
                     : "%" PRId64 "\t",
           index);
    for (size_t i = 0; i < count; i++) {
        if (i)
            putchar(cli->json ? ',' : '\t');
        print_number(cli, (double)v[i]);
    }
    return puts(cli->json ? "]}" : "") < 0;
}

static int print_row(void *user, int64_t index, const float *values, size_t count)
{
    const struct printer *printer = user;
    int failed;

    if (printer->cli->quiet)
        return 0;
    failed = printer->classes ? print_class(printer->cli, index, values, count)
                              : print_values(printer->cli, index, values, count);
    return failed && !clg_output_flush();
}

static int predict(struct clg_cli *cli, clg_recipe *recipe, const char *run, const char *file)
{
    struct printer printer = {.cli = cli};
    clg_fit_params fit = clg_recipe_fit(recipe);
    clg_dataset *samples = clg_recipe_samples(recipe, file);
    clg_device *device;
    clg_model model;

    if (!samples)
        return clg_cli_fail_ctx(cli);
    device = clg_cli_open(cli);
    if (!device)
        return CLG_EXIT_FAILED;
    if (clg_run_model(recipe, device, run, &model) != CLG_OK ||
        clg_recipe_check_data(recipe, &model, samples) != CLG_OK)
        return clg_cli_fail_ctx(cli);
    printer.classes = clg_recipe_classes(recipe) > 0;
    if (clg_predict(&model, samples, &fit, print_row, &printer) == CLG_OK)
        return CLG_EXIT_OK;
    return clg_output_flush() ? clg_cli_fail_ctx(cli) : CLG_EXIT_FAILED;
}

int clg_cli_predict(struct clg_cli *cli, int argc, char **argv)
{
    const char *operands[2];
    const struct clg_cli_flag flags[] = {{0}};
    clg_recipe *recipe;
    int status =
        clg_cli_parse(cli, argc, argv, flags, (const char *const[]){"RUN", "FILE", NULL}, operands);

    if (status != CLG_EXIT_OK)
        return status;
    recipe = clg_run_recipe(cli->ctx, operands[0], NULL);
    return recipe ? predict(cli, recipe, operands[0], operands[1]) : clg_cli_fail_ctx(cli);
}
