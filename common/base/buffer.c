#include "buffer.h"

#include "secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP 256

void buffer_init(struct buffer *b, size_t limit)
{
    *b = (struct buffer){ .limit = limit };
}

static size_t grown_cap(const struct buffer *b, size_t need)
{
    size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap <= SIZE_MAX / 2 ? 2 * b->cap : SIZE_MAX;

    /* What comes in one large piece leaves room for a little behind it, not for as much again: all of it is wiped. */
    if (cap < need)
        cap = need <= SIZE_MAX - need / 8 ? need + need / 8 : need;
    return cap < b->limit ? cap : b->limit;
}

enum result buffer_reserve(struct buffer *b, size_t more)
{
    if (more > b->limit - b->len)
        return RESULT_TOO_LARGE;
    if (b->data && more <= b->cap - b->len)
        return RESULT_OK;

    size_t cap = grown_cap(b, b->len + more);
    if (cap == SIZE_MAX)
        return RESULT_NO_MEMORY;
    /* One byte over, for the NUL that vsnprintf insists on. Not realloc: what it moves, it leaves unwiped. */
    uint8_t *data = malloc(cap + 1);
    if (!data)
        return RESULT_NO_MEMORY;
    if (b->data) {
        memcpy(data, b->data, b->len);
        secret_wipe(b->data, b->cap);
        free(b->data);
    }
    b->data = data;
    b->cap = cap;
    return RESULT_OK;
}

enum result buffer_append(struct buffer *b, const void *data, size_t len)
{
    enum result r = buffer_reserve(b, len);

    if (r)
        return r;
    if (len > 0)
        memcpy(b->data + b->len, data, len);
    b->len += len;
    return RESULT_OK;
}

enum result buffer_append_text(struct buffer *b, struct text t)
{
    return buffer_append(b, t.data, t.len);
}

enum result buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        return RESULT_INTERNAL;

    enum result r = buffer_reserve(b, (size_t)len);
    if (r)
        return r;
    va_start(args, format);
    vsnprintf((char *)b->data + b->len, (size_t)len + 1, format, args);
    va_end(args);
    b->len += (size_t)len;
    return RESULT_OK;
}

void buffer_reset(struct buffer *b)
{
    b->len = 0;
}

void buffer_free(struct buffer *b)
{
    if (b->data) {
        secret_wipe(b->data, b->cap);
        free(b->data);
    }
    buffer_init(b, b->limit);
}
