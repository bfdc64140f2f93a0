/* What the command refuses: one line on stderr, and the exit status. */
#include "test.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"

TEST(refusals, wrong_use)
{
    command_expect(2, "a command is missing", "%s", "");
    command_expect(2, "a command is missing", "--quiet");
    command_expect(2, "RECIPE is missing", "train");
    command_expect(2, "'b' is one argument too many", "train a b");
    command_expect(2, "--out needs a value", "train a --out");
    command_expect(2, "--steps is '0', but must be a whole number over 0", "train a --steps 0");
    command_expect(2, "--steps is '3x', but must be", "train a --steps=3x");
    command_expect(2, "--why is 'yes', but must be true or false", "devices --why=yes");
    command_expect(2, "--json is '', but must be true or false", "devices --json=");
    command_expect(2, "--device needs a value", "train a --device");
    command_expect(2, "--form is 'row', but must be group or item", "train a --form row");
    command_expect(2, "--gemm is 'x', but must be native or clblast", "eval a --gemm=x");
    command_expect(2, "FILE is missing", "predict x");
    command_expect(2, "RUN is missing", "eval");
    command_expect(2, "--keys stands alone", "train --keys --json");
    command_expect(2, "--keys stands alone", "train a --keys");
    command_expect(2, "--list goes with neither --op nor --small", "selftest --list --op add");
    command_expect(2, "bench: roof, gemm, train or compare is missing", "bench");
    command_expect(2, "WORKLOAD... is missing", "bench train");
    command_expect(2, "B is missing", "bench compare a");
    command_expect(2, "--seconds is '-1', but must be a number over 0", "bench roof --seconds -1");
}

TEST(refusals, misspelt_words)
{
    command_expect(2, "there is no command 'trian'; the nearest known one is 'train'", "trian");
    command_expect(2, "the nearest known one is 'devices'", "dev");
    command_expect(2, "there is no command 'xyzzy'; see clgrad help", "xyzzy");
    command_expect(2, "there is no flag '--verson'; the nearest known one is '--version'",
                   "--verson");
    command_expect(2, "the nearest known one is 'eval'", "help evla");
    command_expect(2, "bench gemm: unknown flag '--x'", "--device cpu bench gemm --x");
    command_expect(2, "bench gemm: unknown flag '--x'", "bench --device cpu gemm --x");
    command_expect(2, "unknown flag '--stesp'; the nearest known one is '--steps'",
                   "train a --stesp=3");
    command_expect(2, "unknown flag '--jsn'; the nearest known one is '--json'", "devices --jsn");
    command_expect(2, "unknown flag '--epochs'", "train a --epochs 3");
    command_expect(2, "there is no op 'matmull'; the nearest known one is 'matmul'",
                   "selftest --op add,matmull");
    command_expect(2, "there is no op ''; see clgrad selftest --list", "selftest --op ''");
    command_expect(2, "the nearest known one is 'gemm'", "bench gem");
    command_expect(2, "there is no workload 'mpl'; the nearest known one is 'mlp'",
                   "bench train mpl");
}

/* Each command takes the flags that its help has, and no other. */
TEST(refusals, flags_that_would_be_ignored)
{
    static const struct {
        const char *name, *operands;
    } commands[] = {{"devices", ""},      {"train", "x"},          {"eval", "x"},
                    {"predict", "x y"},   {"graph", "x"},          {"selftest", ""},
                    {"lr-find", "x"},     {"plot", "x"}, {"export", "x y"},
                    {"version", ""},        {"bench roof", ""},      {"bench gemm", ""},
                    {"bench train", "x"}, {"bench compare", "x y"}};
    static const char *const flags[] = {"--device", "--form", "--gemm", "--json", "--quiet"};

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const char *name = commands[i].name;
        struct command help;

        command_run(&help, "help %s", name);
        for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++) {
            char refusal[128];

            snprintf(refusal, sizeof(refusal), "%s does not take %s; see clgrad %s --help", name,
                     flags[k], name);
            if (!strstr(help.out, flags[k]))
                command_expect(2, refusal, "%s %s %s=none", name, commands[i].operands, flags[k]);
            else if (k < 3)
                command_expect(2, "needs a value", "%s %s %s", name, commands[i].operands,
                               flags[k]);
            else
                command_expect(2, "is 'none', but must be true or false", "%s %s %s=none", name,
                               commands[i].operands, flags[k]);
        }
        command_free(&help);
    }
}

