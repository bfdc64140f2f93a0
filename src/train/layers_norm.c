/* Normalisation in recipes: names, keys and defaults of PyTorch's modules. */
#include "base/text.h"
#include "train/layers.h"

struct norm {
    double eps, momentum;
    bool affine, running;
    int64_t groups, channels;
    clg_shape normalized;
};
#define EPS_KEY(fallback, of)                                                                      \
    {                                                                                              \
        "eps", CLG_KEY_NUMBER, fallback, offsetof(struct norm, eps), of, .range = CLG_NOT_NEGATIVE \
    }
#define AFFINE_KEY(key, fallback, learnt)                                                          \
    {                                                                                              \
        key, CLG_KEY_BOOL, fallback, offsetof(struct norm, affine), learnt                         \
    }
#define VARIANCE "added to the variance"
#define BOTH     "whether weight and bias are learnt"
static clg_norm_layer_params norm_of(const struct norm *a)
{
    clg_norm_layer_params params = clg_norm_layer_defaults();

    params.eps = (float)a->eps;
    params.affine = a->affine;
    return params;
}

/* Refuses an input of another rank than least to most, dimension 0 being the batch. */
static bool has_rank(struct clg_build *build, const char *layer, clg_tensor x, int least, int most,
                     const char *must)
{
    int rank = clg_tensor_shape(x).rank;

    if (rank >= least && rank <= most)
        return true;
    clg_layer_refuse(build, "%s: the input has %d dimensions, but must be %s", layer, rank, must);
    return false;
}
#define SEQUENCE_OR_ROW "(batch, channels) or (batch, channels, length)"
#define SEQUENCE        "(batch, channels, length)"
#define IMAGE           "(batch, channels, height, width)"

#define KIND(word, keys_of, text)                                                                  \
    const struct clg_kind clg_##word##_layer_kind = {                                              \
        .name = #word,                                                                             \
        .doc = text,                                                                               \
        .keys = keys_of,                                                                           \
        .size = sizeof(struct norm),                                                               \
        .layer = build_##word,                                                                     \
    };

#define CHANNELS_KEY(key) CLG_INPUT_KEY(struct norm, channels, key, 1, "channels")

