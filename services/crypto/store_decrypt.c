/* decrypt, and rewrap, which is decrypt whose plaintexts are sealed again where they were opened and never leave. */
#include "store_content.h"

#include "entropy.h"
#include "log.h"

#include <sodium.h>
#include <stdlib.h>

struct item {
    struct bytes in;
    struct ciphertext_head head;
    const struct ring_key *ring;        /* of an item without an owner */
    struct owner_key *owner;            /* of one with; NULL */
    size_t at, len;                     /* its plaintext in `plain` */
    struct bytes anew;                  /* rewrap: in `sealed` */
    enum result opened;                 /* RESULT_CLOSED: its key is destroyed */
};

/* In the request's arena. */
struct decrypt {
    struct vault *vault;
    struct request *rq;
    const struct crypto_sealed_request *body;
    struct text realm;
    bool rewrap;
    unsigned tries;

    struct keyset *set;                 /* held while at work */
    const struct ring_key *newest;      /* rewrap: of it */
    struct item *items;
    struct owner_key *owners;           /* those that items name, each once */
    size_t owner_count;
    uint8_t *plain;
    size_t plain_len;
    uint8_t *sealed;                    /* rewrap: the new ciphertexts */
    bool counted;
};

static void begin(struct decrypt *op);

static void let_go(struct decrypt *op)
{
    if (op->plain)
        secret_wipe(op->plain, op->plain_len);
    free(op->plain);
    free(op->sealed);
    op->plain = op->sealed = NULL;
    for (size_t i = 0; i < op->owner_count; i++)
        secret_free(op->owners[i].key);
    op->owner_count = 0;
    keyset_release(op->set);
    op->set = NULL;
}

static void fail(struct decrypt *op, enum fault_code code)
{
    let_go(op);
    answer_fault(op->rq, code, NULL);
}

/* ---- the answer ---------------------------------------------------------------------------------------------------- */

/* By owner, those without one together. */
static void tell(struct decrypt *op, const struct owner_key *owner)
{
    size_t opened = 0, failed = 0;

    for (size_t i = 0; i < op->body->items.count; i++)
        if (op->items[i].owner == owner)
            *(op->items[i].opened ? &failed : &opened) += 1;
    struct text whose = owner ? owner->owner : (struct text){ NULL, 0 };
    if (failed > 0)
        tell_decrypt_failed(op->vault, op->rq, whose, failed);
    if (opened > 0)
        tell_decrypted(op->vault, op->rq, whose, opened);
}

static struct crypto_item_error error_of(const struct item *item)
{
    return (struct crypto_item_error){
        .code = item->opened == RESULT_CLOSED ? CRYPTO_ITEM_KEY_DESTROYED : CRYPTO_ITEM_DECRYPT_FAILED,
    };
}

static bool reply_opened(struct decrypt *op, size_t count)
{
    struct crypto_opened_item *results = arena_alloc(request_arena(op->rq), count, sizeof(*results));

    for (size_t i = 0; results && i < count; i++) {
        const struct item *item = &op->items[i];

        if (item->opened)
            results[i] = (struct crypto_opened_item){ .error = error_of(item), .has_error = true };
        else
            results[i] = (struct crypto_opened_item){ .plaintext = { op->plain + item->at, item->len } };
    }
    if (results)
        request_reply(op->rq, &(struct crypto_decrypt_result){ .items = { results, count } });
    return results != NULL;
}

static bool reply_rewrapped(struct decrypt *op, size_t count)
{
    struct crypto_rewrapped_item *results = arena_alloc(request_arena(op->rq), count, sizeof(*results));

    for (size_t i = 0; results && i < count; i++) {
        const struct item *item = &op->items[i];

        if (item->opened)
            results[i] = (struct crypto_rewrapped_item){ .error = error_of(item), .has_error = true };
        else
            results[i] = (struct crypto_rewrapped_item){ .ciphertext = item->anew };
    }
    if (results)
        request_reply(op->rq, &(struct crypto_rewrap_result){ .items = { results, count } });
    return results != NULL;
}

static void reply(struct decrypt *op)
{
    size_t count = op->body->items.count, owners = op->owner_count;
    struct decrypt kept = *op;          /* op is gone with its request */

    tell(op, NULL);
    for (size_t i = 0; i < owners; i++) {
        tell(op, &op->owners[i]);
        secret_free(op->owners[i].key);
    }
    op->owner_count = kept.owner_count = 0;
    if (op->rewrap ? reply_rewrapped(op, count) : reply_opened(op, count))
        let_go(&kept);
    else
        fail(op, FAULT_INTERNAL);
}

