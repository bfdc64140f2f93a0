#include <float.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <clgrad/shape.h>
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "fault/allocator.h"
#include "test.h"

static clg_ctx *counted_context(struct allocator *allocator)
{
    clg_ctx_params params = clg_ctx_defaults();

    params.allocate = allocator_call;
    params.allocate_user = allocator;
    params.cache_dir = "somewhere";
    return clg_ctx_create(&params);
}

/* ---- contexts ---- */

TEST(context, without_one)
{
    clg_ctx *none = NULL;

    clg_ctx_destroy(NULL);
    clg_ctx_destroy(&none);
    cr_expect_not(strlen(clg_error(NULL)) == 0);
    cr_expect_eq(clg_error_status(NULL), CLG_ERR_MEMORY);
}

TEST(context, create_survives_every_allocation_failure)
{
    for (long at = 1;; at++) {
        struct allocator allocator = {.fail_at = at};
        clg_ctx *ctx = counted_context(&allocator);
        bool made = ctx != NULL;

        clg_ctx_destroy(&ctx);
        cr_assert_eq(allocator.live, 0, "allocation %ld: %ld blocks are lost", at, allocator.live);
        if (made)
            break;
    }
}

TEST(context, error_may_quote_itself)
{
    clg_ctx *ctx = test_context();

    cr_expect_str_eq(clg_error(ctx), "");
    clg_fail(ctx, CLG_ERR_FILE, "a");
    clg_fail(ctx, CLG_ERR_FORMAT, "b: %s", clg_error(ctx));
    cr_expect_str_eq(clg_error(ctx), "b: a");
    cr_expect_eq(clg_error_status(ctx), CLG_ERR_FORMAT);
    clg_fail(ctx, CLG_ERR_FILE, "%*s", 3 * CLG_ERROR_MAX, "x");
    cr_expect_eq(strlen(clg_error(ctx)), CLG_ERROR_MAX - 1);
    clg_ctx_destroy(&ctx);
}

TEST(context, status_has_words)
{
    for (int i = 0; i <= CLG_STATUS_COUNT + 1; i++)
        cr_expect_gt(strlen(clg_status_string((clg_status)i)), 0);
}

TEST(memory, sizes_are_checked)
{
    clg_ctx *ctx = test_context();

    cr_expect_null(clg_new(ctx, SIZE_MAX / 2, 4));
    cr_expect_eq(clg_error_status(ctx), CLG_ERR_MEMORY);
    void *empty = clg_new(ctx, 0, 8);
    cr_expect_not_null(empty);
    clg_free(ctx, empty);
    clg_free(ctx, NULL);
    clg_ctx_destroy(&ctx);
}

TEST(memory, arrays_grow_and_survive_failure)
{
    struct allocator allocator = {0};
    clg_ctx *ctx = counted_context(&allocator);
    CLG_VEC(int) v = {0};

    for (int i = 0; i < 1000; i++) {
        int *slot = CLG_PUSH(ctx, v);

        cr_assert_not_null(slot);
        *slot = i;
    }
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(v.items[i], i);
    v.count = v.capacity;
    allocator.fail_at = allocator.requests + 1;
    cr_expect_null(CLG_PUSH(ctx, v));
    cr_expect_eq(v.count, v.capacity);
    cr_expect_eq(v.items[999], 999);
    clg_free(ctx, v.items);
    clg_ctx_destroy(&ctx);
    cr_expect_eq(allocator.live, 0);
}

/* ---- the tree ---- */

struct leaf {
    struct clg_object object;
    char name, *log;
};

static void leaf_finish(struct clg_object *object)
{
    struct leaf *leaf = (struct leaf *)object;

    strncat(leaf->log, &leaf->name, 1);
}

TEST(object, children_go_first_and_newest_first)
{
    char log[16] = "";
    clg_ctx *ctx = test_context();
    struct leaf a = {.name = 'a', .log = log}, b = {.name = 'b', .log = log};
    struct leaf c = {.name = 'c', .log = log}, d = {.name = 'd', .log = log};

    clg_object_init(&a.object, &ctx->object, leaf_finish);
    clg_object_init(&b.object, &a.object, leaf_finish);
    clg_object_init(&c.object, &a.object, leaf_finish);
    clg_object_init(&d.object, &a.object, leaf_finish);
    clg_object_destroy(&c.object);
    cr_expect_str_eq(log, "c");
    clg_ctx_destroy(&ctx);
    cr_expect_str_eq(log, "cdba");
}

/* ---- text ---- */

TEST(text, grows)
{
    clg_ctx *ctx = test_context();
    struct clg_text text = {.ctx = ctx};

    for (int i = 0; i < 500; i++)
        clg_text_add(&text, "%d,", i);
    clg_text_append(&text, "xyz", 2);
    cr_expect_eq(text.length, 10 * 2 + 90 * 3 + 400 * 4 + 2);
    cr_expect_eq(strlen(text.data), text.length);
    cr_expect_str_eq(text.data + text.length - 6, "499,xy");
    clg_text_finish(&text);
    cr_expect_null(text.data);
    clg_ctx_destroy(&ctx);
}

