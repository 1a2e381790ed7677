#include "policy.h"

#include "match.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

/* A shared account that takes longer than this to drain at its narrowest limit is a mistake, and past it the sum of a
 * time since 1970 and a debt would leave the range of exact Lua numbers. */
#define DRAIN_MAX_US (UINT64_C(1) << 52)

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const SCOPES[] = { "user", "ip", "global", "user_endpoint" };
static const char *const ALGORITHMS[] = { "rolling", "gcra", "fixed" };
static const char *const FAILURES[] = { "allow", "deny", "local" };

enum result policies_new(size_t room, struct policies **out)
{
    struct policies *p;

    if (room > POLICIES_MAX)
        return RESULT_TOO_LARGE;
    p = calloc(1, sizeof(*p) + room * sizeof(p->items[0]));
    if (!p)
        return RESULT_NO_MEMORY;
    p->references = 1;
    *out = p;
    return RESULT_OK;
}

struct policies *policies_hold(struct policies *p)
{
    p->references++;
    return p;
}

void policies_release(struct policies *p)
{
    if (!p || --p->references > 0)
        return;
    for (size_t i = 0; i < p->count; i++)
        free(p->items[i].tiers);
    free(p);
}

static const char *word(const char *const *words, size_t count, unsigned value)
{
    return value < count ? words[value] : NULL;
}

static enum result find(const char *const *words, size_t count, struct text t, unsigned *out)
{
    for (unsigned i = 0; i < count; i++)
        if (text_equal(t, text_of(words[i]))) {
            *out = i;
            return RESULT_OK;
        }
    return RESULT_NOT_FOUND;
}

const char *scope_text(enum scope s)
{
    return word(SCOPES, COUNT(SCOPES), s);
}

const char *algorithm_text(enum algorithm a)
{
    return word(ALGORITHMS, COUNT(ALGORITHMS), a);
}

const char *store_failure_text(enum store_failure f)
{
    return word(FAILURES, COUNT(FAILURES), f);
}

enum result scope_find(struct text t, enum scope *out)
{
    return find(SCOPES, COUNT(SCOPES), t, out);
}

enum result algorithm_find(struct text t, enum algorithm *out)
{
    return find(ALGORITHMS, COUNT(ALGORITHMS), t, out);
}

enum result store_failure_find(struct text t, enum store_failure *out)
{
    return find(FAILURES, COUNT(FAILURES), t, out);
}

enum result policy_window(struct text t, uint64_t *us)
{
    static const struct {
        struct text name;
        uint64_t us;
    } UNITS[] = {
        { TEXT("ms"), 1000 },
        { TEXT("s"), 1000000 },
        { TEXT("m"), 60 * UINT64_C(1000000) },
        { TEXT("h"), 3600 * UINT64_C(1000000) },
        { TEXT("d"), 86400 * UINT64_C(1000000) },
    };
    uint64_t n = 0;
    size_t i = 0;

    for (; i < t.len && t.data[i] >= '0' && t.data[i] <= '9'; i++) {
        n = n * 10 + (uint64_t)(t.data[i] - '0');
        if (n > POLICY_WINDOW_MAX_US)
            return RESULT_OUT_OF_RANGE;
    }
    if (i == 0 || (t.data[0] == '0' && i > 1))
        return RESULT_MALFORMED;
    struct text unit = { t.data + i, t.len - i };
    for (size_t u = 0; u < COUNT(UNITS); u++)
        if (text_equal(unit, UNITS[u].name)) {
            if (n == 0 || n > POLICY_WINDOW_MAX_US / UNITS[u].us)
                return RESULT_OUT_OF_RANGE;
            *us = n * UNITS[u].us;
            return RESULT_OK;
        }
    return RESULT_MALFORMED;
}

static bool only(struct text t, const char *punctuation)
{
    for (size_t i = 0; i < t.len; i++) {
        char c = t.data[i];
        bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (c == '\0' || (!alphanumeric && !strchr(punctuation, c)))
            return false;
    }
    return true;
}

bool policy_name_valid(struct text t)
{
    return t.len >= 1 && t.len <= POLICY_NAME_MAX && only(t, "_.-");
}

bool policy_endpoint_valid(struct text t)
{
    if (t.len < 1 || t.len > POLICY_ENDPOINT_MAX)
        return false;
    if (t.data[t.len - 1] == '*')
        t.len--;
    return only(t, "_.:/{}-");
}

