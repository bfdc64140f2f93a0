#include "program.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 3 * PROGRAM_BATCH, INPUTS = 8, HIDDEN = 4, CLASSES = 2 };

struct parts {
    clg_device *device;
    clg_store *store;
    clg_array *images, *labels, *order;
    clg_plan *plan;
};

/* NULL out of a call that was given good objects must come with a status; so each step below looks
 * whether there is one. */
static clg_status last(const clg_ctx *ctx)
{
    clg_status status = clg_error_status(ctx);
    return status == CLG_OK ? CLG_ERR_STATE : status;
}

static clg_status make_arrays(const clg_ctx *ctx, struct parts *p)
{
    uint8_t images[ROWS][INPUTS];
    int32_t labels[ROWS], order[ROWS];
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < INPUTS; j++)
            images[i][j] = (uint8_t)(37 * i + 11 * j);
        labels[i] = i % CLASSES;
        order[i] = ROWS - 1 - i;
    }
    p->images = clg_array_create(p->device, CLG_U8, ROWS, INPUTS, images);
    p->labels = clg_array_create(p->device, CLG_I32, ROWS, 1, labels);
    p->order = clg_array_create(p->device, CLG_I32, ROWS, 1, order);
    return p->images && p->labels && p->order ? CLG_OK : last(ctx);
}

static clg_status build(const clg_ctx *ctx, struct parts *p, const struct program *program)
{
    p->store = clg_store_create(p->device, program->seed);
    clg_graph *graph = clg_graph_create(p->store);
    clg_tensor x = clg_input(graph, "image", CLG_F32, clg_shape2(CLG_BATCH, INPUTS));
    clg_tensor y = clg_input(graph, "label", CLG_I32, clg_shape1(CLG_BATCH));
    clg_tensor h = clg_dropout(clg_relu(clg_linear(x, "fc1", HIDDEN, NULL)), 0.25f);
    clg_tensor z = clg_linear(h, "fc2", CLASSES, NULL);
    clg_tensor loss = clg_metric(clg_cross_entropy(z, y, NULL), "loss");
    clg_metric(clg_accuracy(z, y), "accuracy");
    const char *rule = program->rule ? program->rule : "sgd";
    clg_optimizer_params params = clg_optimizer_defaults(rule);
    params.momentum = 0.9f;
    params.weight_decay = 0.001f;
    clg_minimize(clg_optimizer_create(p->store, rule, 0.1f, &params), loss);
    p->plan = clg_compile(graph, PROGRAM_BATCH, CLG_TRAIN, NULL);
    return p->plan ? CLG_OK : last(ctx);
}

static clg_status feed(struct parts *p)
{
    clg_feed_params params = clg_feed_defaults();
    params.index = p->order;
    clg_status status = clg_plan_feed(p->plan, "label", p->labels, &params);
    params.std = 255;
    if (status == CLG_OK)
        status = clg_plan_feed(p->plan, "image", p->images, &params);
    return status;
}

static clg_status train(struct parts *p, const char *path)
{
    clg_status status = clg_plan_seek(p->plan, 0);
    for (int step = 0; step < PROGRAM_STEPS && status == CLG_OK; step++)
        status = clg_plan_step(p->plan);
    float loss;
    double sum, count;
    clg_progress progress;
    if (status == CLG_OK)
        status = clg_plan_read(p->plan, "loss", &loss, sizeof(loss));
    if (status == CLG_OK)
        status = clg_plan_metric(p->plan, "accuracy", &sum, &count);
    if (status == CLG_OK)
        status = clg_store_progress(p->store, &progress);
    if (status == CLG_OK && (progress.steps != PROGRAM_STEPS || progress.first_bad_step != 0))
        return CLG_ERR_DIVERGED;
    if (status == CLG_OK)
        status = clg_store_save(p->store, path, NULL);
    return status;
}

static clg_status run(clg_ctx *ctx, const struct program *program)
{
    struct parts parts = {0};
    const char *spec = getenv("CLG_TEST_DEVICE");
    parts.device = clg_device_open(ctx, spec ? spec : "cpu", &program->device);
    clg_status status = parts.device ? CLG_OK : last(ctx);
    if (status == CLG_OK)
        status = make_arrays(ctx, &parts);
    if (status == CLG_OK)
        status = build(ctx, &parts, program);
    if (status == CLG_OK)
        status = feed(&parts);
    if (status == CLG_OK)
        status = train(&parts, program->path);
    return status;
}

clg_status program_run(const struct program *program, char message[1024])
{
    message[0] = '\0';
    clg_ctx *ctx = clg_ctx_create(&program->ctx);
    if (!ctx)
        return CLG_ERR_MEMORY;
    clg_status status = run(ctx, program);
    if (status != CLG_OK)
        snprintf(message, 1024, "%s", clg_error(ctx));
    if (program->before_end)
        program->before_end(program->user);
    clg_ctx_destroy(&ctx);
    return status;
}
