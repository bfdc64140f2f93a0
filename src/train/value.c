/* Values that have no keys of their own: numbers, words, paths, shapes, lists of these. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "train/keys.h"

const char *clg_parse_join(const struct clg_parse *p, const char *where, const char *name)
{
    return where[0] ? clg_blocks_print(p->pool, "%s.%s", where, name)
                    : clg_blocks_print(p->pool, "%s", name);
}

/* The value in a message: 'abc', or what it is. */
static const char *shown(const struct clg_parse *p, const struct clg_yaml *node)
{
    static const char *const what[] = {"", "a list", "a map"};
    const char *text = what[node->kind];

    if (node->kind == CLG_YAML_SCALAR)
        text = clg_yaml_is_null(node) ? "empty" : clg_blocks_print(p->pool, "'%.200s'", node->text);
    return text ? text : "?";
}

clg_status clg_parse_wrong(const struct clg_parse *p, const struct clg_yaml *node,
                           const char *where, const char *must)
{
    const char *hint = clg_hint_number(p, node, must);

    if (!hint)
        return CLG_ERR_MEMORY;
    return clg_yaml_fail(p->pool->ctx, node, "%s is %s, but must be %s%s", where, shown(p, node),
                         must, hint);
}

#define WORD 64

/* Letters and digits in lower case: BCEWithLogitsLoss is near bce_with_logits. */
static const char *fold(const char *text, char word[WORD])
{
    size_t n = 0;

    for (; *text && n < WORD - 1; text++)
        if (isalnum((unsigned char)*text))
            word[n++] = (char)tolower((unsigned char)*text);
    word[n] = '\0';
    return word;
}

const char *clg_parse_nearest(const char *text, const char *(*name)(const void *list, size_t i),
                              const void *list)
{
    const char *best = NULL, *candidate;
    char word[WORD], other[WORD];
    size_t least = SIZE_MAX;

    for (size_t i = 0; (candidate = name(list, i)); i++) {
        size_t distance = clg_edit_distance(fold(text, word), fold(candidate, other));

        if (distance && (strstr(other, word) || strstr(word, other)))
            distance = 1; /* a part of a longer word: xavier for xavier_uniform */
        if (distance < least || (distance == least && distance == 1 && strstr(word, other) &&
                                 strlen(candidate) > strlen(best))) {
            least = distance;
            best = candidate;
        }
    }
    return best ? best : "";
}

static const char *range_words(enum clg_key_range range)
{
    static const char *const words[] = {"a number", "a number over 0", "a number of at least 0",
                                        "a number from 0 to 1", "a number from 0 to under 1"};

    return words[range];
}

static bool in_range(double value, enum clg_key_range range)
{
    switch (range) {
    case CLG_POSITIVE:
        return value > 0;
    case CLG_NOT_NEGATIVE:
        return value >= 0;
    case CLG_SHARE:
        return value >= 0 && value <= 1;
    case CLG_BELOW_ONE:
        return value >= 0 && value < 1;
    default:
        return true;
    }
}

