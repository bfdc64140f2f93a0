/* Matrix products. */
#include <math.h>
#include "gemm/gemm.h"
#include "selftest/cases.h"
#include "selftest/oracle.h"

static double activate(double x, uint32_t activation)
{
    switch (activation) {
    case CLG_ACT_RELU:
        return x <= 0 ? 0 : x;
    case CLG_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case CLG_ACT_TANH:
        return tanh(x);
    default:
        return x;
    }
}

/* What the activation makes of an error of its input, and its own: as in activation.c. */
static double activation_error(double x, double error, uint32_t activation)
{
    double y = activate(x, activation);
    double moved =
        fmax(fabs(activate(x + error, activation) - y), fabs(activate(x - error, activation) - y));
    return moved + (activation == CLG_ACT_SIGMOID ? 7
                    : activation == CLG_ACT_TANH  ? 5
                                                  : 0) *
                       clg_ulp(y);
}

/* An operand: dimensions before the last two, and op(X)'s rows and columns. */
struct operand {
    const struct clg_oracle_array *array;
    bool transposed;
    clg_shape lead;
    int64_t rows, cols;
};

static struct operand operand(const struct clg_oracle_array *array, bool transposed)
{
    struct operand x = {.array = array, .transposed = transposed, .lead = array->shape};
    int64_t rows = array->shape.dim[array->shape.rank - 2];
    int64_t cols = array->shape.dim[array->shape.rank - 1];
    x.lead.rank -= 2;
    x.rows = transposed ? cols : rows;
    x.cols = transposed ? rows : cols;
    return x;
}

static int64_t at(const struct operand *x, int64_t product, int64_t row, int64_t col)
{
    int64_t inside = x->transposed ? col * x->rows + row : row * x->cols + col;
    return product * x->rows * x->cols + inside;
}

static void element(const struct clg_oracle_call *call, const struct operand *a,
                    const struct operand *b, int64_t i, clg_shape lead)
{
    const struct clg_matmul_attr *attr = call->attr;
    int64_t n = i % b->cols, m = i / b->cols % a->rows, p = i / b->cols / a->rows;
    int64_t pa = clg_broadcast_at(&a->lead, &lead, p), pb = clg_broadcast_at(&b->lead, &lead, p);
    double sum = 0, size = 0, carried = 0;
    for (int64_t k = 0; k < a->cols; k++) {
        int64_t ia = at(a, pa, m, k), ib = at(b, pb, k, n);
        double x = a->array->value[ia], y = b->array->value[ib];
        double ex = a->array->error[ia], ey = b->array->error[ib];
        sum += x * y;
        size += fabs(x * y);
        carried += fabs(x) * ey + fabs(y) * ex + ex * ey;
    }
    if (attr->bias) {
        sum += call->in[2].value[n];
        size += fabs(call->in[2].value[n]);
        carried += call->in[2].error[n];
    }
    /* a rounding for each product, in one of K + 1 additions */
    double error = clg_sum_error(a->cols + 1) * size + carried;
    if (attr->activation == CLG_ACT_GATE && call->in[2].value[i] <= 0)
        sum = error = 0;
    call->out->value[i] = activate(sum, attr->activation);
    call->out->error[i] = activation_error(sum, error, attr->activation);
}

void clg_oracle_matmul(const struct clg_oracle_call *call)
{
    const struct clg_matmul_attr *attr = call->attr;
    struct operand a = operand(&call->in[0], attr->transpose_a);
    struct operand b = operand(&call->in[1], attr->transpose_b);
    clg_shape lead = call->out->shape;
    lead.rank -= 2;
    for (int64_t i = 0; i < call->out->count; i++)
        element(call, &a, &b, i, lead);
}

void clg_oracle_matmul_sums(const struct clg_oracle_call *call)
{
    int64_t K = call->in[0].shape.dim[0], M = call->in[0].shape.dim[1];
    clg_oracle_matmul(call);
    for (int64_t m = 0; m < M; m++) {
        double sum = 0, size = 0, carried = 0;
        for (int64_t k = 0; k < K; k++) {
            sum += call->in[0].value[k * M + m];
            size += fabs(call->in[0].value[k * M + m]);
            carried += call->in[0].error[k * M + m];
        }
        call->out[1].value[m] = sum;
        call->out[1].error[m] = clg_sum_error(K) * size + carried;
    }
}

