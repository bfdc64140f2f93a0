/* Parts of a data set: a share of it, or one of several folds. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/philox.h"
#include "data/dataset.h"

#define SPLIT_STREAM UINT64_MAX /* epochs have the streams from 0 on */

clg_split_params clg_split_defaults(void)
{
    return (clg_split_params){.seed = 1};
}

static int64_t row_of(const struct clg_dataset *data, int64_t i)
{
    return data->rows ? data->rows[i] : i;
}

static clg_status check_class(struct clg_dataset *data, int64_t row)
{
    const char *name = data->label_name ? data->label_name : data->name;
    int32_t label = ((const int32_t *)clg_dataset_whole(data)->labels)[row];

    if (label >= 0)
        return CLG_OK;
    return clg_fail(data->object.ctx, CLG_ERR_FORMAT,
                    "stratify deals out classes, but '%s' has the label %" PRId32
                    " at sample %" PRId64 ": a class is at least 0",
                    name, label, row);
}

/* Labels must be classes. */
static clg_status check_classes(struct clg_dataset *data)
{
    CLG_TRY(clg_dataset_wait(data));
    if (!data->has_labels || data->label_type != CLG_I32 ||
        clg_dataset_values(&data->label_shape) != 1)
        return clg_fail(data->object.ctx, CLG_ERR_ARGUMENT,
                        "stratify deals out classes, but '%s' has no label that is one for each "
                        "sample",
                        data->label_name ? data->label_name : data->name);
    for (int64_t i = 0; i < data->count; i++)
        CLG_TRY(check_class(data, row_of(data, i)));
    return CLG_OK;
}

static int compare_keys(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Puts samples of a class side by side, in the order they come in: sorts by class, then place. */
static clg_status group_classes(struct clg_dataset *data, int32_t *order)
{
    struct clg_ctx *ctx = data->object.ctx;
    const uint32_t *labels;
    struct {
        uint64_t key;
        int32_t sample;
    } * items;

    CLG_TRY(check_classes(data));
    labels = clg_dataset_whole(data)->labels;
    items = clg_new(ctx, (size_t)data->count, sizeof(*items));
    if (!items)
        return CLG_ERR_MEMORY;
    for (int64_t i = 0; i < data->count; i++) {
        items[i].key = (uint64_t)labels[row_of(data, order[i])] << 32 | (uint64_t)i;
        items[i].sample = order[i];
    }
    qsort(items, (size_t)data->count, sizeof(*items), compare_keys);
    for (int64_t i = 0; i < data->count; i++)
        order[i] = items[i].sample;
    clg_free(ctx, items);
    return CLG_OK;
}

/* Whether the sample at a place of the order goes to the second part. The places are even distances
 * apart, so that each stretch of the order, and with it each class, has its share. */
static bool is_second(const clg_split_params *p, int64_t place, int64_t samples)
{
    if (p->folds)
        return place % p->folds == p->fold;
    return (place + 1) * p->count / samples > place * p->count / samples;
}

static clg_status check_params(struct clg_dataset *data, const clg_split_params *p)
{
    if (p->folds)
        return p->count == 0 && p->folds >= 2 && p->folds <= data->count && p->fold >= 0 &&
                       p->fold < p->folds
                   ? CLG_OK
                   : clg_fail(data->object.ctx, CLG_ERR_ARGUMENT,
                              "fold %" PRId64 " of %" PRId64 " of '%s', which has %" PRId64
                              " samples: there are 2 folds or more, each with a sample, counted "
                              "from 0, and no count beside them",
                              p->fold, p->folds, data->name, data->count);
    if (p->count < 1 || p->count >= data->count)
        return clg_fail(data->object.ctx, CLG_ERR_ARGUMENT,
                        "%" PRId64 " samples of '%s', which has %" PRId64
                        ", cannot be set apart: both parts need one or more",
                        p->count, data->name, data->count);
    return CLG_OK;
}

/* Marks the samples of the second part in `order`, which holds numbers of samples before. */
static clg_status mark_second(struct clg_dataset *data, const clg_split_params *p, bool *second)
{
    struct clg_ctx *ctx = data->object.ctx;
    int32_t *order = clg_new(ctx, (size_t)data->count, sizeof(*order));
    clg_status status = order ? CLG_OK : CLG_ERR_MEMORY;

    if (order)
        clg_permutation(p->seed, SPLIT_STREAM, order, data->count);
    if (order && p->stratify)
        status = group_classes(data, order);
    for (int64_t i = 0; status == CLG_OK && i < data->count; i++)
        second[order[i]] = is_second(p, i, data->count);
    clg_free(ctx, order);
    return status;
}

clg_status clg_split_rows(struct clg_dataset *data, const clg_split_params *params, int32_t *rows,
                          int64_t *first)
{
    struct clg_ctx *ctx = data->object.ctx;
    clg_status status;
    int64_t at = 0;
    bool *second;

    CLG_TRY(check_params(data, params));
    second = clg_new(ctx, (size_t)data->count, sizeof(*second));
    if (!second)
        return CLG_ERR_MEMORY;
    status = mark_second(data, params, second);
    for (int part = 0; part < 2; part++) {
        for (int32_t i = 0; i < data->count; i++)
            if (second[i] == (part == 1))
                rows[at++] = i;
        if (part == 0)
            *first = at;
    }
    clg_free(ctx, second);
    return status;
}

clg_status clg_dataset_split(clg_dataset *data, const clg_split_params *params, clg_dataset **first,
                             clg_dataset **second)
{
    clg_split_params p = params ? *params : clg_split_defaults();
    clg_status status;
    int32_t *rows;
    int64_t count;

    if (!data || !CLG_GIVEN(data, first) || !CLG_GIVEN(data, second))
        return CLG_ERR_ARGUMENT;
    *first = *second = NULL;
    rows = clg_new(data->object.ctx, (size_t)data->count, sizeof(*rows));
    if (!rows)
        return CLG_ERR_MEMORY;
    status = clg_split_rows(data, &p, rows, &count);
    if (status == CLG_OK) {
        *first = clg_dataset_view(data, rows, count);
        *second = *first ? clg_dataset_view(data, rows + count, data->count - count) : NULL;
        status = *second ? CLG_OK : clg_error_status(data->object.ctx);
    }
    if (status != CLG_OK)
        clg_dataset_destroy(first);
    clg_free(data->object.ctx, rows);
    return status;
}
