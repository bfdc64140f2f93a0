/* Recipes: what is read, and each kind of mistake with its sentence. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <clgrad/train.h>

#include "cli/command.h"

static const char good[] = "data:\n"
                           "  train: {images: a.idx, labels: b.idx}\n"
                           "  shape: [784]\n"
                           "  batch: 16\n"
                           "model:\n"
                           "  - linear: {out: 5}\n"
                           "  - relu\n"
                           "  - dropout: 0.5\n"
                           "  - linear: 3\n"
                           "loss: cross_entropy\n"
                           "optimizer: {sgd: {lr: 0.5}}\n"
                           "train: {epochs: 2}\n";

struct fixture {
    clg_ctx *ctx;
    char folder[256], path[300];
};

static void setup(struct fixture *f)
{
    f->ctx = test_context();
    test_folder(f->folder);
    snprintf(f->path, sizeof(f->path), "%s/r.yaml", f->folder);
}

static void finish(struct fixture *f)
{
    test_remove(f->folder);
    clg_ctx_destroy(&f->ctx);
}

/* The good recipe with one text replaced by another, written to the file. */
static void write_with(const struct fixture *f, const char *from, const char *to)
{
    const char *at = strstr(good, from);
    char text[4096];

    cr_assert_not_null(at, "'%s' is not in the recipe", from);
    snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    file_write_text(f->path, text);
}

/* Fails unless the recipe with this replacement is refused with r.yaml:LINE: and the words. */
static void refused(const struct fixture *f, int line, const char *words, const char *from,
                    const char *to)
{
    char place[330];

    write_with(f, from, to);
    cr_assert_null(clg_recipe_read(f->ctx, f->path, NULL), "not refused: %s", to);
    snprintf(place, sizeof(place), "%s:%d: ", f->path, line);
    cr_assert_eq(strncmp(clg_error(f->ctx), place, strlen(place)), 0, "%s: not line %d: %s", to,
                 line, clg_error(f->ctx));
    cr_assert_not_null(strstr(clg_error(f->ctx), words), "%s: '%s' is not in: %s", to, words,
                       clg_error(f->ctx));
}

static clg_recipe *accepted(const struct fixture *f, const char *from, const char *to,
                            const clg_recipe_params *params)
{
    clg_recipe *recipe;

    write_with(f, from, to);
    recipe = clg_recipe_read(f->ctx, f->path, params);
    cr_assert_not_null(recipe, "%s", clg_error(f->ctx));
    return recipe;
}

static void has(clg_recipe *recipe, const char *words)
{
    const char *text;

    cr_assert_eq(clg_recipe_resolved(recipe, &text), CLG_OK);
    cr_assert_not_null(strstr(text, words), "'%s' is not in:\n%s", words, text);
}

TEST(recipe, resolved)
{
    struct fixture f;
    clg_recipe *recipe;
    char path[600];

    setup(&f);
    recipe = accepted(&f, "loss", "loss", NULL);
    snprintf(path, sizeof(path), "train: {images: %s/a.idx, labels: %s/b.idx}", f.folder, f.folder);
    has(recipe, path);
    has(recipe, "- linear: {out: 5, bias: true}\n- relu\n- dropout: {p: 0.5}\n");
    has(recipe, "normalize: {mean: 0, std: 1}");
    has(recipe, "shuffle: true\n  drop_last: false\n");
    has(recipe, "train:\n  epochs: 2\n  steps: 0\n  seed: 1\n  log_every: 0\n");
    clg_recipe_destroy(&recipe);
    cr_assert_null(recipe);
    finish(&f);
}

/* What clg_recipe_resolved() gives is a recipe with the same meaning. */
TEST(recipe, resolved_is_a_recipe)
{
    struct fixture f;
    clg_recipe *recipe;
    const char *text, *again;

    setup(&f);
    recipe = accepted(&f, "loss", "init: xavier_uniform\nloss", NULL);
    test_ok(f.ctx, clg_recipe_resolved(recipe, &text));
    file_write_text(file_in(f.folder, "again.yaml"), text);
    recipe = clg_recipe_read(f.ctx, file_in(f.folder, "again.yaml"), NULL);
    cr_assert_not_null(recipe, "%s", clg_error(f.ctx));
    test_ok(f.ctx, clg_recipe_resolved(recipe, &again));
    cr_assert_str_eq(text, again);
    finish(&f); /* the context frees both */
}

TEST(recipe, settings_replace_values)
{
    const char *set[] = {"optimizer.sgd.lr=0.05", "model.0.linear.out=7", "model.2.dropout=0.25",
                         "init.scheme=he_normal", "train.seed=9",         NULL};
    clg_recipe_params params = {.data_dir = "/data", .set = set};
    struct fixture f;
    clg_recipe *recipe;

    setup(&f);
    recipe = accepted(&f, "loss", "loss", &params);
    has(recipe, "lr: 0.05\n");
    has(recipe, "linear: {out: 7, bias: true}");
    has(recipe, "dropout: {p: 0.25}");
    has(recipe, "init: {scheme: he_normal}");
    has(recipe, "{images: /data/a.idx, labels: /data/b.idx}");
    cr_assert_eq(clg_recipe_fit(recipe).seed, 9);
    cr_assert_eq(clg_recipe_fit(recipe).batch, 16);
    finish(&f);
}

