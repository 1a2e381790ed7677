/*
 * Which policies meet a check. Within one scope the most specific wins: a named endpoint over the longest prefix over
 * `*`, then a named tier over "*"; equally specific ones all apply. Shadow policies are matched among themselves.
 */
#ifndef HLIDKA_MATCH_H
#define HLIDKA_MATCH_H

#include "policy.h"

/* Indices of policies, in the order of the file. */
struct match {
    uint8_t count;
    uint16_t items[MATCH_MAX];
};

/* The tier of a request that names none. */
#define TIER_DEFAULT TEXT("default")

/*
 * The policies of all scopes that cover that endpoint and tier; the caller leaves out the scopes whose id the request
 * lacks. Never more than MATCH_MAX in a set that passed policies_finish. Linear in the set.
 */
void match_find(const struct policies *p, struct text endpoint, struct text tier, struct match *out);

/* Whether some check that policy `index` may meet has more than MATCH_MAX; *tier then says of which tier. */
bool match_crowded(const struct policies *p, size_t index, const char **tier);

/*
 * The same from memory: endpoints and tiers of an application are few, and each pair is matched once. Bounded: a new
 * pair takes the place of whichever had its slot.
 */
struct matcher;

/* Holds the set. RESULT_NO_MEMORY. */
MUST_USE enum result matcher_new(struct policies *p, struct matcher **out);
/* Borrowed until the next call. */
const struct match *matcher_find(struct matcher *m, struct text endpoint, struct text tier);
/* NULL is fine. */
void matcher_free(struct matcher *m);

#endif
