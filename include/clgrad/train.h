/* clgrad/train.h: training on data sets, by hand or from a recipe. Part of libclgrad-train.
 *
 * Two levels: clg_fit(), clg_evaluate() and clg_predict() take any graph; a recipe (a YAML file,
 * its keys in docs/recipes.md) describes data, model and optimizer, and clg_train() runs it into a
 * folder, as `clgrad train` does. All objects of a call belong to one context. */
#ifndef CLGRAD_TRAIN_H
#define CLGRAD_TRAIN_H

#include <clgrad/clgrad.h>
#include <clgrad/data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is trained: a graph with its store and device, all of which the application (or
 * clg_recipe_model) made and owns. Names that the functions below expect in the graph:
 *   input   an input (CLG_BATCH, sample...) of float32
 *   label   an input of int32 or float32 (not for clg_predict)
 *   loss, accuracy   metrics; accuracy may be missing
 *   result  an output (CLG_BATCH, values) of float32 (for clg_predict alone) */
typedef struct clg_model {
    clg_device *device;
    clg_store *store;
    clg_graph *graph;
    clg_dtype label; /* type of the input label: CLG_I32 (also for 0) or CLG_F32; integer labels are
                      * converted to the latter */
    bool accuracy;   /* the graph has the metric accuracy */
    int64_t results; /* values of `result` for a sample */
    clg_optimizer *optimizer; /* whose learning rate epochs tell; NULL: not told */
    bool errors; /* the graph has the metrics mse and mae, means of squared and absolute errors */
} clg_model;

/* Means over the samples of a pass; NaN for what the graph does not have. Errors are of evaluation,
 * and NaN while training. */
typedef struct clg_score {
    double loss, accuracy;
    double rmse, mae; /* root of the mean squared, and mean absolute error of a regression */
    double r2; /* 1 - squared errors / squared deviations of the labels from their mean over the set (of
                * each output's own); NaN where they do not differ */
    int64_t samples;
} clg_score;

/* A finished epoch (or the part of it that was trained). */
typedef struct clg_epoch {
    int64_t epoch, step; /* from 1; step: all steps so far */
    int64_t epochs;      /* how many there will be */
    clg_score train;     /* while training: dropout on, weights changing */
    clg_score validation, test; /* samples is 0 without such a set */
    double lr;           /* of the epoch's last step; NaN where the model names no optimizer */
    double seconds;      /* of the training, without evaluation */
} clg_epoch;

/* Where the training is, about ten times a second. */
typedef struct clg_fit_progress {
    int64_t epoch, epochs; /* epochs: how many there will be */
    int64_t step, steps;   /* steps: how many there will be */
    clg_score train;       /* of this epoch so far */
    double samples_per_second, seconds_left;
} clg_fit_progress;

typedef enum clg_stop_reason {
    CLG_STOP_EPOCHS,    /* all epochs are done */
    CLG_STOP_STEPS,     /* the limit of steps was reached */
    CLG_STOP_REQUESTED, /* stop() said so */
    CLG_STOP_NAN,       /* a loss or an update was not finite; the weights are those before it */
    CLG_STOP_INDEX,     /* an index or label was out of range; likewise */
    CLG_STOP_EARLY      /* the metric of early stopping did not become better any more */
} clg_stop_reason;

/* "epochs", "steps", "requested", "nan", "index", "early_stopping"; static. */
CLG_API const char *clg_stop_reason_string(clg_stop_reason reason);

/* Ends a training after `patience` whole epochs whose metric was not better than the best by more than
 * min_delta. Afterwards the store has the weights of the best epoch, however the training ended. */
typedef struct clg_early_stopping {
    const char *metric; /* by its name in log.jsonl: "validation_loss"; NULL: no early stopping */
    int64_t patience;   /* >= 1 */
    double min_delta;   /* >= 0 */
} clg_early_stopping;

/* How data reach the graph and how long to train. */
typedef struct clg_fit_params {
    int64_t batch;         /* samples of a step; default 32 */
    int64_t eval_batch;    /* of a step of evaluation; default 1000 */
    int64_t accumulate;    /* batches of an update, which takes the mean of their gradients; default 1. More
                            * need clg_optimizer_accumulate(). At an epoch's end those that are left */
    int64_t epochs, steps; /* whichever is reached first; 0: no limit; default 1 and 0 */
    bool shuffle;          /* a new order each epoch, a function of seed and epoch; default true */
    bool drop_last;        /* leaves out the last, short batch of an epoch; default false */
    uint64_t seed;         /* default 1 */
    float mean, std;       /* the graph's input is (value - mean) / std; default 0 and 1 */
    int64_t log_every;     /* steps between two calls of on_step; 0 (default): none */
    clg_dataset *validation; /* evaluated after each epoch, as the test set is; NULL (default): none */
    double started;        /* clock of CLOCK_MONOTONIC, in seconds, that first_step_seconds counts
                            * from; 0 (default): when the function is called */
    clg_schedule *schedule; /* sets the learning rate before each epoch; NULL (default): it stays */
    bool schedule_by_step;  /* before each step instead; default false */
    const char *schedule_metric; /* what plateau observes after each epoch, by its name in log.jsonl;
                                  * NULL (default): validation_loss, or train_loss without such a set */
    clg_early_stopping early_stopping; /* default: none */
    clg_bad_step on_bad_step; /* clg_store_on_bad_step() for the model's store; default CLG_BAD_STOP */

    /* Called on the caller's thread; each may be NULL (default). */
    void *user;
    bool (*stop)(void *user); /* asked after each step; true ends the training there */
    void (*on_step)(void *user, int64_t step, double loss);
    void (*on_progress)(void *user, const clg_fit_progress *progress);
    void (*on_bad)(void *user, const clg_progress *progress); /* more steps were skipped, as seen when the
                                                               * host waited */
    clg_status (*on_epoch)(void *user, const clg_epoch *epoch); /* a failure ends the training */
} clg_fit_params;
CLG_API clg_fit_params clg_fit_defaults(void);

