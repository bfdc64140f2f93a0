/* Files of weights: what is written is read, what is damaged is refused and changes nothing. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "store/safetensors.h"
#include "store/store.h"

struct bench {
    clg_ctx *ctx;
    clg_device *device;
    clg_store *store;
    char folder[256], path[300];
};

static const char *const names[] = {"0.weight", "block.2.conv-1.bias", "größe \"x\"\\", "scalar"};
#define COUNT 4

static void add_entries(struct bench *b, uint64_t seed)
{
    const clg_init normal = {.scheme = CLG_INIT_NORMAL, .b = 1};
    b->store = clg_store_create(b->device, seed);
    clg_store_entry(b->store, names[0], CLG_ENTRY_PARAMETER, clg_shape2(3, 5), &normal);
    clg_store_entry(b->store, names[1], CLG_ENTRY_PARAMETER, clg_shape1(70), &normal);
    clg_store_entry(b->store, names[2], CLG_ENTRY_STATE, clg_shape3(2, 1, 3), &normal);
    clg_store_entry(b->store, names[3], CLG_ENTRY_PARAMETER, clg_shape0(), &normal);
}

static struct bench bench_open(void)
{
    struct bench b = {.ctx = test_context()};
    b.device = test_open(b.ctx, CLG_FORM_AUTO);
    test_folder(b.folder);
    snprintf(b.path, sizeof(b.path), "%s/x.safetensors", b.folder);
    add_entries(&b, 1);
    return b;
}

static void bench_close(struct bench *b)
{
    clg_ctx_destroy(&b->ctx);
    test_remove(b->folder);
}

/* All values, one after the other. */
#define ALL (15 + 70 + 6 + 1)
static void read_all(struct bench *b, float out[ALL])
{
    const size_t counts[COUNT] = {15, 70, 6, 1};
    for (int i = 0; i < COUNT; out += counts[i++])
        test_ok(b->ctx, clg_store_get(b->store, names[i], out, counts[i] * 4));
}

static char *slurp(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    char *data = malloc(1 << 20);
    cr_assert(f && data, "%s", path);
    *size = fread(data, 1, 1 << 20, f);
    fclose(f);
    return data;
}

static void spill(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(data, 1, size, f) == size && fclose(f) == 0, "%s", path);
}

/* ---- round trips ---- */

TEST(safetensors, round_trip)
{
    struct bench b = bench_open();
    float want[ALL], got[ALL];
    const char *metadata[] = {"epoch", "3", "note", "Ä", NULL};
    char other[320];
    size_t size, again;
    read_all(&b, want);
    test_ok(b.ctx, clg_store_save(b.store, b.path, metadata));
    clg_store_destroy(&b.store);
    add_entries(&b, 2);
    read_all(&b, got);
    cr_assert_arr_neq(want, got, sizeof(want));
    test_ok(b.ctx, clg_store_load(b.store, b.path));
    read_all(&b, got);
    cr_assert_arr_eq(want, got, sizeof(want));
    snprintf(other, sizeof(other), "%s.2", b.path); /* an equal store gives an equal file */
    test_ok(b.ctx, clg_store_save(b.store, other, metadata));
    char *first = slurp(b.path, &size), *second = slurp(other, &again);
    cr_assert(size == again && !memcmp(first, second, size));
    cr_assert_eq((size - ALL * 4) % 8, 0);
    free(first);
    free(second);
    bench_close(&b);
}

TEST(safetensors, header)
{
    struct bench b = bench_open();
    struct clg_safetensors file;
    const char *metadata[] = {"epoch", "3", NULL};
    size_t size;
    test_ok(b.ctx, clg_store_save(b.store, b.path, metadata));
    char *data = slurp(b.path, &size);
    test_ok(b.ctx, clg_safetensors_parse(&file, b.ctx, b.path, data, size));
    cr_assert_eq(file.tensors.count, COUNT);
    for (int i = 0; i < COUNT; i++)
        cr_assert_str_eq(file.tensors.items[i].name, names[i]);
    cr_assert(file.tensors.items[2].info.shape.rank == 3 &&
              file.tensors.items[2].info.shape.dim[2] == 3);
    cr_assert_str_eq(clg_safetensors_metadata(&file, "epoch"), "3");
    cr_assert_str_eq(clg_safetensors_metadata(&file, "clgrad.step"), "0");
    cr_assert_null(clg_safetensors_metadata(&file, "none"));
    clg_safetensors_finish(&file);
    free(data);
    bench_close(&b);
}

