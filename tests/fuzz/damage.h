/* Damage to the bytes of a file: what the fuzz tests share. The same in each run. */
#ifndef DAMAGE_H
#define DAMAGE_H

#include <stddef.h>
#include <stdint.h>

#define DAMAGE_ROOM (1 << 18)

struct damage {
    char data[DAMAGE_ROOM];
    size_t size;
};

/* Starts the random numbers anew. */
void damage_seed(uint32_t seed);
/* A random number under n. */
uint32_t damage_below(uint32_t n);
/* Rounds of a test: as many as it says, times CLG_TEST_ROUNDS of the environment (long mode:
 * `CLG_TEST_ROUNDS=1000 meson test --suite fuzz -t 0`), with other random numbers each time. */
long damage_rounds(long rounds);

void damage_set(struct damage *d, const void *data, size_t size);
void damage_copy(struct damage *to, const struct damage *from);
void damage_write(const struct damage *d, const char *path);

/* Puts `with` where `length` bytes at `at` were; nothing when there is no room. */
void damage_replace(struct damage *d, size_t at, size_t length, const void *with, size_t size);
/* One change: a bit, a byte, a cut, something more, less, or twice. */
void damage_bytes(struct damage *d);
/* One change: a word of the list (until NULL) put in, or over what is like a word. */
void damage_words(struct damage *d, const char *const *words);

#endif
