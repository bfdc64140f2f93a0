/* Layers of recipes: parameters as PyTorch's modules have them, a step with each, and refusals. */
#include "test.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <clgrad/train.h>

#include "cli/command.h"

struct fixture {
    clg_ctx *ctx;
    clg_device *device;
    clg_recipe *recipe;
    clg_model model;
    char folder[256];
};

static void setup(struct fixture *f)
{
    *f = (struct fixture){.ctx = test_context()};
    f->device = test_open(f->ctx, CLG_FORM_AUTO);
    test_folder(f->folder);
}

static void finish(struct fixture *f)
{
    test_remove(f->folder);
    clg_ctx_destroy(&f->ctx);
}

static void close_model(struct fixture *f)
{
    clg_store_destroy(&f->model.store);
    clg_recipe_destroy(&f->recipe);
}

/* The model of a recipe with these layers, each "- ..." on a line of its own. */
static clg_status build(struct fixture *f, const char *shape, const char *layers)
{
    char text[4096];

    snprintf(text, sizeof(text),
             "data: {train: {images: x, labels: y}, shape: %s}\n"
             "model:\n%s\n"
             "loss: mse\n"
             "optimizer: {sgd: {lr: 0.01}}\n"
             "train: {steps: 1}\n",
             shape, layers);
    file_write_text(file_in(f->folder, "r.yaml"), text);
    f->recipe = clg_recipe_read(f->ctx, file_in(f->folder, "r.yaml"), NULL);
    if (!f->recipe)
        return clg_error_status(f->ctx);
    return clg_recipe_model(f->recipe, f->device, true, &f->model);
}

/* "0.weight (5, 784) 0.bias (5)" of a store, states too. */
static const char *entries(struct fixture *f)
{
    static char text[4096];
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < clg_store_count(f->model.store); i++) {
        const char *name = clg_store_name(f->model.store, i);
        clg_shape shape;

        test_ok(f->ctx, clg_store_describe(f->model.store, name, &shape, NULL));
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s (", i ? " " : "", name);
        for (int32_t d = 0; d < shape.rank; d++)
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%" PRId64, d ? ", " : "",
                                   shape.dim[d]);
        at += (size_t)snprintf(text + at, sizeof(text) - at, ")");
    }
    return text;
}

/* A training step on numbers between -1 and 1: its loss is finite. */
static void step(struct fixture *f, size_t values)
{
    enum { BATCH = 3 };
    clg_plan *plan = clg_compile(f->model.graph, BATCH, CLG_TRAIN, NULL);
    size_t results = BATCH * (size_t)f->model.results;
    float *x = calloc(BATCH * values, sizeof(*x)), *y = calloc(results, sizeof(*y)), loss;

    cr_assert_not_null(plan, "%s", clg_error(f->ctx));
    for (size_t i = 0; i < BATCH * values; i++)
        x[i] = sinf((float)i * 1.7f);
    test_ok(f->ctx, clg_plan_write(plan, "input", x, BATCH * values * sizeof(*x)));
    test_ok(f->ctx, clg_plan_write(plan, "label", y, results * sizeof(*y)));
    test_ok(f->ctx, clg_plan_step(plan));
    test_ok(f->ctx, clg_plan_read(plan, "loss", &loss, sizeof(loss)));
    cr_assert(isfinite(loss) && loss > 0, "%g", (double)loss);
    free(x);
    free(y);
}

struct example {
    const char *shape, *layers, *entries;
    int64_t results; /* of a sample */
    size_t values;
};

static void check(struct fixture *f, const struct example *e)
{
    cr_assert_eq(build(f, e->shape, e->layers), CLG_OK, "%s: %s", e->layers, clg_error(f->ctx));
    cr_assert_str_eq(entries(f), e->entries, "%s", e->layers);
    cr_assert_eq(f->model.results, e->results, "%s: %d", e->layers, (int)f->model.results);
    step(f, e->values);
    close_model(f);
}

