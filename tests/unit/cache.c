/* Compiled kernels on disk: hits, misses, and entries that are no good. PoCL keeps a cache of its
 * own, so that ours is off there: the tests switch it on. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "device/opencl.h"
#include "test.h"

static const char *const source = "kernel void f(global int *a) { a[0] = 1; }\n";

static clg_ctx *context(const char *folder, bool cache)
{
    clg_ctx_params params = clg_ctx_defaults();
    clg_ctx *ctx;

    params.cache_dir = folder;
    params.cache = cache;
    ctx = clg_ctx_create(&params);
    cr_assert_not_null(ctx);
    return ctx;
}

static struct clg_device *open(clg_ctx *ctx)
{
    struct clg_device *device = test_open(ctx, CLG_FORM_AUTO);

    device->self.quirks &= ~(uint32_t)CLG_QUIRK_NO_BINARIES;
    return device;
}

/* Builds the source in a fresh context; how many programs came from the disk. */
static uint32_t hits(const char *folder, bool cache, const char *options, uint32_t quirks)
{
    clg_ctx *ctx = context(folder, cache);
    struct clg_device *device = open(ctx);
    uint32_t count;
    size_t program, again;

    device->self.quirks |= quirks;
    test_ok(ctx, clg_program_want(device, "generated", source, options, &program));
    test_ok(ctx, clg_program_want(device, "generated", source, options, &again));
    cr_expect(program == again && device->programs.count == 1, "one for equal source and options");
    test_ok(ctx, clg_programs_build(device));
    cr_expect(device->programs.items[0].ready);
    cr_expect_str_eq(clg_error(ctx), "", "a miss is no failure");
    count = device->cache_hits;
    clg_ctx_destroy(&ctx);
    return count;
}

/* The one entry of the folder. */
static void find_entry(const char *folder, char path[512])
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int count = 0;

    cr_assert_not_null(dir);
    while ((entry = readdir(dir)))
        if (entry->d_name[0] != '.') {
            snprintf(path, 512, "%s/%s", folder, entry->d_name);
            count++;
        }
    closedir(dir);
    cr_assert_eq(count, 1, "%d files", count);
}

TEST(cache, hit_and_miss)
{
    char folder[256], path[512];

    test_folder(folder);
    cr_expect_eq(hits(folder, true, NULL, 0), 0);
    find_entry(folder, path);
    cr_expect_eq(hits(folder, true, NULL, 0), 1);
    cr_expect_eq(hits(folder, false, NULL, 0), 0, "switched off");
    cr_expect_eq(hits(folder, true, NULL, CLG_QUIRK_NO_BINARIES), 0, "switched off by a quirk");
    cr_expect_eq(hits(folder, true, "-DX=1", 0), 0, "other options");
    cr_expect_eq(hits(folder, true, "-DX=1", 0), 1);
    test_remove(folder);
}

/* PoCL's own cache is asked with the same options, so that they tell settings apart for it too. */
TEST(cache, settings_of_the_driver)
{
    char folder[256];

    test_folder(folder);
    unsetenv("POCL_FORCE_PARALLEL_OUTER_LOOP");
    cr_expect_eq(hits(folder, true, NULL, CLG_QUIRK_SETTINGS), 0);
    cr_expect_eq(hits(folder, true, NULL, CLG_QUIRK_SETTINGS), 1);
    setenv("POCL_FORCE_PARALLEL_OUTER_LOOP", "0", 1);
    cr_expect_eq(hits(folder, true, NULL, CLG_QUIRK_SETTINGS), 0, "compiled with another setting");
    cr_expect_eq(hits(folder, true, NULL, CLG_QUIRK_SETTINGS), 1);
    test_remove(folder);
}

/* Every file that is cut short or has a byte changed is a miss, and is replaced by a good one. */
TEST(cache, damaged_entries)
{
    char folder[256], path[512], *data;
    clg_ctx *ctx = test_context();
    size_t size, places[4];

    test_folder(folder);
    hits(folder, true, NULL, 0);
    find_entry(folder, path);
    test_ok(ctx, clg_file_read(ctx, path, &data, &size));
    places[0] = 0;
    places[1] = strlen(data);
    places[2] = strlen(data) + 12;
    places[3] = size - 1;
    for (int i = 0; i < 4; i++)
        for (int cut = 0; cut < 2; cut++) {
            FILE *file = fopen(path, "wb");

            data[places[i]] ^= 1;
            fwrite(data, 1, cut ? places[i] : size, file);
            fclose(file);
            data[places[i]] ^= 1;
            cr_expect_eq(hits(folder, true, NULL, 0), 0, "byte %zu, cut %d", places[i], cut);
            cr_expect_eq(hits(folder, true, NULL, 0), 1, "after byte %zu, cut %d", places[i], cut);
        }
    clg_free(ctx, data);
    clg_ctx_destroy(&ctx);
    test_remove(folder);
}

