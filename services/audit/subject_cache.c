#include "subject_cache.h"

#include "secret.h"

#include <stdlib.h>

struct slot {
    struct subject_hash hash;
    uint64_t id;
    int64_t used_day;
    bool taken;
    bool recent;                        /* used since the hand came by */
};

struct subject_cache {
    struct hashmap *by_hash;            /* -> struct slot */
    struct slot *slots;
    struct secret *keys;                /* of the slots, in their order */
    size_t capacity, hand;
};

enum result subject_cache_new(size_t capacity, const uint8_t seed[16], struct subject_cache **out)
{
    struct subject_cache *c = calloc(1, sizeof(*c));
    enum result r;

    if (!c)
        return RESULT_NO_MEMORY;
    c->capacity = capacity;
    c->slots = calloc(capacity, sizeof(*c->slots));
    if (!c->slots || (r = secret_new(capacity * ENTRY_KEY_LEN, &c->keys)) ||
        (r = hashmap_new(SUBJECT_HASH_LEN, capacity, seed, &c->by_hash))) {
        subject_cache_free(c);
        return RESULT_NO_MEMORY;
    }
    *out = c;
    return RESULT_OK;
}

void subject_cache_free(struct subject_cache *c)
{
    if (!c)
        return;
    hashmap_free(c->by_hash);
    secret_free(c->keys);
    free(c->slots);
    free(c);
}

static uint8_t *key_of(struct subject_cache *c, const struct slot *s)
{
    return secret_fill(c->keys) + (size_t)(s - c->slots) * ENTRY_KEY_LEN;
}

bool subject_cache_get(struct subject_cache *c, const struct subject_hash *hash, struct known_subject *out)
{
    struct slot *s = hashmap_get(c->by_hash, hash->bytes);

    if (!s)
        return false;
    s->recent = true;
    *out = (struct known_subject){ s->id, s->used_day, key_of(c, s) };
    return true;
}

/* Second chance: what was used since the hand came by last is passed over once. */
static struct slot *make_room(struct subject_cache *c)
{
    for (;;) {
        struct slot *s = &c->slots[c->hand];

        c->hand = (c->hand + 1) % c->capacity;
        if (!s->taken)
            return s;
        if (!s->recent) {
            hashmap_remove(c->by_hash, s->hash.bytes);
            s->taken = false;
            return s;
        }
        s->recent = false;
    }
}

void subject_cache_put(struct subject_cache *c, const struct subject_hash *hash, const struct known_subject *known)
{
    struct slot *s = hashmap_get(c->by_hash, hash->bytes);

    if (!s) {
        s = make_room(c);
        if (hashmap_put(c->by_hash, hash->bytes, s))
            return;
    }
    *s = (struct slot){ .hash = *hash, .id = known->id, .used_day = known->used_day, .taken = true, .recent = true };
    memmove(key_of(c, s), known->key, ENTRY_KEY_LEN);
}

static bool all(void *cookie, const void *key, void *value)
{
    (void)cookie;
    (void)key;
    (void)value;
    return true;
}

void subject_cache_clear(struct subject_cache *c)
{
    hashmap_sweep(c->by_hash, all, NULL);
    memset(c->slots, 0, c->capacity * sizeof(*c->slots));
    secret_wipe(secret_fill(c->keys), c->capacity * ENTRY_KEY_LEN);
}

size_t subject_cache_count(const struct subject_cache *c)
{
    return hashmap_count(c->by_hash);
}
