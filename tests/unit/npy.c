/* NumPy's arrays: what is read of each type, order and version, and what is refused. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <clgrad/data.h>

#include "cli/command.h"
#include "data/npy.h"
#if CLG_HAVE_ZIP
#include <zip.h>
#endif

struct fixture {
    clg_ctx *ctx;
    char folder[256], samples[300], labels[300];
};

/* An array in memory. */
struct bytes {
    unsigned char data[4096];
    size_t size;
};

static struct bytes npy(int version, const char *header, const void *values, size_t size)
{
    struct bytes b = {.size = 8};
    size_t length = strlen(header);

    memcpy(b.data, "\x93NUMPY", 6);
    b.data[6] = (unsigned char)version;
    b.data[b.size++] = (unsigned char)length;
    b.data[b.size++] = (unsigned char)(length >> 8);
    b.size += version == 1 ? 0 : 2;
    memcpy(b.data + b.size, header, length);
    memcpy(b.data + b.size + length, values, size);
    b.size += length + size;
    return b;
}

static void write_npy(const char *path, int version, const char *header, const void *values,
                      size_t size)
{
    struct bytes b = npy(version, header, values, size);

    file_write(path, b.data, b.size);
}

#define LABELS "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }\n"
#define HEADER(type, order, shape)                                                                 \
    "{'descr': '" type "', 'fortran_order': " order ", 'shape': " shape ", }    \n"

static void setup(struct fixture *f)
{
    f->ctx = test_context();
    test_folder(f->folder);
    snprintf(f->samples, sizeof(f->samples), "%s/x.npy", f->folder);
    snprintf(f->labels, sizeof(f->labels), "%s/y.npy", f->folder);
    write_npy(f->labels, 1, LABELS, "\0\1\2", 3);
}

static void finish(struct fixture *f)
{
    clg_ctx_destroy(&f->ctx);
    test_remove(f->folder);
}

static clg_dataset *opened(struct fixture *f)
{
    clg_dataset *data = clg_dataset_open_npy(f->ctx, f->samples, f->labels);

    cr_assert(data && clg_dataset_wait(data) == CLG_OK, "%s", clg_error(f->ctx));
    return data;
}

static void refused(struct fixture *f, const char *words)
{
    clg_dataset *data = clg_dataset_open_npy(f->ctx, f->samples, f->labels);

    cr_assert(!data || clg_dataset_wait(data) != CLG_OK, "not refused: %s", words);
    cr_assert_not_null(strstr(clg_error(f->ctx), words), "'%s' is not in: %s", words,
                       clg_error(f->ctx));
    clg_dataset_destroy(&data);
}

static const float wanted[] = {0, 1, 2, 3, -4, 500};

static void has_floats(struct fixture *f, const char *what)
{
    clg_dataset *data = opened(f);

    cr_assert_eq(clg_dataset_type(data), CLG_F32);
    cr_assert(clg_dataset_count(data) == 3 && clg_dataset_shape(data).rank == 1 &&
              clg_dataset_shape(data).dim[0] == 2);
    cr_assert_eq(memcmp(clg_dataset_samples(data), wanted, sizeof(wanted)), 0, "%s", what);
    clg_dataset_destroy(&data);
}

static void reverse(void *values, size_t count, size_t size)
{
    unsigned char *bytes = values, byte;

    for (size_t i = 0; i < count; i++, bytes += size)
        for (size_t j = 0; j < size / 2; j++) {
            byte = bytes[j];
            bytes[j] = bytes[size - 1 - j];
            bytes[size - 1 - j] = byte;
        }
}

