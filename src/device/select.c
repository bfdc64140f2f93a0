/* Which device a spec means: a pure function of the list. */
#include <ctype.h>
#include <string.h>

#include "device/opencl.h"

/* ---- the order of devices ---- */

static int class_of(const struct clg_candidate *c)
{
    switch (c->info.type) {
    case CLG_DEVICE_GPU:
        return 3;
    case CLG_DEVICE_CPU:
        return 2;
    case CLG_DEVICE_SOFTWARE:
        return 0;
    default:
        return 1;
    }
}

/* By class, then memory of its own before the host's, then units times MHz, then place in the list.
 */
static bool better(const struct clg_candidate *a, const struct clg_candidate *b)
{
    if (class_of(a) != class_of(b))
        return class_of(a) > class_of(b);
    if (a->unified != b->unified)
        return b->unified;
    if (a->speed != b->speed)
        return a->speed > b->speed;
    return a->info.index < b->info.index;
}

/* How many devices of this name come before in the same platform: twins are told apart by order. */
static int twin_number(const struct clg_candidate *list, const struct clg_candidate *c)
{
    int number = 0;

    for (const struct clg_candidate *p = list; p < c; p++)
        if (p->platform_number == c->platform_number && strcmp(p->info.name, c->info.name) == 0)
            number++;
    return number;
}

/* The same hardware through two platforms: the same bus address, the same name, or a CPU (a machine
 * has one; each platform shows it under a name of its own). */
static bool same_hardware(const struct clg_candidate *list, const struct clg_candidate *a,
                          const struct clg_candidate *b)
{
    if (a->platform_number == b->platform_number || a->info.type != b->info.type)
        return false;
    if (a->info.type == CLG_DEVICE_CPU)
        return true;
    if (a->address_kind && a->address_kind == b->address_kind)
        return memcmp(a->address, b->address, sizeof(a->address)) == 0;
    return strcmp(a->info.name, b->info.name) == 0 && twin_number(list, a) == twin_number(list, b);
}

void clg_candidates_rank(struct clg_candidate *list, size_t count)
{
    size_t best = 0;

    for (size_t i = 0; i < count; i++) {
        list[i].info.best = false;
        list[i].info.same_as = -1;
        for (size_t j = 0; j < i && list[i].info.same_as < 0; j++)
            if (same_hardware(list, &list[j], &list[i]))
                list[i].info.same_as = list[j].info.index;
        if (better(&list[i], &list[best]))
            best = i;
    }
    if (count > 0)
        list[best].info.best = true;
}

/* ---- the grammar ---- */

static bool part_of(const char *part, size_t length, const char *whole)
{
    for (; strlen(whole) >= length; whole++) {
        size_t i = 0;

        while (i < length && tolower((unsigned char)part[i]) == tolower((unsigned char)whole[i]))
            i++;
        if (i == length)
            return true;
    }
    return false;
}

static bool equal(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && part_of(a, strlen(a), b);
}

static bool is_best(const struct clg_candidate *c)
{
    (void)c;
    return true;
}

static bool is_cpu(const struct clg_candidate *c)
{
    return c->info.type == CLG_DEVICE_CPU || c->info.type == CLG_DEVICE_SOFTWARE;
}

static bool is_gpu(const struct clg_candidate *c)
{
    return c->info.type == CLG_DEVICE_GPU;
}

static bool is_vendor(const struct clg_candidate *c, const char *vendor)
{
    return is_gpu(c) && part_of(vendor, strlen(vendor), c->info.vendor);
}

static bool is_amd(const struct clg_candidate *c)
{
    return is_vendor(c, "amd") || is_vendor(c, "advanced micro devices");
}

static bool is_intel(const struct clg_candidate *c)
{
    return is_vendor(c, "intel");
}

static bool is_nvidia(const struct clg_candidate *c)
{
    return is_vendor(c, "nvidia");
}

static const struct {
    const char *word;
    bool (*is)(const struct clg_candidate *c);
} kinds[] = {
    {"best", is_best}, {"cpu", is_cpu},     {"gpu", is_gpu},
    {"amd", is_amd},   {"intel", is_intel}, {"nvidia", is_nvidia},
};

