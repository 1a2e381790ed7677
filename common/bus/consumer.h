/*
 * The consumer: its place in the group, the drain of what has arrived, rebalances, errors.
 *
 * A revocation waits a moment for what is in flight, so that a planned change of instances answers each request
 * once: work that takes longer goes on, is answered, and is also delivered to the partition's next owner.
 */
#ifndef HLIDKA_CONSUMER_H
#define HLIDKA_CONSUMER_H

#include "buffer.h"

#include <librdkafka/rdkafka.h>

struct bus;

struct consumer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;            /* what rd_kafka_consumer_poll serves */
    bool joined;                        /* has had an assignment since the group last lost us */
    bool down;                          /* no broker is reachable */
    bool leaving_lost;
    uint64_t leave_by_ns;               /* when a revocation waits no longer */
    uint64_t rebalances;
    uint64_t errors;
    uint64_t skipped;                   /* offsets passed by a seek because they could not be read */
};

MUST_USE enum result consumer_open(struct bus *b, struct buffer *why);
MUST_USE enum result consumer_subscribe(struct bus *b, struct buffer *why);

/* Takes what has arrived, up to a bound of number and time; true when there may be more. */
bool consumer_serve(struct bus *b);

/* Ends a revocation that waits, when it need wait no longer. */
void consumer_leave_if_due(struct bus *b);

#endif
