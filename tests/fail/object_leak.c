/* Must fail: an OpenCL object that is still held at a test's end. */
#include "test.h"

TEST(fail, object_leak)
{
    clg_ctx *ctx = test_context();
    test_open(ctx, CLG_FORM_AUTO);
}