struct choice {
    const struct clg_candidate *list;
    size_t count;
    const char *spec;
    int chosen;
    int matches; /* -1: the spec is no such thing */
};

static void try_kind(struct choice *c)
{
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        if (!equal(kinds[k].word, c->spec))
            continue;
        c->matches = 0;
        for (size_t i = 0; i < c->count; i++)
            if (kinds[k].is(&c->list[i]) &&
                (c->matches++ == 0 || better(&c->list[i], &c->list[c->chosen])))
                c->chosen = (int)i;
        if (c->matches > 1)
            c->matches = 1;
    }
}

static void try_index(struct choice *c)
{
    int64_t index;

    if (!isdigit((unsigned char)c->spec[0]) || !clg_parse_int(c->spec, &index))
        return;
    c->matches = index < (int64_t)c->count;
    c->chosen = (int)index;
}

static void count_match(struct choice *c, size_t i)
{
    c->chosen = (int)i;
    c->matches = c->matches < 0 ? 1 : c->matches + 1;
}

static bool number_or_part(const char *s, size_t length, uint32_t number, const char *name)
{
    uint32_t value = 0;
    size_t i = 0;

    while (i < length && i < 9 && isdigit((unsigned char)s[i]))
        value = value * 10 + (uint32_t)(s[i++] - '0');
    return length > 0 && (i == length ? value == number : part_of(s, length, name));
}

static bool of_platform(const struct clg_candidate *c, const char *spec, size_t length)
{
    return number_or_part(spec, length, c->platform_number, c->info.platform) ||
           (strlen(c->suffix) == length && part_of(spec, length, c->suffix));
}

/* PLATFORM:DEVICE, each a number as the loader counts, or part of a name. A colon may also be part
 * of a device's name ("gfx90a:xnack-"): without such a platform the spec is taken as a name. */
static void try_platform(struct choice *c)
{
    const char *colon = strchr(c->spec, ':');
    size_t length = colon ? (size_t)(colon - c->spec) : 0;

    for (size_t i = 0; colon && i < c->count; i++) {
        const struct clg_candidate *d = &c->list[i];

        if (of_platform(d, c->spec, length) &&
            number_or_part(colon + 1, strlen(colon + 1), d->device_number, d->info.name))
            count_match(c, i);
    }
}

static void try_name(struct choice *c)
{
    size_t length = strlen(c->spec);
    int whole = 0, last = 0;

    for (size_t i = 0; i < c->count; i++) {
        const char *name = c->list[i].info.name;

        if (equal(c->spec, name)) {
            whole++;
            last = (int)i;
        }
        if (length > 0 && part_of(c->spec, length, name))
            count_match(c, i);
    }
    if (whole == 1) { /* "Arc A770" although there is an "Arc A770M" too */
        c->matches = 1;
        c->chosen = last;
    }
}

static int refuse(struct clg_ctx *ctx, const struct choice *c)
{
    struct clg_text text = {.ctx = ctx};

    for (size_t i = 0; i < c->count; i++)
        clg_text_add(&text, "%s %d %s (%s)", i ? "," : "", c->list[i].info.index,
                     c->list[i].info.name, c->list[i].info.platform);
    clg_fail(ctx, CLG_ERR_NO_DEVICE, "%s '%s'; the devices are:%s",
             c->matches > 1 ? "more than one device matches" : "no device matches", c->spec,
             text.data ? text.data : "");
    clg_text_finish(&text);
    return -1;
}

int clg_candidates_select(struct clg_ctx *ctx, const struct clg_candidate *list, size_t count,
                          const char *spec)
{
    struct choice c = {.list = list, .count = count, .spec = spec, .matches = -1};
    void (*const attempts[])(struct choice *) = {try_kind, try_index, try_platform, try_name};

    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]) && c.matches < 0; i++)
        attempts[i](&c);
    return c.matches == 1 ? c.chosen : refuse(ctx, &c);
}
