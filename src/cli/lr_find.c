/* clgrad lr-find: a short training whose learning rate grows from step to step. Smith 2017, "Cyclical
 * Learning Rates for Training Neural Networks", section 3.3. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <clgrad/train.h>
#include "cli/cli.h"
#include "cli/output.h"

#define SMOOTH 0.9 /* what the running mean of the loss keeps from step to step */
#define WORSE  4.0 /* times the least smoothed loss: there is nothing more to see */

struct search {
    const struct clg_cli *cli;
    const clg_optimizer *optimizer;
    double mean, power; /* running mean of the losses; SMOOTH^steps: its weights' sum is 1 - power */
    double *rates, *losses; /* of the steps so far; losses are smoothed */
    int64_t count;
    double least;
};

static void print_step(const struct search *s, int64_t step, double rate, double loss,
                       double smoothed)
{
    if (s->cli->quiet)
        return;
    if (s->cli->json)
        printf("{\"schema\":1,\"kind\":\"step\",\"step\":%" PRId64
               ",\"lr\":%.9g,\"loss\":%.9g,\"smoothed\":%.9g}\n",
               step, rate, loss, smoothed);
    else
        printf("%.3e\t%.4f\t%.4f\n", rate, loss, smoothed);
    if (!clg_output_flush())
        clg_output_give_up("; the search goes on without it");
}

static void on_step(void *user, int64_t step, double loss)
{
    struct search *s = user;
    double rate = (double)clg_optimizer_get_lr(s->optimizer), smoothed;

    s->mean = SMOOTH * s->mean + (1 - SMOOTH) * loss;
    s->power *= SMOOTH;
    smoothed = s->mean / (1 - s->power);
    if (!isfinite(smoothed))
        return;
    s->rates[s->count] = rate;
    s->losses[s->count++] = smoothed;
    s->least = s->count == 1 || smoothed < s->least ? smoothed : s->least;
    print_step(s, step, rate, loss, smoothed);
}

static bool is_over(void *user)
{
    const struct search *s = user;

    return s->count > 1 && s->least > 0 && s->losses[s->count - 1] > WORSE * s->least;
}

/* Where the smoothed loss falls fastest by the logarithm of the rate; 0: it never falls. */
static double suggest(const struct search *s)
{
    double steepest = 0, rate = 0;

    for (int64_t i = 1; i + 1 < s->count; i++) {
        double slope = (s->losses[i + 1] - s->losses[i - 1]) / log(s->rates[i + 1] / s->rates[i - 1]);

        if (slope < steepest) {
            steepest = slope;
            rate = s->rates[i];
        }
    }
    return rate;
}

static void print_suggestion(const struct search *s)
{
    double rate = suggest(s);

    if (s->cli->quiet)
        return;
    if (s->cli->json && rate > 0)
        printf("{\"schema\":1,\"kind\":\"lr-find\",\"steps\":%" PRId64 ",\"suggestion\":%.3g}\n",
               s->count, rate);
    else if (s->cli->json)
        printf("{\"schema\":1,\"kind\":\"lr-find\",\"steps\":%" PRId64 ",\"suggestion\":null}\n",
               s->count);
    else if (rate > 0)
        printf("the loss falls fastest near a learning rate of %.2g\n", rate);
    else
        printf("the loss falls nowhere: try --from lower, or more --steps\n");
}

/* Rates of from to to, each the same number of times the one before. */
struct range {
    double from, to;
    int64_t steps;
};

