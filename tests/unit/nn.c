/* Layers: names, shapes, first values, and what they refuse. */
#include "bench.h"

#include <math.h>
#include <string.h>

static void check_shape(struct bench *b, const char *name, int32_t rank, int64_t first,
                        int64_t second)
{
    clg_shape s;
    bool trainable;
    test_ok(b->ctx, clg_store_describe(b->store, name, &s, &trainable));
    cr_assert(trainable && s.rank == rank && s.dim[0] == first && s.dim[1] == second, "%s", name);
}

TEST(nn, linear_names_and_shapes)
{
    struct bench b = bench_open();
    clg_linear_params plain = clg_linear_defaults();
    clg_tensor x = clg_input(b.graph, "x", CLG_F32, clg_shape3(CLG_BATCH, 5, 24));
    plain.bias = false;
    clg_tensor y = clg_linear(x, "block.fc1", 10, NULL);
    clg_tensor z = clg_linear(y, "2", 3, &plain);
    clg_shape s = clg_tensor_shape(z);
    cr_assert(s.rank == 3 && s.dim[0] == CLG_BATCH && s.dim[1] == 5 && s.dim[2] == 3);
    cr_assert_eq(clg_store_count(b.store), 3);
    check_shape(&b, "block.fc1.weight", 2, 10, 24);
    check_shape(&b, "block.fc1.bias", 1, 10, 0);
    check_shape(&b, "2.weight", 2, 3, 10);
    clg_ctx_destroy(&b.ctx);
}

/* All values within the limit, some near it. */
static void check_uniform(struct bench *b, const char *name, size_t count, double limit)
{
    float values[240], most = 0;
    test_ok(b->ctx, clg_store_get(b->store, name, values, count * sizeof(float)));
    for (size_t i = 0; i < count; i++)
        most = fmaxf(most, fabsf(values[i]));
    cr_assert(most <= limit && most > 0.5 * limit, "%s: %g of %g", name, (double)most, limit);
}

TEST(nn, linear_first_values)
{
    struct bench b = bench_open();
    clg_tensor x = clg_input(b.graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 16));
    const clg_init ones = {.scheme = CLG_INIT_CONSTANT, .a = 1};
    clg_linear_params p = clg_linear_defaults();
    float values[10];
    clg_linear(x, "torch", 10, NULL);
    check_uniform(&b, "torch.weight", 160, 0.25);
    check_uniform(&b, "torch.bias", 10, 0.25);
    p.weight_init = &ones;
    clg_linear(x, "given", 10, &p);
    test_ok(b.ctx, clg_store_get(b.store, "given.bias", values, sizeof(values)));
    cr_assert(values[0] == 0 && values[9] == 0, "biases are zero beside a given initialiser");
    p.bias_init = &ones;
    clg_linear(x, "both", 10, &p);
    test_ok(b.ctx, clg_store_get(b.store, "both.bias", values, sizeof(values)));
    cr_assert(values[0] == 1 && values[9] == 1);
    clg_ctx_destroy(&b.ctx);
}

/* y = x W^T + b, with numbers that are exact. */
TEST(nn, linear_values)
{
    struct bench b = bench_open();
    const float x[6] = {1, 2, 3, -1, 0, 4}, w[12] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1};
    const float bias[4] = {0.5f, 0, -1, 2};
    const float want[8] = {1.5f, 2, 2, 8, -0.5f, 0, 3, 5};
    float got[8];
    clg_tensor t = clg_constant(b.graph, CLG_F32, clg_shape2(2, 3), x);
    t = clg_linear(t, "fc", 4, NULL);
    test_ok(b.ctx, clg_store_set(b.store, "fc.weight", w, sizeof(w)));
    test_ok(b.ctx, clg_store_set(b.store, "fc.bias", bias, sizeof(bias)));
    test_ok(b.ctx, clg_eval(t, got, sizeof(got)));
    for (int i = 0; i < 8; i++)
        cr_assert_eq(got[i], want[i], "%d: %g, not %g", i, (double)got[i], (double)want[i]);
    clg_ctx_destroy(&b.ctx);
}

