/* Numbers of an epoch's line by the names they have in log.jsonl. */
#ifndef CLG_TRAIN_METRIC_H
#define CLG_TRAIN_METRIC_H

#include <clgrad/train.h>

/* What there is to choose from, NULL at the end. */
extern const char *const clg_metric_names[];

/* NaN for a name that is none, and for what the epoch does not have. */
double clg_metric_value(const clg_epoch *epoch, const char *name);
/* Whether more of it is better. */
bool clg_metric_rises(const char *name);
/* Refuses what the epochs of a training will not have; reader: what looks at it, for the sentence. */
clg_status clg_metric_check(struct clg_ctx *ctx, const char *reader, const char *name,
                            bool validation, bool test, bool accuracy);

#endif