static const struct clg_key batchnorm_keys[] = {
    CHANNELS_KEY("num_features"),
    EPS_KEY("1e-5", VARIANCE),
    {"momentum", CLG_KEY_NUMBER, "0.1", offsetof(struct norm, momentum),
     "share of the batch in the running values", .range = CLG_SHARE},
    AFFINE_KEY("affine", "true", BOTH),
    {"track_running_stats", CLG_KEY_BOOL, "true", offsetof(struct norm, running),
     "whether inference uses running values"},
    {0},
};
static clg_tensor batchnorm(const char *name, clg_tensor x, const struct norm *a)
{
    clg_norm_layer_params params = norm_of(a);

    params.momentum = (float)a->momentum;
    params.running = a->running;
    return clg_batch_norm_layer(x, name, &params);
}
#define BATCHNORM(word, least, most, must, of)                                                     \
    static clg_tensor build_##word(struct clg_build *build, const char *name, clg_tensor x,        \
                                   const void *args)                                               \
    {                                                                                              \
        return has_rank(build, #word, x, least, most, must) ? batchnorm(name, x, args)             \
                                                            : (clg_tensor){0};                     \
    }                                                                                              \
    KIND(word, batchnorm_keys, "normalises each channel over the batch" of)
BATCHNORM(batchnorm1d, 2, 3, SEQUENCE_OR_ROW, "")
BATCHNORM(batchnorm2d, 4, 4, IMAGE, " and the image")

static const struct clg_key instancenorm_keys[] = {
    CHANNELS_KEY("num_features"),
    EPS_KEY("1e-5", VARIANCE),
    AFFINE_KEY("affine", "false", BOTH),
    {0},
};
#define INSTANCENORM(word, rank, must, of)                                                         \
    static clg_tensor build_##word(struct clg_build *build, const char *name, clg_tensor x,        \
                                   const void *args)                                               \
    {                                                                                              \
        clg_norm_layer_params params = norm_of(args);                                              \
        return has_rank(build, #word, x, rank, rank, must)                                         \
                   ? clg_instance_norm_layer(x, name, &params)                                     \
                   : (clg_tensor){0};                                                              \
    }                                                                                              \
    KIND(word, instancenorm_keys, "normalises each channel of each sample over " of)
INSTANCENORM(instancenorm1d, 3, SEQUENCE, "the sequence")
INSTANCENORM(instancenorm2d, 4, IMAGE, "the image")

/* The dimensions are the input's last ones: normalized_shape says how many, and is checked. */
#define DIMS_KEYS                                                                                  \
    {"normalized_shape", CLG_KEY_SHAPE, NULL, offsetof(struct norm, normalized),                   \
     "the last dimensions of the input, which are inferred"},                                      \
    {                                                                                              \
        "dims", CLG_KEY_INT, NULL, offsetof(struct norm, groups),                                  \
            "how many of the last dimensions; absent: as many as normalized_shape has, or 1",      \
            .range = CLG_POSITIVE                                                                  \
    }

/* How many dimensions are normalised over; 0, and a failure, when the keys do not fit. */
static int32_t dims_of(struct clg_build *build, const char *layer, clg_tensor x,
                       const struct norm *a)
{
    clg_shape shape = clg_tensor_shape(x);
    char has[CLG_SHAPE_TEXT], must[CLG_SHAPE_TEXT];
    int32_t rank = a->normalized.rank, first = shape.rank - rank;
    bool fits = first >= 0 && (!a->groups || a->groups == rank);

    if (rank == 0)
        return a->groups ? clg_layer_int(a->groups) : 1;
    for (int32_t i = 0; fits && i < rank; i++)
        fits = shape.dim[first + i] == a->normalized.dim[i];
    if (fits)
        return rank;
    clg_layer_refuse(build, "%s: normalized_shape is %s, but the input is %s and dims is %d", layer,
                     clg_shape_text(&a->normalized, must), clg_shape_text(&shape, has),
                     a->groups ? (int)clg_layer_int(a->groups) : (int)rank);
    return 0;
}
static const struct clg_key layernorm_keys[] = {
    EPS_KEY("1e-5", VARIANCE),
    AFFINE_KEY("elementwise_affine", "true", BOTH),
    DIMS_KEYS,
    {0},
};
static clg_tensor build_layernorm(struct clg_build *build, const char *name, clg_tensor x,
                                  const void *args)
{
    const struct norm *a = args;
    clg_norm_layer_params params = norm_of(a);
    int32_t dims = dims_of(build, "layernorm", x, a);

    return dims ? clg_layer_norm_layer(x, name, dims, &params) : (clg_tensor){0};
}
KIND(layernorm, layernorm_keys, "normalises over the last dimensions")

/* PyTorch's default of eps: the distance of float32 numbers at 1. */
static const struct clg_key rmsnorm_keys[] = {
    EPS_KEY("1.1920929e-7", "added to the mean square"),
    AFFINE_KEY("elementwise_affine", "true", "whether a weight is learnt"),
    DIMS_KEYS,
    {0},
};
static clg_tensor build_rmsnorm(struct clg_build *build, const char *name, clg_tensor x,
                                const void *args)
{
    const struct norm *a = args;
    clg_norm_layer_params params = norm_of(a);
    int32_t dims = dims_of(build, "rmsnorm", x, a);

    return dims ? clg_rms_norm_layer(x, name, dims, &params) : (clg_tensor){0};
}
KIND(rmsnorm, rmsnorm_keys, "divides by the root of the mean square over the last dimensions")

static const struct clg_key groupnorm_keys[] = {
    {"num_groups", CLG_KEY_INT, NULL, offsetof(struct norm, groups), "groups of channels",
     .required = true, .range = CLG_POSITIVE},
    CHANNELS_KEY("num_channels"),
    EPS_KEY("1e-5", VARIANCE),
    AFFINE_KEY("affine", "true", BOTH),
    {0},
};
static clg_tensor build_groupnorm(struct clg_build *build, const char *name, clg_tensor x,
                                  const void *args)
{
    const struct norm *a = args;
    clg_norm_layer_params params = norm_of(a);

    (void)build;
    return clg_group_norm_layer(x, name, clg_layer_int(a->groups), &params);
}
const struct clg_kind clg_groupnorm_layer_kind = {
    .name = "groupnorm",
    .doc = "normalises over a group of channels and the image",
    .bare = "num_groups",
    .keys = groupnorm_keys,
    .size = sizeof(struct norm),
    .layer = build_groupnorm,
};

struct response {
    int64_t size;
    double alpha, beta, k;
};
static const struct clg_key response_keys[] = {
    {"size", CLG_KEY_INT, NULL, offsetof(struct response, size), "neighbouring channels",
     .required = true, .range = CLG_POSITIVE},
    {"alpha", CLG_KEY_NUMBER, "1e-4", offsetof(struct response, alpha),
     "factor of the mean square"},
    {"beta", CLG_KEY_NUMBER, "0.75", offsetof(struct response, beta), "exponent"},
    {"k", CLG_KEY_NUMBER, "1", offsetof(struct response, k), "added to it"},
    {0},
};
static clg_tensor build_response(struct clg_build *build, const char *name, clg_tensor x,
                                 const void *args)
{
    const struct response *a = args;

    (void)build, (void)name;
    return clg_local_response_norm(x, clg_layer_int(a->size), (float)a->alpha, (float)a->beta,
                                   (float)a->k);
}
const struct clg_kind clg_localresponsenorm_layer_kind = {
    .name = "localresponsenorm",
    .doc = "divides by a power of the neighbouring channels' mean square",
    .bare = "size",
    .keys = response_keys,
    .size = sizeof(struct response),
    .layer = build_response,
};
