/*
 * The partitions of the request topic that are ours: what is in flight of each, up to where each is finished, and
 * which are paused. A partition outlives its assignment until its last message has ended; only while it is assigned
 * are its offsets stored.
 *
 * Each is read from a queue of its own, and paused is one whose queue is left alone: librdkafka fetches ahead up to
 * queued.max.messages.kbytes and then ceases by itself. Its own pause would throw away what was fetched and go on
 * after 0.1 to 1 s: a partition with more to do than its window would do a fifth of what it can.
 */
#ifndef HLIDKA_PARTITIONS_H
#define HLIDKA_PARTITIONS_H

#include "bytes.h"
#include "result.h"
#include "unreadable.h"

#include <librdkafka/rdkafka.h>

struct bus;
struct watermark;

struct partition {
    int32_t id;
    unsigned refs;                      /* the assignment, and each message in flight */
    bool assigned;                      /* false: finishes no longer store offsets */
    bool full;                          /* found without room, and not looked at since */
    bool behind;                        /* was left alone, and has not been read to its end since */
    bool dirty;                         /* in the list of those that may have an offset to store */
    bool anchored;                      /* where it began is committed */
    size_t slow;                        /* slow ops at work */
    int64_t stored;                     /* the last offset stored; -1: none */
    int64_t news;                       /* the first offset that did not wait for us in Kafka; -1: not known yet */
    struct unreadable unreadable;
    struct watermark *watermark;
    rd_kafka_queue_t *queue;            /* what librdkafka has fetched of it; while assigned */
    rd_kafka_message_t *kept;           /* read, and there was no room or no memory to begin it: the next to be begun */
    rd_kafka_topic_partition_list_t *self;      /* a list of this one alone, for librdkafka's calls; while assigned */
    struct partition *next_dirty;
};

struct partitions {
    struct partition **by_id;           /* NULL where not ours */
    size_t room;
    unsigned assigned;
    size_t turn;                        /* which is read first */
    struct partition *dirty;
    size_t in_flight;                   /* messages begun and not finished, of partitions that have left us too */
    bool leaving;                       /* being revoked: nothing new is begun */
    bool hold;
    uint64_t pauses;
    double paused_now, assigned_now, in_flight_now, lag_now;    /* gauges */
};

/* The new assignment; the one before has ended. A partition for which there is no memory is taken out of list. */
void partitions_assign(struct bus *b, rd_kafka_topic_partition_list_t *list);
/* Stores what can be stored (unless lost) and forgets the assignment; what is in flight goes on. */
void partitions_unassign(struct bus *b, bool lost);

/* NULL: not ours, or leaving. */
struct partition *partitions_find(const struct bus *b, int32_t id);

/* Whether one more of it may be begun, by its window, the bound of the process, a hold and a revocation. */
bool partition_roomy(struct bus *b, struct partition *p);

/* RESULT_FULL, RESULT_NO_MEMORY: to be tried again later. */
MUST_USE enum result partition_begin(struct bus *b, struct partition *p, int64_t offset);

/*
 * Whether that offset lay in Kafka when we began to read, or waited while its partition was left alone: its lateness then
 * says nothing about its sender's clock.
 */
bool partition_waited(struct bus *b, struct partition *p, int64_t offset);

/* The end of a message; the caller's pointer to p is no longer valid. */
void partition_finish(struct bus *b, struct partition *p, int64_t offset);
/* The end of one that is not finished and will be delivered again, to us or to others. */
void partition_abandon(struct bus *b, struct partition *p);

/* Its queue has been read to its end. */
void partition_caught_up(struct partition *p);

/* Goes on at that offset. */
void partition_seek(struct bus *b, struct partition *p, int64_t offset);

/* Pauses or resumes all of them. */
void partitions_hold(struct bus *b, bool hold);

/* Hands the offsets that have become storable to librdkafka, which commits them every half second. */
void partitions_store(struct bus *b);

void partitions_collect(struct bus *b);
void partitions_free(struct bus *b);

#endif
