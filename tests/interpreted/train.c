/* Trains and saves with every optimizer on the device it is given: train group|item. For Oclgrind,
 * which sees a whole training there, beside the single ops and steps of `clgrad selftest`. */
#include "fault/program.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    static const char *const rules[] = {"sgd", "adam", "adamw"};
    struct program program = {
        .ctx = clg_ctx_defaults(), .device = clg_device_defaults(), .seed = 1};
    if (argc != 3) {
        fprintf(stderr, "usage: train group|item FILE\n");
        return 2;
    }
    program.device.form = strcmp(argv[1], "item") == 0 ? CLG_FORM_ITEM : CLG_FORM_GROUP;
    program.device.gemm = CLG_GEMM_NATIVE;
    program.path = argv[2];
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        char message[1024];
        program.rule = rules[i];
        if (program_run(&program, message) != CLG_OK) {
            fprintf(stderr, "%s: %s\n", rules[i], message);
            return 1;
        }
    }
    return 0;
}
