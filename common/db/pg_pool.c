#include "pg_pool.h"
#include "log.h"

#include <assert.h>
#include <stdlib.h>

#define TICK_MS 20

void pg_release(struct pg *pg)
{
    void (*closed)(void *cookie) = pg->closed;
    void *cookie = pg->closed_cookie;

    if (--pg->holders > 0)
        return;
    pg_conninfo_free(&pg->info);
    free(pg->lanes);
    free(pg);
    if (closed)
        closed(cookie);
}

/* ---- giving back ------------------------------------------------------------------------------------------ */

static void finish(struct pg *pg, struct pg_batch *b)
{
    uint64_t *const counts[] = { &pg->stats.done,   &pg->stats.unique,      &pg->stats.retry,
                                 &pg->stats.failed, &pg->stats.unavailable, &pg->stats.unknown };
    bool goes_on = b->outcome == PG_DONE && (b->role == PG_BEGINS || b->role == PG_CONTINUES);
    struct pg_txn *txn = b->txn;

    ++*counts[b->outcome];
    b->txn = NULL;
    if (!goes_on) {
        free(txn);
        txn = NULL;
    }
    if (b->role == PG_BEGINS || b->role == PG_CONTINUES)
        b->txn_cb(b->cookie, txn, b);
    else
        b->cb(b->cookie, b);
}

/* Callbacks may submit and close; none of that touches this list. */
void pg_finish(struct pg *pg, struct pg_queue *q)
{
    struct pg_batch *b;

    while ((b = pg_queue_pop(q)))
        finish(pg, b);
}

static void count_queued(struct pg *pg)
{
    pg->stats.queued = pg->alone.count + pg->begins.count;
}

/* Nobody will send these: pg_batch_rewind has made them PG_UNAVAILABLE. */
static void take_waiting(struct pg *pg, struct pg_queue *out)
{
    pg_queue_take(&pg->alone, out);
    pg_queue_take(&pg->begins, out);
    count_queued(pg);
}

void pg_lane_is_down(struct pg *pg, struct pg_queue *lost)
{
    bool all = pg->stats.up == 0;

    if (all) {
        log_error("pg.all_down", LOG_UINT("waiting", pg->stats.queued));
        take_waiting(pg, lost);
        if (pg->options.state)
            pg->options.state(pg->options.cookie, pg, false);
    } else {
        pg_dispatch(pg);                /* a pin may have come free */
    }
    pg_finish(pg, lost);
}

void pg_lane_is_up(struct pg *pg)
{
    if (pg->stats.up == 1) {
        log_info("pg.up", LOG_STR("host", pg->info.host), LOG_UINT("port", pg->info.port));
        if (pg->options.state)
            pg->options.state(pg->options.cookie, pg, true);
    }
    if (!pg->closing)
        pg_dispatch(pg);
}

/* ---- sending ---------------------------------------------------------------------------------------------- */

/* The one with the least to do, so that a slow batch holds up as few others as can be. */
static struct pg_lane *pick(struct pg *pg)
{
    struct pg_lane *best = NULL;

    for (unsigned i = 0; i < pg->options.connections; i++) {
        struct pg_lane *lane = &pg->lanes[i];

        if (pg_lane_has_room(lane) && (!best || lane->sent.count < best->sent.count))
            best = lane;
    }
    return best;
}

void pg_dispatch(struct pg *pg)
{
    struct pg_lane *lane;

    while (pg->begins.head && pg->stats.pinned < pg->pins_max && (lane = pick(pg)))
        pg_txn_send(pg, lane);
    while (pg->alone.head && (lane = pick(pg)))
        pg_lane_send_one(lane, pg_queue_pop(&pg->alone));
    count_queued(pg);
}

static void on_tick(uv_timer_t *timer);

uint64_t pg_deadline(struct pg *pg, uint64_t timeout_ms)
{
    if (!uv_is_active((uv_handle_t *)&pg->tick)) {
        int status = uv_timer_start(&pg->tick, on_tick, TICK_MS, TICK_MS);

        assert(status == 0);            /* fails only on a closing handle */
        (void)status;
        pg->last_tick_ms = uv_now(pg->loop);
    }
    return pg->patience_ms + timeout_ms + TICK_MS;
}

enum result pg_accept(struct pg *pg, struct pg_batch *b, uint64_t timeout_ms)
{
    if (pg->closing)
        return RESULT_CLOSED;
    if (b->count == 0)
        return RESULT_OUT_OF_RANGE;
    if (pg->stats.up == 0)
        return RESULT_UNAVAILABLE;
    if (pg->stats.queued >= pg->options.max_queued) {
        pg->stats.full++;
        return RESULT_FULL;
    }
    b->deadline_ms = pg_deadline(pg, timeout_ms);
    pg->stats.submitted++;
    pg_queue_push(b->role == PG_BEGINS ? &pg->begins : &pg->alone, b);
    pg_dispatch(pg);
    return RESULT_OK;
}

