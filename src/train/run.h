/* The folder of a run. */
#ifndef CLG_TRAIN_RUN_H
#define CLG_TRAIN_RUN_H

#include <jansson.h>
#include <sys/types.h>
#include <clgrad/train.h>
#include "train/blocks.h"

struct clg_run {
    struct clg_ctx *ctx;
    struct clg_blocks *pool; /* of the recipe: keeps the folder's name */
    const char *dir;
    int log;        /* descriptor of log.jsonl; -1: none */
    off_t log_size; /* of its whole lines, in bytes */
    bool log_whole; /* false: it was given up */
    bool made;      /* the folder is new */
    void *user;
    void (*on_line)(void *user, const char *kind, const char *json);
};

/* Fails when the folder is there and has more in it than a run leaves that was killed before it
 * saved its weights. dir NULL: CLG_OK. */
clg_status clg_run_check(struct clg_ctx *ctx, const char *dir);

/* Makes the folder (dir NULL: the first of runs/NAME-1, -2, ... that is not there) and opens its
 * log, which keeps others out of it until clg_run_close(). */
clg_status clg_run_open(struct clg_run *run, const char *dir, const char *name);
/* Opens the log of a run that goes on; then, its first `size` bytes left, and without a run.json. */
clg_status clg_run_reopen(struct clg_run *run, const char *dir);
clg_status clg_run_cut(struct clg_run *run, off_t size);
void clg_run_close(struct clg_run *run);
/* Removes what clg_run_open() has made, for a run that does not begin. */
void clg_run_undo(struct clg_run *run);

/* DIR/FILE, in the pool. */
const char *clg_run_path(const struct clg_run *run, const char *file);

/* Writes a text as DIR/FILE. */
clg_status clg_run_write(const struct clg_run *run, const char *file, const char *text);

/* Appends a line to the log. Takes over the object; NULL: memory was short. When it fails, the log
 * is given up, and the context's log callback is told. */
void clg_run_log(struct clg_run *run, const char *kind, json_t *line);

/* Writes run.json, and gives it as a line of this kind. Takes over the object; NULL: memory was
 * short. */
clg_status clg_run_summary(struct clg_run *run, const char *kind, json_t *summary);

/* A copy of a text that lives as long as the context; NULL when memory is short. */
const char *clg_keep_text(struct clg_ctx *ctx, const char *text);

/* Sets a number; NaN and infinity become null. */
void clg_json_number(json_t *object, const char *key, double value);

/* The object that clg_device_json() prints; NULL when memory is short. */
json_t *clg_json_device(const clg_device_info *info);

/* The content of run.json. */
struct clg_recipe;
struct clg_fitting;
json_t *clg_summarize(const struct clg_recipe *recipe, const clg_device *device,
                      const struct clg_fitting *fit);

#endif
