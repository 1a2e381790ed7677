#include "attempts.h"

#include <criterion/criterion.h>

TestSuite(attempts, .timeout = 10);

#define T0 UINT64_C(1700000000000)
#define MINUTE UINT64_C(60000)

/* What is done at a moment (minutes from T0), and for how long the door is closed after it. */
static const struct {
    double at;
    bool right;
    double closed;
} DAYS[][12] = {
    /* Five in 15 minutes, then twice as long each. */
    { { 0, false, 0 }, { 1, false, 0 }, { 2, false, 0 }, { 3, false, 0 }, { 4, false, 0.5 }, { 5, false, 1 }, { 6, false, 2 }, { 8, false, 4 } },
    /* The first is 15 minutes ago: four remain. */
    { { 0, false, 0 }, { 1, false, 0 }, { 2, false, 0 }, { 3, false, 0 }, { 15, false, 0 }, { 15.9, false, 0.5 } },
    /* Never five in 15 minutes. */
    { { 0, false, 0 }, { 4, false, 0 }, { 8, false, 0 }, { 12, false, 0 }, { 16, false, 0 }, { 20, false, 0 }, { 24, false, 0 } },
    /* Once it has closed, patience does not make the next one cheaper. */
    { { 0, false, 0 }, { 0, false, 0 }, { 0, false, 0 }, { 0, false, 0 }, { 0, false, 0.5 }, { 1440, false, 1 }, { 2880, false, 2 } },
    /* A right one ends the row; those of the last 15 minutes still count. */
    { { 0, false, 0 }, { 0, false, 0 }, { 0, false, 0 }, { 0, false, 0 }, { 0, false, 0.5 }, { 1, true, 0 }, { 2, false, 0.5 }, { 3, true, 0 },
      { 30, false, 0 }, { 31, false, 0 } },
    { { 0, false, 0 }, { 0, false, 0 }, { 0, false, 0 }, { 0, false, 0 }, { 1, true, 0 }, { 2, false, 0.5 } },
};

Test(attempts, five_in_a_quarter_of_an_hour_close_the_door_and_more_close_it_longer)
{
    for (size_t i = 0; i < sizeof(DAYS) / sizeof(DAYS[0]); i++) {
        struct attempts a = { .in_a_row = 0 };

        for (size_t n = 0; n < 12 && (n == 0 || DAYS[i][n].at > 0 || DAYS[i][n].closed > 0 || n < 4); n++) {
            uint64_t now = T0 + (uint64_t)(DAYS[i][n].at * 60000);

            if (DAYS[i][n].right)
                attempts_right(&a);
            else
                attempts_wrong(&a, now);
            cr_expect_eq(attempts_closed_ms(&a, now), (uint64_t)(DAYS[i][n].closed * 60000), "day %zu, %zu: %lu", i, n,
                         (unsigned long)attempts_closed_ms(&a, now));
        }
    }
}

Test(attempts, the_door_opens_at_its_millisecond)
{
    struct attempts a = { .in_a_row = 0 };

    for (unsigned i = 0; i < ATTEMPTS_FREE; i++)
        attempts_wrong(&a, T0);
    cr_expect_eq(attempts_closed_ms(&a, T0 + 29999), 1);
    cr_expect_eq(attempts_closed_ms(&a, T0 + 30000), 0);
}

Test(attempts, an_hour_is_the_longest_and_a_hundred_in_a_row_are_the_end)
{
    struct attempts a = { .in_a_row = 0 };
    uint64_t now = T0;

    for (unsigned i = 1; i < ATTEMPTS_LOCKED; i++) {
        attempts_wrong(&a, now);
        cr_expect_leq(attempts_closed_ms(&a, now), ATTEMPTS_CLOSED_MAX_MS);
        cr_expect_not(attempts_locked(&a), "%u", i);
        now += attempts_closed_ms(&a, now);
    }
    cr_expect_eq(a.closed_until_ms, now, "the last one: an hour, passed");
    attempts_wrong(&a, now);
    cr_expect(attempts_locked(&a));
    cr_expect_eq(attempts_closed_ms(&a, now), ATTEMPTS_CLOSED_MAX_MS);
}

Test(attempts, a_right_one_begins_the_row_anew)
{
    struct attempts a = { .in_a_row = 0 };

    for (unsigned i = 0; i < 2 * ATTEMPTS_LOCKED; i++) {
        attempts_wrong(&a, T0 + i * 60 * MINUTE);
        if (i % (ATTEMPTS_LOCKED - 1) == 0)
            attempts_right(&a);
        cr_expect_not(attempts_locked(&a));
    }
}

Test(attempts, are_kept_as_they_are)
{
    struct attempts a = { .in_a_row = 0 }, b;
    uint8_t out[ATTEMPTS_ENCODED];

    for (unsigned i = 0; i < 7; i++)
        attempts_wrong(&a, T0 + i * MINUTE);
    attempts_encode(&a, out);
    cr_expect_eq(attempts_decode((struct bytes){ out, sizeof(out) }, &b), RESULT_OK);
    cr_expect_eq(memcmp(&a, &b, sizeof(a)), 0);
    cr_expect_eq(attempts_decode((struct bytes){ out, sizeof(out) - 1 }, &b), RESULT_MALFORMED);
    cr_expect_eq(attempts_decode((struct bytes){ NULL, 0 }, &b), RESULT_OK);
    cr_expect_eq(attempts_closed_ms(&b, T0) + b.in_a_row, 0);
}
