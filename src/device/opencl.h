/* What the files of the device floor share. Nobody above includes this. */
#ifndef CLG_DEVICE_OPENCL_H
#define CLG_DEVICE_OPENCL_H

#include "base/text.h"
#include "device/interop.h"

/* ---- quirks: what a driver needs beyond the standard (quirks.c has the table and the reasons)
 * ---- */

enum clg_quirk {
    CLG_QUIRK_NO_BINARIES = 1,    /* no cache of program binaries of our own */
    CLG_QUIRK_SOFTWARE = 2,       /* a rasteriser or simulator, whatever its type says */
    CLG_QUIRK_BIG_BUFFERS = 4,    /* buffers over 4 GiB need a flag and a build option */
    CLG_QUIRK_HALF_LISTED = 8,    /* has half arithmetic only when the extension is listed */
    CLG_QUIRK_GROUP_UNKNOWN = 16, /* CL_KERNEL_WORK_GROUP_SIZE is something else */
    CLG_QUIRK_SHORT_LOOPS = 64,   /* a work-item's loops end after 65535 iterations in all */
    CLG_QUIRK_ONE_COMPILER = 32,  /* compiles one program at a time, or must */
    CLG_QUIRK_SETTINGS = 128,     /* caches kernels without the settings that they were compiled with */
};
/* By the texts of info. *wrong: the sentence on what the driver computes wrong, or NULL. */
uint32_t clg_quirks_of(const clg_device_info *info, const char **wrong);

/* ---- enumeration ---- */

/* A device as found. Strings of info are owned. */
struct clg_candidate {
    clg_device_info info;
    cl_platform_id platform;
    cl_device_id device;
    /* as the loader counts, platforms without devices too */
    uint32_t platform_number, device_number;
    char *platform_version, *suffix; /* of cl_khr_icd: "POCL" */
    cl_uint address_kind; /* what address holds: a PCI bus address or a UUID; 0: unknown */
    uint8_t address[16];
    uint64_t speed; /* units * MHz, to choose among equals */
    bool unified;   /* shares the host's memory */
    uint32_t quirks;
};
struct clg_candidates {
    struct clg_ctx *ctx;
    CLG_VEC(struct clg_candidate) list;
    char left_out[512]; /* why the first device that does not work does not; "" */
    bool no_cache;      /* that is PoCL's, for want of its folder */
};

/* Whether a platform is PoCL, and whether its folder of compiled kernels fails it: a sentence in out. It
 * tries, so ask only when something went wrong. */
bool clg_pocl_is(const char *platform);
bool clg_pocl_cache_fails(struct clg_ctx *ctx, char *out, size_t size);

/* Fills all strings and numbers of a device; on failure nothing is left to free. */
clg_status clg_candidate_query(struct clg_ctx *ctx, cl_platform_id platform, cl_device_id device,
                               struct clg_candidate *out);
void clg_candidate_finish(struct clg_ctx *ctx, struct clg_candidate *candidate);
/* All devices, with `best`, `same_as` and `index` set. */
clg_status clg_candidates_find(struct clg_ctx *ctx, struct clg_candidates *out);
void clg_candidates_finish(struct clg_candidates *candidates);
/* Whether the device's list of extensions has this one. */
bool clg_device_lists(cl_device_id device, const char *extension);
/* Whether half arithmetic compiles: the list does not say. */
bool clg_probe_half(const struct clg_candidate *candidate);

/* Marks best and same_as. */
void clg_candidates_rank(struct clg_candidate *list, size_t count);
/* The entry that a spec (not NULL) means; -1 after clg_fail. Reads no OpenCL object. */
int clg_candidates_select(struct clg_ctx *ctx, const struct clg_candidate *list, size_t count,
                          const char *spec);

/* ---- the opened device ---- */

/* A program; shared by all launches of the device with the same source and options. */
struct clg_program {
    uint64_t hash[2]; /* of source and options */
    cl_program program;
    bool ready;                    /* built; else wanted */
    char *name, *options, *source; /* until it is ready */
    cl_int result;                 /* of clBuildProgram */
};

/* What drivers tell on threads of their own, to be logged on the caller's. */
struct clg_mailbox;

struct clg_device {
    struct clg_object object;
    struct clg_candidate self; /* self.info is what clg_device_get_info gives */
    struct clg_machine machine;
    cl_context context;
    cl_command_queue queue;
    struct clg_mailbox *mailbox; /* NULL for a wrapped device */
    bool wrapped, lost;
    bool idle; /* being destroyed, and waited for */
    uint32_t generation; /* counts buffers that were resized */
    uint32_t unflushed;  /* launches since the last flush */
    uint32_t cache_hits; /* programs that came from the disk */
    clg_memory memory; /* of its buffers */
    CLG_VEC(struct clg_program) programs;
};

/* A device without context and queue, child of the context. Takes over the candidate's strings,
 * also on failure. */
struct clg_device *clg_device_make(struct clg_ctx *ctx, struct clg_candidate *candidate);
/* Fills device->machine. */
clg_status clg_device_configure(struct clg_device *device, const clg_device_params *params);

/* Before the first OpenCL call of a context; fails in a child of a process that had used OpenCL. */
clg_status clg_opencl_enter(struct clg_ctx *ctx);
/* The same where OpenCL was used already. */
clg_status clg_opencl_check(struct clg_ctx *ctx);

struct clg_mailbox *clg_mailbox_create(struct clg_ctx *ctx);
/* The context's notify function; user is the mailbox. */
void CL_CALLBACK clg_mailbox_notify(const char *message, const void *data, size_t size, void *user);
void clg_mailbox_empty(struct clg_ctx *ctx, struct clg_mailbox *mailbox);

struct clg_buffer {
    struct clg_device *device;
    cl_mem mem; /* NULL: none yet */
    size_t bytes;
    size_t counted; /* of these in the device's account: not those of an application */
    enum clg_memory_part part;
    uint32_t generation; /* of the memory behind the handle */
};

uint64_t *clg_memory_part(clg_memory *memory, enum clg_memory_part part);
/* Refuses bytes more of a part when they are too many. */
clg_status clg_memory_make_room(struct clg_device *device, const char *what,
                                enum clg_memory_part part, uint64_t bytes);

/* ---- errors ---- */

/* "CL_OUT_OF_RESOURCES"; "error -9999" for what no header names. */
const char *clg_cl_error_name(cl_int code, char buffer[32]);

/* ---- programs ---- */

/* The source of cl/NAME.cl (text NULL) or text, with every #include of a file of cl/ put in place.
 */
clg_status clg_source_assemble(struct clg_ctx *ctx, const char *name, const char *text,
                               struct clg_text *out);
/* Puts the program of a source and options among the device's, if it is not there yet; it is ready
 * after clg_programs_build. Its index holds until programs are forgotten. */
clg_status clg_program_want(struct clg_device *device, const char *name, const char *text,
                            const char *options, size_t *index);
/* Makes all programs ready; those that do not build are forgotten. */
clg_status clg_programs_build(struct clg_device *device);
/* Forgets the programs that are not ready. */
void clg_programs_forget(struct clg_device *device);
void clg_programs_finish(struct clg_device *device);

/* The cache on disk. load gives a built program, or NULL: a miss. Neither changes clg_error(). */
struct clg_cache_key {
    const char *options, *source;
};
cl_program clg_cache_load(struct clg_device *device, const struct clg_cache_key *key);
void clg_cache_store(struct clg_device *device, const struct clg_cache_key *key,
                     cl_program program);
/* Path of an entry (clg_free); NULL when there is no cache. */
char *clg_cache_path(struct clg_device *device, const struct clg_cache_key *key);

#endif
