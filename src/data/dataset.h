/* A data set as the readers of file formats fill it. */
#ifndef CLG_DATA_DATASET_H
#define CLG_DATA_DATASET_H

#include <pthread.h>
#include <clgrad/data.h>
#include "base/context.h"

struct clg_dataset {
    struct clg_object object;
    char *name, *label_name; /* for messages: the files */
    int64_t count;
    clg_dtype type, label_type;
    clg_shape shape, label_shape;
    bool has_labels;
    void *samples, *labels;      /* of a view: the whole set's, through clg_dataset_whole() */
    struct clg_dataset *whole;   /* of a view; else NULL */
    int32_t *rows;               /* of a view; else NULL */
    struct clg_table *table;     /* of a CSV file, while its samples are to be made; else NULL */
    struct clg_columns *columns; /* what they are made with; NULL: other kinds */

    /* Reads the content into samples and labels; in another thread, so it leaves its failure in
     * reason. source_finish frees what it read from. */
    bool (*read)(struct clg_dataset *data);
    void (*source_finish)(struct clg_dataset *data);
    void *source;
    pthread_t thread;
    unsigned forks; /* when the thread was started */
    bool running, done;
    clg_status status; /* once done */
    char reason[1024];
};

/* A new, empty data set; name is copied. */
struct clg_dataset *clg_dataset_new(struct clg_ctx *ctx, const char *name);

/* Starts reading. Without another thread to be had it is done at once. */
void clg_dataset_start(struct clg_dataset *data);

/* Bytes of one sample, and of one label. */
size_t clg_dataset_sample_bytes(const struct clg_dataset *data);
size_t clg_dataset_label_bytes(const struct clg_dataset *data);

/* clg_dataset_check_classes() that lets one more label pass. */
clg_status clg_dataset_check_labels(clg_dataset *data, int64_t classes, int64_t also);

/* The set that has a view's content; another set itself. */
const struct clg_dataset *clg_dataset_whole(const struct clg_dataset *data);

/* The rows of clg_dataset_split(): those of the first part, then those of the second, each in
 * ascending order. *first: how many the first part has. rows: room for data->count. */
clg_status clg_split_rows(struct clg_dataset *data, const clg_split_params *params, int32_t *rows,
                          int64_t *first);

/* Number of values of a shape without multiples of the batch. */
int64_t clg_dataset_values(const clg_shape *shape);

#endif
