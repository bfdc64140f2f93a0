/* clgrad/version.h: the version of the headers and of the library. */
#ifndef CLGRAD_VERSION_H
#define CLGRAD_VERSION_H

#include <clgrad/status.h>

#define CLG_VERSION_MAJOR  0
#define CLG_VERSION_MINOR  1
#define CLG_VERSION_PATCH  0
#define CLG_VERSION_STRING "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that runs, as "major.minor.patch"; static. */
CLG_API const char *clg_version(void);

#ifdef __cplusplus
}
#endif
#endif
