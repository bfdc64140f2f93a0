/* clg_fit, clg_evaluate and clg_predict on a graph of the application's own. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <clgrad/train.h>
#include "device/opencl.h"
#include "train/fit.h"

enum { COUNT = 50, SIZE = 6, CLASSES = 3, BATCH = 8, STEPS = 7 /* of an epoch */ };

struct fixture {
    clg_ctx *ctx;
    clg_model model;
    clg_dataset *data;
    clg_memory memory;
    /* What the callbacks saw. */
    int64_t steps, epochs, progress;
    double sum; /* of the losses */
    clg_epoch last;
    int64_t stop_at;
};

/* Sample 25 may get another label, or a NaN. */
static clg_dataset *make_data(clg_ctx *ctx, int32_t wrong_label, bool nan)
{
    clg_dataset_params params = clg_dataset_defaults();
    float samples[COUNT][SIZE];
    int32_t labels[COUNT];
    clg_dataset *data;

    for (int i = 0; i < COUNT; i++) {
        labels[i] = i % CLASSES;
        for (int j = 0; j < SIZE; j++)
            samples[i][j] = (float)((i * 7 + j * 3) % 5) / 10 + (j % CLASSES == labels[i]);
    }
    if (wrong_label)
        labels[COUNT / 2] = wrong_label;
    if (nan)
        samples[COUNT / 2][1] = NAN;
    params.count = COUNT;
    params.shape = clg_shape1(SIZE);
    params.samples = samples;
    params.labels = labels;
    data = clg_dataset_create(ctx, &params);
    cr_assert_not_null(data, "%s", clg_error(ctx));
    return data;
}

static void setup(struct fixture *f, clg_form form, float lr)
{
    clg_device *device;
    clg_store *store;
    clg_graph *g;
    clg_tensor x, y, z, loss;

    *f = (struct fixture){.ctx = test_context()};
    device = test_open(f->ctx, form);
    store = clg_store_create(device, 3);
    g = clg_graph_create(store);
    x = clg_input(g, "input", CLG_F32, clg_shape2(CLG_BATCH, SIZE));
    y = clg_input(g, "label", CLG_I32, clg_shape1(CLG_BATCH));
    z = clg_linear(x, "fc", CLASSES, NULL);
    clg_output(clg_softmax(z), "result");
    clg_metric(clg_accuracy(z, y), "accuracy");
    loss = clg_metric(clg_cross_entropy(z, y, NULL), "loss");
    f->model = (clg_model){device, store, g, CLG_I32, true, CLASSES, clg_sgd_create(store, lr, NULL)};
    test_ok(f->ctx, clg_minimize(f->model.optimizer, loss));
    f->data = make_data(f->ctx, 0, false);
}

static void finish(struct fixture *f)
{
    clg_device_destroy(&f->model.device);
    clg_ctx_destroy(&f->ctx);
}

static bool on_stop(void *user)
{
    const struct fixture *f = user;

    return f->stop_at && f->steps >= f->stop_at;
}

static void on_step(void *user, int64_t step, double loss)
{
    struct fixture *f = user;

    cr_assert_eq(step, ++f->steps);
    f->sum += loss * (step % STEPS ? BATCH : COUNT % BATCH);
}

static void on_progress(void *user, const clg_fit_progress *progress)
{
    struct fixture *f = user;

    f->progress++;
    cr_assert(progress->step <= progress->steps && progress->epoch <= progress->epochs);
    cr_assert(progress->train.samples > 0 && progress->seconds_left >= 0);
}

static clg_status on_epoch(void *user, const clg_epoch *epoch)
{
    struct fixture *f = user;

    cr_assert_eq(epoch->epoch, ++f->epochs);
    f->last = *epoch;
    return CLG_OK;
}

static clg_fit_params watched(struct fixture *f)
{
    clg_fit_params params = clg_fit_defaults();

    params.batch = BATCH;
    params.log_every = 1;
    params.user = f;
    params.stop = on_stop;
    params.on_step = on_step;
    params.on_progress = on_progress;
    params.on_epoch = on_epoch;
    return params;
}

