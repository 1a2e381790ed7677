/* Events to audit: sealed to its first key, counted in `n`, best effort and never in anybody's way (bus_event). */
#ifndef HLIDKA_EVENTS_H
#define HLIDKA_EVENTS_H

#include "buffer.h"

struct bus;

struct events {
    uint8_t instance[8];                /* random at the start: the first half of `n` */
    uint64_t n;                         /* the next */
    uint64_t dropped;
    struct buffer body;
};

void events_init(struct bus *b);
void events_free(struct bus *b);

#endif
