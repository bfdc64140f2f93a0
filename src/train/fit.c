#include "train/fit.h"

#include <inttypes.h>
#include <math.h>
#include <time.h>

#include "base/philox.h"
#include "train/metric.h"

#define LOOK_SECONDS 0.1 /* between two waits for the device, roughly */

clg_fit_params clg_fit_defaults(void)
{
    return (clg_fit_params){
        .batch = 32,
        .eval_batch = 1000,
        .accumulate = 1,
        .epochs = 1,
        .shuffle = true,
        .seed = 1,
        .std = 1,
    };
}

const char *clg_stop_reason_string(clg_stop_reason reason)
{
    static const char *const words[] = {"epochs", "steps", "requested",
                                        "nan",    "index", "early_stopping"};

    return (size_t)reason < sizeof(words) / sizeof(words[0]) ? words[reason] : "?";
}

double clg_seconds(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- begin and end ---- */

clg_status clg_check_pass(const clg_model *model, const clg_dataset *data,
                          const clg_fit_params *params, bool labels)
{
    struct clg_ctx *ctx = data->object.ctx;

    if (!model->device || !model->store || !model->graph)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "the model needs a device, a store and a graph");
    if (params->batch < 1 || params->eval_batch < 1)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "the batch is %" PRId64 ", in evaluation %" PRId64 "; it must be over 0",
                        params->batch, params->eval_batch);
    if (!(params->std > 0) || !isfinite(params->std) || !isfinite(params->mean))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "samples are normalised by mean %g and std %g; std must be over 0",
                        (double)params->mean, (double)params->std);
    if (labels && !data->has_labels)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "'%s' has no labels", data->name);
    return CLG_OK;
}

static clg_status check_metric(const struct clg_fitting *fit, const char *reader, const char *name)
{
    return name ? clg_metric_check(fit->ctx, reader, name, fit->validation.data, fit->test.data,
                                   fit->model.accuracy)
                : CLG_OK;
}

static clg_status check_early_stopping(const struct clg_fitting *fit)
{
    const clg_early_stopping *rule = &fit->params.early_stopping;

    if (rule->metric && (rule->patience < 1 || !(rule->min_delta >= 0)))
        return clg_fail(fit->ctx, CLG_ERR_ARGUMENT,
                        "early stopping has a patience of %" PRId64
                        " and a min_delta of %g: they must be at least 1 and at least 0",
                        rule->patience, rule->min_delta);
    return check_metric(fit, "early stopping", rule->metric);
}

static clg_status check_fit(const struct clg_fitting *fit)
{
    const clg_fit_params *p = &fit->params;

    CLG_TRY(clg_check_pass(&fit->model, fit->train.data, p, true));
    if (fit->validation.data)
        CLG_TRY(clg_check_pass(&fit->model, fit->validation.data, p, true));
    if (fit->test.data)
        CLG_TRY(clg_check_pass(&fit->model, fit->test.data, p, true));
    if (p->epochs < 0 || p->steps < 0 || (p->epochs == 0 && p->steps == 0))
        return clg_fail(fit->ctx, CLG_ERR_ARGUMENT,
                        "%" PRId64 " epochs and %" PRId64 " steps: one must be over 0", p->epochs,
                        p->steps);
    if (p->accumulate < 1)
        return clg_fail(fit->ctx, CLG_ERR_ARGUMENT,
                        "an update takes %" PRId64 " batches, must be 1 or more", p->accumulate);
    if (p->schedule)
        CLG_TRY(check_metric(fit, "the schedule", p->schedule_metric));
    CLG_TRY(check_early_stopping(fit));
    if (p->drop_last && p->batch > fit->train.data->count)
        return clg_fail(fit->ctx, CLG_ERR_ARGUMENT,
                        "the batch is %" PRId64 " but '%s' has %" PRId64
                        " samples: with drop_last there is nothing to train on",
                        p->batch, fit->train.data->name, fit->train.data->count);
    return CLG_OK;
}

struct clg_length clg_fit_length(int64_t samples, const clg_fit_params *p)
{
    int64_t batches = p->drop_last ? samples / p->batch : (samples - 1) / p->batch + 1;
    struct clg_length length = {.epochs = p->epochs};

