/* optim.cl: update rules over a whole chunk of parameters (src/optim/optim.def).
 *
 * The chunk is cut into segments of SEGMENT floats; table[s] is (factor of the learning rate, weight
 * decay) of segment s, with a factor below 0 where nothing may be touched. `part` is the optimizer's
 * part of the block. Nothing is written while a bad step is recorded; an element whose new value or state is not
 * finite stays as it was, and flags the step. */
#include "common.clh"

#define SEGMENT 64 /* CLG_SEGMENT of src/store/store.h */

#if FORM_ITEM
#define WIDTH VW
typedef floatv real;
typedef CAT(int, VW) truth;
#define LOAD(p)     LOADV(p)
#define STORE(v, p) STOREV(v, p)
#define EVERY(x)    all(x)
#else
#define WIDTH 1
typedef float real;
typedef int truth;
#define LOAD(p)     (*(p))
#define STORE(v, p) (*(p) = (v))
#define EVERY(x)    (x)
#endif

#define FINITE(x) (fabs(x) <= (real)(FLT_MAX))

/* Over the chunk's vectors, i being the first element of one, or over none while a bad step is recorded: a
 * work-item takes a run of its own in the item form, and strides in the group form. */
#define VECTORS const int vectors = block[BLOCK_FIRST_BAD] ? 0 : segments * (SEGMENT / WIDTH);
#if FORM_ITEM
#define FOR_VECTORS(i)                                                                             \
    VECTORS                                                                                        \
    const int share = (vectors + (int)get_global_size(0) - 1) / (int)get_global_size(0);           \
    const int begin = (int)work_item() * share;                                                    \
    const int end = min(begin + share, vectors);                                                   \
    for (int i = begin * WIDTH; i < end * WIDTH; i += WIDTH)
#else
#define FOR_VECTORS(i)                                                                             \
    VECTORS                                                                                        \
    for (int i = (int)work_item(); i < vectors; i += (int)get_global_size(0))
#endif

/* g += decay w; w -= lr g */
kernel void sgd(global float *w, global const float *g, global const float2 *table,
                global uint *block, const int part, const int segments)
{
    const float lr = as_float(block[part + PART_LR]);
    int bad = 0;
    FOR_VECTORS(i)
    {
        float2 p = table[i / SEGMENT];
        if (p.x < 0)
            continue;
        real old_w = LOAD(w + i);
        real grad = LOAD(g + i) + p.y * old_w;
        real new_w = old_w - lr * p.x * grad;
        truth good = FINITE(new_w);
        STORE(select(old_w, new_w, good), w + i);
        bad |= !EVERY(good);
    }
    if (bad)
        raise(block, RAISED_UPDATE);
}

/* g += decay w; v = momentum v + g; w -= lr (nesterov ? g + momentum v : v)
 * Sutskever et al. 2013. */
kernel void sgd_momentum(global float *w, global const float *g, global float *v,
                         global const float2 *table, global uint *block, const int part,
                         const int segments, const float momentum, const int nesterov)
{
    const float lr = as_float(block[part + PART_LR]);
    int bad = 0;
    FOR_VECTORS(i)
    {
        float2 p = table[i / SEGMENT];
        if (p.x < 0)
            continue;
        real old_w = LOAD(w + i), old_v = LOAD(v + i);
        real grad = LOAD(g + i) + p.y * old_w;
        real new_v = momentum * old_v + grad;
        real new_w = old_w - lr * p.x * (nesterov ? grad + momentum * new_v : new_v);
        truth good = FINITE(new_w) & FINITE(new_v);
        STORE(select(old_w, new_w, good), w + i);
        STORE(select(old_v, new_v, good), v + i);
        bad |= !EVERY(good);
    }
    if (bad)
        raise(block, RAISED_UPDATE);
}

/* decoupled (AdamW): w -= lr decay w; else (Adam): g += decay w. Then, at step t,
 *   m = b1 m + (1-b1) g          v = b2 v + (1-b2) g^2
 *   w -= lr / (1-b1^t) * m / (sqrt(v / (1-b2^t)) + eps)
 * with rest = 1-b and 1-b^t = -expm1(t ln b). Kingma & Ba 2015; Loshchilov & Hutter 2019. */
kernel void adam(global float *w, global const float *g, global float *m, global float *v,
                 global const float2 *table, global uint *block, const int part, const int segments,
                 const float beta1, const float rest1, const float log_beta1, const float beta2,
                 const float rest2, const float log_beta2, const float eps, const int decoupled)
{
    const float lr = as_float(block[part + PART_LR]), t = (float)(block[part + PART_STEPS] + 1);
    const float step = lr / -expm1(t * log_beta1), scale = rsqrt(-expm1(t * log_beta2));
    int bad = 0;
    FOR_VECTORS(i)
    {
        float2 p = table[i / SEGMENT];
        if (p.x < 0)
            continue;
        real old_w = LOAD(w + i), old_m = LOAD(m + i), old_v = LOAD(v + i);
        real grad = LOAD(g + i) + (decoupled ? 0 : p.y) * old_w;
        real new_m = beta1 * old_m + rest1 * grad;
        real new_v = beta2 * old_v + rest2 * grad * grad;
        real new_w = old_w - (decoupled ? lr * p.x * p.y : 0) * old_w;
        new_w -= step * p.x * new_m / (sqrt(new_v) * scale + eps);
        truth good = FINITE(new_w) & FINITE(new_m) & FINITE(new_v);
        STORE(select(old_w, new_w, good), w + i);
        STORE(select(old_m, new_m, good), m + i);
        STORE(select(old_v, new_v, good), v + i);
        bad |= !EVERY(good);
    }
    if (bad)
        raise(block, RAISED_UPDATE);
}
