/* 64-bit FNV-1a and a mixer, for names, sources and structures. Not for adversaries. */
#ifndef CLG_BASE_HASH_H
#define CLG_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define CLG_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t clg_hash_bytes(uint64_t hash, const void *data, size_t size);
uint64_t clg_hash_string(uint64_t hash, const char *s);

#endif
