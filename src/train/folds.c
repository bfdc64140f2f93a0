/* Cross-validation: a training for each fold. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "train/fit.h"
#include "train/recipe.h"
#include "train/run.h"

struct folds {
    struct clg_ctx *ctx;
    clg_device *device;
    const char *recipe;
    const clg_recipe_params *read;
    const clg_folds_params *params;
    struct clg_blocks pool;
    struct clg_run run;            /* the folder of all */
    CLG_VEC(clg_epoch) epochs;     /* of the fold that is trained */
    CLG_VEC(clg_score) scores;     /* of validation, of the folds that are done */
    bool stopped, memory_is_short; /* memory: for an epoch's line */
};

clg_folds_params clg_folds_defaults(void)
{
    return (clg_folds_params){.folds = 5, .train = clg_train_defaults()};
}

/* ---- a fold's callbacks ---- */

static bool should_stop(void *user)
{
    const struct folds *f = user;

    return f->params->train.stop && f->params->train.stop(f->params->train.user);
}

static void show_progress(void *user, const clg_fit_progress *progress)
{
    const struct folds *f = user;

    f->params->train.on_progress(f->params->train.user, progress);
}

static void note_epoch(void *user, const clg_epoch *epoch)
{
    struct folds *f = user;
    clg_epoch *kept = CLG_PUSH(f->ctx, f->epochs);

    if (kept)
        *kept = *epoch;
    else
        f->memory_is_short = true;
    if (f->params->train.on_epoch)
        f->params->train.on_epoch(f->params->train.user, epoch);
}

static void pass_line(void *user, const char *kind, const char *json)
{
    const struct folds *f = user;

    if (f->params->train.on_line)
        f->params->train.on_line(f->params->train.user, kind, json);
}

/* ---- lines ---- */

static void add_score(json_t *o, const char *loss, const char *accuracy, const clg_score *score)
{
    if (!isnan(score->loss))
        clg_json_number(o, loss, score->loss);
    if (!isnan(score->accuracy))
        clg_json_number(o, accuracy, score->accuracy);
}

/* Of a regression. */
static void add_errors(json_t *o, const clg_score *score)
{
    if (isnan(score->rmse))
        return;
    clg_json_number(o, "rmse", score->rmse);
    clg_json_number(o, "mae", score->mae);
    clg_json_number(o, "r2", score->r2);
}

static json_t *fold_line(const clg_fold *fold)
{
    const clg_epoch *epoch = fold->epoch;
    json_t *line = json_object();

    json_object_set_new(line, "fold", json_integer(fold->fold));
    json_object_set_new(line, "epoch", json_integer(epoch->epoch));
    add_score(line, "train_loss", "train_accuracy", &epoch->train);
    add_score(line, "validation_loss", "validation_accuracy", &epoch->validation);
    add_errors(line, &epoch->validation);
    if (epoch->test.samples)
        add_score(line, "test_loss", "test_accuracy", &epoch->test);
    return line;
}

static json_t *summary(const clg_folds_result *result)
{
    json_t *o = json_object(), *mean = json_object(), *deviation = json_object();

    add_score(mean, "validation_loss", "validation_accuracy", &result->mean);
    add_score(deviation, "validation_loss", "validation_accuracy", &result->deviation);
    add_errors(mean, &result->mean);
    add_errors(deviation, &result->deviation);
    json_object_set_new(o, "folds", json_integer(result->folds));
    json_object_set_new(o, "mean", mean);
    json_object_set_new(o, "deviation", deviation);
    return o;
}

/* ---- mean and deviation ---- */

static double *field(clg_score *score, size_t offset)
{
    return (double *)((char *)score + offset);
}

static void average(const struct folds *f, size_t offset, clg_folds_result *r)
{
    double sum = 0, squares = 0, count = (double)f->scores.count, mean;

    for (size_t i = 0; i < f->scores.count; i++)
        sum += *field(&f->scores.items[i], offset);
    mean = sum / count;
    for (size_t i = 0; i < f->scores.count; i++)
        squares += pow(*field(&f->scores.items[i], offset) - mean, 2);
    *field(&r->mean, offset) = count > 0 ? mean : NAN;
    *field(&r->deviation, offset) = count > 1 ? sqrt(squares / (count - 1)) : NAN;
}

static clg_folds_result average_all(const struct folds *f)
{
    clg_folds_result r = {.folds = (int64_t)f->scores.count};

    average(f, offsetof(clg_score, loss), &r);
    average(f, offsetof(clg_score, accuracy), &r);
    average(f, offsetof(clg_score, rmse), &r);
    average(f, offsetof(clg_score, mae), &r);
    average(f, offsetof(clg_score, r2), &r);
    for (size_t i = 0; i < f->scores.count; i++)
        r.mean.samples += f->scores.items[i].samples;
    return r;
}

/* ---- a fold ---- */

