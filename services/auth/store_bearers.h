/* bearer_store.h on PostgreSQL. */
#ifndef HLIDKA_STORE_BEARERS_H
#define HLIDKA_STORE_BEARERS_H

#include "bearer_store.h"

struct people;

struct store_bearers {
    struct bearer_store store;          /* first: what it is given as */
    struct people *people;
    uint64_t timeout_ms;                /* of one round trip, queueing included */
    uint64_t unreadable;                /* rows that did not make sense */
};

/* people is borrowed, and open before anything is asked. */
void store_bearers_init(struct store_bearers *s, struct people *people, uint64_t timeout_ms);

#endif
