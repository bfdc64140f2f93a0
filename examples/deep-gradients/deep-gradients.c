/* Vanishing and exploding gradients: depth, activation and initialiser; the variance of activations and
 * gradients layer by layer; and clipping. With a file's name it writes a row a layer for
 * deep-gradients.gp. */
#include "../example.h"

enum { WIDTH = 64, DEPTH = 20, BATCH = 64 };

enum activation { SIGMOID, TANH, RELU };
struct net {
    const char *name;
    enum activation activation;
    clg_init init;
    double forward[DEPTH], backward[DEPTH]; /* mean sizes of activations, and of their gradients */
};

static clg_tensor activate(enum activation activation, clg_tensor x)
{
    switch (activation) {
    case SIGMOID:
        return clg_sigmoid(x);
    case TANH:
        return clg_tanh(x);
    case RELU:
        return clg_relu(x);
    }
    return x;
}

static double mean_size(clg_tensor t)
{
    float value;
    example_ok(clg_eval(clg_mean(clg_abs(t), NULL, 0, false), &value, sizeof(value)));
    return (double)value;
}

static clg_tensor random_rows(clg_graph *graph)
{
    static float x[BATCH][WIDTH];
    for (int i = 0; i < BATCH; i++)
        for (int k = 0; k < WIDTH; k++)
            x[i][k] = (float)example_normal();
    return clg_constant(graph, CLG_F32, clg_shape2(BATCH, WIDTH), x);
}

/* The loss is a sum of what comes out with random weights: nothing but the layers shapes the gradient. */
static void measure(clg_device *device, struct net *net)
{
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);
    clg_linear_params params = clg_linear_defaults();
    clg_tensor h[DEPTH], dh[DEPTH];
    char name[16];

    params.bias = false;
    params.weight_init = &net->init;
    clg_tensor in = random_rows(graph);
    for (int d = 0; d < DEPTH; d++) {
        snprintf(name, sizeof(name), "layer%d", d);
        h[d] = activate(net->activation, clg_linear(d ? h[d - 1] : in, name, WIDTH, &params));
    }
    clg_tensor loss = clg_sum(clg_mul(h[DEPTH - 1], random_rows(graph)), NULL, 0, false);
    example_ok(clg_grad(loss, h, DEPTH, dh));
    for (int d = 0; d < DEPTH; d++) {
        net->forward[d] = mean_size(h[d]);
        net->backward[d] = mean_size(dh[d]);
    }
    clg_store_destroy(&store);
    printf("%-24s activations %9.2e to %9.2e, gradients %9.2e to %9.2e\n", net->name,
           net->forward[0], net->forward[DEPTH - 1], net->backward[DEPTH - 1], net->backward[0]);
}

static double lost(const struct net *net)
{
    return log10(net->backward[0] / net->backward[DEPTH - 1]);
}

/* A factor a layer: what 100 layers make of it. */
static void powers(void)
{
    example_expect("1.5^100, as a power of ten", 100 * log10(1.5), 17.5, 17.7);
    example_expect("0.8^100, as a power of ten", 100 * log10(0.8), -9.8, -9.6);
}

/* 4 sigma(x) - 2 has the slope 1 at 0, like tanh; sigma has 1/4. */
static void slopes(clg_device *device)
{
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor x = clg_fill(graph, clg_shape0(), 0), slope;
    float value;
    example_ok(clg_grad(clg_sigmoid(x), &x, 1, &slope));
    example_ok(clg_eval(slope, &value, sizeof(value)));
    example_expect("slope of sigma(x) at 0", (double)value, 0.2499, 0.2501);
    example_ok(clg_grad(clg_affine(clg_sigmoid(x), 4, -2), &x, 1, &slope));
    example_ok(clg_eval(slope, &value, sizeof(value)));
    example_expect("slope of 4 sigma(x) - 2 at 0", (double)value, 0.9999, 1.0001);
    clg_store_destroy(&store);
}

static void write_layers(const char *path, const struct net *nets, int count)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    for (int d = 0; d < DEPTH; d++) {
        fprintf(file, "%d", d + 1);
        for (int n = 0; n < count; n++)
            fprintf(file, "\t%g\t%g", nets[n].forward[d], nets[n].backward[d]);
        fputc('\n', file);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    struct net nets[] = {
        {.name = "sigmoid, Xavier", SIGMOID, {.scheme = CLG_INIT_XAVIER_NORMAL}},
        {.name = "tanh, Xavier", TANH, {.scheme = CLG_INIT_XAVIER_NORMAL}},
        {.name = "ReLU, He", RELU, {.scheme = CLG_INIT_HE_NORMAL}},
        {.name = "ReLU, deviation 0.01", RELU, {.scheme = CLG_INIT_NORMAL, .b = 0.01f}},
        {.name = "ReLU, deviation 1", RELU, {.scheme = CLG_INIT_NORMAL, .b = 1}},
    };
    clg_device *device = example_begin();

    powers();
    slopes(device);
    for (int n = 0; n < 5; n++)
        measure(device, &nets[n]);
    example_expect("sigmoid vanishes: power of ten from last to first", lost(&nets[0]), -20, -8);
    example_expect("tanh with Xavier: power of ten", lost(&nets[1]), -1, 1);
    example_expect("ReLU with He: power of ten", lost(&nets[2]), -1, 1);
    example_expect("too small weights: power of ten", lost(&nets[3]), -26, -21);
    example_expect("too large weights: power of ten", lost(&nets[4]), 13, 16);
    if (argc > 1)
        write_layers(argv[1], nets, 5);
    return example_end();
}
