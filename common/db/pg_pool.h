/* The pool from the inside: pg_pool.c (queues, deadlines), pg_txn.c (transactions), pg_lane.c (one connection each). */
#ifndef HLIDKA_PG_POOL_H
#define HLIDKA_PG_POOL_H

#include "pg_batch.h"
#include "pg_lane.h"

#define PG_LANES_MAX 64

struct pg {
    struct uv_loop_s *loop;
    struct pg_conninfo info;
    struct pg_options options;          /* defaults filled in; url, schema and application_name are in info */
    struct pg_stats stats;
    struct pg_lane *lanes;              /* options.connections */
    unsigned pins_max;                  /* one lane is always left for batches, where there are two */
    struct pg_queue alone, begins;      /* waiting; each in order */
    uv_timer_t tick;

    /* Time spent waiting. It stands still while this process is stopped: results wait then, not PostgreSQL. */
    uint64_t patience_ms, last_tick_ms;

    bool closing;
    unsigned holders;                   /* handles and links that still refer to this */
    void (*closed)(void *cookie);
    void *closed_cookie;
};

struct pg_txn {
    struct pg_lane *lane;               /* NULL when the connection was lost, or none was given yet */
    struct pg_txn *next;                /* who shares it */
    struct pg_batch *writes;            /* decided: to be committed with those of the others */
    bool busy;                          /* one of its batches is under way */
};

/* Frees the pool when the last handle has let go. */
void pg_release(struct pg *pg);

/* Queues or sends b, whose role and callback are set. Errors as pg_submit. */
MUST_USE enum result pg_accept(struct pg *pg, struct pg_batch *b, uint64_t timeout_ms);

/* The deadline of a batch that begins to wait now; starts the tick. */
uint64_t pg_deadline(struct pg *pg, uint64_t timeout_ms);

/* Gives waiting batches to lanes that have room. Calls nobody back. */
void pg_dispatch(struct pg *pg);

/* Gives each back to its owner, as it has it in b->outcome. The last thing its caller does with the pool. */
void pg_finish(struct pg *pg, struct pg_queue *q);

/* A lane came up, or went down with what it had under way. */
void pg_lane_is_up(struct pg *pg);
void pg_lane_is_down(struct pg *pg, struct pg_queue *lost);

/* Begins, on that lane, the first transaction that waits, and those that may share it. */
void pg_txn_send(struct pg *pg, struct pg_lane *lane);

/* The transaction's lane serves others again. */
void pg_unpin(struct pg_lane *lane);
/* The same when it is lost; writes that were not sent go to `lost`. */
void pg_txn_lost(struct pg_lane *lane, struct pg_queue *lost);

#endif
