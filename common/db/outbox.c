#include "log.h"
#include "outbox_fresh.h"
#include "outbox_rows.h"

#include <assert.h>
#include <stdlib.h>
#include <uv.h>

#define POLL_MS 250
#define QUERY_TIMEOUT_MS 3000
/* While reports are missing, held rows are held on: well before OUTBOX_TAKEOVER_MS is over. */
#define RENEW_MS 400

enum row_state { IN_HAND, DELIVERED, UNDELIVERED };

struct held_row {
    struct outbox_row row;              /* borrows from `fresh`, or from the batch `taken` */
    struct fresh_row *fresh;            /* NULL: it was taken */
    enum row_state state;
};

/* A cycle: rows from memory or from the table; publish, wait for every report, delete, and from the start. */
enum phase { IDLE, TAKING, PUBLISHING, DELETING };

struct outbox {
    struct pg *pg;
    char stream[65];
    struct outbox_options options;
    struct outbox_stats stats;
    uv_timer_t timer, gather;
    enum phase phase;
    struct fresh fresh;                 /* nothing of their users goes before them but what is in hand */
    bool gathered;                      /* these have waited long enough for others */
    bool left;                          /* there may be rows in the table that are not in memory */
    bool renewing;
    bool stopping;
    unsigned queries;                   /* batches of ours that the pool has */
    struct pg_batch *taken;             /* the rows at hand borrow from it */
    struct held_row rows[OUTBOX_BATCH];
    size_t count;
    size_t missing;                     /* reports */
    unsigned handles_open;
    void (*stopped)(void *cookie);
    void *stopped_cookie;
};

static void go_on(struct outbox *o);
static void on_gathered(uv_timer_t *timer);

/* ---- the cycle -------------------------------------------------------------------------------------------- */

static void rest(struct outbox *o)
{
    for (size_t i = 0; i < o->count; i++)
        free(o->rows[i].fresh);
    pg_batch_free(o->taken);
    o->taken = NULL;
    o->count = o->missing = 0;
    o->phase = IDLE;
}

static void maybe_gone(struct outbox *o)
{
    void (*stopped)(void *cookie) = o->stopped;
    void *cookie = o->stopped_cookie;

    if (!o->stopping || o->handles_open > 0 || o->queries > 0)
        return;
    rest(o);
    fresh_clear(&o->fresh);
    free(o);
    if (stopped)
        stopped(cookie);
}

/* Each query is made, sent and given back by these two; false: the next poll tries again. */
static bool query_new(struct pg_batch **out)
{
    return pg_batch_new((OUTBOX_BATCH + FRESH_ROWS_MAX) * 32, out) == RESULT_OK;
}

static bool query_send(struct outbox *o, struct pg_batch *b, enum result added, pg_batch_cb *cb)
{
    if (!added)
        added = pg_submit(o->pg, b, QUERY_TIMEOUT_MS, cb, o);
    if (added) {
        pg_batch_free(b);
        if (added != RESULT_UNAVAILABLE && added != RESULT_FULL)
            log_warn("outbox.query", LOG_STR("stream", o->stream), LOG_RESULT(added));
        return false;
    }
    o->queries++;
    return true;
}

/* True when the cycle may go on with this answer. */
static bool query_back(struct outbox *o, struct pg_batch *b, const char *what)
{
    o->queries--;
    if (pg_outcome(b) != PG_DONE && !o->stopping)
        log_warn("outbox.query", LOG_STR("stream", o->stream), LOG_STR("query", what),
                 LOG_STR("outcome", pg_outcome_text(pg_outcome(b))), LOG_STR("sqlstate", pg_sqlstate(b)));
    return pg_outcome(b) == PG_DONE && !o->stopping;
}

/* What is in the table is published once more, and so that the last word is the latest row's, what follows it with it. */
static void keep_nothing(struct outbox *o)
{
    fresh_clear(&o->fresh);
    rest(o);
}

static void on_settled(void *cookie, struct pg_batch *b)
{
    struct outbox *o = cookie;
    bool settled = query_back(o, b, "settle"), undelivered = false;

    pg_batch_free(b);
    for (size_t i = 0; i < o->count; i++)
        undelivered |= o->rows[i].state == UNDELIVERED;
    o->left |= o->taken && o->count == OUTBOX_BATCH && !undelivered;
    if (settled)
        rest(o);
    else
        keep_nothing(o);
    go_on(o);
    maybe_gone(o);
}

