/* Numbers with their error, for oracles that are long formulas: each operation adds what float32
 * rounds, and carries what its operands were off. */
#ifndef CLG_SELFTEST_ROUNDED_H
#define CLG_SELFTEST_ROUNDED_H

#include <math.h>
#include "selftest/oracle.h"

struct clg_rounded {
    double v, e;
};

/* One correctly rounded operation whose exact result on exact operands is v. */
static inline struct clg_rounded clg_rounded(double v, double carried)
{
    return (struct clg_rounded){v, carried + CLG_ROUND * (fabs(v) + carried) + 0x1p-149};
}

static inline struct clg_rounded clg_exactly(double v)
{
    return (struct clg_rounded){v, 0};
}

static inline struct clg_rounded clg_element(const struct clg_oracle_array *array, int64_t i)
{
    return (struct clg_rounded){array->value[i], array->error[i]};
}

static inline void clg_put_element(const struct clg_oracle_array *array, int64_t i,
                                   struct clg_rounded x)
{
    array->value[i] = x.v;
    array->error[i] = x.e;
}

static inline struct clg_rounded clg_plus(struct clg_rounded a, struct clg_rounded b)
{
    return clg_rounded(a.v + b.v, a.e + b.e);
}

static inline struct clg_rounded clg_minus(struct clg_rounded a, struct clg_rounded b)
{
    return clg_rounded(a.v - b.v, a.e + b.e);
}

static inline struct clg_rounded clg_times(struct clg_rounded a, struct clg_rounded b)
{
    return clg_rounded(a.v * b.v, fabs(a.v) * b.e + fabs(b.v) * a.e + a.e * b.e);
}

/* A division is within 2.5 ulp. */
static inline struct clg_rounded clg_over(struct clg_rounded a, struct clg_rounded b)
{
    double v = a.v / b.v;
    return (struct clg_rounded){v, (a.e + fabs(v) * b.e) / (fabs(b.v) - b.e) + 2.5 * clg_ulp(v)};
}

/* 3 ulp; of x that is well above its error. */
static inline struct clg_rounded clg_root_of(struct clg_rounded x)
{
    double y = sqrt(x.v);
    return (struct clg_rounded){y, y - sqrt(fmax(x.v - x.e, 0)) + 3 * clg_ulp(y)};
}

/* As kernels add up: clg_sum_depth(). */
static inline struct clg_rounded clg_sum_of(const struct clg_rounded *terms, int count)
{
    struct clg_rounded sum = {0, 0};
    double absolute = 0;
    for (int i = 0; i < count; i++) {
        sum.v += terms[i].v;
        sum.e += terms[i].e;
        absolute += fabs(terms[i].v) + terms[i].e;
    }
    sum.e += clg_sum_error(count) * absolute;
    return sum;
}

/* 1 / (1 + e^-x): exp 3 ulp, a sum and a division of 2.5. Its slope is 1/4 at most. */
static inline struct clg_rounded clg_sigmoid_of(struct clg_rounded x)
{
    double y = 1 / (1 + exp(-x.v));
    return (struct clg_rounded){y, 0.25 * x.e + 2 * CLG_ROUND * y * (3 * (1 - y) + 0.5) +
                                       2.5 * clg_ulp(y)};
}

/* 5 ulp; its slope is 1 at most. */
static inline struct clg_rounded clg_tanh_of(struct clg_rounded x)
{
    double y = tanh(x.v);
    return (struct clg_rounded){y, x.e + 5 * clg_ulp(y)};
}

#endif
