/* Images, norms, losses and recurrent layers of the stored cases. */
#include "ops/parity.h"

#include <string.h>

/* ---- images ---- */

static clg_conv_params conv_params(const struct parity *p)
{
    clg_conv_params params = clg_conv_defaults();
    parity_list(p, "stride", params.stride);
    parity_list(p, "padding", params.padding);
    parity_list(p, "dilation", params.dilation);
    parity_list(p, "output_padding", params.output_padding);
    if (parity_has(p, "groups"))
        params.groups = parity_integer(p, "groups");
    return params;
}
static clg_tensor conv1d(struct parity *p)
{
    clg_conv_params params = conv_params(p);
    return clg_conv1d(p->x[0], p->x[1], &params);
}
static clg_tensor conv2d(struct parity *p)
{
    clg_conv_params params = conv_params(p);
    return clg_conv2d(p->x[0], p->x[1], &params);
}
static clg_tensor conv_transpose2d(struct parity *p)
{
    clg_conv_params params = conv_params(p);
    return clg_conv_transpose2d(p->x[0], p->x[1], &params);
}
static clg_conv_layer_params conv_layer_params(const struct parity *p, int32_t kernel[2])
{
    clg_conv_layer_params params = clg_conv_layer_defaults();
    params.conv = conv_params(p);
    parity_list(p, "kernel", kernel);
    return params;
}
static clg_tensor conv1d_layer(struct parity *p)
{
    int32_t kernel[2];
    clg_conv_layer_params params = conv_layer_params(p, kernel);
    return clg_conv1d_layer(p->x[0], p->name, parity_integer(p, "out"), kernel[0], &params);
}
static clg_tensor conv2d_layer(struct parity *p)
{
    int32_t kernel[2];
    clg_conv_layer_params params = conv_layer_params(p, kernel);
    return clg_conv2d_layer(p->x[0], p->name, parity_integer(p, "out"), kernel[0], kernel[1],
                            &params);
}
static clg_tensor conv_transpose2d_layer(struct parity *p)
{
    int32_t kernel[2];
    clg_conv_layer_params params = conv_layer_params(p, kernel);
    return clg_conv_transpose2d_layer(p->x[0], p->name, parity_integer(p, "out"), kernel[0],
                                      kernel[1], &params);
}

static clg_pool_params pool_params(const struct parity *p, int32_t kernel[2])
{
    clg_pool_params params = clg_pool_defaults();
    parity_list(p, "kernel", kernel);
    parity_list(p, "stride", params.stride);
    parity_list(p, "padding", params.padding);
    parity_list(p, "dilation", params.dilation);
    if (parity_has(p, "count_include_pad"))
        params.count_include_pad = parity_flag(p, "count_include_pad");
    return params;
}

typedef clg_tensor pooling(clg_tensor x, int32_t kh, int32_t kw, const clg_pool_params *params);

static clg_tensor pool(struct parity *p, pooling *op)
{
    int32_t kernel[2];
    clg_pool_params params = pool_params(p, kernel);
    return op(p->x[0], kernel[0], kernel[1], &params);
}
static clg_tensor max_pool1d(struct parity *p)
{
    int32_t kernel[2];
    clg_pool_params params = pool_params(p, kernel);
    return clg_max_pool1d(p->x[0], kernel[0], &params);
}
static clg_tensor avg_pool1d(struct parity *p)
{
    int32_t kernel[2];
    clg_pool_params params = pool_params(p, kernel);
    return clg_avg_pool1d(p->x[0], kernel[0], &params);
}
static clg_tensor max_pool2d(struct parity *p)
{
    return pool(p, clg_max_pool2d);
}
static clg_tensor avg_pool2d(struct parity *p)
{
    return pool(p, clg_avg_pool2d);
}
static clg_tensor l2_pool2d(struct parity *p)
{
    return pool(p, clg_l2_pool2d);
}
static clg_tensor adaptive_avg_pool2d(struct parity *p)
{
    int32_t size[2];
    parity_list(p, "size", size);
    return clg_adaptive_avg_pool2d(p->x[0], size[0], size[1]);
}
static clg_tensor adaptive_max_pool2d(struct parity *p)
{
    int32_t size[2];
    parity_list(p, "size", size);
    return clg_adaptive_max_pool2d(p->x[0], size[0], size[1]);
}

