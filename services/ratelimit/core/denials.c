#include "denials.h"

#include "hashmap.h"

#include <stdlib.h>

struct denials {
    struct hashmap *map;
    episode_tell *tell;
    void *cookie;
};

/* Tiers share an account, and each has a policy of its own. */
struct key {
    uint8_t account[POLICY_ACCOUNT_LEN];
    char policy[POLICY_NAME_MAX];
};

enum result denials_new(size_t limit, const uint8_t seed[16], episode_tell *tell, void *cookie, struct denials **out)
{
    struct denials *s = calloc(1, sizeof(*s));
    enum result r;

    if (!s)
        return RESULT_NO_MEMORY;
    s->tell = tell;
    s->cookie = cookie;
    r = hashmap_new(sizeof(struct key), limit, seed, &s->map);
    if (r) {
        free(s);
        return r;
    }
    *out = s;
    return RESULT_OK;
}

static void copy(char *out, size_t size, struct text t)
{
    size_t len = t.len < size - 1 ? t.len : size - 1;

    if (len > 0)
        memcpy(out, t.data, len);
    out[len] = '\0';
}

static void fill(struct episode *e, const struct policy *p, const struct subject *who, struct text tier)
{
    copy(e->policy, sizeof(e->policy), text_of(p->name));
    copy(e->endpoint, sizeof(e->endpoint), who->endpoint);
    copy(e->tier, sizeof(e->tier), tier);
    e->scope = p->scope;
    e->shadow = p->shadow;
    if (p->scope == SCOPE_USER || p->scope == SCOPE_USER_ENDPOINT)
        copy(e->user, sizeof(e->user), who->user);
    else if (p->scope == SCOPE_IP)
        e->ip = who->ip;
}

static void tell(struct denials *s, struct episode *e, enum episode_phase phase, uint64_t now_ms)
{
    s->tell(s->cookie, e, phase);
    e->count = 0;
    e->told_ms = now_ms;
}

enum result denials_add(struct denials *s, const struct policy *p, const struct subject *who, struct text tier,
                        const uint8_t account[POLICY_ACCOUNT_LEN], uint64_t now_ms)
{
    struct key key = { { 0 }, { 0 } };
    enum result r;

    memcpy(key.account, account, sizeof(key.account));
    memcpy(key.policy, p->name, strlen(p->name));
    struct episode *e = hashmap_get(s->map, &key);
    if (e) {
        e->count++;
        e->newest_ms = now_ms;
        return RESULT_OK;
    }
    e = calloc(1, sizeof(*e));
    if (!e)
        return RESULT_NO_MEMORY;
    fill(e, p, who, tier);
    e->count = 1;
    e->newest_ms = now_ms;
    r = hashmap_put(s->map, &key, e);
    if (r) {
        free(e);
        return r;
    }
    tell(s, e, EPISODE_START, now_ms);
    return RESULT_OK;
}

/* Time that has passed; none when the clock went back. */
static uint64_t since(uint64_t then_ms, uint64_t now_ms)
{
    return now_ms > then_ms ? now_ms - then_ms : 0;
}

struct sweep {
    struct denials *denials;
    uint64_t now_ms;
};

static bool visit_tick(void *cookie, const void *key, void *value)
{
    const struct sweep *w = cookie;
    struct episode *e = value;

    (void)key;
    if (since(e->newest_ms, w->now_ms) >= EPISODE_MS) {
        tell(w->denials, e, EPISODE_END, w->now_ms);
        free(e);
        return true;
    }
    if (since(e->told_ms, w->now_ms) >= EPISODE_MS && e->count > 0)
        tell(w->denials, e, EPISODE_RUNNING, w->now_ms);
    return false;
}

void denials_tick(struct denials *s, uint64_t now_ms)
{
    hashmap_sweep(s->map, visit_tick, &(struct sweep){ s, now_ms });
}

static bool visit_flush(void *cookie, const void *key, void *value)
{
    struct denials *s = cookie;
    struct episode *e = value;

    (void)key;
    if (e->count > 0)
        tell(s, e, EPISODE_RUNNING, e->told_ms);
    return false;
}

void denials_flush(struct denials *s)
{
    hashmap_sweep(s->map, visit_flush, s);
}

size_t denials_count(const struct denials *s)
{
    return hashmap_count(s->map);
}

static bool visit_free(void *cookie, const void *key, void *value)
{
    (void)cookie;
    (void)key;
    free(value);
    return true;
}

void denials_free(struct denials *s)
{
    if (!s)
        return;
    hashmap_sweep(s->map, visit_free, NULL);
    hashmap_free(s->map);
    free(s);
}
