/* clgrad/store.h: named parameters, initialisers, and their files. */
#ifndef CLGRAD_STORE_H
#define CLGRAD_STORE_H

#include <clgrad/device.h>
#include <clgrad/shape.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Named parameters with gradients and optimizer states, in device memory that never moves; the step
 * counters and the flag word; the scratch memory all its plans share. Child of the device. */
typedef struct clg_store clg_store;

/* A new, empty store, or NULL. seed: of initial values and of random ops. */
CLG_API clg_store *clg_store_create(clg_device *device, uint64_t seed);

/* Destroys the store with its graphs, plans and optimizers, and sets the pointer to NULL. */
CLG_API void clg_store_destroy(clg_store **store);

typedef enum clg_init_scheme {
    CLG_INIT_ZEROS,
    CLG_INIT_CONSTANT,       /* a */
    CLG_INIT_NORMAL,         /* mean a, standard deviation b */
    CLG_INIT_UNIFORM,        /* [a, b) */
    CLG_INIT_XAVIER_UNIFORM, /* U(-s, s), s = sqrt(6 / (fan_in + fan_out)); Glorot & Bengio 2010 */
    CLG_INIT_XAVIER_NORMAL,  /* std = sqrt(2 / (fan_in + fan_out)) */
    CLG_INIT_HE_UNIFORM,     /* U(-s, s), s = sqrt(6 / fan_in); He et al. 2015 */
    CLG_INIT_HE_NORMAL,      /* std = sqrt(2 / fan_in) */
    CLG_INIT_FAN_IN,         /* U(-s, s), s = 1 / sqrt(fan_in): PyTorch's default for a linear layer */
    CLG_INIT_CALLBACK        /* fill() */
} clg_init_scheme;

/* How a parameter gets its first values: a function of the store's seed and the parameter's name.
 * fan_in and fan_out of 0 mean: from the shape (out, in, kernel...): fan_in = in * kernel,
 * fan_out = out * kernel. */
typedef struct clg_init {
    clg_init_scheme scheme;
    float a, b;
    int64_t fan_in, fan_out;
    /* Writes count values; non-zero: failure. */
    int (*fill)(void *user, const char *name, clg_shape shape, float *values, size_t count);
    void *user;
} clg_init;

/* How many entries (parameters and states), and the i-th name in the order they were made; NULL
 * outside. The string belongs to the store. */
CLG_API size_t clg_store_count(const clg_store *store);
CLG_API const char *clg_store_name(const clg_store *store, size_t i);

/* What an entry is. CLG_ERR_ARGUMENT when there is none of this name. Either out may be NULL. */
CLG_API clg_status clg_store_describe(clg_store *store, const char *name, clg_shape *shape_out,
                                      bool *trainable_out);

/* Copies an entry's values (row-major float32; bytes exactly) out of and into the store. */
CLG_API clg_status clg_store_get(clg_store *store, const char *name, float *values, size_t bytes);
CLG_API clg_status clg_store_set(clg_store *store, const char *name, const float *values,
                                 size_t bytes);

/* Copies the gradient of the last step; CLG_ERR_STATE when nothing trains the parameter. */
CLG_API clg_status clg_store_get_gradient(clg_store *store, const char *name, float *values,
                                          size_t bytes);

/* Writes the gradient of the last clg_plan_backward(): the next clg_plan_update() takes it as if it had
 * been computed. CLG_ERR_STATE when nothing trains the parameter. */
CLG_API clg_status clg_store_set_gradient(clg_store *store, const char *name, const float *values,
                                          size_t bytes);

/* After this, an op or layer that names an unknown entry is an error. */
CLG_API void clg_store_seal(clg_store *store);

/* Writes entries as safetensors under their names, optimizer states as optimizer.NAME.STATE.ENTRY, an
 * optimizer's steps as optimizer.NAME.step (U32; U64 from 2^32 on), the
 * counters as metadata clgrad.step and clgrad.draw, and a checksum of all this as clgrad.checksum; tensors kept by a load are written back.
 * Temporary file, fsync, rename: the old file is there until the new one is whole. Equal stores give
 * equal files. metadata: NULL, or pairs key, value, ..., NULL; no key begins with "clgrad.". */
