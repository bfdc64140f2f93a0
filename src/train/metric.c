#include "train/metric.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"

const char *const clg_metric_names[] = {
    "train_loss",          "train_accuracy", "validation_loss",
    "validation_accuracy", "test_loss",      "test_accuracy",
    NULL,
};

static bool is_accuracy(const char *name)
{
    const char *end = strstr(name, "_accuracy");

    return end && !end[strlen("_accuracy")];
}

static bool is_of(const char *name, const char *set)
{
    return strncmp(name, set, strlen(set)) == 0;
}

double clg_metric_value(const clg_epoch *epoch, const char *name)
{
    const clg_score *score = is_of(name, "train_")        ? &epoch->train
                             : is_of(name, "validation_") ? &epoch->validation
                                                          : &epoch->test;

    if (!score->samples)
        return NAN;
    return is_accuracy(name) ? score->accuracy : score->loss;
}

bool clg_metric_rises(const char *name)
{
    return is_accuracy(name);
}

clg_status clg_metric_check(struct clg_ctx *ctx, const char *reader, const char *name,
                            bool validation, bool test, bool accuracy)
{
    char there[160];
    size_t at = 0;
    bool found = false;

    for (size_t i = 0; clg_metric_names[i]; i++) {
        const char *one = clg_metric_names[i];

        if ((is_of(one, "validation_") && !validation) || (is_of(one, "test_") && !test) ||
            (is_accuracy(one) && !accuracy))
            continue;
        at += (size_t)snprintf(there + at, sizeof(there) - at, "%s%s", at ? ", " : "", one);
        found |= strcmp(one, name) == 0;
    }
    if (found)
        return CLG_OK;
    return clg_fail(ctx, CLG_ERR_ARGUMENT,
                    "%s looks at '%.60s', but the epochs of this training have %s%s", reader, name,
                    there, is_of(name, "validation_") ? ": data.validation is not there" : "");
}