    if (batches == 0)
        return length;
    length.steps_per_epoch = (batches - 1) / p->accumulate + 1;
    if (p->steps && (!p->epochs || (p->steps - 1) / length.steps_per_epoch < p->epochs))
        length.epochs = (p->steps - 1) / length.steps_per_epoch + 1;
    length.steps = length.epochs > INT64_MAX / length.steps_per_epoch
                       ? INT64_MAX /* more than can be done */
                       : length.epochs * length.steps_per_epoch;
    if (p->steps && p->steps < length.steps)
        length.steps = p->steps;
    return length;
}

struct clg_pass clg_inference_pass(const clg_model *model, clg_dataset *data,
                                   const clg_fit_params *params)
{
    return (struct clg_pass){
        .ctx = data ? data->object.ctx : NULL,
        .model = model,
        .data = data,
        .mode = CLG_INFER,
        .batch = params->eval_batch,
        .mean = params->mean,
        .std = params->std,
        .with_labels = true,
        .outputs = {"loss", model && model->accuracy ? "accuracy"
                            : model && model->errors ? "mse"
                                                     : NULL,
                    model && model->errors && !model->accuracy ? "mae" : NULL},
    };
}

/* The pass that evaluates a set after each epoch; content that lies on the device for the training
 * is not brought there again. */
static struct clg_pass evaluation(const struct clg_fitting *fit, clg_dataset *data)
{
    struct clg_pass pass = clg_inference_pass(&fit->model, data, &fit->params);

    if (data && clg_dataset_whole(data) == clg_dataset_whole(fit->train.data))
        pass.beside = &fit->train;
    return pass;
}

static clg_status check_memory(struct clg_fitting *fit)
{
    struct clg_pass *passes[] = {&fit->train, NULL, NULL, NULL};
    size_t count = 1;

    if (fit->validation.data)
        passes[count++] = &fit->validation;
    if (fit->test.data)
        passes[count++] = &fit->test;
    return clg_passes_check_memory(passes, fit->params.shuffle);
}

clg_status clg_fitting_init(struct clg_fitting *fit, const clg_model *model, clg_dataset *train,
                            clg_dataset *test, const clg_fit_params *params)
{
    clg_status status;

    *fit = (struct clg_fitting){.ctx = train->object.ctx, .params = *params};
    if (model)
        fit->model = *model;
    fit->train = clg_inference_pass(&fit->model, train, params);
    fit->train.mode = CLG_TRAIN;
    if (!fit->model.accuracy)
        fit->train.outputs[1] = NULL; /* errors would cost time in each step */
    fit->train.batch = params->batch;
    fit->validation = evaluation(fit, params->validation);
    fit->test = evaluation(fit, test);
    CLG_TRY(check_fit(fit));
    fit->length = clg_fit_length(train->count, params);
    if (params->shuffle) {
        fit->order = clg_new(fit->ctx, (size_t)train->count, sizeof(*fit->order));
        if (!fit->order)
            return CLG_ERR_MEMORY;
    }
    status = check_memory(fit);
    if (status == CLG_OK)
        status = clg_store_on_bad_step(fit->model.store, params->on_bad_step);
    if (status == CLG_OK)
        status = clg_pass_open(&fit->train, params->shuffle);
    if (status != CLG_OK)
        clg_fitting_finish(fit);
    return status;
}

void clg_fitting_finish(struct clg_fitting *fit)
{
    clg_pass_close(&fit->train);
    clg_pass_close(&fit->validation);
    clg_pass_close(&fit->test);
    clg_best_finish(&fit->best, fit->model.store);
    clg_free(fit->ctx, fit->order);
    fit->order = NULL;
}

/* ---- a step ---- */

static void stop(struct clg_fitting *fit, clg_stop_reason reason, int64_t step)
{
    if (fit->stopped)
        return;
    fit->stopped = true;
    fit->result.reason = reason;
    fit->result.stop_step = step;
}

/* Whether it was stopped by a step that was refused. */
static bool is_bad(const struct clg_fitting *fit)
{
    return fit->stopped &&
           (fit->result.reason == CLG_STOP_NAN || fit->result.reason == CLG_STOP_INDEX);
}

/* Waits for the device and stops when a step was refused. */
static clg_status check_progress(struct clg_fitting *fit)
{
    clg_progress progress;

    CLG_TRY(clg_store_progress(fit->model.store, &progress));
    if (fit->params.on_bad_step == CLG_BAD_SKIP) {
        bool more = fit->result.skipped < (int64_t)progress.skipped;

        fit->result.skipped = (int64_t)progress.skipped;
        if (more && fit->params.on_bad)
            fit->params.on_bad(fit->params.user, &progress);
        return CLG_OK;
    }
    if (!progress.first_bad_step || fit->stopped)
        return CLG_OK;
    stop(fit, progress.bad_index ? CLG_STOP_INDEX : CLG_STOP_NAN, (int64_t)progress.first_bad_step);
    fit->result.steps = (int64_t)progress.first_bad_step - 1;
    return CLG_OK;
}

