#include "policies_file.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>

/* A good row, in which a case replaces one key, adds one, or takes one away. */
static const char *const ROW[][2] = {
    { "name", "one" }, { "endpoint", "lessons.create" }, { "tiers", "[free]" }, { "scope", "user" }, { "limit", "30" },
    { "window", "1h" }, { "algorithm", "rolling" }, { "mode", "enforce" }, { "on_store_failure", "local" },
};

static const struct {
    const char *key, *value;            /* value NULL: the key is left out */
    const char *message;                /* part of what is said; NULL: good */
} CASES[] = {
    { "limit", "10000", NULL },
    { "limit", "10001", "limit: expected a whole number, 1 to 10000" },
    { "limit", "0", "limit: expected" },
    { "limit", "-1", "limit: expected" },
    { "limit", "many", "not \"many\"" },
    { "limit", "\"30\"", "limit: expected" },
    { "limit", "1e3", "limit: expected" },
    { "limit", NULL, "limit: missing" },
    { "name", NULL, "name: missing" },
    { "name", "a b", "name: expected" },
    { "name", "[a]", "name: expected text" },
    { "endpoint", "\"*\"", NULL },
    { "endpoint", "\"lessons.*\"", NULL },
    { "endpoint", "\"POST/v1/lessons/{lesson_id}:create\"", NULL },
    { "endpoint", "\"*.create\"", "endpoint: expected" },
    { "endpoint", "a?b", "endpoint: expected" },
    { "endpoint", NULL, "endpoint: missing" },
    { "tiers", "\"*\"", NULL },
    { "tiers", "[a, b]", NULL },
    { "tiers", "[]", "tiers: expected" },
    { "tiers", "free", "tiers: expected" },
    { "tiers", "[a, a]", "tiers: a stands twice" },
    { "tiers", "[\"*\"]", "tiers: expected names" },
    { "tiers", "[[a]]", "tiers: expected text" },
    { "tiers", NULL, "tiers: missing" },
    { "scope", "person", "scope: expected user, ip" },
    { "scope", NULL, "scope: missing" },
    { "window", "90s", NULL },
    { "window", "250ms", NULL },
    { "window", "366d", NULL },
    { "window", "367d", "window: expected" },
    { "window", "0s", "window: expected" },
    { "window", "1w", "window: expected" },
    { "window", "1", "window: expected" },
    { "window", "h", "window: expected" },
    { "window", "1.5h", "window: expected" },
    { "window", "99999999999999999999s", "window: expected" },
    { "algorithm", "leaky", "algorithm: expected" },
    { "mode", "audit", "mode: expected" },
    { "mode", NULL, "mode: missing" },
    { "on_store_failure", "panic", "on_store_failure: expected" },
    { "on_store_failure", NULL, "on_store_failure: missing" },
    { "burst", "5", "burst: only gcra has one" },
    { "brust", "5", "unknown key \"brust\"" },
};

static void put(struct buffer *doc, const char *text)
{
    cr_assert_eq(buffer_append_text(doc, text_of(text)), RESULT_OK);
}

static void put_row(struct buffer *doc, const char *key, const char *value)
{
    bool replaced = false;

    put(doc, "  - { ");
    for (size_t i = 0; i < sizeof(ROW) / sizeof(ROW[0]); i++) {
        bool here = key && strcmp(ROW[i][0], key) == 0;

        replaced = replaced || here;
        if (here && !value)
            continue;
        cr_assert_eq(buffer_printf(doc, "%s: %s, ", ROW[i][0], here ? value : ROW[i][1]), RESULT_OK);
    }
    if (key && !replaced)
        cr_assert_eq(buffer_printf(doc, "%s: %s, ", key, value), RESULT_OK);
    put(doc, "}\n");
}

static enum result parse(const char *doc, struct policies **p, struct buffer *why)
{
    buffer_reset(why);
    return policies_parse(text_bytes(text_of(doc)), "file", p, why);
}

static bool says(const struct buffer *why, const char *what)
{
    return memmem(why->data, why->len, what, strlen(what)) != NULL;
}

Test(policies_file, every_mistake_of_a_policy_is_named, .timeout = 10)
{
    struct buffer doc, why;

    buffer_init(&doc, 1 << 16);
    buffer_init(&why, 1 << 16);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct policies *p = NULL;

        buffer_reset(&doc);
        put(&doc, "version: 1\npolicies:\n");
        put_row(&doc, CASES[i].key, CASES[i].value);
        cr_assert_eq(buffer_append(&doc, "", 1), RESULT_OK);
        enum result r = parse((const char *)doc.data, &p, &why);
        cr_expect_eq(r != RESULT_OK, CASES[i].message != NULL, "%s: %s", CASES[i].key, CASES[i].value);
        if (CASES[i].message)
            cr_expect(says(&why, CASES[i].message) && says(&why, "file:3"), "%s: %s: %.*s", CASES[i].key, CASES[i].value,
                      (int)why.len, (const char *)why.data);
        policies_release(p);
    }
    buffer_free(&doc);
    buffer_free(&why);
}