static clg_tensor adaptive_avg_pool1d(struct parity *p)
{
    return clg_adaptive_avg_pool1d(p->x[0], parity_integer(p, "length"));
}
static clg_tensor adaptive_max_pool1d(struct parity *p)
{
    return clg_adaptive_max_pool1d(p->x[0], parity_integer(p, "length"));
}

/* ---- normalisation: inputs after the first are weight and bias ---- */

static clg_norm_params norm_params(const struct parity *p)
{
    clg_norm_params params = clg_norm_defaults();
    if (p->n_in > 1)
        params.weight = p->x[1];
    if (p->n_in > 2)
        params.bias = p->x[2];
    params.eps = parity_number(p, "eps");
    return params;
}
static clg_tensor batch_norm(struct parity *p)
{
    clg_norm_params params = norm_params(p);
    return clg_batch_norm(p->x[0], &params);
}
static clg_norm_layer_params norm_layer_params(const struct parity *p)
{
    clg_norm_layer_params params = clg_norm_layer_defaults();
    params.eps = parity_number(p, "eps");
    if (parity_has(p, "momentum"))
        params.momentum = parity_number(p, "momentum");
    return params;
}
static clg_tensor batch_norm_layer(struct parity *p)
{
    clg_norm_layer_params params = norm_layer_params(p);
    return clg_batch_norm_layer(p->x[0], p->name, &params);
}
static clg_tensor layer_norm_layer(struct parity *p)
{
    clg_norm_layer_params params = norm_layer_params(p);
    return clg_layer_norm_layer(p->x[0], p->name, parity_integer(p, "dims"), &params);
}
static clg_tensor rms_norm_layer(struct parity *p)
{
    clg_norm_layer_params params = norm_layer_params(p);
    return clg_rms_norm_layer(p->x[0], p->name, parity_integer(p, "dims"), &params);
}
static clg_tensor group_norm_layer(struct parity *p)
{
    clg_norm_layer_params params = norm_layer_params(p);
    return clg_group_norm_layer(p->x[0], p->name, parity_integer(p, "groups"), &params);
}
static clg_tensor instance_norm_layer(struct parity *p)
{
    clg_norm_layer_params params = norm_layer_params(p);
    return clg_instance_norm_layer(p->x[0], p->name, &params);
}
static clg_tensor prelu_layer(struct parity *p)
{
    clg_prelu_layer_params params = clg_prelu_layer_defaults();
    params.count = parity_integer(p, "count");
    return clg_prelu_layer(p->x[0], p->name, &params);
}
static clg_tensor layer_norm(struct parity *p)
{
    clg_norm_params params = norm_params(p);
    return clg_layer_norm(p->x[0], parity_integer(p, "dims"), &params);
}
static clg_tensor rms_norm(struct parity *p)
{
    clg_norm_params params = norm_params(p);
    return clg_rms_norm(p->x[0], parity_integer(p, "dims"), &params);
}
static clg_tensor group_norm(struct parity *p)
{
    clg_norm_params params = norm_params(p);
    return clg_group_norm(p->x[0], parity_integer(p, "groups"), &params);
}
static clg_tensor instance_norm(struct parity *p)
{
    clg_norm_params params = norm_params(p);
    return clg_instance_norm(p->x[0], &params);
}
static clg_tensor local_response_norm(struct parity *p)
{
    return clg_local_response_norm(p->x[0], parity_integer(p, "size"), parity_number(p, "alpha"),
                                   parity_number(p, "beta"), parity_number(p, "k"));
}

/* ---- losses: "roles" names what inputs after the two (or three) operands are ---- */

static clg_reduction reduction(const struct parity *p)
{
    return parity_is(p, "reduction", "sum")         ? CLG_REDUCE_SUM
           : parity_is(p, "reduction", "none")      ? CLG_REDUCE_NONE
           : parity_is(p, "reduction", "batchmean") ? CLG_REDUCE_BATCH_MEAN
                                                    : CLG_REDUCE_MEAN;
}

