#include "counts.h"

#include "durable.h"
#include "log.h"

#include <stdlib.h>

enum {
    COUNTS_MAX = 64,                    /* versions counted at once; more than are ever in use together */
    BATCH_BYTES = 16384,
    QUERY_MS = 2000,
};

struct counts {
    struct durable *durable;
    void (*known)(void *cookie, const struct count *total);
    void *cookie;
    struct count items[COUNTS_MAX];
    size_t count;
    bool writing;
};

/* Being written: kept, as what could not be is gathered again. */
struct writing {
    struct counts *counts;
    struct count items[COUNTS_MAX];
    size_t count;
    void (*done)(void *cookie, bool counted);   /* of one that waits for it; NULL */
    void *cookie;
};

void counts_add(struct counts *c, const struct count *count)
{
    size_t i = 0;

    while (i < c->count && (c->items[i].ring != count->ring || c->items[i].version != count->version))
        i++;
    if (i == COUNTS_MAX) {
        log_error("crypto.count_lost", LOG_TEXT("ring", ring_text(count->ring)), LOG_UINT("version", count->version));
        return;
    }
    if (i == c->count)
        c->items[c->count++] = (struct count){ .ring = count->ring, .version = count->version };
    c->items[i].uses += count->uses;
    c->items[i].wraps += count->wraps;
}

static void on_written(void *cookie, struct pg_batch *b)
{
    struct writing *w = cookie;
    struct counts *c = w->counts;
    void (*done)(void *, bool) = w->done;
    void *done_cookie = w->cookie;
    bool written = pg_outcome(b) == PG_DONE;

    for (size_t i = 0; i < w->count; i++) {
        struct count *item = &w->items[i];
        if (written) {
            item->uses = (uint64_t)pg_int(b, i, 0, 0);
            item->wraps = (uint64_t)pg_int(b, i, 0, 1);
            c->known(c->cookie, item);
        } else if (!done) {
            counts_add(c, item);
        }
    }
    if (!done)
        c->writing = false;
    pg_batch_free(b);
    free(w);
    if (done)
        done(done_cookie, written);
}

/* RESULT_OK: on_written follows, and frees w. */
static enum result submit(struct writing *w)
{
    static const struct pg_statement COUNT = { "ring_count",
        "INSERT INTO ring_uses AS u (ring, version, uses, wraps) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (ring, version) DO UPDATE SET uses = u.uses + excluded.uses, wraps = u.wraps + excluded.wraps"
        " RETURNING uses, wraps", "tiii" };
    struct pg_batch *b;
    enum result r = pg_batch_new(BATCH_BYTES, &b);

    if (r)
        return r;
    for (size_t i = 0; i < w->count && !r; i++)
        r = pg_add(b, &COUNT, PG_TEXT(ring_text(w->items[i].ring)), PG_INT(w->items[i].version),
                   PG_INT((int64_t)w->items[i].uses), PG_INT((int64_t)w->items[i].wraps));
    if (!r)
        r = pg_submit(durable_pg(w->counts->durable), b, QUERY_MS, on_written, w);
    if (r)
        pg_batch_free(b);
    return r;
}

void counts_write(struct counts *c)
{
    struct writing *w = c->count > 0 && !c->writing ? calloc(1, sizeof(*w)) : NULL;

    if (!w)
        return;
    w->counts = c;
    w->count = c->count;
    memcpy(w->items, c->items, c->count * sizeof(c->items[0]));
    if (submit(w)) {
        free(w);
        return;
    }
    c->count = 0;
    c->writing = true;
}

void counts_write_now(struct counts *c, const struct count *count, void (*done)(void *cookie, bool counted), void *cookie)
{
    struct writing *w = calloc(1, sizeof(*w));

    if (w) {
        *w = (struct writing){ .counts = c, .items = { *count }, .count = 1, .done = done, .cookie = cookie };
        if (!submit(w))
            return;
        free(w);
    }
    done(cookie, false);
}

enum result counts_new(struct durable *durable, void (*known)(void *cookie, const struct count *total), void *cookie,
                       struct counts **out)
{
    struct counts *c = calloc(1, sizeof(*c));

    if (!c)
        return RESULT_NO_MEMORY;
    *c = (struct counts){ .durable = durable, .known = known, .cookie = cookie };
    *out = c;
    return RESULT_OK;
}

void counts_free(struct counts *c)
{
    free(c);
}