/* YAML 1.1 reads 010 as 8, YAML 1.2 as 10. */
static bool has_leading_zero(const char *text)
{
    text += *text == '+' || *text == '-';
    return text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

/* Whether a number stays one as float32: neither infinite, nor 0 although it is not. */
static bool fits_float(const char *text, double value)
{
    bool is_zero =
        !text[strcspn(text, "123456789")] || strcspn(text, "123456789") > strcspn(text, "eE");

    return isfinite((float)value) && (is_zero || (float)value != 0);
}

static bool read_int(const struct clg_yaml *node, int64_t *out)
{
    return node->kind == CLG_YAML_SCALAR && node->plain && !has_leading_zero(node->text) &&
           clg_parse_int(node->text, out);
}

static bool read_number(const struct clg_yaml *node, enum clg_key_range range, double *out)
{
    return node->kind == CLG_YAML_SCALAR && node->plain && !has_leading_zero(node->text) &&
           clg_parse_double(node->text, out) && fits_float(node->text, *out) &&
           in_range(*out, range);
}

static clg_status parse_number(const struct clg_parse *p, const struct clg_key *key,
                               struct clg_yaml *node, const char *where, void *field)
{
    if (!read_number(node, key->range, field))
        return clg_parse_wrong(p, node, where, range_words(key->range));
    return CLG_OK;
}

#define INT_LARGEST (INT64_C(1) << 53) /* as far as JSON's numbers are whole */

/* A sign and digits, however many. */
static bool is_digits(const struct clg_yaml *node)
{
    const char *text = node->kind == CLG_YAML_SCALAR && node->plain ? node->text : "";

    text += *text == '+' || *text == '-';
    return *text && !text[strspn(text, "0123456789")];
}

static clg_status parse_int(const struct clg_parse *p, const struct clg_key *key,
                            struct clg_yaml *node, const char *where, void *field)
{
    int64_t *out = field;

    if (is_digits(node) && (!read_int(node, out) || *out > INT_LARGEST || *out < -INT_LARGEST) &&
        !has_leading_zero(node->text))
        return clg_parse_wrong(p, node, where, "a whole number within 2^53, 9007199254740992");
    if (!read_int(node, out) || !in_range((double)*out, key->range))
        return clg_parse_wrong(p, node, where,
                               key->range == CLG_POSITIVE       ? "a whole number over 0"
                               : key->range == CLG_NOT_NEGATIVE ? "a whole number of at least 0"
                                                                : "a whole number");
    return CLG_OK;
}

static clg_status parse_bool(const struct clg_parse *p, const struct clg_key *key,
                             struct clg_yaml *node, const char *where, void *field)
{
    bool is_true = node->kind == CLG_YAML_SCALAR && node->plain && strcmp(node->text, "true") == 0;
    bool is_false =
        node->kind == CLG_YAML_SCALAR && node->plain && strcmp(node->text, "false") == 0;

    (void)key;
    if (!is_true && !is_false)
        return clg_parse_wrong(p, node, where, "true or false");
    *(bool *)field = is_true;
    return CLG_OK;
}

static const char *word_name(const void *list, size_t i)
{
    return ((const char *const *)list)[i];
}

static clg_status parse_word(const struct clg_parse *p, const struct clg_key *key,
                             struct clg_yaml *node, const char *where, void *field)
{
    const char *const *words = key->detail;

    if (node->kind != CLG_YAML_SCALAR)
        return clg_parse_wrong(p, node, where, "a word");
    for (size_t i = 0; words[i]; i++)
        if (strcmp(words[i], node->text) == 0) {
            *(const char **)field = words[i];
            return CLG_OK;
        }
    return clg_yaml_fail(p->pool->ctx, node, "%s '%.100s' is not known; the nearest is '%s'", where,
                         node->text, clg_parse_nearest(node->text, word_name, words));
}

static clg_status parse_text(const struct clg_parse *p, const struct clg_key *key,
                             struct clg_yaml *node, const char *where, void *field)
{
    (void)key;
    if (node->kind != CLG_YAML_SCALAR || !node->text[0])
        return clg_parse_wrong(p, node, where, "a text");
    *(const char **)field = node->text;
    return CLG_OK;
}

static clg_status parse_path(const struct clg_parse *p, const struct clg_key *key,
                             struct clg_yaml *node, const char *where, void *field)
{
    const char *folder = key->type == CLG_KEY_DATA_PATH ? p->folders->data : p->folders->recipe;

    if (node->kind != CLG_YAML_SCALAR || !node->text[0])
        return clg_parse_wrong(p, node, where, "the name of a file");
    if (node->text[0] != '/')
        node->text = clg_blocks_print(p->pool, "%s/%s", folder, node->text);
    *(const char **)field = node->text;
    return node->text ? CLG_OK : CLG_ERR_MEMORY;
}

/* A bare value as a list of one. */
static clg_status make_list(const struct clg_parse *p, struct clg_yaml *node)
{
    struct clg_yaml *item;

    if (node->kind != CLG_YAML_SCALAR)
        return CLG_OK;
    item = clg_yaml_scalar(p->pool, node->origin, node->line, node->text);
    if (!item)
        return CLG_ERR_MEMORY;
    item->plain = node->plain;
    node->kind = CLG_YAML_LIST;
    clg_yaml_add(node, NULL, item);
    return CLG_OK;
}

static clg_status parse_shape(const struct clg_parse *p, const struct clg_key *key,
                              struct clg_yaml *node, const char *where, void *field)
{
    static const char must[] = "a list of 1 to 7 whole numbers over 0";
    clg_shape *shape = field;
    int64_t values = 1;

    (void)key;
    CLG_TRY(make_list(p, node));
    if (node->kind != CLG_YAML_LIST || !node->first || clg_yaml_count(node) >= CLG_MAX_RANK)
        return clg_parse_wrong(p, node, where, must);
    for (struct clg_yaml *child = node->first; child; child = child->next) {
        int64_t *dim = &shape->dim[shape->rank];

        if (!read_int(child, dim) || *dim < 1)
            return clg_parse_wrong(p, child, where, must);
        if (*dim > INT32_MAX / values)
            return clg_parse_wrong(p, child, where, "so small that a sample has under 2^31 values");
        values *= *dim;
        shape->rank++;
    }
    return CLG_OK;
}

static clg_status wrong_item(const struct clg_parse *p, const struct clg_yaml *before,
                             const struct clg_yaml *item, const char *where,
                             enum clg_key_range range)
{
    const char *hint = clg_hint_item(p, before, item);
    const char *must = hint ? clg_blocks_print(p->pool, "%s%s", range_words(range), hint) : NULL;

    return must ? clg_parse_wrong(p, item, where, must) : CLG_ERR_MEMORY;
}

static clg_status parse_numbers(const struct clg_parse *p, const struct clg_key *key,
                                struct clg_yaml *node, const char *where, void *field)
{
    struct clg_numbers *numbers = field;
    struct clg_yaml *child = node->kind == CLG_YAML_LIST ? node->first : node;
    size_t count = node->kind == CLG_YAML_LIST ? clg_yaml_count(node) : 1;

    if (count == 0)
        return clg_parse_wrong(p, node, where, "a number or a list of numbers");
    numbers->items = clg_blocks_new(p->pool, count, sizeof(*numbers->items));
    if (!numbers->items)
        return CLG_ERR_MEMORY;
    for (const struct clg_yaml *before = NULL; numbers->count < count;
         before = child, child = child->next)
        if (!read_number(child, key->range, &numbers->items[numbers->count++]))
            return wrong_item(p, before, child, where, key->range);
    return CLG_OK;
}

static clg_status parse_texts(const struct clg_parse *p, const struct clg_key *key,
                              struct clg_yaml *node, const char *where, void *field)
{
    const char **texts;
    size_t i = 0;

    (void)key;
    CLG_TRY(make_list(p, node));
    if (node->kind != CLG_YAML_LIST)
        return clg_parse_wrong(p, node, where, "a list of words");
    texts = clg_blocks_new(p->pool, clg_yaml_count(node) + 1, sizeof(*texts));
    if (!texts)
        return CLG_ERR_MEMORY;
    for (struct clg_yaml *child = node->first; child; child = child->next) {
        if (child->kind != CLG_YAML_SCALAR || !child->text[0] || clg_yaml_is_null(child))
            return clg_parse_wrong(p, child, where, "a word");
        texts[i++] = child->text;
    }
    *(const char ***)field = texts;
    return CLG_OK;
}

clg_status clg_value_parse(const struct clg_parse *p, const struct clg_key *key,
                           struct clg_yaml *node, const char *where, void *field)
{
    static clg_status (*const parse[])(const struct clg_parse *, const struct clg_key *,
                                       struct clg_yaml *, const char *, void *) = {
        [CLG_KEY_INT] = parse_int,        [CLG_KEY_NUMBER] = parse_number,
        [CLG_KEY_BOOL] = parse_bool,      [CLG_KEY_WORD] = parse_word,
        [CLG_KEY_DATA_PATH] = parse_path, [CLG_KEY_RECIPE_PATH] = parse_path,
        [CLG_KEY_SHAPE] = parse_shape,    [CLG_KEY_NUMBERS] = parse_numbers,
        [CLG_KEY_TEXTS] = parse_texts,    [CLG_KEY_TEXT] = parse_text,
    };

    return parse[key->type](p, key, node, where, field);
}
