/* Matrix products: the entry over src/gemm. */
#include "base/text.h"
#include "gemm/gemm.h"
#include "ops/families.h"

/* Rows and columns of op(X), X stored with its last two dimensions swapped where transposed. */
struct matrix {
    int64_t rows, cols;
    clg_shape lead; /* the dimensions before */
};

static struct matrix matrix_of(const clg_shape *shape, bool transposed)
{
    int r = shape->rank;
    int64_t rows = shape->dim[r - 2], cols = shape->dim[r - 1];
    return (struct matrix){transposed ? cols : rows, transposed ? rows : cols,
                           clg_shape_make(r - 2, shape->dim)};
}

static bool all_ones(const clg_shape *shape)
{
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] != 1)
            return false;
    return true;
}

static clg_shape with_matrix(const clg_shape *lead, int64_t rows, int64_t cols)
{
    clg_shape shape = clg_clean_shape(*lead);
    if (lead->rank > CLG_MAX_RANK - 2)
        return clg_shape_make(CLG_MAX_RANK + 1, shape.dim);
    shape.dim[shape.rank++] = rows;
    shape.dim[shape.rank++] = cols;
    return shape;
}

/* Whether a and b are vectors; equal: of one length. */
static bool are_vectors(const char *what, clg_tensor a, clg_tensor b, bool equal)
{
    char ta[CLG_SHAPE_TEXT], tb[CLG_SHAPE_TEXT];
    clg_shape sa = clg_tensor_shape(a), sb = clg_tensor_shape(b);
    if (!clg_all_float(what, (clg_tensor[]){a, b}, 2))
        return false;
    if (sa.rank == 1 && sb.rank == 1 && (!equal || sa.dim[0] == sb.dim[0]))
        return true;
    clg_graph_fail(a.graph, CLG_ERR_ARGUMENT, "%s: shapes %s and %s must be vectors%s", what,
                   clg_shape_text(&sa, ta), clg_shape_text(&sb, tb), equal ? " of one length" : "");
    return false;
}

clg_tensor clg_outer(clg_tensor a, clg_tensor b)
{
    const clg_tensor invalid = {NULL, -1, 0};
    return are_vectors("outer", a, b, false) ? clg_mul(clg_unsqueeze(a, 1), b) : invalid;
}

clg_tensor clg_dot(clg_tensor a, clg_tensor b)
{
    const clg_tensor invalid = {NULL, -1, 0};
    return are_vectors("dot", a, b, true) ? clg_sum(clg_mul(a, b), NULL, 0, false) : invalid;
}

void clg_shape_matmul(struct clg_infer *infer)
{
    const struct clg_matmul_attr *attr = infer->attr;
    const clg_shape *sa = &infer->in[0].shape, *sb = &infer->in[1].shape;
    char ta[CLG_SHAPE_TEXT], tb[CLG_SHAPE_TEXT];
    clg_shape lead;
    for (uint32_t i = 0; i < infer->n_in; i++)
        if (infer->in[i].dtype != CLG_F32) {
            clg_infer_fail(infer, "input %u must be float32", i);
            return;
        }
    if (sa->rank < 2 || sb->rank < 2) {
        clg_infer_fail(infer, "shapes %s and %s must have at least 2 dimensions each",
                       clg_shape_text(sa, ta), clg_shape_text(sb, tb));
        return;
    }
    struct matrix a = matrix_of(sa, attr->transpose_a), b = matrix_of(sb, attr->transpose_b);
    if (a.cols != b.rows)
        clg_infer_fail(infer,
                       "%s%s times %s%s: the first must have as many columns as the second has "
                       "rows",
                       clg_shape_text(sa, ta), attr->transpose_a ? " transposed" : "",
                       clg_shape_text(sb, tb), attr->transpose_b ? " transposed" : "");
    else if (!clg_shape_broadcast(&a.lead, &b.lead, &lead))
        clg_infer_fail(infer, "the leading dimensions of %s and %s do not broadcast",
                       clg_shape_text(sa, ta), clg_shape_text(sb, tb));
    else
        infer->out[0].shape = with_matrix(&lead, a.rows, b.cols);
}

void clg_shape_matmul_sums(struct clg_infer *infer)
{
    const struct clg_matmul_attr *attr = infer->attr;
    clg_shape_matmul(infer);
    if (infer->in[0].shape.rank != 2 || infer->in[1].shape.rank != 2 || !attr->transpose_a)
        clg_infer_fail(infer, "needs two matrices, the first of them transposed");
    else
        infer->out[1].shape = clg_shape1(infer->in[0].shape.dim[1]);
}

/* The operand with leading dimensions `lead`: a product repeats whole operands only. */
static clg_tensor repeat_lead(clg_tensor x, const clg_shape *lead)
{
    clg_shape shape = clg_tensor_shape(x);
    struct matrix m = matrix_of(&shape, false);
    return all_ones(&m.lead) ? x : clg_repeat(x, with_matrix(lead, m.rows, m.cols), false);
}

static clg_tensor product(clg_tensor a, clg_tensor b, bool transpose_a, bool transpose_b)
{
    struct clg_matmul_attr attr = {transpose_a, transpose_b, 0, CLG_ACT_NONE};
    clg_graph *graph = a.graph ? a.graph : b.graph;
    return clg_node_add(graph, CLG_OP(matmul), (clg_tensor[]){a, b}, 2, &attr, NULL);
}

