#include "gaps.h"

#include <criterion/criterion.h>

static void see_all(struct gaps *g, const uint64_t *n, size_t count, uint64_t now_ms)
{
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(gaps_see(g, n[i], now_ms), GAPS_NEW, "number %llu", (unsigned long long)n[i]);
}

Test(gaps, numbers_in_any_order_leave_no_hole, .timeout = 5)
{
    struct gaps g = { 0 };
    uint64_t n;

    see_all(&g, (const uint64_t[]){ 3, 0, 7, 5, 1, 2, 6, 4 }, 8, 0);
    cr_assert(g.count == 0 && g.next == 8);
    cr_assert_not(gaps_due(&g, 1000000, &n));
}

Test(gaps, a_hole_is_told_once_after_60_seconds, .timeout = 5)
{
    struct gaps g = { 0 };
    uint64_t n;

    see_all(&g, (const uint64_t[]){ 0, 1, 4 }, 3, 1000);
    cr_assert_eq(gaps_next_due_ms(&g), 61000);
    cr_assert_not(gaps_due(&g, 60999, &n));
    cr_assert(gaps_due(&g, 61000, &n) && n == 2);
    cr_assert_not(gaps_due(&g, 99000, &n));
    cr_assert_eq(gaps_next_due_ms(&g), UINT64_MAX);
    cr_assert_eq(gaps_see(&g, 2, 99000), GAPS_NEW, "late, not repeated");
    cr_assert_eq(gaps_see(&g, 2, 99000), GAPS_REPEATED);
    cr_assert_eq(gaps_see(&g, 4, 99000), GAPS_REPEATED);
}

Test(gaps, a_beginning_that_never_came_is_a_hole, .timeout = 5)
{
    struct gaps g = { 0 };
    uint64_t n;

    see_all(&g, (const uint64_t[]){ 2 }, 1, 0);
    cr_assert(gaps_due(&g, GAPS_STAY_MS, &n) && n == 0);
}

Test(gaps, a_number_in_the_middle_divides_a_hole, .timeout = 5)
{
    struct gaps g = { 0 };
    uint64_t n;

    see_all(&g, (const uint64_t[]){ 0, 10, 5 }, 3, 0);
    cr_assert_eq(g.count, 2);
    cr_assert(gaps_due(&g, GAPS_STAY_MS, &n) && n == 1);
    cr_assert(gaps_due(&g, GAPS_STAY_MS, &n) && n == 6);
    cr_assert_not(gaps_due(&g, GAPS_STAY_MS, &n));
}

Test(gaps, holes_beyond_the_bound_are_given_up_and_told, .timeout = 5)
{
    struct gaps g = { 0 };
    uint64_t n;

    for (uint64_t i = 0; i < 2 * GAPS_HOLES; i++)
        cr_assert_eq(gaps_see(&g, 2 * i + 1, 0), GAPS_NEW);
    cr_assert_eq(g.count, GAPS_HOLES);
    cr_assert(gaps_due(&g, 0, &n) && n == 0, "the oldest, at once");
    cr_assert_not(gaps_due(&g, 0, &n));
}

Test(gaps, what_is_stored_is_what_was_known, .timeout = 5)
{
    struct gaps g = { 0 }, again;
    struct buffer saved;
    uint64_t n;

    see_all(&g, (const uint64_t[]){ 0, 4, 9, UINT64_MAX - 1 }, 4, 5);
    cr_assert(gaps_due(&g, GAPS_STAY_MS + 5, &n));
    buffer_init(&saved, 4096);
    cr_assert_eq(gaps_save(&g, &saved), RESULT_OK);
    cr_assert_eq(gaps_load(buffer_bytes(&saved), &again), RESULT_OK);
    cr_assert(again.next == g.next && again.count == g.count && again.holes[0].told && !again.holes[1].told);
    for (size_t len = 0; len < saved.len; len++)
        if (len < 24 || (len - 24) % 32)
            cr_assert_eq(gaps_load((struct bytes){ saved.data, len }, &again), RESULT_MALFORMED);
    bytes_put_u64(saved.data, 3);               /* below its own holes */
    cr_assert_eq(gaps_load(buffer_bytes(&saved), &again), RESULT_MALFORMED);
    buffer_free(&saved);
}
