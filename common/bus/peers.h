/*
 * What the bus keeps of every principal by name, across reloads of the file: where its replies go, how far its
 * clock is off, what came too late. A peer is never taken away: the table is bounded, and its numbers are metrics.
 */
#ifndef HLIDKA_PEERS_H
#define HLIDKA_PEERS_H

#include "clock_watch.h"
#include "metrics.h"
#include "principals.h"

#include <librdkafka/rdkafka.h>

#define PEERS_MAX 512u

struct peer {
    struct peer *next;
    char name[ENVELOPE_NAME_MAX + 1];
    char *reply_topic;                  /* <prefix>replies.<name> */
    uint32_t partitions;                /* of it, by the last metadata; 0 when there is no such topic */
    uint64_t checked_ns;                /* CLOCK_BOOTTIME of that metadata; 0 before the first */
    rd_kafka_topic_t *handle;           /* the producer's; NULL until a reply may come */
    struct clock_watch clock;
    double skew_s;                      /* gauge, from clock */
    uint64_t expired;
};

struct peers {
    struct peer *first;
    struct peer **last;
    unsigned count;
    struct text prefix;
    struct metrics *metrics;            /* may be NULL */
};

void peers_init(struct peers *ps, struct text prefix, struct metrics *metrics);

/* The peer of that name, made when it is new. RESULT_FULL over PEERS_MAX, RESULT_NO_MEMORY, RESULT_OUT_OF_RANGE. */
MUST_USE enum result peers_add(struct peers *ps, struct text name, struct peer **out);

/* By its reply topic, which is a peer's text; NULL when it is nobody's. */
struct peer *peers_by_topic(const struct peers *ps, struct text topic);

/* Gauges; called before each print of the metrics. */
void peers_collect(struct peers *ps);

/* Destroys the handles: before the producer. */
void peers_release(struct peers *ps);
void peers_free(struct peers *ps);

#endif
