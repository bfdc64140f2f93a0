#include "data/columns.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- owning ---- */

static void free_words(struct clg_ctx *ctx, char **words, size_t count)
{
    for (size_t i = 0; words && i < count; i++)
        clg_free(ctx, words[i]);
    clg_free(ctx, words);
}

struct clg_columns *clg_columns_retain(struct clg_columns *columns)
{
    columns->references++;
    return columns;
}

void clg_columns_release(struct clg_columns *columns)
{
    struct clg_ctx *ctx;

    if (!columns || --columns->references > 0)
        return;
    ctx = columns->ctx;
    for (size_t i = 0; i < columns->count; i++) {
        free_words(ctx, columns->items[i].categories, columns->items[i].category_count);
        clg_free(ctx, columns->items[i].name);
    }
    free_words(ctx, columns->classes, columns->class_count);
    clg_free(ctx, columns->items);
    clg_free(ctx, columns->target);
    clg_free(ctx, columns);
}

/* ---- values of cells ---- */

/* A number that stays one as float32. */
static bool is_number(const char *cell, double *value)
{
    return clg_parse_double(cell, value) && isfinite((float)*value);
}

static bool holds_text(const struct clg_table *table, size_t column)
{
    double value;

    for (int64_t row = 0; row < table->rows; row++)
        if (!clg_is_missing(clg_table_cell(table, row, column)) &&
            !is_number(clg_table_cell(table, row, column), &value))
            return true;
    return false;
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int compare_numbers(const void *a, const void *b)
{
    double x = 0, y = 0;

    clg_parse_double(*(char *const *)a, &x);
    clg_parse_double(*(char *const *)b, &y);
    return (x > y) - (x < y);
}

typedef int compare_function(const void *a, const void *b);

/* Sorts the words, keeps one of those that are equal, and copies these. */
static clg_status distinct(struct clg_ctx *ctx, char **words, size_t count,
                           compare_function *compare, char ***out, size_t *out_count)
{
    *out_count = 0;
    qsort(words, count, sizeof(*words), compare);
    *out = clg_new(ctx, count ? count : 1, sizeof(**out));
    if (!*out)
        return CLG_ERR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (i && compare(&words[i], &words[i - 1]) == 0)
            continue;
        (*out)[*out_count] = clg_strdup(ctx, words[i]);
        if (!(*out)[(*out_count)++])
            return CLG_ERR_MEMORY;
    }
    return CLG_OK;
}

/* The distinct cells of a column that are not missing, in these rows (NULL: the first count). */
static clg_status collect(const struct clg_table *table, size_t column, const int32_t *rows,
                          int64_t count, compare_function *compare, char ***out, size_t *out_count)
{
    char **words = clg_new(table->ctx, (size_t)count, sizeof(*words));
    size_t found = 0;
    clg_status status;

    if (!words)
        return CLG_ERR_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        const char *cell = clg_table_cell(table, rows ? rows[i] : i, column);

        if (!clg_is_missing(cell))
            words[found++] = (char *)(uintptr_t)cell;
    }
    status = distinct(table->ctx, words, found, compare, out, out_count);
    clg_free(table->ctx, words);
    return status;
}

/* ---- finding ---- */

static clg_status check_drop(const struct clg_table *table, const clg_csv_params *params)
{
    size_t column;

    for (size_t i = 0; params->drop && params->drop[i]; i++)
        CLG_TRY(clg_table_find(table, params->drop[i], &column));
    return CLG_OK;
}

static bool is_dropped(const clg_csv_params *params, const char *name)
{
    for (size_t i = 0; params->drop && params->drop[i]; i++)
        if (strcmp(params->drop[i], name) == 0)
            return true;
    return params->target && strcmp(params->target, name) == 0;
}

static clg_status find_features(struct clg_columns *columns, const struct clg_table *table,
                                const clg_csv_params *params)
{
    columns->items = clg_new(columns->ctx, table->columns, sizeof(*columns->items));
    if (!columns->items)
        return CLG_ERR_MEMORY;
    for (size_t i = 0; i < table->columns; i++) {
        struct clg_column *column = &columns->items[columns->count];

        if (is_dropped(params, clg_table_name(table, i)))
            continue;
        *column = (struct clg_column){.deviation = 1, .text = holds_text(table, i)};
        column->name = clg_strdup(columns->ctx, clg_table_name(table, i));
        if (!column->name)
            return CLG_ERR_MEMORY;
        columns->count++;
    }
    if (columns->count > 0)
        return CLG_OK;
    return clg_fail(columns->ctx, CLG_ERR_FORMAT,
                    "'%s' has no column left for the samples, beside the target and those that are "
                    "dropped",
                    table->path);
}