static clg_tensor input(struct bench *b, clg_shape shape)
{
    return clg_input(b->graph, "x", CLG_F32, shape);
}

TEST(nn, linear_refuses)
{
    struct bench b = bench_open();
    clg_shape image = clg_shape2(CLG_BATCH, 784);
    cr_assert(clg_tensor_valid(clg_linear(input(&b, clg_shape2(CLG_BATCH, 256)), "fc2", 10, NULL)));
    clg_graph_destroy(&b.graph);
    b.graph = clg_graph_create(b.store);
    bench_refused(&b, "linear 'fc2': input has 784 columns, weight (10, 256) needs 256",
                  clg_linear(input(&b, image), "fc2", 10, NULL));
    bench_refused(&b, "linear 'fc2': asked for 11 outputs, weight (10, 256) gives 10",
                  clg_linear(input(&b, clg_shape2(CLG_BATCH, 256)), "fc2", 11, NULL));
    bench_refused(&b, "linear 'a': input has shape (784)",
                  clg_linear(input(&b, clg_shape1(784)), "a", 10, NULL));
    bench_refused(&b, "linear 'a': has 0 outputs", clg_linear(input(&b, image), "a", 0, NULL));
    bench_refused(&b, "linear 'a': input (784, batch)",
                  clg_linear(input(&b, clg_shape2(784, CLG_BATCH)), "a", 10, NULL));
    bench_refused(&b, "linear: name is NULL", clg_linear(input(&b, image), NULL, 10, NULL));
    bench_refused(&b, "float32",
                  clg_linear(clg_input(b.graph, "i", CLG_I32, image), "a", 10, NULL));
    clg_tensor x = input(&b, image);
    clg_linear(x, "twice", 10, NULL);
    bench_refused(&b, "layer 'twice'", clg_linear(x, "twice", 10, NULL));
    clg_store_seal(b.store);
    bench_refused(&b, "'new.weight': the store has none of this name, and is sealed",
                  clg_linear(input(&b, image), "new", 10, NULL));
    cr_assert(!clg_tensor_valid(clg_linear((clg_tensor){NULL, -1, 0}, "a", 10, NULL)));
    clg_ctx_destroy(&b.ctx);
}

static clg_tensor images(struct bench *b)
{
    return input(b, clg_shape4(CLG_BATCH, 4, 9, 7));
}

static clg_tensor sequences(struct bench *b)
{
    return input(b, clg_shape3(CLG_BATCH, 4, 9));
}

static void has_shape(clg_tensor t, int64_t c, int64_t h, int64_t w)
{
    clg_shape s = clg_tensor_shape(t);
    cr_assert(clg_tensor_valid(t) && s.dim[1] == c && s.dim[2] == h && (!w || s.dim[3] == w),
              "(%d, %d, %d)", (int)s.dim[1], (int)s.dim[2], (int)s.dim[3]);
}

/* Shapes and first values of PyTorch's Conv1d and ConvTranspose2d. */
TEST(nn, other_convolutions)
{
    struct bench b = bench_open();
    clg_conv_layer_params p = clg_conv_layer_defaults();
    clg_tensor x = images(&b), s = clg_reshape(x, clg_shape3(CLG_BATCH, 4, 63));
    p.conv.groups = 2;
    p.conv.stride[0] = 2;
    p.conv.output_padding[0] = 1;
    has_shape(clg_conv1d_layer(s, "c1", 6, 5, &p), 6, 30, 0);
    check_shape(&b, "c1.weight", 3, 6, 2);
    check_uniform(&b, "c1.weight", 60, sqrt(1 / 10.0));
    check_uniform(&b, "c1.bias", 6, sqrt(1 / 10.0));
    has_shape(clg_conv_transpose2d_layer(x, "up", 6, 3, 2, &p), 6, 20, 8);
    check_shape(&b, "up.weight", 4, 4, 3);
    check_uniform(&b, "up.weight", 72, sqrt(1 / 18.0));
    check_uniform(&b, "up.bias", 6, sqrt(1 / 18.0));
    clg_ctx_destroy(&b.ctx);
}

