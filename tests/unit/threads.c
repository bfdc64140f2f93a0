/* Two contexts in two threads, from the process's first OpenCL call on. A program of its own, without
 * Criterion, which ThreadSanitizer cannot start: .ci/threads runs it so. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <clgrad/clgrad.h>

struct outcome {
    clg_status status;
    float loss, weight;
};

static clg_status steps(clg_store *store, clg_plan *plan, struct outcome *out)
{
    clg_status status = plan ? CLG_OK : CLG_ERR_STATE;

    for (int i = 0; i < 50 && status == CLG_OK; i++)
        status = clg_plan_step(plan);
    if (status == CLG_OK)
        status = clg_plan_read(plan, "loss", &out->loss, sizeof(out->loss));
    if (status == CLG_OK)
        status = clg_store_get(store, "gain", &out->weight, sizeof(out->weight));
    return status;
}

static void *train(void *argument)
{
    static const float rows[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    const clg_init one = {.scheme = CLG_INIT_CONSTANT, .a = 1};
    struct outcome *out = argument;
    const char *spec = getenv("CLG_TEST_DEVICE");
    clg_ctx *ctx = clg_ctx_create(NULL);
    clg_device *device = clg_device_open(ctx, spec ? spec : "cpu", NULL);
    clg_array *data = clg_array_create(device, CLG_F32, 4, 3, rows);
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor x = clg_input(graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 3));
    clg_tensor y = clg_linear(clg_dropout(x, 0.5f), "fc", 5, NULL);
    clg_tensor gain = clg_parameter(graph, "gain", clg_shape1(1), &one);
    clg_tensor loss = clg_output(clg_mean(clg_square(clg_mul(y, gain)), NULL, 0, false), "loss");

    clg_minimize(clg_adam_create(store, 0.01f, NULL), loss);
    clg_plan *plan = clg_compile(graph, 2, CLG_TRAIN, NULL);
    out->status = clg_plan_feed(plan, "x", data, NULL);
    if (out->status == CLG_OK)
        out->status = steps(store, plan, out);
    if (out->status != CLG_OK)
        fprintf(stderr, "%s\n", clg_error(ctx));
    clg_ctx_destroy(&ctx);
    return NULL;
}

int main(void)
{
    struct outcome out[2] = {{.status = CLG_ERR_STATE}, {.status = CLG_ERR_STATE}};
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, train, &out[i]) != 0)
            return EXIT_FAILURE;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    printf("losses %.9g and %.9g, weights %.9g and %.9g\n", (double)out[0].loss,
           (double)out[1].loss, (double)out[0].weight, (double)out[1].weight);
    return out[0].status == CLG_OK && out[1].status == CLG_OK && out[0].loss > 0 &&
                   out[0].loss == out[1].loss && out[0].weight == out[1].weight
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
}
