/*
 * Strict msgpack reading from borrowed bytes: no allocation, no recursion, no trust in declared lengths.
 *
 * mp_check walks a document once and vouches for it: exactly one document with nothing after it, nesting
 * within the bound, every declared count and length covered by bytes that are there, every str valid UTF-8.
 * A reader on a checked document can then only meet values of unexpected type, never a broken one.
 *
 *     if ((r = mp_check(doc, 8)))        return r;
 *     struct mp_reader in = mp_reader_of(doc);
 *     struct mp_value v;
 *     while (!(r = mp_next(&in, &v))) …
 *
 * Source: the msgpack specification (github.com/msgpack/msgpack, spec.md).
 */
#ifndef HLIDKA_MP_READER_H
#define HLIDKA_MP_READER_H

#include "bytes.h"
#include "result.h"

enum mp_type {
    MP_NIL,
    MP_BOOL,
    MP_UINT,                    /* any width, signed forms of non-negative numbers included */
    MP_INT,                     /* negative */
    MP_FLOAT,
    MP_STR,
    MP_BIN,
    MP_ARRAY,
    MP_MAP,
    MP_EXT,
};

struct mp_value {
    enum mp_type type;
    union {
        bool boolean;
        uint64_t uint;
        int64_t sint;
        double real;
        struct text str;        /* borrowed from the document */
        struct bytes bin;       /* MP_BIN, and the payload of MP_EXT */
        uint32_t count;         /* elements of an array, pairs of a map */
    };
};

struct mp_reader {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct mp_reader mp_reader_of(struct bytes doc)
{
    return (struct mp_reader){ doc.data, doc.len ? doc.data + doc.len : doc.data };
}

/*
 * max_depth: containers within containers; a scalar has depth 0, `[]` depth 1. Errors: RESULT_TRUNCATED,
 * RESULT_TOO_DEEP, RESULT_BAD_UTF8, RESULT_MALFORMED (0xc1, trailing bytes).
 */
MUST_USE enum result mp_check(struct bytes doc, unsigned max_depth);

/* One token: a scalar, or the head of a container whose elements follow. RESULT_TRUNCATED, RESULT_MALFORMED. */
MUST_USE enum result mp_next(struct mp_reader *in, struct mp_value *out);

/* Over one whole value with all that is in it. Iterative; the document need not have been checked. */
MUST_USE enum result mp_skip(struct mp_reader *in);

#endif
