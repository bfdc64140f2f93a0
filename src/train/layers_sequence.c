/* Layers of sequences (steps, numbers) in recipes: names and keys of PyTorch's modules. */
#include "train/layers.h"

#include <string.h>

struct recurrent {
    int64_t in, out, num_layers;
    double dropout;
    bool bias, bidirectional, last;
    const char *nonlinearity;
};
#define RECURRENT_KEYS                                                                             \
    {"out",                                                                                        \
     CLG_KEY_INT,                                                                                  \
     NULL,                                                                                         \
     offsetof(struct recurrent, out),                                                              \
     "outputs of each step and direction",                                                         \
     .required = true,                                                                             \
     .range = CLG_POSITIVE,                                                                        \
     .also = "hidden_size"},                                                                       \
        CLG_INPUT_KEY(struct recurrent, in, "input_size", -1, "numbers of a step"),                \
        {"num_layers",                                                                             \
         CLG_KEY_INT,                                                                              \
         "1",                                                                                      \
         offsetof(struct recurrent, num_layers),                                                   \
         "layers on top of each other",                                                            \
         .range = CLG_POSITIVE},                                                                   \
        {"bias", CLG_KEY_BOOL, "true", offsetof(struct recurrent, bias),                           \
         "whether biases are added"},                                                              \
        {"dropout",                                                                                \
         CLG_KEY_NUMBER,                                                                           \
         "0",                                                                                      \
         offsetof(struct recurrent, dropout),                                                      \
         "of what goes from a layer to the next",                                                  \
         .range = CLG_SHARE},                                                                      \
        {"bidirectional", CLG_KEY_BOOL, "false", offsetof(struct recurrent, bidirectional),        \
         "also from the last step to the first; the outputs of both lie side by side"},            \
    {                                                                                              \
        "last", CLG_KEY_BOOL, "false", offsetof(struct recurrent, last),                           \
            "the output of the last step alone"                                                    \
    }
static const struct clg_key recurrent_keys[] = {RECURRENT_KEYS, {0}};
static const char *const nonlinearities[] = {"tanh", "relu", NULL};
static const struct clg_key rnn_keys[] = {
    RECURRENT_KEYS,
    {"nonlinearity", CLG_KEY_WORD, "tanh", offsetof(struct recurrent, nonlinearity),
     "of the new state", .detail = nonlinearities},
    {0},
};

static clg_recurrent_layer_params params_of(const struct clg_build *build,
                                            const struct recurrent *a)
{
    clg_recurrent_layer_params p = clg_recurrent_layer_defaults();
    p.num_layers = clg_layer_int(a->num_layers);
    p.bias = a->bias;
    p.dropout = (float)a->dropout;
    p.bidirectional = a->bidirectional;
    p.relu = a->nonlinearity && !strcmp(a->nonlinearity, "relu");
    p.weight_init = build->weight_init;
    return p;
}

/* y (N, T, C) as it is, or its last step (N, C). */
static clg_tensor steps_of(clg_tensor y, const struct recurrent *a)
{
    clg_shape shape = clg_tensor_shape(y);
    if (!a->last || !clg_tensor_valid(y))
        return y;
    y = clg_slice(y, 1, shape.dim[1] - 1, shape.dim[1], 1);
    return clg_reshape(y, clg_shape2(shape.dim[0], shape.dim[2]));
}

/* In one direction, the last output is the last state: h_n (1, N, H), without a copy of all
 * outputs. */
static bool takes_state(const struct recurrent *a)
{
    return a->last && !a->bidirectional && a->num_layers == 1;
}

static clg_tensor result_of(clg_tensor y, clg_tensor h_n, const struct recurrent *a)
{
    clg_shape shape = clg_tensor_shape(h_n);
    if (!takes_state(a) || !clg_tensor_valid(y))
        return steps_of(y, a);
    return clg_reshape(h_n, clg_shape2(shape.dim[1], shape.dim[2]));
}

static clg_tensor build_lstm(struct clg_build *build, const char *name, clg_tensor x,
                             const void *args)
{
    clg_recurrent_layer_params p = params_of(build, args);
    clg_tensor h_n = {0}, y = clg_lstm_layer(x, name, ((const struct recurrent *)args)->out, &p,
                                             takes_state(args) ? &h_n : NULL, NULL);
    return result_of(y, h_n, args);
}
const struct clg_kind clg_lstm_layer_kind = {
    .name = "lstm",
    .doc = "long short-term memory over (steps, numbers), step by step",
    .bare = "out",
    .keys = recurrent_keys,
    .size = sizeof(struct recurrent),
    .layer = build_lstm,
};

static clg_tensor build_gru(struct clg_build *build, const char *name, clg_tensor x,
                            const void *args)
{
    clg_recurrent_layer_params p = params_of(build, args);
    clg_tensor h_n = {0}, y = clg_gru_layer(x, name, ((const struct recurrent *)args)->out, &p,
                                            takes_state(args) ? &h_n : NULL);
    return result_of(y, h_n, args);
}
const struct clg_kind clg_gru_layer_kind = {
    .name = "gru",
    .doc = "gated recurrent units over (steps, numbers)",
    .bare = "out",
    .keys = recurrent_keys,
    .size = sizeof(struct recurrent),
    .layer = build_gru,
};

