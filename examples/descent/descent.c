/* Gradient descent on functions of one and two variables: learning rates on a parabola; the paths of
 * the optimizers through a narrow valley and off a saddle. With a file's name it writes the paths there
 * for descent.gp. */
#include "../example.h"

enum { STEPS = 60 };

/* ---- a parabola ---- */

/* |x| after 20 steps from 1 on 2 x^2, whose slope is 4 x: each step multiplies x by 1 - 4 rate. */
static double parabola(clg_device *device, float rate)
{
    const clg_init one = {.scheme = CLG_INIT_CONSTANT, .a = 1};
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor x = clg_parameter(graph, "x", clg_shape0(), &one);
    float value;
    example_ok(clg_minimize(clg_sgd_create(store, rate, NULL), clg_affine(clg_square(x), 2, 0)));
    clg_plan *plan = example_compile(graph, 1);
    for (int step = 0; step < 20; step++)
        example_ok(clg_plan_step(plan));
    example_ok(clg_store_get(store, "x", &value, sizeof(value)));
    clg_store_destroy(&store);
    return fabs((double)value);
}

/* ---- two variables ---- */

struct path {
    const char *name, *rule;
    float lr, momentum;
    bool noisy; /* the gradient of a mini-batch: with noise */
    float at[STEPS + 1][2];
};

/* 0.05 x^2 + y^2: twenty times as steep in y as in x. */
static clg_tensor valley(clg_tensor x, clg_tensor y)
{
    return clg_add(clg_affine(clg_square(x), 0.05f, 0), clg_square(y));
}

/* x^2 - y^2 / 4 + y^4 / 64: a saddle at (0, 0), minima of -1 at (0, +-sqrt(8)). */
static clg_tensor saddle(clg_tensor x, clg_tensor y)
{
    clg_tensor y2 = clg_square(y);
    return clg_add(clg_sub(clg_square(x), clg_affine(y2, 0.25f, 0)),
                   clg_affine(clg_square(y2), 1.0f / 64, 0));
}

static double follow(clg_device *device, clg_tensor surface(clg_tensor x, clg_tensor y), float x0,
                     float y0, struct path *path)
{
    const clg_init begin[2] = {{.scheme = CLG_INIT_CONSTANT, .a = x0},
                               {.scheme = CLG_INIT_CONSTANT, .a = y0}};
    clg_optimizer_params params = clg_optimizer_defaults(path->rule);
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor x = clg_parameter(graph, "x", clg_shape0(), &begin[0]);
    clg_tensor y = clg_parameter(graph, "y", clg_shape0(), &begin[1]);
    clg_tensor slope = clg_input(graph, "noise", CLG_F32, clg_shape0());
    clg_tensor height = clg_output(surface(x, y), "height");
    float value;

    params.momentum = path->momentum;
    /* Noise in the slope along y, as of a mini-batch's gradient. */
    example_ok(
        clg_minimize(clg_optimizer_create(store, path->rule, path->lr, &params),
                     clg_add(height, clg_mul(slope, y))));
    clg_plan *plan = example_compile(graph, 1);
    path->at[0][0] = x0;
    path->at[0][1] = y0;
    for (int step = 1; step <= STEPS; step++) {
        float noise = path->noisy ? (float)(0.5 * example_normal()) : 0;
        example_ok(clg_plan_write(plan, "noise", &noise, sizeof(noise)));
        example_ok(clg_plan_step(plan));
        example_ok(clg_store_get(store, "x", &path->at[step][0], sizeof(float)));
        example_ok(clg_store_get(store, "y", &path->at[step][1], sizeof(float)));
    }
    example_ok(clg_eval(height, &value, sizeof(value)));
    clg_store_destroy(&store);
    return (double)value;
}

static void write_paths(const char *file_name, const struct path *paths, int count)
{
    FILE *file = fopen(file_name, "w");
    if (!file) {
        perror(file_name);
        exit(EXIT_FAILURE);
    }
    for (int step = 0; step <= STEPS; step++) {
        fprintf(file, "%d", step);
        for (int i = 0; i < count; i++)
            fprintf(file, "\t%g\t%g", (double)paths[i].at[step][0], (double)paths[i].at[step][1]);
        fputc('\n', file);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    static struct path paths[] = {
        {"gradient descent", "sgd", 0.4f, 0, false, {{0}}},
        {"with noise", "sgd", 0.4f, 0, true, {{0}}},
        {"momentum", "sgd", 0.4f, 0.5f, false, {{0}}},
        {"AdaGrad", "adagrad", 2, 0, false, {{0}}},
        {"RMSProp", "rmsprop", 0.1f, 0, false, {{0}}},
        {"Adam", "adam", 0.3f, 0, false, {{0}}},
    };
    enum { PATHS = sizeof(paths) / sizeof(paths[0]) };
    clg_device *device = example_begin();

    example_expect("parabola, rate 1: |x| after 20 steps", parabola(device, 1), 1e9, 1e10);
    example_expect("rate 0.25: there in one step", parabola(device, 0.25f), 0, 1e-6);
    example_expect("rate 0.24: nearly", parabola(device, 0.24f), 0, 1e-6);
    example_expect("rate 0.1: slowly", parabola(device, 0.1f), 1e-5, 1e-4);
    puts("height after 60 steps from beside the saddle, the minima being at -1:");
    for (int i = 0; i < PATHS; i++)
        example_expect(paths[i].name, follow(device, saddle, 1, 0.001f, &paths[i]), -1.01, -0.8);
    puts("height after 60 steps through the valley, from 5.25:");
    for (int i = 0; i < PATHS; i++)
        example_expect(paths[i].name, follow(device, valley, -5, -2, &paths[i]), 0, 0.3);
    if (argc > 1)
        write_paths(argv[1], paths, PATHS);
    return example_end();
}
