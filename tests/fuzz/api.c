/* Random calls of every public function, with arguments that are right, wrong and hostile, on objects
 * that come and go in any order: no call crashes, hangs, loses memory or fails without a sentence.
 *
 * What a C interface cannot see is kept right: pointers are NULL or good, blocks are as large as what
 * stands beside them says, handles are alive. CLG_TEST_ROUNDS makes longer runs and CLG_FUZZ_SEED others;
 * CLG_FUZZ_TRACE=1 prints each call before it is made. */
#include "test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <clgrad/train.h>
#include "api/api.h"
#include "base/context.h"
#include "base/philox.h"
#include "fuzz/damage.h"

#define SEED    7
#define CALLS   3000
#define EPISODE 300 /* calls until everything is destroyed */
#define BLOCK   (1 << 18)
#define MOST    400 /* things alive, and tensors remembered */

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/* ---- random numbers ---- */

static uint32_t seed, draws;

static uint32_t below(uint32_t n)
{
    uint32_t words[4];
    clg_philox((uint32_t[]){draws++, 0, 0, 0}, (uint32_t[]){seed, 5}, words);
    return (uint32_t)((uint64_t)words[0] * n >> 32);
}

static bool chance(uint32_t percent)
{
    return below(100) < percent;
}

/* ---- what is alive ---- */

enum what { CTX, DEVICE, STORE, GRAPH, PLAN, OPTIMIZER, SCHEDULE, ARRAY, DATASET, RECIPE, KINDS };

static const struct {
    const char *type;
    enum what parent;
} kinds[KINDS] = {
    [CTX] = {"clg_ctx *", CTX},       [DEVICE] = {"clg_device *", CTX},
    [STORE] = {"clg_store *", DEVICE}, [GRAPH] = {"clg_graph *", STORE},
    [PLAN] = {"clg_plan *", GRAPH},   [OPTIMIZER] = {"clg_optimizer *", STORE},
    [SCHEDULE] = {"clg_schedule *", OPTIMIZER},
    [ARRAY] = {"clg_array *", DEVICE}, [DATASET] = {"clg_dataset *", CTX},
    [RECIPE] = {"clg_recipe *", CTX},
};

struct thing {
    enum what what;
    void *handle;
};

static struct {
    struct thing things[MOST];
    size_t count;
    clg_tensor tensors[MOST];
    size_t tensor_count;
    clg_graph *graph; /* most tensors of a call are of this one */
    clg_model model;
    char folder[256], paths[6][300]; /* samples, labels, recipe, weights, run, table */
} world;

static bool is_alive(const void *handle)
{
    for (size_t i = 0; i < world.count; i++)
        if (world.things[i].handle == handle)
            return true;
    return false;
}

static void *pick(enum what what)
{
    size_t from = world.count ? below((uint32_t)world.count) : 0;
    for (size_t i = 0; i < world.count; i++) {
        const struct thing *thing = &world.things[(from + i) % world.count];
        if (thing->what == what)
            return thing->handle;
    }
    return NULL;
}

static void add_thing(enum what what, void *handle)
{
    if (!handle || is_alive(handle))
        return;
    cr_assert_lt(world.count, MOST);
    world.things[world.count++] = (struct thing){what, handle};
}

static bool is_inside(const struct clg_object *object, const void *ancestor)
{
    while (object && object != ancestor)
        object = object->parent;
    return object;
}

/* Before a handle is destroyed: it, what was made from it, and the tensors of its graphs. */
static void forget(const void *handle)
{
    size_t kept = 0;
    for (size_t i = 0; i < world.tensor_count; i++)
        if (!is_inside((struct clg_object *)world.tensors[i].graph, handle))
            world.tensors[kept++] = world.tensors[i];
    world.tensor_count = kept;
    if (is_inside((struct clg_object *)world.graph, handle))
        world.graph = NULL;
    if (is_inside((struct clg_object *)world.model.store, handle))
        world.model = (clg_model){0};
    kept = 0;
    for (size_t i = 0; i < world.count; i++)
        if (!is_inside(world.things[i].handle, handle))
            world.things[kept++] = world.things[i];
    world.count = kept;
}

static void add_tensor(clg_tensor t)
{
    if (!clg_tensor_valid(t) || !is_alive(t.graph))
        return;
    if (world.tensor_count == MOST)
        world.tensors[below(MOST)] = t;
    else
        world.tensors[world.tensor_count++] = t;
}

