/* clgrad devices --why in every set of drivers that the machine has, and in broken ones. */
#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

#define VENDORS "/etc/OpenCL/vendors"
enum { DRIVERS_MAX = 4, TEXT = 1 << 16 };

struct drivers {
    char name[DRIVERS_MAX][256]; /* of .icd files */
    int count;
};

static void find_drivers(struct drivers *d)
{
    DIR *folder = opendir(VENDORS);
    const struct dirent *entry;

    d->count = 0;
    cr_assert_not_null(folder, "there is no %s", VENDORS);
    while (d->count < DRIVERS_MAX && (entry = readdir(folder)))
        if (strstr(entry->d_name, ".icd"))
            snprintf(d->name[d->count++], sizeof(d->name[0]), "%s", entry->d_name);
    closedir(folder);
    cr_assert_gt(d->count, 0, "no driver is installed");
}

/* The report with these words in front of the command; it ends with status 0. What a driver leaks
 * is not looked for. */
static const char *why(const char *before)
{
    static char text[TEXT];
    struct running run;
    size_t size;

    running_start(
        &run, "export ASAN_OPTIONS=detect_leaks=0; %s \"$CLG_TEST_COMMAND\" devices --why", before);
    size = fread(text, 1, sizeof(text) - 1, run.out);
    text[size] = '\0';
    cr_assert_eq(running_end(&run), 0, "%s: %s", before, text);
    cr_assert(strstr(text, "platforms\n") && strstr(text, "graphics hardware\n"), "%s: %s", before,
              text);
    return text;
}

static void copy_driver(const char *folder, const char *name)
{
    size_t size;
    char *data = file_read(file_in(VENDORS, name), &size);

    file_write(file_in(folder, name), data, size);
    free(data);
}

static void expect_opens(const char *text, const char *folder, const char *name)
{
    const char *line = strstr(text, file_in(folder, name)), *end = line ? strchr(line, '\n') : NULL;

    cr_assert(end && strncmp(end - 6, " opens", 6) == 0, "%s does not open: %s", name, text);
}

TEST(why, every_set_of_drivers)
{
    static const char *const also[] = {"", "RUSTICL_ENABLE=llvmpipe", "POCL_DEVICES=none"};
    struct drivers d;

    find_drivers(&d);
    for (int set = 0; set < 1 << d.count; set++) {
        char folder[256], before[512];

        test_folder(folder);
        for (int i = 0; i < d.count; i++)
            if (set & 1 << i)
                copy_driver(folder, d.name[i]);
        for (int a = 0; a < (set == (1 << d.count) - 1 ? 3 : 1); a++) {
            const char *text;

            snprintf(before, sizeof(before), "OCL_ICD_VENDORS='%s' %s", folder, also[a]);
            text = why(before);
            for (int i = 0; i < d.count; i++)
                if (set & 1 << i)
                    expect_opens(text, folder, d.name[i]);
            if (!set)
                cr_assert_not_null(strstr(text, "no .icd file in it"), "%s", text);
        }
        test_remove(folder);
    }
}

TEST(why, as_the_machine_has_them)
{
    struct drivers d;
    const char *text = why("env -u OCL_ICD_VENDORS");

    find_drivers(&d);
    for (int i = 0; i < d.count; i++)
        expect_opens(text, VENDORS, d.name[i]);
}

/* Beside all that work: an empty file, bytes, a library that is missing, one that is no driver, and
 * the same driver again. */
TEST(why, broken_drivers)
{
    static const char *const words[] = {"empty.icd: is empty",
                                        "libnone.so.7 does not open: ", "libm.so.6 opens",
                                        "FILENAMES: libother.so does not open"};
    struct drivers d;
    char folder[256], before[512];
    const char *text;

    find_drivers(&d);
    test_folder(folder);
    for (int i = 0; i < d.count; i++) {
        copy_driver(folder, d.name[i]);
        rename(file_in(folder, d.name[i]), file_in(folder, "again.icd"));
        copy_driver(folder, d.name[i]);
    }
    file_write_text(file_in(folder, "empty.icd"), "");
    file_write(file_in(folder, "bytes.icd"), "\177ELF\2\1\1\0\0\377", 10);
    file_write_text(file_in(folder, "none.icd"), "libnone.so.7\n");
    file_write_text(file_in(folder, "maths.icd"), "libm.so.6\n");
    snprintf(before, sizeof(before), "OCL_ICD_VENDORS='%s' OCL_ICD_FILENAMES=libother.so", folder);
    text = why(before);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        cr_assert_not_null(strstr(text, words[i]), "no '%s' in: %s", words[i], text);
    snprintf(before, sizeof(before), "OCL_ICD_VENDORS='%s/none.icd'", folder);
    cr_assert_not_null(strstr(why(before), "the loader found no driver that works"));
    test_remove(folder);
}
