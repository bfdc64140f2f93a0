#include <inttypes.h>
#include <string.h>
#include "base/text.h"
#include "nn/layer.h"

clg_embedding_params clg_embedding_defaults(void)
{
    return (clg_embedding_params){.padding_idx = -1};
}

enum { EXACT = 1 << 24 }; /* integers that comparisons tell apart */

static const clg_tensor invalid = {NULL, -1, 0};

static bool check_arguments(clg_tensor indices, const char *name, int64_t rows, int64_t cols,
                            int64_t padding)
{
    int64_t most = rows < EXACT ? rows : EXACT;
    if (clg_tensor_dtype(indices) != CLG_I32)
        clg_graph_fail(indices.graph, CLG_ERR_ARGUMENT, "embedding '%s': indices must be int32",
                       name);
    else if (rows < 1 || cols < 1 || rows >= CLG_BATCH || cols >= CLG_BATCH)
        clg_graph_fail(indices.graph, CLG_ERR_ARGUMENT,
                       "embedding '%s': a table of (%" PRId64 ", %" PRId64
                       "), must be 1 or more each",
                       name, rows, cols);
    else if (padding >= most || padding < -1)
        clg_graph_fail(indices.graph, CLG_ERR_ARGUMENT,
                       "embedding '%s': padding_idx is %" PRId64 ", must be below %" PRId64
                       ", or -1 for none",
                       name, padding, most);
    else
        return true;
    return false;
}

/* NAME.weight, with the padding row 0 in a table that was not there before. */
static clg_tensor make_table(clg_graph *graph, const char *name, clg_shape shape, int64_t padding,
                             const clg_init *init)
{
    struct clg_store *store = graph->store;
    struct clg_ctx *ctx = graph->object.ctx;
    size_t row = (size_t)shape.dim[1] * sizeof(float), bytes = (size_t)shape.dim[0] * row;
    size_t before = clg_store_count(store);
    clg_tensor table = clg_layer_parameter(graph, name, "weight", shape, init);
    if (!clg_tensor_valid(table) || padding < 0 || clg_store_count(store) == before)
        return table;
    const char *full = clg_store_get_entry(store, (int64_t)before)->name;
    float *values = clg_new(ctx, 1, bytes);
    clg_status status = values ? clg_store_get(store, full, values, bytes) : CLG_ERR_MEMORY;
    if (status == CLG_OK) {
        memset(values + padding * shape.dim[1], 0, row);
        status = clg_store_set(store, full, values, bytes);
    }
    clg_free(ctx, values);
    return status == CLG_OK
               ? table
               : clg_graph_fail(graph, status, "embedding '%s': %s", name, clg_error(ctx));
}

/* The same values; what reaches rows of the padding index goes nowhere. */
static clg_tensor stop_padding(clg_tensor rows, clg_tensor indices, int64_t padding)
{
    clg_tensor is_padding = clg_eq(indices, clg_fill(indices.graph, clg_shape0(), (float)padding));
    return clg_where(clg_unsqueeze(is_padding, -1), clg_detach(rows), rows);
}

clg_tensor clg_embedding(clg_tensor indices, const char *name, int64_t rows, int64_t cols,
                         const clg_embedding_params *params)
{
    clg_embedding_params p = params ? *params : clg_embedding_defaults();
    const clg_init torch = {.scheme = CLG_INIT_NORMAL, .a = 0, .b = 1};
    if (!clg_layer_begin(indices, "embedding", name) ||
        !check_arguments(indices, name, rows, cols, p.padding_idx))
        return invalid;
    clg_tensor table = make_table(indices.graph, name, clg_shape2(rows, cols), p.padding_idx,
                                  p.weight_init ? p.weight_init : &torch);
    clg_tensor y = clg_gather(table, indices);
    return p.padding_idx < 0 || !clg_tensor_valid(y) ? y : stop_padding(y, indices, p.padding_idx);
}
