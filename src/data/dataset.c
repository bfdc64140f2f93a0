#include "data/dataset.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/fork.h"
#include "data/columns.h"

static void *read_in_thread(void *argument)
{
    struct clg_dataset *data = argument;

    data->status = data->read(data) ? CLG_OK : CLG_ERR_FORMAT;
    return NULL;
}

/* In a child that was forked meanwhile the thread does not run, and the files are the parent's. */
static void give_up_reading(struct clg_dataset *data)
{
    data->running = false;
    data->done = true;
    data->status = CLG_ERR_STATE;
    snprintf(data->reason, sizeof(data->reason),
             "'%.300s' was being read when this process was forked: open it anew", data->name);
}

static void finish_reading(struct clg_dataset *data)
{
    if (data->running && data->forks != clg_fork_count()) {
        give_up_reading(data);
        return;
    }
    if (data->running)
        pthread_join(data->thread, NULL);
    data->running = false;
    data->done = true;
    if (data->source_finish)
        data->source_finish(data);
    data->source_finish = NULL;
}

static void dataset_finish(struct clg_object *object)
{
    struct clg_dataset *data = (struct clg_dataset *)object;
    struct clg_ctx *ctx = object->ctx;

    finish_reading(data);
    clg_free(ctx, data->samples);
    clg_free(ctx, data->labels);
    clg_free(ctx, data->rows);
    clg_table_destroy(data->table);
    clg_columns_release(data->columns);
    clg_free(ctx, data->name);
    clg_free(ctx, data->label_name);
    clg_free(ctx, data);
}

static struct clg_dataset *new_child(struct clg_object *parent, const char *name)
{
    struct clg_ctx *ctx = parent->ctx;
    struct clg_dataset *data = clg_new(ctx, 1, sizeof(*data));

    if (!data)
        return NULL;
    data->name = clg_strdup(ctx, name);
    if (!data->name) {
        clg_free(ctx, data);
        return NULL;
    }
    clg_object_init(&data->object, parent, dataset_finish);
    return data;
}

struct clg_dataset *clg_dataset_new(struct clg_ctx *ctx, const char *name)
{
    return new_child(&ctx->object, name);
}

void clg_dataset_start(struct clg_dataset *data)
{
    data->forks = clg_fork_count();
    data->running =
        clg_fork_watch() && pthread_create(&data->thread, NULL, read_in_thread, data) == 0;
    if (!data->running)
        read_in_thread(data);
}

int64_t clg_dataset_values(const clg_shape *shape)
{
    int64_t values = 1;

    for (int32_t i = 0; i < shape->rank; i++)
        values *= shape->dim[i];
    return values;
}

size_t clg_dataset_sample_bytes(const struct clg_dataset *data)
{
    return (size_t)clg_dataset_values(&data->shape) * clg_dtype_size(data->type);
}

size_t clg_dataset_label_bytes(const struct clg_dataset *data)
{
    return (size_t)clg_dataset_values(&data->label_shape) * clg_dtype_size(data->label_type);
}

clg_dataset_params clg_dataset_defaults(void)
{
    return (clg_dataset_params){.name = "data", .type = CLG_F32, .label_type = CLG_I32};
}

static clg_status check_shape(struct clg_ctx *ctx, const char *what, const clg_shape *shape)
{
    int64_t values = 1;

    if (shape->rank < 0 || shape->rank > CLG_MAX_RANK - 1)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "data set: a %s has 0 to %d dimensions, not %d",
                        what, CLG_MAX_RANK - 1, (int)shape->rank);
    for (int32_t i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 1 || shape->dim[i] > INT32_MAX / values)
            return clg_fail(ctx, CLG_ERR_ARGUMENT,
                            "data set: dimension %d of a %s is %" PRId64
                            "; a %s has under 2^31 values and no empty dimension",
                            (int)i, what, shape->dim[i], what);
        values *= shape->dim[i];
    }
    return CLG_OK;
}

static clg_status check_params(struct clg_ctx *ctx, const clg_dataset_params *params)
{
    if (!params->samples || params->count < 1 || params->count > INT32_MAX)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "data set: it needs samples, and 1 to 2^31 - 1 of them");
    if (params->type != CLG_U8 && params->type != CLG_F32)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "data set: samples are CLG_U8 or CLG_F32");
    if (params->label_type != CLG_I32 && params->label_type != CLG_F32)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "data set: labels are CLG_I32 or CLG_F32");
    CLG_TRY(check_shape(ctx, "sample", &params->shape));
    return check_shape(ctx, "label", &params->label_shape);
}

/* A copy of count items of size bytes. */
static void *copy_items(struct clg_ctx *ctx, const void *items, int64_t count, size_t size)
{
    void *copy = clg_new(ctx, (size_t)count, size);

    if (copy)
        memcpy(copy, items, (size_t)count * size);
    return copy;
}

clg_dataset *clg_dataset_create(clg_ctx *ctx, const clg_dataset_params *params)
{
    struct clg_dataset *data;

    if (!ctx || !CLG_GIVEN(ctx, params) || check_params(ctx, params) != CLG_OK)
        return NULL;
    data = clg_dataset_new(ctx, params->name ? params->name : "data");
    if (!data)
        return NULL;
    data->count = params->count;
    data->type = params->type;
    data->shape = params->shape;
    data->label_type = params->label_type;
    data->label_shape = params->label_shape;
    data->has_labels = params->labels != NULL;
    data->done = true;
    data->samples = copy_items(ctx, params->samples, data->count, clg_dataset_sample_bytes(data));
    if (data->samples && data->has_labels)
        data->labels = copy_items(ctx, params->labels, data->count, clg_dataset_label_bytes(data));
    if (!data->samples || (data->has_labels && !data->labels))
        clg_dataset_destroy(&data);
    return data;
}

