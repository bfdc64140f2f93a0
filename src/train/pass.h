/* A data set on the device, and the plans that run over it. */
#ifndef CLG_TRAIN_PASS_H
#define CLG_TRAIN_PASS_H

#include <clgrad/train.h>
#include "data/dataset.h"

#define CLG_PASS_OUTPUTS 3

struct clg_pass {
    struct clg_ctx *ctx;
    const clg_model *model;
    clg_dataset *data;
    clg_mode mode;
    int64_t batch; /* of a full step */
    float mean, std;
    bool with_labels;
    bool adds; /* gradients of a step wait for those of the next */
    const char *outputs[CLG_PASS_OUTPUTS + 1];
    double variance; /* of the labels, where errors are asked for */
    /* An open pass over the same content, whose samples and labels this one uses; NULL: none. */
    const struct clg_pass *beside;
    clg_array *samples, *labels, *order; /* order NULL: the files' order */
    struct clg_pass_plan {
        int64_t batch, next; /* next: the row its cursor stands at */
        clg_plan *plan;
    } full, rest; /* rest: the short batch at the end, made when first met */
};

/* Refuses passes (NULL at the end) that together do not fit the device: plans, and data sets with
 * an order of the first one's samples; content of several passes counts once. Allocates nothing
 * there.
 */
clg_status clg_passes_check_memory(struct clg_pass *const *passes, bool order);

/* Compiles the plan of the full batch, waits for the data and brings them to the device. order:
 * with a place for an order of the samples. On failure the pass is closed. */
clg_status clg_pass_open(struct clg_pass *pass, bool order);
void clg_pass_close(struct clg_pass *pass);

/* Sets the order of the data set's samples from now on; of a view, `order` becomes that of rows. */
clg_status clg_pass_set_order(struct clg_pass *pass, int32_t *order);

/* Starts the sums of the metrics anew. */
clg_status clg_pass_reset(struct clg_pass *pass);

/* What the full batch's plan has added up of the outputs, and sets it. */
clg_status clg_pass_get_sums(const struct clg_pass *pass, clg_metric_sum sums[CLG_PASS_OUTPUTS]);
clg_status clg_pass_set_sums(const struct clg_pass *pass,
                             const clg_metric_sum sums[CLG_PASS_OUTPUTS]);

/* A step over the samples from row on: a full batch, or what is left; *count of them. *plan: the
 * plan that did it. */
clg_status clg_pass_step(struct clg_pass *pass, int64_t row, int64_t *count, clg_plan **plan);

/* The plan of the short batch, compiled now instead of when first met. */
clg_status clg_pass_prepare_rest(struct clg_pass *pass);

/* Waits, and gives the means since the last reset. */
clg_status clg_pass_score(struct clg_pass *pass, clg_score *score);

/* All samples once; the sums of the metrics are then over them. */
clg_status clg_pass_run(struct clg_pass *pass, clg_score *score);

#endif