#define CHECK_ALL(f, examples)                                                                     \
    for (size_t i = 0; i < sizeof(examples) / sizeof((examples)[0]); i++)                          \
    check(&(f), &(examples)[i])

/* Each activation in one chain; those that nothing learns have no parameters. */
TEST(layers, activations)
{
    static const struct example examples[] = {
        {"[6]",
         "  - linear: 4\n  - relu6\n  - elu: 0.5\n  - celu: 2\n  - logsigmoid\n  - selu\n  - "
         "gelu\n  - gelu: tanh\n  - silu\n"
         "  - mish\n  - softplus: {beta: 2, threshold: 1}\n  - softsign\n  - hardswish\n"
         "  - hardtanh: {min_val: -0.5, max_val: 2}\n  - tanh\n  - sigmoid\n  - hardsigmoid\n",
         "0.weight (4, 6) 0.bias (4)", 4, 6},
        {"[6]", "  - linear: 4\n  - prelu\n  - prelu: 4\n  - prelu: {init: 0.1, name: p}\n",
         "0.weight (4, 6) 0.bias (4) 1.weight (1) 2.weight (4) p.weight (1)", 4, 6},
        {"[4, 6]", "  - linear: 4\n  - glu\n  - glu: {dim: 1}\n", "0.weight (4, 6) 0.bias (4)", 4,
         24},
    };
    struct fixture f;

    setup(&f);
    CHECK_ALL(f, examples);
    finish(&f);
}

TEST(layers, shapes)
{
    static const struct example examples[] = {
        {"[12]", "  - reshape: [3, 4]\n  - linear: 2\n  - flatten\n", "1.weight (2, 4) 1.bias (2)",
         6, 12},
        {"[12]", "  - unflatten: [3, 2, 2]\n  - linear: 5\n", "1.weight (5, 2) 1.bias (5)", 30, 12},
        {"[2, 6]", "  - unflatten: {dim: -1, unflattened_size: [2, 3]}\n  - linear: 5\n",
         "1.weight (5, 3) 1.bias (5)", 20, 12},
    };
    struct fixture f;

    setup(&f);
    CHECK_ALL(f, examples);
    finish(&f);
}

TEST(layers, borders)
{
    static const struct example examples[] = {
        {"[2, 4, 3]",
         "  - zeropad2d: 1\n  - constantpad2d: {padding: [1, 0, 2, 1], value: 0.5}\n"
         "  - reflectionpad2d: [1, 2, 0, 1]\n  - replicationpad2d: 2\n"
         "  - conv2d: {out: 1, kernel_size: 1}\n",
         "4.weight (1, 2, 1, 1) 4.bias (1)", 14 * 13, 24},
    };
    struct fixture f;

    setup(&f);
    CHECK_ALL(f, examples);
    finish(&f);
}

TEST(layers, convolution_and_pooling)
{
    static const struct example examples[] = {
        {"[2, 11]",
         "  - conv1d: {out: 4, kernel_size: 3, stride: 2, padding: 1, groups: 2}\n"
         "  - maxpool1d: {kernel_size: 2, stride: 1}\n"
         "  - avgpool1d: {kernel_size: 3, padding: 1, count_include_pad: false}\n",
         "0.weight (4, 1, 3) 0.bias (4)", 8, 22},
        {"[2, 11]",
         "  - conv1d: {out: 3, kernel_size: 1}\n  - adaptivemaxpool1d: 7\n"
         "  - adaptiveavgpool1d: 3\n",
         "0.weight (3, 2, 1) 0.bias (3)", 9, 22},
        {"[2, 5, 4]",
         "  - convtranspose2d: {out: 3, kernel_size: [3, 2], stride: 2, output_padding: 1}\n",
         "0.weight (2, 3, 3, 2) 0.bias (3)", 3 * 12 * 9, 40},
        {"[2, 5, 4]",
         "  - conv2d: {out: 3, kernel_size: 1, bias: false}\n  - adaptivemaxpool2d: [3, 2]\n"
         "  - lppool2d: {norm_type: 1, kernel_size: 2, stride: 1}\n  - adaptiveavgpool2d: 1\n",
         "0.weight (3, 2, 1, 1)", 3, 40},
        {"[2, 5, 4]",
         "  - conv2d: {out: 3, kernel_size: 1}\n"
         "  - lppool2d: {norm_type: 2, kernel_size: [2, 3]}\n",
         "0.weight (3, 2, 1, 1) 0.bias (3)", 6, 40},
    };
    struct fixture f;

    setup(&f);
    CHECK_ALL(f, examples);
    finish(&f);
}

