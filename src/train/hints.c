/* What a mistake in a recipe probably comes from. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "train/keys.h"

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* Whether a text is digits, a comma, digits. */
static bool is_decimal_comma(const char *text)
{
    size_t whole, rest;

    text += *text == '+' || *text == '-';
    whole = digits(text);
    if (text[whole] != ',')
        return false;
    rest = digits(text + whole + 1);
    return rest > 0 &&
           strspn(text + whole + 1 + rest, "eE+-0123456789") == strlen(text + whole + 1 + rest);
}

/* The text with another character in place of one; '\0': without it. NULL when memory is short. */
static const char *with(const struct clg_parse *p, const char *text, char from, char to)
{
    char *copy = clg_blocks_print(p->pool, "%.60s", text), *out = copy;

    for (const char *at = copy; at && *at; at++)
        if (*at != from)
            *out++ = *at;
        else if (to)
            *out++ = to;
    if (copy)
        *out = '\0';
    return copy;
}

static const char *write_it(const struct clg_parse *p, const char *why, const char *text)
{
    return text ? clg_blocks_print(p->pool, ": %s: write %s", why, text) : NULL;
}

static const char *hint_octal(const struct clg_parse *p, const char *text)
{
    return clg_blocks_print(p->pool,
                            ": a leading zero is octal to some and decimal to others: "
                            "write %.60s without it",
                            text);
}

static const char *hint_percent(const struct clg_parse *p, const char *text)
{
    double value;
    const char *number = with(p, text, '%', '\0');

    if (!number || !clg_parse_double(number, &value))
        return number ? "" : NULL;
    return clg_blocks_print(p->pool, ": write %g", value / 100);
}

/* What a number begins with ends at *rest; false where no number stands there. */
static bool begins_with_number(const char *text, const char **rest)
{
    char number[40];
    double value;
    size_t length = strspn(text, "+-.0123456789");

    snprintf(number, sizeof(number), "%.*s", (int)length, text);
    *rest = text + length + strspn(text + length, " ");
    return length < sizeof(number) && clg_parse_double(number, &value);
}

/* "10 ms", "8k": letters behind a number, other than an exponent. */
static bool has_unit(const char *text)
{
    const char *rest;
    size_t letters = 0;

    if (!begins_with_number(text, &rest))
        return false;
    while (isalpha((unsigned char)rest[letters]) || (unsigned char)rest[letters] >= 0x80)
        letters++;
    return letters > 0 && !rest[letters] && strcasecmp(rest, "e") != 0;
}

/* Of other characters that look like a minus: U+2010 to U+2015, U+2212, U+FF0D. */
static const char *hint_minus(const struct clg_parse *p, const char *text)
{
    char *copy = clg_blocks_print(p->pool, "%.60s", text), *out = copy;
    bool found = false;
    double value;

    for (const char *at = copy; at && *at; at++) {
        bool dash = strncmp(at, "\xe2\x80", 2) == 0 && at[2] >= '\x90' && at[2] <= '\x95';

        dash = dash || strncmp(at, "\xe2\x88\x92", 3) == 0 || strncmp(at, "\xef\xbc\x8d", 3) == 0;
        *out++ = *at;
        if (dash)
            out[-1] = '-';
        at += dash ? 2 : 0;
        found = found || dash;
    }
    if (copy)
        *out = '\0';
    return found && clg_parse_double(copy, &value)
               ? write_it(p, "its minus is another character", copy)
               : "";
}

/* Of what begins like a number. */
static const char *hint_notation(const struct clg_parse *p, const char *text, const char *must)
{
    const char *after = text + (*text == '+' || *text == '-');
    double value;

    if (strchr(text, '%'))
        return strstr(must, "whole") ? "" : hint_percent(p, text);
    if (has_unit(text))
        return ": a number stands alone, without a unit";
    if (strchr(text, '_') && strspn(after, "0123456789_.") == strlen(after))
        return write_it(p, "digits are not grouped", with(p, text, '_', '\0'));
    if (after[0] == '0' && after[1] && strchr("xXoObB", after[1]))
        return ": numbers are decimal";
    if (after[0] == '0' && digits(after) > 1)
        return hint_octal(p, text);
    if (strchr(text, '#'))
        return ": a space is missing before the #";
    if (strchr(text, '/'))
        return ": a fraction is written as a decimal number";
    if (strspn(text, "+-.0123456789eE") == strlen(text) && strpbrk(text, "eE") &&
        digits(strpbrk(text, "eE") + 1 + strspn(strpbrk(text, "eE") + 1, "+-")) > 0 &&
        (!clg_parse_double(text, &value) || (float)value == 0 || isinf((float)value)))
        return ": as a float32 number it would be 0 or infinite";
    return "";
}