uint64_t policy_limit_max(enum algorithm a)
{
    return a == ALGORITHM_ROLLING ? ROLLING_LIMIT_MAX : a == ALGORITHM_GCRA ? GCRA_LIMIT_MAX : FIXED_LIMIT_MAX;
}

/* All that two policies must have in common to share an account, each part in a form of its own. */
static void name_account(struct policy *p)
{
    char line[POLICY_ENDPOINT_MAX + 128];
    uint64_t burst = p->has_burst ? p->burst : 0;       /* a burst is at least 1 */
    int n = snprintf(line, sizeof(line), "%s %s %s %s %s %llu %llu", p->endpoint, scope_text(p->scope),
                     algorithm_text(p->algorithm), p->shadow ? "shadow" : "enforce",
                     store_failure_text(p->on_store_failure), (unsigned long long)p->window_us,
                     (unsigned long long)burst);
    size_t len = n > 0 ? (size_t)n : 0;

    (void)crypto_generichash(p->account, sizeof(p->account), (const unsigned char *)line, len, NULL, 0);
}

static bool shares(const struct policy *a, const struct policy *b)
{
    return memcmp(a->account, b->account, POLICY_ACCOUNT_LEN) == 0;
}

/* The tier for which both are in force at once; "*" where both are for all. */
static const char *common_tier(const struct policy *a, const struct policy *b)
{
    if (a->tier_count == 0 && b->tier_count == 0)
        return "*";
    for (size_t i = 0; i < a->tier_count; i++)
        for (size_t j = 0; j < b->tier_count; j++)
            if (strcmp(a->tiers[i], b->tiers[j]) == 0)
                return a->tiers[i];
    return NULL;
}

struct faults {
    void (*call)(void *cookie, size_t index, const char *text);
    void *cookie;
    size_t count;
};

static void fault(struct faults *f, size_t index, const char *text)
{
    f->count++;
    f->call(f->cookie, index, text);
}

static void check_pair(struct faults *f, struct policies *p, size_t earlier, size_t later)
{
    struct policy *a = &p->items[earlier], *b = &p->items[later];
    char text[3 * POLICY_NAME_MAX + 128];

    if (strcmp(a->name, b->name) == 0) {
        (void)snprintf(text, sizeof(text), "name: \"%s\" stands twice", b->name);
        fault(f, later, text);
    }
    if (!shares(a, b))
        return;
    const char *tier = common_tier(a, b);
    if (tier) {
        (void)snprintf(text, sizeof(text), "tiers: \"%s\" and \"%s\" share one account and both have a limit for tier %s",
                       a->name, b->name, tier);
        fault(f, later, text);
    }
    if (a->widest < b->limit)
        a->widest = b->limit;
    if (b->widest < a->limit)
        b->widest = a->limit;
}

/* A raised tier may leave a debt of the widest capacity that drains at this one's rate. */
static bool drains(const struct policy *p)
{
    uint64_t capacity = p->has_burst ? p->burst : p->widest;

    return p->algorithm != ALGORITHM_GCRA
           || (unsigned __int128)capacity * p->window_us / p->limit <= DRAIN_MAX_US;
}

enum result policies_finish(struct policies *p, void (*call)(void *cookie, size_t index, const char *text), void *cookie)
{
    struct faults f = { call, cookie, 0 };
    char text[POLICY_ENDPOINT_MAX + POLICY_TIER_MAX + 64];

    for (size_t i = 0; i < p->count; i++) {
        name_account(&p->items[i]);
        p->items[i].widest = p->items[i].limit;
    }
    for (size_t later = 1; later < p->count; later++)
        for (size_t earlier = 0; earlier < later; earlier++)
            check_pair(&f, p, earlier, later);
    for (size_t i = 0; i < p->count; i++) {
        const char *tier;

        if (!drains(&p->items[i]))
            fault(&f, i, "limit: what this account can owe would take over a hundred years at this limit");
        if (match_crowded(p, i, &tier)) {
            (void)snprintf(text, sizeof(text), "endpoint: over %d policies would meet a check of \"%s\", tier %s",
                           MATCH_MAX, p->items[i].endpoint, tier);
            fault(&f, i, text);
        }
    }
    return f.count ? RESULT_MALFORMED : RESULT_OK;
}