/* A key without a value is as if it were not there. */
TEST(recipe, empty_values)
{
    struct fixture f;

    setup(&f);
    has(accepted(&f, "lr: 0.5", "lr: ", NULL), "lr: 0.001");
    has(accepted(&f, "lr: 0.5", "lr: null", NULL), "lr: 0.001");
    finish(&f);
}

TEST(recipe, settings_are_checked)
{
    static const char *const cases[][2] = {
        {"optimizer.sgd.lr=fast", "--set optimizer.sgd.lr=fast: optimizer.sgd.lr is 'fast', but"},
        {"optimizer.sgd.rate=1", "unknown key 'rate' in optimizer.sgd"},
        {"optimizer.adam.lr=1", "optimizer is a map, but must be one optimizer"},
        {"model.9.linear=1", "the list has no item '9'"},
        {"model.x=1", "the list has no item 'x'"},
        {"optimizer.sgd.lr=0,01", "but must be a number of at least 0: a decimal comma: write 0.01"},
        {"optimizer.sgd={lr:0.1}", "a space is missing after the colon: write 'lr: 0.1'"},
        {"data.bach=", "unknown key 'bach' in data"},
        {"data.bach=null", "unknown key 'bach' in data"},
        {"typo=~", "unknown key 'typo' in the recipe"},
        {"data..batch=3", "a part of the key's path is empty"},
        {"data.=3", "a part of the key's path is empty"},
        {".data=3", "a part of the key's path is empty"},
        {"train.epochs=1_0", "digits are not grouped: write 10"},
        {"train.epochs='5'", "write it without quotes"},
        {"train.epochs=010", "a leading zero"},
        {"train.epochs=!!int 5", "tags (!name) are not supported"},
        {"train.epochs=5\n---\n6", "a second document starts here"},
        {"train={epochs: 1, epochs: 2}", "the key 'epochs' is there twice"},
        {"nothing", "it must be KEY.PATH=VALUE"},
        {"=1", "it must be KEY.PATH=VALUE"},
        {"data.shape=[1", "this is not YAML"},
        {"loss.x=1", "loss: unknown loss 'x'"},
        {"data.train=null", "data needs the key 'train'"},
        {"optimizer.sgd.lr.x=3", "--set optimizer.sgd.lr.x=3: optimizer.sgd.lr is a map, but must "
                                 "be a number of at least 0"},
        {"model=[]", "--set model=[]: model is an empty list, but must have one layer or more"},
        {"model=", "the recipe needs the key 'model'"},
    };
    struct fixture f;

    setup(&f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *set[] = {cases[i][0], NULL};
        clg_recipe_params params = {.set = set};

        file_write_text(f.path, good);
        cr_assert_null(clg_recipe_read(f.ctx, f.path, &params), "not refused: %s", cases[i][0]);
        cr_assert_not_null(strstr(clg_error(f.ctx), cases[i][1]), "'%s' is not in: %s", cases[i][1],
                           clg_error(f.ctx));
    }
    finish(&f);
}

TEST(recipe, unknown_keys)
{
    struct fixture f;

    setup(&f);
    refused(&f, 4, "unknown key 'bach' in data; the nearest known one is 'batch'", "batch", "bach");
    refused(&f, 10, "unknown key 'lose' in the recipe; the nearest known one is 'loss'", "loss",
            "lose");
    refused(&f, 11, "unknown key 'momentun' in optimizer.sgd; the nearest known one is 'momentum'",
            "lr: 0.5", "momentun: 0.5");
    refused(&f, 6, "unknown key 'units' in model.0.linear", "{out: 5}", "{units: 5}");
    refused(&f, 2, "unknown key 'label' in data.train; the nearest known one is 'labels'", "labels",
            "label");
    refused(&f, 7, "unknown key 'x': model.1.relu takes none", "relu", "relu: {x: 1}");
    finish(&f);
}

TEST(recipe, unknown_names)
{
    struct fixture f;

    setup(&f);
    refused(&f, 7, "model.1: unknown layer 'rellu'; the nearest known one is 'relu'", "relu",
            "rellu");
    refused(&f, 6, "unknown layer 'Linear'; the nearest known one is 'linear'", "linear", "Linear");
    refused(&f, 10, "loss: unknown loss 'crossentropy'; the nearest known one is 'cross_entropy'",
            "cross_entropy", "crossentropy");
    refused(&f, 11, "optimizer: unknown optimizer 'SGD'; the nearest known one is 'sgd'", "sgd",
            "SGD");
    refused(&f, 2, "data.train: unknown kind of data 'image'; the nearest known one is 'images'",
            "{images: a.idx, labels: b.idx}", "{image: a.idx}");
    refused(&f, 10, "init.scheme 'xavier' is not known; the nearest is 'xavier_uniform'", "loss",
            "init: {scheme: xavier}\nloss");
    finish(&f);
}

