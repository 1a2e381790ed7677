#include "outbox_rows.h"
#include "pg_batch.h"

/* $n: OUTBOX_TAKEOVER_MS, so that header and SQL cannot differ. */
#define HELD(n) "clock_timestamp() + " n " * interval '1 millisecond'"

/*
 * What of the same user is unpublished and comes before: the last such row's n, or 0; NULL where there are more than a
 * look at each costs nothing. Without ORDER BY, so that no plan walks the table by n instead of asking for the user.
 */
static const struct pg_statement APPEND = { "outbox_append",
    "INSERT INTO outbox (stream, user_key, topic, kafka_key, sealed, holder, held_until) "
    "VALUES ($1, $2, $3, $4, $5, $6, " HELD("$7") ") "
    "RETURNING n, (SELECT CASE WHEN count(*) < 16 THEN coalesce(max(p.n), 0) END FROM"
    " (SELECT b.n FROM outbox b WHERE b.stream = $1 AND b.user_key = $2 LIMIT 16) AS p)", "tttbbuf" };

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

/* Not waited for: a row that a crash of PostgreSQL brings back is published once more. */
static const struct pg_statement LAZY = { "outbox_lazy", "SELECT set_config('synchronous_commit', 'off', true)", "" };
static const struct pg_statement DELETE = { "outbox_delete", "DELETE FROM outbox WHERE n = ANY($1)", "I" };

/* ---- writing ------------------------------------------------------------------------------------------------ */

enum result outbox_append(struct pg_batch *b, const struct uuid *holder, struct text stream,
                          const struct outbox_row *row)
{
    return pg_add(b, &APPEND, PG_TEXT(stream), PG_TEXT(row->user_key), PG_TEXT(row->topic), PG_BYTES(row->key),
                  PG_BYTES(row->sealed), PG_UUID(holder), PG_REAL(OUTBOX_TAKEOVER_MS));
}

static struct bytes param(const struct pg_step *step, size_t i)
{
    return (struct bytes){ (const uint8_t *)step->values[i], (size_t)step->lengths[i] };
}

static struct text text_param(const struct pg_step *step, size_t i)
{
    return (struct text){ step->values[i], (size_t)step->lengths[i] };
}

bool outbox_appended(struct pg_batch *b, size_t stmt, struct text stream, struct outbox_row *row, int64_t *before)
{
    const struct pg_step *step = &b->steps[stmt];

    if (step->statement != &APPEND || !text_equal(text_param(step, 0), stream))
        return false;
    *row = (struct outbox_row){
        .n = pg_int(b, stmt, 0, 0), .user_key = text_param(step, 1), .topic = text_param(step, 2),
        .key = param(step, 3), .sealed = param(step, 4),
    };
    *before = pg_is_null(b, stmt, 0, 1) ? OUTBOX_MANY : pg_int(b, stmt, 0, 1);
    return true;
}

enum result outbox_pending(struct pg_batch *b, struct text stream, struct text user_key)
{
    return pg_add(b, &PENDING, PG_TEXT(stream), PG_TEXT(user_key));
}

enum result outbox_waiting(struct pg_batch *b, struct text stream)
{
    return pg_add(b, &WAITING, PG_TEXT(stream), PG_INT(OUTBOX_COUNTED));
}

/* ---- relaying ----------------------------------------------------------------------------------------------- */

enum { TURN_STATEMENT, TAKE_STATEMENT };

enum result outbox_take(struct pg_batch *b, struct text stream, const struct uuid *holder)
{
    enum result r = pg_add(b, &TURN, PG_TEXT(stream));

    return r ? r : pg_add(b, &TAKE, PG_TEXT(stream), PG_UUID(holder), PG_INT(OUTBOX_BATCH),
                          PG_REAL(OUTBOX_TAKEOVER_MS / 2.0));
}

size_t outbox_taken(const struct pg_batch *b)
{
    return pg_rows(b, TAKE_STATEMENT);
}

struct outbox_row outbox_taken_row(struct pg_batch *b, size_t i, bool *others)
{
    *others = pg_bool(b, TAKE_STATEMENT, i, 5);
    return (struct outbox_row){
        .n = pg_int(b, TAKE_STATEMENT, i, 0), .user_key = pg_text(b, TAKE_STATEMENT, i, 1),
        .topic = pg_text(b, TAKE_STATEMENT, i, 2), .key = pg_bytes(b, TAKE_STATEMENT, i, 3),
        .sealed = pg_bytes(b, TAKE_STATEMENT, i, 4),
    };
}

enum result outbox_renew(struct pg_batch *b, const int64_t *n, size_t count, const struct uuid *holder)
{
    return pg_add(b, &RENEW, PG_INTS(n, count), PG_UUID(holder), PG_REAL(OUTBOX_TAKEOVER_MS));
}

enum result outbox_settle(struct pg_batch *b, const int64_t *gone, size_t gone_count, const int64_t *left,
                          size_t left_count, const struct uuid *holder)
{
    enum result r = left_count ? pg_add(b, &RELEASE, PG_INTS(left, left_count), PG_UUID(holder)) : RESULT_OK;

    if (!r && gone_count > 0)
        r = pg_add(b, &LAZY);
    if (!r && gone_count > 0)
        r = pg_add(b, &DELETE, PG_INTS(gone, gone_count));
    return r;
}
