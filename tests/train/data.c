/* The kinds of data of recipes: what their samples are. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <clgrad/train.h>

#include "cli/command.h"
#include "data/synthetic.h"

/* ---- synthetic ---- */

static clg_dataset *make(clg_ctx *ctx, struct clg_synthetic p)
{
    clg_dataset *data = clg_dataset_synthetic(ctx, &p);

    cr_assert_not_null(data, "%s", clg_error(ctx));
    return data;
}

/* Mean and deviation of n numbers, `step` apart. */
static void moments(const float *x, int64_t n, int64_t step, double *mean, double *deviation)
{
    double sum = 0, squares = 0;

    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i * step];
    *mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += pow((double)x[i * step] - *mean, 2);
    *deviation = sqrt(squares / (double)n);
}

/* What is left of y without w·x + b is the noise. Deviations of a mean over n: σ / √n, of a
 * deviation σ / √(2n); five of them are passed once in a million. */
static void check_noise(const double *rest, int64_t n, double sigma)
{
    double sum = 0, squares = 0;

    for (int64_t i = 0; i < n; i++) {
        sum += rest[i];
        squares += rest[i] * rest[i];
    }
    cr_assert(fabs(sum / (double)n) < 5 * sigma / sqrt((double)n));
    cr_assert(fabs(sqrt(squares / (double)n) - sigma) < 5 * sigma / sqrt(2 * (double)n));
}

enum { MANY = 10007 };

TEST(synthetic, linear)
{
    static const double w[] = {2, -3.4};
    clg_ctx *ctx = test_context();
    clg_dataset *data =
        make(ctx, (struct clg_synthetic){CLG_SYNTHETIC_LINEAR, MANY, 0.5, 7, 0, w, 2, 4.2, 0});
    const float *x = clg_dataset_samples(data), *y = clg_dataset_labels(data);
    static double rest[MANY];

    cr_assert_eq(clg_dataset_shape(data).dim[0], 2);
    for (int j = 0; j < 2; j++) {
        double mean, deviation;

        moments(x + j, MANY, 2, &mean, &deviation);
        cr_assert(fabs(mean) < 5 / sqrt(MANY) && fabs(deviation - 1) < 5 / sqrt(2 * MANY));
    }
    for (int i = 0; i < MANY; i++)
        rest[i] = (double)y[i] - (2 * (double)x[2 * i] - 3.4 * (double)x[2 * i + 1] + 4.2);
    check_noise(rest, MANY, 0.5);
    clg_ctx_destroy(&ctx);
}

TEST(synthetic, polynomial)
{
    static const double c[] = {5, 1.2, -3.4, 5.6};
    clg_ctx *ctx = test_context();
    clg_dataset *data =
        make(ctx, (struct clg_synthetic){CLG_SYNTHETIC_POLYNOMIAL, MANY, 0.1, 7, 0, c, 4, 0, 5});
    const float *x = clg_dataset_samples(data), *y = clg_dataset_labels(data);
    static double rest[MANY];

    cr_assert_eq(clg_dataset_shape(data).dim[0], 6);
    for (int i = 0; i < MANY; i++, x += 6) {
        double power = 1;

        for (int j = 0; j < 6; j++) { /* x^j / j!, to a rounding of float32 each */
            cr_assert(fabs((double)x[j] - power) <= fabs(power) * 0x1p-22 * (j + 1));
            power *= (double)x[1] / (j + 1);
        }
        rest[i] = (double)y[i] - (5 + 1.2 * (double)x[1] - 3.4 * (double)x[2] + 5.6 * (double)x[3]);
    }
    check_noise(rest, MANY, 0.1);
    clg_ctx_destroy(&ctx);
}

TEST(synthetic, classes)
{
    clg_ctx *ctx = test_context();
    clg_dataset *exclusive =
        make(ctx, (struct clg_synthetic){CLG_SYNTHETIC_XOR, 40, 0, 7, 0, NULL, 0, 0, 0});
    clg_dataset *moons =
        make(ctx, (struct clg_synthetic){CLG_SYNTHETIC_MOONS, 41, 0, 7, 0, NULL, 0, 0, 0});
    clg_dataset *parity =
        make(ctx, (struct clg_synthetic){CLG_SYNTHETIC_PARITY, 40, 0, 7, 0, NULL, 0, 0, 300});
    const float *x = clg_dataset_samples(exclusive), *m = clg_dataset_samples(moons),
                *b = clg_dataset_samples(parity);
    const int32_t *label = clg_dataset_labels(exclusive), *which = clg_dataset_labels(moons),
                  *odd = clg_dataset_labels(parity);
    int corners[4] = {0}, sum = 0;

    for (int i = 0; i < 40; i++) {
        corners[(int)(x[2 * i] + 2 * x[2 * i + 1])]++;
        cr_assert_eq(label[i], x[2 * i] != x[2 * i + 1]);
    }
    cr_assert(corners[0] == 10 && corners[1] == 10 && corners[2] == 10 && corners[3] == 10);
    for (int i = 0; i < 41; i++) { /* on the circle round its centre */
        double dx = (double)m[2 * i] - (which[i] ? 1 : 0);
        double dy = (double)m[2 * i + 1] - (which[i] ? 0.5 : 0);

        cr_assert_float_eq(dx * dx + dy * dy, 1, 1e-6);
        cr_assert(which[i] ? dy < 1e-6 : dy > -1e-6);
    }
    for (int i = 0; i < 40; i++) {
        int ones = 0;

        for (int j = 0; j < 300; j++)
            ones += b[300 * i + j] != 0;
        cr_assert_eq(odd[i], ones % 2);
        sum += ones;
    }
    cr_assert(abs(sum - 6000) < 5 * 55, "%d of 12000 bits are 1", sum); /* σ = √(12000) / 2 */
    clg_ctx_destroy(&ctx);
}

/* The same seed gives the same numbers; another part of the recipe, or seed, others. */
TEST(synthetic, seeds)
{
    static const double w[] = {1};
    struct clg_synthetic p = {CLG_SYNTHETIC_LINEAR, 9, 0, 7, 0, w, 1, 0, 0};
    clg_ctx *ctx = test_context();
    clg_dataset *first = make(ctx, p), *again = make(ctx, p), *part, *seed;
    size_t size = 9 * sizeof(float);

    p.stream = 1;
    part = make(ctx, p);
    p.stream = 0;
    p.seed = 8;
    seed = make(ctx, p);
    cr_assert_eq(memcmp(clg_dataset_samples(first), clg_dataset_samples(again), size), 0);
    cr_assert_neq(memcmp(clg_dataset_samples(first), clg_dataset_samples(part), size), 0);
    cr_assert_neq(memcmp(clg_dataset_samples(first), clg_dataset_samples(seed), size), 0);
    clg_ctx_destroy(&ctx);
}
