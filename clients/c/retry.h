/*
 * When to send a call again: a pure function of the clock and a random draw.
 *
 * The same id, op and body may be sent again while the service still knows the id (T + 15 min; ratelimit T + 5 s) and
 * the caller still waits. Two things ask for it: silence (the request, its service or the answer may be lost), and a
 * 503, which says that the same again is safe.
 *
 *     deadline 4,000 ms, nothing answers:  sent at 0; ~1,000; ~3,000 (the wait doubles); given up at 4,000
 *
 * Every send is good until the caller's deadline, not only until the next one: otherwise a service that is slower than
 * our patience would find each copy expired, and answer none.
 *
 * Times are ms of CLOCK_BOOTTIME, except where a name says unix. Waits are drawn from 75 … 125 % of their length, so
 * that a thousand callers who lost the same broker do not come back at the same instant.
 */
#ifndef HLIDKA_RETRY_H
#define HLIDKA_RETRY_H

#include "bytes.h"

#define RETRY_NEVER UINT64_MAX

struct retry_limits {                   /* of the service asked */
    uint32_t window_ms;                 /* from T, for which it knows an id */
    uint32_t ttl_max_ms;
};

struct retry {
    uint64_t resend_until_ms;           /* afterwards the service would not take it for the same */
    uint64_t ends_ms;                   /* the caller's deadline, or when the last send can no longer be answered */
    uint32_t ttl_max_ms;
    uint32_t patience_ms;               /* the wait after the next send */
    uint32_t backoff_ms;                /* after the next 503 that names no time */
};

/* What the service named so allows. */
struct retry_limits retry_limits_of(struct text service);

/*
 * id_age_ms: how old T is already, 0 for a new id. False when the id is too old to be sent at all.
 */
bool retry_begin(struct retry *r, const struct retry_limits *limits, uint64_t now_ms, uint32_t deadline_ms,
                 uint64_t id_age_ms);

/* The ttl of a message sent now: what is left, at most what the service takes. 0 when nothing is left. */
uint32_t retry_ttl(const struct retry *r, uint64_t now_ms);

/* When to send next if nothing comes; RETRY_NEVER when that would be too late. Call it once after each send. */
uint64_t retry_after_silence(struct retry *r, uint64_t now_ms, uint32_t random);

/* When to send next after a 503; retry_after_ms is the service's wish, negative if it named none. RETRY_NEVER when
 * that would be too late. */
uint64_t retry_after_unavailable(struct retry *r, uint64_t now_ms, int64_t retry_after_ms, uint32_t random);

#endif
