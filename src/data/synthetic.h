/* Data sets that are made up, for teaching. */
#ifndef CLG_DATA_SYNTHETIC_H
#define CLG_DATA_SYNTHETIC_H

#include <clgrad/data.h>

enum clg_synthetic_kind {
    CLG_SYNTHETIC_LINEAR,     /* y = w·x + b, x normal; sample x, label y */
    CLG_SYNTHETIC_POLYNOMIAL, /* y = Σ c_i x^i / i!, x normal; sample x^i / i! for i = 0 to degree
                               */
    CLG_SYNTHETIC_XOR,        /* the four corners of the unit square by turns; label: its class */
    CLG_SYNTHETIC_MOONS,      /* two half circles in each other; label: which */
    CLG_SYNTHETIC_PARITY      /* random bits; label: whether an odd number of them is 1 */
};

struct clg_synthetic {
    enum clg_synthetic_kind kind;
    int64_t samples;
    double noise;          /* standard deviation; on y of the first two, on x of the others */
    uint64_t seed, stream; /* what is random is a function of these and the sample's number */
    const double *numbers; /* w or c */
    size_t number_count;
    double bias;  /* b */
    int64_t size; /* degree, or bits */
};

/* The data set; NULL on failure. */
clg_dataset *clg_dataset_synthetic(clg_ctx *ctx, const struct clg_synthetic *params);

#endif
