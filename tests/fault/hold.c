/* LD_PRELOAD for tests: stops a process on its way to the disk. In the folder HOLD_IN, each opening
 * of a new file, fwrite, fsync and rename writes a byte to descriptor 3 first; at the HOLD_AT-th
 * (none: never) the process then waits for a signal, with half of an fwrite's data in the file. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static atomic_int calls;

/* Sets a pointer to a function to the one that this library stands before. */
static void find(void *pointer, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(pointer, &found, sizeof(found));
}

static int watched(const char *path)
{
    const char *folder = getenv("HOLD_IN");

    return folder && strncmp(path, folder, strlen(folder)) == 0;
}

static int watched_fd(int fd)
{
    char link[64], path[4096];
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof(path) - 1);
    path[length < 0 ? 0 : length] = '\0';
    return watched(path);
}

/* Whether this call is the one to stop at. */
static int note(void)
{
    const char *at = getenv("HOLD_AT");
    int number = atomic_fetch_add(&calls, 1) + 1;

    if (write(3, ".", 1) != 1)
        abort();
    return at && number == atoi(at);
}

static void hold(void)
{
    for (;;)
        pause();
}

/* The headers rename it to open64 for files over 2 GiB, here as in the programs. */
EXPORT int open(const char *path, int flags, ...)
{
    int (*next)(const char *, int, ...);
    va_list list;
    int mode, fd;

    find(&next, "open64");
    va_start(list, flags);
    mode = flags & O_CREAT ? va_arg(list, int) : 0;
    va_end(list);
    fd = next(path, flags, mode);
    if ((flags & O_EXCL) && watched(path) && note())
        hold();
    return fd;
}

EXPORT size_t fwrite(const void *data, size_t size, size_t count, FILE *stream)
{
    size_t (*next)(const void *, size_t, size_t, FILE *);

    find(&next, "fwrite");
    if (watched_fd(fileno(stream)) && note()) {
        next(data, 1, size * count / 2, stream);
        fflush(stream);
        hold();
    }
    return next(data, size, count, stream);
}

EXPORT int fsync(int fd)
{
    int (*next)(int);

    find(&next, "fsync");
    if (watched_fd(fd) && note())
        hold();
    return next(fd);
}

EXPORT int rename(const char *from, const char *to)
{
    int (*next)(const char *, const char *);

    find(&next, "rename");
    if (watched(to) && note())
        hold();
    return next(from, to);
}
