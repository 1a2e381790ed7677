/*
 * The end of a bus, step by step on the loop, each with a bound (bus_stop):
 *
 *     DRAINING    intake paused; until nothing is in flight, at most drain_ms
 *     LEAVING     the consumer closes through its queue, committing; at most 3 s
 *     FLUSHING    the producer's last messages; at most 2 s, then they are purged
 *     CLOSED      nothing is sent any more; the handles are destroyed on the thread pool, which may block
 */
#ifndef HLIDKA_CLOSING_H
#define HLIDKA_CLOSING_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct bus;

enum bus_state { BUS_NEW, BUS_RUNNING, BUS_DRAINING, BUS_LEAVING, BUS_FLUSHING, BUS_CLOSED };

struct closing {
    uint64_t until_ns;                  /* of the present step */
    rd_kafka_queue_t *queue;            /* where the consumer's last events come */
    bool purged;
    uv_work_t destroy;
    bool destroying;
    unsigned handles;                   /* still to be closed */
    void (*stopped)(void *cookie);
    void *cookie;
};

void closing_begin(struct bus *b, uint32_t drain_ms, void (*stopped)(void *cookie), void *cookie);

/* Goes as far as can be gone now; from the loop, often. */
void closing_step(struct bus *b);

#endif
