/* Programs: one per device for equal source and options, from the disk where that helps. */
#include "device/opencl.h"

#include <string.h>

#include "base/hash.h"

/* What PoCL makes of a setting that is on where it is not given. */
static bool is_on(const char *setting)
{
    const char *value = clg_environment(setting);

    return !value || value[0] == '1';
}

static void add_options(struct clg_device *device, const char *options, struct clg_text *out)
{
    const struct clg_machine *m = &device->machine;

    *out = (struct clg_text){.ctx = device->object.ctx};
    clg_text_add(out, "-cl-std=CL1.2 -cl-mad-enable -w -DFORM_ITEM=%d -DLOCAL=%u -DVW=%u",
                 m->form == CLG_FORM_ITEM, m->local, m->vector);
    if (device->self.quirks & CLG_QUIRK_BIG_BUFFERS)
        clg_text_add(out, " -cl-intel-greater-than-4GB-buffer-required");
    if (device->self.quirks & CLG_QUIRK_SETTINGS)
        clg_text_add(out, " -DPOCL_FORCE_PARALLEL_OUTER_LOOP=%d -DPOCL_PREGION_VALUE_REMAT=%d",
                     is_on("POCL_FORCE_PARALLEL_OUTER_LOOP"), is_on("POCL_PREGION_VALUE_REMAT"));
    if (options && *options)
        clg_text_add(out, " %s", options);
}

static void program_finish(struct clg_ctx *ctx, struct clg_program *program)
{
    CLG_RELEASE(Program, program->program);
    clg_free(ctx, program->name);
    clg_free(ctx, program->options);
    clg_free(ctx, program->source);
    *program = (struct clg_program){0};
}

void clg_programs_finish(struct clg_device *device)
{
    for (size_t i = 0; i < device->programs.count; i++)
        program_finish(device->object.ctx, &device->programs.items[i]);
    clg_free(device->object.ctx, device->programs.items);
    device->programs.items = NULL;
    device->programs.count = device->programs.capacity = 0;
}

void clg_programs_forget(struct clg_device *device)
{
    size_t kept = 0;

    for (size_t i = 0; i < device->programs.count; i++) {
        struct clg_program *program = &device->programs.items[i];

        if (program->ready)
            device->programs.items[kept++] = *program;
        else
            program_finish(device->object.ctx, program);
    }
    device->programs.count = kept;
}

static void hash_key(const struct clg_cache_key *key, uint64_t hash[2])
{
    for (int i = 0; i < 2; i++) {
        hash[i] = clg_hash_string(CLG_HASH_START + (uint64_t)i, key->options);
        hash[i] = clg_hash_string(clg_hash_bytes(hash[i], "", 1), key->source);
    }
}

/* A program to be compiled, with what is needed then. */
static clg_status fill(struct clg_device *device, struct clg_program *slot, const char *name,
                       const struct clg_cache_key *key)
{
    struct clg_ctx *ctx = device->object.ctx;
    cl_int error;

    slot->program = clg_cache_load(device, key);
    slot->ready = slot->program != NULL;
    device->cache_hits += slot->ready;
    if (slot->ready)
        return CLG_OK;
    slot->name = clg_strdup(ctx, name);
    slot->options = clg_strdup(ctx, key->options);
    slot->source = clg_strdup(ctx, key->source);
    if (!slot->name || !slot->options || !slot->source)
        return CLG_ERR_MEMORY;
    slot->program =
        clCreateProgramWithSource(device->context, 1, (const char **)&slot->source, NULL, &error);
    if (slot->program)
        return CLG_OK;
    return clg_cl_fail(device, error, "clCreateProgramWithSource", name);
}

static clg_status find_or_add(struct clg_device *device, const char *name,
                              const struct clg_cache_key *key, size_t *index)
{
    struct clg_program *slot;
    uint64_t hash[2];
    clg_status status;

    hash_key(key, hash);
    for (*index = 0; *index < device->programs.count; (*index)++)
        if (memcmp(device->programs.items[*index].hash, hash, sizeof(hash)) == 0)
            return CLG_OK;
    slot = CLG_PUSH(device->object.ctx, device->programs);
    if (!slot)
        return CLG_ERR_MEMORY;
    *slot = (struct clg_program){.hash = {hash[0], hash[1]}};
    status = fill(device, slot, name, key);
    if (status == CLG_OK)
        return CLG_OK;
    program_finish(device->object.ctx, slot);
    device->programs.count--;
    return status;
}

clg_status clg_program_want(struct clg_device *device, const char *name, const char *text,
                            const char *options, size_t *index)
{
    struct clg_text source, all;
    clg_status status = CLG_ERR_MEMORY;

    CLG_TRY(clg_device_check(device));
    CLG_TRY(clg_source_assemble(device->object.ctx, name, text, &source));
    add_options(device, options, &all);
    if (!all.failed) {
        struct clg_cache_key key = {.options = all.data, .source = source.data};

        status = find_or_add(device, name, &key, index);
    }
    clg_text_finish(&all);
    clg_text_finish(&source);
    return status;
}
