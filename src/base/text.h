/* Growing strings, and parsing and printing of numbers that no locale changes. */
#ifndef CLG_BASE_TEXT_H
#define CLG_BASE_TEXT_H

#include "base/context.h"

/* A growing string; failed stays true after memory was short, and then data may be cut. */
struct clg_text {
    struct clg_ctx *ctx;
    char *data; /* "" terminated once anything was added; NULL before */
    size_t length, capacity;
    bool failed;
};

void clg_text_add(struct clg_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void clg_text_append(struct clg_text *text, const char *data, size_t length);
void clg_text_finish(struct clg_text *text);

/* "(256, 784)"; a multiple of the batch prints as "35*batch". Returns buffer. */
struct clg_shape;
#define CLG_SHAPE_TEXT 160
const char *clg_shape_text(const struct clg_shape *shape, char buffer[CLG_SHAPE_TEXT]);

/* A decimal number that fills the whole string; false otherwise. The decimal point is always a point. */
bool clg_parse_double(const char *s, double *out);
bool clg_parse_int(const char *s, int64_t *out);
/* %.9g with a point whatever the locale; for floats it reads back the same bits. */
const char *clg_format_float(float value, char buffer[32]);
/* The shortest decimal number that is read as this float: 0.1 of 0.1f. */
double clg_decimal_of(float value);

/* Shell-like pattern with * and ?. */
bool clg_match(const char *pattern, const char *s);

/* Number of single-character edits between two words (Levenshtein), for "did you mean". */
size_t clg_edit_distance(const char *a, const char *b);

#endif
