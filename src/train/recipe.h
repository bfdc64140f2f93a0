/* A recipe's values, as the table in recipe_keys.c fills them. */
#ifndef CLG_TRAIN_RECIPE_H
#define CLG_TRAIN_RECIPE_H

#include "train/keys.h"

struct clg_recipe_data {
    struct clg_choice train, test;
    struct clg_part validation;
    clg_shape shape;
    struct {
        struct clg_numbers mean, std;
    } normalize;
    int64_t batch;
    int64_t folds, fold; /* folds 0: none */
    bool shuffle, drop_last, stratify;
};

struct clg_recipe_init {
    const char *scheme, *weights;
    double value, std, a, b;
};

struct clg_recipe_train {
    int64_t epochs, steps, seed, log_every;
    const char **freeze; /* NULL: absent */
    int64_t accumulate;
    const char *on_bad_step;
    struct clg_recipe_clip {
        double norm, value; /* NaN: absent */
    } clip;
    struct clg_recipe_penalty {
        double l1, l2;
    } penalty;
    clg_early_stopping early_stopping;
    struct clg_recipe_checkpoint {
        int64_t steps, keep; /* 0: absent */
        double minutes;      /* 0 or NaN: absent */
    } checkpoint;
};

struct clg_optimizer_args {
    double lr, momentum, dampening, weight_decay, eps, alpha, rho, lr_decay, initial_accumulator_value,
        momentum_decay, lambd, t0;
    struct clg_numbers betas, etas, step_sizes;
    bool nesterov, amsgrad, centered;
    const char **no_decay;
    struct clg_rows groups; /* of struct clg_group_args */
};
struct clg_group_args {
    const char **match;
    double lr, weight_decay; /* NaN: absent */
};

struct clg_schedule_args {
    clg_schedule_params params; /* fields of keys alone */
    struct clg_numbers milestones;
    const char *by, *anneal_strategy, *mode, *threshold_mode, *metric;
};

struct clg_recipe_values {
    struct clg_recipe_data data;
    struct clg_choices model;
    struct clg_recipe_init init;
    struct clg_choice loss, optimizer, schedule;
    struct clg_recipe_train train;
};

/* What tells recipes apart: their models (layers, loss, what samples look like), and all of them but
 * the names of files. Of the file as it was written; numbers are compared as text. */
struct clg_fingerprint {
    uint64_t model, whole;
};

struct clg_recipe {
    struct clg_object object;
    struct clg_blocks pool;
    const char *name; /* of the file, without folder and ending */
    struct clg_yaml *root;
    struct clg_recipe_values values;
    struct clg_fingerprint read; /* of the file and its settings; whole: without these */
    /* whole: what train and validation are views of, where a part of it was set apart; else NULL */
    clg_dataset *whole, *train, *validation, *test;
    const char *run; /* the folder it comes from, with what was learnt from its tables; NULL: none */
    int64_t classes;
    bool ignores; /* a label that is no class and does not count: */
    int64_t ignored;
};

/* The whole recipe, and the families within it. */
extern const struct clg_kind clg_recipe_kind;
extern const struct clg_family clg_data_family, clg_layer_family, clg_loss_family,
    clg_optimizer_family, clg_schedule_family;

struct clg_fingerprint clg_recipe_fingerprint(const struct clg_yaml *root);

/* The scheme of a recipe's init, which has one. */
void clg_recipe_make_init(const struct clg_recipe_init *from, clg_init *out);

/* What was learnt from the training set's table, once it is open; NULL: it is none. */
struct clg_columns *clg_recipe_columns(const struct clg_recipe *recipe);
void clg_recipe_close_data(struct clg_recipe *recipe);

/* Whether mean or std is a list, so that the graph normalises; plain numbers are for the feed. */
bool clg_normalizes_in_graph(const struct clg_recipe_data *data);

/* What building a model needs to know. */
struct clg_build {
    struct clg_recipe *recipe;
    clg_graph *graph;
    clg_store *store;
    const clg_init *weight_init; /* NULL: each layer's default */
    struct clg_built *built;     /* the layers so far, latest first */
    size_t layers;               /* how many they are */
    bool sharing;                /* within a layer that shares another's parameters */
    bool placed;                 /* the failure's sentence has its place already */
};

/* Adds the layers of a list; names within it start with prefix and a dot (NULL: nothing). */
clg_tensor clg_build_layers(struct clg_build *build, const struct clg_choices *layers,
                            const char *prefix, clg_tensor x);

/* The model's optimizer, with the loss minimised. */
clg_status clg_build_optimizer(struct clg_build *build, clg_model *model, clg_tensor loss);

/* The recipe's schedule, where it has one, for a training of this length. */
struct clg_length;
clg_status clg_recipe_schedule(const struct clg_recipe *recipe, const clg_model *model,
                               const struct clg_length *length, clg_fit_params *fit);

/* Fails with the node's place before the context's latest sentence. */
clg_status clg_recipe_fail_at(const struct clg_recipe *recipe, const struct clg_yaml *node);

/* Whether samples and labels of a data set (NULL: none) have the sizes that the model needs,
 * without waiting for the data; and whether its labels are classes of the model, which waits. */
clg_status clg_recipe_check_sizes(const struct clg_recipe *recipe, const clg_model *model,
                                  const clg_dataset *data);
clg_status clg_recipe_check_classes(const struct clg_recipe *recipe, clg_dataset *data);

#endif
