/* The header of a safetensors file, and numbers of other float types. */
#include <jansson.h>
#include <stdint.h>
#include <string.h>
#include "base/hash.h"
#include "store/safetensors.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian, and so must be the machine"
#endif

static int append(const char *data, size_t size, void *text)
{
    clg_text_append(text, data, size);
    return ((struct clg_text *)text)->failed ? -1 : 0;
}

static json_t *describe(const struct clg_file_tensor *tensor)
{
    const struct clg_tensor_info *info = &tensor->info;
    json_t *shape = json_array();

    for (int32_t i = 0; i < info->shape.rank; i++)
        json_array_append_new(shape, json_integer(info->shape.dim[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", clg_file_type_name(info->type), "shape",
                     shape, "data_offsets", (json_int_t)tensor->offset,
                     (json_int_t)(tensor->offset + info->bytes));
}

static json_t *collect(const char *const *metadata)
{
    json_t *json = json_object();

    for (size_t i = 0; metadata && metadata[i]; i += 2)
        if (json_object_set_new(json, metadata[i], json_string(metadata[i + 1])) != 0) {
            json_decref(json);
            return NULL;
        }
    return json;
}

static json_t *build(const struct clg_file_tensor *tensors, size_t count,
                     const char *const *metadata)
{
    json_t *root = json_object();

    if (json_object_set_new(root, "__metadata__", collect(metadata)) != 0)
        goto fail;
    for (size_t i = 0; i < count; i++)
        if (json_object_set_new(root, tensors[i].name, describe(&tensors[i])) != 0)
            goto fail;
    return root;
fail:
    json_decref(root);
    return NULL;
}

/* The length comes first, so it is filled in at the end. */
clg_status clg_safetensors_header(struct clg_text *out, const struct clg_file_tensor *tensors,
                                  size_t count, const char *const *metadata)
{
    json_t *root = build(tensors, count, metadata);
    char length[8] = {0};
    int failed;

    if (!root)
        return clg_fail(out->ctx, CLG_ERR_MEMORY, "out of host memory for a file's header");
    clg_text_append(out, length, sizeof(length));
    failed = json_dump_callback(root, append, out, JSON_COMPACT);
    json_decref(root);
    while (!out->failed && out->length % 8)
        clg_text_append(out, " ", 1);
    if (failed || out->failed)
        return clg_fail(out->ctx, CLG_ERR_MEMORY, "out of host memory for a file's header");
    for (int i = 0; i < 8; i++)
        out->data[i] = (char)((uint64_t)(out->length - 8) >> 8 * i & 0xff);
    return CLG_OK;
}

/* ---- checksum ---- */

uint64_t clg_safetensors_hash(const struct clg_file_tensor *tensor)
{
    const struct clg_tensor_info *info = &tensor->info;
    const char *type = clg_file_type_name(info->type);
    uint64_t hash = clg_hash_bytes(CLG_HASH_START, tensor->name, strlen(tensor->name) + 1);

    hash = clg_hash_bytes(hash, type, strlen(type) + 1);
    return clg_hash_bytes(hash, info->shape.dim, (size_t)info->shape.rank * sizeof(int64_t));
}

uint64_t clg_safetensors_hash_pair(const char *key, const char *value)
{
    return clg_hash_string(clg_hash_bytes(CLG_HASH_START, key, strlen(key) + 1), value);
}

/* ---- float types ---- */

static float from_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
static float from_half(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1f;
    uint32_t fraction = half & 0x3ff;

    if (exponent == 0x1f)
        return from_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent != 0)
        return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    return (sign ? -0x1p-24f : 0x1p-24f) * (float)fraction;
}

static float convert(enum clg_file_type type, const unsigned char *data)
{
    uint16_t word;
    double value;

    if (type == CLG_FILE_F64) {
        memcpy(&value, data, sizeof(value));
        return (float)value;
    }
    memcpy(&word, data, sizeof(word));
    return type == CLG_FILE_BF16 ? from_bits((uint32_t)word << 16) : from_half(word);
}

bool clg_safetensors_floats(enum clg_file_type type, const void *data, uint64_t count, float *out)
{
    const unsigned char *bytes = data;
    size_t size = clg_file_type_size(type);

    if (type != CLG_FILE_F32 && type != CLG_FILE_F64 && type != CLG_FILE_F16 &&
        type != CLG_FILE_BF16)
        return false;
    if (type == CLG_FILE_F32) {
        memcpy(out, data, (size_t)count * size);
        return true;
    }
    for (uint64_t i = 0; i < count; i++)
        out[i] = convert(type, bytes + i * size);
    return true;
}
