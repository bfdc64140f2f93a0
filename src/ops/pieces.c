/* Pieces of tensors: slices, concatenation, padding. Two ops are each other's gradients: slice
 * takes elements at regular distances, embed puts them there. */
#include <inttypes.h>
#include <string.h>
#include "base/text.h"
#include "ops/families.h"

/* An attribute that leaves every dimension as it is. */
static struct clg_slice_attr whole(clg_shape shape)
{
    struct clg_slice_attr attr;
    memset(&attr, 0, sizeof(attr));
    attr.shape = clg_clean_shape(shape);
    for (int i = 0; i < shape.rank; i++)
        attr.step[i] = 1;
    return attr;
}

/* A valid axis whose size is a number; else the graph fails with what and why. */
static bool plain_axis(clg_tensor x, const char *what, int32_t axis, int32_t *out)
{
    clg_shape shape = clg_tensor_shape(x);
    if (!clg_all_valid(what, &x, 1))
        return false;
    if (!clg_axis_index(axis, shape.rank, out)) {
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "%s: axis %d of a tensor with %d dimensions",
                       what, axis, shape.rank);
        return false;
    }
    if (shape.dim[*out] >= CLG_BATCH)
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                       "%s: axis %d is a multiple of the batch, must be a number", what, axis);
    return shape.dim[*out] < CLG_BATCH;
}

static const clg_tensor invalid = {NULL, -1, 0};

/* ---- slice ---- */

static int64_t limit(int64_t i, int64_t low, int64_t high)
{
    return i < low ? low : i > high ? high : i;
}

/* Python's rules: negative numbers count from the end, what is outside is moved to it. */
static int64_t slice_end(int64_t i, int64_t size, bool forward)
{
    i = i < 0 && i >= -size ? i + size : i;
    return forward ? limit(i, 0, size) : limit(i, -1, size - 1);
}

clg_tensor clg_slice(clg_tensor x, int32_t axis, int64_t begin, int64_t end, int32_t step)
{
    int32_t k;
    if (!plain_axis(x, "slice", axis, &k))
        return invalid;
    if (step == 0 || step == INT32_MIN)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "slice: the step is %d, must not be",
                              step);
    struct clg_slice_attr attr = whole(clg_tensor_shape(x));
    int64_t size = attr.shape.dim[k], away = step < 0 ? -(int64_t)step : step;
    int64_t first = slice_end(begin, size, step > 0), last = slice_end(end, size, step > 0);
    int64_t span = step > 0 ? last - first : first - last;
    if (span <= 0)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "slice: nothing lies from %lld to %lld by %d in %lld elements",
                              (long long)begin, (long long)end, step, (long long)size);
    attr.shape.dim[k] = (span + away - 1) / away;
    attr.begin[k] = (int32_t)first;
    attr.step[k] = step;
    return first == 0 && step == 1 && span == size
               ? x
               : clg_node_add(x.graph, CLG_OP(slice), &x, 1, &attr, NULL);
}

clg_tensor clg_flip(clg_tensor x, int32_t axis)
{
    return clg_slice(x, axis, INT64_MAX, INT64_MIN, -1);
}

/* A count over this, if it is not the number of parts, is a mistake of the caller's: it says nothing of
 * the room behind `out`. */
#define MOST_INVALID 65536

clg_status clg_split(clg_tensor x, int32_t axis, size_t count, clg_tensor *out)
{
    int32_t k;
    bool right = plain_axis(x, "split", axis, &k);
    int64_t size = right ? clg_tensor_shape(x).dim[k] : 1;
    if (!out) {
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "split: out is NULL");
        return CLG_ERR_ARGUMENT;
    }
    if (right && (count == 0 || count > (uint64_t)size || size % (int64_t)count)) {
        clg_graph_fail(x.graph, CLG_ERR_ARGUMENT, "split: %lld elements are no %zu equal parts",
                       (long long)size, count);
        right = false;
    }
    for (size_t i = 0; i < count && (right || count <= MOST_INVALID); i++) {
        int64_t each = size / (int64_t)count, at = (int64_t)i * each;
        out[i] = right ? clg_slice(x, axis, at, at + each, 1) : invalid;
    }
    return right ? clg_graph_status(x.graph) : CLG_ERR_ARGUMENT;
}

