/*
 * Our own secret keys, from the files that hold them, as seal.c uses them. Everybody else sees seal.h.
 */
#ifndef HLIDKA_KEYRING_H
#define HLIDKA_KEYRING_H

#include "key_cache.h"
#include "seal.h"

struct exchange_key {
    struct principal_key half;          /* the public one */
    struct secret *secret;              /* X25519, 32 bytes */
};

struct signing_key {
    struct principal_key half;
    struct secret *secret;              /* Ed25519 as libsodium keeps it, 64 bytes */
};

struct keyring {
    struct exchange_key keys[PRINCIPAL_KEYS_MAX];
    unsigned key_count;
    struct signing_key signs[PRINCIPAL_SIGNS_MAX];
    unsigned sign_count;
    struct key_cache *shared;
    struct buffer header;               /* of the message that is being made, kept for the next */
};

/* The place of our key of that id in keys; key_count when there is none. */
unsigned keyring_index(const struct keyring *k, const struct key_id *id);

#endif
