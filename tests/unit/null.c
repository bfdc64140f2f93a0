/* Every public function with each of its pointers NULL, and each of its tensors invalid: it is refused,
 * and where another argument leads to the context, by a sentence that names function and argument. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <clgrad/train.h>
#include "api/api.h"
#include "base/context.h"

static const clg_tensor invalid = {NULL, -1, 0};

/* An object of every kind; the graph is a new one for each call, because its failures stick. */
struct world {
    clg_ctx *ctx;
    clg_device *device;
    clg_store *store;
    clg_graph *graph;
    clg_plan *plan;
    clg_optimizer *optimizer;
    clg_schedule *schedule;
    clg_array *array;
    clg_dataset *dataset;
    clg_recipe *recipe;
    clg_model model;
    clg_tensor x, loss;
    char folder[256];
};

static void new_graph(struct world *w)
{
    clg_graph_destroy(&w->graph);
    w->graph = clg_graph_create(w->store);
    w->x = clg_input(w->graph, "x", CLG_F32, clg_shape3(3, 4, 4));
    w->loss = clg_mean(w->x, NULL, 0, false);
    w->model = (clg_model){.device = w->device, .store = w->store, .graph = w->graph};
}

static void read_recipe(struct world *w)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/recipe.yaml", w->folder);
    FILE *file = fopen(path, "w");
    fputs("data: {train: {images: a, labels: b}, shape: [1], batch: 2}\n"
          "model: [{linear: {out: 2}}]\nloss: cross_entropy\noptimizer: sgd\n"
          "train: {epochs: 1}\n",
          file);
    fclose(file);
    w->recipe = clg_recipe_read(w->ctx, path, NULL);
    cr_assert_not_null(w->recipe, "%s", clg_error(w->ctx));
}

static void make_world(struct world *w)
{
    const float sample = 0;
    clg_dataset_params params = clg_dataset_defaults();
    *w = (struct world){.ctx = test_context()};
    params.samples = &sample;
    params.count = 1;
    w->device = test_open(w->ctx, CLG_FORM_AUTO);
    w->store = clg_store_create(w->device, 1);
    w->optimizer = clg_sgd_create(w->store, 0.1f, NULL);
    w->schedule = clg_schedule_create(w->optimizer, "exponential", NULL);
    w->array = clg_array_create(w->device, CLG_F32, 1, 1, NULL);
    w->dataset = clg_dataset_create(w->ctx, &params);
    clg_graph *graph = clg_graph_create(w->store);
    clg_output(clg_fill(graph, clg_shape0(), 1), "y");
    w->plan = clg_compile(graph, 1, CLG_INFER, NULL);
    cr_assert(w->schedule && w->array && w->dataset && w->plan, "%s", clg_error(w->ctx));
    test_folder(w->folder);
    read_recipe(w);
}

/* ---- arguments ---- */

