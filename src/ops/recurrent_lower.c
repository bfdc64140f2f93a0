/* The time loop of recurrent ops: a product and a kernel a step, with views into whole tensors.
 * What nobody reads later lies in the workspace, two steps of it in turn. */
#include "gemm/gemm.h"
#include "ops/families.h"
#include "ops/recurrent.h"

/* The flags of cl/recurrent.cl. */
enum {
    WANT_Y = 1,
    WANT_GATES = 2,
    HAS_LENGTHS = 4,
    IS_RELU = 8,
    HAS_DY = 16,
    HAS_REC = 32,
    HAS_PASS = 64,
    HAS_DC = 128,
};

struct loop {
    struct clg_sum room; /* the workspace as it is taken */
    const struct clg_recurrent_attr *attr;
    const struct clg_recurrent_cell *cell;
    int64_t T, N, H, GH;
    struct clg_view product, scratch; /* of a step, and the product's own */
};

/* A state that changes from step to step: in slices of a tensor (T, N, H), or two in turn. */
struct slots {
    const struct clg_view *all;
    struct clg_view turn[2];
    struct clg_view first, last; /* before the first step, after the last one */
};

static struct clg_view no_view(void)
{
    return (struct clg_view){.buffer = NULL};
}

static struct clg_view slice(const struct clg_view *view, int64_t t, int64_t each)
{
    struct clg_view at = *view;
    at.offset += (uint64_t)(t * each);
    return at;
}

static struct clg_view given(const struct loop *l, bool grad, uint32_t bit)
{
    int input = clg_recurrent_input(l->attr, grad, bit);
    return input < 0 ? no_view() : l->room.lower->in[input];
}

/* Where in time the k-th step is. */
static int64_t time_of(const struct loop *l, int64_t k)
{
    return l->attr->reverse ? l->T - 1 - k : k;
}

static struct loop loop_of(struct clg_lower *lower, bool dry, const clg_shape *gates,
                           const clg_shape *w)
{
    const struct clg_recurrent_attr *attr = lower->attr;
    return (struct loop){.room = {lower, dry, 0},
                         .attr = attr,
                         .cell = clg_recurrent_cell(attr->cell),
                         .T = gates->dim[0],
                         .N = gates->dim[1],
                         .H = w->dim[1],
                         .GH = w->dim[0]};
}

static void take_scratch(struct loop *l, const struct clg_gemm *gemm)
{
    size_t bytes = clg_gemm_workspace(l->room.lower->device, gemm);
    l->scratch = bytes ? clg_sum_take(&l->room, (int64_t)((bytes + 3) / 4)) : no_view();
}

static void multiply(const struct loop *l, struct clg_gemm gemm, struct clg_view a)
{
    const struct clg_lower *lower = l->room.lower;
    gemm.a = a;
    gemm.c = l->product;
    clg_gemm_lower(lower->launches, &gemm, &l->scratch, lower->label);
}

static void finish_launch(const struct loop *l, struct clg_launch *launch,
                          const struct clg_view *views, int n, int64_t t, int flags)
{
    uint64_t numbers = (uint64_t)(l->N * (2 * l->GH + 4 * l->H));
    for (int i = 0; i < n; i++)
        clg_launch_view(launch, &views[i]);
    clg_launch_int(launch, l->N);
    clg_launch_int(launch, l->H);
    clg_launch_int(launch, l->T);
    clg_launch_int(launch, t);
    clg_launch_int(launch, flags);
    clg_launch_cost(launch, 10 * (uint64_t)(l->N * l->GH), 4 * numbers);
}

static void copy_state(const struct loop *l, const struct clg_view *from, const struct clg_view *to)
{
    struct clg_strided copy = {.from = *from,
                               .to = *to,
                               .rank = 1,
                               .dim = {l->N * l->H},
                               .from_stride = {1},
                               .to_stride = {1}};
    clg_strided_copy(l->room.lower, &copy);
}

/* ---- forward ---- */

static void take_turns(struct loop *l, struct slots *s)
{
    for (int i = 0; i < 2; i++)
        s->turn[i] = clg_sum_take(&l->room, l->N * l->H);
}

/* Of a state whose initial values are input `in`, and whose outputs are those two. */
static struct slots slots_of(struct loop *l, uint32_t in, uint32_t all, uint32_t last)
{
    const struct clg_lower *lower = l->room.lower;
    struct slots s = {.all = &lower->out[all], .first = lower->in[in]};
    take_turns(l, &s);
    s.last = lower->out[last].buffer ? lower->out[last] : s.turn[l->T % 2];
    return s;
}

