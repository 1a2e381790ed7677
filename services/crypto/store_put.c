/*
 * A part is stored: looked at in PostgreSQL (store_put_look.c), its bytes sealed and written on the thread pool, then
 * committed. The decision is made anew each time under the lock of the object's row; what it lacks is seen to outside and it
 * is made again:
 *
 *     look ──► thread pool ──► decide ── a blob, the hash of the whole, a comparison? ──► thread pool ──► decide … ──► commit
 *
 * A blob whose row does not come is nobody's (janitor.h).
 */
#include "store_put.h"

#include "clock.h"

#define TRIES_MAX 6
#define NS_PER_MS UINT64_C(1000000)

enum { CLOCK = ONCE_FIRST + PUT_CLOCK, HELD };
enum { OBJECT = ONCE_FIRST + PUT_OBJECT, NEAR = ONCE_FIRST + PUT_NEAR, ALL = ONCE_FIRST + PUT_ALL };

static enum result read(struct once *c, void *cookie, struct pg_batch *reads)
{
    /* A version that is held so cannot be destroyed before this transaction has ended. */
    static const struct pg_statement HOLD = { "ring_hold_audio",
        "SELECT 1 FROM ring_keys WHERE ring = 'audio' AND version = $1 AND state = 'active' FOR SHARE", "i" };
    const struct put *op = cookie;
    enum result r = put_ask(op, reads, true);

    (void)c;
    return r || op->body->has_object_id ? r : pg_add(reads, &HOLD, PG_INT(op->version));
}

/* ---- ends ---------------------------------------------------------------------------------------------------------- */

/* A blob that has been written for nothing. */
static void forget_blob(struct put *op)
{
    if (op->have & PUT_BLOB)
        blobs_forget(op->vault, &op->stored.blob, 1);
    op->have &= ~(unsigned)PUT_BLOB;
}

static void refuse(struct once *c, struct put *op, enum fault_code code, const char *detail)
{
    forget_blob(op);
    once_refuse(c, code, detail);
}

static void commit(struct once *c, const struct put *op, uint64_t received, uint64_t expires_ms, const struct sha256_text *sha256)
{
    once_commit(c, &(struct crypto_audio_put_result){
        .object_id = op->form.id,
        .received = received,
        .complete = sha256 != NULL,
        .sha256 = sha256 ? text_of(sha256->hex) : (struct text){ NULL, 0 },
        .expires_at = expires_ms,
    });
}

/* However often PostgreSQL was asked, it names a blob that is not there; or there was something else each time. */
static void despair(struct once *c, struct put *op)
{
    if (op->failed == RESULT_NOT_FOUND && op->bad) {
        tampered(op->vault, &op->form.id, op->form.owner, "blob is missing", op->bad->range.offset);
        refuse(c, op, FAULT_DECRYPT_FAILED, "a part of it is missing");
    } else {
        refuse(c, op, FAULT_UNAVAILABLE, "the recording changes faster than it can be looked at");
    }
}

/* Leaves PostgreSQL for the thread pool; `key` is taken. */
static void lack(struct once *c, struct put *op, unsigned what, struct secret *key)
{
    if (++op->tries > TRIES_MAX) {
        secret_free(key);
        despair(c, op);
        return;
    }
    op->lack = what;
    op->key = key;
    once_leave(c);
    put_work(op);
}

/* ---- writing ------------------------------------------------------------------------------------------------------- */

static enum result insert_part(struct once *c, const struct put *op)
{
    static const struct pg_statement INSERT = { "part_insert",
        "INSERT INTO parts (object_id, start, length, blob, header) VALUES ($1, $2, $3, $4, $5)", "uiiub" };
    const struct stored_part *p = &op->stored;

    return pg_add(once_writes(c), &INSERT, PG_UUID(&op->form.id), PG_INT((int64_t)p->range.offset), PG_INT((int64_t)p->range.length),
                  PG_UUID(&p->blob), PG_BYTES(((struct bytes){ p->header, sizeof(p->header) })));
}

/* None while it is not complete. */
static struct bytes sealed_sha256(const struct put *op, bool complete)
{
    return complete ? (struct bytes){ op->sealed_sha256, sizeof(op->sealed_sha256) } : (struct bytes){ NULL, 0 };
}

