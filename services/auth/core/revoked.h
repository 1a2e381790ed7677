/*
 * What has been revoked lately, and what a row that was being read meanwhile is worth. Pure.
 *
 *     10.0 s  the reading of session s begins: the row lives
 *     10.1    s is revoked elsewhere; 10.2 the revocation is read here
 *     10.3    the row arrives: revoked_since(s, 10.0) is true, and it is not believed
 *
 * Kept for two minutes (protocol.md section 5), which no reading lasts, and at most so many: when one has to go
 * earlier, everything whose reading began before that one is disbelieved in its stead. What has been missed altogether
 * is the same with no name to it. Until the topic is known to be read (the first revoked_missed) nothing is believed.
 */
#ifndef HLIDKA_REVOKED_H
#define HLIDKA_REVOKED_H

#include "bytes.h"
#include "result.h"

#define REVOKED_KEY_LEN 16u             /* a session's id, or a hash of a user's */
#define REVOKED_KEPT_NS (UINT64_C(120) * 1000 * 1000 * 1000)

struct revoked;

/* Times are of CLOCK_BOOTTIME and never go back. RESULT_NO_MEMORY. */
MUST_USE enum result revoked_new(size_t limit, const uint8_t seed[16], struct revoked **out);
void revoked_free(struct revoked *r);

void revoked_add(struct revoked *r, const uint8_t key[REVOKED_KEY_LEN], uint64_t now_ns);

/* Anything may have been revoked until now. */
void revoked_missed(struct revoked *r, uint64_t now_ns);

/* Whether a revocation of it is known that came at or after that time. */
bool revoked_since(const struct revoked *r, const uint8_t key[REVOKED_KEY_LEN], uint64_t began_ns);

/* Whether one may have come at or after that time without being known here any more. */
bool revoked_unknown(const struct revoked *r, uint64_t began_ns);

size_t revoked_count(const struct revoked *r);

#endif
