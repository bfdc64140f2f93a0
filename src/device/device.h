/* The device floor as the floors above see it: no OpenCL type appears here. */
#ifndef CLG_DEVICE_DEVICE_H
#define CLG_DEVICE_DEVICE_H

#include <clgrad/device.h>
#include <clgrad/shape.h>
#include "base/context.h"

/* What kernels are written for; passed to every build as -D (docs/architecture.md). */
struct clg_machine {
    clg_form form;      /* GROUP or ITEM */
    uint32_t local;     /* group form: work-items per group, a power of two */
    uint32_t vector;    /* item form: floats of a native vector: 4, 8 or 16 */
    uint32_t units;     /* compute units */
    uint32_t loops;     /* most iterations of all loops of a work-item together; 0: no bound */
    uint32_t align;     /* bytes; offsets of tensors are multiples of it */
    uint64_t max_alloc; /* bytes */
    uint64_t memory;
    uint64_t local_memory;
    clg_gemm_choice gemm; /* NATIVE or CLBLAST */
};
const struct clg_machine *clg_device_machine(const struct clg_device *device);
struct clg_object *clg_device_object(struct clg_device *device);

/* Fails with CLG_ERR_DEVICE_LOST once the device is lost. */
clg_status clg_device_check(struct clg_device *device);

/* ---- buffers ---- */

/* Device memory. Kept by pointer in launches: clg_buffer_replace may put other memory behind it. */
struct clg_buffer;

struct clg_buffer *clg_buffer_create(struct clg_device *device, size_t bytes);
/* A handle without memory, until clg_buffer_resize gives it some. */
struct clg_buffer *clg_buffer_empty(struct clg_device *device);
void clg_buffer_destroy(struct clg_buffer *buffer); /* NULL is accepted */
size_t clg_buffer_size(const struct clg_buffer *buffer);
/* New memory of bytes behind the same handle; content is lost; launches rebind at their next run.
 */
clg_status clg_buffer_resize(struct clg_buffer *buffer, size_t bytes);
clg_status clg_buffer_write(struct clg_buffer *buffer, uint64_t offset, const void *data,
                            size_t bytes); /* blocking */
clg_status clg_buffer_read(struct clg_buffer *buffer, uint64_t offset, void *data,
                           size_t bytes); /* blocking */
clg_status clg_buffer_fill(struct clg_buffer *buffer, uint64_t offset, size_t bytes,
                           uint32_t word); /* bytes % 4 == 0 */
clg_status clg_buffer_copy(struct clg_buffer *from, uint64_t from_offset, struct clg_buffer *to,
                           uint64_t to_offset, size_t bytes);

/* The account of what lies on a device: a buffer is CLG_MEMORY_OTHER until it is counted as something
 * else. More than the device has is refused, with every part in the sentence. */
enum clg_memory_part {
    CLG_MEMORY_OTHER,
    CLG_MEMORY_WEIGHTS,
    CLG_MEMORY_GRADIENTS,
    CLG_MEMORY_STATES,
    CLG_MEMORY_DATA,
    CLG_MEMORY_SCRATCH,
    CLG_MEMORY_OWN
};
void clg_buffer_count_as(struct clg_buffer *buffer, enum clg_memory_part part); /* NULL: nothing */
clg_memory clg_memory_now(const struct clg_device *device);
/* what: begins the sentence. */
clg_status clg_memory_check(struct clg_device *device, const char *what, const clg_memory *planned);

/* Keeps an array after the application destroyed it, until it is released. NULL is accepted. */
struct clg_array *clg_array_retain(const struct clg_array *array);
void clg_array_release(struct clg_array *array);
/* The buffer behind a clg_array, and its type and size. */
struct clg_buffer *clg_array_buffer(const struct clg_array *array);
clg_dtype clg_array_type(const struct clg_array *array);
int64_t clg_array_rows(const struct clg_array *array);
int64_t clg_array_cols(const struct clg_array *array);
bool clg_array_lies_on(const struct clg_array *array, const struct clg_device *device);