static bool blob_is_fresh(const struct put *op)
{
    return clock_boot_ns() - op->written_ns < BLOB_COMMIT_MS * NS_PER_MS;
}

static void write_new(struct once *c, struct put *op)
{
    static const struct pg_statement INSERT = { "object_insert",
        "INSERT INTO objects (id, realm, owner, media_type, size, received, created_at, expires_at, sha256, version, wrapped)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", "utttiimmbib" };
    const struct recording *f = &op->form;
    bool complete = op->range.length == f->size;
    uint64_t expires_ms = f->created_ms + op->body->ttl_s * 1000;
    enum result r = pg_add(once_writes(c), &INSERT, PG_UUID(&f->id), PG_TEXT(f->realm), PG_TEXT(f->owner), PG_TEXT(f->media_type),
                           PG_INT((int64_t)f->size), PG_INT((int64_t)op->range.length), PG_TIME_MS(f->created_ms),
                           PG_TIME_MS(expires_ms), PG_BYTES(sealed_sha256(op, complete)), PG_INT(op->version),
                           PG_BYTES(((struct bytes){ op->wrapped, sizeof(op->wrapped) })));

    if (!r)
        r = insert_part(c, op);
    if (r)
        once_fail(c, r);
    else
        commit(c, op, op->range.length, expires_ms, complete ? &op->sha256 : NULL);
}

static void write_more(struct once *c, struct put *op, const struct object *o)
{
    static const struct pg_statement UPDATE = { "object_received",
        "UPDATE objects SET received = received + $2, sha256 = $3 WHERE id = $1", "uib" };
    bool complete = o->received + op->range.length == o->form.size;
    enum result r = pg_add(once_writes(c), &UPDATE, PG_UUID(&op->form.id), PG_INT((int64_t)op->range.length),
                           PG_BYTES(sealed_sha256(op, complete)));

    if (!r)
        r = insert_part(c, op);
    if (r)
        once_fail(c, r);
    else
        commit(c, op, o->received + op->range.length, o->expires_ms, complete ? &op->sha256 : NULL);
}

/* ---- a new object -------------------------------------------------------------------------------------------------- */

static void begin(struct once *c, struct put *op, uint64_t now_ms)
{
    struct secret *key;
    enum fault_code fault = put_conceive(op, now_ms, &key);

    if (fault == FAULT_COUNT)
        lack(c, op, PUT_BLOB | (op->range.length == op->form.size ? PUT_HASH : 0), key);
    else
        refuse(c, op, fault, fault == FAULT_UNAVAILABLE ? "no ring key to be used" : NULL);
}

static void decide_new(struct once *c, struct put *op, struct pg_batch *rows)
{
    if (op->range.offset == 0 && !media_matches(op->media, op->body->data))
        once_refuse(c, FAULT_MEDIA_TYPE_MISMATCH, NULL);
    else if (!(op->have & PUT_BLOB))
        begin(c, op, (uint64_t)pg_time_ms(rows, CLOCK, 0, 0));
    else if (pg_rows(rows, HELD) == 0 || !blob_is_fresh(op))
        refuse(c, op, FAULT_UNAVAILABLE, "the ring key has been changed meanwhile");
    else
        write_new(c, op);
}

/* ---- one more part ------------------------------------------------------------------------------------------------- */

bool put_agrees(const struct put *op, const struct object *o)
{
    return o->form.size == op->body->size && text_equal(o->form.media_type, op->body->media_type)
           && text_equal(o->form.owner, op->body->owner);
}

static bool compared_with(const struct put *op, const struct stored_part *there)
{
    return op->have & PUT_COMPARISON && memcmp(op->there->blob.bytes, there->blob.bytes, sizeof(there->blob.bytes)) == 0;
}

