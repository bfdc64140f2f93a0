/* The kinds of data in recipes. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "data/csv.h"
#include "data/synthetic.h"
#include "train/recipe.h"

/* After a failure: says of a file that is not there where it could come from. */
static void hint_missing(clg_ctx *ctx, const char *path)
{
    static const char *const mnist[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                        "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    const char *package = "";

    if (access(path, F_OK) == 0)
        return;
    for (size_t i = 0; i < sizeof(mnist) / sizeof(mnist[0]); i++)
        if (strstr(path, mnist[i]))
            package = "; Debian's package dataset-fashion-mnist has it in "
                      "/usr/share/datasets/fashion-mnist";
    clg_fail(ctx, clg_error_status(ctx), "%s; --data DIR names the folder of the data%s",
             clg_error(ctx), package);
}

/* ---- IDX ---- */

struct images {
    const char *images, *labels;
};
static const struct clg_key images_keys[] = {
    {"images", CLG_KEY_DATA_PATH, NULL, offsetof(struct images, images),
     "IDX file of bytes or float32, plain or .gz", .required = true},
    {"labels", CLG_KEY_DATA_PATH, NULL, offsetof(struct images, labels),
     "IDX file with a label for each image", .required = true},
    {0},
};
static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), size = strlen(end);

    return length >= size && strcmp(text + length - size, end) == 0;
}

/* A file of samples to predict from, of any kind that holds arrays. name: of the array in an .npz.
 */
static clg_dataset *open_to_predict(clg_ctx *ctx, const char *path, const char *name)
{
    if (ends_with(path, ".npz"))
        return clg_dataset_open_npz(ctx, path, name, NULL);
    if (ends_with(path, ".npy") || ends_with(path, ".npy.gz"))
        return clg_dataset_open_npy(ctx, path, NULL);
    return clg_dataset_open_idx(ctx, path, NULL);
}

static clg_dataset *open_images(clg_ctx *ctx, const struct clg_data_request *request,
                                const void *args)
{
    const struct images *images = args;
    clg_dataset *data;

    if (request->file)
        return open_to_predict(ctx, request->file, "samples");
    data = clg_dataset_open_idx(ctx, images->images, images->labels);
    if (!data)
        hint_missing(ctx, access(images->images, F_OK) != 0 ? images->images : images->labels);
    return data;
}
static const struct clg_kind images_kind = {
    .name = "images",
    .doc = "IDX files, as MNIST and Fashion-MNIST come",
    .keys = images_keys,
    .size = sizeof(struct images),
    .open = open_images,
};

/* ---- made up ---- */

struct synthetic {
    const char *word;
    int64_t samples, seed, degree, bits;
    double noise, bias;
    struct clg_numbers weights, coefficients;
};

static const char *const synthetic_words[] = {
    [CLG_SYNTHETIC_LINEAR] = "linear", [CLG_SYNTHETIC_POLYNOMIAL] = "polynomial",
    [CLG_SYNTHETIC_XOR] = "xor",       [CLG_SYNTHETIC_MOONS] = "moons",
    [CLG_SYNTHETIC_PARITY] = "parity", NULL,
};
static const double default_noise[] = {0.01, 0.1, 0.1, 0.1, 0};

#define MADE(name) offsetof(struct synthetic, name)
static const struct clg_key synthetic_keys[] = {
    {"synthetic", CLG_KEY_WORD, NULL, MADE(word), "which", .required = true,
     .detail = synthetic_words},
    {"samples", CLG_KEY_INT, "1000", MADE(samples), "how many", .range = CLG_POSITIVE},
    {"noise", CLG_KEY_NUMBER, NULL, MADE(noise),
     "standard deviation, of labels that are numbers and else of samples; absent: 0.01 for linear, "
     "0 for parity, 0.1 for the others",
     .range = CLG_NOT_NEGATIVE},
    {"seed", CLG_KEY_INT, "-1", MADE(seed),
     "of what is random, which differs between train, validation and test all the same; -1: as "
     "train.seed"},
    {"weights", CLG_KEY_NUMBERS, NULL, MADE(weights),
     "of linear: w in y = w·x + b, a number for each of a sample's; absent: [2, -3.4]"},
    {"bias", CLG_KEY_NUMBER, NULL, MADE(bias), "of linear: b; absent: 4.2"},
    {"degree", CLG_KEY_INT, "0", MADE(degree),
     "of polynomial: a sample is x^i / i! for i from 0 to degree; 0: 3", .range = CLG_NOT_NEGATIVE},
    {"coefficients", CLG_KEY_NUMBERS, NULL, MADE(coefficients),
     "of polynomial: c in y = c_0 + c_1 x + c_2 x^2 / 2! + ...; absent: [5, 1.2, -3.4, 5.6]"},
    {"bits", CLG_KEY_INT, "0", MADE(bits), "of parity: numbers of a sample; 0: 8",
     .range = CLG_NOT_NEGATIVE},
    {0},
};

