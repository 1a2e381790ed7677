/*
 * A topic of events in memory, read by a leader as it would read Kafka's: from the offsets it is given, in batches, the
 * next when it asks.
 */
#ifndef HLIDKA_AUDIT_FEED_H
#define HLIDKA_AUDIT_FEED_H

#include "audit.h"
#include "leader.h"

#define AUDIT_FEED_PARTITIONS 3
#define AUDIT_FEED_EVENTS 4096

struct audit_topic {
    struct feed_item items[AUDIT_FEED_PARTITIONS][AUDIT_FEED_EVENTS];
    char bodies[AUDIT_FEED_PARTITIONS][AUDIT_FEED_EVENTS][64];
    size_t count[AUDIT_FEED_PARTITIONS];
};

struct audit_feed {
    const struct audit_topic *topic;
    struct leader *leader;
    bool running, busy, gap;            /* gap: the next batch tells of one in partition 0 */
    size_t batch_max, least;
    int64_t at[AUDIT_FEED_PARTITIONS], stored[AUDIT_FEED_PARTITIONS];
    struct feed_item items[FEED_BATCH_MAX];
    struct feed_offset offsets[AUDIT_FEED_PARTITIONS];
    struct feed_batch batch;
    unsigned begun, batches, rejected;
    int64_t rejected_at;
};

/* For leader_options.feed. */
struct leader_feed audit_feed_hooks(struct audit_feed *f);

/* Hands over what there is, if it is wanted. */
void audit_feed_pump(struct audit_feed *f);

/* One more event of that type and user ("" for none) from src; what it points to lives for ever. */
struct feed_item *audit_topic_add(struct audit_topic *t, unsigned partition, const char *src, const char *type, const char *user);

#endif
