/* The oracle: what every op means, in double precision, by the plainest loop there is.
 *
 * An op NAME of ops.def has a function clg_oracle_NAME here, or nothing links. It gives the value
 * of every output element and, beside it, its error: how far a right float32 device may be from
 * that value. The error starts from OpenCL's table of error bounds (OpenCL C 1.2, section 7.4) and
 * from the length of a sum, and carries what the inputs were off; so the tolerance of a whole graph
 * follows from its ops, and none is chosen to let a test pass. */
#ifndef CLG_SELFTEST_ORACLE_H
#define CLG_SELFTEST_ORACLE_H

#include "ops/ops.h"

struct clg_oracle_array {
    clg_dtype dtype;
    clg_shape shape; /* numbers only, no multiple of the batch */
    int64_t count;
    double *value;
    double *error; /* absolute, >= 0 */
};

struct clg_oracle_call {
    struct clg_ctx *ctx;
    const struct clg_op *op;
    const void *attr;
    uint32_t n_in, n_out;
    const struct clg_oracle_array *in;
    struct clg_oracle_array *out; /* error is preset to 0 */
    const double *leaf;           /* a leaf's values */
    uint64_t seed, draw;          /* of random ops */
};

/* clg_oracle_NAME, for every op. */
#define OP(name, ...) void clg_oracle_##name(const struct clg_oracle_call *call);
#include "ops/ops.def"
#undef OP

/* Half a float32 ulp of 1: the relative error of one correctly rounded operation. */
#define CLG_ROUND 0x1p-24

/* One float32 unit in the last place of x; that of the smallest normal number below it. */
double clg_ulp(double x);

/* How many additions a term of a sum of n goes through at most: the promise of
 * docs/architecture.md, blocks of 256, of whose sums again 256 are added up, and so on. */
int64_t clg_sum_depth(int64_t n);

/* The error of a float32 sum of n terms is at most this times the sum of their absolute values: a
 * rounding for each addition that a term goes through, n - 1 for a few terms, clg_sum_depth for
 * very many; between them 4 sqrt(n). Roundings behave like independent random numbers of mean zero
 * while a sum is short; 4 sqrt(n) holds with a probability of 1 - 2 exp(-8) whatever the order of
 * the additions (Higham & Mary, SIAM J. Sci. Comput. 41, 2019, theorem 2.4). */
double clg_sum_error(int64_t n);

/* Product of the dimensions first <= i < end. */
int64_t clg_extent(const clg_shape *shape, int first, int end);

/* The element of an array of shape `from` that NumPy's broadcasting puts at element i of `to`. */
int64_t clg_broadcast_at(const clg_shape *from, const clg_shape *to, int64_t i);

/* Where element i of `shape` lies along each dimension, and back. */
void clg_unravel(const clg_shape *shape, int64_t i, int64_t index[CLG_MAX_RANK]);
int64_t clg_ravel(const clg_shape *shape, const int64_t index[CLG_MAX_RANK]);

/* An elementwise op from two functions: the value at x (one number per input, and the uniform
 * number after them for a random op) with parameters p, and the absolute error that float32
 * arithmetic makes there, given the result. What the inputs are off is carried on by trying x -
 * error and x + error. */
typedef double clg_scalar_value(const double *x, const double *p);
typedef double clg_scalar_error(const double *x, const double *p, double result);
void clg_map_oracle(const struct clg_oracle_call *call, clg_scalar_value *value,
                    clg_scalar_error *error);
/* The same with parameters other than the attribute's (those that follow from sizes). */
void clg_map_oracle_with(const struct clg_oracle_call *call, const double p[4],
                         clg_scalar_value *value, clg_scalar_error *error);

/* The uniform number that random node `number` of the graph uses for an element. */
double clg_uniform_at(const struct clg_oracle_call *call, uint32_t number, int64_t element);

/* An elementwise oracle in a line: a, b and c are the inputs, p the parameters, r (in the error)
 * the result. The error is written with ULPS, ROUND and the magnitudes that were rounded on the
 * way. */
#define ULPS(n) ((n)*clg_ulp(r))
#define EXACT   0.0
#define ELEMENTWISE(name, formula, error_bound)                                                    \
    static double name##_value(const double *x, const double *p)                                   \
    {                                                                                              \
        const double a = x[0], b = x[1], c = x[2];                                                 \
        (void)a, (void)b, (void)c, (void)p;                                                        \
        return formula;                                                                            \
    }                                                                                              \
    static double name##_error(const double *x, const double *p, double r)                         \
    {                                                                                              \
        const double a = x[0], b = x[1], c = x[2];                                                 \
        (void)a, (void)b, (void)c, (void)p, (void)r;                                               \
        return error_bound;                                                                        \
    }                                                                                              \
    void clg_oracle_##name(const struct clg_oracle_call *call)                                     \
    {                                                                                              \
        clg_map_oracle(call, name##_value, name##_error);                                          \
    }                                                                                              \
    struct clg_needs_semicolon

#endif