/* C (M, N) = op(A) (M, K) op(B) (K, N), in all four orientations. */
static void orientations(struct clg_cases *cases, const char *what, int64_t M, int64_t N, int64_t K)
{
    if (M * N * K > 20000 && !clg_case_large(cases))
        return;
    for (int t = 0; t < 4; t++) {
        bool ta = t & 1, tb = t >> 1;
        clg_tensor a = clg_case_uniform(cases, ta ? clg_shape2(K, M) : clg_shape2(M, K), -1, 1);
        clg_tensor b = clg_case_uniform(cases, tb ? clg_shape2(N, K) : clg_shape2(K, N), -1, 1);
        clg_check(cases, what, clg_matmul(a, b, ta, tb));
    }
}

static void batched(struct clg_cases *cases, const char *what, clg_shape a, clg_shape b, bool ta,
                    bool tb)
{
    clg_tensor x = clg_case_uniform(cases, a, -1, 1);
    clg_check(cases, what, clg_matmul(x, clg_case_uniform(cases, b, -1, 1), ta, tb));
}

/* relu's gradient in the store of a product, at an edge and in whole tiles, batched too. */
static void gates(struct clg_cases *cases)
{
    const int64_t sizes[4][3] = {{9, 21, 13}, {24, 64, 70}, {2, 35, 300}, {1, 1, 1}};
    const struct clg_matmul_attr attr = {.activation = CLG_ACT_GATE};
    for (int i = 0; i < 8; i++) {
        const int64_t *s = sizes[i / 2];
        int64_t batch = i % 2 ? 3 : 1;
        clg_tensor in[3] = {clg_case_uniform(cases, clg_shape3(batch, s[0], s[2]), -1, 1),
                            clg_case_uniform(cases, clg_shape3(batch, s[2], s[1]), -1, 1),
                            clg_case_uniform(cases, clg_shape3(batch, s[0], s[1]), -1, 1)};
        clg_check_forward(cases, "gate",
                          clg_node_add(in[0].graph, CLG_OP(matmul), in, 3, &attr, NULL));
    }
}

/* The epilogue that the plan's passes ask for. */
static void epilogues(struct clg_cases *cases)
{
    const int64_t sizes[2][3] = {{9, 21, 13}, {2, 35, 70}};
    for (int i = 0; i < 8; i++) {
        const int64_t *s = sizes[i / 4];
        struct clg_matmul_attr attr = {
            .transpose_b = 1, .bias = i != 0, .activation = (uint32_t)i % 4};
        clg_tensor in[3] = {clg_case_uniform(cases, clg_shape2(s[0], s[2]), -1, 1),
                            clg_case_uniform(cases, clg_shape2(s[1], s[2]), -1, 1)};
        if (attr.bias)
            in[2] = clg_case_uniform(cases, clg_shape1(s[1]), -1, 1);
        clg_check_forward(
            cases, "bias and activation",
            clg_node_add(in[0].graph, CLG_OP(matmul), in, attr.bias ? 3 : 2, &attr, NULL));
    }
    for (int i = 0; i < 3; i++) {
        clg_tensor x = clg_case_uniform(cases, clg_shape2(CLG_BATCH, 19), -1, 1);
        clg_tensor w = clg_case_uniform(cases, clg_shape2(33, 19), -1, 1);
        clg_tensor b = clg_case_uniform(cases, clg_shape1(33), -1, 1);
        clg_tensor y = clg_add(clg_matmul(x, w, false, true), b);
        if (i == 2) /* two layers: the gradient of the first goes through a gate */
            y = clg_matmul(clg_relu(y), clg_case_uniform(cases, clg_shape2(5, 33), -1, 1), false,
                           true);
        clg_check(cases, "a linear layer and its activation",
                  i == 0   ? clg_tanh(y)
                  : i == 1 ? clg_sigmoid(y)
                           : clg_relu(y));
    }
}

/* More than one range of K, at an edge and in whole tiles, batched, behind a bias and a gate. */
static void long_products(struct clg_cases *cases)
{
    const int64_t K = CLG_CASE_LONG;
    const int64_t sizes[4][2] = {{1, 1}, {6, 16}, {3, 17}, {7, 2}};
    for (int i = 0; i < 4 && clg_case_large(cases); i++) {
        int64_t M = sizes[i][0], N = sizes[i][1];
        struct clg_matmul_attr attr = {
            .transpose_a = (uint32_t)i & 1, .transpose_b = (uint32_t)i >> 1, .bias = i == 2};
        attr.activation = i == 3 ? CLG_ACT_GATE : CLG_ACT_NONE;
        clg_tensor in[3] = {
            clg_case_alike(cases, attr.transpose_a ? clg_shape2(K, M) : clg_shape2(M, K)),
            clg_case_alike(cases, attr.transpose_b ? clg_shape2(N, K) : clg_shape2(K, N))};
        if (i >= 2)
            in[2] = clg_case_uniform(cases, i == 2 ? clg_shape1(N) : clg_shape2(M, N), -1, 1);
        clg_check_forward(
            cases, "a long product",
            clg_node_add(in[0].graph, CLG_OP(matmul), in, i >= 2 ? 3 : 2, &attr, NULL));
    }
    if (!clg_case_large(cases))
        return;
    clg_tensor a = clg_case_alike(cases, clg_shape3(2, 1, K));
    clg_check_forward(cases, "long products",
                      clg_matmul(a, clg_case_alike(cases, clg_shape3(2, K, 1)), false, false));
}

