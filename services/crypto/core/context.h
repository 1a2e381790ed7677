/*
 * What a key or a ciphertext is bound to, as bytes: each string as u16 BE length ‖ bytes, so that no two lists of
 * strings are ever the same bytes. A context is the map of at most eight pairs that a caller names (protocol.md,
 * section 4), in the order of their keys' bytes.
 */
#ifndef HLIDKA_CONTEXT_H
#define HLIDKA_CONTEXT_H

#include "buffer.h"

#define CONTEXT_PAIRS_MAX 8
/* Bytes of all its pairs, at most. */
#define CONTEXT_BYTES_MAX (CONTEXT_PAIRS_MAX * (2 + 64 + 2 + 256))

struct context_pair {
    struct text key;
    struct text value;
};

struct context {
    struct context_pair pairs[CONTEXT_PAIRS_MAX];
    size_t count;
};

/* RESULT_TOO_LARGE over 65,535 bytes or out's limit, RESULT_NO_MEMORY. */
MUST_USE enum result context_put(struct buffer *out, struct bytes item);
MUST_USE enum result context_put_text(struct buffer *out, struct text item);
MUST_USE enum result context_put_u64(struct buffer *out, uint64_t v);

/* Its pairs, sorted. Keys differ. Errors as context_put. */
MUST_USE enum result context_put_pairs(struct buffer *out, const struct context *c);

#endif
