/* Must fail under AddressSanitizer: memory that is lost at a test's end. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

TEST(fail, memory_leak)
{
    char *volatile lost = malloc(100);
    memset(lost, 1, 100);
    lost = NULL;
}
