#include "train/best.h"

#include <math.h>

#include "base/context.h"
#include "train/metric.h"

static size_t count_values(clg_store *store, const char *name)
{
    clg_shape shape = {0};
    size_t count = 1;

    if (clg_store_describe(store, name, &shape, NULL) != CLG_OK)
        return 0;
    for (int32_t i = 0; i < shape.rank; i++)
        count *= (size_t)shape.dim[i];
    return count;
}

static size_t count_all(clg_store *store)
{
    size_t all = 0;

    for (size_t i = 0; i < clg_store_count(store); i++)
        all += count_values(store, clg_store_name(store, i));
    return all;
}

/* A store begins with its object, as all handles do. */
static struct clg_ctx *context_of(clg_store *store)
{
    return ((struct clg_object *)store)->ctx;
}

static clg_status copy(clg_store *store, float *values, bool out)
{
    for (size_t i = 0; i < clg_store_count(store); i++) {
        const char *name = clg_store_name(store, i);
        size_t count = count_values(store, name), bytes = count * sizeof(*values);

        CLG_TRY(out ? clg_store_get(store, name, values, bytes)
                    : clg_store_set(store, name, values, bytes));
        values += count;
    }
    return CLG_OK;
}

clg_status clg_best_keep(struct clg_best *best, clg_store *store)
{
    if (!best->values)
        best->values = clg_new(context_of(store), count_all(store), sizeof(*best->values));
    return best->values ? copy(store, best->values, true) : CLG_ERR_MEMORY;
}

clg_status clg_best_restore(const struct clg_best *best, clg_store *store)
{
    return best->epoch ? copy(store, best->values, false) : CLG_OK;
}

void clg_best_finish(struct clg_best *best, clg_store *store)
{
    if (best->values)
        clg_free(context_of(store), best->values);
    *best = (struct clg_best){0};
}

clg_status clg_best_look(struct clg_best *best, clg_store *store, const clg_early_stopping *rule,
                         const clg_epoch *epoch)
{
    double value = clg_metric_value(epoch, rule->metric);
    double gain = clg_metric_rises(rule->metric) ? value - best->value : best->value - value;

    if (isnan(value) || (best->epoch && !(gain > rule->min_delta)))
        return CLG_OK;
    CLG_TRY(clg_best_keep(best, store));
    best->epoch = epoch->epoch;
    best->value = value;
    return CLG_OK;
}

bool clg_best_is_past(const struct clg_best *best, const clg_early_stopping *rule, int64_t epochs)
{
    return epochs - best->epoch >= rule->patience;
}
