/* What is learnt from the table of a training set, and how it makes samples of any table. */
#ifndef CLG_DATA_COLUMNS_H
#define CLG_DATA_COLUMNS_H

#include <clgrad/data.h>
#include "data/table.h"

/* A column that samples are made of. */
struct clg_column {
    char *name;
    bool text;              /* categories; else numbers */
    double mean, deviation; /* of numbers; deviation 1 where it is 0 */
    char **categories;      /* sorted by their bytes */
    size_t category_count;
};

struct clg_columns {
    struct clg_ctx *ctx;
    int references;
    struct clg_column *items;
    size_t count;
    char *target;   /* NULL: there are no labels */
    char **classes; /* of the target, in order; NULL: it is a number */
    size_t class_count;
    bool numbered; /* the classes are whole numbers */
    bool log_target, standardize;
    clg_missing missing;
};

/* Which columns a table has, of which types, and its classes. NULL on failure. */
struct clg_columns *clg_columns_find(const struct clg_table *table, const clg_csv_params *params);
/* Learns means, deviations and categories from these rows (NULL: all of the table), and nothing
 * else. */
clg_status clg_columns_learn(struct clg_columns *columns, const struct clg_table *table,
                             const int32_t *rows, int64_t count);
struct clg_columns *clg_columns_retain(struct clg_columns *columns);
void clg_columns_release(struct clg_columns *columns); /* NULL is accepted */

/* Numbers of a sample. */
int64_t clg_columns_width(const struct clg_columns *columns);
/* Makes samples (rows, width) and labels (rows) of a table, which must have the columns. */
clg_status clg_columns_samples(const struct clg_columns *columns, const struct clg_table *table,
                               float *samples);
clg_status clg_columns_labels(const struct clg_columns *columns, const struct clg_table *table,
                              void *labels);

/* As JSON, so that a run can make samples without its training set. *text: clg_free. */
clg_status clg_columns_write(const struct clg_columns *columns, char **text);
/* NULL on failure; path is for the sentence. */
struct clg_columns *clg_columns_read(struct clg_ctx *ctx, const char *path, const char *text,
                                     size_t size);

#endif
