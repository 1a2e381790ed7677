#include "pg_lane.h"
#include "backoff.h"
#include "entropy.h"
#include "log.h"
#include "pg_pool.h"
#include "pg_wire.h"

#include <assert.h>
#include <stdlib.h>

#define PREPARED_MAX 1024
#define RING_FIRST 64

static void on_timer(uv_timer_t *timer);

static void arm(struct pg_lane *lane, uint64_t after_ms)
{
    int status = uv_timer_start(&lane->timer, on_timer, after_ms, 0);

    assert(status == 0);                /* fails only on a closing handle */
    (void)status;
}

/* Sending cannot call anybody back, so the end comes from the loop. */
static void give_up_soon(struct pg_lane *lane)
{
    lane->broken = true;
    arm(lane, 0);
}

/* ---- sending ---------------------------------------------------------------------------------------------- */

static bool expect(struct pg_lane *lane, enum pg_expecting what, struct pg_batch *b, size_t at)
{
    if (lane->count == lane->cap) {
        size_t cap = lane->cap ? lane->cap * 2 : RING_FIRST;
        struct pg_expect *ring = calloc(cap, sizeof(*ring));

        if (!ring)
            return false;
        for (size_t i = 0; i < lane->count; i++)
            ring[i] = lane->ring[(lane->head + i) % lane->cap];
        free(lane->ring);
        lane->ring = ring;
        lane->cap = cap;
        lane->head = 0;
    }
    lane->ring[(lane->head + lane->count++) % lane->cap] = (struct pg_expect){ what, b, at };
    return true;
}

static bool send_sync(struct pg_lane *lane, struct pg_batch *b)
{
    return PQpipelineSync(pg_link_conn(lane->link)) == 1 && expect(lane, PG_EXPECT_SYNC, b, b ? b->count : 0);
}

static bool send_control(struct pg_lane *lane, struct pg_batch *b, const char *sql)
{
    return PQsendQueryParams(pg_link_conn(lane->link), sql, 0, NULL, NULL, NULL, NULL, 0) == 1 &&
           expect(lane, PG_EXPECT_CONTROL, b, b ? b->count : 0);
}

static bool send_prepare(struct pg_lane *lane, struct pg_batch *b, size_t at)
{
    const struct pg_statement *s = b->steps[at].statement;
    uint32_t types[PG_PARAMS_MAX];

    pg_wire_types(s->params, types);
    return hashmap_put(lane->prepared, &s, (void *)(uintptr_t)s) == RESULT_OK &&
           PQsendPrepare(pg_link_conn(lane->link), s->name, s->sql, (int)strlen(s->params), types) == 1 &&
           expect(lane, PG_EXPECT_PREPARE, b, at);
}

/* Behind a Sync of their own, so that a statement that fails later does not undo what others already rely on. */
static bool send_prepares(struct pg_lane *lane, struct pg_batch *b)
{
    bool any = false;

    for (size_t i = 0; i < b->count; i++) {
        if (hashmap_get(lane->prepared, &b->steps[i].statement))
            continue;
        if (!send_prepare(lane, b, i))
            return false;
        any = true;
    }
    return !any || send_sync(lane, NULL);
}

static bool send_steps(struct pg_lane *lane, struct pg_batch *b)
{
    PGconn *conn = pg_link_conn(lane->link);

    for (size_t i = 0; i < b->count; i++) {
        const struct pg_step *step = &b->steps[i];
        int params = (int)strlen(step->statement->params);

        if (PQsendQueryPrepared(conn, step->statement->name, params, step->values, step->lengths, step->formats,
                                1) != 1 ||
            !expect(lane, PG_EXPECT_STEP, b, i))
            return false;
    }
    return true;
}

static bool send_each(struct pg_lane *lane, struct pg_batch *first, bool (*send)(struct pg_lane *lane, struct pg_batch *b))
{
    bool sent = true;

    for (struct pg_batch *b = first; b && sent; b = b->next)
        sent = send(lane, b);
    return sent;
}

void pg_lane_send(struct pg_lane *lane, struct pg_queue *together)
{
    struct pg_batch *first = together->head;

    first->together = together->count;
    lane->pg->stats.in_flight += together->count;
    pg_queue_take(together, &lane->sent);               /* at its end: first->next … are these */
    if (send_each(lane, first, send_prepares) &&
        (first->role != PG_BEGINS || send_control(lane, first, "BEGIN")) &&
        send_each(lane, first, send_steps) &&
        (first->role != PG_COMMITS || send_control(lane, first, "COMMIT")) &&
        send_sync(lane, first))
        pg_link_flush(lane->link);
    else
        give_up_soon(lane);
}

