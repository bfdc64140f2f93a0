#include "train/keys.h"

#include <math.h>
#include <string.h>

static clg_status parse_kind(const struct clg_parse *p, const struct clg_kind *kind,
                             struct clg_yaml *node, const char *where, struct clg_choice *choice,
                             void *args);

static const char *kind_name(const void *list, size_t i)
{
    const struct clg_kind *kind = ((const struct clg_family *)list)->kinds[i];

    return kind ? kind->name : NULL;
}

static const struct clg_kind *find_kind(const struct clg_family *family, const char *name)
{
    for (size_t i = 0; family->kinds[i]; i++)
        if (strcmp(family->kinds[i]->name, name) == 0)
            return family->kinds[i];
    return NULL;
}

static clg_status unknown_kind(const struct clg_parse *p, const struct clg_yaml *node,
                               const char *where, const struct clg_family *family, const char *name)
{
    return clg_yaml_fail(p->pool->ctx, node,
                         "%s: unknown %s '%.100s'; the nearest known one is '%s'", where,
                         family->noun, name, clg_parse_nearest(name, kind_name, family));
}

/* The structure of a choice, filled from the node of its keys. */
static clg_status parse_args(const struct clg_parse *p, struct clg_choice *choice,
                             struct clg_yaml *node, const char *where)
{
    choice->args = clg_blocks_new(p->pool, 1, choice->kind->size ? choice->kind->size : 1);
    where = clg_parse_join(p, where, choice->kind->name);
    if (!choice->args || !where)
        return CLG_ERR_MEMORY;
    return parse_kind(p, choice->kind, node, where, choice->name ? choice : NULL, choice->args);
}

/* "relu" as "relu: {}", where relu takes keys. */
static clg_status expand_word(const struct clg_parse *p, struct clg_yaml *node,
                              const struct clg_family *family)
{
    const struct clg_kind *kind = find_kind(family, node->text);
    struct clg_yaml *keys = clg_yaml_map(p->pool, node->origin, node->line);

    if (!keys)
        return CLG_ERR_MEMORY;
    clg_yaml_add(node, node->text, keys);
    if (kind && kind->keys)
        node->kind = CLG_YAML_MAP;
    return CLG_OK;
}

/* The entry of {NAME: {keys}} with the kind's name. In a list, where a choice has a name, a second
 * entry may give it. NULL when it is not such a map. */
static struct clg_yaml *main_entry(struct clg_yaml *node, struct clg_choice *choice)
{
    struct clg_yaml *entry = node->first, *name;

    if (!entry)
        return NULL;
    name = choice->name && clg_yaml_count(node) == 2 ? clg_yaml_find(node, "name") : NULL;
    if (name && name->kind == CLG_YAML_SCALAR) {
        choice->name = name->text;
        return name == entry ? entry->next : entry;
    }
    return entry->next ? NULL : entry;
}

static clg_status parse_one_of(const struct clg_parse *p, const struct clg_key *key,
                               struct clg_yaml *node, const char *where, void *field)
{
    const struct clg_family *family = key->detail;
    struct clg_choice *choice = field;
    struct clg_yaml *entry;
    const char *must;

    if (node->kind == CLG_YAML_SCALAR && !clg_yaml_is_null(node))
        CLG_TRY(expand_word(p, node, family));
    entry = node->kind != CLG_YAML_LIST ? main_entry(node, choice) : NULL;
    if (!entry) {
        must = clg_blocks_print(p->pool, "one %s, as NAME or {NAME: {...}}", family->noun);
        return must ? clg_parse_wrong(p, node, where, must) : CLG_ERR_MEMORY;
    }
    choice->at = node;
    choice->kind = find_kind(family, entry->key);
    if (!choice->kind)
        return unknown_kind(p, entry, where, family, entry->key);
    return parse_args(p, choice, entry, where);
}

static clg_status parse_by_key(const struct clg_parse *p, const struct clg_key *key,
                               struct clg_yaml *node, const char *where, void *field)
{
    const struct clg_family *family = key->detail;
    struct clg_choice *choice = field;

