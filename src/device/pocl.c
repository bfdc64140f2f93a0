/* PoCL keeps what it compiles in a folder, and without it has no device or builds nothing, saying
 * neither which folder nor why. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "device/opencl.h"

/* As PoCL finds it (lib/CL/pocl_cache.c, pocl_cache_init_topdir). */
static void cache_folder(char *out, size_t size)
{
    const char *own = clg_environment("POCL_CACHE_DIR"), *xdg = clg_environment("XDG_CACHE_HOME");
    const char *home = clg_environment("HOME");

    if (own)
        snprintf(out, size, "%s", own);
    else if (xdg)
        snprintf(out, size, "%s/pocl/kcache", xdg);
    else
        snprintf(out, size, "%s%s", home ? home : "/tmp",
                 home ? "/.cache/pocl/kcache" : "/pocl/kcache");
}

/* Writes as much as a small kernel takes. 0, or an errno. */
static int try_to_write(const char *folder)
{
    static const char block[65536];
    char path[1100];
    int file, error;

    snprintf(path, sizeof(path), "%s/clgrad-XXXXXX", folder);
    file = mkstemp(path);
    if (file < 0)
        return errno;
    errno = ENOSPC; /* of a write that is cut */
    error = write(file, block, sizeof(block)) == (ssize_t)sizeof(block) ? 0 : errno;
    close(file);
    unlink(path);
    return error;
}

bool clg_pocl_is(const char *platform)
{
    return strcmp(platform, "Portable Computing Language") == 0;
}

bool clg_pocl_cache_fails(struct clg_ctx *ctx, char *out, size_t size)
{
    char folder[1024], why[CLG_ERROR_MAX];
    int error = 0;

    cache_folder(folder, sizeof(folder));
    if (clg_make_dirs(ctx, folder) != CLG_OK)
        snprintf(why, sizeof(why), "%s", ctx->error);
    else if ((error = try_to_write(folder)))
        snprintf(why, sizeof(why), "cannot write to '%s': %s", folder, strerror(error));
    else
        return false;
    snprintf(out, size,
             "PoCL needs a folder for compiled kernels: %s; POCL_CACHE_DIR names another", why);
    return true;
}
