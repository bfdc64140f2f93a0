/* Matrix products against a double product on the host: every element, all transposes, both forms,
 * all providers. */
#include "gemm/provider.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENTINEL 1234.5f
#define GUARD    64 /* floats before and after C */

static const struct shape {
    int64_t M, N, K;
} shapes[] = {
    {1, 1, 1},    {1, 1, 7},     {5, 7, 3},      {6, 16, 8},   {7, 17, 9},     {8, 32, 16},
    {13, 31, 64}, {1, 97, 33},   {97, 1, 33},    {64, 10, 65}, {10, 64, 65},   {31, 29, 257},
    {3, 5, 1025}, {1025, 3, 17}, {5, 1025, 130}, {193, 47, 5}, {65, 129, 300},
};

/* Values of both signs with few equal neighbours. */
static float *values(size_t count, uint32_t seed)
{
    float *v = malloc(count * sizeof(*v));

    cr_assert_not_null(v);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        v[i] = (float)(seed >> 8) / (float)(1 << 23) - 1.0f;
    }
    return v;
}

static double activate(double x, enum clg_activation activation)
{
    switch (activation) {
    case CLG_ACT_RELU:
        return x > 0 ? x : 0;
    case CLG_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case CLG_ACT_TANH:
        return tanh(x);
    default:
        return x;
    }
}

/* The product, in host memory, and as the device floor sees it. */
struct fixture {
    clg_ctx *ctx;
    clg_device *device;
    struct clg_gemm gemm;
    float *a, *b, *bias, *c;
    size_t na, nb, nc;
};

static struct clg_view upload(struct fixture *f, const float *data, size_t count)
{
    struct clg_buffer *buffer = clg_buffer_create(f->device, count * sizeof(float));

    cr_assert_not_null(buffer, "%s", clg_error(f->ctx));
    test_ok(f->ctx, clg_buffer_write(buffer, 0, data, count * sizeof(float)));
    return (struct clg_view){.buffer = buffer, .dtype = CLG_F32};
}

static void prepare(struct fixture *f)
{
    struct clg_gemm *g = &f->gemm;
    size_t batch = (size_t)g->batch;

    f->na = (size_t)(g->M * g->K + g->stride_a * (g->batch - 1));
    f->nb = (size_t)(g->K * g->N + g->stride_b * (g->batch - 1));
    f->nc = (size_t)(g->M * g->N + g->stride_c * (g->batch - 1)) + 2 * GUARD;
    f->a = values(f->na, 1);
    f->b = values(f->nb, 2);
    f->c = malloc(f->nc * sizeof(float));
    cr_assert(f->c && batch);
    for (size_t i = 0; i < f->nc; i++)
        f->c[i] = SENTINEL;
    g->a = upload(f, f->a, f->na);
    g->b = upload(f, f->b, f->nb);
    g->c = upload(f, f->c, f->nc);
    g->c.offset = GUARD;
    if (f->bias)
        g->bias = upload(f, f->bias, (size_t)g->N);
}

static void multiply(struct fixture *f)
{
    struct clg_launches launches;
    struct clg_view work = {0};
    size_t bytes = clg_gemm_workspace(f->device, &f->gemm);

    if (bytes) {
        work.buffer = clg_buffer_create(f->device, bytes);
        cr_assert_not_null(work.buffer, "%s", clg_error(f->ctx));
    }
    clg_launches_init(&launches, f->device);
    clg_gemm_lower(&launches, &f->gemm, &work, "test");
    test_ok(f->ctx, clg_launches_build(&launches));
    test_ok(f->ctx, clg_launches_run(&launches, 0, launches.list.count));
    test_ok(f->ctx, clg_buffer_read(f->gemm.c.buffer, 0, f->c, f->nc * sizeof(float)));
    clg_launches_finish(&launches);
    clg_buffer_destroy(work.buffer);
}

/* Sum over k of a[i][k] b[k][j], and of the absolute values. */
static double dot(const struct fixture *f, int64_t p, int64_t i, int64_t j, double *size)
{
    const struct clg_gemm *g = &f->gemm;
    const float *a = f->a + p * g->stride_a, *b = f->b + p * g->stride_b;
    double sum = 0;

    *size = 0;
    for (int64_t k = 0; k < g->K; k++) {
        double x = (double)a[g->transpose_a ? k * g->M + i : i * g->K + k] *
                   b[g->transpose_b ? j * g->K + k : k * g->N + j];

        sum += x;
        *size += fabs(x);
    }
    return sum;
}

