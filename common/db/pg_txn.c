/* Transactions (pg.h): a lane that is one transaction's from BEGIN until it ends. */
#include "pg_pool.h"

#include <assert.h>
#include <stdlib.h>

enum result pg_begin(struct pg *pg, struct pg_batch *b, uint64_t timeout_ms, pg_txn_cb *cb, void *cookie)
{
    struct pg_txn *txn = calloc(1, sizeof(*txn));
    enum result r;

    if (!txn)
        return RESULT_NO_MEMORY;
    pg_batch_rewind(b);
    txn->busy = true;
    b->role = PG_BEGINS;
    b->txn = txn;
    b->txn_cb = cb;
    b->cookie = cookie;
    r = pg_accept(pg, b, timeout_ms);
    if (r) {
        b->txn = NULL;
        free(txn);
    }
    return r;
}

/* The next batch of a transaction; its lane is known. */
static void send_next(struct pg_txn *txn, struct pg_batch *b, uint64_t timeout_ms)
{
    struct pg *pg = txn->lane->pg;

    txn->busy = true;
    b->txn = txn;
    b->deadline_ms = pg_deadline(pg, timeout_ms);
    pg->stats.submitted++;
    pg_lane_send(txn->lane, b);
}

enum result pg_continue(struct pg_txn *txn, struct pg_batch *b, uint64_t timeout_ms, pg_txn_cb *cb, void *cookie)
{
    assert(!txn->busy);
    if (!txn->lane) {
        free(txn);
        return RESULT_UNAVAILABLE;
    }
    if (b->count == 0)
        return RESULT_OUT_OF_RANGE;
    pg_batch_rewind(b);
    b->role = PG_CONTINUES;
    b->txn_cb = cb;
    b->cookie = cookie;
    send_next(txn, b, timeout_ms);
    return RESULT_OK;
}

enum result pg_commit(struct pg_txn *txn, struct pg_batch *b, uint64_t timeout_ms, pg_batch_cb *cb, void *cookie)
{
    assert(!txn->busy);
    if (!txn->lane || b->count == 0) {
        enum result r = txn->lane ? RESULT_OUT_OF_RANGE : RESULT_UNAVAILABLE;

        pg_rollback(txn);
        return r;
    }
    pg_batch_rewind(b);
    b->role = PG_COMMITS;
    b->cb = cb;
    b->cookie = cookie;
    send_next(txn, b, timeout_ms);
    return RESULT_OK;
}

void pg_unpin(struct pg_lane *lane)
{
    lane->txn->lane = NULL;
    lane->txn = NULL;
    lane->pg->stats.pinned--;
}

void pg_rollback(struct pg_txn *txn)
{
    struct pg_lane *lane = txn->lane;

    assert(!txn->busy);
    if (lane) {
        pg_unpin(lane);
        if (!lane->broken)
            pg_lane_rollback(lane);
        pg_dispatch(lane->pg);
    }
    free(txn);
}
