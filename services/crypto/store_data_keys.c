#include "data_keys.h"

#include "entropy.h"
#include "once.h"
#include "wrapped_key.h"

/* Lies in the request's arena. */
struct create {
    struct vault *vault;
    struct context context;
    uint32_t version;                   /* that read() has locked */
};

/* A version that is held so cannot be destroyed before this transaction has ended. */
static const struct pg_statement HOLD = { "ring_hold",
    "SELECT 1 FROM ring_keys WHERE ring = 'content' AND version = $1 AND state = 'active' FOR SHARE", "i" };

static enum result read(struct once *c, void *cookie, struct pg_batch *reads)
{
    struct create *op = cookie;
    struct keyset *set = rings_take(op->vault->rings);
    const struct ring_key *k = set ? keyset_wrapping(set, RING_CONTENT) : NULL;

    (void)c;
    op->version = k ? k->version : 0;
    keyset_release(set);
    return pg_add(reads, &HOLD, PG_INT(op->version));
}

static enum result make(struct once *c, struct create *op, const struct ring_key *k)
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

static void decide(struct once *c, void *cookie, struct pg_batch *rows)
{
    struct create *op = cookie;
    struct keyset *set = rings_take(op->vault->rings);
    const struct ring_key *k = set ? keyset_wrapping(set, RING_CONTENT) : NULL;

    if (!k || k->version != op->version || pg_rows(rows, ONCE_FIRST) == 0) {
        once_refuse(c, FAULT_UNAVAILABLE, "the ring key is being changed");
    } else {
        enum result r = make(c, op, k);
        if (r)
            once_fail(c, r);
    }
    keyset_release(set);
}

void data_keys_create(struct vault *v, struct request *rq, const struct context *context)
{
    static const struct once_op CREATE = { .read = read, .decide = decide };
    struct create *op = arena_alloc(request_arena(rq), 1, sizeof(*op));

    if (!op) {
        request_fail(rq, FAULT_INTERNAL, NULL);
        return;
    }
    *op = (struct create){ .vault = v, .context = *context };
    once_run(v->durable, rq, &CREATE, op);
}
