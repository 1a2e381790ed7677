/*
 * An owned run of bytes that grows up to a limit given at the start. Growth is the only allocation; a
 * buffer that is reset keeps its memory, so one buffer serves a hot path without malloc.
 */
#ifndef HLIDKA_BUFFER_H
#define HLIDKA_BUFFER_H

#include "bytes.h"
#include "result.h"

struct buffer {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t limit;
};

/* No allocation yet. limit is the most that len may ever be, in bytes. */
void buffer_init(struct buffer *b, size_t limit);

/* Room for `more` bytes after len. RESULT_TOO_LARGE over the limit, RESULT_NO_MEMORY. */
MUST_USE enum result buffer_reserve(struct buffer *b, size_t more);

/* Errors as buffer_reserve; on error the buffer is unchanged. */
MUST_USE enum result buffer_append(struct buffer *b, const void *data, size_t len);
MUST_USE enum result buffer_append_text(struct buffer *b, struct text t);
MUST_USE enum result buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline struct bytes buffer_bytes(const struct buffer *b)
{
    return (struct bytes){ b->data, b->len };
}

/* len = 0, memory kept. */
void buffer_reset(struct buffer *b);

/* Wipes what was written, frees, and leaves an empty buffer with the same limit. */
void buffer_free(struct buffer *b);

#endif
