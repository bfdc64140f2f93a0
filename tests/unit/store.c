/* The store: names, first values, places in memory, counters. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "store/store.h"

struct bench {
    clg_ctx *ctx;
    clg_device *device;
    clg_store *store;
};

static struct bench bench_open(uint64_t seed)
{
    struct bench b = {.ctx = test_context()};
    b.device = test_open(b.ctx, CLG_FORM_AUTO);
    b.store = clg_store_create(b.device, seed);
    cr_assert_not_null(b.store, "%s", clg_error(b.ctx));
    return b;
}

static int64_t add(struct bench *b, const char *name, clg_shape shape, const clg_init *init)
{
    int64_t index = clg_store_entry(b->store, name, CLG_ENTRY_PARAMETER, shape, init);
    cr_assert_geq(index, 0, "%s", clg_error(b->ctx));
    return index;
}

static void refuse(struct bench *b, const char *words, const char *name, clg_shape shape,
                   const clg_init *init)
{
    cr_assert_eq(clg_store_entry(b->store, name, CLG_ENTRY_PARAMETER, shape, init), -1, "%s",
                 words);
    cr_assert_not_null(strstr(clg_error(b->ctx), words), "no '%s' in: %s", words,
                       clg_error(b->ctx));
}

/* ---- shapes ---- */

TEST(store, shapes)
{
    const int64_t dim[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    clg_shape s = clg_shape4(2, 3, 5, 7);
    cr_assert(s.rank == 4 && s.dim[0] == 2 && s.dim[3] == 7 && s.dim[4] == 0);
    cr_assert_eq(clg_shape_count(&s), 210);
    s = clg_shape0();
    cr_assert_eq(clg_shape_count(&s), 1);
    cr_assert_eq(clg_shape_make(9, dim).rank, -1);
    cr_assert_eq(clg_shape_make(-1, dim).rank, -1);
    cr_assert_eq(clg_shape_make(2, NULL).rank, -1);
    cr_assert_eq(clg_shape_make(8, dim).dim[7], 8);
}

/* ---- names ---- */

TEST(store, names)
{
    struct bench b = bench_open(1);
    char name[32];
    clg_shape shape;
    bool trainable;
    for (int i = 0; i < 500; i++) { /* the table grows */
        snprintf(name, sizeof(name), "layer.%d.weight", i);
        cr_assert_eq(add(&b, name, clg_shape2(i + 1, 3), NULL), i);
    }
    cr_assert_eq(clg_store_count(b.store), 500);
    cr_assert_str_eq(clg_store_name(b.store, 499), "layer.499.weight");
    cr_assert_null(clg_store_name(b.store, 500));
    cr_assert_eq(clg_store_find(b.store, "layer.77.weight"), 77);
    cr_assert_eq(clg_store_find(b.store, "layer.500.weight"), -1);
    cr_assert_eq(add(&b, "layer.3.weight", clg_shape2(4, 3), NULL), 3);
    cr_assert_eq(clg_store_entry(b.store, "mean", CLG_ENTRY_STATE, clg_shape1(3), NULL), 500);
    test_ok(b.ctx, clg_store_describe(b.store, "layer.9.weight", &shape, &trainable));
    cr_assert(shape.rank == 2 && shape.dim[0] == 10 && trainable);
    test_ok(b.ctx, clg_store_describe(b.store, "mean", NULL, &trainable));
    cr_assert(!trainable);
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "'none'",
                 clg_store_describe(b.store, "none", &shape, NULL));
    refuse(&b, "(4, 3), not (3, 4)", "layer.3.weight", clg_shape2(3, 4), NULL);
    refuse(&b, "'mean' is a state", "mean", clg_shape1(3), NULL);
    refuse(&b, "batch", "new", clg_shape2(CLG_BATCH, 3), NULL);
    refuse(&b, "positive", "new", clg_shape1(0), NULL);
    refuse(&b, "2^31", "new", clg_shape2(1 << 16, 1 << 15), NULL);
    refuse(&b, "rank", "new", clg_shape_make(9, NULL), NULL);
    refuse(&b, "name", "", clg_shape0(), NULL);
    refuse(&b, "UTF-8", "\xff", clg_shape0(), NULL);
    refuse(&b, "control", "a\nb", clg_shape0(), NULL); /* no file with it would load */
    refuse(&b, "meaning", "optimizer.a.b.c", clg_shape0(), NULL);
    refuse(&b, "meaning", "__metadata__", clg_shape0(), NULL);
    clg_store_seal(b.store);
    refuse(&b, "sealed", "new", clg_shape0(), NULL);
    cr_assert_eq(add(&b, "layer.3.weight", clg_shape2(4, 3), NULL), 3);
    clg_ctx_destroy(&b.ctx);
}

/* ---- first values ---- */

#define MANY 60000