/* A binary that the driver refuses although the file is whole. */
TEST(cache, foreign_binary)
{
    char folder[256], path[512];
    const struct layer *layer = test_layer();
    clg_ctx *ctx;
    struct clg_device *device;
    size_t program;

    cr_assert_not_null(layer, "runs under the layer of tests/fault");
    test_folder(folder);
    hits(folder, true, NULL, 0);
    find_entry(folder, path);
    for (long at = 1; at <= 2; at++) { /* clCreateProgramWithBinary, clBuildProgram */
        ctx = context(folder, true);
        device = open(ctx);
        layer->fail(at, CL_INVALID_BINARY, false);
        test_ok(ctx, clg_program_want(device, "generated", source, NULL, &program));
        test_ok(ctx, clg_programs_build(device));
        cr_expect_not_null(layer->failed());
        cr_expect_eq(device->cache_hits, 0);
        layer->fail(0, 0, false);
        clg_ctx_destroy(&ctx);
    }
    test_remove(folder);
}

TEST(cache, folder_of_the_environment)
{
    const struct clg_cache_key key = {"options", "source"};
    static const struct {
        const char *own, *clgrad, *xdg, *home, *expected;
    } cases[] = {
        {"/p", "/c", "/x", "/h", "/p/"},
        {NULL, "/c", "/x", "/h", "/c/"},
        {NULL, "", "/x", "/h", "/x/clgrad/"},
        {NULL, "", "", "/h", "/h/.cache/clgrad/"},
        {NULL, "", "", "", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        clg_ctx *ctx = context(cases[i].own, true);
        struct clg_device *device = open(ctx);
        char *path;

        setenv("CLGRAD_CACHE_DIR", cases[i].clgrad, 1);
        setenv("XDG_CACHE_HOME", cases[i].xdg, 1);
        setenv("HOME", cases[i].home, 1);
        path = clg_cache_path(device, &key);
        if (cases[i].expected)
            cr_expect(path && strncmp(path, cases[i].expected, strlen(cases[i].expected)) == 0,
                      "case %zu: %s", i, path);
        else
            cr_expect_null(path);
        clg_free(ctx, path);
        clg_ctx_destroy(&ctx);
    }
}

/* A folder that cannot be made only costs the cache. */
TEST(cache, folder_that_cannot_be)
{
    cr_expect_eq(hits("/dev/null/clgrad", true, NULL, 0), 0);
}

static long builds(const struct layer *layer)
{
    const char *name;
    long count;

    for (size_t i = 0; (name = layer->calls(i, &count)); i++)
        if (strcmp(name, "clBuildProgram") == 0)
            return count;
    return 0;
}

/* A build that fails without an error in its log is tried again, not for ever; one with an error is
 * not. */
TEST(cache, builds_again_without_a_reason)
{
    enum { BUILD_PROGRAM_FAILURE = -11 };
    const struct layer *layer = test_layer();
    clg_ctx *ctx = test_context();
    clg_device *device = test_open(ctx, CLG_FORM_AUTO);
    size_t program;

    cr_assert_not_null(layer, "this test needs the layer: run it by `meson test`");
    test_ok(ctx, clg_program_want(device, "generated", source, "-DAGAIN", &program));
    layer->fail(1, BUILD_PROGRAM_FAILURE, false);
    test_ok(ctx, clg_programs_build(device));
    cr_assert_str_eq(layer->failed(), "clBuildProgram");

    test_ok(ctx, clg_program_want(device, "generated", source, "-DNEVER", &program));
    layer->fail(1, BUILD_PROGRAM_FAILURE, true);
    test_refused(ctx, CLG_ERR_BUILD, "do not build", clg_programs_build(device));
    layer->fail(0, 0, false);

    test_ok(ctx, clg_program_want(device, "generated", "kernel void f( {}\n", NULL, &program));
    layer->mark();
    test_refused(ctx, CLG_ERR_BUILD, "error", clg_programs_build(device));
    cr_assert_eq(builds(layer), 1, "an error was built %ld times", builds(layer));
    clg_ctx_destroy(&ctx);
}
