/* pool.cl: pooling of planes (H, W) into (OH, OW), and the gradients. */
#include "common.clh"

#define PLANE                                                                                     \
    const int planes, const int H, const int W, const int OH, const int OW, const int kh,         \
        const int kw, const int sh, const int sw, const int ph, const int pw, const int dh,       \
        const int dw, const int flags
/* All kernels take all of them: some do not look at each. */
#define PLANE_TAKEN \
    (void)(kh + kw + sh + sw + ph + pw + dh + dw + flags)
#define EACH(count) for (uint u = work_item(); u < (uint)(count); u += get_global_size(0))

/* flags */
#define COUNT_PADDING 1
#define ADAPTIVE      2

/* Along one dimension, window o is of *first <= i < *end, and counts *count numbers. */
INLINE void window(int o, int extent, int places, int k, int s, int p, int flags, int *first,
                   int *end, int *count)
{
    if (flags & ADAPTIVE) {
        *first = (int)((long)o * extent / places);
        *end = (int)((((long)o + 1) * extent + places - 1) / places);
        *count = *end - *first;
    } else {
        const int from = o * s - p, to = min(from + k, extent + p);
        *first = max(from, 0);
        *end = min(to, extent);
        *count = flags & COUNT_PADDING ? to - from : *end - *first;
    }
}

/* The windows with place i: *first <= o < *end. */
INLINE void places_of(int i, int extent, int places, int k, int s, int p, int flags, int *first,
                      int *end)
{
    if (flags & ADAPTIVE) {
        *first = (int)((long)i * places / extent);
        *end = (int)((((long)i + 1) * places + extent - 1) / extent);
    } else {
        const int t = i + p;
        *first = t < k ? 0 : (t - k) / s + 1;
        *end = min(t / s + 1, places);
    }
}

/* y[o] = the largest x of the window, the first of equals, NaN above all; index[o] = its place
 * h W + w, -1 where the window holds nothing. */
kernel void max_pool2d(TENSOR(const float, x), TENSOR(float, y), TENSOR(int, index), PLANE)
{
    PLANE_TAKEN;
    OPEN(const float, x);
    EACH(planes * OH * OW)
    {
        const int ow = u % OW, oh = u / OW % OH;
        const uint plane = u / OW / OH * (uint)(H * W);
        float m = -INFINITY;
        int best = -1;
        int h0 = oh * sh - ph, w0 = ow * sw - pw, nh = kh, nw = kw, end;
        if (flags & ADAPTIVE) {
            window(oh, H, OH, kh, sh, ph, flags, &h0, &end, &nh);
            window(ow, W, OW, kw, sw, pw, flags, &w0, &end, &nw);
        }
        for (int i = 0; i < nh; i++)
            for (int j = 0; j < nw; j++) {
                const int h = h0 + i * dh, w = w0 + j * dw;
                if (h < 0 || h >= H || w < 0 || w >= W)
                    continue;
                const float v = x[plane + h * W + w];
                if (best < 0 || v > m || (v != v && m == m)) {
                    m = v;
                    best = h * W + w;
                }
            }
        if (y_base)
            y_base[y_at + u] = m;
        if (index_base)
            index_base[index_at + u] = best;
    }
}

/* The sum of the n places of dy whose index is `here`. */
INLINE float picked_sum(global const float *dy, global const int *index, int n, int here)
{
    float sum = 0.0f;
    int i = 0;
#define PICKED(T, i) (index[i] == here ? dy[i] : 0.0f)
    ADD_UP(float, sum, i, n, 1, PICKED)
    return sum;
}

