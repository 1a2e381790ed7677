/*
 * The producer: every message that leaves is a delivery, sent without copying and kept until its report. A report,
 * good or bad, finishes the offset of the message that gave rise to it: a dead reply topic holds up nobody.
 */
#ifndef HLIDKA_PRODUCER_H
#define HLIDKA_PRODUCER_H

#include "buffer.h"

#include <librdkafka/rdkafka.h>
#include <uv.h>

struct bus;
struct partition;

enum delivery_kind { DELIVERY_REPLY, DELIVERY_DEAD, DELIVERY_EVENT, DELIVERY_HEARTBEAT, DELIVERY_OUTBOX, DELIVERY_KINDS };

struct delivery {
    struct delivery *next;              /* in the free list, or waiting for the turn's end or for room */
    enum delivery_kind kind;
    struct partition *partition;        /* whose offset is finished by the report; NULL: none */
    int64_t offset;
    bool of_feed;                       /* a letter whose report the feed waits for */
    rd_kafka_topic_t *topic;            /* borrowed */
    int32_t to;                         /* a partition, or RD_KAFKA_PARTITION_UA: by the key */
    rd_kafka_headers_t *headers;        /* owned until librdkafka takes it */
    /* DELIVERY_OUTBOX: whom to tell. */
    void (*reported)(void *cookie, int64_t number, bool delivered);
    void *reported_cookie;
    int64_t number;
    struct buffer key;
    struct buffer value;
};

struct producer {
    rd_kafka_t *rk;
    struct delivery *free;
    unsigned free_count;
    struct delivery *waiting, **waiting_last;
    uv_prepare_t turn;                  /* runs when something may leave: before the loop sleeps it does */
    size_t out;                         /* deliveries without a report */
    size_t events_out;
    uint64_t sent[DELIVERY_KINDS];
    uint64_t failed[DELIVERY_KINDS];
    double queued;                      /* gauge */
};

MUST_USE enum result producer_open(struct bus *b, struct buffer *why);
void producer_loop(struct bus *b);      /* its handle of the loop, which closing.c closes */

/* Empty; NULL without memory. */
struct delivery *delivery_new(struct bus *b, enum delivery_kind kind);
/* One that was not sent. */
void delivery_drop(struct bus *b, struct delivery *d);

/*
 * Takes d. Never blocks. It leaves at the end of the loop's turn, with all others of that turn at once: librdkafka's
 * thread sends what it finds, and would find them one by one. What its queue has no room for waits for the next report.
 */
void delivery_send(struct bus *b, struct delivery *d);

/* Takes d, or not at all: RESULT_FULL when it would have to wait, RESULT_UNAVAILABLE. */
MUST_USE enum result delivery_try(struct bus *b, struct delivery *d);

/* Takes reports and log lines. From the loop only. */
void producer_serve(struct bus *b);

/* For the end, when reports have ceased: frees the free list and what still waits. */
void producer_free(struct bus *b);

#endif
