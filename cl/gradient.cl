/* gradient.cl: an optimizer's gradients in a chunk, between backward and update.
 *
 * The chunk is cut into rows of whole segments, a row for each of SQUARES; what table says that the
 * optimizer does not train (optim.clh) is left alone. */
#include "row.clh"

#if !SHORT_ROWS

#define IN_ROWS                                                                            \
    const int share = (segments + SQUARES - 1) / SQUARES * SEGMENT, all = segments * SEGMENT; \
    FOR_ROWS(SQUARES)
#define OPEN_ROW                                 \
    const uint r = ROW(SQUARES);                 \
    const uint at = min(r * (uint)share, (uint)all); \
    const int n = min(share, all - (int)at);
#define IS_TRAINED(i) (table[(at + (i)) / SEGMENT].x >= 0)

/* The optimizer's squares[r] = the sum of g^2 in the row, or += after the first chunk. */
kernel void squares(global const float *g, global const float2 *table, global uint *block,
                    const int part, const int segments, const int first)
{
    ROW_LOCAL;
    global float *sums =
        (global float *)block + BLOCK_SQUARES + (part - BLOCK_WORDS) / 16 * SQUARES;
    IN_ROWS
    {
        OPEN_ROW
        float s;
#define X(T, i) (IS_TRAINED(i) ? GET(T, g, at, i) * GET(T, g, at, i) : (T)(0.0f))
        ROW_SUM(s, n, X)
#undef X
        ROW_PUT(sums, r, first ? s : sums[r] + s);
    }
}

/* sum += g, where sum holds the gradients of the batches before, if there are any. */
kernel void add_batch(global const float *g, global float *sum, global const float2 *table,
                      global const uint *block, const int part, const int segments)
{
    const uint batches = block[part + PART_BATCHES];
    IN_ROWS
    {
        OPEN_ROW
#define X(T, i)          \
    if (IS_TRAINED(i))   \
    PUT(T, sum, at, i, batches ? GET(T, sum, at, i) + GET(T, g, at, i) : GET(T, g, at, i))
        ROW_EACH(n, X)
#undef X
    }
}

/* g = the mean of g and the gradients that are in sum. */
kernel void mean_batch(global float *g, global const float *sum, global const float2 *table,
                       global const uint *block, const int part, const int segments)
{
    const uint batches = block[part + PART_BATCHES];
    const float count = (float)batches + 1.0f;
    IN_ROWS
    {
        OPEN_ROW
#define X(T, i)                     \
    if (IS_TRAINED(i) && batches)   \
    PUT(T, g, at, i, (GET(T, sum, at, i) + GET(T, g, at, i)) / count)
        ROW_EACH(n, X)
#undef X
    }
}

#endif