static void check_fit(clg_form form)
{
    clg_fit_params params;
    clg_fit_result result;
    struct fixture f;
    clg_score score;

    setup(&f, form, 0.5f);
    params = watched(&f);
    test_ok(f.ctx, clg_fit(&f.model, f.data, f.data, &params, &result));
    cr_assert_eq(result.steps, STEPS);
    cr_assert_eq(result.epochs, 1);
    cr_assert_eq(result.reason, CLG_STOP_EPOCHS);
    cr_assert_eq(f.last.train.samples, COUNT);
    cr_assert_float_eq(f.last.train.loss, f.sum / COUNT, 1e-5);
    test_ok(f.ctx, clg_evaluate(&f.model, f.data, &params, &score));
    cr_assert_eq(score.samples, COUNT);
    cr_assert_eq(score.loss, f.last.test.loss);
    cr_assert_eq(score.accuracy, f.last.test.accuracy);

    /* Another batch adds the same numbers up in another order. */
    params.eval_batch = 7;
    test_ok(f.ctx, clg_evaluate(&f.model, f.data, &params, &score));
    cr_assert_eq(score.samples, COUNT);
    cr_assert_float_eq(score.loss, f.last.test.loss, 1e-5);
    cr_assert_float_eq(score.accuracy, f.last.test.accuracy, 1e-6);
    finish(&f);
}

TEST(fit, trains_and_evaluates)
{
    for (size_t i = 0; i < TEST_FORMS; i++)
        check_fit(test_forms[i]);
}

/* Means and standard deviations reach the input: the same as normalised data. */
TEST(fit, learns)
{
    clg_fit_params params = clg_fit_defaults();
    struct fixture f;
    clg_score score;

    setup(&f, CLG_FORM_AUTO, 1.0f);
    params.batch = BATCH;
    params.epochs = 20;
    params.mean = 0.5f;
    params.std = 0.5f;
    test_ok(f.ctx, clg_fit(&f.model, f.data, NULL, &params, NULL));
    test_ok(f.ctx, clg_evaluate(&f.model, f.data, &params, &score));
    cr_assert_eq(score.accuracy, 1);
    finish(&f);
}

TEST(fit, stops)
{
    clg_fit_params params;
    clg_fit_result result;
    struct fixture f;

    setup(&f, CLG_FORM_AUTO, 0.5f);
    params = watched(&f);
    params.epochs = 0;
    params.steps = 9;
    test_ok(f.ctx, clg_fit(&f.model, f.data, NULL, &params, &result));
    cr_assert(result.steps == 9 && result.epochs == 1 && result.reason == CLG_STOP_STEPS);
    cr_assert_eq(f.epochs, 2);
    cr_assert_eq(f.last.train.samples, 2 * BATCH);
    cr_assert_eq(f.last.test.samples, 0);

    f.steps = f.epochs = 0;
    f.stop_at = 4;
    test_ok(f.ctx, clg_fit(&f.model, f.data, NULL, &params, &result));
    cr_assert(result.steps == 4 && result.epochs == 0 && result.reason == CLG_STOP_REQUESTED);

    f.steps = f.epochs = f.stop_at = 0;
    params.drop_last = true;
    params.epochs = 1;
    params.steps = 0;
    test_ok(f.ctx, clg_fit(&f.model, f.data, NULL, &params, &result));
    cr_assert_eq(result.steps, STEPS - 1);
    cr_assert_eq(f.last.train.samples, (STEPS - 1) * BATCH);
    finish(&f);
}

/* Test losses of a training whose rate grows from epoch to epoch until it gets worse. */
enum { MOST = 60 };
struct losses {
    double values[MOST];
    int count;
};

static clg_status on_loss(void *user, const clg_epoch *epoch)
{
    struct losses *losses = user;

    cr_assert_lt(losses->count, MOST);
    losses->values[losses->count++] = epoch->test.loss;
    return CLG_OK;
}

