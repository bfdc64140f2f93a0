#include "train/keys.h"

#include <math.h>
#include <string.h>

static clg_status parse_section(const struct clg_parse *p, const struct clg_key *key,
                                struct clg_yaml *node, const char *where, void *field)
{
    return clg_parse_kind(p, key->detail, node, where, NULL, field);
}

/* A list of sections. */
static clg_status parse_sections(const struct clg_parse *p, const struct clg_key *key,
                                 struct clg_yaml *node, const char *where, void *field)
{
    const struct clg_kind *kind = key->detail;
    struct clg_rows *rows = field;

    if (node->kind != CLG_YAML_LIST)
        return clg_parse_wrong(p, node, where, "a list of maps");
    rows->items = clg_blocks_new(p->pool, clg_yaml_count(node) + 1, kind->size);
    if (!rows->items)
        return CLG_ERR_MEMORY;
    for (struct clg_yaml *child = node->first; child; child = child->next) {
        const char *position = clg_blocks_print(p->pool, "%zu", rows->count);
        const char *path = position ? clg_parse_join(p, where, position) : NULL;

        if (!path)
            return CLG_ERR_MEMORY;
        CLG_TRY(clg_parse_kind(p, kind, child, path, NULL,
                               (char *)rows->items + rows->count++ * kind->size));
    }
    return CLG_OK;
}

static clg_status parse_value(const struct clg_parse *p, const struct clg_key *key,
                              struct clg_yaml *node, const char *where, void *args)
{
    const char *path = clg_parse_join(p, where, key->name);
    void *field = (char *)args + key->offset;

    if (!path)
        return CLG_ERR_MEMORY;
    switch (key->type) {
    case CLG_KEY_SECTION:
        return parse_section(p, key, node, path, field);
    case CLG_KEY_SECTIONS:
        return parse_sections(p, key, node, path, field);
    case CLG_KEY_ONE_OF:
    case CLG_KEY_BY_KEY:
    case CLG_KEY_PART:
    case CLG_KEY_LIST:
    case CLG_KEY_LISTS:
        return clg_choice_parse(p, key, node, path, field);
    default:
        return clg_value_parse(p, key, node, path, field);
    }
}

static const struct clg_key *find_key(const struct clg_kind *kind, const char *name)
{
    for (const struct clg_key *key = kind->keys; key && key->name; key++)
        if (strcmp(key->name, name) == 0 || (key->also && strcmp(key->also, name) == 0))
            return key;
    return NULL;
}

static const char *key_name(const void *kind, size_t i)
{
    const struct clg_key *keys = ((const struct clg_kind *)kind)->keys;

    return keys ? keys[i].name : NULL;
}

static clg_status unknown_key(const struct clg_parse *p, const struct clg_kind *kind,
                              const struct clg_yaml *child, const struct clg_yaml *before,
                              const char *where)
{
    const char *in = where[0] ? where : "the recipe", *hint = clg_hint_key(p, child, before);

    if (!hint)
        return CLG_ERR_MEMORY;
    if (hint[0])
        return clg_yaml_fail(p->pool->ctx, child, "unknown key '%.100s' in %s%s", child->key, in,
                             hint);
    if (!kind->keys)
        return clg_yaml_fail(p->pool->ctx, child, "unknown key '%.100s': %s takes none", child->key,
                             in);
    return clg_yaml_fail(p->pool->ctx, child,
                         "unknown key '%.100s' in %s; the nearest known one is '%s'", child->key,
                         in, clg_parse_nearest(child->key, key_name, kind));
}

/* "dropout: 0.5" as "dropout: {p: 0.5}"; "relu:" as "relu: {}". */
static clg_status expand_bare(const struct clg_parse *p, const struct clg_kind *kind,
                              struct clg_yaml *node, const char *where)
{
    struct clg_yaml *value;

