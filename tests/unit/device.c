/* Opening devices, moving bytes, building and running kernels. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device/launch.h"
#include "test.h"

/* y[i] = a * x[i] + i, in either form; common.clh is a file of cl/. */
static const char *const source =
    "#include \"common.clh\"\n"
    "kernel void axpi(TENSOR(float, x), TENSOR(float, y), const int n, const float a, const uint "
    "b)\n"
    "{\n"
    "    OPEN(float, x);\n"
    "    OPEN(float, y);\n"
    "    for (int i = get_global_id(0); i < n; i += get_global_size(0))\n"
    "        y[i] = a * x[i] + i + b;\n"
    "}\n";

enum { N = 5003, PAD = 64 };

static void fill(float *x)
{
    for (int i = 0; i < N; i++)
        x[i] = (float)(i % 17);
}

/* A sentinel of PAD words stands before and after y. */
static void expect_result(struct clg_buffer *y, float a, uint32_t b)
{
    static float got[N + 2 * PAD];

    cr_assert_eq(clg_buffer_read(y, 0, got, sizeof(got)), CLG_OK);
    for (int i = 0; i < N + 2 * PAD; i++) {
        int k = i - PAD;
        float want = k >= 0 && k < N ? a * (float)(k % 17) + (float)k + (float)b : 1.0f;

        cr_assert_eq(got[i], want, "y[%d] is %g, expected %g", k, got[i], want);
    }
}

static void add_launch(struct clg_launches *launches, struct clg_buffer *x, struct clg_buffer *y)
{
    struct clg_view vx = {.buffer = x, .dtype = CLG_F32, .shape = {1, {N}}};
    struct clg_view vy = {.buffer = y, .offset = PAD, .dtype = CLG_F32, .shape = {1, {N}}};
    struct clg_launch *launch = clg_launch_generated(launches, source, "axpi", NULL, "axpi");

    clg_launch_view(launch, &vx);
    clg_launch_view(launch, &vy);
    clg_launch_int(launch, N);
    clg_launch_float(launch, 0.5f);
    clg_launch_uint(launch, 3);
    clg_launch_items(launch, N);
    clg_launch_cost(launch, 2 * N, 8 * N);
}

TEST(device, kernels_run_in_both_forms)
{
    static float x[N];
    const uint32_t one = 0x3f800000;

    fill(x);
    for (size_t f = 0; f < TEST_FORMS; f++) {
        clg_ctx *ctx = test_context();
        clg_device *dev = test_open(ctx, test_forms[f]);
        struct clg_launches launches;
        struct clg_buffer *bx = clg_buffer_create(dev, sizeof(x));
        struct clg_buffer *by = clg_buffer_create(dev, sizeof(x) + 8 * PAD);
        uint32_t all, gemm;

        cr_assert_eq(clg_device_get_form(dev), test_forms[f]);
        test_ok(ctx, clg_buffer_write(bx, 0, x, sizeof(x)));
        clg_launches_init(&launches, dev);
        add_launch(&launches, bx, by);
        add_launch(&launches, bx, by);
        test_ok(ctx, clg_launches_build(&launches));
        clg_launches_count_kernels((const struct clg_launches *const[]){&launches}, 1, &all, &gemm);
        cr_expect(all == 1 && gemm == 0);
        test_ok(ctx, clg_buffer_fill(by, 0, clg_buffer_size(by), one));
        test_ok(ctx, clg_launches_run(&launches, 0, 2));
        expect_result(by, 0.5f, 3);
        /* other memory behind both handles */
        test_ok(ctx, clg_buffer_resize(bx, 2 * sizeof(x)));
        test_ok(ctx, clg_buffer_resize(by, sizeof(x) + 8 * PAD));
        test_ok(ctx, clg_buffer_write(bx, 0, x, sizeof(x)));
        test_ok(ctx, clg_buffer_fill(by, 0, clg_buffer_size(by), one));
        test_ok(ctx, clg_launches_run(&launches, 1, 2));
        expect_result(by, 0.5f, 3);
        clg_launches_finish(&launches);
        clg_buffer_destroy(bx);
        clg_buffer_destroy(by);
        clg_ctx_destroy(&ctx);
    }
}