static clg_tensor pick_tensor(void)
{
    clg_tensor found = {NULL, -1, 0};
    for (int i = 0; i < 20 && world.tensor_count > 0; i++) {
        found = world.tensors[below((uint32_t)world.tensor_count)];
        if (found.graph == world.graph)
            break;
    }
    if (chance(2))
        found.node += (int32_t)below(5) - 2;
    if (chance(2))
        found.output += (int32_t)below(3) - 1;
    return found;
}

/* ---- a graph to begin with ---- */

static void new_graph(void)
{
    static const int32_t indices[6] = {0, 2, 1, 1, 0, 2};
    clg_store *store = pick(STORE);
    if (!store)
        return;
    clg_graph *g = world.graph = clg_graph_create(store);
    add_thing(GRAPH, g);
    const clg_tensor begin[] = {
        clg_input(g, "input", CLG_F32, clg_shape2(CLG_BATCH, 3)),
        clg_input(g, "label", CLG_I32, clg_shape1(CLG_BATCH)),
        clg_parameter(g, "w", clg_shape2(3, 4), NULL),
        clg_parameter(g, "b", clg_shape1(4), NULL),
        clg_state(g, "s", clg_shape1(3), NULL),
        clg_fill(g, clg_shape4(2, 3, 4, 4), 0.5f),
        clg_fill(g, clg_shape3(2, 3, 4), -1),
        clg_fill(g, clg_shape0(), 2),
        clg_constant(g, CLG_I32, clg_shape2(2, 3), indices),
        clg_constant(g, CLG_I32, clg_shape1(2), indices),
    };
    for (size_t i = 0; i < LENGTH(begin); i++)
        add_tensor(begin[i]);
    if (!clg_tensor_valid(begin[3]))
        return;
    clg_tensor y = clg_add(clg_matmul(begin[0], begin[2], false, false), begin[3]);
    clg_tensor loss = clg_metric(clg_cross_entropy(y, begin[1], NULL), "loss");
    add_tensor(clg_output(y, "result"));
    add_tensor(loss);
    if (chance(50) && pick(OPTIMIZER))
        clg_minimize(pick(OPTIMIZER), loss);
    if (chance(20))
        add_thing(PLAN, clg_compile(g, 2, chance(70) ? CLG_TRAIN : CLG_INFER, NULL));
    world.model = (clg_model){.device = pick(DEVICE), .store = store, .graph = g, .results = 4};
}

/* ---- numbers and texts ---- */

static int64_t number(void)
{
    static const int64_t hostile[] = {
        INT64_MIN, INT64_MAX,     INT32_MIN, INT32_MAX,     -1,        0,
        CLG_BATCH, CLG_BATCH - 1, 1 << 30,   CLG_BATCH + 1, -CLG_BATCH, 7 * CLG_BATCH,
        65,        100,           INT64_MAX / 2,
    };
    return chance(12) ? hostile[below(LENGTH(hostile))] : (int64_t)below(5) - (chance(20) ? 2 : 0);
}

static int64_t dimension(void)
{
    static const int64_t usual[] = {1, 2, 3, 4, 5, 7, CLG_BATCH, 2 * CLG_BATCH};
    return chance(90) ? usual[below(LENGTH(usual))] : number();
}

static clg_shape some_shape(void)
{
    clg_shape shape = {.rank = chance(97) ? (int32_t)below(5) : (int32_t)number()};
    for (int i = 0; i < CLG_MAX_RANK; i++)
        shape.dim[i] = dimension();
    return shape;
}

static float real(void)
{
    static const float some[] = {0,    1,     0.5f,     -1,       2,       0.1f, 1e-8f,
                                 1e30f, FLT_MAX, INFINITY, -INFINITY, NAN, -0.0f, FLT_MIN / 2};
    return some[below(LENGTH(some))];
}

static const char *word(const char *name)
{
    static char longest[5000];
    static const char *const names[] = {
        "x",  "fc", "fc2",  "w",        "b",     "s",     "input",  "label",  "loss", "result",
        "y",  "",   "a.b",  "%s%n%s",   "\xff\n", "sgd",   "adam",   "nadam",  "best", "cpu",
        "0",  "99", "fc.*", "*",        "clgrad.step",     "optimizer.a.b",   longest};
    memset(longest, 'n', sizeof(longest) - 1);
    static const char *const schedules[] = {"step",   "multistep",  "exponential", "cosine", "linear",
                                            "polynomial", "onecycle", "plateau", "cosine_restarts"};
    if (!strcmp(name, "rule"))
        return names[15 + below(3)];
    if (!strcmp(name, "kind") && chance(90))
        return schedules[below(LENGTH(schedules))];
    if (!strcmp(name, "spec") && chance(80))
        return "cpu";
    if (!strcmp(name, "samples") || !strcmp(name, "labels") || !strcmp(name, "path") ||
        !strcmp(name, "run"))
        return chance(90) ? world.paths[below(LENGTH(world.paths))] : world.folder;
    return names[below(LENGTH(names))];
}

