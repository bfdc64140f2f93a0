/* Calls of a recipe's run fail: a status and a sentence, nothing held, and weights on disk that are
 * whole or not there. calls_fail.c has every call; here each sixth, for what lies above. */
#include "test.h"

#include "cli/command.h"

#include <clgrad/train.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUT_OF_RESOURCES = -5, STRIDE = 6 };

static clg_status run(const char *recipe_path, const char *out, char message[1024])
{
    clg_ctx *ctx = clg_ctx_create(NULL);
    clg_train_params params = clg_train_defaults();
    params.out = out;
    cr_assert_not_null(ctx);
    clg_recipe *recipe = clg_recipe_read(ctx, recipe_path, NULL);
    clg_device *device = clg_device_open(ctx, "cpu", NULL);
    clg_status status = clg_train(recipe, device, &params, NULL, NULL);
    if (status == CLG_ERR_ARGUMENT && (!recipe || !device))
        status = clg_error_status(ctx);
    snprintf(message, 1024, "%s", status == CLG_OK ? "" : clg_error(ctx));
    clg_ctx_destroy(&ctx);
    return status;
}

/* The weights are the untouched run's, or there are none. */
static void check_weights(const char *out, const char *whole, size_t whole_size, long at)
{
    const char *path = file_in(out, "model.safetensors");
    FILE *file = fopen(path, "rb");
    if (!file)
        return;
    fclose(file);
    size_t size;
    char *data = file_read(path, &size);
    cr_assert(size == whole_size && memcmp(data, whole, size) == 0,
              "call %ld failed: %s is not what was trained", at, path);
    free(data);
}

static void check_nothing_held(const struct layer *layer, long at)
{
    for (enum layer_kind kind = 0; kind < LAYER_KINDS; kind++)
        cr_assert_eq(layer->live(kind), 0, "call %ld failed: %ld objects of kind %d are held", at,
                     layer->live(kind), (int)kind);
}

TEST(train_calls_fail, each_sixth)
{
    const struct layer *layer = test_layer();
    cr_assert_not_null(layer, "this test needs the layer: run it by `meson test`");
    char folder[256], out[300], message[1024];
    size_t size;
    test_folder(folder);
    tiny_data(folder, 20);
    snprintf(out, sizeof(out), "%s/run", folder);
    const char *recipe = strdup(tiny_recipe(folder, ""));
    layer->fail(0, 0, false);
    cr_assert_eq(run(recipe, out, message), CLG_OK, "%s", message);
    const long calls = layer->made();
    char *whole = file_read(file_in(out, "model.safetensors"), &size);
    for (long at = 1; at <= calls; at += STRIDE) {
        test_remove(out);
        layer->fail(at, OUT_OF_RESOURCES, false);
        clg_status status = run(recipe, out, message);
        cr_assert(status == CLG_OK || strlen(message) > 10,
                  "call %ld (%s): '%s' without a sentence", at, layer->failed(),
                  clg_status_string(status));
        check_nothing_held(layer, at);
        check_weights(out, whole, size, at);
    }
    layer->fail(0, 0, false);
    free(whole);
    free((char *)recipe);
    test_remove(folder);
}
