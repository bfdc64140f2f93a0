/* Cases that elementwise ops share. */
#ifndef CLG_SELFTEST_SPECIAL_H
#define CLG_SELFTEST_SPECIAL_H

#include "selftest/cases.h"

typedef clg_tensor clg_unary_op(clg_tensor x);
typedef clg_tensor clg_binary_op(clg_tensor a, clg_tensor b);

/* 1025 numbers: zeros, ones, the ends of float32, infinities and NaN, then uniform ones. */
clg_tensor clg_case_special(struct clg_cases *cases, double low, double high);

/* Values at the special numbers; both derivatives at numbers in [low, high). */
void clg_unary_cases(struct clg_cases *cases, clg_unary_op *op, double low, double high);

/* Values at all pairs of special numbers; both derivatives at numbers in [low, high), broadcast. */
void clg_binary_cases(struct clg_cases *cases, clg_binary_op *op, double low, double high);

/* Every way of broadcasting: scalars, rows, columns, the batch, five dimensions, rows longer than a
 * work-item's share. */
void clg_broadcast_cases(struct clg_cases *cases, clg_binary_op *op, double low, double high);

#endif
