/* Transactions (pg.h): a lane that is one transaction's, of one or of several who share it, from BEGIN until it ends. */
#include "pg_pool.h"

#include <assert.h>
#include <stdlib.h>

enum result pg_begin_shared(struct pg *pg, struct pg_batch *b, const struct pg_share *share, uint64_t timeout_ms,
                            pg_txn_cb *cb, void *cookie)
{
    struct pg_txn *txn = calloc(1, sizeof(*txn));
    enum result r;

    if (!txn)
        return RESULT_NO_MEMORY;
    pg_batch_rewind(b);
    txn->busy = true;
    b->role = PG_BEGINS;
    b->share = *share;
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

enum result pg_begin(struct pg *pg, struct pg_batch *b, uint64_t timeout_ms, pg_txn_cb *cb, void *cookie)
{
    return pg_begin_shared(pg, b, &(struct pg_share){ 0 }, timeout_ms, cb, cookie);
}

/* ---- who begins together ---------------------------------------------------------------------------------- */

/* In the order of keys; false where that key is there. */
static bool join(struct pg_queue *together, struct pg_batch *b)
{
    struct pg_batch **at = &together->head;
    int order = 1;

    while (*at && (order = memcmp((*at)->share.key, b->share.key, PG_SHARE_KEY_LEN)) < 0)
        at = &(*at)->next;
    if (*at && order == 0)
        return false;
    b->next = *at;
    *at = b;
    if (!b->next)
        together->tail = &b->next;
    together->count++;
    return true;
}

/* The first that waits, and others of its kind as they wait. */
static void gather(struct pg_queue *waiting, struct pg_queue *together)
{
    struct pg_batch *first = pg_queue_pop(waiting), *b;
    struct pg_queue others;

    pg_queue_push(together, first);
    if (!first->share.kind)
        return;
    pg_queue_init(&others);
    while ((b = pg_queue_pop(waiting)))
        if (b->share.kind != first->share.kind || together->count == PG_SHARED_MAX || !join(together, b))
            pg_queue_push(&others, b);
    pg_queue_take(&others, waiting);
}

void pg_txn_send(struct pg *pg, struct pg_lane *lane)
{
    struct pg_queue together;

    pg_queue_init(&together);
    gather(&pg->begins, &together);
    for (struct pg_batch *b = together.head; b; b = b->next) {
        b->txn->lane = lane;
        b->txn->next = lane->txn;
        lane->txn = b->txn;
    }
    pg->stats.pinned++;
    pg_lane_send(lane, &together);
}

/* ---- going on, and the end -------------------------------------------------------------------------------- */

static void prepare(struct pg_txn *txn, struct pg_batch *b, enum pg_role role, uint64_t timeout_ms, void *cookie)
{
    struct pg *pg = txn->lane->pg;

    pg_batch_rewind(b);
    b->role = role;
    b->cookie = cookie;
    b->txn = txn;
    b->deadline_ms = pg_deadline(pg, timeout_ms);
    pg->stats.submitted++;
}

enum result pg_continue(struct pg_txn *txn, struct pg_batch *b, uint64_t timeout_ms, pg_txn_cb *cb, void *cookie)
{
    assert(!txn->busy);
    if (!txn->lane) {
        free(txn);
        return RESULT_UNAVAILABLE;
    }
    assert(txn->lane->txn == txn && !txn->next);
    if (b->count == 0)
        return RESULT_OUT_OF_RANGE;
    prepare(txn, b, PG_CONTINUES, timeout_ms, cookie);
    b->txn_cb = cb;
    txn->busy = true;
    pg_lane_send_one(txn->lane, b);
    return RESULT_OK;
}

/* Once all who share it have decided, what they write is sent. */
static void commit_together(struct pg_lane *lane)
{
    struct pg_queue together;

    for (const struct pg_txn *t = lane->txn; t; t = t->next)
        if (!t->writes)
            return;
    pg_queue_init(&together);
    for (struct pg_txn *t = lane->txn; t; t = t->next) {
        pg_queue_push(&together, t->writes);
        t->writes = NULL;
        t->busy = true;
    }
    pg_lane_send(lane, &together);
}

enum result pg_commit(struct pg_txn *txn, struct pg_batch *b, uint64_t timeout_ms, pg_batch_cb *cb, void *cookie)
{
    assert(!txn->busy && !txn->writes);
    if (!txn->lane || b->count == 0) {
        enum result r = txn->lane ? RESULT_OUT_OF_RANGE : RESULT_UNAVAILABLE;

        pg_rollback(txn);
        return r;
    }
    prepare(txn, b, PG_COMMITS, timeout_ms, cookie);
    b->cb = cb;
    txn->writes = b;
    commit_together(txn->lane);
    return RESULT_OK;
}

void pg_unpin(struct pg_lane *lane)
{
    for (struct pg_txn *t = lane->txn; t; t = t->next)
        t->lane = NULL;
    lane->txn = NULL;
    lane->pg->stats.pinned--;
}

void pg_txn_lost(struct pg_lane *lane, struct pg_queue *lost)
{
    for (struct pg_txn *t = lane->txn; t; t = t->next) {
        if (t->writes)
            pg_queue_push(lost, t->writes);     /* PG_UNAVAILABLE, as rewound */
        t->writes = NULL;
    }
    pg_unpin(lane);
}

void pg_rollback(struct pg_txn *txn)
{
    struct pg_lane *lane = txn->lane;

    assert(!txn->busy && !txn->writes);
    if (lane) {
        struct pg_txn **at = &lane->txn;

        while (*at != txn)
            at = &(*at)->next;
        *at = txn->next;
        if (lane->txn) {
            commit_together(lane);
        } else {
            pg_unpin(lane);
            if (!lane->broken)
                pg_lane_rollback(lane);
            pg_dispatch(lane->pg);
        }
    }
    free(txn);
}
