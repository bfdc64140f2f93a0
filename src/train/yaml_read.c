/* libyaml's events into a tree. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "train/yaml.h"

#define DEPTH_LIMIT 40

struct reader {
    struct clg_blocks *pool;
    const char *origin;
    bool lines;
    yaml_parser_t parser;
    const char *text, *end;
    clg_status status;
};

static int line_of(const struct reader *reader, yaml_mark_t mark)
{
    return reader->lines ? (int)mark.line + 1 : 0;
}

/* Fails at a place of the text. */
static void reader_fail(struct reader *reader, yaml_mark_t mark, const char *what)
{
    struct clg_yaml place = {.origin = reader->origin, .line = line_of(reader, mark)};

    if (reader->status == CLG_OK)
        reader->status = clg_yaml_fail(reader->pool->ctx, &place, "%s", what);
}

/* The text from the beginning of a line, counted from 0. */
static const char *find_line(const struct reader *reader, size_t line)
{
    const char *at = reader->text;

    for (; line > 0 && at < reader->end; at++)
        line -= *at == '\n' || (*at == '\r' && at + 1 < reader->end && at[1] != '\n');
    return at;
}

static bool has_tab_before(const struct reader *reader, size_t line)
{
    const char *at = find_line(reader, line);

    while (at < reader->end && *at == ' ')
        at++;
    return at < reader->end && *at == '\t';
}

static bool in_word(const struct reader *reader, const char *at)
{
    return at < reader->end && (isalnum((unsigned char)*at) || *at == '_' || *at == '.');
}

/* Whether a brace or bracket in a line follows a word: "sgd {lr: 0.1}". */
static bool opens_after_word(const struct reader *reader, const char *at)
{
    bool word = false;

    for (; at < reader->end && *at != '\n' && *at != '#'; at++) {
        if ((*at == '{' || *at == '[') && word)
            return true;
        if (*at != ' ')
            word = in_word(reader, at);
    }
    return false;
}

/* What is missing in a line: libyaml complains of it there or later. "word:more", "-word",
 * "word more", "word {more}". */
static const char *missing_in(const struct reader *reader, size_t line)
{
    const char *start = find_line(reader, line), *at = start, *word;
    bool item;

    while (at < reader->end && *at == ' ')
        at++;
    item = at < reader->end && *at == '-';
    if (item && isalpha((unsigned char)at[1]))
        return ": a space is missing after the dash";
    while (at < reader->end && (*at == ' ' || *at == '-'))
        at++;
    for (word = at; in_word(reader, at);)
        at++;
    if (at + 1 < reader->end && *at == ':' && !isspace((unsigned char)at[1]))
        return ": a space is missing after the colon";
    if (opens_after_word(reader, start))
        return ": a colon is missing";
    while (at > word && at < reader->end && (*at == ' ' || *at == '='))
        at++;
    return !item && at > word && (at == reader->end || *at == '\n' || in_word(reader, at))
               ? ": a colon is missing"
               : "";
}

/* libyaml's complaints in other words. */
static const char *in_other_words(const yaml_parser_t *parser)
{
    static const char *const words[][2] = {
        {"did not find expected ',' or '}'", ": a comma or colon is missing, or the } at its end"},
        {"did not find expected ',' or ']'", ": a comma is missing, or the ] at its end"},
        {"mapping values are not allowed in this context",
         ": this line is indented too far, or has a colon too many"},
        {"did not find expected key",
         ": this line is not indented as those around it, or goes on after its end"},
        {"did not find expected '-' indicator", ": this line is not indented as those around it"},
        {"found unexpected end of stream", ": a quote is not closed"},
    };

    for (size_t i = 0; parser->problem && i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(parser->problem, words[i][0]) == 0)
            return words[i][1];
    return "";
}

/* What libyaml says, and what it probably comes from. */
static void fail_syntax(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    yaml_mark_t mark = parser->error == YAML_READER_ERROR ? parser->mark : parser->problem_mark;
    size_t lines[3] = {mark.line, mark.line - (mark.line > 0), parser->context_mark.line};
    const char *hint = "";
    char what[300];

    if (has_tab_before(reader, mark.line))
        hint = ": the line begins with a tab, but YAML is indented with spaces";
    for (size_t i = 0; !hint[0] && i < (parser->context ? 3u : 2u); i++)
        if (*(hint = missing_in(reader, lines[i])))
            mark.line = lines[i];
    if (!hint[0])
        hint = in_other_words(parser);
    snprintf(what, sizeof(what), "this is not YAML: %s%s",
             parser->problem ? parser->problem : "out of memory", hint);
    reader_fail(reader, mark, what);
}

static bool next_event(struct reader *reader, yaml_event_t *event)
{
    if (yaml_parser_parse(&reader->parser, event))
        return true;
    fail_syntax(reader);
    return false;
}

static struct clg_yaml *read_node(struct reader *reader, const yaml_event_t *event, int depth);

static struct clg_yaml *read_scalar(struct reader *reader, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    struct clg_yaml *node;

    if (strlen(text) != event->data.scalar.length) {
        reader_fail(reader, event->start_mark, "a value contains a zero byte");
        return NULL;
    }
    node = clg_yaml_scalar(reader->pool, reader->origin, line_of(reader, event->start_mark), text);
    if (!node)
        reader->status = CLG_ERR_MEMORY;
    else
        node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return node;
}

