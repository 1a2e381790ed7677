#include "key_cache.h"

#include "entropy.h"
#include "hashmap.h"
#include "secret.h"

#include <stdlib.h>

struct entry {
    struct key_pair pair;
    uint64_t asked;             /* the count of askings when it last was; 0: nothing is kept here */
};

struct key_cache {
    struct hashmap *by_pair;    /* to entries */
    struct secret *keys;        /* KEY_CACHE_PAIR_LEN for each entry */
    size_t limit;
    uint64_t askings;
    struct entry entries[];
};

_Static_assert(sizeof(struct key_pair) == 34, "no padding in a hashed key");

enum result key_cache_new(size_t limit, struct key_cache **out)
{
    struct key_cache *c = calloc(1, sizeof(*c) + limit * sizeof(struct entry));
    uint8_t seed[16];
    enum result r;

    if (!c)
        return RESULT_NO_MEMORY;
    c->limit = limit;
    entropy_fill(seed, sizeof(seed));
    r = hashmap_new(sizeof(struct key_pair), limit, seed, &c->by_pair);
    if (r)
        goto fail_map;
    r = secret_new(limit * KEY_CACHE_PAIR_LEN, &c->keys);
    if (r)
        goto fail_keys;
    *out = c;
    return RESULT_OK;

fail_keys:
    hashmap_free(c->by_pair);
fail_map:
    free(c);
    return r;
}

void key_cache_free(struct key_cache *c)
{
    if (!c)
        return;
    secret_free(c->keys);
    hashmap_free(c->by_pair);
    free(c);
}

static uint8_t *keys_of(const struct key_cache *c, const struct entry *e)
{
    return secret_fill(c->keys) + (size_t)(e - c->entries) * KEY_CACHE_PAIR_LEN;
}

const uint8_t *key_cache_get(struct key_cache *c, const struct key_pair *pair)
{
    struct entry *e = hashmap_get(c->by_pair, pair);

    if (!e)
        return NULL;
    e->asked = ++c->askings;
    return keys_of(c, e);
}

static void forget(struct key_cache *c, struct entry *e)
{
    hashmap_remove(c->by_pair, &e->pair);
    secret_wipe(keys_of(c, e), KEY_CACHE_PAIR_LEN);
    e->asked = 0;
}

/* A look at every entry: cheap beside the kx that brings us here. */
static struct entry *free_entry(struct key_cache *c)
{
    struct entry *oldest = &c->entries[0];

    for (size_t i = 1; i < c->limit; i++) {
        if (c->entries[i].asked < oldest->asked)
            oldest = &c->entries[i];
    }
    if (oldest->asked)
        forget(c, oldest);
    return oldest;
}

uint8_t *key_cache_add(struct key_cache *c, const struct key_pair *pair)
{
    struct entry *e = free_entry(c);

    if (hashmap_put(c->by_pair, pair, e))
        return NULL;
    *e = (struct entry){ .pair = *pair, .asked = ++c->askings };
    return keys_of(c, e);
}

void key_cache_remove(struct key_cache *c, const struct key_pair *pair)
{
    struct entry *e = hashmap_get(c->by_pair, pair);

    if (e)
        forget(c, e);
}

size_t key_cache_count(const struct key_cache *c)
{
    return hashmap_count(c->by_pair);
}
