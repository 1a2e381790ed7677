#include "keyset.h"

#include <stdlib.h>

struct keyset {
    unsigned references;
    struct ring_key *items;
    size_t count, cap;
};

enum result keyset_new(struct keyset **out)
{
    struct keyset *s = calloc(1, sizeof(*s));

    if (!s)
        return RESULT_NO_MEMORY;
    s->references = 1;
    *out = s;
    return RESULT_OK;
}

struct keyset *keyset_hold(struct keyset *s)
{
    s->references++;
    return s;
}

void keyset_release(struct keyset *s)
{
    if (!s || --s->references > 0)
        return;
    for (size_t i = 0; i < s->count; i++) {
        secret_free(s->items[i].wrap);
        secret_free(s->items[i].content);
    }
    free(s->items);
    free(s);
}

static struct ring_key *push(struct keyset *s)
{
    if (s->count == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 8;
        struct ring_key *grown = reallocarray(s->items, cap, sizeof(*grown));
        if (!grown)
            return NULL;
        s->items = grown;
        s->cap = cap;
    }
    s->items[s->count] = (struct ring_key){ .version = 0 };
    return &s->items[s->count++];
}

static struct wrap_about about(enum ring r, struct text realm, uint32_t version)
{
    return (struct wrap_about){ .kind = WRAP_RING, .realm = realm, .id = text_bytes(ring_text(r)), .version = version };
}

static enum result open_row(struct ring_key *k, const struct roots *roots, const struct ring_row *row)
{
    const struct secret *root = roots_find(roots, row->root_version);
    struct wrap_about what = about(row->ring, row->realm, row->version);
    struct secret *key;

    if (!root)
        return RESULT_NOT_FOUND;
    enum result r = wrap_open(root, &what, row->wrapped, &key);
    if (r)
        return r;
    r = ring_use(key, row->ring, "wrap", &k->wrap);
    /* The service's own ring wraps nothing: what it is for stands in the other place. */
    if (!r)
        r = ring_use(key, row->ring, row->ring == RING_SERVICE ? "secret" : "content", &k->content);
    secret_free(key);
    return r;
}

enum result keyset_add(struct keyset *s, const struct roots *roots, const struct ring_row *row)
{
    struct ring_key *k;

    if (row->realm.len >= sizeof(k->realm))
        return RESULT_OUT_OF_RANGE;
    k = push(s);
    if (!k)
        return RESULT_NO_MEMORY;
    *k = (struct ring_key){ .ring = row->ring, .version = row->version, .state = row->state,
                            .uses = row->uses, .wraps = row->wraps };
    if (row->realm.len > 0)
        memcpy(k->realm, row->realm.data, row->realm.len);
    return row->state == RING_DESTROYED ? RESULT_OK : open_row(k, roots, row);
}

static struct ring_key *find(const struct keyset *s, enum ring r, uint32_t version)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->items[i].ring == r && s->items[i].version == version)
            return &s->items[i];
    return NULL;
}

const struct ring_key *keyset_find(const struct keyset *s, enum ring r, uint32_t version)
{
    return find(s, r, version);
}

void keyset_counted(struct keyset *s, enum ring r, uint32_t version, uint64_t uses, uint64_t wraps)
{
    struct ring_key *k = find(s, r, version);

    if (k) {
        k->uses = uses;
        k->wraps = wraps;
    }
}

const struct ring_key *keyset_active(const struct keyset *s, enum ring r, struct text realm)
{
    const struct ring_key *newest = NULL;

    for (size_t i = 0; i < s->count; i++) {
        const struct ring_key *k = &s->items[i];
        if (k->ring == r && k->state == RING_ACTIVE && text_equal(text_of(k->realm), realm)
            && (!newest || k->version > newest->version))
            newest = k;
    }
    return newest;
}

const struct ring_key *keyset_wrapping(const struct keyset *s, enum ring r)
{
    const struct ring_key *k = keyset_active(s, r, (struct text){ NULL, 0 });

    return k && k->wrap && k->wraps < WRAPS_MAX ? k : NULL;
}

enum result ring_key_make(const struct roots *roots, enum ring r, struct text realm, uint32_t version,
                          const struct secret *key, const uint8_t nonce[GCM_NONCE_LEN], uint8_t wrapped[WRAP_LEN])
{
    struct wrap_about what = about(r, realm, version);

    return wrap_seal(roots_find(roots, roots_newest(roots)), &what, nonce, key, wrapped);
}
