/* The numbers of a run's log.jsonl as curves. */
#ifndef CLG_CLI_PLOT_LOG_H
#define CLG_CLI_PLOT_LOG_H

#include <stddef.h>
#include "base/context.h"

struct clg_plot_point {
    double x, y; /* y: NaN where the log has null */
};

/* A key of the log's lines, "train_loss", over the epochs (or steps). */
struct clg_plot_curve {
    char *key;
    CLG_VEC(struct clg_plot_point) points;
};

struct clg_plot_log {
    struct clg_ctx *ctx;
    bool by_epoch; /* the log has lines of epochs, which alone are taken; else x is the step */
    CLG_VEC(struct clg_plot_curve) curves; /* in the order the keys appear */
};

/* Reads RUN/log.jsonl. A last line that a kill cut short is left out. Refused: a folder without a
 * log, a log without numbers, a line that is no JSON object. Finish it after failures too. */
clg_status clg_plot_log_read(struct clg_plot_log *log, struct clg_ctx *ctx, const char *run);
void clg_plot_log_finish(struct clg_plot_log *log);
const struct clg_plot_curve *clg_plot_log_find(const struct clg_plot_log *log, const char *key);

#endif