static void special_products(struct clg_cases *cases)
{
    static const float a[8] = {INFINITY, 1, 1, 0, NAN, 0, 2, 3}, b[4] = {1, -1, 0, 2};
    clg_tensor x = clg_case_values(cases, clg_shape2(4, 2), a);
    clg_check_forward(cases, "infinity and NaN",
                      clg_matmul(x, clg_case_values(cases, clg_shape2(2, 2), b), false, false));
}

void clg_cases_matmul(struct clg_cases *cases)
{
    orientations(cases, "1×1×1", 1, 1, 1);
    orientations(cases, "7×5×3", 7, 5, 3);
    orientations(cases, "33×31×17", 33, 31, 17);
    orientations(cases, "1×67×129", 1, 67, 129);
    orientations(cases, "65×1×64", 65, 1, 64);
    orientations(cases, "15×16×257", 15, 16, 257);
    orientations(cases, "64×63×8", 64, 63, 8);
    batched(cases, "(5, 9, 4) by (5, 4, 7)", clg_shape3(5, 9, 4), clg_shape3(5, 4, 7), false,
            false);
    batched(cases, "(batch, 3, 4) by (5, 4) transposed", clg_shape3(CLG_BATCH, 3, 4),
            clg_shape2(5, 4), false, true);
    batched(cases, "(2, 3, 4, 5) transposed by (2, 3, 4, 6)", clg_shape4(2, 3, 4, 5),
            clg_shape4(2, 3, 4, 6), true, false);
    batched(cases, "(4, 5) by (batch, 5, 3)", clg_shape2(4, 5), clg_shape3(CLG_BATCH, 5, 3), false,
            false);
    batched(cases, "(3, 5, 4) transposed by (5, 6)", clg_shape3(3, 5, 4), clg_shape2(5, 6), true,
            false);
    batched(cases, "(batch, 7) transposed by (batch, 5)", clg_shape2(CLG_BATCH, 7),
            clg_shape2(CLG_BATCH, 5), true, false);
    clg_tensor x = clg_case_uniform(cases, clg_shape2(3, 4), -1, 1);
    clg_check_twice(cases, "squared",
                    clg_matmul(x, clg_case_uniform(cases, clg_shape2(4, 5), -1, 1), false, false));
    epilogues(cases);
    gates(cases);
    special_products(cases);
    long_products(cases);
}

void clg_cases_matmul_sums(struct clg_cases *cases)
{
    static const int64_t sizes[6][3] = {{1, 1, 1},   {7, 5, 3},    {33, 70, 17},
                                        {10, 3, 515}, {97, 35, 64}, {300, 9, 2}};
    for (int i = 0; i < 6; i++) {
        const int64_t *s = sizes[i];
        struct clg_matmul_attr attr = {.transpose_a = 1, .transpose_b = (uint32_t)i % 2};
        clg_tensor in[2] = {clg_case_uniform(cases, clg_shape2(s[2], s[0]), -1, 1),
                            clg_case_uniform(cases,
                                             attr.transpose_b ? clg_shape2(s[1], s[2])
                                                              : clg_shape2(s[2], s[1]),
                                             -1, 1)};
        clg_check_forward(cases, "product and sums",
                          clg_node_add(in[0].graph, CLG_OP(matmul_sums), in, 2, &attr, NULL));
    }
    clg_tensor x = clg_case_uniform(cases, clg_shape2(CLG_BATCH, 19), -1, 1);
    clg_tensor w = clg_case_uniform(cases, clg_shape2(33, 19), -1, 1);
    clg_tensor b = clg_case_uniform(cases, clg_shape1(33), -1, 1);
    clg_check(cases, "gradients of a linear layer", clg_add(clg_matmul(x, w, false, true), b));
    if (!clg_case_large(cases))
        return;
    const struct clg_matmul_attr attr = {.transpose_a = 1};
    clg_tensor in[2] = {clg_case_alike(cases, clg_shape2(CLG_CASE_LONG, 2)),
                        clg_case_alike(cases, clg_shape2(CLG_CASE_LONG, 3))};
    clg_check_forward(cases, "a long product and long sums",
                      clg_node_add(in[0].graph, CLG_OP(matmul_sums), in, 2, &attr, NULL));
}
