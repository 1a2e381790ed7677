/* The service as its handlers see it. main.c makes it. */
#ifndef HLIDKA_LIMITER_H
#define HLIDKA_LIMITER_H

#include "decision.h"
#include "denials.h"
#include "match.h"
#include "metrics.h"
#include "request.h"
#include "limiter_stats.h"
#include "store.h"

/* Who asked last, as decision ids name them: most often it is the same one again. */
struct asker {
    char name[32];
    size_t len;                         /* 0: nobody yet */
    uint8_t source[DECISION_SOURCE_LEN];
};

struct ratelimit {
    struct keys *keys;
    struct asker asker;
    struct policies *policies;          /* in force; requests at work hold theirs */
    struct matcher *matcher;            /* of these */
    struct store *store;                /* of all instances */
    struct store *local;                /* ours alone, for policies that count locally while the other is away */
    struct denials *denials;
    struct limiter_stats *stats;
    /* Instances that share the traffic, at least 1. */
    unsigned (*instances)(void *cookie);
    void *cookie;
};

/* op -> handler. */
extern const struct route ratelimit_routes[];
extern const size_t ratelimit_route_count;

void handle_check(void *service, struct request *rq);
void handle_policies(void *service, struct request *rq);

/* Puts another set in force. RESULT_NO_MEMORY, RESULT_FULL (metrics): the old one stays. The reference is taken over. */
MUST_USE enum result ratelimit_adopt(struct ratelimit *r, struct policies *p);

#endif