TEST(nn, prelu_and_instance_norm)
{
    struct bench b = bench_open();
    clg_prelu_layer_params p = clg_prelu_layer_defaults();
    const float x[4] = {-4, 2, -1, 0};
    float got[4], slopes[4];
    clg_tensor y =
        clg_prelu_layer(clg_constant(b.graph, CLG_F32, clg_shape2(2, 2), x), "one", NULL);
    test_ok(b.ctx, clg_eval(y, got, sizeof(got)));
    cr_assert(got[0] == -1 && got[1] == 2 && got[2] == -0.25f && got[3] == 0);
    p.count = 4;
    p.init = 0.5f;
    clg_tensor z = images(&b);
    has_shape(clg_prelu_layer(z, "each", &p), 4, 9, 7);
    test_ok(b.ctx, clg_store_get(b.store, "each.weight", slopes, sizeof(slopes)));
    cr_assert(slopes[0] == 0.5f && slopes[3] == 0.5f);
    has_shape(clg_instance_norm_layer(z, "norm", NULL), 4, 9, 7);
    check_shape(&b, "norm.weight", 1, 4, 0);
    check_shape(&b, "norm.bias", 1, 4, 0);
    clg_ctx_destroy(&b.ctx);
}

TEST(nn, other_layers_refuse)
{
    struct bench b = bench_open();
    clg_conv_layer_params p = clg_conv_layer_defaults();
    clg_prelu_layer_params slopes = {.count = 3};
    p.conv.groups = 3;
    bench_refused(&b, "conv1d 'a': input has shape (batch, 4, 9, 7), must be (N, C, L)",
                  clg_conv1d_layer(images(&b), "a", 2, 3, NULL));
    bench_refused(&b, "conv1d 'a': 2 outputs and a kernel of (0, 1)",
                  clg_conv1d_layer(sequences(&b), "a", 2, 0, NULL));
    bench_refused(&b, "conv_transpose2d 'a': input has shape (batch, 4, 9), must be (N, C, H, W)",
                  clg_conv_transpose2d_layer(sequences(&b), "a", 2, 3, 3, NULL));
    bench_refused(&b, "conv_transpose2d 'a': 4 input and 2 output channels cannot be split into 3",
                  clg_conv_transpose2d_layer(images(&b), "a", 2, 3, 3, &p));
    bench_refused(&b, "conv_transpose2d 'a': 9223372036854775807 outputs",
                  clg_conv_transpose2d_layer(images(&b), "a", INT64_MAX, 3, 3, NULL));
    bench_refused(&b, "prelu 'a': 3 slopes, must be 1 or one for each channel",
                  clg_prelu_layer(images(&b), "a", &slopes));
    clg_norm_params norm = clg_norm_defaults();
    norm.running_mean = clg_fill(b.graph, clg_shape1(4), 0);
    bench_refused(&b, "batch_norm: running_mean and running_var go together",
                  clg_batch_norm(images(&b), &norm));
    norm = clg_norm_defaults();
    norm.eps = -1;
    bench_refused(&b, "batch_norm: eps is -1", clg_batch_norm(images(&b), &norm));
    bench_refused(&b, "pad: mode is 7", clg_pad(images(&b), 2, 1, 1, (clg_pad_mode)7, 0));
    bench_refused(&b, "variance: correction is 2", clg_variance(images(&b), NULL, 0, false, 2));
    bench_refused(&b, "instance_norm: input (batch, 4) must have at least 3 dimensions",
                  clg_instance_norm_layer(input(&b, clg_shape2(CLG_BATCH, 4)), "a", NULL));
    bench_refused(&b, "max_pool1d: the input has 4 dimensions, must have 3",
                  clg_max_pool1d(images(&b), 2, NULL));
    bench_refused(&b, "avg_pool1d: the input has 4 dimensions, must have 3",
                  clg_avg_pool1d(images(&b), 2, NULL));
    bench_refused(&b, "adaptive_max_pool1d: the input has 4 dimensions, must have 3",
                  clg_adaptive_max_pool1d(images(&b), 2));
    bench_refused(&b, "adaptive_avg_pool1d: the input has 4 dimensions, must have 3",
                  clg_adaptive_avg_pool1d(images(&b), 2));
    bench_refused(&b, "celu: alpha is 0, must be over 0", clg_celu(images(&b), 0));
    bench_refused(&b, "max_pool2d: the result is (0, 2), must be at least (1, 1)",
                  clg_adaptive_max_pool2d(images(&b), 0, 2));
    clg_ctx_destroy(&b.ctx);
}

