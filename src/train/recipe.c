#include "train/recipe.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/magic.h"

static void recipe_finish(struct clg_object *object)
{
    struct clg_recipe *recipe = (struct clg_recipe *)object;

    clg_blocks_finish(&recipe->pool);
    clg_free(object->ctx, recipe);
}

clg_status clg_recipe_fail_at(const struct clg_recipe *recipe, const struct clg_yaml *node)
{
    return clg_yaml_fail_at(recipe->object.ctx, node);
}

/* ---- reading ---- */

/* The path from the root of the file system. */
static const char *absolute(struct clg_blocks *pool, const char *path)
{
    char here[4096];

    if (path[0] == '/')
        return clg_blocks_print(pool, "%s", path);
    if (!getcwd(here, sizeof(here))) {
        clg_fail(pool->ctx, CLG_ERR_FILE, "cannot tell the current folder: %s", strerror(errno));
        return NULL;
    }
    return clg_blocks_print(pool, "%s/%s", here, path);
}

/* The folder of an absolute path. */
static const char *folder_of(struct clg_blocks *pool, const char *path)
{
    size_t length = (size_t)(strrchr(path, '/') - path);

    return clg_blocks_print(pool, "%.*s", (int)(length ? length : 1), path);
}

/* "mlp" of "examples/mlp.yaml". */
static const char *name_of(struct clg_blocks *pool, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = clg_blocks_print(pool, "%s", slash ? slash + 1 : path);
    char *dot = name ? strrchr(name, '.') : NULL;

    if (dot && dot != name)
        *dot = '\0';
    return name;
}

#define RECIPE_MAX (UINT64_C(16) << 20) /* bytes: what is larger is something else */

/* --set would put a map in the place of a text, as if the file had said nothing. */
static clg_status check_root(struct clg_yaml *root, struct clg_ctx *ctx)
{
    if (clg_yaml_is_null(root))
        root->kind = CLG_YAML_MAP;
    if (root->kind != CLG_YAML_MAP)
        return clg_yaml_fail(ctx, root, "the recipe is %s, but must be a map of keys",
                             root->kind == CLG_YAML_LIST ? "a list" : "a text");
    return CLG_OK;
}

static clg_status parse_file(struct clg_recipe *recipe, const char *path)
{
    struct clg_ctx *ctx = recipe->object.ctx;
    const char *origin = clg_blocks_print(&recipe->pool, "%s", path);
    char *text;
    size_t size;

    if (!origin)
        return CLG_ERR_MEMORY;
    CLG_TRY(clg_file_read_limited(ctx, path, RECIPE_MAX, &text, &size));
    if (clg_magic_check(ctx, path, text, size < CLG_MAGIC_SIZE ? size : CLG_MAGIC_SIZE,
                        CLG_READS_RECIPE) == CLG_OK)
        recipe->root = clg_yaml_parse(&recipe->pool, origin, true, text, size);
    clg_free(ctx, text);
    return recipe->root ? check_root(recipe->root, ctx) : clg_error_status(ctx);
}

/* ---- what the table cannot say ---- */

struct scheme {
    const char *name;
    clg_init_scheme scheme;
    unsigned keys; /* of INIT_ */
};
enum { INIT_VALUE = 1, INIT_STD = 2, INIT_AB = 4 };

static const struct scheme schemes[] = {
    {"zeros", CLG_INIT_ZEROS, 0},
    {"constant", CLG_INIT_CONSTANT, INIT_VALUE},
    {"normal", CLG_INIT_NORMAL, INIT_STD},
    {"uniform", CLG_INIT_UNIFORM, INIT_AB},
    {"xavier_uniform", CLG_INIT_XAVIER_UNIFORM, 0},
    {"xavier_normal", CLG_INIT_XAVIER_NORMAL, 0},
    {"he_uniform", CLG_INIT_HE_UNIFORM, 0},
    {"he_normal", CLG_INIT_HE_NORMAL, 0},
};

static const struct scheme *find_scheme(const char *name)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strcmp(schemes[i].name, name) == 0)
            return &schemes[i];
    return NULL;
}

static float given(double value, double otherwise)
{
    return (float)(isnan(value) ? otherwise : value);
}

void clg_recipe_make_init(const struct clg_recipe_init *from, clg_init *out)
{
    const struct scheme *scheme = find_scheme(from->scheme);

    *out = (clg_init){.scheme = scheme->scheme};
    if (scheme->keys & INIT_VALUE)
        out->a = given(from->value, 0);
    if (scheme->keys & INIT_STD)
        out->b = given(from->std, 1);
    if (scheme->keys & INIT_AB) {
        out->a = given(from->a, 0);
        out->b = given(from->b, 1);
    }
}

static clg_status check_init(const struct clg_recipe *recipe)
{
    const struct clg_recipe_init *init = &recipe->values.init;
    const struct clg_yaml *node = clg_yaml_find(recipe->root, "init");
    struct clg_ctx *ctx = recipe->object.ctx;
    const struct scheme *scheme;
    unsigned keys;

    if (!node)
        return CLG_OK;
    if (!init->scheme == !init->weights)
        return clg_yaml_fail(ctx, node, "init needs either a scheme or weights");
    keys = (isnan(init->value) ? 0 : INIT_VALUE) | (isnan(init->std) ? 0 : INIT_STD) |
           (isnan(init->a) && isnan(init->b) ? 0 : INIT_AB);
    scheme = init->scheme ? find_scheme(init->scheme) : NULL;
    if (keys & ~(scheme ? scheme->keys : 0u))
        return clg_yaml_fail(ctx, node,
                             "init: value goes with the scheme constant, std with normal, a and b "
                             "with uniform; here the scheme is %s",
                             scheme ? scheme->name : "missing");
    if (scheme && scheme->keys == INIT_VALUE && !keys)
        return clg_yaml_fail(ctx, node, "init: the scheme constant needs the key 'value'");
    if (scheme && scheme->keys == INIT_AB && given(init->a, 0) >= given(init->b, 1))
        return clg_yaml_fail(ctx, node, "init: a is %g and b is %g, but a must be under b",
                             (double)given(init->a, 0), (double)given(init->b, 1));
    return CLG_OK;
}

