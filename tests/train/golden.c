/* Stored trajectories of PyTorch in float64: losses step by step, and the weights after the last.
 */
#include "test.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, 0, &error);

    cr_assert_not_null(json, "%s:%d: %s", path, error.line, error.text);
    return json;
}

static const char *golden(const char *name)
{
    static char folder[512];

    snprintf(folder, sizeof(folder), "%s/tests/train/golden/%s", getenv("CLG_TEST_SOURCE"), name);
    return folder;
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    cr_assert(json_is_number(value), "no number '%s'", key);
    return json_number_value(value);
}

/* ---- losses ---- */

static void compare_losses(const char *name, const char *run, double tolerance, size_t steps)
{
    json_t *expected = load(file_in(golden(name), "expected.json"));
    const json_t *losses = json_object_get(expected, "losses");
    FILE *log = fopen(file_in(run, "log.jsonl"), "r");
    char line[1024];
    size_t count = 0;

    cr_assert_not_null(log);
    while (fgets(line, sizeof(line), log)) {
        json_t *entry = json_loads(line, 0, NULL);

        cr_assert_not_null(entry, "not JSON: %s", line);
        if (!json_object_get(entry, "epoch")) {
            double want = json_number_value(json_array_get(losses, count++));

            cr_assert_eq(number(entry, "step"), (double)count);
            cr_assert(fabs(number(entry, "loss") - want) <= tolerance,
                      "%s, step %zu: loss %.9g, expected %.9g, tolerance %.3g (tolerances.json)",
                      name, count, number(entry, "loss"), want, tolerance);
        }
        json_decref(entry);
    }
    fclose(log);
    cr_assert_eq(count, steps, "%s: %zu losses, not %zu", name, count, steps);
    json_decref(expected);
}

/* ---- weights ---- */

struct weights {
    char *file;
    json_t *header;
    const char *data;
};

static struct weights open_weights(const char *path)
{
    struct weights w = {.file = file_read(path, NULL)};
    uint64_t size;

    memcpy(&size, w.file, 8);
    w.header = json_loadb(w.file + 8, (size_t)size, 0, NULL);
    cr_assert_not_null(w.header, "%s has no header", path);
    w.data = w.file + 8 + size;
    return w;
}

static void close_weights(struct weights *w)
{
    json_decref(w->header);
    free(w->file);
}

/* The values of a tensor and how many there are. */
static const float *values(const struct weights *w, const char *name, size_t *count)
{
    const json_t *offsets = json_object_get(json_object_get(w->header, name), "data_offsets");
    size_t begin = (size_t)json_integer_value(json_array_get(offsets, 0));
    size_t end = (size_t)json_integer_value(json_array_get(offsets, 1));

    cr_assert_not_null(offsets, "no tensor '%s'", name);
    *count = (end - begin) / sizeof(float);
    return (const float *)(const void *)(w->data + begin);
}

struct distance {
    double largest, square, way; /* of elements; sums of squares of the difference and of the way */
};

static void add_distance(struct distance *d, const struct weights *got, const struct weights *want,
                         const struct weights *from, const char *name)
{
    size_t count, count_got, count_from;
    const float *w = values(want, name, &count), *g = values(got, name, &count_got),
                *f = values(from, name, &count_from);

    cr_assert(count == count_got && count == count_from, "'%s' has another size", name);
    for (size_t i = 0; i < count; i++) {
        double off = (double)g[i] - (double)w[i], way = (double)w[i] - (double)f[i];

        cr_assert(isfinite(off), "'%s'[%zu] is %g", name, i, (double)g[i]);
        d->largest = fmax(d->largest, fabs(off));
        d->square += off * off;
        d->way += way * way;
    }
}

static bool is_float(const json_t *entry)
{
    const char *type = json_string_value(json_object_get(entry, "dtype"));

    return type && !strcmp(type, "F32");
}

