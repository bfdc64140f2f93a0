/* Early stopping: the weights of the best epoch so far, in the host's memory. */
#ifndef CLG_TRAIN_BEST_H
#define CLG_TRAIN_BEST_H

#include <clgrad/train.h>

struct clg_best {
    int64_t epoch; /* 0: none yet */
    double value;  /* its metric */
    float *values; /* of all entries of the store, one after another */
};

/* Looks at a whole epoch, and keeps the store's values when it is the best so far. */
clg_status clg_best_look(struct clg_best *best, clg_store *store, const clg_early_stopping *rule,
                         const clg_epoch *epoch);
/* Keeps the store's values. */
clg_status clg_best_keep(struct clg_best *best, clg_store *store);
/* Whether none of the last epochs was better than the best. */
bool clg_best_is_past(const struct clg_best *best, const clg_early_stopping *rule, int64_t epochs);
/* Writes what was kept, if anything, into the store. */
clg_status clg_best_restore(const struct clg_best *best, clg_store *store);
void clg_best_finish(struct clg_best *best, clg_store *store);

#endif