TEST(device, steady_runs_only_enqueue)
{
    const struct layer *layer = test_layer();
    clg_ctx *ctx = test_context();
    clg_device *dev = test_open(ctx, CLG_FORM_AUTO);
    struct clg_launches launches;
    struct clg_buffer *x = clg_buffer_create(dev, N * 4);
    struct clg_buffer *y = clg_buffer_create(dev, (N + PAD) * 4);
    const char *name;
    long count;

    cr_assert_not_null(layer, "runs under the layer of tests/fault");
    clg_launches_init(&launches, dev);
    for (int i = 0; i < 5; i++)
        add_launch(&launches, x, y);
    test_ok(ctx, clg_launches_build(&launches));
    layer->mark();
    for (int i = 0; i < 20; i++)
        test_ok(ctx, clg_launches_run(&launches, 0, 5));
    for (size_t i = 0; (name = layer->calls(i, &count)); i++) {
        if (strcmp(name, "clEnqueueNDRangeKernel") == 0)
            cr_expect_eq(count, 100);
        else if (strcmp(name, "clFlush") == 0)
            cr_expect_eq(count, 3);
        else
            cr_expect_eq(count, 0, "%s: %ld", name, count);
    }
    clg_launches_finish(&launches);
    clg_buffer_destroy(x);
    clg_buffer_destroy(y);
    clg_ctx_destroy(&ctx);
}

TEST(device, ranges_are_whole_groups)
{
    clg_device_params params = clg_device_defaults();
    struct clg_launches launches;
    struct clg_launch *launch;

    for (size_t f = 0; f < TEST_FORMS; f++) {
        clg_ctx *ctx = test_context();
        bool item = test_forms[f] == CLG_FORM_ITEM;

        params.form = test_forms[f];
        params.local_size = 32;
        clg_device *dev = test_open_with(ctx, &params);
        clg_launches_init(&launches, dev);
        launch = clg_launch_kernel(&launches, "x", "x", NULL, NULL);
        clg_launch_items(launch, 33);
        cr_expect_eq(launch->global[0], item ? 33 : 64);
        cr_expect_eq(launch->local[0], item ? 1 : 32);
        clg_launch_items(launch, 1000000);
        cr_expect_eq(launch->global[0], item ? 4096 : 1000000);
        clg_launch_rows(launch, 5);
        cr_expect_eq(launch->global[0], item ? 5 : 160);
        clg_launch_items(launch, 0);
        cr_expect_eq(launch->global[0], launch->local[0]);
        clg_launch_range(launch, (size_t[]){7, 8, 9}, (size_t[]){4, 4, 0});
        cr_expect(launch->global[0] == 8 && launch->global[1] == 8 && launch->global[2] == 9);
        clg_launches_finish(&launches);
        clg_ctx_destroy(&ctx);
    }
}

/* ---- what is refused ---- */

TEST(device, errors_are_sentences)
{
    clg_device_params params = clg_device_defaults();
    clg_ctx *ctx = test_context();
    clg_device *dev;

    cr_expect_null(clg_device_open(NULL, NULL, NULL));
    cr_expect_null(clg_device_open(ctx, "no such thing", NULL));
    test_refused(ctx, CLG_ERR_NO_DEVICE, "'no such thing'", clg_error_status(ctx));
    params.local_size = 48;
    cr_expect_null(clg_device_open(ctx, "cpu", &params));
    test_refused(ctx, CLG_ERR_ARGUMENT, "local_size is 48", clg_error_status(ctx));
    params.local_size = 1u << 30;
    cr_expect_null(clg_device_open(ctx, "cpu", &params));
    params = clg_device_defaults();
    params.form = (clg_form)9;
    cr_expect_null(clg_device_open(ctx, "cpu", &params));
    test_refused(ctx, CLG_ERR_ARGUMENT, "form", clg_error_status(ctx));
    dev = test_open(ctx, CLG_FORM_AUTO);
    cr_expect_null(clg_buffer_create(dev, SIZE_MAX / 2));
    test_refused(ctx, CLG_ERR_LIMIT, "largest allocation", clg_error_status(ctx));
    clg_ctx_destroy(&ctx);
}

