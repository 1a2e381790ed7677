/*
 * What an answer must say of each policy, apart from numbers that the store has: kept with the record of a message, so
 * that the very same body can be built again by any instance, whatever the policies have become meanwhile.
 */
#ifndef HLIDKA_TERMS_H
#define HLIDKA_TERMS_H

#include "buffer.h"
#include "policy.h"

/* Of one row. */
struct term {
    struct text policy;         /* borrowed */
    enum scope scope;
    enum algorithm algorithm;
    bool shadow;
    uint64_t limit, burst, window_us, cost;
    uint8_t account[POLICY_ACCOUNT_LEN];
};

/* Over any encoding of MATCH_MAX terms. */
#define TERMS_MAX 1024

/* Appends; errors of buffer_append. */
MUST_USE enum result terms_encode(const struct term *terms, size_t count, struct buffer *out);

/* From the front of `in`; texts borrow from it, *rest is what follows. RESULT_MALFORMED (also: over MATCH_MAX terms). */
MUST_USE enum result terms_decode(struct bytes in, struct term terms[MATCH_MAX], size_t *count, struct bytes *rest);

#endif
