/*
 * A request inside the bus: from the message that brought it until its reply is handed to the producer. Taken from
 * a free list with its buffers, so that a small request costs no malloc; what was opened is wiped when it ends.
 */
#ifndef HLIDKA_REQUEST_INTERNAL_H
#define HLIDKA_REQUEST_INTERNAL_H

#include "envelope.h"
#include "request.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>

struct bus;
struct delivery;
struct identity;
struct partition;
struct peer;
struct principal;

#define REQUEST_BLOCK 2048              /* first block of the arena */

struct request {
    struct bus *bus;
    struct request *prev, *next;        /* of all that live; `next` also in the free list */
    struct request *link;               /* of one list it may stand in: postponed, copies waiting, copies ready */

    rd_kafka_message_t *message;        /* while it has not been judged */
    struct partition *partition;
    int64_t offset;

    struct identity *identity;          /* under which it came; NULL until judged */
    const struct principal *source;
    struct peer *reply_to;
    int32_t reply_partition;
    struct uuid id;
    struct key_id skid, dkid;
    char trace[ENVELOPE_TRACE_MAX];
    size_t trace_len;

    struct text op_name;                /* as it was asked for: borrowed from the message while being judged */
    const struct op *op;
    unsigned route;                     /* index of its route; the number of routes when it has none */
    bool slow;                          /* slow by its op or its size */
    bool slow_taken;                    /* counted as such in partition and process */
    bool first;                         /* its copies wait for it */
    struct request *copies, **copies_last;
    unsigned copy_count;

    uint64_t received_ns, deadline_ns;  /* CLOCK_BOOTTIME */
    uint64_t now_ms;
    unsigned status;                    /* of the reply; 0: an earlier one, repeated */
    struct delivery *reply;             /* sealed, not sent yet */

    void *decoded;
    struct buffer body;
    struct arena arena;
    max_align_t block[REQUEST_BLOCK / sizeof(max_align_t)];
};

struct requests {
    struct request *live;
    struct request *free;
    unsigned free_count;
    size_t slow;                        /* slow ops at work */
    struct buffer plain, header;        /* scratch of sealing */
    uint64_t slow_refused, unsealed;
};

void requests_init(struct bus *b);
void requests_free(struct bus *b);

/* NULL without memory. */
struct request *request_new(struct bus *b);

/* Back to the free list, wiped; says nothing of its offset and sends nothing. */
void request_release(struct request *rq);

/* Finishes the offset without a reply: its deadline has passed, or there is nobody to answer. */
void request_dismiss(struct request *rq);

/* A refusal as the receive order words it. */
void request_refuse(struct request *rq, const struct fault *fault);

#endif
