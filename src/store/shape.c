#include <clgrad/shape.h>

clg_shape clg_shape_make(int32_t rank, const int64_t *dim)
{
    clg_shape shape = {.rank = rank};

    if (rank < 0 || rank > CLG_MAX_RANK || (rank > 0 && !dim)) {
        shape.rank = -1;
        return shape;
    }
    for (int32_t i = 0; i < rank; i++)
        shape.dim[i] = dim[i];
    return shape;
}

clg_shape clg_shape0(void)
{
    return (clg_shape){.rank = 0};
}

clg_shape clg_shape1(int64_t a)
{
    return (clg_shape){1, {a}};
}

clg_shape clg_shape2(int64_t a, int64_t b)
{
    return (clg_shape){2, {a, b}};
}

clg_shape clg_shape3(int64_t a, int64_t b, int64_t c)
{
    return (clg_shape){3, {a, b, c}};
}

clg_shape clg_shape4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (clg_shape){4, {a, b, c, d}};
}
