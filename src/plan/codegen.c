/* Generates the kernel of a fused elementwise node and its launch.
 *
 * The iteration space is the result's shape with neighbouring dimensions merged wherever every
 * operand allows it: rows (any number of outer dimensions) of cols elements. An operand steps by 1
 * or by 0 (broadcast) inside a row, and by any stride between rows. Sizes, strides and the ops'
 * numbers are kernel arguments: the text depends on the structure alone. */
#include <string.h>
#include "base/text.h"
#include "plan/ir.h"

enum { EXTERNALS = 16, CHUNK = 4096 };

struct space {
    int dims; /* outer dimensions and, last, the columns */
    int64_t size[CLG_MAX_RANK];
    int64_t stride[EXTERNALS][CLG_MAX_RANK];
    uint32_t externals;
};

struct generator {
    struct clg_lower *lower;
    const struct clg_fused *fused;
    struct space space;
    struct clg_text text;
    bool random, item, flat;
};

/* Strides of an operand in the dimensions of the result: 0 where it is repeated. */
static void operand_strides(const clg_shape *operand, const clg_shape *result, int64_t *stride)
{
    int64_t step = 1;
    for (int d = result->rank - 1, o = operand->rank - 1; d >= 0; d--, o--) {
        int64_t size = o >= 0 ? operand->dim[o] : 1;
        stride[d] = size == 1 ? 0 : step;
        step *= size;
    }
}

static bool mergeable(const struct space *s, int outer, int inner)
{
    for (uint32_t k = 0; k < s->externals; k++)
        if (s->stride[k][outer] != s->stride[k][inner] * s->size[inner])
            return false;
    return true;
}

static void find_space(struct space *s, const struct clg_lower *lower)
{
    const clg_shape *result = &lower->out[0].shape;
    *s = (struct space){.externals = lower->n_in};
    for (uint32_t k = 0; k < lower->n_in; k++)
        operand_strides(&lower->in[k].shape, result, s->stride[k]);
    memcpy(s->size, result->dim, sizeof(s->size));
    for (int d = 0; d < result->rank; d++) {
        if (result->dim[d] == 1)
            continue;
        int to = s->dims;
        s->size[to] = result->dim[d];
        for (uint32_t k = 0; k < s->externals; k++)
            s->stride[k][to] = s->stride[k][d];
        if (to > 0 && mergeable(s, to - 1, to)) {
            s->size[to - 1] *= s->size[to];
            for (uint32_t k = 0; k < s->externals; k++)
                s->stride[k][to - 1] = s->stride[k][to];
        } else {
            s->dims++;
        }
    }
    if (s->dims == 0) {
        s->dims = 1;
        s->size[0] = 1;
    }
}

/* ---- text ---- */

static const char *type_name(clg_dtype type)
{
    return type == CLG_I32 ? "int" : "float";
}

static bool is_random(const struct clg_member *m)
{
    return m->op->flags & CLG_OP_RANDOM;
}

static void emit_parameters(struct generator *g)
{
    struct clg_text *t = &g->text;
    for (uint32_t k = 0; k < g->lower->n_in; k++)
        clg_text_add(t, "TENSOR(const %s, x%u), ", type_name(g->lower->in[k].dtype), k);
    for (uint32_t k = 0; k < g->lower->n_out; k++)
        clg_text_add(t, "TENSOR(%s, y%u), ", type_name(g->lower->out[k].dtype), k);
    if (g->random)
        clg_text_add(t, "global const uint *block, ");
    for (uint32_t m = 0; m < g->fused->count; m++) {
        for (uint32_t j = 0; j < g->fused->members[m].op->params; j++)
            clg_text_add(t, "const float p%u_%u, ", m, j);
        for (uint32_t k = 0; k < g->fused->members[m].op->min_in; k++)
            if (g->fused->members[m].in[k].kind == CLG_OPERAND_NUMBER)
                clg_text_add(t, "const float f%u_%u, ", m, k);
        if (is_random(&g->fused->members[m]))
            clg_text_add(t, "const uint n%u, ", m);
    }
    for (int d = 1; d < g->space.dims - 1; d++)
        clg_text_add(t, "const int d%d, ", d);
    for (uint32_t k = 0; k < g->lower->n_in; k++)
        for (int d = 0; d < g->space.dims - 1; d++)
            clg_text_add(t, "const int s%u_%d, ", k, d);
    clg_text_add(t, "const int rows, const int cols)\n{\n");
    for (uint32_t k = 0; k < g->lower->n_in; k++)
        clg_text_add(t, "    OPEN(const %s, x%u);\n", type_name(g->lower->in[k].dtype), k);
    for (uint32_t k = 0; k < g->lower->n_out; k++)
        clg_text_add(t, "    OPEN(%s, y%u);\n", type_name(g->lower->out[k].dtype), k);
}

