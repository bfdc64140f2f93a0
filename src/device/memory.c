/* The account of device memory, and refusing what would be too much. */
#include "device/opencl.h"

#include <inttypes.h>

#define PARTS(X)                                                                                   \
    X(WEIGHTS, weights, "weights")                                                                 \
    X(GRADIENTS, gradients, "gradients")                                                           \
    X(STATES, states, "optimizer states")                                                          \
    X(DATA, data, "data")                                                                          \
    X(SCRATCH, scratch, "scratch")                                                                 \
    X(OWN, own, "inputs and outputs")                                                              \
    X(OTHER, other, "other")

uint64_t *clg_memory_part(clg_memory *memory, enum clg_memory_part part)
{
    switch (part) {
#define X(name, field, words)                                                                      \
    case CLG_MEMORY_##name:                                                                        \
        return &memory->field;
        PARTS(X)
#undef X
    }
    return &memory->other;
}

static uint64_t total(const clg_memory *memory)
{
#define X(name, field, words) +memory->field
    return 0 PARTS(X);
#undef X
}

clg_memory clg_memory_now(const struct clg_device *device)
{
    clg_memory now = device->memory;

    now.device = device->machine.memory;
    return now;
}

clg_status clg_memory_check(struct clg_device *device, const char *what, const clg_memory *planned)
{
    if (total(planned) <= device->machine.memory)
        return CLG_OK;
#define X(name, field, words) ", " words " %.1f"
#define MIB(bytes)            ((double)(bytes) / 0x1p20)
    return clg_fail(device->object.ctx, CLG_ERR_LIMIT,
                    "%s: %.1f MiB of memory would be needed, %s has %.1f" PARTS(X) " MiB", what,
                    MIB(total(planned)), device->self.info.name, MIB(device->machine.memory)
#undef X
#define X(name, field, words) , MIB(planned->field)
                        PARTS(X));
#undef X
}

clg_status clg_memory_make_room(struct clg_device *device, const char *what,
                                enum clg_memory_part part, uint64_t bytes)
{
    clg_memory planned = device->memory;

    *clg_memory_part(&planned, part) += bytes;
    return clg_memory_check(device, what, &planned);
}

/* ---- for applications ---- */

clg_status clg_device_memory(const clg_device *device, clg_memory *out)
{
    if (!device || !CLG_GIVEN(device, out))
        return CLG_ERR_ARGUMENT;
    *out = clg_memory_now(device);
    return CLG_OK;
}

clg_status clg_device_check_memory(clg_device *device, const clg_memory *planned)
{
    if (!device || !CLG_GIVEN(device, planned))
        return CLG_ERR_ARGUMENT;
    return clg_memory_check(device, "memory", planned);
}
