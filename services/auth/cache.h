/*
 * Sessions as introspection shows them, held in memory so that a known token costs no reading of the store. What is
 * held was read from the store; it is forgotten when it has changed there, of which the revocations topic tells
 * (protocol.md section 5). It may be answered from only while that topic is known to be read, which is the bus' to say
 * (bus_fresh) and the handler's to ask. No I/O; the time is an argument.
 *
 *     row arrives  -> cache_keep(c, &row, when its reading began)      refused when it was overtaken
 *     revocation   -> cache_revoked(c, user, session or NULL, now)     also for what this instance has itself committed
 *     missed some  -> cache_missed(c, now)                             everything is forgotten
 *
 * Bounded in number and in bytes; whoever has not been asked for the longest gives way. Not in locked memory: of the
 * token's secret half there is only the SHA-256, as in the store, and from 32 random bytes that tells nothing.
 */
#ifndef HLIDKA_CACHE_H
#define HLIDKA_CACHE_H

#include "known_session.h"

#define CACHE_BYTES_EACH 1024u          /* what one session may take, on average; most take half of it */

struct cache;

struct cache_stats {
    uint64_t evicted;                   /* gave way to others */
    uint64_t forgotten;                 /* because of a revocation, or because some were missed */
    uint64_t overtaken;                 /* not kept: revoked while they were being read */
    size_t bytes;
};

/* At most so many sessions. seed: of the maps, random. RESULT_NO_MEMORY. */
MUST_USE enum result cache_new(size_t sessions, const uint8_t seed[16], struct cache **out);
void cache_free(struct cache *c);

/* NULL when it is not held. Borrowed until the next call that keeps or forgets; a touch may bring it forward. */
struct known_session *cache_find(struct cache *c, const struct uuid *session_id);

/*
 * Keeps a copy of a living session's row, in place of an older one. Not when it was revoked while it was being read or may have
 * been (cache_overtaken), and not without memory.
 */
void cache_keep(struct cache *c, const struct known_session *s, uint64_t began_ns);

/* Whether a change of that session, or of all of that user's, is known to have come since the reading began. */
bool cache_overtaken(const struct cache *c, const struct uuid *session_id, struct text user_id, uint64_t began_ns);

/* Forgets one; the row was read and turned out to be dead. */
void cache_forget(struct cache *c, const struct uuid *session_id);

/* session_id NULL: all of that user's. Forgets, and remembers for what is being read. */
void cache_revoked(struct cache *c, struct text user_id, const struct uuid *session_id, uint64_t now_ns);
void cache_missed(struct cache *c, uint64_t now_ns);

size_t cache_count(const struct cache *c);
const struct cache_stats *cache_stats(const struct cache *c);

#endif
