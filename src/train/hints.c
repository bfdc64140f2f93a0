/* What a mistake in a recipe probably comes from. */
#include <math.h>
#include <string.h>

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

/* Of what begins like a number. */
static const char *hint_notation(const struct clg_parse *p, const char *text)
{
    const char *after = text + (*text == '+' || *text == '-');
    double value;

    if (strchr(text, '%'))
        return hint_percent(p, text);
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
    const char *text = node->text;
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
    return strspn(text, "+-.0123456789") ? hint_notation(p, text) : "";
}

/* "lr:0.1" as "lr: 0.1", in a sentence. */
static const char *split(const struct clg_parse *p, const char *key, size_t at, const char *why)
{
    const char *value = key + at + strspn(key + at, ":= ");

    return clg_blocks_print(p->pool, ": %s: write '%.*s: %.60s'", why, (int)(at < 60 ? at : 60),
                            key, value);
}

static bool is_whole_number(const char *text)
{
    text += *text == '+' || *text == '-';
    return digits(text) > 0 && !text[digits(text)];
}

const char *clg_hint_key(const struct clg_parse *p, const struct clg_yaml *child,
                         const struct clg_yaml *before)
{
    const char *key = child->key ? child->key : child->kind == CLG_YAML_SCALAR ? child->text : "";
    size_t word = strcspn(key, ":= "), space = strspn(key + word, " ");

    if (word && key[word + space] == ':')
        return split(p, key, word, "a space is missing after the colon");
    if (word && key[word] && clg_yaml_is_null(child))
        return split(p, key, word, "a colon is missing");
    if (before && before->kind == CLG_YAML_SCALAR && is_whole_number(before->text) &&
        clg_yaml_is_null(child) && digits(key) && strspn(key, "eE+-0123456789") == strlen(key))
        return clg_blocks_print(p->pool, ": a decimal comma: write %.30s.%.30s", before->text, key);
    return "";
}
