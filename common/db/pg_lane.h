/*
 * One connection of the pool. It sends batches and keeps, in the same order, what it expects to hear: libpq answers
 * each thing sent with its result and a NULL, and each Sync with PIPELINE_SYNC alone. It comes back by itself.
 */
#ifndef HLIDKA_PG_LANE_H
#define HLIDKA_PG_LANE_H

#include "hashmap.h"
#include "pg_batch.h"
#include "pg_link.h"

#include <uv.h>

enum pg_expecting { PG_EXPECT_PREPARE, PG_EXPECT_STEP, PG_EXPECT_CONTROL, PG_EXPECT_SYNC };

struct pg_expect {
    enum pg_expecting what;
    struct pg_batch *batch;             /* NULL: nobody's (ROLLBACK, the Sync behind prepares) */
    size_t at;                          /* statement of the batch */
};

struct pg_lane {
    struct pg *pg;
    struct pg_link *link;               /* NULL while it waits for the next attempt */
    bool up;
    bool broken;                        /* to be dropped in a moment, from the loop */
    bool stale;                         /* its prepared statements are; dropped when it has nothing under way */
    bool null_seen;                     /* the last thing heard was a NULL */
    unsigned attempts;
    unsigned failures;                  /* in a row */
    uv_timer_t timer;                   /* without link: the next attempt; then: the end of this one; broken: now */
    struct hashmap *prepared;           /* statement's address -> statement */
    struct pg_expect *ring;
    size_t cap, head, count;
    struct pg_queue sent;               /* batches under way */
    struct pg_txn *txn;                 /* whose it is; more than one may share it */
};

/* Makes the timer and begins to connect when the loop turns. RESULT_INTERNAL. */
MUST_USE enum result pg_lane_init(struct pg_lane *lane, struct pg *pg);

/* Up, whole, and not full. */
bool pg_lane_has_room(const struct pg_lane *lane);

/* Sends what is in `together`, all of one role, and one Sync. Where that fails the lane breaks, and they end with it. */
void pg_lane_send(struct pg_lane *lane, struct pg_queue *together);
void pg_lane_send_one(struct pg_lane *lane, struct pg_batch *b);
void pg_lane_rollback(struct pg_lane *lane);

/* Gives the connection up. Its batches end; the owner of each is called back. */
void pg_lane_drop(struct pg_lane *lane, const char *why);

/* For good: as drop, without another attempt; what it had under way goes to `lost`, uncalled. */
void pg_lane_close(struct pg_lane *lane, struct pg_queue *lost);

#endif