/* One sample contradicts others, so that the loss does not end at 0. */
static void setup_contradiction(struct fixture *f, clg_form form, float lr)
{
    setup(f, form, lr);
    f->data = make_data(f->ctx, 2, false);
}

/* Fits with early stopping and gives where, by the losses, it must have ended. */
static int check_early_stopping(struct fixture *f, int64_t epochs, double growth, int64_t patience,
                                double min_delta, clg_fit_result *result)
{
    clg_fit_params params = clg_fit_defaults();
    clg_schedule_params schedule = clg_schedule_defaults();
    struct losses losses = {.count = 0};
    clg_score score;
    int best = 0, last = 0;

    schedule.gamma = growth;
    params.batch = BATCH;
    params.epochs = epochs;
    params.schedule = clg_schedule_create(f->model.optimizer, "exponential", &schedule);
    params.early_stopping = (clg_early_stopping){"test_loss", patience, min_delta};
    params.user = &losses;
    params.on_epoch = on_loss;
    test_ok(f->ctx, clg_fit(&f->model, f->data, f->data, &params, result));
    for (last = 1; last < losses.count && last - best < patience; last++)
        if (losses.values[last] < losses.values[best] - min_delta)
            best = last;
    cr_assert_eq(result->best_epoch, best + 1);
    cr_assert_eq(result->best, losses.values[best]);
    cr_assert_eq(result->epochs, losses.count);
    test_ok(f->ctx, clg_evaluate(&f->model, f->data, &params, &score));
    cr_assert_eq(score.loss, losses.values[best], "these are not the best epoch's weights");
    return best + 1 == losses.count ? MOST : best + (int)patience + 1;
}

TEST(fit, stops_early)
{
    for (size_t i = 0; i < TEST_FORMS; i++) {
        clg_fit_result result;
        struct fixture f;
        int end;

        setup_contradiction(&f, test_forms[i], 0.5f);
        end = check_early_stopping(&f, MOST, 1.6, 4, 0, &result);
        cr_assert_eq(result.reason, CLG_STOP_EARLY);
        cr_assert(result.epochs == end && result.best_epoch == end - 4 && end < MOST);
        finish(&f);
    }
}

/* Gains that are not larger than min_delta are none. */
TEST(fit, stops_early_by_min_delta)
{
    clg_fit_result result;
    struct fixture f;

    setup_contradiction(&f, CLG_FORM_AUTO, 0.05f);
    cr_assert_eq(check_early_stopping(&f, MOST, 1, 2, 1, &result), 3);
    cr_assert(result.reason == CLG_STOP_EARLY && result.epochs == 3 && result.best_epoch == 1);
    finish(&f);
}

/* A patience that lasts: all epochs are done, and the best one's weights taken all the same. */
TEST(fit, takes_the_best)
{
    clg_fit_result result;
    struct fixture f;
    int end;

    setup_contradiction(&f, CLG_FORM_AUTO, 0.5f);
    end = check_early_stopping(&f, MOST, 1.6, 4, 0, &result);
    finish(&f);
    setup_contradiction(&f, CLG_FORM_AUTO, 0.5f);
    check_early_stopping(&f, end - 1, 1.6, MOST, 0, &result);
    cr_assert(result.reason == CLG_STOP_EPOCHS && result.epochs == end - 1);
    cr_assert_eq(result.best_epoch, end - 4);
    finish(&f);
}

TEST(fit, refuses_early_stopping)
{
    static const struct {
        clg_early_stopping rule;
        const char *words;
    } cases[] = {
        {{"test_loss", 0, 0}, "a patience of 0 and a min_delta of 0: they must be"},
        {{"test_loss", 1, NAN}, "a min_delta of nan"},
        {{"validation_loss", 1, 0},
         "early stopping looks at 'validation_loss', but the epochs of this training have train_loss, "
         "train_accuracy, test_loss, test_accuracy: data.validation is not there"},
        {{"lr", 1, 0}, "early stopping looks at 'lr'"},
    };
    clg_fit_params params = clg_fit_defaults();
    struct fixture f;

    setup(&f, CLG_FORM_AUTO, 0.5f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        params.early_stopping = cases[i].rule;
        test_refused(f.ctx, CLG_ERR_ARGUMENT, cases[i].words,
                     clg_fit(&f.model, f.data, f.data, &params, NULL));
    }
    finish(&f);
}

