/* clgrad/context.h: the context, root of everything that is made. */
#ifndef CLGRAD_CONTEXT_H
#define CLGRAD_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <clgrad/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A context owns all that is made from it and frees it when it is destroyed. No state is global:
 * two contexts may be used by two threads at the same time; a context together with all its
 * children belongs to one thread at a time.
 *
 * fork(): drivers do not work in a child of a process that had used them. Once a device was listed,
 * opened or wrapped, a child gets CLG_ERR_STATE from every call that would need the driver, in new
 * contexts too; destroying what it inherited frees memory alone and does not wait. Fork before that, or
 * start another program in the child. Data sets that were read before work in the child. */
typedef struct clg_ctx clg_ctx;

typedef enum clg_log_level { CLG_LOG_ERROR, CLG_LOG_WARNING, CLG_LOG_INFO, CLG_LOG_DEBUG } clg_log_level;

typedef struct clg_ctx_params {
    /* Called on the caller's thread with one line of text without a newline. NULL: no log. */
    void (*log)(void *user, clg_log_level level, const char *message);
    void *log_user;
    /* Allocates (ptr NULL), resizes, or frees (size 0, returns NULL); NULL on failure, and then the
     * old block is untouched. NULL: the C library's. Alignment as malloc's. */
    void *(*allocate)(void *user, void *ptr, size_t size);
    void *allocate_user;
    /* Folder of compiled kernels; created when missing. NULL: CLGRAD_CACHE_DIR, else
     * XDG_CACHE_HOME/clgrad, else HOME/.cache/clgrad. */
    const char *cache_dir;
    /* Default true. False: kernels are compiled in every process. */
    bool cache;
} clg_ctx_params;

/* The defaults of every field. */
CLG_API clg_ctx_params clg_ctx_defaults(void);

/* A new context, or NULL when memory is short. params NULL: all defaults. */
CLG_API clg_ctx *clg_ctx_create(const clg_ctx_params *params);

/* Destroys everything made from the context, then the context, and sets the pointer to NULL. NULL
 * and a pointer to NULL are accepted. */
CLG_API void clg_ctx_destroy(clg_ctx **ctx);

/* The sentence of the latest failure in this context, "" when there was none. Valid until the next
 * failure. With a NULL context: that there is none, because memory was short. */
CLG_API const char *clg_error(const clg_ctx *ctx);

/* The status that belongs to clg_error(). */
CLG_API clg_status clg_error_status(const clg_ctx *ctx);

#ifdef __cplusplus
}
#endif
#endif