/* The state before step k; after the last one for k = T. */
static struct clg_view state_at(const struct loop *l, const struct slots *s, int64_t k)
{
    if (k == l->T)
        return s->last;
    if (s->all->buffer)
        return slice(s->all, time_of(l, k), l->N * l->H);
    return k == 0 ? s->first : s->turn[k % 2];
}

static struct clg_gemm forward_product(const struct loop *l)
{
    return (struct clg_gemm){.M = l->N,
                             .N = l->GH,
                             .K = l->H,
                             .batch = 1,
                             .transpose_b = true,
                             .b = l->room.lower->in[1],
                             .bias = given(l, false, CLG_GIVEN_BIAS)};
}

struct forward {
    struct loop loop;
    struct slots h, c;
};

static struct forward forward_of(struct clg_lower *lower, bool dry)
{
    struct forward f = {.loop = loop_of(lower, dry, &lower->in[0].shape, &lower->in[1].shape)};
    struct loop *l = &f.loop;
    f.h = slots_of(l, 2, CLG_OUT_STATES, CLG_OUT_H);
    if (l->cell->states > 1)
        f.c = slots_of(l, 3, CLG_OUT_CELLS, CLG_OUT_C);
    l->product = clg_sum_take(&l->room, l->N * l->GH);
    struct clg_gemm gemm = forward_product(l);
    take_scratch(l, &gemm);
    return f;
}

size_t clg_work_recurrent(const struct clg_lower *lower)
{
    struct clg_lower copy = *lower;
    return forward_of(&copy, true).loop.room.used * sizeof(float);
}

static void launch_step(const struct forward *f, int64_t k)
{
    const struct loop *l = &f->loop;
    struct clg_lower *lower = l->room.lower;
    const struct clg_view *gates = &lower->out[CLG_OUT_GATES], *y = &lower->out[CLG_OUT_Y];
    int64_t t = time_of(l, k), each = l->N * l->cell->saved * l->H;
    bool c = l->cell->states > 1;
    struct clg_view lengths = given(l, false, CLG_GIVEN_LENGTHS);
    int flags = (y->buffer ? WANT_Y : 0) | (gates->buffer ? WANT_GATES : 0) |
                (lengths.buffer ? HAS_LENGTHS : 0) | (l->attr->relu ? IS_RELU : 0);
    const struct clg_view views[] = {slice(&lower->in[0], t, l->N * l->GH),
                                     l->product,
                                     state_at(l, &f->h, k),
                                     c ? state_at(l, &f->c, k) : no_view(),
                                     state_at(l, &f->h, k + 1),
                                     c ? state_at(l, &f->c, k + 1) : no_view(),
                                     *y,
                                     gates->buffer ? slice(gates, t, each) : no_view(),
                                     lengths};
    struct clg_launch *launch = clg_launch_over_rows(lower, "recurrent", l->cell->step, l->N, l->H);
    finish_launch(l, launch, views, sizeof(views) / sizeof(views[0]), t, flags);
}

/* The initial state where the gradient, and the first step, will look for it. */
static void keep_first(const struct loop *l, const struct slots *s)
{
    struct clg_view to = state_at(l, s, 0);
    if (s->all->buffer)
        copy_state(l, &s->first, &to);
}

void clg_lower_recurrent(struct clg_lower *lower)
{
    struct forward f = forward_of(lower, false);
    struct loop *l = &f.loop;
    keep_first(l, &f.h);
    if (l->cell->states > 1)
        keep_first(l, &f.c);
    for (int64_t k = 0; k < l->T; k++) {
        multiply(l, forward_product(l), state_at(l, &f.h, k));
        launch_step(&f, k);
    }
}

/* ---- backward: from the last step to the first ---- */

struct backward {
    struct loop loop;
    struct clg_view pass, dc, dg, dx; /* of one step, dg and dx where they are not outputs */
};

static struct clg_gemm backward_product(const struct loop *l)
{
    return (struct clg_gemm){
        .M = l->N, .N = l->H, .K = l->GH, .batch = 1, .b = l->room.lower->in[0]};
}

