#include "outbox.h"
#include "log.h"

#include <assert.h>
#include <stdlib.h>
#include <uv.h>

#define POLL_MS 250
#define QUERY_TIMEOUT_MS 3000
/* While reports are missing, held rows are held on: well before OUTBOX_TAKEOVER_MS is over. */
#define RENEW_MS 400

/* $n: OUTBOX_TAKEOVER_MS, so that header and SQL cannot differ. */
#define HELD(n) "clock_timestamp() + " n " * interval '1 millisecond'"

static const struct pg_statement APPEND = { "outbox_append",
    "INSERT INTO outbox (stream, user_key, topic, kafka_key, sealed, holder, held_until) "
    "VALUES ($1, $2, $3, $4, $5, $6, " HELD("$7") ") RETURNING n", "tttbbuf" };

static const struct pg_statement PENDING = { "outbox_pending",
    "SELECT count(*) FROM outbox WHERE stream = $1 AND user_key = $2", "tt" };

static const struct pg_statement WAITING = { "outbox_waiting",
    "SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created)), 0)::float8 "
    "FROM (SELECT created FROM outbox WHERE stream = $1 ORDER BY n LIMIT $2) AS oldest", "ti" };

/* One take of a stream at a time. The next statement has a snapshot of its own and sees what the last taker holds. */
static const struct pg_statement TURN = { "outbox_turn",
    "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.outbox.' || $1, 0))", "t" };

/*
 * Mine, or nobody's any more; and nothing of a user of whom somebody else still holds an earlier row. Own fresh rows
 * need no update: they are held long enough. $4 is half the time for which rows are held. All rows are held against one
 * instant: with a clock that goes on from row to row, one that was still held and is not taken would hold up none after it.
 */
static const struct pg_statement TAKE = { "outbox_take",
    "WITH due AS MATERIALIZED ("
    "  SELECT * FROM outbox o"
    "  WHERE stream = $1 AND (holder = $2 OR held_until < statement_timestamp())"
    "    AND NOT EXISTS (SELECT FROM outbox p WHERE p.stream = o.stream AND p.user_key = o.user_key AND p.n < o.n"
    "                    AND p.holder <> $2 AND p.held_until >= statement_timestamp())"
    "  ORDER BY n LIMIT $3),"
    " held AS ("
    "  UPDATE outbox SET holder = $2, held_until = " HELD("$4 * 2") " FROM due"
    "  WHERE outbox.n = due.n AND (due.holder <> $2 OR due.held_until < " HELD("$4") "))"
    "SELECT n, user_key, topic, kafka_key, sealed, holder <> $2 FROM due ORDER BY n", "tuif" };

static const struct pg_statement RENEW = { "outbox_renew",
    "UPDATE outbox SET held_until = " HELD("$3") " WHERE n = ANY($1) AND holder = $2", "Iuf" };

static const struct pg_statement RELEASE = { "outbox_release",
    "UPDATE outbox SET held_until = clock_timestamp() WHERE n = ANY($1) AND holder = $2", "Iu" };

static const struct pg_statement DELETE = { "outbox_delete", "DELETE FROM outbox WHERE n = ANY($1)", "I" };

enum row_state { IN_HAND, DELIVERED, UNDELIVERED };

struct held_row {
    int64_t n;
    struct text user_key;               /* in the batch `taken` */
    enum row_state state;
};

/* A cycle: take, publish, wait for every report, delete, and from the start. */
enum phase { IDLE, TAKING, PUBLISHING, DELETING };

struct outbox {
    struct pg *pg;
    char stream[65];
    struct outbox_options options;
    struct outbox_stats stats;
    uv_timer_t timer;
    enum phase phase;
    bool again;                         /* woken meanwhile */
    bool renewing;
    bool stopping;
    unsigned queries;                   /* batches of ours that the pool has */
    struct pg_batch *taken;             /* the rows at hand borrow from it */
    struct held_row rows[OUTBOX_BATCH];
    size_t count;
    size_t missing;                     /* reports */
    bool handle_open;
    void (*stopped)(void *cookie);
    void *stopped_cookie;
};

