/* Thousands of damaged weight files, the same ones each run: every one is refused with a sentence
 * and changes nothing, or is a file after all and loads what it says. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz/damage.h"
#include "store/safetensors.h"
#include "store/store.h"

#define ROUNDS 4000
/* ---- damage that knows the format ---- */

static size_t header_size(const struct damage *b)
{
    size_t size = (unsigned char)b->data[0] | (size_t)(unsigned char)b->data[1] << 8;
    return 8 + size < b->size ? size : b->size - 8;
}

/* Makes the length say what the header is after text of it was replaced. */
static void fix_length(struct damage *b, size_t grown)
{
    size_t size = header_size(b) + grown;
    b->data[0] = (char)(size & 0xff);
    b->data[1] = (char)(size >> 8 & 0xff);
}

static void set_length(struct damage *b)
{
    static const uint64_t odd[] = {0,        1, 7, 0xffff, 100000001, UINT64_MAX, UINT64_MAX - 7,
                                   INT64_MAX};
    uint64_t length = damage_below(2) ? odd[damage_below(8)] : header_size(b) + damage_below(9) - 4;
    for (int i = 0; i < 8; i++)
        b->data[i] = (char)(length >> 8 * i & 0xff);
}

/* Replaces a number of the header, and keeps the header's length true. */
static void change_number(struct damage *b)
{
    static const char *const odd[] = {"0",
                                      "1",
                                      "-1",
                                      "4",
                                      "8",
                                      "12",
                                      "24",
                                      "60",
                                      "64",
                                      "1.5",
                                      "1e1",
                                      "null",
                                      "[]",
                                      "\"4\"",
                                      "true",
                                      "100",
                                      "1000",
                                      "4096",
                                      "00",
                                      "999999",
                                      "4294967296",
                                      "9223372036854775807",
                                      "18446744073709551616"};
    size_t end = 8 + header_size(b), at = 8 + damage_below((uint32_t)header_size(b)), length = 0;
    const char *with = odd[damage_below(sizeof(odd) / sizeof(*odd))];
    while (at < end && (b->data[at] < '0' || b->data[at] > '9'))
        at++;
    while (at + length < end && b->data[at + length] >= '0' && b->data[at + length] <= '9')
        length++;
    if (length == 0 || b->size - length + strlen(with) > DAMAGE_ROOM)
        return;
    damage_replace(b, at, length, with, strlen(with));
    fix_length(b, strlen(with) - length);
}

/* Replaces a word of the header. */
static void change_word(struct damage *b)
{
    static const char *const words[] = {"F32",
                                        "I64",
                                        "F16",
                                        "BOOL",
                                        "U8",
                                        "shape",
                                        "data_offsets",
                                        "dtype",
                                        "weight",
                                        "__metadata__",
                                        "F8_E5M2",
                                        "clgrad.step",
                                        "optimizer.a.b.w"};
    size_t count = sizeof(words) / sizeof(*words), n = header_size(b);
    const char *from = words[damage_below((uint32_t)count)],
               *to = words[damage_below((uint32_t)count)];
    char *at = NULL;
    for (size_t i = damage_below((uint32_t)n); i + strlen(from) < n && !at; i++)
        if (!memcmp(b->data + 8 + i, from, strlen(from)))
            at = b->data + 8 + i;
    if (!at || b->size - strlen(from) + strlen(to) > DAMAGE_ROOM)
        return;
    damage_replace(b, (size_t)(at - b->data), strlen(from), to, strlen(to));
    fix_length(b, strlen(to) - strlen(from));
}

static void damage_file(struct damage *b)
{
    static void (*const kinds[])(struct damage *) = {set_length, change_number, change_number,
                                                     change_word};
    for (uint32_t n = 1 + damage_below(3); n > 0 && b->size > 40; n--)
        if (damage_below(10) < 6)
            damage_bytes(b);
        else
            kinds[damage_below(sizeof(kinds) / sizeof(*kinds))](b);
}

/* ---- the store under test ---- */

#define VALUES 15

struct bench {
    clg_ctx *ctx;
    clg_device *device;
    clg_store *store;
    char folder[256], path[300];
    struct damage start;
    long loaded, refused;
    float before[VALUES]; /* what the store holds */
};

static const char *const names[2] = {"weight", "state"};
static const size_t counts[2] = {12, 3};

static void make_store(struct bench *b)
{
    const clg_init init = {.scheme = CLG_INIT_CONSTANT, .a = 1};
    b->store = clg_store_create(b->device, 1);
    clg_store_entry(b->store, names[0], CLG_ENTRY_PARAMETER, clg_shape2(4, 3), &init);
    clg_store_entry(b->store, names[1], CLG_ENTRY_STATE, clg_shape1(3), &init);
    test_ok(b->ctx, clg_store_allocate(b->store));
}

