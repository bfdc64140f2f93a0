/* conv.cl: images to columns and back, for convolutions by matrix products.
 *
 * A convolution of x (N, C, H, W) with kernels (kh, kw) sees at place p = oh OW + ow of its result, for
 * row r = (c kh + ki) kw + kj, the number x[n, c, oh sh - ph + ki dh, ow sw - pw + kj dw], or 0 in
 * the padding. col holds it at r row_step + n image_step + p. Of x and col, nb images. */
#include "common.clh"

#define GEOMETRY                                                                                   \
    const int nb, const int C, const int H, const int W, const int kh, const int kw, const int OH, \
        const int OW, const int sh, const int sw, const int ph, const int pw, const int dh,        \
        const int dw, const int row_step, const int image_step

#if FORM_ITEM

/* Of places with pixel ow s - left: those that lie in the image are *first <= ow < *end. */
INLINE void inside(int left, int s, int W, int OW, int *first, int *end)
{
    const int last = W - 1 + left;
    *end = last < 0 ? 0 : min(last / s + 1, OW);
    *first = min(max((left + s - 1) / s, 0), *end);
}

INLINE void fill_zeros(global float *to, int first, int end)
{
    for (int i = first; i < end; i++)
        to[i] = 0.0f;
}

/* A row of the result's places from a row of pixels. */
INLINE void take_pixels(global const float *pixels, global float *to, int first, int end, int s,
                        int left)
{
    int i = first;
    if (s == 1)
        for (; i <= end - VW; i += VW)
            STOREV(LOADV(pixels + (i - left)), to + i);
    for (; i < end; i++)
        to[i] = pixels[i * s - left];
}

INLINE void add_places(global const float *from, global float *pixels, int first, int end, int s,
                       int left)
{
    int i = first;
    if (s == 1)
        for (; i <= end - VW; i += VW)
            STOREV(LOADV(pixels + (i - left)) + LOADV(from + i), pixels + (i - left));
    for (; i < end; i++)
        pixels[i * s - left] += from[i];
}

kernel void im2col(TENSOR(const float, x), TENSOR(float, col), GEOMETRY)
{
    OPEN(const float, x);
    OPEN(float, col);
    const uint rows = C * kh * kw;
    for (uint u = work_item(); u < rows * nb; u += get_global_size(0)) {
        const int r = u % rows, n = u / rows, kj = r % kw, ki = r / kw % kh, c = r / kw / kh;
        const int left = pw - kj * dw;
        global const float *from = x + (uint)(n * C + c) * H * W;
        global float *to = col + ((uint)r * row_step + (uint)n * image_step);
        int first, end;
        inside(left, sw, W, OW, &first, &end);
        for (int oh = 0; oh < OH; oh++, to += OW) {
            const int h = oh * sh - ph + ki * dh;
            if (h < 0 || h >= H) {
                fill_zeros(to, 0, OW);
            } else {
                fill_zeros(to, 0, first);
                take_pixels(from + h * W, to, first, end, sw, left);
                fill_zeros(to, end, OW);
            }
        }
    }
}

/* x[n, c, h, w] = the sum of col over all places and rows that see this pixel, ki before kj. */
kernel void col2im(TENSOR(const float, col), TENSOR(float, x), GEOMETRY)
{
    OPEN(const float, col);
    OPEN(float, x);
    for (uint u = work_item(); u < (uint)(nb * C * H); u += get_global_size(0)) {
        const int h = u % H, c = u / H % C, n = u / H / C;
        global float *to = x + u * W;
        fill_zeros(to, 0, W);
        for (int ki = 0; ki < kh; ki++) {
            const int t = h + ph - ki * dh, oh = t / sh;
            if (t < 0 || t % sh != 0 || oh >= OH)
                continue;
            for (int kj = 0; kj < kw; kj++) {
                const int r = (c * kh + ki) * kw + kj, left = pw - kj * dw;
                int first, end;
                inside(left, sw, W, OW, &first, &end);
                add_places(col + ((uint)r * row_step + (uint)n * image_step + (uint)oh * OW), to,
                           first, end, sw, left);
            }
        }
    }
}

#else

kernel void im2col(TENSOR(const float, x), TENSOR(float, col), GEOMETRY)
{
    OPEN(const float, x);
    OPEN(float, col);
    const uint places = OH * OW, rows = C * kh * kw;
    for (uint u = work_item(); u < rows * nb * places; u += get_global_size(0)) {
        const int p = u % places, n = u / places % nb, r = u / places / nb;
        const int kj = r % kw, ki = r / kw % kh, c = r / kw / kh;
        const int h = p / OW * sh - ph + ki * dh, w = p % OW * sw - pw + kj * dw;
        const bool in = h >= 0 && h < H && w >= 0 && w < W;
        col[(uint)r * row_step + (uint)n * image_step + p] =
            in ? x[((uint)(n * C + c) * H + h) * W + w] : 0.0f;
    }
}

/* x[n, c, h, w] = the sum of col over all places and rows that see this pixel, ki before kj. */
kernel void col2im(TENSOR(const float, col), TENSOR(float, x), GEOMETRY)
{
    OPEN(const float, col);
    OPEN(float, x);
    for (uint u = work_item(); u < (uint)(nb * C * H * W); u += get_global_size(0)) {
        const int w = u % W, h = u / W % H, c = u / W / H % C, n = u / W / H / C;
        float sum = 0.0f;
        for (int ki = 0; ki < kh; ki++) {
            const int t = h + ph - ki * dh, oh = t / sh;
            if (t < 0 || t % sh != 0 || oh >= OH)
                continue;
            for (int kj = 0; kj < kw; kj++) {
                const int v = w + pw - kj * dw, ow = v / sw;
                if (v >= 0 && v % sw == 0 && ow < OW)
                    sum += col[(uint)((c * kh + ki) * kw + kj) * row_step + (uint)n * image_step +
                               (uint)oh * OW + ow];
            }
        }
        x[u] = sum;
    }
}

#endif

/* y (n) += x */
kernel void add_to(TENSOR(const float, x), TENSOR(float, y), const int n)
{
    OPEN(const float, x);
    OPEN(float, y);
    for (uint i = work_item(); i < (uint)n; i += get_global_size(0))
        y[i] += x[i];
}