static enum clg_synthetic_kind kind_of(const struct synthetic *s)
{
    enum clg_synthetic_kind kind = CLG_SYNTHETIC_LINEAR;

    while (strcmp(synthetic_words[kind], s->word) != 0)
        kind++;
    return kind;
}

static clg_status check_synthetic(clg_ctx *ctx, const void *args)
{
    const struct synthetic *s = args;
    const struct {
        const char *key;
        bool given;
        enum clg_synthetic_kind of;
    } keys[] = {
        {"weights", s->weights.count > 0, CLG_SYNTHETIC_LINEAR},
        {"bias", !isnan(s->bias), CLG_SYNTHETIC_LINEAR},
        {"degree", s->degree > 0, CLG_SYNTHETIC_POLYNOMIAL},
        {"coefficients", s->coefficients.count > 0, CLG_SYNTHETIC_POLYNOMIAL},
        {"bits", s->bits > 0, CLG_SYNTHETIC_PARITY},
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (keys[i].given && keys[i].of != kind_of(s))
            return clg_fail(ctx, CLG_ERR_FORMAT,
                            "the key '%s' goes with synthetic: %s, not with %s", keys[i].key,
                            synthetic_words[keys[i].of], s->word);
    if (s->samples > INT32_MAX || s->degree > 1000 || s->bits > 1 << 20)
        return clg_fail(ctx, CLG_ERR_LIMIT,
                        "a synthetic set has under 2^31 samples, degrees up to 1000 and up to 2^20 "
                        "bits");
    if (s->seed < -1)
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "the seed is %lld, but must be at least 0, or -1 for train.seed",
                        (long long)s->seed);
    return CLG_OK;
}

static clg_dataset *open_synthetic(clg_ctx *ctx, const struct clg_data_request *request,
                                   const void *args)
{
    static const double weights[] = {2, -3.4}, coefficients[] = {5, 1.2, -3.4, 5.6};
    const struct synthetic *s = args;
    struct clg_synthetic p = {
        .kind = kind_of(s),
        .samples = s->samples,
        .seed = s->seed < 0 ? request->seed : (uint64_t)s->seed,
        .stream = request->part,
        .bias = isnan(s->bias) ? 4.2 : s->bias,
    };
    bool linear = p.kind == CLG_SYNTHETIC_LINEAR;
    const struct clg_numbers *numbers = linear ? &s->weights : &s->coefficients;

    if (request->file) {
        clg_fail(ctx, CLG_ERR_ARGUMENT,
                 "'%s': the run was trained on a synthetic set, which has no kind of file to "
                 "predict from",
                 request->file);
        return NULL;
    }
    p.noise = isnan(s->noise) ? default_noise[p.kind] : s->noise;
    p.numbers = numbers->count ? numbers->items : linear ? weights : coefficients;
    p.number_count = numbers->count ? numbers->count : linear ? 2 : 4;
    p.size = p.kind == CLG_SYNTHETIC_PARITY ? s->bits ? s->bits : 8 : s->degree ? s->degree : 3;
    return clg_dataset_synthetic(ctx, &p);
}

static const struct clg_kind synthetic_kind = {
    .name = "synthetic",
    .doc =
        "made up, for teaching: `linear` and `polynomial` have numbers as labels, `xor` (the four "
        "corners of a square), `moons` (two half circles in each other) and `parity` (of bits) "
        "the classes 0 and 1",
    .keys = synthetic_keys,
    .size = sizeof(struct synthetic),
    .check = check_synthetic,
    .open = open_synthetic,
};

/* ---- NumPy ---- */

struct npy {
    const char *samples, *labels;
};
static const struct clg_key npy_keys[] = {
    {"npy", CLG_KEY_DATA_PATH, NULL, offsetof(struct npy, samples),
     "array of samples (count, ...) of u1, i4, i8, f4 or f8; u1 stays bytes, others become float32",
     .required = true},
    {"labels", CLG_KEY_DATA_PATH, NULL, offsetof(struct npy, labels),
     "array with a label for each sample; integers are classes, others float32", .required = true},
    {0},
};

static clg_dataset *open_npy(clg_ctx *ctx, const struct clg_data_request *request, const void *args)
{
    const struct npy *npy = args;
    clg_dataset *data;

    if (request->file)
        return open_to_predict(ctx, request->file, "samples");
    data = clg_dataset_open_npy(ctx, npy->samples, npy->labels);
    if (!data)
        hint_missing(ctx, access(npy->samples, F_OK) != 0 ? npy->samples : npy->labels);
    return data;
}

static const struct clg_kind npy_kind = {
    .name = "npy",
    .doc = "NumPy's arrays, as numpy.save writes them",
    .keys = npy_keys,
    .size = sizeof(struct npy),
    .open = open_npy,
};

