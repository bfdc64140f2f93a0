/* clgrad train */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clgrad/train.h>
#include "cli/cli.h"
#include "cli/folds.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/terminal.h"

struct run {
    struct clg_cli *cli;
    double seconds; /* of the epochs so far */
    int64_t lines;
    struct clg_meter meter;
};

static void show_progress(void *user, const clg_fit_progress *progress)
{
    struct run *run = user;

    clg_meter_show(&run->meter, progress);
}

static void print_epoch(const clg_epoch *epoch)
{
    char text[CLG_PROGRESS_TEXT];

    printf("%s\n", clg_epoch_text(text, clg_terminal_width(stdout), epoch));
}

static void show_epoch(void *user, const clg_epoch *epoch)
{
    struct run *run = user;

    run->seconds += epoch->seconds;
    run->lines++;
    clg_meter_clear(&run->meter);
    if (!run->cli->json && !run->cli->quiet)
        print_epoch(epoch);
    clg_training_flush();
}

static void show_line(void *user, const char *kind, const char *json)
{
    struct run *run = user;

    if (run->cli->json && !run->cli->quiet)
        clg_cli_print_line(kind, json);
    clg_training_flush();
}

static void print_device(const clg_device *device)
{
    const clg_device_info *info = clg_device_get_info(device);

    clg_say_wrapped(stdout, "device %d: %s (%s, %s kernels)", info->index, info->name,
                    info->platform,
                    clg_device_get_form(device) == CLG_FORM_ITEM ? "item" : "group");
    clg_training_flush();
}

static void print_end(const struct run *run, const clg_fit_result *result, const char *dir)
{
    const clg_epoch *last = &result->last;
    const char *what = last->test.samples ? "test" : "validation";
    const clg_score *score = last->test.samples ? &last->test : &last->validation;

    if (!last->epoch)
        printf("the run was at its end (%s): it stays as it is, with %" PRId64 " epochs and %" PRId64
               " steps; --set train.epochs=N goes on\n",
               clg_stop_reason_string(result->reason), result->epochs, result->steps);
    if (result->reason == CLG_STOP_REQUESTED)
        printf("stopped after step %" PRId64 "; everything is saved\n", result->stop_step);
    if (result->skipped)
        printf("%" PRId64 " of %" PRId64 " steps were bad, and were skipped\n", result->skipped,
               result->steps);
    if (result->best_epoch)
        printf("epoch %" PRId64 " is the best, with %.4f: the weights are its\n",
               result->best_epoch, result->best);
    if (score->samples && !isnan(score->accuracy))
        printf("%s accuracy %.4f, ", what, score->accuracy);
    else if (score->samples)
        printf("%s loss %.4f, ", what, score->loss);
    if (run->lines)
        printf("%.2f s an epoch, ", run->seconds / (double)run->lines);
    if (result->first_step_seconds > 0)
        printf("first step after %.2f s; ", result->first_step_seconds);
    clg_say(stdout, "run folder %s\n", dir);
    clg_training_flush();
}

static int train(struct clg_cli *cli, clg_recipe *recipe, const char *out, bool resume)
{
    struct run run = {.cli = cli};
    clg_train_params params = clg_train_defaults();
    const char *dir;
    clg_fit_result result;
    clg_device *device;
    clg_status status;

    run.meter.off = cli->json || cli->quiet;
    run.meter.over = !run.meter.off && clg_terminal_rewrites(stderr);
    params.out = out;
    params.resume = resume;
    params.started = cli->started;
    params.user = &run;
    params.stop = clg_training_stop;
    params.on_progress = run.meter.off ? NULL : show_progress;
    params.on_epoch = show_epoch;
    params.on_line = show_line;
    clg_signals_begin();
    if (clg_recipe_datasets(recipe, NULL, NULL) != CLG_OK) /* read while the device opens */
        return clg_cli_fail_ctx(cli);
    device = clg_cli_open(cli);
    if (!device)
        return CLG_EXIT_FAILED;
    if (!cli->json && !cli->quiet)
        print_device(device);
    run.meter.last_line = clg_meter_now();
    clg_signals_catch(cli->quiet ? NULL : run.meter.over ? CLG_METER_CLEAR : "");
    status = clg_train(recipe, device, &params, &result, &dir);
    clg_signals_release();
    clg_meter_clear(&run.meter);
    if (status != CLG_OK)
        return clg_cli_fail_ctx(cli);
    if (!cli->json && !cli->quiet)
        print_end(&run, &result, dir);
    return CLG_EXIT_OK;
}