clg_tensor clg_glu(clg_tensor x, int32_t axis)
{
    clg_tensor half[2];
    clg_shape shape = clg_tensor_shape(x);
    int32_t at = axis < 0 ? axis + shape.rank : axis;
    if (at >= 0 && at < shape.rank && shape.dim[at] % 2 && shape.dim[at] < CLG_BATCH)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "glu: dimension %d has %" PRId64
                              " elements, must have an even number",
                              at, shape.dim[at]);
    clg_split(x, axis, 2, half);
    return clg_mul(half[0], clg_sigmoid(half[1]));
}

void clg_shape_slice(struct clg_infer *infer)
{
    infer->out[0] =
        (struct clg_type){infer->in[0].dtype, ((const struct clg_slice_attr *)infer->attr)->shape};
}

/* The same places, for the op that goes the other way. */
static clg_tensor other_way(struct clg_gradient *g, const struct clg_op *op)
{
    struct clg_slice_attr attr;
    memcpy(&attr, g->attr, sizeof(attr));
    attr.shape = clg_clean_shape(clg_tensor_shape(g->in[0]));
    attr.value = 0;
    return clg_node_add(g->graph, op, &g->dy[0], 1, &attr, NULL);
}

void clg_grad_slice(struct clg_gradient *g)
{
    g->dx[0] = other_way(g, CLG_OP(embed));
}

void clg_grad_embed(struct clg_gradient *g)
{
    g->dx[0] = other_way(g, CLG_OP(slice));
}

static void strides_of(const clg_shape *shape, int64_t *stride)
{
    int64_t step = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= shape->dim[i];
    }
}

void clg_lower_slice(struct clg_lower *lower)
{
    const struct clg_slice_attr *attr = lower->attr;
    struct clg_strided copy = {.from = lower->in[0], .to = lower->out[0]};
    copy.rank = lower->in[0].shape.rank;
    strides_of(&lower->in[0].shape, copy.from_stride);
    strides_of(&lower->out[0].shape, copy.to_stride);
    for (int i = 0; i < copy.rank; i++) {
        copy.dim[i] = lower->out[0].shape.dim[i];
        copy.from.offset += (uint64_t)(attr->begin[i] * copy.from_stride[i]);
        copy.from_stride[i] *= attr->step[i];
    }
    clg_strided_copy(lower, &copy);
}

void clg_lower_embed(struct clg_lower *lower)
{
    const struct clg_slice_attr *attr = lower->attr;
    const clg_shape *from = &lower->in[0].shape, *to = &lower->out[0].shape;
    int64_t count = clg_shape_count(to), rows = count / clg_cols_of(to);
    int pad = CLG_MAX_RANK - to->rank;
    struct clg_launch *launch =
        clg_launch_kernel(lower->launches, "strided", "embed", NULL, lower->label);
    clg_launch_view(launch, &lower->in[0]);
    clg_launch_view(launch, &lower->out[0]);
    for (int i = 0; i < CLG_MAX_RANK; i++) {
        clg_launch_int(launch, i < pad ? 1 : to->dim[i - pad]);
        clg_launch_int(launch, i < pad ? 1 : from->dim[i - pad]);
        clg_launch_int(launch, i < pad ? 0 : attr->begin[i - pad]);
        clg_launch_int(launch, i < pad ? 1 : attr->step[i - pad]);
    }
    clg_launch_float(launch, attr->value);
    if (lower->machine->form == CLG_FORM_ITEM)
        clg_launch_rows(launch, (size_t)rows);
    else
        clg_launch_items(launch, (size_t)count);
    clg_launch_cost(launch, 0, 4 * (uint64_t)(count + clg_shape_count(from)));
}

/* ---- concatenation ---- */

/* 1 to CLG_MAX_PARTS valid tensors. */
static bool check_parts(const char *what, const clg_tensor *parts, size_t count)
{
    if (!parts || count == 0)
        return false;
    if (count <= CLG_MAX_PARTS)
        return clg_all_valid(what, parts, count);
    clg_graph_fail(parts[0].graph, CLG_ERR_ARGUMENT, "%s: %zu parts, must be 1 to %d", what, count,
                   CLG_MAX_PARTS);
    return false;
}

