/*
 * Whose token this is, and whether it lives: from memory while that is fresh, else from the store, in one reading for
 * all who ask for the same session, and one round trip for all sessions that are asked for while another is under way.
 *
 * Only a yes is answered from memory: a token that is not known there, does not match or has expired may do so because
 * memory lags behind, and the store is asked. What the store says is right as of when its reading began, hence:
 *
 *     - a yes of a row that was revoked meanwhile, or is older than a second (we were stopped), is asked for again;
 *     - a no counts for those who asked before the reading began; who joined later asks again, unless the session has
 *       ended. A token that was made in between is no dead one.
 */
#ifndef HLIDKA_BEARER_H
#define HLIDKA_BEARER_H

#include "cache.h"
#include "bearer_store.h"

struct bearers;

enum bearer_outcome {
    BEARER_ALIVE,                       /* s is the session, shown as of now */
    BEARER_DEAD,                        /* s is the session when the token was once its, else NULL */
    BEARER_UNAVAILABLE,                 /* the store did not answer in time */
};

/* s is borrowed for the call. For ALIVE it is true at this moment: answer before doing anything else. */
typedef void bearer_cb(void *cookie, enum bearer_outcome outcome, const struct known_session *s);

/* One who asks; the caller's, until the callback. */
struct bearer_ask {
    bearer_cb *cb;
    void *cookie;
    uint64_t until_ns;                  /* CLOCK_BOOTTIME: not asked again after this */
    uint64_t now_ms;                    /* set before cb: since 1970, when it was judged; UNAVAILABLE: not set */
    struct token token;                 /* the rest is ours */
    uint64_t joined_ns;
    struct bearer_ask *next;
};

struct bearers_options {
    struct cache *cache;
    struct bearer_store *store;
    const struct lifetimes *lifetimes;  /* borrowed; may change between calls */
    bool (*fresh)(void *cookie);        /* bus_fresh */
    uint64_t (*boot_ns)(void *cookie);
    uint64_t (*unix_ms)(void *cookie);
    void *cookie;
    uint8_t seed[16];
};

struct bearers_stats {
    uint64_t hits;                      /* answered from memory */
    uint64_t stale;                     /* known, and not answered from memory because that was not fresh */
    uint64_t reads;                     /* sessions read from the store */
    uint64_t joined;                    /* asked for one that was being read */
    uint64_t again;                     /* asked for once more, see above */
    uint64_t unavailable;
    size_t flights;                     /* sessions being read */
};

MUST_USE enum result bearers_new(const struct bearers_options *options, struct bearers **out);
/* No reading may be under way. */
void bearers_free(struct bearers *b);

/* ask->cb is called once, now or later. Any text may be given for a token. */
void bearers_find(struct bearers *b, struct text token, struct bearer_ask *ask);

const struct bearers_stats *bearers_stats(const struct bearers *b);

#endif
