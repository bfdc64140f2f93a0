#include "base/magic.h"

#include <string.h>
#include <strings.h>

#define SAVE                                                                                       \
    "in Python, safetensors.torch.save_file(model.state_dict(), FILE) writes weights as one"
#define WRITE  "docs/data.md has four lines of Python that write one"
#define CSV    "a recipe reads it as {csv: FILE, target: COLUMN}"
#define NPY    "a recipe reads it as {npy: FILE, labels: FILE}"
#define NPZ    "a recipe reads it as {npz: FILE, samples: NAME, labels: NAME}"
#define UNPACK "unpack it"
#define FETCH  "what was downloaded is an error or a login page; fetch the file itself"
#define PULL   "git lfs pull fetches the file itself"
#define IMAGE  "an IDX file holds all images of a set; " WRITE

static const struct magic {
    size_t at, size;
    const char *bytes, *what;
    const char *advice[CLG_READERS]; /* NULL: none */
    bool text;                       /* letters of either case, after white space */
    unsigned fine;                   /* bits of the readers that read it after all */
} magics[] = {
#define BYTES(at, bytes) at, sizeof(bytes) - 1, bytes
    {BYTES(0, "PK\3\4"),
     "a zip archive, as PyTorch's .pt and NumPy's .npz are",
     {SAVE,
      "an .npz is read as {npz: FILE, samples: NAME, labels: NAME}, others are to be unpacked",
      NULL, UNPACK, NPZ},
     .fine = 1u << CLG_READS_NPZ},
    {BYTES(0, "PK\5\6"), "an empty zip archive", {SAVE}},
    {BYTES(0, "\x80\2"), "a Python pickle, as older .pt files are", {SAVE, WRITE}},
    {BYTES(0, "\x80\3"), "a Python pickle", {SAVE, WRITE}},
    {BYTES(0, "\x80\4"), "a Python pickle", {SAVE, WRITE}},
    {BYTES(0, "\x80\5"), "a Python pickle", {SAVE, WRITE}},
    {BYTES(0, "\x93NUMPY"),
     "a NumPy array (.npy)",
     {SAVE, NPY, NULL, NPY, NULL, NPY},
     .fine = 1u << CLG_READS_NPY},
    {BYTES(0, "\x89HDF\r\n\x1a\n"), "an HDF5 file, as Keras writes", {SAVE, WRITE}},
    {BYTES(0, "GGUF"), "a GGUF file", {SAVE}},
    {BYTES(0, "\x08\x06"), "an ONNX model", {SAVE}},
    {BYTES(0, "\x08\x07"), "an ONNX model", {SAVE}},
    {BYTES(0, "\x08\x08"), "an ONNX model", {SAVE}},
    {BYTES(0, "\x08\x09"), "an ONNX model", {SAVE}},
    {BYTES(0, "\x08\x0a"), "an ONNX model", {SAVE}},
    {BYTES(0, "\x08\x0b"), "an ONNX model", {SAVE}},
    {BYTES(0, "MATLAB 5.0 MAT"), "a MATLAB file", {SAVE, WRITE}},
    {BYTES(4, "TFL3"), "a TensorFlow Lite model", {SAVE}},
    {BYTES(0, "\x89PNG\r\n\x1a\n"), "a PNG image", {NULL, IMAGE}},
    {BYTES(0, "\xff\xd8\xff"), "a JPEG image", {NULL, IMAGE}},
    {BYTES(0, "GIF8"), "a GIF image", {NULL, IMAGE}},
    {BYTES(8, "WEBP"), "a WebP image", {NULL, IMAGE}},
    {BYTES(0, "II*\0"), "a TIFF image", {NULL, IMAGE}},
    {BYTES(0, "MM\0*"), "a TIFF image", {NULL, IMAGE}},
    {BYTES(0, "\x1f\x8b"), "gzip data", {"gunzip unpacks it", UNPACK, "gunzip unpacks it"}},
    {BYTES(0, "BZh"), "bzip2 data", {UNPACK, UNPACK, UNPACK}},
    {BYTES(0, "\xfd"
              "7zXZ"),
     "xz data",
     {UNPACK, UNPACK, UNPACK}},
    {BYTES(0, "\x28\xb5\x2f\xfd"), "Zstandard data", {UNPACK, UNPACK, UNPACK}},
    {BYTES(0, "7z\xbc\xaf\x27\x1c"), "a 7-Zip archive", {UNPACK, UNPACK, UNPACK}},
    {BYTES(0, "Rar!\x1a\x07"), "a RAR archive", {UNPACK, UNPACK, UNPACK}},
    {BYTES(0, "\x04\x22\x4d\x18"), "LZ4 data", {UNPACK, UNPACK, UNPACK}},
    {BYTES(257, "ustar"), "a tar archive", {UNPACK, UNPACK, UNPACK}},
    {BYTES(0, "PAR1"), "a Parquet file", {NULL, WRITE}},
    {BYTES(0, "ARROW1"), "an Arrow file", {NULL, WRITE}},
    {BYTES(0, "SQLite format 3"), "an SQLite database", {NULL}},
    {BYTES(0, "%PDF-"), "a PDF document", {NULL}},
    {BYTES(0, "\x7f"
              "ELF"),
     "a program",
     {NULL}},
    {BYTES(0, "version https://git-lfs"), "a Git LFS pointer", {PULL, PULL, PULL}},
    {BYTES(0, "<!doctype"), "an HTML page", {FETCH, FETCH, FETCH}, .text = true},
    {BYTES(0, "<html"), "an HTML page", {FETCH, FETCH, FETCH}, .text = true},
    {BYTES(0, "<?xml"), "an XML document", {FETCH, FETCH, FETCH}, .text = true},
    {BYTES(0, "\0\0\x08"), "an IDX file, which holds data", {NULL}, .fine = 1u << CLG_READS_DATA},
    {BYTES(0, "\0\0\x0c"), "an IDX file, which holds data", {NULL}, .fine = 1u << CLG_READS_DATA},
    {BYTES(0, "\0\0\x0d"), "an IDX file, which holds data", {NULL}, .fine = 1u << CLG_READS_DATA},
    {BYTES(5, "\0\0\0{\""),
     "a safetensors file, which holds weights",
     {NULL},
     .fine = 1u << CLG_READS_WEIGHTS},
    {BYTES(0, "<"), "an HTML or XML document", {FETCH, FETCH, FETCH}, .text = true},
    {BYTES(0, "\xff\xfe"), "UTF-16 text", {SAVE, WRITE}, .fine = 1u << CLG_READS_RECIPE},
    {BYTES(0, "\xfe\xff"), "UTF-16 text", {SAVE, WRITE}, .fine = 1u << CLG_READS_RECIPE},
    {BYTES(0, "{"), "a JSON text", {NULL}, .text = true, .fine = 1u << CLG_READS_RECIPE},
#undef BYTES
};