clg_tensor clg_concat(const clg_tensor *parts, size_t count, int32_t axis)
{
    struct clg_axis_attr attr = {0};
    if (!check_parts("concat", parts, count) ||
        !plain_axis(parts[0], "concat", axis, &attr.axis))
        return invalid;
    return count == 1
               ? parts[0]
               : clg_node_add(parts[0].graph, CLG_OP(concat), parts, (uint32_t)count, &attr, NULL);
}

static bool fits(const struct clg_type *a, const struct clg_type *b, int32_t axis)
{
    if (a->dtype != b->dtype || a->shape.rank != b->shape.rank)
        return false;
    for (int i = 0; i < a->shape.rank; i++)
        if (i == axis ? b->shape.dim[i] >= CLG_BATCH : a->shape.dim[i] != b->shape.dim[i])
            return false;
    return true;
}

void clg_shape_concat(struct clg_infer *infer)
{
    int32_t axis = ((const struct clg_axis_attr *)infer->attr)->axis;
    infer->out[0] = infer->in[0];
    for (uint32_t i = 1; i < infer->n_in; i++) {
        char a[CLG_SHAPE_TEXT], b[CLG_SHAPE_TEXT];
        if (!fits(&infer->in[0], &infer->in[i], axis)) {
            clg_infer_fail(infer,
                           "parts 0 and %u have shapes %s and %s: they must have one type and be "
                           "equal in all dimensions but %d, whose size must be a number",
                           i, clg_shape_text(&infer->in[0].shape, a),
                           clg_shape_text(&infer->in[i].shape, b), axis);
            return;
        }
        infer->out[0].shape.dim[axis] += infer->in[i].shape.dim[axis];
    }
}

void clg_grad_concat(struct clg_gradient *g)
{
    int32_t axis = ((const struct clg_axis_attr *)g->attr)->axis;
    int64_t at = 0;
    for (uint32_t i = 0; i < g->node->n_in; i++) {
        int64_t size = clg_tensor_shape(g->in[i]).dim[axis];
        if (g->need[i])
            g->dx[i] = clg_slice(g->dy[0], axis, at, at + size, 1);
        at += size;
    }
}

void clg_lower_concat(struct clg_lower *lower)
{
    int32_t axis = ((const struct clg_axis_attr *)lower->attr)->axis;
    int64_t stride[CLG_MAX_RANK], at = 0;
    strides_of(&lower->out[0].shape, stride);
    for (uint32_t i = 0; i < lower->n_in; i++) {
        struct clg_strided copy = {.from = lower->in[i], .to = lower->out[0]};
        copy.rank = lower->in[i].shape.rank;
        strides_of(&lower->in[i].shape, copy.from_stride);
        memcpy(copy.to_stride, stride, sizeof(stride));
        memcpy(copy.dim, lower->in[i].shape.dim, sizeof(copy.dim));
        copy.to.offset += (uint64_t)(at * stride[axis]);
        clg_strided_copy(lower, &copy);
        at += copy.dim[axis];
    }
}

clg_tensor clg_stack(const clg_tensor *parts, size_t count, int32_t axis)
{
    clg_tensor made[CLG_MAX_PARTS];
    if (!check_parts("stack", parts, count))
        return invalid;
    for (size_t i = 0; i < count; i++)
        made[i] = clg_unsqueeze(parts[i], axis);
    return clg_concat(made, count, axis);
}

/* ---- padding ---- */

static clg_tensor pad_constant(clg_tensor x, int32_t k, int64_t before, int64_t after, float value)
{
    struct clg_slice_attr attr = whole(clg_tensor_shape(x));
    attr.shape.dim[k] += before + after;
    attr.begin[k] = (int32_t)before;
    attr.value = value;
    return clg_node_add(x.graph, CLG_OP(embed), &x, 1, &attr, NULL);
}

/* Elements first <= i < end, turned round; or one of them, repeated. */
static clg_tensor border(clg_tensor x, int32_t k, int64_t first, int64_t end, bool reflect)
{
    if (reflect)
        return clg_flip(clg_slice(x, k, first, end, 1), k);
    clg_shape shape = clg_tensor_shape(x);
    int64_t edge = first == 0 ? 0 : shape.dim[k] - 1;
    shape.dim[k] = end - first;
    return clg_broadcast(clg_slice(x, k, edge, edge + 1, 1), shape);
}

