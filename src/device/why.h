/* The parts of the report for those who miss a device. */
#ifndef CLG_DEVICE_WHY_H
#define CLG_DEVICE_WHY_H

#include "base/text.h"

/* The loader, the environment it reads, the ICD files and whether their libraries open. */
void clg_why_drivers(struct clg_text *out);
/* The GPUs the kernel knows, whether this user may use them, and what drives them. */
void clg_why_hardware(struct clg_text *out);

#endif