/* ---- structures of options ---- */

/* Every argument of a call points into this. */
static struct {
    char block[BLOCK];
    void *handle;
    clg_tensor tensors[64];
    const char *texts[4];
    int32_t axes[CLG_MAX_RANK];
    int64_t dims[CLG_MAX_RANK + 1];
    clg_init init;
    union {
        clg_ctx_params ctx;
        clg_device_params device;
        clg_device_info info;
        clg_dataset_params dataset;
        clg_folds_params folds;
        clg_csv_params csv;
        clg_split_params split;
        clg_plan_params plan;
        clg_feed_params feed;
        clg_optimizer_params optimizer;
        clg_optimizer_group group;
        clg_schedule_params schedule;
        clg_schedule_state schedule_state;
        clg_linear_params linear;
        clg_conv_params conv;
        clg_conv_layer_params conv_layer;
        clg_pool_params pool;
        clg_loss_params loss;
        clg_norm_params norm;
        clg_norm_layer_params norm_layer;
        clg_prelu_layer_params prelu;
        clg_embedding_params embedding;
        clg_attention_params attention;
        clg_attention_layer_params attention_layer;
        clg_recurrent_params recurrent;
        clg_recurrent_layer_params recurrent_layer;
        clg_fit_params fit;
        clg_train_params train;
        clg_recipe_params recipe;
        clg_load_params load;
        clg_save_params save;
        clg_metric_sum metric;
    } params;
    clg_recurrent_weights weights;
    clg_model model;
    int steps;
} args;

static clg_tensor maybe_tensor(void)
{
    return chance(40) ? pick_tensor() : (clg_tensor){NULL, -1, 0};
}

static void pair(int32_t numbers[2])
{
    for (int i = 0; i < 2; i++)
        if (chance(20))
            numbers[i] = (int32_t)number();
}

static void set_real(float *field)
{
    if (chance(20))
        *field = real();
}

static int fill_values(void *user, const char *name, clg_shape shape, float *values, size_t count)
{
    (void)user;
    (void)name;
    (void)shape;
    memset(values, 0, count * sizeof(*values));
    return chance(10);
}

static const clg_init *some_init(void)
{
    args.init = (clg_init){.scheme = (clg_init_scheme)(chance(95) ? below(9) : number()),
                           .a = real(),
                           .b = real(),
                           .fan_in = chance(80) ? 0 : number(),
                           .fan_out = chance(80) ? 0 : number(),
                           .fill = chance(90) ? fill_values : NULL};
    return chance(50) ? &args.init : NULL;
}

static bool stop_soon(void *user)
{
    (void)user;
    return ++args.steps > 3;
}

static void conv_numbers(clg_conv_params *p)
{
    pair(p->stride);
    pair(p->padding);
    pair(p->dilation);
    pair(p->output_padding);
    if (chance(20))
        p->groups = (int32_t)number();
}

static void fit_numbers(clg_fit_params *p)
{
    p->batch = chance(80) ? 2 : number();
    p->eval_batch = chance(80) ? 3 : number();
    p->epochs = chance(80) ? 1 : number();
    p->steps = chance(80) ? 2 : number();
    p->log_every = chance(50) ? 1 : number();
    set_real(&p->mean);
    set_real(&p->std);
    p->stop = stop_soon;
}

static const char *const *some_texts(void)
{
    size_t count = below(3);
    for (size_t i = 0; i < 3; i++)
        args.texts[i] = i < count ? word("name") : NULL;
    return args.texts;
}

static void set_attention(clg_attention_params *p)
{
    *p = clg_attention_defaults();
    p->causal = chance(50);
    p->mask = maybe_tensor();
    p->lengths = maybe_tensor();
    set_real(&p->scale);
    set_real(&p->dropout);
}

static void set_recurrent_layer(clg_recurrent_layer_params *p)
{
    *p = clg_recurrent_layer_defaults();
    p->num_layers = chance(80) ? 1 : (int32_t)number();
    p->bidirectional = chance(30);
    p->h0 = maybe_tensor();
    p->c0 = maybe_tensor();
    p->lengths = maybe_tensor();
    p->weight_init = some_init();
}

