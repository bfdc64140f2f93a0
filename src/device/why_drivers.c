/* How the ICD loader finds drivers: a folder of .icd files, each naming a library. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/why.h"

#define VENDORS "/etc/OpenCL/vendors"

/* The library that answers to cl*, from the process's own map. */
static void add_loader(struct clg_text *out)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[1024], *path;
    bool found = false;

    clg_text_add(out, "loader\n");
    while (maps && !found && fgets(line, sizeof(line), maps)) {
        path = strchr(line, '/');
        if (!path || (!strstr(path, "/libOpenCL") && !strstr(path, "oclgrind")))
            continue;
        path[strcspn(path, "\n")] = '\0';
        clg_text_add(out, "  %s\n", path);
        found = true;
    }
    if (maps)
        fclose(maps);
    if (!found)
        clg_text_add(out, "  linked in, or its path is not known\n");
}

static void add_environment(struct clg_text *out)
{
    static const char *const names[] = {
        "OCL_ICD_VENDORS",      "OCL_ICD_FILENAMES",    "OPENCL_VENDOR_PATH",
        "OPENCL_LAYERS",        "RUSTICL_ENABLE",       "POCL_DEVICES",
        "CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CLGRAD_DEVICE",
    };

    clg_text_add(out, "environment\n");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = clg_environment(names[i]);

        clg_text_add(out, "  %s %s%s\n", names[i], value ? "= " : "is not set", value ? value : "");
    }
}

/* ---- whether a library opens ----
 *
 * Opening a driver runs its code, and some bear that once: a second copy of LLVM's options ends the
 * process. So it is tried in a child process, and here only looked whether it is there already. */

static bool is_loaded(const char *library)
{
    void *handle = dlopen(library, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);

    if (handle)
        dlclose(handle);
    return handle != NULL;
}

/* What the child says: a letter, "o" when it opens and "n" when not, and the reason; before it,
 * what the library itself may print. */
static void open_and_say(const char *library, int to)
{
    const char *why = "", *verdict = "\no";

    dup2(to, STDOUT_FILENO);
    dup2(to, STDERR_FILENO);
    if (!dlopen(library, RTLD_LAZY | RTLD_LOCAL)) {
        why = dlerror();
        verdict = "\nn";
    }
    if (write(to, verdict, 2) == 2 && why)
        (void)!write(to, why, strlen(why));
    _exit(0); /* what the application does at exit is not the child's */
}

/* Reads to the end; what does not fit is dropped from the middle, as the end has the verdict. */
static void read_words(int from, char *words, size_t size)
{
    size_t length = 0;
    ssize_t got;

    while ((got = read(from, words + length, size - 1 - length)) != 0) {
        if (got < 0 && errno != EINTR)
            break;
        length += got > 0 ? (size_t)got : 0;
        if (length == size - 1) {
            memmove(words + size / 4, words + size / 2, length - size / 2);
            length -= size / 4;
        }
    }
    words[length] = '\0';
}

static void add_words(struct clg_text *out, const char *library, char *words, int status)
{
    char *verdict = strrchr(words, '\n');

    if (verdict && verdict[1] == 'o' && !verdict[2])
        clg_text_add(out, "%s opens\n", library);
    else if (verdict && verdict[1] == 'n')
        clg_text_add(out, "%s does not open: %s\n", library, verdict + 2);
    else
        clg_text_add(out, "%s ends the process that opens it (signal %d): %.*s\n", library,
                     WIFSIGNALED(status) ? WTERMSIG(status) : 0, (int)strcspn(words, "\n"), words);
}

static void add_library(struct clg_text *out, const char *library)
{
    char words[1024] = "";
    int ends[2], status = 0;
    pid_t child;

    if (is_loaded(library)) {
        clg_text_add(out, "%s opens\n", library);
        return;
    }
    if (pipe(ends) != 0) {
        clg_text_add(out, "%s was not tried: %s\n", library, strerror(errno));
        return;
    }
    child = fork();
    if (child == 0)
        open_and_say(library, ends[1]);
    close(ends[1]);
    if (child > 0) {
        read_words(ends[0], words, sizeof(words));
        waitpid(child, &status, 0);
        add_words(out, library, words, status);
    } else {
        clg_text_add(out, "%s was not tried: %s\n", library, strerror(errno));
    }
    close(ends[0]);
}

/* An .icd file is one line: the driver's library. */
static void add_icd(struct clg_text *out, const char *path)
{
    char library[1024] = "";
    FILE *file = fopen(path, "r");

    clg_text_add(out, "  %s: ", path);
    if (!file) {
        clg_text_add(out, "cannot be read: %s\n", strerror(errno));
        return;
    }
    if (!fgets(library, sizeof(library), file))
        library[0] = '\0';
    fclose(file);
    library[strcspn(library, "\r\n")] = '\0';
    if (library[0] == '\0')
        clg_text_add(out, "is empty, it must name the driver's library\n");
    else
        add_library(out, library);
}

static bool is_icd(const char *name)
{
    size_t length = strlen(name);

    return length > 4 && strcmp(name + length - 4, ".icd") == 0;
}

static void add_folder(struct clg_text *out, const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    size_t count = 0;

    if (!dir) {
        clg_text_add(out, "  %s: %s\n", folder, strerror(errno));
        return;
    }
    while ((entry = readdir(dir))) {
        char path[1024];

        if (!is_icd(entry->d_name))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        add_icd(out, path);
        count++;
    }
    closedir(dir);
    if (count == 0)
        clg_text_add(out, "  %s: no .icd file in it\n", folder);
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* OCL_ICD_VENDORS is a folder, a file, or the name of a file in the usual folder (ocl-icd). */
static void add_vendors(struct clg_text *out)
{
    const char *vendors = clg_environment("OCL_ICD_VENDORS");
    char path[1024];

    if (!vendors)
        vendors = clg_environment("OPENCL_VENDOR_PATH");
    clg_text_add(out, "driver files\n");
    if (!vendors) {
        add_folder(out, VENDORS);
    } else if (is_folder(vendors)) {
        add_folder(out, vendors);
    } else {
        snprintf(path, sizeof(path), "%s/%s", VENDORS, vendors);
        add_icd(out, strchr(vendors, '/') ? vendors : path);
    }
}

/* OCL_ICD_FILENAMES: libraries, with colons between them, beside the files. */
static void add_filenames(struct clg_text *out)
{
    const char *names = clg_environment("OCL_ICD_FILENAMES");

    while (names && *names) {
        size_t length = strcspn(names, ":");
        char library[1024];

        if (length > 0 && length < sizeof(library)) {
            memcpy(library, names, length);
            library[length] = '\0';
            clg_text_add(out, "  OCL_ICD_FILENAMES: ");
            add_library(out, library);
        }
        names += length + (names[length] == ':');
    }
}

void clg_why_drivers(struct clg_text *out)
{
    add_loader(out);
    add_environment(out);
    add_vendors(out);
    add_filenames(out);
}