TEST(safetensors, counters)
{
    struct bench b = bench_open();
    uint32_t words[CLG_BLOCK_WORDS] = {0};
    clg_progress p;
    test_ok(b.ctx, clg_store_allocate(b.store));
    words[CLG_BLOCK_DRAW_HIGH] = 2;
    words[CLG_BLOCK_STEP] = 9;
    words[CLG_BLOCK_SEED] = 1;
    test_ok(b.ctx, clg_buffer_write(clg_store_block(b.store), 0, words, sizeof(words)));
    test_ok(b.ctx, clg_store_save(b.store, b.path, NULL));
    clg_store_destroy(&b.store);
    add_entries(&b, 6);
    test_ok(b.ctx, clg_store_load(b.store, b.path));
    test_ok(b.ctx, clg_store_progress(b.store, &p));
    cr_assert(p.steps == 9 && p.draws == UINT64_C(2) << 32);
    test_ok(b.ctx, clg_buffer_read(clg_store_block(b.store), 0, words, sizeof(words)));
    cr_assert_eq(words[CLG_BLOCK_SEED], 6); /* the store's own */
    bench_close(&b);
}

/* ---- files of others ---- */

/* A file with this header and these bytes of data. */
static void write_raw(struct bench *b, const char *header, const void *body, size_t bytes)
{
    size_t length = strlen(header);
    char *data = malloc(8 + length + bytes);
    for (int i = 0; i < 8; i++)
        data[i] = (char)(length >> 8 * i & 0xff);
    memcpy(data + 8, header, length);
    memcpy(data + 8 + length, body, bytes);
    spill(b->path, data, 8 + length + bytes);
    free(data);
}

static void one_entry(struct bench *b, int64_t count)
{
    clg_store_destroy(&b->store);
    b->store = clg_store_create(b->device, 1);
    clg_store_entry(b->store, "w", CLG_ENTRY_PARAMETER, clg_shape1(count), NULL);
}

/* Integer tensors that no entry takes come out again, whole. */
TEST(safetensors, keeps_integers)
{
    struct bench b = bench_open();
    struct clg_safetensors file;
    const char header[] =
        "{\"flags\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[0,3]},"
        "\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[3,11]},"
        "\"bn.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[11,19]},"
        "\"empty\":{\"dtype\":\"I32\",\"shape\":[0,4],\"data_offsets\":[19,19]}}  ";
    const unsigned char body[19] = {1, 0, 1, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 42, 0, 0, 0, 0, 0, 0, 7};
    float w[2];
    size_t size;
    one_entry(&b, 2);
    write_raw(&b, header, body, sizeof(body));
    test_ok(b.ctx, clg_store_load(b.store, b.path));
    test_ok(b.ctx, clg_store_get(b.store, "w", w, sizeof(w)));
    cr_assert(w[0] == 1 && w[1] == 2);
    test_ok(b.ctx, clg_store_save(b.store, b.path, NULL));
    char *data = slurp(b.path, &size);
    test_ok(b.ctx, clg_safetensors_parse(&file, b.ctx, b.path, data, size));
    cr_assert_eq(file.tensors.count, 4);
    const struct clg_file_tensor *t = file.tensors.items; /* wide ones first */
    cr_assert_str_eq(t[0].name, "bn.num_batches_tracked");
    cr_assert(t[0].offset == 0 && !memcmp(file.body, body + 11, 8));
    cr_assert_str_eq(t[3].name, "flags");
    cr_assert(!memcmp(file.body + t[3].offset, body, 3));
    cr_assert(!strcmp(t[1].name, "empty") || !strcmp(t[2].name, "empty"));
    clg_safetensors_finish(&file);
    free(data);
    test_ok(b.ctx, clg_store_load(b.store, b.path)); /* what it wrote it reads */
    bench_close(&b);
}

