#include "data_keys.h"

#include "entropy.h"
#include "once.h"

/* Lies in the request's arena. */
struct data_key_op {
    struct vault *vault;
    struct context context;
    struct wrapped_key old;             /* of rewrap */
    uint32_t version;                   /* the active one, that read() has locked */
};

enum fault_code data_keys_open(const struct keyset *set, struct request *rq, struct secret **key)
{
    const struct crypto_wrapped_request *body = request_body(rq);
    struct context context;
    struct wrapped_key w;

    if (wrapped_key_read(body->wrapped, &w))
        return FAULT_DECRYPT_FAILED;
    const struct ring_key *k = keyset_find(set, RING_CONTENT, w.version);
    if (!k)
        return FAULT_DECRYPT_FAILED;
    if (k->state == RING_DESTROYED)
        return FAULT_KEY_DESTROYED;
    if (!k->wrap)
        return FAULT_UNAVAILABLE;       /* its row does not open; said in the log and by /readyz */
    context_of(&body->context, &context);
    enum result r = wrapped_key_open(k->wrap, &w, request_realm(rq), &context, key);
    if (r == RESULT_NOT_AUTHENTIC)
        return FAULT_DECRYPT_FAILED;
    return r ? FAULT_INTERNAL : FAULT_COUNT;
}

/* ---- versions held ------------------------------------------------------------------------------------------------- */

/*
 * Versions that are held so are neither replaced nor destroyed before this transaction has ended. $1: the active one; $2:
 * another that is needed, or the same.
 */
static const struct pg_statement HOLD = { "ring_hold",
    "SELECT 1 FROM ring_keys WHERE ring = 'content'"
    " AND (version = $1 AND state = 'active' OR version = $2 AND version <> $1 AND state <> 'destroyed')"
    " ORDER BY version FOR SHARE", "ii" };

static enum result hold(struct data_key_op *op, struct pg_batch *reads, uint32_t also)
{
    struct keyset *set = rings_take(op->vault->rings);
    const struct ring_key *k = set ? keyset_wrapping(set, RING_CONTENT) : NULL;

    op->version = k ? k->version : 0;
    keyset_release(set);
    return pg_add(reads, &HOLD, PG_INT(op->version), PG_INT(also ? also : op->version));
}

/* The active version, if it is the one that is held; else NULL: what is in memory lags behind PostgreSQL. */
static const struct ring_key *held(const struct data_key_op *op, const struct keyset *set, struct pg_batch *rows, size_t count)
{
    const struct ring_key *k = set ? keyset_wrapping(set, RING_CONTENT) : NULL;

    return k && k->version == op->version && pg_rows(rows, ONCE_FIRST) == count ? k : NULL;
}

/* ---- create -------------------------------------------------------------------------------------------------------- */

static enum result read_create(struct once *c, void *cookie, struct pg_batch *reads)
{
    (void)c;
    return hold(cookie, reads, 0);
}

static enum result make(struct once *c, struct data_key_op *op, const struct ring_key *k)
{
    static const struct pg_statement INSERT = { "data_key_insert",
        "INSERT INTO data_keys (id, realm, version) VALUES ($1, $2, $3)", "uti" };
    struct text realm = request_realm(once_request(c));
    uint8_t nonce[GCM_NONCE_LEN], wrapped[WRAPPED_KEY_LEN];
    struct uuid id;
    struct secret *key;
    enum result r = secret_new(WRAP_KEY_LEN, &key);

    if (r)
        return r;
    entropy_fill(secret_fill(key), WRAP_KEY_LEN);
    entropy_fill(id.bytes, sizeof(id.bytes));
    entropy_fill(nonce, sizeof(nonce));
    r = wrapped_key_seal(k->wrap, k->version, realm, &id, &op->context, nonce, key, wrapped);
    if (!r)
        r = pg_add(once_writes(c), &INSERT, PG_UUID(&id), PG_TEXT(realm), PG_INT(k->version));
    if (!r) {
        rings_count(op->vault->rings, k, 0, 1);
        once_commit(c, &(struct crypto_datakey_create_result){ secret_bytes(key), { wrapped, sizeof(wrapped) } });
    }
    secret_free(key);
    return r;
}

