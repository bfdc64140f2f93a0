/* From a loss, or from gradients, to an update in their graph. */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "ops/families.h"
#include "ops/ops.h"
#include "optim/optim.h"

/* The parameters found, and their gradients. */
struct found {
    CLG_VEC(clg_tensor) parameters;
    clg_tensor *gradients;
    int64_t *entries;
};

static clg_status fail(clg_graph *graph, clg_status status)
{
    clg_graph_fail(graph, status, "minimize: %s", clg_status_string(status));
    return status;
}

static int64_t entry_of(clg_tensor t)
{
    return ((const struct clg_entry_attr *)clg_tensor_node(t)->attr)->entry;
}

static clg_status check_loss(const struct clg_optimizer *optimizer, clg_tensor loss)
{
    clg_shape shape = clg_tensor_shape(loss);
    const char *name = optimizer->params.name;
    char text[CLG_SHAPE_TEXT];

    if (!clg_tensor_valid(loss))
        clg_graph_fail(loss.graph, CLG_ERR_ARGUMENT,
                       "minimize with '%s': the loss is not a valid tensor", name);
    else if (loss.graph->store != optimizer->store)
        clg_graph_fail(loss.graph, CLG_ERR_ARGUMENT,
                       "minimize with '%s': the loss belongs to another store than the optimizer",
                       name);
    else if (clg_tensor_dtype(loss) != CLG_F32 || shape.rank != 0)
        clg_graph_fail(loss.graph, CLG_ERR_ARGUMENT,
                       "minimize with '%s': the loss has shape %s, must be a float32 scalar", name,
                       clg_shape_text(&shape, text));
    return clg_graph_status(loss.graph);
}

static clg_status check_patterns(const struct clg_optimizer *optimizer, clg_graph *graph)
{
    clg_status status = clg_optimizer_check_groups(optimizer);
    char sentence[CLG_ERROR_MAX];

    if (status == CLG_OK)
        return CLG_OK;
    snprintf(sentence, sizeof(sentence), "%s", clg_error(graph->object.ctx));
    clg_graph_fail(graph, status, "%s", sentence);
    return status;
}

/* A second update would use gradients of before the first; of an update and an assignment one would be
 * lost. */
static clg_status check_free(const struct clg_optimizer *optimizer, clg_graph *graph, int64_t entry)
{
    const char *name = clg_store_get_entry(graph->store, entry)->name;
    const struct clg_update *update = clg_graph_find_update(graph, entry);

    if (update)
        clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                       "minimize: parameter '%s' would be updated by optimizer '%s' and by "
                       "optimizer '%s' in one graph",
                       name, update->name, optimizer->params.name);
    else if (clg_graph_find_assignment(graph, entry))
        clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                       "minimize: parameter '%s' would be updated by optimizer '%s' and assigned "
                       "by clg_assign() in one graph",
                       name, optimizer->params.name);
    return clg_graph_status(graph);
}

static clg_status consider(const struct clg_optimizer *optimizer, clg_graph *graph, uint32_t node,
                           struct found *found)
{
    clg_tensor t = {graph, (int32_t)node, 0}, *slot;
    const struct clg_entry *entry;

    if (graph->nodes.items[node]->op != CLG_OP(entry))
        return CLG_OK;
    entry = clg_store_get_entry(graph->store, entry_of(t));
    if (entry->kind != CLG_ENTRY_PARAMETER || !clg_match(optimizer->params.match, entry->name) ||
        clg_optimizer_setting(optimizer, entry->name).frozen)
        return CLG_OK;
    CLG_TRY(check_free(optimizer, graph, entry_of(t)));
    slot = CLG_PUSH(graph->object.ctx, found->parameters);
    if (!slot)
        return fail(graph, CLG_ERR_MEMORY);
    *slot = t;
    return CLG_OK;
}

/* Walks from the loss to the leaves, along what a gradient can take. Nodes come after their inputs.
 */
static clg_status find_parameters(const struct clg_optimizer *optimizer, clg_tensor loss,
                                  struct found *found)
{
    clg_graph *graph = loss.graph;
    bool *reached = clg_new(graph->object.ctx, (size_t)loss.node + 1, sizeof(*reached));
    clg_status status = CLG_OK;