static void draw(struct bench *b, const char *name, clg_shape shape, clg_init init, float *out)
{
    add(b, name, shape, &init);
    test_ok(b->ctx, clg_store_get(b->store, name, out, (size_t)clg_shape_count(&shape) * 4));
}

/* Mean and standard deviation within five standard errors of what they should be; for a uniform
 * distribution the limits too. */
static void check_draw(const char *what, const float *x, double mean, double std, double low,
                       double high)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < MANY; i++) {
        cr_assert(x[i] >= low && x[i] < high, "%s[%d] = %g", what, i, (double)x[i]);
        sum += x[i];
    }
    for (int i = 0; i < MANY; i++)
        squares += (x[i] - sum / MANY) * (x[i] - sum / MANY);
    cr_assert(fabs(sum / MANY - mean) <= 5 * std / sqrt(MANY), "%s: mean %g", what, sum / MANY);
    cr_assert(fabs(sqrt(squares / MANY) - std) <= 5 * std / sqrt(2.0 * MANY), "%s: std %g", what,
              sqrt(squares / MANY));
}

TEST(store, schemes)
{
    struct bench b = bench_open(5);
    static float x[MANY];
    clg_shape s = clg_shape4(20, 30, 10, 10); /* fan_in 3000, fan_out 2000 */
    const struct {
        clg_init init;
        double mean, std; /* of a uniform one: std = half the width / sqrt(3) */
        bool uniform;
    } schemes[] = {
        {{.scheme = CLG_INIT_NORMAL, .a = 2, .b = 0.5f}, 2, 0.5, false},
        {{.scheme = CLG_INIT_UNIFORM, .a = -1, .b = 3}, 1, 2 / sqrt(3), true},
        {{.scheme = CLG_INIT_XAVIER_UNIFORM}, 0, sqrt(6.0 / 5000 / 3), true},
        {{.scheme = CLG_INIT_XAVIER_NORMAL}, 0, sqrt(2.0 / 5000), false},
        {{.scheme = CLG_INIT_HE_UNIFORM}, 0, sqrt(6.0 / 3000 / 3), true},
        {{.scheme = CLG_INIT_HE_NORMAL}, 0, sqrt(2.0 / 3000), false},
        {{.scheme = CLG_INIT_FAN_IN}, 0, sqrt(1.0 / 3000 / 3), true},
        {{.scheme = CLG_INIT_FAN_IN, .fan_in = 16}, 0, 0.25 / sqrt(3), true},
        {{.scheme = CLG_INIT_XAVIER_NORMAL, .fan_in = 5, .fan_out = 3}, 0, 0.5, false},
    };
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        char name[8] = {'p', (char)('0' + i), 0};
        double half = schemes[i].uniform ? schemes[i].std * sqrt(3) : INFINITY;
        draw(&b, name, s, schemes[i].init, x);
        check_draw(name, x, schemes[i].mean, schemes[i].std, schemes[i].mean - half * (1 + 1e-6),
                   schemes[i].mean + half * (1 + 1e-6));
    }
    draw(&b, "zeros", s, (clg_init){.scheme = CLG_INIT_ZEROS}, x);
    cr_assert(x[0] == 0 && x[MANY - 1] == 0);
    draw(&b, "constant", s, (clg_init){.scheme = CLG_INIT_CONSTANT, .a = 7}, x);
    cr_assert(x[0] == 7 && x[MANY - 1] == 7);
    clg_ctx_destroy(&b.ctx);
}

/* The values belong to seed and name, not to the order or the neighbours. */
TEST(store, values_follow_seed_and_name)
{
    static float first[77], again[77], other[77], seed[77];
    const clg_init normal = {.scheme = CLG_INIT_NORMAL, .b = 1};
    struct bench b = bench_open(UINT64_C(1) << 40);
    draw(&b, "a", clg_shape1(77), normal, first);
    draw(&b, "b", clg_shape1(77), normal, other);
    clg_store_destroy(&b.store);
    b.store = clg_store_create(b.device, UINT64_C(1) << 40);
    add(&b, "b", clg_shape1(5), &normal);
    draw(&b, "a", clg_shape1(77), normal, again);
    clg_store_destroy(&b.store);
    b.store = clg_store_create(b.device, UINT64_C(1) << 41);
    draw(&b, "a", clg_shape1(77), normal, seed);
    cr_assert_arr_eq(first, again, sizeof(first));
    for (int i = 0; i < 77; i++)
        cr_assert(first[i] != other[i] && first[i] != seed[i], "%d", i);
    clg_ctx_destroy(&b.ctx);
}

static int count_up(void *user, const char *name, clg_shape shape, float *values, size_t count)
{
    int *calls = user;
    cr_assert_str_eq(name, "mine");
    cr_assert_eq(clg_shape_count(&shape), (int64_t)count);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)i;
    return ++*calls == 1 ? 41 : 0; /* fails at first */
}

