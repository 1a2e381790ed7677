/*
 * Where the decoder stands in a body, as a chain on the stack, and that place as a JSON Pointer (RFC 6901).
 */
#ifndef HLIDKA_POINTER_H
#define HLIDKA_POINTER_H

#include "arena.h"
#include "bytes.h"

struct pointer {
    const struct pointer *up;   /* NULL: the body's own map */
    struct text key;            /* data NULL: an element of a list */
    size_t index;
};

/*
 * NULL is the body itself, "". A key is a peer's and may be as long as a message: beyond POINTER_KEY_MAX
 * bytes it is cut, between characters, so that no refusal outgrows a reply. RESULT_NO_MEMORY.
 */
#define POINTER_KEY_MAX 256

MUST_USE enum result pointer_text(const struct pointer *at, struct arena *a, struct text *out);

#endif
