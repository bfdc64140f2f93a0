/* Weight decay where samples are few and inputs many: y = 0.05 + sum of 0.01 x_i + noise, 200 inputs and
 * 20 samples to train on. Without decay the net learns them by heart; L1 beside L2. */
#include "../example.h"

enum { INPUTS = 200, TRAIN = 20, TEST = 100, BATCH = 5, EPOCHS = 100 };

static float x[TRAIN + TEST][INPUTS], y[TRAIN + TEST];

static void make_data(void)
{
    for (int i = 0; i < TRAIN + TEST; i++) {
        double sum = 0.05 + 0.01 * example_normal();
        for (int k = 0; k < INPUTS; k++) {
            x[i][k] = (float)example_normal();
            sum += 0.01 * (double)x[i][k];
        }
        y[i] = (float)sum;
    }
}

struct result {
    double norm, zeros, train, test;
    float w[INPUTS], b;
};

static double loss_of(const struct result *r, int first, int count)
{
    double sum = 0;
    for (int i = first; i < first + count; i++) {
        double error = (double)r->b - (double)y[i];
        for (int k = 0; k < INPUTS; k++)
            error += (double)r->w[k] * (double)x[i][k];
        sum += error * error / 2;
    }
    return sum / count;
}

/* decay: lambda of lambda/2 |w|^2, not for the bias. penalty: of penalty |w|_1, a part of the loss. */
static struct result train(clg_device *device, float decay, float penalty)
{
    const char *const no_decay[] = {"*.bias", NULL};
    const clg_init normal = {.scheme = CLG_INIT_NORMAL, .b = 1};
    clg_linear_params params = clg_linear_defaults();
    clg_optimizer_params sgd = clg_optimizer_defaults("sgd");
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor in = clg_input(graph, "x", CLG_F32, clg_shape2(CLG_BATCH, INPUTS));
    clg_tensor want = clg_input(graph, "y", CLG_F32, clg_shape2(CLG_BATCH, 1));
    struct result r = {0};

    params.weight_init = &normal;
    sgd.weight_decay = decay;
    sgd.no_decay = no_decay;
    clg_tensor loss = clg_half_mse(clg_linear(in, "net", 1, &params), want, NULL);
    if (penalty > 0) {
        clg_tensor w = clg_parameter(graph, "net.weight", clg_shape2(1, INPUTS), &normal);
        loss = clg_add(loss, clg_affine(clg_norm1(w, NULL, 0, false), penalty, 0));
    }
    example_ok(clg_minimize(clg_sgd_create(store, 0.003f, &sgd), loss));
    clg_plan *plan = example_compile(graph, BATCH);
    for (int step = 0; step < EPOCHS * TRAIN / BATCH; step++) {
        int first = step % (TRAIN / BATCH) * BATCH;
        example_ok(clg_plan_write(plan, "x", x[first], BATCH * sizeof(*x)));
        example_ok(clg_plan_write(plan, "y", y + first, BATCH * sizeof(*y)));
        example_ok(clg_plan_step(plan));
    }
    example_ok(clg_store_get(store, "net.weight", r.w, sizeof(r.w)));
    example_ok(clg_store_get(store, "net.bias", &r.b, sizeof(r.b)));
    clg_store_destroy(&store);
    for (int k = 0; k < INPUTS; k++) {
        r.norm += (double)r.w[k] * (double)r.w[k];
        r.zeros += fabs((double)r.w[k]) < 0.01;
    }
    r.norm = sqrt(r.norm);
    r.train = loss_of(&r, 0, TRAIN);
    r.test = loss_of(&r, TRAIN, TEST);
    printf("lambda %g, L1 %g: |w| %.3f, train loss %.4f, test loss %.4f, weights under 0.01: %g\n",
           (double)decay, (double)penalty, r.norm, r.train, r.test, r.zeros);
    return r;
}

int main(void)
{
    clg_device *device = example_begin();

    make_data();
    struct result free = train(device, 0, 0), decayed = train(device, 3, 0),
                  sparse = train(device, 0, 1);
    example_expect("|w| without decay", free.norm, 12, 14);
    example_expect("|w| with lambda 3", decayed.norm, 0.25, 0.45);
    example_expect("test loss with decay, of that without", decayed.test / free.test, 0, 0.1);
    example_expect("test loss with L1, of that without", sparse.test / free.test, 0, 0.1);
    example_expect("weights under 0.01 with L1, of 200", sparse.zeros, 120, 200);
    return example_end();
}
