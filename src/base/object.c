#include "base/context.h"

void clg_object_init(struct clg_object *object, struct clg_object *parent,
                     void (*finish)(struct clg_object *))
{
    *object = (struct clg_object){
        .ctx = parent->ctx,
        .parent = parent,
        .next = parent->first,
        .finish = finish,
    };
    if (parent->first)
        parent->first->prev = object;
    parent->first = object;
}

static void unlink_object(struct clg_object *object)
{
    if (object->prev)
        object->prev->next = object->next;
    else if (object->parent)
        object->parent->first = object->next;
    if (object->next)
        object->next->prev = object->prev;
}

void clg_object_destroy(struct clg_object *object)
{
    while (object->first)
        clg_object_destroy(object->first);
    unlink_object(object);
    object->finish(object);
}
