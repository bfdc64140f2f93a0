/* Thousands of damaged NPY files, the same ones each run: every one is refused with a sentence, at
 * once or when it was read, or has the values its header says. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <clgrad/data.h>

#include "cli/command.h"
#include "fuzz/damage.h"
#include "fuzz/dataset.h"

#define ROUNDS 4000

static const char samples[] = "\x93NUMPY\1\0\x40\0"
                              "{'descr': '<i8', 'fortran_order': True, 'shape': (2, 3), }     \n"
                              "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL";
static const char labels[] = "\x93NUMPY\2\0\x3a\0\0\0"
                             "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n\1";

static const char *const words[] = {"'<i8'", "'>f4'", "(",  ")",    "(2, 3",   "True", "False",
                                    "1",     "9999",  ", ", "'",    "'shape'", ":",    "}",
                                    "{",     "\n",    "|",  "\xff", "-1",      "2,",   NULL};

struct bench {
    clg_ctx *ctx;
    char folder[256], samples[300], labels[300];
    long accepted, refused;
};

static void try_one(struct bench *b)
{
    clg_dataset *data = clg_dataset_open_npy(b->ctx, b->samples, b->labels);

    if (data && clg_dataset_wait(data) == CLG_OK) {
        dataset_read(data);
        b->accepted++;
    } else {
        cr_assert(clg_error_status(b->ctx) == CLG_ERR_FORMAT ||
                      clg_error_status(b->ctx) == CLG_ERR_LIMIT,
                  "%s", clg_error(b->ctx));
        cr_assert_not_null(strstr(clg_error(b->ctx), b->folder), "%s", clg_error(b->ctx));
        b->refused++;
    }
    clg_dataset_destroy(&data);
}

TEST(npy, damaged_files)
{
    static struct damage d;
    static struct bench b;

    b.ctx = clg_ctx_create(NULL);
    test_folder(b.folder);
    snprintf(b.samples, sizeof(b.samples), "%s/x.npy", b.folder);
    snprintf(b.labels, sizeof(b.labels), "%s/y.npy", b.folder);
    damage_seed(7);
    file_write(b.samples, samples, sizeof(samples) - 1);
    file_write(b.labels, labels, sizeof(labels)); /* the second label is the zero at the end */
    try_one(&b);
    cr_assert_eq(b.accepted, 1, "%s", clg_error(b.ctx));
    for (long i = 0, rounds = damage_rounds(ROUNDS); i < rounds; i++) {
        bool of_labels = damage_below(4) == 0;

        file_write(b.samples, samples, sizeof(samples) - 1);
        file_write(b.labels, labels, sizeof(labels));
        damage_set(&d, of_labels ? labels : samples,
                   of_labels ? sizeof(labels) : sizeof(samples) - 1);
        if (damage_below(2))
            damage_words(&d, words);
        else
            damage_bytes(&d);
        damage_write(&d, of_labels ? b.labels : b.samples);
        try_one(&b);
    }
    cr_log_info("%ld accepted, %ld refused", b.accepted, b.refused);
    cr_assert(b.accepted > ROUNDS / 100 && b.refused > ROUNDS / 4, "%ld accepted, %ld refused",
              b.accepted, b.refused);
    clg_ctx_destroy(&b.ctx);
    test_remove(b.folder);
}