/* The state dict alone: no states of optimizers, neither those there nor those kept for some to come. */
TEST(safetensors, saves_without_states)
{
    struct bench b = bench_open();
    struct clg_safetensors file;
    clg_save_params params = clg_save_defaults();
    const float body[6] = {1, 2, 3, 4, 5, 6};
    float w[2];
    size_t size;
    char *data;

    one_entry(&b, 2);
    write_raw(&b,
              "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
              "\"optimizer.a.b.w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]},"
              "\"count\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[16,24]}}",
              body, 24);
    test_ok(b.ctx, clg_store_load(b.store, b.path));
    params.states = false;
    params.metadata = (const char *const[]){"format", "pt", NULL};
    test_ok(b.ctx, clg_store_save_with(b.store, b.path, &params));
    data = slurp(b.path, &size);
    test_ok(b.ctx, clg_safetensors_parse(&file, b.ctx, b.path, data, size));
    cr_assert_eq(file.tensors.count, 2);
    cr_assert_str_eq(clg_safetensors_metadata(&file, "format"), "pt");
    for (size_t i = 0; i < 2; i++)
        cr_assert_null(strstr(file.tensors.items[i].name, "optimizer."));
    clg_safetensors_finish(&file);
    free(data);
    test_ok(b.ctx, clg_store_load(b.store, b.path));
    test_ok(b.ctx, clg_store_get(b.store, "w", w, sizeof(w)));
    cr_assert(w[0] == 1 && w[1] == 2);
    test_ok(b.ctx, clg_store_save_with(b.store, b.path, NULL));
    bench_close(&b);
}

TEST(safetensors, converts_floats)
{
    struct bench b = bench_open();
    const uint16_t half[7] = {0x3c00, 0xc000, 0x0001, 0x8400, 0x7c00, 0xfe00, 0x7bff};
    const uint16_t bfloat[7] = {0x3f80, 0xc000, 0x0001, 0x8080, 0x7f80, 0xffc0, 0x7f7f};
    const double wide[7] = {1, -2, 1.0 / 3, -0.0, INFINITY, NAN, 1e300};
    const float from_half[7] = {1, -2, 0x1p-24f, -0x1p-14f, INFINITY, NAN, 65504};
    const float from_bfloat[7] = {1, -2, 0x1p-133f, -0x1p-126f, INFINITY, NAN, 0x1.fep127f};
    const float from_wide[7] = {1, -2, 1.0f / 3, -0.0f, INFINITY, NAN, INFINITY};
    const struct {
        const char *dtype;
        const void *data;
        size_t size;
        const float *want;
    } tried[] = {
        {"F16", half, 2, from_half}, {"BF16", bfloat, 2, from_bfloat}, {"F64", wide, 8, from_wide}};
    for (size_t i = 0; i < 3; i++) {
        char header[200];
        float w[7];
        snprintf(header, sizeof(header),
                 "{\"w\":{\"dtype\":\"%s\",\"shape\":[7],\"data_offsets\":[0,%zu]}}",
                 tried[i].dtype, 7 * tried[i].size);
        one_entry(&b, 7);
        write_raw(&b, header, tried[i].data, 7 * tried[i].size);
        test_ok(b.ctx, clg_store_load(b.store, b.path));
        test_ok(b.ctx, clg_store_get(b.store, "w", w, sizeof(w)));
        for (int k = 0; k < 7; k++)
            cr_assert(isnan(tried[i].want[k]) ? isnan(w[k]) : w[k] == tried[i].want[k],
                      "%s[%d] = %a", tried[i].dtype, k, (double)w[k]);
    }
    bench_close(&b);
}

/* ---- parts of a file ---- */

static void note_metadata(void *user, const char *key, const char *value)
{
    if (!strcmp(key, "note"))
        snprintf(user, 16, "%s", value);
}

static void expect_progress(struct bench *b, uint64_t steps, uint64_t draws)
{
    clg_progress progress;
    test_ok(b->ctx, clg_store_progress(b->store, &progress));
    cr_assert_eq(progress.steps, steps);
    cr_assert_eq(progress.draws, draws);
}