static const char HEAD[] = "policies:\n";
#define GCRA "  - { name: %s, endpoint: a, tiers: %s, scope: user, limit: %s, window: %s, algorithm: gcra, mode: enforce, " \
             "on_store_failure: local%s }\n"

static const struct {
    const char *what;
    const char *first[5], *second[5];   /* name, tiers, limit, window, more */
    const char *message;
    bool shared;
} PAIRS[] = {
    { "tiers share", { "a", "[x]", "3", "1h", "" }, { "b", "[y]", "9", "60m", "" }, NULL, true },
    { "a named tier and the rest", { "a", "[x]", "3", "1h", "" }, { "b", "\"*\"", "3", "3600s", "" }, NULL, true },
    { "another window", { "a", "[x]", "3", "1h", "" }, { "b", "[y]", "3", "2h", "" }, NULL, false },
    { "another burst", { "a", "[x]", "3", "1h", ", burst: 2" }, { "b", "[y]", "3", "1h", ", burst: 3" }, NULL, false },
    { "one name twice", { "a", "[x]", "3", "1h", "" }, { "a", "[y]", "3", "1h", "" }, "\"a\" stands twice", false },
    { "two limits for one tier", { "a", "[x]", "3", "1h", "" }, { "b", "[y, x]", "4", "1h", "" },
      "share one account and both have a limit for tier x", false },
    { "a debt of centuries", { "a", "[x]", "1", "366d", "" }, { "b", "[y]", "1000", "366d", "" },
      "would take over a hundred years", false },
};

Test(policies_file, what_a_set_must_be_as_a_whole, .timeout = 10)
{
    struct buffer why;
    char doc[2048];

    buffer_init(&why, 1 << 16);
    for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
        const char *const *a = PAIRS[i].first, *const *b = PAIRS[i].second;
        struct policies *p = NULL;

        snprintf(doc, sizeof(doc), "%s" GCRA GCRA, HEAD, a[0], a[1], a[2], a[3], a[4], b[0], b[1], b[2], b[3], b[4]);
        enum result r = parse(doc, &p, &why);
        cr_expect_eq(r != RESULT_OK, PAIRS[i].message != NULL, "%s: %.*s", PAIRS[i].what, (int)why.len, (const char *)why.data);
        if (PAIRS[i].message)
            cr_expect(says(&why, PAIRS[i].message), "%s: %.*s", PAIRS[i].what, (int)why.len, (const char *)why.data);
        else
            cr_expect_eq(memcmp(p->items[0].account, p->items[1].account, POLICY_ACCOUNT_LEN) == 0, PAIRS[i].shared, "%s",
                         PAIRS[i].what);
        policies_release(p);
    }
    buffer_free(&why);
}

Test(policies_file, what_is_no_list_of_policies_is_refused, .timeout = 5)
{
    static const char *const BAD[] = { "", "a", "[]", "policies: 1", "policies: {}", "version: 1", "policies: [1]",
                                       "version: 0\npolicies: []", "polices: []\npolicies: []" };
    struct buffer why;

    buffer_init(&why, 1 << 16);
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        struct policies *p = NULL;

        cr_expect_neq(parse(BAD[i], &p, &why), RESULT_OK, "%s", BAD[i]);
        cr_expect_gt(why.len, 0, "%s: and nothing is said", BAD[i]);
        policies_release(p);
    }
    buffer_free(&why);
}

Test(policies_file, the_shipped_policies_are_good_and_keep_their_promises, .timeout = 5)
{
    struct policies *p = NULL;
    struct buffer why;
    bool lessons = false, kinds[3] = { false }, shadow = false;

    buffer_init(&why, 1 << 16);
    cr_assert_eq(policies_load("config/ratelimit.yaml", &p, &why), RESULT_OK, "%.*s", (int)why.len, (const char *)why.data);
    for (size_t i = 0; i < p->count; i++) {
        const struct policy *q = &p->items[i];
        bool free_tier = false, covered = false;

        kinds[q->algorithm] = true;
        shadow = shadow || q->shadow;
        for (size_t t = 0; t < q->tier_count; t++)
            free_tier = free_tier || strcmp(q->tiers[t], "free") == 0;
        lessons = lessons || (free_tier && strcmp(q->endpoint, "lessons.create") == 0 && q->limit == 30
                              && q->window_us == UINT64_C(3600000000) && q->algorithm == ALGORITHM_ROLLING && !q->shadow);
        if (!free_tier || q->shadow || strcmp(q->endpoint, "*") == 0)
            continue;
        for (size_t o = 0; o < p->count; o++)
            covered = covered || (p->items[o].tier_count == 0 && p->items[o].limit <= q->limit
                                  && memcmp(p->items[o].account, q->account, POLICY_ACCOUNT_LEN) == 0);
        cr_expect(covered, "%s: leaving the tier out would gain something", q->name);
    }
    cr_expect(lessons && shadow && kinds[0] && kinds[1] && kinds[2]);
    policies_release(p);
    buffer_free(&why);
}