/* A key that is not known is refused whatever its value, and the sentence says what happened. */
TEST(recipe, keys_without_values)
{
    static const char space[] = "a space is missing after the colon: write 'lr: 0.5'";
    struct fixture f;

    setup(&f);
    refused(&f, 11, space, "{lr: 0.5}", "{lr:0.5}");
    refused(&f, 11, space, "{lr: 0.5}", "{momentum: 0.9, lr:0.5}");
    refused(&f, 11, "a decimal comma: write 0.01", "{lr: 0.5}", "{lr: 0,01}");
    refused(&f, 11, "a decimal comma: write 0.01", "{lr: 0.5}", "{lr: 0,01, momentum: 0.9}");
    refused(&f, 11, "a colon is missing: write 'lr: 0.5'", "{lr: 0.5}", "{lr 0.5}");
    refused(&f, 11, "a colon is missing: write 'lr: 0.5'", "{lr: 0.5}", "{lr = 0.5}");
    refused(&f, 11, "unknown key 'rate' in optimizer.sgd; the nearest", "{lr: 0.5}", "{rate: }");
    refused(&f, 11, "unknown key 'rate'", "{lr: 0.5}", "{rate: ~}");
    refused(&f, 11, "unknown key 'rate'", "{lr: 0.5}", "{rate: NULL}");
    refused(&f, 12, "train is 'epochs:2', but must be a map of keys: a space is missing",
            "train: {epochs: 2}", "train: epochs:2");
    refused(&f, 12, "a space is missing after the colon: write 'epochs: 2'", "{epochs: 2}",
            "{epochs:2}");
    refused(&f, 13, "this is not YAML", "train: {epochs: 2}\n",
            "train:\n  epochs:2\n  seed: 1\n");
    refused(&f, 14, "a space is missing after the colon", "train: {epochs: 2}\n",
            "train:\n  epochs: 2\n  seed:1\n");
    refused(&f, 6, "model.0: unknown layer 'linear:5': a space is missing", "linear: {out: 5}",
            "linear:5");
    refused(&f, 6, "a space is missing after the colon", "linear: {out: 5}", "linear:{out: 5}");
    refused(&f, 8, "a decimal comma: write 0.5", "dropout: 0.5", "{dropout: 0,5}");
    refused(&f, 8, "a decimal comma: write 0.5", "dropout: 0.5", "dropout: 0,5");
    refused(&f, 2, "a space is missing", "images: a.idx", "images:a.idx");
    refused(&f, 4, "unknown key 'bach'", "batch: 16", "bach:");
    refused(&f, 7, "unknown key 'x': model.1.relu takes none", "relu", "relu: {x: }");
    refused(&f, 7, "unknown key 'inplace'", "relu", "{relu: {inplace: null}}");
    finish(&f);
}

/* What libyaml says, and what it probably comes from. */
TEST(recipe, syntax)
{
    static const char nesting[] =
        "'out' stands beside 'linear', but must be indented further or be in its braces";
    struct fixture f;

    setup(&f);
    refused(&f, 11, "a colon is missing", "optimizer: {sgd", "optimizer {sgd");
    refused(&f, 11, "a colon is missing", "{sgd: {", "{sgd {");
    refused(&f, 4, "a colon is missing", "batch: 16", "batch 16");
    refused(&f, 4, "a colon is missing", "batch: 16", "batch = 16");
    refused(&f, 10, "a colon is missing", "loss: cross_entropy", "loss cross_entropy");
    refused(&f, 12, "a colon is missing", "train: {epochs: 2}", "train\n  epochs: 2");
    refused(&f, 6, "a colon is missing: write 'linear: {...}'", "linear: {", "linear {");
    refused(&f, 6, "a space is missing after the colon: write 'linear: {...}'", "linear: {",
            "linear:{");
    refused(&f, 8, "a colon is missing: write 'dropout: 0.5'", "dropout: 0.5", "dropout 0.5");
    refused(&f, 6, "a space is missing after the dash", "- linear", "-linear");
    refused(&f, 14, "is not indented as those around it", "train: {epochs: 2}\n",
            "train:\n    epochs: 2\n  seed: 1\n");
    refused(&f, 14, "is indented too far", "train: {epochs: 2}\n",
            "train:\n  epochs: 2\n    seed: 1\n");
    refused(&f, 11, "a comma or colon is missing", "lr: 0.5", "lr: 0.5 momentum: 0.9");
    refused(&f, 6, nesting, "linear: {out: 5}", "linear:\n    out: 5");
    refused(&f, 11, "'momentum' stands beside 'sgd'", "{lr: 0.5}", "{lr: 0.5}, momentum: 0.9");
    refused(&f, 11, "'adam' and 'sgd' are two", "{lr: 0.5}", "{lr: 0.5}, adam: {lr: 0.1}");
    finish(&f);
}

