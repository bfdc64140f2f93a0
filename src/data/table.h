/* Tables of text: what a CSV file holds, before anything is made of it. */
#ifndef CLG_DATA_TABLE_H
#define CLG_DATA_TABLE_H

#include "base/context.h"
#include "base/text.h"

struct clg_table {
    struct clg_ctx *ctx;
    char *path;
    size_t columns;
    int64_t rows;           /* without the one that names the columns */
    struct clg_text text;   /* all cells, each ended by a zero byte */
    CLG_VEC(size_t) cells;  /* where each begins; row by row, the names first */
    CLG_VEC(int64_t) lines; /* of the file, where each row begins; the names first */
};

/* Reads a file with a line of names, plain or compressed by gzip (RFC 4180; spaces round fields
 * that are not quoted do not count, empty lines neither). delimiter: between fields; 0: a tab in
 * .tsv and .tsv.gz, else a comma. NULL on failure. */
struct clg_table *clg_table_read(struct clg_ctx *ctx, const char *path, char delimiter);
void clg_table_destroy(struct clg_table *table); /* NULL is accepted */

const char *clg_table_name(const struct clg_table *table, size_t column);
const char *clg_table_cell(const struct clg_table *table, int64_t row, size_t column);
/* Whether a cell stands for nothing: empty, NA, NaN, nan or ?. */
bool clg_is_missing(const char *cell);

/* The column of a name. Fails with the nearest one. */
clg_status clg_table_find(const struct clg_table *table, const char *name, size_t *column);
bool clg_table_has(const struct clg_table *table, const char *name, size_t *column);

/* "'FILE', line N: the column 'NAME' is 'CELL', but must be MUST". */
clg_status clg_table_wrong(const struct clg_table *table, int64_t row, size_t column,
                           const char *must);

#endif
