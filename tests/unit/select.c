/* The grammar of device specs, and the order of devices, over lists that no machine has. */
#include <string.h>
#include "device/opencl.h"
#include "test.h"

#define GPU(p, d, pname, n, v, own)                                                                \
    {                                                                                              \
        .info = {.platform = pname, .name = n, .vendor = v, .type = CLG_DEVICE_GPU},               \
        .platform_number = p, .device_number = d, .suffix = (char *)"X", .unified = !(own),        \
        .speed = 1000                                                                              \
    }

/* A machine with everything. */
static struct clg_candidate all[] = {
    {.info = {.platform = "Portable Computing Language",
              .name = "pthread-haswell-Intel(R) Core(TM) i7",
              .vendor = "GenuineIntel",
              .type = CLG_DEVICE_CPU},
     .platform_number = 0,
     .suffix = (char *)"POCL",
     .speed = 8000},
    GPU(2, 0, "rusticl", "AMD Radeon RX 6600", "AMD", true),
    {.info = {.platform = "rusticl",
              .name = "llvmpipe (LLVM 15.0.6, 256 bits)",
              .vendor = "Mesa/X.org",
              .type = CLG_DEVICE_SOFTWARE},
     .platform_number = 2,
     .device_number = 1,
     .suffix = (char *)"MESA",
     .speed = 99999},
    GPU(3, 0, "Intel(R) OpenCL Graphics", "Intel(R) Arc(TM) A770", "Intel(R) Corporation", true),
    GPU(3, 1, "Intel(R) OpenCL Graphics", "Intel(R) Arc(TM) A770M", "Intel(R) Corporation", true),
    GPU(3, 2, "Intel(R) OpenCL Graphics", "Intel(R) UHD 770", "Intel(R) Corporation", false),
    GPU(4, 0, "NVIDIA CUDA", "NVIDIA H200", "NVIDIA Corporation", true),
    GPU(5, 0, "AMD Accelerated Parallel Processing", "gfx90a:sramecc+:xnack-",
        "Advanced Micro Devices, Inc.", true),
};
#define COUNT (sizeof(all) / sizeof(all[0]))

static void prepare(void)
{
    for (size_t i = 0; i < COUNT; i++)
        all[i].info.index = (int)i;
    all[3].speed = 5000;
    all[5].speed = 90000; /* fast on paper, but in the host's memory */
    all[6].speed = 200000;
    clg_candidates_rank(all, COUNT);
}

TEST(select, grammar)
{
    static const struct {
        const char *spec;
        int index;
    } cases[] = {
        {"best", 6},
        {"BEST", 6},
        {"gpu", 6},
        {"cpu", 0},
        {"amd", 1},
        {"intel", 3},
        {"nvidia", 6},
        {"0", 0},
        {"7", 7},
        {"2:1", 2},
        {"3:2", 5},
        {"POCL:0", 0},
        {"rusticl:0", 1},
        {"portable:0", 0},
        {"rusticl:pipe", 2},
        {"h200", 6},
        {"Radeon", 1},
        {"pthread", 0},
        {"UHD", 5},
        {"llvmpipe", 2},
        {"gfx90a:sramecc+:xnack-", 7},
        {"xnack", 7},
        {"Intel(R) Arc(TM) A770", 3},
        {"a770m", 4},
    };
    clg_ctx *ctx = test_context();

    prepare();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int got = clg_candidates_select(ctx, all, COUNT, cases[i].spec);

        cr_expect_eq(got, cases[i].index, "'%s': %d, expected %d: %s", cases[i].spec, got,
                     cases[i].index, clg_error(ctx));
    }
    clg_ctx_destroy(&ctx);
}

TEST(select, refusals_list_what_there_is)
{
    static const char *const none[] = {"8",   "-1", "99999999999", "foo", "1:0",
                                       "4:1", "",   "::",           "0:"};
    static const char *const many[] = {"Intel(R)", "a77", "3:intel"};
    clg_ctx *ctx = test_context();

    prepare();
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        cr_expect_eq(clg_candidates_select(ctx, all, COUNT, none[i]), -1, "'%s'", none[i]);
        cr_expect_eq(clg_error_status(ctx), CLG_ERR_NO_DEVICE);
        cr_expect(strstr(clg_error(ctx), "no device matches") &&
                      strstr(clg_error(ctx), "6 NVIDIA H200"),
                  "'%s': %s", none[i], clg_error(ctx));
    }
    for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++) {
        cr_expect_eq(clg_candidates_select(ctx, all, COUNT, many[i]), -1, "'%s'", many[i]);
        cr_expect(strstr(clg_error(ctx), "more than one") &&
                      strstr(clg_error(ctx), "6 NVIDIA H200"),
                  "'%s': %s", many[i], clg_error(ctx));
    }
    cr_expect_eq(clg_candidates_select(ctx, all, 1, "gpu"), -1);
    cr_expect_eq(clg_candidates_select(ctx, all, 1, "intel"), -1, "a CPU is no Intel GPU");
    clg_ctx_destroy(&ctx);
}

