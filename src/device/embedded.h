/* The files of cl/ as bytes of the library, in a C file that the build writes. */
#ifndef CLG_DEVICE_EMBEDDED_H
#define CLG_DEVICE_EMBEDDED_H

#include <stddef.h>

/* A file: its name without folder, its bytes; a zero byte that size does not count follows. */
struct clg_embedded {
    const char *name;
    const unsigned char *data;
    size_t size;
};
extern const struct clg_embedded clg_embedded[];
extern const size_t clg_embedded_count;

#endif