TEST(npy, types)
{
    int32_t i4[] = {0, 1, 2, 3, -4, 500};
    int64_t i8[] = {0, 1, 2, 3, -4, 500};
    double f8[] = {0, 1, 2, 3, -4, 500};
    float f4[] = {0, 1, 2, 3, -4, 500};
    struct fixture f;
    clg_dataset *data;

    setup(&f);
    write_npy(f.samples, 1, HEADER("<i4", "False", "(3, 2)"), i4, sizeof(i4));
    has_floats(&f, "<i4");
    write_npy(f.samples, 2, HEADER("<i8", "False", "(3, 2)"), i8, sizeof(i8));
    has_floats(&f, "<i8");
    write_npy(f.samples, 3, HEADER("<f8", "False", "(3,2)"), f8, sizeof(f8));
    has_floats(&f, "<f8");
    write_npy(f.samples, 1, HEADER("<f4", "False", "(3, 2)"), f4, sizeof(f4));
    has_floats(&f, "<f4");
    reverse(i4, 6, 4);
    reverse(i8, 6, 8);
    reverse(f8, 6, 8);
    reverse(f4, 6, 4);
    write_npy(f.samples, 1, HEADER(">i4", "False", "(3, 2)"), i4, sizeof(i4));
    has_floats(&f, ">i4");
    write_npy(f.samples, 1, HEADER(">i8", "False", "(3, 2)"), i8, sizeof(i8));
    has_floats(&f, ">i8");
    write_npy(f.samples, 1, HEADER(">f8", "False", "(3, 2)"), f8, sizeof(f8));
    has_floats(&f, ">f8");
    write_npy(f.samples, 1, HEADER(">f4", "False", "(3, 2)"), f4, sizeof(f4));
    has_floats(&f, ">f4");
    write_npy(f.samples, 1, "{\"shape\": (3, 2), \"descr\": \"|u1\", \"fortran_order\": False}",
              "\0\1\2\3\4\5", 6);
    data = opened(&f);
    cr_assert_eq(clg_dataset_type(data), CLG_U8);
    cr_assert_eq(memcmp(clg_dataset_samples(data), "\0\1\2\3\4\5", 6), 0);
    cr_assert_eq(clg_dataset_label_type(data), CLG_I32);
    cr_assert_eq(((const int32_t *)clg_dataset_labels(data))[2], 2);
    finish(&f);
}

/* Element (i, j, k) is 100 i + 10 j + k, whichever index runs fastest in the file. */
TEST(npy, order_of_dimensions)
{
    enum { A = 3, B = 4, C = 5 };
    static double values[A * B * C];
    struct fixture f;
    const float *found;
    int at = 0;

    setup(&f);
    for (int k = 0; k < C; k++)
        for (int j = 0; j < B; j++)
            for (int i = 0; i < A; i++)
                values[at++] = 100 * i + 10 * j + k;
    write_npy(f.samples, 1, HEADER("<f8", "True", "(3, 4, 5)"), values, sizeof(values));
    found = clg_dataset_samples(opened(&f));
    for (int i = 0; i < A; i++)
        for (int j = 0; j < B; j++)
            for (int k = 0; k < C; k++)
                cr_assert_eq(*found++, 100 * i + 10 * j + k, "(%d, %d, %d) is %g", i, j, k,
                             (double)found[-1]);
    finish(&f);
}

