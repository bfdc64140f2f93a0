/* Feeds: what a step gathers from a data set on the device, and where the cursor is then. */
#include <stdio.h>
#include <string.h>
#include "plan/plan.h"
#include "selftest/trials.h"

/* Two vectors of 16 bytes and a tail; rows that do not fill the last batch. */
enum { ROWS = 11, COLS = 37, BATCH = 4, STEPS = 4, ORDER = 9 };

#define MEAN 3.5f
#define STD  2.25f

/* Every row is in the order's reach but one; one is there twice. */
static const int32_t order[ORDER] = {7, 2, 10, 0, 5, 5, 9, 1, 3};

/* A data set as bytes or as words, its labels of the same kind, and a plan that is fed from it. */
struct feed {
    bool bytes, indexed;
    clg_mode mode;
    double value[ROWS][COLS];
    int32_t label[ROWS];
    clg_plan *plan;
};

static void draw(struct clg_trial *trial, struct feed *feed)
{
    for (int r = 0; r < ROWS; r++) {
        feed->label[r] = (r * 7 + 3) % ROWS;
        for (int c = 0; c < COLS; c++) {
            float x = 128 * (1 + clg_trial_number(trial));
            feed->value[r][c] = feed->bytes ? (double)(uint8_t)x : (double)x;
        }
    }
}

static clg_status attach(struct clg_trial *trial, struct feed *feed, const void *values,
                         const void *labels)
{
    clg_feed_params params = clg_feed_defaults();
    clg_array *x = clg_trial_array(trial, feed->bytes ? CLG_U8 : CLG_F32, ROWS, COLS, values);
    clg_array *y = clg_trial_array(trial, feed->bytes ? CLG_U8 : CLG_I32, ROWS, 1, labels);
    clg_array *index = clg_trial_array(trial, CLG_I32, ORDER, 1, order);
    if (!x || !y || !index)
        return clg_error_status(trial->ctx);
    params.index = feed->indexed ? index : NULL;
    CLG_TRY(clg_plan_feed(feed->plan, "label", y, &params));
    params.mean = MEAN;
    params.std = STD;
    return clg_plan_feed(feed->plan, "input", x, &params);
}

static clg_status attach_bytes(struct clg_trial *trial, struct feed *feed)
{
    uint8_t values[ROWS][COLS], labels[ROWS];
    for (int r = 0; r < ROWS; r++) {
        labels[r] = (uint8_t)feed->label[r];
        for (int c = 0; c < COLS; c++)
            values[r][c] = (uint8_t)feed->value[r][c];
    }
    return attach(trial, feed, values, labels);
}

static clg_status attach_words(struct clg_trial *trial, struct feed *feed)
{
    float values[ROWS][COLS];
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLS; c++)
            values[r][c] = (float)feed->value[r][c];
    return attach(trial, feed, values, feed->label);
}

static int clamped(int at, int rows)
{
    return at < rows ? at : rows - 1;
}

/* What a step at the cursor gathered. */
static clg_status look(struct clg_trial *trial, const struct feed *feed, int cursor)
{
    struct clg_rounded scale = clg_rounded(1 / (double)STD, 0), want[BATCH * COLS];
    int32_t labels[BATCH];
    CLG_TRY(clg_plan_read(feed->plan, "y", labels, sizeof(labels)));
    for (int i = 0; i < BATCH; i++) {
        int row = feed->indexed ? order[clamped(cursor + i, ORDER)] : clamped(cursor + i, ROWS);
        for (int c = 0; c < COLS; c++)
            want[i * COLS + c] =
                clg_times(clg_rounded(feed->value[row][c] - (double)MEAN, 0), scale);
        char where[64];
        snprintf(where, sizeof(where), "label %d of the batch at %d", i, cursor);
        clg_trial_count(trial, where, (uint64_t)labels[i], (uint64_t)feed->label[row]);
    }
    return clg_trial_output(trial, feed->plan, "x", want, BATCH * COLS);
}

static clg_status check(struct clg_trial *trial, const char *what, struct feed *feed)
{
    CLG_TRY(clg_trial_case(trial, what));
    draw(trial, feed);
    clg_tensor x = clg_input(trial->graph, "input", CLG_F32, clg_shape2(CLG_BATCH, COLS));
    clg_output(x, "x");
    clg_output(clg_input(trial->graph, "label", CLG_I32, clg_shape1(CLG_BATCH)), "y");
    feed->plan = clg_trial_compile(trial, BATCH, feed->mode);
    if (!feed->plan)
        return clg_error_status(trial->ctx);
    CLG_TRY(feed->bytes ? attach_bytes(trial, feed) : attach_words(trial, feed));
    for (int step = 0; step < STEPS; step++) {
        CLG_TRY(clg_plan_step(feed->plan));
        CLG_TRY(look(trial, feed, step * BATCH));
    }
    CLG_TRY(clg_plan_seek(feed->plan, 2));
    CLG_TRY(clg_plan_step(feed->plan));
    return look(trial, feed, 2);
}

static clg_status check_kinds(struct clg_trial *trial, bool indexed)
{
    struct feed bytes = {.bytes = true, .indexed = indexed, .mode = CLG_INFER};
    struct feed words = {.indexed = indexed, .mode = CLG_TRAIN};
    CLG_TRY(check(trial, "bytes, in inference", &bytes));
    return check(trial, "words, in training", &words);
}

clg_status clg_trial_step_feed(struct clg_trial *trial)
{
    return check_kinds(trial, false);
}

clg_status clg_trial_step_index(struct clg_trial *trial)
{
    return check_kinds(trial, true);
}

/* ---- the cursor ---- */

static clg_status look_at_cursor(struct clg_trial *trial, const clg_plan *plan, int step,
                                 uint32_t want)
{
    uint32_t cursor;
    char where[64];
    CLG_TRY(clg_buffer_read(plan->tally, 0, &cursor, sizeof(cursor)));
    snprintf(where, sizeof(where), "the cursor after step %d", step);
    clg_trial_count(trial, where, cursor, want);
    return CLG_OK;
}

static clg_status count_rows(struct clg_trial *trial, const char *what, clg_mode mode)
{
    CLG_TRY(clg_trial_case(trial, what));
    clg_metric(clg_fill(trial->graph, clg_shape0(), 1), "one");
    clg_plan *plan = clg_trial_compile(trial, BATCH, mode);
    if (!plan)
        return clg_error_status(trial->ctx);
    for (int step = 1; step <= 3; step++) {
        CLG_TRY(clg_plan_step(plan));
        CLG_TRY(look_at_cursor(trial, plan, step, (uint32_t)step * BATCH));
    }
    CLG_TRY(clg_plan_seek(plan, 1000003));
    CLG_TRY(clg_plan_step(plan));
    return look_at_cursor(trial, plan, 4, 1000003 + BATCH);
}

clg_status clg_trial_step_cursor(struct clg_trial *trial)
{
    CLG_TRY(count_rows(trial, "in inference", CLG_INFER));
    return count_rows(trial, "in training", CLG_TRAIN);
}