/* Runs the command, which must succeed; what it prints is to be freed. */
static char *output_of(const char *arguments)
{
    struct command run;

    command_run(&run, "%s", arguments);
    cr_assert(run.status == 0 && !run.err[0], "clgrad %s: exit status %d: %s", arguments,
              run.status, run.err);
    free(run.err);
    return run.out;
}

static void expect_same(const char *a, const char *b)
{
    char *first = output_of(a), *second = output_of(b);

    cr_assert_str_eq(first, second, "clgrad %s and clgrad %s differ", a, b);
    free(first);
    free(second);
}

TEST(refusals, help_and_version)
{
    static const char *const commands[] = {"devices", "train", "eval",    "predict",
                                           "graph",   "bench", "selftest", "lr-find"};
    char long_form[64], short_form[64], after[64], *help = output_of("help");

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        cr_assert_not_null(strstr(help, commands[i]), "help has no %s", commands[i]);
        snprintf(long_form, sizeof(long_form), "%s --help", commands[i]);
        snprintf(short_form, sizeof(short_form), "%s -h", commands[i]);
        snprintf(after, sizeof(after), "help %s", commands[i]);
        expect_same(long_form, short_form);
        expect_same(long_form, after);
    }
    free(help);
    expect_same("help", "--help");
    expect_same("help", "-h");
    expect_same("help bench train", "bench train --help");
    expect_same("help help", "help");
    expect_same("help --version", "help version");
    help = output_of("version");
    cr_assert_str_eq(help, "clgrad " CLG_VERSION_STRING "\n");
    free(help);
    expect_same("version", "--version");
    expect_same("version", "-V");
    command_expect(2, "version: 'x' is one argument too many", "--version x");
    command_expect(2, "help: 'x' is one argument too many", "help train x");
}

TEST(refusals, flags_anywhere)
{
    expect_same("devices", "devices --json=false");
    expect_same("devices --json", "devices --json=true");
    expect_same("devices --json", "--json devices");
    expect_same("devices --json", "devices --json=false --json");
    command_expect(1, "cannot open '--json'", "train -- --json");
    command_expect(1, "cannot open '--help'", "train --quiet -- --help");
    command_expect(2, "'--json' is one argument too many", "devices -- --json");
    command_expect(1, "cannot open 'x'", "train --out --json x"); /* the value of --out */
}

TEST(refusals, recipes)
{
    static const unsigned char floats[8 + 4 * 40] = {0, 0, 0x0d, 1, 0, 0, 0, 40};
    struct tiny_run f;

    tiny_setup(&f, 40);
    command_expect(1, "cannot open 'none.yaml'", "train none.yaml");
    command_expect(1, "recipe.yaml:2: cannot open '/none/images.idx'", "train '%s' --data /none",
                   f.recipe);
    command_expect(1, "unknown optimizer 'sdg'; the nearest known one is 'sgd'",
                   "train '%s' --set optimizer.sdg.lr=3", f.recipe);
    command_expect(1, "--set model.0.liner.out=3: model.0: unknown layer 'liner'; the nearest",
                   "train '%s' --set model.0.liner.out=3", f.recipe);
    command_expect(1, "--set lr: it must be KEY.PATH=VALUE", "train '%s' --set lr", f.recipe);
    command_expect(1, "unknown key 'bath' in data; the nearest known one is 'batch'",
                   "train '%s' --set data.bath=3", f.recipe);
    command_expect(1, "recipe.yaml:8: parameter '0.weight'",
                   "train '%s' --out '%s' --device cpu --set data.shape=[2,4] "
                   "--set model.0.linear.out=2000000000",
                   f.recipe, f.run);
    command_expect(1, "the model gives (batch, 4, 3), but the loss cross_entropy needs",
                   "train '%s' --out '%s' --device cpu --set data.shape=[4,2]", f.recipe, f.run);
    command_expect(1, "have the shape (4, 2), which does not fit (9)",
                   "train '%s' --out '%s' --device cpu --set data.shape=[9]", f.recipe, f.run);
    command_expect(1, "the label of sample 2 is 2, but the model has 2 outputs",
                   "train '%s' --out '%s' --device cpu --set model.2.linear.out=2", f.recipe,
                   f.run);
    file_write(file_in(f.folder, "floats.idx"), floats, sizeof(floats));
    command_expect(1, "recipe.yaml:11: the loss cross_entropy needs labels that are classes",
                   "train '%s' --out '%s' --device cpu --set data.train.labels=floats.idx",
                   f.recipe, f.run);
    command_expect(1, "floats.idx' are float32; mse takes numbers",
                   "train '%s' --out '%s' --device cpu --set data.train.labels=floats.idx",
                   f.recipe, f.run);
    command_expect(1,
                   "No such file or directory; --data DIR names the folder of the data; Debian's "
                   "package dataset-fashion-mnist has it in /usr/share/datasets/fashion-mnist",
                   "train '%s' --set data.train.images=train-images-idx3-ubyte.gz", f.recipe);
    command_expect(1, "No such file or directory; --data DIR names the folder of the data",
                   "train '%s' --set data.test.labels=none", f.recipe);
    command_expect(1, "the loss mse needs labels of 3 values, but those of",
                   "train '%s' --out '%s' --device cpu --set loss=mse", f.recipe, f.run);
    command_expect(1, "cannot open '/none'",
                   "train '%s' --out '%s' --device cpu --set "
                   "init.weights=/none",
                   f.recipe, f.run);
    command_expect(1, "have another number of channels",
                   "train '%s' --out '%s' --device cpu --set data.normalize.mean=[1,2]", f.recipe,
                   f.run);
    command_expect(1, "with drop_last there is nothing to train on",
                   "train '%s' --out '%s' --device cpu --set data.drop_last=true "
                   "--set data.batch=64",
                   f.recipe, f.run);
    cr_assert_neq(access(f.run, F_OK), 0, "a folder was made for a run that was refused");
    test_remove(f.folder);
}