/* The very part is there: the same bytes are no news, other ones a conflict. */
static void decide_again(struct once *c, struct put *op, const struct object *o, const struct stored_part *there, struct secret *key)
{
    struct sha256_text sha256;

    if (!compared_with(op, there)) {
        op->there = there;
        lack(c, op, PUT_COMPARISON, key);
        return;
    }
    enum fault_code fault = op->same ? FAULT_COUNT : FAULT_CONFLICT;
    if (fault == FAULT_COUNT && o->complete)
        fault = object_sha256(op->vault, key, o, &sha256);
    secret_free(key);
    if (fault != FAULT_COUNT) {
        refuse(c, op, fault, fault == FAULT_CONFLICT ? "this part is there with other bytes" : NULL);
        return;
    }
    forget_blob(op);
    commit(c, op, o->received, o->expires_ms, o->complete ? &sha256 : NULL);
}

static void decide_more(struct once *c, struct put *op, const struct object *o, struct pg_batch *rows, struct secret *key)
{
    bool completes = o->received + op->range.length == o->form.size;
    unsigned need = PUT_BLOB | (completes ? PUT_HASH : 0);
    enum result r = RESULT_OK;

    if (op->range.offset == 0 && !media_matches(op->media, op->body->data)) {
        secret_free(key);
        refuse(c, op, FAULT_MEDIA_TYPE_MISMATCH, NULL);
        return;
    }
    if ((op->have & need) != need) {
        if (completes)
            r = parts_read(rows, ALL, request_arena(op->rq), &op->others, &op->other_count);
        if (!r) {
            lack(c, op, need & ~op->have, key);
            return;
        }
    }
    secret_free(key);
    if (r)
        once_fail(c, r);
    else if (!blob_is_fresh(op))
        refuse(c, op, FAULT_UNAVAILABLE, "this took too long");
    else
        write_more(c, op, o);
}

/* 404 and 410 first, then 409; r is the caller's when this is not RESULT_OK. */
static void decide_there(struct once *c, struct put *op, struct pg_batch *rows, const struct keyset *set)
{
    struct arena *a = request_arena(op->rq);
    struct stored_part *near;
    struct object o;
    struct secret *key;
    size_t count;
    enum fault_code fault = object_read(rows, OBJECT, op->form.realm, &op->body->object_id, a, &o);

    if (fault == FAULT_COUNT)
        fault = object_key(op->vault, set, &o, &key);
    if (fault != FAULT_COUNT) {
        refuse(c, op, fault, NULL);
        return;
    }
    enum result r = parts_read(rows, NEAR, a, &near, &count);
    enum part_place place = r || count == 0 ? PART_FREE : part_place(op->range, near[0].range);
    if (r) {
        secret_free(key);
        once_fail(c, r);
    } else if (!put_agrees(op, &o) || place == PART_OVERLAPS) {
        secret_free(key);
        refuse(c, op, FAULT_CONFLICT, place == PART_OVERLAPS ? "it overlaps a part that is there" : "the parts before say otherwise");
    } else {
        op->form = o.form;
        if (place == PART_SAME)
            decide_again(c, op, &o, &near[0], key);
        else
            decide_more(c, op, &o, rows, key);
    }
}

static void decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct put *op = cookie;

    if (!op->body->has_object_id) {
        decide_new(c, op, rows);
        return;
    }
    struct keyset *set = rings_take(op->vault->rings);
    if (set)
        decide_there(c, op, rows, set);
    else
        refuse(c, op, FAULT_UNAVAILABLE, "the keys are not known well enough");
    keyset_release(set);
}

/* ---- the request --------------------------------------------------------------------------------------------------- */

void put_run(struct put *op)
{
    static const struct once_op PUT = { .read = read, .decide = decide };

    once_run(op->vault->durable, op->rq, &PUT, op);
}

void recordings_put(struct vault *v, struct request *rq, enum media media)
{
    const struct crypto_audio_put_request *body = request_body(rq);
    struct put *op = arena_alloc(request_arena(rq), 1, sizeof(*op));
    struct text realm = request_realm(rq);
    const char *copy = op ? arena_copy(request_arena(rq), realm) : NULL;

    if (!copy) {
        request_fail(rq, FAULT_INTERNAL, NULL);
        return;
    }
    *op = (struct put){
        .vault = v, .rq = rq, .body = body, .media = media, .range = { body->offset, body->data.len },
        .form = { .realm = { copy, realm.len }, .size = body->size, .media_type = body->media_type, .owner = body->owner },
    };
    op->stored.range = op->range;
    put_look(op);
}