/* Reads the key of a map's next entry from its event. */
static const char *read_key(struct reader *reader, const yaml_event_t *event)
{
    const struct clg_yaml *key;

    if (event->type != YAML_SCALAR_EVENT) {
        reader_fail(reader, event->start_mark, "a key must be a word");
        return NULL;
    }
    key = read_scalar(reader, event);
    return key ? key->text : NULL;
}

/* Reads a child (in a map: with its key) that starts with the event. */
static bool read_child(struct reader *reader, struct clg_yaml *parent, const yaml_event_t *start,
                       int depth)
{
    struct clg_yaml *child;
    const char *key = NULL;
    yaml_event_t value;

    if (parent->kind == CLG_YAML_LIST) {
        child = read_node(reader, start, depth);
    } else {
        key = read_key(reader, start);
        if (!key || !next_event(reader, &value))
            return false;
        child = read_node(reader, &value, depth);
        yaml_event_delete(&value);
    }
    if (child)
        clg_yaml_add(parent, key, child);
    return child != NULL;
}

static int by_key(const void *a, const void *b)
{
    const struct clg_yaml *x = *(const struct clg_yaml *const *)a;
    const struct clg_yaml *y = *(const struct clg_yaml *const *)b;
    int order = strcmp(x->key, y->key);

    return order ? order : x->line - y->line;
}

/* Refuses a map that has a key twice; sorted, because maps may be long. */
static bool check_keys(struct reader *reader, const struct clg_yaml *map)
{
    struct clg_ctx *ctx = reader->pool->ctx;
    size_t count = clg_yaml_count(map), n = 0;
    const struct clg_yaml **sorted = clg_new(ctx, count, sizeof(*sorted)), *twice = NULL;

    if (!sorted) {
        reader->status = CLG_ERR_MEMORY;
        return false;
    }
    for (const struct clg_yaml *child = map->first; child; child = child->next)
        sorted[n++] = child;
    qsort(sorted, n, sizeof(*sorted), by_key);
    for (size_t i = 1; i < n && !twice; i++)
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
            twice = sorted[i];
    clg_free(ctx, sorted);
    if (twice)
        reader->status = clg_yaml_fail(ctx, twice, "the key '%.100s' is there twice", twice->key);
    return !twice;
}

static struct clg_yaml *read_children(struct reader *reader, const yaml_event_t *start, int depth)
{
    struct clg_yaml *node =
        clg_yaml_map(reader->pool, reader->origin, line_of(reader, start->start_mark));
    yaml_event_t event;
    bool more = true;

    if (!node) {
        reader->status = CLG_ERR_MEMORY;
        return NULL;
    }
    if (start->type == YAML_SEQUENCE_START_EVENT)
        node->kind = CLG_YAML_LIST;
    while (more) {
        if (!next_event(reader, &event))
            return NULL;
        more = event.type != YAML_SEQUENCE_END_EVENT && event.type != YAML_MAPPING_END_EVENT;
        if (more && !read_child(reader, node, &event, depth + 1))
            node = NULL;
        yaml_event_delete(&event);
        if (!node)
            return NULL;
    }
    return node->kind == CLG_YAML_LIST || check_keys(reader, node) ? node : NULL;
}

/* Whether a value has an anchor or a tag: ignored, they would mean nothing without a word. */
static bool is_decorated(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor || event->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor || event->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor || event->data.mapping_start.tag;
    default:
        return false;
    }
}

static struct clg_yaml *read_node(struct reader *reader, const yaml_event_t *event, int depth)
{
    if (depth > DEPTH_LIMIT) {
        reader_fail(reader, event->start_mark, "lists and maps lie too deep in each other");
        return NULL;
    }
    if (is_decorated(event)) {
        reader_fail(reader, event->start_mark,
                    "anchors (&name) and tags (!name) are not supported");
        return NULL;
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return read_children(reader, event, depth);
    case YAML_ALIAS_EVENT:
        reader_fail(reader, event->start_mark, "aliases (*name) are not supported");
        return NULL;
    default:
        reader_fail(reader, event->start_mark, "a value is missing");
        return NULL;
    }
}

/* Reads the document, and that nothing follows it. */
static struct clg_yaml *read_stream(struct reader *reader)
{
    struct clg_yaml *root = NULL;
    yaml_event_t event;
    bool more = true;

    while (more && reader->status == CLG_OK) {
        if (!next_event(reader, &event))
            return NULL;
        more = event.type != YAML_STREAM_END_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT && root)
            reader_fail(reader, event.start_mark, "a second document starts here; one is expected");
        else if (more && event.type != YAML_STREAM_START_EVENT &&
                 event.type != YAML_DOCUMENT_START_EVENT && event.type != YAML_DOCUMENT_END_EVENT)
            root = read_node(reader, &event, 0);
        yaml_event_delete(&event);
    }
    if (!root && reader->status == CLG_OK)
        root = clg_yaml_scalar(reader->pool, reader->origin, reader->lines ? 1 : 0, "");
    return reader->status == CLG_OK ? root : NULL;
}

struct clg_yaml *clg_yaml_parse(struct clg_blocks *pool, const char *origin, bool lines,
                                const char *text, size_t size)
{
    struct reader reader = {
        .pool = pool, .origin = origin, .lines = lines, .text = text, .end = text + size};
    struct clg_yaml *root;

    if (!yaml_parser_initialize(&reader.parser)) {
        clg_fail(pool->ctx, CLG_ERR_MEMORY, "out of memory while reading '%s'", origin);
        return NULL;
    }
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, size);
    root = read_stream(&reader);
    yaml_parser_delete(&reader.parser);
    return root;
}