static void done(void *cookie)
{
    struct decrypt *op = cookie;

    if (!rings_hold_true(op->vault->rings, op->set)) {
        let_go(op);
        begin(op);
        return;
    }
    for (size_t i = 0; i < op->body->items.count; i++) {
        enum result r = op->items[i].opened;
        if (r == RESULT_NO_MEMORY || r == RESULT_CRYPTO || r == RESULT_INTERNAL) {
            log_error("crypto.decrypt", LOG_RESULT(r));
            fail(op, FAULT_INTERNAL);
            return;
        }
    }
    if (op->rewrap && !op->counted)
        rings_count(op->vault->rings, op->newest, op->body->items.count, 0);
    reply(op);
}

/* ---- the work ------------------------------------------------------------------------------------------------------ */

/* Under the newest version, or the same owner's key, at the place of the old one. */
static enum result seal_anew(const struct decrypt *op, struct item *item, const struct ciphertext_about *about, uint8_t **at)
{
    const struct secret *key = item->owner ? item->owner->key : op->newest->content;
    struct ciphertext_head head = item->head;
    uint8_t salt[COBBLESTONE_SALT_LEN];

    head.version = op->newest->version;
    entropy_fill(salt, sizeof(salt));
    item->anew = (struct bytes){ *at, item->in.len };
    *at += item->in.len;
    return ciphertext_seal(secret_bytes(key), &head, about, salt, (struct bytes){ op->plain + item->at, item->len },
                           (uint8_t *)item->anew.data);
}

static void work(void *cookie)
{
    struct decrypt *op = cookie;
    uint8_t *at = op->sealed;

    for (size_t i = 0; i < op->body->items.count; i++) {
        struct item *item = &op->items[i];
        struct context context;

        if (item->opened)
            continue;
        context_of(&op->body->items.items[i].context, &context);
        const struct ciphertext_about about = { op->realm, &context };
        item->opened = ciphertext_open(secret_bytes(item->owner ? item->owner->key : item->ring->content), &about, item->in,
                                       op->plain + item->at);
        if (!item->opened && op->rewrap)
            item->opened = seal_anew(op, item, &about, &at);
    }
}

/* Which key each item has, if any; RESULT_UNAVAILABLE: one whose row in PostgreSQL does not open. */
static enum result find_key(struct decrypt *op, struct item *item)
{
    if (item->head.owned) {
        if (!item->owner)
            item->opened = RESULT_NOT_FOUND;
        else if (!item->owner->key)
            item->opened = item->owner->destroyed ? RESULT_CLOSED : RESULT_NOT_AUTHENTIC;
        return RESULT_OK;
    }
    item->ring = keyset_find(op->set, RING_CONTENT, item->head.version);
    if (!item->ring)
        item->opened = RESULT_NOT_FOUND;
    else if (item->ring->state == RING_DESTROYED)
        item->opened = RESULT_CLOSED;
    return item->opened || item->ring->content ? RESULT_OK : RESULT_UNAVAILABLE;
}

static void start(struct decrypt *op)
{
    enum result r = RESULT_OK;
    size_t sealed_len = 0;

    op->plain_len = 1;                  /* so that an empty text has an address, too */
    for (size_t i = 0; i < op->body->items.count && !r; i++) {
        struct item *item = &op->items[i];
        if (!item->opened)
            r = find_key(op, item);
        if (item->opened)
            continue;
        item->at = op->plain_len;
        op->plain_len += item->len;
        sealed_len += item->in.len;     /* what is sealed anew is as long */
    }
    op->plain = r ? NULL : malloc(op->plain_len);
    op->sealed = op->rewrap && op->plain ? malloc(sealed_len + 1) : NULL;
    if (!op->plain || (op->rewrap && !op->sealed)) {
        fail(op, r == RESULT_UNAVAILABLE ? FAULT_UNAVAILABLE : FAULT_INTERNAL);
    } else if (op->plain_len <= CONTENT_INLINE_MAX) {
        work(op);
        done(op);
    } else if (offload_run(op->vault->offload, work, done, op)) {
        fail(op, FAULT_UNAVAILABLE);
    }
}

/* ---- owners' keys -------------------------------------------------------------------------------------------------- */

static struct owner_key *find_owner(const struct decrypt *op, const struct uuid *id)
{
    for (size_t i = 0; i < op->owner_count; i++)
        if (memcmp(op->owners[i].id.bytes, id->bytes, sizeof(id->bytes)) == 0)
            return &op->owners[i];
    return NULL;
}

