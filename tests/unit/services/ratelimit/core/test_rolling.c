#include "rolling.h"

#include <criterion/criterion.h>

#define SECOND UINT64_C(1000000)
#define WINDOW (60 * SECOND)

static void hit(struct rolling *a, uint64_t at_us, uint64_t cost)
{
    cr_assert_eq(rolling_reserve(a), RESULT_OK);
    struct rolling_view v = rolling_view(a, WINDOW, at_us);
    (void)rolling_charge(a, &v, cost);
}

Test(rolling, a_hit_leaves_at_exactly_its_time_and_window, .timeout = 5)
{
    struct rolling a = { 0 };

    hit(&a, 100 * SECOND, 3);
    cr_expect_eq(rolling_view(&a, WINDOW, 100 * SECOND + WINDOW - 1).used, 3);
    cr_expect_eq(rolling_view(&a, WINDOW, 100 * SECOND + WINDOW - 1).rest_us, 1);
    cr_expect_eq(rolling_view(&a, WINDOW, 100 * SECOND + WINDOW).used, 0);
    cr_expect_eq(rolling_view(&a, WINDOW, 100 * SECOND + WINDOW).rest_us, 0);
    rolling_free(&a);
}

Test(rolling, the_wait_is_until_enough_has_left, .timeout = 5)
{
    static const struct {
        uint64_t cost, wait_s;
    } CASES[] = { { 0, 0 }, { 1, 0 }, { 2, 40 }, { 3, 40 }, { 4, 50 }, { 9, 50 }, { 10, 55 } };
    struct rolling a = { 0 };

    hit(&a, 80 * SECOND, 2);
    hit(&a, 90 * SECOND, 6);
    hit(&a, 95 * SECOND, 1);
    struct rolling_view v = rolling_view(&a, WINDOW, 100 * SECOND);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
        cr_expect_eq(rolling_wait_us(&a, &v, WINDOW, 10, CASES[i].cost), CASES[i].wait_s * SECOND, "cost %lu",
                     CASES[i].cost);
    cr_expect_eq(v.rest_us, 55 * SECOND);
    cr_expect_eq(rolling_wait_us(&a, &v, WINDOW, 8, 0), 40 * SECOND, "overdrawn in a lower tier, even the cost 0 waits");
    rolling_free(&a);
}

Test(rolling, hits_of_one_instant_leave_together, .timeout = 5)
{
    struct rolling a = { 0 };

    for (unsigned i = 0; i < 20; i++)
        hit(&a, 100 * SECOND, 1);
    cr_expect_eq(rolling_view(&a, WINDOW, 100 * SECOND).used, 20);
    cr_expect_eq(rolling_view(&a, WINDOW, 100 * SECOND + WINDOW).used, 0);
    rolling_free(&a);
}

Test(rolling, a_clock_that_goes_back_stands_still, .timeout = 5)
{
    struct rolling a = { 0 };

    hit(&a, 100 * SECOND, 1);
    hit(&a, 10 * SECOND, 1);
    struct rolling_view v = rolling_view(&a, WINDOW, 10 * SECOND);
    cr_expect_eq(v.now_us, 100 * SECOND);
    cr_expect_eq(v.used, 2);
    cr_expect_eq(rolling_view(&a, WINDOW, 160 * SECOND).used, 0, "the second counts as of 100 s too");
    rolling_free(&a);
}

/* Against the definition: the sum over hits of (now - window, now]. */
Test(rolling, agrees_with_the_sum_over_its_hits, .timeout = 20)
{
    enum { LIMIT = 40, HITS = 4000 };
    static uint64_t times[HITS], costs[HITS];
    struct rolling a = { 0 };
    uint64_t now = 1000 * SECOND, seed = 7;
    size_t count = 0, largest = 0;

    for (unsigned step = 0; step < HITS; step++) {
        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
        now += (seed >> 33) % 5 * SECOND;
        uint64_t cost = 1 + (seed >> 40) % 6, used = 0;
        for (size_t i = 0; i < count; i++)
            used += times[i] + WINDOW > now ? costs[i] : 0;

        struct rolling_view v = rolling_view(&a, WINDOW, now);
        cr_assert_eq(v.used, used, "step %u", step);
        uint64_t wait = rolling_wait_us(&a, &v, WINDOW, LIMIT, cost);
        cr_assert_eq(wait == 0, used + cost <= LIMIT, "step %u", step);
        if (wait > 0) {
            cr_assert(rolling_view(&a, WINDOW, now + wait).used + cost <= LIMIT, "step %u: too early", step);
            cr_assert(rolling_view(&a, WINDOW, now + wait - 1).used + cost > LIMIT, "step %u: too late", step);
            continue;
        }
        hit(&a, now, cost);
        times[count] = now;
        costs[count++] = cost;
        largest = a.count > largest ? a.count : largest;
    }
    cr_expect(count > 1000 && largest <= 2 * LIMIT + 2, "%zu hits, %zu runs held", count, largest);
    rolling_free(&a);
}
