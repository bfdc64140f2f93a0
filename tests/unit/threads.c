/* Two contexts in two threads, from the process's first OpenCL call on. */
#include <pthread.h>
#include "test.h"

static void *train(void *out)
{
    clg_ctx *ctx = clg_ctx_create(NULL);
    clg_store *store = clg_store_create(test_open(ctx, CLG_FORM_AUTO), 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor x = clg_fill(graph, clg_shape2(8, 3), 1);
    clg_tensor y = clg_linear(clg_dropout(x, 0.5f), "fc", 5, NULL);
    clg_tensor loss = clg_output(clg_mean(clg_square(y), NULL, 0, false), "loss");
    clg_minimize(clg_adam_create(store, 0.01f, NULL), loss);
    clg_plan *plan = clg_compile(graph, 1, CLG_TRAIN, NULL);
    clg_status status = CLG_OK;

    for (int i = 0; i < 50 && status == CLG_OK; i++)
        status = clg_plan_step(plan);
    if (status == CLG_OK)
        clg_plan_read(plan, "loss", out, sizeof(float));
    clg_ctx_destroy(&ctx);
    return NULL;
}

TEST(threads, two_contexts)
{
    pthread_t threads[2];
    float loss[2] = {-1, -2};

    for (int i = 0; i < 2; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, train, &loss[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    cr_expect(loss[0] > 0);
    cr_expect_eq(loss[0], loss[1], "the threads disagree: %.9g and %.9g", (double)loss[0],
                 (double)loss[1]);
}
