/* Arrays of rows in device memory, and the types of elements. */
#include "device/opencl.h"

#include <inttypes.h>

struct clg_array {
    struct clg_object object;
    uint32_t holders; /* the application, and every feed */
    struct clg_buffer *buffer;
    clg_dtype type;
    int64_t rows, cols;
};

size_t clg_dtype_size(clg_dtype type)
{
    switch (type) {
    case CLG_F32:
    case CLG_I32:
        return 4;
    case CLG_U8:
        return 1;
    }
    return 0;
}

int64_t clg_shape_count(const clg_shape *shape)
{
    int64_t count = 1;

    for (int32_t i = 0; i < shape->rank; i++)
        count *= shape->dim[i];
    return count;
}

struct clg_array *clg_array_retain(const struct clg_array *array)
{
    struct clg_array *held = (struct clg_array *)array; /* its content stays as it is */

    if (held)
        held->holders++;
    return held;
}

void clg_array_release(struct clg_array *array)
{
    if (!array || --array->holders > 0)
        return;
    clg_buffer_destroy(array->buffer);
    clg_free(array->object.ctx, array);
}

static void array_finish(struct clg_object *object)
{
    clg_array_release((struct clg_array *)object);
}

/* Rows and columns are 31 bits in kernels, so the product of both and 4 fits in 64. */
static clg_status check_size(struct clg_device *device, clg_dtype type, int64_t rows, int64_t cols)
{
    struct clg_ctx *ctx = device->object.ctx;
    uint64_t bytes;

    if (clg_dtype_size(type) == 0)
        return clg_fail(ctx, CLG_ERR_ARGUMENT, "array: %d is no element type", (int)type);
    if (rows < 1 || cols < 1 || rows > INT32_MAX || cols > INT32_MAX)
        return clg_fail(ctx, CLG_ERR_ARGUMENT,
                        "array (%" PRId64 ", %" PRId64
                        "): rows and columns must be 1 to 2147483647",
                        rows, cols);
    bytes = (uint64_t)rows * (uint64_t)cols * clg_dtype_size(type);
    if (bytes > device->machine.max_alloc || bytes > SIZE_MAX)
        return clg_fail(ctx, CLG_ERR_LIMIT,
                        "array (%" PRId64 ", %" PRId64 "): %" PRIu64
                        " bytes are over the largest allocation of %s, %" PRIu64,
                        rows, cols, bytes, device->self.info.name, device->machine.max_alloc);
    return clg_memory_make_room(device, "array", CLG_MEMORY_DATA, bytes);
}

clg_array *clg_array_create(clg_device *device, clg_dtype type, int64_t rows, int64_t cols,
                            const void *data)
{
    struct clg_array *array;
    size_t bytes;

    if (!device || check_size(device, type, rows, cols) != CLG_OK)
        return NULL;
    array = clg_new(device->object.ctx, 1, sizeof(*array));
    if (!array)
        return NULL;
    clg_object_init(&array->object, &device->object, array_finish);
    array->holders = 1;
    array->type = type;
    array->rows = rows;
    array->cols = cols;
    bytes = (size_t)rows * (size_t)cols * clg_dtype_size(type);
    array->buffer = clg_buffer_create(device, bytes);
    clg_buffer_count_as(array->buffer, CLG_MEMORY_DATA);
    if (!array->buffer || (data && clg_buffer_write(array->buffer, 0, data, bytes) != CLG_OK))
        clg_array_destroy(&array);
    return array;
}

clg_status clg_array_write(clg_array *array, const void *data, size_t bytes)
{
    size_t row;

    if (!array || !CLG_GIVEN(array, data))
        return CLG_ERR_ARGUMENT;
    row = (size_t)array->cols * clg_dtype_size(array->type);
    if (bytes % row != 0 || bytes > clg_buffer_size(array->buffer))
        return clg_fail(array->object.ctx, CLG_ERR_ARGUMENT,
                        "array (%" PRId64 ", %" PRId64 "): %zu bytes to write, they must be whole "
                        "rows of %zu bytes, %zu at most",
                        array->rows, array->cols, bytes, row,
                        clg_buffer_size(array->buffer));
    return clg_buffer_write(array->buffer, 0, data, bytes);
}

void clg_array_destroy(clg_array **array)
{
    if (!array || !*array)
        return;
    clg_object_destroy(&(*array)->object);
    *array = NULL;
}

struct clg_buffer *clg_array_buffer(const struct clg_array *array)
{
    return array->buffer;
}

clg_dtype clg_array_type(const struct clg_array *array)
{
    return array->type;
}

int64_t clg_array_rows(const struct clg_array *array)
{
    return array->rows;
}

int64_t clg_array_cols(const struct clg_array *array)
{
    return array->cols;
}

bool clg_array_lies_on(const struct clg_array *array, const struct clg_device *device)
{
    return array->buffer->device == device;
}
