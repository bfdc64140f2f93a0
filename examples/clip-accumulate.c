/* Clips gradients by their norm and takes the mean over four small batches for an update, as where a
 * large batch does not fit the device: a regression whose targets now and then are far off.
 *
 *     cc clip-accumulate.c $(pkg-config --cflags --libs clgrad) -o clip && ./clip */
#include <clgrad/clgrad.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 16, BATCHES = 4, STEPS = 300 };

static float noise(void)
{
    return (float)rand() / (float)RAND_MAX * 2 - 1;
}

/* y = 2 a - 3.4 b + 4.2, but for a target in 200 that is anything up to 1000. */
static void make_batch(float x[BATCH][2], float y[BATCH][1])
{
    for (int i = 0; i < BATCH; i++) {
        x[i][0] = noise();
        x[i][1] = noise();
        y[i][0] = rand() % 200 ? 2 * x[i][0] - 3.4f * x[i][1] + 4.2f : 1000 * noise();
    }
}

int main(void)
{
    clg_ctx *ctx = clg_ctx_create(NULL); /* owns all below; NULL in gives NULL out */
    clg_device *device = clg_device_open(ctx, NULL, NULL);
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);

    clg_tensor x = clg_input(graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 2));
    clg_tensor y = clg_input(graph, "y", CLG_F32, clg_shape2(CLG_BATCH, 1));
    clg_tensor loss = clg_mse(clg_linear(x, "fc", 1, NULL), y, NULL);
    clg_optimizer *sgd = clg_sgd_create(store, 0.05f, NULL);
    clg_optimizer_clip_norm(sgd, 1);
    clg_optimizer_accumulate(sgd);
    clg_minimize(sgd, loss);
    clg_plan *plan = clg_compile(graph, BATCH, CLG_TRAIN, NULL);

    float inputs[BATCH][2], targets[BATCH][1], norm = 0, weight[2] = {0}, bias = 0;
    clg_status status = plan ? CLG_OK : clg_error_status(ctx);
    for (int batch = 1; batch <= STEPS * BATCHES && status == CLG_OK; batch++) {
        make_batch(inputs, targets);
        clg_plan_write(plan, "x", inputs, sizeof inputs);
        clg_plan_write(plan, "y", targets, sizeof targets);
        status = batch % BATCHES ? clg_plan_accumulate(plan) : clg_plan_step(plan);
        if (batch % (50 * BATCHES) == 0 && clg_optimizer_grad_norm(sgd, &norm) == CLG_OK)
            printf("step %d: norm %.3f\n", batch / BATCHES, (double)norm);
    }
    if (status == CLG_OK)
        status = clg_store_get(store, "fc.weight", weight, sizeof weight);
    if (status == CLG_OK)
        status = clg_store_get(store, "fc.bias", &bias, sizeof bias);
    if (status == CLG_OK)
        printf("y = %.2f a + %.2f b + %.2f\n", (double)weight[0], (double)weight[1], (double)bias);
    else
        fprintf(stderr, "%s\n", clg_error(ctx));
    clg_ctx_destroy(&ctx);
    return status == CLG_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
