#include "base/text.h"

#include <clgrad/shape.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool reserve(struct clg_text *text, size_t more)
{
    size_t need = text->length + more + 1, room = text->capacity ? text->capacity : 128;
    char *data;

    if (text->failed)
        return false;
    if (need <= text->capacity)
        return true;
    while (room < need)
        room *= 2;
    data = clg_resize(text->ctx, text->data, room, 1);
    if (!data) {
        text->failed = true;
        return false;
    }
    text->data = data;
    text->capacity = room;
    return true;
}

void clg_text_append(struct clg_text *text, const char *data, size_t length)
{
    if (!reserve(text, length))
        return;
    memcpy(text->data + text->length, data, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void clg_text_add(struct clg_text *text, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0 || !reserve(text, (size_t)length))
        return;
    va_start(args, format);
    vsnprintf(text->data + text->length, (size_t)length + 1, format, args);
    va_end(args);
    text->length += (size_t)length;
}

void clg_text_finish(struct clg_text *text)
{
    if (text->ctx)
        clg_free(text->ctx, text->data);
    *text = (struct clg_text){.ctx = text->ctx};
}

static int print_dimension(char *buffer, size_t size, int64_t dim)
{
    int64_t factor = dim / CLG_BATCH;

    if (dim <= 0 || dim % CLG_BATCH != 0)
        return snprintf(buffer, size, "%" PRId64, dim);
    if (factor == 1)
        return snprintf(buffer, size, "batch");
    return snprintf(buffer, size, "%" PRId64 "*batch", factor);
}

const char *clg_shape_text(const struct clg_shape *shape, char buffer[CLG_SHAPE_TEXT])
{
    size_t at = 1;

    buffer[0] = '(';
    for (int32_t i = 0; i < shape->rank && at + 32 < CLG_SHAPE_TEXT; i++) {
        if (i > 0) {
            buffer[at++] = ',';
            buffer[at++] = ' ';
        }
        at += (size_t)print_dimension(buffer + at, CLG_SHAPE_TEXT - at, shape->dim[i]);
    }
    buffer[at++] = ')';
    buffer[at] = '\0';
    return buffer;
}
