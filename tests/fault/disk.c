#include "fault/disk.h"

#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s is gone", path);
    char *data = malloc(1 << 20);
    cr_assert_not_null(data);
    *size = fread(data, 1, 1 << 20, file);
    fclose(file);
    return data;
}

static bool is(const char *path, const char *content, size_t size)
{
    size_t there;
    char *data = read_file(path, &there);
    bool same = there == size && memcmp(data, content, size) == 0;
    free(data);
    return same;
}

static int files_in(const char *path)
{
    DIR *folder = opendir(path);
    cr_assert_not_null(folder);
    int count = 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
        count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
    closedir(folder);
    return count;
}

const char *disk_path(struct disk *disk)
{
    test_folder(disk->folder);
    snprintf(disk->path, sizeof(disk->path), "%s/model.safetensors", disk->folder);
    return disk->path;
}

void disk_prepare(struct disk *disk, struct program *program)
{
    char message[1024];
    program->seed = 2;
    cr_assert_eq(program_run(program, message), CLG_OK, "%s", message);
    disk->before = read_file(disk->path, &disk->before_size);
    program->seed = 1;
    cr_assert_eq(program_run(program, message), CLG_OK, "%s", message);
    disk->after = read_file(disk->path, &disk->after_size);
    cr_assert_not(is(disk->path, disk->before, disk->before_size), "the seed changes nothing");
}

void disk_reset(const struct disk *disk)
{
    FILE *file = fopen(disk->path, "wb");
    cr_assert_not_null(file);
    fwrite(disk->before, 1, disk->before_size, file);
    fclose(file);
}

void disk_check_whole(const struct disk *disk)
{
    cr_assert(is(disk->path, disk->before, disk->before_size) ||
                  is(disk->path, disk->after, disk->after_size),
              "the file on disk is neither the old nor the new one");
    cr_assert_eq(files_in(disk->folder), 1, "a temporary file was left behind");
}

void disk_check_new(const struct disk *disk)
{
    cr_assert(is(disk->path, disk->after, disk->after_size), "another file than before");
    cr_assert_eq(files_in(disk->folder), 1, "a temporary file was left behind");
}

void disk_finish(struct disk *disk)
{
    free(disk->before);
    free(disk->after);
    test_remove(disk->folder);
}
