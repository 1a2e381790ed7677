#include "claim.h"

#include "blobs.h"
#include "durable.h"
#include "log.h"
#include "offload.h"

#include <stdlib.h>

#define QUERY_MS 3000
#define BATCH_BYTES 1024

struct claim {
    struct claim_options options;
    bool started, busy, stands;
    struct uuid id;                     /* PostgreSQL's */
    bool placed;                        /* as PostgreSQL knows it */
    enum result found;                  /* of the look into the store: RESULT_OK, RESULT_CONFLICT, RESULT_NOT_FOUND, … */
};

static void query(struct claim *c, const struct pg_statement *s, pg_batch_cb *cb)
{
    struct pg_batch *b;

    if (pg_batch_new(BATCH_BYTES, &b))
        return;
    if (pg_add(b, s) || pg_submit(durable_pg(c->options.vault->durable), b, QUERY_MS, cb, c))
        pg_batch_free(b);
    else
        c->busy = true;
}

static void stand(struct claim *c)
{
    c->stands = true;
    c->options.vault->store_id = c->id;
    c->options.claimed(c->options.cookie);
}

static void on_placed(void *cookie, struct pg_batch *b)
{
    struct claim *c = cookie;
    bool done = pg_outcome(b) == PG_DONE;

    c->busy = false;
    pg_batch_free(b);
    if (done)
        stand(c);
}

/* ---- on the thread pool -------------------------------------------------------------------------------------------- */

static void look(void *cookie)
{
    struct claim *c = cookie;
    struct blobs *blobs = c->options.vault->blobs;
    struct uuid there;

    c->found = blobs->identity(blobs, &there);
    if (c->found == RESULT_NOT_FOUND && !c->placed) {
        c->found = blobs->place(blobs, &c->id);
        if (!c->found || c->found == RESULT_EXISTS)
            c->found = blobs->identity(blobs, &there);
    }
    if (!c->found && memcmp(there.bytes, c->id.bytes, sizeof(there.bytes)) != 0)
        c->found = RESULT_CONFLICT;
}

/* ---- on the loop --------------------------------------------------------------------------------------------------- */

static void looked(void *cookie)
{
    static const struct pg_statement PLACED = { "store_placed", "UPDATE blob_store SET placed = true", "" };
    struct claim *c = cookie;

    c->busy = false;
    switch (c->found) {
    case RESULT_OK:
        if (c->placed)
            stand(c);
        else
            query(c, &PLACED, on_placed);
        return;
    case RESULT_CONFLICT:
    case RESULT_MALFORMED:
        c->options.refused(c->options.cookie, "the blob store's store-id is another database's");
        return;
    case RESULT_NOT_FOUND:
        c->options.refused(c->options.cookie, "the blob store has no store-id: not the one, or not mounted");
        return;
    default:
        log_warn("crypto.blob_store", LOG_RESULT(c->found));
        return;
    }
}

static void on_row(void *cookie, struct pg_batch *b)
{
    struct claim *c = cookie;
    bool known = pg_outcome(b) == PG_DONE && pg_rows(b, 0) == 1;

    c->busy = false;
    if (known) {
        c->id = pg_uuid(b, 0, 0, 0);
        c->placed = pg_bool(b, 0, 0, 1);
    }
    pg_batch_free(b);
    if (known)
        c->busy = !offload_run(c->options.vault->offload, look, looked, c);
}

void claim_tick(struct claim *c)
{
    static const struct pg_statement READ = { "store_id", "SELECT id, placed FROM blob_store", "" };

    if (c->started && !c->busy && !c->stands)
        query(c, &READ, on_row);
}

void claim_start(struct claim *c)
{
    c->started = true;
    claim_tick(c);
}

bool claim_stands(const struct claim *c)
{
    return c->stands;
}

enum result claim_new(const struct claim_options *options, struct claim **out)
{
    struct claim *c = calloc(1, sizeof(*c));

    if (!c)
        return RESULT_NO_MEMORY;
    c->options = *options;
    *out = c;
    return RESULT_OK;
}

void claim_free(struct claim *c)
{
    free(c);
}
