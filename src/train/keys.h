/* The table that recipes are parsed by: kinds of things with their keys. The list of keys in
 * docs/recipes.md comes from it (reference.c). */
#ifndef CLG_TRAIN_KEYS_H
#define CLG_TRAIN_KEYS_H

#include <clgrad/train.h>
#include "train/yaml.h"

struct clg_build;

/* What data are opened for. */
enum clg_data_part { CLG_DATA_TRAIN, CLG_DATA_VALIDATION, CLG_DATA_TEST };
struct clg_data_request {
    enum clg_data_part part;
    uint64_t seed; /* the training's */
    bool classes;  /* the loss tells classes apart */
    struct clg_columns *columns; /* of the training set's table; NULL: this is it, or it is none */
    const char *file; /* to predict from, in place of the recipe's and without labels; NULL: none */
};

/* What a value is, and the field it is stored in. */
enum clg_key_type {
    CLG_KEY_INT,         /* int64_t */
    CLG_KEY_NUMBER,      /* double; NaN when absent */
    CLG_KEY_BOOL,        /* bool */
    CLG_KEY_WORD,        /* const char *: one of the words in detail; NULL when absent */
    CLG_KEY_TEXT,        /* const char *: any text; NULL when absent */
    CLG_KEY_DATA_PATH,   /* const char *: absolute; relative ones lie in the folder of the data */
    CLG_KEY_RECIPE_PATH, /* the same, in the folder of the recipe */
    CLG_KEY_SHAPE,       /* clg_shape; rank 0 when absent */
    CLG_KEY_NUMBERS,     /* struct clg_numbers: a number or a list */
    CLG_KEY_TEXTS,       /* const char **: a list of words, NULL at the end; NULL when absent */
    CLG_KEY_SECTION,     /* the structure of the kind in detail */
    CLG_KEY_ONE_OF,      /* struct clg_choice: {NAME: {keys}} of the family in detail, or NAME */
    CLG_KEY_BY_KEY,      /* struct clg_choice: {NAME: ..., keys} of the family in detail */
    CLG_KEY_PART,        /* struct clg_part: a share under 1, a number of samples, or BY_KEY */
    CLG_KEY_SECTIONS,    /* struct clg_rows: a list of such sections */
    CLG_KEY_LIST,        /* struct clg_choices: a list of ONE_OF, each with a name */
    CLG_KEY_LISTS        /* struct clg_lists: a list of such lists */
};

enum clg_key_range {
    CLG_ANY,
    CLG_POSITIVE,
    CLG_NOT_NEGATIVE,
    CLG_SHARE,    /* 0 to 1 */
    CLG_BELOW_ONE /* 0 to under 1 */
};

struct clg_key {
    const char *name;
    enum clg_key_type type;
    const char *fallback; /* YAML of the default; NULL: absent stays absent */
    size_t offset;        /* of its field */
    const char *doc;
    bool required;
    enum clg_key_range range; /* of INT, NUMBER and NUMBERS */
    const void *detail; /* words (const char *const *), struct clg_kind or struct clg_family */
    const char *also;   /* another name: PyTorch's */
    int input;          /* of a layer's INT: the dimension of its input that has this size, -1: the
                         * last; 0: none. It is inferred, and checked where it is given */
};

/* A section, layer, loss, optimizer or kind of data: its keys, and what it makes. */
struct clg_kind {
    const char *name, *doc;
    const char *bare;           /* the key that a bare value sets (dropout: 0.5); NULL: none */
    const struct clg_key *keys; /* until name NULL; NULL: none */
    size_t size;                /* of the structure with the fields */
    /* Refuses what no key alone shows to be wrong; NULL: nothing. The sentence is given its place. */
    clg_status (*check)(clg_ctx *ctx, const void *args);
    bool classes;               /* of a loss: labels are classes, not numbers */
    bool regression;            /* of a loss: outputs are to be the labels, so have errors */
    bool learns;                /* of data: samples are made with what the training set shows */
    bool block;                 /* of a layer: it consists of layers */
    /* One of these, by family. args: the structure. */
    clg_tensor (*layer)(struct clg_build *build, const char *name, clg_tensor x, const void *args);
    clg_tensor (*loss)(const struct clg_build *build, clg_tensor result, clg_tensor label,
                       const void *args);
    clg_dataset *(*open)(clg_ctx *ctx, const struct clg_data_request *request, const void *args);
};