/* The recipe with this fold as its validation set. NULL on failure. */
static clg_recipe *read_fold(struct folds *f, int64_t fold)
{
    clg_recipe_params params = f->read ? *f->read : (clg_recipe_params){0};
    const char **set;
    size_t count = 0;

    while (params.set && params.set[count])
        count++;
    set = clg_blocks_new(&f->pool, count + 3, sizeof(*set));
    if (!set)
        return NULL;
    for (size_t i = 0; i < count; i++)
        set[i] = params.set[i];
    set[count] = clg_blocks_print(&f->pool, "data.folds=%" PRId64, f->params->folds);
    set[count + 1] = clg_blocks_print(&f->pool, "data.fold=%" PRId64, fold);
    params.set = set;
    return set[count] && set[count + 1] ? clg_recipe_read(f->ctx, f->recipe, &params) : NULL;
}

/* The epoch whose weights were kept. */
static const clg_epoch *kept_epoch(const struct folds *f, const clg_fit_result *result)
{
    for (size_t i = 0; i < f->epochs.count; i++)
        if (f->epochs.items[i].epoch == result->best_epoch)
            return &f->epochs.items[i];
    return &result->last;
}

static clg_status end_fold(struct folds *f, const clg_fold *fold)
{
    clg_score *score = CLG_PUSH(f->ctx, f->scores);

    if (!score || f->memory_is_short)
        return CLG_ERR_MEMORY;
    *score = fold->epoch->validation;
    clg_run_log(&f->run, "fold", fold_line(fold));
    if (f->params->on_fold)
        f->params->on_fold(f->params->train.user, fold);
    return CLG_OK;
}

static clg_status train_fold(struct folds *f, clg_recipe *recipe, int64_t number)
{
    clg_train_params params = f->params->train;
    clg_fit_result result;
    clg_fold fold = {.fold = number, .folds = f->params->folds, .result = &result};
    clg_status status;

    f->epochs.count = 0;
    params.out = clg_blocks_print(&f->pool, "%s/fold-%" PRId64, f->run.dir, number);
    params.user = f;
    params.stop = should_stop;
    params.on_progress = f->params->train.on_progress ? show_progress : NULL;
    params.on_epoch = note_epoch;
    params.on_line = NULL;
    if (!params.out)
        return CLG_ERR_MEMORY;
    status = clg_train(recipe, f->device, &params, &result, &fold.dir);
    f->stopped = result.reason == CLG_STOP_REQUESTED;
    if (status != CLG_OK || f->stopped)
        return status;
    fold.epoch = kept_epoch(f, &result);
    return end_fold(f, &fold);
}

/* The first recipe names the folder, and must be one that can be trained before there is any. */
static clg_status open_folder(struct folds *f)
{
    clg_recipe *recipe = read_fold(f, 1);
    clg_status status = recipe ? clg_recipe_datasets(recipe, NULL, NULL) : clg_error_status(f->ctx);

    f->run = (struct clg_run){
        .ctx = f->ctx, .pool = &f->pool, .log = -1, .user = f, .on_line = pass_line};
    if (status == CLG_OK)
        status = clg_run_check(f->ctx, f->params->train.out);
    if (status == CLG_OK)
        status = clg_run_open(&f->run, f->params->train.out, recipe->name);
    clg_recipe_destroy(&recipe);
    return status;
}

static clg_status train_folds(struct folds *f)
{
    clg_status status = open_folder(f);

    for (int64_t fold = 1; fold <= f->params->folds && status == CLG_OK && !f->stopped; fold++) {
        clg_recipe *recipe = read_fold(f, fold);

        status = recipe ? train_fold(f, recipe, fold) : clg_error_status(f->ctx);
        clg_recipe_destroy(&recipe);
    }
    return status;
}

clg_status clg_train_folds(clg_ctx *ctx, clg_device *device, const char *recipe,
                           const clg_recipe_params *params, const clg_folds_params *folds,
                           clg_folds_result *result, const char **out_dir)
{
    clg_folds_params p = folds ? *folds : clg_folds_defaults();
    struct folds f = {.ctx = ctx, .device = device, .recipe = recipe, .read = params, .params = &p};
    clg_folds_result r;
    clg_status status;

    if (result)
        *result = (clg_folds_result){0};
    if (out_dir)
        *out_dir = NULL;
    if (!CLG_GIVEN(device, ctx) || !CLG_GIVEN(ctx, device) || !CLG_GIVEN(ctx, recipe))
        return CLG_ERR_ARGUMENT;
    if (p.train.resume)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "folds are not resumed, but each fold's own run is");
    f.pool.ctx = ctx;
    if (!p.train.started)
        p.train.started = clg_seconds();
    status = train_folds(&f);
    r = average_all(&f);
    if (result)
        *result = r;
    if (status == CLG_OK)
        status = clg_run_summary(&f.run, "folds", summary(&r));
    if (out_dir && f.run.dir)
        *out_dir = clg_keep_text(ctx, f.run.dir);
    if (!f.scores.count && !f.stopped)
        clg_run_undo(&f.run);
    clg_run_close(&f.run);
    clg_free(ctx, f.epochs.items);
    clg_free(ctx, f.scores.items);
    clg_blocks_finish(&f.pool);
    return status;
}