static clg_tensor pad_borders(clg_tensor x, int32_t k, int64_t before, int64_t after, bool reflect)
{
    clg_tensor parts[3];
    size_t n = 0;
    int64_t size = clg_tensor_shape(x).dim[k];
    if (before)
        parts[n++] = reflect ? border(x, k, 1, before + 1, true) : border(x, k, 0, before, false);
    parts[n++] = x;
    if (after)
        parts[n++] = reflect ? border(x, k, size - 1 - after, size - 1, true)
                             : border(x, k, size, size + after, false);
    return clg_concat(parts, n, k);
}

clg_tensor clg_pad(clg_tensor x, int32_t axis, int64_t before, int64_t after, clg_pad_mode mode,
                   float value)
{
    int32_t k;
    if (!plain_axis(x, "pad", axis, &k))
        return invalid;
    if (mode != CLG_PAD_CONSTANT && mode != CLG_PAD_REFLECT && mode != CLG_PAD_REPLICATE)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "pad: mode is %d, must be constant, reflect or replicate", (int)mode);
    int64_t most = mode == CLG_PAD_REFLECT ? clg_tensor_shape(x).dim[k] - 1 : INT32_MAX;
    if (before < 0 || after < 0 || before > most || after > most)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "pad: %lld and %lld elements, must be 0 to %lld", (long long)before,
                              (long long)after, (long long)most);
    if (!before && !after)
        return x;
    return mode == CLG_PAD_CONSTANT ? pad_constant(x, k, before, after, value)
                                    : pad_borders(x, k, before, after, mode == CLG_PAD_REFLECT);
}

clg_tensor clg_tile(clg_tensor x, int32_t axis, int32_t times)
{
    int32_t k;
    clg_shape shape = clg_tensor_shape(x);
    if (!clg_tensor_valid(x))
        return invalid;
    if (!clg_axis_index(axis, shape.rank, &k) || times < 1)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "tile: axis %d, %d times, of a tensor with %d dimensions", axis,
                              times, shape.rank);
    clg_tensor apart = clg_unsqueeze(x, k);
    clg_shape many = clg_tensor_shape(apart);
    many.dim[k] = times;
    shape.dim[k] *= times;
    return clg_reshape(clg_broadcast(apart, many), shape);
}

/* ---- dimensions come and go ---- */

clg_tensor clg_unsqueeze(clg_tensor x, int32_t axis)
{
    int32_t k;
    clg_shape from = clg_tensor_shape(x), to = {0};
    if (!clg_tensor_valid(x))
        return invalid;
    if (from.rank == CLG_MAX_RANK || !clg_axis_index(axis, from.rank + 1, &k))
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "unsqueeze: axis %d of a result with %d dimensions", axis,
                              from.rank + 1);
    for (int i = 0; i <= from.rank; i++)
        to.dim[i] = i == k ? 1 : from.dim[i - (i > k)];
    to.rank = from.rank + 1;
    return clg_reshape(x, to);
}

clg_tensor clg_squeeze(clg_tensor x, int32_t axis)
{
    int32_t k;
    clg_shape from = clg_tensor_shape(x), to = {0};
    if (!clg_tensor_valid(x))
        return invalid;
    if (!clg_axis_index(axis, from.rank, &k) || from.dim[k] != 1)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "squeeze: axis %d must be one of the %d dimensions, of size 1", axis,
                              from.rank);
    for (int i = 0; i < from.rank; i++)
        if (i != k)
            to.dim[to.rank++] = from.dim[i];
    return clg_reshape(x, to);
}

clg_tensor clg_flatten(clg_tensor x, int32_t first, int32_t last)
{
    int32_t a, b;
    clg_shape from = clg_tensor_shape(x), to = {0};
    if (!clg_tensor_valid(x))
        return invalid;
    if (!clg_axis_index(first, from.rank, &a) || !clg_axis_index(last, from.rank, &b) || a > b)
        return clg_graph_fail(x.graph, CLG_ERR_ARGUMENT,
                              "flatten: dimensions %d to %d of a tensor with %d", first, last,
                              from.rank);
    for (int i = 0; i < from.rank; i++)
        if (i <= a || i > b)
            to.dim[to.rank++] = i == a ? -1 : from.dim[i];
    return clg_reshape(x, to);
}
