/*
 * Dead tokens that came back, as events: one per session and hour whichever instance saw it, because the session's row
 * has when it was last told and how often it came back since. One transaction at a time: a day on which everybody's
 * session ends is no storm of them.
 */
#ifndef HLIDKA_STORE_REUSE_H
#define HLIDKA_STORE_REUSE_H

#include "durable.h"
#include "reuse.h"

#define STORE_REUSE_WAITING 2048u

struct store_reuse {
    struct durable *durable;
    uint64_t timeout_ms;
    bool busy;
    size_t first, count;
    struct reuse waiting[STORE_REUSE_WAITING];  /* a ring; the one at work is the first of it */
    uint64_t told, lost;
};

/* Borrowed. */
void store_reuse_init(struct store_reuse *s, struct durable *durable, uint64_t timeout_ms);

/* A report of reuse.h. When too many wait, or the store is away, it is lost and counted. */
void store_reuse_tell(struct store_reuse *s, const struct reuse *r);

#endif