static void set_loss(clg_loss_params *p)
{
    *p = clg_loss_defaults();
    p->reduction = (clg_reduction)(chance(95) ? below(4) : number());
    p->weight = maybe_tensor();
    p->class_weight = chance(20) ? pick_tensor() : p->class_weight;
    p->pos_weight = chance(20) ? pick_tensor() : p->pos_weight;
    p->ignore = chance(20);
    set_real(&p->label_smoothing);
}

static void set_norm(clg_norm_params *p)
{
    *p = clg_norm_defaults();
    p->weight = maybe_tensor();
    p->bias = maybe_tensor();
    p->running_mean = maybe_tensor();
    p->running_var = maybe_tensor();
    set_real(&p->eps);
    set_real(&p->momentum);
}

static void set_dataset(clg_dataset_params *p)
{
    *p = clg_dataset_defaults();
    p->name = word("name");
    p->count = chance(90) ? 1 + below(9) : number();
    p->type = (clg_dtype)(chance(90) ? 1 + 2 * below(2) : number());
    p->shape = chance(70) ? clg_shape1(3) : some_shape();
    p->samples = args.block;
    p->labels = chance(70) ? args.block : NULL;
    p->label_type = (clg_dtype)(chance(90) ? 1 + below(2) : number());
    if (chance(10))
        p->label_shape = some_shape();
    double values = (double)p->count; /* the block must hold them */
    for (int32_t i = 0; i < CLG_MAX_RANK; i++)
        values *= i < p->shape.rank ? (double)p->shape.dim[i] : 1;
    if (!(values * 4 < BLOCK) || p->label_shape.rank != 0 || p->count > 99)
        p->samples = p->labels = NULL;
}

static void set_optimizer(clg_optimizer_params *p)
{
    *p = clg_optimizer_defaults(word("rule"));
    p->name = chance(70) ? word("name") : NULL;
    p->match = chance(30) ? word("name") : NULL;
    p->no_decay = chance(30) ? some_texts() : NULL;
    p->nesterov = chance(20);
    float *const numbers[] = {
        &p->weight_decay, &p->momentum, &p->beta1,          &p->beta2,    &p->eps,
        &p->dampening,    &p->alpha,    &p->rho,            &p->lr_decay, &p->initial_accumulator_value,
        &p->eta_minus,    &p->eta_plus, &p->momentum_decay, &p->step_min, &p->step_max,
        &p->lambd,        &p->t0,
    };
    for (int i = 0; i < 6; i++)
        set_real(numbers[below(sizeof(numbers) / sizeof(*numbers))]);
    p->amsgrad = chance(20);
    p->centered = chance(20);
}

static void set_schedule(clg_schedule_params *p)
{
    static const int64_t milestones[] = {1, 2, 9};

    *p = clg_schedule_defaults();
    p->warmup = chance(70) ? below(3) : number();
    p->step_size = p->T_max = p->T_0 = chance(70) ? 1 + below(5) : number();
    p->total_steps = chance(70) ? 1 + below(5) : number();
    p->max_lr = (double)real();
    p->gamma = chance(70) ? 0.5 : (double)real();
    p->milestones = milestones;
    p->milestone_count = below(4);
}

static void set_csv(clg_csv_params *p)
{
    *p = clg_csv_defaults();
    p->path = chance(90) ? world.paths[5] : word("name");
    p->target = chance(60) ? word("name") : NULL;
    p->drop = chance(30) ? some_texts() : NULL;
    p->classes = chance(30);
    p->log_target = chance(30);
    p->missing = (clg_missing)below(3);
    p->like = chance(40) ? pick(DATASET) : NULL;
}

static void set_split(clg_split_params *p)
{
    *p = clg_split_defaults();
    p->count = chance(50) ? number() : 0;
    p->folds = chance(50) ? below(5) : number();
    p->fold = chance(80) ? below(4) : number();
    p->stratify = chance(50);
}

static void set_device(clg_device_params *p)
{
    *p = clg_device_defaults();
    p->form = (clg_form)(chance(90) ? below(3) : number());
    p->gemm = (clg_gemm_choice)(chance(90) ? below(2) : number());
    p->local_size = chance(80) ? 0 : (uint32_t)number();
    p->profiling = chance(20);
}

static void set_recurrent(clg_recurrent_params *p)
{
    *p = clg_recurrent_defaults();
    p->h0 = maybe_tensor();
    p->c0 = maybe_tensor();
    p->lengths = maybe_tensor();
    p->reverse = chance(30);
}

