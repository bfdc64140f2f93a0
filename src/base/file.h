/* Whole files, and replacing a file so that the old one survives every failure. */
#ifndef CLG_BASE_FILE_H
#define CLG_BASE_FILE_H

#include <stdio.h>
#include "base/context.h"

/* Opens a regular file for reading and says how large it is. What could block or has no end is
 * refused: folders, pipes, sockets, devices. NULL on failure. */
FILE *clg_file_open_regular(struct clg_ctx *ctx, const char *path, uint64_t *size);

/* Reads a whole regular file; *data (clg_free) has a zero byte after size. */
clg_status clg_file_read(struct clg_ctx *ctx, const char *path, char **data, size_t *size);
/* The same; a file of over `limit` bytes is refused before anything is allocated. */
clg_status clg_file_read_limited(struct clg_ctx *ctx, const char *path, uint64_t limit, char **data,
                                 size_t *size);

/* A file being written beside its final path: open, write to ->stream, then commit (flush, fsync,
 * rename, fsync of the folder) or discard (removes it). commit discards on failure. The temporary
 * file is locked while it is written; open removes those of this path that nobody has locked, which
 * killed processes left behind. */
struct clg_file {
    struct clg_ctx *ctx;
    FILE *stream;
    char *path, *temporary;
};
clg_status clg_file_open(struct clg_file *file, struct clg_ctx *ctx, const char *path);
clg_status clg_file_write(struct clg_file *file, const void *data, size_t size);
/* Goes back to the beginning, to write over what stands there. */
clg_status clg_file_rewind(struct clg_file *file);
clg_status clg_file_commit(struct clg_file *file);
void clg_file_discard(struct clg_file *file);

/* Whether a folder's entry is named as the temporary files of the file `of` are: OF.PID.n.tmp. */
bool clg_file_is_temporary(const char *name, const char *of);

/* Makes a new folder and syncs the one it lies in. False: errno says why. The path is as before. */
bool clg_make_dir(char *path);
/* Makes a folder and its parents, where they are not there. */
clg_status clg_make_dirs(struct clg_ctx *ctx, const char *path);

#endif
