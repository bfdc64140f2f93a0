/* A short program that trains and saves, for tests that let its calls fail. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <clgrad/clgrad.h>

enum { PROGRAM_BATCH = 4, PROGRAM_STEPS = 3 };

struct program {
    clg_ctx_params ctx;       /* the allocator under test */
    clg_device_params device; /* form and GEMM */
    uint64_t seed;
    const char *path; /* of the weights it writes */
    const char *rule; /* of the optimizer; NULL: sgd */
    /* Called when all is done but destroying, which has no status to give. May be NULL. */
    void (*before_end)(void *user);
    void *user;
};

/* Opens the device, trains a network 8-4-2 from device arrays, reads loss, metric and progress,
 * saves the weights and destroys everything. The status of the first call that failed and, in
 * message, the context's sentence ("" when nothing failed, or when there was no context). */
clg_status program_run(const struct program *program, char message[1024]);

#endif