static void set_norm_layer(clg_norm_layer_params *p)
{
    *p = clg_norm_layer_defaults();
    p->affine = chance(70);
    p->running = chance(70);
    set_real(&p->eps);
}

static void set_pool(clg_pool_params *p)
{
    *p = clg_pool_defaults();
    pair(p->stride);
    pair(p->padding);
    pair(p->dilation);
}

static void set_folds(clg_folds_params *p)
{
    *p = clg_folds_defaults();
    p->folds = chance(70) ? 2 : number();
    p->train.stop = stop_soon;
    p->train.out = world.paths[4];
}

/* Options of the type, or NULL for those this does not know. */
static void *options(const char *type)
{
#define IS(name) api_is(type, "clg_" #name " *")
    memset(&args.params, 0, sizeof(args.params));
    if (IS(ctx_params)) {
        args.params.ctx = clg_ctx_defaults();
    } else if (IS(device_params)) {
        set_device(&args.params.device);
    } else if (IS(dataset_params)) {
        set_dataset(&args.params.dataset);
    } else if (IS(csv_params)) {
        set_csv(&args.params.csv);
    } else if (IS(split_params)) {
        set_split(&args.params.split);
    } else if (IS(plan_params)) {
        args.params.plan = clg_plan_defaults();
        args.params.plan.fuse = chance(50);
        args.params.plan.outputs = chance(50) ? some_texts() : NULL;
    } else if (IS(feed_params)) {
        args.params.feed = clg_feed_defaults();
        args.params.feed.index = chance(50) ? pick(ARRAY) : NULL;
        set_real(&args.params.feed.mean);
        set_real(&args.params.feed.std);
    } else if (IS(optimizer_params)) {
        set_optimizer(&args.params.optimizer);
    } else if (IS(optimizer_group)) {
        args.params.group = (clg_optimizer_group){chance(90) ? word("name") : NULL, real(), real()};
    } else if (IS(schedule_params)) {
        set_schedule(&args.params.schedule);
    } else if (IS(schedule_state)) {
        args.params.schedule_state = (clg_schedule_state){chance(80) ? below(9) : number(), (double)real(),
                                                          (double)real(), number(), number()};
    } else if (IS(linear_params)) {
        args.params.linear = clg_linear_defaults();
        args.params.linear.weight_init = some_init();
    } else if (IS(conv_params)) {
        args.params.conv = clg_conv_defaults();
        conv_numbers(&args.params.conv);
    } else if (IS(conv_layer_params)) {
        args.params.conv_layer = clg_conv_layer_defaults();
        conv_numbers(&args.params.conv_layer.conv);
        args.params.conv_layer.weight_init = some_init();
    } else if (IS(pool_params)) {
        set_pool(&args.params.pool);
    } else if (IS(loss_params)) {
        set_loss(&args.params.loss);
    } else if (IS(norm_params)) {
        set_norm(&args.params.norm);
    } else if (IS(norm_layer_params)) {
        set_norm_layer(&args.params.norm_layer);
    } else if (IS(prelu_layer_params)) {
        args.params.prelu = clg_prelu_layer_defaults();
        args.params.prelu.count = chance(50) ? 3 : number();
    } else if (IS(embedding_params)) {
        args.params.embedding = clg_embedding_defaults();
        args.params.embedding.padding_idx = chance(50) ? -1 : number();
        args.params.embedding.weight_init = some_init();
    } else if (IS(attention_params)) {
        set_attention(&args.params.attention);
    } else if (IS(attention_layer_params)) {
        args.params.attention_layer = clg_attention_layer_defaults();
        set_attention(&args.params.attention_layer.attention);
        args.params.attention_layer.rotary = chance(30);
    } else if (IS(recurrent_params)) {
        set_recurrent(&args.params.recurrent);
    } else if (IS(recurrent_layer_params)) {
        set_recurrent_layer(&args.params.recurrent_layer);
    } else if (IS(fit_params)) {
        args.params.fit = clg_fit_defaults();
        fit_numbers(&args.params.fit);
        args.params.fit.validation = chance(30) ? pick(DATASET) : NULL;
    } else if (IS(train_params)) {
        args.params.train = clg_train_defaults();
        args.params.train.stop = stop_soon;
        args.params.train.out = world.paths[4];
    } else if (IS(folds_params)) {
        set_folds(&args.params.folds);
    } else if (IS(load_params)) {
        args.params.load = clg_load_defaults();
        args.params.load.values = chance(80);
        args.params.load.states = chance(50);
    } else if (IS(save_params)) {
        args.params.save = clg_save_defaults();
        args.params.save.states = chance(50);
    } else if (IS(metric_sum)) {
        args.params.metric = (clg_metric_sum){real(), real(), below(9)};
    } else if (IS(recipe_params)) {
        args.params.recipe.data_dir = world.folder;
    } else if (IS(device_info)) {
        const clg_device_info *info = clg_device_get_info(pick(DEVICE));
        args.params.info = info ? *info : args.params.info;
        return info ? &args.params.info : NULL;
    } else {
        return NULL;
    }
    return &args.params;
#undef IS
}

