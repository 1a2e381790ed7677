/* A range of a recording, and what is known of one. */
#include "store_recordings.h"

#include "log.h"

#include <stdlib.h>

#define TRIES_MAX 4

enum { OBJECT, PARTS = OBJECT_STATEMENTS };

/* In the request's arena. */
struct get {
    struct vault *vault;
    struct request *rq;
    const struct crypto_audio_get_request *body;
    struct text realm;
    unsigned tries;

    struct keyset *set;                 /* held while at work */
    struct object object;
    struct part want;                   /* length 0: at or past the end */
    struct secret *key;
    struct stored_part *parts;
    size_t part_count;
    uint8_t *plain;                     /* want.length bytes */
    enum result failed;
    uint64_t bad_offset;
};

static void ask(struct get *op);

static void let_go(struct get *op)
{
    if (op->plain) {
        secret_wipe(op->plain, op->want.length);
        free(op->plain);
    }
    secret_free(op->key);
    keyset_release(op->set);
    op->plain = NULL;
    op->key = NULL;
    op->set = NULL;
}

static void fail(struct get *op, enum fault_code code, const char *detail)
{
    let_go(op);
    answer_fault(op->rq, code, detail);
}

/* ---- on the thread pool -------------------------------------------------------------------------------------------- */

static void work(void *cookie)
{
    struct get *op = cookie;
    uint64_t at = op->want.offset, end = op->want.offset + op->want.length;

    op->failed = RESULT_OK;
    for (size_t i = 0; i < op->part_count && !op->failed; i++) {
        struct part want = part_common(op->want, op->parts[i].range);

        op->bad_offset = op->parts[i].range.offset;
        /* A row that was taken away leaves a gap. */
        op->failed = want.offset != at || want.length == 0
                         ? RESULT_NOT_AUTHENTIC
                         : part_open(op->vault->blobs, op->key, &op->object.form, &op->parts[i], want,
                                     op->plain + (want.offset - op->want.offset));
        at += want.length;
    }
    if (!op->failed && at != end)
        op->failed = RESULT_NOT_AUTHENTIC;
}

/* ---- on the loop --------------------------------------------------------------------------------------------------- */

static void reply(struct get *op)
{
    const struct recording *f = &op->object.form;
    struct crypto_audio_get_result result = {
        .data = { op->plain ? op->plain : (const uint8_t *)"", op->want.length },
        .size = f->size,
        .media_type = f->media_type,
        .eof = op->want.offset + op->want.length >= f->size,
    };

    request_reply(op->rq, &result);
}

/* What has changed since it was begun (an erasure, a key destroyed) is in force now: nothing of before is answered. */
static bool overtaken(struct get *op)
{
    if (rings_hold_true(op->vault->rings, op->set))
        return false;
    let_go(op);
    if (++op->tries < TRIES_MAX)
        ask(op);
    else
        fail(op, FAULT_UNAVAILABLE, "the keys are not known well enough");
    return true;
}

static void done(void *cookie)
{
    struct get *op = cookie;

    if (overtaken(op))
        return;
    switch (op->failed) {
    case RESULT_OK: {
        uint8_t *plain = op->plain;
        size_t len = op->want.length;
        struct keyset *set = op->set;
        struct secret *key = op->key;

        reply(op);                      /* op is gone with its request */
        secret_wipe(plain, len);
        free(plain);
        secret_free(key);
        keyset_release(set);
        return;
    }
    case RESULT_NOT_FOUND:              /* deleted meanwhile, or lost: PostgreSQL knows */
        if (++op->tries < TRIES_MAX) {
            let_go(op);
            ask(op);
            return;
        }
        tampered(op->vault, &op->object.form.id, op->object.form.owner, "blob is missing", op->bad_offset);
        fail(op, FAULT_DECRYPT_FAILED, "a part of it is missing");
        return;
    case RESULT_NOT_AUTHENTIC:
    case RESULT_TRUNCATED:
        tampered(op->vault, &op->object.form.id, op->object.form.owner, "blob", op->bad_offset);
        fail(op, FAULT_DECRYPT_FAILED, "a part of it does not open");
        return;
    case RESULT_IO:
    case RESULT_DENIED:
    case RESULT_NO_MEMORY:
        log_error("crypto.blob_read", LOG_RESULT(op->failed));
        fail(op, FAULT_UNAVAILABLE, "the blob store does not give it");
        return;
    default:
        log_error("crypto.get", LOG_RESULT(op->failed));
        fail(op, FAULT_INTERNAL, NULL);
        return;
    }
}

static enum fault_code prepare(struct get *op, struct pg_batch *b)
{
    struct arena *a = request_arena(op->rq);
    enum fault_code fault = object_read(b, OBJECT, op->realm, &op->body->object_id, a, &op->object);

    if (fault != FAULT_COUNT)
        return fault;
    fault = object_key(op->vault, op->set, &op->object, &op->key);
    if (fault != FAULT_COUNT)
        return fault;
    if (!op->object.complete)
        return FAULT_INCOMPLETE;
    op->want = part_common((struct part){ op->body->offset, op->body->length }, (struct part){ 0, op->object.form.size });
    if (op->want.length == 0)
        return FAULT_COUNT;
    op->plain = malloc(op->want.length);
    return op->plain && !parts_read(b, PARTS, a, &op->parts, &op->part_count) ? FAULT_COUNT : FAULT_INTERNAL;
}