static clg_loss_params loss_params(const struct parity *p)
{
    clg_loss_params params = clg_loss_defaults();
    const json_t *roles = json_object_get(p->params, "roles");
    size_t count = json_array_size(roles);
    params.reduction = reduction(p);
    params.label_smoothing = parity_number(p, "label_smoothing");
    params.ignore = parity_has(p, "ignore_index");
    params.ignore_index = parity_integer(p, "ignore_index");
    for (size_t i = 0; i < count; i++) {
        const char *role = json_string_value(json_array_get(roles, i));
        clg_tensor t = p->x[p->n_in - count + i];
        *(!strcmp(role, "weight")         ? &params.weight
          : !strcmp(role, "class_weight") ? &params.class_weight
                                          : &params.pos_weight) = t;
    }
    return params;
}

typedef clg_tensor loss_function(clg_tensor a, clg_tensor b, const clg_loss_params *params);

static clg_tensor loss(struct parity *p, loss_function *op)
{
    clg_loss_params params = loss_params(p);
    return op(p->x[0], p->x[1], &params);
}
static clg_tensor mse(struct parity *p)
{
    return loss(p, clg_mse);
}
static clg_tensor half_mse(struct parity *p)
{
    return loss(p, clg_half_mse);
}
static clg_tensor mae(struct parity *p)
{
    return loss(p, clg_mae);
}
static clg_tensor cross_entropy(struct parity *p)
{
    return loss(p, clg_cross_entropy);
}
static clg_tensor nll(struct parity *p)
{
    return loss(p, clg_nll);
}
static clg_tensor bce_with_logits(struct parity *p)
{
    return loss(p, clg_bce_with_logits);
}
static clg_tensor kl_div(struct parity *p)
{
    return loss(p, clg_kl_div);
}
static clg_tensor relative_entropy(struct parity *p)
{
    return loss(p, clg_relative_entropy);
}
static clg_tensor hinge(struct parity *p)
{
    return loss(p, clg_hinge);
}
static clg_tensor huber(struct parity *p)
{
    clg_loss_params params = loss_params(p);
    return clg_huber(p->x[0], p->x[1], parity_number(p, "delta"), &params);
}
static clg_tensor smooth_l1(struct parity *p)
{
    clg_loss_params params = loss_params(p);
    return clg_smooth_l1(p->x[0], p->x[1], parity_number(p, "beta"), &params);
}
static clg_tensor cosine_embedding(struct parity *p)
{
    clg_loss_params params = loss_params(p);
    return clg_cosine_embedding(p->x[0], p->x[1], p->x[2], parity_number(p, "margin"), &params);
}
static clg_tensor triplet_margin(struct parity *p)
{
    clg_loss_params params = loss_params(p);
    return clg_triplet_margin(p->x[0], p->x[1], p->x[2], parity_number(p, "margin"), &params);
}

/* ---- recurrent layers: inputs after the first by "roles" ---- */

static clg_recurrent_layer_params recurrent_params(struct parity *p)
{
    clg_recurrent_layer_params params = clg_recurrent_layer_defaults();
    const json_t *roles = json_object_get(p->params, "roles");
    params.num_layers = parity_integer(p, "num_layers");
    params.bias = parity_flag(p, "bias");
    params.bidirectional = parity_flag(p, "bidirectional");
    params.relu = parity_flag(p, "relu");
    for (size_t i = 0; i < json_array_size(roles); i++) {
        const char *role = json_string_value(json_array_get(roles, i));
        *(!strcmp(role, "h0")   ? &params.h0
          : !strcmp(role, "c0") ? &params.c0
                                : &params.lengths) = p->x[1 + i];
    }
    return params;
}
static clg_tensor lstm_layer(struct parity *p)
{
    clg_recurrent_layer_params params = recurrent_params(p);
    p->n_out = 3;
    return clg_lstm_layer(p->x[0], p->name, parity_integer(p, "hidden"), &params, &p->y[1],
                          &p->y[2]);
}
static clg_tensor gru_layer(struct parity *p)
{
    clg_recurrent_layer_params params = recurrent_params(p);
    p->n_out = 2;
    return clg_gru_layer(p->x[0], p->name, parity_integer(p, "hidden"), &params, &p->y[1]);
}
static clg_tensor rnn_layer(struct parity *p)
{
    clg_recurrent_layer_params params = recurrent_params(p);
    p->n_out = 2;
    return clg_rnn_layer(p->x[0], p->name, parity_integer(p, "hidden"), &params, &p->y[1]);
}

