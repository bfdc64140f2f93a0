/* The softmax of a row, for the oracles of softmax and of cross-entropy. */
#ifndef CLG_SELFTEST_ROWS_H
#define CLG_SELFTEST_ROWS_H

#include "selftest/oracle.h"

/* A row of C numbers x, off by e: its largest number m, S = sum_j e^(x_j - m), and how far S may be
 * off, relatively: by rounding, and by e. */
struct clg_softmax_row {
    const double *x, *e;
    int64_t C;
    double m, S, rounding, carried;
};
struct clg_softmax_row clg_softmax_row_of(const double *x, const double *e, int64_t C);
struct clg_softmax_row clg_softmax_row(const struct clg_oracle_array *x, int64_t row, int64_t C);

/* e^(x_j - m) / S and the error it has after rounding. */
double clg_softmax_at(const struct clg_softmax_row *r, int64_t j, double *error);
/* x_j - m - ln S and its error. */
double clg_log_softmax_at(const struct clg_softmax_row *r, int64_t j, double *error);

/* Columns of a shape, and rows: 1 and 1 for a scalar. */
int64_t clg_case_cols(const clg_shape *shape);

#endif
