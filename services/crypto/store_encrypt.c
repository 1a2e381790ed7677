#include "store_content.h"

#include "entropy.h"
#include "log.h"

#include <stdlib.h>

/* In the request's arena. */
struct encrypt {
    struct vault *vault;
    struct request *rq;
    const struct crypto_encrypt_request *body;
    struct text realm;
    unsigned tries;

    struct keyset *set;                 /* held while at work */
    const struct ring_key *ring;        /* of it */
    struct owner_key owner;
    bool counted;
    size_t plain_len;                   /* of all items */
    uint8_t *out;                       /* their ciphertexts, one after the other */
    struct crypto_ciphertext *items;
    enum result failed;
};

static void begin(struct encrypt *op);

static void let_go(struct encrypt *op)
{
    free(op->out);
    secret_free(op->owner.key);
    keyset_release(op->set);
    op->out = NULL;
    op->owner.key = NULL;
    op->set = NULL;
}

static void fail(struct encrypt *op, enum fault_code code, const char *detail)
{
    let_go(op);
    answer_fault(op->rq, code, detail);
}

/* ---- the work ------------------------------------------------------------------------------------------------------ */

static void work(void *cookie)
{
    struct encrypt *op = cookie;
    struct bytes key = secret_bytes(op->owner.key ? op->owner.key : op->ring->content);
    struct ciphertext_head head = { .version = op->ring->version, .owner_key = op->owner.id };
    uint8_t salt[COBBLESTONE_SALT_LEN], *at = op->out;

    op->failed = RESULT_OK;
    for (size_t i = 0; i < op->body->items.count && !op->failed; i++) {
        const struct crypto_plain_item *item = &op->body->items.items[i];
        struct context context;
        size_t len = CIPHERTEXT_LEN(item->plaintext.len);

        context_of(&item->context, &context);
        entropy_fill(salt, sizeof(salt));
        op->failed = ciphertext_seal(key, &head, &(struct ciphertext_about){ op->realm, &context }, salt, item->plaintext, at);
        op->items[i].ciphertext = (struct bytes){ at, len };
        at += len;
    }
}

/* What was begun under an epoch that has passed is done anew: an erased owner's key must not be answered with any more. */
static void done(void *cookie)
{
    struct encrypt *op = cookie;
    uint8_t *out = op->out;

    if (op->failed) {
        log_error("crypto.encrypt", LOG_RESULT(op->failed));
        fail(op, FAULT_INTERNAL, NULL);
        return;
    }
    if (!rings_hold_true(op->vault->rings, op->set)) {
        let_go(op);
        begin(op);
        return;
    }
    if (!op->counted)
        rings_count(op->vault->rings, op->ring, op->body->items.count, 0);
    op->vault->stats.encrypted += op->body->items.count;
    op->out = NULL;
    let_go(op);
    request_reply(op->rq, &(struct crypto_encrypt_result){ .items = { op->items, op->body->items.count } });
    free(out);
}

static void start(struct encrypt *op)
{
    size_t len = 0;

    op->plain_len = 0;
    for (size_t i = 0; i < op->body->items.count; i++) {
        op->plain_len += op->body->items.items[i].plaintext.len;
        len += CIPHERTEXT_LEN(op->body->items.items[i].plaintext.len);
    }
    op->out = malloc(len);
    op->items = arena_alloc(request_arena(op->rq), op->body->items.count, sizeof(*op->items));
    if (!op->out || !op->items) {
        fail(op, FAULT_INTERNAL, NULL);
    } else if (op->plain_len <= CONTENT_INLINE_MAX) {
        work(op);
        done(op);
    } else if (offload_run(op->vault->offload, work, done, op)) {
        fail(op, FAULT_UNAVAILABLE, "too much at once");
    }
}

static void on_counted(void *cookie, bool counted)
{
    struct encrypt *op = cookie;

    op->counted = counted;
    if (counted)
        start(op);
    else
        fail(op, FAULT_UNAVAILABLE, NULL);
}

/* A version that was never used may be destroyed without a question: the first use is written before it is answered. */
static void count(struct encrypt *op)
{
    if (op->ring->uses == 0 && !op->counted)
        rings_count_first(op->vault->rings, op->ring, op->body->items.count, on_counted, op);
    else
        start(op);
}

/* ---- an owner's key ------------------------------------------------------------------------------------------------ */

enum { OWNER_MADE, OWNER_READ };