/* o<k>: where row r of operand k starts. */
static void emit_row(struct generator *g)
{
    struct clg_text *t = &g->text;
    int outer = g->space.dims - 1;
    if (outer > 0)
        clg_text_add(t, "        int q = r;\n");
    for (int d = outer - 1; d > 0; d--)
        clg_text_add(t, "        int i%d = q %% d%d; q /= d%d;\n", d, d, d);
    for (uint32_t k = 0; k < g->lower->n_in; k++) {
        clg_text_add(t, "        int o%u = %s", k, outer ? "" : "0");
        if (outer)
            clg_text_add(t, "q * s%u_0", k);
        for (int d = 1; d < outer; d++)
            clg_text_add(t, " + i%d * s%u_%d", d, k, d);
        clg_text_add(t, ";\n");
    }
}

static void emit_operand(struct generator *g, const char *type, uint32_t m, uint32_t k)
{
    struct clg_operand operand = g->fused->members[m].in[k];
    if (operand.kind == CLG_OPERAND_NUMBER)
        clg_text_add(&g->text, ", (%s)(f%u_%u)", type, m, k);
    else
        clg_text_add(&g->text, operand.kind == CLG_OPERAND_MEMBER ? ", t%u" : ", a%u",
                     operand.index);
}

/* The arithmetic for `width` elements from column c of row r; random: the name of u<m>'s element.
 */
static void emit_body(struct generator *g, int width, const char *random)
{
    struct clg_text *t = &g->text;
    const char *type = width == 16 ? "float16" : "float";
    for (uint32_t k = 0; k < g->lower->n_in; k++) {
        const char *integer = g->lower->in[k].dtype == CLG_I32 ? "I" : "";
        if (g->space.stride[k][g->space.dims - 1])
            clg_text_add(t, "            %s a%u = GET%d%s(x%u + o%u + c);\n", type, k, width,
                         integer, k, k);
        else
            clg_text_add(t, "            %s a%u = (%s)(GET1%s(x%u + o%u));\n", type, k, type,
                         integer, k, k);
    }
    for (uint32_t m = 0; m < g->fused->count; m++) {
        const struct clg_member *member = &g->fused->members[m];
        clg_text_add(t, "            %s t%u = ew_%s(%s", type, m, member->op->name, type);
        for (uint32_t k = 0; k < member->op->min_in; k++)
            emit_operand(g, type, m, k);
        if (is_random(member))
            clg_text_add(t, random, m);
        for (uint32_t j = 0; j < member->op->params; j++)
            clg_text_add(t, ", p%u_%u", m, j);
        clg_text_add(t, ");\n");
        if (member->output >= 0)
            clg_text_add(t, "            PUT%d%s(t%u, y%d + at + c);\n", width,
                         g->lower->out[member->output].dtype == CLG_I32 ? "I" : "", m,
                         member->output);
    }
}

/* The columns from c on below stop, in vectors of 16 and a scalar rest, and the ends of loop and kernel. */
static void emit_run(struct generator *g, const char *random16, const char *random1)
{
    clg_text_add(&g->text, "        for (; c + 16 <= stop; c += 16) {\n");
    emit_body(g, 16, random16);
    clg_text_add(&g->text, "        }\n        for (; c < stop; c++) {\n");
    emit_body(g, 1, random1);
    clg_text_add(&g->text, "        }\n    }\n}\n");
}

/* Item form: a work-item takes runs of at most CHUNK columns. */
static void emit_item(struct generator *g)
{
    clg_text_add(&g->text,
                 "    int chunks = (cols + CHUNK - 1) / CHUNK, tasks = rows * chunks;\n"
                 "    int per = (tasks + (int)get_global_size(0) - 1) / (int)get_global_size(0);\n"
                 "    int first = (int)work_item() * per, end = min(tasks, first + per);\n"
                 "    for (int task = first; task < end; task++) {\n"
                 "        int r = task / chunks, c = (task - r * chunks) * CHUNK, stop = min(cols, "
                 "c + CHUNK);\n"
                 "        int at = r * cols;\n");
    emit_row(g);
    emit_run(g, "", "");
}

static void emit_uniforms(struct generator *g, const char *format)
{
    for (uint32_t m = 0; m < g->fused->count; m++)
        if (is_random(&g->fused->members[m]))
            clg_text_add(&g->text, format, m, m, m);
}

/* Item form with random numbers and one row: blocks of 64 elements share sixteen counters in lanes.
 */
static void emit_item_random(struct generator *g)
{
    clg_text_add(&g->text,
                 "    const int at = 0, r = 0;\n"
                 "    int blocks = (cols + 63) / 64;\n"
                 "    for (int b = work_item(); b < blocks; b += get_global_size(0)) {\n");
    emit_row(g);
    emit_uniforms(g, "        float16 u%u[4];\n        philox_uniform64(block, n%u, b, u%u);\n");
    clg_text_add(&g->text, "        int c = b * 64, stop = min(cols, c + 64);\n");
    emit_run(g, ", u%u[c / 16 %% 4]", ", ((const float *)u%u)[c & 63]");
}

