/* The context: allocation, errors, and the tree of what it owns. */
#ifndef CLG_BASE_CONTEXT_H
#define CLG_BASE_CONTEXT_H

#include <stdarg.h>
#include <stdint.h>
#include <clgrad/context.h>

#define CLG_ERROR_MAX 4096

/* Base of every owned thing: first member of its structure. finish frees the structure's inside, and
 * the structure, after the children are gone. */
struct clg_object {
    struct clg_ctx *ctx;
    struct clg_object *parent, *first, *next, *prev;
    void (*finish)(struct clg_object *object);
};

struct clg_ctx {
    struct clg_object object;
    clg_ctx_params params;
    char *cache_dir;
    clg_status status;
    char error[CLG_ERROR_MAX];
};

/* Makes object the newest child of parent (whose ctx it takes over). */
void clg_object_init(struct clg_object *object, struct clg_object *parent,
                     void (*finish)(struct clg_object *));
/* Destroys the children, newest first, then the object itself. */
void clg_object_destroy(struct clg_object *object);

/* Memory from the context's allocator. NULL leaves CLG_ERR_MEMORY behind. clg_new is zeroed; count and
 * size are checked for overflow. clg_free accepts NULL. */
void *clg_new(struct clg_ctx *ctx, size_t count, size_t size);
void *clg_resize(struct clg_ctx *ctx, void *ptr, size_t count, size_t size);
void clg_free(struct clg_ctx *ctx, void *ptr);
char *clg_strdup(struct clg_ctx *ctx, const char *s);

/* Sets the context's error to a sentence and returns status. */
clg_status clg_fail(struct clg_ctx *ctx, clg_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void clg_log_line(struct clg_ctx *ctx, clg_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a public function was given an argument; else the error is "clg_plan_write: data is NULL".
 * object: whatever handle leads to the context (all begin with struct clg_object); NULL: nobody is
 * told. */
#define CLG_GIVEN(object, argument) clg_given((object), __func__, #argument, (argument) != NULL)
bool clg_given(const void *object, const char *function, const char *argument, bool given);

/* The one place that reads the environment; NULL when unset or empty. */
const char *clg_environment(const char *name);

/* Makes room for one more item of a growing array: items (pointer), count, capacity. false: no memory. */
bool clg_grow(struct clg_ctx *ctx, void *items, size_t count, size_t *capacity, size_t size);
#define CLG_PUSH(ctx, v)                                                                           \
    (clg_grow((ctx), &(v).items, (v).count, &(v).capacity, sizeof(*(v).items))                     \
         ? &(v).items[(v).count++]                                                                 \
         : NULL)
#define CLG_VEC(type)                                                                              \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count, capacity;                                                                    \
    }

#define CLG_TRY(expression)                                                                        \
    do {                                                                                           \
        clg_status try_status_ = (expression);                                                     \
        if (try_status_ != CLG_OK)                                                                 \
            return try_status_;                                                                    \
    } while (0)

#endif
