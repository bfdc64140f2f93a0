/* A recipe from beginning to end: clg_train(). */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/columns.h"
#include "train/checkpoint.h"
#include "train/fit.h"
#include "train/recipe.h"
#include "train/run.h"

struct training {
    struct clg_recipe *recipe;
    clg_device *device;
    const clg_train_params *params;
    clg_model model;
    struct clg_fitting fit;
    struct clg_run run;
    struct clg_checkpoints checkpoints;
    double saved, checkpointed; /* when */
    bool save_failed; /* and was reported */
    bool skip_warned;
};

#define SAVE_SECONDS 30.0 /* between two saves during the training, at ends of epochs */

clg_train_params clg_train_defaults(void)
{
    return (clg_train_params){0};
}

/* ---- lines of the log ---- */

static void add_rate(json_t *line, double lr)
{
    if (!isnan(lr))
        clg_json_number(line, "lr", clg_decimal_of((float)lr));
}

/* Of the last step, where it is measured. */
static void add_norm(const struct training *t, json_t *line)
{
    const struct clg_recipe_clip *clip = &t->recipe->values.train.clip;
    float norm;

    if (isnan(clip->norm) && isnan(clip->value))
        return;
    if (clg_optimizer_grad_norm(t->model.optimizer, &norm) == CLG_OK)
        clg_json_number(line, "grad_norm", (double)norm);
}

static void write_step(void *user, int64_t step, double loss)
{
    struct training *t = user;
    json_t *line = json_object();

    json_object_set_new(line, "step", json_integer(step));
    clg_json_number(line, "loss", loss);
    add_norm(t, line);
    if (t->fit.params.schedule_by_step)
        add_rate(line, (double)clg_optimizer_get_lr(t->model.optimizer));
    clg_run_log(&t->run, "step", line);
}

static void add_score(json_t *line, const char *loss, const char *accuracy, const clg_score *score,
                      bool has_accuracy)
{
    clg_json_number(line, loss, score->loss);
    if (has_accuracy)
        clg_json_number(line, accuracy, score->accuracy);
}

/* Of a regression: its errors over the validation set, else the test set. */
static void add_errors(json_t *line, const clg_epoch *epoch)
{
    const clg_score *score = epoch->validation.samples ? &epoch->validation : &epoch->test;

    clg_json_number(line, "rmse", score->rmse);
    clg_json_number(line, "mae", score->mae);
    clg_json_number(line, "r2", score->r2);
}

static json_t *epoch_line(const struct training *t, const clg_epoch *epoch)
{
    json_t *line = json_object();

    json_object_set_new(line, "epoch", json_integer(epoch->epoch));
    json_object_set_new(line, "step", json_integer(epoch->step));
    add_score(line, "train_loss", "train_accuracy", &epoch->train, t->model.accuracy);
    if (epoch->validation.samples)
        add_score(line, "validation_loss", "validation_accuracy", &epoch->validation,
                  t->model.accuracy);
    if (epoch->test.samples)
        add_score(line, "test_loss", "test_accuracy", &epoch->test, t->model.accuracy);
    if (t->model.errors && (epoch->validation.samples || epoch->test.samples))
        add_errors(line, epoch);
    add_rate(line, epoch->lr);
    add_norm(t, line);
    clg_json_number(line, "seconds", epoch->seconds);
    return line;
}

static clg_status save_model(struct training *t)
{
    const struct clg_fitting *fit = &t->fit;
    struct clg_blocks *pool = &t->recipe->pool;
    const char *path = clg_run_path(&t->run, "model.safetensors");
    struct clg_fingerprint print = clg_recipe_fingerprint(t->recipe->root);
    clg_save_params params = clg_save_defaults();
    const char *metadata[] = {
        "format", "pt",
        "clgrad", clg_version(),
        "model",  clg_blocks_print(pool, "%016" PRIx64, print.model),
        "recipe", clg_blocks_print(pool, "%016" PRIx64, print.whole),
        "epoch",  clg_blocks_print(pool, "%" PRId64, fit->result.epochs),
        "step",   clg_blocks_print(pool, "%" PRId64, fit->result.steps),
        "seed",   clg_blocks_print(pool, "%" PRId64, t->recipe->values.train.seed),
        NULL,
    };

    for (size_t i = 0; i < sizeof(metadata) / sizeof(metadata[0]) - 1; i++)
        if (!metadata[i])
            return CLG_ERR_MEMORY;
    if (!path)
        return CLG_ERR_MEMORY;
    t->saved = clg_seconds();
    params.states = false;
    params.metadata = metadata;
    return clg_store_save_with(t->model.store, path, &params);
}

