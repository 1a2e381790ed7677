/*
 * A bounded map from fixed-size keys to pointers. Open addressing, keyed hash (SipHash-2-4, so a peer that
 * chooses keys cannot make them collide). Iteration order is arbitrary.
 */
#ifndef HLIDKA_HASHMAP_H
#define HLIDKA_HASHMAP_H

#include "bytes.h"
#include "result.h"

struct hashmap;

/* key_len bytes a key; never more than limit entries; seed is 16 random bytes. */
MUST_USE enum result hashmap_new(size_t key_len, size_t limit, const uint8_t seed[16], struct hashmap **out);

/* NULL when absent. */
void *hashmap_get(const struct hashmap *m, const void *key);

/* RESULT_EXISTS (nothing changed), RESULT_FULL at the limit, RESULT_NO_MEMORY. The key is copied; value is
 * the caller's and not NULL. */
MUST_USE enum result hashmap_put(struct hashmap *m, const void *key, void *value);

/* The value that was there, or NULL. */
void *hashmap_remove(struct hashmap *m, const void *key);

size_t hashmap_count(const struct hashmap *m);

/* Calls back for each entry; return true from visit to remove that entry. Nothing else may change the map
 * meanwhile. */
void hashmap_sweep(struct hashmap *m, bool (*visit)(void *cookie, const void *key, void *value), void *cookie);

/* Values are the caller's. NULL is fine. */
void hashmap_free(struct hashmap *m);

#endif