static struct backward backward_of(struct clg_lower *lower, bool dry)
{
    struct backward b = {.loop = loop_of(lower, dry, &lower->in[1].shape, &lower->in[0].shape)};
    struct loop *l = &b.loop;
    l->product = clg_sum_take(&l->room, l->N * l->H);
    b.pass = clg_sum_take(&l->room, l->N * l->H);
    b.dg = clg_sum_take(&l->room, l->N * l->GH);
    if (l->attr->cell == CLG_CELL_LSTM) {
        b.dc = clg_sum_take(&l->room, l->N * l->H);
        b.dc = lower->out[CLG_OUT_DC0].buffer ? lower->out[CLG_OUT_DC0] : b.dc;
    }
    if (l->attr->cell == CLG_CELL_GRU)
        b.dx = clg_sum_take(&l->room, l->N * l->GH);
    struct clg_gemm gemm = backward_product(l);
    take_scratch(l, &gemm);
    return b;
}

size_t clg_work_recurrent_grad(const struct clg_lower *lower)
{
    struct clg_lower copy = *lower;
    return backward_of(&copy, true).loop.room.used * sizeof(float);
}

static struct clg_view step_of(const struct loop *l, uint32_t output, int64_t t,
                               struct clg_view otherwise)
{
    const struct clg_view *out = &l->room.lower->out[output];
    return out->buffer ? slice(out, t, l->N * l->GH) : otherwise;
}

static void launch_grad_step(const struct backward *b, int64_t k, struct clg_view dg)
{
    const struct loop *l = &b->loop;
    struct clg_lower *lower = l->room.lower;
    bool first = k == l->T - 1, rnn = l->attr->cell == CLG_CELL_RNN;
    int64_t t = time_of(l, k), each = l->N * l->H;
    struct clg_view lengths = given(l, true, CLG_GIVEN_LENGTHS), dy = given(l, true, CLG_GIVEN_DY);
    uint32_t reaching = l->attr->given;
    int flags = (dy.buffer ? HAS_DY : 0) | (lengths.buffer ? HAS_LENGTHS : 0) |
                (l->attr->relu ? IS_RELU : 0) | (first ? 0 : HAS_REC) |
                (first && !(reaching & CLG_GIVEN_DH) ? 0 : HAS_PASS) |
                (first && !(reaching & CLG_GIVEN_DC) ? 0 : HAS_DC);
    bool gru = l->attr->cell == CLG_CELL_GRU;
    const struct clg_view views[] = {dy,
                                     l->product,
                                     b->pass,
                                     b->dc,
                                     slice(&lower->in[1], t, each * l->cell->saved),
                                     rnn ? no_view() : slice(&lower->in[2], t, each),
                                     dg,
                                     gru ? step_of(l, CLG_OUT_DX, t, b->dx) : no_view(),
                                     lengths};
    struct clg_launch *launch =
        clg_launch_over_rows(lower, "recurrent", l->cell->grad_step, l->N, l->H);
    finish_launch(l, launch, views, sizeof(views) / sizeof(views[0]), t, flags);
}

static void launch_state_grad(const struct backward *b)
{
    const struct loop *l = &b->loop;
    struct clg_lower *lower = l->room.lower;
    struct clg_launch *launch = clg_launch_over_rows(lower, "recurrent", "state_grad", l->N, l->H);
    clg_launch_view(launch, &l->product);
    clg_launch_view(launch, &b->pass);
    clg_launch_view(launch, &lower->out[CLG_OUT_DH0]);
    clg_launch_int(launch, l->N);
    clg_launch_int(launch, l->H);
    clg_launch_cost(launch, (uint64_t)(l->N * l->H), 12 * (uint64_t)(l->N * l->H));
}

void clg_lower_recurrent_grad(struct clg_lower *lower)
{
    struct backward b = backward_of(lower, false);
    struct loop *l = &b.loop;
    struct clg_view dh = given(l, true, CLG_GIVEN_DH), dc = given(l, true, CLG_GIVEN_DC);
    bool initial = lower->out[CLG_OUT_DH0].buffer;
    if (dh.buffer)
        copy_state(l, &dh, &b.pass);
    if (dc.buffer)
        copy_state(l, &dc, &b.dc);
    for (int64_t k = l->T - 1; k >= 0; k--) {
        struct clg_view dg = step_of(l, CLG_OUT_DG, time_of(l, k), b.dg);
        launch_grad_step(&b, k, dg);
        if (k > 0 || initial)
            multiply(l, backward_product(l), dg);
    }
    if (initial)
        launch_state_grad(&b);
}
