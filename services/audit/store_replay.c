#include "log_store_internal.h"

#include "log.h"
#include "rule.h"

#include <stdlib.h>

enum { PAGE = 2000 };

/* The newest record that lies beyond the reach: from the end, so that what is read is what is replayed. */
static const struct pg_statement BEFORE = { "audit_replay_before",
    "SELECT coalesce((SELECT seq FROM records"
    " WHERE received < (SELECT received FROM records ORDER BY seq DESC LIMIT 1) - $1::int8 ORDER BY seq DESC LIMIT 1), -1)", "i" };
/* $3: of all types; $4: of those like one of these. `clock` is the newest `received` from the page's beginning to this row. */
static const struct pg_statement PAGE_AFTER = { "audit_replay_page",
    "SELECT " STORE_ENTRY_COLUMNS ", " STORE_SEALED_COLUMNS ", r.clock"
    " FROM (SELECT *, max(received) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) AS clock FROM records WHERE seq > $1) r"
    " LEFT JOIN subjects s ON s.id = r.subject WHERE $3 OR r.type LIKE ANY ($4) ORDER BY r.seq LIMIT $2", "iioT" };
#define CLOCK_COLUMN (STORE_ENTRY_COUNT + 4)
/* … and of what follows the last row of all. */
static const struct pg_statement CLOCK_AFTER = { "audit_replay_clock",
    "SELECT coalesce(max(received), 0) FROM records WHERE seq > $1", "i" };

struct replay {
    struct log_store *store;
    const struct watch *watch;
    int64_t after;
    struct buffer likes;                /* what types it wants, for LIKE */
    struct bytes *like;
    size_t like_count;
    size_t question_max;                /* bytes of a page's question */
    struct buffer opened;
    struct arena arena;
    log_store_done *done;
    void *cookie;
};

static void drop(struct replay *r)
{
    buffer_free(&r->opened);
    buffer_free(&r->likes);
    arena_reset(&r->arena);
    free(r->like);
    free(r);
}

static void finish(struct replay *r, enum store_outcome o)
{
    r->done(r->cookie, o);
    drop(r);
}

/* Globs have nothing that LIKE would take for more than itself but `_`. */
static enum result write_likes(struct replay *p, const struct rule_types *types)
{
    size_t room = 0, at = 0;

    for (size_t i = 0; i < types->count; i++)
        room += 2 * types->globs[i].len;
    p->question_max = 4096 + 2 * room + 64 * types->count;
    buffer_init(&p->likes, room + 1);
    p->like = calloc(types->count + 1, sizeof(*p->like));
    if (!p->like || buffer_reserve(&p->likes, room + 1))
        return RESULT_NO_MEMORY;
    for (; p->like_count < types->count; p->like_count++) {
        struct text glob = types->globs[p->like_count];
        uint8_t *begin = p->likes.data + at;
        for (size_t i = 0; i < glob.len; i++) {
            if (glob.data[i] == '_')
                p->likes.data[at++] = '\\';
            p->likes.data[at++] = (uint8_t)(glob.data[i] == '*' ? '%' : glob.data[i] == '?' ? '_' : glob.data[i]);
        }
        p->like[p->like_count] = (struct bytes){ begin, (size_t)(p->likes.data + at - begin) };
    }
    return RESULT_OK;
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
    p->watch->pass(p->watch->cookie, (uint64_t)pg_int(b, 0, row, CLOCK_COLUMN));
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

static void on_clock(void *cookie, struct pg_batch *b)
{
    struct replay *p = cookie;
    enum store_outcome o = log_store_outcome_of(b);

    if (o == STORE_DONE)
        p->watch->pass(p->watch->cookie, (uint64_t)pg_int(b, 0, 0, 0));
    pg_batch_free(b);
    finish(p, o);
}

static enum result ask_clock(struct replay *p)
{
    struct pg_batch *b;
    enum result r = pg_batch_new(1024, &b);

    return r ? r : log_store_submit(p->store, b, pg_add(b, &CLOCK_AFTER, PG_INT(p->after)), on_clock, p);
}

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
    if (o == STORE_DONE && !(rows == PAGE ? ask_page(p) : ask_clock(p)))
        return;
    finish(p, o == STORE_DONE ? STORE_AWAY : o);
}

static enum result ask_page(struct replay *p)
{
    struct pg_batch *b;
    enum result r = pg_batch_new(p->question_max, &b);

    return r ? r
             : log_store_submit(p->store, b, pg_add(b, &PAGE_AFTER, PG_INT(p->after), PG_INT(PAGE),
                                                    PG_BOOL(p->watch->wanted(p->watch->cookie)->any), PG_TEXTS(p->like, p->like_count)),
                                on_page, p);
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
    enum result r = write_likes(p, watch->wanted(watch->cookie));
    if (!r)
        r = pg_batch_new(1024, &b);
    if (!r)
        r = log_store_submit(s, b, pg_add(b, &BEFORE, PG_INT((int64_t)watch->reach_ms(watch->cookie))), on_before, p);
    if (r)
        drop(p);
    return r;
}
