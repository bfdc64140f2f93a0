/* clgrad train --folds */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include <clgrad/train.h>
#include "cli/folds.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/terminal.h"

struct printer {
    struct clg_cli *cli;
    struct clg_meter meter;
};

static void show_progress(void *user, const clg_fit_progress *progress)
{
    clg_meter_show(&((struct printer *)user)->meter, progress);
}

static void print_score(const char *what, const clg_score *score)
{
    printf("  %s loss %.4f", what, score->loss);
    if (!isnan(score->accuracy))
        printf(" accuracy %.4f", score->accuracy);
    if (!isnan(score->rmse))
        printf(" rmse %.4f", score->rmse);
}

static void show_fold(void *user, const clg_fold *fold)
{
    struct printer *p = user;

    clg_meter_clear(&p->meter);
    if (p->cli->json || p->cli->quiet)
        return;
    printf("fold %" PRId64 "/%" PRId64, fold->fold, fold->folds);
    print_score("train", &fold->epoch->train);
    print_score("validation", &fold->epoch->validation);
    printf("  epoch %" PRId64 "\n", fold->epoch->epoch);
    clg_training_flush();
}

static void show_line(void *user, const char *kind, const char *json)
{
    const struct printer *p = user;

    if (p->cli->json && !p->cli->quiet)
        clg_cli_print_line(kind, json);
    clg_training_flush();
}

static void print_end(const clg_folds_result *result, int64_t folds, const char *dir)
{
    if (result->folds < folds)
        printf("stopped after %" PRId64 " of %" PRId64 " folds\n", result->folds, folds);
    if (result->folds > 1) {
        printf("mean     ");
        print_score("validation", &result->mean);
        printf("\ndeviation");
        print_score("validation", &result->deviation);
        putchar('\n');
    }
    clg_say(stdout, "run folder %s\n", dir ? dir : "?");
    clg_training_flush();
}

int clg_cli_train_folds(struct clg_cli *cli, const char *path, const char *out,
                        const clg_recipe_params *recipe, int64_t folds)
{
    struct printer p = {.cli = cli};
    clg_folds_params params = clg_folds_defaults();
    clg_folds_result result;
    clg_device *device;
    clg_status status;
    const char *dir;

    p.meter.off = cli->json || cli->quiet;
    p.meter.over = !p.meter.off && clg_terminal_rewrites(stderr);
    params.folds = folds;
    params.on_fold = show_fold;
    params.train.out = out;
    params.train.started = cli->started;
    params.train.user = &p;
    params.train.stop = clg_training_stop;
    params.train.on_progress = p.meter.off ? NULL : show_progress;
    params.train.on_line = show_line;
    clg_signals_begin();
    device = clg_cli_open(cli);
    if (!device)
        return CLG_EXIT_FAILED;
    p.meter.last_line = clg_meter_now();
    clg_signals_catch(cli->quiet ? NULL : p.meter.over ? CLG_METER_CLEAR : "");
    status = clg_train_folds(cli->ctx, device, path, recipe, &params, &result, &dir);
    clg_signals_release();
    clg_meter_clear(&p.meter);
    if (status != CLG_OK)
        return clg_cli_fail_ctx(cli);
    if (!cli->json && !cli->quiet)
        print_end(&result, folds, dir);
    return CLG_EXIT_OK;
}
