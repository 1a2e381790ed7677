/*
 * Wrong codes of one user and factor, and what they close (PROTOCOL.md section 5, "Attempts"):
 *
 *     5 in 15 min            the door closes for 30 s
 *     each further one       … for twice as long, up to 1 h
 *     100 in a row           the factor is locked, until somebody resets it
 *
 * At 0, 10, 20, 30 and 40 s a wrong code: closed until 70 s. At 70 s another: until 130 s. A right code then: the next wrong
 * one within 15 min closes the door for 30 s again, as it is the fifth in that time; later it takes five. While the door is
 * closed no code is looked at, and none counts.
 */
#ifndef HLIDKA_AUTH_ATTEMPTS_H
#define HLIDKA_AUTH_ATTEMPTS_H

#include "bytes.h"
#include "result.h"

#define ATTEMPTS_FREE 5
#define ATTEMPTS_WINDOW_MS (15 * 60 * 1000)
#define ATTEMPTS_CLOSED_MS 30000
#define ATTEMPTS_CLOSED_MAX_MS (60 * 60 * 1000)
#define ATTEMPTS_LOCKED 100

struct attempts {
    uint64_t recent_ms[ATTEMPTS_FREE];  /* of the last wrong ones, newest first; 0: none */
    uint64_t closed_until_ms;
    uint32_t closings;                  /* since the last right one */
    uint32_t in_a_row;                  /* wrong ones since the last right one */
};

bool attempts_locked(const struct attempts *a);
/* 0: open. Else how long the door stays closed; of a locked factor nothing is said. */
uint64_t attempts_closed_ms(const struct attempts *a, uint64_t now_ms);

/* What was looked at was wrong, or right. */
void attempts_wrong(struct attempts *a, uint64_t now_ms);
void attempts_right(struct attempts *a);

/* As it is stored: recent, closed until, closings, in a row; big-endian. */
#define ATTEMPTS_ENCODED ((ATTEMPTS_FREE + 1) * 8 + 2 * 4)
void attempts_encode(const struct attempts *a, uint8_t out[ATTEMPTS_ENCODED]);
/* data NULL: none were made. RESULT_MALFORMED for another length. */
MUST_USE enum result attempts_decode(struct bytes in, struct attempts *out);

#endif
