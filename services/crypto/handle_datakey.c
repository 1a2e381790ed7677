#include "data_keys.h"
#include "wrapped_key.h"

void handle_datakey_create(void *service, struct request *rq)
{
    const struct crypto_datakey_create_request *body = request_body(rq);
    struct context context;

    context_of(&body->context, &context);
    data_keys_create(service, rq, &context);
}

/* FAULT_COUNT: it opened. */
static enum fault_code open_key(const struct keyset *set, struct request *rq, struct secret **key)
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

void handle_datakey_open(void *service, struct request *rq)
{
    struct vault *v = service;
    struct keyset *set = rings_take(v->rings);
    struct secret *key = NULL;

    if (!set) {
        request_fail_retry(rq, FAULT_UNAVAILABLE, VAULT_RETRY_MS, NULL);
        return;
    }
    enum fault_code fault = open_key(set, rq, &key);
    keyset_release(set);
    if (fault == FAULT_COUNT)
        request_reply(rq, &(struct crypto_datakey_open_result){ secret_bytes(key) });
    else
        request_fail(rq, fault, NULL);
    secret_free(key);
}
