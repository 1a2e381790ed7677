/* What nobody needs to remember any more: sessions idle for longer than any lives and any device is remembered. */
#include "store_people.h"

#include "log.h"

enum { ROWS_MAX = 500, TIMEOUT_MS = 5000 };

#define IDLE_MS (UINT64_C(3600) * 1000)

static void purged(void *cookie, struct pg_batch *b)
{
    struct people *p = cookie;

    p->purging = false;
    if (pg_outcome(b) != PG_DONE)
        log_warn("auth.purge_failed", LOG_STR("outcome", pg_outcome_text(pg_outcome(b))), LOG_STR("sqlstate", pg_sqlstate(b)));
    else if (pg_affected(b, 0) == ROWS_MAX)
        p->purge_at_ms = 0;             /* there is more */
    pg_batch_free(b);
}

/* Ids begin with the login's time, so the oldest are found without an index of their own. */
static enum result add(struct people *p, struct pg_batch *b, uint64_t now_ms)
{
    static const struct pg_statement PURGE = { "session_purge",
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE id < $1 AND last_activity < $2"
        " ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)", "umi" };
    static const uint8_t NOUGHT[10];
    uint64_t memory_ms = p->options.lifetimes.sliding_ms;

    if (memory_ms < SESSION_MEMORY_MS)
        memory_ms = SESSION_MEMORY_MS;
    uint64_t before_ms = now_ms > memory_ms ? now_ms - memory_ms : 0;
    struct uuid before = uuid_v7(before_ms, NOUGHT);
    return pg_add(b, &PURGE, PG_UUID(&before), PG_TIME_MS(before_ms), PG_INT(ROWS_MAX));
}

void people_tick(struct people *p, uint64_t now_ms)
{
    struct pg_batch *b;

    if (!p->columns || p->purging || now_ms < p->purge_at_ms)
        return;
    p->purge_at_ms = now_ms + IDLE_MS;
    enum result r = pg_batch_new(PEOPLE_BATCH_BYTES, &b);
    if (r) {
        log_warn("auth.purge_failed", LOG_RESULT(r));
        return;
    }
    r = add(p, b, now_ms);
    if (!r)
        r = pg_submit(durable_pg(p->options.durable), b, TIMEOUT_MS, purged, p);
    p->purging = !r;
    if (r) {
        log_warn("auth.purge_failed", LOG_RESULT(r));
        pg_batch_free(b);
    }
}
