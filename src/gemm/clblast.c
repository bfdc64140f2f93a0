/* Matrix products by CLBlast: a foreign call in the plan, and a kernel of ours for bias and
 * activation.
 *
 * CLBlast is column-major: C (M, N) row-major is C^T = op(B)^T op(A)^T in its terms, so operands
 * and sizes change places and no layout has to be converted. Its temporary memory is the workspace.
 * It keeps programs in a cache of the whole process, which is not safe against two threads that
 * meet a routine first, and is the reason for the lock. */
#include "gemm/provider.h"

#if CLG_HAVE_CLBLAST

#include <clblast_c.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>

#include "device/interop.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t sessions; /* devices that use CLBlast; under the lock */

/* ---- tuning parameters for CPU devices ---- */

/* CLBlast has none for PoCL, and with its defaults the first call compiles for minutes. These build
 * in seconds; speed is not what CLBlast is for on a CPU. Every parameter of a kernel must be given.
 */
struct parameters {
    const char *kernel;
    size_t count;
    const char *names[16];
    size_t values[16];
};

static const struct parameters on_cpu[] = {
    {"Xgemm",
     16,
     {"GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB", "NDIMC", "NWG", "SA", "SB",
      "STRM", "STRN", "VWM", "VWN"},
     {0, 1, 16, 2, 8, 8, 32, 8, 8, 32, 0, 0, 0, 0, 4, 4}},
    {"XgemmDirect",
     10,
     {"KWID", "MDIMAD", "MDIMCD", "NDIMBD", "NDIMCD", "PADA", "PADB", "VWMD", "VWND", "WGD"},
     {1, 8, 8, 8, 8, 0, 0, 1, 1, 8}},
    {"GemmRoutine", 1, {"XGEMM_MIN_INDIRECT_SIZE"}, {1}}, /* never the direct kernel */
};

static bool is_cpu(const struct clg_device *device)
{
    clg_device_type type = clg_device_get_info(device)->type;

    return type == CLG_DEVICE_CPU || type == CLG_DEVICE_SOFTWARE;
}

static clg_status tune(struct clg_device *device)
{
    cl_device_id id;
    cl_int error =
        clGetCommandQueueInfo(clg_device_queue(device), CL_QUEUE_DEVICE, sizeof(id), &id, NULL);

    if (error != CL_SUCCESS)
        return clg_cl_fail(device, error, "clGetCommandQueueInfo", NULL);
    for (size_t i = 0; is_cpu(device) && i < sizeof(on_cpu) / sizeof(on_cpu[0]); i++) {
        const char *names[16];

        for (size_t k = 0; k < on_cpu[i].count; k++)
            names[k] = on_cpu[i].names[k];
        error = (cl_int)CLBlastOverrideParameters(id, on_cpu[i].kernel, CLBlastPrecisionSingle,
                                                  on_cpu[i].count, names, on_cpu[i].values);
        if (error != CL_SUCCESS)
            return clg_cl_fail(device, error, "CLBlastOverrideParameters", on_cpu[i].kernel);
    }
    return CLG_OK;
}

/* ---- sessions: a child of each device that uses CLBlast; the last to go empties its cache, which
 * otherwise holds contexts until the process ends ---- */

static void forget_session(void)
{
    pthread_mutex_lock(&lock);
    if (--sessions == 0)
        CLBlastClearCache();
    pthread_mutex_unlock(&lock);
}

static void end_session(struct clg_object *object)
{
    if (!clg_opencl_left()) /* else the lock may be held, by a thread that is not here */
        forget_session();
    clg_free(object->ctx, object);
}

static clg_status begin_session(struct clg_device *device)
{
    struct clg_object *parent = clg_device_object(device), *session;
    clg_status status;

    for (struct clg_object *child = parent->first; child; child = child->next)
        if (child->finish == end_session)
            return CLG_OK;
    session = clg_new(parent->ctx, 1, sizeof(*session));
    if (!session)
        return CLG_ERR_MEMORY;
    clg_object_init(session, parent, end_session);
    pthread_mutex_lock(&lock);
    sessions++;
    status = tune(device);
    pthread_mutex_unlock(&lock);
    return status;
}

