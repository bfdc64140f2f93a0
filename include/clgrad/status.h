/* clgrad/status.h: what a call that can fail returns. */
#ifndef CLGRAD_STATUS_H
#define CLGRAD_STATUS_H

#if defined(_WIN32)
#define CLG_API __declspec(dllexport)
#elif defined(__GNUC__)
#define CLG_API __attribute__((visibility("default")))
#else
#define CLG_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Every status: name, and the words clg_status_string() gives. */
#define CLG_STATUS_LIST(X)                                                                         \
    X(CLG_OK, "ok")                                                                                \
    X(CLG_ERR_ARGUMENT, "wrong argument")                                                          \
    X(CLG_ERR_STATE, "not possible in this state")                                                 \
    X(CLG_ERR_MEMORY, "out of host memory")                                                        \
    X(CLG_ERR_LIMIT, "over a limit of the device or of the library")                               \
    X(CLG_ERR_NO_DEVICE, "no such device")                                                         \
    X(CLG_ERR_DEVICE, "an OpenCL call failed")                                                     \
    X(CLG_ERR_DEVICE_LOST, "the device is lost")                                                   \
    X(CLG_ERR_BUILD, "a kernel did not build")                                                     \
    X(CLG_ERR_FILE, "a file could not be read or written")                                         \
    X(CLG_ERR_FORMAT, "a file or text is not what it must be")                                     \
    X(CLG_ERR_DIVERGED, "the training diverged")                                                   \
    X(CLG_ERR_UNSUPPORTED, "not supported")

#define CLG_STATUS_ENUM(name, text) name,
/* Zero is success; everything else is a failure that left its sentence in clg_error(). */
typedef enum clg_status { CLG_STATUS_LIST(CLG_STATUS_ENUM) CLG_STATUS_COUNT } clg_status;
#undef CLG_STATUS_ENUM

/* A short text for a status, never NULL. The string is static. */
CLG_API const char *clg_status_string(clg_status status);

#ifdef __cplusplus
}
#endif
#endif