static void on_owner(void *cookie, struct pg_batch *b)
{
    struct encrypt *op = cookie;
    enum result r = pg_outcome(b) == PG_DONE ? RESULT_OK : pg_outcome(b) == PG_FAILED ? RESULT_INTERNAL : RESULT_UNAVAILABLE;

    if (!r && pg_rows(b, OWNER_READ) == 0)
        r = RESULT_UNAVAILABLE;         /* the ring version was not active any more; or just made and just erased */
    if (!r)
        r = owner_key_read(op->vault, op->set, b, OWNER_READ, op->realm, request_arena(op->rq), &op->owner);
    if (!r && pg_affected(b, OWNER_MADE) > 0)
        rings_count(op->vault->rings, op->ring, 0, 1);
    pg_batch_free(b);
    if (r)
        fail(op, r == RESULT_UNAVAILABLE ? FAULT_UNAVAILABLE : FAULT_INTERNAL, NULL);
    else if (!op->owner.key)
        fail(op, op->owner.destroyed ? FAULT_KEY_DESTROYED : FAULT_DECRYPT_FAILED, "the owner's key does not open");
    else
        count(op);
}

/* Made where there is none: of two that do so at once both read the same. */
static enum result add_making(struct encrypt *op, struct pg_batch *b)
{
    static const struct pg_statement MAKE = { "owner_key_make",
        "WITH held AS (SELECT 1 FROM ring_keys WHERE ring = 'content' AND version = $4 AND state = 'active' FOR SHARE)"
        " INSERT INTO owner_keys (id, realm, owner, version, wrapped) SELECT $1, $2, $3, $4, $5 FROM held"
        " ON CONFLICT (owner, realm) DO NOTHING", "uttib" };
    struct text owner = op->body->owner;
    uint8_t nonce[GCM_NONCE_LEN], wrapped[WRAP_LEN];
    struct uuid id;
    struct secret *key;
    enum result r = secret_new(WRAP_KEY_LEN, &key);

    if (r)
        return r;
    entropy_fill(secret_fill(key), WRAP_KEY_LEN);
    entropy_fill(id.bytes, sizeof(id.bytes));
    entropy_fill(nonce, sizeof(nonce));
    r = wrap_seal(op->ring->wrap,
                  &(struct wrap_about){ .kind = WRAP_OWNER, .realm = op->realm, .id = text_bytes(owner), .version = op->ring->version },
                  nonce, key, wrapped);
    secret_free(key);
    return r ? r : pg_add(b, &MAKE, PG_UUID(&id), PG_TEXT(op->realm), PG_TEXT(owner), PG_INT(op->ring->version),
                          PG_BYTES(((struct bytes){ wrapped, sizeof(wrapped) })));
}

static void ask_owner(struct encrypt *op)
{
    static const struct pg_statement READ = { "owner_key_of",
        "SELECT " OWNER_KEY_COLUMNS " FROM owner_keys WHERE owner = $1 AND realm = $2", "tt" };
    struct pg_batch *b;

    if (pg_batch_new(CONTENT_QUERY_BYTES, &b)) {
        fail(op, FAULT_INTERNAL, NULL);
        return;
    }
    enum result r = add_making(op, b);
    if (!r)
        r = pg_add(b, &READ, PG_TEXT(op->body->owner), PG_TEXT(op->realm));
    if (!r)
        r = pg_submit(durable_pg(op->vault->durable), b, CONTENT_QUERY_MS, on_owner, op);
    if (r) {
        pg_batch_free(b);
        fail(op, FAULT_UNAVAILABLE, NULL);
    }
}

/* ---- the request --------------------------------------------------------------------------------------------------- */

static void begin(struct encrypt *op)
{
    op->set = op->tries++ < CONTENT_TRIES ? rings_take(op->vault->rings) : NULL;
    op->ring = op->set ? keyset_active(op->set, RING_CONTENT, (struct text){ NULL, 0 }) : NULL;
    op->counted = false;
    if (!op->ring || !op->ring->content)
        fail(op, FAULT_UNAVAILABLE, "the keys are not known well enough");
    else if (!op->body->owner.data)
        count(op);
    else if (op->ring->wraps >= WRAPS_MAX)
        fail(op, FAULT_UNAVAILABLE, "the ring key has wrapped all that it may; rotate it");
    else
        ask_owner(op);
}

void contents_encrypt(struct vault *v, struct request *rq)
{
    struct encrypt *op = arena_alloc(request_arena(rq), 1, sizeof(*op));
    struct text realm = realm_kept(rq);

    if (!op || !realm.data) {
        request_fail(rq, FAULT_INTERNAL, NULL);
        return;
    }
    *op = (struct encrypt){ .vault = v, .rq = rq, .body = request_body(rq), .realm = realm };
    begin(op);
}
