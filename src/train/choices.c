/* Values that are one of several kinds by name, and lists of them. */
#include <math.h>
#include <string.h>

#include "train/keys.h"

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
    const char *hint = clg_hint_key(p, node, NULL);

    if (!hint)
        return CLG_ERR_MEMORY;
    if (hint[0])
        return clg_yaml_fail(p->pool->ctx, node, "%s: unknown %s '%.100s'%s", where, family->noun,
                             name, hint);
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
    return clg_parse_kind(p, choice->kind, node, where, choice->name ? choice : NULL, choice->args);
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

const char **clg_choice_word(struct clg_choice *choice, const char *key)
{
    if (strcmp(key, "name") == 0)
        return &choice->name;
    return strcmp(key, "share") == 0 ? &choice->share : NULL;
}

/* The entry of {NAME: {keys}} with the kind's name. In a list, where a choice has a name, others
 * may give it, and what it shares. NULL when it is not such a map. */
static struct clg_yaml *main_entry(struct clg_yaml *node, struct clg_choice *choice)
{
    struct clg_yaml *main = NULL;

    for (struct clg_yaml *entry = node->first; entry; entry = entry->next) {
        const char **word = choice->name ? clg_choice_word(choice, entry->key) : NULL;

        if (word && clg_yaml_is_null(entry))
            continue;
        if (word && entry->kind == CLG_YAML_SCALAR && entry->text[0])
            *word = entry->text;
        else if (main)
            return NULL;
        else
            main = entry;
    }
    return main;
}

/* Why a map has an entry too many; "" where nothing is known. */
static const char *hint_entries(const struct clg_parse *p, const struct clg_yaml *node,
                                const struct clg_family *family)
{
    const char *hint = "";
    const struct clg_yaml *before = NULL, *main = NULL, *beside = NULL;

    for (const struct clg_yaml *child = node->first; child && hint && !hint[0];
         before = child, child = child->next)
        if (child->key && before)
            hint = clg_hint_key(p, child, before);
    for (const struct clg_yaml *child = node->first; child; child = child->next)
        if (child->key && !main && find_kind(family, child->key))
            main = child;
        else if (child->key)
            beside = child;
    if (hint && !hint[0] && main && beside)
        hint = clg_blocks_print(p->pool,
                                find_kind(family, beside->key)
                                    ? ": '%.60s' and '%.60s' are two"
                                    : ": '%.60s' stands beside '%.60s', but must be indented "
                                      "further or be in its braces",
                                beside->key, main->key);
    return hint ? hint : "";
}

/* An entry of no known kind that --set put beside what the file has; it has no line. */
static const struct clg_yaml *set_beside(const struct clg_yaml *node,
                                         const struct clg_family *family)
{
    for (const struct clg_yaml *child = node->first; child && child != node->last;
         child = child->next)
        if (child->next->key && child->next->line == 0 && node->line > 0 &&
            !find_kind(family, child->next->key))
            return child->next;
    return NULL;
}

static clg_status parse_one_of(const struct clg_parse *p, const struct clg_key *key,
                               struct clg_yaml *node, const char *where, void *field)
{
    const struct clg_family *family = key->detail;
    struct clg_choice *choice = field;
    const struct clg_yaml *beside;
    struct clg_yaml *entry;
    const char *must;

    if (node->kind == CLG_YAML_SCALAR && !clg_yaml_is_null(node))
        CLG_TRY(expand_word(p, node, family));
    entry = node->kind != CLG_YAML_LIST ? main_entry(node, choice) : NULL;
    beside = entry ? NULL : set_beside(node, family);
    if (beside)
        return unknown_kind(p, beside, where, family, beside->key);
    if (!entry) {
        must = clg_blocks_print(p->pool, "one %s, as NAME or {NAME: {...}}%s", family->noun,
                                hint_entries(p, node, family));
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
    return clg_parse_kind(p, choice->kind, node, where, NULL, choice->args);
}

/* A set as parse_by_key() takes it, or a number. */
static clg_status parse_part(const struct clg_parse *p, const struct clg_key *key,
                             struct clg_yaml *node, const char *where, void *field)
{
    static const char must[] =
        "a share of the training set under 1, a whole number of its samples, "
        "or a set as for train";
    const struct clg_key number = {.type = CLG_KEY_NUMBER, .range = CLG_POSITIVE};
    struct clg_part *part = field;

    if (node->kind == CLG_YAML_MAP)
        return parse_by_key(p, key, node, where, &part->set);
    if (node->kind == CLG_YAML_LIST)
        return clg_parse_wrong(p, node, where, must);
    CLG_TRY(clg_value_parse(p, &number, node, where, &part->number));
    if (part->number >= 1 && part->number != rint(part->number))
        return clg_parse_wrong(p, node, where, must);
    return CLG_OK;
}

static clg_status parse_list(const struct clg_parse *p, const struct clg_key *key,
                             struct clg_yaml *node, const char *where, void *field)
{
    struct clg_choices *list = field;

    if (node->kind != CLG_YAML_LIST)
        return clg_parse_wrong(p, node, where, "a list with a line for each");
    if (!node->first)
        return clg_yaml_fail(p->pool->ctx, node,
                             "%s is an empty list, but must have one %s or more", where,
                             ((const struct clg_family *)key->detail)->noun);
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

static clg_status parse_lists(const struct clg_parse *p, const struct clg_key *key,
                              struct clg_yaml *node, const char *where, void *field)
{
    struct clg_lists *lists = field;

    if (node->kind != CLG_YAML_LIST || !node->first)
        return clg_parse_wrong(p, node, where, "a list of one list or more");
    lists->items = clg_blocks_new(p->pool, clg_yaml_count(node), sizeof(*lists->items));
    if (!lists->items)
        return CLG_ERR_MEMORY;
    for (struct clg_yaml *child = node->first; child; child = child->next) {
        const char *position = clg_blocks_print(p->pool, "%zu", lists->count);
        const char *path = position ? clg_parse_join(p, where, position) : NULL;

        if (!path)
            return CLG_ERR_MEMORY;
        CLG_TRY(parse_list(p, key, child, path, &lists->items[lists->count++]));
    }
    return CLG_OK;
}

clg_status clg_choice_parse(const struct clg_parse *p, const struct clg_key *key,
                            struct clg_yaml *node, const char *where, void *field)
{
    switch (key->type) {
    case CLG_KEY_ONE_OF:
        return parse_one_of(p, key, node, where, field);
    case CLG_KEY_BY_KEY:
        return parse_by_key(p, key, node, where, field);
    case CLG_KEY_PART:
        return parse_part(p, key, node, where, field);
    case CLG_KEY_LIST:
        return parse_list(p, key, node, where, field);
    default:
        return parse_lists(p, key, node, where, field);
    }
}
