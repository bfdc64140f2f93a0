/* The update rules in double precision, an element at a time, with the error that float32 may have. */
#ifndef CLG_SELFTEST_OPTIMIZERS_H
#define CLG_SELFTEST_OPTIMIZERS_H

#include "optim/optim.h"
#include "selftest/rounded.h"

/* An element in a step, t of them with this one. */
struct clg_rule_element {
    struct clg_rounded w, state[CLG_RULE_STATES];
    struct clg_rounded running; /* the rule's running number */
    struct clg_rounded g, lr, decay;
    double t;
    struct clg_rounded r, trust; /* of a normed rule: its direction, and the factor of its parameter */
};
typedef void clg_rule_reference(struct clg_rule_element *e, const clg_optimizer_params *o);

/* The rule for the elements of a whole parameter. */
void clg_rule_step(const struct clg_rule *rule, clg_rule_reference *reference, struct clg_rule_element *e,
                   size_t count, const clg_optimizer_params *o);

/* clg_reference_RULE, for every rule of optim.def. */
#define RULE(name, ...) clg_rule_reference clg_reference_##name;
#include "optim/optim.def"
#undef RULE

#endif