CLG_API clg_status clg_store_save(clg_store *store, const char *path, const char *const *metadata);

/* What of a store is saved. */
typedef struct clg_save_params {
    bool states; /* of optimizers, with their counts of steps, and those kept for optimizers to come;
                  * default true. Without them the tensors are the state dict of a PyTorch module: beside
                  * running_mean stands num_batches_tracked, the training forwards so far */
    const char *const *metadata; /* as in clg_store_save(); default NULL */
} clg_save_params;
CLG_API clg_save_params clg_save_defaults(void);

/* clg_store_save() of a part. params: NULL for the defaults. */
CLG_API clg_status clg_store_save_with(clg_store *store, const char *path,
                                       const clg_save_params *params);

/* Reads a safetensors file into the entries; F64, F16 and BF16 become float32. Refused, with the store
 * as it was: a damaged file, and one whose checksum (where it has one) is another; a float tensor the store does not have and an entry the file does not
 * have, of which the sentence names all; another shape. Integer tensors the store does not have are
 * kept for the next save, and states of optimizers to come until these are there. Counters and states
 * that are not in the file start at 0; a bad step is forgotten. Training goes on from a file with the
 * bits it would have had without. */
CLG_API clg_status clg_store_load(clg_store *store, const char *path);

/* What of a file is loaded. What is left out stays as it is in the store. */
typedef struct clg_load_params {
    bool values;   /* of entries, and integer tensors the store does not have; default true */
    bool states;   /* of optimizers, with their counts of steps; default true */
    bool counters; /* clgrad.step and clgrad.draw; default true */
    const char *const *match; /* patterns (* and ?) of the entries that the call is about, until NULL;
                               * NULL (default): all */
    bool missing; /* entries that the file does not have are left as they are; default false */
    bool extra;   /* float tensors that the store does not have are left out; default false */
    /* Called with each pair of the metadata of a file that is not damaged, also when its tensors turn
     * out not to fit, before anything is changed; NULL (default). */
    void (*metadata)(void *user, const char *key, const char *value);
    void *user;
} clg_load_params;
CLG_API clg_load_params clg_load_defaults(void);

/* How many tensors were loaded into values and states, how many entries the file did not have, and how
 * many float tensors the store did not have. */
typedef struct clg_load_report {
    size_t values, states, missing, extra;
} clg_load_report;

/* clg_store_load() of a part: initial values for a new training (values alone), the body of another
 * model (match and extra), and so on. params: NULL for the defaults; report (may be NULL) is filled on
 * success. */
CLG_API clg_status clg_store_load_with(clg_store *store, const char *path,
                                       const clg_load_params *params, clg_load_report *report);

/* Counters of the training: draws (training forwards), steps (updates), and the first step (from 1)
 * whose loss or update was not finite or whose index or label was out of range, 0 when there was
 * none; counted are updates that were tried, steps and skipped. With CLG_BAD_STOP steps change nothing
 * while it is not 0. Waits for the device. */
typedef struct clg_progress {
    uint64_t draws, steps, first_bad_step;
    bool bad_loss, bad_update, bad_index; /* why */
    uint64_t skipped;                     /* bad steps so far, with CLG_BAD_SKIP */
} clg_progress;
CLG_API clg_status clg_store_progress(clg_store *store, clg_progress *out);

/* What a bad step does: it changes no parameter and no state, and then STOP (default): nor does any step
 * after it; SKIP: the training goes on with the next one, and the bad one is counted. */
typedef enum clg_bad_step { CLG_BAD_STOP, CLG_BAD_SKIP } clg_bad_step;
/* From the next step on. Loading a file and clg_store_clear_bad() do not change it. */
CLG_API clg_status clg_store_on_bad_step(clg_store *store, clg_bad_step what);

/* Forgets a bad step, and how many were skipped, so that training can go on (say with a lower learning rate). */
CLG_API clg_status clg_store_clear_bad(clg_store *store);

#ifdef __cplusplus
}
#endif
#endif