static clg_tensor build_rnn(struct clg_build *build, const char *name, clg_tensor x,
                            const void *args)
{
    clg_recurrent_layer_params p = params_of(build, args);
    clg_tensor h_n = {0}, y = clg_rnn_layer(x, name, ((const struct recurrent *)args)->out, &p,
                                            takes_state(args) ? &h_n : NULL);
    return result_of(y, h_n, args);
}
const struct clg_kind clg_rnn_layer_kind = {
    .name = "rnn",
    .doc = "a plain recurrent layer over (steps, numbers)",
    .bare = "out",
    .keys = rnn_keys,
    .size = sizeof(struct recurrent),
    .layer = build_rnn,
};

/* ---- embedding ---- */

struct embedding {
    int64_t rows, cols, padding;
};
static const struct clg_key embedding_keys[] = {
    {"num_embeddings", CLG_KEY_INT, NULL, offsetof(struct embedding, rows), "rows of the table",
     .required = true, .range = CLG_POSITIVE},
    {"embedding_dim", CLG_KEY_INT, NULL, offsetof(struct embedding, cols), "numbers of a row",
     .required = true, .range = CLG_POSITIVE},
    {"padding_idx", CLG_KEY_INT, "-1", offsetof(struct embedding, padding),
     "row that begins as 0 and is not trained; -1: none"},
    {0},
};
/* Data sets give numbers: whole ones are indices. */
static clg_tensor build_embedding(struct clg_build *build, const char *name, clg_tensor x,
                                  const void *args)
{
    const struct embedding *a = args;
    clg_embedding_params p = clg_embedding_defaults();
    p.padding_idx = a->padding;
    p.weight_init = build->weight_init;
    if (clg_tensor_dtype(x) == CLG_F32)
        x = clg_cast(x, CLG_I32);
    return clg_embedding(x, name, a->rows, a->cols, &p);
}
const struct clg_kind clg_embedding_layer_kind = {
    .name = "embedding",
    .doc = "rows of a table by the numbers of the input, whose fractions are cut off",
    .keys = embedding_keys,
    .size = sizeof(struct embedding),
    .layer = build_embedding,
};

/* ---- attention ---- */

struct attention {
    int64_t heads, width;
    double dropout;
    bool bias, causal, rotary;
};
static const struct clg_key attention_keys[] = {
    {"num_heads", CLG_KEY_INT, NULL, offsetof(struct attention, heads),
     "heads that share the numbers of a step", .required = true, .range = CLG_POSITIVE},
    CLG_INPUT_KEY(struct attention, width, "embed_dim", -1, "numbers of a step"),
    {"dropout", CLG_KEY_NUMBER, "0", offsetof(struct attention, dropout), "of the weights",
     .range = CLG_SHARE},
    {"bias", CLG_KEY_BOOL, "true", offsetof(struct attention, bias), "whether biases are added"},
    {"causal", CLG_KEY_BOOL, "false", offsetof(struct attention, causal),
     "a step sees those before it and itself alone"},
    {"rotary", CLG_KEY_BOOL, "false", offsetof(struct attention, rotary),
     "turns queries and keys by their positions"},
    {0},
};
static clg_tensor build_attention(struct clg_build *build, const char *name, clg_tensor x,
                                  const void *args)
{
    const struct attention *a = args;
    clg_attention_layer_params p = clg_attention_layer_defaults();
    p.attention.dropout = (float)a->dropout;
    p.attention.causal = a->causal;
    p.bias = a->bias;
    p.rotary = a->rotary;
    p.weight_init = build->weight_init;
    return clg_attention_layer(x, x, x, name, a->heads, &p);
}
const struct clg_kind clg_multiheadattention_layer_kind = {
    .name = "multiheadattention",
    .doc = "self-attention over (steps, numbers)",
    .bare = "num_heads",
    .keys = attention_keys,
    .size = sizeof(struct attention),
    .layer = build_attention,
};

/* ---- positions ---- */

static clg_tensor build_sinusoidalpositions(struct clg_build *build, const char *name, clg_tensor x,
                                            const void *args)
{
    clg_shape shape = clg_tensor_shape(x);

    (void)name, (void)args;
    if (shape.rank != 3)
        return clg_layer_refuse(build,
                                "sinusoidalpositions: the input has %d dimensions, but must be "
                                "(batch, steps, numbers)",
                                (int)shape.rank);
    return clg_add(x, clg_sinusoidal_positions(x.graph, shape.dim[1], shape.dim[2]));
}
const struct clg_kind clg_sinusoidalpositions_layer_kind = {
    .name = "sinusoidalpositions",
    .doc = "adds sines and cosines of each step's position to (steps, numbers)",
    .layer = build_sinusoidalpositions,
};
