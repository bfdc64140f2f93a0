/* The selftest goes red when a kernel is broken, and only then: the command, under a layer that
 * changes the kernels' text (break.c). */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* The command's exit status; what it prints goes to output. */
static int selftest(const char *op, const char *form, char output[8192])
{
    char line[1024];
    const char *command = getenv("CLG_TEST_COMMAND"), *device = getenv("CLG_TEST_DEVICE");
    cr_assert_not_null(command, "CLG_TEST_COMMAND is not set: run by meson test");
    snprintf(line, sizeof(line), "'%s' selftest --device '%s' --op %s --form %s 2>&1", command,
             device ? device : "cpu", op, form);
    FILE *pipe = popen(line, "r");
    cr_assert_not_null(pipe);
    size_t length = fread(output, 1, 8191, pipe);
    output[length] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Kernels as they are pass; with `from` replaced the same op fails, for the reason given. */
static void expect_red(const char *op, const char *form, const char *from, const char *to,
                       const char *reason)
{
    char output[8192], folder[256];
    const char *layer = getenv("CLG_TEST_BREAK");
    cr_assert_not_null(layer, "CLG_TEST_BREAK is not set: run by meson test");
    setenv("OPENCL_LAYERS", layer, 1);
    setenv("CLGRAD_CACHE_DIR", test_folder(folder), 1); /* no broken kernel stays in a cache */
    unsetenv("BREAK_FROM");
    cr_assert_eq(selftest(op, form, output), 0, "%s, %s: %s", op, form, output);
    setenv("BREAK_FROM", from, 1);
    setenv("BREAK_TO", to, 1);
    setenv("CLGRAD_CACHE_DIR", test_folder(folder), 1);
    cr_assert_eq(selftest(op, form, output), 1,
                 "%s, %s: passes with '%s' for '%s' (is that in its source?): %s", op, form, to,
                 from, output);
    cr_assert_not_null(strstr(output, "FAIL"), "%s", output);
    cr_assert_not_null(strstr(output, reason), "no '%s' in: %s", reason, output);
}

TEST(broken, value_of_an_elementwise_op)
{
    expect_red("sqrt", "item", "sqrt(a)", "(sqrt(a) * (T)(1.000001f))", "must be");
    expect_red("sqrt", "group", "sqrt(a)", "(sqrt(a) * (T)(1.000001f))", "must be");
}

TEST(broken, gradient_alone)
{
    expect_red("relu", "item", "ew_relu_grad(T, a, b)", "ew_relu_grad(T, a, b) (T)(1.01f) *",
               "gradient 0 by input 0");
}

TEST(broken, kernel_over_rows)
{
    expect_red("softmax", "item", "exp(", "exp(0.9999f * ", "must be");
    expect_red("softmax", "group", "exp(", "exp(0.9999f * ", "must be");
}

TEST(broken, recurrent_steps)
{
    expect_red("lstm", "item", "og * tanh(cell)", "og * tanh(0.999f * cell)", "must be");
    expect_red("gru", "group", "tanh(GX(T, 2, j) + rg * hn)", "tanh(GX(T, 2, j) + hn)", "must be");
}

TEST(broken, gradients_of_recurrent_steps)
{
    expect_red("lstm_grad", "group", "later + dh * og", "later * 0.999f + dh * og", "must be");
    expect_red("rnn_grad", "item", "live ? v : ZERO(T)", "v", "must be");
}

/* A window that is one place short, and a gradient that misses the last reader of a place. */
TEST(broken, sizes_of_planes)
{
    expect_red("crop2d", "item", "(float)(room + 1)", "(float)room", "must be");
    expect_red("upsample2d", "group", "to / from + 1, (long)to", "to / from - 1, (long)to",
               "gradient 0 by input 0");
}

TEST(broken, convolution)
{
    expect_red("conv2d", "item", "oh * sh - ph + ki * dh", "oh * sh - ph + ki", "must be");
}

TEST(broken, pooling)
{
    expect_red("max_pool2d", "item", "v > m ||", "v >= m ||", "must be");
    expect_red("avg_pool2d", "group", "*count = *end - *first;", "*count = *end - *first + 1;",
               "must be");
}

TEST(broken, upsampling)
{
    expect_red("upsample2d_grad", "item", "((long)i + 2) * to", "((long)i + 1) * to", "must be");
}

TEST(broken, missing_barrier)
{
    expect_red("reduce", "group", "barrier(CLK_LOCAL_MEM_FENCE)", "(void)0", "must be");
}

TEST(broken, write_outside)
{
    expect_red("softmax", "group", "FOR_ROWS(rows)\n", "FOR_ROWS(rows + 1)\n", "outside");
}

TEST(broken, kernel_that_does_not_compile)
{
    expect_red("tanh", "item", "tanh(a)", "no_such_function(a)", "no_such_function");
}
