/* What a person sees of a training. */
#ifndef CLG_CLI_PROGRESS_H
#define CLG_CLI_PROGRESS_H

#include <clgrad/train.h>

/* The longest text of a line. */
#define CLG_PROGRESS_TEXT 384

/* How a training goes, in less than width columns: the bar, the rate, the time left and the
 * accuracy go in this order where they do not fit. 0: all but the bar. Returns out. */
const char *clg_bar_text(char out[CLG_PROGRESS_TEXT], int width, const clg_fit_progress *progress);
/* The line of an epoch, without its line feed. Where width columns (0: endless) are too few its
 * words are shortened, and then it takes several lines. Returns out. */
const char *clg_epoch_text(char out[CLG_PROGRESS_TEXT], int width, const clg_epoch *epoch);

/* Progress on standard error: on a terminal a line that is written over; else, and on one that
 * cannot, a line a minute where no other was printed meanwhile. */
struct clg_meter {
    bool off, over;   /* nothing at all; written over */
    double last_line; /* by clg_meter_now() */
};
/* Seconds, by the monotonic clock. */
double clg_meter_now(void);
/* Whether a line that is not written over is due now; then it counts as printed. */
bool clg_meter_due(struct clg_meter *meter, double now);
void clg_meter_show(struct clg_meter *meter, const clg_fit_progress *state);
/* Takes the line off, so that something else can be printed: CLG_METER_CLEAR. */
#define CLG_METER_CLEAR "\r\033[K"
void clg_meter_clear(struct clg_meter *meter);

/* What all commands that train do with a signal, and after a line: the folder is the result, so a
 * training goes on without what it prints. stop: for clg_train_params. */
bool clg_training_stop(void *user);
void clg_training_flush(void);

#endif