TEST(layers, images_and_chance)
{
    static const struct example examples[] = {
        {"[2, 5, 4]",
         "  - randomhorizontalflip\n  - randomverticalflip: 0.25\n  - randomcrop: {size: [4, 3], "
         "padding: 1}\n"
         "  - gaussiannoise: 0.5\n  - conv2d: {out: 3, kernel_size: 1}\n  - dropout2d: 0.25\n"
         "  - upsample: 2\n  - upsample: {size: [9, 5], mode: bilinear}\n",
         "4.weight (3, 2, 1, 1) 4.bias (3)", 3 * 9 * 5, 40},
    };
    struct fixture f;

    setup(&f);
    CHECK_ALL(f, examples);
    finish(&f);
}

TEST(layers, normalisation)
{
    static const struct example examples[] = {
        {"[4, 5]",
         "  - batchnorm1d\n  - instancenorm1d\n  - instancenorm1d: {affine: true, name: i}\n"
         "  - rmsnorm: {dims: 2}\n",
         "0.weight (4) 0.bias (4) 0.running_mean (4) 0.running_var (4) i.weight (4) i.bias (4) "
         "3.weight (4, 5)",
         20, 20},
        {"[4]", "  - batchnorm1d: {affine: false}\n  - linear: 3\n",
         "0.running_mean (4) 0.running_var (4) 1.weight (3, 4) 1.bias (3)", 3, 4},
        {"[4, 3, 2]",
         "  - instancenorm2d: {affine: true}\n  - batchnorm2d: {track_running_stats: false}\n"
         "  - groupnorm: 2\n  - localresponsenorm: 3\n",
         "0.weight (4) 0.bias (4) 1.weight (4) 1.bias (4) 2.weight (4) 2.bias (4)", 24, 24},
    };
    struct fixture f;

    setup(&f);
    CHECK_ALL(f, examples);
    finish(&f);
}

TEST(layers, blocks)
{
    static const struct example examples[] = {
        {"[4]",
         "  - residual: [{linear: 8}, relu, {linear: 4}]\n"
         "  - residual: {name: r, layers: [{linear: {out: 3, name: f}}], shortcut: [{linear: "
         "3}]}\n",
         "0.0.weight (8, 4) 0.0.bias (8) 0.2.weight (4, 8) 0.2.bias (4) r.f.weight (3, 4) "
         "r.f.bias (3) r.shortcut.0.weight (3, 4) r.shortcut.0.bias (3)",
         3, 4},
        {"[4]",
         "  - parallel: [[{linear: 2}, relu], [{linear: 3}], [identity]]\n"
         "  - parallel: {concat: false, branches: [[{linear: 2}], [{linear: {out: 2, name: "
         "b}}]]}\n",
         "0.0.0.weight (2, 4) 0.0.0.bias (2) 0.1.0.weight (3, 4) 0.1.0.bias (3) "
         "1.0.0.weight (2, 9) 1.0.0.bias (2) 1.1.b.weight (2, 9) 1.1.b.bias (2)",
         2, 4},
        {"[2, 4]",
         "  - parallel: {dim: -1, branches: [[{linear: 2}], [{linear: 3}]]}\n"
         "  - parallel: [[{linear: 1}]]\n",
         "0.0.0.weight (2, 4) 0.0.0.bias (2) 0.1.0.weight (3, 4) 0.1.0.bias (3) "
         "1.0.0.weight (1, 5) 1.0.0.bias (1)",
         2, 8},
        {"[4]",
         "  - repeat: {times: 2, layers: [{residual: [{linear: 4}, tanh]}], name: stack}\n"
         "  - linear: 1\n",
         "stack.0.0.0.weight (4, 4) stack.0.0.0.bias (4) stack.1.0.0.weight (4, 4) "
         "stack.1.0.0.bias (4) 1.weight (1, 4) 1.bias (1)",
         1, 4},
    };
    struct fixture f;

    setup(&f);
    CHECK_ALL(f, examples);
    finish(&f);
}

