#include "hashmap.h"

#include <sodium.h>
#include <stdlib.h>

#define FIRST_SLOTS 16

_Static_assert(crypto_shorthash_KEYBYTES == 16, "the seed is the SipHash key");

struct slot {
    void *value;                /* NULL: free */
    uint64_t hash;
    uint8_t key[];
};

struct hashmap {
    uint8_t *slots;             /* 2^n, at most three quarters taken; probed linearly */
    size_t mask;
    size_t stride;
    size_t count;
    size_t limit;
    size_t key_len;
    uint8_t seed[crypto_shorthash_KEYBYTES];
};

static struct slot *slot_at(const struct hashmap *m, size_t i)
{
    return (struct slot *)(void *)(m->slots + (i & m->mask) * m->stride);
}

static uint64_t hash_of(const struct hashmap *m, const void *key)
{
    uint64_t hash;

    crypto_shorthash((uint8_t *)&hash, key, m->key_len, m->seed);
    return hash;
}

/* Where the key is, or the free slot where it would go. */
static size_t find(const struct hashmap *m, const void *key, uint64_t hash)
{
    size_t i = hash & m->mask;

    for (;; i = (i + 1) & m->mask) {
        const struct slot *s = slot_at(m, i);
        if (!s->value || (s->hash == hash && memcmp(s->key, key, m->key_len) == 0))
            return i;
    }
}

enum result hashmap_new(size_t key_len, size_t limit, const uint8_t seed[16], struct hashmap **out)
{
    size_t align = _Alignof(struct slot);
    struct hashmap *m = calloc(1, sizeof(*m));

    if (!m)
        return RESULT_NO_MEMORY;
    m->stride = (sizeof(struct slot) + key_len + align - 1) / align * align;
    m->mask = FIRST_SLOTS - 1;
    m->limit = limit;
    m->key_len = key_len;
    memcpy(m->seed, seed, sizeof(m->seed));
    m->slots = calloc(FIRST_SLOTS, m->stride);
    if (!m->slots) {
        free(m);
        return RESULT_NO_MEMORY;
    }
    *out = m;
    return RESULT_OK;
}

void *hashmap_get(const struct hashmap *m, const void *key)
{
    return slot_at(m, find(m, key, hash_of(m, key)))->value;
}

static enum result grow(struct hashmap *m)
{
    struct hashmap bigger = *m;

    bigger.mask = m->mask * 2 + 1;
    bigger.slots = calloc(bigger.mask + 1, m->stride);
    if (!bigger.slots)
        return RESULT_NO_MEMORY;
    for (size_t i = 0; i <= m->mask; i++) {
        const struct slot *s = slot_at(m, i);
        if (s->value)
            memcpy(slot_at(&bigger, find(&bigger, s->key, s->hash)), s, m->stride);
    }
    free(m->slots);
    *m = bigger;
    return RESULT_OK;
}

enum result hashmap_put(struct hashmap *m, const void *key, void *value)
{
    uint64_t hash = hash_of(m, key);
    size_t i = find(m, key, hash);

    if (!value)
        return RESULT_INTERNAL;
    if (slot_at(m, i)->value)
        return RESULT_EXISTS;
    if (m->count >= m->limit)
        return RESULT_FULL;
    if (m->count >= (m->mask + 1) / 4 * 3) {
        enum result r = grow(m);
        if (r)
            return r;
        i = find(m, key, hash);
    }
    struct slot *s = slot_at(m, i);
    s->value = value;
    s->hash = hash;
    memcpy(s->key, key, m->key_len);
    m->count++;
    return RESULT_OK;
}

/* Empties slot i and closes the gap: whoever probed past it moves back, so no tombstones are needed. */
static void remove_at(struct hashmap *m, size_t i)
{
    for (size_t next = (i + 1) & m->mask;; next = (next + 1) & m->mask) {
        const struct slot *s = slot_at(m, next);
        if (!s->value)
            break;
        size_t home = s->hash & m->mask;
        if (((next - home) & m->mask) >= ((next - i) & m->mask)) {
            memcpy(slot_at(m, i), s, m->stride);
            i = next;
        }
    }
    slot_at(m, i)->value = NULL;
    m->count--;
}

void *hashmap_remove(struct hashmap *m, const void *key)
{
    size_t i = find(m, key, hash_of(m, key));
    void *value = slot_at(m, i)->value;

    if (value)
        remove_at(m, i);
    return value;
}

size_t hashmap_count(const struct hashmap *m)
{
    return m->count;
}

void hashmap_sweep(struct hashmap *m, bool (*visit)(void *cookie, const void *key, void *value), void *cookie)
{
    size_t start = 0;

    /* From a free slot on: no run of neighbours then spans the start, and a removal only moves what is ahead. */
    while (slot_at(m, start)->value)
        start++;
    for (size_t i = start + 1; i <= start + m->mask;) {
        struct slot *s = slot_at(m, i);
        if (s->value && visit(cookie, s->key, s->value))
            remove_at(m, i & m->mask);
        else
            i++;
    }
}

void hashmap_free(struct hashmap *m)
{
    if (!m)
        return;
    free(m->slots);
    free(m);
}