/* Kinds of which one is chosen by name. */
struct clg_family {
    const char *noun;                    /* "layer", for messages and docs */
    const struct clg_kind *const *kinds; /* until NULL */
};

struct clg_numbers {
    double *items;
    size_t count;
};
struct clg_choice {
    const struct clg_yaml *at;
    const struct clg_kind *kind; /* NULL: absent */
    void *args;
    const char *name;  /* in a list: given, or the position */
    const char *share; /* in a list: the name of another; NULL: absent */
};
struct clg_part {
    double number; /* a share under 1 or a number of samples; 0: absent */
    struct clg_choice set;
};
struct clg_choices {
    struct clg_choice *items;
    size_t count;
};
struct clg_lists {
    struct clg_choices *items;
    size_t count;
};
struct clg_rows {
    void *items; /* structures of the kind */
    size_t count;
};

/* Where relative paths start. */
struct clg_folders {
    const char *data, *recipe;
};

/* Fills args (of kind->size) from a node, and completes the tree: defaults, absolute paths, bare
 * values as maps. where: the section's name in messages, "" for the whole. */
clg_status clg_keys_parse(struct clg_blocks *pool, const struct clg_folders *folders,
                          const struct clg_kind *kind, struct clg_yaml *node, const char *where,
                          void *args);

/* ---- what parsing shares ---- */

struct clg_parse {
    struct clg_blocks *pool;
    const struct clg_folders *folders;
};

/* The keys of a kind. choice: where they may give a name, else NULL. */
clg_status clg_parse_kind(const struct clg_parse *p, const struct clg_kind *kind,
                          struct clg_yaml *node, const char *where, struct clg_choice *choice,
                          void *args);
/* The field of a choice that this key, which every item of a list may have, gives; else NULL. */
const char **clg_choice_word(struct clg_choice *choice, const char *key);
/* One value of the types ONE_OF, BY_KEY, PART, LIST and LISTS. */
clg_status clg_choice_parse(const struct clg_parse *p, const struct clg_key *key,
                            struct clg_yaml *node, const char *where, void *field);
/* One value of a type before CLG_KEY_SECTION into its field. */
clg_status clg_value_parse(const struct clg_parse *p, const struct clg_key *key,
                           struct clg_yaml *node, const char *where, void *field);
/* "optimizer" and "lr": "optimizer.lr". NULL when memory is short. */
const char *clg_parse_join(const struct clg_parse *p, const char *where, const char *name);
/* "WHERE is 'abc', but must be MUST". */
clg_status clg_parse_wrong(const struct clg_parse *p, const struct clg_yaml *node,
                           const char *where, const char *must);
/* What a value that is no number as recipes write them, and an unknown key after the entry `before`
 * (or NULL), probably come from: ": a space is missing after ...", or "" where nothing is known. NULL
 * when memory is short. */
const char *clg_hint_number(const struct clg_parse *p, const struct clg_yaml *node,
                            const char *must);
/* The same for an item of a list of numbers after another (or NULL): [0,9]. */
const char *clg_hint_item(const struct clg_parse *p, const struct clg_yaml *before,
                          const struct clg_yaml *item);
const char *clg_hint_key(const struct clg_parse *p, const struct clg_yaml *child,
                         const struct clg_yaml *before);
/* The nearest of the names that name() gives for i = 0, 1, ... until NULL. */
const char *clg_parse_nearest(const char *text, const char *(*name)(const void *list, size_t i),
                              const void *list);

#endif