void pg_lane_send_one(struct pg_lane *lane, struct pg_batch *b)
{
    struct pg_queue one;

    pg_queue_init(&one);
    pg_queue_push(&one, b);
    pg_lane_send(lane, &one);
}

void pg_lane_rollback(struct pg_lane *lane)
{
    if (send_control(lane, NULL, "ROLLBACK") && send_sync(lane, NULL))
        pg_link_flush(lane->link);
    else
        give_up_soon(lane);
}

bool pg_lane_has_room(const struct pg_lane *lane)
{
    return lane->up && !lane->broken && !lane->stale && !lane->txn &&
           lane->sent.count < lane->pg->options.max_pipelined;
}

/* ---- hearing ---------------------------------------------------------------------------------------------- */

/* What was sent with one Sync: all of it, or, where one failed, nothing, for which the others cannot help. */
static bool take_answered(struct pg_lane *lane, struct pg_queue *out)
{
    bool failed = false;

    for (size_t n = lane->sent.head->together; n > 0; n--) {
        struct pg_batch *b = pg_queue_pop(&lane->sent);

        failed |= b->sqlstate[0] != '\0';
        lane->stale |= strcmp(b->sqlstate, "26000") == 0;
        if (b->txn)
            b->txn->busy = false;
        pg_queue_push(out, b);
    }
    for (struct pg_batch *b = out->head; b; b = b->next)
        b->outcome = !failed ? PG_DONE : b->sqlstate[0] ? pg_classify(b) : PG_RETRY;
    lane->pg->stats.in_flight -= out->count;
    return !failed;
}

/* All has been answered, the Sync included, with which `first` and maybe others were sent. */
static void complete(struct pg_lane *lane, const struct pg_batch *first)
{
    struct pg *pg = lane->pg;
    struct pg_queue answered;

    assert(lane->sent.head == first);
    pg_queue_init(&answered);
    bool done = take_answered(lane, &answered);
    if (lane->stale && !lane->sent.head)
        give_up_soon(lane);
    if (first->txn) {
        if (!done && !lane->broken)
            pg_lane_rollback(lane);     /* only a warning where COMMIT itself failed */
        if (!done || first->role == PG_COMMITS)
            pg_unpin(lane);
    }
    pg_dispatch(pg);
    pg_finish(pg, &answered);
}

static bool fatal(const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    return !severity || strcmp(severity, "ERROR") != 0;
}

static void note_error(struct pg_lane *lane, const struct pg_expect *e, const PGresult *result)
{
    if (e->what == PG_EXPECT_PREPARE)
        (void)hashmap_remove(lane->prepared, &e->batch->steps[e->at].statement);
    /* A server that goes away while it commits does not say whether it has: that stays unknown. */
    if (e->batch && !(fatal(result) && (e->what == PG_EXPECT_SYNC || e->what == PG_EXPECT_CONTROL)))
        pg_batch_error(e->batch, e->at, result);
}

/* False when this was not what can come here. */
static bool note_result(struct pg_lane *lane, const struct pg_expect *e, PGresult *result)
{
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        if (e->what == PG_EXPECT_STEP) {
            PQclear(e->batch->steps[e->at].result);
            e->batch->steps[e->at].result = result;
            return true;
        }
        break;
    case PGRES_FATAL_ERROR:
        note_error(lane, e, result);
        break;
    case PGRES_PIPELINE_ABORTED:        /* an earlier one failed */
        if (e->what == PG_EXPECT_PREPARE)
            (void)hashmap_remove(lane->prepared, &e->batch->steps[e->at].statement);
        break;
    default:
        PQclear(result);
        return false;
    }
    PQclear(result);
    return true;
}

static void advance(struct pg_lane *lane)
{
    lane->head = (lane->head + 1) % lane->cap;
    lane->count--;
}

/* One thing heard. False when the lane and libpq no longer agree on where they are. */
static bool hear(struct pg_lane *lane, PGresult *result)
{
    struct pg_expect e = lane->ring[lane->head];
    bool again = !result && lane->null_seen && e.what == PG_EXPECT_SYNC;

    lane->null_seen = !result;
    if (!result) {
        if (e.what != PG_EXPECT_SYNC)   /* there: after an error at the commit, before the Sync itself */
            advance(lane);
        return !again;
    }
    if (PQresultStatus(result) != PGRES_PIPELINE_SYNC)
        return note_result(lane, &e, result);
    PQclear(result);
    if (e.what != PG_EXPECT_SYNC)
        return false;
    advance(lane);
    if (e.batch)
        complete(lane, e.batch);
    return true;
}

