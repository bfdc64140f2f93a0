/* Underfitting and overfitting: y = 5 + 1.2 x - 3.4 x^2/2! + 5.6 x^3/3! + noise, by polynomials of
 * different degrees. With a file's name it writes the three fits there for polynomial.gp. */
#include "../example.h"

enum { SAMPLES = 100, TERMS = 20, CURVE = 61 };

/* Features x^i / i!: a training set, then a test set. */
static float features[2 * SAMPLES][TERMS], y[2 * SAMPLES];
static const double truth[4] = {5, 1.2, -3.4, 5.6};

static void expand(double x, float row[TERMS])
{
    double term = 1;
    for (int i = 0; i < TERMS; i++) {
        row[i] = (float)term;
        term *= x / (i + 1);
    }
}

static void make_data(void)
{
    for (int i = 0; i < 2 * SAMPLES; i++) {
        expand(example_normal(), features[i]);
        y[i] = (float)(0.1 * example_normal());
        for (int t = 0; t < 4; t++)
            y[i] += (float)(truth[t] * (double)features[i][t]);
    }
}

struct fit {
    int terms, samples, epochs;
    double train, test; /* losses at the end */
    float w[TERMS];
};

static void copy_terms(float (*from)[TERMS], int rows, int terms, float *to)
{
    for (int r = 0; r < rows; r++)
        for (int t = 0; t < terms; t++)
            to[r * terms + t] = from[r][t];
}

/* Mean squared error of the weights, on the host. */
static double loss_of(const struct fit *fit, int first, int count)
{
    double sum = 0;
    for (int i = first; i < first + count; i++) {
        double error = -(double)y[i];
        for (int t = 0; t < fit->terms; t++)
            error += (double)fit->w[t] * (double)features[i][t];
        sum += error * error;
    }
    return sum / count;
}

/* Mini-batches of 10 by SGD with the rate 0.01, as the course has it. */
static void train(clg_device *device, struct fit *fit)
{
    enum { BATCH = 10 };
    static float rows[BATCH * TERMS];
    const size_t bytes = (size_t)(BATCH * fit->terms) * sizeof(*rows);
    const clg_linear_params no_bias = {.bias = false};
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);
    clg_tensor in = clg_input(graph, "x", CLG_F32, clg_shape2(CLG_BATCH, fit->terms));
    clg_tensor want = clg_input(graph, "y", CLG_F32, clg_shape2(CLG_BATCH, 1));
    clg_tensor out = clg_linear(in, "fit", 1, &no_bias);
    example_ok(clg_minimize(clg_sgd_create(store, 0.01f, NULL), clg_mse(out, want, NULL)));
    clg_plan *plan = example_compile(graph, BATCH);
    for (int epoch = 0; epoch < fit->epochs; epoch++)
        for (int first = 0; first < fit->samples; first += BATCH) {
            copy_terms(features + first, BATCH, fit->terms, rows);
            example_ok(clg_plan_write(plan, "x", rows, bytes));
            example_ok(clg_plan_write(plan, "y", y + first, BATCH * sizeof(*y)));
            example_ok(clg_plan_step(plan));
        }
    example_ok(
        clg_store_get(store, "fit.weight", fit->w, (size_t)fit->terms * sizeof(*fit->w)));
    fit->train = loss_of(fit, 0, fit->samples);
    fit->test = loss_of(fit, SAMPLES, SAMPLES);
    clg_store_destroy(&store);
    printf("%2d terms, %3d samples: train loss %.4f, test loss %.4f\n", fit->terms, fit->samples,
           fit->train, fit->test);
}

/* x, truth, and each fit, a row a point. */
static void write_curves(const char *path, const struct fit *fits, int count)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    for (int i = 0; i < CURVE; i++) {
        float row[TERMS];
        double x = -3 + 6.0 * i / (CURVE - 1), value = 0;
        expand(x, row);
        for (int t = 0; t < 4; t++)
            value += truth[t] * (double)row[t];
        fprintf(file, "%g\t%g", x, value);
        for (int f = 0; f < count; f++) {
            value = 0;
            for (int t = 0; t < fits[f].terms; t++)
                value += (double)fits[f].w[t] * (double)row[t];
            fprintf(file, "\t%g", value);
        }
        fputc('\n', file);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    struct fit fits[] = {{.terms = 4, .samples = SAMPLES, .epochs = 400},
                         {.terms = 2, .samples = SAMPLES, .epochs = 400},
                         {.terms = TERMS, .samples = SAMPLES, .epochs = 1500},
                         {.terms = TERMS, .samples = 20, .epochs = 1500}};
    clg_device *device = example_begin();

    make_data();
    for (int f = 0; f < 4; f++)
        train(device, &fits[f]);
    for (int t = 0; t < 4; t++)
        example_expect("cubic: a weight - truth", (double)fits[0].w[t] - truth[t], -0.15, 0.15);
    example_expect("linear: the bias", (double)fits[1].w[0], 3.37 - 0.5, 3.37 + 0.5);
    example_expect("linear: the slope", (double)fits[1].w[1], 4.38 - 1.2, 4.38 + 1.2);
    example_expect("linear underfits: test loss over the cubic's", fits[1].test / fits[0].test, 10,
                   1e6);
    example_expect("degree 19: test loss over train loss", fits[2].test / fits[2].train, 1, 1e6);
    example_expect("few samples overfit: test over train loss", fits[3].test / fits[3].train, 2,
                   1e6);
    if (argc > 1)
        write_curves(argv[1], fits, 4);
    return example_end();
}
