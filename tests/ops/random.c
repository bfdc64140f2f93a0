/* What random ops do to whole channels, samples and windows in training, and that they leave
 * inference alone. That the numbers are right is the selftest's matter. */
#include "test.h"
#include <math.h>
#include <string.h>

enum { N = 64, C = 3, H = 4, W = 5, PLANE = H * W, COUNT = N * C * PLANE };

struct bench {
    clg_ctx *ctx;
    clg_store *store;
    clg_graph *graph;
    clg_tensor x;
    float values[COUNT];
};

/* x (N, C, H, W) is 1, 2, 3, ... */
static void bench_open(struct bench *b)
{
    b->ctx = test_context();
    b->store = clg_store_create(test_open(b->ctx, CLG_FORM_AUTO), 7);
    b->graph = clg_graph_create(b->store);
    cr_assert_not_null(b->graph);
    for (int i = 0; i < COUNT; i++)
        b->values[i] = (float)(i + 1);
    b->x = clg_constant(b->graph, CLG_F32, clg_shape4(N, C, H, W), b->values);
}

/* The output t in a mode. */
static void run(struct bench *b, clg_mode mode, float *out, size_t count)
{
    clg_plan *plan = clg_compile(b->graph, 1, mode, NULL);
    cr_assert_not_null(plan, "%s", clg_error(b->ctx));
    test_ok(b->ctx, clg_plan_step(plan));
    test_ok(b->ctx, clg_plan_read(plan, "t", out, count * sizeof(*out)));
    clg_plan_destroy(&plan);
}

/* What t is in training; in inference it is x. */
static void train(struct bench *b, clg_tensor t, float *out)
{
    clg_output(t, "t");
    run(b, CLG_INFER, out, COUNT);
    cr_assert(!memcmp(out, b->values, sizeof(b->values)), "inference changes the input");
    run(b, CLG_TRAIN, out, COUNT);
}

/* All of a channel or nothing; half of 192 channels, within 5 standard deviations of 6.9. */
TEST(random, dropout2d)
{
    static struct bench b;
    static float out[COUNT];
    int kept = 0;
    bench_open(&b);
    train(&b, clg_dropout2d(b.x, 0.5f), out);
    for (int p = 0; p < N * C; p++) {
        bool here = out[p * PLANE] != 0;
        kept += here;
        for (int i = 0; i < PLANE; i++)
            cr_assert_eq(out[p * PLANE + i], here ? 2 * b.values[p * PLANE + i] : 0);
    }
    cr_assert(kept > 61 && kept < 131, "%d of 192 channels kept", kept);
    clg_ctx_destroy(&b.ctx);
}

/* All of a sample reversed or nothing; half of 64 samples, within 5 standard deviations of 4. */
TEST(random, flip)
{
    static struct bench b;
    static float out[COUNT];
    int flipped = 0;
    bench_open(&b);
    train(&b, clg_random_flip(b.x, -1, 0.5f), out);
    for (int n = 0; n < N; n++) {
        const int first = n * C * PLANE;
        const bool here = out[first] != b.values[first];
        flipped += here;
        for (int i = 0; i < C * PLANE; i++)
            cr_assert_eq(out[first + i], b.values[first + (here ? i / W * W + W - 1 - i % W : i)]);
    }
    cr_assert(flipped > 12 && flipped < 52, "%d of 64 samples flipped", flipped);
    clg_ctx_destroy(&b.ctx);
}

/* Mean and standard deviation of 3840 numbers, within 5 standard errors. */
TEST(random, gaussian_noise)
{
    static struct bench b;
    static float out[COUNT];
    double sum = 0, squares = 0;
    bench_open(&b);
    train(&b, clg_gaussian_noise(b.x, 8), out);
    for (int i = 0; i < COUNT; i++) {
        const double z = ((double)out[i] - (double)b.values[i]) / 8;
        sum += z / COUNT;
        squares += z * z / COUNT;
    }
    cr_assert(fabs(sum) < 5 / sqrt(COUNT), "mean %g", sum);
    cr_assert(fabs(squares - 1) < 5 * sqrt(2.0 / COUNT), "variance %g", squares);
    clg_ctx_destroy(&b.ctx);
}