/* What a killed run leaves are files: nothing is written through a link, nor waited for at a pipe. */
TEST(refusals, leftovers_of_another_kind)
{
    struct tiny_run f;
    char *recipe, *after;

    tiny_setup(&f, 40);
    recipe = file_read(f.recipe, NULL);
    mkdir(f.run, 0777);
    cr_assert_eq(symlink(f.recipe, file_in(f.run, "log.jsonl")), 0);
    command_expect(1, "is not empty", "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    after = file_read(f.recipe, NULL);
    cr_assert_str_eq(after, recipe, "the log was written into another file");
    remove(file_in(f.run, "log.jsonl"));
    cr_assert_eq(mkfifo(file_in(f.run, "log.jsonl"), 0600), 0);
    command_expect(1, "is not empty", "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    remove(file_in(f.run, "log.jsonl"));
    mkdir(file_in(f.run, "model.safetensors.7.0.tmp"), 0777);
    command_expect(1, "is not empty", "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    free(recipe);
    free(after);
    test_remove(f.folder);
}

TEST(refusals, folders)
{
    struct tiny_run f;

    tiny_setup(&f, 40);
    command_expect(1, "is not empty: a run's folder must be new or empty",
                   "train '%s' --out '%s' --device cpu", f.recipe, f.folder);
    command_expect(1, "recipe.yaml", "train '%s' --out '%s' --device cpu", f.recipe, f.recipe);
    command_expect(1, "recipe.yaml", "train '%s' --out '%s/run' --device cpu", f.recipe, f.recipe);
    mkdir(f.run, 0777);
    command_expect(0, NULL, "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    command_expect(1, "is not empty", "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    command_expect(1, "cannot open 'none/recipe.yaml'", "eval none");
    command_expect(1, "'' is not a folder, but must be one that a training made", "eval ''");
    command_expect(1, "recipe.yaml' is not a folder, but must be", "eval '%s'", f.recipe);
    remove(file_in(f.run, "model.safetensors"));
    command_expect(1, "model.safetensors'", "eval '%s' --device cpu", f.run);
    test_remove(f.folder);
}

TEST(refusals, devices)
{
    struct tiny_run f;

    tiny_setup(&f, 40);
    command_expect(1, "no-such-device", "train '%s' --out '%s' --device no-such-device", f.recipe,
                   f.run);
    setenv("OCL_ICD_VENDORS", "/none", 1);
    command_expect(1, "install", "devices");
    test_remove(f.folder);
}

/* The last words of a shell's line, which need not succeed. */
static void said(char out[4096], const char *line)
{
    FILE *pipe = popen(line, "r");

    cr_assert_not_null(pipe);
    out[fread(out, 1, 4095, pipe)] = '\0';
    pclose(pipe);
}

/* PoCL is there, but cannot keep what it compiles. */
TEST(refusals, folders_of_compiled_kernels)
{
    char folder[256], line[2048], out[4096];

    test_folder(folder);
    setenv("POCL_CACHE_DIR", "/dev/null/x", 1);
    command_expect(1,
                   "there is no device: PoCL needs a folder for compiled kernels: cannot make the "
                   "folder '/dev/null/x': Not a directory; POCL_CACHE_DIR names another",
                   "devices");
    /* No file may have a byte: the disk is full. */
    snprintf(
        line, sizeof(line),
        "trap '' XFSZ; ulimit -f 0; POCL_CACHE_DIR='%s/kernels' '%s' selftest --op add --small "
        "--form item 2>&1",
        folder, getenv("CLG_TEST_COMMAND"));
    said(out, line);
    snprintf(line, sizeof(line),
             "do not build: PoCL needs a folder for compiled kernels: cannot "
             "write to '%s/kernels': File too large",
             folder);
    cr_expect_not_null(strstr(out, line), "'%s' is not in: %s", line, out);
    test_remove(folder);
}

TEST(refusals, files_to_predict)
{
    struct tiny_run f;

    tiny_setup(&f, 40);
    command_expect(0, NULL, "train '%s' --out '%s' --device cpu", f.recipe, f.run);
    command_expect(1, "cannot open 'none'", "predict '%s' none --device cpu", f.run);
    command_expect(1, "have the shape (), which does not fit (8)", "predict '%s' '%s' --device cpu",
                   f.run, file_in(f.folder, "labels.idx"));
    command_expect(1, "is not an IDX file", "predict '%s' '%s' --device cpu", f.run, f.recipe);
    test_remove(f.folder);
}

static bool finite_weights(const char *path)
{
    char *file = file_read(path, NULL);
    uint64_t size;
    json_t *header, *tensor;
    const char *name;
    bool finite = true;

    memcpy(&size, file, 8);
    header = json_loadb(file + 8, (size_t)size, 0, NULL);
    json_object_foreach(header, name, tensor)
    {
        const json_t *offsets = json_object_get(tensor, "data_offsets");
        json_int_t end = json_integer_value(json_array_get(offsets, 1));

        for (json_int_t i = json_integer_value(json_array_get(offsets, 0)); offsets && i < end;
             i += 4) {
            float value;

            memcpy(&value, file + 8 + size + i, 4);
            finite = finite && isfinite(value);
        }
    }
    json_decref(header);
    free(file);
    return finite;
}

/* A training that diverges says at which step, and keeps the weights from before it. */
TEST(refusals, nan_loss)
{
    struct tiny_run f;
    char *log, *run;

    tiny_setup(&f, 40);
    command_expect(1, "training stopped at step 2",
                   "train '%s' --out '%s' --device cpu --set optimizer.sgd.lr=1e38 "
                   "--set train.log_every=1 --quiet",
                   f.recipe, f.run);
    log = file_read(file_in(f.run, "log.jsonl"), NULL);
    cr_assert_not_null(strstr(log, "{\"step\":2,\"loss\":null}"), "%s", log);
    cr_assert_null(strstr(log, "\"step\":3"), "%s", log);
    run = file_read(file_in(f.run, "run.json"), NULL);
    cr_assert_not_null(strstr(run, "\"reason\": \"nan\""), "%s", run);
    cr_assert(finite_weights(file_in(f.run, "model.safetensors")));
    free(log);
    free(run);
    test_remove(f.folder);
}

/* A model over the device's memory ends before anything is made: here with 1 GiB, as PoCL can be told,
 * for four layers of 95 MiB with their gradients and Adam's states. */
TEST(refusals, too_little_memory)
{
    struct tiny_run f;
    char text[1024];

    tiny_setup(&f, 40);
    setenv("POCL_MEMORY_LIMIT", "1", 1);
    snprintf(text, sizeof(text),
             "data:\n"
             "  train: {images: %s/images.idx, labels: %s/labels.idx}\n"
             "  shape: [8]\n"
             "model:\n"
             "  - linear: {out: 5000}\n"
             "  - linear: {out: 5000}\n"
             "  - linear: {out: 5000}\n"
             "  - linear: {out: 5000}\n"
             "  - linear: {out: 5000}\n"
             "  - linear: {out: 3}\n"
             "loss: cross_entropy\n"
             "optimizer: {adam: {lr: 0.5}}\n"
             "train: {epochs: 1}\n",
             f.folder, f.folder);
    file_write_text(f.recipe, text);
    command_expect(1, "MiB of memory would be needed", "train '%s' --out '%s' --device cpu",
                   f.recipe, f.run);
    test_remove(f.folder);
}
