/* IDX files: what is read, and what is refused with which sentence. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <clgrad/data.h>

#include "cli/command.h"

enum { COUNT = 3, SIZE = 6 };
static const unsigned char pixels[COUNT * SIZE] = {0, 1, 2, 3, 4, 5, 255};
static const uint32_t image_dims[] = {COUNT, 2, 3, 0}, label_dims[] = {COUNT, 0};

struct fixture {
    clg_ctx *ctx;
    char folder[256];
    char images[300], labels[300];
};

static void setup(struct fixture *f)
{
    f->ctx = test_context();
    test_folder(f->folder);
    snprintf(f->images, sizeof(f->images), "%s", file_in(f->folder, "images"));
    snprintf(f->labels, sizeof(f->labels), "%s", file_in(f->folder, "labels"));
    idx_write(f->images, image_dims, pixels, sizeof(pixels));
    idx_write(f->labels, label_dims, "\1\0\2", COUNT);
}

static void finish(struct fixture *f)
{
    test_remove(f->folder);
    clg_ctx_destroy(&f->ctx);
}

/* Fails unless the files are refused, at once or after reading, with these words. */
static void refused(struct fixture *f, const char *words)
{
    clg_dataset *data = clg_dataset_open_idx(f->ctx, f->images, f->labels);

    cr_assert(!data || clg_dataset_wait(data) != CLG_OK, "not refused: %s", words);
    cr_assert_not_null(strstr(clg_error(f->ctx), words), "'%s' is not in: %s", words,
                       clg_error(f->ctx));
    clg_dataset_destroy(&data);
    idx_write(f->images, image_dims, pixels, sizeof(pixels));
    idx_write(f->labels, label_dims, "\1\0\2", COUNT);
}

/* Compresses a file in its place. */
static void compress_file(const char *path)
{
    size_t size;
    char *data = file_read(path, &size);
    gzFile file = gzopen(path, "wb");

    cr_assert_eq(gzwrite(file, data, (unsigned)size), (int)size);
    gzclose(file);
    free(data);
}

/* Changes a file's size, or one of its bytes. */
static void cut_file(const char *path, size_t size)
{
    cr_assert_eq(truncate(path, (off_t)size), 0);
}
static void append_byte(const char *path)
{
    size_t size;
    char *data = file_read(path, &size);

    file_write(path, data, size + 1);
    free(data);
}
static void set_byte(const char *path, size_t at, int value)
{
    size_t size;
    char *data = file_read(path, &size);

    data[at] = (char)value;
    file_write(path, data, size);
    free(data);
}

static void check_content(struct fixture *f)
{
    clg_dataset *data = clg_dataset_open_idx(f->ctx, f->images, f->labels);
    clg_shape shape = clg_dataset_shape(data);
    const int32_t *labels;

    cr_assert_not_null(data, "%s", clg_error(f->ctx));
    cr_assert_eq(clg_dataset_count(data), COUNT);
    cr_assert(shape.rank == 2 && shape.dim[0] == 2 && shape.dim[1] == 3);
    cr_assert_eq(clg_dataset_type(data), CLG_U8);
    cr_assert_eq(clg_dataset_label_shape(data).rank, 0);
    test_ok(f->ctx, clg_dataset_wait(data));
    cr_assert_arr_eq(clg_dataset_samples(data), pixels, sizeof(pixels));
    labels = clg_dataset_labels(data);
    cr_assert(labels[0] == 1 && labels[1] == 0 && labels[2] == 2);
    test_ok(f->ctx, clg_dataset_check_classes(data, 3));
    test_refused(f->ctx, CLG_ERR_FORMAT, "the label of sample 2 is 2, but the model has 2 outputs",
                 clg_dataset_check_classes(data, 2));
    clg_dataset_destroy(&data);
    cr_assert_null(data);
}

TEST(idx, plain_and_compressed)
{
    struct fixture f;

    setup(&f);
    check_content(&f);
    compress_file(f.images);
    check_content(&f);
    compress_file(f.labels);
    check_content(&f);
    finish(&f);
}

TEST(idx, members_of_gzip_follow_each_other)
{
    struct fixture f;
    char *data;
    size_t size;
    gzFile file;

    setup(&f);
    data = file_read(f.images, &size);
    file = gzopen(f.images, "wb");
    gzwrite(file, data, 20);
    gzclose(file);
    file = gzopen(f.images, "ab");
    gzwrite(file, data + 20, (unsigned)size - 20);
    gzclose(file);
    free(data);
    check_content(&f);
    finish(&f);
}

