#include "janitor.h"

#include "log.h"
#include "outgoing.h"
#include "store_recordings.h"

#include <stdlib.h>

enum {
    ROWS_MAX = 50,                      /* recordings in one transaction */
    FORGET_MAX = 1000,
    NAMES_MAX = 256,                    /* blobs looked at in one go */
    BATCH_BYTES = 256 * 1024,
};

struct janitor {
    struct vault *vault;
    uint64_t grace_ms;
    unsigned ticks, shard;
    bool taking, forgetting, sweeping, lost;
    bool more;                          /* there was a full batch: go on at once */
    struct pg_batch *due;               /* rows being taken away */

    struct uuid names[NAMES_MAX];       /* of the sweep under way */
    size_t name_count;
    struct uuid after;                  /* how far it has come in its shard */
    enum result listed;
};

/* ---- recordings past their time ------------------------------------------------------------------------------------ */

enum { ID, REALM, OWNER, EXPIRES_AT, NOW, DROPPED };

#define DROPPED_SQL "(sha256 IS NULL AND created_at + interval '10 minutes' <= expires_at)"

static enum result add_expired(struct janitor *j, struct pg_batch *writes, size_t row, const struct uuid *id)
{
    static const struct pg_statement REMEMBER = { "expired_insert",
        "INSERT INTO expired (id, realm, expired_at) VALUES ($1, $2, $3)", "utm" };
    struct pg_batch *due = j->due;
    char text[UUID_TEXT_LEN + 1];
    struct scalar_pair attrs[] = {
        { TEXT("object_id"), { .type = MP_STR } },
        { TEXT("realm"), { .type = MP_STR, .str = pg_text(due, 0, row, REALM) } },
    };
    struct audit_event event = {
        .type = TEXT("crypto.object.expired"),
        .time = (uint64_t)pg_time_ms(due, 0, row, EXPIRES_AT),
        .outcome = AUDIT_SUCCESS,
        .user_id = pg_text(due, 0, row, OWNER),
        .has_attrs = true,
        .attrs = { attrs, sizeof(attrs) / sizeof(attrs[0]) },
    };

    uuid_format(id, text);
    attrs[0].value.str = text_of(text);
    enum result r = pg_add(writes, &REMEMBER, PG_UUID(id), PG_TEXT(attrs[1].value.str), PG_TIME_MS(event.time));
    return r ? r : outgoing_event(j->vault->durable, writes, &event, (struct text){ NULL, 0 });
}

/* The parts first, two statements a row, so that the blobs' names come back by number. */
static enum result add_removals(struct janitor *j, struct pg_batch *writes, size_t rows)
{
    static const struct pg_statement PARTS = { "parts_take", "DELETE FROM parts WHERE object_id = $1 RETURNING blob", "u" };
    static const struct pg_statement OBJECT = { "object_take", "DELETE FROM objects WHERE id = $1", "u" };
    enum result r = RESULT_OK;

    for (size_t i = 0; i < rows && !r; i++) {
        struct uuid id = pg_uuid(j->due, 0, i, ID);
        r = pg_add(writes, &PARTS, PG_UUID(&id));
        if (!r)
            r = pg_add(writes, &OBJECT, PG_UUID(&id));
    }
    for (size_t i = 0; i < rows && !r; i++) {
        struct uuid id = pg_uuid(j->due, 0, i, ID);
        if (!pg_bool(j->due, 0, i, DROPPED))
            r = add_expired(j, writes, i, &id);
    }
    return r || !pg_misread(j->due) ? r : RESULT_INTERNAL;
}

static void forget_parts(struct janitor *j, struct pg_batch *writes, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        struct uuid names[RECORDING_MAX / PART_UNIT];
        size_t count = pg_rows(writes, 2 * i);

        count = count < RECORDING_MAX / PART_UNIT ? count : RECORDING_MAX / PART_UNIT;
        for (size_t p = 0; p < count; p++)
            names[p] = pg_uuid(writes, 2 * i, p, 0);
        blobs_forget(j->vault, names, count);
    }
}

static void end_taking(struct janitor *j)
{
    pg_batch_free(j->due);
    j->due = NULL;
    j->taking = false;
}

static void on_taken(void *cookie, struct pg_batch *b)
{
    struct janitor *j = cookie;
    size_t rows = pg_rows(j->due, 0);

    if (pg_outcome(b) == PG_DONE) {
        forget_parts(j, b, rows);
        for (size_t i = 0; i < rows; i++)
            *(pg_bool(j->due, 0, i, DROPPED) ? &j->vault->stats.dropped : &j->vault->stats.expired) += 1;
        j->more = rows == ROWS_MAX;
        durable_committed(j->vault->durable, b);
    }
    pg_batch_free(b);
    end_taking(j);
    if (j->more)
        janitor_tick(j);
}

static void on_due(void *cookie, struct pg_txn *txn, struct pg_batch *b)
{
    struct janitor *j = cookie;
    struct pg_batch *writes = NULL;

    j->due = b;
    j->more = false;
    if (!txn || pg_rows(b, 0) == 0) {
        if (txn)
            pg_rollback(txn);
        end_taking(j);
        return;
    }
    enum result r = pg_batch_new(BATCH_BYTES, &writes);
    if (!r)
        r = add_removals(j, writes, pg_rows(b, 0));
    if (r)
        pg_rollback(txn);
    else
        r = pg_commit(txn, writes, QUERY_MS, on_taken, j);
    if (!r)
        return;
    log_error("crypto.janitor", LOG_RESULT(r));
    pg_batch_free(writes);
    end_taking(j);
}

