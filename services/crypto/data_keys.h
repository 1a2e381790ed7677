/* Data keys of other services: made here, kept by them, counted by PostgreSQL. */
#ifndef HLIDKA_DATA_KEYS_H
#define HLIDKA_DATA_KEYS_H

#include "vault.h"

/* Makes one, bound to the realm of who asks and to the context; answers the request. */
void data_keys_create(struct vault *v, struct request *rq, const struct context *context);

#endif
