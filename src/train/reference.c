/* The table of keys as Markdown. */
#include <string.h>

#include "train/recipe.h"
#include "train/run.h"

static const char *type_words(const struct clg_key *key)
{
    static const char *const words[] = {
        [CLG_KEY_INT] = "whole number",
        [CLG_KEY_NUMBER] = "number",
        [CLG_KEY_BOOL] = "true or false",
        [CLG_KEY_WORD] = "word",
        [CLG_KEY_TEXT] = "text",
        [CLG_KEY_DATA_PATH] = "file",
        [CLG_KEY_RECIPE_PATH] = "file",
        [CLG_KEY_SHAPE] = "whole numbers",
        [CLG_KEY_NUMBERS] = "number or list",
        [CLG_KEY_TEXTS] = "list of words",
        [CLG_KEY_SECTION] = "section",
        [CLG_KEY_ONE_OF] = "one of",
        [CLG_KEY_BY_KEY] = "section",
        [CLG_KEY_PART] = "number or section",
        [CLG_KEY_LIST] = "list",
        [CLG_KEY_LISTS] = "list of lists",
        [CLG_KEY_SECTIONS] = "list of sections",
    };

    return words[key->type];
}

static const char *range_words(enum clg_key_range range)
{
    static const char *const words[] = {"", ", over 0", ", at least 0", ", 0 to 1",
                                        ", 0 to under 1"};

    return words[range];
}

static void add_words(struct clg_text *out, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        clg_text_add(out, "%s `%s`", i ? "," : ":", words[i]);
}

static void add_key(struct clg_text *out, const char *where, const struct clg_key *key)
{
    clg_text_add(out, "| `%s%s`", where, key->name);
    if (key->also)
        clg_text_add(out, ", `%s%s`", where, key->also);
    clg_text_add(out, " | %s%s | ", type_words(key), range_words(key->range));
    if (key->required)
        clg_text_add(out, "required");
    else if (key->fallback && strcmp(key->fallback, "{}") != 0)
        clg_text_add(out, "`%s`", key->fallback);
    clg_text_add(out, " | %s", key->doc);
    if (key->type == CLG_KEY_WORD)
        add_words(out, key->detail);
    clg_text_add(out, " |\n");
}

static void add_head(struct clg_text *out)
{
    clg_text_add(out, "| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
}

/* The keys of a section, and below each inner section its keys. */
static void add_keys(struct clg_text *out, const char *where, const struct clg_kind *kind)
{
    char inner[128];

    for (const struct clg_key *key = kind->keys; key && key->name; key++) {
        add_key(out, where, key);
        if (key->type == CLG_KEY_SECTION || key->type == CLG_KEY_SECTIONS) {
            snprintf(inner, sizeof(inner), "%s%s.", where, key->name);
            add_keys(out, inner, key->detail);
        }
    }
}

static void add_family(struct clg_text *out, const char *title, const struct clg_family *family)
{
    clg_text_add(out, "\n### %s\n\n", title);
    for (size_t i = 0; family->kinds[i]; i++) {
        const struct clg_kind *kind = family->kinds[i];

        clg_text_add(out, "%s**`%s`**: %s.", i ? "\n" : "", kind->name, kind->doc);
        if (kind->bare)
            clg_text_add(out, " A bare value is its `%s`.", kind->bare);
        clg_text_add(out, "\n");
        if (kind->keys) {
            clg_text_add(out, "\n");
            add_head(out);
            add_keys(out, "", kind);
        }
    }
}

const char *clg_recipe_reference(clg_ctx *ctx)
{
    struct clg_text out = {.ctx = ctx};
    const char *kept = NULL;

    if (!ctx)
        return NULL;
    clg_text_add(&out, "### Keys\n\n");
    add_head(&out);
    add_keys(&out, "", &clg_recipe_kind);
    add_family(&out, "Data sets", &clg_data_family);
    add_family(&out, "Layers", &clg_layer_family);
    add_family(&out, "Losses", &clg_loss_family);
    add_family(&out, "Optimizers", &clg_optimizer_family);
    add_family(&out, "Schedules", &clg_schedule_family);
    if (!out.failed)
        kept = clg_keep_text(ctx, out.data);
    clg_text_finish(&out);
    return kept;
}