/* Any form with random numbers: a work-item takes the four elements of a counter. */
static void emit_random(struct generator *g)
{
    clg_text_add(
        &g->text,
        "    int n = rows * cols, units = (n + 63) / 64 * 16;\n"
        "    for (int unit = work_item(); unit < units; unit += get_global_size(0)) {\n");
    emit_uniforms(g, "        float u%u[4];\n        philox_uniform(block, n%u, unit, u%u);\n");
    clg_text_add(&g->text, "        int e = unit / 16 * 64 + unit %% 16;\n"
                           "        for (int w = 0; w < 4 && e < n; w++, e += 16) {\n"
                           "            int r = e / cols, at = r * cols, c = e - at;\n");
    emit_row(g);
    emit_body(g, 1, ", u%u[w]");
    clg_text_add(&g->text, "        }\n    }\n}\n");
}

/* Group form: a work-item an element. */
static void emit_group(struct generator *g)
{
    clg_text_add(&g->text,
                 "    if (work_item() < (size_t)(rows * cols)) {\n"
                 "        int e = work_item(), r = e / cols, at = r * cols, c = e - at;\n");
    emit_row(g);
    emit_body(g, 1, "");
    clg_text_add(&g->text, "    }\n}\n");
}

static void emit(struct generator *g)
{
    clg_text_add(&g->text, "#include \"fused.clh\"\n%s",
                 g->random ? "#include \"philox.clh\"\n" : "");
    clg_text_add(&g->text, "kernel void fused(");
    emit_parameters(g);
    if (g->item && g->random && g->flat)
        emit_item_random(g);
    else if (g->random)
        emit_random(g);
    else if (g->item)
        emit_item(g);
    else
        emit_group(g);
}

/* ---- launch ---- */

static void set_arguments(const struct generator *g, struct clg_launch *launch, int64_t rows,
                          int64_t cols)
{
    for (uint32_t k = 0; k < g->lower->n_in; k++)
        clg_launch_view(launch, &g->lower->in[k]);
    for (uint32_t k = 0; k < g->lower->n_out; k++)
        clg_launch_view(launch, &g->lower->out[k]);
    if (g->random)
        clg_launch_buffer(launch, g->lower->block);
    for (uint32_t m = 0; m < g->fused->count; m++) {
        const struct clg_member *member = &g->fused->members[m];
        for (uint32_t j = 0; j < member->op->params; j++)
            clg_launch_float(launch, member->p[j]);
        for (uint32_t k = 0; k < member->op->min_in; k++)
            if (member->in[k].kind == CLG_OPERAND_NUMBER)
                clg_launch_float(launch, member->fill[k]);
        if (is_random(member))
            clg_launch_uint(launch, member->number);
    }
    for (int d = 1; d < g->space.dims - 1; d++)
        clg_launch_int(launch, g->space.size[d]);
    for (uint32_t k = 0; k < g->lower->n_in; k++)
        for (int d = 0; d < g->space.dims - 1; d++)
            clg_launch_int(launch, g->space.stride[k][d]);
    clg_launch_int(launch, rows);
    clg_launch_int(launch, cols);
}

static size_t work_items(const struct generator *g, int64_t rows, int64_t cols)
{
    int64_t n = rows * cols, chunks = (cols + CHUNK - 1) / CHUNK;
    if (g->random)
        return (size_t)(g->item && g->flat ? (n + CHUNK - 1) / CHUNK : (n + 63) / 64 * 16);
    if (!g->item)
        return (size_t)n;
    int64_t tasks = rows * chunks, wanted = (n + CHUNK - 1) / CHUNK;
    return (size_t)(wanted < tasks ? wanted : tasks);
}

static void launch_fused(struct generator *g)
{
    int64_t cols = g->space.size[g->space.dims - 1], rows = 1, bytes = 0;
    for (int d = 0; d < g->space.dims - 1; d++)
        rows *= g->space.size[d];
    struct clg_launch *launch =
        clg_launch_generated(g->lower->launches, g->text.data, "fused", NULL, g->lower->label);
    set_arguments(g, launch, rows, cols);
    clg_launch_items(launch, work_items(g, rows, cols));
    for (uint32_t k = 0; k < g->lower->n_in; k++)
        bytes += 4 * clg_shape_count(&g->lower->in[k].shape);
    clg_launch_cost(launch, (uint64_t)(rows * cols) * g->fused->count,
                    (uint64_t)(bytes + 4 * rows * cols * g->lower->n_out));
}

void clg_fused_lower(struct clg_lower *lower, const struct clg_fused *fused)
{
    struct generator g = {
        .lower = lower, .fused = fused, .text = {.ctx = clg_device_object(lower->device)->ctx}};
    for (uint32_t m = 0; m < fused->count; m++)
        g.random |= is_random(&fused->members[m]);
    g.item = lower->machine->form == CLG_FORM_ITEM;
    find_space(&g.space, lower);
    g.flat = g.space.dims == 1;
    emit(&g);
    if (g.text.failed)
        lower->launches->status = CLG_ERR_MEMORY;
    else
        launch_fused(&g);
    clg_text_finish(&g.text);
}
