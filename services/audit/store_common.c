#include "log_store_internal.h"

#include "log.h"

/* SQLSTATE classes that say nothing against what was to be written. */
static bool environmental(const char *state)
{
    static const char *const CLASSES[] = { "08", "25", "40", "53", "55", "57", "58" };

    for (size_t i = 0; i < sizeof(CLASSES) / sizeof(CLASSES[0]); i++)
        if (strncmp(state, CLASSES[i], 2) == 0)
            return true;
    return false;
}

enum store_outcome log_store_outcome_of(const struct pg_batch *b)
{
    switch (pg_outcome(b)) {
    case PG_DONE:
        return STORE_DONE;
    case PG_UNIQUE:
        return STORE_REFUSED;
    case PG_FAILED:
        if (strcmp(pg_sqlstate(b), "HL001") == 0)
            return STORE_LEASE_LOST;
        log_error("audit.store", LOG_STR("sqlstate", pg_sqlstate(b)), LOG_STR("constraint", pg_constraint(b)),
                  LOG_UINT("statement", pg_failed_at(b)));
        return environmental(pg_sqlstate(b)) ? STORE_AWAY : STORE_REFUSED;
    default:
        return STORE_AWAY;
    }
}

enum result log_store_submit(struct log_store *s, struct pg_batch *b, enum result added, pg_batch_cb *done, void *cookie)
{
    enum result r = added ? added : pg_submit(s->pg, b, STORE_TIMEOUT_MS, done, cookie);

    if (r)
        pg_batch_free(b);
    return r;
}

static bool copy_of(struct bytes b, uint8_t *out, size_t len)
{
    if (b.len != len)
        return false;
    memcpy(out, b.data, len);
    return true;
}

enum result log_store_read_entry(struct pg_batch *b, size_t stmt, size_t row, struct entry *out)
{
    int64_t outcome = pg_int(b, stmt, row, 5);

    *out = (struct entry){
        .seq = (uint64_t)pg_int(b, stmt, row, 0),
        .received = (uint64_t)pg_int(b, stmt, row, 1),
        .time = (uint64_t)pg_int(b, stmt, row, 2),
        .src = pg_text(b, stmt, row, 3),
        .type = pg_text(b, stmt, row, 4),
        .outcome = (enum event_outcome)outcome,
    };
    if (outcome < OUTCOME_SUCCESS || outcome > OUTCOME_DENIED || !copy_of(pg_bytes(b, stmt, row, 6), out->tag, ENTRY_TAG_LEN) ||
        !copy_of(pg_bytes(b, stmt, row, 7), out->hash, ENTRY_HASH_LEN) || pg_misread(b))
        return RESULT_MALFORMED;
    return RESULT_OK;
}

enum result log_store_open_entry(struct log_store *s, struct pg_batch *b, size_t stmt, size_t row, size_t col,
                             const struct entry *e, struct buffer *opened)
{
    struct bytes sealed = pg_bytes(b, stmt, row, col), wrapped = pg_bytes(b, stmt, row, col + 3);
    uint8_t key[ENTRY_KEY_LEN];
    struct subject_hash hash;

    if (!sealed.data || !wrapped.data)
        return RESULT_NOT_FOUND;
    enum result r = copy_of(pg_bytes(b, stmt, row, col + 2), hash.bytes, SUBJECT_HASH_LEN) ? RESULT_OK : RESULT_NOT_AUTHENTIC;
    if (!r)
        r = subject_unwrap(key_bytes(s->keys->wrap), (uint64_t)pg_int(b, stmt, row, col + 1), &hash, wrapped, key);
    if (!r)
        r = entry_open(e, key, sealed, opened);
    secret_wipe(key, sizeof(key));
    if (r == RESULT_NOT_AUTHENTIC)
        log_error("audit.record_tampered", LOG_UINT("seq", e->seq));
    return r;
}
