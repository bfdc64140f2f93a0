/* The training loop, in the parts that clg_fit() and clg_train() are made of. */
#ifndef CLG_TRAIN_FIT_H
#define CLG_TRAIN_FIT_H

#include "train/best.h"
#include "train/pass.h"

/* How long a training will be. */
struct clg_length {
    int64_t steps_per_epoch, epochs, steps;
};
/* Of a training on so many samples, at least one. */
struct clg_length clg_fit_length(int64_t samples, const clg_fit_params *params);

/* Where a training stands between two steps: what going on takes beside the store, the schedule and
 * the best weights. */
struct clg_position {
    int64_t steps, epochs;         /* done */
    int64_t row;                   /* of the epoch's samples, the next one */
    double seconds, epoch_seconds; /* so far, of the training and of the epoch */
    clg_metric_sum sums[CLG_PASS_OUTPUTS]; /* of the epoch: of the pass's outputs */
};

struct clg_fitting {
    struct clg_ctx *ctx;
    clg_model model;
    clg_fit_params params;
    struct clg_pass train, validation, test; /* data NULL: none */
    int32_t *order;                          /* of an epoch's samples, to be uploaded */
    struct clg_length length;
    clg_fit_result result;
    bool stopped;
    int64_t row; /* of the epoch's samples, the next one */
    struct clg_position from;
    /* Called between two steps, and after an epoch's line (end); NULL: nobody looks. The last call is
     * where the training may be gone on from, unless a step was refused. */
    clg_status (*pause)(void *user, bool end);
    struct clg_best best;

    /* Times in seconds of the monotonic clock. */
    double begin, epoch_begin, last_look, last_progress;
    int64_t look_every, next_look; /* in steps */
    int64_t epoch_samples;
};

/* Checks, compiles, and brings the data to the device. On failure nothing is left behind. */
clg_status clg_fitting_init(struct clg_fitting *fit, const clg_model *model, clg_dataset *train,
                            clg_dataset *test, const clg_fit_params *params);
/* Waits for the device. *good: no step was refused so far, and out is filled. */
clg_status clg_fitting_get_position(struct clg_fitting *fit, struct clg_position *out, bool *good);
/* Goes on from there; before clg_fitting_run(). */
void clg_fitting_set_position(struct clg_fitting *fit, const struct clg_position *position);
clg_status clg_fitting_run(struct clg_fitting *fit);
/* Gives the store the best epoch's weights, where there is early stopping. */
clg_status clg_fitting_take_best(struct clg_fitting *fit);
void clg_fitting_finish(struct clg_fitting *fit);

/* The sentence of a training that was stopped by NAN or INDEX; CLG_OK for other reasons. */
clg_status clg_fitting_verdict(const struct clg_fitting *fit);

double clg_seconds(void); /* of the monotonic clock */

/* The pass over a data set in inference, not yet open. */
struct clg_pass clg_inference_pass(const clg_model *model, clg_dataset *data,
                                   const clg_fit_params *params);
/* Checks what all functions over a data set are given. ctx: the data set's. */
clg_status clg_check_pass(const clg_model *model, const clg_dataset *data,
                          const clg_fit_params *params, bool labels);

#endif