typedef struct clg_fit_result {
    int64_t steps, epochs;     /* done; epochs: those completed */
    double seconds;            /* from the first step to the end, with evaluation */
    double first_step_seconds; /* until the first step was finished on the device */
    clg_stop_reason reason;
    int64_t stop_step; /* where it stopped: for NAN and INDEX the step that was refused */
    clg_epoch last;    /* the last epoch's line; epoch 0 when there was none */
    int64_t best_epoch; /* of early stopping: whose weights the store has; 0: the last ones */
    double best;        /* its metric */
    int64_t skipped;    /* bad steps, with CLG_BAD_SKIP; they are among the steps */
} clg_fit_result;

/* Trains model.graph (to which clg_minimize() was applied) on train, and evaluates on test (may be
 * NULL) after each epoch. The samples lie on the device meanwhile; the host waits for it about ten
 * times a second, at logged steps, and after an epoch. A stop inside an epoch evaluates that epoch.
 * CLG_ERR_DIVERGED for CLG_STOP_NAN and CLG_STOP_INDEX: the sentence names the step, and the store
 * has the last good weights. result may be NULL; it is filled after failures too. */
CLG_API clg_status clg_fit(const clg_model *model, clg_dataset *train, clg_dataset *test,
                           const clg_fit_params *params, clg_fit_result *result);

/* The mean loss and accuracy over a data set, in inference. */
CLG_API clg_status clg_evaluate(const clg_model *model, clg_dataset *data,
                                const clg_fit_params *params, clg_score *score);

/* Runs the samples of a data set (labels are not looked at) through the graph in inference and
 * gives the values of `result` for each, in order. A non-zero return of row ends it with
 * CLG_ERR_STATE. */
CLG_API clg_status
clg_predict(const clg_model *model, clg_dataset *data, const clg_fit_params *params,
            int (*row)(void *user, int64_t index, const float *values, size_t count), void *user);

/* ---- recipes ---- */

/* A recipe file that was read and found right. Child of the context. */
typedef struct clg_recipe clg_recipe;

typedef struct clg_recipe_params {
    const char *data_dir;   /* folder of the data's relative paths; NULL: the recipe's folder */
    const char *const *set; /* "key.path=value", NULL at the end: each replaces a value */
} clg_recipe_params;

/* Reads a recipe. NULL on failure; the sentence starts with FILE:LINE. */
CLG_API clg_recipe *clg_recipe_read(clg_ctx *ctx, const char *path,
                                    const clg_recipe_params *params);

/* Frees the recipe with its data sets and sets the pointer to NULL. NULL is accepted. */
CLG_API void clg_recipe_destroy(clg_recipe **recipe);

/* The recipe as resolved: every key with its value or default, absolute paths. Valid as a recipe.
 * *text belongs to the recipe. */
CLG_API clg_status clg_recipe_resolved(clg_recipe *recipe, const char **text);

/* Opens the recipe's data sets, once: they are read while the caller goes on. *test becomes NULL
 * where the recipe has none. They belong to the recipe. Either out may be NULL. */
CLG_API clg_status clg_recipe_datasets(clg_recipe *recipe, clg_dataset **train, clg_dataset **test);

/* Opens the data sets likewise; *validation becomes NULL where the recipe has none. Where it is a part
 * of the training set, it and *train above are views of one set (clg_dataset_split()). */
CLG_API clg_status clg_recipe_validation(clg_recipe *recipe, clg_dataset **validation);

/* Opens a file as the recipe's data without labels, for predictions: IDX, .npy or .npz where it was
 * trained on any of these; a CSV or TSV file where it was on a table, which needs no target and is made
 * into samples by what the training rows showed (of the run where the recipe is one's, else of its
 * training set, which is then opened). NULL on failure. */
CLG_API clg_dataset *clg_recipe_samples(clg_recipe *recipe, const char *path);

/* Builds store and graph of the recipe on a device: model, loss, metrics; for_training: with the
 * recipe's initial values and its optimizer. The caller destroys model_out->store. */
CLG_API clg_status clg_recipe_model(clg_recipe *recipe, clg_device *device, bool for_training,
                                    clg_model *model_out);

