/* The store as the floors above see it. */
#ifndef CLG_STORE_STORE_H
#define CLG_STORE_STORE_H

#include <clgrad/store.h>
#include "device/device.h"

enum clg_entry_kind { CLG_ENTRY_PARAMETER, CLG_ENTRY_STATE };

/* A named tensor. Its value lies in chunk `chunk` at `offset` elements; its gradient and optimizer
 * states lie in buffers of the same size at the same offset. Entries start at multiples of
 * CLG_SEGMENT floats, so that kernels over a whole chunk can look properties up per block. */
#define CLG_SEGMENT 64
struct clg_entry {
    char *name;
    enum clg_entry_kind kind;
    clg_shape shape;
    clg_init init;
    uint32_t chunk;
    uint64_t offset, count; /* elements */
    bool trained;           /* an optimizer's graph writes its gradient */
    uint64_t gradient_of;   /* serial number of the plan that wrote it last; 0: none */
};

/* Words of the step block (uint32 each), the first part of the block buffer; kernels see it as
 * `global uint *block` (cl/step.clh repeats the numbers). */
enum clg_block_word {
    CLG_BLOCK_DRAW = 0, /* low word of the draw counter */
    CLG_BLOCK_DRAW_HIGH,
    CLG_BLOCK_STEP, /* low word of the updates done */
    CLG_BLOCK_STEP_HIGH,
    CLG_BLOCK_RAISED, /* flags raised since the last check: or of CLG_RAISED_* */
    CLG_BLOCK_SKIP,   /* 1: this step changes nothing; gated kernels read this alone */
    CLG_BLOCK_WHY,    /* flags of the first bad step */
    CLG_BLOCK_FIRST_BAD = 8, /* low word of its number, from 1; 0: none was */
    CLG_BLOCK_FIRST_BAD_HIGH,
    CLG_BLOCK_SKIPPED, /* low word of how many were skipped */
    CLG_BLOCK_SKIPPED_HIGH,
    CLG_BLOCK_ON_BAD,    /* enum clg_bad_step; not forgotten with a bad step */
    CLG_BLOCK_SEED = 14, /* low word of the seed */
    CLG_BLOCK_SEED_HIGH,
    CLG_BLOCK_WORDS = 16
};
#define CLG_RAISED_LOSS   1u
#define CLG_RAISED_UPDATE 2u
#define CLG_RAISED_INDEX  4u

/* A part of 16 words per optimizer follows. */
enum clg_part_word {
    CLG_PART_LR,    /* float */
    CLG_PART_LOOK,  /* 1: the next check computes every element's update (cl/optim.clh) */
    CLG_PART_STEPS, /* low word of the updates this optimizer has done */
    CLG_PART_STEPS_HIGH,
    CLG_PART_MAX_NORM, /* float: of all gradients together */
    CLG_PART_CLIP,     /* float: the factor of the gradients that keeps to it */
    CLG_PART_NORM,     /* float: what the norm was */
    CLG_PART_MOST,     /* float: of each gradient, after that */
    CLG_PART_BATCHES,  /* whose gradients wait to be added to those of the next update */
    CLG_PART_RUNNING, /* float: a number of the rule, as it was after an even step */
    CLG_PART_RUNNING_ODD
};
#define CLG_BLOCK_OPTIMIZERS 16
/* Word of the block where part `part` begins. */
#define CLG_PART(part)       (CLG_BLOCK_WORDS + 16 * (part))
#define CLG_BLOCK_BYTES      ((CLG_BLOCK_WORDS + 16 * CLG_BLOCK_OPTIMIZERS) * 4)
/* A store's block goes on with the sums of squares that norms are made of (cl/gradient.cl). */
#define CLG_SQUARES           512 /* for each optimizer */
#define CLG_STORE_BLOCK_BYTES (CLG_BLOCK_BYTES + CLG_BLOCK_OPTIMIZERS * CLG_SQUARES * 4)

struct clg_object *clg_store_object(struct clg_store *store);
struct clg_device *clg_store_device(const struct clg_store *store);
uint64_t clg_store_seed(const struct clg_store *store);

/* The entry of this name, made when new. Refused: a sealed store and an unknown name, another shape
 * or kind. -1 on failure, else its index. */
