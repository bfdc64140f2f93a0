/* clgrad/data.h: data sets in host memory. Part of libclgrad-train. */
#ifndef CLGRAD_DATA_H
#define CLGRAD_DATA_H

#include <clgrad/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Samples of one shape, each with a label or without. The values of a sample are bytes or float32
 * and lie row-major; a label is an int32, or any number of float32 values. Child of the context. */
typedef struct clg_dataset clg_dataset;

/* Opens IDX files (http://yann.lecun.com/exdb/mnist/), plain or compressed by gzip. samples: bytes
 * or float32, (count, dimensions of a sample...); labels: bytes, int32 or float32, (count,
 * dimensions of a label...), or NULL for a data set without labels. The headers are checked here;
 * the content is read, unpacked and checked by a thread that touches host memory only, so that the
 * device can be opened meanwhile: clg_dataset_wait() says how that went. NULL on failure. */
CLG_API clg_dataset *clg_dataset_open_idx(clg_ctx *ctx, const char *samples, const char *labels);

/* Opens NumPy's arrays, files of their own (.npy, plain or compressed by gzip): samples (count,
 * dimensions of a sample...) and labels (count, dimensions of a label...), or NULL for none. Types:
 * u1, i4, i8, f4, f8, of either byte order, in C's or Fortran's order of dimensions. Samples of u1
 * stay bytes, others become float32; integer labels become int32, others float32; a value that is
 * out of its type's range is refused. Read by a thread, as IDX files are. NULL on failure. */
CLG_API clg_dataset *clg_dataset_open_npy(clg_ctx *ctx, const char *samples, const char *labels);

/* The same for arrays of an archive (.npz, as numpy.savez writes them) by their names. Needs libzip. */
CLG_API clg_dataset *clg_dataset_open_npz(clg_ctx *ctx, const char *path, const char *samples,
                                          const char *labels);

/* What stands for a cell of a table that is empty, NA, NaN, nan or ?. */
typedef enum clg_missing {
    CLG_MISSING_MEAN, /* the column's mean over the training set */
    CLG_MISSING_ZERO,
    CLG_MISSING_ERROR /* it is refused */
} clg_missing;

typedef struct clg_csv_params {
    const char *path;   /* CSV (RFC 4180) or TSV, plain or compressed by gzip; UTF-8, with a line
                         * that names the columns */
    const char *target; /* the column of labels; NULL (default): there are no labels */
    const char *const *drop; /* columns that are left out; NULL at the end, or NULL: none */
    char delimiter;      /* between fields; 0 (default): a tab in .tsv and .tsv.gz, else a comma */
    bool classes;        /* whole numbers of the target are classes as well; default false */
    bool log_target;     /* labels are natural logarithms of the target; default false */
    bool standardize;    /* numbers are (x - mean) / deviation of the training set; default true */
    clg_missing missing; /* of numbers; default CLG_MISSING_MEAN */
    const clg_dataset *like; /* the training set: columns, means, deviations, categories and classes
                              * are its own, and of the above path and delimiter alone count; NULL
                              * (default): this is it */
} clg_csv_params;
CLG_API clg_csv_params clg_csv_defaults(void);

/* Opens a table: a row a sample, of float32. A column whose cells are all numbers (or missing)
 * gives one number; any other column a number for each of its categories, 1 for that of the cell
 * and 0 for the others (all 0 where it is missing, or not in the training set). A target of numbers
 * gives a float32 label; a target of text, or of classes, the int32 position of its class among all
 * of the file, sorted. Needs libcsv. NULL on failure. */
CLG_API clg_dataset *clg_dataset_open_csv(clg_ctx *ctx, const clg_csv_params *params);

/* Of a table: the target's name, whether labels are its logarithms, how many classes it has and
 * their names (the text in the file). NULL, false, 0 and NULL for what there is not. */
CLG_API const char *clg_dataset_target(const clg_dataset *data);
CLG_API bool clg_dataset_log_target(const clg_dataset *data);
CLG_API int64_t clg_dataset_class_count(const clg_dataset *data);
CLG_API const char *clg_dataset_class_name(const clg_dataset *data, int64_t class_index);

