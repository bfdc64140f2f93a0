/* Data sets of tables, in the two steps that a training takes: what a table has is known when it is
 * open; what samples are made with is learnt from the rows that are trained on. */
#ifndef CLG_DATA_CSV_H
#define CLG_DATA_CSV_H

#include "data/columns.h"
#include "data/dataset.h"

/* Opens a table. columns NULL: labels are there, and samples after clg_dataset_learn(); else
 * samples and labels are made as those columns say. to_predict: without labels, and with the cells
 * kept for clg_dataset_cell(). NULL on failure. */
struct clg_dataset *clg_csv_open(struct clg_ctx *ctx, const clg_csv_params *params,
                                 struct clg_columns *columns, bool to_predict);

/* Learns from these rows (NULL: all) and makes all samples. Nothing for what is no table, or has
 * samples. */
clg_status clg_dataset_learn(struct clg_dataset *data, const int32_t *rows, int64_t count);

#endif