TEST(store, callback)
{
    struct bench b = bench_open(1);
    int calls = 0;
    float x[6];
    const clg_init init = {.scheme = CLG_INIT_CALLBACK, .fill = count_up, .user = &calls};
    add(&b, "mine", clg_shape2(2, 3), &init);
    test_refused(b.ctx, CLG_ERR_STATE, "code 41", clg_store_get(b.store, "mine", x, sizeof(x)));
    test_ok(b.ctx, clg_store_get(b.store, "mine", x, sizeof(x)));
    cr_assert(x[0] == 0 && x[5] == 5);
    test_ok(b.ctx, clg_store_get(b.store, "mine", x, sizeof(x)));
    cr_assert_eq(calls, 2);
    clg_ctx_destroy(&b.ctx);
}

TEST(store, refuses_initialisers)
{
    struct bench b = bench_open(1);
    const clg_shape s = clg_shape1(3);
    refuse(&b, "fan_in", "p", s, &(clg_init){.scheme = CLG_INIT_HE_NORMAL});
    refuse(&b, "fan_in", "p", s, &(clg_init){.scheme = CLG_INIT_XAVIER_NORMAL, .fan_in = 3});
    refuse(&b, "negative", "p", s, &(clg_init){.scheme = CLG_INIT_HE_NORMAL, .fan_in = -3});
    refuse(&b, "negative", "p", s, &(clg_init){.scheme = CLG_INIT_NORMAL, .b = -1});
    refuse(&b, "low to high", "p", s, &(clg_init){.scheme = CLG_INIT_UNIFORM, .a = 1});
    refuse(&b, "finite", "p", s, &(clg_init){.scheme = CLG_INIT_CONSTANT, .a = NAN});
    refuse(&b, "fill", "p", s, &(clg_init){.scheme = CLG_INIT_CALLBACK});
    refuse(&b, "99", "p", s, &(clg_init){.scheme = (clg_init_scheme)99});
    cr_assert_eq(clg_store_count(b.store), 0);
    clg_ctx_destroy(&b.ctx);
}

/* ---- memory ---- */

static struct clg_view place(struct bench *b, const char *name)
{
    return clg_store_value(b->store, clg_store_find(b->store, name));
}

TEST(store, places_never_move)
{
    struct bench b = bench_open(1);
    float x[200], y[200];
    uint32_t align = clg_device_machine(b.device)->align;
    clg_store_limit_chunks(b.store, 512);
    add(&b, "a", clg_shape1(1), NULL);
    add(&b, "b", clg_shape1(200), NULL);
    add(&b, "c", clg_shape1(500), NULL);
    add(&b, "d", clg_shape1(5000), NULL); /* over the limit: a chunk of its own */
    cr_assert_null(place(&b, "a").buffer);
    test_ok(b.ctx, clg_store_allocate(b.store));
    cr_assert_eq(clg_store_chunks(b.store), 3);
    struct clg_view before = place(&b, "b");
    cr_assert(before.buffer == place(&b, "a").buffer && before.buffer != place(&b, "c").buffer);
    cr_assert_neq(place(&b, "c").buffer, place(&b, "d").buffer);
    cr_assert(before.offset > 0 && before.offset % CLG_SEGMENT == 0 &&
              before.offset * 4 % align == 0);
    for (int i = 0; i < 200; i++)
        x[i] = (float)i;
    test_ok(b.ctx, clg_store_set(b.store, "b", x, sizeof(x)));
    add(&b, "late", clg_shape1(3), NULL);
    test_ok(b.ctx, clg_store_allocate(b.store));
    cr_assert_eq(clg_store_chunks(b.store), 4);
    cr_assert(place(&b, "b").buffer == before.buffer && place(&b, "b").offset == before.offset);
    test_ok(b.ctx, clg_store_get(b.store, "b", y, sizeof(y)));
    cr_assert_arr_eq(x, y, sizeof(x));
    clg_ctx_destroy(&b.ctx);
}

TEST(store, too_large_for_the_device)
{
    struct bench b = bench_open(1);
    uint64_t max = clg_device_machine(b.device)->max_alloc / 4;
    if (max >= (UINT64_C(1) << 31) - (UINT64_C(2) << 20))
        max = (UINT64_C(1) << 31) - 2; /* more than the library's own limit of a chunk */
    add(&b, "huge", clg_shape1((int64_t)max + 1), NULL);
    test_refused(b.ctx, CLG_ERR_LIMIT, "'huge'", clg_store_allocate(b.store));
    cr_assert_eq(clg_store_chunks(b.store), 0);
    clg_ctx_destroy(&b.ctx);
}

