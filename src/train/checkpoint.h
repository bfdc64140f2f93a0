/* RUN/checkpoint/: step-N.safetensors has the store with the optimizers' states, and in its metadata
 * under `training` a JSON object with all else that going on takes; best-N.safetensors, with early
 * stopping, the weights that were the best at step N and until the next such file. */
#ifndef CLG_TRAIN_CHECKPOINT_H
#define CLG_TRAIN_CHECKPOINT_H

#include "train/fit.h"
#include "train/recipe.h"
#include "train/run.h"

struct clg_checkpoints {
    struct clg_recipe *recipe;
    const clg_device *device;
    struct clg_fitting *fit;
    struct clg_run *run;
    int64_t best_epoch; /* whose weights the latest best-N has; 0: there is none */
};

/* Writes a checkpoint, unless a step was refused, and removes those that are too many. */
clg_status clg_checkpoint_write(struct clg_checkpoints *checkpoints);

/* Brings store, schedule, best weights and fitting to where the latest whole checkpoint of the run's
 * folder stands; refuses one of another recipe or device. *log_size: bytes of the log until there. */
clg_status clg_checkpoint_read(struct clg_checkpoints *checkpoints, off_t *log_size);

/* Whether a file of that folder is what a killed process left of one. */
bool clg_checkpoint_is_temporary(const char *name);

/* ---- the JSON object (standing.c) ---- */

/* NULL when memory is short. */
json_t *clg_standing_describe(const struct clg_checkpoints *checkpoints,
                           const struct clg_position *position);
/* Refuses a state of another recipe or device; path: of the checkpoint. */
clg_status clg_standing_check(const struct clg_checkpoints *checkpoints, const char *path,
                           const json_t *state);
/* Applies it to schedule, fitting and recipe, but for the best weights, whose epoch it gives. */
clg_status clg_standing_apply(struct clg_checkpoints *checkpoints, const char *path,
                           const json_t *state, off_t *log_size);

#endif
