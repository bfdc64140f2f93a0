/* Data sets of tables: CSV and TSV. */
#include <stdio.h>

#include "data/csv.h"

clg_csv_params clg_csv_defaults(void)
{
    return (clg_csv_params){.standardize = true};
}

/* Labels are there as soon as the table is, since they decide how samples are set apart. */
static clg_status make_labels(struct clg_dataset *data)
{
    const struct clg_columns *columns = data->columns;

    if (!columns->target)
        return CLG_OK;
    data->has_labels = true;
    data->label_type = columns->classes ? CLG_I32 : CLG_F32;
    data->labels = clg_new(data->object.ctx, (size_t)data->count, sizeof(float));
    return data->labels ? clg_columns_labels(columns, data->table, data->labels) : CLG_ERR_MEMORY;
}

static clg_status make_samples(struct clg_dataset *data)
{
    int64_t width = clg_columns_width(data->columns);

    if (width < 1 || width > INT32_MAX)
        return clg_fail(data->object.ctx, CLG_ERR_FORMAT,
                        "'%s': its columns give %lld numbers a sample; 1 to 2^31 - 1 are possible",
                        data->name, (long long)width);
    data->shape = clg_shape1(width);
    data->type = CLG_F32;
    data->samples = clg_new(data->object.ctx, (size_t)data->count, clg_dataset_sample_bytes(data));
    return data->samples ? clg_columns_samples(data->columns, data->table, data->samples)
                         : CLG_ERR_MEMORY;
}

static void drop_table(struct clg_dataset *data)
{
    clg_table_destroy(data->table);
    data->table = NULL;
}

clg_status clg_dataset_learn(struct clg_dataset *data, const int32_t *rows, int64_t count)
{
    clg_status status;

    if (!data->table || data->samples)
        return CLG_OK;
    status = clg_columns_learn(data->columns, data->table, rows, count);
    if (status == CLG_OK)
        status = make_samples(data);
    drop_table(data);
    return status;
}

struct clg_dataset *clg_csv_open(struct clg_ctx *ctx, const clg_csv_params *params,
                                 struct clg_columns *columns, bool to_predict)
{
    struct clg_dataset *data = clg_dataset_new(ctx, params->path);
    clg_status status;

    if (!data)
        return NULL;
    data->done = true;
    data->table = clg_table_read(ctx, params->path, params->delimiter);
    if (data->table)
        data->columns =
            columns ? clg_columns_retain(columns) : clg_columns_find(data->table, params);
    if (!data->table || !data->columns) {
        clg_dataset_destroy(&data);
        return NULL;
    }
    data->count = data->table->rows;
    status = to_predict ? CLG_OK : make_labels(data);
    if (status == CLG_OK && columns)
        status = make_samples(data);
    if (status != CLG_OK)
        clg_dataset_destroy(&data);
    else if (columns && !to_predict)
        drop_table(data);
    return data;
}

clg_dataset *clg_dataset_open_csv(clg_ctx *ctx, const clg_csv_params *params)
{
    const struct clg_dataset *like;
    struct clg_dataset *data;

    if (!ctx || !CLG_GIVEN(ctx, params) || !CLG_GIVEN(ctx, params->path))
        return NULL;
    like = clg_dataset_whole(params->like);
    if (like && !like->columns) {
        clg_fail(ctx, CLG_ERR_ARGUMENT,
                 "'%s' cannot be made as '%s' was, which is not of a CSV file", params->path,
                 like->name);
        return NULL;
    }
    if (like && like->object.ctx != ctx) {
        clg_fail(ctx, CLG_ERR_ARGUMENT, "'%s': like is '%s', a data set of another context",
                 params->path, like->name);
        return NULL;
    }
    data = clg_csv_open(ctx, params, like ? like->columns : NULL, false);
    if (data && clg_dataset_learn(data, NULL, 0) != CLG_OK)
        clg_dataset_destroy(&data);
    return data;
}

/* ---- what is known of it ---- */

static const struct clg_columns *columns_of(const clg_dataset *data)
{
    return data ? clg_dataset_whole(data)->columns : NULL;
}

const char *clg_dataset_target(const clg_dataset *data)
{
    const struct clg_columns *columns = columns_of(data);

    return columns ? columns->target : NULL;
}

bool clg_dataset_log_target(const clg_dataset *data)
{
    const struct clg_columns *columns = columns_of(data);

    return columns && columns->log_target;
}

int64_t clg_dataset_class_count(const clg_dataset *data)
{
    const struct clg_columns *columns = columns_of(data);

    return columns ? (int64_t)columns->class_count : 0;
}

const char *clg_dataset_class_name(const clg_dataset *data, int64_t class_index)
{
    const struct clg_columns *columns = columns_of(data);

    return class_index >= 0 && class_index < clg_dataset_class_count(data)
               ? columns->classes[class_index]
               : NULL;
}

const char *clg_dataset_cell(const clg_dataset *data, const char *column, int64_t row)
{
    const struct clg_dataset *whole = clg_dataset_whole(data);
    size_t at;

    if (!data || !CLG_GIVEN(data, column))
        return NULL;
    if (!whole->table) {
        clg_fail(data->object.ctx, CLG_ERR_STATE,
                 "'%s' has no cells: those of a CSV file to predict from are kept, and no others",
                 data->name);
        return NULL;
    }
    if (row < 0 || row >= data->count) {
        clg_fail(data->object.ctx, CLG_ERR_ARGUMENT, "'%s' has no row %lld", data->name,
                 (long long)row);
        return NULL;
    }
    if (clg_table_find(whole->table, column, &at) != CLG_OK)
        return NULL;
    return clg_table_cell(whole->table, data->rows ? data->rows[row] : row, at);
}
