/* The life of an op marked once, the same for all; and of the store. */
#include "store_people.h"

#include <stdlib.h>

enum result people_new(const struct people_options *options, struct people **out)
{
    struct people *p = calloc(1, sizeof(*p));

    if (!p)
        return RESULT_NO_MEMORY;
    p->options = *options;
    *out = p;
    return RESULT_OK;
}

enum result people_opened(struct people *p)
{
    struct secret *key;
    enum result r = durable_subkey(p->options.durable, "people", &key);

    if (r)
        return r;
    r = columns_new(secret_bytes(key), &p->columns);
    secret_free(key);
    return r;
}

void people_free(struct people *p)
{
    if (!p)
        return;
    columns_free(p->columns);
    free(p);
}

/* ---- ops --------------------------------------------------------------------------------------------------------- */

void *change_alloc(struct people *p, struct request *rq, size_t size)
{
    struct change *change = arena_alloc(request_arena(rq), 1, size);

    if (!change) {
        request_fail(rq, FAULT_INTERNAL, "out of memory");
        return NULL;
    }
    change->people = p;
    change->rq = rq;
    return change;
}

void change_run(struct change *change, const struct once_op *how)
{
    once_run(change->people->options.durable, change->rq, how, change);
}

void change_commit(struct once *c, struct pg_batch *rows, enum result r, const void *result)
{
    if (!r && pg_misread(rows))
        r = RESULT_INTERNAL;
    if (r)
        once_fail(c, r);
    else
        once_commit(c, result);
}

static void published(void *cookie, bool all)
{
    struct change *change = cookie;

    if (all)
        once_send(change->once);
    else
        once_withhold(change->once);
}

void change_committed(struct once *c, void *cookie, bool repeated, struct pg_batch *rows)
{
    struct change *change = cookie;
    const struct people_options *o = &change->people->options;

    if (repeated && !change->user_id.data && pg_rows(rows, ONCE_FIRST) > 0
        && arena_text(request_arena(change->rq), pg_text(rows, ONCE_FIRST, 0, 0), &change->user_id)) {
        once_withhold(c);
        return;
    }
    if (!change->user_id.data || (!change->waits && !repeated)) {
        once_send(c);
        return;
    }
    o->changed(o->cookie, change->user_id, change->has_session ? &change->session : NULL);
    change->once = c;
    durable_when_published(o->durable, OUTGOING_REVOCATIONS, change->user_id, request_left_ms(change->rq), published, change);
}