static void refuse_build(struct clg_device *dev, const char *text, const char *kernel,
                         clg_status expected, const char *words)
{
    struct clg_launches launches;
    clg_ctx *ctx = clg_device_object(dev)->ctx;

    clg_launches_init(&launches, dev);
    clg_launch_items(clg_launch_generated(&launches, text, kernel, NULL, "label"), 1);
    test_refused(ctx, expected, words, clg_launches_build(&launches));
    cr_expect_eq(clg_launches_run(&launches, 0, 1), expected);
    clg_launches_finish(&launches);
}

TEST(device, build_errors_name_file_and_line)
{
    clg_ctx *ctx = test_context();
    clg_device *dev = test_open(ctx, CLG_FORM_AUTO);
    struct clg_launches launches;

    refuse_build(dev, "#include \"common.clh\"\n\nkernel void f() { wrong; }\n", "f", CLG_ERR_BUILD,
                 "generated:3");
    refuse_build(dev, "#include \"nothing.clh\"\nkernel void f() {}\n", "f", CLG_ERR_BUILD,
                 "'nothing.clh'");
    refuse_build(dev, "kernel void f() {}\n", "g", CLG_ERR_DEVICE, "CL_INVALID_KERNEL_NAME");
    clg_launches_init(&launches, dev);
    clg_launch_kernel(&launches, "nothing", "f", NULL, NULL);
    test_refused(ctx, CLG_ERR_BUILD, "'nothing.cl'", clg_launches_build(&launches));
    clg_launches_finish(&launches);
    clg_ctx_destroy(&ctx);
}

/* Six programs, one of them broken, in one list: the good ones stay, as many threads as there
 * are. */
TEST(device, many_programs_at_once)
{
    static const uint32_t quirks[] = {0, CLG_QUIRK_ONE_COMPILER};

    for (int q = 0; q < 2; q++) {
        clg_ctx *ctx = test_context();
        struct clg_device *dev = test_open(ctx, CLG_FORM_AUTO);
        struct clg_buffer *y = clg_buffer_create(dev, sizeof(float) * 6);
        struct clg_launches launches;
        float got[6];

        dev->self.quirks = (dev->self.quirks & ~(uint32_t)CLG_QUIRK_ONE_COMPILER) | quirks[q];
        for (int broken = 1; broken >= 0; broken--) {
            clg_launches_init(&launches, dev);
            for (int i = 0; i < 6; i++) {
                char options[64];

                snprintf(options, sizeof(options), "-DI=%d -DV=%s", i,
                         broken && i == 3 ? "(" : "2.0f");
                clg_launch_buffer(
                    clg_launch_generated(&launches,
                                         "kernel void f(global float *y) { y[I] = V * I; }\n", "f",
                                         options, "f"),
                    y);
            }
            if (broken)
                test_refused(ctx, CLG_ERR_BUILD, "-DI=3", clg_launches_build(&launches));
            else
                test_ok(ctx, clg_launches_build(&launches));
            cr_expect_eq(dev->programs.count, broken ? 5 : 6);
            if (!broken)
                test_ok(ctx, clg_launches_run(&launches, 0, 6));
            clg_launches_finish(&launches);
        }
        test_ok(ctx, clg_buffer_read(y, 0, got, sizeof(got)));
        for (int i = 0; i < 6; i++)
            cr_expect_eq(got[i], 2.0f * (float)i);
        clg_buffer_destroy(y);
        clg_ctx_destroy(&ctx);
    }
}