/* 1.0f, -2.5f and 2, 300 as big-endian words. */
TEST(idx, words)
{
    static const unsigned char samples[] = {0,    0,    0x0d, 1, 0,    0,    0, 2,
                                            0x3f, 0x80, 0,    0, 0xc0, 0x20, 0, 0};
    static const unsigned char labels[] = {0, 0, 0x0c, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 1, 0x2c};
    struct fixture f;
    clg_dataset *data;
    const float *x;
    const int32_t *y;

    setup(&f);
    file_write(f.images, samples, sizeof(samples));
    file_write(f.labels, labels, sizeof(labels));
    data = clg_dataset_open_idx(f.ctx, f.images, f.labels);
    test_ok(f.ctx, clg_dataset_wait(data));
    x = clg_dataset_samples(data);
    y = clg_dataset_labels(data);
    cr_assert(clg_dataset_type(data) == CLG_F32 && x[0] == 1.0f && x[1] == -2.5f);
    cr_assert(clg_dataset_label_type(data) == CLG_I32 && y[0] == 2 && y[1] == 300);
    clg_dataset_destroy(&data);
    finish(&f);
}

TEST(idx, damaged_headers_are_refused)
{
    struct fixture f;

    setup(&f);
    set_byte(f.images, 0, 'P');
    refused(&f, "is not an IDX file: it starts with the bytes 50 00");
    set_byte(f.images, 2, 0x0e);
    refused(&f, "IDX type 0e is not supported");
    set_byte(f.images, 3, 9);
    refused(&f, "has 9 dimensions; 1 to 8 are supported");
    set_byte(f.images, 3, 0);
    refused(&f, "has 0 dimensions");
    set_byte(f.images, 7, 0);
    refused(&f, "has 0 entries");
    set_byte(f.images, 11, 0);
    refused(&f, "dimension 1 is 0");
    set_byte(f.images, 4, 0x7f);
    refused(&f, "its header promises 2130706435 entries of shape (2, 3)");
    set_byte(f.images, 8, 0xff);
    refused(&f, "more than the file can hold");
    cut_file(f.images, 3);
    refused(&f, "is cut off");
    cut_file(f.images, 10);
    refused(&f, "is cut off");
    cut_file(f.images, 0);
    refused(&f, "is cut off");
    finish(&f);
}