/* Every byte that carries something is covered: the data, a counter, a name; a file without the
 * checksum is taken as it is. */
TEST(safetensors, checksum)
{
    static const struct {
        const char *from, *to;
    } changes[] = {{"\"clgrad.draw\":\"0\"", "\"clgrad.draw\":\"7\""},
                   {"\"clgrad.step\":\"0\"", "\"clgrad.step\":\"7\""}};
    struct bench b = bench_open();
    size_t size;
    test_ok(b.ctx, clg_store_save(b.store, b.path, NULL));
    char *data = slurp(b.path, &size);
    for (size_t i = 0; i < 4; i++) {
        data[size - 1 - 90 * i] ^= 1;
        spill(b.path, data, size);
        test_refused(b.ctx, CLG_ERR_FORMAT, "is damaged: its content has the checksum",
                     clg_store_load(b.store, b.path));
        data[size - 1 - 90 * i] ^= 1;
    }
    for (size_t i = 0; i < 2; i++) {
        char *at = strstr(data + 8, changes[i].from);
        cr_assert_not_null(at);
        memcpy(at, changes[i].to, strlen(changes[i].to));
        spill(b.path, data, size);
        test_refused(b.ctx, CLG_ERR_FORMAT, "is damaged", clg_store_load(b.store, b.path));
        memcpy(at, changes[i].from, strlen(changes[i].from));
    }
    spill(b.path, data, size);
    test_ok(b.ctx, clg_store_load(b.store, b.path));
    memcpy(strstr(data + 8, "clgrad.checksum"), "clgrad.checksun", 15);
    data[size - 1] ^= 1;
    spill(b.path, data, size);
    test_ok(b.ctx, clg_store_load(b.store, b.path));
    free(data);
    bench_close(&b);
}