static void take_due(struct janitor *j)
{
    static const struct pg_statement DUE = { "objects_due",
        "SELECT id, realm, owner, expires_at, clock_timestamp(), " DROPPED_SQL " FROM objects"
        " WHERE expires_at <= clock_timestamp()"
        " OR (sha256 IS NULL AND created_at <= clock_timestamp() - interval '10 minutes')"
        " LIMIT $1 FOR UPDATE SKIP LOCKED", "i" };
    struct pg_batch *b;

    if (pg_batch_new(QUERY_BYTES, &b))
        return;
    enum result r = pg_add(b, &DUE, PG_INT(ROWS_MAX));
    if (!r)
        r = pg_begin(durable_pg(j->vault->durable), b, QUERY_MS, on_due, j);
    j->taking = !r;
    if (r)
        pg_batch_free(b);
}

/* ---- tombstones ---------------------------------------------------------------------------------------------------- */

static void on_forgotten(void *cookie, struct pg_batch *b)
{
    struct janitor *j = cookie;

    j->forgetting = false;
    pg_batch_free(b);
}

static void forget_expired(struct janitor *j)
{
    static const struct pg_statement FORGET = { "expired_forget",
        "DELETE FROM expired WHERE id IN (SELECT id FROM expired WHERE expired_at <= clock_timestamp() - interval '30 days'"
        " LIMIT $1 FOR UPDATE SKIP LOCKED)", "i" };
    struct pg_batch *b;

    if (pg_batch_new(QUERY_BYTES, &b))
        return;
    enum result r = pg_add(b, &FORGET, PG_INT(FORGET_MAX));
    if (!r)
        r = pg_submit(durable_pg(j->vault->durable), b, QUERY_MS, on_forgotten, j);
    j->forgetting = !r;
    if (r)
        pg_batch_free(b);
}

/* ---- blobs of nobody ----------------------------------------------------------------------------------------------- */

/* On the thread pool. Whose store it is comes first: another's blobs are not ours to judge. */
static void list_names(void *cookie)
{
    struct janitor *j = cookie;
    struct blobs *blobs = j->vault->blobs;
    struct uuid id;

    j->listed = blobs->identity(blobs, &id);
    if (!j->listed && memcmp(id.bytes, j->vault->store_id.bytes, sizeof(id.bytes)) != 0)
        j->listed = RESULT_CONFLICT;
    if (!j->listed)
        j->listed = blobs->list(blobs, j->shard, j->grace_ms, &j->after, j->names, NAMES_MAX, &j->name_count);
}

static void on_known(void *cookie, struct pg_batch *b)
{
    struct janitor *j = cookie;
    size_t orphans = 0;

    for (size_t i = 0; pg_outcome(b) == PG_DONE && i < j->name_count; i++)
        if (pg_rows(b, i) == 0)
            j->names[orphans++] = j->names[i];
    pg_batch_free(b);
    blobs_forget(j->vault, j->names, orphans);
    j->vault->stats.orphans += orphans;
    if (orphans > 0)
        log_info("crypto.orphans_removed", LOG_UINT("count", orphans));
    j->sweeping = false;
}

static void on_listed(void *cookie)
{
    static const struct pg_statement KNOWN = { "blob_known", "SELECT 1 FROM parts WHERE blob = $1", "u" };
    struct janitor *j = cookie;
    struct pg_batch *b = NULL;

    j->lost = j->listed == RESULT_CONFLICT || j->listed == RESULT_NOT_FOUND || j->listed == RESULT_MALFORMED;
    if (j->listed)
        log_error("crypto.sweep", LOG_RESULT(j->listed), LOG_UINT("shard", j->shard));
    if (j->listed || j->name_count < NAMES_MAX) {
        j->shard = (j->shard + 1) % BLOB_SHARDS;
        j->after = (struct uuid){ { 0 } };
    } else {
        j->after = j->names[NAMES_MAX - 1];
    }
    if (j->listed || j->name_count == 0) {
        j->sweeping = false;
        return;
    }
    enum result r = pg_batch_new(QUERY_BYTES, &b);
    for (size_t i = 0; i < j->name_count && !r; i++)
        r = pg_add(b, &KNOWN, PG_UUID(&j->names[i]));
    if (!r)
        r = pg_submit(durable_pg(j->vault->durable), b, QUERY_MS, on_known, j);
    if (r) {
        pg_batch_free(b);
        j->sweeping = false;
    }
}

static void sweep(struct janitor *j)
{
    j->sweeping = !offload_run(j->vault->offload, list_names, on_listed, j);
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

enum result janitor_new(struct vault *v, uint64_t grace_ms, unsigned first_shard, struct janitor **out)
{
    struct janitor *j = calloc(1, sizeof(*j));

    if (!j)
        return RESULT_NO_MEMORY;
    j->vault = v;
    j->grace_ms = grace_ms;
    j->shard = first_shard % BLOB_SHARDS;
    *out = j;
    return RESULT_OK;
}

void janitor_tick(struct janitor *j)
{
    if (!durable_is_open(j->vault->durable))
        return;
    if (!j->taking)
        take_due(j);
    if (j->ticks % JANITOR_SWEEP_TICKS == 0 && !j->sweeping)
        sweep(j);
    if (j->ticks % 60 == 0 && !j->forgetting)
        forget_expired(j);
    j->ticks++;
}

bool janitor_lost_store(const struct janitor *j)
{
    return j->lost;
}

void janitor_free(struct janitor *j)
{
    free(j);
}
