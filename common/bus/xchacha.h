/*
 * XChaCha20-Poly1305-IETF (draft-irtf-cfrg-xchacha-03): libsodium's, and for what is long HChaCha20 of libsodium under
 * RFC 8439's AEAD of OpenSSL, whose vector code is three times as fast on a megabyte and slower to begin. The bytes are
 * the same.
 */
#ifndef HLIDKA_XCHACHA_H
#define HLIDKA_XCHACHA_H

#include "bytes.h"
#include "result.h"

enum { XCHACHA_KEY_LEN = 32, XCHACHA_NONCE_LEN = 24, XCHACHA_TAG_LEN = 16 };

/*
 * Ciphertext ‖ tag to out, which has room for plain.len + XCHACHA_TAG_LEN and is not plain. RESULT_TOO_LARGE (over INT_MAX),
 * RESULT_NO_MEMORY, RESULT_CRYPTO.
 */
MUST_USE enum result xchacha_seal(const uint8_t key[XCHACHA_KEY_LEN], const uint8_t nonce[XCHACHA_NONCE_LEN], struct bytes aad,
                                  struct bytes plain, uint8_t *out);

/*
 * The plaintext of sealed (ciphertext ‖ tag) to out, which has room for sealed.len bytes: what lies there after a refusal
 * is none of the plaintext. RESULT_NOT_AUTHENTIC, RESULT_TOO_LARGE, RESULT_NO_MEMORY.
 */
MUST_USE enum result xchacha_open(const uint8_t key[XCHACHA_KEY_LEN], const uint8_t nonce[XCHACHA_NONCE_LEN], struct bytes aad,
                                  struct bytes sealed, uint8_t *out);

#endif
