/* The file that a program under test replaces: whatever happens, the old or the new one is there.
 */
#ifndef DISK_H
#define DISK_H

#include "fault/program.h"

#include <stddef.h>

struct disk {
    char folder[256], path[300];
    char *before, *after; /* whole contents: of a run with another seed, and of an untouched run */
    size_t before_size, after_size;
};

/* The path, before the folder is there: for the program that disk_prepare runs. */
const char *disk_path(struct disk *disk);
/* Makes the folder, runs the program twice and keeps what it writes. The kernels are then cached.
 */
void disk_prepare(struct disk *disk, struct program *program);
/* Puts the old file there. */
void disk_reset(const struct disk *disk);
/* Fails unless the file is the old or the new one, and alone in its folder. */
void disk_check_whole(const struct disk *disk);
/* Fails unless it is the new one. */
void disk_check_new(const struct disk *disk);
void disk_finish(struct disk *disk);

#endif
