#include "train/pass.h"

#include <math.h>
#include <string.h>

static clg_array *upload_labels(struct clg_pass *pass, const clg_dataset *data, int64_t cols)
{
    size_t values = (size_t)(data->count * cols);
    const int32_t *from = data->labels;
    clg_array *array = NULL;
    float *numbers;

    if (pass->model->label != CLG_F32 || data->label_type == CLG_F32)
        return clg_array_create(pass->model->device, data->label_type, data->count, cols, from);
    numbers = clg_new(pass->ctx, values, sizeof(*numbers));
    if (!numbers)
        return NULL;
    for (size_t i = 0; i < values; i++)
        numbers[i] = (float)from[i];
    array = clg_array_create(pass->model->device, CLG_F32, data->count, cols, numbers);
    clg_free(pass->ctx, numbers);
    return array;
}

static clg_status upload_content(struct clg_pass *pass)
{
    const clg_dataset *data = clg_dataset_whole(pass->data);

    pass->samples = clg_array_create(pass->model->device, data->type, data->count,
                                     clg_dataset_values(&data->shape), data->samples);
    if (pass->samples && pass->with_labels)
        pass->labels = upload_labels(pass, data, clg_dataset_values(&data->label_shape));
    if (!pass->samples || (pass->with_labels && !pass->labels))
        return clg_error_status(pass->ctx);
    return CLG_OK;
}

static bool has_errors(const struct clg_pass *pass)
{
    return pass->outputs[1] && strcmp(pass->outputs[1], "mse") == 0;
}

static double label_at(const clg_dataset *data, int64_t row, int64_t value)
{
    const clg_dataset *whole = clg_dataset_whole(data);
    int64_t at =
        (data->rows ? data->rows[row] : row) * clg_dataset_values(&data->label_shape) + value;

    return data->label_type == CLG_F32 ? (double)((const float *)whole->labels)[at]
                                       : (double)((const int32_t *)whole->labels)[at];
}

/* The mean over a label's values of each one's variance over the samples. */
static double label_variance(const clg_dataset *data)
{
    int64_t values = clg_dataset_values(&data->label_shape);
    double squares = 0;

    for (int64_t v = 0; v < values; v++) {
        double mean = 0, difference;

        for (int64_t i = 0; i < data->count; i++)
            mean += label_at(data, i, v) / (double)data->count;
        for (int64_t i = 0; i < data->count; i++) {
            difference = label_at(data, i, v) - mean;
            squares += difference * difference;
        }
    }
    return squares / (double)values / (double)data->count;
}

/* Content that another pass has brought to the device stays that pass's. */
static clg_status upload(struct clg_pass *pass, bool order)
{
    const clg_dataset *data = pass->data;

    CLG_TRY(clg_dataset_wait(pass->data));
    if (pass->beside) {
        pass->samples = pass->beside->samples;
        pass->labels = pass->beside->labels;
    } else {
        CLG_TRY(upload_content(pass));
    }
    if (has_errors(pass))
        pass->variance = label_variance(data);
    if (!order && !data->rows)
        return CLG_OK;
    pass->order = clg_array_create(pass->model->device, CLG_I32, data->count, 1, data->rows);
    return pass->order ? CLG_OK : clg_error_status(pass->ctx);
}

static clg_status compile(struct clg_pass *pass, struct clg_pass_plan *plan, int64_t batch)
{
    clg_plan_params params = clg_plan_defaults();

    params.outputs = pass->outputs;
    plan->batch = batch;
    plan->next = -1;
    plan->plan = clg_compile(pass->model->graph, batch, pass->mode, &params);
    return plan->plan ? CLG_OK : clg_error_status(pass->ctx);
}

