/* What bearers.h and touches.h ask of the store: PostgreSQL's is in store_bearers.c, the tests have their own. */
#ifndef HLIDKA_BEARER_STORE_H
#define HLIDKA_BEARER_STORE_H

#include "known_session.h"

#define BEARER_BATCH 256u               /* rows in one call of either */

struct touch {
    struct uuid session;
    uint64_t at_ms;
};

/* What a row is that is there and cannot be read: not dead, and not answered from. */
extern const struct known_session bearer_unreadable;

/* rows[i] is of the i-th id, NULL when there is no such session; borrowed for the call. rows NULL: no answer. */
typedef void bearer_read_cb(void *cookie, const struct known_session *const *rows);

struct bearer_store {
    /* Both in one round trip; cb exactly once, never from within, unless an error is returned. */
    enum result (*read)(struct bearer_store *s, const struct uuid *ids, size_t count, bearer_read_cb *cb, void *cookie);
    /* Brings last_activity forward where the session lives and it is due; whether it did is nobody's concern. */
    enum result (*touch)(struct bearer_store *s, const struct touch *touches, size_t count, void (*cb)(void *cookie), void *cookie);
};

#endif