/* More outputs than any shape can have, without overflow on the way. */
TEST(nn, absurd_sizes_are_refused)
{
    struct bench b = bench_open();
    bench_refused(&b,
                  "linear 'a': has 9223372036854775807 outputs, must be 1 or more, and under 2^31",
                  clg_linear(input(&b, clg_shape2(CLG_BATCH, 784)), "a", INT64_MAX, NULL));
    bench_refused(&b, "linear 'a': has 2147483648 outputs",
                  clg_linear(input(&b, clg_shape2(CLG_BATCH, 784)), "a", INT64_C(1) << 31, NULL));
    bench_refused(&b, "linear 'a': has -1 outputs",
                  clg_linear(input(&b, clg_shape2(CLG_BATCH, 784)), "a", -1, NULL));
    clg_ctx_destroy(&b.ctx);
}

/* Once, by the name that is there; the gradients of both uses add up. */
TEST(nn, layers_share)
{
    struct bench b = bench_open();
    const float x[1] = {3}, w[1] = {2};
    clg_linear_params p = clg_linear_defaults();
    clg_tensor gradient, weight, y;
    float got;
    p.bias = false;
    test_refused(b.ctx, CLG_ERR_ARGUMENT, "share layer 'fc': the graph has no layer of this name",
                 clg_layer_share(b.graph, "fc"));
    y = clg_linear(clg_constant(b.graph, CLG_F32, clg_shape2(1, 1), x), "fc", 1, &p);
    test_ok(b.ctx, clg_layer_share(b.graph, "fc"));
    y = clg_linear(y, "fc", 1, &p);
    test_ok(b.ctx, clg_store_set(b.store, "fc.weight", w, sizeof(w)));
    weight = clg_parameter(b.graph, "fc.weight", clg_shape2(1, 1), NULL);
    test_ok(b.ctx, clg_grad(clg_sum(y, NULL, 0, false), &weight, 1, &gradient));
    test_ok(b.ctx, clg_eval(gradient, &got, sizeof(got)));
    cr_assert_eq(got, 12, "d (w^2 x) / d w is 2 w x: 12, not %g", (double)got);
    test_ok(b.ctx, clg_layer_share(b.graph, "fc"));
    test_ok(b.ctx, clg_layer_share(b.graph, NULL));
    bench_refused(&b, "layer 'fc': the graph has a layer of this name already",
                  clg_linear(y, "fc", 1, &p));
    cr_assert_eq(clg_layer_share(NULL, "fc"), CLG_ERR_ARGUMENT);
    clg_ctx_destroy(&b.ctx);
}

/* Three calls before three layers; each is for one. */
TEST(nn, several_layers_share)
{
    static const char *const names[] = {"a", "b", "a", "c"};
    struct bench b = bench_open();
    clg_tensor x = input(&b, clg_shape2(2, 3));
    for (int i = 0; i < 4; i++)
        if (i != 2)
            x = clg_linear(x, names[i], 3, NULL);
    for (int i = 0; i < 4; i++)
        test_ok(b.ctx, clg_layer_share(b.graph, names[i]));
    for (int i = 0; i < 4; i++)
        x = clg_linear(x, names[i], 3, NULL);
    test_ok(b.ctx, clg_graph_status(b.graph));
    cr_expect_eq(clg_store_count(b.store), 6, "weight and bias of three layers");
    bench_refused(&b, "layer 'a': the graph has a layer of this name already",
                  clg_linear(x, "a", 3, NULL));
    clg_ctx_destroy(&b.ctx);
}
