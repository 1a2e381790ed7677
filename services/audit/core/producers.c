#include "producers.h"

#include "hashmap.h"

#include <stdlib.h>

#define SRC_LEN 32
#define KEY_LEN (SRC_LEN + PRODUCER_INSTANCE_LEN)

struct producers {
    struct hashmap *by_key;
    struct producer *changed;
    uint64_t due_ms;                    /* nothing becomes due before */
};

enum result producers_new(const uint8_t seed[16], struct producers **out)
{
    struct producers *ps = calloc(1, sizeof(*ps));

    if (!ps)
        return RESULT_NO_MEMORY;
    enum result r = hashmap_new(KEY_LEN, PRODUCERS_MAX, seed, &ps->by_key);
    if (r) {
        free(ps);
        return r;
    }
    ps->due_ms = UINT64_MAX;
    *out = ps;
    return RESULT_OK;
}

static bool drop(void *cookie, const void *key, void *value)
{
    (void)cookie;
    (void)key;
    free(value);
    return true;
}

void producers_free(struct producers *ps)
{
    if (!ps)
        return;
    hashmap_sweep(ps->by_key, drop, NULL);
    hashmap_free(ps->by_key);
    free(ps);
}

/* Of one source, or of all where `src` is empty. What is yet to be stored cannot be forgotten. */
struct census {
    struct text src;
    size_t count;
    struct producer *oldest;
};

static bool take_in(void *cookie, const void *key, void *value)
{
    struct census *c = cookie;
    struct producer *p = value;

    (void)key;
    if (c->src.len > 0 && !text_equal(text_of(p->src), c->src))
        return false;
    c->count++;
    if (!p->changed && (!c->oldest || p->seen_ms < c->oldest->seen_ms))
        c->oldest = p;
    return false;
}

static void key_of(struct text src, const uint8_t *instance, uint8_t key[KEY_LEN])
{
    memset(key, 0, KEY_LEN);
    memcpy(key, src.data, src.len);
    memcpy(key + SRC_LEN, instance, PRODUCER_INSTANCE_LEN);
}

/* False: there are `limit` of them that cannot be forgotten. */
static bool keep_below(struct producers *ps, struct text src, size_t limit)
{
    uint8_t key[KEY_LEN];

    for (;;) {
        struct census c = { .src = src };

        hashmap_sweep(ps->by_key, take_in, &c);
        if (c.count < limit || !c.oldest)
            return c.count < limit;
        key_of(text_of(c.oldest->src), c.oldest->instance, key);
        free(hashmap_remove(ps->by_key, key));
    }
}

enum result producers_get(struct producers *ps, struct text src, const uint8_t instance[PRODUCER_INSTANCE_LEN],
                          uint64_t now_ms, struct producer **out)
{
    uint8_t key[KEY_LEN];

    if (src.len == 0 || src.len > SRC_LEN)
        return RESULT_OUT_OF_RANGE;
    key_of(src, instance, key);
    struct producer *p = hashmap_get(ps->by_key, key);
    if (!p) {
        if (!keep_below(ps, src, PRODUCERS_EACH) || !keep_below(ps, TEXT(""), PRODUCERS_MAX))
            return RESULT_FULL;
        p = calloc(1, sizeof(*p));
        if (!p)
            return RESULT_NO_MEMORY;
        memcpy(p->src, src.data, src.len);
        memcpy(p->instance, instance, PRODUCER_INSTANCE_LEN);
        enum result r = hashmap_put(ps->by_key, key, p);
        if (r) {
            free(p);
            return r;
        }
    }
    p->seen_ms = now_ms;
    *out = p;
    return RESULT_OK;
}

void producers_changed(struct producers *ps, struct producer *p)
{
    uint64_t due = gaps_next_due_ms(&p->gaps);

    if (due < ps->due_ms)
        ps->due_ms = due;
    if (p->changed)
        return;
    p->changed = true;
    p->next = ps->changed;
    ps->changed = p;
}

struct producer *producers_take_changed(struct producers *ps)
{
    struct producer *list = ps->changed;

    for (struct producer *p = list; p; p = p->next)
        p->changed = false;
    ps->changed = NULL;
    return list;
}

struct search {
    uint64_t now_ms, n, count, next_ms;
    struct producer *found;
};

static bool look(void *cookie, const void *key, void *value)
{
    struct search *s = cookie;
    struct producer *p = value;

    (void)key;
    if (!s->found && gaps_due(&p->gaps, s->now_ms, &s->n, &s->count))
        s->found = p;
    uint64_t due = gaps_next_due_ms(&p->gaps);
    if (due < s->next_ms)
        s->next_ms = due;
    return false;
}

bool producers_due(struct producers *ps, uint64_t now_ms, struct producer **p, uint64_t *n, uint64_t *count)
{
    struct search s = { .now_ms = now_ms, .next_ms = UINT64_MAX };

    if (now_ms < ps->due_ms)
        return false;
    hashmap_sweep(ps->by_key, look, &s);
    ps->due_ms = s.next_ms;
    if (!s.found)
        return false;
    producers_changed(ps, s.found);
    *p = s.found;
    *n = s.n;
    *count = s.count;
    return true;
}

size_t producers_count(const struct producers *ps)
{
    return hashmap_count(ps->by_key);
}