TEST(text, failure_sticks)
{
    struct allocator allocator = {0};
    clg_ctx *ctx = counted_context(&allocator);
    struct clg_text text = {.ctx = ctx};

    clg_text_add(&text, "start");
    allocator.fail_at = allocator.requests + 1;
    clg_text_add(&text, "%300d", 1);
    clg_text_add(&text, "end");
    cr_expect(text.failed);
    cr_expect_str_eq(text.data, "start");
    clg_text_finish(&text);
    clg_ctx_destroy(&ctx);
    cr_expect_eq(allocator.live, 0);
}

TEST(text, shapes)
{
    char buffer[CLG_SHAPE_TEXT];
    clg_shape scalar = {0}, mixed = {3, {CLG_BATCH, 35 * CLG_BATCH, 7}};
    clg_shape long_one = {
        8,
        {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX}};

    cr_expect_str_eq(clg_shape_text(&scalar, buffer), "()");
    cr_expect_str_eq(clg_shape_text(&mixed, buffer), "(batch, 35*batch, 7)");
    cr_expect_lt(strlen(clg_shape_text(&long_one, buffer)), CLG_SHAPE_TEXT);
}

TEST(number, parse_double)
{
    static const struct {
        const char *text;
        bool good;
        double value;
    } cases[] = {
        {"0", true, 0},       {"-1.5", true, -1.5}, {"+2.", true, 2},  {".5", true, 0.5},
        {"1e-3", true, 1e-3}, {"1E+2", true, 100},  {"1e", false, 0},  {"", false, 0},
        {".", false, 0},      {"1,5", false, 0},    {" 1", false, 0},  {"1 ", false, 0},
        {"0x10", false, 0},   {"nan", false, 0},    {"inf", false, 0}, {"1e999", false, 0},
        {"1e-999", true, 0},  {"--1", false, 0},    {"e5", false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double value = 0;

        cr_expect_eq(clg_parse_double(cases[i].text, &value), cases[i].good, "'%s'", cases[i].text);
        if (cases[i].good)
            cr_expect_eq(value, cases[i].value, "'%s': %g", cases[i].text, value);
    }
    cr_expect_not(clg_parse_double(NULL, &(double){0}));
}

TEST(number, parse_int)
{
    int64_t value = 0;

    cr_expect(clg_parse_int("-9223372036854775808", &value));
    cr_expect_eq(value, INT64_MIN);
    cr_expect(clg_parse_int("+12", &value));
    cr_expect_eq(value, 12);
    static const char *const bad[] = {"",   "-",  "1.0", "9223372036854775808",
                                      "1 ", " 1", "0x1", "a"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_not(clg_parse_int(bad[i], &value), "'%s'", bad[i]);
}

TEST(number, format_reads_back)
{
    static const float values[] = {0.1f, 1.0f / 3, FLT_MAX, FLT_MIN, 16777217.0f, -0.0f, 1e-45f};
    char buffer[32];

    /* A locale with a comma, where this machine has one; the result may not depend on it. */
    setlocale(LC_ALL, "de_DE.UTF-8");
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        double back = 0;

        clg_format_float(values[i], buffer);
        cr_expect(clg_parse_double(buffer, &back), "'%s'", buffer);
        cr_expect_eq((float)back, values[i], "'%s'", buffer);
    }
    cr_expect_str_eq(clg_format_float(0.5f, buffer), "0.5");
}

TEST(words, match)
{
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"*", "", true},
        {"", "", true},
        {"", "a", false},
        {"*.bias", "fc1.bias", true},
        {"*.bias", "fc1.bia", false},
        {"a*b*c", "axxbyybzc", true},
        {"a*b*c", "axxbyybz", false},
        {"f?2.*", "fc2.weight", true},
        {"f?2.*", "f2.weight", false},
        {"**", "abc", true},
        {"abc", "abcd", false},
        {"*a", "aaa", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_eq(clg_match(cases[i].pattern, cases[i].text), cases[i].match, "'%s' '%s'",
                     cases[i].pattern, cases[i].text);
}

TEST(words, distance)
{
    cr_expect_eq(clg_edit_distance("", ""), 0);
    cr_expect_eq(clg_edit_distance("abc", ""), 3);
    cr_expect_eq(clg_edit_distance("kitten", "sitting"), 3);
    cr_expect_eq(clg_edit_distance("momentun", "momentum"), 1);
    cr_expect_eq(clg_edit_distance("flaw", "lawn"), 2);
}

TEST(hash, known_answers)
{
    /* Fowler, Noll and Vo's published values of 64-bit FNV-1a. */
    cr_expect_eq(clg_hash_string(CLG_HASH_START, ""), UINT64_C(0xcbf29ce484222325));
    cr_expect_eq(clg_hash_string(CLG_HASH_START, "a"), UINT64_C(0xaf63dc4c8601ec8c));
    cr_expect_eq(clg_hash_string(CLG_HASH_START, "foobar"), UINT64_C(0x85944171f73967e8));
}

/* ---- files ---- */

static clg_status write_text(clg_ctx *ctx, const char *path, const char *text)
{
    struct clg_file file;

    CLG_TRY(clg_file_open(&file, ctx, path));
    if (clg_file_write(&file, text, strlen(text)) != CLG_OK) {
        clg_file_discard(&file);
        return CLG_ERR_FILE;
    }
    return clg_file_commit(&file);
}

static void expect_text(clg_ctx *ctx, const char *path, const char *text)
{
    char *data;
    size_t size;

    test_ok(ctx, clg_file_read(ctx, path, &data, &size));
    cr_expect_eq(size, strlen(text));
    cr_expect_str_eq(data, text);
    clg_free(ctx, data);
}

TEST(file, replace_and_discard)
{
    char folder[256], path[400];
    clg_ctx *ctx = test_context();
    struct clg_file file;

    snprintf(path, sizeof(path), "%s/a/b/c", test_folder(folder));
    test_ok(ctx, clg_make_dirs(ctx, path));
    test_ok(ctx, clg_make_dirs(ctx, path));
    strcat(path, "/f");
    test_ok(ctx, write_text(ctx, path, "one"));
    expect_text(ctx, path, "one");
    test_ok(ctx, clg_file_open(&file, ctx, path));
    test_ok(ctx, clg_file_write(&file, "broken", 6));
    clg_file_discard(&file);
    expect_text(ctx, path, "one");
    test_ok(ctx, write_text(ctx, path, ""));
    expect_text(ctx, path, "");
    test_refused(ctx, CLG_ERR_FILE, path, clg_make_dirs(ctx, path));
    clg_ctx_destroy(&ctx);
    test_remove(folder);
}

/* Temporaries of killed writers go when their file is written next; those of living ones stay, and
 * so does what only looks alike. */
TEST(file, leftovers_are_removed)
{
    static const char *const alike[] = {"f.1.tmp", "f.1.x.tmp", "f.1.2.tmp2", "ff.1.2.tmp",
                                        "g.1.2.tmp"};
    char folder[256], path[300], other[320];
    clg_ctx *ctx = test_context();
    struct clg_file living;

    snprintf(path, sizeof(path), "%s/f", test_folder(folder));
    test_ok(ctx, clg_file_open(&living, ctx, path));
    test_ok(ctx, clg_file_write(&living, "late", 4));
    for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++) {
        snprintf(other, sizeof(other), "%s/%s", folder, alike[i]);
        fclose(fopen(other, "w"));
    }
    snprintf(other, sizeof(other), "%s.1.0.tmp", path);
    fclose(fopen(other, "w"));
    test_ok(ctx, write_text(ctx, path, "new"));
    cr_assert_neq(access(other, F_OK), 0, "%s is still there", other);
    for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++) {
        snprintf(other, sizeof(other), "%s/%s", folder, alike[i]);
        cr_assert_eq(access(other, F_OK), 0, "%s is gone", other);
    }
    test_ok(ctx, clg_file_commit(&living));
    expect_text(ctx, path, "late");
    clg_ctx_destroy(&ctx);
    test_remove(folder);
}

