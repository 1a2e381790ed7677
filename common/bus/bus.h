/*
 * The Kafka side of a process: one consumer and one idempotent producer on a libuv loop. It consumes the
 * topics of a service, runs the receive order (receive.h), hands sound requests to handlers through the
 * routes, seals and sends replies, finishes offsets by delivery reports, writes dead letters, and sends events.
 *
 * All calls are made on the loop's thread. A service's main() gives it to common/service and never calls it.
 */
#ifndef HLIDKA_BUS_H
#define HLIDKA_BUS_H

#include "log.h"
#include "metrics.h"
#include "principals.h"
#include "receive.h"
#include "request.h"

struct uv_loop_s;
struct bus;

struct bus_options {
    const char *brokers;
    const char *prefix;                 /* of topics, "hlidka." */
    const char *service;                /* "ratelimit": our principal, our group, our request topic */
    const char *instance;               /* unique client.id */
    const char *principals_path;
    const char *key_path;
    const char *sign_path;              /* or NULL */
    const struct route *routes;
    size_t route_count;
    void *handler_cookie;               /* first argument of every handler */
    /* Asked before a message is taken: false pauses intake (a store is starting up). May be NULL. */
    size_t window;                      /* in flight per partition, 256 */
    size_t slow_max;                    /* slow ops per process, 64 */
    uint32_t ahead_ms, age_ms, ttl_max_ms;      /* receive.h */
    struct metrics *metrics;
};

/* Reads keys and principals, creates the Kafka clients. RESULT_BAD_CONFIG, RESULT_DENIED with `why`. */
MUST_USE enum result bus_new(struct uv_loop_s *loop, const struct bus_options *options, struct bus **out, struct buffer *why);

/* Subscribes. Messages flow from the loop's next turn on. */
MUST_USE enum result bus_start(struct bus *b, struct buffer *why);

/* Pauses and resumes intake as a whole (while a store is away and the service would rather wait). */
void bus_hold(struct bus *b, bool hold);

/* Re-reads principals and keys if their files changed; a bad file is refused whole, the old one stays. */
void bus_reload(struct bus *b);

/* NULL when ready, else one word for /readyz: `bus`, `topics`, `clock`, `principals`. `detail` names which and what. */
const char *bus_not_ready(struct bus *b, struct buffer *detail);

/*
 * Stops intake, lets handlers finish for at most drain_ms, commits, flushes, closes through the close queue,
 * then calls back. The bus is freed by bus_free after that.
 */
void bus_stop(struct bus *b, uint32_t drain_ms, void (*stopped)(void *cookie), void *cookie);
void bus_free(struct bus *b);

/*
 * Sends an event to audit, sealed; `n` is counted here. Never blocks: a full queue is counted
 * (hlidka_bus_events_dropped_total) and logged. body is the event's struct (proto event). key: the Kafka key.
 */
struct event;
void bus_event(struct bus *b, const struct event *event, struct bytes key);

#endif
