#include "train/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "train/checkpoint.h"

/* Whether checkpoint/ has no whole checkpoint. */
static bool has_temporaries_alone(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *inner = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    bool alone = inner;

    while (alone && (entry = readdir(inner)))
        alone = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                clg_checkpoint_is_temporary(entry->d_name);
    if (inner)
        closedir(inner);
    else if (fd >= 0)
        close(fd);
    return alone;
}

/* What a run that was killed before its first save leaves behind: files, never links or pipes. */
static bool is_unfinished(int folder, const char *name)
{
    static const char *const files[] = {"recipe.yaml", "data.json", "log.jsonl",
                                        "model.safetensors", "run.json"};
    struct stat st;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return true;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT; /* removed meanwhile */
    if (strcmp(name, "checkpoint") == 0 && S_ISDIR(st.st_mode))
        return has_temporaries_alone(folder, name);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && S_ISREG(st.st_mode); i++)
        if (clg_file_is_temporary(name, files[i]) || (i < 3 && strcmp(name, files[i]) == 0))
            return true;
    return false;
}

clg_status clg_run_check(struct clg_ctx *ctx, const char *dir)
{
    DIR *folder = dir ? opendir(dir) : NULL;
    const struct dirent *entry;
    bool usable = true;

    if (!folder && (!dir || errno == ENOENT))
        return CLG_OK;
    if (!folder)
        return clg_fail(ctx, CLG_ERR_FILE, "cannot use '%s' as the run's folder: %s", dir,
                        strerror(errno));
    while (usable && (entry = readdir(folder)))
        usable = is_unfinished(dirfd(folder), entry->d_name);
    closedir(folder);
    if (!usable)
        return clg_fail(ctx, CLG_ERR_FILE,
                        "'%s' is not empty: a run's folder must be new or empty (a run that has a "
                        "checkpoint goes on with --resume)",
                        dir);
    return CLG_OK;
}

/* Makes the first of runs/NAME-1, -2, ... that is not there. */
static clg_status make_numbered(struct clg_run *run, const char *name)
{
    CLG_TRY(clg_make_dirs(run->ctx, "runs"));
    for (int i = 1; i < 1000000; i++) {
        char *dir = clg_blocks_print(run->pool, "runs/%s-%d", name, i);

        run->dir = dir;
        if (!dir)
            return CLG_ERR_MEMORY;
        if (clg_make_dir(dir))
            return CLG_OK;
        if (errno != EEXIST)
            break;
    }
    return clg_fail(run->ctx, CLG_ERR_FILE, "cannot make the folder '%s': %s", run->dir,
                    strerror(errno));
}

static clg_status make_folder(struct clg_run *run, const char *dir, const char *name)
{
    struct stat st;

    run->made = !dir || stat(dir, &st) != 0;
    if (!dir)
        return make_numbered(run, name);
    run->dir = clg_blocks_print(run->pool, "%s", dir);
    if (!run->dir)
        return CLG_ERR_MEMORY;
    CLG_TRY(clg_make_dirs(run->ctx, dir));
    return clg_run_check(run->ctx, dir);
}

const char *clg_run_path(const struct clg_run *run, const char *file)
{
    return clg_blocks_print(run->pool, "%s/%s", run->dir, file);
}

/* ---- the log: locked while the run goes on, so that nobody takes its folder for a dead one's ----
 */

/* The log of a killed run is begun anew; where there are no locks, it may be that of a living one.
 */
static clg_status take_log(struct clg_run *run)
{
    bool locked = flock(run->log, LOCK_EX | LOCK_NB) == 0, busy = !locked && errno == EWOULDBLOCK;
    struct stat st = {0};

    if (fstat(run->log, &st) != 0)
        return clg_fail(run->ctx, CLG_ERR_FILE, "cannot use '%s/log.jsonl': %s", run->dir,
                        strerror(errno));
    if (busy || (!locked && st.st_size > 0))
        return clg_fail(run->ctx, CLG_ERR_FILE, "'%s' is not empty: another run writes there",
                        run->dir);
    CLG_TRY(clg_run_check(run->ctx, run->dir)); /* that run may have ended just now */
    if (st.st_size > 0)
        clg_log_line(run->ctx, CLG_LOG_WARNING,
                     "'%s' has a run that was ended before it saved anything; it is begun anew",
                     run->dir);
    if (ftruncate(run->log, 0) != 0)
        return clg_fail(run->ctx, CLG_ERR_FILE, "cannot write '%s/log.jsonl': %s", run->dir,
                        strerror(errno));
    return CLG_OK;
}

