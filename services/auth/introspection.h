/*
 * All that introspection keeps between requests, put together: what is held in memory, who asks for what, activity to
 * be written, dead tokens that came back. Handlers find and note through its parts.
 */
#ifndef HLIDKA_INTROSPECTION_H
#define HLIDKA_INTROSPECTION_H

#include "bearers.h"
#include "metrics.h"
#include "reuse.h"
#include "touches.h"

struct introspection_options {
    size_t sessions;                    /* held in memory at most */
    const struct lifetimes *lifetimes;
    struct bearer_store *store;
    bool (*fresh)(void *cookie);        /* bus_fresh */
    reuse_tell *tell;
    void *cookie;                       /* of both */
    struct metrics *metrics;            /* may be NULL */
};

struct introspection {
    const struct lifetimes *lifetimes;
    struct cache *cache;
    struct bearers *bearers;
    struct touches touches;
    struct reuses *reuses;
    double held, bytes, flights;        /* gauges */
};

/* RESULT_NO_MEMORY; RESULT_FULL, RESULT_EXISTS from metrics. On error nothing is left open. */
MUST_USE enum result introspection_open(struct introspection *i, const struct introspection_options *options);
/* No request is at work any more. */
void introspection_close(struct introspection *i);

/* What the revocations topic tells, and what this instance has itself committed; before it is answered. */
void introspection_revoked(struct introspection *i, struct text user_id, const struct uuid *session_id);
/* Revocations may have gone unread. */
void introspection_missed(struct introspection *i);

/* Once a minute. */
void introspection_tick(struct introspection *i);

#endif