static clg_status check_values(const struct clg_recipe *recipe)
{
    const struct clg_recipe_train *train = &recipe->values.train;
    const struct clg_yaml *node = clg_yaml_find(recipe->root, "train");

    if (train->epochs == 0 && train->steps == 0)
        return clg_yaml_fail(recipe->object.ctx, node,
                             "train needs the key 'epochs' or 'steps', over 0");
    return check_init(recipe);
}

struct clg_fingerprint clg_recipe_fingerprint(const struct clg_yaml *root)
{
    static const char *const files[] = {"images", "labels", "weights", "csv", "npy", "npz", NULL};
    const struct clg_yaml *data = clg_yaml_find(root, "data");
    uint64_t model = CLG_HASH_START;

    model = clg_yaml_hash(model, data ? clg_yaml_find(data, "shape") : NULL, NULL);
    model = clg_yaml_hash(model, data ? clg_yaml_find(data, "normalize") : NULL, NULL);
    model = clg_yaml_hash(model, clg_yaml_find(root, "model"), NULL);
    model = clg_yaml_hash(model, clg_yaml_find(root, "loss"), NULL);
    return (struct clg_fingerprint){model, clg_yaml_hash(CLG_HASH_START, root, files)};
}

static clg_status read_recipe(struct clg_recipe *recipe, const char *path,
                              const clg_recipe_params *params)
{
    struct clg_blocks *pool = &recipe->pool;
    const char *full = absolute(pool, path);
    struct clg_folders folders = {.recipe = full ? folder_of(pool, full) : NULL};

    recipe->name = name_of(pool, path);
    folders.data = params->data_dir ? absolute(pool, params->data_dir) : folders.recipe;
    if (!folders.recipe || !folders.data || !recipe->name)
        return clg_error_status(recipe->object.ctx);
    CLG_TRY(parse_file(recipe, path));
    recipe->read = clg_recipe_fingerprint(recipe->root);
    for (size_t i = 0; params->set && params->set[i]; i++)
        CLG_TRY(clg_yaml_set(pool, recipe->root, params->set[i]));
    recipe->read.model = clg_recipe_fingerprint(recipe->root).model;
    CLG_TRY(clg_keys_parse(pool, &folders, &clg_recipe_kind, recipe->root, "", &recipe->values));
    return check_values(recipe);
}

clg_recipe *clg_recipe_read(clg_ctx *ctx, const char *path, const clg_recipe_params *params)
{
    static const clg_recipe_params none = {0};
    struct clg_recipe *recipe;

    if (!ctx || !CLG_GIVEN(ctx, path))
        return NULL;
    recipe = clg_new(ctx, 1, sizeof(*recipe));
    if (!recipe)
        return NULL;
    clg_object_init(&recipe->object, &ctx->object, recipe_finish);
    recipe->pool.ctx = ctx;
    if (read_recipe(recipe, path, params ? params : &none) != CLG_OK)
        clg_recipe_destroy(&recipe);
    return recipe;
}

void clg_recipe_destroy(clg_recipe **recipe)
{
    if (!recipe || !*recipe)
        return;
    /* Here and not in finish: the context destroys its newer children, the data sets, first. */
    clg_recipe_close_data(*recipe);
    clg_object_destroy(&(*recipe)->object);
    *recipe = NULL;
}

/* ---- what it gives ---- */

clg_status clg_recipe_resolved(clg_recipe *recipe, const char **text)
{
    struct clg_text out = {0};
    clg_status status;

    if (!recipe || !CLG_GIVEN(recipe, text))
        return CLG_ERR_ARGUMENT;
    out.ctx = recipe->object.ctx;
    status = clg_yaml_write(recipe->root, &out);
    if (status == CLG_OK && out.failed)
        status = CLG_ERR_MEMORY;
    if (status != CLG_OK) {
        clg_text_finish(&out);
        return status;
    }
    *text = out.data;
    return clg_blocks_keep(&recipe->pool, out.data) ? CLG_OK : CLG_ERR_MEMORY;
}

clg_fit_params clg_recipe_fit(const clg_recipe *recipe)
{
    clg_fit_params fit = clg_fit_defaults();
    const struct clg_recipe_data *data;

    if (!recipe)
        return fit;
    data = &recipe->values.data;
    fit.batch = data->batch;
    fit.shuffle = data->shuffle;
    fit.drop_last = data->drop_last;
    fit.epochs = recipe->values.train.epochs;
    fit.steps = recipe->values.train.steps;
    fit.accumulate = recipe->values.train.accumulate;
    fit.on_bad_step = strcmp(recipe->values.train.on_bad_step, "skip") ? CLG_BAD_STOP : CLG_BAD_SKIP;
    fit.seed = (uint64_t)recipe->values.train.seed;
    fit.early_stopping = recipe->values.train.early_stopping;
    fit.log_every = recipe->values.train.log_every;
    if (!clg_normalizes_in_graph(data)) {
        fit.mean = (float)data->normalize.mean.items[0];
        fit.std = (float)data->normalize.std.items[0];
    }
    return fit;
}

int64_t clg_recipe_classes(const clg_recipe *recipe)
{
    return recipe ? recipe->classes : 0;
}
