/* clgrad/nn.h: layers: functions from tensor to tensor that make named parameters. One of your own is a
 * function that calls ops, layers and clg_parameter(): examples/custom-layer.c. */
#ifndef CLGRAD_NN_H
#define CLGRAD_NN_H

#include <clgrad/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Lets one more layer called NAME use the parameters of the layer that has this name in the graph: weight
 * tying. Each call counts for one layer, and several may stand before the layers they are for; without
 * one a name used twice is an error, as is another shape. NULL takes back those that are not used yet.
 * CLG_ERR_ARGUMENT when the graph has no such layer. */
CLG_API clg_status clg_layer_share(clg_graph *graph, const char *name);

typedef struct clg_linear_params {
    bool bias;                   /* default true */
    const clg_init *weight_init; /* default NULL: U(-s, s), s = 1 / sqrt(in), as PyTorch */
    const clg_init *bias_init;   /* default NULL: as the weight's default; zeros when weight_init is given */
} clg_linear_params;
CLG_API clg_linear_params clg_linear_defaults(void);

/* y = x W^T + b: x (..., in) gives (..., out). Parameters NAME.weight (out, in) and NAME.bias (out). A
 * name used twice in a graph is an error, but see clg_layer_share(). */
CLG_API clg_tensor clg_linear(clg_tensor x, const char *name, int64_t out,
                              const clg_linear_params *params);

typedef struct clg_conv_layer_params {
    clg_conv_params conv;        /* defaults of clg_conv_defaults() */
    bool bias;                   /* default true */
    const clg_init *weight_init; /* default NULL: U(-s, s), s = 1 / sqrt(C / groups * kh * kw) */
    const clg_init *bias_init;   /* default NULL: as the weight's default; zeros when weight_init is given */
} clg_conv_layer_params;
CLG_API clg_conv_layer_params clg_conv_layer_defaults(void);

/* clg_conv2d with parameters NAME.weight (out, C / groups, kh, kw) and NAME.bias (out): x (N, C, H, W)
 * gives (N, out, OH, OW). */
CLG_API clg_tensor clg_conv2d_layer(clg_tensor x, const char *name, int64_t out, int64_t kh, int64_t kw,
                                    const clg_conv_layer_params *params);

/* clg_conv1d with parameters NAME.weight (out, C / groups, kernel) and NAME.bias (out): x (N, C, L) gives
 * (N, out, OL). */
CLG_API clg_tensor clg_conv1d_layer(clg_tensor x, const char *name, int64_t out, int64_t kernel,
                                    const clg_conv_layer_params *params);
/* clg_conv_transpose2d with parameters NAME.weight (C, out / groups, kh, kw) and NAME.bias (out): x
 * (N, C, H, W) gives (N, out, OH, OW). Default of weight and bias: U(-s, s), s = 1 / sqrt(out / groups *
 * kh * kw), as PyTorch. */
CLG_API clg_tensor clg_conv_transpose2d_layer(clg_tensor x, const char *name, int64_t out, int64_t kh,
                                              int64_t kw, const clg_conv_layer_params *params);

typedef struct clg_prelu_layer_params {
    int64_t count; /* slopes: 1, or as many as channels (dimension 1); default 1 */
    float init;    /* their first value, default 0.25 */
} clg_prelu_layer_params;
CLG_API clg_prelu_layer_params clg_prelu_layer_defaults(void);

/* clg_prelu with the parameter NAME.weight (count). */
CLG_API clg_tensor clg_prelu_layer(clg_tensor x, const char *name,
                                   const clg_prelu_layer_params *params);

typedef struct clg_norm_layer_params {
    float eps;      /* default 1e-5 */
    float momentum; /* of batch norm, default 0.1 */
    bool affine;    /* default true: NAME.weight, ones, and NAME.bias, zeros */
    bool running;   /* of batch norm, default true: NAME.running_mean, zeros, and NAME.running_var, ones */
} clg_norm_layer_params;
CLG_API clg_norm_layer_params clg_norm_layer_defaults(void);

/* The normalisations of clgrad/ops.h with parameters NAME.weight and NAME.bias: (C) for batch, group and
 * instance norm, the shape of the last `dims` dimensions for layer norm and RMS norm, which has no bias.
 * PyTorch's instance norm is without parameters by default (affine false), and the eps of its RMS norm
 * is FLT_EPSILON. */
CLG_API clg_tensor clg_batch_norm_layer(clg_tensor x, const char *name,
                                        const clg_norm_layer_params *params);
CLG_API clg_tensor clg_layer_norm_layer(clg_tensor x, const char *name, int32_t dims,
                                        const clg_norm_layer_params *params);
