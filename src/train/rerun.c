/* A run's folder again: its recipe, and its model with the weights that belong to it. */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "train/recipe.h"
#include "train/run.h"

#define SUMMARY_MAX (UINT64_C(16) << 20) /* bytes of run.json */

clg_recipe *clg_run_recipe(clg_ctx *ctx, const char *run, const clg_recipe_params *params)
{
    struct clg_text path = {.ctx = ctx};
    clg_recipe *recipe = NULL;
    struct stat st;

    if (!ctx || !CLG_GIVEN(ctx, run))
        return NULL;
    if (!run[0] || (stat(run, &st) == 0 && !S_ISDIR(st.st_mode))) {
        clg_fail(ctx, CLG_ERR_FILE, "'%s' is not a folder, but must be one that a training made",
                 run);
        return NULL;
    }
    clg_text_add(&path, "%s/recipe.yaml", run);
    if (!path.failed)
        recipe = clg_recipe_read(ctx, path.data, params);
    if (recipe) {
        recipe->run = clg_blocks_print(&recipe->pool, "%s", run);
        if (!recipe->run)
            clg_recipe_destroy(&recipe);
    }
    clg_text_finish(&path);
    return recipe;
}

/* What a file of weights says of where it comes from; "" where it says nothing. */
struct origin {
    char model[32], recipe[32], step[32];
};

static void note_origin(void *user, const char *key, const char *value)
{
    struct origin *origin = user;

    if (strcmp(key, "model") == 0)
        snprintf(origin->model, sizeof(origin->model), "%.20s", value);
    else if (strcmp(key, "recipe") == 0)
        snprintf(origin->recipe, sizeof(origin->recipe), "%.20s", value);
    else if (strcmp(key, "step") == 0)
        snprintf(origin->step, sizeof(origin->step), "%.20s", value);
}

/* Whether a file says nothing, or one of two fingerprints: of the recipe as it was read and as it
 * was resolved, since a recipe may come from the run or from before it. */
static bool agrees(const char *says, uint64_t read, uint64_t resolved)
{
    char text[2][17];

    snprintf(text[0], sizeof(text[0]), "%016" PRIx64, read);
    snprintf(text[1], sizeof(text[1]), "%016" PRIx64, resolved);
    return !says[0] || strcmp(says, text[0]) == 0 || strcmp(says, text[1]) == 0;
}

static clg_status check_model(const struct clg_recipe *recipe, const char *run,
                              const struct origin *origin)
{
    if (agrees(origin->model, recipe->read.model, clg_recipe_fingerprint(recipe->root).model))
        return CLG_OK;
    return clg_fail(recipe->object.ctx, CLG_ERR_FORMAT,
                    "'%s/model.safetensors' and the recipe do not belong together: the file was "
                    "written by a training of another model (its fingerprint is %s, the "
                    "recipe's %016" PRIx64 "): layers, loss, data.shape or data.normalize differ",
                    run, origin->model, recipe->read.model);
}

static void warn_other_training(const struct clg_recipe *recipe, const char *run,
                                const struct origin *origin)
{
    if (!origin->model[0])
        clg_log_line(recipe->object.ctx, CLG_LOG_WARNING,
                     "'%s/model.safetensors' does not say which model it was written for: whether "
                     "it belongs to the recipe is not known",
                     run);
    else if (!agrees(origin->recipe, recipe->read.whole,
                     clg_recipe_fingerprint(recipe->root).whole))
        clg_log_line(recipe->object.ctx, CLG_LOG_WARNING,
                     "'%s/model.safetensors' and the recipe do not belong together: the model is "
                     "the same, but the training was another",
                     run);
}

/* How the training ended, as run.json says: a word of clg_stop_reason_string(), "" when the file is
 * not there, "?" when it says nothing. */
static const char *read_reason(struct clg_recipe *recipe, const char *run)
{
    struct clg_ctx *ctx = recipe->object.ctx;
    const char *path = clg_blocks_print(&recipe->pool, "%s/run.json", run), *reason = NULL;
    json_t *summary;
    char *text;
    size_t size;

    if (!path || clg_file_read_limited(ctx, path, SUMMARY_MAX, &text, &size) != CLG_OK)
        return "";
    summary = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    clg_free(ctx, text);
    reason = json_string_value(json_object_get(json_object_get(summary, "stopped"), "reason"));
    reason = reason ? clg_blocks_print(&recipe->pool, "%.20s", reason) : "?";
    json_decref(summary);
    return reason ? reason : "?";
}

/* Weights of a training that did not come to its end are said to be such. */
static void warn_unfinished(struct clg_recipe *recipe, const char *run, const struct origin *origin)
{
    const char *reason = read_reason(recipe, run);
    const char *step = origin->step[0] ? origin->step : "?";
    struct clg_ctx *ctx = recipe->object.ctx;

    if (!reason[0])
        clg_log_line(
            ctx, CLG_LOG_WARNING,
            "the run '%s' was not finished, it has no run.json that can be read: these are "
            "the weights of step %s",
            run, step);
    else if (strcmp(reason, "?") == 0)
        clg_log_line(
            ctx, CLG_LOG_WARNING,
            "'%s/run.json' does not say whether the run was finished: these are the weights "
            "of step %s",
            run, step);
    else if (strcmp(reason, "epochs") != 0 && strcmp(reason, "steps") != 0 &&
             strcmp(reason, "early_stopping") != 0)
        clg_log_line(
            ctx, CLG_LOG_WARNING,
            "the run '%s' was not finished, it stopped (%s): these are the weights of step "
            "%s",
            run, reason, step);
}

static clg_status load_weights(struct clg_recipe *recipe, const char *run, clg_store *store)
{
    const char *path = clg_blocks_print(&recipe->pool, "%s/model.safetensors", run);
    clg_load_params params = clg_load_defaults();
    struct origin origin = {"", "", ""};
    clg_status status;

    if (!path)
        return CLG_ERR_MEMORY;
    params.metadata = note_origin;
    params.user = &origin;
    status = clg_store_load_with(store, path, &params, NULL);
    /* That the file is another model's says more than which tensor does not fit. */
    CLG_TRY(check_model(recipe, run, &origin));
    CLG_TRY(status);
    warn_other_training(recipe, run, &origin);
    warn_unfinished(recipe, run, &origin);
    return CLG_OK;
}

clg_status clg_run_model(clg_recipe *recipe, clg_device *device, const char *run,
                         clg_model *model_out)
{
    clg_status status;

    if (!CLG_GIVEN(device, recipe) || !CLG_GIVEN(recipe, device) || !CLG_GIVEN(recipe, run) ||
        !CLG_GIVEN(recipe, model_out))
        return CLG_ERR_ARGUMENT;
    CLG_TRY(clg_recipe_model(recipe, device, false, model_out));
    status = load_weights(recipe, run, model_out->store);
    if (status == CLG_OK)
        clg_store_seal(model_out->store);
    else
        clg_store_destroy(&model_out->store);
    return status;
}
