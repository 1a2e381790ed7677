#include "match.h"

#include <stdlib.h>

#define SLOTS 1024

struct slot {
    bool taken;
    uint8_t endpoint_len, tier_len;
    char endpoint[POLICY_ENDPOINT_MAX];
    char tier[POLICY_TIER_MAX];
    struct match match;
};

struct matcher {
    struct policies *policies;
    struct slot slots[SLOTS];
};

/* The policy's text without its `*`. */
static struct text stem(const struct policy *p, bool *prefix)
{
    struct text t = text_of(p->endpoint);

    *prefix = t.data[t.len - 1] == '*';
    t.len -= *prefix;
    return t;
}

static bool covers(const struct policy *p, struct text endpoint)
{
    bool prefix;
    struct text s = stem(p, &prefix);

    return prefix ? text_starts(endpoint, s) : text_equal(endpoint, s);
}

/* 0: does not fit. Otherwise higher is more specific: the endpoint decides, then the tier. */
static unsigned rank(const struct policy *p, struct text endpoint, struct text tier)
{
    bool prefix, named = p->tier_count == 0;

    if (!covers(p, endpoint))
        return 0;
    for (size_t i = 0; i < p->tier_count && !named; i++)
        named = text_equal(tier, text_of(p->tiers[i]));
    if (!named)
        return 0;
    struct text s = stem(p, &prefix);
    unsigned place = prefix ? (unsigned)s.len : POLICY_ENDPOINT_MAX + 1;
    return 1 + 2 * place + (p->tier_count > 0);
}

/* All of them: items may be NULL; the number may pass MATCH_MAX. */
static size_t collect(const struct policies *p, struct text endpoint, struct text tier, uint16_t *items)
{
    unsigned best[SCOPE_COUNT][2] = { 0 };
    size_t count = 0;

    for (size_t i = 0; i < p->count; i++) {
        const struct policy *q = &p->items[i];
        unsigned r = rank(q, endpoint, tier);

        if (r > best[q->scope][q->shadow])
            best[q->scope][q->shadow] = r;
    }
    for (size_t i = 0; i < p->count; i++) {
        const struct policy *q = &p->items[i];
        unsigned r = rank(q, endpoint, tier);

        if (r == 0 || r != best[q->scope][q->shadow])
            continue;
        if (items && count < MATCH_MAX)
            items[count] = (uint16_t)i;
        count++;
    }
    return count;
}

void match_find(const struct policies *p, struct text endpoint, struct text tier, struct match *out)
{
    size_t count = collect(p, endpoint, tier, out->items);

    out->count = (uint8_t)(count < MATCH_MAX ? count : MATCH_MAX);
}

/* Of any tier: seldom over MATCH_MAX, and then the tiers have to be looked at. */
static size_t covering(const struct policies *p, struct text endpoint)
{
    size_t count = 0;

    for (size_t i = 0; i < p->count; i++)
        count += covers(&p->items[i], endpoint);
    return count;
}

bool match_crowded(const struct policies *p, size_t index, const char **tier)
{
    const struct policy *q = &p->items[index];
    char endpoint[POLICY_ENDPOINT_MAX + 1];
    bool prefix;
    struct text s = stem(q, &prefix);

    /* An endpoint under this prefix and under no longer one: \1 stands in no endpoint. */
    memcpy(endpoint, s.data, s.len);
    endpoint[s.len] = '\1';
    struct text here = { endpoint, s.len + prefix };

    if (covering(p, here) <= MATCH_MAX)
        return false;
    /* Any tier that a policy names, and one that none does. */
    *tier = "*";
    if (collect(p, here, (struct text){ "\1", 1 }, NULL) > MATCH_MAX)
        return true;
    for (size_t i = 0; i < p->count; i++)
        for (size_t t = 0; t < p->items[i].tier_count; t++) {
            *tier = p->items[i].tiers[t];
            if (collect(p, here, text_of(*tier), NULL) > MATCH_MAX)
                return true;
        }
    return false;
}

enum result matcher_new(struct policies *p, struct matcher **out)
{
    struct matcher *m = calloc(1, sizeof(*m));

    if (!m)
        return RESULT_NO_MEMORY;
    m->policies = policies_hold(p);
    *out = m;
    return RESULT_OK;
}

/* FNV-1a. A peer that makes two pairs collide makes them be matched anew each time, and no more. */
static uint32_t hash(uint32_t h, struct text t)
{
    for (size_t i = 0; i < t.len; i++)
        h = (h ^ (uint8_t)t.data[i]) * 16777619u;
    return (h ^ 0xff) * 16777619u;
}

static bool holds(const struct slot *s, struct text endpoint, struct text tier)
{
    return s->taken && text_equal((struct text){ s->endpoint, s->endpoint_len }, endpoint)
           && text_equal((struct text){ s->tier, s->tier_len }, tier);
}

const struct match *matcher_find(struct matcher *m, struct text endpoint, struct text tier)
{
    struct slot *s = &m->slots[hash(hash(2166136261u, endpoint), tier) % SLOTS];

    if (holds(s, endpoint, tier))
        return &s->match;
    match_find(m->policies, endpoint, tier, &s->match);
    s->taken = endpoint.len <= sizeof(s->endpoint) && tier.len <= sizeof(s->tier);
    if (s->taken) {
        s->endpoint_len = (uint8_t)endpoint.len;
        s->tier_len = (uint8_t)tier.len;
        memcpy(s->endpoint, endpoint.data, endpoint.len);
        memcpy(s->tier, tier.data, tier.len);
    }
    return &s->match;
}

void matcher_free(struct matcher *m)
{
    if (!m)
        return;
    policies_release(m->policies);
    free(m);
}
