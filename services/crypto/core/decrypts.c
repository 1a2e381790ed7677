#include "decrypts.h"

#include "hashmap.h"

#include <stdlib.h>

/* As it is: who, whose, whether anybody's. Zero where there is nothing, so that equal ones are equal bytes. */
struct whose {
    char src[DECRYPTS_SRC_MAX];
    char owner[DECRYPTS_OWNER_MAX];
    uint8_t src_len, owner_len, owned;
};

struct entry {
    struct whose whose;
    uint64_t since_ms, count;
};

struct decrypts {
    struct hashmap *entries;
    void (*tell)(void *cookie, const struct decrypts_count *c);
    void *cookie;
    bool draining;
    uint64_t now_ms;                    /* of the sweep under way; UINT64_MAX: all */
};

enum result decrypts_new(size_t limit, const uint8_t seed[16], void (*tell)(void *cookie, const struct decrypts_count *c),
                         void *cookie, struct decrypts **out)
{
    struct decrypts *d = calloc(1, sizeof(*d));

    if (!d)
        return RESULT_NO_MEMORY;
    d->tell = tell;
    d->cookie = cookie;
    enum result r = hashmap_new(sizeof(struct whose), limit, seed, &d->entries);
    if (r) {
        free(d);
        return r;
    }
    *out = d;
    return RESULT_OK;
}

static void tell(const struct decrypts *d, const struct whose *w, uint64_t since_ms, uint64_t count)
{
    d->tell(d->cookie, &(struct decrypts_count){
        .src = { w->src, w->src_len },
        .owner = { w->owned ? w->owner : NULL, w->owner_len },
        .since_ms = since_ms,
        .count = count,
    });
}

static bool end_minute(void *cookie, const void *key, void *value)
{
    const struct decrypts *d = cookie;
    struct entry *e = value;

    (void)key;
    /* A clock that was set back does not keep a minute open for ever. */
    if (d->now_ms >= e->since_ms && d->now_ms - e->since_ms < DECRYPTS_MS)
        return false;
    tell(d, &e->whose, e->since_ms, e->count);
    free(e);
    return true;
}

void decrypts_tick(struct decrypts *d, uint64_t now_ms)
{
    d->now_ms = now_ms;
    hashmap_sweep(d->entries, end_minute, d);
}

static bool free_entry(void *cookie, const void *key, void *value)
{
    (void)cookie;
    (void)key;
    free(value);
    return true;
}

void decrypts_drain(struct decrypts *d)
{
    d->draining = true;
    decrypts_tick(d, UINT64_MAX);
}

void decrypts_free(struct decrypts *d)
{
    if (!d)
        return;
    hashmap_sweep(d->entries, free_entry, NULL);
    hashmap_free(d->entries);
    free(d);
}

size_t decrypts_counted(const struct decrypts *d)
{
    return hashmap_count(d->entries);
}

static struct whose whose_of(struct text src, struct text owner)
{
    struct whose w;

    memset(&w, 0, sizeof(w));
    w.src_len = (uint8_t)(src.len < sizeof(w.src) ? src.len : sizeof(w.src));
    w.owner_len = (uint8_t)(owner.len < sizeof(w.owner) ? owner.len : sizeof(w.owner));
    w.owned = owner.data != NULL;
    if (w.src_len > 0)
        memcpy(w.src, src.data, w.src_len);
    if (w.owner_len > 0)
        memcpy(w.owner, owner.data, w.owner_len);
    return w;
}

void decrypts_add(struct decrypts *d, struct text src, struct text owner, uint64_t count, uint64_t now_ms)
{
    struct whose w = whose_of(src, owner);
    struct entry *e = hashmap_get(d->entries, &w);

    if (e) {
        e->count += count;
        return;
    }
    e = d->draining ? NULL : calloc(1, sizeof(*e));
    if (e) {
        *e = (struct entry){ w, now_ms, count };
        if (!hashmap_put(d->entries, &w, e))
            return;
        free(e);
    }
    tell(d, &w, now_ms, count);
}
