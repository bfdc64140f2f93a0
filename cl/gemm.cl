/* gemm.cl: C = act(op(A) op(B) + bias), for each of `batch` products.
 *
 * Row-major, dense: op(A) is (M, K), op(B) is (K, N), C is (M, N), bias is (N). A is stored (K, M)
 * with FLAG_TRANSPOSE_A, B is stored (N, K) with FLAG_TRANSPOSE_B; products lie stride_a, stride_b
 * and stride_c elements apart. With ACT_GATE the place of the bias is taken by a gate like C, and C is 0
 * where that is <= 0. With FLAG_SUMS (item form, transposed A, one product) sums (M) gets the sums of
 * op(A)'s rows: a bias's gradient beside its weight's. Sizes and transposes are arguments: one kernel serves a whole
 * network, since to compile one takes longer than to train a hundred steps with it. */
#include "common.clh"
#include "activation.clh"

#define FLAG_TRANSPOSE_A 1
#define FLAG_TRANSPOSE_B 2
#define FLAG_BIAS        4
#define FLAG_SUMS        8

#if FORM_ITEM
#include "gemm_item.clh"
#else
#include "gemm_group.clh"
#endif