static clg_status check_numbered(const struct clg_table *table, size_t column)
{
    double value;

    for (int64_t row = 0; row < table->rows; row++)
        if (clg_parse_double(clg_table_cell(table, row, column), &value) && value != rint(value))
            return clg_table_wrong(table, row, column,
                                   "a class, a text or a whole number, as the loss tells classes "
                                   "apart");
    return CLG_OK;
}

static clg_status find_target(struct clg_columns *columns, const struct clg_table *table,
                              const clg_csv_params *params)
{
    bool text;
    size_t column;

    if (!params->target)
        return CLG_OK;
    CLG_TRY(clg_table_find(table, params->target, &column));
    columns->target = clg_strdup(columns->ctx, params->target);
    if (!columns->target)
        return CLG_ERR_MEMORY;
    text = holds_text(table, column);
    if (!text && !params->classes)
        return CLG_OK;
    if (params->log_target)
        return clg_fail(columns->ctx, CLG_ERR_FORMAT,
                        "'%s': log_target is for numbers, but the target '%.100s' has classes",
                        table->path, params->target);
    columns->numbered = !text;
    if (!text)
        CLG_TRY(check_numbered(table, column));
    return collect(table, column, NULL, table->rows, text ? compare_words : compare_numbers,
                   &columns->classes, &columns->class_count);
}

struct clg_columns *clg_columns_find(const struct clg_table *table, const clg_csv_params *params)
{
    struct clg_columns *columns = clg_new(table->ctx, 1, sizeof(*columns));

    if (!columns)
        return NULL;
    columns->ctx = table->ctx;
    columns->references = 1;
    columns->log_target = params->log_target;
    columns->standardize = params->standardize;
    columns->missing = params->missing;
    if (check_drop(table, params) == CLG_OK && find_target(columns, table, params) == CLG_OK &&
        find_features(columns, table, params) == CLG_OK)
        return columns;
    clg_columns_release(columns);
    return NULL;
}

/* ---- learning ---- */

/* Mean and deviation over the numbers there are; the deviation is that of a population (divided by
 * n), as scikit-learn's StandardScaler has it. */
static void learn_numbers(struct clg_column *column, const struct clg_table *table, size_t at,
                          const int32_t *rows, int64_t count)
{
    double sum = 0, squares = 0, value;
    int64_t numbers = 0;

    for (int64_t i = 0; i < count; i++)
        if (is_number(clg_table_cell(table, rows ? rows[i] : i, at), &value)) {
            sum += value;
            numbers++;
        }
    column->mean = numbers ? sum / (double)numbers : 0;
    for (int64_t i = 0; i < count; i++)
        if (is_number(clg_table_cell(table, rows ? rows[i] : i, at), &value))
            squares += (value - column->mean) * (value - column->mean);
    column->deviation = squares > 0 ? sqrt(squares / (double)numbers) : 1;
}

#define LIKE_NAMES 20 /* categories from which on one for each sample is suspicious */

static clg_status learn_categories(struct clg_column *column, const struct clg_table *table,
                                   size_t at, const int32_t *rows, int64_t count)
{
    CLG_TRY(collect(table, at, rows, count, compare_words, &column->categories,
                    &column->category_count));
    if (column->category_count >= LIKE_NAMES && (int64_t)column->category_count > count / 2)
        clg_log_line(table->ctx, CLG_LOG_WARNING,
                     "'%s': the column '%.100s' has %zu categories in %" PRId64
                     " samples, as names and numbers written with units have; drop: leaves it out",
                     table->path, column->name, column->category_count, count);
    return CLG_OK;
}

clg_status clg_columns_learn(struct clg_columns *columns, const struct clg_table *table,
                             const int32_t *rows, int64_t count)
{
    for (size_t i = 0; i < columns->count; i++) {
        struct clg_column *column = &columns->items[i];
        size_t at;

        CLG_TRY(clg_table_find(table, column->name, &at));
        if (column->text)
            CLG_TRY(learn_categories(column, table, at, rows, rows ? count : table->rows));
        else
            learn_numbers(column, table, at, rows, rows ? count : table->rows);
    }
    return CLG_OK;
}