static void decide_create(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct data_key_op *op = cookie;
    struct keyset *set = rings_take(op->vault->rings);
    const struct ring_key *k = held(op, set, rows, 1);
    enum result r = k ? make(c, op, k) : RESULT_OK;

    if (!k)
        once_refuse(c, FAULT_UNAVAILABLE, "the ring key is being changed");
    else if (r)
        once_fail(c, r);
    keyset_release(set);
}

/* ---- rewrap -------------------------------------------------------------------------------------------------------- */

static enum result read_rewrap(struct once *c, void *cookie, struct pg_batch *reads)
{
    struct data_key_op *op = cookie;

    (void)c;
    return hold(op, reads, op->old.version);
}

/*
 * The same key, id and context under another version. What has the newest already comes back as it is; its row is seen to
 * all the same, since a restored database may lack it, and a version without rows may be destroyed.
 */
static enum result move(struct once *c, struct data_key_op *op, const struct ring_key *k, const struct secret *key)
{
    static const struct pg_statement MOVE = { "data_key_move",
        "INSERT INTO data_keys (id, realm, version) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET version = excluded.version",
        "uti" };
    const struct crypto_wrapped_request *body = request_body(once_request(c));
    struct text realm = request_realm(once_request(c));
    uint8_t nonce[GCM_NONCE_LEN], wrapped[WRAPPED_KEY_LEN];
    bool anew = op->old.version != k->version;
    enum result r = pg_add(once_writes(c), &MOVE, PG_UUID(&op->old.id), PG_TEXT(realm), PG_INT(k->version));

    if (!r && anew) {
        entropy_fill(nonce, sizeof(nonce));
        r = wrapped_key_seal(k->wrap, k->version, realm, &op->old.id, &op->context, nonce, key, wrapped);
    }
    if (r)
        return r;
    if (anew)
        rings_count(op->vault->rings, k, 0, 1);
    once_commit(c, &(struct crypto_datakey_rewrap_result){ anew ? (struct bytes){ wrapped, sizeof(wrapped) } : body->wrapped });
    return RESULT_OK;
}

static void decide_rewrap(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct data_key_op *op = cookie;
    struct keyset *set = rings_take(op->vault->rings);
    struct secret *key = NULL;
    enum fault_code fault = set ? data_keys_open(set, once_request(c), &key) : FAULT_UNAVAILABLE;
    const struct ring_key *k = held(op, set, rows, op->old.version == op->version ? 1 : 2);

    if (fault != FAULT_COUNT) {
        once_refuse(c, fault, NULL);
    } else if (!k) {
        once_refuse(c, FAULT_UNAVAILABLE, "the ring key is being changed");
    } else {
        enum result r = move(c, op, k, key);
        if (r)
            once_fail(c, r);
    }
    secret_free(key);
    keyset_release(set);
}

/* ---- the requests -------------------------------------------------------------------------------------------------- */

static struct data_key_op *new_op(struct vault *v, struct request *rq, const struct context *context)
{
    struct data_key_op *op = arena_alloc(request_arena(rq), 1, sizeof(*op));

    if (op)
        *op = (struct data_key_op){ .vault = v, .context = *context };
    else
        request_fail(rq, FAULT_INTERNAL, NULL);
    return op;
}

void data_keys_create(struct vault *v, struct request *rq, const struct context *context)
{
    static const struct once_op CREATE = { .read = read_create, .decide = decide_create };
    struct data_key_op *op = new_op(v, rq, context);

    if (op)
        once_run(v->durable, rq, &CREATE, op);
}

void data_keys_rewrap(struct vault *v, struct request *rq, const struct context *context, const struct wrapped_key *old)
{
    static const struct once_op REWRAP = { .read = read_rewrap, .decide = decide_rewrap };
    struct data_key_op *op = new_op(v, rq, context);

    if (!op)
        return;
    op->old = *old;
    once_run(v->durable, rq, &REWRAP, op);
}
