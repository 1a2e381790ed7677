#include "store_reuse.h"

#include "log.h"
#include "outgoing.h"

enum { PARAMS_MAX = 16 * 1024 };

/* The user's row first, as everybody does who writes of that user: their events then stand in turn. */
static const struct pg_statement READ = {
    "reuse_read",
    "SELECT s.reused_at IS NULL OR s.reused_at <= $2 - interval '1 hour', s.reused_count::bigint "
    "FROM users u JOIN sessions s USING (user_id) WHERE s.id = $1 FOR UPDATE OF u",
    "um",
};
static const struct pg_statement COUNT = { "reuse_count", "UPDATE sessions SET reused_count = reused_count + $2 WHERE id = $1", "ui" };
static const struct pg_statement TOLD = { "reuse_told", "UPDATE sessions SET reused_at = $2, reused_count = 0 WHERE id = $1", "um" };

static void next(struct store_reuse *s);

static const struct reuse *at_work(const struct store_reuse *s)
{
    return &s->waiting[s->first];
}

static void end(struct store_reuse *s, bool stands)
{
    *(stands ? &s->told : &s->lost) += 1;
    if (!stands)
        log_warn("auth.reuse_lost", LOG_UINT("lost", s->lost));
    s->first = (s->first + 1) % STORE_REUSE_WAITING;
    s->count--;
    s->busy = false;
    next(s);
}

static void on_committed(void *cookie, struct pg_batch *b)
{
    struct store_reuse *s = cookie;
    bool stands = pg_outcome(b) == PG_DONE;

    if (stands)
        durable_committed(s->durable, b);
    pg_batch_free(b);
    end(s, stands);
}

static enum result add_event(const struct store_reuse *s, struct pg_batch *writes, uint64_t count)
{
    const struct reuse *r = at_work(s);
    struct scalar_pair attr = { TEXT("count"), { .type = MP_UINT, .uint = count } };
    struct audit_event event = {
        .type = TEXT("auth.session.reused"),
        .time = r->last_ms,
        .outcome = AUDIT_DENIED,
        .user_id = text_of(r->user_id),
        .session_id = r->session,
        .has_session_id = true,
        .ip = r->ip,
        .has_ip = r->ip.family != 0,
        .attrs = { &attr, 1 },
        .has_attrs = true,
    };

    return outgoing_event(s->durable, writes, &event, text_of(r->trace));
}

static enum result decide(const struct store_reuse *s, struct pg_batch *rows, struct pg_batch *writes)
{
    const struct reuse *r = at_work(s);
    enum result failed;

    if (pg_rows(rows, 0) == 0)
        return RESULT_NOT_FOUND;        /* the user has been purged meanwhile */
    bool due = pg_bool(rows, 0, 0, 0);
    uint64_t before = (uint64_t)pg_int(rows, 0, 0, 1);
    if (pg_misread(rows))
        return RESULT_INTERNAL;
    if (!due)
        return pg_add(writes, &COUNT, PG_UUID(&r->session), PG_INT((int64_t)r->count));
    if ((failed = pg_add(writes, &TOLD, PG_UUID(&r->session), PG_TIME_MS(r->last_ms))))
        return failed;
    return add_event(s, writes, before + r->count);
}

static void on_read(void *cookie, struct pg_txn *txn, struct pg_batch *rows)
{
    struct store_reuse *s = cookie;
    struct pg_batch *writes = NULL;
    enum result failed = txn ? pg_batch_new(PARAMS_MAX, &writes) : RESULT_UNAVAILABLE;

    if (!failed && (failed = decide(s, rows, writes))) {
        pg_rollback(txn);
        txn = NULL;
    }
    pg_batch_free(rows);
    if (!failed && !(failed = pg_commit(txn, writes, s->timeout_ms, on_committed, s)))
        return;
    pg_batch_free(writes);
    end(s, false);
}

static void next(struct store_reuse *s)
{
    struct pg_batch *reads;

    while (!s->busy && s->count > 0) {
        const struct reuse *r = at_work(s);
        enum result failed = pg_batch_new(PARAMS_MAX, &reads);
        if (!failed) {
            failed = pg_add(reads, &READ, PG_UUID(&r->session), PG_TIME_MS(r->last_ms));
            if (!failed && !(failed = pg_begin(durable_pg(s->durable), reads, s->timeout_ms, on_read, s))) {
                s->busy = true;
                return;
            }
            pg_batch_free(reads);
        }
        s->lost++;
        s->first = (s->first + 1) % STORE_REUSE_WAITING;
        s->count--;
    }
}

void store_reuse_init(struct store_reuse *s, struct durable *durable, uint64_t timeout_ms)
{
    *s = (struct store_reuse){ .durable = durable, .timeout_ms = timeout_ms };
}

void store_reuse_tell(struct store_reuse *s, const struct reuse *r)
{
    if (s->count == STORE_REUSE_WAITING) {
        s->lost++;
        return;
    }
    s->waiting[(s->first + s->count) % STORE_REUSE_WAITING] = *r;
    s->count++;
    next(s);
}