static clg_status feed(struct clg_pass *pass, struct clg_pass_plan *plan)
{
    clg_feed_params params = clg_feed_defaults();

    params.index = pass->order;
    if (pass->with_labels)
        CLG_TRY(clg_plan_feed(plan->plan, "label", pass->labels, &params));
    params.mean = pass->mean;
    params.std = pass->std;
    return clg_plan_feed(plan->plan, "input", pass->samples, &params);
}

/* ---- memory ---- */

static void raise_to(uint64_t *most, uint64_t bytes)
{
    if (bytes > *most)
        *most = bytes;
}

/* Plans have inputs and outputs of their own and share the rest. */
static clg_status add_plan(const struct clg_pass *pass, int64_t batch, const clg_memory *now,
                           clg_memory *sum)
{
    clg_plan_params params = clg_plan_defaults();
    clg_memory with;

    params.outputs = pass->outputs;
    CLG_TRY(clg_plan_estimate(pass->model->graph, batch, pass->mode, &params, &with));
    raise_to(&sum->weights, with.weights);
    raise_to(&sum->gradients, with.gradients);
    raise_to(&sum->states, with.states);
    raise_to(&sum->scratch, with.scratch);
    raise_to(&sum->other, with.other);
    sum->own += with.own - now->own;
    return CLG_OK;
}

static int64_t full_batch(const struct clg_pass *pass)
{
    return pass->batch < pass->data->count ? pass->batch : pass->data->count;
}

static uint64_t content_bytes(const struct clg_pass *pass)
{
    const clg_dataset *data = clg_dataset_whole(pass->data);
    uint64_t sample = (uint64_t)clg_dataset_values(&data->shape) * clg_dtype_size(data->type);
    uint64_t label = pass->with_labels ? (uint64_t)clg_dataset_values(&data->label_shape) * 4 : 0;

    return (uint64_t)data->count * (sample + label);
}

static clg_status add_pass(const struct clg_pass *pass, bool order, const clg_memory *now,
                           clg_memory *sum)
{
    const clg_dataset *data = pass->data;
    int64_t batch = full_batch(pass), rest = data->count % batch;

    CLG_TRY(add_plan(pass, batch, now, sum));
    if (rest > 0)
        CLG_TRY(add_plan(pass, rest, now, sum));
    if (!pass->beside)
        sum->data += content_bytes(pass);
    if (order || data->rows)
        sum->data += (uint64_t)data->count * 4;
    return CLG_OK;
}

clg_status clg_passes_check_memory(struct clg_pass *const *passes, bool order)
{
    clg_device *device = passes[0]->model->device;
    clg_memory now, sum;

    CLG_TRY(clg_device_memory(device, &now));
    sum = now;
    for (size_t i = 0; passes[i]; i++)
        CLG_TRY(add_pass(passes[i], order && i == 0, &now, &sum));
    return clg_device_check_memory(device, &sum);
}

/* ---- open and close ---- */

clg_status clg_pass_open(struct clg_pass *pass, bool order)
{
    clg_status status = CLG_OK;

    pass->batch = full_batch(pass);
    status = compile(pass, &pass->full, pass->batch);
    if (status == CLG_OK)
        status = upload(pass, order);
    if (status == CLG_OK)
        status = feed(pass, &pass->full);
    if (status != CLG_OK)
        clg_pass_close(pass);
    return status;
}

void clg_pass_close(struct clg_pass *pass)
{
    clg_plan_destroy(&pass->full.plan);
    clg_plan_destroy(&pass->rest.plan);
    if (pass->beside)
        pass->samples = pass->labels = NULL;
    clg_array_destroy(&pass->samples);
    clg_array_destroy(&pass->labels);
    clg_array_destroy(&pass->order);
}

clg_status clg_pass_set_order(struct clg_pass *pass, int32_t *order)
{
    const int32_t *rows = pass->data->rows;

    for (int64_t i = 0; rows && i < pass->data->count; i++)
        order[i] = rows[order[i]];
    return clg_array_write(pass->order, order, (size_t)pass->data->count * sizeof(*order));
}

