#include "train/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

#define FOLDER  "checkpoint"
#define ENDING  ".safetensors"
#define STATE   "training"
#define SUM     "training_checksum"

/* ---- names ---- */

enum kind { STEP, BEST };
static const char *const prefixes[] = {"step-", "best-"};

static char *path_of(const struct clg_checkpoints *c, enum kind kind, int64_t step)
{
    struct clg_text text = {.ctx = c->run->ctx};

    clg_text_add(&text, "%s/" FOLDER "/%s%08" PRId64 ENDING, c->run->dir, prefixes[kind], step);
    if (!text.failed)
        return text.data;
    clg_text_finish(&text);
    return NULL;
}

/* The number in a file's name; -1: it is none of these. */
static int64_t number_of(enum kind kind, const char *name)
{
    size_t before = strlen(prefixes[kind]), digits;
    char number[20];
    int64_t step;

    if (strncmp(name, prefixes[kind], before) != 0)
        return -1;
    digits = strspn(name + before, "0123456789");
    if (digits == 0 || digits >= sizeof(number) || strcmp(name + before + digits, ENDING) != 0)
        return -1;
    memcpy(number, name + before, digits);
    number[digits] = '\0';
    return clg_parse_int(number, &step) ? step : -1;
}

bool clg_checkpoint_is_temporary(const char *name)
{
    size_t length = strlen(name);

    return length > 4 && strcmp(name + length - 4, ".tmp") == 0 && strstr(name, ENDING ".");
}

struct numbers {
    CLG_VEC(int64_t) steps; /* largest first */
};

static int descending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x < y) - (x > y);
}

/* All files of a kind. A folder that is not there has none. */
static clg_status list_files(const struct clg_checkpoints *c, enum kind kind, struct numbers *out)
{
    const char *path = clg_run_path(c->run, FOLDER);
    DIR *folder = path ? opendir(path) : NULL;
    clg_status status = path ? CLG_OK : CLG_ERR_MEMORY;
    const struct dirent *entry;

    while (folder && status == CLG_OK && (entry = readdir(folder))) {
        int64_t step = number_of(kind, entry->d_name), *slot;

        if (step < 0)
            continue;
        slot = CLG_PUSH(c->run->ctx, out->steps);
        if (slot)
            *slot = step;
        else
            status = CLG_ERR_MEMORY;
    }
    if (folder)
        closedir(folder);
    if (out->steps.count)
        qsort(out->steps.items, out->steps.count, sizeof(*out->steps.items), descending);
    return status;
}

static clg_status remove_file(const struct clg_checkpoints *c, enum kind kind, int64_t step)
{
    char *path = path_of(c, kind, step);

    if (!path)
        return CLG_ERR_MEMORY;
    unlink(path);
    clg_free(c->run->ctx, path);
    return CLG_OK;
}

/* Temporaries of a process that was killed: the run is nobody else's. */
static void remove_temporaries(const struct clg_checkpoints *c)
{
    const char *path = clg_run_path(c->run, FOLDER);
    DIR *folder = path ? opendir(path) : NULL;
    const struct dirent *entry;

    while (folder && (entry = readdir(folder)))
        if (clg_checkpoint_is_temporary(entry->d_name))
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
}

/* ---- writing ---- */

static clg_status save(const struct clg_checkpoints *c, enum kind kind, int64_t step,
                       const char *const *metadata)
{
    clg_save_params params = clg_save_defaults();
    char *path = path_of(c, kind, step);
    clg_status status;

    if (!path)
        return CLG_ERR_MEMORY;
    params.states = kind == STEP;
    params.metadata = metadata;
    status = clg_store_save_with(c->fit->model.store, path, &params);
    clg_free(c->run->ctx, path);
    return status;
}

