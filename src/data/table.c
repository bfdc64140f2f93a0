#include "data/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#if CLG_HAVE_CSV
#include <csv.h>
#include <jansson.h>
#endif

#include "base/magic.h"
#include "data/stream.h"

const char *clg_table_name(const struct clg_table *table, size_t column)
{
    return table->text.data + table->cells.items[column];
}

const char *clg_table_cell(const struct clg_table *table, int64_t row, size_t column)
{
    return table->text.data + table->cells.items[((size_t)row + 1) * table->columns + column];
}

bool clg_is_missing(const char *cell)
{
    static const char *const words[] = {"", "NA", "NaN", "nan", "?"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i], cell) == 0)
            return true;
    return false;
}

bool clg_table_has(const struct clg_table *table, const char *name, size_t *column)
{
    for (*column = 0; *column < table->columns; ++*column)
        if (strcmp(clg_table_name(table, *column), name) == 0)
            return true;
    return false;
}

static const char *nearest_name(const struct clg_table *table, const char *name)
{
    size_t least = SIZE_MAX, distance;
    const char *best = "";

    for (size_t i = 0; i < table->columns; i++) {
        distance = clg_edit_distance(name, clg_table_name(table, i));
        if (distance < least) {
            least = distance;
            best = clg_table_name(table, i);
        }
    }
    return best;
}

clg_status clg_table_find(const struct clg_table *table, const char *name, size_t *column)
{
    const char *only = clg_table_name(table, 0), *other = strpbrk(only, ";\t|,");

    if (clg_table_has(table, name, column))
        return CLG_OK;
    if (table->columns == 1 && other)
        return clg_fail(table->ctx, CLG_ERR_FORMAT,
                        "'%s' has no column '%.100s' but the one column '%.100s': if that is "
                        "several, delimiter: \"%s\" names what is between them",
                        table->path, name, only, *other == '\t' ? "\\t" : (char[]){*other, 0});
    return clg_fail(table->ctx, CLG_ERR_FORMAT,
                    "'%s' has no column '%.100s'; the nearest of its %zu is '%.100s' (its first "
                    "line names them)",
                    table->path, name, table->columns, nearest_name(table, name));
}

clg_status clg_table_wrong(const struct clg_table *table, int64_t row, size_t column,
                           const char *must)
{
    return clg_fail(table->ctx, CLG_ERR_FORMAT,
                    "'%s', line %" PRId64 ": the column '%.100s' is '%.100s', but must be %s",
                    table->path, table->lines.items[row + 1], clg_table_name(table, column),
                    clg_table_cell(table, row, column), must);
}

void clg_table_destroy(struct clg_table *table)
{
    if (!table)
        return;
    clg_text_finish(&table->text);
    clg_free(table->ctx, table->cells.items);
    clg_free(table->ctx, table->lines.items);
    clg_free(table->ctx, table->path);
    clg_free(table->ctx, table);
}

#if CLG_HAVE_CSV

struct reading {
    struct clg_table *table;
    clg_status status;
    int64_t line;   /* that is being read, from 1 */
    int64_t begins; /* line where the row begins; 0: before its first field */
    size_t fields;  /* of the row so far */
};

static void note_failure(struct reading *r, clg_status status)
{
    if (r->status == CLG_OK)
        r->status = status;
}

static int64_t count_lines(const char *text, size_t size)
{
    int64_t lines = 0;

    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    return lines;
}

/* Text of other encodings would be written to a run's folder, which is JSON. */
static bool is_utf8(const char *text, size_t size)
{
    json_t *string;

    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] >= 0x80) {
            string = json_stringn(text, size);
            json_decref(string);
            return string != NULL;
        }
    return true;
}

