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

/* Blocks so long that a sum of 100,003 terms is nearly one run. */
TEST(broken, running_sums)
{
    const char *block = "SUM_BLOCK  32", *run = "SUM_BLOCK  8192";
    expect_red("softmax", "item", block, run, "must be");
    expect_red("avg_pool2d", "group", block, run, "must be");
    expect_red("matmul", "group", "BLOCK 128\n#define RANGE 32768",
               "BLOCK 131072\n#define RANGE BLOCK", "must be");
}

TEST(broken, write_outside)
{
    expect_red("softmax", "group", "FOR_ROWS(rows)\n", "FOR_ROWS(rows + 1)\n", "outside");
}

/* ---- between the ops ---- */

TEST(broken, cursor)
{
    const char *from = "computed ? batch : 0", *to = "computed ? 2 * batch : 0";
    expect_red("step.cursor", "item", from, to, "the cursor after step 1: 8, must be 4");
    expect_red("step.feed", "group", from, to, "of the batch at 4");
}

TEST(broken, counters)
{
    expect_red("step.counters", "item", "BLOCK_DRAW, drawn", "BLOCK_DRAW, 2 * drawn", "draws after step 1: 2");
    expect_red("step.counters", "group", "BLOCK_STEP, good", "BLOCK_STEP, 2 * good",
               "steps after step 1: 2");
    expect_red("step.counters", "item", "STEPS, mine & good", "STEPS, mine & 0u",
               "steps of optimizer 0 after step 1: 0");
    expect_red("step.counters", "item", "by & (words[0] == 0)", "0u", "over 2^32 - 1: 0");
}

TEST(broken, draws)
{
    expect_red("step.draws", "item", "w2 = block[BLOCK_DRAW]", "w2 = 0", "draw 1");
}

TEST(broken, feed)
{
    expect_red("step.index", "item", "if (index_rows)", "if (0)", "of the batch at 0");
    expect_red("step.feed", "group", "- mean) * scale", "- mean)", "element");
}

TEST(broken, metrics)
{
    expect_red("step.metrics", "item", "at[2] += batch", "at[2] += 1", "samples of 'first'");
    expect_red("step.metrics", "group", "losses + k]] * batch", "losses + k]]", "sum of 'first'");
    expect_red("step.metrics", "item", "sum[1] = (t - sum[0]) - y", "sum[1] = 0", "16777216");
}

TEST(broken, gating)
{
    expect_red("step.gating", "item", "isfinite(own[tally[TALLY_SLOTS + k]])", "true",
               "the bad step: ");
    expect_red("step.gating", "group", "block[BLOCK_SKIP] ? 0 : segments", "segments",
               "parameters and states moved");
    expect_red("step.gating", "item", "gated && block[BLOCK_SKIP] ? 0 : n", "n",
               "parameters and states moved");
    expect_red("step.gating", "item", "computed && !block[BLOCK_SKIP]) ? metrics", "computed) ? metrics",
               "the metric's sum moved");
    expect_red("step.gating", "item", "BLOCK_RAISED, why", "BLOCK_RAISED, why & ~RAISED_INDEX",
               "an index over the end");
}

TEST(broken, skipping)
{
    expect_red("step.skip", "item", "!waiting ? 0 : block", "!waiting ? block[BLOCK_SKIP] : block",
               "a good step: parameters and states did not move");
    expect_red("step.skip", "group", "looked && block[BLOCK_ON_BAD] ? 0", "0 ? 0", "did not move");
    expect_red("step.skip", "item", "BLOCK_SKIPPED, part == 2", "BLOCK_SKIPPED, part == 1", "skipped: ");
}

TEST(broken, gradients)
{
    expect_red("gradient.clip_norm", "item", "(table[(at + (i)) / SEGMENT].x >= 0)", "1", "norm: ");
    expect_red("gradient.clip_norm", "group", "first ? s : sums[r] + s", "s", "norm: ");
    expect_red("gradient.clip_norm", "item", "(norm + 1e-6f)", "(norm + 1e-3f)", "w: element");
    expect_red("gradient.clip_value", "group", "fabs(g) > (real)(most)", "fabs(g) > (real)(2 * most)",
               "w: element");
    expect_red("gradient.accumulate", "item", "batches ? GET(T, sum, at, i) + GET(T, g, at, i)",
               "0 ? 0", "gradient of w");
    expect_red("gradient.accumulate", "group", "/ count)", "/ 2)", "gradient of w");
    expect_red("gradient.accumulate", "item", "own[PART_BATCHES] * !mine", "own[PART_BATCHES]",
               "gradient of w");
}

TEST(broken, assign)
{
    expect_red("step.assign", "item", "y[i] = x[i]", "y[i] += x[i]", "case 'two states'");
}

TEST(broken, optimizers)
{
    expect_red("optimizer.sgd", "item", "(nesterov ?", "(!nesterov ?", "case 'momentum'");
    expect_red("optimizer.sgd", "group", "momentum * ", "1.0001f * momentum * ", "case 'momentum'");
    expect_red("optimizer.adam", "item", "expm1(t * log_beta2)", "expm1(log_beta2)", "case 'plain'");
    expect_red("optimizer.adamw", "group", "lr * factor * decay", "0.99f * lr * factor * decay",
               "case 'plain'");
}

TEST(broken, steps)
{
    expect_red("step.replay,step.batch", "item", "as_float(block[part + PART_LR])",
               "(as_float(block[part + PART_LR]) / (float)(block[part + PART_STEPS] + 1))", "w: element");
}

TEST(broken, kernel_that_does_not_compile)
{
    expect_red("tanh", "item", "tanh(a)", "no_such_function(a)", "no_such_function");
}