/* ---- arguments ---- */

static int row(void *user, int64_t index, const float *values, size_t count)
{
    (void)user;
    (void)index;
    (void)values;
    return count == 0 || chance(5);
}

static bool is_handle(const char *type, enum what *what)
{
    for (*what = CTX; *what < KINDS; (*what)++)
        if (api_is(type, kinds[*what].type))
            return true;
    return false;
}

/* The pointer to a pointer that a destroy function takes; what holds much is seldom destroyed. */
static void *to_destroy(const char *type)
{
    enum what what = CTX;
    while (what < KINDS && (strncmp(type, kinds[what].type, strlen(kinds[what].type)) != 0 ||
                            strcmp(type + strlen(kinds[what].type), "*") != 0))
        what++;
    if (what == KINDS)
        return NULL;
    args.handle = chance(what <= STORE ? 5 : 60) ? pick(what) : NULL;
    if (args.handle)
        forget(args.handle);
    return &args.handle;
}

static void *memory(void)
{
    for (size_t i = 0; i < 64; i++)
        memcpy(args.block + 4 * i, chance(50) ? (void *)&(float){real()} : (void *)&(int32_t){3}, 4);
    return args.block;
}

static void *pointer(const struct api_function *f, const struct api_parameter *p)
{
    enum what what;
    void *made;
    if (chance(api_is_optional(f, p) ? 30 : 3))
        return NULL;
    if (is_handle(p->type, &what))
        return pick(what);
    if (strstr(f->name, "_destroy"))
        return to_destroy(p->type);
    if (api_is(p->type, "char *"))
        return (void *)word(p->name);
    if (api_is(p->type, "clg_init *"))
        return (void *)some_init();
    if (api_is(p->type, "clg_model *"))
        return f->parameters[0].name == p->name ? &world.model : &args.model;
    if (!strncmp(p->type, "cl_", 3))
        return NULL; /* the application's own objects: tests/unit/wrap.c */
    if (!strcmp(p->type, "const char *const *"))
        return (void *)some_texts();
    if (api_is(p->type, "int32_t *"))
        return args.axes;
    if (api_is(p->type, "int64_t *"))
        return args.dims;
    if (api_is(p->type, "clg_tensor *"))
        return args.tensors;
    if (api_is(p->type, "clg_recurrent_weights *"))
        return &args.weights;
    made = options(p->type);
    cr_assert(made || !strstr(p->type, "_params *"), "%s: nothing makes '%s'", f->name, p->type);
    return made ? made : memory();
}

static union api_value argument(const struct api_function *f, const struct api_parameter *p)
{
    union api_value v;
    memset(&v, 0, sizeof(v));
    switch (p->kind) {
    case API_TENSOR:
        v.tensor = pick_tensor();
        break;
    case API_SHAPE:
        v.shape = some_shape();
        break;
    case API_I32:
        v.i32 = (int32_t)number();
        break;
    case API_I64:
        v.i64 = number();
        break;
    case API_U64:
        v.u64 = (uint64_t)number();
        break;
    case API_SIZE:
        v.size = chance(80) ? 4u << below(8) : (size_t)number();
        break;
    case API_F32:
        v.f32 = real();
        break;
    case API_BOOL:
        v.flag = chance(50);
        break;
    case API_CALLBACK:
        v.row = chance(95) ? row : NULL;
        break;
    default:
        v.pointer = pointer(f, p);
    }
    return v;
}

static void draw_lists(void)
{
    for (size_t i = 0; i < 4; i++)
        args.tensors[i] = pick_tensor();
    for (int i = 0; i < CLG_MAX_RANK; i++)
        args.axes[i] = chance(90) ? (int32_t)below(4) : (int32_t)number();
    for (int i = 0; i < CLG_MAX_RANK; i++)
        args.dims[i] = dimension();
    args.weights = (clg_recurrent_weights){pick_tensor(), pick_tensor(), maybe_tensor(),
                                           maybe_tensor()};
    args.model = (clg_model){0};
    args.steps = 0;
}

