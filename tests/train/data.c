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

/* ---- tables ---- */

#if CLG_HAVE_CSV

/* Means and deviations are those of the rows that are trained on, and the test set's are not looked
 * at. */
TEST(csv, statistics_of_the_training_rows)
{
    char folder[256], recipe_path[300], text[4096] = "x,y\n";
    const int32_t *rows;
    const float *values;
    clg_dataset *train, *test, *validation;
    clg_ctx *ctx = test_context();
    clg_recipe *recipe;
    double sum = 0, squares = 0;

    test_folder(folder);
    for (int i = 0; i < 50; i++)
        snprintf(text + strlen(text), 40, "%d,%d\n", i * i, i);
    file_write_text(file_in(folder, "t.csv"), text);
    file_write_text(file_in(folder, "u.csv"), "x,y\n0,1\n1000000,2\n");
    snprintf(recipe_path, sizeof(recipe_path), "%s", file_in(folder, "r.yaml"));
    file_write_text(recipe_path, "data: {train: {csv: t.csv, target: y}, validation: 0.4,\n"
                                 "  test: {csv: u.csv, target: y}}\n"
                                 "model: [linear: 1]\nloss: mse\noptimizer: sgd\n"
                                 "train: {epochs: 1}\n");
    recipe = clg_recipe_read(ctx, recipe_path, NULL);
    cr_assert_not_null(recipe, "%s", clg_error(ctx));
    test_ok(ctx, clg_recipe_datasets(recipe, &train, &test));
    test_ok(ctx, clg_recipe_validation(recipe, &validation));
    cr_assert(clg_dataset_count(train) == 30 && clg_dataset_count(validation) == 20);
    rows = clg_dataset_rows(train);
    values = clg_dataset_samples(train);
    for (int i = 0; i < 30; i++) {
        sum += (double)values[rows[i]];
        squares += (double)values[rows[i]] * (double)values[rows[i]];
    }
    /* 30 roundings to float32 of numbers under 4 */
    cr_assert(fabs(sum / 30) < 4 * 0x1p-24 && fabs(squares / 30 - 1) < 16 * 0x1p-23, "%g %g",
              sum / 30, squares / 30);
    values = clg_dataset_samples(test);
    cr_assert(values[1] > 1000 && values[0] < 0);
    clg_recipe_destroy(&recipe);
    clg_ctx_destroy(&ctx);
    test_remove(folder);
}

#endif
