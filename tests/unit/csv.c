/* Tables: what is made of a CSV file, and what is refused with which line. */
#include "test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>
#include <clgrad/data.h>

#include "cli/command.h"
#include "data/csv.h"

struct fixture {
    clg_ctx *ctx;
    char folder[256], path[300];
    clg_csv_params params;
};

static void setup(struct fixture *f)
{
    f->ctx = test_context();
    test_folder(f->folder);
    snprintf(f->path, sizeof(f->path), "%s/t.csv", f->folder);
    f->params = clg_csv_defaults();
    f->params.path = f->path;
    f->params.target = "y";
}

static void finish(struct fixture *f)
{
    clg_ctx_destroy(&f->ctx);
    test_remove(f->folder);
}

static clg_dataset *opened(struct fixture *f, const char *text)
{
    clg_dataset *data;

    file_write_text(f->path, text);
    data = clg_dataset_open_csv(f->ctx, &f->params);
    cr_assert_not_null(data, "%s", clg_error(f->ctx));
    return data;
}

static void refused(struct fixture *f, const char *text, const char *words)
{
    file_write_text(f->path, text);
    cr_assert_null(clg_dataset_open_csv(f->ctx, &f->params), "not refused: %s", words);
    cr_assert_not_null(strstr(clg_error(f->ctx), words), "'%s' is not in: %s", words,
                       clg_error(f->ctx));
}

/* Every number of the samples, to the rounding to float32. */
static void has_samples(const clg_dataset *data, int64_t width, const double *wanted)
{
    const float *found = clg_dataset_samples(data);

    cr_assert_eq(clg_dataset_shape(data).dim[0], width, "%lld numbers a sample",
                 (long long)clg_dataset_shape(data).dim[0]);
    for (int64_t i = 0; i < clg_dataset_count(data) * width; i++)
        cr_assert(fabs((double)found[i] - wanted[i]) <= fabs(wanted[i]) * 0x1p-23,
                  "value %lld is %.9g, not %.9g", (long long)i, (double)found[i], wanted[i]);
}

static const char table[] = "name,size,y,kind\n"
                            "a, 1 ,0.5,red\n"
                            "b,,1.5,\"green, light\"\n"
                            "c,4,2.5,red\n"
                            "d,10,3.5,NA\n";

/* size: mean 5, deviation √((16 + 1 + 25) / 3) of the three there are. */
TEST(csv, columns)
{
    const char *drop[] = {"name", NULL};
    double d = sqrt(14);
    const double wanted[] = {-4 / d, 0, 1, 0, 1, 0, -1 / d, 0, 1, 5 / d, 0, 0};
    const double plain[] = {1, 0, 1, 5, 1, 0, 4, 0, 1, 10, 0, 0};
    const double zeros[] = {1, 0, 1, 0, 1, 0, 4, 0, 1, 10, 0, 0};
    clg_dataset *data;
    struct fixture f;

    setup(&f);
    f.params.drop = drop;
    data = opened(&f, table);
    has_samples(data, 3, wanted);
    cr_assert_eq(clg_dataset_label_type(data), CLG_F32);
    cr_assert_eq(((const float *)clg_dataset_labels(data))[3], 3.5f);
    cr_assert_str_eq(clg_dataset_target(data), "y");
    f.params.standardize = false;
    has_samples(opened(&f, table), 3, plain);
    f.params.missing = CLG_MISSING_ZERO;
    has_samples(opened(&f, table), 3, zeros);
    f.params.missing = CLG_MISSING_ERROR;
    refused(&f, table, "line 3: the column 'size' is '', but must be there");
    finish(&f);
}

/* Another table is made with the training set's mean, deviation and categories, whatever the order
 * of its columns. */
TEST(csv, like_the_training_set)
{
    const double wanted[] = {5 / sqrt(14), 0, 1, 0, 0, 0, -5 / sqrt(14), 1, 0};
    const char *drop[] = {"name", NULL};
    clg_dataset *data;
    struct fixture f;

    setup(&f);
    f.params.drop = drop;
    data = opened(&f, table);
    f.params.like = data;
    has_samples(opened(&f, "kind,y,other,size\nred,1,x,10\nblue,2,x,?\n\"green, light\",3,,0\n"), 3,
                wanted);
    refused(&f, "kind,y\nred,1\n", "has no column 'size'; the nearest of its 2 is 'kind'");
    refused(&f, "kind,y,size\nred,1,2\nred,1,big\n",
            "line 3: the column 'size' is 'big', but must be a float32 number");
    finish(&f);
}

TEST(csv, classes)
{
    const int32_t by_name[] = {2, 0, 1, 2}, by_number[] = {1, 0, 2, 1};
    clg_dataset *data;
    struct fixture f;

    setup(&f);
    data = opened(&f, "x,y\n1,wolf\n2,cat\n3,dog\n4,wolf\n");
    cr_assert_eq(clg_dataset_label_type(data), CLG_I32);
    cr_assert_eq(memcmp(clg_dataset_labels(data), by_name, sizeof(by_name)), 0);
    cr_assert_eq(clg_dataset_class_count(data), 3);
    cr_assert_str_eq(clg_dataset_class_name(data, 1), "dog");
    cr_assert_null(clg_dataset_class_name(data, 3));
    f.params.like = data;
    refused(&f, "x,y\n1,cow\n", "line 2: the column 'y' is 'cow', but must be one of the training");
    f.params.like = NULL;
    f.params.classes = true;
    data = opened(&f, "x,y\n1,9\n2,-3\n3,10\n4,9.0\n");
    cr_assert_eq(memcmp(clg_dataset_labels(data), by_number, sizeof(by_number)), 0);
    cr_assert_eq(clg_dataset_class_count(data), 3);
    refused(&f, "x,y\n1,9\n2,0.5\n", "line 3: the column 'y' is '0.5', but must be a class");
    f.params.log_target = true;
    refused(&f, "x,y\n1,9\n2,5\n", "log_target is for numbers");
    finish(&f);
}

