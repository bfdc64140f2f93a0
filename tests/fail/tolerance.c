/* Must fail: a value one float beyond its tolerance. */
#include "test.h"

TEST(fail, tolerance)
{
    const float got[3] = {1, 2, 3.25f};
    const double want[3] = {1, 2, 3};
    test_close("tensor", got, want, 3, 0.2499, 0, "chosen to be too small");
}
