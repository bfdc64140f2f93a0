#include "train/yaml.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

struct clg_yaml *clg_yaml_scalar(struct clg_blocks *pool, const char *origin, int line,
                                 const char *text)
{
    struct clg_yaml *node = clg_blocks_new(pool, 1, sizeof(*node));

    if (!node)
        return NULL;
    *node = (struct clg_yaml){CLG_YAML_SCALAR, .origin = origin, .line = line, .plain = true};
    node->text = clg_blocks_print(pool, "%s", text);
    return node->text ? node : NULL;
}

struct clg_yaml *clg_yaml_map(struct clg_blocks *pool, const char *origin, int line)
{
    struct clg_yaml *node = clg_blocks_new(pool, 1, sizeof(*node));

    if (node)
        *node = (struct clg_yaml){CLG_YAML_MAP, .origin = origin, .line = line};
    return node;
}

void clg_yaml_add(struct clg_yaml *parent, const char *key, struct clg_yaml *child)
{
    child->key = key;
    child->next = NULL;
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
}

struct clg_yaml *clg_yaml_find(const struct clg_yaml *map, const char *key)
{
    for (struct clg_yaml *child = map->first; child; child = child->next)
        if (child->key && strcmp(child->key, key) == 0)
            return child;
    return NULL;
}

size_t clg_yaml_count(const struct clg_yaml *node)
{
    size_t count = 0;

    for (const struct clg_yaml *child = node->first; child; child = child->next)
        count++;
    return count;
}

bool clg_yaml_is_null(const struct clg_yaml *node)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

    if (node->kind != CLG_YAML_SCALAR || !node->plain)
        return false;
    for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
        if (strcmp(node->text, nulls[i]) == 0)
            return true;
    return false;
}

uint64_t clg_yaml_hash(uint64_t hash, const struct clg_yaml *node, const char *const *without)
{
    if (!node)
        return hash;
    hash = clg_hash_bytes(hash, &"sml"[node->kind], 1);
    if (node->kind == CLG_YAML_SCALAR)
        return clg_hash_bytes(hash, node->text, strlen(node->text) + 1);
    for (const struct clg_yaml *child = node->first; child; child = child->next) {
        bool skip = false;

        for (const char *const *key = without; child->key && key && *key; key++)
            skip = skip || strcmp(*key, child->key) == 0;
        if (child->key)
            hash = clg_hash_bytes(hash, child->key, strlen(child->key) + 1);
        if (!skip)
            hash = clg_yaml_hash(hash, child, without);
    }
    return clg_hash_bytes(hash, "e", 1);
}

clg_status clg_yaml_fail(struct clg_ctx *ctx, const struct clg_yaml *node, const char *format, ...)
{
    char sentence[CLG_ERROR_MAX];
    va_list list;

    va_start(list, format);
    vsnprintf(sentence, sizeof(sentence), format, list);
    va_end(list);
    if (node->line > 0)
        return clg_fail(ctx, CLG_ERR_FORMAT, "%s:%d: %s", node->origin, node->line, sentence);
    return clg_fail(ctx, CLG_ERR_FORMAT, "%s: %s", node->origin, sentence);
}

clg_status clg_yaml_fail_at(struct clg_ctx *ctx, const struct clg_yaml *node)
{
    clg_status status = clg_error_status(ctx);
    char sentence[CLG_ERROR_MAX];

    snprintf(sentence, sizeof(sentence), "%s", clg_error(ctx));
    if (node->line > 0)
        return clg_fail(ctx, status, "%s:%d: %s", node->origin, node->line, sentence);
    return clg_fail(ctx, status, "%s: %s", node->origin, sentence);
}

/* The child that a part of a path names, made in a map where there is none. */
static struct clg_yaml *step_into(struct clg_blocks *pool, struct clg_yaml *node, const char *part,
                                  const char *origin)
{
    struct clg_yaml *child;
    int64_t index;

    if (node->kind == CLG_YAML_LIST) {
        child = node->first;
        if (!clg_parse_int(part, &index) || index < 0)
            child = NULL;
        for (; child && index > 0; index--)
            child = child->next;
        if (!child)
            clg_fail(pool->ctx, CLG_ERR_FORMAT, "%s: the list has no item '%s'", origin, part);
        return child;
    }
    if (node->kind == CLG_YAML_SCALAR) { /* a value becomes a map: loss: mse and loss.mse.x=1 */
        node->kind = CLG_YAML_MAP;
        node->text = NULL;
        node->origin = origin; /* whose mistake it is if this is none */
        node->line = 0;
    }
    child = clg_yaml_find(node, part);
    if (child)
        return child;
    child = clg_yaml_scalar(pool, origin, 0, "");
    if (child)
        clg_yaml_add(node, part, child);
    return child;
}

/* Puts the content of a value in the place of a node, which keeps its key and its siblings. */
static void replace(struct clg_yaml *node, const struct clg_yaml *value)
{
    const char *key = node->key;
    struct clg_yaml *next = node->next;

    *node = *value;
    node->key = key;
    node->next = next;
}

clg_status clg_yaml_set(struct clg_blocks *pool, struct clg_yaml *root, const char *assignment)
{
    const char *origin = clg_blocks_print(pool, "--set %s", assignment);
    char *path = clg_blocks_print(pool, "%s", assignment);
    char *value = path ? strchr(path, '=') : NULL;
    struct clg_yaml *node = root, *replacement;

    if (!origin || !path)
        return CLG_ERR_MEMORY;
    if (!value || value == path)
        return clg_fail(pool->ctx, CLG_ERR_ARGUMENT, "%s: it must be KEY.PATH=VALUE", origin);
    *value++ = '\0';
    if (path[0] == '.' || strstr(path, "..") || value[-2] == '.')
        return clg_fail(pool->ctx, CLG_ERR_ARGUMENT, "%s: a part of the key's path is empty",
                        origin);
    replacement = clg_yaml_parse(pool, origin, false, value, strlen(value));
    if (!replacement)
        return clg_error_status(pool->ctx);
    for (char *part = path, *end; part && node; part = end) {
        end = strchr(part, '.');
        if (end)
            *end++ = '\0';
        node = step_into(pool, node, part, origin);
    }
    if (!node)
        return clg_error_status(pool->ctx);
    replace(node, replacement);
    return CLG_OK;
}