/* dx[h, w] = the sum of dy over the windows whose index this place is; row by row. */
kernel void max_pool2d_grad(TENSOR(const float, dy), TENSOR(const int, index), TENSOR(float, dx),
                            PLANE)
{
    PLANE_TAKEN;
    OPEN(const float, dy);
    OPEN(const int, index);
    OPEN(float, dx);
    EACH(planes * H * W)
    {
        const int w = u % W, h = u / W % H, here = h * W + w;
        const uint plane = u / W / H * (uint)(OH * OW);
        int h0, h1, w0, w1;
        places_of(h, H, OH, (kh - 1) * dh + 1, sh, ph, flags, &h0, &h1);
        places_of(w, W, OW, (kw - 1) * dw + 1, sw, pw, flags, &w0, &w1);
        float sum = 0.0f;
#define PICKED_ROW(T, o) \
    picked_sum(dy + plane + (o)*OW + w0, index + plane + (o)*OW + w0, w1 - w0, here)
        ADD_UP(float, sum, h0, h1, 1, PICKED_ROW)
        dx[u] = sum;
    }
}

/* y[o] = x[index[o]] of the same plane; 0 where the index is no place. */
kernel void max_pool2d_pick(TENSOR(const float, x), TENSOR(const int, index), TENSOR(float, y),
                            PLANE)
{
    PLANE_TAKEN;
    OPEN(const float, x);
    OPEN(const int, index);
    OPEN(float, y);
    EACH(planes * OH * OW)
    {
        const uint plane = u / OW / OH * (uint)(H * W);
        const int k = index[u];
        y[u] = k >= 0 && k < H * W ? x[plane + k] : 0.0f;
    }
}

INLINE float row_sum(global const float *x, int n)
{
    float sum = 0.0f;
    int i = 0;
#define PIXEL(T, i) x[i]
    ADD_UP(float, sum, i, n, 1, PIXEL)
    return sum;
}

/* y[o] = the sum of x over the window, divided by its count. */
kernel void avg_pool2d(TENSOR(const float, x), TENSOR(float, y), PLANE)
{
    PLANE_TAKEN;
    OPEN(const float, x);
    OPEN(float, y);
    EACH(planes * OH * OW)
    {
        const uint plane = u / OW / OH * (uint)(H * W);
        int h0, h1, nh, w0, w1, nw;
        window(u / OW % OH, H, OH, kh, sh, ph, flags, &h0, &h1, &nh);
        window(u % OW, W, OW, kw, sw, pw, flags, &w0, &w1, &nw);
        float sum = 0.0f;
#define ROW(T, h) row_sum(x + plane + (h)*W + w0, w1 - w0)
        ADD_UP(float, sum, h0, h1, 1, ROW)
        y[u] = sum / (float)(nh * nw);
    }
}

/* How many numbers window o counts along a dimension. */
INLINE int count_of(int o, int extent, int places, int k, int s, int p, int flags)
{
    int first, end, count;
    window(o, extent, places, k, s, p, flags, &first, &end, &count);
    return count;
}

/* The sum of dy / (rows columns) over the windows first <= o < end of a row, which count so many rows. */
INLINE float shared_sum(global const float *dy, int rows, int W, int OW, int kw, int sw, int pw,
                        int flags, int first, int end)
{
    float sum = 0.0f;
#define SHARE(T, o) (dy[o] / (float)(rows * count_of(o, W, OW, kw, sw, pw, flags)))
    ADD_UP(float, sum, first, end, 1, SHARE)
    return sum;
}

/* dx[h, w] = the sum over the windows with this place of dy / their count. */
kernel void avg_pool2d_grad(TENSOR(const float, dy), TENSOR(float, dx), PLANE)
{
    PLANE_TAKEN;
    OPEN(const float, dy);
    OPEN(float, dx);
    EACH(planes * H * W)
    {
        const uint plane = u / W / H * (uint)(OH * OW);
        int h0, h1, w0, w1;
        places_of(u / W % H, H, OH, kh, sh, ph, flags, &h0, &h1);
        places_of(u % W, W, OW, kw, sw, pw, flags, &w0, &w1);
        float sum = 0.0f;
#define SHARED_ROW(T, o)                                                                      \
    shared_sum(dy + plane + (o)*OW, count_of(o, H, OH, kh, sh, ph, flags), W, OW, kw, sw, pw, \
               flags, w0, w1)
        ADD_UP(float, sum, h0, h1, 1, SHARED_ROW)
        dx[u] = sum;
    }
}
