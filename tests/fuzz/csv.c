/* Thousands of damaged CSV files, plain and compressed, the same ones each run: every one is
 * refused with a sentence, or has a finite number in every place of its samples. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <clgrad/data.h>

#include "cli/command.h"
#include "fuzz/damage.h"

#define ROUNDS 2000

static const char good[] = "name,size,y,kind\n"
                           "\"a, \"\"b\"\"\",1,0.5,red\n"
                           "\"c\nd\",?,1e-3,\xc3\xa9\r\n"
                           "e,-4.25,2.5,NA\n\n"
                           "f,10,17,red";

static const char *const words[] = {"\"",  ",",  "\n",    "\"\"",         "NA", "1e39", "-",
                                    "nan", "\r", ";",     "\xff",         "",   "size", "y",
                                    "inf", ",,", "0x1p3", "\xef\xbb\xbf", NULL};

struct bench {
    clg_ctx *ctx;
    char folder[256], path[300];
    clg_csv_params params;
    long accepted, refused;
};

static void check_accepted(struct bench *b, clg_dataset *data)
{
    const float *samples = clg_dataset_samples(data);
    int64_t values = clg_dataset_count(data) * clg_dataset_shape(data).dim[0];

    for (int64_t i = 0; i < values; i++)
        cr_assert(isfinite(samples[i]), "value %lld is %g", (long long)i, (double)samples[i]);
    b->accepted++;
}

static void try_one(struct bench *b)
{
    clg_dataset *data = clg_dataset_open_csv(b->ctx, &b->params);

    if (data) {
        check_accepted(b, data);
    } else {
        cr_assert(clg_error_status(b->ctx) == CLG_ERR_FORMAT, "%s", clg_error(b->ctx));
        cr_assert_not_null(strstr(clg_error(b->ctx), b->folder), "%s", clg_error(b->ctx));
        b->refused++;
    }
    clg_dataset_destroy(&data);
}

/* Every other round is as a test set: made with what was learnt before the damage. */
TEST(csv, damaged_files)
{
    static struct damage d;
    static struct bench b;
    clg_dataset *like;

    b.ctx = clg_ctx_create(NULL);
    test_folder(b.folder);
    snprintf(b.path, sizeof(b.path), "%s/t.csv", b.folder);
    b.params = clg_csv_defaults();
    b.params.path = b.path;
    b.params.target = "y";
    damage_seed(5);
    file_write_text(b.path, good);
    try_one(&b);
    cr_assert_eq(b.accepted, 1, "%s", clg_error(b.ctx));
    like = clg_dataset_open_csv(b.ctx, &b.params);
    for (long i = 0, rounds = damage_rounds(ROUNDS); i < rounds; i++) {
        damage_set(&d, good, strlen(good));
        for (uint32_t n = 1 + damage_below(3); n > 0; n--)
            if (damage_below(2))
                damage_words(&d, words);
            else
                damage_bytes(&d);
        damage_write(&d, b.path);
        b.params.like = i % 2 ? like : NULL;
        try_one(&b);
    }
    cr_log_info("%ld accepted, %ld refused", b.accepted, b.refused);
    cr_assert(b.accepted > ROUNDS / 100 && b.refused > ROUNDS / 4, "%ld accepted, %ld refused",
              b.accepted, b.refused);
    clg_ctx_destroy(&b.ctx);
    test_remove(b.folder);
}
