/*
 * Whose token this is, and whether it lives: from memory while that is fresh, else from the store, in one reading for
 * all who ask for the same session, and one round trip for all sessions that are asked for while another is under way.
 *
 * Only a yes is answered from memory: a token that is not known there, does not match or has expired may do so because
 * memory lags behind, and the store is asked. What the store says is right as of when its reading began, hence:
 *
 *     - a yes of a row that was revoked meanwhile, or is older than a second (we were stopped), is asked for again;
 *     - a no counts for those who asked before the reading began; who joined later asks again. A token that was made
 *       in between is no dead one.
 */
#ifndef HLIDKA_LOOKUP_H
#define HLIDKA_LOOKUP_H

#include "cache.h"
#include "lookup_store.h"

struct lookup;

enum lookup_outcome {
    LOOKUP_ALIVE,                       /* s is the session, shown as of now */
    LOOKUP_DEAD,                        /* s is the session when the token was once its, else NULL */
    LOOKUP_UNAVAILABLE,                 /* the store did not answer in time */
};

/* s is borrowed for the call. For ALIVE it is true at this moment: answer before doing anything else. */
typedef void lookup_cb(void *cookie, enum lookup_outcome outcome, const struct known_session *s);

/* One who asks; the caller's, until the callback. */
struct lookup_ask {
    lookup_cb *cb;
    void *cookie;
    uint64_t until_ns;                  /* CLOCK_BOOTTIME: not asked again after this */
    struct token token;                 /* the rest is lookup's */
    uint64_t joined_ns;
    struct lookup_ask *next;
};

struct lookup_options {
    struct cache *cache;
    struct lookup_store *store;
    const struct lifetimes *lifetimes;  /* borrowed; may change between calls */
    bool (*fresh)(void *cookie);        /* bus_fresh */
    uint64_t (*boot_ns)(void *cookie);
    uint64_t (*unix_ms)(void *cookie);
    void *cookie;
    uint8_t seed[16];
};

struct lookup_stats {
    uint64_t hits;                      /* answered from memory */
    uint64_t stale;                     /* known, and not answered from memory because that was not fresh */
    uint64_t reads;                     /* sessions read from the store */
    uint64_t joined;                    /* asked for one that was being read */
    uint64_t again;                     /* asked for once more, see above */
    uint64_t unavailable;
    size_t flights;                     /* sessions being read */
};

MUST_USE enum result lookup_new(const struct lookup_options *options, struct lookup **out);
/* No reading may be under way. */
void lookup_free(struct lookup *l);

/* ask->cb is called once, now or later. Any text may be given for a token. */
void lookup_token(struct lookup *l, struct text token, struct lookup_ask *ask);

const struct lookup_stats *lookup_stats(const struct lookup *l);

#endif