/* ---- attention: inputs after query, key and value by "roles" ---- */

static clg_attention_params attention_params(const struct parity *p)
{
    clg_attention_params params = clg_attention_defaults();
    const json_t *roles = json_object_get(p->params, "roles");
    params.causal = parity_flag(p, "causal");
    params.scale = parity_number(p, "scale");
    for (size_t i = 0; i < json_array_size(roles); i++)
        *(!strcmp(json_string_value(json_array_get(roles, i)), "mask") ? &params.mask
                                                                       : &params.lengths) =
            p->x[3 + i];
    return params;
}
static clg_tensor attention(struct parity *p)
{
    clg_attention_params params = attention_params(p);
    return clg_attention(p->x[0], p->x[1], p->x[2], &params);
}
static clg_tensor attention_layer(struct parity *p)
{
    clg_attention_layer_params params = clg_attention_layer_defaults();
    params.attention = attention_params(p);
    params.bias = parity_flag(p, "bias");
    return clg_attention_layer(p->x[0], p->x[1], p->x[2], p->name, parity_integer(p, "heads"),
                               &params);
}
static clg_tensor embedding(struct parity *p)
{
    clg_embedding_params params = clg_embedding_defaults();
    if (parity_has(p, "padding_idx"))
        params.padding_idx = parity_integer(p, "padding_idx");
    return clg_embedding(p->x[0], p->name, parity_integer(p, "rows"), parity_integer(p, "cols"),
                         &params);
}

/* clang-format off */
const struct parity_op parity_layers[] = {
    {"conv1d", .build = conv1d}, {"conv2d", .build = conv2d},
    {"conv_transpose2d", .build = conv_transpose2d}, {"conv2d_layer", .build = conv2d_layer},
    {"max_pool2d", .build = max_pool2d}, {"avg_pool2d", .build = avg_pool2d},
    {"l2_pool2d", .build = l2_pool2d}, {"adaptive_avg_pool2d", .build = adaptive_avg_pool2d},
    {"batch_norm", .build = batch_norm}, {"batch_norm_layer", .build = batch_norm_layer},
    {"layer_norm", .build = layer_norm}, {"rms_norm", .build = rms_norm},
    {"group_norm", .build = group_norm}, {"instance_norm", .build = instance_norm},
    {"local_response_norm", .build = local_response_norm}, {"mse", .build = mse},
    {"half_mse", .build = half_mse}, {"cross_entropy", .build = cross_entropy},
    {"conv1d_layer", .build = conv1d_layer},
    {"conv_transpose2d_layer", .build = conv_transpose2d_layer},
    {"max_pool1d", .build = max_pool1d}, {"avg_pool1d", .build = avg_pool1d},
    {"adaptive_max_pool2d", .build = adaptive_max_pool2d},
    {"layer_norm_layer", .build = layer_norm_layer}, {"rms_norm_layer", .build = rms_norm_layer},
    {"group_norm_layer", .build = group_norm_layer},
    {"instance_norm_layer", .build = instance_norm_layer}, {"prelu_layer", .build = prelu_layer},
    {"mae", .build = mae}, {"nll", .build = nll}, {"bce_with_logits", .build = bce_with_logits},
    {"kl_div", .build = kl_div}, {"relative_entropy", .build = relative_entropy},
    {"hinge", .build = hinge}, {"huber", .build = huber}, {"smooth_l1", .build = smooth_l1},
    {"cosine_embedding", .build = cosine_embedding}, {"triplet_margin", .build = triplet_margin},
    {"lstm_layer", .build = lstm_layer}, {"gru_layer", .build = gru_layer},
    {"rnn_layer", .build = rnn_layer},
    {"attention", .build = attention}, {"attention_layer", .build = attention_layer},
    {"embedding", .build = embedding},
    {"adaptive_avg_pool1d", .build = adaptive_avg_pool1d},
    {"adaptive_max_pool1d", .build = adaptive_max_pool1d},
};
/* clang-format on */
const size_t parity_layer_count = sizeof(parity_layers) / sizeof(parity_layers[0]);
