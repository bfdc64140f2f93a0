#include "test.h"

#include <dirent.h>
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_LEAKS 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define TEST_LEAKS 1
#endif
#ifdef TEST_LEAKS
#include <sanitizer/lsan_interface.h>
#endif

const clg_form test_forms[TEST_FORMS] = {CLG_FORM_ITEM, CLG_FORM_GROUP};

/* ---- leaks ---- */

static void check_objects(void)
{
    static const char *const names[LAYER_KINDS] = {"contexts", "queues",  "buffers",
                                                   "programs", "kernels", "events"};
    const struct layer *layer = test_layer();
    for (enum layer_kind kind = 0; layer && kind < LAYER_KINDS; kind++)
        cr_assert_eq(layer->live(kind), 0, "%ld references to %s are still held", layer->live(kind),
                     names[kind]);
}

void test_end(void)
{
    check_objects();
#ifdef TEST_LEAKS
    cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "memory was lost, see above");
#endif
}

/* ---- devices ---- */

static void log_line(void *user, clg_log_level level, const char *message)
{
    (void)user;
    if (level <= CLG_LOG_WARNING)
        fprintf(stderr, "clgrad: %s\n", message);
}

clg_ctx *test_context(void)
{
    clg_ctx_params params = clg_ctx_defaults();
    params.log = log_line;
    clg_ctx *ctx = clg_ctx_create(&params);
    cr_assert_not_null(ctx);
    return ctx;
}

clg_device *test_open_with(clg_ctx *ctx, const clg_device_params *params)
{
    const char *spec = getenv("CLG_TEST_DEVICE");
    clg_device *device = clg_device_open(ctx, spec ? spec : "cpu", params);
    cr_assert_not_null(device, "%s", clg_error(ctx));
    return device;
}

clg_device *test_open(clg_ctx *ctx, clg_form form)
{
    clg_device_params params = clg_device_defaults();
    params.form = form;
    return test_open_with(ctx, &params);
}

/* ---- comparisons ---- */

void test_status(const char *file, int line, const char *text, const clg_ctx *ctx,
                 clg_status expected, const char *words, clg_status status)
{
    cr_assert_eq(status, expected, "%s:%d: %s: '%s', expected '%s': %s", file, line, text,
                 clg_status_string(status), clg_status_string(expected), clg_error(ctx));
    if (words)
        cr_assert_not_null(strstr(clg_error(ctx), words), "%s:%d: %s: no '%s' in: %s", file, line,
                           text, words, clg_error(ctx));
}

/* Distance in units of the tolerance. */
static double error_of(float got, double want, double tolerance)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (isinf(want) || isinf(got))
        return (double)got == want ? 0 : INFINITY;
    double error = fabs((double)got - want);
    return error <= tolerance ? 0 : tolerance > 0 ? error / tolerance : INFINITY;
}

static void check_element(const char *what, size_t i, float got, double want, double tolerance,
                          const char *source)
{
    cr_assert_eq(error_of(got, want, tolerance), 0,
                 "%s[%zu]: got %.9g, want %.9g, tolerance %.3g (%s)", what, i, (double)got, want,
                 tolerance, source);
}

void test_close(const char *what, const float *got, const double *want, size_t count,
                double absolute, double relative, const char *source)
{
    for (size_t i = 0; i < count; i++) {
        double tolerance = absolute + (relative > 0 ? relative * fabs(want[i]) : 0);
        check_element(what, i, got[i], want[i], tolerance, source);
    }
}

void test_within(const char *what, const float *got, const double *want, const double *tolerance,
                 size_t count, const char *source)
{
    for (size_t i = 0; i < count; i++)
        check_element(what, i, got[i], want[i], tolerance[i], source);
}

/* ---- files ---- */

const char *test_folder(char buffer[256])
{
    const char *parent = getenv("TMPDIR");
    snprintf(buffer, 256, "%s/clgrad-test-XXXXXX", parent ? parent : "/tmp");
    cr_assert_not_null(mkdtemp(buffer), "cannot make %s", buffer);
    return buffer;
}

static void remove_content(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        char child[1024];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
        test_remove(child);
    }
    closedir(folder);
}

void test_remove(const char *path)
{
    remove_content(path);
    remove(path);
}

/* ---- the layer ---- */

const struct layer *test_layer(void)
{
    static const struct layer *layer;
    const char *path = getenv("CLG_TEST_LAYER");
    if (layer || !path)
        return layer;
    /* The same instance as the ICD loader's: a library is loaded once. */
    void *handle = dlopen(path, RTLD_NOW);
    cr_assert_not_null(handle, "%s", dlerror());
    layer = dlsym(handle, LAYER_SYMBOL);
    cr_assert_not_null(layer, "%s", dlerror());
    return layer;
}