static void on_rows(void *cookie, struct pg_batch *b)
{
    struct get *op = cookie;
    enum fault_code fault = pg_outcome(b) == PG_DONE     ? prepare(op, b)
                            : pg_outcome(b) == PG_FAILED ? FAULT_INTERNAL
                                                         : FAULT_UNAVAILABLE;

    pg_batch_free(b);
    if (fault != FAULT_COUNT)
        fail(op, fault, NULL);
    else if (op->want.length == 0) {
        op->want.offset = op->object.form.size;
        let_go(op);
        reply(op);
    } else if (offload_run(op->vault->offload, work, done, op))
        fail(op, FAULT_UNAVAILABLE, "too much at once");
}

static void ask(struct get *op)
{
    /* Past any end is empty, whatever the size: PostgreSQL's numbers are signed. */
    uint64_t offset = op->body->offset < RECORDING_MAX ? op->body->offset : RECORDING_MAX;
    struct pg_batch *b;

    op->set = rings_take(op->vault->rings);
    if (!op->set) {
        fail(op, FAULT_UNAVAILABLE, "the keys are not known well enough");
        return;
    }
    if (pg_batch_new(QUERY_BYTES, &b)) {
        fail(op, FAULT_INTERNAL, NULL);
        return;
    }
    enum result r = object_ask(b, op->realm, &op->body->object_id, false);
    if (!r)
        r = parts_ask(b, &op->body->object_id, (struct part){ offset, op->body->length });
    if (!r)
        r = pg_submit(durable_pg(op->vault->durable), b, QUERY_MS, on_rows, op);
    if (r) {
        pg_batch_free(b);
        fail(op, FAULT_UNAVAILABLE, NULL);
    }
}

static struct get *get_new(struct vault *v, struct request *rq)
{
    struct get *op = arena_alloc(request_arena(rq), 1, sizeof(*op));
    struct text realm = request_realm(rq);
    const char *copy = op ? arena_copy(request_arena(rq), realm) : NULL;

    if (!copy) {
        request_fail(rq, FAULT_INTERNAL, NULL);
        return NULL;
    }
    *op = (struct get){ .vault = v, .rq = rq, .realm = { copy, realm.len } };
    return op;
}

void recordings_get(struct vault *v, struct request *rq)
{
    struct get *op = get_new(v, rq);

    if (!op)
        return;
    op->body = request_body(rq);
    ask(op);
}

/* ---- stat ---------------------------------------------------------------------------------------------------------- */

static enum fault_code describe(struct get *op, struct pg_batch *b, struct sha256_text *sha256)
{
    const struct crypto_object_request *body = request_body(op->rq);
    enum fault_code fault = object_read(b, OBJECT, op->realm, &body->object_id, request_arena(op->rq), &op->object);

    if (fault == FAULT_COUNT)
        fault = object_key(op->vault, op->set, &op->object, &op->key);
    if (fault == FAULT_COUNT && op->object.complete)
        fault = object_sha256(op->vault, op->key, &op->object, sha256);
    return fault;
}

static void on_stat(void *cookie, struct pg_batch *b)
{
    struct get *op = cookie;
    const struct object *o = &op->object;
    struct sha256_text sha256;
    enum fault_code fault = pg_outcome(b) == PG_DONE     ? describe(op, b, &sha256)
                            : pg_outcome(b) == PG_FAILED ? FAULT_INTERNAL
                                                         : FAULT_UNAVAILABLE;

    pg_batch_free(b);
    if (fault == FAULT_COUNT && !rings_hold_true(op->vault->rings, op->set))
        fault = FAULT_UNAVAILABLE;
    let_go(op);
    if (fault != FAULT_COUNT) {
        answer_fault(op->rq, fault, NULL);
        return;
    }
    request_reply(op->rq, &(struct crypto_audio_stat_result){
        .size = o->form.size,
        .media_type = o->form.media_type,
        .complete = o->complete,
        .received = o->received,
        .sha256 = o->complete ? text_of(sha256.hex) : (struct text){ NULL, 0 },
        .created_at = o->form.created_ms,
        .expires_at = o->expires_ms,
        .key_version = o->version,
    });
}

void recordings_stat(struct vault *v, struct request *rq)
{
    const struct crypto_object_request *body = request_body(rq);
    struct get *op = get_new(v, rq);
    struct pg_batch *b = NULL;

    if (!op)
        return;
    op->set = rings_take(v->rings);
    enum result r = op->set ? pg_batch_new(QUERY_BYTES, &b) : RESULT_UNAVAILABLE;
    if (!r)
        r = object_ask(b, op->realm, &body->object_id, false);
    if (!r)
        r = pg_submit(durable_pg(v->durable), b, QUERY_MS, on_stat, op);
    if (r) {
        pg_batch_free(b);
        fail(op, FAULT_UNAVAILABLE, NULL);
    }
}
