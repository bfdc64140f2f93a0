/* The store's structure, shared by the files of this folder. */
#ifndef CLG_STORE_OBJECT_H
#define CLG_STORE_OBJECT_H

#include "store/safetensors.h"
#include "store/store.h"

struct clg_chunk {
    struct clg_buffer *value, *gradient; /* value NULL: planned; gradient NULL: nothing asked for it */
    uint64_t count;                      /* floats */
    size_t first, entries;
    bool parameters; /* it holds one at least */
};

/* A tensor of a file that no entry takes: kept for the next save, or for an optimizer to come. */
struct clg_kept {
    char *name;
    struct clg_tensor_info info;
    void *data;
};
typedef CLG_VEC(struct clg_kept) clg_kept_list;

struct clg_store {
    struct clg_object object;
    struct clg_device *device;
    uint64_t seed;
    bool sealed;

    CLG_VEC(struct clg_entry *) entries;
    int64_t *slots; /* open addressing by the hash of the name; -1: free */
    size_t slot_count;

    size_t placed; /* entries that have a place in a chunk: the first ones */
    uint64_t chunk_limit;
    CLG_VEC(struct clg_chunk) chunks;
    struct clg_buffer *block, *arena;
    uint32_t parts;  /* bit per optimizer part of the block that is taken */
    uint64_t writes; /* to values and states */
    uint64_t gradient_writes;
    clg_bad_step on_bad_step;
    uint64_t plans;  /* serial numbers given */

    CLG_VEC(struct clg_store_state) states;
    clg_kept_list kept;
};

/* First values of an entry, as its clg_init says (init.c). */
clg_status clg_init_values(const struct clg_store *store, const struct clg_entry *entry,
                           float *values);
/* Refuses an initialiser that cannot work for this shape. */
clg_status clg_init_check(struct clg_ctx *ctx, const char *name, const clg_shape *shape,
                          const clg_init *init);

/* The entry of this name, or NULL with a sentence. */
struct clg_entry *clg_store_lookup(struct clg_store *store, const char *name);

void clg_kept_free(struct clg_ctx *ctx, clg_kept_list *list);

/* Keys of the counters in a file's metadata. */
#define CLG_KEY_PREFIX "clgrad."
#define CLG_KEY_STEP   CLG_KEY_PREFIX "step"
#define CLG_KEY_DRAW   CLG_KEY_PREFIX "draw"
/* Most steps that a file may tell of: there is room to count on. */
#define CLG_STEPS_MAX (INT64_MAX / 2)
/* A checksum of the tensors and of the two above: clg_safetensors_hash(). */
#define CLG_KEY_CHECKSUM CLG_KEY_PREFIX "checksum"

/* Where a state of an entry lies: a buffer beside the entry's chunk; NULL: it has no memory yet, or
 * the optimizer does not train the entry. */
struct clg_buffer *clg_state_buffer(const struct clg_store *store,
                                    const struct clg_store_state *state, int64_t entry);
/* Its name in files. */
clg_status clg_state_name(struct clg_text *text, const struct clg_store_state *state,
                          const struct clg_entry *entry);
/* Whether a name in a file is one of optimizer states, registered or not. */
bool clg_state_is_named(const char *name);
/* The state and entry that a name in a file means; false: none of those registered. */
bool clg_state_find(const struct clg_store *store, const char *name, size_t *state_out,
                    int64_t *entry_out);
/* Whether its optimizer has allocated it. */
bool clg_state_has_memory(const struct clg_store *store, const struct clg_store_state *state);
/* The first state of the optimizer whose count of steps or, then *running, whose running number this name in
 * a file is. NULL: none, or its memory is still to come. */
const struct clg_store_state *clg_state_find_scalar(const struct clg_store *store, const char *name,
                                                    bool *running);
/* Their words in the step block, in bytes: two each. */
uint64_t clg_state_steps_offset(const struct clg_store_state *state);
uint64_t clg_state_running_offset(const struct clg_store_state *state);
/* Refuses a tensor that cannot be a count of steps or a running number. */
clg_status clg_state_check_scalar(struct clg_ctx *ctx, const char *where, const char *name, bool running,
                                  const struct clg_tensor_info *info, const void *data);
/* Writes it to the step block. */
clg_status clg_state_write_scalar(struct clg_store *store, const struct clg_store_state *state, bool running,
                                  const struct clg_tensor_info *info, const void *data);
/* Refuses a tensor that cannot be the values of an entry or of its state. where: for sentences. */
clg_status clg_state_check(struct clg_ctx *ctx, const char *where, const char *name,
                           const struct clg_tensor_info *info, const struct clg_entry *entry);

/* Sets the counters and clears the flags. */
clg_status clg_block_restore(struct clg_store *store, uint64_t draws, uint64_t steps);

#endif