/* An earlier row of the same user was not delivered: this one must come after it once more. */
static bool blocked(const struct outbox *o, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (o->rows[i].state == UNDELIVERED && text_equal(o->rows[i].row.user_key, o->rows[at].row.user_key))
            return true;
    return false;
}

/*
 * What was delivered goes. What was not is held no longer: this process may be the only one that cannot reach Kafka, and
 * it would take its rows again and again before anybody else could. Fresh rows may come after such a one: they are taken
 * from the table, behind it.
 */
static void settle(struct outbox *o)
{
    int64_t gone[OUTBOX_BATCH], left[OUTBOX_BATCH];
    size_t gone_count = 0, left_count = 0;
    struct pg_batch *b;

    for (size_t i = 0; i < o->count; i++) {
        if (o->rows[i].state == DELIVERED && !blocked(o, i))
            gone[gone_count++] = o->rows[i].row.n;
        else
            left[left_count++] = o->rows[i].row.n;
    }
    if (left_count > 0)
        fresh_clear(&o->fresh);
    o->phase = DELETING;
    if (!query_new(&b)) {
        keep_nothing(o);
        return;
    }
    if (!query_send(o, b, outbox_settle(b, gone, gone_count, left, left_count, &o->options.holder), on_settled))
        keep_nothing(o);
}

void outbox_done(struct outbox *o, int64_t n, bool delivered)
{
    struct held_row *row = NULL;

    for (size_t i = 0; i < o->count && !row; i++)
        if (o->rows[i].row.n == n && o->rows[i].state == IN_HAND)
            row = &o->rows[i];
    if (o->phase != PUBLISHING || !row)
        return;
    row->state = delivered ? DELIVERED : UNDELIVERED;
    if (delivered)
        o->stats.published++;
    else
        o->stats.failed++;
    o->stats.in_hand = --o->missing;
    if (o->missing == 0 && !o->stopping)
        settle(o);
}

/* Rows are handed over in order; after one that is refused, those of the same user wait with it. */
static void publish(struct outbox *o)
{
    o->phase = PUBLISHING;
    o->stats.in_hand = o->missing = o->count;
    for (size_t i = 0; i < o->count && !o->stopping; i++) {
        if (!blocked(o, i) && o->options.publish(o->options.cookie, &o->rows[i].row) == RESULT_OK)
            continue;
        o->rows[i].state = UNDELIVERED;
        o->stats.failed++;
        o->stats.in_hand = --o->missing;
    }
    if (o->missing == 0 && !o->stopping)
        settle(o);
}

static void publish_fresh(struct outbox *o)
{
    struct fresh_row *row;

    while (o->count < OUTBOX_BATCH && (row = fresh_pop(&o->fresh)))
        o->rows[o->count++] = (struct held_row){ row->row, row, IN_HAND };
    o->gathered = o->fresh.count > 0;
    publish(o);
}

/* Some may be in memory too, and then they are the first of their users there. */
static void on_taken(void *cookie, struct pg_batch *b)
{
    struct outbox *o = cookie;

    if (!query_back(o, b, "take") || outbox_taken(b) == 0) {
        pg_batch_free(b);
        rest(o);
        go_on(o);
        maybe_gone(o);
        return;
    }
    o->taken = b;
    for (; o->count < outbox_taken(b); o->count++) {
        bool others;

        o->rows[o->count] = (struct held_row){ outbox_taken_row(b, o->count, &others), NULL, IN_HAND };
        o->stats.takeovers += others;
        fresh_drop(&o->fresh, o->rows[o->count].row.n);
    }
    o->stats.taken += o->count;
    publish(o);
}

static void take(struct outbox *o)
{
    struct pg_batch *b;

    o->left = false;
    if (query_new(&b) && query_send(o, b, outbox_take(b, text_of(o->stream), &o->options.holder), on_taken))
        o->phase = TAKING;
}

/* Takes before it publishes what is in memory, so that what others left is not put off by what keeps coming. */
static void go_on(struct outbox *o)
{
    if (o->phase != IDLE || o->stopping)
        return;
    if (o->left)
        take(o);
    if (o->phase != IDLE || o->fresh.count == 0)
        return;
    if (o->gathered || o->options.gather_ms == 0 || o->fresh.count >= OUTBOX_BATCH)
        publish_fresh(o);
    else if (!uv_is_active((uv_handle_t *)&o->gather))
        (void)uv_timer_start(&o->gather, on_gathered, o->options.gather_ms, 0);
}