/* Stops, unless a step was refused before. */
static clg_status stop_here(struct clg_fitting *fit, clg_stop_reason reason, int64_t step)
{
    CLG_TRY(check_progress(fit));
    stop(fit, reason, step);
    return CLG_OK;
}

static clg_status log_step(struct clg_fitting *fit, clg_plan *plan, int64_t step)
{
    float loss;

    if (!fit->params.on_step || (fit->stopped && step > fit->result.stop_step))
        return CLG_OK;
    CLG_TRY(clg_plan_read(plan, "loss", &loss, sizeof(loss)));
    fit->params.on_step(fit->params.user, step, (double)loss);
    return CLG_OK;
}

static clg_status report_progress(struct clg_fitting *fit, double now)
{
    double elapsed = now - fit->epoch_begin, whole = now - fit->begin;
    int64_t here = fit->result.steps - fit->from.steps; /* steps of this process */
    clg_fit_progress progress = {
        .epoch = fit->result.epochs + 1,
        .epochs = fit->length.epochs,
        .step = fit->result.steps,
        .steps = fit->length.steps,
        .samples_per_second = elapsed > 0 ? (double)fit->epoch_samples / elapsed : 0,
    };

    progress.seconds_left =
        whole / (double)here * (double)(fit->length.steps - fit->result.steps);
    CLG_TRY(clg_pass_score(&fit->train, &progress.train));
    fit->params.on_progress(fit->params.user, &progress);
    fit->last_progress = now;
    return CLG_OK;
}

/* Waits for the device about every LOOK_SECONDS: often enough to stop soon, and to show how it
 * goes; the number of steps between two looks follows from how long they took. */
static clg_status look(struct clg_fitting *fit, bool due)
{
    double now, since;

    CLG_TRY(check_progress(fit));
    now = clg_seconds();
    if (fit->params.on_progress && now - fit->last_progress >= LOOK_SECONDS)
        CLG_TRY(report_progress(fit, now));
    if (!due)
        return CLG_OK;
    since = now - fit->last_look;
    if (since < LOOK_SECONDS / 2)
        fit->look_every *= 2;
    else if (since > LOOK_SECONDS * 2 && fit->look_every > 1)
        fit->look_every /= 2;
    fit->last_look = now;
    fit->next_look = fit->result.steps + fit->look_every;
    return CLG_OK;
}

static clg_status open_evaluation(struct clg_pass *pass)
{
    if (!pass->data)
        return CLG_OK;
    CLG_TRY(clg_pass_open(pass, false));
    return clg_pass_prepare_rest(pass);
}

/* The first step is waited for and timed; then what else is needed is compiled, so that a lack of
 * memory is met now and not after an epoch. That time counts neither as the epoch's. */
static clg_status after_first_step(struct clg_fitting *fit)
{
    double before;

    CLG_TRY(clg_device_finish(fit->model.device));
    before = clg_seconds();
    fit->result.first_step_seconds = before - fit->params.started;
    CLG_TRY(open_evaluation(&fit->validation));
    CLG_TRY(open_evaluation(&fit->test));
    if (!fit->params.drop_last)
        CLG_TRY(clg_pass_prepare_rest(&fit->train));
    fit->last_look = clg_seconds();
    fit->epoch_begin += fit->last_look - before;
    return CLG_OK;
}

static clg_status after_step(struct clg_fitting *fit, clg_plan *plan)
{
    const clg_fit_params *p = &fit->params;
    int64_t step = fit->result.steps;
    bool logged = p->log_every && step % p->log_every == 0, due = step >= fit->next_look;

    if (step == fit->from.steps + 1)
        CLG_TRY(after_first_step(fit));
    if (logged || due)
        CLG_TRY(look(fit, due));
    if (logged)
        CLG_TRY(log_step(fit, plan, step));
    if (p->steps && step >= p->steps)
        return stop_here(fit, CLG_STOP_STEPS, step);
    return p->stop && p->stop(p->user) ? stop_here(fit, CLG_STOP_REQUESTED, step) : CLG_OK;
}

/* ---- the schedule ---- */

