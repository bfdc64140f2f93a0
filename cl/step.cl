/* step.cl: what closes the halves of a step, and gated copies into the store.
 *
 * tally: word 0 is the cursor of the feeds; then come the places of the losses and metrics in `own`; from
 * word `first`, four words a metric: sum and carry (floats), count (low, high). */
#include "common.clh"

#define TALLY_CURSOR 0
#define TALLY_SLOTS  1
#define CURSOR_MAX   0x7fffffffu /* past the end of every array, where rows are clamped */

#define EACH(k, count) for (uint k = work_item(); k < (uint)(count); k += get_global_size(0))

/* The number of two words. */
INLINE ulong number(global const uint *words)
{
    return upsample(words[1], words[0]);
}

/* A new flag makes the step that was computed a bad one, and the first of them if there was none; looked
 * 0: not now. */
INLINE void merge_flags(global uint *block, const int looked)
{
    const int bad = looked && block[BLOCK_RAISED] && !block[BLOCK_SKIP];
    const ulong before = number(block + BLOCK_FIRST_BAD);
    const int first = bad && before == 0;
    const ulong now = first ? number(block + BLOCK_STEP) + 1 : before;
    block[BLOCK_FIRST_BAD] = (uint)now;
    block[BLOCK_FIRST_BAD + 1] = (uint)(now >> 32);
    block[BLOCK_WHY] = first ? block[BLOCK_RAISED] : block[BLOCK_WHY];
    block[BLOCK_SKIP] |= bad;
}

/* The number of two words += by, which is 0 or 1. */
INLINE void advance(global uint *words, const uint by)
{
    words[0] += by;
    words[1] += by & (words[0] == 0);
}

/* sum += x with the rounding error carried along (Kahan 1965). */
INLINE void add_carried(global float *sum, float x)
{
    float y = x - sum[1];
    float t = sum[0] + y;
    sum[1] = (t - sum[0]) - y;
    sum[0] = t;
}

/* What closes a part of a step, by one work-item:
 * part 0, a forward in inference: the cursor moves on, the metrics add up.
 * part 1, forward and backward in training: the same, and before it the losses are looked at and the draw
 *   counter advances; a bad step adds nothing.
 * part 2, the checks of the updates: their flags count for this step too; a good step is counted, once in
 *   all and once for each optimizer, a bit in `updated`. What follows is applied, or gated.
 * One kernel for all, so that a cold start compiles one. */
kernel void step_end(global uint *block, global const float *own, global uint *tally, const int losses,
                     const int metrics, const int first, const int batch, const int part,
                     const uint updated)
{
    const int looked_at = part == 1 ? losses : 0;
    EACH(k, looked_at)
        block[BLOCK_RAISED] |= isfinite(own[tally[TALLY_SLOTS + k]]) ? 0 : RAISED_LOSS;
    merge_flags(block, part != 0);

    const uint drawn = part == 1;
    advance(block + BLOCK_DRAW, drawn);
    tally[TALLY_CURSOR] = min(tally[TALLY_CURSOR] + (part == 2 ? 0 : batch), CURSOR_MAX);
    const int added = part == 2 || (part == 1 && block[BLOCK_SKIP]) ? 0 : metrics;
    EACH(k, added) {
        global uint *at = tally + first + 4 * k;
        add_carried((global float *)at, own[tally[TALLY_SLOTS + losses + k]] * batch);
        at[2] += batch;
        at[3] += at[2] < (uint)batch;
    }

    const uint good = part == 2 && !block[BLOCK_SKIP];
    advance(block + BLOCK_STEP, good);
    EACH(p, 16) {
        advance(block + BLOCK_WORDS + 16 * p + PART_STEPS, updated >> p & good);
        block[BLOCK_WORDS + 16 * p + PART_LOOK] &= ~(updated >> p & good); /* applying may set it */
    }
}

/* y = x (n); gated: not in a bad step. */
kernel void assign(TENSOR(const float, x), TENSOR(float, y), global const uint *block, const int n,
                   const int gated)
{
    OPEN(const float, x);
    OPEN(float, y);
    const int count = gated && block[BLOCK_SKIP] ? 0 : n;
    EACH(i, count)
        y[i] = x[i];
}