/* ---- memory ---- */

/* A view as CLBlast gets it: memory, and an offset that is 0 wherever a sub-buffer can begin there.
 * With an offset CLBlast copies the matrix first, and it computes offsets in 31 bits. */
struct operand {
    struct clg_view view;
    size_t bytes;
    cl_mem parent; /* what `mem` was made from; not retained */
    cl_mem mem;    /* the sub-buffer; NULL: the parent itself */
    size_t offset; /* elements */
};

static void operand_finish(struct operand *o)
{
    CLG_RELEASE(MemObject, o->mem);
    o->mem = o->parent = NULL;
}

/* Follows the view's buffer, whose memory may have been replaced. */
static clg_status operand_update(struct clg_device *device, struct operand *o)
{
    cl_mem parent = clg_buffer_mem(o->view.buffer);
    cl_buffer_region region = {(size_t)o->view.offset * sizeof(float), o->bytes};
    cl_int error;

    if (parent == o->parent)
        return CLG_OK;
    operand_finish(o);
    o->offset = 0;
    if (region.origin > 0) {
        o->mem = clCreateSubBuffer(parent, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &error);
        if (!o->mem && error != CL_MISALIGNED_SUB_BUFFER_OFFSET && error != CL_INVALID_MEM_OBJECT)
            return clg_cl_fail(device, error, "clCreateSubBuffer", NULL);
        if (!o->mem)
            o->offset = (size_t)o->view.offset;
    }
    o->parent = parent;
    return CLG_OK;
}

static cl_mem operand_mem(const struct operand *o)
{
    return o->mem ? o->mem : o->parent;
}

/* ---- the call ---- */

struct product {
    struct clg_device *device;
    struct clg_gemm gemm;
    struct operand a, b, c, temp; /* temp.bytes 0: none */
};

static void product_finish(struct clg_ctx *ctx, void *data)
{
    struct product *p = data;

    operand_finish(&p->a);
    operand_finish(&p->b);
    operand_finish(&p->c);
    operand_finish(&p->temp);
    clg_free(ctx, p);
}

static clg_status product_update(void *data, void *queue)
{
    struct product *p = data;

    (void)queue;
    CLG_TRY(operand_update(p->device, &p->a));
    CLG_TRY(operand_update(p->device, &p->b));
    CLG_TRY(operand_update(p->device, &p->c));
    return p->temp.bytes ? operand_update(p->device, &p->temp) : CLG_OK;
}

static CLBlastTranspose transpose(bool yes)
{
    return yes ? CLBlastTransposeYes : CLBlastTransposeNo;
}

/* Leading dimensions: the rows as they are stored. */
static size_t lda(const struct clg_gemm *g)
{
    return (size_t)(g->transpose_a ? g->M : g->K);
}

static size_t ldb(const struct clg_gemm *g)
{
    return (size_t)(g->transpose_b ? g->K : g->N);
}

static cl_int multiply(struct product *p, size_t i, cl_command_queue queue)
{
    const struct clg_gemm *g = &p->gemm;

    return (cl_int)CLBlastSgemmWithTempBuffer(
        CLBlastLayoutColMajor, transpose(g->transpose_b), transpose(g->transpose_a), (size_t)g->N,
        (size_t)g->M, (size_t)g->K, 1.0f, operand_mem(&p->b), p->b.offset + i * (size_t)g->stride_b,
        ldb(g), operand_mem(&p->a), p->a.offset + i * (size_t)g->stride_a, lda(g), 0.0f,
        operand_mem(&p->c), p->c.offset + i * (size_t)g->stride_c, (size_t)g->N, &queue, NULL,
        p->temp.bytes ? operand_mem(&p->temp) : NULL);
}

static clg_status product_call(void *data, void *queue)
{
    struct product *p = data;
    const struct clg_gemm *g = &p->gemm;
    cl_int error = CL_SUCCESS;
    char what[96];

    CLG_TRY(product_update(data, queue));
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < (size_t)g->batch && error == CL_SUCCESS; i++)
        error = multiply(p, i, queue);
    pthread_mutex_unlock(&lock);
    if (error == CL_SUCCESS)
        return CLG_OK;
    snprintf(what, sizeof(what), "of %" PRId64 " x %" PRId64 " x %" PRId64, g->M, g->N, g->K);
    return clg_cl_fail(p->device, error, "CLBlastSgemm", what);
}

