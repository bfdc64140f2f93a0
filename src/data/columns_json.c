/* What was learnt from a table, as JSON. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/columns.h"

static const char *const missing_words[] = {"mean", "zero", "error"};

static json_t *words_json(char *const *words, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_stringn_nocheck(words[i], strlen(words[i])));
    return list;
}

static json_t *column_json(const struct clg_column *column)
{
    json_t *o = json_object();

    json_object_set_new(o, "name", json_string_nocheck(column->name));
    if (column->text) {
        json_object_set_new(o, "categories",
                            words_json(column->categories, column->category_count));
    } else {
        json_object_set_new(o, "mean", json_real(column->mean));
        json_object_set_new(o, "deviation", json_real(column->deviation));
    }
    return o;
}

static json_t *columns_json(const struct clg_columns *columns)
{
    json_t *o = json_object(), *list = json_array();

    if (columns->target)
        json_object_set_new(o, "target", json_string_nocheck(columns->target));
    if (columns->classes)
        json_object_set_new(o, "classes", words_json(columns->classes, columns->class_count));
    json_object_set_new(o, "numbered", json_boolean(columns->numbered));
    json_object_set_new(o, "log_target", json_boolean(columns->log_target));
    json_object_set_new(o, "standardize", json_boolean(columns->standardize));
    json_object_set_new(o, "missing", json_string(missing_words[columns->missing]));
    for (size_t i = 0; i < columns->count; i++)
        json_array_append_new(list, column_json(&columns->items[i]));
    json_object_set_new(o, "columns", list);
    return o;
}

clg_status clg_columns_write(const struct clg_columns *columns, char **text)
{
    json_t *o = columns_json(columns);
    char *dump = json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(17));

    json_decref(o);
    *text = dump ? clg_strdup(columns->ctx, dump) : NULL;
    free(dump);
    return *text ? CLG_OK
                 : clg_fail(columns->ctx, CLG_ERR_MEMORY, "out of memory while writing JSON");
}

/* ---- reading ---- */

static bool read_words(struct clg_ctx *ctx, const json_t *list, char ***words, size_t *count)
{
    if (!json_is_array(list))
        return false;
    *words = clg_new(ctx, json_array_size(list) + 1, sizeof(**words));
    for (size_t i = 0; *words && i < json_array_size(list); i++) {
        const char *word = json_string_value(json_array_get(list, i));

        (*words)[i] = word ? clg_strdup(ctx, word) : NULL;
        if (!(*words)[i])
            return false;
        ++*count;
    }
    return *words;
}

static bool read_column(struct clg_ctx *ctx, const json_t *o, struct clg_column *column)
{
    const json_t *mean = json_object_get(o, "mean"), *deviation = json_object_get(o, "deviation");
    const char *name = json_string_value(json_object_get(o, "name"));

    column->name = name ? clg_strdup(ctx, name) : NULL;
    column->text = json_object_get(o, "categories") != NULL;
    if (!column->name)
        return false;
    if (column->text)
        return read_words(ctx, json_object_get(o, "categories"), &column->categories,
                          &column->category_count);
    column->mean = json_number_value(mean);
    column->deviation = json_number_value(deviation);
    return json_is_number(mean) && json_is_number(deviation) && column->deviation > 0;
}

static bool read_missing(const json_t *o, clg_missing *missing)
{
    const char *word = json_string_value(json_object_get(o, "missing"));

    for (int i = 0; word && i < 3; i++)
        if (strcmp(word, missing_words[i]) == 0) {
            *missing = (clg_missing)i;
            return true;
        }
    return false;
}

static bool read_columns(struct clg_columns *columns, const json_t *o)
{
    const json_t *list = json_object_get(o, "columns"), *classes = json_object_get(o, "classes");
    const char *target = json_string_value(json_object_get(o, "target"));
    struct clg_ctx *ctx = columns->ctx;

    columns->numbered = json_is_true(json_object_get(o, "numbered"));
    columns->log_target = json_is_true(json_object_get(o, "log_target"));
    columns->standardize = json_is_true(json_object_get(o, "standardize"));
    columns->target = target ? clg_strdup(ctx, target) : NULL;
    columns->items = clg_new(ctx, json_array_size(list) + 1, sizeof(*columns->items));
    if (!read_missing(o, &columns->missing) || !columns->items || (target && !columns->target) ||
        (classes && !read_words(ctx, classes, &columns->classes, &columns->class_count)))
        return false;
    for (size_t i = 0; i < json_array_size(list); i++) {
        columns->count++;
        if (!read_column(ctx, json_array_get(list, i), &columns->items[i]))
            return false;
    }
    return columns->count > 0;
}

struct clg_columns *clg_columns_read(struct clg_ctx *ctx, const char *path, const char *text,
                                     size_t size)
{
    struct clg_columns *columns = clg_new(ctx, 1, sizeof(*columns));
    json_error_t error;
    json_t *o;

    if (!columns)
        return NULL;
    columns->ctx = ctx;
    columns->references = 1;
    o = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!o || !read_columns(columns, o)) {
        clg_columns_release(columns);
        columns = NULL;
        clg_fail(ctx, CLG_ERR_FORMAT,
                 "'%s' is damaged: it does not say how samples are made of a table", path);
    }
    json_decref(o);
    return columns;
}
