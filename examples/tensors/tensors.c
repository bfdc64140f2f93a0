/* Tensors: made, cut, turned, joined, computed with and differentiated. */
#include "../example.h"

#include <time.h>

enum { ADDED = 64 /* as many as a node can join */ };

/* Prints a tensor's shape and values, and compares these. */
static void show(const char *what, clg_tensor t, const float *want)
{
    clg_shape shape = clg_tensor_shape(t);
    float values[64];
    size_t count = 1;
    int same = 1;
    printf("%s, shape (", what);
    for (int i = 0; i < shape.rank; i++) {
        printf("%s%lld", i ? ", " : "", (long long)shape.dim[i]);
        count *= (size_t)shape.dim[i];
    }
    printf("):");
    example_ok(clg_eval(t, values, count * sizeof(*values)));
    for (size_t i = 0; i < count; i++) {
        printf(" %g", (double)values[i]);
        same &= values[i] == want[i];
    }
    printf("%s\n", same ? "" : "  MISSED");
    example_missed += !same;
}

static void shapes(clg_tensor a)
{
    clg_tensor row = clg_slice(a, 0, 1, 2, 1);
    show("a", a, (float[]){0, 1, 2, 3, 4, 5});
    show("its second row", row, (float[]){3, 4, 5});
    show("squeezed", clg_squeeze(row, 0), (float[]){3, 4, 5});
    show("transposed", clg_transpose(a), (float[]){0, 3, 1, 4, 2, 5});
    show("reshaped", clg_reshape(a, clg_shape2(3, -1)), (float[]){0, 1, 2, 3, 4, 5});
    show("every other column, backwards", clg_flip(clg_slice(a, 1, 0, 3, 2), 1),
         (float[]){2, 0, 5, 3});
    show("twice, one below the other", clg_concat((clg_tensor[]){a, a}, 2, 0),
         (float[]){0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5});
}

static void arithmetic(clg_graph *graph, clg_tensor a)
{
    clg_tensor b = clg_constant(graph, CLG_F32, clg_shape1(3), (float[]){1, 10, 100});
    show("a + b, b for each row", clg_add(a, b), (float[]){1, 11, 102, 4, 14, 105});
    show("a * b", clg_mul(a, b), (float[]){0, 10, 200, 3, 40, 500});
    show("sums of rows", clg_sum(a, (int32_t[]){1}, 1, false), (float[]){3, 12});
    show("a a^T", clg_matmul(a, a, false, true), (float[]){5, 14, 14, 50});
    show("a over 2", clg_gt(a, clg_fill(graph, clg_shape0(), 2)), (float[]){0, 0, 0, 1, 1, 1});
}

/* y = 2 x^T x has the gradient 4 x; through detach() nothing flows back. */
static void gradients(clg_graph *graph)
{
    clg_tensor x = clg_constant(graph, CLG_F32, clg_shape1(4), (float[]){0, 1, 2, 3}), dx, du;
    clg_tensor y = clg_affine(clg_dot(x, x), 2, 0);
    example_ok(clg_grad(y, &x, 1, &dx));
    show("2 x^T x", y, (float[]){28});
    show("its gradient", dx, (float[]){0, 4, 8, 12});
    clg_tensor z = clg_mul(clg_detach(clg_square(x)), x);
    example_ok(clg_grad(clg_sum(z, NULL, 0, false), &x, 1, &du));
    show("of the sum of u x, u = x^2 detached", du, (float[]){0, 1, 4, 9});
}

static double seconds(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Two vectors added element by element, a node each, and in one op. */
static void loop_against_vector(clg_graph *graph)
{
    static float out[ADDED];
    clg_tensor ones = clg_fill(graph, clg_shape1(ADDED), 1), parts[ADDED];
    for (int i = 0; i < ADDED; i++)
        parts[i] = clg_add(clg_slice(ones, 0, i, i + 1, 1), clg_slice(ones, 0, i, i + 1, 1));
    clg_tensor loop = clg_concat(parts, ADDED, 0), vector = clg_add(ones, ones);
    double begin = seconds();
    example_ok(clg_eval(loop, out, sizeof(out)));
    double middle = seconds();
    example_ok(clg_eval(vector, out, sizeof(out)));
    double end = seconds();
    printf("%d additions one by one take %.0f times as long as in one op\n", ADDED,
           (middle - begin) / (end - middle));
    example_expect("the last sum", (double)out[ADDED - 1], 2, 2);
}

int main(void)
{
    clg_graph *graph = clg_graph_create(clg_store_create(example_begin(), 1));
    clg_tensor a = clg_constant(graph, CLG_F32, clg_shape2(2, 3), (float[]){0, 1, 2, 3, 4, 5});

    shapes(a);
    arithmetic(graph, a);
    gradients(graph);
    loop_against_vector(graph);
    return example_end();
}