/* The weights stay those before the step that was refused, although the host did not look. */
static void check_refused_step(clg_dataset *data, struct fixture *f, clg_stop_reason reason,
                               const char *words)
{
    clg_fit_params params = clg_fit_defaults();
    float weights[CLASSES * SIZE];
    clg_fit_result result;

    params.batch = BATCH;
    params.shuffle = false;
    params.epochs = 3;
    test_refused(f->ctx, CLG_ERR_DIVERGED, words, clg_fit(&f->model, data, NULL, &params, &result));
    cr_assert_eq(result.reason, reason);
    cr_assert_eq(result.steps, result.stop_step - 1);
    test_ok(f->ctx, clg_store_get(f->model.store, "fc.weight", weights, sizeof(weights)));
    for (size_t i = 0; i < CLASSES * SIZE; i++)
        cr_assert(isfinite(weights[i]));
}

TEST(fit, refuses_bad_steps)
{
    struct fixture f;

    setup(&f, CLG_FORM_AUTO, 0.5f);
    check_refused_step(make_data(f.ctx, 0, true), &f, CLG_STOP_NAN, "training stopped at step 4");
    finish(&f);
    setup(&f, CLG_FORM_AUTO, 0.5f);
    check_refused_step(make_data(f.ctx, CLASSES, false), &f, CLG_STOP_INDEX,
                       "step 4: a label or index is out of range");
    finish(&f);
}

static void keep_bad(void *user, const clg_progress *progress)
{
    *(clg_progress *)user = *progress;
}

/* The fourth step of each epoch is skipped, the rest of it is not. */
TEST(fit, skips_bad_steps)
{
    struct fixture f;
    clg_fit_params params = clg_fit_defaults();
    clg_fit_result result;
    clg_progress seen = {0}, progress;

    setup(&f, CLG_FORM_AUTO, 0.5f);
    params.shuffle = false;
    params.epochs = 3;
    params.batch = BATCH;
    params.on_bad_step = CLG_BAD_SKIP;
    params.user = &seen;
    params.on_bad = keep_bad;
    test_ok(f.ctx, clg_fit(&f.model, make_data(f.ctx, 0, true), NULL, &params, &result));
    test_ok(f.ctx, clg_store_progress(f.model.store, &progress));
    cr_assert_eq(result.reason, CLG_STOP_EPOCHS);
    cr_assert_eq(result.skipped, 3);
    cr_assert(seen.skipped == 3 && seen.first_bad_step == 4 && seen.bad_loss);
    cr_assert_eq((int64_t)progress.steps, result.steps - 3);
    cr_assert(isfinite(result.last.train.loss));
    finish(&f);
}

static int on_row(void *user, int64_t index, const float *values, size_t count)
{
    int64_t *next = user;

    cr_assert_eq(index, (*next)++);
    cr_assert_eq(count, CLASSES);
    cr_assert_float_eq((double)(values[0] + values[1] + values[2]), 1.0, 1e-5);
    return index == 40;
}

TEST(fit, predicts)
{
    clg_fit_params params = clg_fit_defaults();
    struct fixture f;
    int64_t next = 0;

    setup(&f, CLG_FORM_AUTO, 0.5f);
    params.eval_batch = 16;
    test_refused(f.ctx, CLG_ERR_STATE, "ended by the application at sample 40",
                 clg_predict(&f.model, f.data, &params, on_row, &next));
    cr_assert_eq(next, 41);
    finish(&f);
}