/* Every window of every sample is one of x's, and all 9 places occur; in inference the middle. */
TEST(random, crop)
{
    enum { OH = 2, OW = 3, OUT = N * C * OH * OW };
    static struct bench b;
    static float out[OUT];
    bool seen[3][3] = {{false}};
    int places = 0;
    bench_open(&b);
    clg_output(clg_random_crop2d(b.x, OH, OW), "t");
    run(&b, CLG_INFER, out, OUT);
    cr_assert_eq(out[0], b.values[W + 1]);
    run(&b, CLG_TRAIN, out, OUT);
    for (int n = 0; n < N; n++) {
        const int begin = (int)out[n * C * OH * OW] - 1 - n * C * PLANE;
        const int h = begin / W, w = begin % W;
        cr_assert(begin >= 0 && h <= H - OH && w <= W - OW);
        places += !seen[h][w];
        seen[h][w] = true;
        for (int i = 0; i < C * OH * OW; i++) {
            const int c = i / (OH * OW), r = i / OW % OH;
            cr_assert_eq(out[n * C * OH * OW + i],
                         b.values[((n * C + c) * H + h + r) * W + w + i % OW]);
        }
    }
    cr_assert_eq(places, 9);
    clg_ctx_destroy(&b.ctx);
}

/* Sure and impossible events, and a mean of 3840; in inference the probabilities. */
TEST(random, bernoulli)
{
    static struct bench b;
    static float p[COUNT], out[COUNT];
    double sum = 0;
    bench_open(&b);
    for (int i = 0; i < COUNT; i++)
        p[i] = i % 3 ? (float)(i % 3 - 1) : 0.25f;
    clg_output(clg_bernoulli(clg_constant(b.graph, CLG_F32, clg_shape1(COUNT), p)), "t");
    run(&b, CLG_INFER, out, COUNT);
    cr_assert(!memcmp(out, p, sizeof(p)));
    run(&b, CLG_TRAIN, out, COUNT);
    for (int i = 0; i < COUNT; i++) {
        cr_assert(i % 3 == 0 ? out[i] == 0 || out[i] == 1 : out[i] == p[i]);
        sum += i % 3 == 0 ? (double)out[i] : 0;
    }
    cr_assert(fabs(sum / (COUNT / 3) - 0.25) < 5 * sqrt(0.25 * 0.75 / (COUNT / 3)));
    clg_ctx_destroy(&b.ctx);
}

static void refused(clg_tensor t, const struct bench *b, const char *words)
{
    cr_assert(!clg_tensor_valid(t));
    cr_assert_not_null(strstr(clg_error(b->ctx), words), "no '%s' in: %s", words,
                       clg_error(b->ctx));
}

/* A graph keeps its first sentence: each refusal needs a new one. */
TEST(random, refusals)
{
    static struct bench b;
    const char *const words[] = {"p is 1.5, must be in [0, 1]", "std is -1, must be 0 or a positive",
                                 "window (5, 5) is larger than the image (4, 5)",
                                 "p is -1, must be in [0, 1]", "has 0 dimensions, must have 2",
                                 "dropout: input 0 is int32, must be float32",
                                 "gaussian_noise: input 0 is int32, must be float32",
                                 "bernoulli: input 0 is int32, must be float32"};
    for (int i = 0; i < 8; i++) {
        bench_open(&b);
        refused(i == 0   ? clg_dropout2d(b.x, 1.5f)
                : i == 1 ? clg_gaussian_noise(b.x, -1)
                : i == 2 ? clg_random_crop2d(b.x, 5, 5)
                : i == 3 ? clg_random_flip(b.x, 3, -1)
                : i == 5 ? clg_dropout(clg_cast(b.x, CLG_I32), 0.5f)
                : i == 6 ? clg_gaussian_noise(clg_cast(b.x, CLG_I32), 1)
                : i == 7 ? clg_bernoulli(clg_cast(b.x, CLG_I32))
                         : clg_dropout2d(clg_fill(b.graph, clg_shape0(), 1), 0.5f),
                &b, words[i]);
        clg_ctx_destroy(&b.ctx);
    }
}