/* ---- what must stand beside a pointer ---- */

static bool is(const struct api_function *f, const char *name)
{
    return !strcmp(f->name, name);
}

static bool fits(double values)
{
    return values >= 0 && values * 4 <= BLOCK;
}

/* Blocks are as large as shapes, rows and columns say. Counts may be hostile where the function can see
 * that no block is so large. */
static void keep_right(const struct api_function *f, union api_value *in)
{
    if (is(f, "clg_constant")) {
        double values = 1;
        for (int i = 0; i < CLG_MAX_RANK; i++)
            values *= i < in[2].shape.rank ? (double)in[2].shape.dim[i] : 1;
        if (!fits(values))
            in[3].pointer = NULL;
    } else if (is(f, "clg_array_create")) {
        if (!fits((double)in[2].i64 * (double)in[3].i64))
            in[4].pointer = NULL;
    } else if (is(f, "clg_grad")) {
        in[2].size = chance(90) ? below(4) : SIZE_MAX - below(2);
    } else if (is(f, "clg_minimize_gradients")) {
        in[3].size = chance(90) ? below(4) : SIZE_MAX - below(2);
    } else if (is(f, "clg_split")) {
        in[2].size = chance(90) ? below(5) : SIZE_MAX - below(2);
    } else if (is(f, "clg_concat") || is(f, "clg_stack")) {
        in[1].size = chance(90) ? below(4) : SIZE_MAX - below(2);
    } else if (f->parameters[0].kind == API_TENSOR && f->parameters[1].kind == API_POINTER &&
               !strcmp(f->parameters[1].name, "axes")) {
        in[2].size = chance(90) ? below(4) : SIZE_MAX;
    } else if (is(f, "clg_dataset_view")) {
        in[2].i64 = chance(90) ? below(CLG_MAX_RANK + 1) : INT64_MAX - below(2);
    } else if (is(f, "clg_plan_step_events")) {
        in[1].i32 = (int32_t)below(2);
    }
}

/* Not called: what takes the process with it, or works for minutes by what it is. */
static bool is_left_out(const struct api_function *f, const union api_value *in)
{
    if (is(f, "clg_device_list"))
        return !chance(10);
    if (is(f, "clg_sinusoidal_positions")) /* computes what it is asked for */
        return in[1].i64 > 1000 && in[2].i64 > 1000;
    if (is(f, "clg_train") || is(f, "clg_train_folds") || is(f, "clg_device_why") || is(f, "clg_recipe_reference"))
        return !chance(20);
    return false;
}

/* ---- a call ---- */

static void trace(const struct api_function *f, const union api_value *in)
{
    fprintf(stderr, "%u: %s(", draws, f->name);
    for (size_t i = 0; f->parameters[i].kind != API_END; i++) {
        const struct api_parameter *p = &f->parameters[i];
        if (p->kind == API_POINTER && api_is(p->type, "char *") && in[i].pointer)
            fprintf(stderr, " %s='%.40s'", p->name, (const char *)in[i].pointer);
        else if (p->kind == API_POINTER)
            fprintf(stderr, " %s=%p", p->name, in[i].pointer);
        else if (p->kind == API_TENSOR)
            fprintf(stderr, " %s=%p.%d.%d", p->name, (void *)in[i].tensor.graph, in[i].tensor.node,
                    in[i].tensor.output);
        else if (p->kind == API_SHAPE)
            fprintf(stderr, " %s=rank %d (%lld, ...)", p->name, in[i].shape.rank,
                    (long long)in[i].shape.dim[0]);
        else if (p->kind == API_F32)
            fprintf(stderr, " %s=%g", p->name, (double)in[i].f32);
        else
            fprintf(stderr, " %s=%lld", p->name, (long long)in[i].i64);
    }
    fprintf(stderr, ")\n");
}

static void keep_result(const struct api_function *f, const union api_value *out)
{
    enum what what;
    if (f->result == API_TENSOR)
        add_tensor(out->tensor);
    if (f->result == API_POINTER && is_handle(f->type, &what) && strncmp(f->type, "const", 5) != 0)
        add_thing(what, out->pointer);
    if (args.model.store) {
        add_thing(STORE, args.model.store);
        add_thing(GRAPH, args.model.graph);
        world.model = args.model;
    }
}

