/* What a checkpoint says beside its tensors. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "train/checkpoint.h"

/* ---- out ---- */

/* JSON has no infinity: what is not finite is left out. */
static void set_finite(json_t *object, const char *key, double value)
{
    if (isfinite(value))
        json_object_set_new(object, key, json_real(value));
}

static uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static float float_of(json_int_t bits)
{
    uint32_t word = (uint32_t)bits;
    float value;

    memcpy(&value, &word, sizeof(value));
    return value;
}

/* Floats as their bits. */
static json_t *describe_sums(const struct clg_pass *pass, const struct clg_position *position)
{
    json_t *sums = json_object();

    for (size_t i = 0; pass->outputs[i]; i++) {
        const clg_metric_sum *sum = &position->sums[i];

        json_object_set_new(sums, pass->outputs[i],
                            json_pack("[I, I, I]", (json_int_t)bits_of(sum->sum),
                                      (json_int_t)bits_of(sum->carry), (json_int_t)sum->count));
    }
    return sums;
}

static json_t *describe_schedule(const clg_schedule *schedule)
{
    clg_schedule_state state = clg_schedule_get_state(schedule);
    json_t *o = json_object();

    json_object_set_new(o, "count", json_integer(state.count));
    set_finite(o, "lr", state.lr);
    set_finite(o, "best", state.best);
    json_object_set_new(o, "bad", json_integer(state.bad));
    json_object_set_new(o, "cooldown", json_integer(state.cooldown));
    return o;
}

static json_t *describe_best(const struct clg_best *best)
{
    json_t *o = json_object();

    json_object_set_new(o, "epoch", json_integer(best->epoch));
    set_finite(o, "value", best->value);
    return o;
}

static json_t *device_of(const clg_device *device)
{
    clg_device_info info = *clg_device_get_info(device);

    info.form = clg_device_get_form(device);
    return clg_json_device(&info);
}

/* NULL on failure. A report that had no memory for its choices has none. */
static json_t *choices_of(const struct clg_fitting *fit)
{
    clg_plan_report report = {0};

    if (clg_plan_get_report(fit->train.full.plan, &report) != CLG_OK ||
        strcmp(report.choices, "{}") == 0)
        return NULL;
    return json_loads(report.choices, JSON_REJECT_DUPLICATES, NULL);
}

json_t *clg_standing_describe(const struct clg_checkpoints *c, const struct clg_position *position)
{
    const struct clg_fitting *fit = c->fit;
    json_t *state, *choices = choices_of(fit);
    const char *resolved;

    if (!choices || clg_recipe_resolved(c->recipe, &resolved) != CLG_OK) {
        json_decref(choices);
        return NULL;
    }
    state = json_object();
    json_object_set_new(state, "name", json_string(c->recipe->name));
    json_object_set_new(state, "recipe", json_string(resolved));
    json_object_set_new(state, "device", device_of(c->device));
    json_object_set_new(state, "choices", choices);
    json_object_set_new(state, "samples", json_integer(clg_dataset_count(c->recipe->train)));
    json_object_set_new(state, "steps", json_integer(position->steps));
    json_object_set_new(state, "epochs", json_integer(position->epochs));
    json_object_set_new(state, "row", json_integer(position->row));
    set_finite(state, "seconds", position->seconds);
    set_finite(state, "epoch_seconds", position->epoch_seconds);
    json_object_set_new(state, "log_bytes", json_integer((json_int_t)c->run->log_size));
    json_object_set_new(state, "sums", describe_sums(&fit->train, position));
    if (fit->params.schedule)
        json_object_set_new(state, "schedule", describe_schedule(fit->params.schedule));
    if (fit->best.epoch)
        json_object_set_new(state, "best", describe_best(&fit->best));
    return state;
}

/* ---- is it of this recipe and device? ---- */