static void make_file(struct bench *b)
{
    static const char header[] =
        "{\"__metadata__\":{\"clgrad.step\":\"3\",\"clgrad.draw\":\"4\",\"note\":\"x\"},"
        "\"steps\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]},"
        "\"weight\":{\"dtype\":\"F32\",\"shape\":[4,3],\"data_offsets\":[16,64]},"
        "\"state\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[64,76]},"
        "\"optimizer.adam.exp_avg.weight\":"
        "{\"dtype\":\"F32\",\"shape\":[4,3],\"data_offsets\":[76,124]}}";
    size_t size = sizeof(header) - 1;
    memset(&b->start, 0, sizeof(b->start));
    memcpy(b->start.data + 8, header, size);
    b->start.data[0] = (char)(size & 0xff);
    b->start.data[1] = (char)(size >> 8);
    for (size_t i = 0; i < 124; i++)
        b->start.data[8 + size + i] = (char)(i * 7 % 64); /* small, finite floats */
    b->start.size = 8 + size + 124;
}

static void read_values(struct bench *b, float out[VALUES])
{
    for (size_t i = 0, at = 0; i < 2; at += counts[i++])
        test_ok(b->ctx, clg_store_get(b->store, names[i], out + at, counts[i] * 4));
}

/* The values the file says, by its own offsets. */
static void expect(struct bench *b, const struct clg_safetensors *file, const float *got)
{
    for (size_t e = 0, at = 0; e < 2; at += counts[e++]) {
        float want[VALUES];
        const struct clg_file_tensor *t = NULL;
        for (size_t i = 0; i < file->tensors.count; i++)
            if (!strcmp(file->tensors.items[i].name, names[e]))
                t = &file->tensors.items[i];
        cr_assert(t && t->info.count == counts[e], "%s: loaded without '%s'", b->path, names[e]);
        cr_assert_leq(t->offset + t->info.bytes, file->body_size);
        clg_safetensors_floats(t->info.type, file->body + t->offset, counts[e], want);
        cr_assert_arr_eq(want, got + at, counts[e] * 4, "'%s' was read wrong", names[e]);
    }
}

/* In a block of exactly its size, so that the sanitizer sees a read past its end. */
static void try_one(struct bench *b, const struct damage *file)
{
    float after[VALUES];
    struct clg_safetensors parsed;
    char *copy = malloc(file->size ? file->size : 1);
    FILE *f = fopen(b->path, "wb");
    cr_assert(copy && f && fwrite(file->data, 1, file->size, f) == file->size && fclose(f) == 0);
    memcpy(copy, file->data, file->size);
    clg_status parse = clg_safetensors_parse(&parsed, b->ctx, b->path, copy, file->size);
    clg_status load = clg_store_load(b->store, b->path);
    read_values(b, after);
    cr_assert(load == CLG_OK || load == CLG_ERR_FORMAT, "%s", clg_error(b->ctx));
    if (load == CLG_OK) {
        cr_assert_eq(parse, CLG_OK);
        expect(b, &parsed, after);
        b->loaded++;
    } else {
        cr_assert_gt(strlen(clg_error(b->ctx)), strlen(b->path) + 15, "%s", clg_error(b->ctx));
        cr_assert_arr_eq(b->before, after, sizeof(after), "a refused file changed the store");
        b->refused++;
    }
    memcpy(b->before, after, sizeof(after));
    if (parse == CLG_OK)
        clg_safetensors_finish(&parsed);
    free(copy);
}

TEST(safetensors, damaged_files)
{
    static struct damage file;
    static struct bench b;
    b.ctx = clg_ctx_create(NULL);
    b.device = test_open(b.ctx, CLG_FORM_AUTO);
    test_folder(b.folder);
    snprintf(b.path, sizeof(b.path), "%s/x", b.folder);
    make_store(&b);
    make_file(&b);
    read_values(&b, b.before);
    try_one(&b, &b.start);
    cr_assert_eq(b.loaded, 1, "%s", clg_error(b.ctx));
    for (long i = 0, rounds = damage_rounds(ROUNDS); i < rounds; i++) {
        damage_copy(&file, &b.start);
        damage_file(&file);
        try_one(&b, &file);
    }
    test_ok(b.ctx, clg_store_save(b.store, b.path, NULL));
    test_ok(b.ctx, clg_store_load(b.store, b.path));
    cr_log_info("%ld loaded, %ld refused", b.loaded, b.refused);
    cr_assert(b.loaded > ROUNDS / 100 && b.refused > ROUNDS / 2, "%ld loaded, %ld refused",
              b.loaded, b.refused);
    clg_ctx_destroy(&b.ctx);
    test_remove(b.folder);
}
