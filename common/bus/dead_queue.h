/*
 * Dead letters: what is refused without an answer is kept for operators, within an allowance, and told to audit in
 * episodes (dead_letter.h, episodes.h).
 */
#ifndef HLIDKA_DEAD_QUEUE_H
#define HLIDKA_DEAD_QUEUE_H

#include "dead_letter.h"
#include "episodes.h"

#include <librdkafka/rdkafka.h>

struct bus;
struct request;

struct dead_queue {
    struct dead_allowance allowance;
    struct episodes *episodes;
    uint64_t counts[DEAD_REASONS];
    uint64_t only_counted;              /* over the allowance, or without a topic to write to */
};

MUST_USE enum result dead_queue_init(struct bus *b);
void dead_queue_tick(struct bus *b);
/* Tells the ends of all episodes: the bus stops. */
void dead_queue_end(struct bus *b);
void dead_queue_free(struct bus *b);

/* Takes rq, judged VERDICT_DEAD. Its offset is finished by the letter's report, or now if none is written. */
void dead_queue_put(struct bus *b, struct request *rq, const struct verdict *v);

/*
 * The same of a message without a request, which stays the caller's: one on the topic of revocations, or of events.
 * Whether a letter is under way, of which the feed, if it is the feed's, is to be told.
 */
bool dead_queue_note(struct bus *b, const rd_kafka_message_t *m, const struct verdict *v, bool of_feed);

/* Something that librdkafka could not read was skipped: there is nothing to keep of it. */
void dead_queue_unreadable(struct bus *b);

#endif
