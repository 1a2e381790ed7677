/*
 * The Kafka side of a process: one consumer and one producer on a libuv loop. It consumes the
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
struct audit_event;
struct broadcast_listener;
struct feed_listener;

/* All borrowed for the life of the bus; 0 is the default that the comment names. */
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
    const struct broadcast_listener *listener;  /* NULL: the service has no topic of revocations (broadcast.h) */
    const struct feed_listener *feed;   /* NULL: the service does not read the topic of events (feed.h) */
    /* Where events of our own go instead of to that topic; NULL: there. Of the service that keeps them. */
    void (*own_event)(void *cookie, const struct audit_event *event);
    /* librdkafka has given up for good: nothing is taken in or answered any more. A new process is the way out. Or NULL. */
    void (*lost)(void *cookie, const char *why);
    void *lost_cookie;
    size_t window;                      /* in flight per partition, 512 */
    size_t slow_max;                    /* slow ops per process, 64 */
    uint32_t ahead_ms, age_ms, ttl_max_ms;      /* receive.h */
    struct metrics *metrics;
};

/* Reads keys and principals, creates the Kafka clients. RESULT_BAD_CONFIG, RESULT_DENIED with `why`. */
MUST_USE enum result bus_new(struct uv_loop_s *loop, const struct bus_options *options, struct bus **out, struct buffer *why);

/*
 * Asks for the metadata of all topics that matter; once that is known it joins the group, and messages flow. Until
 * then bus_not_ready says `bus`. RESULT_INTERNAL.
 */
MUST_USE enum result bus_start(struct bus *b, struct buffer *why);

/* Pauses and resumes intake as a whole (while a store is away and the service would rather wait). */
void bus_hold(struct bus *b, bool hold);

/* Re-reads principals and keys if their files changed; a bad file is refused whole, the old one stays. */
void bus_reload(struct bus *b);

/* NULL when ready, else one word for /readyz: `bus`, `topics`, `clock`, `principals`. `detail` names which and what. */
const char *bus_not_ready(struct bus *b, struct buffer *detail);

/*
 * Live instances of this service in its group, at least 1, by our share of the request topic: 12 partitions of which
 * 4 are ours are 3 instances. An estimate: shares differ by one, and an instance without partitions is not seen.
 */
unsigned bus_instances(const struct bus *b);

/*
 * Whether all revocations that any instance had written a second ago have been read here and told to the listener:
 * what is held in memory may be answered from. To be asked last, when the answer is there to be sealed.
 */
bool bus_fresh(const struct bus *b);

/*
 * Stops intake, lets handlers finish for at most drain_ms, commits, flushes, closes through the close queue,
 * then calls back: drain_ms and 5 s in all. What handlers answer later goes nowhere: its offset is not committed, so
 * another instance will be given it. The bus is freed by bus_free after that, when no handler holds a request.
 */
void bus_stop(struct bus *b, uint32_t drain_ms, void (*stopped)(void *cookie), void *cookie);
void bus_free(struct bus *b);

/*
 * Sends an event to audit, sealed; `n` is counted here. Never blocks: what a full queue has no room for is counted
 * (hlidka_bus_events_dropped_total), logged, and a hole in `n`, of which audit makes a log.gap. key: the Kafka key (the user_id, else the hashed ip, else our
 * name). Without a principal `audit` it is only counted. Where the options have own_event, that is told instead.
 */
void bus_event(struct bus *b, const struct audit_event *event, struct bytes key);

/* Tells audit that another version of a file is in force, by `config.changed`; file is what operators call it. */
void bus_config_changed(struct bus *b, struct text file, const uint8_t sha256[32]);

/*
 * Ed25519 by the first of our signing keys, as it is now, over context ‖ body (alerts, checkpoints). RESULT_NOT_FOUND:
 * we have none.
 */
MUST_USE enum result bus_sign(const struct bus *b, struct text context, struct bytes body, uint8_t key_id[8], uint8_t sig[64]);

/* ---- for the outbox: messages that were decided earlier, with the ids that they were given then ---- */

enum publication {
    PUBLISH_EVENT,                      /* sealed to audit, on audit's events */
    PUBLISH_REVOCATION,                 /* sealed to ourselves, on our revocations */
    PUBLISH_ALERT,                      /* audit alone: a whole value, as it is */
    PUBLISH_CHECKPOINT,
};

struct bus_message {
    enum publication kind;
    struct uuid id;                     /* sealed kinds */
    struct text trace;                  /* of the request that gave rise to it, or none */
    struct bytes key;                   /* Kafka key */
    struct bytes body;                  /* plain; of the last two kinds the value itself */
};

/*
 * RESULT_OK: `reported` follows, once, never from within; nothing is kept of m. RESULT_UNAVAILABLE (no topic, no
 * receiver, the bus is closing), RESULT_FULL: later. RESULT_TOO_LARGE, RESULT_NO_MEMORY, RESULT_CRYPTO.
 */
typedef void bus_reported(void *cookie, int64_t number, bool delivered);
MUST_USE enum result bus_publish(struct bus *b, const struct bus_message *m, bus_reported *reported, void *cookie,
                                 int64_t number);

#endif