/* Rounding: K products and sums of half an ulp each, the bias, and 16 ulp for exp or tanh. */
static void check(const struct fixture *f, const char *what)
{
    const struct clg_gemm *g = &f->gemm;
    const double ulp = ldexp(1, -24);
    float *expected_guard = calloc(f->nc, sizeof(float));

    for (size_t i = 0; i < f->nc; i++)
        expected_guard[i] = SENTINEL;
    for (int64_t p = 0; p < g->batch; p++)
        for (int64_t i = 0; i < g->M; i++)
            for (int64_t j = 0; j < g->N; j++) {
                int64_t at = GUARD + p * g->stride_c + i * g->N + j;
                double size, sum = dot(f, p, i, j, &size), bias = f->bias ? f->bias[j] : 0;
                double want = activate(sum + bias, g->activation);
                double tolerance =
                    ((double)g->K + 2) * ulp * (size + fabs(bias)) + 32 * ulp * fabs(want);

                cr_assert(fabs(f->c[at] - want) <= tolerance,
                          "%s: c[%d][%d][%d] is %.9g, must be %.9g within %.3g", what, (int)p,
                          (int)i, (int)j, (double)f->c[at], want, tolerance);
                expected_guard[at] = f->c[at];
            }
    cr_assert(!memcmp(expected_guard, f->c, f->nc * sizeof(float)), "%s: wrote outside C", what);
    free(expected_guard);
}

static void finish(struct fixture *f)
{
    clg_buffer_destroy(f->gemm.a.buffer);
    clg_buffer_destroy(f->gemm.b.buffer);
    clg_buffer_destroy(f->gemm.c.buffer);
    clg_buffer_destroy(f->gemm.bias.buffer);
    free(f->a);
    free(f->b);
    free(f->bias);
    free(f->c);
}

static void run_case(clg_ctx *ctx, clg_device *device, struct clg_gemm gemm, bool bias)
{
    struct fixture f = {.ctx = ctx, .device = device, .gemm = gemm};
    char what[160];

    snprintf(what, sizeof(what),
             "%s, %s form, %d x %d x %d, batch %d, %c%c, bias %d, activation %d",
             clg_gemm_provider(device, &gemm),
             clg_device_get_form(device) == CLG_FORM_ITEM ? "item" : "group", (int)gemm.M,
             (int)gemm.N, (int)gemm.K, (int)gemm.batch, gemm.transpose_a ? 'T' : 'N',
             gemm.transpose_b ? 'T' : 'N', bias, (int)gemm.activation);
    if (bias)
        f.bias = values((size_t)gemm.N, 3);
    prepare(&f);
    multiply(&f);
    check(&f, what);
    finish(&f);
}

/* All shapes and transposes; bias and activation take turns. */
static void run_shapes(clg_ctx *ctx, clg_device *device)
{
    unsigned turn = 0;

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (int t = 0; t < 4; t++, turn++) {
            const struct shape *s = &shapes[i];
            struct clg_gemm gemm = {
                .M = s->M,
                .N = s->N,
                .K = s->K,
                .batch = 1,
                .transpose_a = t & 1,
                .transpose_b = t & 2,
                .activation = turn % 7 > 3 ? CLG_ACT_NONE : (enum clg_activation)(turn % 7),
            };

            run_case(ctx, device, gemm, turn % 3 == 1);
        }
}

/* Strides with gaps, and operands that repeat. */
static void run_batches(clg_ctx *ctx, clg_device *device)
{
    for (int t = 0; t < 4; t++)
        for (int repeat = 0; repeat < 3; repeat++) {
            struct clg_gemm gemm = {
                .M = 19,
                .N = 21,
                .K = 23,
                .batch = 5,
                .transpose_a = t & 1,
                .transpose_b = t & 2,
                .stride_a = repeat == 1 ? 0 : 19 * 23 + 3,
                .stride_b = repeat == 2 ? 0 : 21 * 23,
                .stride_c = 19 * 21 + (repeat ? 5 : 0),
                .activation = CLG_ACT_RELU,
            };

            run_case(ctx, device, gemm, t == 1);
        }
}

static void run_all(clg_device_params params, uint32_t vector)
{
    clg_ctx *ctx = test_context();
    clg_device *device = test_open_with(ctx, &params);

    if (vector) /* another width than the device's must compute the same */
        ((struct clg_machine *)clg_device_machine(device))->vector = vector;
    run_shapes(ctx, device);
    run_batches(ctx, device);
    clg_ctx_destroy(&ctx);
}

TEST(gemm, native_item)
{
    for (uint32_t vector = 4; vector <= 16; vector *= 2)
        run_all((clg_device_params){.form = CLG_FORM_ITEM, .gemm = CLG_GEMM_NATIVE}, vector);
}

/* Blocks for a device with the least local memory that OpenCL allows. */
TEST(gemm, native_item_small_local_memory)
{
    clg_ctx *ctx = test_context();
    clg_device_params params = {.form = CLG_FORM_ITEM, .gemm = CLG_GEMM_NATIVE};
    clg_device *device = test_open_with(ctx, &params);

    ((struct clg_machine *)clg_device_machine(device))->local_memory = 32 << 10;
    run_shapes(ctx, device);
    clg_ctx_destroy(&ctx);
}