/* Numbers in other notations: each is refused, with what to write. */
TEST(recipe, notations)
{
    static const char *const cases[][2] = {
        {"1,5", "a decimal comma: write 1.5"},
        {"1e-3,", "but must be a number"},
        {"0x10", "numbers are decimal"},
        {"0b1", "numbers are decimal"},
        {"1_000", "digits are not grouped: write 1000"},
        {"010", "a leading zero"},
        {"00.5", "a leading zero"},
        {"50%", "write 0.5"},
        {"1/255", "a fraction is written as a decimal number"},
        {"0.1#x", "a space is missing before the #"},
        {"'0.5'", "write it without quotes"},
        {"\"0.5\"", "write it without quotes"},
        {"1e-60", "as a float32 number it would be 0 or infinite"},
        {"1e39", "as a float32 number it would be 0 or infinite"},
        {"1e999", "as a float32 number it would be 0 or infinite"},
        {".nan", "but must be a number"},
        {".inf", "but must be a number"},
        {"yes", "but must be a number"},
        {"\xe2\x88\x92" "0.1", "its minus is another character: write -0.1"},
        {"1e\xe2\x80\x93" "3", "its minus is another character: write 1e-3"},
        {"10 ms", "a number stands alone, without a unit"},
        {"0.1x", "a number stands alone, without a unit"},
        {"0.1\xc2\xb5s", "a number stands alone, without a unit"},
        {"0.1 0.2", "but must be a number"},
        {"[0.1]", "is a list"},
        {"{a: 1}", "is a map"},
        {"!!str 0.1", "tags (!name) are not supported"},
        {"&x 0.1", "anchors (&name)"},
    };
    struct fixture f;
    char value[64];

    setup(&f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(value, sizeof(value), "\n  sgd:\n    lr: %s", cases[i][0]);
        refused(&f, 13, cases[i][1], " {sgd: {lr: 0.5}}", value);
    }
    has(accepted(&f, "lr: 0.5", "lr: .5", NULL), "lr: .5");
    has(accepted(&f, "lr: 0.5", "lr: 1e-3", NULL), "lr: 1e-3");
    has(accepted(&f, "lr: 0.5", "lr: +0.5", NULL), "lr: +0.5");
    has(accepted(&f, "lr: 0.5", "lr: 0e-99", NULL), "lr: 0e-99");
    refused(&f, 4, "data.batch is '1,000', but must be a whole number over 0: digits are not "
                   "grouped: write 1000", "16", "1,000");
    refused(&f, 4, "a leading zero is octal to some", "16", "010");
    refused(&f, 4, "write it without quotes", "16", "'16'");
    refused(&f, 4, "a number stands alone, without a unit", "16", "16k");
    refused(&f, 11, "a decimal comma: write 0.9", "sgd: {lr: 0.5}", "adam: {betas: [0,9, 0,99]}");
    refused(&f, 4, "must be a whole number", "16", "1e3");
    refused(&f, 4, "must be a whole number", "16", "16.0");
    refused(&f, 3, "data.shape is '28,28', but must be a list of 1 to 7 whole numbers over 0: write "
                   "[28,28]", "[784]", "28,28");
    refused(&f, 3, "data.shape is '784', but must be", "[784]", "['784']");
    refused(&f, 3, "data.shape is empty, but must be", "[784]", "[784, ~]");
    refused(&f, 12, "train.seed is '9007199254740993', but must be a whole number within 2^53",
            "epochs: 2", "epochs: 2, seed: 9007199254740993");
    refused(&f, 12, "but must be a whole number within 2^53", "epochs: 2",
            "epochs: 2, seed: 99999999999999999999");
    for (const char **word = (const char *[]){"True", "yes", "on", "1", "'true'", NULL}; *word;
         word++) {
        snprintf(value, sizeof(value), "shuffle: %s", *word);
        refused(&f, 4, "but must be true or false", "batch: 16", value);
    }
    refused(&f, 12, "train.freeze is empty, but must be a word", "epochs: 2",
            "epochs: 2, freeze: [~]");
    refused(&f, 7, "model.1 is empty, but must be one layer", "relu", "");
    finish(&f);
}

