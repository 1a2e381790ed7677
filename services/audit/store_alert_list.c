#include "alert_list.h"

#include "audit.h"
#include "entropy.h"
#include "note.h"
#include "once.h"
#include "pg.h"

#include <stdlib.h>

/*
 * n alone names the place: of equal times the higher number is newer. What has been erased or purged since names none: then
 * PLACE finds nothing, and an empty page would look like the end.
 */
static const struct pg_statement PLACE = { "alert_place",
    "SELECT 1 FROM alerts WHERE n = $1 UNION ALL SELECT 1 WHERE $1 = 9223372036854775807", "i" };
static const struct pg_statement LIST = { "alert_list",
    "SELECT alert_id, n, body, last, count, acknowledged_at, acknowledged_by, note FROM alerts"
    " WHERE time >= $1 AND time < $2 AND ($3::text IS NULL OR rule = $3)"
    " AND ($4::bool IS NULL OR (acknowledged_at IS NOT NULL) = $4)"
    " AND ($5 = 9223372036854775807 OR (time, n) < (SELECT time, n FROM alerts WHERE n = $5))"
    " ORDER BY time DESC, n DESC LIMIT $6", "iitoii" };
static const struct pg_statement FIND = { "alert_find",
    "SELECT acknowledged_at IS NOT NULL FROM alerts WHERE alert_id = $1 FOR UPDATE", "u" };
static const struct pg_statement ACKNOWLEDGE = { "alert_acknowledge",
    "UPDATE alerts SET acknowledged_at = $2, acknowledged_by = $3, note = $4 WHERE alert_id = $1", "uitb" };

/* ---- reading --------------------------------------------------------------------------------------------------- */

enum { PLACED, FOUND };                 /* statements */

struct listing {
    size_t limit, bytes;
    void (*done)(void *cookie, enum store_outcome o, const struct alert_page *page);
    void *cookie;
};

static struct kept_alert read_row(struct pg_batch *b, size_t row)
{
    struct kept_alert a = {
        .alert_id = pg_uuid(b, FOUND, row, 0),
        .n = (uint64_t)pg_int(b, FOUND, row, 1),
        .body = pg_bytes(b, FOUND, row, 2),
        .last = (uint64_t)pg_int(b, FOUND, row, 3),
        .count = (uint64_t)pg_int(b, FOUND, row, 4),
        .acknowledged = !pg_is_null(b, FOUND, row, 5),
        .acknowledged_by = pg_text(b, FOUND, row, 6),
        .note = pg_bytes(b, FOUND, row, 7),
    };

    if (a.acknowledged)
        a.acknowledged_at = (uint64_t)pg_int(b, FOUND, row, 5);
    return a;
}

static void on_rows(void *cookie, struct pg_batch *b)
{
    struct listing *l = cookie;
    enum store_outcome o = pg_outcome(b) == PG_DONE ? STORE_DONE : STORE_AWAY;
    size_t rows = o == STORE_DONE ? pg_rows(b, FOUND) : 0;
    struct kept_alert *alerts = calloc(rows + 1, sizeof(*alerts));
    struct alert_page page = { .alerts = alerts, .lost = o == STORE_DONE && pg_rows(b, PLACED) == 0 };

    if (!alerts)
        o = STORE_AWAY;
    for (size_t i = 0; i < rows && alerts && i < l->limit && (i == 0 || l->bytes > 0); i++) {
        alerts[i] = read_row(b, i);
        size_t size = alerts[i].body.len + alerts[i].note.len;
        l->bytes = l->bytes > size ? l->bytes - size : 0;
        page.count++;
    }
    page.more = page.count < rows;
    if (pg_misread(b))
        o = STORE_TAMPERED;
    l->done(l->cookie, o, &page);
    free(alerts);
    pg_batch_free(b);
    free(l);
}

enum result alert_list_read(struct log_store *s, const struct alert_query *q, uint64_t timeout_ms,
                            void (*done)(void *cookie, enum store_outcome o, const struct alert_page *page), void *cookie)
{
    struct listing *l = calloc(1, sizeof(*l));
    struct pg_batch *b;

    if (!l)
        return RESULT_NO_MEMORY;
    *l = (struct listing){ q->limit, q->bytes, done, cookie };
    enum result r = pg_batch_new(4096, &b);
    if (r)
        goto fail;
    r = pg_add(b, &PLACE, PG_INT((int64_t)q->below));
    if (!r)
        r = pg_add(b, &LIST, PG_INT((int64_t)q->from), PG_INT((int64_t)q->to), PG_TEXT(q->rule),
               q->has_state ? PG_BOOL(q->acknowledged) : PG_NULL(), PG_INT((int64_t)q->below), PG_INT((int64_t)q->limit + 1));
    if (!r)
        r = pg_submit(s->pg, b, timeout_ms, on_rows, l);
    if (!r)
        return RESULT_OK;
    pg_batch_free(b);
fail:
    free(l);
    return r;
}

/* ---- acknowledging --------------------------------------------------------------------------------------------- */

struct acknowledging {
    const struct audit_keys *keys;
    const struct audit_alert_acknowledge_request *in;
};

static enum result read(struct once *c, void *op, struct pg_batch *reads)
{
    const struct acknowledging *a = op;

    (void)c;
    return pg_add(reads, &FIND, PG_UUID(&a->in->alert_id));
}

static enum result write(struct once *c, const struct acknowledging *a)
{
    const struct audit_alert_acknowledge_request *in = a->in;
    struct request *rq = once_request(c);
    uint8_t nonce[NOTE_NONCE_LEN];
    struct buffer note;
    enum result r = RESULT_OK;

    buffer_init(&note, NOTE_MAX + 64);
    entropy_fill(nonce, sizeof(nonce));
    if (in->note.data)
        r = note_seal(key_bytes(a->keys->note), &in->alert_id, nonce, in->note, &note);
    if (!r)
        r = pg_add(once_writes(c), &ACKNOWLEDGE, PG_UUID(&in->alert_id), PG_INT((int64_t)request_now_ms(rq)),
                   PG_TEXT(request_source(rq)), in->note.data ? PG_BYTES(buffer_bytes(&note)) : PG_NULL());
    buffer_free(&note);
    return r;
}

static void decide(struct once *c, void *op, struct pg_batch *rows)
{
    static const struct nothing NOTHING;
    const struct acknowledging *a = op;

    if (pg_rows(rows, ONCE_FIRST) == 0) {
        once_refuse(c, FAULT_NOT_FOUND, NULL);
        return;
    }
    /* Who was first stands. */
    enum result r = pg_bool(rows, ONCE_FIRST, 0, 0) ? RESULT_OK : write(c, a);
    if (r)
        once_fail(c, r);
    else
        once_commit(c, &NOTHING);
}

void alert_list_acknowledge(struct durable *d, const struct audit_keys *keys, struct request *rq)
{
    static const struct once_op ACKNOWLEDGING = { .read = read, .decide = decide };
    struct acknowledging *a = arena_alloc(request_arena(rq), 1, sizeof(*a));

    if (!a) {
        request_fail(rq, FAULT_INTERNAL, NULL);
        return;
    }
    *a = (struct acknowledging){ keys, request_body(rq) };
    once_run(d, rq, &ACKNOWLEDGING, a);
}
