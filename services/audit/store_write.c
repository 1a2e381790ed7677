#include "log_store_internal.h"

#include <stdlib.h>

#define WRITE_MAX (32u * 1024 * 1024)

static const struct pg_statement FENCE = { "audit_fence", "SELECT hold_lease($1, $2)", "iu" };
/* unnest stands where rows are selected: in FROM each array would first be written out as a table of its own. */
static const struct pg_statement SUBJECTS = { "audit_write_subjects",
    "INSERT INTO subjects (id, kind, used, hash, wrapped)"
    " SELECT unnest($1::int8[]), chr(unnest($2::int8[])::int)::\"char\", unnest($3::int8[]), unnest($4::bytea[]), unnest($5::bytea[])",
    "IIIBB" };
static const struct pg_statement TOUCHED = { "audit_write_touched", "UPDATE subjects SET used = $1 WHERE id = ANY($2)", "iI" };
static const struct pg_statement RECORDS = { "audit_write_records",
    "INSERT INTO records (seq, received, time, outcome, subject, src, type, tag, hash, sealed, user_hash, ip_hash)"
    " SELECT unnest($1::int8[]), unnest($2::int8[]), unnest($3::int8[]), unnest($4::int8[]), unnest($5::int8[]), unnest($6::text[]),"
    " unnest($7::text[]), unnest($8::bytea[]), unnest($9::bytea[]), unnest($10::bytea[]), unnest($11::bytea[]), unnest($12::bytea[])",
    "IIIIITTBBBBB" };
static const struct pg_statement SEEN = { "audit_write_seen",
    "INSERT INTO seen (id, src, fingerprint) SELECT unnest($1::bytea[]), unnest($2::text[]), unnest($3::bytea[])", "BTB" };
static const struct pg_statement CONFLICTS = { "audit_write_conflicts",
    "INSERT INTO conflicts (id, src, fingerprint) SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[])", "BTB" };
static const struct pg_statement NODES = { "audit_write_nodes",
    "INSERT INTO nodes (height, index, hash) SELECT * FROM unnest($1::int8[], $2::int8[], $3::bytea[])", "IIB" };
static const struct pg_statement LOG = { "audit_write_log", "UPDATE log SET size = $1, roots = $2, subjects = $3", "ibi" };
static const struct pg_statement OFFSETS = { "audit_write_offsets",
    "INSERT INTO offsets (partition, next) SELECT * FROM unnest($1::int8[], $2::int8[])"
    " ON CONFLICT (partition) DO UPDATE SET next = excluded.next", "II" };
static const struct pg_statement PRODUCERS = { "audit_write_producers",
    "INSERT INTO producers (src, instance, state, seen) SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::int8[])"
    " ON CONFLICT (src, instance) DO UPDATE SET state = excluded.state, seen = excluded.seen", "TBBI" };
static const struct pg_statement NOTICES = { "audit_write_notices", "DELETE FROM notices WHERE n = ANY($1)", "I" };
/* No more than was told: what was counted meanwhile stays. */
static const struct pg_statement QUERIED = { "audit_write_queried",
    "UPDATE queried SET count = count - $3 WHERE src = $1 AND minute = $2", "tii" };
static const struct pg_statement QUERIED_ALL = { "audit_write_queried_all", "DELETE FROM queried WHERE count <= 0", "" };

struct log_write {
    struct pg_batch *b;                 /* NULL once it is under way */
    log_store_done *done;
    void *cookie;
};

static enum result add_records(struct pg_batch *b, const struct cycle_rows *r)
{
    size_t n = r->count;
    enum result e = RESULT_OK;