    if (!reached)
        return fail(graph, CLG_ERR_MEMORY);
    reached[loss.node] = true;
    for (int32_t n = loss.node; n >= 0; n--) {
        const struct clg_node *node = graph->nodes.items[n];
        bool passes = reached[n] && !(node->op->flags & CLG_OP_CONSTANT);

        for (uint32_t i = 0; passes && i < node->n_in; i++)
            reached[node->in[i].node] = true;
    }
    for (int32_t n = 0; n <= loss.node && status == CLG_OK; n++)
        if (reached[n])
            status = consider(optimizer, graph, (uint32_t)n, found);
    clg_free(graph->object.ctx, reached);
    if (status == CLG_OK && found->parameters.count == 0) {
        clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                       "minimize with '%s': the loss depends on no parameter that matches '%s'%s",
                       optimizer->params.name, optimizer->params.match,
                       optimizer->groups.count > 0 ? " and is not frozen" : "");
        status = CLG_ERR_ARGUMENT;
    }
    return status;
}

static clg_status differentiate(clg_tensor loss, struct found *found)
{
    clg_graph *graph = loss.graph;
    size_t count = found->parameters.count;

    found->gradients = clg_new(graph->object.ctx, count, sizeof(*found->gradients));
    found->entries = clg_new(graph->object.ctx, count, sizeof(*found->entries));
    if (!found->gradients || !found->entries)
        return fail(graph, CLG_ERR_MEMORY);
    for (size_t i = 0; i < count; i++)
        found->entries[i] = entry_of(found->parameters.items[i]);
    return clg_grad(loss, found->parameters.items, count, found->gradients);
}

/* ---- what the graph gets ---- */

static clg_status add_assigns(clg_graph *graph, const struct found *found)
{
    for (size_t i = 0; i < found->parameters.count; i++) {
        struct clg_assignment *assign = CLG_PUSH(graph->object.ctx, graph->assigns);
        clg_tensor value = found->gradients[i];

        if (!assign)
            return fail(graph, CLG_ERR_MEMORY);
        *assign = (struct clg_assignment){.entry = found->entries[i],
                                          .gradient = true,
                                          .when = CLG_WHEN_TRAINING,
                                          .value = {(uint32_t)value.node, (uint32_t)value.output}};
    }
    return CLG_OK;
}

/* Steps look at it: they are bad when it is not finite. */
static clg_status add_loss(clg_tensor loss)
{
    struct clg_ref *slot = CLG_PUSH(loss.graph->object.ctx, loss.graph->losses);

    if (!slot)
        return fail(loss.graph, CLG_ERR_MEMORY);
    *slot = (struct clg_ref){(uint32_t)loss.node, (uint32_t)loss.output};
    return CLG_OK;
}

static clg_status remember(struct clg_optimizer *optimizer, int64_t entry)
{
    int64_t *slot;

    for (size_t i = 0; i < optimizer->trained.count; i++)
        if (optimizer->trained.items[i] == entry)
            return CLG_OK;
    slot = CLG_PUSH(optimizer->object.ctx, optimizer->trained);
    if (!slot)
        return CLG_ERR_MEMORY;
    *slot = entry;
    clg_store_mark_trained(optimizer->store, entry);
    return CLG_OK;
}

static int64_t *copy_entries(struct clg_ctx *ctx, const struct found *found)
{
    size_t count = found->parameters.count;
    int64_t *copy = clg_new(ctx, count, sizeof(*copy));

    return copy ? memcpy(copy, found->entries, count * sizeof(*copy)) : NULL;
}

static clg_status add_update(struct clg_optimizer *optimizer, clg_graph *graph, struct found *found)
{
    size_t count = found->parameters.count;
    struct clg_ctx *ctx = graph->object.ctx;
    struct clg_optimizer_update *own;
    struct clg_update *slot;
    int64_t *copy;
    char *name;

    for (size_t i = 0; i < count; i++)
        if (remember(optimizer, found->entries[i]) != CLG_OK)
            return fail(graph, CLG_ERR_MEMORY);
    copy = copy_entries(ctx, found);
    own = copy ? clg_update_create(optimizer, graph, copy, count) : NULL;
    name = own ? clg_strdup(ctx, optimizer->params.name) : NULL;
    slot = name ? CLG_PUSH(ctx, graph->updates) : NULL;
    if (!slot) {
        clg_free(ctx, name);
        return fail(graph, CLG_ERR_MEMORY);
    }
    *slot = (struct clg_update){.data = own,
                                .check = clg_update_check,
                                .prepare = clg_update_prepare,
                                .wants = clg_update_wants,
                                .measure = clg_update_measure,
                                .lower = clg_update_lower,
                                .name = name,
                                .part = optimizer->part,
                                .entries = found->entries,
                                .count = count};
    found->entries = NULL; /* the graph's now */
    return CLG_OK;
}

