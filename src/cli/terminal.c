#include "cli/terminal.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DEFAULT_WIDTH = 80, PAGE = 100, NAMES = 18, ABOUT_MIN = 20 };

int clg_terminal_width(FILE *stream)
{
    struct winsize size = {0};

    if (!isatty(fileno(stream)))
        return 0;
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col
                                                                        : DEFAULT_WIDTH;
}

bool clg_terminal_rewrites(FILE *stream)
{
    const char *kind = getenv("TERM");

    return isatty(fileno(stream)) && kind && *kind && strcmp(kind, "dumb") != 0;
}

/* ---- what a terminal would obey ---- */

/* The character at *text, which moves past it; -1 for a byte that is not UTF-8. */
static int32_t next_character(const unsigned char **text)
{
    static const int32_t least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *at = *text;
    int more = *at < 0x80 ? 0 : *at >> 5 == 6 ? 1 : *at >> 4 == 14 ? 2 : *at >> 3 == 30 ? 3 : -1;
    int32_t code = more > 0 ? *at & (0x3f >> more) : *at;

    *text = at + 1;
    for (int i = 1; i <= more; i++) {
        if (at[i] >> 6 != 2)
            return -1;
        code = code << 6 | (at[i] & 0x3f);
    }
    if (more < 0 || code < least[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return -1;
    *text = at + 1 + more;
    return code;
}

static bool obeyed(int32_t code)
{
    return (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code <= 0x9f) ||
           code == 0x61c || code == 0x200e || code == 0x200f || /* changes of direction */
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

enum { SHOWN = 8 };

/* The character at *text as it is shown, past which *text moves. json: a byte that is not UTF-8 has
 * no name there, and is replaced. */
static void show(char out[SHOWN], const unsigned char **text, bool json)
{
    const unsigned char *start = *text;
    int32_t code = next_character(text);

    if (code < 0 && json)
        strcpy(out, "\\ufffd");
    else if (code < 0 || (obeyed(code) && code < 0x80 && !json))
        snprintf(out, SHOWN, "\\x%02x", *start);
    else if (obeyed(code))
        snprintf(out, SHOWN, "\\u%04x", (unsigned)code & 0xffff);
    else
        snprintf(out, SHOWN, "%.*s", (int)(*text - start), (const char *)start);
}

static void say(FILE *stream, const char *text, bool json)
{
    const unsigned char *at = (const unsigned char *)text;
    char out[SHOWN];

    while (*at) {
        show(out, &at, json);
        fputs(out, stream);
    }
}

void clg_say(FILE *stream, const char *format, ...)
{
    char few[512], *text = few;
    va_list list, again;
    int length;

    va_start(list, format);
    va_copy(again, list);
    length = vsnprintf(few, sizeof(few), format, list);
    if (length >= (int)sizeof(few)) {
        text = malloc((size_t)length + 1);
        if (text)
            vsnprintf(text, (size_t)length + 1, format, again);
        else
            text = few; /* cut */
    }
    va_end(again);
    va_end(list);
    if (length >= 0)
        say(stream, text, false);
    if (text != few)
        free(text);
}

void clg_say_json(FILE *stream, const char *json)
{
    say(stream, json, true);
}

/* ---- columns ---- */

int clg_columns(const char *text)
{
    int columns = 0;

    for (; *text; text++)
        columns += (*text & 0xc0) != 0x80;
    return columns;
}

void clg_shown(char *out, size_t size, int columns, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t length = 0, fits = 0; /* fits: what leaves room for two points */
    char next[SHOWN];
    int taken = 0;

    *out = '\0';
    while (*at && taken <= columns && length + SHOWN + 2 < size) {
        show(next, &at, false);
        strcpy(out + length, next);
        length += strlen(next);
        taken += clg_columns(next);
        if (taken <= columns - 2)
            fits = length;
    }
    if (*at || taken > columns)
        strcpy(out + fits, "..");
}

/* Bytes of the text's next line, of at most width columns; *skip: of these and the space after. A
 * word longer than that stays whole: names are there to be copied. */
static size_t line_length(const char *text, size_t width, size_t *skip)
{
    size_t length = 0;

    for (size_t i = 0; text[i] && (i < width || !length); i++)
        if (text[i + 1] == ' ' || !text[i + 1])
            length = i + 1;
    *skip = length + strspn(text + length, " ");
    return length;
}

/* column: where the stream stands; the text begins at indent, with left columns a line. */
static void say_wrapped(FILE *stream, int column, int indent, int left, const char *text)
{
    size_t skip;

    for (; *text; text += skip, column = 0) {
        size_t length = line_length(text, (size_t)left, &skip);

        clg_say(stream, "%*s%.*s\n", indent - column, "", (int)length, text);
    }
}

void clg_say_wrapped(FILE *stream, const char *format, ...)
{
    int width = clg_terminal_width(stream);
    char text[2048];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    say_wrapped(stream, 0, 0, width ? width : (int)sizeof(text), text);
}

void clg_say_cut(FILE *stream, const int *ends, const char *format, ...)
{
    int width = clg_terminal_width(stream);
    int cut = *ends;
    char text[512];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    for (; *ends && *ends <= width; ends++)
        cut = *ends;
    clg_say(stream, "%.*s\n", width ? cut : (int)sizeof(text), text);
}

void clg_say_entry(FILE *stream, const char *name, const char *about)
{
    int width = clg_terminal_width(stream), page = width && width < PAGE ? width : PAGE;
    int indent = page >= NAMES + ABOUT_MIN ? NAMES : 4;
    int left = page - indent > ABOUT_MIN ? page - indent : ABOUT_MIN;
    int column = fprintf(stream, "  %s", name);

    if (column > indent - 1) {
        fputc('\n', stream);
        column = 0;
    }
    say_wrapped(stream, column, indent, left, about);
}