/* Files of another kind are named, compressed ones after they are unpacked. */
TEST(idx, other_files_are_named)
{
    struct fixture f;

    setup(&f);
    file_write_text(f.images, "<html><head><title>Sign in</title>");
    refused(&f,
            "is an HTML page, not an IDX file: what was downloaded is an error or a login page");
    file_write_text(f.images, "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
    refused(&f, "is a Git LFS pointer, not an IDX file: git lfs pull fetches the file itself");
    file_write(f.images, "\x93NUMPY\1\0v\0{'descr'", 18);
    refused(&f, "is a NumPy array (.npy), not an IDX file: a recipe reads it as {npy: FILE, labels");
    file_write(f.images, "\x93NUMPY\1\0v\0{'descr'", 18);
    compress_file(f.images);
    refused(&f, "is a NumPy array (.npy)");
    file_write(f.images, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
    refused(&f, "is a PNG image, not an IDX file");
    file_write(f.images, "PK\3\4\x14\0", 6);
    refused(&f, "is a zip archive");
    file_write(f.labels, "\x80\4\x95\1\0\0", 6);
    refused(&f, "is a Python pickle");
    file_write(f.labels, "\x28\xb5\x2f\xfd\4\0", 6);
    refused(&f, "is Zstandard data, not an IDX file: unpack it");
    file_write(f.labels, "\x30\0\0\0\0\0\0\0{\"w\":{}}", 16);
    refused(&f, "is a safetensors file, which holds weights, not an IDX file");
    file_write_text(f.images, "label,pixel1,pixel2\n3,0,255\n");
    refused(&f, "is not an IDX file: it is text, as CSV files are; a recipe reads it as {csv: FILE");
    file_write(f.images, "Rar!\x1a\7\1\0", 8);
    refused(&f, "is a RAR archive, not an IDX file: unpack it");
    remove(f.images);
    cr_assert_eq(mkfifo(f.images, 0600), 0);
    cr_assert_null(clg_dataset_open_idx(f.ctx, f.images, NULL));
    cr_assert_not_null(strstr(clg_error(f.ctx), "it is a pipe, but must be a file"));
    finish(&f);
}

TEST(idx, wrong_sizes_are_refused)
{
    struct fixture f;

    setup(&f);
    cut_file(f.images, 16 + sizeof(pixels) - 1);
    refused(&f, "is cut off");
    append_byte(f.images);
    refused(&f, "has bytes after the data its header describes");
    append_byte(f.labels);
    refused(&f, "has bytes after the data its header describes");
    set_byte(f.labels, 7, 2);
    refused(&f, "has 2 labels");
    remove(f.labels);
    refused(&f, "cannot open");
    remove(f.images);
    refused(&f, "cannot open");
    snprintf(f.labels, sizeof(f.labels), "%s", f.folder);
    idx_write(f.images, image_dims, pixels, sizeof(pixels));
    cr_assert_null(clg_dataset_open_idx(f.ctx, f.images, f.labels));
    cr_assert_not_null(strstr(clg_error(f.ctx), "it is a folder, but must be a file"), "%s",
                       clg_error(f.ctx));
    finish(&f);
}

TEST(idx, damaged_gzip_is_refused)
{
    struct fixture f;
    size_t size;

    setup(&f);
    compress_file(f.images);
    free(file_read(f.images, &size));
    cut_file(f.images, size - 1);
    refused(&f, "is cut off: its gzip data have no end");
    compress_file(f.images);
    set_byte(f.images, size - 5, 0x55); /* of the checksum */
    refused(&f, "is damaged: its gzip data do not unpack");
    compress_file(f.images);
    set_byte(f.images, 10, 0xff); /* of the first block */
    refused(&f, "is damaged: its gzip data do not unpack");
    compress_file(f.images);
    append_byte(f.images);
    refused(&f, "has bytes after its gzip data");
    compress_file(f.images);
    cut_file(f.images, 11);
    refused(&f, "is cut off");
    finish(&f);
}

TEST(idx, what_memory_gives)
{
    static const float samples[] = {1, 2, 3, 4}, labels[] = {5, 6};
    clg_dataset_params params = clg_dataset_defaults();
    clg_ctx *ctx = test_context();
    clg_dataset *data;

    params.count = 2;
    params.shape = clg_shape1(2);
    params.samples = samples;
    params.label_type = CLG_F32;
    params.labels = labels;
    data = clg_dataset_create(ctx, &params);
    test_ok(ctx, clg_dataset_wait(data));
    cr_assert_arr_eq(clg_dataset_samples(data), samples, sizeof(samples));
    cr_assert_arr_eq(clg_dataset_labels(data), labels, sizeof(labels));
    test_refused(ctx, CLG_ERR_FORMAT, "a class is one integer", clg_dataset_check_classes(data, 9));
    clg_dataset_destroy(&data);

    params.labels = NULL;
    data = clg_dataset_create(ctx, &params);
    cr_assert(!clg_dataset_has_labels(data));
    test_refused(ctx, CLG_ERR_ARGUMENT, "has no labels", clg_dataset_check_classes(data, 9));
    params.count = 0;
    cr_assert_null(clg_dataset_create(ctx, &params));
    params.count = 2;
    params.shape = clg_shape2(1 << 20, 1 << 20);
    cr_assert_null(clg_dataset_create(ctx, &params));
    cr_assert_null(clg_dataset_create(ctx, NULL));
    cr_assert_null(clg_dataset_create(NULL, &params));
    cr_assert_eq(clg_dataset_count(NULL), 0);
    cr_assert_eq(clg_dataset_wait(NULL), CLG_ERR_ARGUMENT);
    clg_dataset_destroy(NULL);
    clg_ctx_destroy(&ctx); /* with the data set still there */
}

/* The thread that reads is the parent's: the child is told, and waits for nobody. */
TEST(idx, a_fork_while_reading)
{
    struct fixture f;
    int status = -1;

    setup(&f);
    clg_dataset *data = clg_dataset_open_idx(f.ctx, f.images, f.labels);
    pid_t child = fork();
    if (child == 0) {
        bool told = clg_dataset_wait(data) == CLG_ERR_STATE && strstr(clg_error(f.ctx), "forked");
        clg_dataset_destroy(&data);
        data = clg_dataset_open_idx(f.ctx, f.images, f.labels);
        told &= clg_dataset_wait(data) == CLG_OK;
        clg_ctx_destroy(&f.ctx);
        _exit(told ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
    test_ok(f.ctx, clg_dataset_wait(data));
    finish(&f);
}
