#include "data/synthetic.h"

#include <math.h>

#include "base/philox.h"
#include "data/dataset.h"

#define STREAM_DATA 0x64617461u /* apart from the streams of orders and initial values */
#define PI          3.14159265358979323846

/* The n-th standard normal number of a sample. */
static double normal(const struct clg_synthetic *p, int64_t sample, uint32_t n)
{
    const uint32_t key[2] = {(uint32_t)p->seed, (uint32_t)(p->seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)sample, n / 2, STREAM_DATA, (uint32_t)p->stream};
    uint32_t words[4];
    float pair[2];

    clg_philox(counter, key, words);
    clg_normal_pair(words[0], words[1], pair);
    return (double)pair[n % 2];
}

/* What follows fills a sample and gives its label. */
static double linear(const struct clg_synthetic *p, int64_t sample, float *x)
{
    double y = p->bias;

    for (size_t i = 0; i < p->number_count; i++) {
        x[i] = (float)normal(p, sample, (uint32_t)i);
        y += p->numbers[i] * (double)x[i];
    }
    return y + p->noise * normal(p, sample, (uint32_t)p->number_count);
}

static double polynomial(const struct clg_synthetic *p, int64_t sample, float *powers)
{
    double x = normal(p, sample, 0), power = 1, y = 0;

    for (int64_t i = 0; i <= p->size || i < (int64_t)p->number_count; i++) {
        if (i <= p->size)
            powers[i] = (float)power;
        if (i < (int64_t)p->number_count)
            y += p->numbers[i] * power;
        power *= x / (double)(i + 1);
    }
    return y + p->noise * normal(p, sample, 1);
}

static void add_noise(const struct clg_synthetic *p, int64_t sample, float *x, int64_t values)
{
    for (int64_t i = 0; i < values; i++)
        x[i] = (float)((double)x[i] + p->noise * normal(p, sample, (uint32_t)i));
}

static double exclusive_or(const struct clg_synthetic *p, int64_t sample, float *x)
{
    x[0] = (float)(sample & 1);
    x[1] = (float)(sample >> 1 & 1);
    add_noise(p, sample, x, 2);
    return (double)((sample ^ sample >> 1) & 1);
}

/* As scikit-learn's make_moons: even distances along a half circle round (0, 0), and along one
 * below it round (1, 0.5); the classes by turns. */
static double moons(const struct clg_synthetic *p, int64_t sample, float *x)
{
    int64_t label = sample & 1, of_class = (p->samples + 1 - label) / 2;
    double t = of_class > 1 ? PI * (double)(sample / 2) / (double)(of_class - 1) : 0;

    x[0] = (float)(label ? 1 - cos(t) : cos(t));
    x[1] = (float)(label ? 0.5 - sin(t) : sin(t));
    add_noise(p, sample, x, 2);
    return (double)label;
}

static double parity(const struct clg_synthetic *p, int64_t sample, float *x)
{
    const uint32_t key[2] = {(uint32_t)p->seed, (uint32_t)(p->seed >> 32)};
    uint32_t counter[4] = {(uint32_t)sample, 0, STREAM_DATA + 1, (uint32_t)p->stream}, words[4];
    uint32_t odd = 0;

    for (int64_t i = 0; i < p->size; i++) {
        counter[1] = (uint32_t)(i / 128);
        clg_philox(counter, key, words);
        x[i] = (float)(words[i / 32 % 4] >> i % 32 & 1);
        odd ^= x[i] != 0;
    }
    add_noise(p, sample, x, p->size);
    return (double)odd;
}

static const struct {
    const char *name;
    double (*fill)(const struct clg_synthetic *p, int64_t sample, float *x);
    bool classes;
} makers[] = {
    [CLG_SYNTHETIC_LINEAR] = {"synthetic linear", linear, false},
    [CLG_SYNTHETIC_POLYNOMIAL] = {"synthetic polynomial", polynomial, false},
    [CLG_SYNTHETIC_XOR] = {"synthetic xor", exclusive_or, true},
    [CLG_SYNTHETIC_MOONS] = {"synthetic moons", moons, true},
    [CLG_SYNTHETIC_PARITY] = {"synthetic parity", parity, true},
};

static int64_t values_of(const struct clg_synthetic *p)
{
    switch (p->kind) {
    case CLG_SYNTHETIC_LINEAR:
        return (int64_t)p->number_count;
    case CLG_SYNTHETIC_POLYNOMIAL:
        return p->size + 1;
    case CLG_SYNTHETIC_PARITY:
        return p->size;
    default:
        return 2;
    }
}

static void fill(struct clg_dataset *data, const struct clg_synthetic *p)
{
    int64_t values = values_of(p);

    for (int64_t i = 0; i < data->count; i++) {
        double label = makers[p->kind].fill(p, i, (float *)data->samples + i * values);

        if (makers[p->kind].classes)
            ((int32_t *)data->labels)[i] = (int32_t)label;
        else
            ((float *)data->labels)[i] = (float)label;
    }
}

clg_dataset *clg_dataset_synthetic(clg_ctx *ctx, const struct clg_synthetic *params)
{
    struct clg_dataset *data = clg_dataset_new(ctx, makers[params->kind].name);

    if (!data)
        return NULL;
    data->count = params->samples;
    data->type = CLG_F32;
    data->shape = clg_shape1(values_of(params));
    data->label_type = makers[params->kind].classes ? CLG_I32 : CLG_F32;
    data->has_labels = true;
    data->done = true;
    data->samples = clg_new(ctx, (size_t)data->count, clg_dataset_sample_bytes(data));
    data->labels = clg_new(ctx, (size_t)data->count, clg_dataset_label_bytes(data));
    if (data->samples && data->labels)
        fill(data, params);
    else
        clg_dataset_destroy(&data);
    return data;
}