/* What editors and systems do to text. */
TEST(recipe, texts)
{
    struct fixture f;
    char text[1024];
    size_t n = 0;

    setup(&f);
    accepted(&f, "data:", "\xef\xbb\xbf" "data:", NULL);
    for (const char *at = good; *at; at++) {
        if (*at == '\n')
            text[n++] = '\r';
        text[n++] = *at;
    }
    text[n] = '\0';
    has(accepted(&f, good, text, NULL), "batch: 16");
    refused(&f, 2, "the recipe needs the key 'data'", good, "---\n");
    refused(&f, 2, "the recipe needs the key 'data'", good, "---\n...\n");
    refused(&f, 4, "the line begins with a tab, but YAML is indented with spaces", "  batch",
            "\tbatch");
    refused(&f, 4, "the line begins with a tab", "  batch", "  \tbatch");
    accepted(&f, "  - relu\n", "  - {linear: 4, name: }\n", NULL);
    finish(&f);
}

/* What is no text is named. */
TEST(recipe, other_files)
{
    struct fixture f;
    static const struct {
        const char *bytes, *words;
    } cases[] = {
        {"PK\3\4 and more", "is a zip archive, as PyTorch's .pt and NumPy's .npz are, not a recipe"},
        {"<!DOCTYPE HTML>\n<p>", "is an HTML page, not a recipe (YAML): what was downloaded is"},
        {"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"},
        {"\x1f\x8b\x08", "is gzip data, not a recipe (YAML): gunzip unpacks it"},
        {"\x89PNG\r\n\x1a\n", "is a PNG image"},
    };

    setup(&f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        file_write_text(f.path, cases[i].bytes);
        cr_assert_null(clg_recipe_read(f.ctx, f.path, NULL));
        cr_assert_not_null(strstr(clg_error(f.ctx), cases[i].words), "%s", clg_error(f.ctx));
    }
    cr_assert_null(clg_recipe_read(f.ctx, "/dev/zero", NULL));
    cr_assert_not_null(strstr(clg_error(f.ctx), "it is a device, but must be a file"));
    remove(f.path);
    cr_assert_eq(mkfifo(f.path, 0600), 0);
    cr_assert_null(clg_recipe_read(f.ctx, f.path, NULL));
    cr_assert_not_null(strstr(clg_error(f.ctx), "it is a pipe, but must be a file"), "%s",
                       clg_error(f.ctx));
    finish(&f);
}

/* The work grows with the number of keys, not with its square: allocations and comparisons are
 * counted nowhere, but 300,000 keys take 45 billion comparisons where each is compared with each. */
TEST(recipe, many_keys)
{
    enum { KEYS = 300000 };
    struct fixture f;
    char *text = malloc(KEYS * 16 + sizeof(good)), *at = text;

    setup(&f);
    for (int i = 0; i < KEYS; i++)
        at += sprintf(at, "k%d: 1\n", i);
    strcpy(at, good);
    file_write_text(f.path, text);
    cr_assert_null(clg_recipe_read(f.ctx, f.path, NULL));
    cr_assert_not_null(strstr(clg_error(f.ctx), "r.yaml:1: unknown key 'k0' in the recipe"), "%s",
                       clg_error(f.ctx));
    free(text);
    finish(&f);
}

TEST(recipe, names_of_pytorch)
{
    struct fixture f;

    setup(&f);
    refused(&f, 6, "unknown layer 'BatchNorm2d'; the nearest known one is 'batchnorm2d'",
            "linear: {out: 5}", "BatchNorm2d");
    refused(&f, 10, "unknown loss 'BCEWithLogitsLoss'; the nearest known one is 'bce_with_logits'",
            "cross_entropy", "BCEWithLogitsLoss");
    refused(&f, 10, "unknown loss 'SmoothL1Loss'; the nearest known one is 'smooth_l1'",
            "cross_entropy", "SmoothL1Loss");
    refused(&f, 11, "unknown optimizer 'AdamW'; the nearest known one is 'adamw'", "sgd", "AdamW");
    finish(&f);
}

/* A model of this layer, on samples of this shape, with `flatten` and a linear layer behind it. */
static void layer_case(const struct fixture *f, clg_device *device, const char *shape,
                       const char *layer, const char *refusal)
{
    char data[64], model[300];
    const char *set[] = {data, model, NULL};
    clg_recipe_params params = {.set = set};
    clg_recipe *recipe;
    clg_model built;

    snprintf(data, sizeof(data), "data.shape=%s", shape);
    snprintf(model, sizeof(model), "model=[%s, flatten, {linear: {out_features: 3}}]", layer);
    recipe = accepted(f, "loss", "loss", &params);
    if (!refusal) {
        cr_assert_eq(clg_recipe_model(recipe, device, false, &built), CLG_OK, "%s: %s", layer,
                     clg_error(f->ctx));
        clg_store_destroy(&built.store);
    } else {
        test_refused(f->ctx, CLG_ERR_ARGUMENT, refusal,
                     clg_recipe_model(recipe, device, false, &built));
    }
    clg_recipe_destroy(&recipe);
}

