/* The GPUs that the kernel knows, and whether this user may open them. */
#include <dirent.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device/why.h"

static const struct {
    const char *id, *name;
} vendors[] = {
    {"0x1002", "AMD"},
    {"0x8086", "Intel"},
    {"0x10de", "NVIDIA"},
};

/* The maker of a render node's GPU, from sysfs. */
static const char *vendor_of(const char *node)
{
    char path[320], id[16] = "";
    FILE *file;

    snprintf(path, sizeof(path), "/sys/class/drm/%s/device/vendor", node);
    file = fopen(path, "r");
    if (!file)
        return "unknown maker";
    if (!fgets(id, sizeof(id), file))
        id[0] = '\0';
    fclose(file);
    id[strcspn(id, "\n")] = '\0';
    for (size_t i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
        if (strcmp(vendors[i].id, id) == 0)
            return vendors[i].name;
    return "unknown maker";
}

static void add_access(struct clg_text *out, const char *path, const char *maker)
{
    struct group group, *found = NULL;
    char buffer[4096];
    struct stat st;

    if (stat(path, &st) != 0)
        return;
    clg_text_add(out, "  %s (%s): ", path, maker);
    if (access(path, R_OK | W_OK) == 0) {
        clg_text_add(out, "you may use it\n");
        return;
    }
    if (getgrgid_r(st.st_gid, &group, buffer, sizeof(buffer), &found) != 0)
        found = NULL;
    clg_text_add(out, "you may not use it; it belongs to the group %s: sudo usermod -aG %s $USER\n",
                 found ? found->gr_name : "render", found ? found->gr_name : "render");
}

static size_t add_render_nodes(struct clg_text *out)
{
    DIR *dir = opendir("/dev/dri");
    struct dirent *entry;
    size_t count = 0;

    while (dir && (entry = readdir(dir))) {
        char path[320];

        if (strncmp(entry->d_name, "renderD", 7) != 0)
            continue;
        snprintf(path, sizeof(path), "/dev/dri/%s", entry->d_name);
        add_access(out, path, vendor_of(entry->d_name));
        count++;
    }
    if (dir)
        closedir(dir);
    return count;
}

void clg_why_hardware(struct clg_text *out)
{
    clg_text_add(out, "graphics hardware\n");
    if (add_render_nodes(out) == 0)
        clg_text_add(out,
                     "  no /dev/dri/renderD*: the kernel drives no GPU (or this is a container "
                     "that was not given one)\n");
    add_access(out, "/dev/kfd", "AMD compute");
    add_access(out, "/dev/nvidiactl", "NVIDIA");
}
