#include "revoked.h"

#include "hashmap.h"

#include <stdlib.h>

struct revocation {
    uint64_t at_ns;
    uint8_t key[REVOKED_KEY_LEN];
};

struct revoked {
    struct hashmap *newest;             /* key -> its newest place in the ring */
    size_t limit, first, count;
    uint64_t forgotten_ns;              /* up to here, inclusive, nothing is known */
    struct revocation ring[];           /* in the order of their coming, the oldest at first */
};

enum result revoked_new(size_t limit, const uint8_t seed[16], struct revoked **out)
{
    struct revoked *r = calloc(1, sizeof(*r) + limit * sizeof(r->ring[0]));

    if (!r)
        return RESULT_NO_MEMORY;
    enum result failed = hashmap_new(REVOKED_KEY_LEN, limit, seed, &r->newest);
    if (failed) {
        free(r);
        return failed;
    }
    r->limit = limit;
    r->forgotten_ns = UINT64_MAX;
    *out = r;
    return RESULT_OK;
}

void revoked_free(struct revoked *r)
{
    if (!r)
        return;
    hashmap_free(r->newest);
    free(r);
}

static void forget_until(struct revoked *r, uint64_t at_ns)
{
    if (at_ns > r->forgotten_ns)
        r->forgotten_ns = at_ns;
}

static void drop_oldest(struct revoked *r)
{
    struct revocation *oldest = &r->ring[r->first];

    if (hashmap_get(r->newest, oldest->key) == oldest)
        hashmap_remove(r->newest, oldest->key);
    forget_until(r, oldest->at_ns);
    r->first = (r->first + 1) % r->limit;
    r->count--;
}

void revoked_add(struct revoked *r, const uint8_t key[REVOKED_KEY_LEN], uint64_t now_ns)
{
    while (r->count > 0 && (r->count == r->limit || now_ns - r->ring[r->first].at_ns > REVOKED_KEPT_NS))
        drop_oldest(r);
    struct revocation *latest = &r->ring[(r->first + r->count) % r->limit];
    latest->at_ns = now_ns;
    memcpy(latest->key, key, REVOKED_KEY_LEN);
    r->count++;
    hashmap_remove(r->newest, key);
    if (hashmap_put(r->newest, key, latest))
        revoked_missed(r, now_ns);      /* no memory to know it by name */
}

void revoked_missed(struct revoked *r, uint64_t now_ns)
{
    r->forgotten_ns = now_ns;
}

bool revoked_since(const struct revoked *r, const uint8_t key[REVOKED_KEY_LEN], uint64_t began_ns)
{
    const struct revocation *at = hashmap_get(r->newest, key);

    return at && at->at_ns >= began_ns;
}

bool revoked_unknown(const struct revoked *r, uint64_t began_ns)
{
    return began_ns <= r->forgotten_ns;
}

size_t revoked_count(const struct revoked *r)
{
    return r->count;
}