/* PyTorch's names of sizes: those of outputs are taken, those of inputs are checked. */
TEST(recipe, sizes_have_the_names_of_pytorch)
{
    static const char *const cases[][3] = {
        {"[784]", "{linear: {in_features: 784, out_features: 4}}", NULL},
        {"[784]", "{linear: {in_features: 28, out_features: 4}}",
         "linear: in_features is 28, but dimension 1 of the input (batch, 784) is not"},
        {"[3,8]", "{conv1d: {in_channels: 3, out_channels: 4, kernel_size: 3}}", NULL},
        {"[3,8,8]", "{conv2d: {in_channels: 3, out_channels: 4, kernel_size: 3}}", NULL},
        {"[3,8,8]", "{conv2d: {in_channels: 4, out_channels: 4, kernel_size: 3}}",
         "conv2d: in_channels is 4, but dimension 1 of the input (batch, 3, 8, 8) is not"},
        {"[3,8,8]", "{convtranspose2d: {in_channels: 3, out_channels: 4, kernel_size: 3}}", NULL},
        {"[3,8,8]", "{batchnorm2d: {num_features: 3}}", NULL},
        {"[3,8,8]", "{batchnorm2d: {num_features: 8}}", "batchnorm2d: num_features is 8"},
        {"[3]", "{batchnorm1d: {num_features: 3}}", NULL},
        {"[3,8,8]", "{instancenorm2d: {num_features: 3}}", NULL},
        {"[3,8]", "{instancenorm1d: {num_features: 4}}", "instancenorm1d: num_features is 4"},
        {"[4,8,8]", "{groupnorm: {num_groups: 2, num_channels: 4}}", NULL},
        {"[4,8,8]", "{groupnorm: {num_groups: 2, num_channels: 8}}", "num_channels is 8"},
        {"[4,8]", "{layernorm: {normalized_shape: [4, 8]}}", NULL},
        {"[4,8]", "{layernorm: {normalized_shape: 8}}", NULL},
        {"[4,8]", "{layernorm: {normalized_shape: 4}}",
         "layernorm: normalized_shape is (4), but the input is (batch, 4, 8)"},
        {"[4,8]", "{layernorm: {normalized_shape: [4, 8], dims: 1}}", "and dims is 1"},
        {"[4,8]", "{rmsnorm: {normalized_shape: [8]}}", NULL},
        {"[4,8]", "{rmsnorm: {normalized_shape: [2, 4, 8]}}", "rmsnorm: normalized_shape is"},
        {"[4,8]", "{lstm: {input_size: 8, hidden_size: 5}}", NULL},
        {"[4,8]", "{gru: {input_size: 4, hidden_size: 5}}", "gru: input_size is 4"},
        {"[4,8]", "{rnn: {input_size: 8, hidden_size: 5}}", NULL},
        {"[4,8]", "{multiheadattention: {embed_dim: 8, num_heads: 2}}", NULL},
        {"[4,8]", "{multiheadattention: {embed_dim: 4, num_heads: 2}}", "embed_dim is 4"},
        {"[4]", "{embedding: {num_embeddings: 5, embedding_dim: 3}}", NULL},
    };
    struct fixture f;
    clg_device *device;

    setup(&f);
    device = test_open(f.ctx, CLG_FORM_AUTO);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        layer_case(&f, device, cases[i][0], cases[i][1], cases[i][2]);
    has(accepted(&f, "{out: 5}", "{out_features: 5}", NULL), "- linear: {out: 5, bias: true}");
    refused(&f, 6, "'out' and 'out_features' are one key, and it is there twice", "{out: 5}",
            "{out: 5, out_features: 5}");
    finish(&f);
}

TEST(recipe, missing_keys)
{
    struct fixture f;

    setup(&f);
    refused(&f, 2, "data.train needs the key 'labels'", ", labels: b.idx", "");
    refused(&f, 6, "model.0.linear needs the key 'out'", "{out: 5}", "{bias: true}");
    refused(&f, 1, "the recipe needs the key 'loss'", "loss: cross_entropy\n", "");
    refused(&f, 12, "train needs the key 'epochs' or 'steps'", "{epochs: 2}", "{seed: 2}");
    refused(&f, 2, "data needs the key 'train'", "  train: {images: a.idx, labels: b.idx}\n", "");
    refused(&f, 1, "the recipe needs the key 'data'", good, "");
    refused(&f, 1, "the recipe needs the key 'data'", good, "# nothing\n");
    finish(&f);
}

