/* The content of run.json. */
#include "train/fit.h"
#include "train/recipe.h"
#include "train/run.h"

static json_t *describe_device(const clg_device *device)
{
    clg_device_info info = *clg_device_get_info(device);

    info.form = clg_device_get_form(device); /* the one in use, not the default */
    return clg_json_device(&info);
}

static json_t *describe_versions(const clg_device *device)
{
    const clg_device_info *info = clg_device_get_info(device);
    json_t *o = json_object();

    json_object_set_new(o, "clgrad", json_string(clg_version()));
    json_object_set_new(o, "opencl", json_string(info->version));
    json_object_set_new(o, "driver", json_string(info->driver));
    return o;
}

static json_t *describe_plan(const clg_plan_report *report)
{
    json_t *o = json_object();

    json_object_set_new(o, "arena_bytes", json_integer((json_int_t)report->arena_bytes));
    json_object_set_new(o, "arena_bound", json_integer((json_int_t)report->arena_bound));
    json_object_set_new(o, "own_bytes", json_integer((json_int_t)report->own_bytes));
    json_object_set_new(o, "launches", json_integer(report->launches));
    json_object_set_new(o, "kernels", json_integer(report->kernels));
    json_object_set_new(o, "gemm_kernels", json_integer(report->gemm_kernels));
    json_object_set_new(o, "flops", json_integer((json_int_t)report->flops));
    json_object_set_new(o, "bytes", json_integer((json_int_t)report->bytes));
    return o;
}

static json_t *describe_totals(const clg_fit_result *result)
{
    json_t *o = json_object();

    json_object_set_new(o, "steps", json_integer(result->steps));
    json_object_set_new(o, "epochs", json_integer(result->epochs));
    json_object_set_new(o, "skipped", json_integer(result->skipped));
    clg_json_number(o, "seconds", result->seconds);
    clg_json_number(o, "first_step_seconds", result->first_step_seconds);
    return o;
}

static json_t *describe_stop(const clg_fit_result *result)
{
    json_t *o = json_object();

    json_object_set_new(o, "reason", json_string(clg_stop_reason_string(result->reason)));
    json_object_set_new(o, "step", json_integer(result->stop_step));
    return o;
}

static json_t *describe_best(const struct clg_fitting *fit)
{
    json_t *o = json_object();

    json_object_set_new(o, "epoch", json_integer(fit->best.epoch));
    json_object_set_new(o, "metric", json_string(fit->params.early_stopping.metric));
    clg_json_number(o, "value", fit->best.value);
    return o;
}

json_t *clg_summarize(const struct clg_recipe *recipe, const clg_device *device,
                      const struct clg_fitting *fit)
{
    clg_plan_report report = {0};
    json_t *summary = json_object(), *choices = NULL;

    if (clg_plan_get_report(fit->train.full.plan, &report) == CLG_OK && report.choices)
        choices = json_loads(report.choices, JSON_REJECT_DUPLICATES, NULL);
    json_object_set_new(summary, "recipe", json_string(recipe->name));
    json_object_set_new(summary, "device", describe_device(device));
    json_object_set_new(summary, "versions", describe_versions(device));
    json_object_set_new(summary, "choices", choices ? choices : json_null());
    json_object_set_new(summary, "plan", describe_plan(&report));
    json_object_set_new(summary, "totals", describe_totals(&fit->result));
    json_object_set_new(summary, "stopped", describe_stop(&fit->result));
    if (fit->best.epoch)
        json_object_set_new(summary, "best", describe_best(fit));
    return summary;
}