enum result pg_submit(struct pg *pg, struct pg_batch *b, uint64_t timeout_ms, pg_batch_cb *cb, void *cookie)
{
    pg_batch_rewind(b);
    b->role = PG_ALONE;
    b->cb = cb;
    b->cookie = cookie;
    return pg_accept(pg, b, timeout_ms);
}

/* ---- deadlines -------------------------------------------------------------------------------------------- */

static bool overdue(const struct pg *pg, const struct pg_lane *lane)
{
    for (const struct pg_batch *b = lane->sent.head; b; b = b->next)
        if (b->deadline_ms <= pg->patience_ms)
            return true;
    return false;
}

static void on_tick(uv_timer_t *timer)
{
    struct pg *pg = timer->data;
    uint64_t now = uv_now(pg->loop), passed = now - pg->last_tick_ms;
    struct pg_queue late;

    pg->last_tick_ms = now;
    pg->patience_ms += passed < 2 * TICK_MS ? passed : 2 * TICK_MS;
    if (pg->stats.queued + pg->stats.in_flight == 0) {
        (void)uv_timer_stop(&pg->tick);
        return;
    }
    pg_queue_init(&late);
    pg_queue_expire(&pg->alone, pg->patience_ms, &late);
    pg_queue_expire(&pg->begins, pg->patience_ms, &late);
    count_queued(pg);
    for (unsigned i = 0; i < pg->options.connections && !pg->closing; i++) {
        if (!overdue(pg, &pg->lanes[i]))
            continue;
        pg->stats.timeouts++;
        pg_lane_drop(&pg->lanes[i], "a batch is overdue");
    }
    pg_finish(pg, &late);
}

/* ---- opening and closing ---------------------------------------------------------------------------------- */

static enum result set_options(struct pg *pg, const struct pg_options *options, struct buffer *why)
{
    struct pg_options *o = &pg->options;
    enum result r = pg_conninfo_init(&pg->info, options->url, options->application_name, options->schema, why);

    if (r)
        return r;
    *o = *options;
    o->url = NULL;
    o->application_name = o->schema = NULL;
    if (o->connections == 0)
        o->connections = 4;
    if (o->connections > PG_LANES_MAX)
        o->connections = PG_LANES_MAX;
    if (!o->max_queued)
        o->max_queued = 1024;
    if (!o->max_pipelined)
        o->max_pipelined = 16;
    if (!o->connect_timeout_ms)
        o->connect_timeout_ms = 5000;
    pg->pins_max = o->connections > 1 ? o->connections - 1 : 1;
    pg_conninfo_set(&pg->info, "statement_timeout", o->statement_timeout_ms ? o->statement_timeout_ms : 5000);
    pg_conninfo_set(&pg->info, "lock_timeout", o->lock_timeout_ms ? o->lock_timeout_ms : 3000);
    pg_conninfo_set(&pg->info, "idle_in_transaction_session_timeout",
                    o->idle_in_transaction_ms ? o->idle_in_transaction_ms : 5000);
    return RESULT_OK;
}

enum result pg_open(struct uv_loop_s *loop, const struct pg_options *options, struct pg **out, struct buffer *why)
{
    struct pg *pg = calloc(1, sizeof(*pg));
    enum result r;

    if (!pg)
        return RESULT_NO_MEMORY;
    pg->loop = loop;
    pg_queue_init(&pg->alone);
    pg_queue_init(&pg->begins);
    r = set_options(pg, options, why);
    if (r)
        goto fail_pool;
    r = RESULT_NO_MEMORY;
    pg->lanes = calloc(pg->options.connections, sizeof(*pg->lanes));
    if (!pg->lanes)
        goto fail_info;
    r = RESULT_INTERNAL;
    if (uv_timer_init(loop, &pg->tick) != 0)
        goto fail_lanes;
    pg->tick.data = pg;
    pg->holders = 1;
    for (unsigned i = 0; i < pg->options.connections; i++)
        if (pg_lane_init(&pg->lanes[i], pg)) {
            pg->options.connections = i;
            pg_close(pg, NULL, NULL);
            return RESULT_INTERNAL;
        }
    *out = pg;
    return RESULT_OK;

fail_lanes:
    free(pg->lanes);
fail_info:
    pg_conninfo_free(&pg->info);
fail_pool:
    free(pg);
    return r;
}

static void on_tick_closed(uv_handle_t *handle)
{
    pg_release(handle->data);
}

void pg_close(struct pg *pg, void (*closed)(void *cookie), void *cookie)
{
    struct pg_queue lost;

    assert(!pg->closing);
    pg->closing = true;
    pg->closed = closed;
    pg->closed_cookie = cookie;
    pg_queue_init(&lost);
    for (unsigned i = 0; i < pg->options.connections; i++)
        pg_lane_close(&pg->lanes[i], &lost);
    take_waiting(pg, &lost);
    uv_close((uv_handle_t *)&pg->tick, on_tick_closed);
    pg_finish(pg, &lost);
}

bool pg_up(const struct pg *pg)
{
    return pg->stats.up > 0;
}

const struct pg_stats *pg_stats(const struct pg *pg)
{
    return &pg->stats;
}