/* Values alone: the counters stay, states of the file are not kept, integers are. */
TEST(safetensors, loads_values_alone)
{
    struct bench b = bench_open();
    const float body[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    char note[16] = "";
    clg_load_params params = clg_load_defaults();
    clg_load_report report;
    float w[3];
    one_entry(&b, 3);
    write_raw(&b,
              "{\"__metadata__\":{\"clgrad.step\":\"9\",\"clgrad.draw\":\"8\",\"note\":\"hello\"},"
              "\"w\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]},"
              "\"optimizer.a.b.w\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[12,24]},"
              "\"count\":{\"dtype\":\"I32\",\"shape\":[2],\"data_offsets\":[24,32]}}",
              body, 32);
    params.states = params.counters = false;
    params.metadata = note_metadata;
    params.user = note;
    test_ok(b.ctx, clg_store_load_with(b.store, b.path, &params, &report));
    test_ok(b.ctx, clg_store_get(b.store, "w", w, sizeof(w)));
    cr_assert_arr_eq(w, body, sizeof(w));
    expect_progress(&b, 0, 0);
    cr_assert_eq(report.values, 1);
    cr_assert_eq(report.states + report.missing + report.extra, 0);
    cr_assert_str_eq(note, "hello");
    test_ok(b.ctx, clg_store_save(b.store, b.path, NULL));
    test_refused(b.ctx, CLG_ERR_FORMAT, "has no tensor 'w'",
                 (write_raw(&b, "{}", "", 0), clg_store_load(b.store, b.path)));
    bench_close(&b);
}

/* Counters alone, and then nothing: the values stay. */
TEST(safetensors, loads_counters_alone)
{
    struct bench b = bench_open();
    clg_load_params params = {.counters = true};
    float before[ALL], after[ALL];
    read_all(&b, before);
    write_raw(&b, "{\"__metadata__\":{\"clgrad.step\":\"9\",\"clgrad.draw\":\"8\"}}", "", 0);
    test_ok(b.ctx, clg_store_load_with(b.store, b.path, &params, NULL));
    expect_progress(&b, 9, 8);
    params.counters = false;
    test_ok(b.ctx, clg_store_load_with(b.store, b.path, &params, NULL));
    expect_progress(&b, 9, 8);
    read_all(&b, after);
    cr_assert_arr_eq(before, after, sizeof(before));
    bench_close(&b);
}

/* Another head: what matches is loaded, and what is missing or too much where that is allowed. */
TEST(safetensors, loads_a_part)
{
    static const char *const match[] = {"0.*", "head.*", NULL};
    struct bench b = bench_open();
    clg_load_params params = clg_load_defaults();
    clg_load_report report;
    float before[ALL], after[ALL], body[17];
    for (int i = 0; i < 17; i++)
        body[i] = (float)i;
    read_all(&b, before);
    write_raw(&b,
              "{\"0.weight\":{\"dtype\":\"F32\",\"shape\":[3,5],\"data_offsets\":[0,60]},"
              "\"head.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[60,64]},"
              "\"scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[64,68]}}",
              body, sizeof(body));
    params.match = match;
    test_refused(b.ctx, CLG_ERR_FORMAT, "has 'head.bias' (1), which is no parameter",
                 clg_store_load_with(b.store, b.path, &params, NULL));
    params.extra = true;
    test_ok(b.ctx, clg_store_load_with(b.store, b.path, &params, &report));
    cr_assert(report.values == 1 && report.extra == 1 && report.missing == 0);
    read_all(&b, after);
    cr_assert_arr_eq(after, body, 15 * sizeof(float));
    cr_assert_arr_eq(after + 15, before + 15, (ALL - 15) * sizeof(float), "more than matches");
    params.match = NULL;
    test_refused(b.ctx, CLG_ERR_FORMAT, "has no tensor 'block.2.conv-1.bias' (70)",
                 clg_store_load_with(b.store, b.path, &params, NULL));
    params.missing = true;
    test_ok(b.ctx, clg_store_load_with(b.store, b.path, &params, &report));
    cr_assert(report.values == 2 && report.missing == 2 && report.extra == 1);
    bench_close(&b);
}

/* ---- refusals ---- */

static void refused(struct bench *b, const char *words)
{
    float before[3], after[3];
    test_ok(b->ctx, clg_store_get(b->store, "w", before, sizeof(before)));
    test_refused(b->ctx, CLG_ERR_FORMAT, words, clg_store_load(b->store, b->path));
    cr_assert_not_null(strstr(clg_error(b->ctx), b->path), "no file in: %s", clg_error(b->ctx));
    cr_assert_null(strchr(clg_error(b->ctx), '\n'), "two lines: %s", clg_error(b->ctx));
    test_ok(b->ctx, clg_store_get(b->store, "w", after, sizeof(after)));
    cr_assert_arr_eq(before, after, sizeof(before), "%s: the store was changed", words);
}

/* One tensor "w" as told, with 12 bytes of data. */
static void refuse_tensor(struct bench *b, const char *words, const char *tensor)
{
    static const char body[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    char header[1000];
    snprintf(header, sizeof(header), "{\"w\":%s}", tensor);
    write_raw(b, header, body, sizeof(body));
    refused(b, words);
}

TEST(safetensors, refuses_tensors)
{
    struct bench b = bench_open();
    one_entry(&b, 3);
#define T(dtype, shape, offsets)                                                                   \
    "{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}"
    refuse_tensor(&b, "says nothing", "7");
    refuse_tensor(&b, "no dtype", "{}");
    refuse_tensor(&b, "no dtype", T("4", "[3]", "[0,12]"));
    refuse_tensor(&b, "'F12'", T("\"F12\"", "[3]", "[0,12]"));
    refuse_tensor(&b, "no shape", T("\"F32\"", "3", "[0,12]"));
    refuse_tensor(&b, "not a size", T("\"F32\"", "[-3]", "[0,12]"));
    refuse_tensor(&b, "not a size", T("\"F32\"", "[3.0]", "[0,12]"));
    refuse_tensor(&b, "9 dimensions", T("\"F32\"", "[1,1,1,1,1,1,1,1,3]", "[0,12]"));
    refuse_tensor(&b, "larger than", T("\"F32\"", "[4294967296,4294967296,4294967296]", "[0,12]"));
    refuse_tensor(&b, "larger than", T("\"F32\"", "[9223372036854775807,2]", "[0,12]"));
    refuse_tensor(&b, "data_offsets", T("\"F32\"", "[3]", "[0]"));
    refuse_tensor(&b, "data_offsets", T("\"F32\"", "[3]", "[0,12,24]"));
    refuse_tensor(&b, "data_offsets", T("\"F32\"", "[3]", "[0,\"12\"]"));
    refuse_tensor(&b, "12 bytes of data", T("\"F32\"", "[4]", "[0,16]"));
    refuse_tensor(&b, "bytes -4 to", T("\"F32\"", "[3]", "[-4,8]"));
    refuse_tensor(&b, "bytes 12 to 0", T("\"F32\"", "[3]", "[12,0]"));
    refuse_tensor(&b, "shape needs 8", T("\"F32\"", "[2]", "[0,12]"));
    refuse_tensor(&b, "back to back", T("\"F32\"", "[2]", "[4,12]"));
    refuse_tensor(&b, "tensors need 8", T("\"F32\"", "[2]", "[0,8]"));
    refuse_tensor(&b, "is I32", T("\"I32\"", "[3]", "[0,12]"));
    refuse_tensor(&b, "is F8_E4M3", T("\"F8_E4M3\"", "[12]", "[0,12]"));
    refuse_tensor(&b, "shape (3, 1), the store needs (3)", T("\"F32\"", "[3,1]", "[0,12]"));
    refuse_tensor(&b, "not JSON", T("\"F32\"", "[3]", "[0,12]") ",");
    refuse_tensor(&b, "not JSON", T("\"F32\"", "[99999999999999999999]", "[0,12]"));
    refuse_tensor(&b, "not JSON", /* twice the same */
                  T("\"F32\"", "[3]", "[0,12]") ",\"w\":" T("\"F32\"", "[3]", "[0,12]"));
    refuse_tensor(&b, "back to back", /* both in one place */
                  T("\"F32\"", "[3]", "[0,12]") ",\"v\":" T("\"F32\"", "[3]", "[0,12]"));
    refuse_tensor(&b, "not a string", T("\"F32\"", "[3]", "[0,12]") ",\"__metadata__\":{\"a\":1}");
    refuse_tensor(&b, "not an object", T("\"F32\"", "[3]", "[0,12]") ",\"__metadata__\":[]");
    refuse_tensor(&b, "'clgrad.step' is '-1'",
                  T("\"F32\"", "[3]", "[0,12]") ",\"__metadata__\":{\"clgrad.step\":\"-1\"}");
    refuse_tensor(&b, "control", T("\"F32\"", "[3]", "[0,12]") ",\"a\\nb\":{}");
    bench_close(&b);
}

TEST(safetensors, refuses_other_models)
{
    struct bench b = bench_open();
    const float body[6] = {1, 2, 3, 4, 5, 6};
    one_entry(&b, 3);
    write_raw(&b, "{\"v\":" T("\"F32\"", "[3]", "[0,12]") "}", body, 12);
    refused(&b, "'v' (3), which is no parameter");
    write_raw(&b, "{}", body, 0);
    refused(&b, "no tensor 'w'");
    write_raw(&b, "{\"i\":" T("\"I32\"", "[3]", "[0,12]") "}", body, 12);
    refused(&b, "no tensor 'w'");
    write_raw(&b,
              "{\"w\":" T("\"F32\"", "[3]", "[0,12]") ",\"v\":" T("\"F32\"", "[3]", "[12,24]") "}",
              body, 24);
    refused(&b, "'v' (3), which is no parameter");
    bench_close(&b);
}

/* As PyTorch does: all names that do not fit in one sentence. */
TEST(safetensors, names_all_that_do_not_fit)
{
    struct bench b = bench_open();
    const float body[3] = {1, 2, 3};
    write_raw(&b,
              "{\"x.weight\":" T("\"F32\"", "[1]", "[0,4]") ",\"y\":" T("\"F32\"", "[2]", "[4,12]") "}",
              body, 12);
    test_refused(b.ctx, CLG_ERR_FORMAT,
                 "has no tensor '0.weight' (3, 5), 'block.2.conv-1.bias' (70), 'größe \"x\"\\' "
                 "(2, 1, 3), 'scalar' (), which the store needs; has 'x.weight' (1), 'y' (2), which "
                 "are no parameters of the store",
                 clg_store_load(b.store, b.path));
    bench_close(&b);
}

/* A sentence has an end: of 1000 names it gives the first and the number of the others. */
TEST(safetensors, counts_what_finds_no_room)
{
    const clg_init zeros = {.scheme = CLG_INIT_ZEROS};
    struct bench b = bench_open();
    char name[32];
    clg_store_destroy(&b.store);
    b.store = clg_store_create(b.device, 1);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "layer.%d", i);
        clg_store_entry(b.store, name, CLG_ENTRY_PARAMETER, clg_shape1(1), &zeros);
    }
    write_raw(&b, "{}", "", 0);
    test_refused(b.ctx, CLG_ERR_FORMAT, "'layer.0' (1), 'layer.1' (1), ",
                 clg_store_load(b.store, b.path));
    cr_assert_not_null(strstr(clg_error(b.ctx), " more, which the store needs"), "%s",
                       clg_error(b.ctx));
    bench_close(&b);
}

