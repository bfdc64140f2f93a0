/* What every test file includes: devices, comparisons, and an end that looks for leaks. */
#ifndef TEST_H
#define TEST_H

#include <criterion/criterion.h>
#include <clgrad/clgrad.h>
#include "fault/layer.h"

/* A test; like Criterion's Test, but it ends with test_end(). */
#define TEST(suite, name)                                                                          \
    static void suite##_##name(void);                                                              \
    Test(suite, name)                                                                              \
    {                                                                                              \
        suite##_##name();                                                                          \
        test_end();                                                                                \
    }                                                                                              \
    static void suite##_##name(void)

/* Fails when an OpenCL object is held (under the layer) or memory is lost (under AddressSanitizer).
 */
void test_end(void);

/* The forms that a device is tested in: for (size_t i = 0; i < TEST_FORMS; i++) test_forms[i]. */
#define TEST_FORMS 2
extern const clg_form test_forms[TEST_FORMS];

/* A context that logs warnings to stderr. */
clg_ctx *test_context(void);
/* The device under test: CLG_TEST_DEVICE in the environment, else "cpu". Never NULL. */
clg_device *test_open(clg_ctx *ctx, clg_form form);
/* The same with all parameters. */
clg_device *test_open_with(clg_ctx *ctx, const clg_device_params *params);

/* Fails unless status is CLG_OK, with the context's sentence. */
#define test_ok(ctx, expression)                                                                   \
    test_status(__FILE__, __LINE__, #expression, ctx, CLG_OK, NULL, expression)
/* Fails unless the call was refused with this status and a sentence that has these words in it. */
#define test_refused(ctx, expected, words, expression)                                             \
    test_status(__FILE__, __LINE__, #expression, ctx, expected, words, expression)
void test_status(const char *file, int line, const char *text, const clg_ctx *ctx,
                 clg_status expected, const char *words, clg_status status);

/* Fails unless |got[i] - want[i]| <= absolute + relative * |want[i]| for all i < count; NaN equals
 * NaN and infinity itself. what: the tensor. source: where the tolerance comes from. */
void test_close(const char *what, const float *got, const double *want, size_t count,
                double absolute, double relative, const char *source);
/* The same with a tolerance of each element. */
void test_within(const char *what, const float *got, const double *want, const double *tolerance,
                 size_t count, const char *source);

/* A new folder; test_remove removes it with what is in it. */
const char *test_folder(char buffer[256]);
void test_remove(const char *path);

/* The layer's functions, or NULL when the program runs without it. */
const struct layer *test_layer(void);

#endif