/* The text in a row (from 0) and column of a table that was opened by clg_recipe_samples(); NULL on
 * failure. */
CLG_API const char *clg_dataset_cell(const clg_dataset *data, const char *column, int64_t row);

typedef struct clg_dataset_params {
    const char *name;      /* for messages; default "data" */
    int64_t count;         /* samples */
    clg_dtype type;        /* of a sample's values: CLG_U8 or CLG_F32 (default) */
    clg_shape shape;       /* of one sample; default (): one value */
    const void *samples;   /* count samples */
    clg_dtype label_type;  /* CLG_I32 (default) or CLG_F32 */
    clg_shape label_shape; /* of one label; default (): one value */
    const void *labels;    /* count labels; NULL: none */
} clg_dataset_params;
CLG_API clg_dataset_params clg_dataset_defaults(void);

/* A data set from the application's memory, which is copied. NULL on failure. */
CLG_API clg_dataset *clg_dataset_create(clg_ctx *ctx, const clg_dataset_params *params);

/* Some samples of a data set as a data set of its own: sample i is sample rows[i] of data, and a
 * row may come several times. The row numbers, count of them, are copied; the content is not,
 * neither here nor on a device where both are used. Child of data (of its whole set, where data are
 * a view themselves), which must live as long. NULL on failure. */
CLG_API clg_dataset *clg_dataset_view(clg_dataset *data, const int32_t *rows, int64_t count);

/* How clg_dataset_split() deals out samples. */
typedef struct clg_split_params {
    int64_t count;       /* samples of the second part; or 0, and: */
    int64_t folds, fold; /* the second part is fold `fold` (from 0) of `folds`: each sample is in
                          * one of them, and their sizes differ by 1 at most */
    bool stratify;       /* each class has its share of the second part, to one sample; default
                          * false */
    uint64_t seed;       /* of the random choice; default 1 */
} clg_split_params;
CLG_API clg_split_params clg_split_defaults(void);

/* Deals a data set out to two views, at random and the same for the same seed; both keep the order
 * of the samples. Waits for the data when it looks at their classes. Refused: a part without
 * samples, and stratify where labels are not one integer of at least 0 for each sample. */
CLG_API clg_status clg_dataset_split(clg_dataset *data, const clg_split_params *params,
                                     clg_dataset **first, clg_dataset **second);

/* Waits until the content is there; the status of reading it. */
CLG_API clg_status clg_dataset_wait(clg_dataset *data);

/* What is known before the content is there. The shape is that of one sample; CLG_F32, rank 0 and 0
 * for NULL. */
CLG_API int64_t clg_dataset_count(const clg_dataset *data);
CLG_API clg_shape clg_dataset_shape(const clg_dataset *data);
CLG_API clg_dtype clg_dataset_type(const clg_dataset *data);
CLG_API bool clg_dataset_has_labels(const clg_dataset *data);
CLG_API clg_shape clg_dataset_label_shape(const clg_dataset *data);
CLG_API clg_dtype clg_dataset_label_type(const clg_dataset *data);

/* The row numbers of a view; NULL: the data set has all rows. Belongs to the data set. */
CLG_API const int32_t *clg_dataset_rows(const clg_dataset *data);

/* The content (of a view: the whole set's), or NULL before clg_dataset_wait() gave CLG_OK. Belongs
 * to the data set. */
CLG_API const void *clg_dataset_samples(const clg_dataset *data);
CLG_API const void *clg_dataset_labels(const clg_dataset *data);

/* Waits, and refuses labels that are not classes: integers from 0 to classes - 1. */
CLG_API clg_status clg_dataset_check_classes(clg_dataset *data, int64_t classes);

/* Frees the data set (after its thread ended) and sets the pointer to NULL. NULL is accepted. */
CLG_API void clg_dataset_destroy(clg_dataset **data);

#ifdef __cplusplus
}
#endif
#endif
