/*
 * What we know of topics: how many partitions each reply topic has, whether our own are there and set as they must
 * be. librdkafka's calls for that block, so they run on the thread pool, never more than one round at a time and one
 * a second; a message that needs to know more than the last round told is postponed until the next has ended.
 */
#ifndef HLIDKA_TOPICS_H
#define HLIDKA_TOPICS_H

#include "bytes.h"
#include "result.h"

#include <librdkafka/rdkafka.h>

struct buffer;
struct bus;
struct peer;
struct topics_round;

/* Without the first OWN_REQUIRED we are not ready. */
enum own_topic_kind {
    OWN_REQUESTS, OWN_DEAD, OWN_REVOCATIONS, OWN_EVENTS, OWN_ALERTS, OWN_CHECKPOINTS, OWN_TOPICS,
    OWN_REQUIRED = OWN_EVENTS
};

struct own_topic {
    char *name;                         /* NULL: the service has no such topic */
    rd_kafka_topic_t *handle;           /* the producer's; NULL while there is no such topic */
    uint32_t partitions;                /* 0: there is no such topic */
    char wrong[128];                    /* how its settings differ; empty: not at all, or not to be learned */
};

struct topics {
    struct own_topic own[OWN_TOPICS];
    struct topics_round *round;         /* under way */
    bool wanted;                        /* another, as soon as may be */
    bool known;                         /* one has succeeded */
    uint64_t started_ns, ended_ns;      /* CLOCK_BOOTTIME of the last round, and of the last that succeeded */
    uint64_t configs_ns;                /* … of the last look at settings */
    uint64_t rounds, failures;
};

MUST_USE enum result topics_init(struct bus *b);
/* No round may be under way. */
void topics_free(struct bus *b);
/* Destroys the handles: before the producer. */
void topics_release(struct bus *b);

/* Asks for fresh metadata; when it is there, what is postponed is judged again. */
void topics_refresh(struct bus *b);
/* Starts the rounds that are due. Once a second. */
void topics_tick(struct bus *b);

/* Whether what we know of a peer's reply topic is at most a second old. */
bool topics_fresh(const struct bus *b, const struct peer *peer);

/*
 * Opens the handle of a peer's reply topic when the first reply to it may come, false while there is no such topic. Not
 * before: at each of its turns librdkafka's thread looks at every partition of every topic that is open.
 */
bool topics_peer_open(struct bus *b, struct peer *peer);

/* NULL, or which of ours is missing or set otherwise, appended to detail. */
const char *topics_fault(const struct bus *b, struct buffer *detail);

#endif
