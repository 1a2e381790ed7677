/* audit: nothing happens unseen. The wiring, and nothing else; DESIGN.md says how it works. */
#include "alert_log.h"
#include "audit.h"
#include "auditor.h"
#include "clock.h"
#include "durable.h"
#include "outgoing.h"
#include "rules_file.h"
#include "service.h"

#include <stdlib.h>

#define TICK_MS 100
#define PURGE_MS 60000

struct settings {
    const char *pg_url_file;
    const char *rules;
    uint64_t pg_connections;
    uint64_t newcomers;
};

static const struct env_setting SETTINGS[] = {
    { "HLIDKA_PG_URL_FILE", ENV_TEXT, offsetof(struct settings, pg_url_file), .required = true,
      .help = "file with postgresql://user:password@host:port/database" },
    { "HLIDKA_PG_CONNECTIONS", ENV_UINT, offsetof(struct settings, pg_connections), .fallback = "4", .min = 2, .max = 64,
      .help = "connections to PostgreSQL" },
    { "HLIDKA_RULES", ENV_TEXT, offsetof(struct settings, rules), .fallback = "config/rules",
      .help = "directory of the detection rules, *.yaml; read again when one changes" },
    { "HLIDKA_NEW_SUBJECTS", ENV_UINT, offsetof(struct settings, newcomers), .fallback = "10000", .min = 1, .max = 1000000,
      .help = "users and addresses that a source may name for the first time in a minute; more share its key" },
};

struct app {
    struct auditor auditor;             /* first: what handlers are given */
    struct service *service;
    struct durable *durable;
    struct alert_log *alerts;
    struct watch watch;                 /* of alerts */
    const char *rules_dir;
    struct rule_set *rules;             /* loaded, until alerts takes them over */
    uint8_t rules_sha256[32];           /* of those in force, or about to be */
    unsigned newcomers;
    uint64_t purge_ms;
    bool stopped;                       /* the leader has; notices have not all ended */
    bool closing;
};

static uint64_t boot_ms(void)
{
    return clock_boot_ns() / 1000000;
}

/* ---- the feed and its reader ---------------------------------------------------------------------------------- */

static void begin_feed(void *cookie, const struct feed_offset *offsets, size_t count, size_t batch_max)
{
    const struct app *a = cookie;

    feed_begin(service_bus(a->service), offsets, count, batch_max);
}

static void next_batch(void *cookie, size_t batch_max, size_t least)
{
    const struct app *a = cookie;

    feed_next(service_bus(a->service), batch_max, least);
}

static void batch_stored(void *cookie, const struct feed_offset *offsets, size_t count)
{
    const struct app *a = cookie;

    feed_stored(service_bus(a->service), offsets, count);
}

static void end_feed(void *cookie)
{
    const struct app *a = cookie;

    feed_end(service_bus(a->service));
}

static void reject(void *cookie, const struct feed_item *item)
{
    const struct app *a = cookie;

    feed_reject(service_bus(a->service), item);
}

static void on_batch(void *cookie, const struct feed_batch *batch)
{
    const struct app *a = cookie;

    leader_batch(a->auditor.leader, batch);
}

static void on_broken(void *cookie)
{
    const struct app *a = cookie;

    leader_feed_broken(a->auditor.leader);
}

static void own_event(void *cookie, const struct audit_event *event)
{
    struct app *a = cookie;

    log_store_notice(&a->auditor.store, event);
}

/* ---- rules ---------------------------------------------------------------------------------------------------- */

static enum result sign(void *cookie, struct text context, struct bytes body, uint8_t key_id[8], uint8_t sig[64])
{
    const struct app *a = cookie;

    return bus_sign(service_bus(a->service), context, body, key_id, sig);
}

static enum result check_config(const void *settings, struct buffer *why)
{
    const struct settings *set = settings;
    struct rule_set *rules;
    enum result r = rules_load(set->rules, &rules, why);

    if (!r)
        rule_set_free(rules);
    return r;
}

/* The same again are no others: the leader, who begins anew with others, is left alone. */
static enum result adopt_rules(void *cookie, struct buffer *why)
{
    struct app *a = cookie;
    struct rule_set *rules;
    enum result r = rules_load(a->rules_dir, &rules, why);

    if (r)
        return r;
    if (memcmp(a->rules_sha256, rules->sha256, sizeof(rules->sha256)) == 0) {
        rule_set_free(rules);
        return RESULT_OK;
    }
    memcpy(a->rules_sha256, rules->sha256, sizeof(rules->sha256));
    if (a->auditor.leader) {
        bus_config_changed(service_bus(a->service), TEXT("rules"), rules->sha256);
        alert_log_adopt(a->alerts, rules);
        leader_renew(a->auditor.leader);
    } else {
        rule_set_free(a->rules);
        a->rules = rules;
    }
    return RESULT_OK;
}

/* ---- opening -------------------------------------------------------------------------------------------------- */