/* Of a comma in a number: it separates decimals, thousands, or the items of a list. */
static const char *hint_comma(const struct clg_parse *p, const char *text, const char *must)
{
    const char *comma = strchr(text, ',');

    if (strncmp(must, "a list", 6) == 0)
        return clg_blocks_print(p->pool, ": write [%.60s]", text);
    if (strncmp(must, "a whole", 7) != 0)
        return write_it(p, "a decimal comma", with(p, text, ',', '.'));
    if (digits(comma + 1) == 3 && !comma[4])
        return write_it(p, "digits are not grouped", with(p, text, ',', '\0'));
    return "";
}

const char *clg_hint_number(const struct clg_parse *p, const struct clg_yaml *node,
                            const char *must)
{
    const char *text = node->text, *hint;
    double value;

    if (node->kind != CLG_YAML_SCALAR || !text[0])
        return "";
    if (node->plain && text[0] >= 'A' && strchr(text, ':') && text[strcspn(text, ":") + 1])
        return ": a space is missing after the colon";
    if (!strstr(must, "number"))
        return "";
    if (!node->plain)
        return clg_parse_double(text, &value) ? ": write it without quotes" : "";
    if (is_decimal_comma(text))
        return hint_comma(p, text, must);
    hint = hint_minus(p, text);
    return hint && !hint[0] && strspn(text, "+-.0123456789") ? hint_notation(p, text, must) : hint;
}

/* "lr:0.1" as "lr: 0.1", in a sentence. */
static const char *split(const struct clg_parse *p, const char *key, size_t at, const char *why)
{
    const char *value = key + at + strspn(key + at, ":= ");

    if (*value == '{' || *value == '[')
        return clg_blocks_print(p->pool, ": %s: write '%.*s: %s'", why, (int)(at < 60 ? at : 60),
                                key, *value == '{' ? "{...}" : "[...]");
    return clg_blocks_print(p->pool, ": %s: write '%.*s: %.60s'", why, (int)(at < 60 ? at : 60),
                            key, value);
}

static bool is_whole_number(const char *text)
{
    text += *text == '+' || *text == '-';
    return digits(text) > 0 && !text[digits(text)];
}

static bool is_name(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '_')
            return false;
    return length > 0;
}

const char *clg_hint_item(const struct clg_parse *p, const struct clg_yaml *before,
                          const struct clg_yaml *item)
{
    if (!before || before->kind != CLG_YAML_SCALAR || item->kind != CLG_YAML_SCALAR ||
        !is_whole_number(before->text) || !digits(item->text) || item->text[digits(item->text)])
        return "";
    return clg_blocks_print(p->pool, ": a decimal comma: write %.30s.%.30s", before->text,
                            item->text);
}

const char *clg_hint_key(const struct clg_parse *p, const struct clg_yaml *child,
                         const struct clg_yaml *before)
{
    const char *key = child->key ? child->key : child->kind == CLG_YAML_SCALAR ? child->text : "";
    size_t word = strcspn(key, ":= "), space = strspn(key + word, " ");
    /* "dropout 0.5", as a layer; "linear {out: 5}" */
    bool is_word = child->kind == CLG_YAML_MAP && !child->first && is_name(key, word);
    bool opens = key[word] == ' ' && (key[word + space] == '{' || key[word + space] == '[') &&
                 is_name(key, word);

    if (word && key[word + space] == ':')
        return split(p, key, word, "a space is missing after the colon");
    if (word && key[word] && (clg_yaml_is_null(child) || is_word || opens))
        return split(p, key, word, "a colon is missing");
    if (before && before->kind == CLG_YAML_SCALAR && is_whole_number(before->text) &&
        clg_yaml_is_null(child) && digits(key) && strspn(key, "eE+-0123456789") == strlen(key))
        return clg_blocks_print(p->pool, ": a decimal comma: write %.30s.%.30s", before->text, key);
    return "";
}
