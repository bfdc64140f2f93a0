/* Thousands of damaged IDX files, plain and compressed, the same ones each run: every one is
 * refused with a sentence, at once or when it was read, or has the values its header says. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <clgrad/data.h>

#include "cli/command.h"
#include "fuzz/damage.h"
#include "fuzz/dataset.h"

#define ROUNDS 4000

static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 3, 1,
                                       2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9};
static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2};
static const unsigned char floats[] = {0, 0, 0x0d, 1, 0, 0, 0, 3, 0x3f, 0x80,
                                       0, 0, 0,    0, 0, 0, 0, 0, 0,    0};

struct bench {
    clg_ctx *ctx;
    char folder[256], images[300], labels[300];
    long accepted, refused;
};

static void try_one(struct bench *b)
{
    clg_dataset *data = clg_dataset_open_idx(b->ctx, b->images, b->labels);

    if (data && clg_dataset_wait(data) == CLG_OK) {
        dataset_read(data);
        b->accepted++;
    } else {
        cr_assert(clg_error_status(b->ctx) == CLG_ERR_FORMAT ||
                      clg_error_status(b->ctx) == CLG_ERR_FILE ||
                      clg_error_status(b->ctx) == CLG_ERR_LIMIT,
                  "%s", clg_error(b->ctx));
        cr_assert_not_null(strstr(clg_error(b->ctx), b->folder), "%s", clg_error(b->ctx));
        b->refused++;
    }
    clg_dataset_destroy(&data);
}

/* The content compressed by gzip. */
static void compress_bytes(struct damage *d, unsigned char *data, size_t size)
{
    z_stream z = {0};

    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = data;
    z.avail_in = (uInt)size;
    z.next_out = (unsigned char *)d->data;
    z.avail_out = DAMAGE_ROOM;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    d->size = z.total_out;
    deflateEnd(&z);
}

static void make(struct damage *d, const unsigned char *data, size_t size)
{
    bool damaged_inside = damage_below(2);
    uint32_t packed = damage_below(2);
    static struct damage inside;

    damage_set(&inside, data, size);
    if (damaged_inside)
        damage_bytes(&inside);
    if (packed)
        compress_bytes(d, (unsigned char *)inside.data, inside.size);
    else
        damage_copy(d, &inside);
    if (!damaged_inside || damage_below(4) == 0)
        damage_bytes(d);
}

TEST(idx, damaged_files)
{
    static struct damage d;
    static struct bench b;

    b.ctx = clg_ctx_create(NULL);
    test_folder(b.folder);
    snprintf(b.images, sizeof(b.images), "%s/images", b.folder);
    snprintf(b.labels, sizeof(b.labels), "%s/labels", b.folder);
    damage_seed(3);
    file_write(b.labels, labels, sizeof(labels));
    file_write(b.images, images, sizeof(images));
    try_one(&b);
    cr_assert_eq(b.accepted, 1, "%s", clg_error(b.ctx));
    for (long i = 0, rounds = damage_rounds(ROUNDS); i < rounds; i++) {
        bool of_labels = damage_below(4) == 0, words = damage_below(2);

        file_write(b.labels, labels, sizeof(labels));
        make(&d,
             of_labels ? labels
             : words   ? floats
                       : images,
             of_labels ? sizeof(labels)
             : words   ? sizeof(floats)
                       : sizeof(images));
        damage_write(&d, of_labels ? b.labels : b.images);
        try_one(&b);
    }
    cr_log_info("%ld accepted, %ld refused", b.accepted, b.refused);
    cr_assert(b.accepted > ROUNDS / 100 && b.refused > ROUNDS / 4, "%ld accepted, %ld refused",
              b.accepted, b.refused);
    clg_ctx_destroy(&b.ctx);
    test_remove(b.folder);
}
