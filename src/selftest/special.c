#include "selftest/special.h"
#include <float.h>
#include <math.h>

/* 88.7 is just under the logarithm of the largest float, 89 and -104 are over what e^x can give. */
static const float special[] = {0,     -0.0f,  1,        -1,       0.5f,     -2,        3,
                                88.7f, 89,     -87,      -104,     FLT_MAX,  -FLT_MAX,  1e-30f,
                                1e30f, -1e30f, 16777216, 0x1p-99f, INFINITY, -INFINITY, NAN};
enum { SPECIAL = sizeof(special) / sizeof(special[0]), ROWS = 41, COLS = 25 };

static float *numbers(float out[ROWS * COLS], float low, float high)
{
    for (int i = 0; i < ROWS * COLS; i++)
        out[i] = i < SPECIAL ? special[i] : low + (high - low) * (float)((i * 389) % 1024) / 1024;
    return out;
}

clg_tensor clg_case_special(struct clg_cases *cases, double low, double high)
{
    float out[ROWS * COLS];
    numbers(out, (float)low, (float)high);
    return clg_case_values(cases, clg_shape2(ROWS, COLS), out);
}

void clg_unary_cases(struct clg_cases *cases, clg_unary_op *op, double low, double high)
{
    clg_check_forward(cases, "special numbers", op(clg_case_special(cases, low, high)));
    clg_check_twice(cases, "uniform numbers",
                    op(clg_case_uniform(cases, clg_shape2(3, 11), low, high)));
}

void clg_binary_cases(struct clg_cases *cases, clg_binary_op *op, double low, double high)
{
    float a[SPECIAL * SPECIAL], b[SPECIAL * SPECIAL];
    for (int i = 0; i < SPECIAL * SPECIAL; i++) {
        a[i] = special[i / SPECIAL];
        b[i] = special[i % SPECIAL];
    }
    clg_shape shape = clg_shape1(SPECIAL * SPECIAL);
    clg_tensor x = clg_case_values(cases, shape, a);
    clg_check_forward(cases, "pairs of special numbers", op(x, clg_case_values(cases, shape, b)));
    x = clg_case_uniform(cases, clg_shape3(3, 1, 5), low, high);
    clg_tensor y = clg_case_uniform(cases, clg_shape2(4, 1), low, high);
    clg_check_twice(cases, "(3, 1, 5) and (4, 1)", op(x, y));
}

static void broadcast_case(struct clg_cases *cases, clg_binary_op *op, const double range[2],
                           const char *what, clg_shape a, clg_shape b)
{
    clg_tensor x = clg_case_uniform(cases, a, range[0], range[1]);
    clg_tensor y = clg_case_uniform(cases, b, range[0], range[1]);
    clg_check(cases, what, op(x, y));
}

void clg_broadcast_cases(struct clg_cases *cases, clg_binary_op *op, double low, double high)
{
    const struct {
        const char *what;
        clg_shape a, b;
    } list[] = {
        {"(13, 67) and (13, 67)", clg_shape2(13, 67), clg_shape2(13, 67)},
        {"() and (7)", clg_shape0(), clg_shape1(7)},
        {"(1025) and (1)", clg_shape1(1025), clg_shape1(1)},
        {"() and ()", clg_shape0(), clg_shape0()},
        {"(batch, 17) and (17)", clg_shape2(CLG_BATCH, 17), clg_shape1(17)},
        {"(2 batch, 5) and (2 batch, 1)", clg_shape2(2 * CLG_BATCH, 5),
         clg_shape2(2 * CLG_BATCH, 1)},
        {"(5, 1) and (1, 33)", clg_shape2(5, 1), clg_shape2(1, 33)},
        {"(1, 1) and (1)", clg_shape2(1, 1), clg_shape1(1)},
        {"(2, 3, 1, 5, 1) and (1, 4, 1, 7)", clg_shape_make(5, (const int64_t[]){2, 3, 1, 5, 1}),
         clg_shape4(1, 4, 1, 7)},
        {"(2, 4099) and (2, 1)", clg_shape2(2, 4099), clg_shape2(2, 1)},
        {"(4111) and ()", clg_shape1(4111), clg_shape0()},
        {"(3, 4, 5) and (3, 1, 5)", clg_shape3(3, 4, 5), clg_shape3(3, 1, 5)},
    };
    const double range[2] = {low, high};
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        broadcast_case(cases, op, range, list[i].what, list[i].a, list[i].b);
}
