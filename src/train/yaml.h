/* YAML as a tree that knows its lines. */
#ifndef CLG_TRAIN_YAML_H
#define CLG_TRAIN_YAML_H

#include "base/text.h"
#include "train/blocks.h"

enum clg_yaml_kind { CLG_YAML_SCALAR, CLG_YAML_LIST, CLG_YAML_MAP };

struct clg_yaml {
    enum clg_yaml_kind kind;
    const char *origin;                   /* the file, or the --set, that it comes from */
    int line;                             /* in the file; 0: a --set or a default */
    const char *key;                      /* in a map; else NULL */
    const char *text;                     /* of a scalar */
    bool plain;                           /* a scalar without quotes */
    struct clg_yaml *first, *last, *next; /* children of a list or map; the next sibling */
};

/* Parses a text of one document; an empty one is a null scalar. NULL on failure. */
struct clg_yaml *clg_yaml_parse(struct clg_blocks *pool, const char *origin, bool lines,
                                const char *text, size_t size);

/* A new scalar without quotes, or an empty map. */
struct clg_yaml *clg_yaml_scalar(struct clg_blocks *pool, const char *origin, int line,
                                 const char *text);
struct clg_yaml *clg_yaml_map(struct clg_blocks *pool, const char *origin, int line);

/* Appends a child; key NULL in a list. */
void clg_yaml_add(struct clg_yaml *parent, const char *key, struct clg_yaml *child);
/* The child of a map, or NULL. */
struct clg_yaml *clg_yaml_find(const struct clg_yaml *map, const char *key);
/* Number of children. */
size_t clg_yaml_count(const struct clg_yaml *node);
/* Whether the node is a plain null: nothing, ~ or null. */
bool clg_yaml_is_null(const struct clg_yaml *node);

/* Replaces or makes the value at "key.path=value"; parts of the path that are numbers count in
 * lists. */
clg_status clg_yaml_set(struct clg_blocks *pool, struct clg_yaml *root, const char *assignment);

/* A hash of a tree's content: keys, texts and their order; but not of the values under the keys
 * `without` (until NULL), wherever they are. node NULL: of nothing. */
uint64_t clg_yaml_hash(uint64_t hash, const struct clg_yaml *node, const char *const *without);

/* Fails with "FILE:LINE: sentence". */
clg_status clg_yaml_fail(struct clg_ctx *ctx, const struct clg_yaml *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "FILE:LINE: " before the context's latest sentence, and fails with its status. */
clg_status clg_yaml_fail_at(struct clg_ctx *ctx, const struct clg_yaml *node);

/* Appends the tree as YAML. */
clg_status clg_yaml_write(const struct clg_yaml *root, struct clg_text *out);

#endif
