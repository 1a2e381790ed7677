/* ratelimit: nobody takes more than their share. The wiring, and nothing else; DESIGN.md says how it works. */
#include "clock.h"
#include "entropy.h"
#include "exceeded.h"
#include "file.h"
#include "keys.h"
#include "limiter.h"
#include "policies_file.h"
#include "service.h"
#include "store_memory.h"
#include "store_redis.h"

#include <stdlib.h>

#define LOCAL_ACCOUNTS 100000
#define LOCAL_RECORDS 20000
#define DENIALS 10000
#define TICK_MS 1000

struct settings {
    const char *redis_url_file;
    const char *key_file;
    const char *policies;
    uint64_t store_timeout_ms;
};

static const struct env_setting SETTINGS[] = {
    { "HLIDKA_REDIS_URL_FILE", ENV_TEXT, offsetof(struct settings, redis_url_file), .required = true,
      .help = "file with redis://[user:password@]host:port/db" },
    { "HLIDKA_RATELIMIT_KEY_FILE", ENV_TEXT, offsetof(struct settings, key_file), .required = true,
      .help = "file with the base64 of 32 bytes, the same for all instances: seals decision ids, hashes accounts" },
    { "HLIDKA_POLICIES", ENV_TEXT, offsetof(struct settings, policies), .fallback = "config/ratelimit.yaml",
      .help = "the policies; read again when the file changes" },
    { "HLIDKA_STORE_TIMEOUT_MS", ENV_UINT, offsetof(struct settings, store_timeout_ms), .fallback = "500", .min = 10,
      .max = 5000, .help = "how long Redis may take before its policies' own answer is given" },
};

struct app {
    struct ratelimit limiter;           /* first: what handlers are given */
    struct service *service;
    const char *policies_path;
    struct store_redis *redis;
    struct store_memory *memory;
    bool stopping;
    double gauges[4];                   /* up, pending, local accounts, episodes */
};

static unsigned instances(void *cookie)
{
    const struct app *a = cookie;

    return service_instances(a->service);
}

static uint64_t clock_us(void *cookie)
{
    (void)cookie;
    return clock_unix_ms() * 1000;
}

static void send_event(void *cookie, const struct audit_event *event, struct bytes key)
{
    const struct app *a = cookie;
    struct bus *bus = service_bus(a->service);

    if (bus)
        bus_event(bus, event, key);
}

static void tell(void *cookie, const struct episode *e, enum episode_phase phase)
{
    exceeded_tell(e, phase, clock_unix_ms(), send_event, cookie);
}

static void tick(void *state)
{
    const struct app *a = state;

    if (!a->stopping)
        denials_tick(a->limiter.denials, clock_unix_ms());
}

static void collect(void *cookie)
{
    struct app *a = cookie;
    const struct redis_stats *s = store_redis_stats(a->redis);

    a->gauges[0] = (double)s->up;
    a->gauges[1] = (double)s->pending;
    a->gauges[2] = (double)store_memory_accounts(a->memory);
    a->gauges[3] = (double)denials_count(a->limiter.denials);
}

static enum result add_metrics(struct app *a)
{
    struct metrics *m = service_metrics(a->service);
    const struct redis_stats *s = store_redis_stats(a->redis);
    const struct {
        const char *name, *help;
        const uint64_t *value;
    } counters[] = {
        { "hlidka_ratelimit_store_commands_total", "Calls of the store's function.", &s->commands },
        { "hlidka_ratelimit_store_refused_total", "Calls that Redis answered with an error.", &s->refused },
        { "hlidka_ratelimit_store_unknown_total", "Calls whose outcome was lost with the connection.", &s->unknown },
        { "hlidka_ratelimit_store_full_total", "Checks turned away from the store's queue.", &s->full },
        { "hlidka_ratelimit_store_timeouts_total", "Connections given up because an answer was overdue.", &s->timeouts },
        { "hlidka_ratelimit_store_connects_total", "Times that the store came up.", &s->connects },
        { "hlidka_ratelimit_store_failures_total", "Attempts to connect that failed.", &s->failures },
        { "hlidka_ratelimit_store_restarts_total", "Times that the store was found restarted, which may have forgotten "
          "the last second of charges.", store_redis_restarts(a->redis) },
        { "hlidka_ratelimit_local_full_total", "Local accounts for which there was no room.", store_memory_full(a->memory) },
    };
    static const struct {
        const char *name, *help;
    } gauges[] = {
        { "hlidka_ratelimit_store_up", "Whether the store is connected." },
        { "hlidka_ratelimit_store_pending", "Calls that wait for the store." },
        { "hlidka_ratelimit_local_accounts", "Accounts counted in memory while the store is away." },
        { "hlidka_ratelimit_denial_episodes", "Episodes of denials going on." },
    };
    enum result r = metrics_collector(m, collect, a);

    for (size_t i = 0; !r && i < sizeof(counters) / sizeof(counters[0]); i++)
        r = metrics_counter(m, counters[i].name, counters[i].help, NULL, counters[i].value);
    for (size_t i = 0; !r && i < sizeof(gauges) / sizeof(gauges[0]); i++)
        r = metrics_gauge(m, gauges[i].name, gauges[i].help, NULL, &a->gauges[i]);
    if (!r)
        r = metrics_histogram(m, "hlidka_ratelimit_store_seconds", "From a call of the store to its answer.", NULL,
                              store_redis_latency(a->redis));
    return r;
}

