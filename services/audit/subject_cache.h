/*
 * The keys of subjects that the writer has at hand, by their hash: in locked memory, bounded, and forgotten with the
 * leadership. Where it is full, the next in turn that was not used of late makes room.
 */
#ifndef HLIDKA_SUBJECT_CACHE_H
#define HLIDKA_SUBJECT_CACHE_H

#include "subject_key.h"

#define SUBJECT_CACHE_MAX 16384

struct subject_cache;

struct known_subject {
    uint64_t id;
    int64_t used_day;                   /* since 1970; as it is stored */
    const uint8_t *key;                 /* ENTRY_KEY_LEN bytes, until the next call */
};

/* RESULT_NO_MEMORY, also where so much cannot be locked. */
MUST_USE enum result subject_cache_new(size_t capacity, const uint8_t seed[16], struct subject_cache **out);
void subject_cache_free(struct subject_cache *c);

bool subject_cache_get(struct subject_cache *c, const struct subject_hash *hash, struct known_subject *out);
/* Puts it in, or renews what is there. Without memory it is not kept. */
void subject_cache_put(struct subject_cache *c, const struct subject_hash *hash, const struct known_subject *s);
void subject_cache_clear(struct subject_cache *c);

size_t subject_cache_count(const struct subject_cache *c);

#endif
