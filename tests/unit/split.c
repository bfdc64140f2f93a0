/* Views of a data set, and how it is dealt out to them. */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <clgrad/data.h>

enum { COUNT = 103, CLASSES = 3 };

/* Sample i is i; a seventh are of class 2, as many of class 1, the others of class 0. */
static clg_dataset *make(clg_ctx *ctx, bool labels)
{
    clg_dataset_params params = clg_dataset_defaults();
    float samples[COUNT];
    int32_t classes[COUNT];
    clg_dataset *data;

    for (int i = 0; i < COUNT; i++) {
        samples[i] = (float)i;
        classes[i] = i % 7 < 2 ? i % 7 + 1 : 0;
    }
    params.count = COUNT;
    params.samples = samples;
    params.labels = labels ? classes : NULL;
    data = clg_dataset_create(ctx, &params);
    cr_assert_not_null(data, "%s", clg_error(ctx));
    return data;
}

static int count_class(const clg_dataset *view, int32_t class)
{
    const int32_t *labels = clg_dataset_labels(view), *rows = clg_dataset_rows(view);
    int count = 0;

    for (int64_t i = 0; i < clg_dataset_count(view); i++)
        count += labels[rows[i]] == class;
    return count;
}

/* Both parts have ascending rows, and together each row once. */
static void check_parts(const clg_dataset *first, const clg_dataset *second)
{
    const clg_dataset *parts[] = {first, second};
    bool seen[COUNT] = {false};

    for (int p = 0; p < 2; p++) {
        const int32_t *rows = clg_dataset_rows(parts[p]);

        for (int64_t i = 0; i < clg_dataset_count(parts[p]); i++) {
            cr_assert(rows[i] >= 0 && rows[i] < COUNT && !seen[rows[i]]);
            cr_assert(i == 0 || rows[i] > rows[i - 1]);
            seen[rows[i]] = true;
        }
    }
    cr_assert_eq(clg_dataset_count(first) + clg_dataset_count(second), COUNT);
}

static void split(clg_dataset *data, const clg_split_params *params, clg_dataset *out[2])
{
    cr_assert_eq(clg_dataset_split(data, params, &out[0], &out[1]), CLG_OK);
    check_parts(out[0], out[1]);
}

TEST(split, a_count)
{
    clg_ctx *ctx = test_context();
    clg_dataset *data = make(ctx, true), *a[2], *b[2];
    clg_split_params params = clg_split_defaults();

    params.count = 20;
    split(data, &params, a);
    split(data, &params, b);
    cr_assert_eq(clg_dataset_count(a[1]), 20);
    cr_assert_eq(memcmp(clg_dataset_rows(a[1]), clg_dataset_rows(b[1]), 20 * 4), 0);
    params.seed = 2;
    split(data, &params, b);
    cr_assert_neq(memcmp(clg_dataset_rows(a[1]), clg_dataset_rows(b[1]), 20 * 4), 0);
    clg_ctx_destroy(&ctx);
}

/* Shares of the classes are kept to one sample, for any size of the second part. */
TEST(split, classes_keep_their_share)
{
    clg_ctx *ctx = test_context();
    clg_dataset *data = make(ctx, true), *parts[2];
    clg_split_params params = clg_split_defaults();

    params.stratify = true;
    for (params.count = 1; params.count < COUNT; params.count += 9) {
        split(data, &params, parts);
        cr_assert_eq(clg_dataset_count(parts[1]), params.count);
        for (int32_t c = 0; c < CLASSES; c++) {
            int all = count_class(parts[0], c) + count_class(parts[1], c);
            double share = (double)all * (double)params.count / COUNT;

            cr_assert(count_class(parts[1], c) > share - 1 && count_class(parts[1], c) < share + 1,
                      "%d of class %d where %g of %d belong", count_class(parts[1], c), (int)c,
                      share, all);
        }
        clg_dataset_destroy(&parts[0]);
        clg_dataset_destroy(&parts[1]);
    }
    clg_ctx_destroy(&ctx);
}

