/* A recording is deleted: its row and its key in one transaction; its bytes, worthless then, as soon as may be. */
#include "store_recordings.h"

enum { OBJECT = ONCE_FIRST, PARTS = ONCE_FIRST + OBJECT_STATEMENTS };

/* In the request's arena. */
struct removal {
    struct vault *vault;
    const struct crypto_object_request *body;
    struct text realm;
    struct stored_part *parts;
    size_t part_count;
};

static enum result read(struct once *c, void *cookie, struct pg_batch *reads)
{
    const struct removal *op = cookie;
    enum result r = object_ask(reads, op->realm, &op->body->object_id, true);

    (void)c;
    return r ? r : parts_ask(reads, &op->body->object_id, (struct part){ 0, RECORDING_MAX });
}

/* Of a destroyed key too: what is left of it goes. */
static void decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    static const struct pg_statement DELETE = { "object_delete", "DELETE FROM objects WHERE id = $1", "u" };
    struct removal *op = cookie;
    struct arena *a = request_arena(once_request(c));
    struct object o;
    enum fault_code fault = object_read(rows, OBJECT, op->realm, &op->body->object_id, a, &o);
    enum result r = fault == FAULT_INTERNAL ? RESULT_INTERNAL : RESULT_OK;

    op->part_count = 0;
    if (fault == FAULT_COUNT) {
        r = parts_read(rows, PARTS, a, &op->parts, &op->part_count);
        if (!r)
            r = pg_add(once_writes(c), &DELETE, PG_UUID(&op->body->object_id));
    }
    if (r)
        once_fail(c, r);
    else
        once_commit(c, &(struct crypto_audio_delete_result){ .deleted = fault == FAULT_COUNT });
}

static void committed(struct once *c, void *cookie, bool repeated, struct pg_batch *rows)
{
    const struct removal *op = cookie;
    struct uuid *names = repeated ? NULL : arena_alloc(request_arena(once_request(c)), op->part_count + 1, sizeof(*names));

    (void)rows;
    for (size_t i = 0; i < op->part_count && names; i++)
        names[i] = op->parts[i].blob;
    if (names)
        blobs_forget(op->vault, names, op->part_count);
    once_send(c);
}

void recordings_delete(struct vault *v, struct request *rq)
{
    static const struct once_op DELETE = { read, decide, committed, NULL };
    struct removal *op = arena_alloc(request_arena(rq), 1, sizeof(*op));
    struct text realm = request_realm(rq);
    const char *copy = op ? arena_copy(request_arena(rq), realm) : NULL;

    if (!copy) {
        request_fail(rq, FAULT_INTERNAL, NULL);
        return;
    }
    *op = (struct removal){ .vault = v, .body = request_body(rq), .realm = { copy, realm.len } };
    once_run(v->durable, rq, &DELETE, op);
}
