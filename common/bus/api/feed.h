/*
 * The feed of events: one process reads all partitions of <prefix>audit.events, without a group, from offsets that it
 * keeps in its own store, and is given what arrives in batches.
 *
 *     feed_begin(bus, offsets, count, FEED_BATCH_MAX)
 *         batch(cookie, batch)             its items borrowed until …
 *     feed_next(bus, FEED_BATCH_MAX, 0)    … here; the next batch, which has gathered meanwhile, follows
 *         … items and offsets are stored, in one transaction …
 *     feed_stored(bus, offsets, count)     for whoever looks how far it has come
 *     feed_end(bus)                        at any time: nothing more comes, whatever is borrowed is gone
 *
 * Each message has gone through the receive order (receive.h): items are authentic, granted, and decoded. What is not is
 * dead-lettered; a batch is handed over when the letters of its messages have been reported, so offsets that are stored
 * with it are finished. Within a partition items come in its order, and once, as long as the offsets given were right.
 *
 * Memory is bounded: two batches of at most FEED_BATCH_MAX items and about FEED_BATCH_BYTES, and what librdkafka fetches
 * ahead (queued.max.messages.kbytes), which it stops doing while nothing is taken from it.
 */
#ifndef HLIDKA_FEED_H
#define HLIDKA_FEED_H

#include "bytes.h"
#include "uuid.h"

struct audit_event;
struct bus;

#define FEED_BATCH_MAX   2048u
#define FEED_BATCH_BYTES (2u << 20)
#define FEED_OLDEST      (-2)           /* as an offset: the oldest that there is */

struct feed_item {
    int32_t partition;
    int64_t offset;
    struct uuid id;
    struct text src;
    bool has_n;
    uint8_t n_instance[8];
    uint64_t n;
    /* NULL: authentic, but dead-lettered; it is here because its `n` has been seen. */
    const struct audit_event *event;
    struct bytes body;                      /* the bytes that event was decoded from */
};

struct feed_offset {
    int32_t partition;
    int64_t next;                           /* everything below is in this batch or an earlier one; or FEED_OLDEST */
};

/* The broker no longer has what was to be read next: it goes on with the oldest that there is, and the offset says so. */
struct feed_gap {
    int32_t partition;
    int64_t from;
};

struct feed_batch {                         /* never empty as a whole; any of the lists may be */
    const struct feed_item *items;
    size_t count;
    const struct feed_offset *offsets;      /* of the partitions that have moved */
    size_t offset_count;
    const struct feed_gap *gaps;
    size_t gap_count;
};

/* Of the service that reads; called from the loop, never from within a call of the feed, with the handlers' cookie. */
struct feed_listener {
    void (*batch)(void *cookie, const struct feed_batch *batch);
    /* It cannot go on as it was begun (the topic has more partitions now, no memory); it has ended, begin again. */
    void (*broken)(void *cookie);
};

/*
 * Partitions that have no offset are read from their beginning. Ends what was begun before; waits by itself until the
 * broker has been asked how many partitions there are. batch_max: items of a batch, 1 … FEED_BATCH_MAX.
 */
void feed_begin(struct bus *b, const struct feed_offset *offsets, size_t count, size_t batch_max);
/*
 * The batch in hand, if there is one, is given back. The next waits until it has `least` items or is full: for one who has
 * enough to do. May be called again, with another `least`.
 */
void feed_next(struct bus *b, size_t batch_max, size_t least);
void feed_end(struct bus *b);

/* What was in batches up to here is stored: the group's offsets, which lag tools read. Nothing of ours does. */
void feed_stored(struct bus *b, const struct feed_offset *offsets, size_t count);

/* An item of the batch in hand that its receiver cannot keep is dead-lettered after all, as `invalid_event`. */
void feed_reject(struct bus *b, const struct feed_item *item);

/* Messages in Kafka that have not been handed over. */
uint64_t feed_lag(const struct bus *b);

#endif
