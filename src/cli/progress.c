#include "cli/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { BAR = 20 };

bool clg_bar_possible(void)
{
    return isatty(STDERR_FILENO) == 1;
}

void clg_bar_clear(void)
{
    fputs("\r\033[K", stderr);
}

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

void clg_bar_draw(const clg_fit_progress *p)
{
    int done = p->steps > 0 ? (int)(BAR * p->step / p->steps) : 0;
    char bar[BAR + 1], rate[16], left[16];

    for (int i = 0; i < BAR; i++)
        bar[i] = i < done ? '#' : '.';
    bar[BAR] = '\0';
    rate_text(rate, p->samples_per_second);
    time_text(left, p->seconds_left);
    fprintf(stderr, "\r\033[Kepoch %" PRId64 "/%" PRId64 " [%s] loss %.4f", p->epoch, p->epochs,
            bar, p->train.loss);
    if (!isnan(p->train.accuracy))
        fprintf(stderr, " acc %.4f", p->train.accuracy);
    fprintf(stderr, " %s/s %s left", rate, left);
    fflush(stderr);
}

static void print_score(const char *what, const clg_score *score)
{
    printf("  %s loss %.4f", what, score->loss);
    if (!isnan(score->accuracy))
        printf(" accuracy %.4f", score->accuracy);
}

void clg_print_epoch(const clg_epoch *epoch)
{
    printf("epoch %2" PRId64 "/%" PRId64, epoch->epoch, epoch->epochs);
    print_score("train", &epoch->train);
    if (epoch->test.samples)
        print_score("test", &epoch->test);
    printf("  %.2f s\n", epoch->seconds);
    fflush(stdout);
}