static void on_owners(void *cookie, struct pg_batch *b)
{
    struct decrypt *op = cookie;
    size_t asked = pg_count(b);
    enum result r = pg_outcome(b) == PG_DONE ? RESULT_OK : pg_outcome(b) == PG_FAILED ? RESULT_INTERNAL : RESULT_UNAVAILABLE;

    /* Owners whose row is not there any more are none: the array is made anew of those that are. */
    op->owner_count = 0;
    for (size_t i = 0; i < asked && !r; i++)
        if (pg_rows(b, i) > 0)
            r = owner_key_read(op->vault, op->set, b, i, op->realm, request_arena(op->rq), &op->owners[op->owner_count++]);
    pg_batch_free(b);
    if (r) {
        fail(op, r == RESULT_UNAVAILABLE ? FAULT_UNAVAILABLE : FAULT_INTERNAL);
        return;
    }
    for (size_t i = 0; i < op->body->items.count; i++)
        if (op->items[i].head.owned)
            op->items[i].owner = find_owner(op, &op->items[i].head.owner_key);
    start(op);
}

static void ask_owners(struct decrypt *op)
{
    static const struct pg_statement READ = { "owner_key_by_id",
        "SELECT " OWNER_KEY_COLUMNS " FROM owner_keys WHERE id = $1 AND realm = $2", "ut" };
    struct pg_batch *b;

    if (pg_batch_new(CONTENT_QUERY_BYTES, &b)) {
        fail(op, FAULT_INTERNAL);
        return;
    }
    enum result r = RESULT_OK;
    for (size_t i = 0; i < op->owner_count && !r; i++)
        r = pg_add(b, &READ, PG_UUID(&op->owners[i].id), PG_TEXT(op->realm));
    if (!r)
        r = pg_submit(durable_pg(op->vault->durable), b, CONTENT_QUERY_MS, on_owners, op);
    if (r) {
        pg_batch_free(b);
        fail(op, FAULT_UNAVAILABLE);
    }
}

/* ---- the request --------------------------------------------------------------------------------------------------- */

static void read_items(struct decrypt *op)
{
    for (size_t i = 0; i < op->body->items.count; i++) {
        struct item *item = &op->items[i];

        *item = (struct item){ .in = op->body->items.items[i].ciphertext };
        item->opened = ciphertext_read(item->in, &item->head, &item->len);
        if (!item->opened && item->head.owned && !find_owner(op, &item->head.owner_key))
            op->owners[op->owner_count++] = (struct owner_key){ .id = item->head.owner_key };
    }
}

static void on_counted(void *cookie, bool counted)
{
    struct decrypt *op = cookie;

    op->counted = counted;
    if (!counted)
        fail(op, FAULT_UNAVAILABLE);
    else if (op->owner_count > 0)
        ask_owners(op);
    else
        start(op);
}

static void begin(struct decrypt *op)
{
    op->set = op->tries++ < CONTENT_TRIES ? rings_take(op->vault->rings) : NULL;
    op->newest = op->set ? keyset_active(op->set, RING_CONTENT, (struct text){ NULL, 0 }) : NULL;
    op->counted = false;
    if (!op->set || (op->rewrap && (!op->newest || !op->newest->content))) {
        fail(op, FAULT_UNAVAILABLE);
        return;
    }
    read_items(op);
    if (op->rewrap && op->newest->uses == 0)
        rings_count_first(op->vault->rings, op->newest, op->body->items.count, on_counted, op);
    else if (op->owner_count > 0)
        ask_owners(op);
    else
        start(op);
}

static void run(struct vault *v, struct request *rq, bool rewrap)
{
    const struct crypto_sealed_request *body = request_body(rq);
    struct arena *a = request_arena(rq);
    struct decrypt *op = arena_alloc(a, 1, sizeof(*op));
    struct text realm = realm_kept(rq);

    if (op)
        *op = (struct decrypt){ .vault = v, .rq = rq, .body = body, .realm = realm, .rewrap = rewrap,
                                .items = arena_alloc(a, body->items.count, sizeof(*op->items)),
                                .owners = arena_alloc(a, body->items.count, sizeof(*op->owners)) };
    if (!op || !realm.data || !op->items || !op->owners)
        request_fail(rq, FAULT_INTERNAL, NULL);
    else
        begin(op);
}

void contents_decrypt(struct vault *v, struct request *rq)
{
    run(v, rq, false);
}

void contents_rewrap(struct vault *v, struct request *rq)
{
    run(v, rq, true);
}
