/*
 * What the instances of a service tell each other (protocol.md section 5): the topic <prefix><service>.revocations,
 * one partition, read from its end by every instance for itself. Revocations are written by the outbox; here they are
 * read, and heartbeats are sent and read back, by which an instance knows how fresh its knowledge is.
 *
 * It has a consumer of its own. The group's consumer is given its assignment by the group, drops what it has fetched
 * at each rebalance, and fetches revocations in the same response as a quarter megabyte of requests: a revocation is
 * not to wait for any of that. The handle has a group.id because librdkafka asks for one; it joins nothing and
 * commits nothing.
 *
 * The order of the partition carries the proof: who has read back a heartbeat has read everything before it. So what
 * may have been missed (before the first message, over a gap in the offsets, after an error, under a key of ours that is
 * not known here yet) is told as `lost`,
 * before anything that follows is.
 */
#ifndef HLIDKA_BROADCAST_H
#define HLIDKA_BROADCAST_H

#include "arena.h"
#include "buffer.h"
#include "heartbeats.h"

#include <librdkafka/rdkafka.h>
#include <uv.h>

struct auth_revoked;
struct bus;

/* Where all of it goes, whatever its key: an operator may have added partitions, which nobody reads. */
#define BROADCAST_PARTITION 0

/* Of a service that listens; called with the handlers' cookie, from the loop. */
struct broadcast_listener {
    /* An authentic one, of whichever instance, our own included. Borrowed for the call. */
    void (*revoked)(void *cookie, const struct auth_revoked *r);
    /* Revocations may have gone unread: what is held is to be forgotten, and what is being read with it. */
    void (*lost)(void *cookie);
};

struct broadcast {
    rd_kafka_t *rk;                     /* NULL: the service has no such topic */
    rd_kafka_queue_t *queue;
    uv_timer_t beat;
    int64_t next;                       /* the offset that follows what was read; -1: not known */
    uint64_t begun_ns;                  /* of the last assignment; 0: none yet */
    unsigned beats_out;                 /* without a report */
    struct heartbeats heartbeats;
    struct buffer body;                 /* of the message at hand */
    struct arena arena;
    uint64_t revocations, refused, lost, errors;
    double age_s;                       /* gauge */
};

/* Opens the consumer when the options name a listener. Errors as consumer_open. */
MUST_USE enum result broadcast_open(struct bus *b, struct buffer *why);
void broadcast_free(struct bus *b);

/* Begins at the end of the topic once that is known, and again when nothing has come back for 10 s. Once a second. */
void broadcast_tick(struct bus *b);
void broadcast_start(struct bus *b);
/* No more heartbeats: the bus stops. */
void broadcast_stop(struct bus *b);

/* Takes what has arrived, up to a bound; true when there may be more. */
bool broadcast_serve(struct bus *b);

/* A heartbeat's report. */
void broadcast_delivered(struct bus *b);

bool broadcast_fresh(const struct bus *b, uint64_t now_ns);

void broadcast_collect(struct bus *b);

#endif