/* Where a tensor lies. buffer NULL: nowhere (an output nobody wants). offset in elements. */
struct clg_view {
    struct clg_buffer *buffer;
    uint64_t offset;
    clg_dtype dtype;
    clg_shape shape; /* numbers only, no multiple of the batch */
};
int64_t clg_shape_count(const clg_shape *shape); /* product of the dimensions; 1 for rank 0 */

/* ---- launches ---- */

/* Kernels to enqueue in order, with their arguments set once. Filled by lowering, built together,
 * then replayed. The first failure sticks in status; everything after it does nothing. */
struct clg_launches {
    struct clg_device *device;
    clg_status status;
    uint32_t generation; /* the device's, when arguments were last set */
    CLG_VEC(struct clg_launch *) list;
};
struct clg_launch;

void clg_launches_init(struct clg_launches *launches, struct clg_device *device);
void clg_launches_finish(struct clg_launches *launches);

/* Adds the launch of a kernel in cl/SOURCE.cl, built with the machine's options and `options` (may
 * be NULL). label: what the step's drawing says. All strings are copied. NULL after a failure;
 * every function below accepts it. */
struct clg_launch *clg_launch_kernel(struct clg_launches *launches, const char *source,
                                     const char *kernel, const char *options, const char *label);
/* The same for a generated source; it may #include the files of cl/. */
struct clg_launch *clg_launch_generated(struct clg_launches *launches, const char *text,
                                        const char *kernel, const char *options, const char *label);
/* Adds a call of foreign code that enqueues on the device's queue (CLBlast). queue:
 * cl_command_queue. prepare runs once at build, call at each run; finish frees data. */
struct clg_launch *clg_launch_foreign(struct clg_launches *launches, const char *label, void *data,
                                      clg_status (*prepare)(void *data, void *queue),
                                      clg_status (*call)(void *data, void *queue),
                                      void (*finish)(struct clg_ctx *ctx, void *data));
/* Arguments in the order of the kernel's parameters. A view is two: TENSOR(type, name), that is the
 * buffer and a ulong offset in elements. */
void clg_launch_view(struct clg_launch *launch, const struct clg_view *view);
void clg_launch_buffer(struct clg_launch *launch, struct clg_buffer *buffer); /* one argument */
void clg_launch_int(struct clg_launch *launch, int64_t value); /* int; checked range */
void clg_launch_uint(struct clg_launch *launch, uint32_t value);
void clg_launch_float(struct clg_launch *launch, float value);
/* Global sizes are rounded up to multiples of the local ones. 1 to 3 dimensions; unused are 1. */
void clg_launch_range(struct clg_launch *launch, const size_t global[3], const size_t local[3]);
/* One dimension: `items` work-items in groups of the machine's local size (group form), or in
 * groups of 1 (item form). */
void clg_launch_items(struct clg_launch *launch, size_t items);
/* Group form: `groups` work-groups of the machine's local size; item form: `groups` work-items. One
 * row of data per group: the launch for kernels over row.clh. Item form: at most 4096 work-items
 * are started; kernels loop (FOR_ROWS in row.clh). */
void clg_launch_rows(struct clg_launch *launch, size_t groups);
void clg_launch_cost(struct clg_launch *launch, uint64_t flops, uint64_t bytes);

/* Builds every program (once per device for equal source and options) and sets all arguments. */
clg_status clg_launches_build(struct clg_launches *launches);
/* Enqueues launches first <= i < end and flushes now and then. Does not wait. */
clg_status clg_launches_run(struct clg_launches *launches, size_t first, size_t end);

/* For reports: label, kernel name, flops, bytes. */
struct clg_launch_info {
    const char *label, *kernel, *source;
    uint64_t flops, bytes;
};
struct clg_launch_info clg_launch_get_info(const struct clg_launch *launch);
/* Different kernels (source, options, name) in the lists; those whose source is "gemm" apart. */
void clg_launches_count_kernels(const struct clg_launches *const *lists, size_t count, uint32_t *all,
                                uint32_t *gemm);

#endif
