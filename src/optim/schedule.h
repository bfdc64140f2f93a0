/* Schedules: kinds with their formulas, and an object on an optimizer. */
#ifndef CLG_OPTIM_SCHEDULE_H
#define CLG_OPTIM_SCHEDULE_H

#include <clgrad/schedule.h>
#include "base/context.h"

/* A number of clg_schedule_params, and what it must be: over or from low, up to high. */
struct clg_schedule_limit {
    const char *name;
    size_t offset;
    bool whole; /* int64_t; else double */
    bool over;  /* low itself is refused */
    double low, high;
    const char *must;
};

struct clg_schedule_kind {
    const char *name;
    const struct clg_schedule_limit *limits; /* until name NULL */
    /* The rate t counts after the warm-up. */
    double (*rate)(const struct clg_schedule *schedule, int64_t t);
};
/* NULL: none. */
const struct clg_schedule_kind *clg_schedule_find(const char *name);
/* "step, multistep, ..." */
void clg_schedule_names(char *buffer, size_t size);

struct clg_schedule {
    struct clg_object object;
    struct clg_optimizer *optimizer;
    const struct clg_schedule_kind *kind;
    clg_schedule_params params; /* milestones are a copy; lr is a number */
    int64_t *milestones;        /* that copy */
    clg_schedule_state state;
};

#endif