    if (r->subject_count > 0)
        e = pg_add(b, &SUBJECTS, PG_INTS(r->subject_id, r->subject_count), PG_INTS(r->subject_kind, r->subject_count),
                   PG_INTS(r->subject_day, r->subject_count), PG_BYTEAS(r->subject_hash, r->subject_count),
                   PG_BYTEAS(r->subject_wrapped, r->subject_count));
    if (!e && n > 0)
        e = pg_add(b, &RECORDS, PG_INTS(r->seq, n), PG_INTS(r->received, n), PG_INTS(r->time, n), PG_INTS(r->outcome, n),
                   PG_INTS(r->subject, n), PG_TEXTS(r->src, n), PG_TEXTS(r->type, n), PG_BYTEAS(r->tag, n), PG_BYTEAS(r->hash, n),
                   PG_BYTEAS(r->sealed, n), PG_BYTEAS(r->user, n), PG_BYTEAS(r->ip, n));
    if (!e && r->seen_count > 0)
        e = pg_add(b, &SEEN, PG_BYTEAS(r->seen_id, r->seen_count), PG_TEXTS(r->seen_src, r->seen_count),
                   PG_BYTEAS(r->seen_fingerprint, r->seen_count));
    return e;
}

static enum result add_nodes(struct pg_batch *b, struct cycle *c)
{
    const struct cycle_rows *r = &c->rows;
    int64_t *heights = arena_alloc(&c->arena, r->node_count + 1, sizeof(*heights));
    int64_t *indexes = arena_alloc(&c->arena, r->node_count + 1, sizeof(*indexes));
    struct bytes *hashes = arena_alloc(&c->arena, r->node_count + 1, sizeof(*hashes));

    if (!heights || !indexes || !hashes)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i < r->node_count; i++) {
        heights[i] = r->nodes[i].height;
        indexes[i] = (int64_t)r->nodes[i].index;
        hashes[i] = (struct bytes){ r->nodes[i].hash.bytes, TREE_HASH_LEN };
    }
    return r->node_count == 0 ? RESULT_OK
                              : pg_add(b, &NODES, PG_INTS(heights, r->node_count), PG_INTS(indexes, r->node_count),
                                       PG_BYTEAS(hashes, r->node_count));
}

static enum result add_log(struct pg_batch *b, const struct cycle *c)
{
    struct buffer roots;
    enum result r;

    buffer_init(&roots, TREE_HEIGHTS * TREE_HASH_LEN);
    r = tree_save(&c->state->tree, &roots);
    /* An empty value is not NULL: a tree without leaves has no roots. */
    if (!r)
        r = pg_add(b, &LOG, PG_INT((int64_t)c->state->tree.size),
                   PG_BYTES(((struct bytes){ roots.data ? roots.data : (const uint8_t *)"", roots.len })),
                   PG_INT((int64_t)c->state->subjects));
    buffer_free(&roots);
    return r;
}

static enum result add_offsets(struct pg_batch *b, struct cycle *c)
{
    size_t n = c->offset_count;
    int64_t *partitions = arena_alloc(&c->arena, n + 1, sizeof(*partitions)), *nexts = arena_alloc(&c->arena, n + 1, sizeof(*nexts));

    if (!partitions || !nexts)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        partitions[i] = c->offsets[i].partition;
        nexts[i] = c->offsets[i].next;
    }
    return n == 0 ? RESULT_OK : pg_add(b, &OFFSETS, PG_INTS(partitions, n), PG_INTS(nexts, n));
}

static enum result add_producers(struct pg_batch *b, struct cycle *c)
{
    size_t n = 0, at = 0;
    enum result r = RESULT_OK;

    for (const struct producer *p = c->producers; p; p = p->next)
        n++;
    if (n == 0)
        return RESULT_OK;
    struct bytes *srcs = arena_alloc(&c->arena, n, sizeof(*srcs)), *instances = arena_alloc(&c->arena, n, sizeof(*instances)),
                 *states = arena_alloc(&c->arena, n, sizeof(*states));
    int64_t *seen = arena_alloc(&c->arena, n, sizeof(*seen));
    if (!srcs || !instances || !states || !seen)
        return RESULT_NO_MEMORY;
    for (const struct producer *p = c->producers; p && !r; p = p->next, at++) {
        buffer_reset(&c->scratch);
        r = gaps_save(&p->gaps, &c->scratch);
        char *copy = r ? NULL : arena_copy(&c->arena, (struct text){ (const char *)c->scratch.data, c->scratch.len });
        if (!r && !copy)
            r = RESULT_NO_MEMORY;
        srcs[at] = text_bytes(text_of(p->src));
        instances[at] = (struct bytes){ p->instance, PRODUCER_INSTANCE_LEN };
        states[at] = (struct bytes){ (const uint8_t *)copy, c->scratch.len };
        seen[at] = (int64_t)p->seen_ms;
    }
    return r ? r : pg_add(b, &PRODUCERS, PG_TEXTS(srcs, n), PG_BYTEAS(instances, n), PG_BYTEAS(states, n), PG_INTS(seen, n));
}

