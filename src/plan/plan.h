/* The compiled plan. */
#ifndef CLG_PLAN_PLAN_H
#define CLG_PLAN_PLAN_H

#include "base/text.h"
#include "plan/ir.h"

/* Where every value of the plan lies. A value is an output of a node: values[first[node] + output].
 */
struct clg_value {
    struct clg_view view; /* buffer NULL: nobody reads it */
    struct clg_ref base;  /* the value whose memory it shares (itself, but for reshapes) */
    uint32_t begin, end;  /* positions in the order: made, last read */
    bool read, placed;
    uint32_t gradient; /* number of the root whose gradient is written here, from 1; 0: none */
};
struct clg_scratch {
    uint64_t bytes, offset; /* in the arena */
    uint32_t begin, end;
    struct clg_value *value; /* NULL: a workspace */
};
struct clg_places {
    uint32_t *first;
    struct clg_value *values;
    uint32_t count;
    struct clg_view *workspace; /* per position in the order */
    struct clg_scratch *scratch;
    uint32_t scratch_count;
    uint64_t own_bytes, arena_bytes, arena_bound;
};

/* A copy that a root needs because its value lies elsewhere. */
struct clg_copy {
    struct clg_view from, to;
    bool gated;
};

struct clg_plan_input {
    const char *name;
    uint32_t node;
    bool ready; /* written or bound */
    struct clg_array *array, *index; /* that feed it: retained; NULL: none */
    float mean, std;
    struct clg_buffer *bound; /* the application's memory, or NULL */
    uint64_t own_offset;      /* while bound: where the input lay before */
};

/* What a step consists of, in the order in which it runs: lists of launches, each of them a whole. */
enum clg_phase {
    CLG_PHASE_FEED,    /* inputs are gathered from arrays */
    CLG_PHASE_COMPUTE, /* forward and backward; gradients lie in the store */
    CLG_PHASE_ADD,     /* instead of all that follows: gradients wait for those of the next batch */
    CLG_PHASE_MEAN,    /* gradients become the mean over all batches */
    CLG_PHASE_NORM,    /* their squares are added up */
    CLG_PHASE_CLOSE,   /* flags count, metrics add up */
    CLG_PHASE_RENORM,  /* after another NORM: when the application wrote gradients since */
    CLG_PHASE_UPDATE,  /* checks; then states and parameters change */
    CLG_PHASES
};

struct clg_plan {
    struct clg_object object;
    struct clg_graph *graph;
    struct clg_store *store;
    struct clg_device *device;
    struct clg_ir ir;
    struct clg_places places;
    struct clg_buffer *own, *block, *tally; /* block: the store's, or private in inference */
    CLG_VEC(struct clg_plan_input) inputs;
    CLG_VEC(struct clg_copy) compute_copies;
    CLG_VEC(struct clg_copy) update_copies;
    struct clg_launches phases[CLG_PHASES];
    size_t updates;  /* how many of the graph's are in it: clg_minimize() may add some later */
    uint64_t writes; /* to the store, as this plan's last update left it */
    uint64_t gradient_writes; /* as its last backward left them */
    uint64_t serial; /* in the store: whose gradients are there (clg_store_gradient_of) */
    bool ran;        /* the last forward was enqueued whole: there are outputs */
    bool pending;    /* and no update has followed it */
    uint32_t losses, metrics, first_sum; /* word of the tally where the sums begin */
    struct clg_text dot, choices;
};

struct clg_value *clg_plan_value(const struct clg_plan *plan, struct clg_ref ref);

/* Decides how everything lies in the plan's own memory and in the arena (place.c); and gets these, and
 * the places in the store. */
clg_status clg_plan_measure(struct clg_plan *plan);
clg_status clg_plan_place(struct clg_plan *plan);
/* Adds the bytes that compiling it is still to take, once it was measured. */
void clg_plan_add_memory(const struct clg_plan *plan, clg_memory *sum);
bool clg_plan_has_gradients(const struct clg_plan *plan);
/* How many words the tally has (lower.c). */
size_t clg_plan_tally_words(const struct clg_plan *plan);
/* Results lie where operands did that nobody reads later (share.c). */
void clg_plan_share(struct clg_plan *plan);
/* Reshapes lie where their source lies, and copies start there: again after an input moved. */
clg_status clg_plan_follow(struct clg_plan *plan);
/* A bound input gets its place in the plan's own memory back (opencl.c). */
clg_status clg_plan_unbind(struct clg_plan *plan, struct clg_plan_input *input);
/* Fills the phases but the feed and builds them (lower.c). */
clg_status clg_plan_lower(struct clg_plan *plan);
/* Ends an input's feed; the launches are to be made again (feed.c). */
void clg_plan_unfeed(struct clg_plan_input *input);
/* The launches that gather the fed inputs (feed.c). */
clg_status clg_plan_lower_feeds(struct clg_plan *plan);
/* Compiles the IR in plan->ir; used by clg_compile and clg_eval. */
struct clg_plan *clg_plan_create(clg_graph *graph);
clg_status clg_plan_compile(struct clg_plan *plan);
/* NULL, and a failure that lists what there is, for an unknown name. */
struct clg_plan_input *clg_plan_find_input(struct clg_plan *plan, const char *name);
struct clg_root *clg_plan_find_output(struct clg_plan *plan, const char *name);
/* The optimizers that it updates with are there. */
clg_status clg_plan_check_optimizers(const struct clg_plan *plan);
/* Every input is written, bound or fed; the device lives. */
clg_status clg_plan_check_inputs(struct clg_plan *plan);

#endif