/* A layer, and a whole block, with the parameters of another; names are looked up from the inside.
 */
TEST(layers, shared_parameters)
{
    static const struct example examples[] = {
        {"[4]",
         "  - linear: 4\n  - relu\n  - linear: {out: 4, share: '0'}\n  - tanh\n"
         "  - {linear: 4, share: '2'}\n",
         "0.weight (4, 4) 0.bias (4)", 4, 4},
        {"[4]",
         "  - sequential: {name: enc, layers: [{linear: 4}, relu, {prelu: 4}]}\n"
         "  - sequential: {share: enc, layers: [{linear: 4}, relu, {prelu: 4}]}\n"
         "  - linear: {out: 4, share: enc.0}\n",
         "enc.0.weight (4, 4) enc.0.bias (4) enc.2.weight (4)", 4, 4},
        {"[4]",
         "  - linear: {out: 4, name: a}\n"
         "  - repeat: {times: 2, layers: [{linear: {out: 4, name: a}}, {linear: {out: 4, share: "
         "a}}]}\n",
         "a.weight (4, 4) a.bias (4) 1.0.a.weight (4, 4) 1.0.a.bias (4) 1.1.a.weight (4, 4) "
         "1.1.a.bias (4)",
         4, 4},
        {"[3, 4]", "  - gru: {out: 4, name: g}\n  - gru: {out: 4, share: g, last: true}\n",
         "g.weight_ih_l0 (12, 4) g.weight_hh_l0 (12, 4) g.bias_ih_l0 (12) g.bias_hh_l0 (12)", 4,
         12},
    };
    struct fixture f;

    setup(&f);
    CHECK_ALL(f, examples);
    finish(&f);
}

/* The recipe of the examples that has blocks in blocks. */
TEST(layers, example_of_blocks)
{
    struct fixture f;
    char path[512];

    setup(&f);
    snprintf(path, sizeof(path), "%s/examples/fashion-mnist/resnet.yaml",
             getenv("CLG_TEST_SOURCE"));
    f.recipe = clg_recipe_read(f.ctx, path, NULL);
    cr_assert_not_null(f.recipe, "%s", clg_error(f.ctx));
    test_ok(f.ctx, clg_recipe_model(f.recipe, f.device, true, &f.model));
    cr_assert_eq(clg_recipe_classes(f.recipe), 10);
    cr_assert_not_null(strstr(entries(&f), " 9.shortcut.0.weight (64, 32, 1, 1) "), "%s",
                       entries(&f));
    close_model(&f);
    finish(&f);
}

/* ---- refusals: the layer's line, and what is wrong ---- */

static void refused(struct fixture *f, const char *shape, const char *layers, const char *words)
{
    cr_assert_neq(build(f, shape, layers), CLG_OK, "not refused: %s", layers);
    cr_assert_not_null(strstr(clg_error(f->ctx), words), "'%s' is not in: %s", words,
                       clg_error(f->ctx));
    cr_assert_not_null(strstr(clg_error(f->ctx), "r.yaml:"), "no place: %s", clg_error(f->ctx));
    close_model(f);
}