TEST(file, sentences_name_the_path)
{
    clg_ctx *ctx = test_context();
    struct clg_file file;
    char *data;
    size_t size;

    test_refused(ctx, CLG_ERR_FILE, "/no/such/file",
                 clg_file_read(ctx, "/no/such/file", &data, &size));
    test_refused(ctx, CLG_ERR_FILE, "'/': it is a folder", clg_file_read(ctx, "/", &data, &size));
    test_refused(ctx, CLG_ERR_FILE, "'/dev/zero': it is a device, but must be a file",
                 clg_file_read(ctx, "/dev/zero", &data, &size));
    test_refused(ctx, CLG_ERR_FILE, "/no/such/file", clg_file_open(&file, ctx, "/no/such/file"));
    clg_ctx_destroy(&ctx);
}

TEST(file, survives_every_allocation_failure)
{
    char folder[256], path[400];
    struct allocator allocator = {0};
    clg_status status;

    snprintf(path, sizeof(path), "%s/f", test_folder(folder));
    for (long at = 1;; at++) {
        clg_ctx *ctx = counted_context(&allocator);

        cr_assert_not_null(ctx);
        allocator.fail_at = allocator.requests + at;
        status = write_text(ctx, path, "text");
        clg_ctx_destroy(&ctx);
        allocator.fail_at = 0;
        cr_assert_eq(allocator.live, 0, "allocation %ld", at);
        if (status == CLG_OK)
            break;
        cr_assert_eq(status, CLG_ERR_MEMORY);
    }
    test_remove(folder);
}