struct npz {
    const char *path, *samples, *labels;
};
static const struct clg_key npz_keys[] = {
    {"npz", CLG_KEY_DATA_PATH, NULL, offsetof(struct npz, path), "archive of arrays",
     .required = true},
    {"samples", CLG_KEY_TEXT, NULL, offsetof(struct npz, samples), "name of the array of samples",
     .required = true},
    {"labels", CLG_KEY_TEXT, NULL, offsetof(struct npz, labels), "name of the array of labels",
     .required = true},
    {0},
};

static clg_dataset *open_npz(clg_ctx *ctx, const struct clg_data_request *request, const void *args)
{
    const struct npz *npz = args;
    clg_dataset *data;

    if (request->file)
        return open_to_predict(ctx, request->file, npz->samples);
    data = clg_dataset_open_npz(ctx, npz->path, npz->samples, npz->labels);
    if (!data)
        hint_missing(ctx, npz->path);
    return data;
}

static const struct clg_kind npz_kind = {
    .name = "npz",
    .doc = "arrays as for npy in one archive, as numpy.savez writes it",
    .keys = npz_keys,
    .size = sizeof(struct npz),
    .open = open_npz,
};

/* ---- tables ---- */

struct csv {
    const char *path, *target, *delimiter, *missing, *categories;
    const char **drop;
    bool log_target, standardize;
};

static const char *const missing_words[] = {
    [CLG_MISSING_MEAN] = "mean", [CLG_MISSING_ZERO] = "zero", [CLG_MISSING_ERROR] = "error", NULL};
static const char *const category_words[] = {"one_hot", NULL};

#define CSV(name) offsetof(struct csv, name)
static const struct clg_key csv_keys[] = {
    {"csv", CLG_KEY_DATA_PATH, NULL, CSV(path),
     "file of text, plain or .gz, with a line that names the columns and a line for each sample",
     .required = true},
    {"target", CLG_KEY_TEXT, NULL, CSV(target), "column of the labels", .required = true},
    {"drop", CLG_KEY_TEXTS, NULL, CSV(drop), "columns that are left out"},
    {"delimiter", CLG_KEY_TEXT, NULL, CSV(delimiter),
     "character between fields; absent: a tab in .tsv and .tsv.gz, else a comma"},
    {"log_target", CLG_KEY_BOOL, "false", CSV(log_target),
     "whether labels are natural logarithms of the target; predictions are the target again"},
    {"standardize", CLG_KEY_BOOL, "true", CSV(standardize),
     "whether numbers become (x - mean) / deviation, of the samples that are trained on"},
    {"missing", CLG_KEY_WORD, "mean", CSV(missing),
     "what a number that is missing becomes: the mean, 0, or a mistake", .detail = missing_words},
    {"categories", CLG_KEY_WORD, "one_hot", CSV(categories),
     "what a text becomes: a number for each category, which is 1 or 0", .detail = category_words},
    {0},
};

static clg_status check_csv(clg_ctx *ctx, const void *args)
{
    const struct csv *csv = args;
    size_t length = csv->delimiter ? strlen(csv->delimiter) : 1;

    if (length != 1 || (csv->delimiter && strchr("\"\n\r", csv->delimiter[0])))
        return clg_fail(ctx, CLG_ERR_FORMAT,
                        "delimiter is '%.20s', but must be one character (\"\\t\" is a tab)",
                        csv->delimiter);
    return CLG_OK;
}

static clg_dataset *open_csv(clg_ctx *ctx, const struct clg_data_request *request, const void *args)
{
    const struct csv *csv = args;
    clg_csv_params params = clg_csv_defaults();
    clg_dataset *data;

    params.path = request->file ? request->file : csv->path;
    params.target = csv->target;
    params.drop = csv->drop;
    params.delimiter = csv->delimiter ? csv->delimiter[0] : '\0';
    params.classes = request->classes;
    params.log_target = csv->log_target;
    params.standardize = csv->standardize;
    while (strcmp(missing_words[params.missing], csv->missing) != 0)
        params.missing++;
    data = clg_csv_open(ctx, &params, request->columns, request->file != NULL);
    if (!data && !request->file)
        hint_missing(ctx, csv->path);
    return data;
}

static const struct clg_kind csv_kind = {
    .name = "csv",
    .doc = "a table: a column of numbers gives a sample one number, a column of text one for each "
           "category; a target of text, or where the loss tells classes apart, gives classes",
    .keys = csv_keys,
    .size = sizeof(struct csv),
    .learns = true,
    .check = check_csv,
    .open = open_csv,
};

static const struct clg_kind *const data_kinds[] = {&images_kind, &csv_kind,       &npy_kind,
                                                    &npz_kind,    &synthetic_kind, NULL};
const struct clg_family clg_data_family = {"kind of data", data_kinds};
