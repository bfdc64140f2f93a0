/* Optimizers: update rules with their states. */
#ifndef CLG_OPTIM_OPTIM_H
#define CLG_OPTIM_OPTIM_H

#include <clgrad/optim.h>
#include "base/text.h"
#include "graph/graph.h"

/* ---- rules: optim.def as tables ---- */

#define CLG_RULE_STATES 3

/* What an option may be. Within numbers that are ordinary no rule overflows (cl/optim.clh). */
enum clg_range {
    CLG_RANGE_SHARE,     /* 0 to under 1; always ordinary */
    CLG_RANGE_FACTOR,    /* from 0; ordinary up to 2^10 */
    CLG_RANGE_POSITIVE,  /* above 0; ordinary up to 2^10 */
    CLG_RANGE_DIVISOR,   /* above 0; ordinary from 2^-40 to 2^10 */
    CLG_RANGE_SHRINKING, /* above 0 and under 1; always ordinary */
    CLG_RANGE_GROWING,   /* above 1; ordinary up to 2^10 */
    CLG_RANGE_COUNT,     /* from 0; always ordinary */
    CLG_RANGE_DECAY,     /* as FACTOR: the weight decay, which kernels have from their table */
    CLG_RANGE_FLAG       /* a bool */
};

/* An option of a rule: a field of clg_optimizer_params. */
struct clg_number {
    const char *name; /* NULL: the end of a list */
    size_t offset;
    enum clg_range range;
    double fallback;
};

/* An entry of optim.def. */
struct clg_rule {
    const char *name, *formula;
    const char *const *states; /* until NULL */
    const char *const *running; /* name of its running number and the first value, in OpenCL C; or NULL */
    bool normed; /* its update has TRUST */
    const struct clg_number *numbers;
    const char *step, *update; /* OpenCL C */
    uint32_t flops;            /* an element */
    uint32_t (*used)(const clg_optimizer_params *o); /* bit s: state s */
    const char *(*unmet)(const clg_optimizer_params *o); /* what options demand of others, or NULL */
};
const struct clg_rule *clg_rule_find(const char *name); /* NULL: none */
/* "sgd, asgd, adagrad, ..." */
#define CLG_RULE_NAMES 256
void clg_rule_names(char buffer[CLG_RULE_NAMES]);
bool clg_rule_decays(const struct clg_rule *rule); /* has a weight decay */

/* Fails unless the options are what the rule's may be. name: the optimizer's. */
clg_status clg_rule_check(struct clg_ctx *ctx, const struct clg_rule *rule, const char *name,
                          const clg_optimizer_params *params);
/* Whether no number is out of the ordinary, so that checks may go by the gradients. */
bool clg_rule_is_ordinary(const struct clg_rule *rule, const clg_optimizer_params *params);
#define CLG_ORDINARY 0x1p10f

/* The source of the rule's kernel, which has its name, and of NAME_norms where it is normed (kernel.c). */
void clg_rule_write(struct clg_text *text, const struct clg_rule *rule,
                    const clg_optimizer_params *params);
/* Its arguments after the states. */
void clg_rule_arguments(struct clg_launch *launch, const struct clg_rule *rule,
                        const clg_optimizer_params *params);

/* The value of an option, a flag as 0 or 1. */
float clg_number_get(const struct clg_number *number, const clg_optimizer_params *params);
void clg_number_set(const struct clg_number *number, clg_optimizer_params *params, double value);

/* ---- optimizers ---- */

struct clg_optimizer_chunk {
    struct clg_buffer *state[CLG_RULE_STATES]; /* NULL: nothing in the chunk is trained */
    struct clg_buffer *sum; /* of gradients that wait for the next update's; NULL: none ever do */
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
    const char *state[CLG_RULE_STATES]; /* those in use, `states` of them */
    uint32_t states;
    float lr;
    bool accumulates, clips;  /* clips: by norm; both before it is in a graph */
    float max_norm, most;     /* of the gradients' norm, and of each; INFINITY: any */
    int part;                 /* of the step block */
    CLG_VEC(struct clg_group) groups;
    CLG_VEC(int64_t) trained; /* entries, in any graph */
    CLG_VEC(struct clg_optimizer_chunk) chunks;
    CLG_VEC(struct clg_optimizer_update *) updates; /* those that live */
};

/* What an update's kernels read of a chunk; NULL: nothing in it is trained. */
struct clg_update_tables {
    struct clg_buffer *segments;       /* factor and decay of each segment */
    struct clg_buffer *trust, *ranges; /* of a normed rule: cl/trust.cl */
    uint32_t parameters;               /* as many ranges */
};

/* What clg_minimize leaves in a graph, and what dies with the graph. */
struct clg_optimizer_update {
    struct clg_object object;        /* child of the graph */
    struct clg_optimizer *optimizer; /* NULL: destroyed */
    int64_t *entries;
    size_t count;
    CLG_VEC(struct clg_update_tables) tables; /* per chunk */
};

/* A new update of entries (taken over), as a child of the graph. */
struct clg_optimizer_update *clg_update_create(struct clg_optimizer *optimizer, clg_graph *graph,
                                               int64_t *entries, size_t count);
/* For struct clg_update. */
clg_status clg_update_check(const void *update);
clg_status clg_update_prepare(void *update);
bool clg_update_wants(const void *update, enum clg_update_pass pass);
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
/* Sends what clips gradients to the step block. */
clg_status clg_optimizer_send_clip(struct clg_optimizer *optimizer);
/* Sends the learning rate to the step block. */
clg_status clg_optimizer_send_lr(struct clg_optimizer *optimizer);

#endif
