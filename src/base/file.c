#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

static clg_status fail_size(struct clg_ctx *ctx, const char *path, uint64_t size, uint64_t limit)
{
    return clg_fail(ctx, CLG_ERR_FORMAT,
                    "'%s' has %" PRIu64 " bytes, but must have %" PRIu64 " at most", path, size,
                    limit);
}

static const char *kind_word(mode_t mode)
{
    if (S_ISDIR(mode))
        return "a folder";
    if (S_ISFIFO(mode))
        return "a pipe";
    return S_ISSOCK(mode) ? "a socket" : "a device";
}

/* O_NONBLOCK: opening a pipe that nobody writes to would wait for ever; regular files do not mind.
 */
FILE *clg_file_open_regular(struct clg_ctx *ctx, const char *path, uint64_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    FILE *stream = NULL;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0)
        clg_fail(ctx, CLG_ERR_FILE, "cannot open '%s': %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        clg_fail(ctx, CLG_ERR_FILE, "cannot read '%s': it is %s, but must be a file", path,
                 kind_word(st.st_mode));
    else if (!(stream = fdopen(fd, "rb")))
        clg_fail(ctx, CLG_ERR_MEMORY, "cannot open '%s': out of host memory", path);
    else
        *size = (uint64_t)st.st_size;
    if (fd >= 0 && !stream)
        close(fd);
    return stream;
}

/* Reads to the end. Files of proc have a size of 0 and content all the same. */
static clg_status read_stream(struct clg_ctx *ctx, FILE *stream, const char *path,
                              uint64_t expected, uint64_t limit, char **data, size_t *size)
{
    size_t room = expected ? (size_t)expected + 2 : 4096; /* a zero byte, and one to see the end */
    size_t length = 0;
    char *block = NULL;

    for (;;) {
        char *grown = clg_resize(ctx, block, room, 1);

        if (!grown) {
            clg_free(ctx, block);
            return CLG_ERR_MEMORY;
        }
        block = grown;
        length += fread(block + length, 1, room - 1 - length, stream);
        if (length < room - 1 || length > limit)
            break;
        room *= 2;
    }
    if (ferror(stream) || length > limit) {
        clg_free(ctx, block);
        return ferror(stream)
                   ? clg_fail(ctx, CLG_ERR_FILE, "cannot read '%s': %s", path, strerror(errno))
                   : fail_size(ctx, path, length, limit);
    }
    block[length] = '\0';
    *data = block;
    *size = length;
    return CLG_OK;
}

clg_status clg_file_read_limited(struct clg_ctx *ctx, const char *path, uint64_t limit, char **data,
                                 size_t *size)
{
    uint64_t expected;
    FILE *stream = clg_file_open_regular(ctx, path, &expected);
    clg_status status;

    if (!stream)
        return ctx->status;
    if (expected > limit || expected > SIZE_MAX - 2)
        status = fail_size(ctx, path, expected, limit);
    else
        status = read_stream(ctx, stream, path, expected, limit, data, size);
    fclose(stream);
    return status;
}

clg_status clg_file_read(struct clg_ctx *ctx, const char *path, char **data, size_t *size)
{
    return clg_file_read_limited(ctx, path, UINT64_MAX, data, size);
}

static void file_forget(struct clg_file *file)
{
    clg_free(file->ctx, file->path);
    clg_free(file->ctx, file->temporary);
    *file = (struct clg_file){.ctx = file->ctx};
}

/* The folder of a path, which is cut short meanwhile; -1 when it does not open. */
static int open_folder(char *path)
{
    char *slash = strrchr(path, '/'), cut;
    int fd;

    if (!slash)
        return open(".", O_RDONLY | O_CLOEXEC);
    cut = slash[1];
    slash[1] = '\0';
    fd = open(path, O_RDONLY | O_CLOEXEC);
    slash[1] = cut;
    return fd;
}

/* A new name survives a power cut once its folder is on the disk too. Not every file system can. */
static void sync_folder(char *path)
{
    int fd = open_folder(path);

    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* ---- temporaries: PATH.PID.0.tmp, PATH.PID.1.tmp ... ---- */

static const char *skip_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits > 0 && text[digits] == '.' ? text + digits + 1 : NULL;
}

bool clg_file_is_temporary(const char *name, const char *of)
{
    size_t length = strlen(of);
    const char *rest =
        strncmp(name, of, length) == 0 && name[length] == '.' ? name + length + 1 : NULL;

    rest = rest ? skip_number(rest) : NULL;
    rest = rest ? skip_number(rest) : NULL;
    return rest && strcmp(rest, "tmp") == 0;
}

/* Whoever writes a temporary holds its lock, which ends with the process. */
static void remove_unlocked(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(folder, name, 0);
    close(fd);
}

