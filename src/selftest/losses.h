/* Cases of losses that are compositions; the op cross_entropy runs them. */
#ifndef CLG_SELFTEST_LOSSES_H
#define CLG_SELFTEST_LOSSES_H

#include "selftest/cases.h"

/* Of classes, with each option, and of values and vectors. */
void clg_cases_of_classes(struct clg_cases *cases);
void clg_cases_of_values(struct clg_cases *cases);

#endif