TEST(gemm, native_group)
{
    static const uint32_t locals[] = {1, 32, 64, 256};

    for (size_t i = 0; i < sizeof(locals) / sizeof(locals[0]); i++)
        run_all((clg_device_params){.form = CLG_FORM_GROUP,
                                    .gemm = CLG_GEMM_NATIVE,
                                    .local_size = locals[i]},
                0);
}

TEST(gemm, clblast)
{
    if (!clg_gemm_has_clblast())
        cr_skip_test("built without CLBlast (install libclblast-dev, -Dclblast=enabled)");
    run_all((clg_device_params){.form = CLG_FORM_GROUP, .gemm = CLG_GEMM_CLBLAST}, 0);
}

/* NaN in A reaches the result through ReLU; NaN in an unused C does not. */
static void run_nan(clg_ctx *ctx, clg_device *device)
{
    struct fixture f = {.ctx = ctx,
                        .device = device,
                        .gemm = {.M = 7, .N = 18, .K = 5, .batch = 1, .activation = CLG_ACT_RELU}};

    prepare(&f);
    f.a[2 * 5 + 3] = NAN;
    test_ok(ctx, clg_buffer_write(f.gemm.a.buffer, 0, f.a, f.na * sizeof(float)));
    for (size_t i = GUARD; i < f.nc - GUARD; i++)
        f.c[i] = NAN;
    test_ok(ctx, clg_buffer_write(f.gemm.c.buffer, 0, f.c, f.nc * sizeof(float)));
    multiply(&f);
    for (int i = 0; i < 7; i++)
        for (int j = 0; j < 18; j++)
            cr_assert_eq(isnan(f.c[GUARD + i * 18 + j]) != 0, i == 2, "%s: c[%d][%d] is %g",
                         clg_gemm_provider(device, &f.gemm), i, j, (double)f.c[GUARD + i * 18 + j]);
    finish(&f);
}

TEST(gemm, nan_in_nan_out)
{
    for (size_t i = 0; i < TEST_FORMS; i++) {
        clg_ctx *ctx = test_context();
        clg_device_params params = {.form = test_forms[i], .gemm = CLG_GEMM_NATIVE};

        run_nan(ctx, test_open_with(ctx, &params));
        clg_ctx_destroy(&ctx);
    }
    if (clg_gemm_has_clblast()) {
        clg_ctx *ctx = test_context();
        clg_device_params params = {.form = CLG_FORM_GROUP, .gemm = CLG_GEMM_CLBLAST};

        run_nan(ctx, test_open_with(ctx, &params));
        clg_ctx_destroy(&ctx);
    }
}

/* llvmpipe ends a work-item's loops after 65535 iterations: tiles stay below that, or there are
 * none. */
TEST(gemm, tiling_short_loops)
{
    struct clg_machine machine = {
        .vector = 4, .units = 8, .local_memory = 32 << 10, .loops = 65535};
    struct clg_gemm gemm = {.M = 256, .N = 256, .K = 784, .batch = 1, .transpose_b = true};
    int64_t bounded = clg_gemm_tiling(&machine, &gemm).tiles;

    machine.loops = 0;
    cr_assert_gt(bounded, clg_gemm_tiling(&machine, &gemm).tiles);
    machine.loops = 65535;
    gemm.K = 100000;
    cr_assert_eq(clg_gemm_tiling(&machine, &gemm).tiles, 0);
}

/* A product is cut so that every unit has work, within the blocks the kernel was built for. */
TEST(gemm, tiling)
{
    static const uint32_t units[] = {1, 2, 7, 64};

    for (size_t u = 0; u < 4; u++)
        for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
            struct clg_machine machine = {
                .vector = 8, .units = units[u], .local_memory = 512 << 10};
            struct clg_gemm gemm = {
                .M = shapes[i].M, .N = shapes[i].N, .K = shapes[i].K, .batch = 1};
            struct clg_gemm_blocks b = clg_gemm_blocks(&machine);
            struct clg_gemm_tiling t = clg_gemm_tiling(&machine, &gemm);

            cr_assert(t.rows > 0 && t.rows <= b.MC && t.rows % b.MR == 0);
            cr_assert(t.cols > 0 && t.cols % b.NR == 0);
            cr_assert(t.depth > 0 && t.depth <= b.KC && t.depth % 4 == 0);
            cr_assert_eq(t.tiles,
                         ((gemm.M + t.rows - 1) / t.rows) * ((gemm.N + t.cols - 1) / t.cols));
        }
    struct clg_machine two = {.vector = 8, .units = 2, .local_memory = 512 << 10};
    struct clg_gemm large = {.M = 256, .N = 256, .K = 784, .batch = 1};
    cr_assert_geq(clg_gemm_tiling(&two, &large).tiles, 2);
}
