#include "log_store_internal.h"

#include "log.h"

#include <stdlib.h>

enum { PAGE = 2000 };

/* The newest record that lies beyond the reach: from the end, so that what is read is what is replayed. */
static const struct pg_statement BEFORE = { "audit_replay_before",
    "SELECT coalesce((SELECT seq FROM records"
    " WHERE received < (SELECT received FROM records ORDER BY seq DESC LIMIT 1) - $1::int8 ORDER BY seq DESC LIMIT 1), -1)", "i" };
static const struct pg_statement PAGE_AFTER = { "audit_replay_page",
    "SELECT " STORE_ENTRY_COLUMNS ", " STORE_SEALED_COLUMNS
    " FROM records r LEFT JOIN subjects s ON s.id = r.subject WHERE r.seq > $1 ORDER BY r.seq LIMIT $2", "ii" };

struct replay {
    struct log_store *store;
    const struct watch *watch;
    int64_t after;
    struct buffer opened;
    struct arena arena;
    log_store_done *done;
    void *cookie;
};

static void finish(struct replay *r, enum store_outcome o)
{
    r->done(r->cookie, o);
    buffer_free(&r->opened);
    arena_reset(&r->arena);
    free(r);
}

static enum result replay_row(struct replay *p, struct pg_batch *b, size_t row)
{
    struct log_record record;
    struct entry e;

    buffer_reset(&p->opened);
    arena_reset(&p->arena);
    enum result r = log_store_read_entry(b, 0, row, &e);
    if (r)
        return r;
    p->after = (int64_t)e.seq;
    r = log_store_open_entry(p->store, b, 0, row, STORE_ENTRY_COUNT, &e, &p->opened);
    if (r)
        return r == RESULT_NOT_FOUND ? RESULT_OK : r;
    struct bytes payload = { p->opened.data + ENTRY_NONCE_LEN, p->opened.len - ENTRY_NONCE_LEN };
    r = event_read(payload, &p->arena, &record.event);
    record.seq = e.seq;
    record.received = e.received;
    record.src = e.src;
    return r ? r : p->watch->replay(p->watch->cookie, &record);
}

static enum result ask_page(struct replay *r);

static void on_page(void *cookie, struct pg_batch *b)
{
    struct replay *p = cookie;
    enum store_outcome o = log_store_outcome_of(b);
    size_t rows = o == STORE_DONE ? pg_rows(b, 0) : 0;
    enum result r = RESULT_OK;

    for (size_t i = 0; i < rows && !r; i++)
        r = replay_row(p, b, i);
    pg_batch_free(b);
    if (r) {
        log_error("audit.replay", LOG_INT("seq", p->after), LOG_RESULT(r));
        o = r == RESULT_NOT_AUTHENTIC || r == RESULT_MALFORMED ? STORE_TAMPERED : STORE_AWAY;
    }
    if (o == STORE_DONE && rows == PAGE && !ask_page(p))
        return;
    finish(p, o == STORE_DONE && rows == PAGE ? STORE_AWAY : o);
}

static enum result ask_page(struct replay *p)
{
    struct pg_batch *b;
    enum result r = pg_batch_new(1024, &b);

    return r ? r : log_store_submit(p->store, b, pg_add(b, &PAGE_AFTER, PG_INT(p->after), PG_INT(PAGE)), on_page, p);
}

static void on_before(void *cookie, struct pg_batch *b)
{
    struct replay *p = cookie;
    enum store_outcome o = log_store_outcome_of(b);

    if (o == STORE_DONE)
        p->after = pg_int(b, 0, 0, 0);
    pg_batch_free(b);
    if (o == STORE_DONE && !ask_page(p))
        return;
    finish(p, o == STORE_DONE ? STORE_AWAY : o);
}

enum result log_store_replay(struct log_store *s, const struct watch *watch, log_store_done *done, void *cookie)
{
    struct replay *p = calloc(1, sizeof(*p));
    struct pg_batch *b;

    if (!p)
        return RESULT_NO_MEMORY;
    *p = (struct replay){ .store = s, .watch = watch, .done = done, .cookie = cookie };
    buffer_init(&p->opened, 2 * EVENT_PAYLOAD_MAX);
    arena_init(&p->arena, NULL, 0, EVENT_PAYLOAD_MAX);
    enum result r = pg_batch_new(1024, &b);
    if (!r)
        r = log_store_submit(s, b, pg_add(b, &BEFORE, PG_INT((int64_t)watch->reach_ms(watch->cookie))), on_before, p);
    if (r)
        free(p);
    return r;
}
