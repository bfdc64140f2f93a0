/* A layer of one's own, made of ops and layers: clgrad differentiates and fuses it like its own.
 *
 *     cc custom-layer.c $(pkg-config --cflags --libs clgrad) -lm && ./a.out */
#include <clgrad/clgrad.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH = 128, STEPS = 400, WIDTH = 32 };

/* x + scale tanh(V x) sigmoid(W x): a gated residual unit (van den Oord et al. 2016). x is (rows,
 * columns); layers NAME.value and NAME.gate, and the parameter NAME.scale (columns), ones first. */
static clg_tensor gated_unit(clg_tensor x, const char *name)
{
    const clg_init ones = {.scheme = CLG_INIT_CONSTANT, .a = 1};
    int64_t columns = clg_tensor_shape(x).dim[1];
    char inner[64];
    snprintf(inner, sizeof inner, "%s.value", name);
    clg_tensor value = clg_tanh(clg_linear(x, inner, columns, NULL));
    snprintf(inner, sizeof inner, "%s.gate", name);
    clg_tensor gate = clg_sigmoid(clg_linear(x, inner, columns, NULL));
    snprintf(inner, sizeof inner, "%s.scale", name);
    clg_tensor scale = clg_parameter(x.graph, inner, clg_shape1(columns), &ones);
    return clg_add(x, clg_mul(scale, clg_mul(value, gate)));
}

int main(void)
{
    clg_ctx *ctx = clg_ctx_create(NULL);
    clg_store *store = clg_store_create(clg_device_open(ctx, NULL, NULL), 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor x = clg_input(graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 2));
    clg_tensor y = clg_input(graph, "y", CLG_F32, clg_shape2(CLG_BATCH, 1));
    clg_tensor h = clg_linear(x, "in", WIDTH, NULL);
    for (int i = 0; i < 3; i++)
        h = gated_unit(h, (const char *[]){"unit1", "unit2", "unit3"}[i]);
    clg_tensor loss = clg_output(clg_mse(clg_linear(h, "out", 1, NULL), y, NULL), "loss");
    clg_minimize(clg_adam_create(store, 3e-3f, NULL), loss);
    clg_plan *plan = clg_compile(graph, BATCH, CLG_TRAIN, NULL);
    clg_status status = plan ? CLG_OK : clg_error_status(ctx);
    for (int step = 1; step <= STEPS && status == CLG_OK; step++) {
        float points[BATCH][2], values[BATCH], mean = 0;
        for (int i = 0; i < BATCH; i++) {
            points[i][0] = (float)rand() / (float)RAND_MAX * 2 - 1;
            points[i][1] = (float)rand() / (float)RAND_MAX * 2 - 1;
            values[i] = sinf(3 * points[i][0]) * points[i][1];
        }
        clg_plan_write(plan, "x", points, sizeof points);
        clg_plan_write(plan, "y", values, sizeof values);
        status = clg_plan_step(plan);
        if (step % 100 == 0 && clg_plan_read(plan, "loss", &mean, sizeof mean) == CLG_OK)
            printf("step %d: loss %.5f\n", step, (double)mean);
    }
    if (status != CLG_OK)
        fprintf(stderr, "%s\n", clg_error(ctx));
    clg_ctx_destroy(&ctx);
    return status == CLG_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
