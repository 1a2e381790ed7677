#include "log_limit.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SECOND UINT64_C(1000000000)

static unsigned passed(struct log_limit *l, const char *event, unsigned times, uint64_t now)
{
    unsigned n = 0;

    for (unsigned i = 0; i < times; i++)
        n += log_limit_passes(l, event, now);
    return n;
}

Test(log_limit, passes_twenty_a_second_of_each_event, .timeout = 5)
{
    static struct log_limit l;
    const char *event;
    uint64_t count, now = 100 * SECOND;

    cr_assert_eq(passed(&l, "a", 1000, now), 20);
    cr_assert_eq(passed(&l, "b", 1000, now), 20);
    cr_assert_eq(passed(&l, "a", 10, now + SECOND - 1), 0);
    cr_assert(!log_limit_over(&l, now + SECOND - 1, &event, &count));
}

Test(log_limit, hands_out_what_was_suppressed_once, .timeout = 5)
{
    static struct log_limit l;
    const char *event;
    uint64_t count, now = 100 * SECOND;

    passed(&l, "a", 25, now);
    passed(&l, "b", 20, now);
    cr_assert(log_limit_over(&l, now + SECOND, &event, &count));
    cr_assert_str_eq(event, "a");
    cr_assert_eq(count, 5);
    cr_assert(!log_limit_over(&l, now + SECOND, &event, &count));
    cr_assert_eq(passed(&l, "a", 1000, now + SECOND), 20);
}

Test(log_limit, begins_anew_when_a_second_was_quiet_enough, .timeout = 5)
{
    static struct log_limit l;
    uint64_t now = 100 * SECOND;

    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(passed(&l, "a", 20, now + i * SECOND), 20);
}

Test(log_limit, knows_an_event_by_its_text, .timeout = 5)
{
    static struct log_limit l;
    char one[] = "same", other[] = "same";

    cr_assert_eq(passed(&l, one, 15, SECOND), 15);
    cr_assert_eq(passed(&l, other, 15, SECOND), 5);
}

Test(log_limit, stays_bounded_when_its_table_is_full, .timeout = 5)
{
    static struct log_limit l;
    static char names[LOG_LIMIT_ROWS + 100][8];
    unsigned n = 0;

    for (unsigned i = 0; i < LOG_LIMIT_ROWS + 100; i++) {
        snprintf(names[i], sizeof(names[i]), "e%u", i);
        n += passed(&l, names[i], 1, SECOND);
    }
    cr_assert_leq(n, LOG_LIMIT_ROWS + LOG_LIMIT_PER_SECOND);
    cr_assert_geq(n, LOG_LIMIT_ROWS);
}