/* Before an epoch or step, of which so many are done. */
static clg_status set_rate(struct clg_fitting *fit, bool by_step, int64_t done)
{
    const clg_fit_params *p = &fit->params;

    return p->schedule && p->schedule_by_step == by_step ? clg_schedule_seek(p->schedule, done)
                                                         : CLG_OK;
}

static clg_status observe(const struct clg_fitting *fit, const clg_epoch *line)
{
    const char *name = fit->params.schedule_metric;

    if (!name)
        name = line->validation.samples ? "validation_loss" : "train_loss";
    return fit->params.schedule
               ? clg_schedule_observe(fit->params.schedule, clg_metric_value(line, name))
               : CLG_OK;
}

/* ---- early stopping ---- */

static clg_status look_for_best(struct clg_fitting *fit, const clg_epoch *line)
{
    const clg_early_stopping *rule = &fit->params.early_stopping;

    if (!rule->metric)
        return CLG_OK;
    CLG_TRY(clg_best_look(&fit->best, fit->model.store, rule, line));
    fit->result.best_epoch = fit->best.epoch;
    fit->result.best = fit->best.value;
    if (clg_best_is_past(&fit->best, rule, fit->result.epochs))
        stop(fit, CLG_STOP_EARLY, fit->result.steps);
    return CLG_OK;
}

clg_status clg_fitting_take_best(struct clg_fitting *fit)
{
    return clg_best_restore(&fit->best, fit->model.store);
}

/* ---- an epoch ---- */

static clg_status end_epoch(struct clg_fitting *fit, bool whole)
{
    clg_epoch *line = &fit->result.last;

    *line = (clg_epoch){.epoch = fit->result.epochs + 1, .epochs = fit->length.epochs};
    CLG_TRY(clg_pass_score(&fit->train, &line->train));
    line->seconds = clg_seconds() - fit->epoch_begin;
    CLG_TRY(check_progress(fit));
    line->step = fit->result.steps;
    if (fit->validation.data)
        CLG_TRY(clg_pass_run(&fit->validation, &line->validation));
    line->lr = fit->model.optimizer ? (double)clg_optimizer_get_lr(fit->model.optimizer) : NAN;
    if (fit->test.data)
        CLG_TRY(clg_pass_run(&fit->test, &line->test));
    fit->result.epochs += whole;
    if (whole && !is_bad(fit)) {
        CLG_TRY(observe(fit, line));
        CLG_TRY(look_for_best(fit, line));
    }
    if (fit->result.epochs >= fit->length.epochs)
        stop(fit, CLG_STOP_EPOCHS, fit->result.steps);
    return fit->params.on_epoch ? fit->params.on_epoch(fit->params.user, line) : CLG_OK;
}

static clg_status start_epoch(struct clg_fitting *fit)
{
    const clg_fit_params *p = &fit->params;

    fit->epoch_begin = clg_seconds() - (fit->row ? fit->from.epoch_seconds : 0);
    fit->epoch_samples = fit->row;
    CLG_TRY(set_rate(fit, false, fit->result.epochs));
    if (p->shuffle) {
        clg_permutation(p->seed, (uint64_t)fit->result.epochs, fit->order, fit->train.data->count);
        CLG_TRY(clg_pass_set_order(&fit->train, fit->order));
    }
    CLG_TRY(clg_pass_reset(&fit->train));
    return fit->row ? clg_pass_set_sums(&fit->train, fit->from.sums) : CLG_OK;
}

static clg_status call_pause(struct clg_fitting *fit, bool end)
{
    return fit->pause && !is_bad(fit) ? fit->pause(fit->params.user, end) : CLG_OK;
}

/* An update, of as many batches as it takes or as are left. *plan: of the last one. */
static clg_status make_step(struct clg_fitting *fit, clg_plan **plan)
{
    int64_t batch = fit->train.batch, samples = fit->train.data->count, count;
    int64_t end = fit->params.drop_last ? samples / batch * batch : samples;

    for (int64_t left = fit->params.accumulate; left > 0 && fit->row < end; left--) {
        fit->train.adds = left > 1 && fit->row + batch < end;
        CLG_TRY(clg_pass_step(&fit->train, fit->row, &count, plan));
        fit->row += count;
        fit->epoch_samples += count;
    }
    return CLG_OK;
}

