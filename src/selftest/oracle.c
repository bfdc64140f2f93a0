#include <float.h>
#include <math.h>
#include "base/philox.h"
#include "selftest/oracle.h"

double clg_ulp(double x)
{
    int exponent;
    if (!isfinite(x) || fabs(x) < FLT_MIN)
        return 0x1p-149;
    frexp(x, &exponent);
    return ldexp(1.0, exponent - 24);
}

int64_t clg_sum_depth(int64_t n)
{
    const int64_t block = 256;
    int64_t depth = 0;
    for (; n > block; n = (n + block - 1) / block)
        depth += block;
    return depth + n;
}

double clg_sum_error(int64_t n)
{
    double depth = (double)clg_sum_depth(n);
    return CLG_ROUND * (n <= 16 ? depth : fmin(depth, 4 * sqrt((double)n)));
}

int64_t clg_extent(const clg_shape *shape, int first, int end)
{
    int64_t count = 1;
    for (int i = first; i < end; i++)
        count *= shape->dim[i];
    return count;
}

void clg_unravel(const clg_shape *shape, int64_t i, int64_t index[CLG_MAX_RANK])
{
    for (int d = shape->rank - 1; d >= 0; d--) {
        index[d] = i % shape->dim[d];
        i /= shape->dim[d];
    }
}

int64_t clg_ravel(const clg_shape *shape, const int64_t index[CLG_MAX_RANK])
{
    int64_t i = 0;
    for (int d = 0; d < shape->rank; d++)
        i = i * shape->dim[d] + index[d];
    return i;
}

int64_t clg_broadcast_at(const clg_shape *from, const clg_shape *to, int64_t i)
{
    int64_t index[CLG_MAX_RANK], at = 0;
    clg_unravel(to, i, index);
    for (int d = 0; d < from->rank; d++) {
        int64_t along = index[to->rank - from->rank + d];
        at = at * from->dim[d] + (from->dim[d] == 1 ? 0 : along);
    }
    return at;
}

double clg_uniform_at(const struct clg_oracle_call *call, uint32_t number, int64_t element)
{
    int64_t block = element / 64, word = element % 64 / 16, lane = element % 16;
    uint32_t counter[4] = {(uint32_t)(block * 16 + lane), number, (uint32_t)call->draw,
                           (uint32_t)(call->draw >> 32)};
    uint32_t key[2] = {(uint32_t)call->seed, (uint32_t)(call->seed >> 32)}, out[4];
    clg_philox(counter, key, out);
    return (out[word] >> 8) * 0x1p-24;
}

/* How much the result moves when input i is off by its error, to either side. */
static double carried(clg_scalar_value *value, double *x, const double *p, uint32_t i, double error,
                      double result)
{
    double at = x[i], low, high;
    if (!(error > 0))
        return 0;
    x[i] = at - error;
    low = fabs(value(x, p) - result);
    x[i] = at + error;
    high = fabs(value(x, p) - result);
    x[i] = at;
    return fmax(low, high);
}

void clg_map_oracle_with(const struct clg_oracle_call *call, const double p[4],
                         clg_scalar_value *value, clg_scalar_error *error)
{
    const struct clg_ew_attr *attr = call->attr;
    struct clg_oracle_array *y = call->out;
    for (int64_t i = 0; i < y->count; i++) {
        double x[4] = {0};
        int64_t at[3] = {0};
        for (uint32_t k = 0; k < call->n_in; k++) {
            at[k] = clg_broadcast_at(&call->in[k].shape, &y->shape, i);
            x[k] = call->in[k].value[at[k]];
        }
        if (call->op->flags & CLG_OP_RANDOM)
            x[call->n_in] = clg_uniform_at(call, attr->number, i);
        y->value[i] = value(x, p);
        y->error[i] = error(x, p, y->value[i]);
        for (uint32_t k = 0; k < call->n_in; k++)
            y->error[i] += carried(value, x, p, k, call->in[k].error[at[k]], y->value[i]);
    }
}

void clg_map_oracle(const struct clg_oracle_call *call, clg_scalar_value *value,
                    clg_scalar_error *error)
{
    const struct clg_ew_attr *attr = call->attr;
    double p[4];
    for (int i = 0; i < 4; i++)
        p[i] = attr->p[i];
    clg_map_oracle_with(call, p, value, error);
}