static clg_status run(struct search *s, clg_recipe *recipe, clg_device *device,
                      const struct range *range, clg_model *model)
{
    clg_schedule_params schedule = clg_schedule_defaults();
    clg_fit_params fit = clg_recipe_fit(recipe);
    clg_dataset *train;

    if (clg_recipe_datasets(recipe, &train, NULL) != CLG_OK ||
        clg_recipe_model(recipe, device, true, model) != CLG_OK ||
        clg_recipe_check_data(recipe, model, train) != CLG_OK)
        return clg_error_status(s->cli->ctx);
    schedule.lr = range->from;
    schedule.gamma = pow(range->to / range->from, 1 / (double)(range->steps - 1));
    s->optimizer = model->optimizer;
    fit.schedule = clg_schedule_create(model->optimizer, "exponential", &schedule);
    if (!fit.schedule)
        return clg_error_status(s->cli->ctx);
    fit.schedule_by_step = true;
    if (!s->cli->json && !s->cli->quiet)
        printf("lr\tloss\tsmoothed\n");
    fit.early_stopping = (clg_early_stopping){0};
    fit.validation = NULL;
    fit.epochs = 0;
    fit.steps = range->steps;
    fit.log_every = 1;
    fit.user = s;
    fit.on_step = on_step;
    fit.stop = is_over;
    return clg_fit(model, train, NULL, &fit, NULL);
}

/* That the largest rates make a loss that is not finite is what is looked for. */
static int search(struct clg_cli *cli, clg_recipe *recipe, const struct range *range)
{
    struct search s = {.cli = cli, .power = 1};
    clg_device *device = clg_cli_open(cli);
    clg_model model = {0};
    clg_status status;

    if (!device)
        return CLG_EXIT_FAILED;
    s.rates = calloc((size_t)range->steps, sizeof(*s.rates));
    s.losses = calloc((size_t)range->steps, sizeof(*s.losses));
    status = s.rates && s.losses ? run(&s, recipe, device, range, &model) : CLG_ERR_MEMORY;
    if (status == CLG_OK || (status == CLG_ERR_DIVERGED && s.count > 1))
        print_suggestion(&s);
    clg_store_destroy(&model.store);
    free(s.rates);
    free(s.losses);
    if (status == CLG_ERR_MEMORY && !clg_error(cli->ctx)[0])
        return clg_cli_fail(CLG_EXIT_FAILED, "out of memory");
    return status == CLG_OK || (status == CLG_ERR_DIVERGED && s.count > 1) ? CLG_EXIT_OK
                                                                          : clg_cli_fail_ctx(cli);
}

static int check_and_search(struct clg_cli *cli, const char *path, const clg_recipe_params *params,
                            const struct range *range)
{
    clg_recipe *recipe;
    int status;

    if (range->steps < 3 || range->to <= range->from)
        return clg_cli_fail(CLG_EXIT_USAGE,
                            "lr-find: %" PRId64 " steps from %g to %g: there must be 3 steps or more, "
                            "and --to must be over --from",
                            range->steps, range->from, range->to);
    recipe = clg_recipe_read(cli->ctx, path, params);
    status = recipe ? search(cli, recipe, range) : clg_cli_fail_ctx(cli);
    clg_recipe_destroy(&recipe);
    return status;
}

int clg_cli_lr_find(struct clg_cli *cli, int argc, char **argv)
{
    const char **set = calloc((size_t)argc + 1, sizeof(*set)), *path = NULL;
    clg_recipe_params params = {.set = set};
    struct range range = {1e-6, 10, 100};
    const struct clg_cli_flag flags[] = {
        {"--from", "LR", "the first learning rate (default 1e-6)", .real = &range.from},
        {"--to", "LR", "the last one (default 10)", .real = &range.to},
        {"--steps", "N", "how many steps lead there (default 100)", .number = &range.steps},
        {"--data", "DIR", "folder of the recipe's data (default: the recipe's folder)",
         .text = &params.data_dir},
        {"--set", "K=V", "replace a value of the recipe; several times", .list = set},
        {0},
    };
    int status;

    if (!set)
        return clg_cli_fail(CLG_EXIT_FAILED, "out of memory");
    status = clg_cli_parse(cli, argc, argv, flags, (const char *const[]){"RECIPE", NULL}, &path);
    if (status == CLG_EXIT_OK)
        status = check_and_search(cli, path, &params, &range);
    free(set);
    return status;
}