TEST(select, best_order)
{
    prepare();
    cr_expect(all[6].info.best);
    clg_candidates_rank(all, 6);
    cr_expect(all[3].info.best, "the fastest with memory of its own");
    clg_candidates_rank(all, 1);
    cr_expect(all[0].info.best);
    clg_candidates_rank(all + 2, 1);
    cr_expect(all[2].info.best, "a rasteriser is better than nothing");
    clg_candidates_rank(all, 0);
}

TEST(select, same_hardware)
{
    struct clg_candidate list[] = {
        GPU(0, 0, "A", "card", "AMD", true),    GPU(0, 1, "A", "card", "AMD", true),
        GPU(1, 0, "B", "card", "AMD", true),    GPU(1, 1, "B", "card", "AMD", true),
        GPU(2, 0, "C", "gfx1030", "AMD", true), GPU(2, 1, "C", "other", "AMD", true),
    };
    static const int expected[] = {-1, -1, 0, 1, 1, -1};

    list[1].address[3] = list[4].address[3] = 7;
    list[5].address[3] = 8;
    list[1].address_kind = list[4].address_kind = list[5].address_kind = 1;
    for (int i = 0; i < 6; i++)
        list[i].info.index = i;
    clg_candidates_rank(list, 6);
    for (int i = 0; i < 6; i++)
        cr_expect_eq(list[i].info.same_as, expected[i], "entry %d: %d", i, list[i].info.same_as);
}

#define POCL     "Portable Computing Language"
#define LLVMPIPE "llvmpipe (LLVM 22.1.8, 256 bits)"

/* What drivers of these versions say, and what is known of them. */
TEST(select, quirks)
{
    static const struct {
        const char *platform, *name, *driver;
        uint32_t has, lacks;
        bool wrong;
    } drivers[] = {
        {POCL, "cpu", "3.1+debian", CLG_QUIRK_NO_BINARIES, CLG_QUIRK_SETTINGS, false},
        {POCL, "cpu", "6.0+debian", CLG_QUIRK_NO_BINARIES, CLG_QUIRK_SETTINGS, false},
        {POCL, "cpu", "7.0", CLG_QUIRK_SETTINGS, CLG_QUIRK_SHORT_LOOPS, true},
        {POCL, "cpu", "7.1+debian", CLG_QUIRK_SETTINGS | CLG_QUIRK_NO_BINARIES, 0, true},
        {POCL, "cpu", "7.2-RC1", CLG_QUIRK_SETTINGS, 0, true},
        {POCL, "cpu", "7.3", CLG_QUIRK_NO_BINARIES, CLG_QUIRK_SETTINGS, false},
        {POCL, "cpu", "7.10", CLG_QUIRK_NO_BINARIES, CLG_QUIRK_SETTINGS, false},
        {POCL, "cpu", "70.1", CLG_QUIRK_NO_BINARIES, CLG_QUIRK_SETTINGS, false},
        {POCL, "cpu", "main", CLG_QUIRK_SETTINGS, 0, true},
        {"rusticl", LLVMPIPE, "22.3.6", CLG_QUIRK_SHORT_LOOPS | CLG_QUIRK_GROUP_UNKNOWN, 0, false},
        {"rusticl", LLVMPIPE, "Mesa 24.3.4", CLG_QUIRK_SHORT_LOOPS, 0, false},
        {"rusticl", LLVMPIPE, "25.0.7-2", CLG_QUIRK_SOFTWARE,
         CLG_QUIRK_SHORT_LOOPS | CLG_QUIRK_GROUP_UNKNOWN, false},
        {"rusticl", LLVMPIPE, "26.2.6-1", CLG_QUIRK_SOFTWARE, CLG_QUIRK_SHORT_LOOPS, false},
        {"rusticl", LLVMPIPE, "", CLG_QUIRK_SHORT_LOOPS, 0, false},
        {"rusticl", LLVMPIPE, "git-1a2b.", CLG_QUIRK_SHORT_LOOPS, 0, false},
        {"NVIDIA CUDA", "GeForce", "550.54.14", CLG_QUIRK_NO_BINARIES, CLG_QUIRK_SETTINGS, false},
    };

    for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        const clg_device_info info = {.platform = drivers[i].platform,
                                      .name = drivers[i].name,
                                      .vendor = "V",
                                      .driver = drivers[i].driver};
        const char *wrong;
        uint32_t quirks = clg_quirks_of(&info, &wrong);

        cr_expect_eq(quirks & drivers[i].has, drivers[i].has, "%s %s: %u", info.platform,
                     info.driver, quirks);
        cr_expect_eq(quirks & drivers[i].lacks, 0, "%s %s: %u", info.platform, info.driver, quirks);
        cr_expect_eq(wrong != NULL, drivers[i].wrong, "%s %s: %s", info.platform, info.driver,
                     wrong ? wrong : "nothing wrong");
    }
}