static void call(const struct api_function *f)
{
    union api_value in[API_MOST_PARAMETERS], out;
    memset(&out, 0, sizeof(out));
    draw_lists();
    for (size_t i = 0; f->parameters[i].kind != API_END; i++)
        in[i] = argument(f, &f->parameters[i]);
    keep_right(f, in);
    if (is_left_out(f, in))
        return;
    if (getenv("CLG_FUZZ_TRACE"))
        trace(f, in);
    f->call(in, &out);
    cr_assert(f->result != API_STATUS || (out.status >= CLG_OK && out.status < CLG_STATUS_COUNT),
              "%s gave status %d", f->name, (int)out.status);
    cr_assert(!strstr(f->name, "_destroy") || !args.handle, "%s left its pointer", f->name);
    keep_result(f, &out);
}

/* Half of all calls are of functions that are no op. */
static const struct api_function *choose(void)
{
    const struct api_function *f = &api_functions[below((uint32_t)api_function_count)];
    bool other = chance(50);
    while (other && f->result == API_TENSOR)
        f = &api_functions[below((uint32_t)api_function_count)];
    return f;
}

/* ---- episodes ---- */

static void write_file(size_t path, const char *name, const void *data, size_t size)
{
    snprintf(world.paths[path], sizeof(world.paths[path]), "%s/%s", world.folder, name);
    FILE *file = data ? fopen(world.paths[path], "wb") : NULL;
    cr_assert(!data || (file && fwrite(data, 1, size, file) == size && fclose(file) == 0));
}

static void make_files(void)
{
    static const char recipe[] =
        "data: {train: {images: samples, labels: labels}, batch: 2}\n"
        "model: [{linear: {out: 3}}]\nloss: cross_entropy\noptimizer: sgd\n"
          "train: {epochs: 1}\n";
    static const unsigned char samples[] = {0, 0, 8, 2, 0, 0, 0, 4, 0, 0, 0, 3, 1, 2,
                                            3, 4, 5, 6, 7, 8, 9, 1, 2, 3};
    static const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 2, 0};
    write_file(0, "samples", samples, sizeof(samples));
    write_file(1, "labels", labels, sizeof(labels));
    write_file(2, "recipe.yaml", recipe, sizeof(recipe) - 1);
    write_file(3, "weights.safetensors", NULL, 0);
    write_file(4, "run", NULL, 0);
    write_file(5, "table.csv", "x,y\n1,a\n,b\n3,a\n", 15);
}

static void make_objects(void)
{
    for (int i = 0; i < 2; i++) {
        clg_ctx *ctx = clg_ctx_create(NULL);
        clg_device_params params = clg_device_defaults();
        params.form = (clg_form)below(3);
        params.gemm = CLG_GEMM_NATIVE;
        clg_device *device = test_open_with(ctx, &params);
        clg_store *store = clg_store_create(device, 1);
        add_thing(CTX, ctx);
        add_thing(DEVICE, device);
        add_thing(STORE, store);
        add_thing(OPTIMIZER, clg_sgd_create(store, 0.1f, NULL));
        add_thing(ARRAY, clg_array_create(device, CLG_F32, 4, 3, args.block));
        add_thing(DATASET, clg_dataset_open_idx(ctx, world.paths[0], world.paths[1]));
        add_thing(RECIPE, clg_recipe_read(ctx, world.paths[2], NULL));
    }
}

static void run_episode(int calls)
{
    make_objects();
    for (int i = 0; i < calls; i++) {
        bool usable = world.graph && clg_graph_status(world.graph) == CLG_OK;
        if (world.count > MOST - 20)
            break;
        if (!usable && chance(80))
            new_graph();
        call(choose());
    }
    while (world.count > 0) {
        struct thing thing = world.things[below((uint32_t)world.count)];
        if (thing.what != CTX && chance(50))
            continue;
        struct clg_ctx *ctx = ((struct clg_object *)thing.handle)->ctx;
        forget(ctx);
        clg_ctx_destroy(&ctx);
    }
}

TEST(api, random_calls)
{
    const char *other = getenv("CLG_FUZZ_SEED");
    long calls = damage_rounds(CALLS);
    seed = other ? (uint32_t)strtoul(other, NULL, 10) : SEED;
    fprintf(stderr, "CLG_FUZZ_SEED=%u, %ld calls\n", seed, calls);
    test_folder(world.folder);
    make_files();
    for (long done = 0; done < calls; done += EPISODE)
        run_episode(EPISODE);
    test_remove(world.folder);
}
