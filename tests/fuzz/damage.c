#include "fuzz/damage.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/philox.h"

static uint32_t draws, stream;

void damage_seed(uint32_t seed)
{
    draws = 0;
    stream = seed;
}

uint32_t damage_below(uint32_t n)
{
    uint32_t words[4];

    clg_philox((uint32_t[]){draws++, stream, 0, 0}, (uint32_t[]){17, 4}, words);
    return (uint32_t)((uint64_t)words[0] * n >> 32);
}

long damage_rounds(long rounds)
{
    const char *times = getenv("CLG_TEST_ROUNDS");
    long factor = times ? atol(times) : 1;

    return rounds * (factor > 0 ? factor : 1);
}

void damage_set(struct damage *d, const void *data, size_t size)
{
    cr_assert_leq(size, DAMAGE_ROOM);
    memcpy(d->data, data, size);
    d->size = size;
}

void damage_copy(struct damage *to, const struct damage *from)
{
    damage_set(to, from->data, from->size);
}

void damage_write(const struct damage *d, const char *path)
{
    FILE *file = fopen(path, "wb");

    cr_assert(file && fwrite(d->data, 1, d->size, file) == d->size && fclose(file) == 0, "%s",
              path);
}

void damage_replace(struct damage *d, size_t at, size_t length, const void *with, size_t size)
{
    if (d->size - length + size > DAMAGE_ROOM)
        return;
    memmove(d->data + at + size, d->data + at + length, d->size - at - length);
    memcpy(d->data + at, with, size);
    d->size += size - length;
}

static void flip_bit(struct damage *d)
{
    d->data[damage_below((uint32_t)d->size)] ^= (char)(1 << damage_below(8));
}

static void set_byte(struct damage *d)
{
    static const char odd[] = "\0\xff\x7f\x80\"'\\{}[]:,0-\n\t #&*!";

    d->data[damage_below((uint32_t)d->size)] = odd[damage_below(sizeof(odd) - 1)];
}

static void cut(struct damage *d)
{
    d->size = damage_below((uint32_t)d->size);
}

static void extend(struct damage *d)
{
    char more[64] = {0};

    damage_replace(d, d->size, 0, more, 1 + damage_below(sizeof(more)));
}

static size_t some(size_t left, uint32_t most)
{
    return 1 + damage_below((uint32_t)(left < most ? left : most));
}

static void remove_some(struct damage *d)
{
    size_t at = damage_below((uint32_t)d->size);
    size_t size = some(d->size - at, 16);

    damage_replace(d, at, size <= d->size - at ? size : d->size - at, "", 0);
}

static void repeat_some(struct damage *d)
{
    char copy[32];
    size_t at = damage_below((uint32_t)d->size), size = some(d->size - at, sizeof(copy));

    if (size > d->size - at)
        return;
    memcpy(copy, d->data + at, size);
    damage_replace(d, at, 0, copy, size);
}

void damage_bytes(struct damage *d)
{
    static void (*const kinds[])(struct damage *) = {flip_bit, set_byte,    cut,
                                                     extend,   remove_some, repeat_some};

    if (d->size)
        kinds[damage_below(sizeof(kinds) / sizeof(*kinds))](d);
}

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

void damage_words(struct damage *d, const char *const *words)
{
    size_t count = 0, at = damage_below((uint32_t)d->size + 1), end;

    while (words[count])
        count++;
    while (at > 0 && at <= d->size && in_word(d->data[at - 1]))
        at--;
    for (end = at; end < d->size && in_word(d->data[end]);)
        end++;
    words += damage_below((uint32_t)count);
    damage_replace(d, at, damage_below(4) ? end - at : 0, *words, strlen(*words));
}
