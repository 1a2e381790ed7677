#include "window.h"

#include <criterion/criterion.h>

TestSuite(window, .timeout = 20);

#define SPAN 600000u

static struct window w;                 /* each test has a process of its own */
static uint64_t next_seq;

static struct window_span add(uint64_t time)
{
    size_t at;

    cr_assert_eq(window_add(&w, &(struct hit){ time, next_seq, next_seq }, &at), RESULT_OK);
    cr_assert_eq(w.hits[at].seq, next_seq);
    next_seq++;
    return window_fullest(&w, at, SPAN);
}

Test(window, it_is_closed_at_both_ends)
{
    cr_assert_eq(add(1000).count, 1);
    cr_assert_eq(add(1000 + SPAN).count, 2, "to the millisecond");
    window_free(&w);
    cr_assert_eq(add(1000).count, 1);
    cr_assert_eq(add(1000 + SPAN + 1).count, 1, "one over");
}

Test(window, all_of_one_instant_are_within)
{
    for (size_t i = 1; i <= 20; i++)
        cr_assert_eq(add(5).count, i);
}

Test(window, the_order_of_arrival_changes_nothing)
{
    static const uint64_t TIMES[] = { 50, 10, 40, 0, 30, 20 };
    struct window_span s = { 0, 0 };

    for (size_t i = 0; i < 6; i++)
        s = add(TIMES[i]);
    cr_assert(s.first == 0 && s.count == 6);
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(w.hits[i].time, 10 * i);
}

/* What came late may complete a window before it, around it or after it; each holds it. */
Test(window, the_fullest_window_is_one_that_holds_the_hit)
{
    static const uint64_t EARLY[] = { 0, 1, 2 }, LATE[] = { SPAN + 100, SPAN + 101 };
    struct window_span s;

    for (size_t i = 0; i < 3; i++)
        (void)add(EARLY[i]);
    for (size_t i = 0; i < 2; i++)
        (void)add(LATE[i]);
    s = add(SPAN);
    cr_assert(s.first == 0 && s.count == 4, "0, 1, 2 and it");
    s = add(SPAN + 2);
    cr_assert(s.first == 3 && s.count == 4, "the one before, it and both late ones");
    s = add(2 * SPAN + 101);
    cr_assert(s.first == w.count - 2 && s.count == 2, "the last one and it: nothing of the windows before");
}

Test(window, times_at_the_ends_of_their_range_do_not_wrap)
{
    cr_assert_eq(add(0).count, 1);
    cr_assert_eq(add(UINT64_MAX).count, 1);
    cr_assert_eq(add(UINT64_MAX - SPAN).count, 2);
    cr_assert_eq(add(SPAN).count, 2);
}

Test(window, the_newest_hundred_seqs_are_told_ascending)
{
    uint64_t seqs[WINDOW_SEQS_MAX];
    struct window_span s = { 0, 0 };

    for (uint64_t i = 0; i < 150; i++)
        s = add(1000 - i);              /* the newest stands first */
    cr_assert_eq(window_seqs(&w, s, seqs), 100);
    for (uint64_t i = 0; i < 100; i++)
        cr_assert_eq(seqs[i], 50 + i);
    cr_assert_eq(window_first_seq(&w, s), 0);
}

Test(window, with_no_room_left_what_came_first_goes)
{
    for (uint64_t i = 0; i < WINDOW_HITS_MAX; i++)
        (void)add(WINDOW_HITS_MAX - i);
    cr_assert_eq(add(0).count, WINDOW_HITS_MAX);
    cr_assert_eq(w.count, WINDOW_HITS_MAX);
    for (size_t i = 0; i < w.count; i++)
        cr_assert_neq(w.hits[i].seq, 0);
}

Test(window, what_was_received_too_long_ago_is_forgotten)
{
    for (uint64_t i = 0; i < 10; i++)
        (void)add(100 - i);
    window_forget(&w, 4);
    cr_assert_eq(w.count, 6);
    for (size_t i = 0; i < w.count; i++)
        cr_assert_geq(w.hits[i].received, 4);
    cr_assert(w.hits[0].time == 91 && w.hits[5].time == 96);
}