TEST(safetensors, refuses_what_is_no_such_file)
{
    struct bench b = bench_open();
    one_entry(&b, 3);
    spill(b.path, "", 0);
    refused(&b, "0 bytes");
    spill(b.path, "1234567", 7);
    refused(&b, "7 bytes");
    spill(b.path, "\0\0\0\0\0\0\0\0", 8);
    refused(&b, "no JSON object");
    spill(b.path, "PK\3\4 a file of another kind", 28);
    refused(&b, "is a zip archive, as PyTorch's .pt and NumPy's .npz are, not a safetensors file: in "
                "Python, safetensors.torch.save_file");
    spill(b.path, "\x80\2}q\0(X\1\0", 9);
    refused(&b, "is a Python pickle");
    spill(b.path, "<html><body>404</body></html>", 29);
    refused(&b, "is an HTML page, not a safetensors file: what was downloaded");
    spill(b.path, "\xef\xbb\xbf\n <!DOCTYPE html>", 20);
    refused(&b, "is an HTML page");
    spill(b.path, "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", 57);
    refused(&b, "is a Git LFS pointer, not a safetensors file: git lfs pull fetches the file itself");
    spill(b.path, "\x93NUMPY\1\0v\0", 10);
    refused(&b, "is a NumPy array (.npy)");
    spill(b.path, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
    refused(&b, "is a PNG image");
    spill(b.path, "\x1f\x8b\x08\0\0\0\0\0\0", 9);
    refused(&b, "is gzip data, not a safetensors file: gunzip unpacks it");
    spill(b.path, "\0\0\x08\x03\0\0\x27\x10\0\0\0\x1c", 12);
    refused(&b, "is an IDX file, which holds data");
    spill(b.path, "GGUF\3\0\0\0\1", 9);
    refused(&b, "is a GGUF file");
    spill(b.path, "weights of mine, as text", 24);
    refused(&b, "is not a safetensors file: it is text, as CSV files are; in Python, safetensors");
    spill(b.path, "\xff\xfet\0e\0x\0t\0", 10);
    refused(&b, "is UTF-16 text");
    spill(b.path, "\x08\x08\x12\x07pytorch\x1a\x05", 13);
    refused(&b, "is an ONNX model, not a safetensors file: in Python");
    spill(b.path, "<Error><Code>AccessDenied</Code>", 32);
    refused(&b, "is an HTML or XML document");
    spill(b.path, "\x11\x12\x13\x14\x15\x16\x17\x18\x19", 9);
    refused(&b, "header would have");
    spill(b.path, "\x20\0\0\0\0\0\0\0{}", 10);
    refused(&b, "cut short");
    spill(b.path, "\2\0\0\0\0\0\0\0[]", 10);
    refused(&b, "no JSON object");
    test_refused(b.ctx, CLG_ERR_FILE, "none", clg_store_load(b.store, "/none/at/all"));
    test_refused(b.ctx, CLG_ERR_FILE, b.folder, clg_store_load(b.store, b.folder));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "path", clg_store_load(b.store, NULL));
    bench_close(&b);
}

