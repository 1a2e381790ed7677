/*
 * Where accounts and the records of messages are kept: Redis for all instances (store_redis.h), or the memory of one
 * (store_memory.h), with the same numbers.
 */
#ifndef HLIDKA_RATELIMIT_STORE_H
#define HLIDKA_RATELIMIT_STORE_H

#include "account.h"
#include "judgement.h"

#define FINGERPRINT_LEN 16
/* How long the record of a message that charged is kept. */
#define RECORD_MS 15000

enum store_answer {
    STORE_RULED,                /* rulings are of the claims, in their order */
    STORE_REPEATED,             /* the message has charged before: terms and rulings of then */
    STORE_CONFLICT,             /* its id has charged for another op or body */
    STORE_AWAY,                 /* not to be had, or full: nothing was charged */
    STORE_UNKNOWN,              /* no answer came: the message may have charged, once */
};

/* Lives, with what it points to, until the callback returns. */
struct store_outcome {
    enum store_answer answer;
    size_t count;
    struct ruling rulings[MATCH_MAX];
    struct term terms[MATCH_MAX];               /* STORE_REPEATED */
};

struct store;

typedef void store_cb(void *cookie, const struct store_outcome *outcome);

/* One message's wish, all or nothing. The caller's, and unchanged, until the callback. */
struct store_check {
    uint8_t record[RECORD_ID_LEN];
    uint8_t fingerprint[FINGERPRINT_LEN];
    bool peek;
    size_t count;               /* 1 … MATCH_MAX claims, each of another account */
    struct claim claims[MATCH_MAX];
    struct bytes terms;         /* terms_encode of what the claims are */

    /* The store's. */
    struct store *store;
    store_cb *cb;
    void *cookie;
    uint64_t began_ns;
};

struct store {
    /* Calls back exactly once, now or later. */
    void (*check)(struct store *s, struct store_check *c, store_cb *cb, void *cookie);
};

#endif
