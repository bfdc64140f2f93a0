/* An allocator for contexts that counts blocks and fails one request. */
#ifndef ALLOCATOR_H
#define ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>

struct allocator {
    long live, requests;
    long fail_at; /* the number of the request that fails, from 1; 0: none does */
    bool failed;
};

/* For clg_ctx_params.allocate; user: a struct allocator. */
void *allocator_call(void *user, void *ptr, size_t size);

#endif