clg_status clg_run_open(struct clg_run *run, const char *dir, const char *name)
{
    const char *path;

    run->log = -1;
    CLG_TRY(make_folder(run, dir, name));
    path = clg_run_path(run, "log.jsonl");
    if (!path)
        return CLG_ERR_MEMORY;
    run->log = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (run->log < 0)
        return clg_fail(run->ctx, CLG_ERR_FILE, "cannot write '%s': %s", path, strerror(errno));
    CLG_TRY(take_log(run));
    run->log_whole = true;
    return CLG_OK;
}

clg_status clg_run_reopen(struct clg_run *run, const char *dir)
{
    const char *path;

    run->log = -1;
    run->dir = clg_blocks_print(run->pool, "%s", dir);
    path = run->dir ? clg_run_path(run, "log.jsonl") : NULL;
    if (!path)
        return CLG_ERR_MEMORY;
    run->log = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (run->log < 0)
        return clg_fail(run->ctx, CLG_ERR_FILE, "cannot write '%s': %s", path, strerror(errno));
    if (flock(run->log, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return clg_fail(run->ctx, CLG_ERR_FILE, "'%s' cannot go on: another run writes there",
                        run->dir);
    return CLG_OK;
}

clg_status clg_run_cut(struct clg_run *run, off_t size)
{
    const char *summary = clg_run_path(run, "run.json");
    struct stat st = {0};

    if (!summary)
        return CLG_ERR_MEMORY;
    if (fstat(run->log, &st) == 0 && st.st_size < size) {
        clg_log_line(run->ctx, CLG_LOG_WARNING,
                     "'%s/log.jsonl' is shorter than at its checkpoint: lines are missing", run->dir);
        size = st.st_size;
    }
    if (ftruncate(run->log, size) != 0 || lseek(run->log, size, SEEK_SET) < 0)
        return clg_fail(run->ctx, CLG_ERR_FILE, "cannot write '%s/log.jsonl': %s", run->dir,
                        strerror(errno));
    unlink(summary);
    run->log_size = size;
    run->log_whole = true;
    return CLG_OK;
}

void clg_run_close(struct clg_run *run)
{
    if (run->log >= 0)
        close(run->log);
    run->log = -1;
}

void clg_run_undo(struct clg_run *run)
{
    const char *log = run->log_whole ? clg_run_path(run, "log.jsonl") : NULL;

    if (log)
        unlink(log);
    if (run->made && run->dir)
        rmdir(run->dir); /* unless there is something in it */
}

static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, text, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text += written;
        size -= (size_t)written;
    }
    return true;
}

/* What stays in the log are whole lines. It stays open, and locked. */
static void give_up_log(struct clg_run *run, const char *why)
{
    int cut = ftruncate(run->log, run->log_size);

    (void)cut; /* it can only shrink */
    run->log_whole = false;
    clg_log_line(run->ctx, CLG_LOG_ERROR,
                 "cannot write '%s/log.jsonl': %s; the training goes on without it", run->dir, why);
}

static void append(struct clg_run *run, char *text)
{
    size_t length = strlen(text);

    if (!run->log_whole)
        return;
    text[length] = '\n'; /* in place of the zero byte, so that a line is one write */
    if (write_all(run->log, text, length + 1))
        run->log_size += (off_t)length + 1;
    else
        give_up_log(run, strerror(errno));
    text[length] = '\0';
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

void clg_run_log(struct clg_run *run, const char *kind, json_t *line)
{
    char *text = dump(run->ctx, line, 0);

    if (!text) {
        if (run->log_whole)
            give_up_log(run, "out of memory");
        return;
    }
    append(run, text);
    if (run->on_line)
        run->on_line(run->user, kind, text);
    free(text);
}

clg_status clg_run_summary(struct clg_run *run, const char *kind, json_t *summary)
{
    char *pretty = dump(run->ctx, json_incref(summary), 2), *line = dump(run->ctx, summary, 0);
    const char *text = pretty ? clg_blocks_print(run->pool, "%s\n", pretty) : NULL;
    clg_status status = CLG_ERR_MEMORY;

    if (text && line) {
        status = clg_run_write(run, "run.json", text);
        if (run->on_line)
            run->on_line(run->user, kind, line);
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
    json_object_set_new(o, "wrong", info->wrong ? json_string(info->wrong) : json_null());
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

    if (!ctx || !CLG_GIVEN(ctx, info) || !CLG_GIVEN(ctx, text))
        return CLG_ERR_ARGUMENT;
    line = dump(ctx, clg_json_device(info), 0);
    *text = line ? clg_keep_text(ctx, line) : NULL;
    free(line);
    return *text ? CLG_OK : CLG_ERR_MEMORY;
}