static void check_folds(clg_dataset *data, bool stratify)
{
    clg_split_params params = clg_split_defaults();
    int seen[COUNT] = {0}, of_class[CLASSES] = {0};
    clg_dataset *parts[2];

    params.stratify = stratify;
    params.folds = 5;
    for (params.fold = 0; params.fold < params.folds; params.fold++) {
        split(data, &params, parts);
        cr_assert(clg_dataset_count(parts[1]) == 20 || clg_dataset_count(parts[1]) == 21);
        for (int64_t i = 0; i < clg_dataset_count(parts[1]); i++)
            seen[clg_dataset_rows(parts[1])[i]]++;
        for (int32_t c = 0; c < CLASSES && stratify; c++) {
            int here = count_class(parts[1], c);

            cr_assert(params.fold == 0 || abs(here - of_class[c]) <= 1);
            of_class[c] = here;
        }
    }
    for (int i = 0; i < COUNT; i++)
        cr_assert_eq(seen[i], 1, "sample %d is in %d folds", i, seen[i]);
}

TEST(split, folds)
{
    clg_ctx *ctx = test_context();
    clg_dataset *data = make(ctx, true);

    check_folds(data, false);
    check_folds(data, true);
    clg_ctx_destroy(&ctx);
}

static void refused(clg_dataset *data, clg_split_params params, const char *words, clg_ctx *ctx)
{
    clg_dataset *first, *second;

    cr_assert_neq(clg_dataset_split(data, &params, &first, &second), CLG_OK, "%s", words);
    cr_assert(!first && !second);
    cr_assert_not_null(strstr(clg_error(ctx), words), "'%s' is not in: %s", words, clg_error(ctx));
}

TEST(split, refusals)
{
    clg_ctx *ctx = test_context();
    clg_dataset *data = make(ctx, true), *plain = make(ctx, false);

    refused(data, (clg_split_params){.count = 0}, "0 samples of 'data', which has 103", ctx);
    refused(data, (clg_split_params){.count = COUNT}, "both parts need one or more", ctx);
    refused(data, (clg_split_params){.count = -1}, "both parts need one or more", ctx);
    refused(data, (clg_split_params){.folds = 1}, "there are 2 folds or more", ctx);
    refused(data, (clg_split_params){.folds = 5, .fold = 5}, "fold 5 of 5", ctx);
    refused(data, (clg_split_params){.folds = 104}, "fold 0 of 104", ctx);
    refused(data, (clg_split_params){.folds = 2, .count = 3}, "no count beside them", ctx);
    refused(plain, (clg_split_params){.count = 5, .stratify = true}, "has no label", ctx);
    clg_ctx_destroy(&ctx);
}

/* A view has the whole set's content, and a view of a view its rows. */
TEST(view, rows)
{
    static const int32_t rows[] = {90, 5, 5, 17}, inner[] = {3, 0}, wrong[] = {0, COUNT};
    clg_ctx *ctx = test_context();
    clg_dataset *data = make(ctx, true), *view = clg_dataset_view(data, rows, 4), *second;

    cr_assert_eq(clg_dataset_count(view), 4);
    cr_assert_eq(clg_dataset_wait(view), CLG_OK);
    cr_assert_eq(clg_dataset_samples(view), clg_dataset_samples(data));
    cr_assert_null(clg_dataset_rows(data));
    second = clg_dataset_view(view, inner, 2);
    cr_assert(clg_dataset_rows(second)[0] == 17 && clg_dataset_rows(second)[1] == 90);
    clg_dataset_destroy(&view);
    cr_assert_eq(clg_dataset_rows(second)[0], 17);

    cr_assert_null(clg_dataset_view(data, wrong, 2));
    cr_assert_not_null(strstr(clg_error(ctx), "row 1 is 103, but must be 0 to 102"));
    cr_assert_null(clg_dataset_view(data, rows, 0));
    cr_assert_not_null(strstr(clg_error(ctx), "not 0"));
    clg_ctx_destroy(&ctx);
}

/* Labels are checked where the view looks. */
TEST(view, classes)
{
    static const int32_t ones_and_twos[] = {0, 1, 7, 8}, zeros[] = {2, 3};
    clg_ctx *ctx = test_context();
    clg_dataset *data = make(ctx, true);

    cr_assert_eq(clg_dataset_check_classes(clg_dataset_view(data, zeros, 2), 1), CLG_OK);
    cr_assert_neq(clg_dataset_check_classes(clg_dataset_view(data, ones_and_twos, 4), 2), CLG_OK);
    cr_assert_not_null(strstr(clg_error(ctx), "the label of sample 1 is 2"), "%s", clg_error(ctx));
    clg_ctx_destroy(&ctx);
}