clg_status clg_pass_reset(struct clg_pass *pass)
{
    CLG_TRY(clg_plan_reset_metrics(pass->full.plan));
    return pass->rest.plan ? clg_plan_reset_metrics(pass->rest.plan) : CLG_OK;
}

clg_status clg_pass_get_sums(const struct clg_pass *pass, clg_metric_sum sums[CLG_PASS_OUTPUTS])
{
    for (size_t i = 0; pass->outputs[i]; i++)
        CLG_TRY(clg_plan_get_metric(pass->full.plan, pass->outputs[i], &sums[i]));
    return CLG_OK;
}

clg_status clg_pass_set_sums(const struct clg_pass *pass,
                             const clg_metric_sum sums[CLG_PASS_OUTPUTS])
{
    for (size_t i = 0; pass->outputs[i]; i++)
        CLG_TRY(clg_plan_set_metric(pass->full.plan, pass->outputs[i], &sums[i]));
    return CLG_OK;
}

clg_status clg_pass_prepare_rest(struct clg_pass *pass)
{
    int64_t rest = pass->data->count % pass->batch;

    if (pass->rest.plan || rest == 0)
        return CLG_OK;
    CLG_TRY(compile(pass, &pass->rest, rest));
    return feed(pass, &pass->rest);
}

clg_status clg_pass_step(struct clg_pass *pass, int64_t row, int64_t *count, clg_plan **plan)
{
    int64_t left = pass->data->count - row;
    struct clg_pass_plan *use = left < pass->batch ? &pass->rest : &pass->full;

    if (use == &pass->rest)
        CLG_TRY(clg_pass_prepare_rest(pass));
    if (use->next != row)
        CLG_TRY(clg_plan_seek(use->plan, row));
    use->next = row + use->batch;
    *count = use->batch;
    *plan = use->plan;
    return pass->adds ? clg_plan_accumulate(use->plan) : clg_plan_step(use->plan);
}

static clg_status add_metric(struct clg_pass *pass, const char *name, double *mean,
                             int64_t *samples)
{
    clg_plan *const plans[] = {pass->full.plan, pass->rest.plan};
    double sum = 0, count = 0, part, parts;

    for (size_t i = 0; i < 2; i++)
        if (plans[i]) {
            CLG_TRY(clg_plan_metric(plans[i], name, &part, &parts));
            sum += part;
            count += parts;
        }
    *mean = count > 0 ? sum / count : NAN;
    *samples = (int64_t)count;
    return CLG_OK;
}

static clg_status add_errors(struct clg_pass *pass, clg_score *score)
{
    double mse;

    CLG_TRY(add_metric(pass, "mse", &mse, &score->samples));
    CLG_TRY(add_metric(pass, "mae", &score->mae, &score->samples));
    score->rmse = sqrt(mse);
    score->r2 = pass->variance > 0 ? 1 - mse / pass->variance : NAN;
    return CLG_OK;
}

clg_status clg_pass_score(struct clg_pass *pass, clg_score *score)
{
    *score = (clg_score){.accuracy = NAN, .rmse = NAN, .mae = NAN, .r2 = NAN};
    CLG_TRY(add_metric(pass, "loss", &score->loss, &score->samples));
    if (pass->model->accuracy)
        return add_metric(pass, "accuracy", &score->accuracy, &score->samples);
    return has_errors(pass) ? add_errors(pass, score) : CLG_OK;
}

clg_status clg_pass_run(struct clg_pass *pass, clg_score *score)
{
    int64_t row = 0, count;
    clg_plan *plan;

    CLG_TRY(clg_pass_reset(pass));
    for (int i = 1; row < pass->data->count; i++, row += count) {
        CLG_TRY(clg_pass_step(pass, row, &count, &plan));
        if (i % 64 == 0) /* so that the queue does not grow with the data */
            CLG_TRY(clg_device_finish(pass->model->device));
    }
    return clg_pass_score(pass, score);
}