static void finish(struct clg_ctx *ctx, struct found *found)
{
    clg_free(ctx, found->parameters.items);
    clg_free(ctx, found->gradients);
    clg_free(ctx, found->entries);
}

/* What could not be made is NULL here, and why stays the failure:
 * clg_minimize(clg_adam_create(...), loss) must not compile to a graph that learns nothing. */
static clg_status without(struct clg_ctx *ctx, clg_graph *graph, const char *what)
{
    clg_status status = clg_error_status(ctx) ? clg_error_status(ctx) : CLG_ERR_ARGUMENT;
    char why[CLG_ERROR_MAX];

    snprintf(why, sizeof(why), "%s", clg_error(ctx));
    if (graph)
        clg_graph_fail(graph, status, "minimize: there is no %s: %s", what, why);
    else
        clg_fail(ctx, status, "minimize: there is no %s: %s", what, why);
    return status;
}

clg_status clg_minimize(clg_optimizer *optimizer, clg_tensor loss)
{
    struct found found = {.gradients = NULL};
    struct clg_ctx *ctx;
    clg_status status;

    if (!optimizer && !loss.graph)
        return CLG_ERR_ARGUMENT;
    if (!optimizer)
        return without(loss.graph->object.ctx, loss.graph, "optimizer");
    ctx = optimizer->object.ctx;
    if (!loss.graph)
        return without(ctx, NULL, "graph of the loss");
    if (clg_graph_status(loss.graph) != CLG_OK)
        return clg_graph_status(loss.graph);
    CLG_TRY(check_loss(optimizer, loss));
    CLG_TRY(check_patterns(optimizer, loss.graph));
    status = find_parameters(optimizer, loss, &found);
    if (status == CLG_OK)
        status = differentiate(loss, &found);
    if (status == CLG_OK)
        status = add_assigns(loss.graph, &found);
    if (status == CLG_OK)
        status = add_loss(loss);
    if (status == CLG_OK)
        status = add_update(optimizer, loss.graph, &found);
    finish(ctx, &found);
    if (status != CLG_OK && clg_graph_status(loss.graph) == CLG_OK)
        fail(loss.graph, status);
    return status;
}

/* ---- from gradients ---- */

/* Why the tensor is none of the graph's that this optimizer updates; NULL: it is one. */
static const char *wrong_parameter(const struct clg_optimizer *optimizer, const clg_graph *graph,
                                   clg_tensor t)
{
    const struct clg_entry *entry;

    if (!clg_tensor_valid(t))
        return "is not a valid tensor";
    if (t.graph != graph)
        return "belongs to another graph than the first one";
    if (clg_tensor_node(t)->op != CLG_OP(entry))
        return "is no parameter, but computed or written";
    entry = clg_store_get_entry(graph->store, entry_of(t));
    if (entry->kind != CLG_ENTRY_PARAMETER)
        return "is a state, not a parameter";
    if (!clg_match(optimizer->params.match, entry->name))
        return "is none that the optimizer's pattern matches";
    return clg_optimizer_setting(optimizer, entry->name).frozen ? "is frozen" : NULL;
}

static const char *wrong_gradient(clg_tensor parameter, clg_tensor gradient)
{
    clg_shape of = clg_tensor_shape(parameter), has = clg_tensor_shape(gradient);

    if (!clg_tensor_valid(gradient))
        return "is not a valid tensor";
    if (gradient.graph != parameter.graph)
        return "belongs to another graph than the parameter";
    if (clg_tensor_dtype(gradient) != CLG_F32 || !clg_same_shape(&of, &has))
        return "must be float32 and have the parameter's shape";
    return NULL;
}

static clg_status take_pair(const struct clg_optimizer *optimizer, clg_graph *graph,
                            struct found *found, clg_tensor parameter, clg_tensor gradient)
{
    size_t i = found->parameters.count;
    const char *name = optimizer->params.name, *wrong;
    clg_tensor *slot;

