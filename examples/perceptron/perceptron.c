/* Rosenblatt's perceptron: a sample at a time until all are right; XOR, at which it fails; and the same
 * with a hidden layer, which solves it. */
#include "../example.h"

enum { SAMPLES = 100, FEATURES = 3 /* the last is 1, for the bias */, PASSES = 100 };

static float xor_x[4][FEATURES] = {{0, 0, 1}, {0, 1, 1}, {1, 0, 1}, {1, 1, 1}};
static const float xor_y[4] = {-1, 1, 1, -1};

/* Points at least 0.1 away from a line through the square, and the bound of Novikoff (1962) on the
 * updates: (r^2 + 1) / rho^2 for points within r (the bias adds the 1) and the margin rho. */
static double make_data(float x[SAMPLES][FEATURES], float y[SAMPLES])
{
    const double line[FEATURES] = {0.6, -0.8, 0.1};
    double radius = 0, margin = INFINITY, norm = 0;
    for (int f = 0; f < FEATURES; f++)
        norm += line[f] * line[f];
    for (int i = 0; i < SAMPLES;) {
        double a = 2 * example_uniform() - 1, b = 2 * example_uniform() - 1;
        double side = line[0] * a + line[1] * b + line[2];
        if (fabs(side) < 0.1)
            continue;
        x[i][0] = (float)a;
        x[i][1] = (float)b;
        x[i][2] = 1;
        y[i++] = side > 0 ? 1 : -1;
        radius = fmax(radius, a * a + b * b);
        margin = fmin(margin, fabs(side) / sqrt(norm));
    }
    return (radius + 1) / (margin * margin);
}

/* Updates until a pass has none, or -1 when the passes are over. A sample is an update where the
 * loss max(0, -y <w, x>) has a slope: on the wrong side, or on the line itself. */
static int perceptron(clg_device *device, float (*x)[FEATURES], const float *y, int samples)
{
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);
    const clg_init zeros = {.scheme = CLG_INIT_ZEROS};
    clg_tensor in = clg_input(graph, "x", CLG_F32, clg_shape1(FEATURES));
    clg_tensor label = clg_input(graph, "y", CLG_F32, clg_shape0());
    clg_tensor w = clg_parameter(graph, "w", clg_shape1(FEATURES), &zeros);
    clg_tensor score = clg_mul(label, clg_dot(w, in));
    clg_tensor wrong = clg_output(clg_le(score, clg_fill(graph, clg_shape0(), 0)), "wrong");
    clg_tensor moved = clg_add(w, clg_mul(clg_mul(wrong, label), in));
    int updates = 0, before = -1;
    example_ok(clg_assign(w, moved, CLG_WHEN_TRAINING));
    clg_plan *plan = example_compile(graph, 1);
    for (int pass = 0; pass < PASSES && updates != before; pass++) {
        before = updates;
        for (int i = 0; i < samples; i++) {
            float was;
            example_ok(clg_plan_write(plan, "x", x[i], sizeof(x[i])));
            example_ok(clg_plan_write(plan, "y", &y[i], sizeof(y[i])));
            example_ok(clg_plan_step(plan));
            example_ok(clg_plan_read(plan, "wrong", &was, sizeof(was)));
            updates += was != 0;
        }
    }
    clg_store_destroy(&store);
    return updates == before ? updates : -1;
}

/* How many of the four a network with so many hidden units gets right. */
static int network(clg_device *device, int64_t hidden)
{
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor in = clg_input(graph, "x", CLG_F32, clg_shape2(CLG_BATCH, FEATURES));
    clg_tensor label = clg_input(graph, "y", CLG_F32, clg_shape2(CLG_BATCH, 1));
    clg_tensor h = clg_tanh(clg_linear(in, "hidden", hidden, NULL));
    clg_tensor z = clg_output(clg_linear(h, "out", 1, NULL), "z");
    float out[4];
    int right = 0;
    example_ok(clg_minimize(clg_adam_create(store, 0.05f, NULL), clg_mse(z, label, NULL)));
    clg_plan *plan = example_compile(graph, 4);
    example_ok(clg_plan_write(plan, "x", xor_x, sizeof(xor_x)));
    example_ok(clg_plan_write(plan, "y", xor_y, sizeof(xor_y)));
    for (int step = 0; step < 300; step++)
        example_ok(clg_plan_step(plan));
    example_ok(clg_plan_read(plan, "z", out, sizeof(out)));
    for (int i = 0; i < 4; i++)
        right += out[i] * xor_y[i] > 0;
    clg_store_destroy(&store);
    return right;
}

int main(void)
{
    static float x[SAMPLES][FEATURES], y[SAMPLES];
    clg_device *device = example_begin();
    double bound = make_data(x, y);

    example_expect("updates until all are right", perceptron(device, x, y, SAMPLES), 1, bound);
    example_expect("updates on XOR (-1: it never ends)", perceptron(device, xor_x, xor_y, 4), -1, -1);
    example_expect("XOR by a hidden layer: right of 4", network(device, 8), 4, 4);
    return example_end();
}