/* What blocks, or has no end, is not read at all. */
TEST(safetensors, reads_files_alone)
{
    struct bench b = bench_open();
    test_refused(b.ctx, CLG_ERR_FILE, "'/dev/zero': it is a device, but must be a file",
                 clg_store_load(b.store, "/dev/zero"));
    cr_assert_eq(mkfifo(b.path, 0600), 0);
    test_refused(b.ctx, CLG_ERR_FILE, "it is a pipe, but must be a file",
                 clg_store_load(b.store, b.path));
    test_refused(b.ctx, CLG_ERR_FILE, "it is a folder, but must be a file",
                 clg_store_load(b.store, b.folder));
    bench_close(&b);
}

/* Headers that would make a large tree are refused in one pass: at most the file itself is held. */
TEST(safetensors, bounds_of_the_header)
{
    enum { SIZE = 40 << 20 };
    struct bench b = bench_open();
    struct clg_safetensors file;
    char *data = calloc(1, 8 + SIZE);
    uint64_t length = SIZE;
    memcpy(data, &length, 8);
    static const struct {
        const char *head, *part, *words;
    } cases[] = {
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[", "1,", "a list of more than 64 numbers"},
        {"{\"w\":", "[[", "too deep in each other"},
        {"{", "\"a\":1,", "more than a million tensors"},
        {"{\"w\":[", "[1],", "a list of more than 64 numbers"},
        {"{", "\"\\", "not JSON"},
    };
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        size_t at = 8 + strlen(cases[c].head), size = strlen(cases[c].part);
        memcpy(data + 8, cases[c].head, at - 8);
        for (; at + size <= 8 + SIZE; at += size)
            memcpy(data + at, cases[c].part, size);
        memset(data + at, ' ', 8 + SIZE - at);
        test_refused(b.ctx, CLG_ERR_FORMAT, cases[c].words,
                     clg_safetensors_parse(&file, b.ctx, b.path, data, 8 + SIZE));
    }
    free(data);
    bench_close(&b);
}