static void add_field(void *data, size_t size, void *user)
{
    struct reading *r = user;
    struct clg_table *table = r->table;
    size_t *cell;

    if (r->status != CLG_OK)
        return;
    if (!r->begins)
        r->begins = r->line - count_lines(data, size);
    if (memchr(data, '\0', size)) {
        note_failure(r, clg_fail(table->ctx, CLG_ERR_FORMAT,
                                 "'%s', line %" PRId64 ": a zero byte, which no text has: it is "
                                 "damaged, or another kind of file",
                                 table->path, r->line));
        return;
    }
    if (!is_utf8(data, size)) {
        note_failure(r,
                     clg_fail(table->ctx, CLG_ERR_FORMAT,
                              "'%s', line %" PRId64 ": text that is not UTF-8; iconv -f latin1 -t "
                              "utf-8 rewrites what older programs wrote",
                              table->path, r->line));
        return;
    }
    cell = CLG_PUSH(table->ctx, table->cells);
    if (cell)
        *cell = table->text.length;
    clg_text_append(&table->text, data, size);
    clg_text_append(&table->text, "", 1);
    if (!cell || table->text.failed)
        note_failure(r, CLG_ERR_MEMORY);
    r->fields++;
}

static bool is_blank(const struct reading *r)
{
    const struct clg_table *table = r->table;

    return r->fields == 1 && table->columns > 1 &&
           !table->text.data[table->cells.items[table->cells.count - 1]];
}

static clg_status end_names(struct clg_table *table, size_t fields)
{
    size_t other;

    table->columns = fields;
    for (size_t i = 0; i < fields; i++) {
        clg_table_has(table, clg_table_name(table, i), &other);
        if (other != i && clg_table_name(table, i)[0])
            return clg_fail(table->ctx, CLG_ERR_FORMAT,
                            "'%s' has two columns '%.100s', %zu and %zu: the first line must give "
                            "each a name of its own",
                            table->path, clg_table_name(table, i), other + 1, i + 1);
    }
    return CLG_OK;
}

static void end_row(int character, void *user)
{
    struct reading *r = user;
    struct clg_table *table = r->table;
    int64_t *line;

    (void)character;
    if (r->status != CLG_OK)
        return;
    if (is_blank(r)) {
        table->cells.count--;
    } else {
        line = CLG_PUSH(table->ctx, table->lines);
        if (line)
            *line = r->begins;
        else
            note_failure(r, CLG_ERR_MEMORY);
        if (!table->columns)
            note_failure(r, end_names(table, r->fields));
        else if (r->fields != table->columns)
            note_failure(r, clg_fail(table->ctx, CLG_ERR_FORMAT,
                                     "'%s', line %" PRId64 " has %zu fields, but the first line "
                                     "names %zu columns",
                                     table->path, r->begins, r->fields, table->columns));
        else if (++table->rows > INT32_MAX)
            note_failure(
                r, clg_fail(table->ctx, CLG_ERR_LIMIT, "'%s' has 2^31 rows or more", table->path));
    }
    r->fields = 0;
    r->begins = 0;
}

static clg_status parse_failed(const struct reading *r, struct csv_parser *parser)
{
    if (csv_error(parser) == CSV_EPARSE)
        return clg_fail(r->table->ctx, CLG_ERR_FORMAT,
                        "'%s', line %" PRId64
                        ": a quote inside a field: a field with quotes stands "
                        "in quotes as a whole, with those in it doubled",
                        r->table->path, r->line);
    return clg_fail(r->table->ctx, CLG_ERR_MEMORY, "out of memory for '%s'", r->table->path);
}

/* Hands text to the parser a line at a time, so that what it finds has a line. */
static clg_status parse(struct reading *r, struct csv_parser *parser, const char *text, size_t size)
{
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t part = end ? (size_t)(end - text) + 1 : size;

        if (csv_parse(parser, text, part, add_field, end_row, r) != part)
            return parse_failed(r, parser);
        CLG_TRY(r->status);
        r->line += end != NULL;
        text += part;
        size -= part;
    }
    return CLG_OK;
}

