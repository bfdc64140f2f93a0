#include "cli/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/output.h"
#include "cli/signals.h"
#include "cli/terminal.h"

enum { BAR = 20, BAR_LEAST = 5, LINE_SECONDS = 60 };

/* "1.2M" */
static void rate_text(char text[16], double rate)
{
    if (rate >= 1e6)
        snprintf(text, 16, "%.1fM", rate / 1e6);
    else if (rate >= 1e3)
        snprintf(text, 16, "%.0fk", rate / 1e3);
    else
        snprintf(text, 16, "%.0f", rate);
}

static void time_text(char text[16], double seconds)
{
    int64_t s = isfinite(seconds) ? (int64_t)(seconds + 0.5) : 0;

    if (s >= 3600)
        snprintf(text, 16, "%d:%02d h", (int)(s / 3600), (int)(s / 60 % 60));
    else
        snprintf(text, 16, "%d:%02d", (int)(s / 60), (int)(s % 60));
}

/* ---- the bar ---- */

/* " [####....]", or nothing where it would be too short. */
static void draw_bar(char out[BAR + 4], int cells, const clg_fit_progress *p)
{
    int64_t done = p->steps > 0 ? cells * p->step / p->steps : 0;

    if (cells >= BAR_LEAST) {
        *out++ = ' ';
        *out++ = '[';
        for (int i = 0; i < cells; i++)
            *out++ = i < done ? '#' : '.';
        *out++ = ']';
    }
    *out = '\0';
}

const char *clg_bar_text(char out[CLG_PROGRESS_TEXT], int width, const clg_fit_progress *p)
{
    enum { EPOCH, LOSS, ACCURACY, RATE, LEFT, PARTS };
    static const int dropped[] = {RATE, LEFT, ACCURACY};
    char part[PARTS][64] = {""}, bar[BAR + 4], number[16];
    int columns = 0, cells;

    snprintf(part[EPOCH], 64, "epoch %" PRId64 "/%" PRId64, p->epoch, p->epochs);
    snprintf(part[LOSS], 64, " loss %.4f", p->train.loss);
    if (!isnan(p->train.accuracy))
        snprintf(part[ACCURACY], 64, " acc %.4f", p->train.accuracy);
    rate_text(number, p->samples_per_second);
    snprintf(part[RATE], 64, " %s/s", number);
    time_text(number, p->seconds_left);
    snprintf(part[LEFT], 64, " %s left", number);
    for (int i = 0; i < PARTS; i++)
        columns += (int)strlen(part[i]);
    cells = width - 1 - columns - 3;
    draw_bar(bar, cells < BAR ? cells : BAR, p);
    for (int i = 0; i < 3 && width && columns >= width; i++) {
        columns -= (int)strlen(part[dropped[i]]);
        part[dropped[i]][0] = '\0';
    }
    snprintf(out, CLG_PROGRESS_TEXT, "%s%s%s%s%s%s", part[EPOCH], bar, part[LOSS], part[ACCURACY],
             part[RATE], part[LEFT]);
    if (width > 0 && width < CLG_PROGRESS_TEXT)
        out[width - 1] = '\0';
    return out;
}

/* ---- the line of an epoch ---- */

static void score_text(char out[64], const char *what, const char *accuracy, const clg_score *score)
{
    int length = snprintf(out, 64, "  %s loss %.4f", what, score->loss);

    if (!isnan(score->accuracy))
        snprintf(out + length, (size_t)(64 - length), " %s %.4f", accuracy, score->accuracy);
}

enum { EPOCH_PARTS = 5 };

/* Returns how many columns the parts take together. */
static size_t epoch_parts(char part[EPOCH_PARTS][64], const char *accuracy, const clg_epoch *epoch)
{
    size_t columns = 0;

    snprintf(part[0], 64, "epoch %2" PRId64 "/%" PRId64, epoch->epoch, epoch->epochs);
    score_text(part[1], "train", accuracy, &epoch->train);
    part[2][0] = part[3][0] = '\0';
    if (epoch->validation.samples)
        score_text(part[2], "validation", accuracy, &epoch->validation);
    if (epoch->test.samples)
        score_text(part[3], "test", accuracy, &epoch->test);
    snprintf(part[4], 64, "  %.2f s", epoch->seconds);
    for (int i = 0; i < EPOCH_PARTS; i++)
        columns += strlen(part[i]);
    return columns;
}

const char *clg_epoch_text(char out[CLG_PROGRESS_TEXT], int width, const clg_epoch *epoch)
{
    char part[EPOCH_PARTS][64];
    size_t limit = width ? (size_t)width : CLG_PROGRESS_TEXT, line = 0, length = 0;

    if (epoch_parts(part, "accuracy", epoch) > limit)
        epoch_parts(part, "acc", epoch);
    for (int i = 0; i < EPOCH_PARTS; i++) {
        bool breaks = line && line + strlen(part[i]) > limit;

        line = strlen(part[i]) + (breaks ? 0 : line);
        length += (size_t)snprintf(out + length, CLG_PROGRESS_TEXT - length, "%s%s",
                                   breaks ? "\n" : "", part[i]);
    }
    return out;
}

/* ---- on standard error ---- */

double clg_meter_now(void)
{
    struct timespec t = {0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool clg_meter_due(struct clg_meter *meter, double seconds)
{
    if (seconds - meter->last_line < LINE_SECONDS)
        return false;
    meter->last_line = seconds;
    return true;
}

void clg_meter_show(struct clg_meter *meter, const clg_fit_progress *state)
{
    char text[CLG_PROGRESS_TEXT];

    if (meter->over)
        fprintf(stderr, CLG_METER_CLEAR "%s",
                clg_bar_text(text, clg_terminal_width(stderr), state));
    else if (clg_meter_due(meter, clg_meter_now()))
        fprintf(stderr, "%s\n", clg_bar_text(text, clg_terminal_width(stderr), state));
    fflush(stderr);
}

void clg_meter_clear(struct clg_meter *meter)
{
    if (meter->over)
        fputs(CLG_METER_CLEAR, stderr);
    meter->last_line = clg_meter_now();
}

/* ---- what trains ---- */

bool clg_training_stop(void *user)
{
    (void)user;
    return clg_signals_came();
}

void clg_training_flush(void)
{
    if (!clg_output_flush())
        clg_output_give_up("; the training goes on without it");
}
