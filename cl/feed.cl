/* feed.cl: gathers a batch from a data set on the device: y[i] = array[row(cursor + i)], i < batch, where
 * row is the order of the epoch (index) or, with index_rows 0, the file's. Rows past the end are clamped.
 * Floats become (value - mean) * scale. */
#include "common.clh"

INLINE int source_row(global const int *index, global const uint *tally, uint i, int rows, int index_rows)
{
    int at = (int)min(tally[0] + i, 0x7fffffffu);
    if (index_rows)
        at = index[clamp(at, 0, index_rows - 1)];
    return clamp(at, 0, rows - 1);
}

#if FORM_ITEM
#define FOR_BATCH(i)  for (uint i = work_item(); i < (uint)batch; i += get_global_size(0))
#define FIRST_COLUMN  0
#define COLUMN_STRIDE 1
#else
#define FOR_BATCH(i)  for (uint i = get_group_id(0); i < (uint)batch; i += get_num_groups(0))
#define FIRST_COLUMN  (int)get_local_id(0)
#define COLUMN_STRIDE (int)get_local_size(0)
#endif

/* array (rows, cols) of bytes; y (batch, cols) of float32, or of int32 when as_int. */
kernel void feed_bytes(global const uchar *array, TENSOR(float, y), global const int *index,
                       global const uint *tally, const int rows, const int index_rows, const int cols,
                       const int batch, const float mean, const float scale, const int as_int)
{
    OPEN(float, y);
    FOR_BATCH(i) {
        global const uchar *from = array + (size_t)source_row(index, tally, i, rows, index_rows) * cols;
        global float *to = y + (size_t)i * cols;
        int c = FIRST_COLUMN;
#if FORM_ITEM
        for (; !as_int && c + 16 <= cols; c += 16)
            vstore16((convert_float16(vload16(0, from + c)) - (float16)(mean)) * (float16)(scale), 0, to + c);
#endif
        for (; c < cols; c += COLUMN_STRIDE)
            to[c] = as_int ? as_float((int)from[c]) : ((float)from[c] - mean) * scale;
    }
}

/* array (rows, cols) and y (batch, cols) of float32, or both of int32 when as_int. */
kernel void feed_words(global const float *array, TENSOR(float, y), global const int *index,
                       global const uint *tally, const int rows, const int index_rows, const int cols,
                       const int batch, const float mean, const float scale, const int as_int)
{
    OPEN(float, y);
    FOR_BATCH(i) {
        global const float *from = array + (size_t)source_row(index, tally, i, rows, index_rows) * cols;
        global float *to = y + (size_t)i * cols;
        for (int c = FIRST_COLUMN; c < cols; c += COLUMN_STRIDE) {
            uint word = as_uint(from[c]);
            to[c] = as_int ? as_float(word) : (from[c] - mean) * scale;
        }
    }
}
