#include "bench.h"

#include <string.h>

struct bench bench_open(void)
{
    struct bench b = {.ctx = test_context()};

    b.device = test_open(b.ctx, CLG_FORM_AUTO);
    b.store = clg_store_create(b.device, 1);
    b.graph = clg_graph_create(b.store);
    cr_assert_not_null(b.graph, "%s", clg_error(b.ctx));
    return b;
}

void bench_refused(struct bench *b, const char *words, clg_tensor y)
{
    cr_assert(!clg_tensor_valid(y), "%s", words);
    cr_assert_eq(clg_graph_status(b->graph), CLG_ERR_ARGUMENT);
    cr_assert_not_null(strstr(clg_error(b->ctx), words), "no '%s' in: %s", words,
                       clg_error(b->ctx));
    clg_graph_destroy(&b->graph);
    b->graph = clg_graph_create(b->store);
}

void bench_numbers(float *values, size_t count, int k)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)((int)((i * 37 + (size_t)k * 11) % 17) - 8) / 16;
}

clg_tensor bench_constant(struct bench *b, clg_shape shape, int k)
{
    float values[64];
    size_t count = 1;

    for (int i = 0; i < shape.rank; i++)
        count *= (size_t)shape.dim[i];
    cr_assert_leq(count, sizeof(values) / sizeof(values[0]));
    bench_numbers(values, count, k);
    return clg_constant(b->graph, CLG_F32, shape, values);
}
