/* Linear regression three times: by the normal equations, by gradient descent written in raw ops, and
 * with a layer and an optimizer. */
#include "../example.h"

enum { SAMPLES = 1000, STEPS = 100 };

static float x[SAMPLES][2], y[SAMPLES];
static const double truth[3] = {2, -3.4, 4.2}; /* two weights and the bias */
static const char *const names[3] = {"w1", "w2", "b"};

static void make_data(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        x[i][0] = (float)example_normal();
        x[i][1] = (float)example_normal();
        y[i] = (float)(truth[0] * (double)x[i][0] + truth[1] * (double)x[i][1] + truth[2] +
                       0.01 * example_normal());
    }
}

/* X^T X p = X^T y, by elimination; X has a third column of ones. */
static void closed_form(double p[3])
{
    double a[3][4] = {{0}};
    for (int i = 0; i < SAMPLES; i++) {
        const double row[4] = {(double)x[i][0], (double)x[i][1], 1, (double)y[i]};
        for (int r = 0; r < 3; r++)
            for (int c = 0; c < 4; c++)
                a[r][c] += row[r] * row[c];
    }
    for (int r = 0; r < 3; r++)
        for (int other = 0; other < 3; other++)
            for (int c = 3; other != r && c >= r; c--)
                a[other][c] -= a[other][r] / a[r][r] * a[r][c];
    for (int r = 0; r < 3; r++)
        p[r] = a[r][3] / a[r][r];
}

static void run(clg_graph *graph)
{
    clg_plan *plan = example_compile(graph, SAMPLES);
    example_ok(clg_plan_write(plan, "x", x, sizeof(x)));
    example_ok(clg_plan_write(plan, "y", y, sizeof(y)));
    for (int step = 0; step < STEPS; step++)
        example_ok(clg_plan_step(plan));
}

/* Nothing but ops: the gradient as nodes of the graph, the step as an assignment. */
static void from_raw_ops(clg_device *device, float p[3])
{
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);
    const clg_init zeros = {.scheme = CLG_INIT_ZEROS};
    clg_tensor in = clg_input(graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 2));
    clg_tensor want = clg_input(graph, "y", CLG_F32, clg_shape2(CLG_BATCH, 1));
    clg_tensor trained[2] = {clg_parameter(graph, "w", clg_shape2(2, 1), &zeros),
                             clg_parameter(graph, "b", clg_shape1(1), &zeros)};
    clg_tensor out = clg_add(clg_matmul(in, trained[0], false, false), trained[1]);
    clg_tensor loss = clg_affine(clg_mean(clg_square(clg_sub(out, want)), NULL, 0, false), 0.5f, 0);
    clg_tensor gradient[2];
    example_ok(clg_grad(loss, trained, 2, gradient));
    for (int i = 0; i < 2; i++) {
        clg_tensor step = clg_affine(gradient[i], -0.3f, 0);
        example_ok(clg_assign(trained[i], clg_add(trained[i], step), CLG_WHEN_TRAINING));
    }
    run(graph);
    example_ok(clg_store_get(store, "w", p, 2 * sizeof(*p)));
    example_ok(clg_store_get(store, "b", p + 2, sizeof(*p)));
    clg_store_destroy(&store);
}

static void with_layer_and_optimizer(clg_device *device, float p[3])
{
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor in = clg_input(graph, "x", CLG_F32, clg_shape2(CLG_BATCH, 2));
    clg_tensor want = clg_input(graph, "y", CLG_F32, clg_shape2(CLG_BATCH, 1));
    clg_tensor loss = clg_half_mse(clg_linear(in, "line", 1, NULL), want, NULL);
    example_ok(clg_minimize(clg_sgd_create(store, 0.3f, NULL), loss));
    run(graph);
    example_ok(clg_store_get(store, "line.weight", p, 2 * sizeof(*p)));
    example_ok(clg_store_get(store, "line.bias", p + 2, sizeof(*p)));
    clg_store_destroy(&store);
}

static void compare(const char *how, const double best[3], const float p[3])
{
    char what[64];
    for (int i = 0; i < 3; i++) {
        snprintf(what, sizeof(what), "%s: %s - truth", how, names[i]);
        example_expect(what, (double)p[i] - truth[i], -0.01, 0.01);
        snprintf(what, sizeof(what), "%s: %s - closed form", how, names[i]);
        example_expect(what, (double)p[i] - best[i], -1e-3, 1e-3);
    }
}

int main(void)
{
    clg_device *device = example_begin();
    double best[3];
    float p[3];

    make_data();
    closed_form(best);
    printf("closed form: %.4f %.4f %.4f\n", best[0], best[1], best[2]);
    from_raw_ops(device, p);
    compare("raw ops", best, p);
    with_layer_and_optimizer(device, p);
    compare("layer and optimizer", best, p);
    return example_end();
}
