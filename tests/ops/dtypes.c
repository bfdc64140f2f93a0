/* What each op does with int32, which clgrad/ops.h says in three groups: read as float32, kept, refused.
 * Every function of the headers that takes a tensor first is in one of them. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include "api/api.h"

enum group { REFUSED, READ, KEPT };

/* The elementwise ops, and those that only move elements; all others refuse int32. */
static const char *const read[] = {
    "add", "sub", "mul", "div", "max", "min", "neg", "square", "sqrt", "exp", "log", "abs", "affine",
    "relu", "leaky_relu", "sigmoid", "tanh", "hard_sigmoid", "pow", "rsqrt", "log1p", "expm1", "sin",
    "cos", "erf", "floor", "round", "detach", "clip", "sign", "eq", "lt", "gt", "le", "ge", "and", "or",
    "not", "where", "hard_tanh", "relu6", "prelu", "elu", "selu", "celu", "log_sigmoid", "gelu",
    "gelu_tanh", "silu", "mish", "softplus", "softplus_with", "softsign", "hard_swish", "glu",
    "tril", "triu",
};
static const char *const kept[] = {
    "slice", "flip", "concat", "stack", "pad", "tile", "unsqueeze", "squeeze", "flatten", "reshape",
    "permute", "transpose", "broadcast",
};

static bool is_in(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(name + strlen("clg_"), list[i]))
            return true;
    return false;
}

static enum group group_of(const char *name)
{
    if (is_in(name, read, sizeof(read) / sizeof(*read)))
        return READ;
    return is_in(name, kept, sizeof(kept) / sizeof(*kept)) ? KEPT : REFUSED;
}

/* All of the call's numbers are 1, its lists the identity; x has some shape of `rank` dimensions. */
static clg_tensor call(const struct api_function *f, clg_graph *graph, int32_t rank)
{
    static const int32_t order[CLG_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    const int64_t dims[4] = {rank == 1 ? 1 : 2, rank == 2 ? 1 : 2, 2, 2};
    union api_value in[API_MOST_PARAMETERS], out;
    clg_tensor x = clg_input(graph, "x", CLG_I32, clg_shape_make(rank, dims));
    const clg_tensor parts[1] = {x};
    memset(in, 0, sizeof(in));
    memset(&out, 0, sizeof(out));
    for (size_t i = 0; f->parameters[i].kind != API_END; i++) {
        const struct api_parameter *p = &f->parameters[i];
        if (p->kind == API_TENSOR)
            in[i].tensor = x;
        else if (p->kind == API_SHAPE)
            in[i].shape = clg_shape_make(rank, dims);
        else if (p->kind == API_F32)
            in[i].f32 = strcmp(p->name, "high") ? 1 : 2;
        else if (p->kind == API_I32 && strstr(p->type, "int32_t"))
            in[i].i32 = strcmp(p->name, "axis") ? 1 : 0;
        else if (p->kind == API_I64)
            in[i].i64 = strcmp(p->name, "begin") ? 1 : 0;
        else if (p->kind == API_POINTER && api_is(p->type, "int32_t *"))
            in[i].pointer = (void *)order;
        else if (p->kind == API_POINTER && !strcmp(p->name, "parts"))
            in[i].pointer = (void *)parts;
        else if (p->kind == API_SIZE && !strcmp(f->parameters[0].name, "parts"))
            in[i].size = 1;
    }
    f->call(in, &out);
    return out.tensor;
}

static void check(clg_store *store, const struct api_function *f)
{
    enum group want = group_of(f->name);
    bool accepted = false;
    for (int32_t rank = 1; rank <= 4; rank++) {
        clg_graph *graph = clg_graph_create(store);
        clg_tensor y = call(f, graph, rank);
        clg_dtype type = clg_tensor_dtype(y);
        accepted |= clg_tensor_valid(y);
        if (clg_tensor_valid(y))
            cr_expect(want != REFUSED && type == (want == READ ? CLG_F32 : CLG_I32),
                      "%s takes int32 and gives type %d", f->name, (int)type);
        clg_graph_destroy(&graph);
    }
    cr_expect(want == REFUSED || accepted, "%s refuses int32", f->name);
}

/* Indices and labels are int32 by their nature, whatever stands first. */
static bool takes_indices(const struct api_function *f)
{
    static const char *const names[] = {"one_hot", "embedding", "cast", "output", "metric"};
    return is_in(f->name, names, sizeof(names) / sizeof(*names));
}

TEST(dtypes, int32)
{
    clg_ctx *ctx = clg_ctx_create(NULL);
    clg_store *store = clg_store_create(test_open(ctx, CLG_FORM_AUTO), 1);
    for (size_t i = 0; i < api_function_count; i++) {
        const struct api_function *f = &api_functions[i];
        const struct api_parameter *p = f->parameters;
        bool first = p->kind == API_TENSOR || (p->kind == API_POINTER && !strcmp(p->name, "parts"));
        if (f->result == API_TENSOR && first && !strstr(f->name, "_layer") && !takes_indices(f) &&
            strcmp(f->name, "clg_linear") != 0)
            check(store, f);
    }
    clg_ctx_destroy(&ctx);
}
