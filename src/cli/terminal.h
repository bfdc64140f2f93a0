/* What a person's terminal shows, and what must not reach it. */
#ifndef CLG_CLI_TERMINAL_H
#define CLG_CLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/* Columns of the terminal that the stream goes to, 80 where it does not say; 0: not a terminal. */
int clg_terminal_width(FILE *stream);
/* Whether the stream goes to a terminal on which a line can be written over: not TERM=dumb. */
bool clg_terminal_rewrites(FILE *stream);

/* printf for text with words from files, drivers or arguments: what a terminal would obey instead
 * of showing (control characters but line feed and tab, C1 controls, changes of direction, bytes
 * that are not UTF-8) comes out as \x1b, \u009b. */
void clg_say(FILE *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for JSON of one line, where such characters stand in strings only: as \u009b, so that
 * what is read back is the same. */
void clg_say_json(FILE *stream, const char *json);

/* How many columns a UTF-8 text takes, a character one. */
int clg_columns(const char *text);
/* The text as clg_say() shows it, in a buffer of size bytes (over 12): at most so many columns,
 * with two points where it was cut. */
void clg_shown(char *out, size_t size, int columns, const char *text);

/* clg_say() of a table's line, cut on a terminal after the last column that fits; ends: where
 * columns end, ascending, 0 after the last. */
void clg_say_cut(FILE *stream, const int *ends, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* clg_say() of a line, broken between words where the terminal ends; a line feed is added. */
void clg_say_wrapped(FILE *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A name, and beside it what it means, in at most 100 columns. */
void clg_say_entry(FILE *stream, const char *name, const char *about);

#endif