static void take(struct outbox *o);

/* ---- statements for others' batches ----------------------------------------------------------------------- */

enum result outbox_append(struct pg_batch *b, const struct uuid *holder, struct text stream,
                          const struct outbox_row *row)
{
    return pg_add(b, &APPEND, PG_TEXT(stream), PG_TEXT(row->user_key), PG_TEXT(row->topic), PG_BYTES(row->key),
                  PG_BYTES(row->sealed), PG_UUID(holder), PG_REAL(OUTBOX_TAKEOVER_MS));
}

enum result outbox_pending(struct pg_batch *b, struct text stream, struct text user_key)
{
    return pg_add(b, &PENDING, PG_TEXT(stream), PG_TEXT(user_key));
}

enum result outbox_waiting(struct pg_batch *b, struct text stream)
{
    return pg_add(b, &WAITING, PG_TEXT(stream), PG_INT(OUTBOX_COUNTED));
}

/* ---- the cycle -------------------------------------------------------------------------------------------- */

static void maybe_gone(struct outbox *o)
{
    void (*stopped)(void *cookie) = o->stopped;
    void *cookie = o->stopped_cookie;

    if (!o->stopping || o->handle_open || o->queries > 0)
        return;
    pg_batch_free(o->taken);
    free(o);
    if (stopped)
        stopped(cookie);
}

