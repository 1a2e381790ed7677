#include "clock_watch.h"

#include <criterion/criterion.h>

#define NOW UINT64_C(1764000000000)

static void feed(struct clock_watch *w, unsigned n, int64_t skew_ms, uint64_t boot_ms)
{
    for (unsigned i = 0; i < n; i++)
        clock_watch_add(w, NOW, NOW - (uint64_t)skew_ms, boot_ms);
}

Test(clock_watch, judges_by_the_median, .timeout = 5)
{
    static const struct {
        int64_t skew_ms;
        enum clock_state state;
    } cases[] = {
        { 0, CLOCK_FINE }, { 1000, CLOCK_FINE }, { -1000, CLOCK_FINE }, { 1001, CLOCK_OFF }, { -1001, CLOCK_OFF },
        { 5000, CLOCK_OFF }, { 5001, CLOCK_WRONG }, { -5001, CLOCK_WRONG },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct clock_watch w;
        clock_watch_init(&w);
        feed(&w, CLOCK_WATCH_LEAST, cases[i].skew_ms, 0);
        cr_assert_eq(clock_watch_judge(&w, 0), cases[i].state, "%lld", (long long)cases[i].skew_ms);
        cr_assert_eq(clock_watch_median_ms(&w), cases[i].skew_ms);
    }
}

Test(clock_watch, is_not_moved_by_less_than_half, .timeout = 5)
{
    struct clock_watch w;

    clock_watch_init(&w);
    feed(&w, 16, 3, 0);
    feed(&w, 7, 9 * INT64_C(86400000), 0);
    feed(&w, 8, INT64_C(-86400000), 0);
    cr_assert_eq(clock_watch_median_ms(&w), 3);
    cr_assert_eq(clock_watch_judge(&w, 0), CLOCK_FINE);
}

Test(clock_watch, bears_any_time_a_peer_may_write, .timeout = 5)
{
    static const uint64_t written[] = { 0, 1, NOW, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX };

    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        struct clock_watch w;
        clock_watch_init(&w);
        for (unsigned k = 0; k < 40; k++)
            clock_watch_add(&w, NOW, written[i], 0);
        cr_assert_eq(clock_watch_judge(&w, 0), written[i] == NOW ? CLOCK_FINE : CLOCK_WRONG);
    }
}

Test(clock_watch, says_nothing_of_who_says_nothing, .timeout = 5)
{
    struct clock_watch w;

    clock_watch_init(&w);
    cr_assert_eq(clock_watch_judge(&w, 0), CLOCK_FINE);
    feed(&w, CLOCK_WATCH_LEAST - 1, 9999, 1000);
    cr_assert_eq(clock_watch_judge(&w, 1000), CLOCK_FINE);
    feed(&w, 1, 9999, 1000);
    cr_assert_eq(clock_watch_judge(&w, 1000 + CLOCK_WATCH_KEPT_MS), CLOCK_WRONG);
    cr_assert_eq(clock_watch_judge(&w, 1001 + CLOCK_WATCH_KEPT_MS), CLOCK_FINE);
}