/* Removes what writers of this path left behind when they were killed. */
static void remove_leftovers(struct clg_file *file)
{
    const char *slash = strrchr(file->path, '/');
    int fd = open_folder(file->path);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;

    while (folder && (entry = readdir(folder)))
        if (clg_file_is_temporary(entry->d_name, slash ? slash + 1 : file->path))
            remove_unlocked(fd, entry->d_name);
    if (folder)
        closedir(folder);
    else if (fd >= 0)
        close(fd);
}

/* Locks a new temporary. False: another process took it for a leftover in this moment. */
static bool lock_temporary(int fd)
{
    struct stat st;

    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno != EWOULDBLOCK; /* this file system has no locks, so nobody will remove it */
    return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

/* A name that no other process or thread writes to: the first that does not exist. */
static int open_temporary(struct clg_file *file)
{
    size_t size = strlen(file->path) + 48;
    int fd = -1;

    file->temporary = clg_new(file->ctx, size, 1);
    if (!file->temporary)
        return -1;
    errno = EEXIST;
    for (int i = 0; i < 1000 && fd < 0 && errno == EEXIST; i++) {
        snprintf(file->temporary, size, "%s.%ld.%d.tmp", file->path, (long)getpid(), i);
        fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 && !lock_temporary(fd)) {
            close(fd);
            fd = -1;
            errno = EEXIST;
        }
    }
    if (fd < 0)
        clg_fail(file->ctx, CLG_ERR_FILE, "cannot write '%s': %s", file->temporary,
                 strerror(errno));
    return fd;
}

clg_status clg_file_open(struct clg_file *file, struct clg_ctx *ctx, const char *path)
{
    int fd = -1;

    *file = (struct clg_file){.ctx = ctx, .path = clg_strdup(ctx, path)};
    if (file->path) {
        remove_leftovers(file);
        fd = open_temporary(file);
    }
    if (fd < 0) {
        file_forget(file);
        return ctx->status;
    }
    file->stream = fdopen(fd, "wb");
    if (file->stream)
        return CLG_OK;
    close(fd);
    unlink(file->temporary);
    file_forget(file);
    return clg_fail(ctx, CLG_ERR_MEMORY, "cannot write '%s': out of host memory", path);
}

clg_status clg_file_write(struct clg_file *file, const void *data, size_t size)
{
    if (size == 0 || fwrite(data, 1, size, file->stream) == size)
        return CLG_OK;
    return clg_fail(file->ctx, CLG_ERR_FILE, "cannot write '%s': %s", file->path, strerror(errno));
}

clg_status clg_file_rewind(struct clg_file *file)
{
    if (fseek(file->stream, 0, SEEK_SET) == 0)
        return CLG_OK;
    return clg_fail(file->ctx, CLG_ERR_FILE, "cannot write '%s': %s", file->path, strerror(errno));
}

void clg_file_discard(struct clg_file *file)
{
    if (file->stream)
        fclose(file->stream);
    if (file->temporary)
        unlink(file->temporary);
    file_forget(file);
}

clg_status clg_file_commit(struct clg_file *file)
{
    bool good = fflush(file->stream) == 0 && fsync(fileno(file->stream)) == 0;
    int error = errno;

    if (fclose(file->stream) != 0 && good) {
        good = false;
        error = errno;
    }
    file->stream = NULL;
    if (good && rename(file->temporary, file->path) != 0) {
        good = false;
        error = errno;
    }
    if (!good) {
        clg_fail(file->ctx, CLG_ERR_FILE, "cannot write '%s': %s", file->path, strerror(error));
        clg_file_discard(file);
        return CLG_ERR_FILE;
    }
    sync_folder(file->path);
    file_forget(file);
    return CLG_OK;
}

/* ---- folders ---- */

bool clg_make_dir(char *path)
{
    if (mkdir(path, 0777) != 0)
        return false;
    sync_folder(path);
    return true;
}

static bool make_or_find(char *path)
{
    struct stat st;

    if (clg_make_dir(path))
        return true;
    return errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

clg_status clg_make_dirs(struct clg_ctx *ctx, const char *path)
{
    char *part = clg_strdup(ctx, path);
    clg_status status = CLG_OK;

    if (!part)
        return CLG_ERR_MEMORY;
    for (size_t end = strlen(part); end > 1 && part[end - 1] == '/'; end--)
        part[end - 1] = '\0';
    for (char *slash = strchr(part + (*part == '/'), '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        make_or_find(part); /* what fails here makes the last one fail too */
        *slash = '/';
    }
    if (!make_or_find(part))
        status = clg_fail(ctx, CLG_ERR_FILE, "cannot make the folder '%s': %s", path,
                          errno == EEXIST ? "a file has that name" : strerror(errno));
    clg_free(ctx, part);
    return status;
}