TEST(layers, refused)
{
    struct fixture f;

    setup(&f);
    refused(&f, "[4]", "  - linear: 2\n  - prelu: 3\n", "r.yaml:4: prelu '1': 3 slopes, must be 1");
    refused(&f, "[4]", "  - upsample: {size: 2}\n",
            "upsample: samples have 1 dimensions, must have 3");
    refused(&f, "[1, 2, 2]", "  - upsample: {mode: bilinear}\n",
            "upsample needs either size or scale_factor");
    refused(&f, "[1, 2, 2]", "  - upsample: {scale_factor: 1.5}\n",
            "scale_factor must be a whole number");
    refused(&f, "[1, 2, 2]", "  - randomcrop: 3\n",
            "window (3, 3) is larger than the image (2, 2)");
    refused(&f, "[4]", "  - gelu: sin\n", "'sin' is not known; the nearest is");
    refused(&f, "[4]", "  - linear: 3\n  - glu\n",
            "r.yaml:4: glu: dimension 1 has 3 elements, must have an even number");
    refused(&f, "[4]", "  - hardtanh: {min_val: 2}\n", "the lower end is 2, must be below");
    refused(&f, "[4]", "  - softplus: 0\n", "beta is '0', but must be a number over 0");
    refused(&f, "[4]", "  - celu: 0\n", "alpha is '0', but must be a number over 0");
    refused(&f, "[4, 2, 2]", "  - zeropad2d: [1, 2]\n",
            "zeropad2d: padding must be a whole number, or a list of four");
    refused(&f, "[4]", "  - zeropad2d: 1\n",
            "zeropad2d: the input has 2 dimensions, but must be (batch, channels, height, width)");
    refused(&f, "[4]", "  - reshape: [5]\n",
            "r.yaml:3: reshape: a sample has 4 values, but the shape is of 5");
    refused(&f, "[4]", "  - unflatten: [2, 3]\n",
            "dimension 1 has not as many values as unflattened_size, 6");
    refused(&f, "[4]", "  - unflatten: {dim: 2, unflattened_size: [2, 2]}\n",
            "dimension 2 into 2, of an input with 2");
    refused(
        &f, "[4]", "  - batchnorm2d\n",
        "batchnorm2d: the input has 2 dimensions, but must be (batch, channels, height, width)");
    refused(&f, "[4, 2, 2]", "  - batchnorm1d\n", "but must be (batch, channels) or (batch");
    refused(&f, "[4]", "  - instancenorm1d\n", "but must be (batch, channels, length)");
    refused(&f, "[4, 2]", "  - conv1d: {out: 2, kernel_size: [2, 2]}\n",
            "conv1d: kernel_size must be a whole number");
    refused(&f, "[4, 2]", "  - conv1d: {out: 2, kernel_size: 2, stride: 0.5}\n",
            "conv1d: stride must be a whole number");
    refused(&f, "[4, 2, 2]", "  - lppool2d: {kernel_size: 2, norm_type: 3}\n",
            "norm_type is 3, but must be 1 or 2");
    refused(&f, "[4, 2, 2]", "  - lppool2d: 2\n", "lppool2d is '2', but must be a map of keys");
    finish(&f);
}

TEST(layers, blocks_refused)
{
    struct fixture f;

    setup(&f);
    refused(&f, "[4]", "  - relu\n  - residual: [{linear: 1}]\n",
            "r.yaml:4: residual: (batch, 1) and (batch, 4) cannot be added");
    refused(&f, "[4]", "  - residual:\n    - relu\n    - prelu: 3\n", "r.yaml:5: prelu '0.1': 3");
    refused(&f, "[4]", "  - residual: []\n",
            "model.0.residual.layers is an empty list, but must have one layer or more");
    refused(&f, "[4]", "  - parallel: [[{linear: 1}], [identity]]\n  - parallel: [relu]\n",
            "model.1.parallel.branches.0 is 'relu', but must be a list");
    refused(&f, "[4]", "  - parallel: {concat: false, branches: [[{linear: 1}], [identity]]}\n",
            "parallel: (batch, 1) and (batch, 4) cannot be added");
    refused(&f, "[4]", "  - parallel: [[{reshape: [2, 2]}], [identity]]\n", "r.yaml:3: concat");
    refused(&f, "[4]", "  - parallel: {dim: 5, branches: [[relu], [identity]]}\n", "concat");
    refused(&f, "[4]", "  - parallel: []\n", "but must be a list of one list or more");
    refused(&f, "[4]", "  - repeat: {times: 0, layers: [relu]}\n", "times is '0', but must be");
    refused(&f, "[4]", "  - repeat: {times: 100000, layers: [relu]}\n",
            "times is 100000, but must be at most 1000");
    refused(&f, "[4]",
            "  - repeat: {times: 1000, layers: [{repeat: {times: 1000, layers: [relu]}}]}\n",
            "the model has more than 10000 layers");
    finish(&f);
}

