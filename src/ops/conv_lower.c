/* Convolutions as matrix products over columns, in blocks of images, so that the columns stay
 * small.
 *
 * Of a block of nb images the columns are (groups, K, nb, P): K = C / groups kh kw rows for each
 * group and P = OH OW places; a product for each group. Where there is one group and enough places
 * they are (nb, K, P) instead, with a product for each image, and results need no copy. */
#include "gemm/gemm.h"
#include "ops/conv.h"

enum {
    ITEM_BLOCK = 1 << 19,  /* floats of columns; 2 MiB stay in a CPU's cache */
    GROUP_BLOCK = 1 << 22, /* 16 MiB give a GPU enough work */
    WIDE = 64,             /* places that make a product of their own worth it */
};

struct conv {
    struct clg_sum room; /* the workspace as it is taken */
    const struct clg_conv_attr *attr;
    struct clg_conv_size size;
    int64_t K, P, block; /* block: images */
    bool by_image;
    struct clg_view col, packed, product; /* packed: (O, nb, P) */
};

static void put_images(struct clg_conv_size *s, const clg_shape *x)
{
    s->N = x->dim[0];
    s->C = x->dim[1];
    s->H = x->dim[2];
    s->W = x->dim[3];
}

static void put_result(struct clg_conv_size *s, const clg_shape *y)
{
    s->O = y->dim[1];
    s->OH = y->dim[2];
    s->OW = y->dim[3];
}

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The last block may have fewer images than the others. */
static int64_t images_from(const struct conv *c, int64_t first)
{
    return min_of(c->block, c->size.N - first);
}

static void choose_block(struct conv *c)
{
    bool item = c->room.lower->machine->form == CLG_FORM_ITEM;
    int64_t image = c->size.groups * c->K * c->P, most = item ? ITEM_BLOCK : GROUP_BLOCK;
    int64_t n = most / image < 1 ? 1 : min_of(most / image, c->size.N);
    int64_t blocks = (c->size.N + n - 1) / n;
    c->block = (c->size.N + blocks - 1) / blocks;
}

static struct conv conv_of(struct clg_lower *lower, bool dry, const clg_shape *x,
                           const clg_shape *w, const clg_shape *y, bool by_image)
{
    struct conv c = {.room = {lower, dry, 0}, .attr = lower->attr};
    c.size = (struct clg_conv_size){.kh = w->dim[2], .kw = w->dim[3], .groups = c.attr->groups};
    put_images(&c.size, x);
    put_result(&c.size, y);
    c.K = w->dim[1] * w->dim[2] * w->dim[3];
    c.P = c.size.OH * c.size.OW;
    c.by_image = by_image && c.size.groups == 1 && c.P >= WIDE;
    choose_block(&c);
    c.col = clg_sum_take(&c.room, c.size.groups * c.K * c.block * c.P);
    if (!c.by_image && c.block > 1)
        c.packed = clg_sum_take(&c.room, c.size.O * c.block * c.P);
    return c;
}

static struct clg_view images_at(const struct clg_view *view, int64_t first, int64_t each)
{
    struct clg_view at = *view;
    at.offset += (uint64_t)(first * each);
    return at;
}

/* ---- launches ---- */

static struct clg_launch *launch_columns(struct conv *c, const char *kernel,
                                         const struct clg_view *from, const struct clg_view *to,
                                         int64_t nb)
{
    const struct clg_conv_size *s = &c->size;
    const struct clg_conv_attr *a = c->attr;
    struct clg_lower *lower = c->room.lower;
    int64_t rows = s->groups * c->K, numbers = rows * nb * c->P;
    struct clg_launch *launch =
        clg_launch_kernel(lower->launches, "conv", kernel, NULL, lower->label);
    clg_launch_view(launch, from);
    clg_launch_view(launch, to);
    const int64_t geometry[] = {nb,
                                s->C,
                                s->H,
                                s->W,
                                s->kh,
                                s->kw,
                                s->OH,
                                s->OW,
                                a->stride[0],
                                a->stride[1],
                                a->padding[0],
                                a->padding[1],
                                a->dilation[0],
                                a->dilation[1],
                                c->by_image ? c->P : nb * c->P,
                                c->by_image ? rows * c->P : c->P};
    for (size_t i = 0; i < sizeof(geometry) / sizeof(geometry[0]); i++)
        clg_launch_int(launch, geometry[i]);
    clg_launch_cost(launch, 0, 4 * (uint64_t)(numbers + nb * s->C * s->H * s->W));
    return launch;
}

