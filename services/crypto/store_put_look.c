/*
 * Before the transaction of a part: a look at the rows, nothing locked, and what the part will lack there as things stand is
 * seen to. So most parts are one transaction, which begins when the blob is on the disk. The look decides nothing: what it
 * finds otherwise (the message had its effect, the part is there, a refusal) or cannot ask is put_run's to find again.
 */
#include "store_put.h"

#include "effects.h"
#include "entropy.h"

enum { RECORD, FIRST };                 /* put_ask's statements are numbered from FIRST */

enum result put_ask(const struct put *op, struct pg_batch *reads, bool lock)
{
    static const struct pg_statement CLOCK = { "clock", "SELECT date_trunc('milliseconds', clock_timestamp())", "" };
    const struct uuid *id = &op->body->object_id;

    if (!op->body->has_object_id)
        return pg_add(reads, &CLOCK);
    enum result r = object_ask(reads, op->form.realm, id, lock);
    if (!r)
        r = parts_ask(reads, id, op->range);
    return r ? r : parts_ask_when_whole(reads, id, op->range.length);
}

/* ---- a new object -------------------------------------------------------------------------------------------------- */

static enum result conceive(struct put *op, const struct ring_key *k, uint64_t now_ms, struct secret **key)
{
    uint8_t nonce[GCM_NONCE_LEN];
    enum result r = secret_new(RECORDING_KEY_LEN, key);

    if (r)
        return r;
    entropy_fill(secret_fill(*key), RECORDING_KEY_LEN);
    entropy_fill(op->form.id.bytes, sizeof(op->form.id.bytes));
    op->form.id = uuid_v8(op->form.id.bytes);
    entropy_fill(nonce, sizeof(nonce));
    op->form.created_ms = now_ms;
    op->version = k->version;
    r = wrap_seal(k->wrap,
                  &(struct wrap_about){ .kind = WRAP_OBJECT, .realm = op->form.realm,
                                        .id = { op->form.id.bytes, sizeof(op->form.id.bytes) }, .version = k->version },
                  nonce, *key, op->wrapped);
    if (r)
        secret_free(*key);
    return r;
}

enum fault_code put_conceive(struct put *op, uint64_t now_ms, struct secret **key)
{
    struct keyset *set = rings_take(op->vault->rings);
    const struct ring_key *k = set ? keyset_wrapping(set, RING_AUDIO) : NULL;
    enum fault_code fault = !k ? FAULT_UNAVAILABLE : conceive(op, k, now_ms, key) ? FAULT_INTERNAL : FAULT_COUNT;

    if (fault == FAULT_COUNT)
        rings_count(op->vault->rings, k, 0, 1);
    keyset_release(set);
    return fault;
}

/* ---- one more part ------------------------------------------------------------------------------------------------- */

/* The object is there and its key opens; nothing is said of one that does not. */
static bool find_object(struct put *op, struct pg_batch *rows, struct object *o, struct secret **key)
{
    struct keyset *set = rings_take(op->vault->rings);
    const struct ring_key *k = NULL;

    if (set && object_read(rows, FIRST + PUT_OBJECT, op->form.realm, &op->body->object_id, request_arena(op->rq), o) == FAULT_COUNT)
        k = keyset_find(set, RING_AUDIO, o->version);
    bool found = k && k->wrap && k->state != RING_DESTROYED && object_unwrap(k, o, key) == RESULT_OK;
    keyset_release(set);
    return found;
}

static bool find_more(struct put *op, struct pg_batch *rows, struct secret **key)
{
    struct object o;

    if (pg_rows(rows, FIRST + PUT_NEAR) > 0 || !find_object(op, rows, &o, key))
        return false;
    bool completes = o.received + op->range.length == o.form.size;
    if (!put_agrees(op, &o)
        || (completes && parts_read(rows, FIRST + PUT_ALL, request_arena(op->rq), &op->others, &op->other_count))) {
        secret_free(*key);
        return false;
    }
    op->form = o.form;
    op->lack = PUT_BLOB | (completes ? PUT_HASH : 0);
    return true;
}

/* ---- the look ------------------------------------------------------------------------------------------------------ */

static bool find_new(struct put *op, struct pg_batch *rows, struct secret **key)
{
    if (put_conceive(op, (uint64_t)pg_time_ms(rows, FIRST + PUT_CLOCK, 0, 0), key) != FAULT_COUNT)
        return false;
    op->lack = PUT_BLOB | (op->range.length == op->form.size ? PUT_HASH : 0);
    return true;
}

static void looked(void *cookie, struct pg_batch *rows)
{
    struct put *op = cookie;
    struct secret *key = NULL;
    bool fits = op->range.offset > 0 || media_matches(op->media, op->body->data);
    bool found = fits && pg_outcome(rows) == PG_DONE && pg_rows(rows, RECORD) == 0
                 && (op->body->has_object_id ? find_more(op, rows, &key) : find_new(op, rows, &key));

    pg_batch_free(rows);
    if (!found) {
        put_run(op);
        return;
    }
    op->key = key;
    put_work(op);
}

void put_look(struct put *op)
{
    struct pg_batch *b;

    if (pg_batch_new(QUERY_BYTES, &b)) {
        put_run(op);
        return;
    }
    enum result r = effects_find(b, request_source(op->rq), request_id(op->rq));
    if (!r)
        r = put_ask(op, b, false);
    if (!r)
        r = pg_submit(durable_pg(op->vault->durable), b, QUERY_MS, looked, op);
    if (r) {
        pg_batch_free(b);
        put_run(op);
    }
}
