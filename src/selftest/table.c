#include "selftest/table.h"

static const struct clg_selftest_entry entries[CLG_OP_COUNT] = {
#define OP(name, ...) {clg_oracle_##name, clg_cases_##name},
#include "ops/ops.def"
#undef OP
};

const struct clg_selftest_entry *clg_selftest_entry(const struct clg_op *op)
{
    return &entries[op - clg_ops];
}
