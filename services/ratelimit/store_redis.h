/*
 * The store in Redis: one FCALL a check (schema/ratelimit.lua), pipelined. The library is loaded on every connection
 * before it is used, and again when Redis has lost it.
 */
#ifndef HLIDKA_STORE_REDIS_H
#define HLIDKA_STORE_REDIS_H

#include "histogram.h"
#include "redis.h"
#include "store.h"

struct store_redis;

struct store_redis_options {
    const struct secret *url;           /* redis.h; read at open only */
    const char *client_name;
    uint64_t timeout_ms;                /* for an answer; then STORE_UNKNOWN */
    /* Tests register the function over a clock of theirs; NULL: library_text and ratelimit_check. */
    struct text library;
    const char *function;
};

/* Errors of redis_open. */
MUST_USE enum result store_redis_open(struct uv_loop_s *loop, const struct store_redis_options *o,
                                      struct store_redis **out, struct buffer *why);

/* Never calls back before check returns, except with STORE_AWAY. */
struct store *store_redis_store(struct store_redis *s);

bool store_redis_up(const struct store_redis *s);

/* Borrowed until closed. */
const struct redis_stats *store_redis_stats(const struct store_redis *s);
/* From asking to answer, of checks that were answered. */
const struct histogram *store_redis_latency(const struct store_redis *s);
/* Times that another server answered than before: a restart or a failover, which may have forgotten charges. */
const uint64_t *store_redis_restarts(const struct store_redis *s);

/* Checks at work end as STORE_UNKNOWN within this call; then closed (may be NULL) follows, and s is gone. */
void store_redis_close(struct store_redis *s, void (*closed)(void *cookie), void *cookie);

#endif
