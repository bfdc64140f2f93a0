/* Trains a small network on whatever OpenCL device there is, with libclgrad alone. The data are
 * made up: which quarter of the plane a point lies in, seen through noisy coordinates.
 *
 *     cc mlp.c $(pkg-config --cflags --libs clgrad) -o mlp && ./mlp */
#include <clgrad/clgrad.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 128, STEPS = 400 };

static float noise(void)
{
    return (float)rand() / (float)RAND_MAX * 2 - 1;
}

static void make_batch(float points[BATCH][2], int32_t labels[BATCH])
{
    for (int i = 0; i < BATCH; i++) {
        float x = noise(), y = noise();
        points[i][0] = x + noise() * 0.05f;
        points[i][1] = y + noise() * 0.05f;
        labels[i] = (x > 0 ? 1 : 0) + (y > 0 ? 2 : 0);
    }
}

int main(void)
{
    clg_ctx *ctx = clg_ctx_create(NULL); /* owns all below; NULL in gives NULL out */
    clg_device *device = clg_device_open(ctx, NULL, NULL);
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);

    clg_tensor x = clg_input(graph, "point", CLG_F32, clg_shape2(CLG_BATCH, 2));
    clg_tensor y = clg_input(graph, "label", CLG_I32, clg_shape1(CLG_BATCH));
    clg_tensor h = clg_relu(clg_linear(x, "fc1", 32, NULL));
    clg_tensor z = clg_linear(h, "fc2", 4, NULL);
    clg_tensor loss = clg_output(clg_cross_entropy(z, y, NULL), "loss");
    clg_minimize(clg_adam_create(store, 1e-2f, NULL), loss);
    clg_plan *plan = clg_compile(graph, BATCH, CLG_TRAIN, NULL);

    static float points[BATCH][2];
    static int32_t labels[BATCH];
    clg_status status = plan ? CLG_OK : clg_error_status(ctx);
    for (int step = 0; step < STEPS && status == CLG_OK; step++) {
        make_batch(points, labels);
        clg_plan_write(plan, "point", points, sizeof points);
        clg_plan_write(plan, "label", labels, sizeof labels);
        status = clg_plan_step(plan);
        float value = 0;
        if (step % 100 == 99 && clg_plan_read(plan, "loss", &value, sizeof value) == CLG_OK)
            printf("step %d: loss %.3f\n", step + 1, (double)value);
    }
    if (status != CLG_OK)
        fprintf(stderr, "%s\n", clg_error(ctx));
    clg_ctx_destroy(&ctx);
    return status == CLG_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