CLG_API clg_tensor clg_rms_norm_layer(clg_tensor x, const char *name, int32_t dims,
                                      const clg_norm_layer_params *params);
CLG_API clg_tensor clg_group_norm_layer(clg_tensor x, const char *name, int32_t groups,
                                        const clg_norm_layer_params *params);
CLG_API clg_tensor clg_instance_norm_layer(clg_tensor x, const char *name,
                                           const clg_norm_layer_params *params);

typedef struct clg_embedding_params {
    int64_t padding_idx;         /* row of the table that begins as 0 and is not trained; default -1: none */
    const clg_init *weight_init; /* default NULL: N(0, 1), as PyTorch */
} clg_embedding_params;
CLG_API clg_embedding_params clg_embedding_defaults(void);

/* Rows of NAME.weight (rows, cols) by int32 indices (S...): (S..., cols). An index outside [0, rows) is
 * clamped and flags the step. A table that the store has already keeps its padding row as it is. */
CLG_API clg_tensor clg_embedding(clg_tensor indices, const char *name, int64_t rows, int64_t cols,
                                 const clg_embedding_params *params);

typedef struct clg_attention_layer_params {
    clg_attention_params attention; /* defaults of clg_attention_defaults() */
    bool bias;                      /* default true */
    bool rotary;                    /* clg_rotary_positions of queries and keys; default false */
    const clg_init *weight_init; /* default NULL: in_proj U(-s, s), s = sqrt(6 / (E + 3 E)), out_proj
                                    U(-s, s), s = 1 / sqrt(E), as PyTorch */
    const clg_init *bias_init;   /* default NULL: zeros */
} clg_attention_layer_params;
CLG_API clg_attention_layer_params clg_attention_layer_defaults(void);

/* Multi-head attention (Vaswani et al. 2017) as PyTorch's MultiheadAttention, batch first: query
 * (N, T, E), key and value (N, S, E) give (N, T, E); the same tensor three times is self-attention.
 * Parameters NAME.in_proj_weight (3 E, E), NAME.in_proj_bias (3 E), NAME.out_proj.weight (E, E) and
 * NAME.out_proj.bias (E). heads divides E. */
CLG_API clg_tensor clg_attention_layer(clg_tensor query, clg_tensor key, clg_tensor value,
                                       const char *name, int64_t heads,
                                       const clg_attention_layer_params *params);

typedef struct clg_recurrent_layer_params {
    int32_t num_layers;          /* on top of each other, 1000 at most; default 1 */
    bool bias;                   /* default true */
    bool bidirectional;          /* default false; else outputs are (N, T, 2 H), forward first */
    bool relu;                   /* of clg_rnn_layer: instead of tanh; default false */
    float dropout;               /* of what goes from a layer to the next; default 0 */
    clg_tensor h0, c0;           /* (num_layers * directions, N, H); default none: zeros. c0: LSTM alone */
    clg_tensor lengths;          /* as clg_recurrent_params has it; default none */
    const clg_init *weight_init; /* default NULL: U(-s, s), s = 1 / sqrt(H), as PyTorch */
    const clg_init *bias_init;   /* default NULL: as the weight's default; zeros when weight_init is given */
} clg_recurrent_layer_params;
CLG_API clg_recurrent_layer_params clg_recurrent_layer_defaults(void);

/* clg_lstm, clg_gru and clg_rnn with parameters of PyTorch's names and layouts: NAME.weight_ih_l0
 * (G H, in), NAME.weight_hh_l0 (G H, H), NAME.bias_ih_l0 and NAME.bias_hh_l0 (G H), with _l1 ... for
 * further layers and _reverse behind for the other direction; G is 4, 3 and 1. x (N, T, in) gives
 * (N, T, H); h_n and c_n (each may be NULL) get the last states, (num_layers * directions, N, H) in
 * PyTorch's order. A state of another shape is refused. */
CLG_API clg_tensor clg_lstm_layer(clg_tensor x, const char *name, int64_t hidden,
                                  const clg_recurrent_layer_params *params, clg_tensor *h_n,
                                  clg_tensor *c_n);
CLG_API clg_tensor clg_gru_layer(clg_tensor x, const char *name, int64_t hidden,
                                 const clg_recurrent_layer_params *params, clg_tensor *h_n);
CLG_API clg_tensor clg_rnn_layer(clg_tensor x, const char *name, int64_t hidden,
                                 const clg_recurrent_layer_params *params, clg_tensor *h_n);

#ifdef __cplusplus
}
#endif
#endif
