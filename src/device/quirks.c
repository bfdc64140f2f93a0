/* What single drivers need. Code asks for a quirk, never for a vendor. */
#include "device/opencl.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Of a driver: the first "MAJOR.MINOR" of its text. */
struct version {
    unsigned long major, minor;
};

/* An entry matches when each text that it has is part of what the device says, and the driver's
 * version is one of since <= version < before, where they are given. A version that cannot be read is
 * in every range: what the entry costs is less than what it prevents. */
struct quirk_entry {
    const char *platform, *vendor, *name;
    struct version since, before;
    uint32_t quirks;
    const char *wrong; /* for users: what it computes wrong, and what to do */
    const char *why, *link, *date;
};

static const struct quirk_entry quirk_table[] = {
    {.platform = "Portable Computing Language",
     .quirks = CLG_QUIRK_NO_BINARIES,
     .why = "asking for a binary compiles every kernel of the program (10 s), and PoCL has a cache",
     .link = "https://github.com/pocl/pocl/issues/596",
     .date = "2026-11"},
    {.platform = "Portable Computing Language",
     .quirks = CLG_QUIRK_ONE_COMPILER,
     .why = "one lock round LLVM: three programs take 2.0 s with one thread or three",
     .link = "https://github.com/pocl/pocl",
     .date = "2026-11"},
    {.platform = "Portable Computing Language",
     .quirks = CLG_QUIRK_HALF_LISTED,
     .why = "a kernel that does not build prints a line on the process's stderr",
     .link = "https://github.com/pocl/pocl",
     .date = "2026-11"},
    {.platform = "Portable Computing Language",
     .since = {7, 0},
     .before = {7, 3},
     .quirks = CLG_QUIRK_SETTINGS,
     .wrong = "PoCL 7.0 to 7.2 computes some kernels wrong, code that runs twice and values that are "
              "read too late: clgrad's own are written around it, CLBlast's and an application's are "
              "not. Run `clgrad selftest`; use PoCL 6.0, or set POCL_FORCE_PARALLEL_OUTER_LOOP=0 and "
              "POCL_PREGION_VALUE_REMAT=0, as the command clgrad does",
     .why = "three faults of its work-item loops (docs/opencl.md); the settings that avoid them are no "
            "part of the key of its cache of kernels",
     .link = "https://github.com/pocl/pocl/pull/2182 and /2269",
     .date = "2026-11"},
    {.platform = "rusticl",
     .before = {25, 0},
     .quirks = CLG_QUIRK_GROUP_UNKNOWN,
     .why = "Mesa 22.3 gives the width of a sub-group as a kernel's largest group",
     .link = "https://gitlab.freedesktop.org/mesa/mesa",
     .date = "2026-11"},
    {.platform = "NVIDIA CUDA",
     .quirks = CLG_QUIRK_NO_BINARIES,
     .why = "binaries are PTX text that the driver compiles again; the driver caches the rest",
     .link = "https://github.com/artyom-beilis/dlprimitives/blob/master/docs/kernel_cache.md",
     .date = "2026-11"},
    {.name = "llvmpipe",
     .quirks = CLG_QUIRK_SOFTWARE,
     .why = "Mesa's rasteriser on the CPU: right, but about 0.1 GFLOPS",
     .link = "https://docs.mesa3d.org/rusticl.html",
     .date = "2026-11"},
    {.name = "llvmpipe",
     .before = {25, 0},
     .quirks = CLG_QUIRK_SHORT_LOOPS,
     .why = "all loops of a work-item end after 65535 iterations together, without a word, in Mesa "
            "22.3; 25.0.7 and 26.2.6 run a million",
     .link = "https://gitlab.freedesktop.org/mesa/mesa (LP_MAX_TGSI_LOOP_ITERATIONS)",
     .date = "2026-11"},
    {.name = "softpipe",
     .quirks = CLG_QUIRK_SOFTWARE,
     .why = "Mesa's reference rasteriser on the CPU",
     .link = "https://docs.mesa3d.org/rusticl.html",
     .date = "2026-11"},
    {.name = "swrast",
     .quirks = CLG_QUIRK_SOFTWARE,
     .why = "Mesa's rasteriser on the CPU under its older name",
     .link = "https://docs.mesa3d.org/rusticl.html",
     .date = "2026-11"},
    {.platform = "Oclgrind",
     .quirks = CLG_QUIRK_SOFTWARE | CLG_QUIRK_NO_BINARIES | CLG_QUIRK_HALF_LISTED |
               CLG_QUIRK_ONE_COMPILER,
     .why = "an interpreter that says it is every type of device at once",
     .link = "https://github.com/jrprice/Oclgrind",
     .date = "2026-11"},
    {.platform = "Graphics",
     .vendor = "Intel",
     .quirks = CLG_QUIRK_BIG_BUFFERS,
     .why = "buffers over 4 GiB compute on wrong data without the flag and the build option",
     .link = "https://github.com/intel/compute-runtime/blob/master/programmers-guide/"
             "ALLOCATIONS_GREATER_THAN_4GB.md",
     .date = "2026-11"},
};

static bool part_of(const char *part, const char *whole)
{
    return !part || strstr(whole, part);
}

/* Whether the text has a version, "7.1+debian" or "Mesa 25.0.7-2". */
static bool read_version(const char *text, struct version *out)
{
    char *end;

    for (const char *at = text; at && *at; at = end) {
        end = (char *)at + 1;
        if (!isdigit((unsigned char)*at))
            continue;
        out->major = strtoul(at, &end, 10);
        if (*end != '.' || !isdigit((unsigned char)end[1]))
            continue;
        out->minor = strtoul(end + 1, NULL, 10);
        return true;
    }
    return false;
}

static bool below(struct version a, struct version b)
{
    return a.major < b.major || (a.major == b.major && a.minor < b.minor);
}

static bool in_range(const struct quirk_entry *q, const char *driver)
{
    struct version version;

    return !read_version(driver, &version) ||
           (!below(version, q->since) && (q->before.major == 0 || below(version, q->before)));
}

static bool matches(const struct quirk_entry *q, const clg_device_info *info)
{
    return part_of(q->platform, info->platform) && part_of(q->vendor, info->vendor) &&
           part_of(q->name, info->name) && in_range(q, info->driver);
}

uint32_t clg_quirks_of(const clg_device_info *info, const char **wrong)
{
    uint32_t quirks = 0;

    *wrong = NULL;
    for (size_t i = 0; i < sizeof(quirk_table) / sizeof(quirk_table[0]); i++) {
        const struct quirk_entry *q = &quirk_table[i];

        if (!matches(q, info))
            continue;
        quirks |= q->quirks;
        if (q->wrong)
            *wrong = q->wrong;
    }
    return quirks;
}
