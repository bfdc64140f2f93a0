/* A convolution learns the kernel [1, -1], which finds vertical edges, from a picture and its edges. */
#include "../example.h"

enum { HEIGHT = 6, WIDTH = 8 };

int main(void)
{
    clg_device *device = example_begin();
    clg_store *store = clg_store_create(device, 1);
    clg_graph *graph = clg_graph_create(store);
    float picture[HEIGHT][WIDTH], edges[HEIGHT][WIDTH - 1], kernel[2];

    for (int r = 0; r < HEIGHT; r++) /* white, with a black bar from column 2 to 5 */
        for (int c = 0; c < WIDTH; c++)
            picture[r][c] = c < 2 || c > 5;
    for (int r = 0; r < HEIGHT; r++)
        for (int c = 0; c + 1 < WIDTH; c++)
            edges[r][c] = picture[r][c] - picture[r][c + 1];

    clg_tensor x = clg_input(graph, "x", CLG_F32, clg_shape4(1, 1, HEIGHT, WIDTH));
    clg_tensor y = clg_input(graph, "y", CLG_F32, clg_shape4(1, 1, HEIGHT, WIDTH - 1));
    clg_tensor w = clg_parameter(graph, "kernel", clg_shape4(1, 1, 1, 2), NULL);
    clg_tensor loss = clg_output(clg_mse(clg_conv2d(x, w, NULL), y, NULL), "loss");
    example_ok(clg_minimize(clg_sgd_create(store, 0.5f, NULL), loss));
    clg_plan *plan = example_compile(graph, 1);
    example_ok(clg_plan_write(plan, "x", picture, sizeof(picture)));
    example_ok(clg_plan_write(plan, "y", edges, sizeof(edges)));
    for (int step = 1; step <= 40; step++) {
        float value;
        example_ok(clg_plan_step(plan));
        example_ok(clg_plan_read(plan, "loss", &value, sizeof(value)));
        if (step % 10 == 0)
            printf("step %d: loss %.5f\n", step, (double)value);
    }
    example_ok(clg_store_get(store, "kernel", kernel, sizeof(kernel)));
    example_expect("the kernel's left weight", (double)kernel[0], 0.9, 1.1);
    example_expect("the kernel's right weight", (double)kernel[1], -1.1, -0.9);
    return example_end();
}
