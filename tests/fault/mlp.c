#include "fault/mlp.h"

#include "test.h"

#include <stdlib.h>

enum { ROWS = 512, INPUTS = 784, HIDDEN = 256, CLASSES = 10, BATCH = 256 };

static clg_graph *build(struct mlp *mlp, clg_store *store)
{
    clg_init normal = {.scheme = CLG_INIT_NORMAL, .b = 0.01f};
    clg_linear_params linear = clg_linear_defaults();
    linear.weight_init = &normal;
    clg_optimizer_params sgd = clg_optimizer_defaults("sgd");
    sgd.momentum = 0.9f;
    sgd.weight_decay = 0.001f;
    clg_graph *graph = clg_graph_create(store);
    clg_tensor x = clg_input(graph, "image", CLG_F32, clg_shape2(CLG_BATCH, INPUTS));
    clg_tensor y = clg_input(graph, "label", CLG_I32, clg_shape1(CLG_BATCH));
    clg_tensor h = clg_relu(clg_linear(x, "0", HIDDEN, &linear));
    clg_tensor z = clg_linear(h, "2", CLASSES, &linear);
    clg_tensor loss = clg_metric(clg_cross_entropy(z, y, NULL), "loss");
    clg_metric(clg_accuracy(z, y), "accuracy");
    mlp->optimizer = clg_sgd_create(store, 0.1f, &sgd);
    clg_minimize(mlp->optimizer, loss);
    return graph;
}

static void feed(struct mlp *mlp)
{
    uint8_t *images = calloc(ROWS, INPUTS), labels[ROWS]; /* bytes, as in IDX files */
    int32_t order[ROWS];
    cr_assert_not_null(images);
    for (int i = 0; i < ROWS; i++) {
        labels[i] = (uint8_t)(i % CLASSES);
        order[i] = (i * 7) % ROWS;
        for (int j = 0; j < INPUTS; j++)
            images[i * INPUTS + j] = (uint8_t)(i * 31 + j * 7);
    }
    clg_feed_params params = clg_feed_defaults();
    params.index = clg_array_create(mlp->device, CLG_I32, ROWS, 1, order);
    test_ok(mlp->ctx,
            clg_plan_feed(mlp->plan, "label",
                          clg_array_create(mlp->device, CLG_U8, ROWS, 1, labels), &params));
    params.std = 255;
    test_ok(mlp->ctx,
            clg_plan_feed(mlp->plan, "image",
                          clg_array_create(mlp->device, CLG_U8, ROWS, INPUTS, images), &params));
    free(images);
}

void mlp_create(struct mlp *mlp, clg_form form, clg_gemm_choice gemm)
{
    clg_device_params params = clg_device_defaults();
    params.form = form;
    params.gemm = gemm;
    mlp->ctx = test_context();
    mlp->device = test_open_with(mlp->ctx, &params);
    clg_graph *graph = build(mlp, clg_store_create(mlp->device, 1));
    mlp->plan = clg_compile(graph, BATCH, CLG_TRAIN, NULL);
    cr_assert_not_null(mlp->plan, "%s", clg_error(mlp->ctx));
    feed(mlp);
}

void mlp_destroy(struct mlp *mlp)
{
    clg_ctx_destroy(&mlp->ctx);
}
