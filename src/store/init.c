/* First values of entries: a function of the store's seed and the entry's name. */
#include <math.h>
#include "base/hash.h"
#include "base/philox.h"
#include "base/text.h"
#include "store/object.h"

/* Keeps these numbers apart from those of other uses of the same seed. */
#define INIT_STREAM UINT32_C(0x696e6974)

enum draw { DRAW_NONE, DRAW_UNIFORM, DRAW_NORMAL };

/* What a scheme comes down to: a constant, U(low, high), or N(low, high^2). */
struct recipe {
    enum draw draw;
    double low, high;
};

static int64_t kernel_size(const clg_shape *shape)
{
    int64_t count = 1;

    for (int32_t i = 2; i < shape->rank; i++)
        count *= shape->dim[i];
    return count;
}

static double fan_in(const clg_shape *shape, const clg_init *init)
{
    if (init->fan_in > 0)
        return (double)init->fan_in;
    return (double)(shape->dim[1] * kernel_size(shape));
}

static double fan_out(const clg_shape *shape, const clg_init *init)
{
    if (init->fan_out > 0)
        return (double)init->fan_out;
    return (double)(shape->dim[0] * kernel_size(shape));
}

static struct recipe symmetric(double s)
{
    return (struct recipe){DRAW_UNIFORM, -s, s};
}

static struct recipe find_recipe(const clg_shape *shape, const clg_init *init)
{
    switch (init->scheme) {
    case CLG_INIT_CONSTANT:
        return (struct recipe){DRAW_NONE, init->a, 0};
    case CLG_INIT_NORMAL:
        return (struct recipe){DRAW_NORMAL, init->a, init->b};
    case CLG_INIT_UNIFORM:
        return (struct recipe){DRAW_UNIFORM, init->a, init->b};
    case CLG_INIT_XAVIER_UNIFORM:
        return symmetric(sqrt(6 / (fan_in(shape, init) + fan_out(shape, init))));
    case CLG_INIT_XAVIER_NORMAL:
        return (struct recipe){DRAW_NORMAL, 0,
                               sqrt(2 / (fan_in(shape, init) + fan_out(shape, init)))};
    case CLG_INIT_HE_UNIFORM:
        return symmetric(sqrt(6 / fan_in(shape, init)));
    case CLG_INIT_HE_NORMAL:
        return (struct recipe){DRAW_NORMAL, 0, sqrt(2 / fan_in(shape, init))};
    case CLG_INIT_FAN_IN:
        return symmetric(1 / sqrt(fan_in(shape, init)));
    default:
        return (struct recipe){DRAW_NONE, 0, 0};
    }
}

static bool needs_fan_in(clg_init_scheme scheme)
{
    return scheme >= CLG_INIT_XAVIER_UNIFORM && scheme <= CLG_INIT_FAN_IN;
}

static bool needs_fan_out(clg_init_scheme scheme)
{
    return scheme == CLG_INIT_XAVIER_UNIFORM || scheme == CLG_INIT_XAVIER_NORMAL;
}

static bool needs_numbers(clg_init_scheme scheme)
{
    return scheme == CLG_INIT_CONSTANT || scheme == CLG_INIT_NORMAL || scheme == CLG_INIT_UNIFORM;
}

clg_status clg_init_check(struct clg_ctx *ctx, const char *name, const clg_shape *shape,
                          const clg_init *init)
{
    char text[CLG_SHAPE_TEXT];

    if (!init)
        return CLG_OK;
    if (init->scheme < CLG_INIT_ZEROS || init->scheme > CLG_INIT_CALLBACK)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "parameter '%s': initialiser %d is not one", name,
                        (int)init->scheme);
    if (init->scheme == CLG_INIT_CALLBACK && !init->fill)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "parameter '%s': its initialiser needs a function fill", name);
    if (init->fan_in < 0 || init->fan_out < 0)
        return clg_fail(
            ctx, CLG_ERR_ARGUMENT,
            "parameter '%s': fan_in and fan_out of its initialiser must not be negative", name);
    if (shape->rank < 2 && ((needs_fan_in(init->scheme) && !init->fan_in) ||
                            (needs_fan_out(init->scheme) && !init->fan_out)))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "parameter '%s': its initialiser takes fan_in and fan_out from two "
                        "dimensions or more, shape is %s: give them",
                        name, clg_shape_text(shape, text));
    if (needs_numbers(init->scheme) && !(isfinite(init->a) && isfinite(init->b)))
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "parameter '%s': the numbers of its initialiser must be finite", name);
    if (init->scheme == CLG_INIT_NORMAL && init->b < 0)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "parameter '%s': its standard deviation is %g, must not be negative", name,
                        (double)init->b);
    if (init->scheme == CLG_INIT_UNIFORM && init->a > init->b)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "parameter '%s': uniform in [%g, %g) must go from low to high", name,
                        (double)init->a, (double)init->b);
    return CLG_OK;
}

/* Rounding must not reach the upper end of [low, high). */
static float scale_uniform(const struct recipe *recipe, uint32_t word)
{
    float high = (float)recipe->high;
    float value = (float)(recipe->low + (recipe->high - recipe->low) * (double)clg_uniform(word));

    return value < high || recipe->low >= recipe->high ? value : nextafterf(high, -INFINITY);
}

static void draw_four(const struct recipe *recipe, const uint32_t words[4], float out[4])
{
    for (int i = 0; i < 4; i++)
        out[i] =
            recipe->draw == DRAW_UNIFORM ? scale_uniform(recipe, words[i]) : (float)recipe->low;
    if (recipe->draw != DRAW_NORMAL)
        return;
    clg_normal_pair(words[0], words[1], out);
    clg_normal_pair(words[2], words[3], out + 2);
    for (int i = 0; i < 4; i++)
        out[i] = (float)(recipe->low + recipe->high * (double)out[i]);
}

clg_status clg_init_values(const struct clg_store *store, const struct clg_entry *entry,
                           float *values)
{
    struct recipe recipe = find_recipe(&entry->shape, &entry->init);
    uint64_t hash = clg_hash_string(CLG_HASH_START, entry->name);
    uint32_t key[2] = {(uint32_t)store->seed, (uint32_t)(store->seed >> 32)};
    uint32_t counter[4] = {0, INIT_STREAM, (uint32_t)hash, (uint32_t)(hash >> 32)};

    if (entry->init.scheme == CLG_INIT_CALLBACK) {
        int code = entry->init.fill(entry->init.user, entry->name, entry->shape, values,
                                    (size_t)entry->count);
        return code == 0 ? CLG_OK
                         : clg_fail(store->object.ctx, CLG_ERR_STATE,
                                    "parameter '%s': its initialiser failed with code %d",
                                    entry->name, code);
    }
    for (uint64_t i = 0; i < entry->count; i += 4, counter[0]++) {
        uint32_t words[4] = {0};
        float four[4];

        if (recipe.draw != DRAW_NONE)
            clg_philox(counter, key, words);
        draw_four(&recipe, words, four);
        for (uint64_t k = i; k < entry->count && k < i + 4; k++)
            values[k] = four[k - i];
    }
    return CLG_OK;
}
