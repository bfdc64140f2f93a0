/* What a person sees of a training. */
#ifndef CLG_CLI_PROGRESS_H
#define CLG_CLI_PROGRESS_H

#include <clgrad/train.h>

/* Whether standard error is a terminal, where a bar can be drawn. */
bool clg_bar_possible(void);
/* Draws the bar over the line it drew before. */
void clg_bar_draw(const clg_fit_progress *progress);
/* Takes the bar off, so that something else can be printed. */
void clg_bar_clear(void);

/* The line of an epoch on standard output. */
void clg_print_epoch(const clg_epoch *epoch);

#endif