static clg_status finish_parsing(struct reading *r, struct csv_parser *parser)
{
    const struct clg_table *table = r->table;
    int64_t last = table->lines.count ? table->lines.items[table->lines.count - 1] : 0;

    if (csv_fini(parser, add_field, end_row, r) != 0)
        return clg_fail(table->ctx, CLG_ERR_FORMAT,
                        "'%s' ends inside a quoted field, in the row after line %" PRId64
                        ": a quote is missing, or the file is cut off",
                        table->path, last);
    CLG_TRY(r->status);
    if (table->rows == 0)
        return clg_fail(table->ctx, CLG_ERR_FORMAT,
                        "'%s' has no rows: it needs a line that names the columns, and a line for "
                        "each sample",
                        table->path);
    return CLG_OK;
}

static int is_space(unsigned char c)
{
    return c == ' ';
}

/* The first part of a file: refused when it is that of another kind, and without its mark. */
static clg_status look_at_head(const struct clg_table *table, const char **text, size_t *size)
{
    CLG_TRY(clg_magic_check(table->ctx, table->path, *text,
                            *size < CLG_MAGIC_SIZE ? *size : CLG_MAGIC_SIZE, CLG_READS_TABLE));
    if (*size >= 3 && memcmp(*text, "\xef\xbb\xbf", 3) == 0) {
        *text += 3;
        *size -= 3;
    }
    return CLG_OK;
}

#define CHUNK (64u * 1024u)

static clg_status read_all(struct reading *r, struct csv_parser *parser, struct clg_stream *stream,
                           char *chunk)
{
    bool first = true;
    const char *text;
    size_t size;

    do {
        size = clg_stream_read_some(stream, chunk, CHUNK);
        text = chunk;
        if (clg_stream_error(stream)[0])
            return clg_fail(r->table->ctx, CLG_ERR_FORMAT, "%s", clg_stream_error(stream));
        if (first)
            CLG_TRY(look_at_head(r->table, &text, &size));
        CLG_TRY(parse(r, parser, text, size));
        first = false;
    } while (text + size == chunk + CHUNK);
    return finish_parsing(r, parser);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);

    return length >= size && strcmp(text + length - size, end) == 0;
}

static clg_status read_table(struct clg_table *table, char delimiter)
{
    struct reading r = {.table = table, .line = 1};
    struct clg_stream *stream = clg_stream_open(table->ctx, table->path);
    char *chunk = stream ? clg_new(table->ctx, CHUNK, 1) : NULL;
    struct csv_parser parser;
    clg_status status;

    if (!chunk || csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) {
        clg_stream_close(stream);
        clg_free(table->ctx, chunk);
        return clg_error_status(table->ctx);
    }
    if (!delimiter)
        delimiter =
            ends_with(table->path, ".tsv") || ends_with(table->path, ".tsv.gz") ? '\t' : ',';
    csv_set_delim(&parser, (unsigned char)delimiter);
    csv_set_space_func(&parser, is_space);
    status = read_all(&r, &parser, stream, chunk);
    csv_free(&parser);
    clg_stream_close(stream);
    clg_free(table->ctx, chunk);
    return status;
}

#else

static clg_status read_table(struct clg_table *table, char delimiter)
{
    (void)delimiter;
    return clg_fail(table->ctx, CLG_ERR_UNSUPPORTED,
                    "'%s': CSV files are read with libcsv, which this clgrad was built without "
                    "(Debian's package is libcsv-dev)",
                    table->path);
}

#endif

struct clg_table *clg_table_read(struct clg_ctx *ctx, const char *path, char delimiter)
{
    struct clg_table *table = clg_new(ctx, 1, sizeof(*table));

    if (!table)
        return NULL;
    table->ctx = table->text.ctx = ctx;
    table->path = clg_strdup(ctx, path);
    if (table->path && read_table(table, delimiter) == CLG_OK)
        return table;
    clg_table_destroy(table);
    return NULL;
}