/* A (..., M, K) by one matrix: the leading dimensions are rows like M's, in one product. */
static clg_tensor flat_product(clg_tensor a, clg_tensor b, bool transpose_b)
{
    clg_shape shape = clg_tensor_shape(a), sb = clg_tensor_shape(b);
    int64_t cols = sb.dim[transpose_b ? 0 : 1], k = shape.dim[shape.rank - 1];
    clg_tensor y = product(clg_reshape(a, clg_shape2(-1, k)), b, false, transpose_b);
    shape.dim[shape.rank - 1] = cols;
    return clg_reshape(y, shape);
}

clg_tensor clg_matmul(clg_tensor a, clg_tensor b, bool transpose_a, bool transpose_b)
{
    clg_shape sa = clg_tensor_shape(a), sb = clg_tensor_shape(b), lead;
    if (!clg_tensor_valid(a) || !clg_tensor_valid(b) || sa.rank < 2 || sb.rank < 2)
        return product(a, b, transpose_a, transpose_b);
    struct matrix ma = matrix_of(&sa, transpose_a), mb = matrix_of(&sb, transpose_b);
    if (ma.cols != mb.rows || !clg_shape_broadcast(&ma.lead, &mb.lead, &lead))
        return product(a, b, transpose_a, transpose_b);
    if (sa.rank > 2 && sb.rank == 2 && !transpose_a)
        return flat_product(a, b, transpose_b);
    return product(repeat_lead(a, &lead), repeat_lead(b, &lead), transpose_a, transpose_b);
}

/* C = op(A) op(B): d op(A) = dC op(B)^T, d op(B) = op(A)^T dC, transposed where A or B is. */
void clg_grad_matmul(struct clg_gradient *g)
{
    const struct clg_matmul_attr *attr = g->attr;
    bool ta = attr->transpose_a, tb = attr->transpose_b;
    clg_tensor a = g->in[0], b = g->in[1], dc = g->dy[0];
    if (g->need[0])
        clg_give(g, 0, ta ? clg_matmul(b, dc, tb, true) : clg_matmul(dc, b, false, !tb));
    if (g->need[1])
        clg_give(g, 1, tb ? clg_matmul(dc, a, true, ta) : clg_matmul(a, dc, !ta, false));
}

static int64_t lead_count(const clg_shape *shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape->rank - 2; i++)
        count *= shape->dim[i];
    return count;
}

static struct clg_gemm describe(const struct clg_lower *lower)
{
    const struct clg_matmul_attr *attr = lower->attr;
    struct matrix a = matrix_of(&lower->in[0].shape, attr->transpose_a);
    struct matrix b = matrix_of(&lower->in[1].shape, attr->transpose_b);
    int64_t batch_a = lead_count(&lower->in[0].shape), batch_b = lead_count(&lower->in[1].shape);
    struct clg_gemm gemm = {
        .M = a.rows,
        .N = b.cols,
        .K = a.cols,
        .batch = lead_count(&lower->out[0].shape),
        .transpose_a = attr->transpose_a,
        .transpose_b = attr->transpose_b,
        .stride_a = batch_a == 1 ? 0 : a.rows * a.cols,
        .stride_b = batch_b == 1 ? 0 : b.rows * b.cols,
        .stride_c = a.rows * b.cols,
        .a = lower->in[0],
        .b = lower->in[1],
        .c = lower->out[0],
        .activation = (enum clg_activation)attr->activation,
    };
    if (attr->bias)
        gemm.bias = lower->in[2];
    if (attr->activation == CLG_ACT_GATE)
        gemm.gate = lower->in[2];
    if (batch_b == 1 && !gemm.transpose_a) { /* the batch is more rows of A */
        gemm.M *= gemm.batch;
        gemm.batch = 1;
    }
    return gemm;
}

size_t clg_work_matmul(const struct clg_lower *lower)
{
    struct clg_gemm gemm = describe(lower);
    return clg_gemm_workspace(lower->device, &gemm);
}

void clg_lower_matmul(struct clg_lower *lower)
{
    struct clg_gemm gemm = describe(lower);
    clg_gemm_lower(lower->launches, &gemm, &lower->workspace, lower->label);
}

/* The sums by themselves, where the product cannot. */
static void lower_sums(struct clg_sum *sum)
{
    const struct clg_lower *lower = sum->lower;
    const clg_shape *shape = &lower->in[0].shape;
    clg_sum_middle(sum, &lower->in[0], &lower->out[1], 1, shape->dim[0], shape->dim[1], 1);
}

/* Shared: the product is done when the sums begin. */
size_t clg_work_matmul_sums(const struct clg_lower *lower)
{
    struct clg_lower copy = *lower;
    struct clg_sum sum = {&copy, true, 0};
    size_t product = clg_work_matmul(lower);
    lower_sums(&sum);
    return product > sum.used * sizeof(float) ? product : sum.used * sizeof(float);
}

void clg_lower_matmul_sums(struct clg_lower *lower)
{
    struct clg_gemm gemm = describe(lower);
    struct clg_sum sum = {lower, false, 0};
    bool product = lower->out[0].buffer != NULL, sums = lower->out[1].buffer != NULL;
    if (product && sums && clg_gemm_sums_rows(lower->device, &gemm))
        gemm.sums = lower->out[1];
    if (product)
        clg_gemm_lower(lower->launches, &gemm, &lower->workspace, lower->label);
    if (sums && !gemm.sums.buffer)
        lower_sums(&sum);
}