TEST(csv, log_target)
{
    struct fixture f;
    const float *labels;

    setup(&f);
    f.params.log_target = true;
    labels = clg_dataset_labels(opened(&f, "x,y\n1,1\n2,1000\n"));
    cr_assert(labels[0] == 0 && labels[1] == (float)log(1000));
    refused(&f, "x,y\n1,1\n2,0\n", "line 3: the column 'y' is '0', but must be over 0");
    finish(&f);
}

static const double one_to_four[] = {1, 2, 3, 4};

/* Quotes, empty lines, another end of lines, a mark at the beginning, gzip, tabs. */
TEST(csv, notations)
{
    struct fixture f;
    gzFile file;

    setup(&f);
    f.params.standardize = false;
    has_samples(opened(&f, "\xef\xbb\xbf"
                           "x,y\n1,0\n\n2,0\n3,0\n4,0"),
                1, one_to_four);
    has_samples(opened(&f, "\"x\",\"y\"\r\n\"1\",0\r\n2,0\r\n3,0\r\n4,0\r\n"), 1, one_to_four);
    cr_assert_eq(clg_dataset_class_count(opened(&f, "x,y\n1,\"a \"\"b\"\"\nc\"\n2,d\n")), 2);
    refused(&f, "x,y\n1,\"a\n\nb\"\nz,1,2\n", "line 5 has 3 fields");
    f.params.delimiter = ';';
    has_samples(opened(&f, "x;y\n1;0\n2;0\n3;0\n4;0\n"), 1, one_to_four);
    f.params.delimiter = '\0';
    snprintf(f.path, sizeof(f.path), "%s/t.tsv.gz", f.folder);
    file = gzopen(f.path, "wb");
    cr_assert(gzputs(file, "x\ty\n1\t0\n2\t0\n3\t0\n4\t0\n") > 0);
    gzclose(file);
    has_samples(clg_dataset_open_csv(f.ctx, &f.params), 1, one_to_four);
    finish(&f);
}

TEST(csv, refusals)
{
    const char *drop[] = {"x", NULL}, *wrong[] = {"z", NULL};
    struct fixture f;

    setup(&f);
    refused(&f, "", "has no rows");
    refused(&f, "x,y\n", "has no rows: it needs a line that names the columns");
    refused(&f, "x,z\n1,2\n", "has no column 'y'; the nearest of its 2 is 'x'");
    refused(&f, "x;y\n1;2\n", "delimiter: \";\" names what is between them");
    refused(&f, "x\ty\n1\t2\n", "delimiter: \"\\t\"");
    refused(&f, "x,x,y\n1,2,3\n", "has two columns 'x', 1 and 2");
    refused(&f, "x,y\n1,2\n3\n", "line 3 has 1 fields, but the first line names 2 columns");
    refused(&f, "x,y\n1,2\n5\"6,7\n", "line 3: a quote inside a field");
    refused(&f, "x,y\n1,2\n\"5,6\n", "ends inside a quoted field, in the row after line 2");
    refused(&f, "x,y\n1,\n", "line 2: the column 'y' is '', but must be there: it is the target");
    refused(&f, "x,y\n1,1e39\n2,1\n3,x\n4,b\n5,?\n", "line 6: the column 'y' is '?'");
    refused(&f, "x,y\n1,caf\xe9\n", "line 2: text that is not UTF-8");
    refused(&f, "<!DOCTYPE html><html>", "is an HTML page, not a CSV file");
    refused(&f, "PK\3\4 archive", "is a zip archive");
    f.params.drop = drop;
    refused(&f, "x,y\n1,2\n", "no column left for the samples");
    f.params.drop = wrong;
    refused(&f, "x,y\n1,2\n", "has no column 'z'");
    file_write(f.path, "x,y\n1,\0\n", 8);
    cr_assert_null(clg_dataset_open_csv(f.ctx, &f.params));
    cr_assert_not_null(strstr(clg_error(f.ctx), "line 2: a zero byte"), "%s", clg_error(f.ctx));
    f.params.path = "/no/such.csv";
    cr_assert_null(clg_dataset_open_csv(f.ctx, &f.params));
    finish(&f);
}

/* What was learnt comes back from JSON to the last bit, and damaged JSON is refused. */
TEST(csv, json)
{
    const char *drop[] = {"name", NULL};
    struct clg_columns *again;
    clg_dataset *data;
    struct fixture f;
    char *text, *second;

    setup(&f);
    f.params.drop = drop;
    data = opened(&f, table);
    test_ok(f.ctx, clg_columns_write(data->columns, &text));
    again = clg_columns_read(f.ctx, "data.json", text, strlen(text));
    cr_assert_not_null(again, "%s", clg_error(f.ctx));
    cr_assert(again->items[0].mean == data->columns->items[0].mean &&
              again->items[0].deviation == data->columns->items[0].deviation);
    test_ok(f.ctx, clg_columns_write(again, &second));
    cr_assert_str_eq(text, second);
    cr_assert_null(clg_columns_read(f.ctx, "data.json", text, strlen(text) / 2));
    cr_assert_not_null(strstr(clg_error(f.ctx), "'data.json' is damaged"));
    cr_assert_null(clg_columns_read(f.ctx, "data.json", "{}", 2));
    clg_columns_release(again);
    clg_free(f.ctx, text);
    clg_free(f.ctx, second);
    finish(&f);
}
