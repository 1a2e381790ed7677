/*
 * The service's own keys, all from one secret file (HLIDKA_RATELIMIT_KEY_FILE), the same at every instance: nothing
 * that stands in Redis can be tied to a person or an address without them, and nobody else can make a decision id.
 * Derivation: crypto_kdf of libsodium (BLAKE2b, one id for each use).
 */
#ifndef HLIDKA_KEYS_H
#define HLIDKA_KEYS_H

#include "secret.h"

#define KEYS_LEN 32

enum key_use {
    KEY_ACCOUNT,                /* names of accounts */
    KEY_RECORD,                 /* names of records of messages */
    KEY_FINGERPRINT,            /* op and body of a message, in its record */
    KEY_DECISION,               /* seals decision ids */
    KEY_NONCE,                  /* their nonces */
    KEY_SOURCE,                 /* who asked, in a decision id */
    KEY_COUNT
};

struct keys;

/* The file's text: base64 of 32 bytes. RESULT_BAD_CONFIG for anything else, RESULT_NO_MEMORY, RESULT_CRYPTO. */
MUST_USE enum result keys_new(const struct secret *file, struct keys **out);
/* KEYS_LEN bytes, borrowed. */
const uint8_t *keys_get(const struct keys *k, enum key_use use);
/* NULL is fine. */
void keys_free(struct keys *k);

#endif