/* ---- the provider ---- */

static size_t workspace(const struct clg_device *device, const struct clg_gemm *g)
{
    cl_command_queue queue = clg_device_queue(device);
    size_t bytes = 0;
    clg_status status = begin_session((struct clg_device *)device);

    /* An offset of 1 stands for «not aligned»: the largest size any placement needs. */
    if (status == CLG_OK)
        CLBlastSGemmTempBufferSize(CLBlastLayoutColMajor, transpose(g->transpose_b),
                                   transpose(g->transpose_a), (size_t)g->N, (size_t)g->M,
                                   (size_t)g->K, 1, ldb(g), 1, lda(g), 1, (size_t)g->N, &queue,
                                   &bytes);
    return bytes;
}

static struct operand operand_of(const struct clg_view *view, int64_t count, int64_t stride,
                                 int64_t batch)
{
    return (struct operand){
        .view = *view,
        .bytes = (size_t)(count + stride * (batch - 1)) * sizeof(float),
    };
}

static void lower_epilogue(struct clg_launches *launches, const struct clg_gemm *g, int64_t first,
                           int64_t rows, const char *label)
{
    bool items = clg_device_machine(launches->device)->form == CLG_FORM_ITEM;
    uint64_t count = (uint64_t)rows * (uint64_t)g->N;
    struct clg_view c = g->c, beside = g->activation == CLG_ACT_GATE ? g->gate : g->bias;
    struct clg_launch *launch =
        clg_launch_kernel(launches, "gemm_epilogue", "epilogue", NULL, label);

    c.offset += (uint64_t)first;
    if (g->activation == CLG_ACT_GATE)
        beside.offset += (uint64_t)first;
    clg_launch_int(launch, rows);
    clg_launch_int(launch, g->N);
    clg_launch_int(launch, g->bias.buffer != NULL);
    clg_launch_int(launch, g->activation);
    clg_launch_view(launch, &c);
    clg_launch_view(launch, &beside);
    clg_launch_items(launch, items ? (size_t)rows : (size_t)count);
    clg_launch_cost(launch, count, 2 * sizeof(float) * count);
}

static void lower_epilogues(struct clg_launches *launches, const struct clg_gemm *g,
                            const char *label)
{
    if (!g->bias.buffer && g->activation == CLG_ACT_NONE)
        return;
    if (g->batch == 1 || g->stride_c == g->M * g->N)
        lower_epilogue(launches, g, 0, g->M * g->batch, label);
    else
        for (int64_t i = 0; i < g->batch; i++)
            lower_epilogue(launches, g, i * g->stride_c, g->M, label);
}

static void lower(struct clg_launches *launches, const struct clg_gemm *g,
                  const struct clg_view *temp, const char *label)
{
    struct clg_device *device = launches->device;
    struct clg_ctx *ctx = clg_device_object(device)->ctx;
    size_t temp_bytes = temp->buffer ? workspace(device, g) : 0;
    struct product *p;

    launches->status = begin_session(device);
    if (launches->status != CLG_OK)
        return;
    p = clg_new(ctx, 1, sizeof(*p));
    if (!p) {
        launches->status = CLG_ERR_MEMORY;
        return;
    }
    *p = (struct product){
        .device = device,
        .gemm = *g,
        .a = operand_of(&g->a, g->M * g->K, g->stride_a, g->batch),
        .b = operand_of(&g->b, g->K * g->N, g->stride_b, g->batch),
        .c = operand_of(&g->c, g->M * g->N, g->stride_c, g->batch),
        .temp = {.view = *temp, .bytes = temp_bytes},
    };
    clg_launch_cost(
        clg_launch_foreign(launches, label, p, product_update, product_call, product_finish),
        clg_gemm_flops(g), clg_gemm_bytes(g));
    lower_epilogues(launches, g, label);
}

const struct clg_gemm_provider clg_gemm_clblast = {"clblast", workspace, lower};

#else

const struct clg_gemm_provider clg_gemm_clblast = {0};

#endif