static enum result check_config(const void *settings, struct buffer *why)
{
    const struct settings *set = settings;
    struct policies *p;
    enum result r = policies_load(set->policies, &p, why);

    if (!r)
        policies_release(p);
    return r;
}

static enum result open_keys(struct app *a, const struct settings *set, struct buffer *why)
{
    struct secret *file;
    enum result r = file_read_secret(set->key_file, &file, why);

    if (r)
        return r;
    r = keys_new(file, &a->limiter.keys);
    secret_free(file);
    if (r == RESULT_BAD_CONFIG && buffer_printf(why, "%s: expected the base64 of 32 bytes", set->key_file))
        return RESULT_NO_MEMORY;
    return r;
}

static enum result open_redis(struct app *a, const struct settings *set, struct buffer *why)
{
    struct secret *url;
    enum result r = file_read_secret(set->redis_url_file, &url, why);

    if (r)
        return r;
    r = store_redis_open(service_loop(a->service),
                         &(struct store_redis_options){ .url = url, .client_name = service_instance(a->service),
                                                        .timeout_ms = set->store_timeout_ms },
                         &a->redis, why);
    secret_free(url);
    return r;
}

static enum result open_memory(struct app *a)
{
    struct store_memory_options o = { .accounts = LOCAL_ACCOUNTS, .records = LOCAL_RECORDS, .clock_us = clock_us };
    uint8_t seed[16];

    entropy_fill(o.seed, sizeof(o.seed));
    entropy_fill(seed, sizeof(seed));
    enum result r = store_memory_new(&o, &a->memory);
    if (!r)
        r = denials_new(DENIALS, seed, tell, a, &a->limiter.denials);
    return r;
}

static enum result adopt(void *cookie, struct buffer *why)
{
    struct app *a = cookie;
    struct policies *p;
    enum result r = policies_load(a->policies_path, &p, why);

    if (r)
        return r;
    bool other = a->limiter.policies && memcmp(a->limiter.policies->sha256, p->sha256, sizeof(p->sha256)) != 0;
    r = ratelimit_adopt(&a->limiter, p);
    if (r)
        policies_release(p);
    else if (other)
        bus_config_changed(service_bus(a->service), TEXT("policies"), p->sha256);
    return r;
}

/* All that is not a handle of the loop. */
static void free_app(struct app *a)
{
    denials_free(a->limiter.denials);
    store_memory_free(a->memory);
    matcher_free(a->limiter.matcher);
    if (a->limiter.policies)
        policies_release(a->limiter.policies);
    limiter_stats_free(a->limiter.stats);
    keys_free(a->limiter.keys);
    free(a);
}

static enum result start(struct service *s, const void *settings, void **state, struct buffer *why)
{
    const struct settings *set = settings;
    struct app *a = calloc(1, sizeof(*a));

    if (!a)
        return RESULT_NO_MEMORY;
    a->service = s;
    a->policies_path = set->policies;
    a->limiter.instances = instances;
    a->limiter.cookie = a;
    enum result r = open_keys(a, set, why);
    if (!r)
        r = limiter_stats_new(service_metrics(s), &a->limiter.stats);
    if (!r)
        r = service_config(s, &(struct config_file){ "policies", set->policies, NULL, adopt, a }, why);
    if (!r)
        r = open_memory(a);
    if (!r)
        r = open_redis(a, set, why);
    if (r)
        goto fail;
    a->limiter.store = store_redis_store(a->redis);
    a->limiter.local = store_memory_store(a->memory);
    r = add_metrics(a);
    if (r) {
        store_redis_close(a->redis, NULL, NULL);
        goto fail;
    }
    *state = a;
    return RESULT_OK;

fail:
    free_app(a);
    return r;
}

static void ready(void *state, struct buffer *reasons)
{
    const struct app *a = state;

    if (!store_redis_up(a->redis) && buffer_printf(reasons, "store: Redis is not reachable\n"))
        log_error("ratelimit.ready", LOG_RESULT(RESULT_NO_MEMORY));
}

static void drain(void *state)
{
    const struct app *a = state;

    denials_flush(a->limiter.denials);
}

static void closed(void *cookie)
{
    struct app *a = cookie;
    struct service *s = a->service;

    free_app(a);
    service_stopped(s);
}

static void stop(struct service *s, void *state)
{
    struct app *a = state;

    (void)s;
    denials_flush(a->limiter.denials);
    a->stopping = true;
    store_redis_close(a->redis, closed, a);
}

int main(int argc, char **argv)
{
    const struct service_spec spec = {
        .name = "ratelimit",
        .summary = "nobody takes more than their share",
        .settings = SETTINGS,
        .setting_count = sizeof(SETTINGS) / sizeof(SETTINGS[0]),
        .settings_size = sizeof(struct settings),
        .routes = ratelimit_routes,
        .route_count = ratelimit_route_count,
        .ahead_ms = 5000,
        .age_ms = 5000,
        .ttl_max_ms = 5000,
        .check = check_config,
        .start = start,
        .tick = tick,
        .tick_ms = TICK_MS,
        .ready = ready,
        .drain = drain,
        .stop = stop,
    };

    return service_run(&spec, argc, argv);
}
