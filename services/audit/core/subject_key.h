/*
 * The keys of subjects and what else audit keeps under keys derived from its data key:
 *
 *     wrapped     = n (24) ‖ XChaCha20-Poly1305-IETF(key, n, aad = "hlidka-subject-v1" ‖ id as 8 bytes BE ‖ hash, subject's key)
 *     notice      = n (24) ‖ XChaCha20-Poly1305-IETF(key, n, aad = "hlidka-notice-v1", payload)
 *     fingerprint = BLAKE2b-128(key, body)
 *
 * each under a key of its own purpose.
 */
#ifndef HLIDKA_SUBJECT_KEY_H
#define HLIDKA_SUBJECT_KEY_H

#include "entry.h"
#include "subject.h"

#define SUBJECT_WRAPPED_LEN (24 + ENTRY_KEY_LEN + 16)
#define FINGERPRINT_LEN 16

/* RESULT_CRYPTO. */
MUST_USE enum result subject_wrap(const uint8_t key[32], uint64_t id, const struct subject_hash *hash, const uint8_t nonce[24],
                                  const uint8_t subject_key[ENTRY_KEY_LEN], uint8_t out[SUBJECT_WRAPPED_LEN]);
/* RESULT_NOT_AUTHENTIC. */
MUST_USE enum result subject_unwrap(const uint8_t key[32], uint64_t id, const struct subject_hash *hash, struct bytes wrapped,
                                    uint8_t out[ENTRY_KEY_LEN]);

/* Append. Errors as buffer_append; RESULT_CRYPTO, RESULT_NOT_AUTHENTIC. */
MUST_USE enum result notice_seal(const uint8_t key[32], const uint8_t nonce[24], struct bytes payload, struct buffer *out);
MUST_USE enum result notice_open(const uint8_t key[32], struct bytes sealed, struct buffer *out);

void fingerprint_of(const uint8_t key[32], struct bytes body, uint8_t out[FINGERPRINT_LEN]);

#endif
