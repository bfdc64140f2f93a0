/* clgrad graph */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clgrad/train.h>
#include "cli/cli.h"
#include "cli/terminal.h"

static int write_text(const char *path, const char *text)
{
    FILE *out = path ? fopen(path, "w") : stdout;
    bool good;
    int error;

    if (out)
        clg_say(out, "%s", text);
    good = out && !ferror(out);
    error = errno;
    if (!path)
        return CLG_EXIT_OK;
    if (out && fclose(out) != 0 && good) {
        good = false;
        error = errno;
    }
    if (!good)
        return clg_cli_fail(CLG_EXIT_FAILED, "cannot write '%s': %s", path, strerror(error));
    return CLG_EXIT_OK;
}

static int draw(struct clg_cli *cli, clg_recipe *recipe, clg_drawing what, const char *path)
{
    clg_device *device = clg_cli_open(cli);
    clg_plan_params params = clg_plan_defaults();
    const char *outputs[] = {"loss", NULL, NULL}, *text;
    clg_model model;
    clg_plan *plan;

    if (!device)
        return CLG_EXIT_FAILED;
    if (clg_recipe_model(recipe, device, true, &model) != CLG_OK)
        return clg_cli_fail_ctx(cli);
    outputs[1] = model.accuracy ? "accuracy" : NULL;
    params.outputs = outputs;
    plan = clg_compile(model.graph, clg_recipe_fit(recipe).batch, CLG_TRAIN, &params);
    if (!plan || clg_plan_draw(plan, what, &text) != CLG_OK)
        return clg_cli_fail_ctx(cli);
    return write_text(path, text);
}

int clg_cli_graph(struct clg_cli *cli, int argc, char **argv)
{
    const char **set = calloc((size_t)argc + 1, sizeof(*set));
    static const char *const drawings[] = {"launch", "layer", NULL};
    const char *recipe_path = NULL, *out = NULL;
    int by = 1;
    clg_recipe_params params = {.set = set};
    const struct clg_cli_flag flags[] = {
        {"-o", "FILE", "write there (default: standard output)", .text = &out},
        {"--by", "WHAT", "a box a launch (default), or a box a layer: launch, layer",
         .words = drawings, .word = &by},
        {"--data", "DIR", "folder of the recipe's data (default: the recipe's folder)",
         .text = &params.data_dir},
        {"--set", "K=V", "replace a value of the recipe; several times", .list = set},
        {0},
    };
    clg_recipe *recipe;
    int status;

    if (!set)
        return clg_cli_fail(CLG_EXIT_FAILED, "out of memory");
    status =
        clg_cli_parse(cli, argc, argv, flags, (const char *const[]){"RECIPE", NULL}, &recipe_path);
    if (status == CLG_EXIT_OK) {
        recipe = clg_recipe_read(cli->ctx, recipe_path, &params);
        status = recipe ? draw(cli, recipe, (clg_drawing)(by - 1), out) : clg_cli_fail_ctx(cli);
    }
    free(set);
    return status;
}
