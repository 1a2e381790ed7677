/*
 * Recordings, as handlers ask for them: keys and places in PostgreSQL, sealed bytes in the blob store (store_*.c). Each
 * call answers the request, now or later, exactly once. What handlers have judged already is what the body alone tells.
 */
#ifndef HLIDKA_RECORDINGS_H
#define HLIDKA_RECORDINGS_H

#include "media.h"
#include "parts.h"
#include "vault.h"

/*
 * Stores a part. 404, 410, 409, 422 media_type_mismatch; 422 decrypt_failed when what is stored already has been
 * tampered with and the whole cannot be hashed.
 */
void recordings_put(struct vault *v, struct request *rq, enum media media);
/* Reads a range. 404, 410, 409 incomplete, 422 decrypt_failed. */
void recordings_get(struct vault *v, struct request *rq);
void recordings_stat(struct vault *v, struct request *rq);
void recordings_delete(struct vault *v, struct request *rq);

#endif