TEST(recipe, wrong_values)
{
    struct fixture f;

    setup(&f);
    refused(&f, 11, "optimizer.sgd.lr is 'high', but must be a number of at least 0", "0.5}}",
            "high}}");
    refused(&f, 11, "optimizer.sgd.lr is '-1', but must be", "0.5}}", "-1}}");
    refused(&f, 11, "optimizer.sgd.lr is 'nan', but must be", "0.5}}", "nan}}");
    refused(&f, 11, "optimizer.sgd.lr is '0.5', but must be a number", "0.5}}", "'0.5'}}");
    refused(&f, 11, "optimizer.sgd.lr is a list, but must be", "0.5}}", "[0.5]}}");
    refused(&f, 4, "data.batch is '0', but must be a whole number over 0", "16", "0");
    refused(&f, 4, "data.batch is '1.5', but must be a whole number over 0", "16", "1.5");
    refused(&f, 4, "data.shuffle is 'yes', but must be true or false", "batch: 16", "shuffle: yes");
    refused(&f, 3, "data.shape is '-784', but must be a list of 1 to 7 whole numbers over 0",
            "[784]", "[-784]");
    refused(&f, 3, "data.shape is a list, but must be", "[784]", "[]");
    refused(&f, 3, "so small that a sample has under 2^31 values", "[784]", "[65536, 65536]");
    refused(&f, 8, "model.2.dropout.p is '1.5', but must be a number from 0 to 1", "0.5\n",
            "1.5\n");
    refused(&f, 6, "model is a map, but must be a list",
            "  - linear: {out: 5}\n  - relu\n  - "
            "dropout: 0.5\n  - linear: 3\n",
            "  linear: 3\n");
    refused(&f, 7, "model.1 is a map, but must be one layer", "relu", "{relu: {}, tanh: {}}");
    refused(&f, 1, "the recipe is a list, but must be a map of keys", good, "- 1\n");
    refused(&f, 11, "optimizer.adam.eps is '0', but must be a number over 0", "sgd: {lr: 0.5}",
            "adam: {eps: 0}");
    refused(&f, 4, "data.normalize.std is '0', but must be a number over 0", "batch: 16",
            "normalize: {std: 0}");
    finish(&f);
}

TEST(recipe, init)
{
    struct fixture f;

    setup(&f);
    refused(&f, 10, "init needs either a scheme or weights", "loss",
            "init: {scheme: zeros, weights: x}\nloss");
    refused(&f, 10, "init needs either a scheme or weights", "loss", "init: {std: 1}\nloss");
    refused(&f, 10, "std with normal", "loss", "init: {scheme: zeros, std: 1}\nloss");
    refused(&f, 10, "the scheme constant needs the key 'value'", "loss", "init: constant\nloss");
    refused(&f, 10, "a must be under b", "loss", "init: {scheme: uniform, a: 2}\nloss");
    accepted(&f, "loss", "init: {scheme: uniform, a: -1}\nloss", NULL);
    accepted(&f, "loss", "init: {scheme: constant, value: 2}\nloss", NULL);
    accepted(&f, "loss", "init: {scheme: normal, std: 0.01}\nloss", NULL);
    has(accepted(&f, "loss", "init: {weights: w}\nloss", NULL), file_in(f.folder, "w"));
    finish(&f);
}

TEST(recipe, not_yaml)
{
    char deep[300] = "data: ";
    struct fixture f;

    setup(&f);
    refused(&f, 5, "this is not YAML", "batch: 16", "batch: [16"); /* seen there */
    refused(&f, 4, "this is not YAML", "  batch", "\tbatch");
    refused(&f, 5, "the key 'batch' is there twice", "batch: 16", "batch: 16\n  batch: 17");
    refused(&f, 4, "aliases (*name) are not supported", "16", "*x");
    refused(&f, 13, "a second document starts here", "train: {epochs: 2}\n",
            "train: {epochs: 2}\n---\n");
    refused(&f, 1, "a key must be a word", good, "[a]: 1\n");
    refused(&f, 1, "this is not YAML", good, "\xff\xfe\xfd");
    memset(deep + 6, '[', 200);
    refused(&f, 1, "too deep", good, deep);
    cr_assert_null(clg_recipe_read(f.ctx, "/none/r.yaml", NULL));
    cr_assert_not_null(strstr(clg_error(f.ctx), "cannot open '/none/r.yaml'"));
    cr_assert_null(clg_recipe_read(f.ctx, NULL, NULL));
    cr_assert_null(clg_recipe_read(NULL, f.path, NULL));
    finish(&f);
}

/* Every spelling of a layer, its name, and blocks in blocks. */
TEST(recipe, layers)
{
    struct fixture f;
    clg_recipe *recipe;

    setup(&f);
    recipe = accepted(&f, "  - relu\n",
                      "  - relu:\n  - tanh: {}\n  - linear: {out: 4, name: fc.one}\n"
                      "  - {linear: 4, name: fc2}\n  - leakyrelu\n"
                      "  - sequential: [{linear: 2}, {sequential: {layers: [sigmoid]}}]\n",
                      NULL);
    has(recipe, "name: fc.one");
    has(recipe, "leakyrelu: {negative_slope: 0.01}");
    refused(&f, 7, "model.1.sequential.layers.0: unknown layer 'relux'", "relu",
            "sequential: [relux]");
    refused(&f, 7, "name is a list, but must be a word", "relu", "relu: {name: [x]}");
    finish(&f);
}