static enum result add_taken(struct pg_batch *b, struct cycle *c)
{
    size_t n = c->conflict_count;
    struct bytes *ids = arena_alloc(&c->arena, n + 1, sizeof(*ids)), *srcs = arena_alloc(&c->arena, n + 1, sizeof(*srcs)),
                 *fingerprints = arena_alloc(&c->arena, n + 1, sizeof(*fingerprints));
    enum result r = ids && srcs && fingerprints ? RESULT_OK : RESULT_NO_MEMORY;

    for (size_t i = 0; i < n && !r; i++) {
        ids[i] = c->conflicts[i].id;
        srcs[i] = text_bytes(c->conflicts[i].src);
        fingerprints[i] = c->conflicts[i].fingerprint;
    }
    if (!r && n > 0)
        r = pg_add(b, &CONFLICTS, PG_BYTEAS(ids, n), PG_TEXTS(srcs, n), PG_BYTEAS(fingerprints, n));
    if (!r && c->rows.touched_count > 0)
        r = pg_add(b, &TOUCHED, PG_INT((int64_t)(c->now_ms / 86400000)), PG_INTS(c->rows.touched, c->rows.touched_count));
    if (!r && c->notice_count > 0)
        r = pg_add(b, &NOTICES, PG_INTS(c->notices, c->notice_count));
    for (size_t i = 0; i < c->queried_count && !r; i++)
        r = pg_add(b, &QUERIED, PG_TEXT(c->queried[i].src), PG_INT((int64_t)c->queried[i].minute), PG_INT((int64_t)c->queried[i].count));
    return r || c->queried_count == 0 ? r : pg_add(b, &QUERIED_ALL);
}

void log_write_free(struct log_write *w)
{
    if (w)
        pg_batch_free(w->b);
    free(w);
}

static enum result add_all(struct log_store *s, int64_t epoch, struct cycle *c, struct pg_batch *b)
{
    enum result r = pg_add(b, &FENCE, PG_INT(epoch), PG_UUID(&s->self));

    if (!r)
        r = cycle_compose(c, b);
    if (!r)
        r = add_records(b, &c->rows);
    if (!r)
        r = add_nodes(b, c);
    if (!r)
        r = add_log(b, c);
    if (!r)
        r = add_offsets(b, c);
    if (!r)
        r = add_producers(b, c);
    return r ? r : add_taken(b, c);
}

enum result log_store_compose(struct log_store *s, int64_t epoch, struct cycle *c, struct log_write **out)
{
    struct log_write *w = calloc(1, sizeof(*w));
    enum result r = w ? pg_batch_new(WRITE_MAX, &w->b) : RESULT_NO_MEMORY;

    if (!r)
        r = add_all(s, epoch, c, w->b);
    if (r)
        log_write_free(w);
    else
        *out = w;
    return r;
}

static void written(void *cookie, struct pg_batch *b)
{
    struct log_write w = *(struct log_write *)cookie;
    enum store_outcome o = log_store_outcome_of(b);

    free(cookie);
    pg_batch_free(b);
    w.done(w.cookie, o);
}

enum result log_store_commit(struct log_store *s, struct log_write *w, log_store_done *done, void *cookie)
{
    struct pg_batch *b = w->b;

    w->b = NULL;
    w->done = done;
    w->cookie = cookie;
    enum result r = log_store_submit(s, b, RESULT_OK, written, w);
    if (r)
        log_write_free(w);
    return r;
}
