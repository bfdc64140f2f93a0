/* Every op's cases, a test per family and kernel form. */
#include "ops/run_family.h"

#define FAMILIES(X)                                                                                \
    X(leaf)                                                                                        \
    X(elementwise)                                                                                 \
    X(activation)                                                                                  \
    X(random)                                                                                      \
    X(shape)                                                                                       \
    X(reduce)                                                                                      \
    X(matmul)                                                                                      \
    X(conv)                                                                                        \
    X(resize)                                                                                      \
    X(pool)                                                                                        \
    X(norm)                                                                                        \
    X(gather)                                                                                      \
    X(softmax)                                                                                     \
    X(loss)                                                                                        \
    X(recurrent)

static void run(const char *family, clg_form form)
{
    clg_device_params params = clg_device_defaults();
    params.form = form;
    params.gemm = CLG_GEMM_NATIVE;
    cr_assert_gt(run_family(family, &params), 0, "no op is of the family %s", family);
}

#define FAMILY(family)                                                                             \
    TEST(item, family)                                                                             \
    {                                                                                              \
        run(#family, CLG_FORM_ITEM);                                                               \
    }                                                                                              \
    TEST(group, family)                                                                            \
    {                                                                                              \
        run(#family, CLG_FORM_GROUP);                                                              \
    }
FAMILIES(FAMILY)

/* A family that ops.def has and this file has not would go untested. */
TEST(families, are_all_here)
{
#define NAME(family) #family,
    static const char *const names[] = {FAMILIES(NAME)};
    for (int i = 0; i < CLG_OP_COUNT; i++) {
        bool here = false;
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            here |= !strcmp(names[k], clg_ops[i].family);
        cr_assert(here, "family %s of op %s has no test", clg_ops[i].family, clg_ops[i].name);
    }
}