TEST(npy, refusals)
{
    const double large[] = {1, 2, 1e39};
    const int64_t label[] = {1, 2, INT64_C(1) << 31};
    struct fixture f;

    setup(&f);
    file_write(f.samples, "\x93NUMPY\1", 7);
    refused(&f, "is not an NPY file");
    file_write_text(f.samples, "x,y\n1,2\n3,4\n");
    refused(&f, "it is text, as CSV files are; a recipe reads it as {csv: FILE");
    file_write(f.samples, "PK\3\4 something", 14);
    refused(&f, "a recipe reads it as {npz: FILE");
#define WITH(header, words)                                                                        \
    write_npy(f.samples, 1, header, "abcdefghijkl", 12);                                           \
    refused(&f, words)
    WITH(HEADER("<c8", "False", "(3,)"), "values of type '<c8' are not supported");
    WITH(HEADER("|O", "False", "(3,)"), "values of type '|O' are not supported");
    WITH("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}", "array of records");
    WITH(HEADER("<f4", "Maybe", "(3,)"), "where True or False must be");
    WITH(HEADER("<f4", "False", "(3"), "where a dimension must be");
    WITH(HEADER("<f4", "False", "3"), "where a shape in parentheses must be");
    WITH(HEADER("<f4", "False", "()"), "is a single number");
    WITH(HEADER("<f4", "False", "(0, 3)"), "has 0 entries");
    WITH(HEADER("<f4", "False", "(3, 0)"), "dimension 1 is 0");
    WITH(HEADER("<f4", "False", "(4,)"), "has 3 labels");
    WITH(HEADER("<f4", "False", "(1000,)"), "is cut off: its header promises 1000 entries");
    WITH(HEADER("<f4", "False", "(3, 99999999999999999999)"), "a dimension under 2^63");
    WITH(HEADER("<f4", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), "has over 8 dimensions");
    WITH("{'descr': '<f4', 'descr': '<f4'}", "each once");
    WITH("{'descr': '<f4', 'shape': (3,)}", "descr, fortran_order and shape");
    WITH("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x", "where its end must be");
    WITH(HEADER("|u1", "False", "(3, 3)"), "has bytes after the data its header describes");
    write_npy(f.samples, 4, HEADER("<f4", "False", "(3,)"), "abcdefghijkl", 12);
    refused(&f, "version 4 of NPY is not known");
    write_npy(f.samples, 1, HEADER("<f8", "False", "(3, 1)"), large, sizeof(large));
    refused(&f, "value 0 of entry 2 is 1e+39, which is no float32");
    write_npy(f.samples, 1, HEADER("<f4", "False", "(3,)"), "abcdefghijkl", 12);
    write_npy(f.labels, 1, HEADER("<i8", "False", "(3,)"), label, sizeof(label));
    refused(&f, "value 0 of entry 2 is 2.14748e+09, which is no int32");
    finish(&f);
}

#if CLG_HAVE_ZIP

/* An archive of x (3, 2) and y (3), compressed; cut > 0: without its last bytes. */
static void write_npz(const char *path, size_t cut)
{
    const float x[] = {0, 1, 2, 3, -4, 500};
    struct bytes arrays[] = {npy(1, HEADER("<f4", "False", "(3, 2)"), x, sizeof(x)),
                             npy(1, LABELS, "\2\1\0", 3)};
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    size_t size;
    char *all;

    for (int i = 0; i < 2; i++)
        cr_assert(zip_file_add(archive, i ? "y.npy" : "x.npy",
                               zip_source_buffer(archive, arrays[i].data, arrays[i].size, 0),
                               0) == i);
    cr_assert_eq(zip_close(archive), 0);
    all = file_read(path, &size);
    file_write(path, all, size - cut);
    free(all);
}

TEST(npz, arrays_by_name)
{
    struct fixture f;
    clg_dataset *data;

    setup(&f);
    write_npz(f.samples, 0);
    data = clg_dataset_open_npz(f.ctx, f.samples, "x", "y");
    cr_assert(data && clg_dataset_wait(data) == CLG_OK, "%s", clg_error(f.ctx));
    cr_assert_eq(memcmp(clg_dataset_samples(data), wanted, sizeof(wanted)), 0);
    cr_assert_eq(((const int32_t *)clg_dataset_labels(data))[0], 2);
    cr_assert_null(clg_dataset_open_npz(f.ctx, f.samples, "x", "z"));
    cr_assert_not_null(strstr(clg_error(f.ctx), "has no array 'z'; it has: x, y"), "%s",
                       clg_error(f.ctx));
    write_npz(f.samples, 30);
    cr_assert_null(clg_dataset_open_npz(f.ctx, f.samples, "x", "y"));
    cr_assert_not_null(strstr(clg_error(f.ctx), "is not an NPZ file, or is damaged"), "%s",
                       clg_error(f.ctx));
    write_npy(f.samples, 1, LABELS, "\0\1\2", 3);
    cr_assert_null(clg_dataset_open_npz(f.ctx, f.samples, "x", "y"));
    cr_assert_not_null(strstr(clg_error(f.ctx), "a recipe reads it as {npy: FILE"), "%s",
                       clg_error(f.ctx));
    finish(&f);
}

#endif