static void compare_weights(const char *name, const char *run, const json_t *tolerance)
{
    struct weights got = open_weights(file_in(run, "model.safetensors"));
    struct weights want = open_weights(file_in(golden(name), "final.safetensors"));
    struct weights from = open_weights(file_in(golden(name), "init.safetensors"));
    struct distance d = {0};
    const char *tensor;
    json_t *entry;

    json_object_foreach(want.header, tensor, entry)
    {
        /* num_batches_tracked is an integer, and __metadata__ no tensor */
        if (is_float(entry))
            add_distance(&d, &got, &want, &from, tensor);
    }
    cr_assert(d.way > 0);
    if (json_object_get(tolerance, "final"))
        cr_assert(d.largest <= number(tolerance, "final"),
                  "%s: a weight is off by %.3g, tolerance %.3g (tolerances.json)", name, d.largest,
                  number(tolerance, "final"));
    else
        cr_assert(sqrt(d.square / d.way) <= number(tolerance, "final_norm"),
                  "%s: weights are off by %.3g of their way, tolerance %.3g (tolerances.json)",
                  name, sqrt(d.square / d.way), number(tolerance, "final_norm"));
    close_weights(&got);
    close_weights(&want);
    close_weights(&from);
}

/* ---- runs ---- */

static size_t trajectory_steps(const char *name)
{
    json_t *expected = load(file_in(golden(name), "expected.json"));
    size_t steps = json_array_size(json_object_get(expected, "losses"));

    json_decref(expected);
    return steps;
}

static void check(const char *name, const char *flags, size_t steps)
{
    json_t *all = load(golden("tolerances.json"));
    const json_t *tolerance = json_object_get(all, name);
    char folder[256];

    test_folder(folder);
    command_expect(0, NULL, "train '%s/recipe.yaml' --data '%s' --out '%s/run' --steps %zu %s",
                   golden(name), fashion_mnist(), folder, steps, flags);
    compare_losses(name, file_in(folder, "run"), number(tolerance, "loss"), steps);
    if (steps == trajectory_steps(name))
        compare_weights(name, file_in(folder, "run"), tolerance);
    json_decref(all);
    test_remove(folder);
}

TEST(golden, softmax_sgd)
{
    check("softmax-sgd", "--device cpu --form item", 60);
    check("softmax-sgd", "--device cpu --form group", 60);
}

TEST(golden, mlp_sgd)
{
    check("mlp-sgd", "--device cpu --form item", 60);
    check("mlp-sgd", "--device cpu --form group", 60);
}

TEST(golden, mlp_adam)
{
    check("mlp-adam", "--device cpu --form item", 60);
    check("mlp-adam", "--device cpu --form group", 60);
}

TEST(golden, mlp_momentum)
{
    check("mlp-momentum", "--device cpu --form item", 60);
    check("mlp-momentum", "--device cpu --form group", 60);
}

TEST(golden, lenet_sgd)
{
    check("lenet-sgd", "--device cpu --form item", 30);
    check("lenet-sgd", "--device cpu --form group", 3);
}

TEST(golden, lenet_relu)
{
    check("lenet-relu", "--device cpu --form item", 30);
    check("lenet-relu", "--device cpu --form group", 3);
}

TEST(golden, cnn_bn)
{
    check("cnn-bn", "--device cpu --form item", 30);
    check("cnn-bn", "--device cpu --form group", 3);
}

TEST(golden, lstm_rows)
{
    check("lstm-rows", "--device cpu --form item", 40);
    check("lstm-rows", "--device cpu --form group", 5);
}

/* On Mesa's rasteriser, which is right but has about 0.1 GFLOPS. */
static void check_on_rusticl(const char *name, size_t steps)
{
    struct command devices;

    setenv("OCL_ICD_VENDORS", "rusticl.icd", 1);
    setenv("RUSTICL_ENABLE", "llvmpipe", 1);
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* the command's: rusticl leaks when enumerated */
    command_run(&devices, "devices");
    if (devices.status != 0)
        cr_skip_test("rusticl is missing: apt-get install mesa-opencl-icd");
    command_free(&devices);
    check(name, "--device rusticl:0", steps);
}

TEST(golden, rusticl_softmax_sgd)
{
    check_on_rusticl("softmax-sgd", 60);
}

TEST(golden, rusticl_mlp_sgd)
{
    check_on_rusticl("mlp-sgd", 5);
}

TEST(golden, rusticl_mlp_adam)
{
    check_on_rusticl("mlp-adam", 5);
}

TEST(golden, rusticl_mlp_momentum)
{
    check_on_rusticl("mlp-momentum", 5);
}
