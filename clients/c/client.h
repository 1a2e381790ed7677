/*
 * Inside of libhlidka: the client that its files share. Everything here runs on the loop's thread, except the two
 * pieces of work that reader.c and close.c give to the thread pool.
 */
#ifndef HLIDKA_CLIENT_H
#define HLIDKA_CLIENT_H

#include <librdkafka/rdkafka.h>
#include <uv.h>

#include "accept.h"
#include "arena.h"
#include "burst.h"
#include "credentials.h"
#include "due.h"
#include "hashmap.h"
#include "hlidka.h"
#include "retry.h"
#include "route_key.h"

#define CLIENT_TOPIC_MAX   249u                 /* Kafka's bound on a topic's name */
#define CLIENT_BODIES_MAX  (128u << 20)         /* bytes of all bodies in flight */
#define CLIENT_TICK_MS     1000u
#define CLIENT_SERVICES    4u

struct hlidka_call {
    struct due_entry due;                       /* first member: an entry is its call */
    struct uuid id;
    struct asked asked;                         /* texts lie in op */
    char op[ENVELOPE_OP_MAX + 1];
    char trace[ENVELOPE_TRACE_MAX + 1];
    uint8_t *body;                              /* owned, wiped */
    size_t body_len;
    struct route_key key;
    rd_kafka_topic_t *topic;                    /* borrowed of the client */
    struct retry retry;
    bool is_signed;
    unsigned sends;
    unsigned refusals;                          /* 503s that came */
    struct buffer refusal;                      /* body of the last one */
    hlidka_done done;
    void *cookie;
};

/* A topic of which one partition, or every one, is read from where it ends now (reader.c). */
struct reader {
    struct hlidka *client;
    char topic[CLIENT_TOPIC_MAX + 1];
    bool every;                                 /* partition; else one that `draw` picks */
    uint32_t draw;
    rd_kafka_topic_t *handle;
    uv_work_t work;
    bool looking;                               /* the work is in the pool: the members below are its own */
    bool attached;
    int32_t first, count;                       /* partitions */
    int64_t *ends;                              /* owned: where each ends */
    char why[CLIENT_TOPIC_MAX + 256];
    uint64_t next_look_ms;
    uint32_t backoff_ms;
    uint64_t failing_since_ms;                  /* an error that repeats, with nothing read meanwhile; 0: none */
};

enum client_state { CLIENT_OPEN, CLIENT_DRAINING, CLIENT_DESTROYING };

struct hlidka {
    uv_loop_t *loop;
    uv_async_t wake;
    uv_timer_t timer;
    unsigned handles;                           /* not yet closed */
    enum client_state state;
    struct arena settings;                      /* copies of the options' texts */
    const char *prefix;
    struct text self;
    struct credential_files files;
    struct credentials credentials;
    void (*ready)(void *cookie);
    void (*notice)(void *cookie, const char *text);
    void *cookie;

    rd_kafka_t *producer, *consumer;
    rd_kafka_queue_t *producer_queue, *consumer_queue;  /* their own events: reports, errors, log lines */
    rd_kafka_queue_t *messages;                 /* of all readers */
    rd_kafka_topic_t *request_topics[CLIENT_SERVICES];  /* held so that the producer knows them from the start */
    rd_kafka_topic_t *events_topic;             /* its messages wait longer for a broker than requests do */
    struct reader replies, alerts;              /* alerts.client is NULL unless asked for */

    struct hashmap *calls;                      /* by id */
    struct due due;
    size_t bodies;                              /* bytes */
    uint64_t tick_ms;                           /* the next */
    struct burst burst;
    struct buffer value, body;                  /* scratch: the message being sent, the one being opened */
    struct arena arena;                         /* what is decoded of the latter */
    uint8_t instance[8];
    uint64_t n;                                 /* of the next event */
    hlidka_alerted alerted;
    void *alert_cookie;
    struct hlidka_stats stats;

    uint64_t drain_until_ms;
    uv_work_t destroy;
    void (*closed)(void *cookie);
    void *closed_cookie;
};

uint64_t client_now_ms(void);
void client_notice(struct hlidka *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The timer goes off when the next thing is due. */
void client_arm(struct hlidka *c);

/* kafka.c: both handles. RESULT_BAD_CONFIG, RESULT_NO_MEMORY with `why`. */
MUST_USE enum result client_kafka_open(struct hlidka *c, const struct hlidka_options *o, struct buffer *why);
void client_kafka_watch(struct hlidka *c);      /* from here on their queues wake the loop */
void client_kafka_destroy(struct hlidka *c);    /* blocks: for the pool, or when nothing was ever sent */
void client_kafka_serve(struct hlidka *c);      /* reports, errors, log lines */
rd_kafka_topic_t *client_kafka_requests(struct hlidka *c, struct text service);   /* NULL: no such service */
enum client_private { PRIVATE_REQUEST, PRIVATE_EVENT };         /* what a delivery report is about */

/* reader.c */
MUST_USE enum result reader_open(struct reader *r, struct hlidka *c, const char *topic, bool every);
void reader_tick(struct reader *r, uint64_t now_ms);            /* looks (again) for the partitions when it is time */
void reader_failed(struct reader *r, const rd_kafka_message_t *m);
void reader_destroy(struct reader *r);          /* blocks a little */

/* All that a call or a send draws. */
struct call_draw {
    uint8_t nonce[ENVELOPE_NONCE_LEN];
    uint8_t id[10];
    uint8_t key[8];
    uint32_t jitter;
};

/* call.c */
MUST_USE enum result call_seal(struct hlidka *c, const struct hlidka_call *call, uint64_t now_ms,
                               const struct call_draw *draw);         /* into c->value */
/* Sends now, and sets when to look at the call again. A send that fails here is one that was lost on the way. */
void call_send(struct hlidka *c, struct hlidka_call *call, uint64_t now_ms, const struct call_draw *draw);
/* No room for it in librdkafka's queue: one that was lost on the way, tried again soon. */
void call_unsent(struct hlidka *c, const struct uuid *id);
void call_free(struct hlidka_call *call);       /* one that is in no table */
void call_send_waiting(struct hlidka *c);       /* our partition has been found: what waited for it goes out */
void call_take_reply(struct hlidka *c, struct bytes value);
void call_serve_due(struct hlidka *c, uint64_t now_ms);
void call_end_all(struct hlidka *c);            /* with HLIDKA_CLOSED */

/* alert.c */
void alert_take(struct hlidka *c, struct bytes value);

/* close.c */
void client_drain(struct hlidka *c, uint64_t now_ms);
void client_free(struct hlidka *c);             /* what hlidka_open made, handles excepted */

#endif
