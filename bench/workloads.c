#include "workloads.h"

#include <stdio.h>
#include <string.h>

const struct clg_workload clg_workloads[] = {
    {"softmax", 256, 784, {10}, {0}, "sgd", 0.1f},
    {"linreg", 64, 200, {1}, {0}, "sgd", 0.03f},
    {"mlp", 256, 784, {256, 10}, {0}, "sgd", 0.1f},
    {"mlp-dropout", 256, 784, {256, 256, 10}, {0.2f, 0.5f}, "adam", 1e-3f},
    {"mlp-wide", 256, 784, {2048, 2048, 2048, 10}, {0}, "adam", 1e-3f},
};
const size_t clg_workload_count = sizeof(clg_workloads) / sizeof(clg_workloads[0]);

const struct clg_workload *clg_workload_find(const char *name)
{
    for (size_t i = 0; i < clg_workload_count; i++)
        if (!strcmp(clg_workloads[i].name, name))
            return &clg_workloads[i];
    return NULL;
}

size_t clg_workload_depth(const struct clg_workload *w)
{
    size_t depth = 0;

    while (depth < CLG_WORKLOAD_LAYERS && w->out[depth])
        depth++;
    return depth;
}

bool clg_workload_classifies(const struct clg_workload *w)
{
    return w->out[clg_workload_depth(w) - 1] > 1;
}

static clg_tensor network(const struct clg_workload *w, clg_tensor x)
{
    size_t depth = clg_workload_depth(w);

    for (size_t i = 0; i < depth; i++) {
        char name[8];

        snprintf(name, sizeof(name), "l%zu", i);
        x = clg_linear(x, name, w->out[i], NULL);
        if (i + 1 < depth)
            x = clg_relu(x);
        if (w->dropout[i] > 0)
            x = clg_dropout(x, w->dropout[i]);
    }
    return x;
}

clg_graph *clg_workload_build(const struct clg_workload *w, clg_store *store)
{
    clg_graph *graph = clg_graph_create(store);
    clg_optimizer *optimizer = clg_optimizer_create(store, w->optimizer, w->lr, NULL);
    clg_tensor x = clg_input(graph, "x", CLG_F32, clg_shape2(CLG_BATCH, w->in));
    clg_tensor z = network(w, x), y, loss;

    if (clg_workload_classifies(w)) {
        y = clg_input(graph, "y", CLG_I32, clg_shape1(CLG_BATCH));
        loss = clg_cross_entropy(z, y, NULL);
    } else {
        y = clg_input(graph, "y", CLG_F32, clg_shape2(CLG_BATCH, 1));
        loss = clg_mse(z, y, NULL);
    }
    loss = clg_output(loss, "loss");
    if (!clg_tensor_valid(loss) || clg_minimize(optimizer, loss) != CLG_OK)
        clg_graph_destroy(&graph);
    return graph;
}