/* ---- views ---- */

const struct clg_dataset *clg_dataset_whole(const struct clg_dataset *data)
{
    return data && data->whole ? data->whole : data;
}

static clg_status check_rows(struct clg_dataset *data, const int32_t *rows, int64_t count)
{
    if (count < 1 || count > INT32_MAX)
        return clg_fail(data->object.ctx, CLG_ERR_ARGUMENT,
                        "a view of '%s' has 1 to 2^31 - 1 samples, not %" PRId64, data->name,
                        count);
    for (int64_t i = 0; i < count; i++)
        if (rows[i] < 0 || rows[i] >= data->count)
            return clg_fail(data->object.ctx, CLG_ERR_ARGUMENT,
                            "a view of '%s': row %" PRId64 " is %" PRId32
                            ", but must be 0 to %" PRId64,
                            data->name, i, rows[i], data->count - 1);
    return CLG_OK;
}

clg_dataset *clg_dataset_view(clg_dataset *data, const int32_t *rows, int64_t count)
{
    struct clg_dataset *whole, *view;

    if (!data || !CLG_GIVEN(data, rows) || check_rows(data, rows, count) != CLG_OK)
        return NULL;
    whole = data->whole ? data->whole : data;
    view = new_child(&whole->object, whole->name);
    if (!view)
        return NULL;
    view->whole = whole;
    view->count = count;
    view->type = whole->type;
    view->shape = whole->shape;
    view->label_type = whole->label_type;
    view->label_shape = whole->label_shape;
    view->has_labels = whole->has_labels;
    view->label_name = whole->label_name ? clg_strdup(whole->object.ctx, whole->label_name) : NULL;
    view->rows = clg_new(whole->object.ctx, (size_t)count, sizeof(*rows));
    if (!view->rows || (whole->label_name && !view->label_name)) {
        clg_dataset_destroy(&view);
        return NULL;
    }
    for (int64_t i = 0; i < count; i++)
        view->rows[i] = data->rows ? data->rows[rows[i]] : rows[i];
    return view;
}

const int32_t *clg_dataset_rows(const clg_dataset *data)
{
    return data ? data->rows : NULL;
}

/* ---- what is known, and the content ---- */

clg_status clg_dataset_wait(clg_dataset *data)
{
    if (!data)
        return CLG_ERR_ARGUMENT;
    if (data->whole)
        return clg_dataset_wait(data->whole);
    if (!data->done)
        finish_reading(data);
    if (data->status != CLG_OK)
        return clg_fail(data->object.ctx, data->status, "%s", data->reason);
    return CLG_OK;
}

int64_t clg_dataset_count(const clg_dataset *data)
{
    return data ? data->count : 0;
}

clg_shape clg_dataset_shape(const clg_dataset *data)
{
    return data ? data->shape : (clg_shape){0};
}

clg_dtype clg_dataset_type(const clg_dataset *data)
{
    return data ? data->type : CLG_F32;
}

bool clg_dataset_has_labels(const clg_dataset *data)
{
    return data && data->has_labels;
}

clg_shape clg_dataset_label_shape(const clg_dataset *data)
{
    return data ? data->label_shape : (clg_shape){0};
}

clg_dtype clg_dataset_label_type(const clg_dataset *data)
{
    return data ? data->label_type : CLG_F32;
}

const void *clg_dataset_samples(const clg_dataset *data)
{
    data = clg_dataset_whole(data);
    return data && data->done && data->status == CLG_OK ? data->samples : NULL;
}

const void *clg_dataset_labels(const clg_dataset *data)
{
    data = clg_dataset_whole(data);
    return data && data->done && data->status == CLG_OK ? data->labels : NULL;
}

static clg_status check_labels(struct clg_dataset *data, int64_t classes, int64_t also)
{
    const int32_t *labels = clg_dataset_whole(data)->labels;
    const char *name = data->label_name ? data->label_name : data->name;

    for (int64_t i = 0; i < data->count; i++) {
        int64_t row = data->rows ? data->rows[i] : i;

        if ((labels[row] < 0 || labels[row] >= classes) && labels[row] != also)
            return clg_fail(data->object.ctx, CLG_ERR_FORMAT,
                            "'%s': the label of sample %" PRId64 " is %" PRId32
                            ", but the model has %" PRId64 " outputs: labels are 0 to %" PRId64,
                            name, row, labels[row], classes, classes - 1);
    }
    return CLG_OK;
}

clg_status clg_dataset_check_labels(clg_dataset *data, int64_t classes, int64_t also)
{
    if (!data)
        return CLG_ERR_ARGUMENT;
    CLG_TRY(clg_dataset_wait(data));
    if (!data->has_labels)
        return clg_fail(data->object.ctx, CLG_ERR_ARGUMENT, "'%s' has no labels", data->name);
    if (data->label_type != CLG_I32 || clg_dataset_values(&data->label_shape) != 1)
        return clg_fail(data->object.ctx, CLG_ERR_FORMAT,
                        "'%s': a class is one integer for each sample",
                        data->label_name ? data->label_name : data->name);
    return check_labels(data, classes, also);
}

clg_status clg_dataset_check_classes(clg_dataset *data, int64_t classes)
{
    return clg_dataset_check_labels(data, classes, INT64_MIN);
}

void clg_dataset_destroy(clg_dataset **data)
{
    if (!data || !*data)
        return;
    clg_object_destroy(&(*data)->object);
    *data = NULL;
}