/* ---- samples ---- */

static int64_t width_of(const struct clg_column *column)
{
    return column->text ? (int64_t)column->category_count : 1;
}

int64_t clg_columns_width(const struct clg_columns *columns)
{
    int64_t width = 0;

    for (size_t i = 0; i < columns->count; i++)
        width += width_of(&columns->items[i]);
    return width;
}

static clg_status make_number(const struct clg_columns *columns, const struct clg_column *column,
                              const struct clg_table *table, int64_t row, size_t at, float *out)
{
    const char *cell = clg_table_cell(table, row, at);
    double value = columns->missing == CLG_MISSING_MEAN ? column->mean : 0;

    if (!clg_is_missing(cell) && !is_number(cell, &value))
        return clg_table_wrong(table, row, at,
                               "a float32 number, as all of the training set's are in this column");
    *out = (float)(columns->standardize ? (value - column->mean) / column->deviation : value);
    return CLG_OK;
}

/* One of them is 1, and none where the cell is missing or of no category of the training set. */
static void make_one_hot(const struct clg_column *column, const char *cell, float *out)
{
    char *const *found = bsearch(&cell, column->categories, column->category_count,
                                 sizeof(*column->categories), compare_words);

    for (size_t i = 0; i < column->category_count; i++)
        out[i] = 0;
    if (found && !clg_is_missing(cell))
        out[found - column->categories] = 1;
}

static clg_status make_column(const struct clg_columns *columns, const struct clg_column *column,
                              const struct clg_table *table, int64_t width, float *out)
{
    size_t at;

    CLG_TRY(clg_table_find(table, column->name, &at));
    for (int64_t row = 0; row < table->rows; row++, out += width) {
        const char *cell = clg_table_cell(table, row, at);

        if (columns->missing == CLG_MISSING_ERROR && clg_is_missing(cell))
            return clg_table_wrong(table, row, at, "there: missing: error was asked for");
        if (column->text)
            make_one_hot(column, cell, out);
        else
            CLG_TRY(make_number(columns, column, table, row, at, out));
    }
    return CLG_OK;
}

clg_status clg_columns_samples(const struct clg_columns *columns, const struct clg_table *table,
                               float *samples)
{
    int64_t width = clg_columns_width(columns);

    for (size_t i = 0; i < columns->count; i++) {
        CLG_TRY(make_column(columns, &columns->items[i], table, width, samples));
        samples += width_of(&columns->items[i]);
    }
    return CLG_OK;
}

/* ---- labels ---- */

static clg_status make_class(const struct clg_columns *columns, const struct clg_table *table,
                             int64_t row, size_t at, int32_t *label)
{
    const char *cell = clg_table_cell(table, row, at);
    char *const *found = NULL;
    double value;

    if (!columns->numbered || clg_parse_double(cell, &value))
        found = bsearch(&cell, columns->classes, columns->class_count, sizeof(*columns->classes),
                        columns->numbered ? compare_numbers : compare_words);
    if (!found)
        return clg_table_wrong(table, row, at, "one of the training set's classes");
    *label = (int32_t)(found - columns->classes);
    return CLG_OK;
}

static clg_status make_target(const struct clg_columns *columns, const struct clg_table *table,
                              int64_t row, size_t at, float *label)
{
    double value;

    if (!is_number(clg_table_cell(table, row, at), &value))
        return clg_table_wrong(table, row, at, "a float32 number, as the target is");
    if (columns->log_target && !(value > 0))
        return clg_table_wrong(table, row, at, "over 0, as log_target takes its logarithm");
    *label = (float)(columns->log_target ? log(value) : value);
    return CLG_OK;
}

clg_status clg_columns_labels(const struct clg_columns *columns, const struct clg_table *table,
                              void *labels)
{
    size_t at;

    CLG_TRY(clg_table_find(table, columns->target, &at));
    for (int64_t row = 0; row < table->rows; row++) {
        if (clg_is_missing(clg_table_cell(table, row, at)))
            return clg_table_wrong(table, row, at, "there: it is the target");
        if (columns->classes)
            CLG_TRY(make_class(columns, table, row, at, (int32_t *)labels + row));
        else
            CLG_TRY(make_target(columns, table, row, at, (float *)labels + row));
    }
    return CLG_OK;
}
