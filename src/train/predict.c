/* Evaluation and prediction: passes in inference. */
#include <inttypes.h>

#include "train/fit.h"

clg_status clg_evaluate(const clg_model *model, clg_dataset *data, const clg_fit_params *params,
                        clg_score *score)
{
    clg_fit_params p = params ? *params : clg_fit_defaults();
    struct clg_pass pass = clg_inference_pass(model, data, &p);
    clg_status status;

    if (!CLG_GIVEN(model ? model->device : NULL, data) || !CLG_GIVEN(data, model) ||
        !CLG_GIVEN(data, score))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(clg_check_pass(model, data, &p, true));
    CLG_TRY(clg_passes_check_memory((struct clg_pass *[]){&pass, NULL}, false));
    CLG_TRY(clg_pass_open(&pass, false));
    status = clg_pass_run(&pass, score);
    clg_pass_close(&pass);
    return status;
}

struct rows {
    int (*row)(void *user, int64_t index, const float *values, size_t count);
    void *user;
    float *values;
    size_t count; /* values of a sample */
};

/* Reads the results of a step and hands them on. */
static clg_status give_rows(struct clg_pass *pass, const struct rows *rows, clg_plan *plan,
                            int64_t first, int64_t count)
{
    CLG_TRY(clg_plan_read(plan, "result", rows->values,
                          (size_t)count * rows->count * sizeof(*rows->values)));
    for (int64_t i = 0; i < count; i++)
        if (rows->row(rows->user, first + i, rows->values + (size_t)i * rows->count, rows->count))
            return clg_fail(pass->ctx, CLG_ERR_STATE,
                            "prediction was ended by the application at sample %" PRId64,
                            first + i);
    return CLG_OK;
}

static clg_status predict_all(struct clg_pass *pass, const struct rows *rows)
{
    int64_t row = 0, count;
    clg_plan *plan;

    while (row < pass->data->count) {
        CLG_TRY(clg_pass_step(pass, row, &count, &plan));
        CLG_TRY(give_rows(pass, rows, plan, row, count));
        row += count;
    }
    return CLG_OK;
}

clg_status clg_predict(const clg_model *model, clg_dataset *data, const clg_fit_params *params,
                       int (*row)(void *user, int64_t index, const float *values, size_t count),
                       void *user)
{
    clg_fit_params p = params ? *params : clg_fit_defaults();
    struct clg_pass pass = clg_inference_pass(model, data, &p);
    struct rows rows = {.row = row, .user = user};
    clg_status status;

    if (!CLG_GIVEN(model ? model->device : NULL, data) || !CLG_GIVEN(data, model) ||
        !CLG_GIVEN(data, row))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(clg_check_pass(model, data, &p, false));
    if (model->results < 1)
        return clg_fail(pass.ctx, CLG_ERR_ARGUMENT, "the model has %" PRId64 " results a sample",
                        model->results);
    pass.with_labels = false;
    pass.outputs[0] = "result";
    pass.outputs[1] = NULL;
    CLG_TRY(clg_passes_check_memory((struct clg_pass *[]){&pass, NULL}, false));
    CLG_TRY(clg_pass_open(&pass, false));
    rows.count = (size_t)model->results;
    rows.values = clg_new(pass.ctx, (size_t)pass.batch * rows.count, sizeof(*rows.values));
    status = rows.values ? predict_all(&pass, &rows) : CLG_ERR_MEMORY;
    clg_free(pass.ctx, rows.values);
    clg_pass_close(&pass);
    return status;
}
