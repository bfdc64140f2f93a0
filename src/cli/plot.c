/* clgrad plot: a panel for each quantity of the logs, one below the other, drawn by gnuplot. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "cli/cli.h"
#include "cli/gnuplot.h"
#include "cli/plot_log.h"
#include "cli/terminal.h"

enum { WIDTH = 600, PANEL = 260, KEY_ROW = 20, TEXT_PANEL = 20, TEXT_WIDTH = 80, MOST_TICS = 8 };

struct plot {
    struct clg_cli *cli;
    const char **runs;
    size_t count;
    struct clg_plot_log *logs;  /* one a run */
    CLG_VEC(char *) quantities; /* a panel each: "loss" */
    bool text, whole_names;
    struct clg_text script;
};

/* A quantity is told for each of these sets. */
static const char *const sets[] = {"train", "validation", "test", NULL};
enum { SETS = sizeof(sets) / sizeof(sets[0]) }; /* and what is told without a set */

static const char *quantity_of(const char *key)
{
    for (int s = 0; sets[s]; s++) {
        size_t length = strlen(sets[s]);

        if (!strncmp(key, sets[s], length) && key[length] == '_')
            return key + length + 1;
    }
    return key;
}

/* What a key is called in words, with its unit. */
static const char *title_of(const char *quantity)
{
    static const char *const titles[][2] = {
        {"accuracy", "accuracy (share of samples)"},
        {"lr", "learning rate"},
        {"grad_norm", "norm of the gradient"},
        {"samples_per_second", "speed (samples per second)"},
        {"rmse", "root mean squared error"},
        {"mae", "mean absolute error"},
        {"r2", "coefficient of determination R²"},
    };

    for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
        if (!strcmp(quantity, titles[i][0]))
            return titles[i][1];
    return quantity;
}

/* ---- curves and panels ---- */

static bool has_values(const struct clg_plot_curve *curve)
{
    for (size_t i = 0; curve && i < curve->points.count; i++)
        if (isfinite(curve->points.items[i].y))
            return true;
    return false;
}

static clg_status add_quantity(struct plot *plot, const char *quantity)
{
    char **item;

    for (size_t i = 0; i < plot->quantities.count; i++)
        if (!strcmp(plot->quantities.items[i], quantity))
            return CLG_OK;
    item = CLG_PUSH(plot->cli->ctx, plot->quantities);
    if (!item)
        return CLG_ERR_MEMORY;
    *item = clg_strdup(plot->cli->ctx, quantity);
    return *item ? CLG_OK : CLG_ERR_MEMORY;
}

static clg_status collect_quantities(struct plot *plot)
{
    for (size_t r = 0; r < plot->count; r++)
        for (size_t i = 0; i < plot->logs[r].curves.count; i++)
            if (has_values(&plot->logs[r].curves.items[i]))
                CLG_TRY(add_quantity(plot, quantity_of(plot->logs[r].curves.items[i].key)));
    if (plot->quantities.count == 0)
        return clg_fail(plot->cli->ctx, CLG_ERR_FORMAT, "'%s' has no number that is finite to plot",
                        plot->runs[0]);
    return CLG_OK;
}

/* The s-th set's curve of a quantity; after the sets, that without one. */
static const struct clg_plot_curve *curve_in(const struct plot *plot, size_t run,
                                             const char *quantity, int set)
{
    const struct clg_plot_curve *curve;
    struct clg_text key = {.ctx = plot->cli->ctx};

    clg_text_add(&key, "%s%s%s", sets[set] ? sets[set] : "", sets[set] ? "_" : "", quantity);
    curve = key.failed ? NULL : clg_plot_log_find(&plot->logs[run], key.data);
    clg_text_finish(&key);
    return has_values(curve) ? curve : NULL;
}

static int curves_of(const struct plot *plot, const char *quantity)
{
    int count = 0;

    for (size_t r = 0; r < plot->count; r++)
        for (int s = 0; s < SETS; s++)
            count += curve_in(plot, r, quantity, s) != NULL;
    return count;
}

