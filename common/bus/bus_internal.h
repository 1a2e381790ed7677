/* What the parts of the bus share. Nobody outside common/bus includes this. */
#ifndef HLIDKA_BUS_INTERNAL_H
#define HLIDKA_BUS_INTERNAL_H

#include "broadcast.h"
#include "bus.h"
#include "closing.h"
#include "consumer.h"
#include "copies.h"
#include "dead_queue.h"
#include "dispatch.h"
#include "events.h"
#include "feed_internal.h"
#include "identity.h"
#include "partitions.h"
#include "peers.h"
#include "producer.h"
#include "request_internal.h"
#include "stats.h"
#include "topics.h"

#include <uv.h>

#define NS_PER_MS UINT64_C(1000000)

struct bus {
    uv_loop_t *loop;
    struct bus_options options;
    struct identity_files files;
    struct text self, prefix;
    char *group;
    const char *request_topic;
    enum bus_state state;

    uv_async_t wake;                    /* librdkafka has something for us */
    uv_timer_t tick;
    bool lost, lost_told;               /* librdkafka has given up for good */
    bool hurry;                         /* the timer runs in short steps */
    uint64_t second_ns;                 /* when the once-a-second work was done last */

    struct identity *identity;          /* in force */
    uint64_t reload_said;               /* said.h: of what was refused on disk */
    struct peers peers;
    struct topics topics;
    struct consumer consumer;
    struct partitions partitions;
    struct producer producer;
    struct requests requests;
    struct copies copies;
    struct postponed postponed;
    struct dead_queue dead;
    struct events events;
    struct broadcast broadcast;
    struct feed feed;
    struct stats stats;
    struct closing closing;

    /* Of the message at hand. */
    struct receiver receiver;
    struct verdict verdict;
    const struct peer *asked;           /* whose reply topic the receive order asked for */
    char trace[ENVELOPE_TRACE_MAX];
    size_t trace_len;
};

/* Log lines and events carry this trace from here on; empty: none. */
void bus_trace(struct bus *b, struct text trace);

/* Something waits for less than a second. */
void bus_hurry(struct bus *b);

/* The metadata is known: messages may come. */
void bus_join(struct bus *b);

/* librdkafka's callback of a queue that is no longer empty: wakes the loop. */
void bus_on_queue(rd_kafka_t *rk, void *opaque);

/* librdkafka's error_cb of both handles. */
void bus_on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque);

#endif
