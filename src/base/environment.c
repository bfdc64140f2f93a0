#include "base/context.h"

#include <stdlib.h>

const char *clg_environment(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}