TEST(fit, refuses_wrong_arguments)
{
    clg_fit_params params = clg_fit_defaults();
    clg_model none = {0};
    struct fixture f;
    clg_score score;

    setup(&f, CLG_FORM_AUTO, 0.5f);
    test_refused(f.ctx, CLG_ERR_ARGUMENT, "needs a device, a store and a graph",
                 clg_fit(&none, f.data, NULL, NULL, NULL));
    test_refused(f.ctx, CLG_ERR_ARGUMENT, "clg_evaluate: model is NULL",
                 clg_evaluate(NULL, f.data, NULL, &score));
    params.batch = 0;
    test_refused(f.ctx, CLG_ERR_ARGUMENT, "the batch is 0",
                 clg_fit(&f.model, f.data, NULL, &params, NULL));
    params = clg_fit_defaults();
    params.std = 0;
    test_refused(f.ctx, CLG_ERR_ARGUMENT, "std must be over 0",
                 clg_fit(&f.model, f.data, NULL, &params, NULL));
    params = clg_fit_defaults();
    params.epochs = 0;
    test_refused(f.ctx, CLG_ERR_ARGUMENT, "0 epochs and 0 steps",
                 clg_fit(&f.model, f.data, NULL, &params, NULL));
    cr_assert_eq(clg_fit(&f.model, NULL, NULL, NULL, NULL), CLG_ERR_ARGUMENT);
    cr_assert_eq(clg_evaluate(&f.model, NULL, NULL, &score), CLG_ERR_ARGUMENT);
    cr_assert_eq(clg_predict(&f.model, f.data, NULL, NULL, NULL), CLG_ERR_ARGUMENT);
    finish(&f);
}

/* A step takes what there is of a batch that is larger than the data; no sum overflows on the way. */
TEST(fit, the_largest_batch)
{
    clg_fit_params params = clg_fit_defaults();
    clg_fit_result result;
    struct fixture f;

    setup(&f, CLG_FORM_AUTO, 0.5f);
    params.batch = params.eval_batch = INT64_MAX;
    test_ok(f.ctx, clg_fit(&f.model, f.data, f.data, &params, &result));
    cr_assert_eq(result.steps, 1);
    cr_assert_eq(result.last.train.samples, COUNT);
    cr_assert_eq(result.last.test.samples, COUNT);
    finish(&f);
}

/* So many epochs that their steps are more than a number holds. */
TEST(fit, the_most_epochs)
{
    clg_fit_params params = clg_fit_defaults();
    struct clg_fitting fit;
    struct fixture f;

    setup(&f, CLG_FORM_AUTO, 0.5f);
    params.batch = 1;
    params.epochs = INT64_MAX;
    test_ok(f.ctx, clg_fitting_init(&fit, &f.model, f.data, NULL, &params));
    cr_assert(fit.length.epochs == INT64_MAX && fit.length.steps == INT64_MAX);
    clg_fitting_finish(&fit);
    params.steps = 7;
    test_ok(f.ctx, clg_fitting_init(&fit, &f.model, f.data, NULL, &params));
    cr_assert_eq(fit.length.steps, 7);
    clg_fitting_finish(&fit);
    finish(&f);
}

/* ---- memory ---- */

static clg_status note_memory(void *user, const clg_epoch *epoch)
{
    struct fixture *f = user;

    (void)epoch;
    return clg_device_memory(f->model.device, &f->memory);
}

static clg_status fit_with(struct fixture *f, uint64_t memory)
{
    clg_fit_params params = clg_fit_defaults();

    setup(f, CLG_FORM_AUTO, 0.5f);
    params.batch = 8;
    params.eval_batch = 15;
    params.user = f;
    params.on_epoch = note_memory;
    if (memory)
        f->model.device->machine.memory = memory;
    return clg_fit(&f->model, f->data, f->data, &params, NULL);
}

/* Plans of both sizes, for training and evaluation, and the data: refused when a byte is missing, before
 * anything is allocated. */
