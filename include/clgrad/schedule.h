/* clgrad/schedule.h: learning rates that change while a training goes on. Names, defaults and formulas
 * are those of torch.optim.lr_scheduler. */
#ifndef CLGRAD_SCHEDULE_H
#define CLGRAD_SCHEDULE_H

#include <clgrad/optim.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The learning rate of an optimizer as a function of a count: of epochs or of steps, as the application
 * counts. Child of the optimizer. */
typedef struct clg_schedule clg_schedule;

/* With t the count from the end of the warm-up on, and lr the rate that the optimizer has now:
 *   step             lr gamma^floor(t / step_size)                                       StepLR
 *   multistep        lr gamma^(how many milestones are <= t)                             MultiStepLR
 *   exponential      lr gamma^t                                                          ExponentialLR
 *   cosine           eta_min + (lr - eta_min) (1 + cos(pi t / T_max)) / 2                CosineAnnealingLR
 *   cosine_restarts  the same with t from the latest restart and T_max of that period: T_0, then
 *                    T_0 T_mult, T_0 T_mult^2 ...; Loshchilov & Hutter 2017   CosineAnnealingWarmRestarts
 *   linear           lr times start_factor ... end_factor over total_iters, then constant LinearLR
 *   polynomial       lr (1 - t / total_iters)^power, then 0                              PolynomialLR
 *   onecycle         max_lr / div_factor, up to max_lr over pct_start of total_steps, and down to the
 *                    first rate / final_div_factor; Smith & Topin 2018. Momentum stays as it is  OneCycleLR
 *   plateau          lr times factor whenever a metric has not become better for more than patience
 *                    observations                                                        ReduceLROnPlateau
 */
typedef struct clg_schedule_params {
    double lr;      /* what the formula starts from; default (NaN) the optimizer's rate, read as the
                     * shortest decimal number that gives its bits */
    int64_t warmup; /* counts before the schedule begins, while the rate rises linearly from a third of lr
                     * (of onecycle's first rate) to it: SequentialLR with LinearLR; default 0 */
    int64_t step_size;         /* step; over 0 */
    const int64_t *milestones; /* multistep: milestone_count numbers over 0, each larger than the one
                                * before; copied */
    size_t milestone_count;
    double gamma;                    /* step, multistep, exponential; over 0; default 0.1 */
    int64_t T_max, T_0, T_mult;      /* cosine, cosine_restarts; over 0; default of T_mult 1 */
    double eta_min;                  /* both; default 0 */
    double start_factor, end_factor; /* linear; in (0, 1] and [0, 1]; default 1/3 and 1 */
    int64_t total_iters;             /* linear, polynomial; over 0; default 5 */
    double power;                    /* polynomial; default 1 */
    double max_lr;                   /* onecycle; over 0 */
    int64_t total_steps;             /* onecycle; over 0; a count past them is refused */
    double pct_start;                /* onecycle; in [0, 1]; default 0.3 */
    bool linear_anneal;              /* onecycle: along lines; default false: along cosines */
    double div_factor, final_div_factor; /* onecycle; over 0; default 25 and 1e4 */
    bool maximize;               /* plateau: more is better; default false */
    double factor;               /* plateau; in (0, 1); default 0.1 */
    int64_t patience, cooldown;  /* plateau: observations; default 10 and 0 */
    double threshold;            /* plateau: what counts as better; default 1e-4 */
    bool absolute;               /* threshold is a difference; default false: a share of the best */
    double min_lr, eps;          /* plateau: the least rate, and the least change; default 0 and 1e-8 */
} clg_schedule_params;
CLG_API clg_schedule_params clg_schedule_defaults(void);

/* A schedule by its name as above; sets the optimizer's rate to that of count 0. After the optimizer's
 * groups were added: their rates change in proportion. params: NULL where nothing must be given. NULL on
 * failure. */
CLG_API clg_schedule *clg_schedule_create(clg_optimizer *optimizer, const char *kind,
                                          const clg_schedule_params *params);

/* Sets the optimizer's rate to that of this count, >= 0, from the next step on; nothing is compiled and
 * nothing waits. plateau past its warm-up: the rate that the observations so far gave. */
CLG_API clg_status clg_schedule_seek(clg_schedule *schedule, int64_t count);

/* clg_schedule_seek() to the next count, as scheduler.step() does: after each epoch, or each step. */
CLG_API clg_status clg_schedule_step(clg_schedule *schedule);

/* Tells plateau the metric of the count that ends; before clg_schedule_step(). During a warm-up nothing
 * is looked at. Other kinds take no notice. NaN is not better. */
CLG_API clg_status clg_schedule_observe(clg_schedule *schedule, double metric);

/* Where a schedule stands, for going on in another process. */
typedef struct clg_schedule_state {
    int64_t count;
    double lr, best;       /* plateau's rate now, and the best metric; infinite at first */
    int64_t bad, cooldown; /* plateau: observations without a better one; left of the cooldown */
} clg_schedule_state;
CLG_API clg_schedule_state clg_schedule_get_state(const clg_schedule *schedule);
/* Goes on from there: also sets the optimizer's rate. */
CLG_API clg_status clg_schedule_set_state(clg_schedule *schedule, const clg_schedule_state *state);

/* Destroys the schedule and sets the pointer to NULL; the optimizer keeps its rate. */
CLG_API void clg_schedule_destroy(clg_schedule **schedule);

#ifdef __cplusplus
}
#endif
#endif