static void on_readable(void *cookie)
{
    struct pg_lane *lane = cookie;
    struct pg_link *link = lane->link;

    /* A callback may drop or close this lane. */
    while (lane->link == link && lane->count > 0 && !PQisBusy(pg_link_conn(link)))
        if (!hear(lane, PQgetResult(pg_link_conn(link)))) {
            pg_lane_drop(lane, "an answer that was not asked for");
            return;
        }
}

/* ---- up and down ------------------------------------------------------------------------------------------ */

static void on_link_closed(void *cookie)
{
    pg_release(cookie);
}

/* What a batch that was under way has come to, now that the connection is gone. */
static enum pg_outcome outcome_of_lost(const struct pg_batch *b)
{
    if (b->sqlstate[0])
        return pg_classify(b);
    return b->role == PG_ALONE || b->role == PG_COMMITS ? PG_UNKNOWN : PG_UNAVAILABLE;
}

static void disconnect(struct pg_lane *lane, struct pg_queue *lost)
{
    if (lane->link)
        pg_link_close(lane->link, on_link_closed, lane->pg);
    lane->link = NULL;
    lane->pg->stats.up -= lane->up;
    lane->pg->stats.in_flight -= lane->sent.count;
    lane->up = lane->broken = lane->stale = lane->null_seen = false;
    lane->count = 0;
    hashmap_free(lane->prepared);
    lane->prepared = NULL;
    if (lane->txn)
        pg_txn_lost(lane, lost);
    for (struct pg_batch *b = lane->sent.head; b; b = b->next)
        b->outcome = outcome_of_lost(b);
    pg_queue_take(&lane->sent, lost);
}

void pg_lane_drop(struct pg_lane *lane, const char *why)
{
    struct pg *pg = lane->pg;
    struct pg_queue lost;
    bool was_up = lane->up;
    uint32_t random;

    if (was_up)
        log_warn("pg.down", LOG_STR("why", why), LOG_UINT("in_flight", lane->sent.count));
    else if ((lane->failures & (lane->failures - 1)) == 0)      /* the 1st, 2nd, 3rd, 5th, 9th … */
        log_warn("pg.unreachable", LOG_STR("why", why), LOG_STR("host", pg->info.host),
                 LOG_UINT("failures", lane->failures + 1));
    pg_queue_init(&lost);
    disconnect(lane, &lost);
    entropy_fill(&random, sizeof(random));
    arm(lane, backoff_ms(was_up ? 0 : lane->failures, random));
    if (!was_up) {
        lane->failures++;
        pg->stats.failures++;
        return;
    }
    pg_lane_is_down(pg, &lost);
}

static void on_lost(void *cookie, const char *why)
{
    pg_lane_drop(cookie, why);
}

static void on_up(void *cookie)
{
    struct pg_lane *lane = cookie;
    uint8_t seed[16];

    entropy_fill(seed, sizeof(seed));
    if (hashmap_new(sizeof(struct pg_statement *), PREPARED_MAX, seed, &lane->prepared)) {
        pg_lane_drop(lane, "out of memory");
        return;
    }
    (void)uv_timer_stop(&lane->timer);
    lane->up = true;
    lane->failures = 0;
    lane->pg->stats.up++;
    lane->pg->stats.connects++;
    pg_lane_is_up(lane->pg);
}

static void start_link(struct pg_lane *lane)
{
    static const struct pg_link_events events = { on_up, on_readable, on_lost };
    struct pg *pg = lane->pg;

    arm(lane, pg->options.connect_timeout_ms);
    if (pg_link_open(pg->loop, &pg->info, lane->attempts++, true, &events, lane, &lane->link)) {
        lane->link = NULL;
        pg_lane_drop(lane, "no connection can be begun");
    } else {
        pg->holders++;
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct pg_lane *lane = timer->data;

    if (!lane->link)
        start_link(lane);
    else if (lane->broken)
        pg_lane_drop(lane, "sending failed, or its prepared statements are stale");
    else if (!lane->up)
        pg_lane_drop(lane, "connecting took too long");
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct pg_lane *lane = handle->data;

    pg_release(lane->pg);
}

enum result pg_lane_init(struct pg_lane *lane, struct pg *pg)
{
    lane->pg = pg;
    pg_queue_init(&lane->sent);
    if (uv_timer_init(pg->loop, &lane->timer) != 0)
        return RESULT_INTERNAL;
    lane->timer.data = lane;
    pg->holders++;
    arm(lane, 0);
    return RESULT_OK;
}

void pg_lane_close(struct pg_lane *lane, struct pg_queue *lost)
{
    disconnect(lane, lost);
    free(lane->ring);
    lane->ring = NULL;
    lane->cap = 0;
    uv_close((uv_handle_t *)&lane->timer, on_timer_closed);
}
