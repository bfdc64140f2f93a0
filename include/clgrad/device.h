/* clgrad/device.h: the OpenCL devices of this machine. */
#ifndef CLGRAD_DEVICE_H
#define CLGRAD_DEVICE_H

#include <stdint.h>
#include <clgrad/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An opened OpenCL device with its queue and its kernels. Child of the context. */
typedef struct clg_device clg_device;

/* Shape of the kernels: `group` gives a row of data to a work-group (GPUs), `item` gives a row to a
 * work-item with vector lanes (CPUs). AUTO: item when the device's type has CPU and not GPU. */
typedef enum clg_form { CLG_FORM_AUTO, CLG_FORM_GROUP, CLG_FORM_ITEM } clg_form;

/* Who computes matrix products. AUTO: CLBlast for the group form where it is built in, else native. */
typedef enum clg_gemm_choice { CLG_GEMM_AUTO, CLG_GEMM_NATIVE, CLG_GEMM_CLBLAST } clg_gemm_choice;

typedef enum clg_device_type {
    CLG_DEVICE_CPU = 1,
    CLG_DEVICE_GPU,
    CLG_DEVICE_SOFTWARE, /* a rasteriser or simulator on the CPU (llvmpipe, Oclgrind) */
    CLG_DEVICE_OTHER
} clg_device_type;

/* What is known of a device without opening it. Strings belong to the context (list) or the device
 * (clg_device_get_info). */
typedef struct clg_device_info {
    int index;            /* position in the list; -1 for a wrapped device */
    const char *platform; /* CL_PLATFORM_NAME */
    const char *name;     /* CL_DEVICE_NAME */
    const char *vendor;   /* CL_DEVICE_VENDOR */
    const char *driver;   /* CL_DRIVER_VERSION */
    const char *version;  /* CL_DEVICE_VERSION */
    clg_device_type type;
    uint32_t units;         /* compute units */
    uint64_t memory;        /* bytes of global memory */
    uint64_t max_alloc;     /* bytes of the largest buffer */
    uint64_t local_memory;  /* bytes per work-group */
    uint32_t max_group;     /* work-items per work-group */
    uint32_t vector_floats; /* native float vector width */
    uint32_t align;         /* bytes a buffer offset must be a multiple of */
    bool fp16;              /* half arithmetic compiles; false when not probed */
    bool best;              /* what the spec "best" means here */
    clg_form form;          /* GROUP or ITEM: the default of this device */
    int same_as;            /* index of an earlier entry that is the same hardware, else -1 */
    const char *wrong;      /* what this version of the driver is known to compute wrong, and what to
                             * do; static; NULL: nothing is known. Opening the device warns of it */
} clg_device_info;

/* Lists the devices of all platforms; platforms without devices are skipped. *list belongs to the
 * context, valid until the next call. probe: also compiles a small kernel per device to learn fp16.
 * CLG_ERR_NO_DEVICE, with a sentence on what to install, when there is none. */
CLG_API clg_status clg_device_list(clg_ctx *ctx, bool probe, const clg_device_info **list,
                                   size_t *count);

/* Writes to *text a report for those who miss a device: the loader, ICD files, platforms without
 * devices, RUSTICL_ENABLE, the render group; what was looked at and what to install. The text
 * belongs to the context. */
CLG_API clg_status clg_device_why(clg_ctx *ctx, const char **text);

typedef struct clg_device_params {
    clg_form form;        /* default AUTO */
    clg_gemm_choice gemm; /* default AUTO */
    uint32_t local_size;  /* work-items per group of the group form; a power of two; 0: the device's */
    bool profiling;       /* queue with event timestamps; default false */
} clg_device_params;

CLG_API clg_device_params clg_device_defaults(void);

/* Opens a device. spec: "best" (a GPU, then a CPU, software rasterisers last), "cpu", "gpu",
 * "amd", "intel", "nvidia" (the last three match GPUs only), an index, "platform:device" (numbers as
 * the loader counts, or parts of names: "1:0", "rusticl:0"), or part of a name that matches exactly
 * one device; case does not matter; NULL: the environment's CLGRAD_DEVICE, else "best". NULL
 * on failure; no match and two matches list what there is. params NULL: defaults.
 *
 * On PoCL, POCL_AFFINITY=1 set before the first OpenCL call of the process doubles the speed of
 * small sizes. The library never changes the environment: an application that owns the machine sets
 * it, one of several processes on the same machine does not. */
CLG_API clg_device *clg_device_open(clg_ctx *ctx, const char *spec, const clg_device_params *params);

/* Waits for the device, then destroys it and all that was made from it (stores, graphs, plans), and
 * sets the pointer to NULL. A lost device is not waited for. NULL is accepted. */
CLG_API void clg_device_destroy(clg_device **device);

/* Belongs to the device; NULL for NULL. */
CLG_API const clg_device_info *clg_device_get_info(const clg_device *device);

/* The kernel form and local size in use. */
CLG_API clg_form clg_device_get_form(const clg_device *device);

/* What lies in a device's memory, in bytes. */
typedef struct clg_memory {
    uint64_t weights;   /* parameters, and states of layers */
    uint64_t gradients;
    uint64_t states;    /* of optimizers */
    uint64_t data;      /* arrays */
    uint64_t scratch;   /* of the plans, which share it: one a store */
    uint64_t own;       /* inputs, outputs, constants and metrics of each plan */
    uint64_t other;     /* counters, and tables of optimizers */
    uint64_t device;    /* no part of it: what the device has */
} clg_memory;

/* What was made from the device and lies there now; an application's own buffers are not in it. */
CLG_API clg_status clg_device_memory(const clg_device *device, clg_memory *out);

/* CLG_ERR_LIMIT, and a sentence with every part, when `planned` adds up to more than the device has
 * (planned->device is not read): before something is allocated, for clg_device_memory() with what is
 * to come added, or clg_plan_estimate(). What is allocated is checked like this anyway. */
CLG_API clg_status clg_device_check_memory(clg_device *device, const clg_memory *planned);

/* Waits until the device did all that was asked of it. */
CLG_API clg_status clg_device_finish(clg_device *device);

/* Element types. Kernels compute in float32; labels and indices are int32; data sets may be bytes. */
typedef enum clg_dtype { CLG_F32 = 1, CLG_I32, CLG_U8 } clg_dtype;

/* Bytes of one element. */
CLG_API size_t clg_dtype_size(clg_dtype type);

/* An array of rows in device memory: a data set, an order of samples. Child of the device. */
typedef struct clg_array clg_array;

/* An array (rows, cols) of the type, filled from data (rows * cols elements), or with undefined
 * content when data is NULL. NULL on failure. */
CLG_API clg_array *clg_array_create(clg_device *device, clg_dtype type, int64_t rows, int64_t cols,
                                    const void *data);

/* Replaces the first rows; bytes is exactly a number of whole rows. Returns when data is no longer
 * needed. */
CLG_API clg_status clg_array_write(clg_array *array, const void *data, size_t bytes);

/* Destroys the array and sets the pointer to NULL; NULL is accepted. Plans that are fed from it keep its
 * memory for as long as they are. */
CLG_API void clg_array_destroy(clg_array **array);

#ifdef __cplusplus
}
#endif
#endif