static int most_curves(const struct plot *plot)
{
    int most = 0;

    for (size_t i = 0; i < plot->quantities.count; i++) {
        int count = curves_of(plot, plot->quantities.items[i]);

        most = count > most ? count : most;
    }
    return most;
}

/* ---- names ---- */

/* The last part of a path, without slashes at its end. */
static const char *base_name(const char *path, int *length)
{
    const char *end = path + strlen(path), *at;

    while (end > path + 1 && end[-1] == '/')
        end--;
    for (at = end; at > path && at[-1] != '/'; at--)
        ;
    *length = (int)(end - at);
    return *length ? at : path;
}

static bool same_base(const char *a, const char *b)
{
    int lengths[2];
    const char *names[2] = {base_name(a, &lengths[0]), base_name(b, &lengths[1])};

    return lengths[0] == lengths[1] && !strncmp(names[0], names[1], (size_t)lengths[0]);
}

/* Runs of one name are told apart by their paths. */
static bool names_meet(const struct plot *plot)
{
    for (size_t a = 0; a < plot->count; a++)
        for (size_t b = 0; b < a; b++)
            if (same_base(plot->runs[a], plot->runs[b]))
                return true;
    return false;
}

static void add_run_name(const struct plot *plot, size_t run, struct clg_text *name)
{
    int length;
    const char *base = base_name(plot->runs[run], &length);

    if (plot->whole_names)
        clg_text_add(name, "%s", plot->runs[run]);
    else
        clg_text_add(name, "%.*s", length, base);
}

/* "train" of one run, "train, RUN" of several. */
static void add_legend(struct plot *plot, size_t run, int set)
{
    struct clg_text name = {.ctx = plot->cli->ctx};

    if (sets[set])
        clg_text_add(&name, plot->count > 1 ? "%s, " : "%s", sets[set]);
    if (plot->count > 1 || !sets[set])
        add_run_name(plot, run, &name);
    if (name.failed)
        plot->script.failed = true;
    else
        clg_gnuplot_quote(&plot->script, name.data);
    clg_text_finish(&name);
}

/* ---- the script ---- */

static void add_data(struct plot *plot, const struct clg_plot_curve *curve, int number)
{
    clg_text_add(&plot->script, "$d%d << EOD\n", number);
    for (size_t i = 0; i < curve->points.count; i++) {
        const struct clg_plot_point *point = &curve->points.items[i];

        if (isfinite(point->y))
            clg_text_add(&plot->script, "%.17g %.17g\n", point->x, point->y);
        else
            clg_text_add(&plot->script, "%.17g NaN\n", point->x); /* breaks the line */
    }
    clg_text_add(&plot->script, "EOD\n");
}

/* A run keeps its colour in every panel, and a set its dashes; of one run the sets have colours. */
static void add_style(struct plot *plot, size_t run, int set)
{
    /* Okabe and Ito, Color universal design (2008), without the yellow that white swallows. */
    static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                          "#E69F00", "#56B4E9", "#000000"};
    static const int points[SETS] = {7, 4, 8, 7}, dashes[SETS] = {1, 2, 3, 1};
    size_t n = plot->count > 1 ? run : (size_t)set % (SETS - 1);

    clg_text_add(&plot->script,
                 " with linespoints lw 2 dt %d pt %d ps 0.6 lc rgb '%s' pointinterval %d",
                 dashes[set], points[set], colours[n % (sizeof(colours) / sizeof(colours[0]))],
                 plot->logs[run].by_epoch ? 1 : -1);
}

