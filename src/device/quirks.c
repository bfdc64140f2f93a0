/* What single drivers need. Code asks for a quirk, never for a vendor. */
#include "device/opencl.h"

#include <string.h>

/* An entry matches when each text that it has is part of what the device says. */
struct quirk_entry {
    const char *platform, *vendor, *name;
    uint32_t quirks;
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
    {.platform = "rusticl",
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
     .quirks = CLG_QUIRK_SHORT_LOOPS,
     .why = "all loops of a work-item end after 65535 iterations together, without a word",
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

uint32_t clg_quirks_of(const clg_device_info *info)
{
    uint32_t quirks = 0;

    for (size_t i = 0; i < sizeof(quirk_table) / sizeof(quirk_table[0]); i++) {
        const struct quirk_entry *q = &quirk_table[i];

        if (part_of(q->platform, info->platform) && part_of(q->vendor, info->vendor) &&
            part_of(q->name, info->name))
            quirks |= q->quirks;
    }
    return quirks;
}