/* A file that cannot be written now may be so at the next epoch, or at the end, which decides. */
static clg_status forgive(struct training *t, clg_status status)
{
    struct clg_ctx *ctx = t->recipe->object.ctx;

    if (status != CLG_ERR_FILE)
        return status;
    if (!t->save_failed)
        clg_log_line(ctx, CLG_LOG_ERROR, "%s; the training goes on, and saves later", ctx->error);
    t->save_failed = true;
    return CLG_OK;
}

/* The last one is always written. */
static bool checkpoint_is_due(const struct training *t, bool end)
{
    const struct clg_recipe_checkpoint *rule = &t->recipe->values.train.checkpoint;
    double since = clg_seconds() - t->checkpointed;

    if (t->fit.stopped || (rule->steps && t->fit.result.steps % rule->steps == 0))
        return true;
    if (rule->minutes > 0)
        return since >= rule->minutes * 60;
    return !rule->steps && end && since > SAVE_SECONDS;
}

static clg_status write_checkpoint(void *user, bool end)
{
    struct training *t = user;

    if (!checkpoint_is_due(t, end))
        return CLG_OK;
    t->checkpointed = clg_seconds();
    return forgive(t, clg_checkpoint_write(&t->checkpoints));
}

static clg_status write_epoch(void *user, const clg_epoch *epoch)
{
    struct training *t = user;

    clg_run_log(&t->run, "epoch", epoch_line(t, epoch));
    if (t->params->on_epoch)
        t->params->on_epoch(t->params->user, epoch);
    return clg_seconds() - t->saved > SAVE_SECONDS ? forgive(t, save_model(t)) : CLG_OK;
}

/* The first is told at once, how many at the end. */
static void warn_of_bad(void *user, const clg_progress *progress)
{
    struct training *t = user;

    if (!t->skip_warned)
        clg_log_line(t->recipe->object.ctx, CLG_LOG_WARNING,
                     "step %" PRIu64 " is skipped, and so are bad ones after it: %s",
                     progress->first_bad_step,
                     progress->bad_index  ? "a label or index is out of range"
                     : progress->bad_loss ? "its loss is not finite"
                                          : "its update is not finite");
    t->skip_warned = true;
}

static bool should_stop(void *user)
{
    const struct training *t = user;

    return t->params->stop && t->params->stop(t->params->user);
}

static void show_progress(void *user, const clg_fit_progress *progress)
{
    const struct training *t = user;

    t->params->on_progress(t->params->user, progress);
}

/* ---- the whole ---- */

static clg_status prepare(struct training *t)
{
    struct clg_recipe *recipe = t->recipe;
    clg_fit_params fit = clg_recipe_fit(recipe);
    struct clg_length length;

    if (!t->params->resume)
        CLG_TRY(clg_run_check(recipe->object.ctx, t->params->out));
    else if (!CLG_GIVEN(recipe, t->params->out))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(clg_recipe_datasets(recipe, NULL, NULL));
    CLG_TRY(clg_recipe_model(recipe, t->device, true, &t->model));
    CLG_TRY(clg_recipe_check_sizes(recipe, &t->model, recipe->train));
    CLG_TRY(clg_recipe_check_sizes(recipe, &t->model, recipe->validation));
    CLG_TRY(clg_recipe_check_sizes(recipe, &t->model, recipe->test));
    fit.validation = recipe->validation;
    length = clg_fit_length(clg_dataset_count(recipe->train), &fit);
    CLG_TRY(clg_recipe_schedule(recipe, &t->model, &length, &fit));
    fit.user = t;
    fit.started = t->params->started;
    fit.on_step = write_step;
    fit.on_epoch = write_epoch;
    fit.stop = should_stop;
    fit.on_bad = warn_of_bad;
    fit.on_progress = t->params->on_progress ? show_progress : NULL;
    return clg_fitting_init(&t->fit, &t->model, recipe->train, recipe->test, &fit);
}

