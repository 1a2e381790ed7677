/*
 * The counts that producers give their events (`n`, PROTOCOL.md section 2): from 0 without gaps for each producing
 * instance, so that what was lost on the way is noticed. Events of one instance come over many partitions, so a number
 * may come before a lower one: a hole is a gap when it has stayed for 60 s.
 *
 *     0 1 2 5      next = 6, missing 3 … 4 since now
 *     3            missing 4
 *     (60 s later) gaps_due: 4 is lost, told once
 *     4            late after all: no longer missing, nothing to tell
 *     4            GAPS_REPEATED
 *
 * Pure; of bounded size: where more holes open than are kept, the oldest is given up as lost.
 */
#ifndef HLIDKA_GAPS_H
#define HLIDKA_GAPS_H

#include "buffer.h"

#define GAPS_HOLES   32
#define GAPS_STAY_MS 60000

struct hole {
    uint64_t from, to;                  /* from ≤ n < to are missing */
    uint64_t since_ms;
    bool told;
};

struct gaps {                           /* of one instance; zeroed: nothing has come yet */
    uint64_t next;                      /* above everything that has come */
    struct hole holes[GAPS_HOLES];      /* in their order */
    size_t count;
    uint64_t given_up;                  /* holes dropped for want of room before they were told, and … */
    uint64_t given_up_n;                /* … the first number of the first of them */
};

enum gaps_said { GAPS_NEW, GAPS_REPEATED };

enum gaps_said gaps_see(struct gaps *g, uint64_t n, uint64_t now_ms);

/* The first number of a hole that has stayed long enough and was not told; it is now. False: there is none. */
bool gaps_due(struct gaps *g, uint64_t now_ms, uint64_t *n);

/* When the next becomes due; UINT64_MAX: none. */
uint64_t gaps_next_due_ms(const struct gaps *g);

/* How it is stored: 8-byte BE integers. Errors as buffer_append; RESULT_MALFORMED. */
MUST_USE enum result gaps_save(const struct gaps *g, struct buffer *out);
MUST_USE enum result gaps_load(struct bytes saved, struct gaps *out);

#endif