/* What may change when a training goes on. */
static bool may_differ(const char *where)
{
    static const char *const keys[] = {"train.epochs", "train.steps", "train.log_every",
                                       "train.checkpoint", "train.early_stopping.patience"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (strcmp(where, keys[i]) == 0)
            return true;
    return false;
}

struct difference {
    struct clg_ctx *ctx;
    char where[200], was[100], is[100]; /* where "": none */
    bool failed; /* memory was short */
};

static void note(struct difference *d, const char *where, const struct clg_yaml *was,
                 const struct clg_yaml *is)
{
    static const char *const kinds[] = {"a text", "a list", "a map"};
    const struct clg_yaml *const nodes[] = {was, is};
    char *const out[] = {d->was, d->is};

    snprintf(d->where, sizeof(d->where), "%s", where);
    for (int i = 0; i < 2; i++)
        snprintf(out[i], sizeof(d->was), "%s",
                 !nodes[i]                            ? "absent"
                 : nodes[i]->kind == CLG_YAML_SCALAR ? nodes[i]->text
                                                      : kinds[nodes[i]->kind]);
}

/* Files may have moved. */
static bool same_text(const struct clg_yaml *a, const struct clg_yaml *b)
{
    return strcmp(a->text, b->text) == 0 || (a->text[0] == '/' && b->text[0] == '/');
}

static void compare(struct difference *d, const char *where, const struct clg_yaml *was,
                    const struct clg_yaml *is);

static void compare_entries(struct difference *d, const char *where, const struct clg_yaml *was,
                            const struct clg_yaml *is)
{
    bool map = was->kind == CLG_YAML_MAP;
    const struct clg_yaml *other = is->first;
    size_t i = 0;

    for (const struct clg_yaml *child = was->first; child && !d->where[0]; child = child->next) {
        struct clg_text path = {.ctx = d->ctx};

        if (map)
            clg_text_add(&path, "%s%s%s", where, where[0] ? "." : "", child->key);
        else
            clg_text_add(&path, "%s.%zu", where, i++);
        d->failed |= path.failed;
        if (!path.failed)
            compare(d, path.data, child, map ? clg_yaml_find(is, child->key) : other);
        clg_text_finish(&path);
        other = map || !other ? other : other->next;
    }
}

/* Entries that only the second has are found by looking the other way round. */
static void compare(struct difference *d, const char *where, const struct clg_yaml *was,
                    const struct clg_yaml *is)
{
    if (d->where[0] || may_differ(where))
        return;
    if (!is || was->kind != is->kind)
        note(d, where, was, is);
    else if (was->kind == CLG_YAML_SCALAR && !same_text(was, is))
        note(d, where, was, is);
    else if (was->kind != CLG_YAML_SCALAR)
        compare_entries(d, where, was, is);
}

static clg_status check_recipe(const struct clg_checkpoints *c, const char *path, const char *text)
{
    struct clg_recipe *recipe = c->recipe;
    struct difference d = {.ctx = recipe->object.ctx}, added = {.ctx = recipe->object.ctx};
    const struct clg_yaml *was =
        clg_yaml_parse(&recipe->pool, path, false, text, strlen(text));

    if (!was)
        return clg_error_status(recipe->object.ctx);
    compare(&d, "", was, recipe->root);
    compare(&added, "", recipe->root, was);
    if (d.failed || added.failed)
        return CLG_ERR_MEMORY;
    if (!d.where[0] && added.where[0]) {
        d = added;
        memcpy(d.was, added.is, sizeof(d.was));
        memcpy(d.is, added.was, sizeof(d.is));
    }
    if (!d.where[0])
        return CLG_OK;
    return clg_fail(recipe->object.ctx, CLG_ERR_FORMAT,
                    "'%s' is a checkpoint of another recipe: there %s is %s, here it is %s; only "
                    "train.epochs, steps, log_every, checkpoint and early_stopping.patience may change",
                    path, d.where, d.was, d.is);
}

static const char *word_of(const json_t *object, const char *key)
{
    const char *word = json_string_value(json_object_get(object, key));

    return word ? word : "?";
}

/* Another device would go on with other bits. */
static clg_status check_device(const struct clg_checkpoints *c, const char *path, const json_t *was)
{
    static const char *const keys[] = {"platform", "name", "form"};
    struct clg_ctx *ctx = c->recipe->object.ctx;
    json_t *is = device_of(c->device);
    clg_status status = CLG_OK;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && status == CLG_OK; i++)
        if (strcmp(word_of(was, keys[i]), word_of(is, keys[i])) != 0)
            status = clg_fail(ctx, CLG_ERR_FORMAT,
                              "'%s' is a checkpoint of another device: there its %s is '%.100s', here "
                              "it is '%.100s'",
                              path, keys[i], word_of(was, keys[i]), word_of(is, keys[i]));
    if (status == CLG_OK && strcmp(word_of(was, "driver"), word_of(is, "driver")) != 0)
        clg_log_line(ctx, CLG_LOG_WARNING,
                     "'%s' was written with the driver '%.100s', which is now '%.100s': what goes on "
                     "may have other bits",
                     path, word_of(was, "driver"), word_of(is, "driver"));
    json_decref(is);
    return status;
}

