#include "train/run.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

clg_status clg_run_check(struct clg_ctx *ctx, const char *dir)
{
    DIR *folder = dir ? opendir(dir) : NULL;
    const struct dirent *entry;
    bool empty = true;

    if (!folder && (!dir || errno == ENOENT))
        return CLG_OK;
    if (!folder)
        return clg_fail(ctx, CLG_ERR_FILE, "cannot use '%s' as the run's folder: %s", dir,
                        strerror(errno));
    while (empty && (entry = readdir(folder)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(folder);
    if (!empty)
        return clg_fail(ctx, CLG_ERR_FILE, "'%s' is not empty: a run's folder must be new or empty",
                        dir);
    return CLG_OK;
}

/* Makes the first of runs/NAME-1, -2, ... that is not there. */
static clg_status make_numbered(struct clg_run *run, const char *name)
{
    CLG_TRY(clg_make_dirs(run->ctx, "runs"));
    for (int i = 1; i < 1000000; i++) {
        run->dir = clg_blocks_print(run->pool, "runs/%s-%d", name, i);
        if (!run->dir)
            return CLG_ERR_MEMORY;
        if (mkdir(run->dir, 0777) == 0)
            return CLG_OK;
        if (errno != EEXIST)
            break;
    }
    return clg_fail(run->ctx, CLG_ERR_FILE, "cannot make the folder '%s': %s", run->dir,
                    strerror(errno));
}

const char *clg_run_path(const struct clg_run *run, const char *file)
{
    return clg_blocks_print(run->pool, "%s/%s", run->dir, file);
}

clg_status clg_run_open(struct clg_run *run, const char *dir, const char *name)
{
    const char *path;

    if (dir) {
        run->dir = clg_blocks_print(run->pool, "%s", dir);
        if (!run->dir)
            return CLG_ERR_MEMORY;
        CLG_TRY(clg_make_dirs(run->ctx, dir));
        CLG_TRY(clg_run_check(run->ctx, dir));
    } else {
        CLG_TRY(make_numbered(run, name));
    }
    path = clg_run_path(run, "log.jsonl");
    if (!path)
        return CLG_ERR_MEMORY;
    run->log = fopen(path, "w");
    if (!run->log)
        return clg_fail(run->ctx, CLG_ERR_FILE, "cannot write '%s': %s", path, strerror(errno));
    return CLG_OK;
}

void clg_run_close(struct clg_run *run)
{
    if (run->log)
        fclose(run->log);
    run->log = NULL;
}

clg_status clg_run_write(const struct clg_run *run, const char *file, const char *text)
{
    const char *path = clg_run_path(run, file);
    struct clg_file out;

    if (!path)
        return CLG_ERR_MEMORY;
    CLG_TRY(clg_file_open(&out, run->ctx, path));
    if (clg_file_write(&out, text, strlen(text)) != CLG_OK) {
        clg_file_discard(&out);
        return clg_error_status(run->ctx);
    }
    return clg_file_commit(&out);
}

/* ---- JSON ---- */

void clg_json_number(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, isfinite(value) ? json_real(value) : json_null());
}

static char *dump(struct clg_ctx *ctx, json_t *object, size_t indent)
{
    char *text = object ? json_dumps(object, JSON_REAL_PRECISION(9) |
                                                 (indent ? JSON_INDENT(indent) : JSON_COMPACT))
                        : NULL;

    json_decref(object);
    if (!text)
        clg_fail(ctx, CLG_ERR_MEMORY, "out of memory while writing JSON");
    return text;
}

clg_status clg_run_log(struct clg_run *run, const char *kind, json_t *line)
{
    char *text = dump(run->ctx, line, 0);
    clg_status status = CLG_OK;

    if (!text)
        return CLG_ERR_MEMORY;
    if (fprintf(run->log, "%s\n", text) < 0 || fflush(run->log) != 0)
        status = clg_fail(run->ctx, CLG_ERR_FILE, "cannot write '%s/log.jsonl': %s", run->dir,
                          strerror(errno));
    if (run->on_line)
        run->on_line(run->user, kind, text);
    free(text);
    return status;
}

clg_status clg_run_summary(struct clg_run *run, json_t *summary)
{
    char *pretty = dump(run->ctx, json_incref(summary), 2), *line = dump(run->ctx, summary, 0);
    const char *text = pretty ? clg_blocks_print(run->pool, "%s\n", pretty) : NULL;
    clg_status status = CLG_ERR_MEMORY;

    if (text && line) {
        status = clg_run_write(run, "run.json", text);
        if (run->on_line)
            run->on_line(run->user, "run", line);
    }
    free(pretty);
    free(line);
    return status;
}

static const char *device_type_word(clg_device_type type)
{
    static const char *const words[] = {"?", "cpu", "gpu", "software", "other"};

    return words[type];
}

json_t *clg_json_device(const clg_device_info *info)
{
    json_t *o = json_object();

    json_object_set_new(o, "index", info->index < 0 ? json_null() : json_integer(info->index));
    json_object_set_new(o, "platform", json_string(info->platform));
    json_object_set_new(o, "name", json_string(info->name));
    json_object_set_new(o, "vendor", json_string(info->vendor));
    json_object_set_new(o, "driver", json_string(info->driver));
    json_object_set_new(o, "type", json_string(device_type_word(info->type)));
    json_object_set_new(o, "units", json_integer(info->units));
    json_object_set_new(o, "memory", json_integer((json_int_t)info->memory));
    json_object_set_new(o, "max_alloc", json_integer((json_int_t)info->max_alloc));
    json_object_set_new(o, "local", json_integer((json_int_t)info->local_memory));
    json_object_set_new(o, "fp16", json_boolean(info->fp16));
    json_object_set_new(o, "form", json_string(info->form == CLG_FORM_ITEM ? "item" : "group"));
    json_object_set_new(o, "best", json_boolean(info->best));
    json_object_set_new(o, "same_as",
                        info->same_as < 0 ? json_null() : json_integer(info->same_as));
    return o;
}

/* A text that lives as long as the context. */
struct text_object {
    struct clg_object object;
    char text[];
};

static void text_finish(struct clg_object *object)
{
    clg_free(object->ctx, object);
}

const char *clg_keep_text(struct clg_ctx *ctx, const char *text)
{
    size_t size = strlen(text) + 1;
    struct text_object *kept = clg_new(ctx, 1, sizeof(*kept) + size);

    if (!kept)
        return NULL;
    memcpy(kept->text, text, size);
    clg_object_init(&kept->object, &ctx->object, text_finish);
    return kept->text;
}

clg_status clg_device_json(clg_ctx *ctx, const clg_device_info *info, const char **text)
{
    char *line;

    if (!ctx)
        return CLG_ERR_ARGUMENT;
    if (!info || !text)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "device: info and text must not be NULL");
    line = dump(ctx, clg_json_device(info), 0);
    *text = line ? clg_keep_text(ctx, line) : NULL;
    free(line);
    return *text ? CLG_OK : CLG_ERR_MEMORY;
}