TEST(device, launch_failures_stick)
{
    clg_ctx *ctx = test_context();
    clg_device *dev = test_open(ctx, CLG_FORM_AUTO);
    struct clg_launches launches;
    struct clg_launch *launch;

    clg_launches_init(&launches, dev);
    launch = clg_launch_generated(&launches, source, "axpi", NULL, "big one");
    clg_launch_int(launch, INT64_C(1) << 31);
    test_refused(ctx, CLG_ERR_LIMIT, "big one", launches.status);
    cr_expect_null(clg_launch_kernel(&launches, "a", "b", NULL, NULL));
    clg_launch_float(NULL, 1);
    clg_launch_items(NULL, 1);
    clg_launch_rows(NULL, 1);
    clg_launch_cost(NULL, 1, 1);
    cr_expect_eq(clg_launches_build(&launches), CLG_ERR_LIMIT);
    clg_launches_finish(&launches);
    clg_ctx_destroy(&ctx);
}

/* ---- foreign launches ---- */

static int prepared, called, finished;

static clg_status prepare(void *data, void *queue)
{
    prepared += data && queue;
    return CLG_OK;
}

static clg_status call(void *data, void *queue)
{
    called += data && queue;
    return CLG_OK;
}

static void finish(struct clg_ctx *ctx, void *data)
{
    finished += ctx && data;
}

TEST(device, foreign_calls)
{
    clg_ctx *ctx = test_context();
    clg_device *dev = test_open(ctx, CLG_FORM_AUTO);
    struct clg_launches launches;
    uint32_t all, gemm;

    clg_launches_init(&launches, dev);
    clg_launch_foreign(&launches, "foreign", &all, prepare, call, finish);
    test_ok(ctx, clg_launches_build(&launches));
    test_ok(ctx, clg_launches_run(&launches, 0, 1));
    test_ok(ctx, clg_launches_run(&launches, 0, 1));
    clg_launches_count_kernels((const struct clg_launches *const[]){&launches}, 1, &all, &gemm);
    cr_expect_eq(all, 0);
    clg_launches_finish(&launches);
    cr_expect(prepared == 1 && called == 2 && finished == 1);
    launches.status = CLG_ERR_MEMORY;
    cr_expect_null(clg_launch_foreign(&launches, "late", &all, NULL, call, finish));
    cr_expect_eq(finished, 2, "data that finds no launch is freed");
    clg_launches_finish(&launches);
    clg_ctx_destroy(&ctx);
}

/* ---- arrays and lists ---- */

TEST(device, arrays)
{
    clg_ctx *ctx = test_context();
    clg_device *dev = test_open(ctx, CLG_FORM_AUTO);
    const uint8_t rows[3][5] = {{1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}, {11, 12, 13, 14, 15}};
    uint8_t got[3][5];
    clg_array *array = clg_array_create(dev, CLG_U8, 3, 5, rows);

    cr_assert_not_null(array, "%s", clg_error(ctx));
    cr_expect(clg_array_rows(array) == 3 && clg_array_cols(array) == 5);
    test_ok(ctx, clg_array_write(array, rows[2], 5));
    test_ok(ctx, clg_buffer_read(clg_array_buffer(array), 0, got, sizeof(got)));
    cr_expect_arr_eq(got[0], rows[2], 5);
    cr_expect_arr_eq(got[1], rows[1], 10);
    test_refused(ctx, CLG_ERR_ARGUMENT, "whole rows", clg_array_write(array, rows, 7));
    test_refused(ctx, CLG_ERR_ARGUMENT, "whole rows", clg_array_write(array, rows, 20));
    test_refused(ctx, CLG_ERR_ARGUMENT, "data is NULL", clg_array_write(array, NULL, 5));
    cr_expect_null(clg_array_create(dev, CLG_F32, 0, 5, NULL));
    cr_expect_null(clg_array_create(dev, (clg_dtype)77, 1, 5, NULL));
    cr_expect_null(clg_array_create(dev, CLG_F32, INT32_MAX, INT32_MAX, NULL));
    test_refused(ctx, CLG_ERR_LIMIT, "largest allocation", clg_error_status(ctx));
    cr_expect_null(clg_array_create(NULL, CLG_F32, 1, 1, NULL));
    clg_array_destroy(&array);
    cr_expect_null(array);
    clg_array_create(dev, CLG_F32, 7, 1, NULL); /* freed with the device */
    clg_device_destroy(&dev);
    cr_expect_null(dev);
    clg_ctx_destroy(&ctx);
}

