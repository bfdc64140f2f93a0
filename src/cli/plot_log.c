#include "cli/plot_log.h"

#include <jansson.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

const struct clg_plot_curve *clg_plot_log_find(const struct clg_plot_log *log, const char *key)
{
    for (size_t i = 0; i < log->curves.count; i++)
        if (!strcmp(log->curves.items[i].key, key))
            return &log->curves.items[i];
    return NULL;
}

static struct clg_plot_curve *curve_of(struct clg_plot_log *log, const char *key)
{
    struct clg_plot_curve *curve = (struct clg_plot_curve *)clg_plot_log_find(log, key);

    if (curve || !(curve = CLG_PUSH(log->ctx, log->curves)))
        return curve;
    *curve = (struct clg_plot_curve){.key = clg_strdup(log->ctx, key)};
    if (!curve->key)
        log->curves.count--;
    return curve->key ? curve : NULL;
}

static void drop_curves(struct clg_plot_log *log)
{
    for (size_t i = 0; i < log->curves.count; i++) {
        clg_free(log->ctx, log->curves.items[i].key);
        clg_free(log->ctx, log->curves.items[i].points.items);
    }
    log->curves.count = 0;
}

/* Keys that say where the training was, and how long it took. */
static bool is_position(const char *key)
{
    return !strcmp(key, "epoch") || !strcmp(key, "step") || !strcmp(key, "seconds");
}

static clg_status add_line(struct clg_plot_log *log, json_t *line)
{
    json_t *epoch = json_object_get(line, "epoch"), *step = json_object_get(line, "step"), *value;
    const char *key;

    if (json_is_integer(epoch) && !log->by_epoch) {
        drop_curves(log); /* the steps before it */
        log->by_epoch = true;
    }
    if (!json_is_integer(log->by_epoch ? epoch : step))
        return CLG_OK;
    json_object_foreach(line, key, value)
    {
        struct clg_plot_curve *curve;
        struct clg_plot_point *point;

        if (is_position(key) || !(json_is_number(value) || json_is_null(value)))
            continue;
        curve = curve_of(log, key);
        point = curve ? CLG_PUSH(log->ctx, curve->points) : NULL;
        if (!point)
            return CLG_ERR_MEMORY;
        point->x = json_number_value(log->by_epoch ? epoch : step);
        point->y = json_is_null(value) ? (double)NAN : json_number_value(value);
    }
    return CLG_OK;
}

static clg_status read_line(struct clg_plot_log *log, const char *path, int number,
                            const char *text, size_t length)
{
    json_t *line = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    clg_status status;

    if (!json_is_object(line))
        status = clg_fail(log->ctx, CLG_ERR_FORMAT,
                          "%s:%d: this is no JSON object, as every line of "
                          "a log must be",
                          path, number);
    else if (json_object_get(line, "fold"))
        status =
            clg_fail(log->ctx, CLG_ERR_FORMAT,
                     "%s:%d: this is the log of a cross-validation, but must be that of a run: "
                     "its fold-1, fold-2, ...",
                     path, number);
    else
        status = add_line(log, line);
    json_decref(line);
    return status;
}

static clg_status read_lines(struct clg_plot_log *log, const char *path, const char *text,
                             size_t size)
{
    const char *end = text + size, *stop;
    int number = 1;

    for (; (stop = memchr(text, '\n', (size_t)(end - text))); text = stop + 1, number++)
        CLG_TRY(read_line(log, path, number, text, (size_t)(stop - text)));
    if (log->curves.count == 0)
        return clg_fail(log->ctx, CLG_ERR_FORMAT,
                        "'%s' has no line of an epoch or a step with a number to plot", path);
    return CLG_OK;
}

static clg_status read_path(struct clg_plot_log *log, const char *run, const char *path)
{
    clg_status status;
    char *text;
    size_t size;

    if (access(path, F_OK) != 0)
        return clg_fail(log->ctx, CLG_ERR_FILE,
                        "'%s' is not the folder of a run: there is no log.jsonl in it", run);
    CLG_TRY(clg_file_read(log->ctx, path, &text, &size));
    status = read_lines(log, path, text, size);
    clg_free(log->ctx, text);
    return status;
}

clg_status clg_plot_log_read(struct clg_plot_log *log, struct clg_ctx *ctx, const char *run)
{
    struct clg_text path = {.ctx = ctx};
    clg_status status = CLG_ERR_MEMORY;

    *log = (struct clg_plot_log){.ctx = ctx};
    clg_text_add(&path, "%s/log.jsonl", run);
    if (!path.failed)
        status = read_path(log, run, path.data);
    clg_text_finish(&path);
    return status;
}

void clg_plot_log_finish(struct clg_plot_log *log)
{
    drop_curves(log);
    clg_free(log->ctx, log->curves.items);
}