static void launch_im2col(struct conv *c, const struct clg_view *x, int64_t first, int64_t nb)
{
    const struct clg_conv_size *s = &c->size;
    struct clg_view from = images_at(x, first, s->C * s->H * s->W);
    bool item = c->room.lower->machine->form == CLG_FORM_ITEM;
    int64_t rows = s->groups * c->K * nb;
    struct clg_launch *launch = launch_columns(c, "im2col", &from, &c->col, nb);
    clg_launch_items(launch, (size_t)(item ? rows : rows * c->P));
}

static void launch_col2im(struct conv *c, const struct clg_view *x, int64_t first, int64_t nb)
{
    const struct clg_conv_size *s = &c->size;
    struct clg_view to = images_at(x, first, s->C * s->H * s->W);
    bool item = c->room.lower->machine->form == CLG_FORM_ITEM;
    int64_t rows = nb * s->C * s->H;
    struct clg_launch *launch = launch_columns(c, "col2im", &c->col, &to, nb);
    clg_launch_items(launch, (size_t)(item ? rows : rows * s->W));
}

/* Between y (nb, O, P) and packed (O, nb, P). */
static struct clg_strided packing(const struct conv *c, int64_t nb, bool pack)
{
    int64_t O = c->size.O, P = c->P;
    struct clg_strided copy = {.rank = 3, .dim = {nb, O, P}};
    const int64_t images[3] = {O * P, P, 1}, packed[3] = {P, nb * P, 1};
    for (int i = 0; i < 3; i++) {
        copy.from_stride[i] = pack ? images[i] : packed[i];
        copy.to_stride[i] = pack ? packed[i] : images[i];
    }
    return copy;
}

/* y's images `first` on as a product's operand or result: themselves, or packed. */
static struct clg_view result_view(struct conv *c, const struct clg_view *y, int64_t first,
                                   int64_t nb)
{
    return c->by_image || nb == 1 ? images_at(y, first, c->size.O * c->P) : c->packed;
}

static void copy_result(struct conv *c, const struct clg_view *y, int64_t first, int64_t nb,
                        bool pack)
{
    if (c->by_image || nb == 1)
        return;
    struct clg_view images = images_at(y, first, c->size.O * c->P);
    struct clg_strided copy = packing(c, nb, pack);
    copy.from = pack ? images : c->packed;
    copy.to = pack ? c->packed : images;
    clg_strided_copy(c->room.lower, &copy);
}

static struct clg_view no_view(void)
{
    return (struct clg_view){.buffer = NULL};
}

/* Result (O / groups, cols) = weight (O / groups, K) columns (K, cols), or what follows from it. */
static struct clg_gemm forward_product(const struct conv *c, int64_t nb)
{
    int64_t Og = c->size.O / c->size.groups, cols = c->by_image ? c->P : nb * c->P;
    return (struct clg_gemm){.M = Og,
                             .N = cols,
                             .K = c->K,
                             .batch = c->by_image ? nb : c->size.groups,
                             .stride_a = c->by_image ? 0 : Og * c->K,
                             .stride_b = c->K * cols,
                             .stride_c = Og * cols,
                             .bias = no_view()};
}

static struct clg_gemm input_product(const struct conv *c, int64_t nb)
{
    struct clg_gemm g = forward_product(c, nb);
    int64_t stride = g.stride_b;
    g.K = g.M;
    g.M = c->K;
    g.transpose_a = true;
    g.stride_b = g.stride_c;
    g.stride_c = stride;
    return g;
}

static struct clg_gemm weight_product(const struct conv *c, int64_t nb)
{
    struct clg_gemm g = forward_product(c, nb);
    int64_t cols = g.N;
    g.N = c->K;
    g.K = cols;
    g.transpose_b = true;
    g.stride_c = g.stride_a;
    g.stride_a = g.M * cols;
    return g;
}

/* Room for the scratch memory of the product, for whole blocks and for the last. */
static void take_scratch(struct conv *c, struct clg_gemm product(const struct conv *, int64_t))
{
    const struct clg_device *device = c->room.lower->device;
    struct clg_gemm whole = product(c, c->block);
    int64_t rest = c->size.N % c->block;
    struct clg_gemm last = product(c, rest ? rest : c->block);
    size_t a = clg_gemm_workspace(device, &whole), b = clg_gemm_workspace(device, &last);
    size_t bytes = a > b ? a : b;
    c->product = bytes ? clg_sum_take(&c->room, (int64_t)((bytes + 3) / 4)) : no_view();
}

static void multiply(struct conv *c, struct clg_gemm gemm, const struct clg_view *a,
                     const struct clg_view *b, const struct clg_view *to)
{
    gemm.a = *a;
    gemm.b = *b;
    gemm.c = *to;
    clg_gemm_lower(c->room.lower->launches, &gemm, &c->product, c->room.lower->label);
}

/* ---- conv2d: x, w to y ---- */

