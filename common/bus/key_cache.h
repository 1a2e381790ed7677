/*
 * The shared keys of pairs of identity keys. A kx costs 40 us and gives two keys of 32 bytes, which are kept in
 * locked memory, at most so many pairs; when it is full the one that was not asked for the longest gives way.
 * One thread.
 */
#ifndef HLIDKA_KEY_CACHE_H
#define HLIDKA_KEY_CACHE_H

#include "bytes.h"
#include "result.h"

#define KEY_CACHE_PAIR_LEN 64u          /* what crypto_kx gives: two keys */

struct key_cache;

/* Whose key with whose: our key's place in the keyring, our role, their public key. No padding: hashed as it is. */
struct key_pair {
    uint8_t own;
    uint8_t role;
    uint8_t peer[32];
};

/* limit: at least 1. RESULT_NO_MEMORY also when the memory cannot be locked. */
MUST_USE enum result key_cache_new(size_t limit, struct key_cache **out);
void key_cache_free(struct key_cache *c);

/* KEY_CACHE_PAIR_LEN bytes, borrowed until the next call; NULL when they are not kept. */
const uint8_t *key_cache_get(struct key_cache *c, const struct key_pair *pair);

/* Where to write the keys of a pair that is not kept; NULL without memory. */
uint8_t *key_cache_add(struct key_cache *c, const struct key_pair *pair);

/* Takes back what was just added. */
void key_cache_remove(struct key_cache *c, const struct key_pair *pair);

size_t key_cache_count(const struct key_cache *c);

#endif
