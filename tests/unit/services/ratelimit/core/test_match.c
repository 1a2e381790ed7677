#include "match.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

/* name, endpoint, tiers by a space or "*", scope, shadow */
struct line {
    const char *endpoint, *tiers;
    enum scope scope;
    bool shadow;
};

static struct policies *make(const struct line *lines, size_t count)
{
    struct policies *p;

    cr_assert_eq(policies_new(count, &p), RESULT_OK);
    for (size_t i = 0; i < count; i++) {
        struct policy *q = &p->items[p->count++];
        char *tiers = strdup(lines[i].tiers), *rest = NULL;

        snprintf(q->name, sizeof(q->name), "p%zu", i);
        snprintf(q->endpoint, sizeof(q->endpoint), "%s", lines[i].endpoint);
        q->scope = lines[i].scope;
        q->shadow = lines[i].shadow;
        q->limit = q->burst = 1 + i;            /* an account of its own for each window */
        q->window_us = 1000 * (1 + i);
        q->tiers = calloc(POLICY_TIERS_MAX, sizeof(q->tiers[0]));
        for (char *t = strtok_r(tiers, " ", &rest); t && strcmp(t, "*") != 0; t = strtok_r(NULL, " ", &rest))
            snprintf(q->tiers[q->tier_count++], sizeof(q->tiers[0]), "%s", t);
        free(tiers);
    }
    return p;
}

static void expect(const struct policies *p, const char *endpoint, const char *tier, const char *wanted)
{
    struct match m;
    char got[64] = "";
    size_t len = 0;

    match_find(p, text_of(endpoint), text_of(tier), &m);
    for (size_t i = 0; i < m.count; i++)
        len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%u", i ? " " : "", m.items[i]);
    cr_expect_str_eq(got, wanted, "%s of %s: %s, not %s", endpoint, tier, got, wanted);
}

static const struct line LINES[] = {
    { "*", "*", SCOPE_USER, false },                            /* 0 */
    { "lessons.*", "*", SCOPE_USER, false },                    /* 1 */
    { "lessons.create", "free", SCOPE_USER, false },            /* 2 */
    { "lessons.create", "*", SCOPE_USER, false },               /* 3 */
    { "lessons.*", "premium gold", SCOPE_USER, false },         /* 4 */
    { "*", "*", SCOPE_IP, false },                              /* 5 */
    { "lessons.create", "*", SCOPE_USER, true },                /* 6 */
    { "lessons.create", "free", SCOPE_USER, false },            /* 7: as specific as 2 */
    { "less*", "free", SCOPE_USER, false },                     /* 8 */
    { "*", "enterprise", SCOPE_GLOBAL, true },                  /* 9 */
};

Test(match, the_most_specific_of_each_scope_and_mode_wins, .timeout = 5)
{
    struct policies *p = make(LINES, sizeof(LINES) / sizeof(LINES[0]));

    expect(p, "lessons.create", "free", "2 5 6 7");
    expect(p, "lessons.create", "default", "3 5 6");
    expect(p, "lessons.create", "premium", "3 5 6");    /* a named endpoint over a named tier */
    expect(p, "lessons.list", "premium", "4 5");
    expect(p, "lessons.list", "gold", "4 5");
    expect(p, "lessons.list", "free", "1 5");           /* the longer prefix over the named tier */
    expect(p, "lesson", "free", "5 8");
    expect(p, "lesson", "default", "0 5");
    expect(p, "lessons.", "default", "1 5");
    expect(p, "chat", "enterprise", "0 5 9");
    expect(p, "lessons.create.more", "free", "1 5");
    policies_release(p);
}

/* The rule as the contract has it, written out. */
static bool applies(const struct policies *p, size_t index, const char *endpoint, const char *tier)
{
    long best[2] = { -1, -1 }, mine[2] = { -1, -1 };

    for (size_t i = 0; i < p->count; i++) {
        const struct policy *q = &p->items[i];
        size_t len = strlen(q->endpoint);
        bool star = q->endpoint[len - 1] == '*', named = false;

        if (q->scope != p->items[index].scope || q->shadow != p->items[index].shadow)
            continue;
        if (star ? strncmp(endpoint, q->endpoint, len - 1) != 0 : strcmp(endpoint, q->endpoint) != 0)
            continue;
        for (size_t t = 0; t < q->tier_count; t++)
            named = named || strcmp(q->tiers[t], tier) == 0;
        if (q->tier_count > 0 && !named)
            continue;
        long here[2] = { star ? (long)len - 1 : 1000, named };
        if (here[0] > best[0] || (here[0] == best[0] && here[1] > best[1]))
            memcpy(best, here, sizeof(best));
        if (i == index)
            memcpy(mine, here, sizeof(mine));
    }
    return mine[0] >= 0 && mine[0] == best[0] && mine[1] == best[1];
}

Test(match, agrees_with_the_rule_written_out, .timeout = 20)
{
    static const char *const ENDPOINTS[] = { "*", "a*", "ab*", "abc", "ab", "b*", "b" };
    static const char *const ASKED[] = { "a", "ab", "abc", "abcd", "b", "bb", "c" };
    static const char *const TIERS[] = { "*", "x", "y", "x y" };
    static const char *const ASKING[] = { "x", "y", "default" };
    unsigned seed = 3, met = 0;

    for (unsigned round = 0; round < 500; round++) {
        struct line lines[8];

        for (size_t i = 0; i < 8; i++) {
            seed = seed * 1103515245u + 12345u;
            lines[i] = (struct line){ ENDPOINTS[(seed >> 8) % 7], TIERS[(seed >> 12) % 4],
                                      (enum scope)((seed >> 16) % 2), (seed >> 20) % 2 };
        }
        struct policies *p = make(lines, 8);
        struct matcher *m;
        cr_assert_eq(matcher_new(p, &m), RESULT_OK);
        for (size_t e = 0; e < 7; e++)
            for (size_t t = 0; t < 3; t++) {
                /* Twice: found, and remembered. */
                struct match first = *matcher_find(m, text_of(ASKED[e]), text_of(ASKING[t]));
                const struct match *again = matcher_find(m, text_of(ASKED[e]), text_of(ASKING[t]));
                size_t next = 0;

                cr_assert_eq(first.count, again->count);
                for (size_t i = 0; i < 8; i++)
                    if (applies(p, i, ASKED[e], ASKING[t])) {
                        cr_assert(next < first.count && first.items[next] == i && again->items[next] == i);
                        next++;
                        met++;
                    }
                cr_assert_eq(next, first.count);
            }
        matcher_free(m);
        policies_release(p);
    }
    cr_expect_gt(met, 10000);
}

Test(match, more_than_eight_at_once_are_noticed, .timeout = 5)
{
    struct line lines[9];
    const char *tier;

    for (size_t i = 0; i < 9; i++)
        lines[i] = (struct line){ "a.*", i < 8 ? "*" : "x", (enum scope)(i % 4), i / 4 % 2 };
    lines[8].tiers = "*";
    struct policies *p = make(lines, 9);
    cr_expect(match_crowded(p, 0, &tier));
    cr_expect_str_eq(tier, "*");
    policies_release(p);
    p = make(lines, 8);
    cr_expect_not(match_crowded(p, 0, &tier));
    policies_release(p);
}
