/* Optimizers: update rules with their states. */
#ifndef CLG_OPTIM_OPTIM_H
#define CLG_OPTIM_OPTIM_H

#include <clgrad/optim.h>
#include "graph/graph.h"

#define CLG_RULE_STATES 2

/* An entry of optim.def. */
struct clg_rule {
    const char *name, *formula;
    const char *states[CLG_RULE_STATES];
    float weight_decay;
    uint32_t flops;
    clg_status (*check)(struct clg_ctx *ctx, const char *name, const clg_optimizer_params *params);
    uint32_t (*count)(const clg_optimizer_params *params); /* of its states that are in use */
    const char *(*kernel)(const clg_optimizer_params *params);
    /* The kernel's own arguments, after those that all have (update.c). */
    void (*arguments)(struct clg_launch *launch, const struct clg_rule *rule,
                      const clg_optimizer_params *params);
};
const struct clg_rule *clg_rule_find(const char *name); /* NULL: none */
/* "sgd, adam, adamw" */
void clg_rule_names(char *buffer, size_t size);

struct clg_optimizer_chunk {
    struct clg_buffer *state[CLG_RULE_STATES]; /* NULL: nothing in the chunk is trained */
};

/* What the first pattern that matches a parameter says. */
struct clg_group {
    char *match;
    bool frozen;
    float factor, decay; /* factor: of the optimizer's learning rate */
};

struct clg_optimizer {
    struct clg_object object;
    struct clg_store *store;
    const struct clg_rule *rule;
    clg_optimizer_params params; /* strings are copies */
    char **no_decay;             /* the copy behind params.no_decay */
    uint32_t states;
    float lr;
    int part;                 /* of the step block */
    CLG_VEC(struct clg_group) groups;
    CLG_VEC(int64_t) trained; /* entries, in any graph */
    CLG_VEC(struct clg_optimizer_chunk) chunks;
    CLG_VEC(struct clg_optimizer_update *) updates; /* those that live */
};

/* What clg_minimize leaves in a graph, and what dies with the graph. */
struct clg_optimizer_update {
    struct clg_object object;        /* child of the graph */
    struct clg_optimizer *optimizer; /* NULL: destroyed */
    int64_t *entries;
    size_t count;
    CLG_VEC(struct clg_buffer *) tables; /* per chunk; NULL: nothing in it is trained */
};

/* A new update of entries (taken over), as a child of the graph. */
struct clg_optimizer_update *clg_update_create(struct clg_optimizer *optimizer, clg_graph *graph,
                                               int64_t *entries, size_t count);
/* For struct clg_update. */
clg_status clg_update_check(const void *update);
clg_status clg_update_prepare(void *update);
void clg_update_measure(const void *update, bool states, clg_memory *sum);
void clg_update_lower(void *update, struct clg_launches *launches, enum clg_update_pass pass);

/* The setting of a parameter: of its group, or the optimizer's. match is NULL. */
struct clg_group clg_optimizer_setting(const struct clg_optimizer *optimizer, const char *name);
/* Fails when a group matches no parameter of the store. */
clg_status clg_optimizer_check_groups(const struct clg_optimizer *optimizer);
void clg_optimizer_free_groups(struct clg_optimizer *optimizer);

/* Memory for the states of every chunk with a trained entry, with what a file had for them. */
clg_status clg_optimizer_allocate(struct clg_optimizer *optimizer);
/* Adds the bytes that this is still to take. */
void clg_optimizer_measure(const struct clg_optimizer *optimizer, clg_memory *sum);
/* Sends the learning rate to the step block. */
clg_status clg_optimizer_send_lr(struct clg_optimizer *optimizer);

#endif
