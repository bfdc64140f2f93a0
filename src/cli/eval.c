/* clgrad eval */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clgrad/train.h>
#include "cli/cli.h"

static void print_score(const struct clg_cli *cli, const clg_score *score)
{
    char loss[32], accuracy[64] = "", errors[160] = "";

    if (cli->quiet)
        return;
    if (!cli->json) {
        printf("test_loss %.6f", score->loss);
        if (!isnan(score->accuracy))
            printf("  test_accuracy %.4f", score->accuracy);
        if (!isnan(score->rmse))
            printf("  rmse %.6g  mae %.6g  r2 %.4f", score->rmse, score->mae, score->r2);
        printf("  samples %" PRId64 "\n", score->samples);
        return;
    }
    snprintf(loss, sizeof(loss), isfinite(score->loss) ? "%.9g" : "null", score->loss);
    if (!isnan(score->accuracy))
        snprintf(accuracy, sizeof(accuracy), "\"test_accuracy\":%.9g,", score->accuracy);
    if (isfinite(score->rmse))
        snprintf(errors, sizeof(errors), "\"rmse\":%.9g,\"mae\":%.9g,", score->rmse, score->mae);
    if (isfinite(score->r2))
        snprintf(errors + strlen(errors), sizeof(errors) - strlen(errors), "\"r2\":%.9g,",
                 score->r2);
    printf("{\"schema\":1,\"kind\":\"eval\",\"test_loss\":%s,%s%s\"samples\":%" PRId64 "}\n", loss,
           accuracy, errors, score->samples);
}

static int evaluate(struct clg_cli *cli, clg_recipe *recipe, const char *run)
{
    clg_fit_params fit = clg_recipe_fit(recipe);
    clg_dataset *test;
    clg_device *device;
    clg_model model;
    clg_score score;

    if (clg_recipe_datasets(recipe, NULL, &test) != CLG_OK)
        return clg_cli_fail_ctx(cli);
    if (!test)
        return clg_cli_fail(CLG_EXIT_FAILED, "%s/recipe.yaml has no test set (data.test)", run);
    device = clg_cli_open(cli);
    if (!device)
        return CLG_EXIT_FAILED;
    if (clg_run_model(recipe, device, run, &model) != CLG_OK ||
        clg_recipe_check_data(recipe, &model, test) != CLG_OK ||
        clg_evaluate(&model, test, &fit, &score) != CLG_OK)
        return clg_cli_fail_ctx(cli);
    print_score(cli, &score);
    return CLG_EXIT_OK;
}

int clg_cli_eval(struct clg_cli *cli, int argc, char **argv)
{
    const char **set = calloc((size_t)argc + 1, sizeof(*set));
    const char *run = NULL;
    const struct clg_cli_flag flags[] = {
        {"--set", "K=V", "replace a value of the run's recipe; several times", .list = set}, {0}};
    clg_recipe_params params = {.set = set};
    clg_recipe *recipe;
    int status;

    if (!set)
        return clg_cli_fail(CLG_EXIT_FAILED, "out of memory");
    status = clg_cli_parse(cli, argc, argv, flags, (const char *const[]){"RUN", NULL}, &run);
    if (status == CLG_EXIT_OK) {
        recipe = clg_run_recipe(cli->ctx, run, &params);
        status = recipe ? evaluate(cli, recipe, run) : clg_cli_fail_ctx(cli);
    }
    free(set);
    return status;
}
