/* Damaged entries of the kernel cache, the same ones each run: every one is a miss, leaves the
 * context's error as it was, and reaches no driver unless it is whole. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "device/opencl.h"

#include "cli/command.h"
#include "fuzz/damage.h"

#define ROUNDS 4000

static const char source[] = "kernel void f(global int *a) { a[0] = 1; }\n";
static const char *const words[] = {"clgrad", "kernels", "1", "2", "",
                                    "device", "options", "0", NULL};

struct bench {
    clg_ctx *ctx;
    struct clg_device *device;
    struct clg_cache_key key;
    char folder[256], *path, *options, *source;
    struct damage whole;
};

static void make_entry(struct bench *b)
{
    clg_ctx_params params = clg_ctx_defaults();
    size_t program, size;
    char *data;

    test_folder(b->folder);
    params.cache = true;
    params.cache_dir = b->folder;
    b->ctx = clg_ctx_create(&params);
    b->device = test_open(b->ctx, CLG_FORM_AUTO);
    b->device->self.quirks &= ~(uint32_t)CLG_QUIRK_NO_BINARIES;
    test_ok(b->ctx, clg_program_want(b->device, "generated", source, NULL, &program));
    b->options = clg_strdup(b->ctx, b->device->programs.items[0].options);
    b->source = clg_strdup(b->ctx, b->device->programs.items[0].source);
    test_ok(b->ctx, clg_programs_build(b->device)); /* after which it has neither */
    b->key = (struct clg_cache_key){.options = b->options, .source = b->source};
    b->path = clg_cache_path(b->device, &b->key);
    data = file_read(b->path, &size);
    damage_set(&b->whole, data, size);
    free(data);
}

/* Whether the entry as it lies there is taken. */
static bool is_hit(struct bench *b)
{
    cl_program program = clg_cache_load(b->device, &b->key);

    if (program)
        clReleaseProgram(program);
    cr_assert_str_eq(clg_error(b->ctx), "");
    return program != NULL;
}

TEST(cache, damaged_entries)
{
    static struct bench b;
    static struct damage d;

    make_entry(&b);
    damage_seed(5);
    cr_assert(is_hit(&b));
    for (long i = 0, rounds = damage_rounds(ROUNDS); i < rounds; i++) {
        bool same;

        damage_copy(&d, &b.whole);
        if (damage_below(3))
            damage_bytes(&d);
        else
            damage_words(&d, words);
        same = d.size == b.whole.size && memcmp(d.data, b.whole.data, d.size) == 0;
        damage_write(&d, b.path);
        cr_assert_eq(is_hit(&b), same, "round %ld", i);
    }
    clg_free(b.ctx, b.path);
    clg_free(b.ctx, b.options);
    clg_free(b.ctx, b.source);
    clg_ctx_destroy(&b.ctx);
    test_remove(b.folder);
}