TEST(fit, memory)
{
    struct fixture f;
    clg_memory *m = &f.memory;
    uint64_t all;

    cr_assert_eq(fit_with(&f, 0), CLG_OK, "%s", clg_error(f.ctx));
    all = m->weights + m->gradients + m->states + m->data + m->scratch + m->own + m->other;
    finish(&f);
    cr_assert_eq(fit_with(&f, all), CLG_OK, "%s", clg_error(f.ctx));
    finish(&f);
    cr_assert_eq(fit_with(&f, all - 1), CLG_ERR_LIMIT);
    cr_assert(strstr(clg_error(f.ctx), "inputs and outputs"), "%s", clg_error(f.ctx));
    test_ok(f.ctx, clg_device_memory(f.model.device, m));
    cr_assert(m->weights + m->data + m->own + m->scratch == 0, "something was allocated");
    finish(&f);
}

/* ---- views ---- */

enum { PART = 37 };

/* Every row but each third, as a view or as a set of its own. */
static clg_dataset *part_of(struct fixture *f, bool copied)
{
    const float *samples = clg_dataset_samples(f->data);
    clg_dataset_params params = clg_dataset_defaults();
    float part[PART][SIZE];
    int32_t labels[PART], rows[PART];

    for (int i = 0; i < PART; i++) {
        rows[i] = (i * 11 + 3) % COUNT;
        labels[i] = ((const int32_t *)clg_dataset_labels(f->data))[rows[i]];
        memcpy(part[i], samples + rows[i] * SIZE, sizeof(part[i]));
    }
    if (!copied)
        return clg_dataset_view(f->data, rows, PART);
    params.count = PART;
    params.shape = clg_shape1(SIZE);
    params.samples = part;
    params.labels = labels;
    return clg_dataset_create(f->ctx, &params);
}

static clg_fit_result fit_part(bool copied, bool shuffle, float weights[CLASSES * SIZE])
{
    clg_fit_params params = clg_fit_defaults();
    clg_fit_result result;
    struct fixture f;

    setup(&f, CLG_FORM_AUTO, 0.5f);
    params.batch = BATCH;
    params.epochs = 3;
    params.shuffle = shuffle;
    test_ok(f.ctx, clg_fit(&f.model, part_of(&f, copied), f.data, &params, &result));
    test_ok(f.ctx, clg_store_get(f.model.store, "fc.weight", weights,
                                 CLASSES * SIZE * sizeof(*weights)));
    finish(&f);
    return result;
}

/* A view trains as a set with its rows does, to the bit. */
TEST(fit, trains_on_a_view)
{
    for (int shuffle = 0; shuffle < 2; shuffle++) {
        float view[CLASSES * SIZE], copy[CLASSES * SIZE];
        clg_fit_result of_view = fit_part(false, shuffle, view);
        clg_fit_result of_copy = fit_part(true, shuffle, copy);

        cr_assert_eq(memcmp(view, copy, sizeof(view)), 0);
        cr_assert_eq(of_view.last.train.samples, PART);
        cr_assert_eq(of_view.last.train.loss, of_copy.last.train.loss);
        cr_assert_eq(of_view.last.test.samples, COUNT);
        cr_assert_eq(of_view.last.test.loss, of_copy.last.test.loss);
    }
}

/* Views of one set have its content on the device once: samples, labels, and an index each. */
TEST(fit, views_share_memory)
{
    static const int32_t rows[] = {4, 9, 2, 30, 11};
    clg_fit_params params = clg_fit_defaults();
    struct fixture f;

    setup(&f, CLG_FORM_AUTO, 0.5f);
    params.user = &f;
    params.on_epoch = note_memory;
    test_ok(f.ctx, clg_fit(&f.model, part_of(&f, false), clg_dataset_view(f.data, rows, 5), &params,
                           NULL));
    cr_assert_eq(f.memory.data, COUNT * (SIZE + 1) * 4 + (PART + 5) * 4, "%llu bytes",
                 (unsigned long long)f.memory.data);
    finish(&f);
}