static clg_status run_epoch(struct clg_fitting *fit)
{
    int64_t steps = fit->row / fit->train.batch / fit->params.accumulate;
    clg_plan *plan;

    CLG_TRY(start_epoch(fit));
    while (steps < fit->length.steps_per_epoch && !fit->stopped) {
        CLG_TRY(set_rate(fit, true, fit->result.steps));
        CLG_TRY(make_step(fit, &plan));
        steps++;
        fit->result.steps++;
        CLG_TRY(after_step(fit, plan));
        if (steps < fit->length.steps_per_epoch)
            CLG_TRY(call_pause(fit, false));
    }
    if (steps < fit->length.steps_per_epoch)
        return end_epoch(fit, false);
    CLG_TRY(end_epoch(fit, true));
    fit->row = 0;
    return call_pause(fit, true);
}

/* What it went on from may be its end. */
static void stop_if_done(struct clg_fitting *fit)
{
    const clg_fit_params *p = &fit->params;

    if (fit->best.epoch && clg_best_is_past(&fit->best, &p->early_stopping, fit->result.epochs))
        stop(fit, CLG_STOP_EARLY, fit->result.steps);
    else if (fit->result.epochs >= fit->length.epochs)
        stop(fit, CLG_STOP_EPOCHS, fit->result.steps);
    else if (p->steps && fit->result.steps >= p->steps)
        stop(fit, CLG_STOP_STEPS, fit->result.steps);
}

clg_status clg_fitting_run(struct clg_fitting *fit)
{
    clg_status status = CLG_OK;

    fit->begin = fit->last_look = fit->last_progress = clg_seconds();
    fit->look_every = 1;
    fit->next_look = fit->result.steps + 1;
    if (!fit->params.started)
        fit->params.started = fit->begin;
    stop_if_done(fit);
    while (status == CLG_OK && !fit->stopped)
        status = run_epoch(fit);
    fit->result.seconds = fit->from.seconds + clg_seconds() - fit->begin;
    return status;
}

/* ---- where it stands ---- */

clg_status clg_fitting_get_position(struct clg_fitting *fit, struct clg_position *out, bool *good)
{
    double now;

    CLG_TRY(check_progress(fit));
    *good = !is_bad(fit);
    now = clg_seconds();
    *out = (struct clg_position){
        .steps = fit->result.steps,
        .epochs = fit->result.epochs,
        .row = fit->row,
        .seconds = fit->from.seconds + now - fit->begin,
        .epoch_seconds = fit->row ? now - fit->epoch_begin : 0,
    };
    return *good ? clg_pass_get_sums(&fit->train, out->sums) : CLG_OK;
}

void clg_fitting_set_position(struct clg_fitting *fit, const struct clg_position *position)
{
    fit->from = *position;
    fit->row = position->row;
    fit->result.steps = position->steps;
    fit->result.epochs = position->epochs;
    fit->result.best_epoch = fit->best.epoch;
    fit->result.best = fit->best.value;
}

clg_status clg_fitting_verdict(const struct clg_fitting *fit)
{
    if (fit->result.reason == CLG_STOP_NAN)
        return clg_fail(fit->ctx, CLG_ERR_DIVERGED,
                        "training stopped at step %" PRId64
                        ": its loss or its update is not finite; the weights are those before it",
                        fit->result.stop_step);
    if (fit->result.reason == CLG_STOP_INDEX)
        return clg_fail(fit->ctx, CLG_ERR_DIVERGED,
                        "training stopped at step %" PRId64
                        ": a label or index is out of range; the weights are those before it",
                        fit->result.stop_step);
    return CLG_OK;
}

/* ---- for applications ---- */

clg_status clg_fit(const clg_model *model, clg_dataset *train, clg_dataset *test,
                   const clg_fit_params *params, clg_fit_result *result)
{
    clg_fit_params p = params ? *params : clg_fit_defaults();
    struct clg_fitting fit;
    clg_status status;

    if (result)
        *result = (clg_fit_result){0};
    if (!CLG_GIVEN(model ? model->device : NULL, train) || !CLG_GIVEN(train, model))
        return CLG_ERR_ARGUMENT;
    if (!p.started)
        p.started = clg_seconds();
    CLG_TRY(clg_fitting_init(&fit, model, train, test, &p));
    status = clg_fitting_run(&fit);
    if (status == CLG_OK)
        status = clg_fitting_take_best(&fit);
    if (result)
        *result = fit.result;
    clg_fitting_finish(&fit);
    return status == CLG_OK ? clg_fitting_verdict(&fit) : status;
}