static enum result open_keys(struct app *a)
{
    enum result r = RESULT_OK;

#define X(name)                                                                                             \
    if (!r)                                                                                                 \
        r = durable_subkey(a->durable, "audit-" #name, &a->auditor.keys.name);
    AUDIT_KEY_LIST(X)
#undef X
    return r;
}

static void opened(void *cookie)
{
    struct app *a = cookie;
    const struct leader_options o = {
        .store = &a->auditor.store,
        .feed = { begin_feed, next_batch, batch_stored, end_feed, reject, a },
        .watch = &a->watch,
        .newcomers_per_minute = a->newcomers,
        .now_ms = clock_unix_ms,
        .boot_ms = boot_ms,
    };
    enum result r = open_keys(a);

    if (!r)
        r = alert_log_new(&(struct alert_log_options){ a->durable, &a->auditor.keys, sign, a }, a->rules, &a->alerts);
    if (!r) {
        a->rules = NULL;
        a->auditor.alerts = a->alerts;
        a->auditor.durable = a->durable;
        a->watch = alert_log_watch(a->alerts);
        r = alert_log_metrics(a->alerts, service_metrics(a->service));
    }
    if (!r) {
        a->auditor.store = (struct log_store){ .pg = durable_pg(a->durable), .keys = &a->auditor.keys,
                                                .self = *durable_self(a->durable) };
        r = leader_new(&o, &a->auditor.leader);
    }
    if (!r)
        r = leader_metrics(a->auditor.leader, service_metrics(a->service));
    if (r)
        service_give_up(a->service, "no memory for the writer of the log");
}

static void close_store(struct app *a);

static void tick(void *state)
{
    struct app *a = state;

    if (a->stopped && a->auditor.store.notices_out == 0) {
        close_store(a);
        return;
    }
    if (a->stopped || a->closing || !a->auditor.leader)
        return;
    leader_tick(a->auditor.leader);
    if (leader_epoch(a->auditor.leader) && boot_ms() - a->purge_ms >= PURGE_MS) {
        a->purge_ms = boot_ms();
        log_store_purge(&a->auditor.store, clock_unix_ms());
    }
}

static enum result start(struct service *s, const void *settings, void **state, struct buffer *why)
{
    static const char *const STREAMS[] = { OUTGOING_ALERTS, OUTGOING_CHECKPOINTS, NULL };
    const struct settings *set = settings;
    struct app *a = calloc(1, sizeof(*a));

    if (!a)
        return RESULT_NO_MEMORY;
    a->service = s;
    a->newcomers = (unsigned)set->newcomers;
    a->purge_ms = boot_ms();
    a->rules_dir = set->rules;
    enum result r = service_config(s, &(struct config_file){ "rules", set->rules, RULES_SUFFIX, adopt_rules, a }, why);
    if (r) {
        free(a);
        return r;
    }
    r = durable_open(
        &(struct durable_options){
            .service = s, .pg_url_file = set->pg_url_file, .schema = "audit", .streams = STREAMS, .data_key = true,
            .connections = (unsigned)set->pg_connections, .opened = opened, .cookie = a,
        },
        &a->durable, why);
    if (r) {
        rule_set_free(a->rules);
        free(a);
        return r;
    }
    *state = a;
    return RESULT_OK;
}

static void ready(void *state, struct buffer *reasons)
{
    const struct app *a = state;
    const char *fault = a->auditor.leader ? leader_fault(a->auditor.leader) : NULL;

    durable_ready(a->durable, reasons);
    if (fault && buffer_printf(reasons, "log: %s\n", fault))
        log_error("audit.ready", LOG_RESULT(RESULT_NO_MEMORY));
}

/* ---- closing -------------------------------------------------------------------------------------------------- */

static void closed(void *cookie)
{
    struct app *a = cookie;
    struct service *s = a->service;

    leader_free(a->auditor.leader);
    alert_log_free(a->alerts);
    rule_set_free(a->rules);
    audit_keys_free(&a->auditor.keys);
    free(a);
    service_stopped(s);
}

static void close_store(struct app *a)
{
    a->stopped = false;
    a->closing = true;
    durable_close(a->durable, closed, a);
}

/* The ends of what the bus had to tell are on their way yet: the tick sees to the rest. */
static void leader_stopped(void *cookie)
{
    struct app *a = cookie;

    a->stopped = true;
    if (a->auditor.store.notices_out == 0)
        close_store(a);
}

static void stop(struct service *s, void *state)
{
    struct app *a = state;

    (void)s;
    if (a->auditor.leader)
        leader_stop(a->auditor.leader, leader_stopped, a);
    else
        leader_stopped(a);
}

int main(int argc, char **argv)
{
    static const struct feed_listener FEED = { on_batch, on_broken };
    const struct service_spec spec = {
        .name = "audit",
        .summary = "nothing happens unseen: a log that cannot be changed unnoticed",
        .settings = SETTINGS,
        .setting_count = sizeof(SETTINGS) / sizeof(SETTINGS[0]),
        .settings_size = sizeof(struct settings),
        .routes = audit_routes,
        .route_count = audit_route_count,
        .feed = &FEED,
        .own_event = own_event,
        .check = check_config,
        .start = start,
        .tick = tick,
        .tick_ms = TICK_MS,
        .ready = ready,
        .stop = stop,
    };

    return service_run(&spec, argc, argv);
}
