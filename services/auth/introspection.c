#include "introspection.h"

#include "clock.h"
#include "entropy.h"

enum { REUSES_MAX = 10000 };

static uint64_t boot_ns(void *cookie)
{
    (void)cookie;
    return clock_boot_ns();
}

static uint64_t unix_ms(void *cookie)
{
    (void)cookie;
    return clock_unix_ms();
}

static void collect(void *cookie)
{
    struct introspection *i = cookie;

    i->held = (double)cache_count(i->cache);
    i->bytes = (double)cache_stats(i->cache)->bytes;
    i->flights = (double)bearers_stats(i->bearers)->flights;
}

static enum result add_metrics(struct introspection *i, struct metrics *m)
{
    const struct cache_stats *c = cache_stats(i->cache);
    const struct bearers_stats *b = bearers_stats(i->bearers);
    const struct {
        const char *name, *help;
        const uint64_t *value;
    } counters[] = {
        { "hlidka_auth_memory_hits_total", "Tokens answered from memory.", &b->hits },
        { "hlidka_auth_memory_stale_total", "Tokens that were in memory while it was not fresh.", &b->stale },
        { "hlidka_auth_memory_evicted_total", "Sessions that gave way to others in memory.", &c->evicted },
        { "hlidka_auth_memory_forgotten_total", "Sessions forgotten because they changed, or may have.", &c->forgotten },
        { "hlidka_auth_memory_overtaken_total", "Sessions not kept because they changed while they were read, or may have.", &c->overtaken },
        { "hlidka_auth_session_reads_total", "Sessions read from the store.", &b->reads },
        { "hlidka_auth_session_reads_joined_total", "Tokens whose session was being read for another already.", &b->joined },
        { "hlidka_auth_session_reads_again_total", "Tokens for which one reading did not do.", &b->again },
        { "hlidka_auth_session_reads_unavailable_total", "Tokens for which the store did not answer in time.", &b->unavailable },
        { "hlidka_auth_touches_total", "Uses handed to the store to be written.", &i->touches.written },
        { "hlidka_auth_touches_lost_total", "Uses that were not written: no room, or no store.", &i->touches.lost },
    };
    const struct {
        const char *name, *help;
        const double *value;
    } gauges[] = {
        { "hlidka_auth_memory_sessions", "Sessions held in memory.", &i->held },
        { "hlidka_auth_memory_bytes", "… and the bytes that they take.", &i->bytes },
        { "hlidka_auth_session_reads_under_way", "Sessions being read, or waiting for it.", &i->flights },
    };
    enum result r = metrics_collector(m, collect, i);

    for (size_t n = 0; !r && n < sizeof(counters) / sizeof(counters[0]); n++)
        r = metrics_counter(m, counters[n].name, counters[n].help, NULL, counters[n].value);
    for (size_t n = 0; !r && n < sizeof(gauges) / sizeof(gauges[0]); n++)
        r = metrics_gauge(m, gauges[n].name, gauges[n].help, NULL, gauges[n].value);
    return r;
}

enum result introspection_open(struct introspection *i, const struct introspection_options *options)
{
    struct bearers_options b = {
        .store = options->store, .lifetimes = options->lifetimes, .fresh = options->fresh, .boot_ns = boot_ns,
        .unix_ms = unix_ms, .cookie = options->cookie,
    };
    uint8_t seed[16];
    enum result r;

    *i = (struct introspection){ .lifetimes = options->lifetimes };
    touches_init(&i->touches, options->store);
    entropy_fill(seed, sizeof(seed));
    entropy_fill(b.seed, sizeof(b.seed));
    if ((r = cache_new(options->sessions, seed, &i->cache)))
        return r;
    b.cache = i->cache;
    if ((r = bearers_new(&b, &i->bearers)))
        goto fail_cache;
    if ((r = reuses_new(REUSES_MAX, seed, options->tell, options->cookie, &i->reuses)))
        goto fail_bearers;
    if (options->metrics && (r = add_metrics(i, options->metrics)))
        goto fail_reuses;
    return RESULT_OK;

fail_reuses:
    reuses_free(i->reuses);
fail_bearers:
    bearers_free(i->bearers);
fail_cache:
    cache_free(i->cache);
    return r;
}

void introspection_close(struct introspection *i)
{
    reuses_free(i->reuses);
    bearers_free(i->bearers);
    cache_free(i->cache);
}

void introspection_revoked(struct introspection *i, struct text user_id, const struct uuid *session_id)
{
    cache_revoked(i->cache, user_id, session_id, clock_boot_ns());
}

void introspection_missed(struct introspection *i)
{
    cache_missed(i->cache, clock_boot_ns());
}

void introspection_tick(struct introspection *i)
{
    reuses_tick(i->reuses, clock_unix_ms());
}
