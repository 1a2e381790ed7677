/* The feed from the inside (api/feed.h): its consumer, the batch being filled and the one in its listener's hands. */
#ifndef HLIDKA_FEED_INTERNAL_H
#define HLIDKA_FEED_INTERNAL_H

#include "arena.h"
#include "buffer.h"
#include "feed.h"
#include "unreadable.h"

#include <librdkafka/rdkafka.h>

#define NOT_MOVED INT64_MIN

struct filling {
    struct feed_item items[FEED_BATCH_MAX];
    struct buffer bodies[FEED_BATCH_MAX];   /* of the items; their memory is kept */
    rd_kafka_message_t *messages[FEED_BATCH_MAX];
    size_t count;
    size_t bytes;
    struct arena arena;                     /* what the items' events consist of */
    struct feed_offset *offsets;            /* one a partition, by its number; next is NOT_MOVED until it has */
    size_t moved;
    struct feed_gap *gaps;                  /* at most one a partition */
    size_t gap_count;
};

struct feed_partition {
    int64_t next;                           /* the offset that is expected, or FEED_OLDEST */
    struct unreadable unreadable;
};

struct feed {
    rd_kafka_t *rk;                         /* NULL: the service reads no events */
    rd_kafka_queue_t *queue;
    rd_kafka_topic_partition_list_t *commits;   /* for lag tools, once a second */
    char *group;
    bool wanted;                            /* to be begun at `from` as soon as the topic is known */
    bool running;
    bool busy;                              /* a batch is in the listener's hands */
    bool broken;                            /* the listener is to be told */
    bool jumped;                        /* a partition begins anew elsewhere: all are to be assigned again */
    size_t batch_max, least;                /* of the batch that is filling: it is full; it may be handed over */
    size_t letters_out;                     /* dead letters without a report */
    struct feed_offset *from;               /* as given to feed_begin */
    size_t from_count;
    struct feed_partition *partitions;
    size_t partition_count;
    struct filling *fill, *given;
    struct feed_batch batch;                /* as the listener has it, of what is in given */
    struct feed_offset *offsets;            /* of the batch given, without those that have not moved */
    uint64_t items, gaps, errors, skipped, batches;
    double lag;                             /* gauge */
};

/* Opens the consumer when the options name a listener. Errors as consumer_open. */
MUST_USE enum result feed_open(struct bus *b, struct buffer *why);
void feed_free(struct bus *b);

/* Once a second. */
void feed_tick(struct bus *b);

/* Takes what has arrived, up to a bound; true when there may be more. */
bool feed_serve(struct bus *b);

/* A dead letter's report. */
void feed_letter_reported(struct bus *b);

void feed_collect(struct bus *b);

#endif
