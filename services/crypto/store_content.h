/* What sealing and opening share: an owner's key out of its row, and where the work is done. */
#ifndef HLIDKA_STORE_CONTENT_H
#define HLIDKA_STORE_CONTENT_H

#include "ciphertext.h"
#include "contents.h"
#include "offload.h"
#include "once.h"

#define CONTENT_TRIES 4                 /* an epoch that changes under the work begins it anew */
#define CONTENT_QUERY_MS 3000
#define CONTENT_QUERY_BYTES 65536
#define CONTENT_INLINE_MAX 65536        /* more plaintext than that is for the thread pool */

/* Columns of owner_keys as both read them. */
#define OWNER_KEY_COLUMNS "id, owner, version, wrapped"

struct owner_key {
    struct uuid id;
    struct text owner;                  /* in the request's arena */
    struct secret *key;                 /* NULL: it is not to be had */
    bool destroyed;                     /* its ring version is */
};

/* Row 0 of the statement, which is there. RESULT_OK also when the key is not to be had; RESULT_UNAVAILABLE, … */
MUST_USE enum result owner_key_read(struct vault *v, const struct keyset *set, struct pg_batch *b, size_t stmt, struct text realm,
                                    struct arena *a, struct owner_key *out);

/* The request's realm in its arena; data NULL: no memory. */
struct text realm_kept(struct request *rq);

#endif