/* 200,000 tensors: the time grows with their number. */
TEST(safetensors, many_tensors)
{
    enum { TENSORS = 200000 };
    struct bench b = bench_open();
    char *header = malloc(TENSORS * 100 + 10), *at = header;
    float *body = calloc(TENSORS, 4);
    clg_load_params params = clg_load_defaults();
    clg_load_report report;
    one_entry(&b, 3);
    for (int i = 0; i < TENSORS; i++)
        at += sprintf(at, "%c\"t%d\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[%d,%d]}",
                      i ? ',' : '{', i, 4 * i, 4 * i + 4);
    strcpy(at, "}");
    write_raw(&b, header, body, TENSORS * sizeof(*body));
    params.missing = params.extra = true;
    test_ok(b.ctx, clg_store_load_with(b.store, b.path, &params, &report));
    cr_assert_eq(report.extra, TENSORS);
    test_ok(b.ctx, clg_store_get(b.store, "w", (float[3]){0}, 12));
    free(header);
    free(body);
    bench_close(&b);
}

TEST(safetensors, refuses_to_save)
{
    struct bench b = bench_open();
    const char *odd[] = {"key", NULL}, *twice[] = {"k", "1", "k", "2", NULL};
    const char *own[] = {"clgrad.step", "1", NULL}, *bytes[] = {"k", "\xff", NULL};
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "path", clg_store_save(b.store, NULL, NULL));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "no value", clg_store_save(b.store, b.path, odd));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "twice", clg_store_save(b.store, b.path, twice));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "library's", clg_store_save(b.store, b.path, own));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "UTF-8", clg_store_save(b.store, b.path, bytes));
    test_refused(b.ctx, CLG_ERR_FILE, "cannot write",
                 clg_store_save(b.store, "/none/at/all", NULL));
    cr_assert_null(fopen(b.path, "rb"), "a refused save left a file");
    bench_close(&b);
}