static struct conv forward_of(struct clg_lower *lower, bool dry)
{
    struct conv c =
        conv_of(lower, dry, &lower->in[0].shape, &lower->in[1].shape, &lower->out[0].shape, true);
    take_scratch(&c, forward_product);
    return c;
}

size_t clg_work_conv2d(const struct clg_lower *lower)
{
    struct clg_lower copy = *lower;
    return forward_of(&copy, true).room.used * sizeof(float);
}

void clg_lower_conv2d(struct clg_lower *lower)
{
    struct conv c = forward_of(lower, false);
    for (int64_t first = 0; first < c.size.N; first += c.block) {
        int64_t nb = images_from(&c, first);
        struct clg_view y = result_view(&c, &lower->out[0], first, nb);
        launch_im2col(&c, &lower->in[0], first, nb);
        multiply(&c, forward_product(&c, nb), &lower->in[1], &c.col, &y);
        copy_result(&c, &lower->out[0], first, nb, false);
    }
}

/* ---- conv2d_grad_input: dy, w to dx ---- */

static struct conv input_of(struct clg_lower *lower, bool dry)
{
    struct conv c =
        conv_of(lower, dry, &lower->out[0].shape, &lower->in[1].shape, &lower->in[0].shape, true);
    take_scratch(&c, input_product);
    return c;
}

size_t clg_work_conv2d_grad_input(const struct clg_lower *lower)
{
    struct clg_lower copy = *lower;
    return input_of(&copy, true).room.used * sizeof(float);
}

void clg_lower_conv2d_grad_input(struct clg_lower *lower)
{
    struct conv c = input_of(lower, false);
    for (int64_t first = 0; first < c.size.N; first += c.block) {
        int64_t nb = images_from(&c, first);
        struct clg_view dy = result_view(&c, &lower->in[0], first, nb);
        copy_result(&c, &lower->in[0], first, nb, true);
        multiply(&c, input_product(&c, nb), &lower->in[1], &dy, &c.col);
        launch_col2im(&c, &lower->out[0], first, nb);
    }
}

/* ---- conv2d_grad_weight: dy, x to dw ---- */

/* Products that are added up one after the other; what they give is added up again. */
enum { RUN = 64 };

/* The products but the first of a run, and the runs but the first. */
struct weight {
    struct conv conv;
    struct clg_view part, run;
};

static struct weight weight_of(struct clg_lower *lower, bool dry)
{
    struct weight w = {.part = no_view(), .run = no_view()};
    struct conv *c = &w.conv;
    int64_t count = clg_shape_count(&lower->out[0].shape);
    *c = conv_of(lower, dry, &lower->in[1].shape, &lower->out[0].shape, &lower->in[0].shape, false);
    if (c->block < c->size.N)
        w.part = clg_sum_take(&c->room, count);
    if (RUN * c->block < c->size.N)
        w.run = clg_sum_take(&c->room, count);
    take_scratch(c, weight_product);
    return w;
}

size_t clg_work_conv2d_grad_weight(const struct clg_lower *lower)
{
    struct clg_lower copy = *lower;
    return weight_of(&copy, true).conv.room.used * sizeof(float);
}

static void add_to(struct clg_lower *lower, const struct clg_view *x, const struct clg_view *y)
{
    int64_t count = clg_shape_count(&lower->out[0].shape);
    struct clg_launch *launch =
        clg_launch_kernel(lower->launches, "conv", "add_to", NULL, lower->label);
    clg_launch_view(launch, x);
    clg_launch_view(launch, y);
    clg_launch_int(launch, count);
    clg_launch_items(launch, (size_t)count);
    clg_launch_cost(launch, (uint64_t)count, 12 * (uint64_t)count);
}

/* The product of the images from `first` on. */
static void multiply_block(struct weight *w, int64_t first, const struct clg_view *to)
{
    struct conv *c = &w->conv;
    const struct clg_lower *lower = c->room.lower;
    int64_t nb = images_from(c, first);
    struct clg_view dy = result_view(c, &lower->in[0], first, nb);
    copy_result(c, &lower->in[0], first, nb, true);
    launch_im2col(c, &lower->in[1], first, nb);
    multiply(c, weight_product(c, nb), &dy, &c->col, to);
}

void clg_lower_conv2d_grad_weight(struct clg_lower *lower)
{
    struct weight w = weight_of(lower, false);
    int64_t N = w.conv.size.N, images = w.conv.block;
    for (int64_t begin = 0; begin < N; begin += RUN * images) {
        const struct clg_view *run = begin ? &w.run : &lower->out[0];
        int64_t end = min_of(begin + RUN * images, N);
        multiply_block(&w, begin, run);
        for (int64_t first = begin + images; first < end; first += images) {
            multiply_block(&w, first, &w.part);
            add_to(lower, &w.part, run);
        }
        if (begin)
            add_to(lower, run, &lower->out[0]);
    }
}