/* Each query is made, sent and given back by these two; false: the next poll tries again. */
static bool query_new(struct pg_batch **out)
{
    return pg_batch_new(OUTBOX_BATCH * 64, out) == RESULT_OK;
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

static void rest(struct outbox *o)
{
    pg_batch_free(o->taken);
    o->taken = NULL;
    o->count = o->missing = 0;
    o->phase = IDLE;
}

static void on_settled(void *cookie, struct pg_batch *b)
{
    struct outbox *o = cookie;
    bool undelivered = false;

    (void)query_back(o, b, "settle");   /* where it failed the rows are published once more */
    pg_batch_free(b);
    for (size_t i = 0; i < o->count; i++)
        undelivered |= o->rows[i].state == UNDELIVERED;
    o->again |= o->count == OUTBOX_BATCH && !undelivered;
    rest(o);
    if (o->again && !o->stopping)
        take(o);
    else
        maybe_gone(o);
}

/* An earlier row of the same user was not delivered: this one must come after it once more. */
static bool blocked(const struct outbox *o, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (o->rows[i].state == UNDELIVERED && text_equal(o->rows[i].user_key, o->rows[at].user_key))
            return true;
    return false;
}

/*
 * What was delivered goes. What was not is held no longer: this process may be the only one that cannot reach Kafka, and
 * it would take its rows again and again before anybody else could.
 */
static void settle(struct outbox *o)
{
    int64_t gone[OUTBOX_BATCH], left[OUTBOX_BATCH];
    size_t gone_count = 0, left_count = 0;
    struct pg_batch *b;
    enum result r = RESULT_OK;

    for (size_t i = 0; i < o->count; i++) {
        if (o->rows[i].state == DELIVERED && !blocked(o, i))
            gone[gone_count++] = o->rows[i].n;
        else
            left[left_count++] = o->rows[i].n;
    }
    o->phase = DELETING;
    if (!query_new(&b)) {
        rest(o);                        /* the next poll takes them again */
        return;
    }
    if (gone_count > 0)
        r = pg_add(b, &DELETE, PG_INTS(gone, gone_count));
    if (!r && left_count > 0)
        r = pg_add(b, &RELEASE, PG_INTS(left, left_count), PG_UUID(&o->options.holder));
    if (!query_send(o, b, r, on_settled))
        rest(o);
}

void outbox_done(struct outbox *o, int64_t n, bool delivered)
{
    struct held_row *row = NULL;

    for (size_t i = 0; i < o->count && !row; i++)
        if (o->rows[i].n == n && o->rows[i].state == IN_HAND)
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
    for (size_t i = 0; i < o->count && !o->stopping; i++) {
        struct outbox_row row = {
            .n = o->rows[i].n, .user_key = o->rows[i].user_key, .topic = pg_text(o->taken, 1, i, 2),
            .key = pg_bytes(o->taken, 1, i, 3), .sealed = pg_bytes(o->taken, 1, i, 4),
        };

        if (!blocked(o, i) && o->options.publish(o->options.cookie, &row) == RESULT_OK)
            continue;
        o->rows[i].state = UNDELIVERED;
        o->stats.failed++;
        o->stats.in_hand = --o->missing;
    }
    if (o->missing == 0 && !o->stopping)
        settle(o);
}

static void on_taken(void *cookie, struct pg_batch *b)
{
    struct outbox *o = cookie;
    size_t count;

    if (!query_back(o, b, "take") || pg_rows(b, 1) == 0) {
        pg_batch_free(b);
        rest(o);
        maybe_gone(o);
        return;
    }
    count = pg_rows(b, 1);
    o->taken = b;
    o->count = count < OUTBOX_BATCH ? count : OUTBOX_BATCH;
    for (size_t i = 0; i < o->count; i++) {
        o->rows[i] = (struct held_row){ pg_int(b, 1, i, 0), pg_text(b, 1, i, 1), IN_HAND };
        o->stats.takeovers += pg_bool(b, 1, i, 5);
    }
    o->stats.taken += o->count;
    o->stats.in_hand = o->missing = o->count;
    o->phase = PUBLISHING;
    publish(o);
}

static void take(struct outbox *o)
{
    struct text stream = text_of(o->stream);
    struct pg_batch *b;
    enum result r;

    o->again = false;
    if (!query_new(&b))
        return;
    r = pg_add(b, &TURN, PG_TEXT(stream));
    if (!r)
        r = pg_add(b, &TAKE, PG_TEXT(stream), PG_UUID(&o->options.holder), PG_INT(OUTBOX_BATCH),
                   PG_REAL(OUTBOX_TAKEOVER_MS / 2.0));
    if (query_send(o, b, r, on_taken))
        o->phase = TAKING;
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
    int64_t numbers[OUTBOX_BATCH];
    struct pg_batch *b;

    if (o->renewing || !query_new(&b))
        return;
    for (size_t i = 0; i < o->count; i++)
        numbers[i] = o->rows[i].n;
    o->renewing = query_send(o, b, pg_add(b, &RENEW, PG_INTS(numbers, o->count), PG_UUID(&o->options.holder),
                                          PG_REAL(OUTBOX_TAKEOVER_MS)), on_renewed);
}

static void on_timer(uv_timer_t *timer)
{
    struct outbox *o = timer->data;

    if (o->phase == IDLE)
        take(o);
    else if (o->phase == PUBLISHING)
        renew(o);
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
    if (uv_timer_init(loop, &o->timer) != 0 || uv_timer_start(&o->timer, on_timer, poll_ms, poll_ms) != 0) {
        free(o);
        return RESULT_INTERNAL;
    }
    o->timer.data = o;
    o->handle_open = true;
    *out = o;
    return RESULT_OK;
}

void outbox_wake(struct outbox *o)
{
    if (o->phase == IDLE && !o->stopping)
        take(o);
    else
        o->again = true;
}

const struct outbox_stats *outbox_stats(const struct outbox *o)
{
    return &o->stats;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct outbox *o = handle->data;

    o->handle_open = false;
    maybe_gone(o);
}

void outbox_stop(struct outbox *o, void (*stopped)(void *cookie), void *cookie)
{
    assert(!o->stopping);
    o->stopping = true;
    o->stopped = stopped;
    o->stopped_cookie = cookie;
    uv_close((uv_handle_t *)&o->timer, on_timer_closed);
}