/* The store has the best weights for this moment. */
static clg_status write_best(struct clg_checkpoints *c, int64_t step)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    const struct clg_best *best = &c->fit->best;
    clg_store *store = c->fit->model.store;
    struct clg_best now = {.epoch = 1};
    clg_status status;

    if (!best->epoch || best->epoch == c->best_epoch)
        return CLG_OK;
    CLG_TRY(clg_best_keep(&now, store));
    status = clg_best_restore(best, store);
    if (status == CLG_OK)
        status = save(c, BEST, step, metadata);
    if (status == CLG_OK)
        c->best_epoch = best->epoch;
    if (clg_best_restore(&now, store) != CLG_OK)
        status = clg_error_status(c->run->ctx);
    clg_best_finish(&now, store);
    return status;
}

static clg_status write_step(const struct clg_checkpoints *c, const struct clg_position *position)
{
    json_t *state = clg_standing_describe(c, position);
    char *text = state ? json_dumps(state, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL, sum[17];
    const char *metadata[] = {"clgrad", clg_version(), STATE, text, SUM, sum, NULL};
    clg_status status = CLG_ERR_MEMORY;

    json_decref(state);
    if (text) {
        snprintf(sum, sizeof(sum), "%016" PRIx64, clg_hash_string(CLG_HASH_START, text));
        status = save(c, STEP, position->steps, metadata);
    } else {
        clg_fail(c->run->ctx, CLG_ERR_MEMORY, "out of memory while writing a checkpoint");
    }
    free(text);
    return status;
}

/* Of the best weights those stay that the oldest checkpoint left needs, and younger ones. */
static clg_status remove_old(const struct clg_checkpoints *c)
{
    int64_t keep = c->recipe->values.train.checkpoint.keep, oldest = 0;
    struct numbers steps = {0}, best = {0};
    clg_status status = list_files(c, STEP, &steps);
    bool needed = false;

    remove_temporaries(c);
    if (status == CLG_OK)
        status = list_files(c, BEST, &best);
    for (size_t i = 0; i < steps.steps.count && status == CLG_OK; i++)
        if ((int64_t)i < (keep ? keep : 1))
            oldest = steps.steps.items[i];
        else
            status = remove_file(c, STEP, steps.steps.items[i]);
    for (size_t i = 0; i < best.steps.count && status == CLG_OK; i++) {
        if (needed)
            status = remove_file(c, BEST, best.steps.items[i]);
        needed |= best.steps.items[i] <= oldest;
    }
    clg_free(c->run->ctx, steps.steps.items);
    clg_free(c->run->ctx, best.steps.items);
    return status;
}

clg_status clg_checkpoint_write(struct clg_checkpoints *c)
{
    const char *folder = clg_run_path(c->run, FOLDER);
    struct clg_position position;
    bool good;

    if (!folder)
        return CLG_ERR_MEMORY;
    CLG_TRY(clg_fitting_get_position(c->fit, &position, &good));
    if (!good)
        return CLG_OK;
    CLG_TRY(clg_make_dirs(c->run->ctx, folder));
    CLG_TRY(write_best(c, position.steps));
    CLG_TRY(write_step(c, &position));
    return remove_old(c);
}

/* ---- reading ---- */

struct found {
    struct clg_ctx *ctx;
    char *state; /* NULL: the file is damaged */
    char sum[20];
    bool failed; /* memory was short */
};

static void note(void *user, const char *key, const char *value)
{
    struct found *found = user;

    if (strcmp(key, STATE) == 0 && !found->state)
        found->failed = !(found->state = clg_strdup(found->ctx, value));
    else if (strcmp(key, SUM) == 0)
        snprintf(found->sum, sizeof(found->sum), "%s", value);
}

static json_t *parse(const struct found *found)
{
    char sum[20];

    if (!found->state)
        return NULL;
    snprintf(sum, sizeof(sum), "%016" PRIx64, clg_hash_string(CLG_HASH_START, found->state));
    return strcmp(sum, found->sum) == 0 ? json_loads(found->state, 0, NULL) : NULL;
}

/* The best weights pass through the store. */
static clg_status read_best(struct clg_checkpoints *c, int64_t step)
{
    clg_load_params params = clg_load_defaults();
    clg_store *store = c->fit->model.store;
    struct numbers best = {0};
    clg_status status = list_files(c, BEST, &best);
    int64_t at = -1;
    char *path;

    for (size_t i = 0; i < best.steps.count && at < 0; i++)
        if (best.steps.items[i] <= step)
            at = best.steps.items[i];
    clg_free(c->run->ctx, best.steps.items);
    CLG_TRY(status);
    path = path_of(c, BEST, at < 0 ? step : at);
    if (!path)
        return CLG_ERR_MEMORY;
    params.states = params.counters = false;
    status = clg_store_load_with(store, path, &params, NULL);
    clg_free(c->run->ctx, path);
    c->best_epoch = c->fit->best.epoch;
    return status == CLG_OK ? clg_best_keep(&c->fit->best, store) : status;
}

/* *state is NULL where the file cannot be used, and why is the context's sentence. */
static clg_status load(struct clg_checkpoints *c, const char *path, json_t **state)
{
    clg_load_params params = clg_load_defaults();
    struct found found = {.ctx = c->run->ctx};
    clg_status status, good;

    params.metadata = note;
    params.user = &found;
    status = clg_store_load_with(c->fit->model.store, path, &params, NULL);
    if (found.failed)
        return CLG_ERR_MEMORY;
    *state = parse(&found);
    if (!*state && found.state)
        status = clg_fail(c->run->ctx, CLG_ERR_FORMAT, "'%s' is damaged: its metadata '" STATE "' have "
                          "another checksum", path);
    else if (!*state && status == CLG_OK)
        status = clg_fail(c->run->ctx, CLG_ERR_FORMAT, "'%s' is no checkpoint of a training", path);
    clg_free(c->run->ctx, found.state);
    if (!*state)
        return status;
    good = clg_standing_check(c, path, *state); /* says more than which tensor does not fit */
    return good == CLG_OK ? status : good;
}

static clg_status go_on_from(struct clg_checkpoints *c, int64_t step, off_t *log_size, bool *whole)
{
    char *path = path_of(c, STEP, step);
    json_t *state = NULL, *again = NULL;
    clg_status status;

    if (!path)
        return CLG_ERR_MEMORY;
    status = load(c, path, &state);
    *whole = state;
    if (status == CLG_OK)
        status = clg_standing_apply(c, path, state, log_size);
    if (status == CLG_OK && c->fit->best.epoch) {
        status = read_best(c, step);
        if (status == CLG_OK)
            status = load(c, path, &again);
    }
    json_decref(state);
    json_decref(again);
    clg_free(c->run->ctx, path);
    return status;
}

/* What was written past the checkpoint belongs to a future that is to come again. */
static clg_status remove_later(const struct clg_checkpoints *c, int64_t step)
{
    for (enum kind kind = STEP; kind <= BEST; kind++) {
        struct numbers files = {0};
        clg_status status = list_files(c, kind, &files);

        for (size_t i = 0; i < files.steps.count && status == CLG_OK; i++)
            if (files.steps.items[i] > step)
                status = remove_file(c, kind, files.steps.items[i]);
        clg_free(c->run->ctx, files.steps.items);
        CLG_TRY(status);
    }
    return CLG_OK;
}

clg_status clg_checkpoint_read(struct clg_checkpoints *c, off_t *log_size)
{
    struct clg_ctx *ctx = c->run->ctx;
    struct numbers steps = {0};
    clg_status status = list_files(c, STEP, &steps);
    bool whole = false;

    if (status == CLG_OK && steps.steps.count == 0)
        status = clg_fail(ctx, CLG_ERR_FILE,
                          "'%s' has no checkpoint to go on from: '%s/" FOLDER "' has no step-N" ENDING,
                          c->run->dir, c->run->dir);
    for (size_t i = 0; i < steps.steps.count && !whole && status != CLG_ERR_MEMORY; i++) {
        status = go_on_from(c, steps.steps.items[i], log_size, &whole);
        if (!whole && i + 1 < steps.steps.count)
            clg_log_line(ctx, CLG_LOG_WARNING, "%s; the checkpoint before it is taken", ctx->error);
        if (whole && status == CLG_OK)
            status = remove_later(c, steps.steps.items[i]);
    }
    clg_free(ctx, steps.steps.items);
    return status;
}