/* The good recipe's model with this loss, ready to train. */
static void builds(const struct fixture *f, clg_device *device, const char *loss)
{
    clg_recipe *recipe = accepted(f, "loss: cross_entropy", loss, NULL);
    clg_model model;

    cr_assert_eq(clg_recipe_model(recipe, device, true, &model), CLG_OK, "%s: %s", loss,
                 clg_error(f->ctx));
    clg_store_destroy(&model.store);
    clg_recipe_destroy(&recipe);
}

TEST(recipe, losses)
{
    static const char *const losses[] = {
        "mse",
        "half_mse",
        "mae",
        "hinge",
        "huber: 0.5",
        "smooth_l1: {beta: 0}",
        "nll",
        "bce_with_logits",
        "bce_with_logits: {pos_weight: [1, 2, 3]}",
        "kl_div",
        "kl_div: {reduction: batchmean}",
        "cross_entropy: {label_smoothing: 0.1, ignore_index: 2, weight: [1, 2, 0.5]}",
    };
    struct fixture f;
    clg_device *device;
    char text[256];

    setup(&f);
    device = test_open(f.ctx, CLG_FORM_AUTO);
    for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
        snprintf(text, sizeof(text), strchr(losses[i], ':') ? "loss: {%s}" : "loss: %s", losses[i]);
        builds(&f, device, text);
    }
    has(accepted(&f, "loss", "loss", NULL), "cross_entropy: {label_smoothing: 0}");
    finish(&f);
}

TEST(recipe, losses_refused)
{
    struct fixture f;
    clg_recipe *recipe;
    clg_model model;

    setup(&f);
    refused(&f, 10, "loss.cross_entropy.label_smoothing is '2', but must be a number from 0 to 1",
            "cross_entropy", "{cross_entropy: {label_smoothing: 2}}");
    refused(&f, 10, "loss.huber.delta is '0', but must be a number over 0", "cross_entropy",
            "{huber: 0}");
    refused(&f, 10, "unknown key 'margin': loss.hinge takes none", "cross_entropy",
            "{hinge: {margin: 1}}");
    refused(&f, 10, "loss.kl_div.reduction 'sum' is not known", "cross_entropy",
            "{kl_div: {reduction: sum}}");
    recipe = accepted(&f, "cross_entropy", "{nll: {weight: [1, 2]}}", NULL);
    cr_assert_neq(clg_recipe_model(recipe, test_open(f.ctx, CLG_FORM_AUTO), true, &model), CLG_OK);
    cr_assert_not_null(
        strstr(clg_error(f.ctx), "class_weight (2) must have a number for each of 3"), "%s",
        clg_error(f.ctx));
    recipe = accepted(&f, "cross_entropy", "{nll: {ignore_index: 0.5}}", NULL);
    cr_assert_neq(clg_recipe_model(recipe, test_open(f.ctx, CLG_FORM_AUTO), true, &model), CLG_OK);
    cr_assert_not_null(strstr(clg_error(f.ctx), "r.yaml:10: ignore_index is 0.5, must be a whole"),
                       "%s", clg_error(f.ctx));
    finish(&f);
}

/* A label that is no class is refused, unless it is the ignored one. */
TEST(recipe, ignored_labels)
{
    static const float samples[3 * 784];
    static const int32_t labels[3] = {2, 255, 0};
    struct fixture f;
    clg_dataset_params params = clg_dataset_defaults();
    clg_recipe *recipe;
    clg_model model;

    setup(&f);
    params.count = 3;
    params.shape = clg_shape1(784);
    params.samples = samples;
    params.labels = labels;
    clg_dataset *data = clg_dataset_create(f.ctx, &params);
    cr_assert_not_null(data, "%s", clg_error(f.ctx));
    recipe = accepted(&f, "cross_entropy", "{cross_entropy: {ignore_index: 255}}", NULL);
    test_ok(f.ctx, clg_recipe_model(recipe, test_open(f.ctx, CLG_FORM_AUTO), true, &model));
    test_ok(f.ctx, clg_recipe_check_data(recipe, &model, data));
    recipe = accepted(&f, "cross_entropy", "{cross_entropy: {ignore_index: 254}}", NULL);
    test_ok(f.ctx, clg_recipe_model(recipe, test_open(f.ctx, CLG_FORM_AUTO), true, &model));
    test_refused(f.ctx, CLG_ERR_FORMAT, "the label of sample 1 is 255",
                 clg_recipe_check_data(recipe, &model, data));
    finish(&f);
}

/* docs/recipes.md repeats the table of keys. */
TEST(recipe, documentation)
{
    clg_ctx *ctx = test_context();
    char path[512];
    char *docs;

    snprintf(path, sizeof(path), "%s/docs/recipes.md", getenv("CLG_TEST_SOURCE"));
    docs = file_read(path, NULL);
    cr_assert_not_null(strstr(docs, clg_recipe_reference(ctx)),
                       "docs/recipes.md does not contain what `clgrad train --keys` prints");
    free(docs);
    clg_ctx_destroy(&ctx);
}