/* White space and a byte order mark may stand before text. */
static void skip_space(const char **head, size_t *size)
{
    size_t at = *size >= 3 && memcmp(*head, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    while (at < *size && strchr(" \t\r\n", (*head)[at]) && (*head)[at])
        at++;
    *head += at;
    *size -= at;
}

static bool starts(const struct magic *magic, const char *head, size_t size)
{
    if (magic->text)
        skip_space(&head, &size);
    if (size < magic->at + magic->size)
        return false;
    return magic->text ? strncasecmp(head + magic->at, magic->bytes, magic->size) == 0
                       : memcmp(head + magic->at, magic->bytes, magic->size) == 0;
}

/* Weights and data begin with lengths, which have bytes that no text has. */
static bool is_text(const unsigned char *head, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((head[i] < ' ' && !strchr("\t\n\r\f", head[i])) || !head[i] || head[i] == 0x7f)
            return false;
    return size >= 8;
}

clg_status clg_magic_check(struct clg_ctx *ctx, const char *path, const void *head, size_t size,
                           enum clg_reader reader)
{
    static const char *const wanted[] = {"a safetensors file", "an IDX file", "a recipe (YAML)",
                                         "a CSV file",         "an NPY file", "an NPZ file"};

    for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
        const struct magic *magic = &magics[i];
        const char *advice = magic->advice[reader];

        if (magic->fine >> reader & 1 || !starts(magic, head, size))
            continue;
        return clg_fail(ctx, CLG_ERR_FORMAT, "'%s' is %s, not %s%s%s", path, magic->what,
                        wanted[reader], advice ? ": " : "", advice ? advice : "");
    }
    if (reader != CLG_READS_RECIPE && reader != CLG_READS_TABLE && is_text(head, size))
        return clg_fail(ctx, CLG_ERR_FORMAT, "'%s' is not %s: it is text, as CSV files are; %s",
                        path, wanted[reader], reader == CLG_READS_WEIGHTS ? SAVE : CSV);
    return CLG_OK;
}
