/* roof.cl: what a device can do at most, for `clgrad bench roof`. */
#include "common.clh"

/* Independent chains x = x * a + b, enough to hide the latency of two units, few enough for 16
 * registers. The chains tend to b / (1 - a), so nothing overflows however long they are. */
#define EACH_CHAIN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define START(i)      x##i = (float)(id + i),
#define STEP(i)       x##i = x##i * a + b;
#define TOTAL(i)      +x##i

/* 2 * 12 * 4 * VW * rounds operations per work-item. */
kernel void fma_vectors(const int rounds, const float a, const float b, TENSOR(float, out))
{
    OPEN(float, out);
    const int id = (int)work_item();
    floatv EACH_CHAIN(START) total;

    for (int i = id; i < id + rounds; i++) {
        EACH_CHAIN(STEP)
        EACH_CHAIN(STEP)
        EACH_CHAIN(STEP)
        EACH_CHAIN(STEP)
    }
    total = EACH_CHAIN(TOTAL);
    STOREV(total, out + (long)id * VW);
}

/* 2 * 12 * 4 * rounds operations per work-item. */
kernel void fma_scalars(const int rounds, const float a, const float b, TENSOR(float, out))
{
    OPEN(float, out);
    const int id = (int)work_item();
    float EACH_CHAIN(START) total;

    for (int i = id; i < id + rounds; i++) {
        EACH_CHAIN(STEP)
        EACH_CHAIN(STEP)
        EACH_CHAIN(STEP)
        EACH_CHAIN(STEP)
    }
    total = EACH_CHAIN(TOTAL);
    out[id] = total;
}

/* Of `count` vectors, a work-item takes a stretch of neighbours (CPUs), or takes turns with the
 * others (GPUs). */
#define STRETCH(i)                                                                                 \
    for (ulong i = (ulong)count * work_item() / get_global_size(0),                           \
               end = (ulong)count * (work_item() + 1) / get_global_size(0);                   \
         i < end; i++)
#define TURNS(i) for (ulong i = work_item(); i < count; i += get_global_size(0))

/* to = from. */
#define COPY(name, EACH, n)                                                                        \
    kernel void name(const uint count, TENSOR(float, to), TENSOR(const float, from))               \
    {                                                                                              \
        OPEN(float, to);                                                                           \
        OPEN(const float, from);                                                                   \
        EACH(i)                                                                                    \
            CAT(vstore, n)(CAT(vload, n)(i, from), i, to);                                         \
    }

/* The sum keeps the compiler from leaving the loads out. */
#define READ(name, EACH, n)                                                                        \
    kernel void name(const uint count, TENSOR(float, to), TENSOR(const float, from))               \
    {                                                                                              \
        OPEN(float, to);                                                                           \
        OPEN(const float, from);                                                                   \
        CAT(float, n) sum = 0.0f;                                                                  \
        EACH(i)                                                                                    \
            sum += CAT(vload, n)(i, from);                                                         \
        CAT(vstore, n)(sum, work_item(), to);                                                 \
    }

COPY(copy_vectors, STRETCH, 16)
READ(read_vectors, STRETCH, 16)
COPY(copy_scalars, TURNS, 4)
READ(read_scalars, TURNS, 4)
