#include "subject.h"

#include <sodium.h>
#include <stdlib.h>

#define MINUTE_MS 60000
#define SOURCE_LEN 32

struct subject subject_of(const struct log_event *e, struct text src)
{
    if (e->user_id.data)
        return (struct subject){ SUBJECT_USER, e->user_id };
    if (e->ip.data)
        return (struct subject){ SUBJECT_IP, e->ip };
    return (struct subject){ SUBJECT_SOURCE, src };
}

void subject_hash(const uint8_t key[32], struct subject s, struct subject_hash *out)
{
    crypto_generichash_state state;
    const uint8_t kind = (uint8_t)s.kind;

    crypto_generichash_init(&state, key, 32, sizeof(out->bytes));
    crypto_generichash_update(&state, &kind, 1);
    crypto_generichash_update(&state, (const uint8_t *)s.text.data, s.text.len);
    crypto_generichash_final(&state, out->bytes, sizeof(out->bytes));
}

/* ---- newcomers ------------------------------------------------------------------------------------------------ */

struct newcomer_count {
    uint64_t minute;
    unsigned count;
};

struct newcomers {
    struct hashmap *sources;            /* name, padded with zeros -> struct newcomer_count */
    unsigned per_minute;
};

enum result newcomers_new(unsigned per_minute, const uint8_t seed[16], struct newcomers **out)
{
    struct newcomers *n = calloc(1, sizeof(*n));

    if (!n)
        return RESULT_NO_MEMORY;
    n->per_minute = per_minute;
    enum result r = hashmap_new(SOURCE_LEN, NEWCOMERS_SOURCES, seed, &n->sources);
    if (r) {
        free(n);
        return r;
    }
    *out = n;
    return RESULT_OK;
}

bool newcomers_admit(struct newcomers *n, struct text src, uint64_t now_ms)
{
    uint8_t name[SOURCE_LEN] = { 0 };
    uint64_t minute = now_ms / MINUTE_MS;

    if (src.len == 0 || src.len > sizeof(name))
        return false;
    memcpy(name, src.data, src.len);
    struct newcomer_count *c = hashmap_get(n->sources, name);
    if (!c) {
        c = calloc(1, sizeof(*c));
        if (!c || hashmap_put(n->sources, name, c)) {
            free(c);
            return false;
        }
    }
    if (c->minute != minute)
        *c = (struct newcomer_count){ .minute = minute };
    if (c->count >= n->per_minute)
        return false;
    c->count++;
    return true;
}

static bool drop(void *cookie, const void *key, void *value)
{
    (void)cookie;
    (void)key;
    free(value);
    return true;
}

void newcomers_free(struct newcomers *n)
{
    if (!n)
        return;
    hashmap_sweep(n->sources, drop, NULL);
    hashmap_free(n->sources);
    free(n);
}
