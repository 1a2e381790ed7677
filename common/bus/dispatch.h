/* From a message to its end: the receive order's verdict, and what the bus does about it. */
#ifndef HLIDKA_DISPATCH_H
#define HLIDKA_DISPATCH_H

#include "result.h"

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct bus;
struct identity;
struct partition;
struct request;

/* What cannot be judged yet: it waits for fresh metadata of the reply topic that it names. */
struct postponed {
    struct request *first, **last;
    uint64_t total;
};

/* Points the receiver at the identity in force. */
void dispatch_init(struct bus *b);
void dispatch_identity(struct bus *b);

/* Takes rq and m, whose offset has been begun. */
void dispatch(struct bus *b, struct request *rq, struct partition *p, rd_kafka_message_t *m);

/* Gives the request to its handler, unless it is slow and there are too many such. */
void dispatch_serve(struct bus *b, struct request *rq);

/* Judges again what was postponed: the metadata is fresh. */
void dispatch_postponed(struct bus *b);
/* Lets go of it: the bus stops, others will be given it. */
void dispatch_abandon_postponed(struct bus *b);

#endif