TEST(layers, sharing_refused)
{
    struct fixture f;

    setup(&f);
    refused(&f, "[4]", "  - linear: {out: 4, name: a}\n  - linear: {out: 4, name: a}\n",
            "r.yaml:4: layer 'a': the graph has a layer of this name already");
    refused(&f, "[4]", "  - linear: {out: 4, share: a}\n  - linear: {out: 4, name: a}\n",
            "r.yaml:3: share: no layer before this one is called 'a'");
    refused(&f, "[4]", "  - linear: 4\n  - prelu: {share: '0'}\n",
            "share: layer '0' is linear, but this one prelu");
    refused(&f, "[4]", "  - relu\n  - relu: {share: '0'}\n", "share: layer '0' has no parameters");
    refused(&f, "[4]", "  - linear: 4\n  - linear: {out: 3, share: '0'}\n",
            "linear '0': asked for 3 outputs, weight (4, 4) gives 4");
    refused(&f, "[4]",
            "  - sequential: [{linear: 4}]\n"
            "  - sequential: {share: '0', layers: [{linear: 4}, {linear: 4}]}\n",
            "share: this layer has the parameter '0.1.weight', which '0.1' has not");
    refused(&f, "[4]", "  - linear: {out: 4, bias: false}\n  - linear: {out: 4, share: '0'}\n",
            "share: this layer has the parameter '0.bias', which '0' has not");
    refused(&f, "[4]", "  - linear: {out: 4, share: [a]}\n", "share is a list, but must be a word");
    finish(&f);
}

/* ---- groups of parameters ---- */

/* Builds linear, relu, linear with these words for the optimizer and in train. */
static clg_status build_groups(struct fixture *f, const char *optimizer, const char *train)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "data: {train: {images: x, labels: y}, shape: [4]}\n"
             "model: [{linear: 3}, relu, {linear: {out: 2, name: head}}]\n"
             "loss: mse\n"
             "optimizer: {sgd: {lr: 0.1%s}}\n"
             "train: {steps: 1%s}\n",
             optimizer, train);
    file_write_text(file_in(f->folder, "r.yaml"), text);
    f->recipe = clg_recipe_read(f->ctx, file_in(f->folder, "r.yaml"), NULL);
    if (!f->recipe)
        return clg_error_status(f->ctx);
    return clg_recipe_model(f->recipe, f->device, true, &f->model);
}

