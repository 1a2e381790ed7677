/*
 * Requests of one turn of the loop, which leave together. librdkafka's thread sends what it finds in its queue: given
 * one by one, sealed in between, they would go out one or two to a request, and the brokers' work is by the request.
 */
#ifndef HLIDKA_BURST_H
#define HLIDKA_BURST_H

#include <uv.h>

#include "buffer.h"

struct hlidka;
struct hlidka_call;
struct burst_item;

struct burst {
    uv_prepare_t turn;                          /* runs while there are any: before the loop sleeps they leave */
    struct buffer values;                       /* one after the other */
    struct burst_item *items;                   /* owned */
    size_t count;
};

MUST_USE enum result burst_open(struct hlidka *c);
void burst_loop(struct hlidka *c);              /* its handle of the loop */
void burst_free(struct burst *b);

/* The message in c->value is call's; a large one leaves at once. RESULT_NO_MEMORY, RESULT_FULL (librdkafka's queue). */
MUST_USE enum result burst_add(struct hlidka *c, const struct hlidka_call *call);

#endif
