#include "data_keys.h"

void handle_datakey_create(void *service, struct request *rq)
{
    const struct crypto_datakey_create_request *body = request_body(rq);
    struct context context;

    context_of(&body->context, &context);
    data_keys_create(service, rq, &context);
}

void handle_datakey_rewrap(void *service, struct request *rq)
{
    const struct crypto_wrapped_request *body = request_body(rq);
    struct wrapped_key old;
    struct context context;

    if (wrapped_key_read(body->wrapped, &old)) {
        request_fail(rq, FAULT_DECRYPT_FAILED, NULL);
        return;
    }
    context_of(&body->context, &context);
    data_keys_rewrap(service, rq, &context, &old);
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
    enum fault_code fault = data_keys_open(set, rq, &key);
    keyset_release(set);
    if (fault == FAULT_COUNT)
        request_reply(rq, &(struct crypto_datakey_open_result){ secret_bytes(key) });
    else
        request_fail(rq, fault, NULL);
    secret_free(key);
}
