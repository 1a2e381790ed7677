#include "effects.h"

static const struct pg_statement TURN = { "effects_turn",
    "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '.effects.' || $1 || '.' || $2::uuid::text, 0))", "tu" };

static const struct pg_statement FIND = { "effects_find",
    "SELECT fingerprint, reply FROM effects WHERE src = $1 AND id = $2", "tu" };

static const struct pg_statement RECORD = { "effects_record",
    "INSERT INTO effects (src, id, fingerprint, reply) VALUES ($1, $2, $3, $4)", "tubb" };

static const struct pg_statement PURGE = { "effects_purge",
    "DELETE FROM effects WHERE (src, id) IN (SELECT src, id FROM effects "
    "WHERE made < clock_timestamp() - $1 * interval '1 second' ORDER BY made LIMIT $2 FOR UPDATE SKIP LOCKED)", "fi" };

enum result effects_turn(struct pg_batch *b, struct text src, const struct uuid *id)
{
    return pg_add(b, &TURN, PG_TEXT(src), PG_UUID(id));
}

enum result effects_find(struct pg_batch *b, struct text src, const struct uuid *id)
{
    return pg_add(b, &FIND, PG_TEXT(src), PG_UUID(id));
}

enum result effects_read(struct pg_batch *b, size_t stmt, struct effect *out)
{
    *out = (struct effect){ .found = pg_rows(b, stmt) == 1 };
    if (!out->found)
        return pg_outcome(b) == PG_DONE && pg_rows(b, stmt) == 0 ? RESULT_OK : RESULT_INTERNAL;
    out->fingerprint = pg_bytes(b, stmt, 0, 0);
    out->reply = pg_bytes(b, stmt, 0, 1);
    return pg_misread(b) || !out->fingerprint.data || !out->reply.data ? RESULT_INTERNAL : RESULT_OK;
}

enum result effects_record(struct pg_batch *b, struct text src, const struct uuid *id, struct bytes fingerprint,
                           struct bytes reply)
{
    return pg_add(b, &RECORD, PG_TEXT(src), PG_UUID(id), PG_BYTES(fingerprint), PG_BYTES(reply));
}

bool effects_taken(const struct pg_batch *b)
{
    return pg_outcome(b) == PG_UNIQUE && strcmp(pg_constraint(b), "effects_pkey") == 0;
}

enum result effects_purge(struct pg_batch *b, int64_t limit)
{
    return pg_add(b, &PURGE, PG_REAL(EFFECTS_KEEP_S), PG_INT(limit));
}