/* What a handle's type stands for in this world; NULL: the type is none of a handle. */
static void *handle(struct world *w, const char *type)
{
    const struct {
        const char *type;
        void *value;
    } all[] = {
        {"clg_ctx *", w->ctx},           {"clg_device *", w->device},
        {"clg_store *", w->store},       {"clg_graph *", w->graph},
        {"clg_plan *", w->plan},         {"clg_optimizer *", w->optimizer},
        {"clg_schedule *", w->schedule}, {"clg_array *", w->array},       {"clg_dataset *", w->dataset},
        {"clg_recipe *", w->recipe},     {"clg_model *", &w->model},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (api_is(type, all[i].type))
            return all[i].value;
    return NULL;
}

static int row(void *user, int64_t index, const float *values, size_t count)
{
    (void)user;
    (void)index;
    (void)values;
    (void)count;
    return 0;
}

/* Something that is not NULL; none of these calls looks at what is behind it. */
static union api_value argument(struct world *w, const struct api_parameter *p)
{
    static max_align_t zeros[32];
    static char text[] = "name";
    union api_value value;
    memset(&value, 0, sizeof(value));
    if (p->kind == API_TENSOR)
        value.tensor = strcmp(p->name, "loss") ? w->x : w->loss;
    else if (p->kind == API_POINTER)
        value.pointer = handle(w, p->type)            ? handle(w, p->type)
                        : api_is(p->type, "char *") ? text
                                                    : (void *)zeros;
    else if (p->kind == API_CALLBACK)
        value.row = row;
    else if (p->kind == API_SIZE)
        value.size = 1;
    else if (p->kind == API_I32)
        value.i32 = 1;
    else if (p->kind == API_I64)
        value.i64 = 1;
    return value;
}

static bool leads_to_context(struct world *w, const struct api_parameter *p)
{
    return p->kind == API_TENSOR || (p->kind == API_POINTER && handle(w, p->type));
}

/* ---- the verdict ---- */

static bool is_refused(const struct api_function *f, const union api_value *out)
{
    switch (f->result) {
    case API_STATUS:
        return out->status == CLG_ERR_ARGUMENT;
    case API_POINTER:
        return !out->pointer;
    case API_TENSOR:
        return !clg_tensor_valid(out->tensor);
    default:
        return true; /* it came back */
    }
}

/* "clg_plan_write", or "lstm" for clg_lstm_layer. */
static bool names_function(const char *sentence, const char *name)
{
    char stem[64];
    snprintf(stem, sizeof(stem), "%s", name + strlen("clg_"));
    char *layer = strstr(stem, "_layer");
    if (layer && !layer[strlen("_layer")])
        *layer = '\0';
    return strstr(sentence, stem);
}

static int complain(const struct api_function *f, const struct api_parameter *p, const char *what,
                    const char *sentence)
{
    fprintf(stderr, "%s without %s: %s%s\n", f->name, p->name, what, sentence);
    return 1;
}

static int check(struct world *w, const struct api_function *f, const struct api_parameter *p,
                 bool told, const union api_value *out)
{
    const char *sentence = clg_error(w->ctx);
    bool fresh = strcmp(sentence, "before");
    bool has_failure = f->result == API_STATUS || f->result == API_POINTER || f->result == API_TENSOR;
    if (!is_refused(f, out))
        return complain(f, p, "was not refused", "");
    if (!has_failure || (told && fresh && p->kind == API_TENSOR))
        return 0;
    if (told && !fresh)
        return complain(f, p, "left no sentence", "");
    if (!told && fresh)
        return complain(f, p, "nothing leads to the context, yet it has: ", sentence);
    if (told && (!strstr(sentence, p->name) || !names_function(sentence, f->name)))
        return complain(f, p, "does not name function and argument: ", sentence);
    return 0;
}

/* Calls f without its argument number `missing`; gives the number of faults. */
static int try_without(struct world *w, const struct api_function *f, size_t missing)
{
    const struct api_parameter *p = f->parameters;
    union api_value in[API_MOST_PARAMETERS], out;
    bool told = false;
    new_graph(w);
    for (size_t i = 0; p[i].kind != API_END; i++) {
        in[i] = argument(w, &p[i]);
        told |= i != missing && leads_to_context(w, &p[i]);
    }
    if (p[missing].kind == API_TENSOR)
        in[missing].tensor = invalid;
    else if (p[missing].kind == API_CALLBACK)
        in[missing].row = NULL;
    else
        in[missing].pointer = NULL;
    memset(&out, 0, sizeof(out));
    clg_fail(w->ctx, CLG_ERR_ARGUMENT, "before");
    f->call(in, &out);
    return check(w, f, &p[missing], told, &out);
}

static bool can_be_missing(const struct api_function *f, const struct api_parameter *p)
{
    bool pointer = p->kind == API_POINTER || p->kind == API_CALLBACK;
    return p->kind == API_TENSOR || (pointer && !api_is_optional(f, p));
}

TEST(null, every_argument_of_every_function)
{
    struct world w;
    int faults = 0, calls = 0;
    make_world(&w);
    for (size_t i = 0; i < api_function_count; i++) {
        const struct api_function *f = &api_functions[i];
        for (size_t k = 0; f->parameters[k].kind != API_END; k++) {
            cr_assert_lt(k, API_MOST_PARAMETERS);
            if (!can_be_missing(f, &f->parameters[k]))
                continue;
            faults += try_without(&w, f, k);
            calls++;
        }
    }
    cr_expect_eq(faults, 0, "%d of %d calls, see above", faults, calls);
    clg_ctx_destroy(&w.ctx);
    test_remove(w.folder);
}

TEST(null, nothing_to_destroy)
{
    for (size_t i = 0; i < api_function_count; i++) {
        const struct api_function *f = &api_functions[i];
        void *nothing = NULL;
        union api_value out;
        if (!strstr(f->name, "_destroy"))
            continue;
        f->call(&(union api_value){.pointer = NULL}, &out);
        f->call(&(union api_value){.pointer = &nothing}, &out);
        cr_expect_null(nothing);
    }
}

/* ---- pointers in structures ---- */

TEST(null, fields_that_must_be_given)
{
    struct world w;
    clg_dataset_params data = clg_dataset_defaults();
    clg_feed_params feed = clg_feed_defaults();
    clg_score score;
    make_world(&w);
    new_graph(&w);
    data.count = 1;
    cr_expect_null(clg_dataset_create(w.ctx, &data));
    test_refused(w.ctx, CLG_ERR_ARGUMENT, "samples", clg_error_status(w.ctx));
    test_refused(w.ctx, CLG_ERR_ARGUMENT, "pattern",
                 clg_optimizer_add_group(w.optimizer, &(clg_optimizer_group){.lr = 0.1f}));
    for (int i = 0; i < 3; i++) {
        clg_model model = w.model;
        *(void **[]){(void **)&model.device, (void **)&model.store, (void **)&model.graph}[i] = NULL;
        test_refused(w.ctx, CLG_ERR_ARGUMENT, "the model needs",
                     clg_evaluate(&model, w.dataset, NULL, &score));
    }
    test_refused(w.ctx, CLG_ERR_ARGUMENT, "no input", clg_plan_feed(w.plan, "x", w.array, &feed));
    clg_parameter(w.graph, "w", clg_shape1(2), &(clg_init){.scheme = CLG_INIT_CALLBACK});
    test_refused(w.ctx, CLG_ERR_ARGUMENT, "fill", clg_graph_status(w.graph));
    clg_ctx_destroy(&w.ctx);
    test_remove(w.folder);
}
