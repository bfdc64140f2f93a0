#include "fault/allocator.h"

#include <stdlib.h>

void *allocator_call(void *user, void *ptr, size_t size)
{
    struct allocator *a = user;

    if (size == 0) {
        a->live -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    if (++a->requests == a->fail_at) {
        a->failed = true;
        return NULL;
    }
    void *block = realloc(ptr, size);
    a->live += block && !ptr;
    return block;
}
