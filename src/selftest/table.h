/* What the selftest knows of each op of ops.def. */
#ifndef CLG_SELFTEST_TABLE_H
#define CLG_SELFTEST_TABLE_H

#include "selftest/cases.h"
#include "selftest/oracle.h"

struct clg_selftest_entry {
    void (*oracle)(const struct clg_oracle_call *call);
    void (*cases)(struct clg_cases *cases);
};
const struct clg_selftest_entry *clg_selftest_entry(const struct clg_op *op);

#endif
