#include "log_store_internal.h"

#include "log.h"

/* An event older than 8 d is stale, and so is never compared with what is stored under its id. */
#define DAY_MS (UINT64_C(24) * 60 * 60 * 1000)
#define KEEP_MS (9 * DAY_MS)
/* As long as their topic keeps them; far beyond the reach of any rule, which wants its episodes back. */
#define ALERTS_KEEP_MS (30 * DAY_MS)
#define PURGE_MAX 5000

static const struct pg_statement SEEN = { "audit_purge_seen",
    "DELETE FROM seen WHERE (id, src) IN (SELECT id, src FROM seen WHERE id < $1 ORDER BY id LIMIT $2)", "bi" };
static const struct pg_statement CONFLICTS = { "audit_purge_conflicts", "DELETE FROM conflicts WHERE id < $1", "b" };
static const struct pg_statement PRODUCERS = { "audit_purge_producers", "DELETE FROM producers WHERE seen < $1", "i" };
/* received: of the last event that belongs to it. An episode that goes on is kept, or it would be told a second time. */
static const struct pg_statement ALERTS = { "audit_purge_alerts",
    "DELETE FROM alerts WHERE alert_id IN (SELECT alert_id FROM alerts WHERE received < $1 ORDER BY received LIMIT $2)", "ii" };

static uint64_t ago(uint64_t now_ms, uint64_t age_ms)
{
    return now_ms > age_ms ? now_ms - age_ms : 0;
}

static void purged(void *cookie, struct pg_batch *b)
{
    (void)cookie;
    if (pg_outcome(b) != PG_DONE)
        log_warn("audit.purge", LOG_STR("outcome", pg_outcome_text(pg_outcome(b))), LOG_STR("sqlstate", pg_sqlstate(b)));
    pg_batch_free(b);
}

void log_store_purge(struct log_store *s, uint64_t now_ms)
{
    uint64_t before_ms = ago(now_ms, KEEP_MS);
    uint8_t id[16] = { 0 };
    struct pg_batch *b;
    enum result r = pg_batch_new(1024, &b);

    bytes_put_u64(id, before_ms << 16);                 /* how ids of that time begin */
    if (!r) {
        r = pg_add(b, &SEEN, PG_BYTES(((struct bytes){ id, sizeof(id) })), PG_INT(PURGE_MAX));
        if (!r)
            r = pg_add(b, &CONFLICTS, PG_BYTES(((struct bytes){ id, sizeof(id) })));
        if (!r)
            r = pg_add(b, &PRODUCERS, PG_INT((int64_t)before_ms));
        if (!r)
            r = pg_add(b, &ALERTS, PG_INT((int64_t)ago(now_ms, ALERTS_KEEP_MS)), PG_INT(PURGE_MAX));
        r = log_store_submit(s, b, r, purged, NULL);
    }
    if (r)
        log_warn("audit.purge", LOG_RESULT(r));
}
