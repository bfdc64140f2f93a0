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
    const ulong now =
        first ? number(block + BLOCK_STEP) + number(block + BLOCK_SKIPPED) + 1 : before;
    block[BLOCK_FIRST_BAD] = (uint)now;
    block[BLOCK_FIRST_BAD + 1] = (uint)(now >> 32);
    block[BLOCK_WHY] = first ? block[BLOCK_RAISED] : block[BLOCK_WHY];
    block[BLOCK_SKIP] |= bad;
    block[BLOCK_RAISED] = looked && block[BLOCK_ON_BAD] ? 0 : block[BLOCK_RAISED];
}

/* Where bad steps are skipped, one is over with its update: the next forward begins anew, unless its
 * gradients are added to those of a bad batch. */
INLINE void begin_anew(global uint *block, const int computed)
{
    uint waiting = 0;
    EACH(p, 16)
        waiting |= block[BLOCK_WORDS + 16 * p + PART_BATCHES];
    block[BLOCK_SKIP] = computed && block[BLOCK_ON_BAD] && !waiting ? 0 : block[BLOCK_SKIP];
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

/* From the sums of squares of the optimizer's gradients: their norm, and the factor that keeps it within
 * the maximum, max / (norm + 1e-6) but 1 at most, as torch.nn.utils.clip_grad_norm_ has it. A norm that is
 * not finite makes the step a bad one. count: SQUARES, or 0 for an optimizer that has none. */
INLINE void clip_norm(global uint *block, const uint p, const int count)
{
    global uint *own = block + BLOCK_WORDS + 16 * p;
    global const float *squares = (global const float *)block + BLOCK_SQUARES + SQUARES * p;
    float4 s4 = 0; /* no halves of a wider one, which Oclgrind takes for uninitialised */
    for (int i = 0; i < count; i += 4)
        s4 += vload4(0, squares + i);
    const float norm = sqrt((s4.x + s4.z) + (s4.y + s4.w));
    const float factor = min(1.0f, as_float(own[PART_MAX_NORM]) / (norm + 1e-6f));
    own[PART_NORM] = count ? as_uint(norm) : own[PART_NORM];
    own[PART_CLIP] = count ? as_uint(factor) : own[PART_CLIP];
    block[BLOCK_RAISED] |= count && !isfinite(norm) ? RAISED_UPDATE : 0;
}

/* What closes a part of a step, by one work-item:
 * part 0, a forward in inference: the cursor moves on, the metrics add up.
 * part 1, forward and backward in training: the same, and before it the losses are looked at and the draw
 *   counter advances; a bad step adds nothing.
 * part 2, the checks of the updates: their flags count for this step too; a good step is counted, once in
 *   all and once for each optimizer, a bit in `updated`. What follows is applied, or gated.
 * part 3, forward and backward of a batch whose gradients are added to those of the next update: as part
 *   1, and the batch is counted for each optimizer.
 * part 4, gradients that were written since part 1.
 * clipped: a bit for each optimizer whose gradients' norm is new.
 * One kernel for all, so that a cold start compiles one. */
kernel void step_end(global uint *block, global const float *own, global uint *tally, const int losses,
                     const int metrics, const int first, const int batch, const int part,
                     const uint updated, const uint clipped)
{
    const int computed = part == 1 || part == 3;
    const int looked_at = computed ? losses : 0;
    begin_anew(block, computed);
    EACH(p, 16)
        clip_norm(block, p, clipped >> p & 1 ? SQUARES : 0);
    EACH(k, looked_at)
        block[BLOCK_RAISED] |= isfinite(own[tally[TALLY_SLOTS + k]]) ? 0 : RAISED_LOSS;
    merge_flags(block, part != 0);

    const uint drawn = computed;
    advance(block + BLOCK_DRAW, drawn);
    tally[TALLY_CURSOR] = min(tally[TALLY_CURSOR] + (part == 0 || computed ? batch : 0), CURSOR_MAX);
    const int added = part == 0 || (computed && !block[BLOCK_SKIP]) ? metrics : 0;
    EACH(k, added) {
        global uint *at = tally + first + 4 * k;
        add_carried((global float *)at, own[tally[TALLY_SLOTS + losses + k]] * batch);
        at[2] += batch;
        at[3] += at[2] < (uint)batch;
    }

    const uint good = part == 2 && !block[BLOCK_SKIP];
    advance(block + BLOCK_STEP, good);
    advance(block + BLOCK_SKIPPED, part == 2 && block[BLOCK_SKIP] && block[BLOCK_ON_BAD]);
    EACH(p, 16) {
        global uint *own = block + BLOCK_WORDS + 16 * p;
        const uint mine = updated >> p & 1;
        advance(own + PART_STEPS, mine & good);
        own[PART_LOOK] &= ~(mine & good); /* applying may set it */
        own[PART_BATCHES] = part == 3 ? own[PART_BATCHES] + mine : own[PART_BATCHES] * !mine;
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