/* Refuses a data set that does not fit: samples of another size than the recipe's, labels (where it
 * has some) that are not classes or numbers of the model. Waits for the data. */
CLG_API clg_status clg_recipe_check_data(clg_recipe *recipe, const clg_model *model,
                                         clg_dataset *data);

/* Batch, epochs, seed and so on as the recipe says. */
CLG_API clg_fit_params clg_recipe_fit(const clg_recipe *recipe);

/* How many classes the model tells apart: the loss compares with classes and clg_predict() gives
 * their probabilities; 0: the loss compares with numbers and clg_predict() gives these. Known after
 * clg_recipe_model(). */
CLG_API int64_t clg_recipe_classes(const clg_recipe *recipe);

/* The list of all keys as Markdown: docs/recipes.md contains it. Belongs to the context. */
CLG_API const char *clg_recipe_reference(clg_ctx *ctx);

/* ---- runs ---- */

typedef struct clg_train_params {
    bool resume;     /* `out` is the folder of a run, and the recipe its own (clg_run_recipe): the training
                      * goes on from the latest checkpoint there as if it had not been stopped; default
                      * false */
    const char *out; /* the run's folder, new, empty, or of a run that was killed before it saved
                      * its weights; NULL: the first of runs/RECIPE-1, -2, ... */
    double started;  /* as in clg_fit_params */

    /* As in clg_fit_params. */
    void *user;
    bool (*stop)(void *user);
    void (*on_progress)(void *user, const clg_fit_progress *progress);
    void (*on_epoch)(void *user, const clg_epoch *epoch);
    /* A line of log.jsonl (kind "step", "epoch") as it is written, and at the end the content of
     * run.json (kind "run"). */
    void (*on_line)(void *user, const char *kind, const char *json);
} clg_train_params;
CLG_API clg_train_params clg_train_defaults(void);

/* Runs a recipe: makes the folder, trains, and leaves there recipe.yaml (as resolved), log.jsonl,
 * run.json, model.safetensors and in checkpoint/ what going on takes. Refused when it goes on: a
 * checkpoint of another recipe, but for the length of the training, of other data or of another
 * device. After CLG_ERR_DIVERGED everything is saved as well. A log, or a
 * save before the last, that cannot be written is no failure: the context's log callback is told
 * (CLG_LOG_ERROR), once. result (may be NULL) is filled after failures too. *out_dir (may be NULL)
 * belongs to the recipe. */
CLG_API clg_status clg_train(clg_recipe *recipe, clg_device *device, const clg_train_params *params,
                             clg_fit_result *result, const char **out_dir);

/* A fold's training that has ended. */
typedef struct clg_fold {
    int64_t fold, folds;     /* from 1, and how many there are */
    const clg_epoch *epoch;  /* whose weights were kept: the last, or the best of early stopping */
    const clg_fit_result *result;
    const char *dir; /* the run's folder */
} clg_fold;

typedef struct clg_folds_params {
    int64_t folds;          /* default 5 */
    clg_train_params train; /* for each fold; out: the folder of all, in which fold K has fold-K;
                             * on_line: the lines of kind "fold" and at the end "folds" */
    void (*on_fold)(void *user, const clg_fold *fold); /* user: of train */
} clg_folds_params;
CLG_API clg_folds_params clg_folds_defaults(void);

typedef struct clg_folds_result {
    int64_t folds;              /* whole ones: fewer when stop() said so */
    clg_score mean, deviation;  /* of the validation scores of the kept epochs, one a fold; the
                                 * deviation is that of a sample (divided by folds - 1); NaN: unknown */
} clg_folds_result;

/* Cross-validation: trains a recipe once for each of `folds` parts of its training set, which then is
 * the validation set (in place of the recipe's); every sample is in one of them. The folder has a run
 * for each (fold-1, ...), log.jsonl with a line a fold, and run.json with mean and deviation. result
 * and *out_dir (which belongs to the context) may be NULL. */
CLG_API clg_status clg_train_folds(clg_ctx *ctx, clg_device *device, const char *recipe,
                                   const clg_recipe_params *params, const clg_folds_params *folds,
                                   clg_folds_result *result, const char **out_dir);

/* Opens a run's folder again: its recipe.yaml. data_dir and set of params apply. */
CLG_API clg_recipe *clg_run_recipe(clg_ctx *ctx, const char *run, const clg_recipe_params *params);

/* Builds the run's model with the weights of its model.safetensors; the store is sealed. Refused:
 * damaged weights, and those that a training of another model wrote (its fingerprint stands in their
 * metadata). A warning in the log: the training was another, or the run was not finished. */
CLG_API clg_status clg_run_model(clg_recipe *recipe, clg_device *device, const char *run,
                                 clg_model *model_out);

/* What is known of a device as a JSON object without line breaks: the fields of `clgrad devices
 * --json` and of run.json. *text belongs to the context. */
CLG_API clg_status clg_device_json(clg_ctx *ctx, const clg_device_info *info, const char **text);

#ifdef __cplusplus
}
#endif
#endif
