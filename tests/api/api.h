/* All public functions as data: what they take, and how to call them. The list is made of the headers
 * (functions.py), so that no function can be forgotten. */
#ifndef API_H
#define API_H

#include <stdbool.h>
#include <stddef.h>
#include <clgrad/clgrad.h>

enum api_kind {
    API_END, /* behind the last parameter */
    API_TENSOR,
    API_SHAPE,
    API_I32, /* and enumerations */
    API_I64,
    API_U64,
    API_SIZE,
    API_F32,
    API_BOOL,
    API_POINTER,
    API_CALLBACK,
    API_STATUS,
    API_VOID,
    API_OTHER /* a result that nobody looks at */
};

union api_value {
    clg_tensor tensor;
    clg_shape shape;
    int32_t i32;
    int64_t i64;
    uint64_t u64;
    size_t size;
    float f32;
    bool flag;
    void *pointer;
    int (*row)(void *user, int64_t index, const float *values, size_t count);
    clg_status status;
};

struct api_parameter {
    enum api_kind kind;
    const char *type, *name; /* as in the header: "const clg_array *", "array" */
};

#define API_MOST_PARAMETERS 9

struct api_function {
    const char *name;
    enum api_kind result;
    const char *type; /* of the result */
    const struct api_parameter *parameters;
    void (*call)(const union api_value *in, union api_value *out);
};

extern const struct api_function api_functions[];
extern const size_t api_function_count;

/* Whether the type is this one, const or not: api_is(p->type, "clg_array *"). */
bool api_is(const char *type, const char *name);
/* Whether NULL means something for a pointer (a default, "none"), as the headers say. */
bool api_is_optional(const struct api_function *function, const struct api_parameter *parameter);

#endif
