#include "retry.h"

#define PATIENCE_MIN_MS 200u
#define PATIENCE_MAX_MS 2000u
#define BACKOFF_MIN_MS  100u
#define BACKOFF_MAX_MS  2000u
#define WORTH_MS        20u             /* what must be left for a send to have a chance */
#define CLOCK_STEP_MS   50u             /* the wire's clock counts in ms, and we are not the only thread */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

struct retry_limits retry_limits_of(struct text service)
{
    if (text_equal(service, TEXT("ratelimit")))
        return (struct retry_limits){ .window_ms = 5000, .ttl_max_ms = 5000 };
    return (struct retry_limits){ .window_ms = 900000, .ttl_max_ms = 60000 };
}

bool retry_begin(struct retry *r, const struct retry_limits *limits, uint64_t now_ms, uint32_t deadline_ms,
                 uint64_t id_age_ms)
{
    if (id_age_ms + CLOCK_STEP_MS >= limits->window_ms)
        return false;
    uint64_t window_ms = limits->window_ms - CLOCK_STEP_MS - id_age_ms;
    uint32_t patience_ms = deadline_ms / 4;

    *r = (struct retry){
        .resend_until_ms = now_ms + window_ms,
        .ends_ms = now_ms + least(deadline_ms, window_ms + limits->ttl_max_ms),
        .ttl_max_ms = limits->ttl_max_ms,
        .patience_ms = patience_ms < PATIENCE_MIN_MS ? PATIENCE_MIN_MS
                       : patience_ms > PATIENCE_MAX_MS ? PATIENCE_MAX_MS : patience_ms,
        .backoff_ms = BACKOFF_MIN_MS,
    };
    return true;
}

uint32_t retry_ttl(const struct retry *r, uint64_t now_ms)
{
    return now_ms >= r->ends_ms ? 0 : (uint32_t)least(r->ends_ms - now_ms, r->ttl_max_ms);
}

/* 75 … 125 % */
static uint64_t jitter(uint64_t ms, uint32_t random)
{
    return ms - ms / 4 + (ms / 2) * (random >> 8) / (UINT32_MAX >> 8);
}

static uint64_t if_in_time(const struct retry *r, uint64_t at_ms)
{
    return at_ms + WORTH_MS <= r->ends_ms && at_ms < r->resend_until_ms ? at_ms : RETRY_NEVER;
}

uint64_t retry_after_silence(struct retry *r, uint64_t now_ms, uint32_t random)
{
    uint64_t at_ms = if_in_time(r, now_ms + jitter(r->patience_ms, random));

    r->patience_ms = (uint32_t)least(2 * (uint64_t)r->patience_ms, 4 * PATIENCE_MAX_MS);
    return at_ms;
}

uint64_t retry_after_unavailable(struct retry *r, uint64_t now_ms, int64_t retry_after_ms, uint32_t random)
{
    uint64_t wait_ms = r->backoff_ms;

    r->backoff_ms = (uint32_t)least(2 * (uint64_t)r->backoff_ms, BACKOFF_MAX_MS);
    if (retry_after_ms < 0)
        return if_in_time(r, now_ms + jitter(wait_ms, random));
    /* Never before the time named: up to a quarter later, and at least a little, should it be 0. */
    if (retry_after_ms > INT32_MAX)
        return RETRY_NEVER;
    wait_ms = (uint64_t)retry_after_ms + WORTH_MS;
    return if_in_time(r, now_ms + wait_ms + (wait_ms / 4) * (random >> 8) / (UINT32_MAX >> 8));
}