TEST(device, list_and_info)
{
    clg_ctx *ctx = test_context();
    const clg_device_info *list;
    const char *why;
    size_t count, best = 0;
    clg_device *dev;

    test_ok(ctx, clg_device_list(ctx, true, &list, &count));
    test_ok(ctx, clg_device_list(ctx, true, &list, &count));
    for (size_t i = 0; i < count; i++) {
        best += list[i].best;
        cr_expect(list[i].index == (int)i && list[i].units > 0 && list[i].memory > 0);
        cr_expect_eq(list[i].form == CLG_FORM_ITEM,
                     list[i].type == CLG_DEVICE_CPU || list[i].type == CLG_DEVICE_SOFTWARE);
    }
    cr_expect_eq(best, 1);
    dev = clg_device_open(ctx, "0", NULL);
    cr_assert_not_null(dev, "%s", clg_error(ctx));
    cr_expect_str_eq(clg_device_get_info(dev)->name, list[0].name);
    cr_expect_eq(clg_device_machine(dev)->align % 256, 0);
    test_ok(ctx, clg_device_finish(dev));
    test_ok(ctx, clg_device_why(ctx, &why));
    test_ok(ctx, clg_device_why(ctx, &why));
    cr_expect(strstr(why, ".icd") && strstr(why, list[0].platform), "%s", why);
    clg_ctx_destroy(&ctx);
}

TEST(device, environment_chooses)
{
    clg_ctx *ctx = test_context();
    clg_device *dev;

    setenv("CLGRAD_DEVICE", "no such device", 1);
    cr_expect_null(clg_device_open(ctx, NULL, NULL));
    test_refused(ctx, CLG_ERR_NO_DEVICE, "CLGRAD_DEVICE: no device matches", clg_error_status(ctx));
    dev = clg_device_open(ctx, "cpu", NULL);
    cr_expect_not_null(dev, "an argument comes before the environment");
    setenv("CLGRAD_DEVICE", "", 1);
    clg_device_destroy(&dev);
    dev = clg_device_open(ctx, NULL, NULL);
    cr_expect_not_null(dev, "%s", clg_error(ctx));
    clg_ctx_destroy(&ctx);
}

TEST(device, a_lost_device_stays_lost)
{
    const struct layer *layer = test_layer();
    clg_ctx *ctx = test_context();
    clg_device *dev = test_open(ctx, CLG_FORM_AUTO);
    struct clg_buffer *buffer = clg_buffer_create(dev, 64);
    uint32_t word;

    cr_assert_not_null(layer, "runs under the layer of tests/fault");
    layer->fail(1, CL_OUT_OF_RESOURCES, false);
    test_refused(ctx, CLG_ERR_DEVICE_LOST, "CL_OUT_OF_RESOURCES",
                 clg_buffer_read(buffer, 0, &word, 4));
    test_refused(ctx, CLG_ERR_DEVICE_LOST, "lost earlier", clg_buffer_read(buffer, 0, &word, 4));
    test_refused(ctx, CLG_ERR_DEVICE_LOST, "lost earlier", clg_device_finish(dev));
    cr_expect_null(clg_buffer_create(dev, 64));
    clg_buffer_destroy(buffer);
    layer->mark();
    clg_ctx_destroy(&ctx);
    cr_expect_eq(layer->calls_after(), 0, "nothing but releases is called");
}