TEST(store, copies)
{
    struct bench b = bench_open(1);
    float x[6] = {1, 2, 3, 4, 5, 6}, y[6] = {0};
    add(&b, "p", clg_shape2(2, 3), NULL);
    test_ok(b.ctx, clg_store_set(b.store, "p", x, sizeof(x)));
    test_ok(b.ctx, clg_store_get(b.store, "p", y, sizeof(y)));
    cr_assert_arr_eq(x, y, sizeof(x));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "24 bytes", clg_store_get(b.store, "p", y, 20));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "24 bytes", clg_store_set(b.store, "p", x, 28));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "'q'", clg_store_set(b.store, "q", x, 24));
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "NULL", clg_store_get(b.store, "p", NULL, 24));
    test_refused(b.ctx, CLG_ERR_STATE, "gradient", clg_store_get_gradient(b.store, "p", y, 24));
    cr_assert_eq(clg_store_get(NULL, "p", y, 24), CLG_ERR_ARGUMENT);
    clg_ctx_destroy(&b.ctx);
}

TEST(store, gradients_lie_beside)
{
    struct bench b = bench_open(1);
    float x[100];
    add(&b, "p", clg_shape1(100), &(clg_init){.scheme = CLG_INIT_CONSTANT, .a = 3});
    clg_store_entry(b.store, "s", CLG_ENTRY_STATE, clg_shape1(100), NULL);
    test_ok(b.ctx, clg_store_allocate(b.store));
    cr_assert_null(clg_store_gradient(b.store, 0).buffer);
    test_ok(b.ctx, clg_store_allocate_gradients(b.store));
    struct clg_view g = clg_store_gradient(b.store, 0), v = clg_store_value(b.store, 0);
    cr_assert(g.buffer && g.buffer != v.buffer && g.offset == v.offset);
    clg_store_mark_trained(b.store, 0);
    test_ok(b.ctx, clg_store_get_gradient(b.store, "p", x, sizeof(x)));
    cr_assert(x[0] == 0 && x[99] == 0);
    clg_ctx_destroy(&b.ctx);
}

TEST(store, arena_grows)
{
    struct bench b = bench_open(1);
    test_ok(b.ctx, clg_store_reserve(b.store, 1000));
    struct clg_buffer *arena = clg_store_arena(b.store);
    cr_assert_eq(clg_buffer_size(arena), 1000);
    test_ok(b.ctx, clg_store_reserve(b.store, 10));
    cr_assert_eq(clg_buffer_size(arena), 1000);
    test_ok(b.ctx, clg_store_reserve(b.store, 4000));
    cr_assert_eq(clg_store_arena(b.store), arena);
    cr_assert_eq(clg_buffer_size(arena), 4000);
    clg_ctx_destroy(&b.ctx);
}

/* ---- counters ---- */

TEST(store, progress)
{
    struct bench b = bench_open(UINT64_C(0x123456789));
    clg_progress p;
    uint32_t words[CLG_BLOCK_WORDS];
    test_ok(b.ctx, clg_store_progress(b.store, &p)); /* before there is memory */
    cr_assert(p.draws == 0 && p.steps == 0 && p.first_bad_step == 0);
    test_ok(b.ctx, clg_store_clear_bad(b.store));
    test_ok(b.ctx, clg_store_allocate(b.store));
    test_ok(b.ctx, clg_buffer_read(clg_store_block(b.store), 0, words, sizeof(words)));
    cr_assert(words[CLG_BLOCK_SEED] == 0x23456789 && words[CLG_BLOCK_SEED_HIGH] == 1);
    words[CLG_BLOCK_DRAW] = 5;
    words[CLG_BLOCK_DRAW_HIGH] = 1;
    words[CLG_BLOCK_STEP] = 7;
    words[CLG_BLOCK_RAISED] = words[CLG_BLOCK_WHY] = CLG_RAISED_LOSS | CLG_RAISED_INDEX;
    words[CLG_BLOCK_SKIP] = 1;
    words[CLG_BLOCK_FIRST_BAD] = 8;
    test_ok(b.ctx, clg_buffer_write(clg_store_block(b.store), 0, words, sizeof(words)));
    test_ok(b.ctx, clg_store_progress(b.store, &p));
    cr_assert(p.draws == (UINT64_C(1) << 32) + 5 && p.steps == 7 && p.first_bad_step == 8);
    cr_assert(p.bad_loss && !p.bad_update && p.bad_index);
    test_ok(b.ctx, clg_store_clear_bad(b.store));
    test_ok(b.ctx, clg_store_progress(b.store, &p));
    cr_assert(p.draws == (UINT64_C(1) << 32) + 5 && p.steps == 7 && p.first_bad_step == 0);
    cr_assert(!p.bad_loss && !p.bad_update && !p.bad_index);
    clg_ctx_destroy(&b.ctx);
}
