/*
 * From what the store ruled to what the caller is told (protocol section 7): rows, the overall verdict, the wait.
 */
#ifndef HLIDKA_JUDGEMENT_H
#define HLIDKA_JUDGEMENT_H

#include "decide.h"
#include "terms.h"

/* More can never be given at once: waiting does not help. */
#define RETRY_NEVER_MS UINT64_C(4294967295)

struct row {
    struct text policy;         /* borrowed from the term */
    enum scope scope;
    bool shadow;
    bool allowed;
    uint64_t limit, capacity, window_ms;
    uint64_t remaining, reset_ms, retry_ms;
};

struct judgement {
    bool allowed;
    uint64_t retry_ms;          /* largest over violated enforcing rows; 0 when allowed */
    size_t count;
    struct row rows[MATCH_MAX];
};

/* What the store is asked for a term. runs_widest: the most runs that its account may have. */
struct claim term_claim(const struct term *t, uint64_t runs_widest);

/* Allowed, no rows. */
void judgement_start(struct judgement *j);
void judgement_add(struct judgement *j, const struct term *t, const struct ruling *r);
/* A row that nobody could rule on: allowed as if unused, or denied for retry_ms. */
void judgement_add_unruled(struct judgement *j, const struct term *t, bool allowed, uint64_t retry_ms);

#endif