/* What was learnt from a table, so that predictions need no training set. */
static clg_status write_columns(const struct training *t)
{
    const struct clg_columns *columns = clg_recipe_columns(t->recipe);
    clg_status status;
    char *text;

    if (!columns)
        return CLG_OK;
    CLG_TRY(clg_columns_write(columns, &text));
    status = clg_run_write(&t->run, "data.json", text);
    clg_free(t->recipe->object.ctx, text);
    return status;
}

static clg_status write_description(const struct training *t, const char *resolved)
{
    CLG_TRY(clg_run_write(&t->run, "recipe.yaml", resolved));
    return write_columns(t);
}

static clg_status begin_run(struct training *t, const char *resolved)
{
    clg_status status = clg_run_open(&t->run, t->params->out, t->recipe->name);

    if (status == CLG_OK)
        status = write_description(t, resolved);
    if (status != CLG_OK)
        clg_run_undo(&t->run);
    return status;
}

static clg_status go_on(struct training *t, const char *resolved)
{
    off_t size;

    CLG_TRY(clg_run_reopen(&t->run, t->params->out));
    CLG_TRY(clg_checkpoint_read(&t->checkpoints, &size));
    CLG_TRY(clg_run_cut(&t->run, size));
    return write_description(t, resolved);
}

static clg_status open_run(struct training *t)
{
    const char *resolved;

    CLG_TRY(clg_recipe_check_classes(t->recipe, t->recipe->train));
    CLG_TRY(clg_recipe_check_classes(t->recipe, t->recipe->validation));
    CLG_TRY(clg_recipe_check_classes(t->recipe, t->recipe->test));
    t->run = (struct clg_run){
        .ctx = t->recipe->object.ctx,
        .pool = &t->recipe->pool,
        .user = t->params->user,
        .on_line = t->params->on_line,
        .log = -1,
    };
    t->checkpoints = (struct clg_checkpoints){t->recipe, t->device, &t->fit, &t->run, 0};
    t->fit.pause = write_checkpoint;
    CLG_TRY(clg_recipe_resolved(t->recipe, &resolved));
    return t->params->resume ? go_on(t, resolved) : begin_run(t, resolved);
}

static clg_status run_training(struct training *t)
{
    CLG_TRY(open_run(t));
    t->saved = t->checkpointed = clg_seconds();
    CLG_TRY(clg_fitting_run(&t->fit));
    CLG_TRY(clg_fitting_take_best(&t->fit));
    CLG_TRY(save_model(t));
    CLG_TRY(clg_run_summary(&t->run, "run", clg_summarize(t->recipe, t->device, &t->fit)));
    return clg_fitting_verdict(&t->fit);
}

clg_status clg_train(clg_recipe *recipe, clg_device *device, const clg_train_params *params,
                     clg_fit_result *result, const char **out_dir)
{
    clg_train_params defaults = clg_train_defaults();
    struct training t = {.recipe = recipe, .device = device, .run = {.log = -1}};
    clg_status status;

    if (result)
        *result = (clg_fit_result){0};
    if (out_dir)
        *out_dir = NULL;
    if (!CLG_GIVEN(device, recipe) || !CLG_GIVEN(recipe, device))
        return CLG_ERR_ARGUMENT;
    defaults.started = clg_seconds();
    t.params = params ? params : &defaults;
    status = prepare(&t);
    if (status == CLG_OK) {
        status = run_training(&t);
        if (result)
            *result = t.fit.result;
        if (out_dir)
            *out_dir = t.run.dir;
        clg_fitting_finish(&t.fit);
    }
    clg_run_close(&t.run);
    clg_store_destroy(&t.model.store);
    return status;
}
