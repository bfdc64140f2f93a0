/* The N-th allocation through the context's allocator fails, for N = 1, 2, 3, ... until a run
 * passes untouched: a status and a sentence, nothing held or lost, and a whole file on disk. */
#include "test.h"

#include "fault/allocator.h"
#include "fault/disk.h"
#include "fault/program.h"

#include <stdlib.h>
#include <string.h>

/* true: the run passed untouched. */
static bool run_with_fault(struct allocator *a, const struct program *program,
                           const struct disk *disk, long at)
{
    char message[1024];
    disk_reset(disk);
    *a = (struct allocator){.fail_at = at};
    clg_status status = program_run(program, message);
    cr_assert_eq(a->live, 0, "allocation %ld failed: %ld blocks are lost", at, a->live);
    if (!a->failed) {
        cr_assert_eq(status, CLG_OK, "without a fault: %s", message);
        disk_check_new(disk);
        return true;
    }
    cr_assert_eq(status, CLG_ERR_MEMORY, "allocation %ld failed: '%s': %s", at,
                 clg_status_string(status), message);
    cr_assert(at == 1 || strlen(message) > 10, "allocation %ld failed: no sentence", at);
    disk_check_whole(disk);
    return false;
}

TEST(allocations_fail, every_one)
{
    struct disk disk;
    struct allocator allocator = {0};
    struct program program = {
        .ctx = clg_ctx_defaults(), .device = clg_device_defaults(), .path = disk_path(&disk)};
    program.ctx.allocate = allocator_call;
    program.ctx.allocate_user = &allocator;
    program.device.form = CLG_FORM_ITEM;
    program.device.gemm = CLG_GEMM_NATIVE;
    disk_prepare(&disk, &program);
    long at = 1;
    while (!run_with_fault(&allocator, &program, &disk, at))
        at++;
    cr_assert_gt(at, 50, "only %ld allocations were made", at);
    disk_finish(&disk);
}