/* All of a panel's curves, with ticks at whole numbers. */
static void add_ticks(struct plot *plot, const char *quantity)
{
    double low = INFINITY, high = -INFINITY, tic = 1, pad;

    for (size_t r = 0; r < plot->count; r++)
        for (int s = 0; s < SETS; s++) {
            const struct clg_plot_curve *curve = curve_in(plot, r, quantity, s);

            for (size_t i = 0; curve && i < curve->points.count; i++) {
                low = fmin(low, curve->points.items[i].x);
                high = fmax(high, curve->points.items[i].x);
            }
        }
    for (int i = 0; (high - low) / tic > MOST_TICS; i++)
        tic *= i % 3 == 1 ? 2.5 : 2; /* 1, 2, 5, 10: whole numbers, as epochs are */
    pad = high > low ? 0.02 * (high - low) : 0.5;
    clg_text_add(&plot->script, "set xrange [%.17g:%.17g]\nset xtics %.17g\n", low - pad,
                 high + pad, tic);
}

static void add_curves(struct plot *plot, const char *quantity)
{
    const char *between = "plot ";
    int number = 0;

    for (size_t r = 0; r < plot->count; r++)
        for (int s = 0; s < SETS; s++) {
            if (!curve_in(plot, r, quantity, s))
                continue;
            clg_text_add(&plot->script, "%s$d%d using 1:2", between, number++);
            add_style(plot, r, s);
            clg_text_add(&plot->script, " title ");
            add_legend(plot, r, s);
            between = ", ";
        }
    clg_text_add(&plot->script, "\n");
}

static void add_panel(struct plot *plot, const char *quantity)
{
    const char *axis = plot->logs[0].by_epoch ? "epoch" : "step";
    int number = 0;

    for (size_t r = 0; r < plot->count; r++)
        for (int s = 0; s < SETS; s++) {
            const struct clg_plot_curve *curve = curve_in(plot, r, quantity, s);

            if (curve)
                add_data(plot, curve, number++);
        }
    clg_text_add(&plot->script, "set title ");
    clg_gnuplot_quote(&plot->script, title_of(quantity));
    clg_text_add(&plot->script, "\nset xlabel '%s'\nset ylabel ", axis);
    clg_gnuplot_quote(&plot->script, quantity);
    clg_text_add(&plot->script, "\n");
    add_ticks(plot, quantity);
    add_curves(plot, quantity);
}

static void add_terminal(struct plot *plot, const char *kind)
{
    int panels = (int)plot->quantities.count, rows = most_curves(plot); /* long names: one a row */
    int columns = clg_terminal_width(stdout);

    clg_text_add(&plot->script, "set encoding utf8\n");
    if (plot->text) {
        clg_text_add(&plot->script, "set terminal dumb noenhanced mono size %d, %d\n",
                     columns ? columns : TEXT_WIDTH, TEXT_PANEL + rows);
        clg_text_add(&plot->script, "set key below\n");
        return;
    }
    clg_text_add(&plot->script, "set terminal %s noenhanced font 'sans,11' size %d, %d\n", kind,
                 WIDTH, panels * (PANEL + KEY_ROW * rows));
    clg_text_add(&plot->script,
                 "set key below height 1\nset xlabel offset 0, 0.6\nset grid back lw 1 lt 1 lc rgb "
                 "'#CCCCCC'\nset border 3\n"
                 "set tics nomirror\nset multiplot layout %d, 1\n",
                 panels);
}

static void write_script(struct plot *plot, const char *kind)
{
    add_terminal(plot, kind);
    for (size_t i = 0; i < plot->quantities.count; i++)
        add_panel(plot, plot->quantities.items[i]);
    if (!plot->text)
        clg_text_add(&plot->script, "unset multiplot\n");
}

/* ---- what is written ---- */

static clg_status draw_file(const struct plot *plot, const char *path)
{
    struct clg_file file;
    clg_status status;

    CLG_TRY(clg_file_open(&file, plot->cli->ctx, path));
    status = clg_gnuplot(&plot->script, file.stream);
    if (status == CLG_OK)
        return clg_file_commit(&file);
    clg_file_discard(&file);
    return status;
}

