/*
 * What becomes of a message that is refused without an answer (protocol.md section 2, "Dead letters"): the value
 * that is kept, the Kafka headers that go with it, and how many may be written. Pure.
 */
#ifndef HLIDKA_DEAD_LETTER_H
#define HLIDKA_DEAD_LETTER_H

#include "buffer.h"

#define DEAD_LETTER_HEAD_LEN   64u
#define DEAD_LETTERS_A_SECOND  50u
#define DEAD_BYTES_A_SECOND    (1u << 20)

/*
 * The value to keep: the original, or, for what does not frame (it may be somebody's clear text) or is too large,
 * msgpack {length, sha256, head} written into scratch, head being the first 64 bytes with every printable byte
 * blanked. *out borrows the one or the other. RESULT_TOO_LARGE, RESULT_NO_MEMORY from scratch.
 */
MUST_USE enum result dead_letter_value(struct bytes value, bool unframed, struct buffer *scratch, struct bytes *out);

struct dead_letter_header {
    const char *name;
    struct text value;
};

#define DEAD_LETTER_HEADERS 4

/* `reason`, `topic`, `partition`, `offset`; the values borrow from here and from what was given. Not copied. */
struct dead_letter_headers {
    struct dead_letter_header items[DEAD_LETTER_HEADERS];
    char partition[12], offset[24];
};
void dead_letter_describe(const char *reason, struct text topic, int32_t partition, int64_t offset, struct dead_letter_headers *out);

/*
 * The allowance of one instance: within any second at most 50 letters and 1 MiB (of key and value); the rest is only
 * counted. Zeroed is full. now_ms is of a clock that never goes back.
 */
struct dead_allowance {
    struct dead_sent {
        uint64_t at_ms;
        size_t len;
    } sent[DEAD_LETTERS_A_SECOND];      /* a ring, the oldest at first */
    unsigned first, count;
    size_t len;                         /* of all in the ring */
};

/* Whether one more letter of len bytes may be written; if so it is counted. */
bool dead_allowance_take(struct dead_allowance *a, uint64_t now_ms, size_t len);

#endif
