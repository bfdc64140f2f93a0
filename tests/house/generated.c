/* Prints generated kernels with a form feed after each: what house-kernels reads. Elementwise ones of every
 * shape of text, in both forms; those of the update rules, without and with all that options add. */
#include <stdio.h>
#include "device/launch.h"
#include "ops/ops.h"
#include "optim/optim.h"
#include "plan/ir.h"

/* A fused node over two operands: an op of both, one of its result and a number, one of that. */
struct shape_of_text {
    const struct clg_op *last;
    clg_shape x0, x1, y;
    clg_dtype dtype; /* of x1 and y */
};

static const struct shape_of_text *shapes(size_t *count)
{
    static struct shape_of_text list[5];
    const clg_shape flat = clg_shape1(1025), row = clg_shape1(7), rows = clg_shape2(5, 7);
    const clg_shape outer = clg_shape3(3, 1, 7), all = clg_shape3(3, 5, 7);

    list[0] = (struct shape_of_text){CLG_OP(relu), flat, flat, flat, CLG_F32};
    list[1] = (struct shape_of_text){CLG_OP(relu), rows, row, rows, CLG_F32};
    list[2] = (struct shape_of_text){CLG_OP(cast), outer, all, all, CLG_I32};
    list[3] = (struct shape_of_text){CLG_OP(dropout), flat, flat, flat, CLG_F32};
    list[4] = (struct shape_of_text){CLG_OP(dropout), outer, all, all, CLG_F32};
    *count = sizeof(list) / sizeof(list[0]);
    return list;
}

static void print(clg_device *device, const struct shape_of_text *s)
{
    const struct clg_view in[] = {{.shape = s->x0, .dtype = CLG_F32},
                                  {.shape = s->x1, .dtype = s->dtype}};
    const struct clg_view out[] = {{.shape = s->y, .dtype = CLG_F32},
                                   {.shape = s->y, .dtype = s->dtype}};
    struct clg_member members[] = {
        {.op = CLG_OP(mul), .in = {{CLG_OPERAND_EXTERNAL, 0}, {CLG_OPERAND_EXTERNAL, 1}}, .output = 0},
        {.op = CLG_OP(add), .in = {{CLG_OPERAND_MEMBER, 0}, {CLG_OPERAND_NUMBER, 0}}, .output = -1},
        {.op = s->last, .in = {{CLG_OPERAND_MEMBER, 1}}, .output = 1},
    };
    struct clg_launches launches;
    clg_launches_init(&launches, device);
    struct clg_lower lower = {.device = device,
                              .machine = clg_device_machine(device),
                              .launches = &launches,
                              .n_in = 2,
                              .n_out = 2,
                              .in = in,
                              .out = out};
    clg_fused_lower(&lower, &(struct clg_fused){.count = 3, .members = members});
    for (size_t i = 0; i < launches.list.count; i++)
        printf("%s\f", launches.list.items[i]->text);
    clg_launches_finish(&launches);
}

static int print_form(clg_ctx *ctx, clg_form form)
{
    clg_device_params params = clg_device_defaults();
    size_t count;
    const struct shape_of_text *list = shapes(&count);

    params.form = form;
    clg_device *device = clg_device_open(ctx, "cpu", &params);
    if (!device) {
        fprintf(stderr, "%s\n", clg_error(ctx));
        return 1;
    }
    for (size_t i = 0; i < count; i++)
        print(device, &list[i]);
    clg_device_destroy(&device);
    return 0;
}

static int print_rule(clg_ctx *ctx, const char *name, double value)
{
    const struct clg_rule *rule = clg_rule_find(name);
    clg_optimizer_params params = clg_optimizer_defaults(name);
    struct clg_text text = {.ctx = ctx};

    for (const struct clg_number *n = rule->numbers; n->name; n++)
        clg_number_set(n, &params, value);
    clg_rule_write(&text, rule, &params);
    printf("%s\f", text.data);
    clg_text_finish(&text);
    return text.failed;
}

static int print_rules(clg_ctx *ctx)
{
    int status = 0;

#define RULE(name, ...) status |= print_rule(ctx, #name, 0) | print_rule(ctx, #name, 0.5);
#include "optim/optim.def"
    return status;
}

int main(void)
{
    clg_ctx *ctx = clg_ctx_create(NULL);
    int status = 1;

    if (ctx)
        status = print_form(ctx, CLG_FORM_GROUP) || print_form(ctx, CLG_FORM_ITEM) || print_rules(ctx);

    clg_ctx_destroy(&ctx);
    return status;
}
