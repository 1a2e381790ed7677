#include "log_query.h"

#include "log_store_internal.h"

#include <stdlib.h>

#define PAYLOADS_MAX (8u * 1024 * 1024)
#define ARENA_MAX (8u * 1024 * 1024)

/* Parameters 1 to 5 of all of them; a filter that may be left out is NULL then. */
#define SELECT_WHERE                                                                                        \
    "SELECT " STORE_ENTRY_COLUMNS ", " STORE_SEALED_COLUMNS                                                \
    " FROM records r LEFT JOIN subjects s ON s.id = r.subject"                                              \
    " WHERE r.time >= $1 AND r.time < $2 AND r.seq < $3 AND ($4::int8 IS NULL OR r.outcome = $4)"
#define NEWEST_FIRST " ORDER BY r.seq DESC LIMIT $5"

/* One for each index that may serve: the planner does not see through a filter that may not be there. */
static const struct pg_statement ALL = { "audit_query_all", SELECT_WHERE NEWEST_FIRST, "iiiii" };
static const struct pg_statement TYPE = { "audit_query_type", SELECT_WHERE " AND r.type = $6" NEWEST_FIRST, "iiiiit" };
static const struct pg_statement PREFIX = { "audit_query_prefix",
    SELECT_WHERE " AND r.type >= $6 AND r.type <= $7" NEWEST_FIRST, "iiiiitt" };
static const struct pg_statement USER = { "audit_query_user",
    SELECT_WHERE " AND r.user_hash = $6 AND ($7::bytea IS NULL OR r.ip_hash = $7)"
    " AND ($8::text IS NULL OR (r.type >= $8 AND r.type <= $9))" NEWEST_FIRST, "iiiiibbtt" };
static const struct pg_statement IP = { "audit_query_ip",
    SELECT_WHERE " AND r.ip_hash = $6 AND ($7::text IS NULL OR (r.type >= $7 AND r.type <= $8))" NEWEST_FIRST, "iiiiibtt" };

/* Behind the reading, so that its lock on the row is short. */
static const struct pg_statement COUNT = { "audit_query_count",
    "INSERT INTO queried (src, minute, count, filters) VALUES ($1, $2, 1, $3)"
    " ON CONFLICT (src, minute) DO UPDATE SET count = queried.count + 1, filters = queried.filters | excluded.filters", "tii" };

struct reading {
    struct log_store *store;
    size_t limit, bytes;
    struct arena arena;
    struct buffer opened;
    void (*done)(void *cookie, enum store_outcome o, const struct page *page);
    void *cookie;
};

/* ---- asking --------------------------------------------------------------------------------------------------- */

static struct pg_param hash_param(const struct subject_hash *h)
{
    return h ? PG_BYTES(((struct bytes){ h->bytes, sizeof(h->bytes) })) : PG_NULL();
}

static enum result add_query(struct pg_batch *b, const struct query *q)
{
    struct pg_param outcome = q->has_outcome ? PG_INT((int64_t)q->outcome) : PG_NULL();
    struct pg_param least = q->type_least.data ? PG_TEXT(q->type_least) : PG_NULL();
    struct pg_param most = q->type_most.data ? PG_TEXT(q->type_most) : PG_NULL();
    const struct pg_param all[] = {
        PG_INT((int64_t)q->from), PG_INT((int64_t)q->to), PG_INT((int64_t)q->below), outcome,
        PG_INT((int64_t)q->limit + 1),
    };
#define ALL_OF all[0], all[1], all[2], all[3], all[4]

    if (q->user)
        return pg_add(b, &USER, ALL_OF, hash_param(q->user), hash_param(q->ip), least, most);
    if (q->ip)
        return pg_add(b, &IP, ALL_OF, hash_param(q->ip), least, most);
    if (q->type_least.data && text_equal(q->type_least, q->type_most))
        return pg_add(b, &TYPE, ALL_OF, least);
    if (q->type_least.data)
        return pg_add(b, &PREFIX, ALL_OF, least, most);
    return pg_add(b, &ALL, ALL_OF);
#undef ALL_OF
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

static enum result open_row(struct reading *g, struct pg_batch *b, size_t row, struct found *out)
{
    enum result r = log_store_read_entry(b, 0, row, &out->entry);

    if (r)
        return r;
    size_t begin = g->opened.len;
    r = log_store_open_entry(g->store, b, 0, row, STORE_ENTRY_COUNT, &out->entry, &g->opened);
    out->erased = r == RESULT_NOT_FOUND;
    if (r)
        return out->erased ? RESULT_OK : r;
    /* The buffer may move yet: the event is read from a copy. */
    size_t len = g->opened.len - begin - ENTRY_NONCE_LEN;
    char *payload = arena_copy(&g->arena, (struct text){ (const char *)g->opened.data + begin + ENTRY_NONCE_LEN, len });
    secret_wipe(g->opened.data, g->opened.len);
    buffer_reset(&g->opened);
    if (!payload)
        return RESULT_NO_MEMORY;
    g->bytes = g->bytes > len ? g->bytes - len : 0;
    return event_read((struct bytes){ (const uint8_t *)payload, len }, &g->arena, &out->event);
}

static enum store_outcome read_page(struct reading *g, struct pg_batch *b, struct page *page)
{
    size_t rows = pg_rows(b, 0);
    struct found *found = arena_alloc(&g->arena, rows + 1, sizeof(*found));

    if (!found)
        return STORE_AWAY;
    page->found = found;
    for (size_t i = 0; i < rows && i < g->limit && (i == 0 || g->bytes > 0); i++) {
        enum result r = open_row(g, b, i, &found[i]);

        if (r) {
            page->tampered = found[i].entry.seq;
            return r == RESULT_NO_MEMORY || r == RESULT_TOO_LARGE ? STORE_AWAY : STORE_TAMPERED;
        }
        page->count++;
    }
    page->more = page->count < rows;
    return STORE_DONE;
}

static void on_rows(void *cookie, struct pg_batch *b)
{
    struct reading *g = cookie;
    enum store_outcome o = log_store_outcome_of(b);
    struct page page = { 0 };

    if (o == STORE_DONE)
        o = read_page(g, b, &page);
    g->done(g->cookie, o, &page);
    pg_batch_free(b);
    buffer_free(&g->opened);
    arena_reset(&g->arena);
    free(g);
}

enum result log_store_query(struct log_store *s, const struct query *q, uint64_t timeout_ms,
                        void (*done)(void *cookie, enum store_outcome o, const struct page *page), void *cookie)
{
    struct reading *g = calloc(1, sizeof(*g));
    struct pg_batch *b;

    if (!g)
        return RESULT_NO_MEMORY;
    *g = (struct reading){ .store = s, .limit = q->limit, .bytes = q->bytes, .done = done, .cookie = cookie };
    arena_init(&g->arena, NULL, 0, ARENA_MAX);
    buffer_init(&g->opened, PAYLOADS_MAX);
    enum result r = pg_batch_new(4096, &b);
    if (r) {
        free(g);
        return r;
    }
    r = add_query(b, q);
    if (!r && q->src.len > 0)
        r = pg_add(b, &COUNT, PG_TEXT(q->src), PG_INT((int64_t)q->minute), PG_INT(q->filters));
    if (!r)
        r = pg_submit(s->pg, b, timeout_ms, on_rows, g);
    if (r) {
        pg_batch_free(b);
        free(g);
    }
    return r;
}
