/*
 * AES-256-GCM (NIST SP 800-38D) under one key, for any number of messages. The key schedule lies in OpenSSL's own memory,
 * which it wipes; one of these lives as long as one piece of work, never as long as a key.
 */
#ifndef HLIDKA_GCM_H
#define HLIDKA_GCM_H

#include "bytes.h"
#include "result.h"

struct gcm;

#define GCM_KEY_LEN 32
#define GCM_NONCE_LEN 12
#define GCM_TAG_LEN 16

/* RESULT_CRYPTO, RESULT_NO_MEMORY. */
MUST_USE enum result gcm_new(const uint8_t key[GCM_KEY_LEN], struct gcm **out);
/* NULL is fine. */
void gcm_free(struct gcm *g);

/* out: plain.len + GCM_TAG_LEN bytes, not overlapping. A nonce serves once. RESULT_TOO_LARGE over 2 GiB, RESULT_CRYPTO. */
MUST_USE enum result gcm_seal(struct gcm *g, const uint8_t nonce[GCM_NONCE_LEN], struct bytes aad, struct bytes plain,
                              uint8_t *out);

/* out: sealed.len - GCM_TAG_LEN bytes, wiped on any failure. RESULT_NOT_AUTHENTIC; RESULT_TRUNCATED; as gcm_seal. */
MUST_USE enum result gcm_open(struct gcm *g, const uint8_t nonce[GCM_NONCE_LEN], struct bytes aad, struct bytes sealed,
                              uint8_t *out);

#endif
