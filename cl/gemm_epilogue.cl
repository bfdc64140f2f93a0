/* gemm_epilogue.cl: C = act(C + bias) in place, after a product that cannot do it: C (rows, N),
 * bias (N), or with ACT_GATE a gate (rows, N) in its place. */
#include "common.clh"
#include "activation.clh"

#if FORM_ITEM
/* A row per work-item, by vectors; the tail in a vector of its own. */
kernel void epilogue(const int rows, const int N, const int has_bias, const int activation,
                     TENSOR(float, c), TENSOR(const float, bias))
{
    OPEN(float, c);
    OPEN(const float, bias);

    for (uint i = work_item(); i < (uint)rows; i += get_global_size(0)) {
        global float *row = c + (long)i * N;

        for (int j = 0; activation == ACT_GATE && j < N; j++)
            row[j] = bias[(long)i * N + j] <= 0.0f ? 0.0f : row[j];
        for (int j = 0; activation != ACT_GATE && j < N; j += VW) {
            float part[VW];
            floatv x = 0.0f;

            if (j + VW <= N) {
                x = LOADV(row + j) + (has_bias ? LOADV(bias + j) : (floatv)(0.0f));
                STOREV(activate(x, activation), row + j);
            } else {
                for (int n = 0; n < VW; n++)
                    part[n] = j + n < N ? row[j + n] + (has_bias ? bias[j + n] : 0.0f) : 0.0f;
                STOREV(activate(LOADV(part), activation), part);
                for (int n = 0; j + n < N; n++)
                    row[j + n] = part[n];
            }
        }
    }
}
#else
kernel void epilogue(const int rows, const int N, const int has_bias, const int activation,
                     TENSOR(float, c), TENSOR(const float, bias))
{
    OPEN(float, c);
    OPEN(const float, bias);

    for (long e = (long)work_item(); e < (long)rows * N; e += (long)get_global_size(0))
        c[e] = activation == ACT_GATE
                   ? pass_gate(c[e], bias[e])
                   : activate(c[e] + (has_bias ? bias[e % N] : 0.0f), activation);
}
#endif
