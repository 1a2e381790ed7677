/*
 * The life of a service: configure, start, serve, reload, drain, stop. main() is a table:
 *
 *     int main(int argc, char **argv)
 *     {
 *         static const struct service_spec SPEC = {
 *             .name = "ratelimit", .settings = SETTINGS, .setting_count = …,
 *             .routes = ratelimit_routes, …, .start = start, .stop = stop,
 *         };
 *         return service_run(&SPEC, argc, argv);
 *     }
 *
 * Order: --help/--version/--check-config/--health; settings, log, core dumps off, libsodium, metrics; spec->start (opens the
 * stores); bus; admin listener; loop. SIGTERM and SIGINT drain: /readyz says `draining`, intake stops, what was begun
 * ends, offsets are committed, spec->stop closes the stores, exit 0 in under 10 s (an alarm sees to it). SIGHUP, or a
 * change of the principals or of a file of service_config (looked at every second), reloads. A second SIGTERM or SIGINT exits
 * at once.
 *
 * Exit codes: 0 stopped as asked, 1 could not start, lost something vital or did not stop in time, 2 bad
 * configuration (the message on stderr names the culprit).
 */
#ifndef HLIDKA_SERVICE_H
#define HLIDKA_SERVICE_H

#include "bus.h"
#include "config_files.h"
#include "env.h"

struct uv_loop_s;
struct service;

#ifndef HLIDKA_VERSION
#define HLIDKA_VERSION "0.1.0"
#endif

struct service_spec {
    const char *name;
    const char *summary;                        /* a line for --help */
    const struct env_setting *settings;         /* its own, beside the common ones */
    size_t setting_count;
    size_t settings_size;                       /* of the struct that they fill */
    const struct route *routes;
    size_t route_count;
    const struct broadcast_listener *listener;  /* NULL: no topic of revocations (broadcast.h) */
    const struct feed_listener *feed;           /* NULL: does not read the topic of events (feed.h) */
    void (*own_event)(void *state, const struct audit_event *event);    /* NULL: sent to audit (bus.h) */
    uint32_t ahead_ms, age_ms, ttl_max_ms;      /* receive.h; 0 is the contract's default */

    /* For --check-config: whether what the settings name can be used, mistakes in `why`. Opens no store. May be NULL. */
    enum result (*check)(const void *settings, struct buffer *why);
    /*
     * Opens stores, loads policies; on failure it has left nothing open. settings are filled. *state is the handlers'
     * cookie. `why` for the operator.
     */
    enum result (*start)(struct service *s, const void *settings, void **state, struct buffer *why);
    /*
     * Called every tick_ms, from start() on until service_stopped(): after stop(), for those whose end waits for something.
     * May be NULL.
     */
    void (*tick)(void *state);
    uint32_t tick_ms;
    /* Appends "word: detail\n" for each reason not to be ready. May be NULL. */
    void (*ready)(void *state, struct buffer *reasons);
    /*
     * It is to stop; the bus still sends. What was held back to be told later is told now, and what comes from here on at
     * once. May be NULL.
     */
    void (*drain)(void *state);
    /*
     * Closes the stores: whatever handlers wait for fails or ends. Calls service_stopped(s) when that is done, at once
     * or later, and has then freed state. May be NULL when there is nothing to close.
     */
    void (*stop)(struct service *s, void *state);
};

/* Gives itself up (a lost lease, a store that is not ours): drains as by SIGTERM, exit 1. */
void service_give_up(struct service *s, const char *why);

int service_run(const struct service_spec *spec, int argc, char **argv);

/* For start(): what a service needs to open its stores. */
struct uv_loop_s *service_loop(struct service *s);
struct metrics *service_metrics(struct service *s);
struct bus *service_bus(struct service *s);     /* NULL until start() has returned */
const char *service_instance(const struct service *s);
/* Instances of this service last seen in the group, at least 1. */
unsigned service_instances(const struct service *s);
/* While held, no message is taken in: they wait within their deadlines. For start() and later. */
void service_hold(struct service *s, bool hold);
/* What it takes to be a client of other services as this one. Borrowed for the life of the service. */
struct service_identity {
    const char *brokers, *prefix, *principals, *key_file;
};
struct service_identity service_identity(const struct service *s);
/* For start(): loads it, and again when it changes (config_files.h). Nothing is loaded any more when the service stops. */
MUST_USE enum result service_config(struct service *s, const struct config_file *file, struct buffer *why);
void service_stopped(struct service *s);

#endif
