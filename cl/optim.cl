/* optim.cl: update rules over a whole chunk of parameters (src/optim/optim.def).
 *
 * The chunk is cut into segments of SEGMENT floats; table[s] is (factor of the learning rate, weight
 * decay) of segment s, with a factor below 0 where nothing may be touched. `part` is the optimizer's
 * part of the block.
 *
 * Each kernel runs twice a step, over all chunks of all optimizers: first it checks, writes nothing and
 * flags the step when a new value or state would not be finite; then, when the flags were merged and the
 * step is not a bad one, it applies. Both passes compute by the same lines.
 *
 * A check needs little more than the gradients: while parameters, states, gradients and numbers are
 * ordinary, no rule can get beyond FLT_MAX. Ordinary are |x| <= 2^30; a learning rate, factor, decay and
 * momentum up to 2^10; an eps from 2^-40 on. Then, with every bound rounded up,
 *   g + decay w <= 2^41, momentum v + g <= 2^42, with nesterov 2^53, times lr factor: w <= 2^74
 *   m <= 2^41, v <= 2^82, 1 / (1-b1^t) <= 2^25, lr factor / (1-b1^t) m / eps <= 2^126: w <= 2^127
 * and v cannot be negative, once it was checked. What is not ordinary is computed in the check too: an
 * element by its gradient; all of them (`look`) by the numbers, or when the last values written were not
 * ordinary or not by this plan (PART_LOOK). */
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

#define ORDINARY    0x1p30f
#define ORDINARY_LR 0x1p10f

enum { CHECK, APPLY }; /* pass: enum clg_update_pass of src/graph/graph.h */

/* Over the chunk's vectors, i being the first element of one, or over none in a bad step: a
 * work-item takes a run of its own in the item form, and strides in the group form. */
#define VECTORS const int vectors = block[BLOCK_SKIP] ? 0 : segments * (SEGMENT / WIDTH);
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

/* What every rule takes, in this order: parameters and gradients, the rule's states, the rest. Its own
 * numbers follow. */
#define TRAINED  global float *w_at, global const float *g_at
#define STATE(s) global float *s##_at
#define REST                                                                                       \
    global const float2 *table, global uint *block, const int part, const int segments,            \
        const int pass, const int look

/* A rule says what becomes of an element, between BEGIN_UPDATE and END_UPDATE: it takes the old values
 * (OLD), has the element's gradient g and its segment's factor and decay, and gives the new values (NEW),
 * all under the name of the array. What depends on the step alone, on lr and STEP_NUMBER, stands between
 * OPEN_STEP and BEGIN_UPDATE. */
#define OPEN_STEP                                                                                  \
    const float lr = as_float(block[part + PART_LR]);                                              \
    const int every = (pass == APPLY) | look | block[part + PART_LOOK] | !(lr <= ORDINARY_LR);     \
    const float limit = pass == APPLY ? ORDINARY : FLT_MAX;                                        \
    int beyond = 0;
#define STEP_NUMBER /* it is counted between the passes */                                          \
    (float)(upsample(block[part + PART_STEPS + 1], block[part + PART_STEPS]) + (pass == CHECK))
#define BEGIN_UPDATE                                                                               \
    FOR_VECTORS(i)                                                                                 \
    {                                                                                              \
        const float factor = table[i / SEGMENT].x, decay = table[i / SEGMENT].y;                   \
        if (factor < 0)                                                                            \
            continue;                                                                              \
        real g = LOAD(g_at + i);                                                                   \
        if (!every && EVERY(fabs(g) <= (real)(ORDINARY)))                                          \
            continue;
#define OLD(x) LOAD(x##_at + i)
#define NEW(x)                                                                                     \
    {                                                                                              \
        beyond |= !EVERY(fabs(x) <= (real)(limit));                                                \
        if (pass == APPLY)                                                                         \
            STORE(x, x##_at + i);                                                                  \
    }
#define END_UPDATE                                                                                 \
    }                                                                                              \
    if (beyond && pass == APPLY)                                                                   \
        block[part + PART_LOOK] = 1;                                                               \
    else if (beyond)                                                                               \
        raise(block, RAISED_UPDATE);

/* g += decay w; w -= lr g */
kernel void sgd(TRAINED, REST)
{
    OPEN_STEP
    BEGIN_UPDATE
    real w = OLD(w);
    g += decay * w;
    w -= lr * factor * g;
    NEW(w)
    END_UPDATE
}

/* g += decay w; v = momentum v + g; w -= lr (nesterov ? g + momentum v : v)
 * Sutskever et al. 2013. */
kernel void sgd_momentum(TRAINED, STATE(v), REST, const float momentum, const int nesterov)
{
    OPEN_STEP
    BEGIN_UPDATE
    real w = OLD(w), v = OLD(v);
    g += decay * w;
    v = momentum * v + g;
    w -= lr * factor * (nesterov ? g + momentum * v : v);
    NEW(w)
    NEW(v)
    END_UPDATE
}

/* decoupled (AdamW): w -= lr decay w; else (Adam): g += decay w. Then, at step t,
 *   m = b1 m + (1-b1) g          v = b2 v + (1-b2) g^2
 *   w -= lr / (1-b1^t) * m / (sqrt(v / (1-b2^t)) + eps)
 * with rest = 1-b and 1-b^t = -expm1(t ln b). Kingma & Ba 2015; Loshchilov & Hutter 2019. */
kernel void adam(TRAINED, STATE(m), STATE(v), REST, const float beta1, const float rest1,
                 const float log_beta1, const float beta2, const float rest2, const float log_beta2,
                 const float eps, const int decoupled)
{
    OPEN_STEP
    const float t = STEP_NUMBER;
    const float step = lr / -expm1(t * log_beta1), scale = rsqrt(-expm1(t * log_beta2));
    BEGIN_UPDATE
    real w = OLD(w), m = OLD(m), v = OLD(v);
    g += (decoupled ? 0 : decay) * w;
    m = beta1 * m + rest1 * g;
    v = beta2 * v + rest2 * g * g;
    w -= (decoupled ? lr * factor * decay : 0) * w;
    w -= step * factor * m / (sqrt(v) * scale + eps);
    NEW(w)
    NEW(m)
    NEW(v)
    END_UPDATE
}
