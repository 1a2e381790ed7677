#include "log_store_internal.h"

#include <stdlib.h>

static const struct pg_statement SEEN = { "audit_seen", "SELECT id, src, fingerprint FROM seen WHERE id = ANY($1)", "B" };
static const struct pg_statement CONFLICTS = { "audit_conflicts",
    "SELECT id, src, fingerprint FROM conflicts WHERE id = ANY($1)", "B" };
static const struct pg_statement SUBJECTS = { "audit_subjects",
    "SELECT hash, id, wrapped, used FROM subjects WHERE hash = ANY($1)", "B" };
static const struct pg_statement NOTICES = { "audit_notices", "SELECT n, sealed FROM notices ORDER BY n LIMIT $1", "i" };
/* Minutes that are over, by a clock that may be another instance's: what it counts later is one more record. */
static const struct pg_statement QUERIED = { "audit_queried",
    "SELECT src, minute, count, filters FROM queried WHERE minute < $1 ORDER BY minute, src LIMIT $2", "ii" };

enum { AT_SEEN, AT_CONFLICTS, AT_SUBJECTS, AT_NOTICES, AT_QUERIED };

struct look {
    struct cycle *cycle;
    log_store_done *done;
    void *cookie;
};

static enum result tell_events(struct cycle *c, struct pg_batch *b)
{
    enum result r = RESULT_OK;

    for (size_t i = 0; i < pg_rows(b, AT_SEEN) && !r; i++)
        r = cycle_seen(c, pg_bytes(b, AT_SEEN, i, 0), pg_text(b, AT_SEEN, i, 1), pg_bytes(b, AT_SEEN, i, 2));
    for (size_t i = 0; i < pg_rows(b, AT_CONFLICTS) && !r; i++)
        r = cycle_conflicting(c, pg_bytes(b, AT_CONFLICTS, i, 0), pg_text(b, AT_CONFLICTS, i, 1), pg_bytes(b, AT_CONFLICTS, i, 2));
    for (size_t i = 0; i < pg_rows(b, AT_SUBJECTS) && !r; i++)
        r = cycle_subject(c, pg_bytes(b, AT_SUBJECTS, i, 0), (uint64_t)pg_int(b, AT_SUBJECTS, i, 1), pg_bytes(b, AT_SUBJECTS, i, 2),
                          pg_int(b, AT_SUBJECTS, i, 3));
    return r;
}

static enum result tell_own(struct cycle *c, struct pg_batch *b)
{
    enum result r = RESULT_OK;

    for (size_t i = 0; i < pg_rows(b, AT_NOTICES) && !r; i++)
        r = cycle_notice(c, pg_int(b, AT_NOTICES, i, 0), pg_bytes(b, AT_NOTICES, i, 1));
    for (size_t i = 0; i < pg_rows(b, AT_QUERIED) && !r; i++)
        r = cycle_queried(c, &(struct cycle_queried){
            .src = pg_text(b, AT_QUERIED, i, 0), .minute = (uint64_t)pg_int(b, AT_QUERIED, i, 1),
            .count = (uint64_t)pg_int(b, AT_QUERIED, i, 2), .filters = (uint64_t)pg_int(b, AT_QUERIED, i, 3),
        });
    return r;
}

static void looked(void *cookie, struct pg_batch *b)
{
    struct look look = *(struct look *)cookie;
    enum store_outcome o = log_store_outcome_of(b);

    free(cookie);
    if (o == STORE_DONE) {
        enum result r = tell_events(look.cycle, b);
        if (!r)
            r = tell_own(look.cycle, b);
        if (!r && pg_misread(b))
            r = RESULT_MALFORMED;
        if (r)
            o = r == RESULT_NO_MEMORY || r == RESULT_FULL ? STORE_AWAY : STORE_TAMPERED;
    }
    pg_batch_free(b);
    look.done(look.cookie, o);
}

static enum result add_all(struct cycle *c, struct pg_batch *b)
{
    struct bytes *ids = arena_alloc(&c->arena, c->events + 1, sizeof(*ids));
    struct bytes *hashes = arena_alloc(&c->arena, c->subject_count + 1, sizeof(*hashes));

    if (!ids || !hashes)
        return RESULT_NO_MEMORY;
    int64_t own = c->asks_own ? CYCLE_NOTICES_MAX : 0;
    size_t events = cycle_ids(c, ids), unknown = cycle_unknown(c, hashes);
    enum result r = pg_add(b, &SEEN, PG_BYTEAS(ids, events));
    if (!r)
        r = pg_add(b, &CONFLICTS, PG_BYTEAS(ids, events));
    if (!r)
        r = pg_add(b, &SUBJECTS, PG_BYTEAS(hashes, unknown));
    if (!r)
        r = pg_add(b, &NOTICES, PG_INT(own));
    if (!r)
        r = pg_add(b, &QUERIED, PG_INT((int64_t)(c->now_ms / 60000)), PG_INT(own));
    return r;
}

enum result log_store_look(struct log_store *s, struct cycle *c, log_store_done *done, void *cookie)
{
    struct look *look = malloc(sizeof(*look));
    struct pg_batch *b;

    if (!look)
        return RESULT_NO_MEMORY;
    *look = (struct look){ c, done, cookie };
    enum result r = pg_batch_new(1024 * 1024, &b);
    if (!r)
        r = log_store_submit(s, b, add_all(c, b), looked, look);
    if (r)
        free(look);
    return r;
}
