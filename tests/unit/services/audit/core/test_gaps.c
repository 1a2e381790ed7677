#include "gaps.h"

#include <criterion/criterion.h>

TestSuite(gaps, .timeout = 20);

static struct gaps g;                   /* each test has a process of its own */
static uint64_t n, count;

static void see_all(const uint64_t *numbers, size_t many, uint64_t now_ms)
{
    for (size_t i = 0; i < many; i++)
        cr_assert_eq(gaps_see(&g, numbers[i], now_ms), GAPS_NEW, "number %llu", (unsigned long long)numbers[i]);
}

Test(gaps, numbers_in_any_order_leave_nothing_missing)
{
    see_all((const uint64_t[]){ 3, 0, 7, 5, 1, 2, 6, 4 }, 8, 0);
    cr_assert(g.low == 8 && g.next == 8 && gaps_next_due_ms(&g) == UINT64_MAX);
    cr_assert_not(gaps_due(&g, 1000000, &n, &count));
}

Test(gaps, what_stays_away_is_told_once_after_60_seconds)
{
    see_all((const uint64_t[]){ 0, 1, 4 }, 3, 1000);
    cr_assert_eq(gaps_next_due_ms(&g), 61000);
    cr_assert_not(gaps_due(&g, 60999, &n, &count));
    cr_assert(gaps_due(&g, 61000, &n, &count) && n == 2 && count == 2);
    cr_assert_not(gaps_due(&g, 990000, &n, &count));
    cr_assert_eq(gaps_see(&g, 3, 99000), GAPS_NEW, "late, not repeated");
    cr_assert_eq(gaps_see(&g, 3, 99000), GAPS_REPEATED);
    cr_assert_eq(gaps_see(&g, 2, 99000), GAPS_NEW);
    cr_assert_eq(gaps_see(&g, 4, 99000), GAPS_REPEATED);
}

Test(gaps, a_beginning_that_never_came_is_missing_too)
{
    see_all((const uint64_t[]){ 2 }, 1, 0);
    cr_assert(gaps_due(&g, GAPS_STAY_MS, &n, &count) && n == 0 && count == 2);
}

Test(gaps, each_is_waited_for_60_seconds_however_the_stream_goes_on)
{
    see_all((const uint64_t[]){ 1 }, 1, 0);                     /* 0 is missing since 0 */
    for (uint64_t ms = 100; ms <= 90000; ms += 100)             /* every tenth number from 11 on since its time */
        for (uint64_t k = 2 + (ms / 100 - 1) * 10; k < 2 + ms / 100 * 10; k++)
            if (k % 10)
                cr_assert_eq(gaps_see(&g, k, ms), GAPS_NEW);
    cr_assert(gaps_due(&g, 59999 + 1000, &n, &count) && n == 0, "no more than a second late");
    cr_assert_leq(count, 11, "what is missing for less is still waited for");
    cr_assert_leq(g.low, 2 + 10 * 10 + 10);
}

Test(gaps, thousands_may_be_out_of_order)
{
    /* Twelve partitions of which each is read to its end before the next. */
    for (uint64_t partition = 0; partition < 12; partition++)
        for (uint64_t k = partition; k < 120000; k += 12)
            cr_assert_eq(gaps_see(&g, k, partition * 4000), GAPS_NEW);
    cr_assert(g.low == 120000 && g.next == 120000);
    cr_assert_not(gaps_due(&g, 10000000, &n, &count));
}

Test(gaps, what_falls_out_of_the_window_is_told_at_once)
{
    see_all((const uint64_t[]){ 0, 2 }, 2, 0);
    cr_assert_eq(gaps_see(&g, GAPS_WINDOW + 1, 0), GAPS_NEW);   /* 1 falls out, 3 does not yet */
    cr_assert(gaps_due(&g, 0, &n, &count) && n == 1 && count == 1);
    cr_assert_not(gaps_due(&g, 0, &n, &count));
    cr_assert_eq(g.low, 3);
    cr_assert_eq(gaps_see(&g, UINT64_C(1) << 60, 0), GAPS_NEW, "far ahead of everything");
    cr_assert(gaps_due(&g, 0, &n, &count) && n == 3 && count > GAPS_WINDOW);
    cr_assert_eq(gaps_see(&g, (UINT64_C(1) << 60) - 1, 0), GAPS_NEW);
    cr_assert_eq(gaps_see(&g, GAPS_WINDOW + 1, 0), GAPS_REPEATED);
}

Test(gaps, the_last_number_there_is_cannot_be_used)
{
    cr_assert_eq(gaps_see(&g, UINT64_MAX, 0), GAPS_REPEATED);
    cr_assert_eq(gaps_see(&g, UINT64_MAX - 1, 0), GAPS_NEW);
    cr_assert(gaps_due(&g, 0, &n, &count) && n == 0);
}

Test(gaps, what_is_stored_is_what_was_known)
{
    static struct gaps again;
    struct buffer saved;

    see_all((const uint64_t[]){ 0, 4, 9, 8 }, 4, 5);
    cr_assert(gaps_due(&g, GAPS_STAY_MS + 5, &n, &count) && n == 1 && count == 6);
    see_all((const uint64_t[]){ 70, 100 }, 2, 70000);
    buffer_init(&saved, 65536);
    cr_assert_eq(gaps_save(&g, &saved), RESULT_OK);
    cr_assert_lt(saved.len, 300);
    cr_assert_eq(gaps_load(buffer_bytes(&saved), &again), RESULT_OK);
    g = again;
    cr_assert(g.low == 10 && g.next == 101 && gaps_next_due_ms(&g) == 70000 + GAPS_STAY_MS);
    cr_assert_eq(gaps_see(&g, 70, 0), GAPS_REPEATED);
    cr_assert_eq(gaps_see(&g, 3, 0), GAPS_NEW, "lost and late");
    cr_assert(gaps_due(&g, 70000 + GAPS_STAY_MS, &n, &count) && n == 10 && count == 89);
    for (size_t len = 0; len < saved.len; len++)
        cr_assert_eq(gaps_load((struct bytes){ saved.data, len }, &again), RESULT_MALFORMED, "cut at %zu", len);
    bytes_put_u64(saved.data, 102);                             /* low beyond next */
    cr_assert_eq(gaps_load(buffer_bytes(&saved), &again), RESULT_MALFORMED);
    buffer_free(&saved);
}
