/* The safetensors format: 8 bytes length, a header in JSON, tensors back to back. What is here
 * knows nothing of stores (https://github.com/huggingface/safetensors). */
#ifndef CLG_STORE_SAFETENSORS_H
#define CLG_STORE_SAFETENSORS_H

#include <clgrad/shape.h>
#include "base/context.h"
#include "base/text.h"

/* Every element type of the format: name, bytes, whether it is a floating-point number. */
#define CLG_FILE_TYPES(X)                                                                          \
    X(F64, 8, true)                                                                                \
    X(F32, 4, true)                                                                                \
    X(F16, 2, true)                                                                                \
    X(BF16, 2, true)                                                                               \
    X(F8_E5M2, 1, true)                                                                            \
    X(F8_E4M3, 1, true)                                                                            \
    X(I64, 8, false)                                                                               \
    X(U64, 8, false)                                                                               \
    X(I32, 4, false)                                                                               \
    X(U32, 4, false)                                                                               \
    X(I16, 2, false)                                                                               \
    X(U16, 2, false)                                                                               \
    X(I8, 1, false)                                                                                \
    X(U8, 1, false)                                                                                \
    X(BOOL, 1, false)
enum clg_file_type {
#define X(name, size, is_float) CLG_FILE_##name,
    CLG_FILE_TYPES(X)
#undef X
        CLG_FILE_TYPE_COUNT
};
const char *clg_file_type_name(enum clg_file_type type);
size_t clg_file_type_size(enum clg_file_type type);
bool clg_file_type_is_float(enum clg_file_type type);

struct clg_tensor_info {
    enum clg_file_type type;
    clg_shape shape; /* dimensions may be 0 */
    uint64_t count, bytes;
};

struct clg_file_tensor {
    const char *name; /* belongs to the header */
    struct clg_tensor_info info;
    uint64_t offset; /* in the body */
};

/* A file in memory, found right. */
struct clg_safetensors {
    struct clg_ctx *ctx;
    const char *path; /* for sentences */
    void *header;     /* json_t */
    const char *body;
    uint64_t body_size;
    CLG_VEC(struct clg_file_tensor) tensors; /* in the order of their data */
};

/* Refuses by the first bytes (have of size) what is no safetensors file. */
clg_status clg_safetensors_check_head(struct clg_ctx *ctx, const char *path, const char *head,
                                      size_t have, uint64_t size);
/* Checks everything: every byte of the body belongs to one tensor, of the size its shape says. path
 * and data must outlive *file. On failure there is nothing to finish. */
clg_status clg_safetensors_parse(struct clg_safetensors *file, struct clg_ctx *ctx,
                                 const char *path, const char *data, size_t size);
void clg_safetensors_finish(struct clg_safetensors *file);
/* A value of the metadata, or NULL. */
const char *clg_safetensors_metadata(const struct clg_safetensors *file, const char *key);
/* Calls give() with each pair of the metadata. */
void clg_safetensors_each_metadata(const struct clg_safetensors *file,
                                   void (*give)(void *user, const char *key, const char *value),
                                   void *user);

/* A tensor's part of a file's checksum: 64-bit FNV-1a over its name and a zero byte, the name of its
 * type and a zero byte, its dimensions as 64-bit numbers, and, by clg_hash_bytes() from there on, its
 * data. Parts are added up, so that the order of the tensors does not matter. */
uint64_t clg_safetensors_hash(const struct clg_file_tensor *tensor);
/* The part of a pair of metadata. */
uint64_t clg_safetensors_hash_pair(const char *key, const char *value);

/* count elements of a float type as float32; false: that type is not converted. */
bool clg_safetensors_floats(enum clg_file_type type, const void *data, uint64_t count, float *out);

/* The first part of a file: length, and header padded to a multiple of 8. Tensors lie in the given
 * order. metadata: pairs key, value, ..., NULL. */
clg_status clg_safetensors_header(struct clg_text *out, const struct clg_file_tensor *tensors,
                                  size_t count, const char *const *metadata);

#endif
