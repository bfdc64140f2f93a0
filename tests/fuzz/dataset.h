/* What targets that read data sets share. */
#ifndef DATASET_H
#define DATASET_H

#include <criterion/criterion.h>
#include <clgrad/data.h>

/* Reads every byte of the samples, so that the sanitizer sees one that is not there. */
static inline void dataset_read(const clg_dataset *data)
{
    const unsigned char *samples = clg_dataset_samples(data);
    size_t size = (size_t)clg_dataset_count(data) * (clg_dataset_type(data) == CLG_U8 ? 1 : 4);
    clg_shape shape = clg_dataset_shape(data);
    unsigned sum = 0;

    for (int32_t i = 0; i < shape.rank; i++)
        size *= (size_t)shape.dim[i];
    for (size_t i = 0; i < size; i++)
        sum += samples[i];
    cr_assert_leq(sum, 255 * size);
}

#endif
