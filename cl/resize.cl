/* resize.cl: planes (H, W) in another size (OH, OW), windows of them, and the gradients, which look
 * for what reads each place instead of adding to it. */
#include "common.clh"

#define EACH(count) for (uint u = work_item(); u < (uint)(count); u += get_global_size(0))

/* Place o of `to` lies at (o + 1/2) from / to - 1/2 of `from`, 0 at least: between *low and *high, the
 * share *t of the way; in whole numbers, so that forward and backward agree. The nearest is the
 * one that o from / to falls into. */
INLINE void source_of(int o, int from, int to, int nearest, int *low, int *high, float *t)
{
    if (nearest) {
        *low = *high = (int)((long)o * from / to);
        *t = 0.0f;
    } else {
        const long at = max((2 * (long)o + 1) * from - to, 0L), whole = at / (2 * (long)to);
        *low = (int)whole;
        *high = min(*low + 1, from - 1);
        *t = (float)(at - whole * 2 * to) / (float)(2 * to);
    }
}

/* What place i of `from` weighs in place o of `to`. */
INLINE float weight_of(int i, int o, int from, int to, int nearest)
{
    int low, high;
    float t;
    source_of(o, from, to, nearest, &low, &high, &t);
    return (low == i ? 1.0f - t : 0.0f) + (high == i ? t : 0.0f);
}

/* The places of `to` that may read place i: *first <= o < *end. Those next to it weigh 0. */
INLINE void readers_of(int i, int from, int to, int *first, int *end)
{
    *first = i == 0 ? 0 : (int)(((long)i - 1) * to / from);
    *end = i + 1 >= from ? to : (int)min(((long)i + 2) * to / from + 1, (long)to);
}

/* y (planes, OH, OW) of x (planes, H, W). */
kernel void upsample2d(TENSOR(const float, x), TENSOR(float, y), const int planes, const int H,
                       const int W, const int OH, const int OW, const int nearest)
{
    OPEN(const float, x);
    OPEN(float, y);
    EACH(planes * OH * OW)
    {
        int h0, h1, w0, w1;
        float th, tw;
        source_of(u / OW % OH, H, OH, nearest, &h0, &h1, &th);
        source_of(u % OW, W, OW, nearest, &w0, &w1, &tw);
        const uint plane = u / OW / OH * (uint)(H * W);
        const float a = x[plane + h0 * W + w0], b = x[plane + h0 * W + w1];
        const float c = x[plane + h1 * W + w0], d = x[plane + h1 * W + w1];
        const float above = (1.0f - tw) * a + tw * b, below = (1.0f - tw) * c + tw * d;
        y[u] = nearest ? a : (1.0f - th) * above + th * below;
    }
}

/* The sum over a row of places of dy times what column w weighs there. */
INLINE float weighted_row(global const float *dy, int w, int W, int OW, int nearest, int first, int end)
{
    float sum = 0.0f;
#define WEIGHTED(T, o) (weight_of(w, o, W, OW, nearest) * dy[o])
    ADD_UP(float, sum, first, end, 1, WEIGHTED)
    return sum;
}

/* dx[h, w] = the sum over all places of dy times what (h, w) weighs there. */
kernel void upsample2d_grad(TENSOR(const float, dy), TENSOR(float, dx), const int planes,
                            const int H, const int W, const int OH, const int OW,
                            const int nearest)
{
    OPEN(const float, dy);
    OPEN(float, dx);
    EACH(planes * H * W)
    {
        const int w = u % W, h = u / W % H;
        const uint plane = u / W / H * (uint)(OH * OW);
        int h0, h1, w0, w1;
        readers_of(h, H, OH, &h0, &h1);
        readers_of(w, W, OW, &w0, &w1);
        float sum = 0.0f;
#define ROW(T, o) \
    (weight_of(h, o, H, OH, nearest) * weighted_row(dy + plane + (o)*OW, w, W, OW, nearest, w0, w1))
        ADD_UP(float, sum, h0, h1, 1, ROW)
        dx[u] = sum;
    }
}

/* Where the window of sample n begins: place (N, 2) in [0, 1) falls into one of room + 1 parts. */
INLINE int begin_of(global const float *place, int n, int d, int room)
{
    return clamp((int)(place[2 * n + d] * (float)(room + 1)), 0, room);
}

/* y (N, C, OH, OW): a window of each sample of x (N, C, H, W). */
kernel void crop2d(TENSOR(const float, x), TENSOR(const float, place), TENSOR(float, y),
                   const int planes, const int C, const int H, const int W, const int OH,
                   const int OW)
{
    OPEN(const float, x);
    OPEN(const float, place);
    OPEN(float, y);
    EACH(planes * OH * OW)
    {
        const int ow = u % OW, oh = u / OW % OH, p = u / OW / OH, n = p / C;
        const int h = oh + begin_of(place, n, 0, H - OH), w = ow + begin_of(place, n, 1, W - OW);
        y[u] = x[(uint)p * (uint)(H * W) + h * W + w];
    }
}

/* dx (N, C, H, W): dy (N, C, OH, OW) in its window, 0 around it. */
kernel void crop2d_grad(TENSOR(const float, dy), TENSOR(const float, place), TENSOR(float, dx),
                        const int planes, const int C, const int H, const int W, const int OH,
                        const int OW)
{
    OPEN(const float, dy);
    OPEN(const float, place);
    OPEN(float, dx);
    EACH(planes * H * W)
    {
        const int p = u / W / H, n = p / C;
        const int oh = (int)(u / W % H) - begin_of(place, n, 0, H - OH);
        const int ow = (int)(u % W) - begin_of(place, n, 1, W - OW);
        const bool inside = oh >= 0 && oh < OH && ow >= 0 && ow < OW;
        dx[u] = inside ? dy[(uint)p * (uint)(OH * OW) + oh * OW + ow] : 0.0f;
    }
}