TEST(layers, sequences)
{
    static const struct example examples[] = {
        {"[5, 3]", "  - lstm: {out: 2, name: rnn}\n  - gru: {out: 4, bias: false, last: true}\n",
         "rnn.weight_ih_l0 (8, 3) rnn.weight_hh_l0 (8, 2) rnn.bias_ih_l0 (8) rnn.bias_hh_l0 (8) "
         "1.weight_ih_l0 (12, 2) 1.weight_hh_l0 (12, 4)",
         4, 15},
        {"[5, 3]",
         "  - rnn: {out: 2, nonlinearity: relu, bias: false, bidirectional: true, num_layers: 2, "
         "dropout: 0.5, last: true}\n  - linear: {out: 1, bias: false}\n",
         "0.weight_ih_l0 (2, 3) 0.weight_hh_l0 (2, 2) 0.weight_ih_l0_reverse (2, 3) "
         "0.weight_hh_l0_reverse (2, 2) 0.weight_ih_l1 (2, 4) 0.weight_hh_l1 (2, 2) "
         "0.weight_ih_l1_reverse (2, 4) 0.weight_hh_l1_reverse (2, 2) 1.weight (1, 4)",
         1, 15},
        {"[5]",
         "  - embedding: {num_embeddings: 3, embedding_dim: 4, padding_idx: 1}\n"
         "  - sinusoidalpositions\n"
         "  - multiheadattention: {num_heads: 2, causal: true, rotary: true, dropout: 0.1}\n"
         "  - multiheadattention: {num_heads: 1, bias: false}\n",
         "0.weight (3, 4) 2.in_proj_weight (12, 4) 2.in_proj_bias (12) 2.out_proj.weight (4, 4) "
         "2.out_proj.bias (4) 3.in_proj_weight (12, 4) 3.out_proj.weight (4, 4)",
         20, 5},
    };
    struct fixture f;

    setup(&f);
    CHECK_ALL(f, examples);
    cr_assert_neq(build(&f, "[5]", "  - sinusoidalpositions\n"), CLG_OK);
    cr_assert_not_null(strstr(clg_error(f.ctx), "must be (batch, steps, numbers)"), "%s",
                       clg_error(f.ctx));
    close_model(&f);
    finish(&f);
}

/* How far the largest number of an entry moves in a step. */
static double moved(struct fixture *f, const char *name, size_t count)
{
    float before[12], after[12];
    double most = 0;

    test_ok(f->ctx, clg_store_get(f->model.store, name, before, count * sizeof(float)));
    step(f, 4);
    test_ok(f->ctx, clg_store_get(f->model.store, name, after, count * sizeof(float)));
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)after[i] - (double)before[i]));
    close_model(f);
    return most;
}

TEST(layers, groups_and_freezing)
{
    struct fixture f;
    double plain, ten;

    setup(&f);
    test_ok(f.ctx, build_groups(&f, "", ""));
    plain = moved(&f, "head.bias", 2);
    test_refused(f.ctx, CLG_ERR_ARGUMENT, "'none', to be a group, matches no parameter",
                 build_groups(&f, ", groups: [{match: [head.*, none], lr: 1}]", ""));
    close_model(&f);
    test_ok(f.ctx, build_groups(&f, ", groups: [{match: head.*, lr: 1}]", ", freeze: ['0.*']"));
    ten = moved(&f, "head.bias", 2);
    /* Both moved by a rounded step from a bias under 1. */
    cr_assert(fabs(ten - 10 * plain) <= 11 * 0x1p-24, "%g, not 10 times %g", ten, plain);
    test_ok(f.ctx, build_groups(&f, "", ", freeze: ['0.*']"));
    cr_assert_eq(moved(&f, "0.weight", 12), 0);
    test_ok(f.ctx, build_groups(&f, ", groups: [{match: '0.*', lr: 0}]", ""));
    cr_assert_eq(moved(&f, "0.weight", 12), 0);
    finish(&f);
}

TEST(layers, groups_refused)
{
    static const char *const cases[][3] = {
        {"", ", freeze: ['1.*']", "r.yaml:4: optimizer 'sgd': '1.*', to be frozen, matches no"},
        {", groups: [{lr: 1}]", "", "optimizer.sgd.groups.0 needs the key 'match'"},
        {", groups: [{match: '*', rate: 1}]", "", "unknown key 'rate' in optimizer.sgd.groups.0"},
        {", groups: {match: '*'}", "", "optimizer.sgd.groups is a map, but must be a list of maps"},
        {", groups: [{match: '*', lr: -1}]", "", "groups.0.lr is '-1', but must be a number of"},
        {"", ", freeze: {a: b}", "train.freeze is a map, but must be a list of words"},
    };
    struct fixture f;

    setup(&f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_neq(build_groups(&f, cases[i][0], cases[i][1]), CLG_OK, "%s", cases[i][2]);
        cr_assert_not_null(strstr(clg_error(f.ctx), cases[i][2]), "'%s' is not in: %s", cases[i][2],
                           clg_error(f.ctx));
        close_model(&f);
    }
    finish(&f);
}
