#include "api/api.h"

#include <string.h>
#include <clgrad/opencl.h>
#ifdef API_TRAIN
#include <clgrad/train.h>
#endif

#define FUNCTION(name, result, type, parameters, statement)                                        \
    static void call_##name(const union api_value *in, union api_value *out)                       \
    {                                                                                              \
        (void)in;                                                                                  \
        (void)out;                                                                                 \
        statement;                                                                                 \
    }
#include "functions.inc"
#undef FUNCTION

#define PARAMETER(kind, type, name) {API_##kind, type, name},
#define NO_PARAMETER
#define FUNCTION(name, result, type, parameters, statement)                                        \
    static const struct api_parameter parameters_##name[] = {parameters{API_END, NULL, NULL}};
#include "functions.inc"
#undef FUNCTION

const struct api_function api_functions[] = {
#define FUNCTION(name, result, type, parameters, statement)                                        \
    {#name, API_##result, type, parameters_##name, call_##name},
#include "functions.inc"
#undef FUNCTION
};
const size_t api_function_count = sizeof(api_functions) / sizeof(*api_functions);

bool api_is(const char *type, const char *name)
{
    return !strcmp(type, name) || (!strncmp(type, "const ", 6) && !strcmp(type + 6, name));
}

/* Parameters that may be NULL by what the headers say of them; "*" is every function. */
static const struct {
    const char *function, *parameter;
} optional[] = {
    {"*", "user"},
    {"*", "init"},
    {"*", "h_n"},
    {"*", "c_n"},
    {"*", "axes"}, /* with a count of 0 */
    {"*", "result"},
    {"*", "report"},
    {"*", "out_dir"},
    {"*", "metadata"},
    {"clg_device_open", "spec"},
    {"clg_array_create", "data"},
    {"clg_layer_share", "name"},
    {"clg_topk", "indices"},
    {"clg_store_describe", "shape_out"},
    {"clg_store_describe", "trainable_out"},
    {"clg_plan_metric", "sum"},
    {"clg_plan_metric", "count"},
    {"clg_plan_step_events", "wait_list"}, /* with a count of 0 */
    {"clg_plan_step_events", "event"},
    {"clg_optimizer_group_defaults", "match"}, /* refused when it is used */
    {"clg_dataset_open_idx", "labels"},
    {"clg_dataset_open_npy", "labels"},
    {"clg_dataset_open_npz", "labels"},
    {"clg_fit", "test"},
    {"clg_recipe_datasets", "train"},
    {"clg_recipe_datasets", "test"},
    {"clg_error", "ctx"},
    {"clg_error_status", "ctx"},
};

static bool ends_with(const char *text, const char *end)
{
    size_t a = strlen(text), b = strlen(end);
    return a >= b && !strcmp(text + a - b, end);
}

bool api_is_optional(const struct api_function *function, const struct api_parameter *parameter)
{
    if (ends_with(parameter->type, "_params *"))
        return !api_is(parameter->type, "clg_dataset_params *");
    for (size_t i = 0; i < sizeof(optional) / sizeof(*optional); i++)
        if (!strcmp(optional[i].parameter, parameter->name) &&
            (!strcmp(optional[i].function, "*") || !strcmp(optional[i].function, function->name)))
            return true;
    return ends_with(function->name, "_destroy");
}