int64_t clg_store_entry(struct clg_store *store, const char *name, enum clg_entry_kind kind,
                        clg_shape shape, const clg_init *init);
int64_t clg_store_find(const struct clg_store *store, const char *name); /* -1: none */
const struct clg_entry *clg_store_get_entry(const struct clg_store *store, int64_t index);

/* Gives every entry its place in a chunk, still without memory. */
clg_status clg_store_place(struct clg_store *store);
/* Adds the bytes that allocating what has a place is still to take. */
void clg_store_measure(const struct clg_store *store, bool gradients, clg_memory *sum);
/* Allocates and initialises everything that is not yet; before launches are lowered. */
clg_status clg_store_allocate(struct clg_store *store);
/* Gradient buffers beside the chunks (zeroed when made). */
clg_status clg_store_allocate_gradients(struct clg_store *store);

/* Where things lie, after allocation. */
struct clg_view clg_store_value(const struct clg_store *store, int64_t entry);
struct clg_view clg_store_gradient(const struct clg_store *store, int64_t entry);
uint32_t clg_store_chunks(const struct clg_store *store);
/* Whole chunks as flat float views; count elements are in use. */
struct clg_view clg_store_chunk_value(const struct clg_store *store, uint32_t chunk);
struct clg_view clg_store_chunk_gradient(const struct clg_store *store, uint32_t chunk);

/* The step block. */
struct clg_buffer *clg_store_block(const struct clg_store *store);

/* Takes a free optimizer part of the block: 0 ..., or -1 when all are taken; and gives it back. */
int clg_store_take_part(struct clg_store *store);
void clg_store_give_part(struct clg_store *store, int part);
/* A number of its own for a plan, from 1; and which plan wrote an entry's gradient last. */
uint64_t clg_store_next_serial(struct clg_store *store);
void clg_store_set_gradient_of(struct clg_store *store, int64_t entry, uint64_t plan);
/* Makes the part's next check compute every element's update. */
clg_status clg_store_look(struct clg_store *store, int part);
/* Counts the gradients that the application wrote. */
uint64_t clg_store_gradient_writes(const struct clg_store *store);
/* Counts what was written to values and states: a plan that knows the count as its last update left it
 * knows that nobody else has written since. */
uint64_t clg_store_writes(const struct clg_store *store);
void clg_store_written(struct clg_store *store);
/* From now on the entry's gradient means something (clg_store_get_gradient). */
void clg_store_mark_trained(struct clg_store *store, int64_t entry);

/* A kind of optimizer state that files carry, as optimizer.OPTIMIZER.STATE.PARAMETER. Registered by
 * optimizers; the strings must live as long as the registration. */
#define CLG_STATE_PREFIX "optimizer."
struct clg_store_state {
    const char *optimizer, *state;
    void *owner;
    uint32_t index; /* which of the owner's: for buffer() */
    int part;       /* of the owner: its steps are saved as optimizer.OPTIMIZER.step */
    const char *running; /* name of its running number, saved in the same manner; NULL: none */
    /* The state's buffer beside a chunk; NULL: not allocated yet. */
    struct clg_buffer *(*buffer)(void *owner, uint32_t index, uint32_t chunk);
    bool (*has)(void *owner, int64_t entry); /* whether the optimizer trains it */
};
clg_status clg_store_add_state(struct clg_store *store, const struct clg_store_state *state);
/* Removes all states of an owner. What a file had for it is gone. */
void clg_store_remove_states(struct clg_store *store, const void *owner);
/* A state's buffer for a chunk: as large as the chunk, zeros. NULL on failure. */
struct clg_buffer *clg_store_create_beside(struct clg_store *store, uint32_t chunk);
/* Writes into the owner's buffers and count of steps what a file loaded earlier had for them; after allocating them.
 */
clg_status clg_store_restore_states(struct clg_store *store, const void *owner);

/* Test hook: chunks made from now on hold at most `floats`, or one entry. */
void clg_store_limit_chunks(struct clg_store *store, uint64_t floats);

/* The scratch arena shared by the plans of the store: at least bytes large afterwards. */
clg_status clg_store_reserve(struct clg_store *store, size_t bytes);
struct clg_buffer *clg_store_arena(const struct clg_store *store);

#endif