clg_status clg_standing_check(const struct clg_checkpoints *c, const char *path, const json_t *state)
{
    json_int_t samples = json_integer_value(json_object_get(state, "samples"));
    json_t *choices = choices_of(c->fit);

    if (!choices)
        return clg_error_status(c->recipe->object.ctx);
    if (!json_equal(choices, json_object_get(state, "choices")))
        clg_log_line(c->recipe->object.ctx, CLG_LOG_WARNING,
                     "'%s' was written with other choices of kernels: what goes on may have other "
                     "bits",
                     path);
    json_decref(choices);
    CLG_TRY(check_recipe(c, path, word_of(state, "recipe")));
    if (samples != clg_dataset_count(c->recipe->train))
        return clg_fail(c->recipe->object.ctx, CLG_ERR_FORMAT,
                        "'%s' is a checkpoint of other data: there the training set has %" PRId64
                        " samples, here it has %" PRId64,
                        path, (int64_t)samples, clg_dataset_count(c->recipe->train));
    return check_device(c, path, json_object_get(state, "device"));
}

/* ---- in ---- */

static int64_t integer(const json_t *object, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(object, key));
}

static double number(const json_t *object, const char *key, double absent)
{
    const json_t *value = json_object_get(object, key);

    return value ? json_number_value(value) : absent;
}

static void read_sums(const struct clg_pass *pass, const json_t *sums,
                      struct clg_position *position)
{
    for (size_t i = 0; pass->outputs[i]; i++) {
        const json_t *words = json_object_get(sums, pass->outputs[i]);

        position->sums[i] = (clg_metric_sum){
            .sum = float_of(json_integer_value(json_array_get(words, 0))),
            .carry = float_of(json_integer_value(json_array_get(words, 1))),
            .count = (uint64_t)json_integer_value(json_array_get(words, 2)),
        };
    }
}

static clg_status apply_schedule(clg_schedule *schedule, const json_t *from)
{
    clg_schedule_state state = clg_schedule_get_state(schedule);

    if (!schedule || !from)
        return CLG_OK;
    state.count = integer(from, "count");
    state.lr = number(from, "lr", state.lr);
    state.best = number(from, "best", state.best);
    state.bad = integer(from, "bad");
    state.cooldown = integer(from, "cooldown");
    return clg_schedule_set_state(schedule, &state);
}

/* It is what this library wrote, or the file's checksum is made up. */
static bool makes_sense(const struct clg_fitting *fit, const struct clg_position *p)
{
    return p->steps >= 0 && p->epochs >= 0 && p->row >= 0 && p->row < fit->train.data->count &&
           p->row % fit->train.batch == 0 && p->row / fit->train.batch % fit->params.accumulate == 0;
}

clg_status clg_standing_apply(struct clg_checkpoints *c, const char *path, const json_t *state,
                           off_t *log_size)
{
    struct clg_fitting *fit = c->fit;
    struct clg_position position = {
        .steps = integer(state, "steps"),
        .epochs = integer(state, "epochs"),
        .row = integer(state, "row"),
        .seconds = number(state, "seconds", 0),
        .epoch_seconds = number(state, "epoch_seconds", 0),
    };
    const json_t *best = json_object_get(state, "best");

    if (!makes_sense(fit, &position))
        return clg_fail(c->recipe->object.ctx, CLG_ERR_FORMAT,
                        "'%s' is damaged: it stands at step %" PRId64 ", epoch %" PRId64
                        ", sample %" PRId64,
                        path, position.steps, position.epochs, position.row);
    read_sums(&fit->train, json_object_get(state, "sums"), &position);
    *log_size = (off_t)integer(state, "log_bytes");
    fit->best.epoch = integer(best, "epoch");
    fit->best.value = number(best, "value", 0);
    c->recipe->name = clg_blocks_print(&c->recipe->pool, "%s", word_of(state, "name"));
    if (!c->recipe->name)
        return CLG_ERR_MEMORY;
    clg_fitting_set_position(fit, &position);
    return apply_schedule(fit->params.schedule, json_object_get(state, "schedule"));
}