static void on_gathered(uv_timer_t *timer)
{
    struct outbox *o = timer->data;

    o->gathered = true;
    go_on(o);
}

static void on_renewed(void *cookie, struct pg_batch *b)
{
    struct outbox *o = cookie;

    o->renewing = false;
    (void)query_back(o, b, "renew");    /* where it failed another process may publish them too: at least once */
    pg_batch_free(b);
    maybe_gone(o);
}

/* Kafka is slow: say that the rows are still being seen to. */
static void renew(struct outbox *o)
{
    int64_t numbers[OUTBOX_BATCH + FRESH_ROWS_MAX];
    struct pg_batch *b;
    size_t count = 0;

    if (o->renewing || !query_new(&b))
        return;
    for (size_t i = 0; i < o->count; i++)
        numbers[count++] = o->rows[i].row.n;
    for (const struct fresh_row *row = o->fresh.head; row; row = row->next)
        numbers[count++] = row->row.n;
    o->renewing = query_send(o, b, outbox_renew(b, numbers, count, &o->options.holder), on_renewed);
}

static void on_timer(uv_timer_t *timer)
{
    struct outbox *o = timer->data;

    o->left = true;
    if (o->phase == PUBLISHING)
        renew(o);
    go_on(o);
}

/* ---- beginning and end ------------------------------------------------------------------------------------ */

enum result outbox_start(struct uv_loop_s *loop, struct pg *pg, const struct outbox_options *options,
                         struct outbox **out)
{
    struct outbox *o = calloc(1, sizeof(*o));
    uint64_t poll_ms = options->poll_ms ? options->poll_ms : POLL_MS;

    if (!o)
        return RESULT_NO_MEMORY;
    if (poll_ms > RENEW_MS)
        poll_ms = RENEW_MS;
    o->pg = pg;
    o->options = *options;
    assert(strlen(options->stream) < sizeof(o->stream));
    memcpy(o->stream, options->stream, strlen(options->stream) + 1);
    o->options.stream = o->stream;
    fresh_init(&o->fresh);
    /* None of these fails with a callback and a loop. */
    uv_timer_init(loop, &o->timer);
    uv_timer_init(loop, &o->gather);
    uv_timer_start(&o->timer, on_timer, poll_ms, poll_ms);
    o->timer.data = o->gather.data = o;
    o->handles_open = 2;
    *out = o;
    return RESULT_OK;
}

/* ---- what was committed ------------------------------------------------------------------------------------- */

void outbox_wake(struct outbox *o)
{
    o->left = true;
    go_on(o);
}

/* Is it certain that this one comes out before whatever is put behind it? */
static bool goes_before(const struct outbox *o, int64_t n)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->rows[i].row.n == n)
            return o->rows[i].state != UNDELIVERED && !blocked(o, i);
    return fresh_has(&o->fresh, n);
}

static bool in_hand(const struct outbox *o, int64_t n)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->rows[i].row.n == n)
            return true;
    return fresh_has(&o->fresh, n);
}

void outbox_committed(struct outbox *o, struct pg_batch *b)
{
    struct outbox_row row;
    int64_t before;

    for (size_t i = 0; i < pg_count(b) && !o->stopping; i++) {
        if (!outbox_appended(b, i, text_of(o->stream), &row, &before) || in_hand(o, row.n))
            continue;
        if ((before == 0 || goes_before(o, before)) && fresh_put(&o->fresh, &row) == RESULT_OK)
            o->stats.kept++;
        else
            o->left = true;
    }
    go_on(o);
}

const struct outbox_stats *outbox_stats(const struct outbox *o)
{
    return &o->stats;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct outbox *o = handle->data;

    o->handles_open--;
    maybe_gone(o);
}

void outbox_stop(struct outbox *o, void (*stopped)(void *cookie), void *cookie)
{
    assert(!o->stopping);
    o->stopping = true;
    o->stopped = stopped;
    o->stopped_cookie = cookie;
    uv_close((uv_handle_t *)&o->timer, on_timer_closed);
    uv_close((uv_handle_t *)&o->gather, on_timer_closed);
}