static int print_keys(struct clg_cli *cli)
{
    const char *text = clg_recipe_reference(cli->ctx);

    if (!text)
        return clg_cli_fail_ctx(cli);
    fputs(text, stdout);
    return CLG_EXIT_OK;
}

/* What the command line asks for. */
struct request {
    const char *path; /* of the recipe, or of the run that goes on */
    const char *out;
    clg_recipe_params params;
    const char **set; /* with room for one more */
    int64_t steps;
    int64_t folds; /* 0: one training */
    bool resume;
};

/* --steps N is --set train.steps=N. */
static int read_and_train(struct clg_cli *cli, struct request *request)
{
    const char *out = request->resume ? request->path : request->out;
    char limit[64];
    clg_recipe *recipe;
    size_t count = 0;
    int status;

    if (request->resume && request->out)
        return clg_cli_fail(CLG_EXIT_USAGE,
                            "train: --out does not go with --resume: the training goes on in the "
                            "run's own folder");
    if (request->resume && request->folds)
        return clg_cli_fail(CLG_EXIT_USAGE, "train: --folds does not go with --resume: resume a "
                                            "fold's own run, RUN/fold-K");
    if (request->steps) {
        snprintf(limit, sizeof(limit), "train.steps=%" PRId64, request->steps);
        while (request->set[count])
            count++;
        request->set[count] = limit;
        request->set[count + 1] = NULL;
    }
    request->params.set = request->set;
    if (request->folds)
        return clg_cli_train_folds(cli, request->path, out, &request->params, request->folds);
    recipe = request->resume ? clg_run_recipe(cli->ctx, request->path, &request->params)
                             : clg_recipe_read(cli->ctx, request->path, &request->params);
    status = recipe ? train(cli, recipe, out, request->resume) : clg_cli_fail_ctx(cli);
    clg_recipe_destroy(&recipe);
    return status;
}

int clg_cli_train(struct clg_cli *cli, int argc, char **argv)
{
    struct request request = {.set = calloc((size_t)argc + 2, sizeof(*request.set))};
    bool keys = false;
    const struct clg_cli_flag flags[] = {
        {"--out", "DIR", "folder of the run, new or empty (default runs/RECIPE-N)",
         .text = &request.out},
        {"--resume", NULL,
         "go on with a run from its latest checkpoint: train --resume RUN, also with --set "
         "train.epochs=N",
         .on = &request.resume},
        {"--data", "DIR", "folder of the recipe's data (default: the recipe's folder)",
         .text = &request.params.data_dir},
        {"--set", "K=V",
         "replace a value of the recipe: --set optimizer.sgd.lr=0.05; several times",
         .list = request.set},
        {"--steps", "N", "stop after N steps", .number = &request.steps},
        {"--folds", "K",
         "train K times, each time with another part of the training set as validation set",
         .number = &request.folds},
        {"--keys", NULL, "print the list of keys of recipes, and nothing else", .alone = &keys},
        {0},
    };
    int status;

    if (!request.set)
        return clg_cli_fail(CLG_EXIT_FAILED, "out of memory");
    status =
        clg_cli_parse(cli, argc, argv, flags, (const char *const[]){"RECIPE", NULL}, &request.path);
    if (status == CLG_EXIT_OK && keys)
        status = print_keys(cli);
    else if (status == CLG_EXIT_OK)
        status = read_and_train(cli, &request);
    free(request.set);
    return status;
}
