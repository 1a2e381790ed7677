#include "gcra.h"

#include <criterion/criterion.h>

#define SECOND UINT64_C(1000000)

/* 1 a second, 5 at once; L: limited. From the published vectors of GCRA throttles. */
static const struct {
    uint64_t ms, cost, remaining, reset_ms;
    int64_t retry_ms;                   /* -1: allowed, or never */
    bool limited;
} VECTORS[] = {
    { 0, 6, 5, 0, -1, true },        { 0, 1, 4, 1000, -1, false },    { 0, 1, 3, 2000, -1, false },
    { 0, 1, 2, 3000, -1, false },    { 0, 1, 1, 4000, -1, false },    { 0, 1, 0, 5000, -1, false },
    { 0, 1, 0, 5000, 1000, true },   { 3000, 1, 2, 3000, -1, false }, { 3100, 1, 1, 3900, -1, false },
    { 4000, 1, 1, 4000, -1, false }, { 8000, 1, 4, 1000, -1, false }, { 9500, 1, 4, 1000, -1, false },
    { 9500, 0, 4, 1000, -1, false }, { 9500, 2, 2, 3000, -1, false }, { 9500, 5, 2, 3000, 3000, true },
    { 15000, 6, 5, 0, -1, true },
};

Test(gcra, agrees_with_the_published_vectors, .timeout = 5)
{
    const struct gcra_rule rule = { .limit = 1, .burst = 5, .window_us = SECOND };
    const uint64_t base = UINT64_C(1700000000) * SECOND;
    struct gcra g = { 0 };

    for (size_t i = 0; i < sizeof(VECTORS) / sizeof(VECTORS[0]); i++) {
        uint64_t now = gcra_now(&g, base + VECTORS[i].ms * 1000);
        struct span owed = gcra_owed(&g, &rule, now);
        bool never = VECTORS[i].cost > rule.burst;
        uint64_t wait = never ? 0 : gcra_wait_us(&rule, owed, VECTORS[i].cost);

        cr_expect_eq(never || wait > 0, VECTORS[i].limited, "row %zu", i);
        if (VECTORS[i].retry_ms >= 0)
            cr_expect_eq(wait, (uint64_t)VECTORS[i].retry_ms * 1000, "row %zu: wait %lu", i, wait);
        if (!never && wait == 0 && VECTORS[i].cost > 0)
            owed = gcra_charge(&g, &rule, owed, VECTORS[i].cost, now);
        cr_expect_eq(gcra_remaining(&rule, owed), VECTORS[i].remaining, "row %zu", i);
        cr_expect_eq(owed.us, VECTORS[i].reset_ms * 1000, "row %zu: owed %lu us", i, owed.us);
    }
}

Test(gcra, does_not_drift_over_a_limit_that_divides_nothing, .timeout = 5)
{
    const struct gcra_rule rule = { .limit = 7, .burst = 7, .window_us = SECOND };
    struct gcra g = { 0 };
    uint64_t now = 10 * SECOND;

    /* A million times a seventh of a second is a whole number of seconds, to the last us. */
    for (unsigned i = 0; i < 1000000; i++) {
        struct span owed = gcra_owed(&g, &rule, now);
        uint64_t wait = gcra_wait_us(&rule, owed, 1);

        now += wait;
        owed = gcra_owed(&g, &rule, now);
        cr_assert_eq(gcra_wait_us(&rule, owed, 1), 0);
        (void)gcra_charge(&g, &rule, owed, 1, now);
    }
    uint64_t total = g.tat_us * 7 + g.rem - 70 * SECOND;
    cr_expect_eq(total, UINT64_C(1000000) * SECOND, "%lu sevenths of a us", total);
}

Test(gcra, carries_what_is_owed_over_to_another_tier_in_cost, .timeout = 5)
{
    static const struct {
        uint64_t from, to, cost, remaining;
    } CASES[] = {
        { 10, 100, 10, 90 }, { 100, 10, 4, 6 }, { 3, 7, 3, 4 }, { 7, 3, 2, 1 }, { 1000000000, 3, 2, 1 },
        { 100, 10, 50, 0 },                     /* overdrawn: never below 0 */
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        const struct gcra_rule from = { CASES[i].from, CASES[i].from, 60 * SECOND };
        const struct gcra_rule to = { CASES[i].to, CASES[i].to, 60 * SECOND };
        struct gcra g = { 0 };

        (void)gcra_charge(&g, &from, (struct span){ 0, 0 }, CASES[i].cost, SECOND);
        struct span owed = gcra_owed(&g, &to, SECOND);
        cr_expect_eq(gcra_remaining(&to, owed), CASES[i].remaining, "case %zu", i);
        cr_expect_eq(gcra_wait_us(&to, owed, 0) > 0, CASES[i].cost > CASES[i].to, "case %zu: the cost 0", i);
    }
}

Test(gcra, time_does_not_run_back_for_an_account, .timeout = 5)
{
    const struct gcra_rule rule = { 10, 10, 10 * SECOND };
    struct gcra g = { 0 };

    (void)gcra_charge(&g, &rule, (struct span){ 0, 0 }, 3, 100 * SECOND);
    cr_expect_eq(gcra_now(&g, 50 * SECOND), 100 * SECOND);
    cr_expect_eq(gcra_now(&g, 101 * SECOND), 101 * SECOND);
    cr_expect_eq(g.born_us, 100 * SECOND);
    (void)gcra_charge(&g, &rule, gcra_owed(&g, &rule, 101 * SECOND), 1, 101 * SECOND);
    cr_expect_eq(g.born_us, 100 * SECOND, "it owed something all the while");
    (void)gcra_charge(&g, &rule, gcra_owed(&g, &rule, 200 * SECOND), 1, 200 * SECOND);
    cr_expect_eq(g.born_us, 200 * SECOND, "it had been paid off");
}

Test(gcra, stays_exact_at_its_bounds, .timeout = 5)
{
    const struct gcra_rule rule = { 1000000000, 1000000000, UINT64_C(366) * 86400 * SECOND };
    struct gcra g = { 0 };
    struct span owed = gcra_charge(&g, &rule, (struct span){ 0, 0 }, rule.burst, SECOND);

    cr_expect_eq(owed.us, rule.window_us);
    cr_expect_eq(owed.rem, 0);
    cr_expect_eq(gcra_remaining(&rule, owed), 0);
    cr_expect_eq(gcra_wait_us(&rule, owed, 1), 31623, "366 d / 10^9, rounded up");
}