    wrong = wrong_parameter(optimizer, graph, parameter);
    if (wrong)
        clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                       "minimize_gradients with '%s': parameter %zu %s", name, i, wrong);
    wrong = wrong ? NULL : wrong_gradient(parameter, gradient);
    if (wrong)
        clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                       "minimize_gradients with '%s': the gradient of '%s' (number %zu) %s", name,
                       clg_store_get_entry(graph->store, entry_of(parameter))->name, i, wrong);
    CLG_TRY(clg_graph_status(graph));
    CLG_TRY(check_free(optimizer, graph, entry_of(parameter)));
    for (size_t k = 0; k < i; k++)
        if (found->entries[k] == entry_of(parameter)) {
            clg_graph_fail(graph, CLG_ERR_ARGUMENT,
                           "minimize_gradients with '%s': parameter '%s' is given twice", name,
                           clg_store_get_entry(graph->store, entry_of(parameter))->name);
            return CLG_ERR_ARGUMENT;
        }
    slot = CLG_PUSH(graph->object.ctx, found->parameters);
    if (!slot)
        return fail(graph, CLG_ERR_MEMORY);
    *slot = parameter;
    found->gradients[i] = gradient;
    found->entries[i] = entry_of(parameter);
    return CLG_OK;
}

static clg_status take_pairs(const struct clg_optimizer *optimizer, clg_graph *graph,
                             const clg_tensor *parameters, const clg_tensor *gradients,
                             size_t count, struct found *found)
{
    found->gradients = clg_new(graph->object.ctx, count, sizeof(*found->gradients));
    found->entries = clg_new(graph->object.ctx, count, sizeof(*found->entries));
    if (!found->gradients || !found->entries)
        return fail(graph, CLG_ERR_MEMORY);
    for (size_t i = 0; i < count; i++)
        CLG_TRY(take_pair(optimizer, graph, found, parameters[i], gradients[i]));
    return CLG_OK;
}

/* The graph of the first parameter; NULL, with a failure, when there is none to work on. */
static clg_graph *graph_of(const struct clg_optimizer *optimizer, const clg_tensor *parameters,
                           size_t count)
{
    struct clg_ctx *ctx = optimizer->object.ctx;
    const char *name = optimizer->params.name;

    if (count == 0 || count > INT32_MAX)
        clg_fail(ctx, CLG_ERR_ARGUMENT,
                 "minimize_gradients with '%s': %zu parameters were given, must be 1 to 2^31 - 1",
                 name, count);
    else if (!parameters->graph)
        clg_fail(ctx, CLG_ERR_ARGUMENT,
                 "minimize_gradients with '%s': parameter 0 is not a valid tensor", name);
    else if (parameters->graph->store != optimizer->store)
        clg_graph_fail(parameters->graph, CLG_ERR_ARGUMENT,
                       "minimize_gradients with '%s': the parameters belong to another store than "
                       "the optimizer",
                       name);
    else
        return parameters->graph;
    return NULL;
}

clg_status clg_minimize_gradients(clg_optimizer *optimizer, const clg_tensor *parameters,
                                  const clg_tensor *gradients, size_t count)
{
    struct found found = {.gradients = NULL};
    clg_graph *graph = parameters && count > 0 ? parameters->graph : NULL;
    clg_status status;

    if (!optimizer && !graph)
        return CLG_ERR_ARGUMENT;
    if (!optimizer)
        return without(graph->object.ctx, graph, "optimizer");
    if (!CLG_GIVEN(optimizer, parameters) || !CLG_GIVEN(optimizer, gradients))
        return CLG_ERR_ARGUMENT;
    graph = graph_of(optimizer, parameters, count);
    if (!graph)
        return CLG_ERR_ARGUMENT;
    CLG_TRY(clg_graph_status(graph));
    CLG_TRY(check_patterns(optimizer, graph));
    status = take_pairs(optimizer, graph, parameters, gradients, count, &found);
    if (status == CLG_OK)
        status = add_assigns(graph, &found);
    if (status == CLG_OK)
        status = add_update(optimizer, graph, &found);
    finish(optimizer->object.ctx, &found);
    if (status != CLG_OK && clg_graph_status(graph) == CLG_OK)
        fail(graph, status);
    return status;
}
