/*
 * The ring keys in memory, and whether they may still be used. PostgreSQL's key_epoch is read every 250 ms; what is in
 * memory counts as true for 1 s after the beginning of the newest reading that found the epoch unchanged. So a rotation,
 * destruction or erasure that raises the epoch is in force everywhere 1 s later, whoever was asleep meanwhile.
 *
 *     struct keyset *set = rings_take(v->rings);
 *     if (!set)
 *         … 503
 *     … work, on the loop or elsewhere …
 *     if (!rings_hold_true(v->rings, set))
 *         … begin anew: a key may have changed since
 *     keyset_release(set);
 */
#ifndef HLIDKA_RINGS_H
#define HLIDKA_RINGS_H

#include "keyset.h"

struct rings;

#define RINGS_READ_MS 250
#define RINGS_TRUST_MS 1000

/* The set in force, held for the caller; NULL: nothing is known well enough. */
struct keyset *rings_take(struct rings *r);
/* Whether that set is in force still, asked when the answer is there. */
bool rings_hold_true(const struct rings *r, const struct keyset *set);

/*
 * Ciphertexts made under that version, and keys wrapped by it. Written once a second; a version whose `uses` is 0 is to be
 * counted by rings_count_first before anything made under it leaves.
 */
void rings_count(struct rings *r, const struct ring_key *k, uint64_t uses, uint64_t wraps);
/* Calls back when that has been written (false, perhaps from within: it could not be). */
void rings_count_first(struct rings *r, const struct ring_key *k, uint64_t uses, void (*done)(void *cookie, bool counted),
                       void *cookie);

#endif