    if (node->kind != CLG_YAML_MAP || !node->first)
        return clg_parse_wrong(p, node, where, "a map");
    choice->at = node;
    for (const struct clg_yaml *child = node->first; child && !choice->kind; child = child->next)
        choice->kind = find_kind(family, child->key);
    if (!choice->kind)
        return unknown_kind(p, node->first, where, family, node->first->key);
    choice->args = clg_blocks_new(p->pool, 1, choice->kind->size);
    if (!choice->args)
        return CLG_ERR_MEMORY;
    return parse_kind(p, choice->kind, node, where, NULL, choice->args);
}

static clg_status parse_list(const struct clg_parse *p, const struct clg_key *key,
                             struct clg_yaml *node, const char *where, void *field)
{
    struct clg_choices *list = field;

    if (node->kind != CLG_YAML_LIST || !node->first)
        return clg_parse_wrong(p, node, where, "a list with a line for each");
    list->items = clg_blocks_new(p->pool, clg_yaml_count(node), sizeof(*list->items));
    if (!list->items)
        return CLG_ERR_MEMORY;
    for (struct clg_yaml *child = node->first; child; child = child->next) {
        struct clg_choice *item = &list->items[list->count];
        const char *position = clg_blocks_print(p->pool, "%zu", list->count++);
        const char *path = position ? clg_parse_join(p, where, position) : NULL;

        if (!path)
            return CLG_ERR_MEMORY;
        item->name = position;
        CLG_TRY(parse_one_of(p, key, child, path, item));
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
        return parse_kind(p, key->detail, node, path, NULL, field);
    case CLG_KEY_ONE_OF:
        return parse_one_of(p, key, node, path, field);
    case CLG_KEY_BY_KEY:
        return parse_by_key(p, key, node, path, field);
    case CLG_KEY_LIST:
        return parse_list(p, key, node, path, field);
    default:
        return clg_value_parse(p, key, node, path, field);
    }
}

static const struct clg_key *find_key(const struct clg_kind *kind, const char *name)
{
    for (const struct clg_key *key = kind->keys; key && key->name; key++)
        if (strcmp(key->name, name) == 0)
            return key;
    return NULL;
}

static const char *key_name(const void *kind, size_t i)
{
    const struct clg_key *keys = ((const struct clg_kind *)kind)->keys;

    return keys ? keys[i].name : NULL;
}

static clg_status unknown_key(const struct clg_parse *p, const struct clg_kind *kind,
                              const struct clg_yaml *child, const char *where)
{
    const char *in = where[0] ? where : "the recipe";

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

/* Removes an entry whose value is null: as if it were not there. */
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

static clg_status check_keys(const struct clg_parse *p, const struct clg_kind *kind,
                             struct clg_yaml *node, const char *where, struct clg_choice *choice)
{
    for (struct clg_yaml *child = node->first; child; child = child->next) {
        if (find_key(kind, child->key))
            continue;
        if (!choice || strcmp(child->key, "name") != 0)
            return unknown_key(p, kind, child, where);
        if (child->kind != CLG_YAML_SCALAR || !child->text[0])
            return clg_parse_wrong(p, child, "name", "a word");
        choice->name = child->text;
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

static clg_status parse_kind(const struct clg_parse *p, const struct clg_kind *kind,
                             struct clg_yaml *node, const char *where, struct clg_choice *choice,
                             void *args)
{
    CLG_TRY(expand_bare(p, kind, node, where));
    drop_nulls(node);
    CLG_TRY(check_keys(p, kind, node, where, choice));
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
    return CLG_OK;
}

clg_status clg_keys_parse(struct clg_blocks *pool, const struct clg_folders *folders,
                          const struct clg_kind *kind, struct clg_yaml *node, const char *where,
                          void *args)
{
    struct clg_parse p = {pool, folders};

    return parse_kind(&p, kind, node, where, NULL, args);
}