    if (node->kind == CLG_YAML_MAP)
        return CLG_OK;
    if (node->kind == CLG_YAML_SCALAR && clg_yaml_is_null(node)) {
        node->kind = CLG_YAML_MAP;
        return CLG_OK;
    }
    if (!kind->bare)
        return clg_parse_wrong(p, node, where[0] ? where : "the recipe", "a map of keys");
    value = clg_blocks_new(p->pool, 1, sizeof(*value));
    if (!value)
        return CLG_ERR_MEMORY;
    *value = *node;
    node->kind = CLG_YAML_MAP;
    node->first = node->last = NULL;
    clg_yaml_add(node, kind->bare, value);
    return CLG_OK;
}

/* Removes an entry whose value is null: a key that is known is then as if it were not there. */
static void drop_nulls(struct clg_yaml *map)
{
    struct clg_yaml *child = map->first, *next;

    map->first = map->last = NULL;
    for (; child; child = next) {
        next = child->next;
        if (!clg_yaml_is_null(child))
            clg_yaml_add(map, child->key, child);
    }
}

/* Gives an entry the key's own name. */
static clg_status rename_key(const struct clg_parse *p, const struct clg_key *key,
                             const struct clg_yaml *node, struct clg_yaml *child)
{
    if (strcmp(child->key, key->name) == 0)
        return CLG_OK;
    if (clg_yaml_find(node, key->name))
        return clg_yaml_fail(p->pool->ctx, child,
                             "'%s' and '%s' are one key, and it is there twice", key->name,
                             key->also);
    child->key = key->name;
    return CLG_OK;
}

static clg_status check_keys(const struct clg_parse *p, const struct clg_kind *kind,
                             struct clg_yaml *node, const char *where, struct clg_choice *choice)
{
    for (struct clg_yaml *child = node->first, *before = NULL; child;
         before = child, child = child->next) {
        const struct clg_key *key = find_key(kind, child->key);

        if (key) {
            CLG_TRY(rename_key(p, key, node, child));
            continue;
        }
        if (!choice || !clg_choice_word(choice, child->key))
            return unknown_key(p, kind, child, before, where);
        if (clg_yaml_is_null(child))
            continue;
        if (child->kind != CLG_YAML_SCALAR || !child->text[0])
            return clg_parse_wrong(p, child, child->key, "a word");
        *clg_choice_word(choice, child->key) = child->text;
    }
    return CLG_OK;
}

/* The value of a key, made from the default where it is absent; NULL: absent, or a failure. */
static struct clg_yaml *value_of(const struct clg_parse *p, const struct clg_key *key,
                                 struct clg_yaml *node)
{
    struct clg_yaml *value = clg_yaml_find(node, key->name);

    if (value || !key->fallback)
        return value;
    value = clg_yaml_parse(p->pool, "default", false, key->fallback, strlen(key->fallback));
    if (value)
        clg_yaml_add(node, key->name, value);
    return value;
}

clg_status clg_parse_kind(const struct clg_parse *p, const struct clg_kind *kind,
                          struct clg_yaml *node, const char *where, struct clg_choice *choice,
                          void *args)
{
    CLG_TRY(expand_bare(p, kind, node, where));
    CLG_TRY(check_keys(p, kind, node, where, choice));
    drop_nulls(node);
    for (const struct clg_key *key = kind->keys; key && key->name; key++) {
        struct clg_yaml *value = value_of(p, key, node);

        if (value)
            CLG_TRY(parse_value(p, key, value, where, args));
        else if (key->fallback)
            return CLG_ERR_MEMORY;
        else if (key->required)
            return clg_yaml_fail(p->pool->ctx, node, "%s needs the key '%s': %s",
                                 where[0] ? where : "the recipe", key->name, key->doc);
        else if (key->type == CLG_KEY_NUMBER)
            *(double *)((char *)args + key->offset) = NAN;
    }
    if (kind->check && kind->check(p->pool->ctx, args) != CLG_OK)
        return clg_yaml_fail_at(p->pool->ctx, node);
    return CLG_OK;
}

clg_status clg_keys_parse(struct clg_blocks *pool, const struct clg_folders *folders,
                          const struct clg_kind *kind, struct clg_yaml *node, const char *where,
                          void *args)
{
    struct clg_parse p = {pool, folders};

    return clg_parse_kind(&p, kind, node, where, NULL, args);
}
