/* Data keys of other services: made here, kept by them, counted by PostgreSQL. */
#ifndef HLIDKA_DATA_KEYS_H
#define HLIDKA_DATA_KEYS_H

#include "vault.h"
#include "wrapped_key.h"

/* Makes one, bound to the realm of who asks and to the context; answers the request. */
void data_keys_create(struct vault *v, struct request *rq, const struct context *context);
/* The same under the newest version; old: what the body's `wrapped` says, read and not yet proven. Answers the request. */
void data_keys_rewrap(struct vault *v, struct request *rq, const struct context *context, const struct wrapped_key *old);

/* Opens what a crypto_wrapped_request brings; FAULT_COUNT: *key is the caller's. */
enum fault_code data_keys_open(const struct keyset *set, struct request *rq, struct secret **key);

#endif