static clg_status draw_text(const struct plot *plot)
{
    FILE *drawing = tmpfile();
    clg_status status;
    char line[4096];

    if (!drawing)
        return clg_fail(plot->cli->ctx, CLG_ERR_FILE, "cannot make a temporary file: %s",
                        strerror(errno));
    status = clg_gnuplot(&plot->script, drawing);
    rewind(drawing);
    while (status == CLG_OK && fgets(line, sizeof(line), drawing)) {
        char *start = line + strspn(line, "\f"); /* gnuplot turns pages whatever it is told */

        clg_say(stdout, "%s", start);
    }
    fclose(drawing);
    return status;
}

static clg_status read_logs(struct plot *plot)
{
    for (size_t i = 0; i < plot->count; i++) {
        CLG_TRY(clg_plot_log_read(&plot->logs[i], plot->cli->ctx, plot->runs[i]));
        if (plot->logs[i].by_epoch != plot->logs[0].by_epoch)
            return clg_fail(plot->cli->ctx, CLG_ERR_FORMAT,
                            "'%s' has a log by %s and '%s' by %s, but one picture has one axis",
                            plot->runs[0], plot->logs[0].by_epoch ? "epoch" : "step", plot->runs[i],
                            plot->logs[i].by_epoch ? "epoch" : "step");
    }
    return collect_quantities(plot);
}

static clg_status draw(struct plot *plot, const char *path, const char *kind)
{
    plot->logs = clg_new(plot->cli->ctx, plot->count, sizeof(*plot->logs));
    if (!plot->logs)
        return CLG_ERR_MEMORY;
    CLG_TRY(read_logs(plot));
    plot->whole_names = names_meet(plot);
    plot->text = !path;
    write_script(plot, kind);
    return path ? draw_file(plot, path) : draw_text(plot);
}

static void plot_finish(struct plot *plot)
{
    struct clg_ctx *ctx = plot->cli->ctx;

    for (size_t i = 0; plot->logs && i < plot->count; i++)
        if (plot->logs[i].ctx)
            clg_plot_log_finish(&plot->logs[i]);
    for (size_t i = 0; i < plot->quantities.count; i++)
        clg_free(ctx, plot->quantities.items[i]);
    clg_free(ctx, plot->quantities.items);
    clg_free(ctx, plot->logs);
    clg_text_finish(&plot->script);
}

/* gnuplot's terminal for a file's ending; NULL: there is none. */
static const char *kind_of(const char *path)
{
    const char *ending = strrchr(path, '.');

    if (ending && !strcasecmp(ending, ".svg"))
        return "svg background '#FFFFFF'";
    return ending && !strcasecmp(ending, ".png") ? "pngcairo" : NULL;
}

int clg_cli_plot(struct clg_cli *cli, int argc, char **argv)
{
    const char **runs = calloc((size_t)argc + 1, sizeof(*runs)), *path = NULL, *kind = "";
    struct plot plot = {.cli = cli, .runs = runs, .script.ctx = cli->ctx};
    const struct clg_cli_flag flags[] = {
        {"-o", "FILE", "write a picture: FILE.svg or FILE.png (default: a drawing in letters)",
         .text = &path},
        {0},
    };
    int status;

    if (!runs)
        return clg_cli_fail(CLG_EXIT_FAILED, "out of memory");
    status = clg_cli_parse(cli, argc, argv, flags, (const char *const[]){"RUN...", NULL}, runs);
    if (status == CLG_EXIT_OK && path && !(kind = kind_of(path)))
        status = clg_cli_fail(CLG_EXIT_USAGE, "-o is '%s', but must end in .svg or .png", path);
    while (status == CLG_EXIT_OK && runs[plot.count])
        plot.count++;
    if (status == CLG_EXIT_OK && draw(&plot, path, kind) != CLG_OK)
        status = clg_cli_fail_ctx(cli);
    plot_finish(&plot);
    free(runs);
    return status;
}
