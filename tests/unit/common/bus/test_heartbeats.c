#include "heartbeats.h"

#include <criterion/criterion.h>

#define MS UINT64_C(1000000)
#define START (5000 * MS)

static struct uuid beat(uint8_t n)
{
    return (struct uuid){ { n } };
}

Test(heartbeats, nothing_is_fresh_before_one_has_come_back, .timeout = 5)
{
    struct heartbeats h = { 0 };
    struct uuid one = beat(1), none = beat(0);

    cr_expect_not(heartbeats_fresh(&h, START));
    cr_expect_eq(heartbeats_age(&h, START), UINT64_MAX);
    heartbeats_made(&h, &one, START);
    cr_expect_not(heartbeats_fresh(&h, START));
    cr_expect_not(heartbeats_read(&h, &none), "an empty place of the ring is nobody's heartbeat");
    cr_expect_not(heartbeats_fresh(&h, START));
    cr_expect(heartbeats_read(&h, &one));
    cr_expect(heartbeats_fresh(&h, START));
}

Test(heartbeats, freshness_counts_from_the_making_not_from_the_reading, .timeout = 5)
{
    static const struct {
        uint64_t read_ms, asked_ms;
        bool fresh;
    } CASES[] = {
        { 12, 12, true },       { 12, 1000, true },     { 12, 1001, false },
        { 999, 1000, true },    { 999, 1001, false },
        { 1001, 1001, false },  { 15000, 15000, false },        /* stopped in between: it waited in a queue */
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct heartbeats h = { 0 };
        struct uuid one = beat(1);
        heartbeats_made(&h, &one, START);
        heartbeats_read(&h, &one);
        cr_expect_eq(heartbeats_fresh(&h, START + CASES[i].asked_ms * MS), CASES[i].fresh, "case %zu", i);
    }
}

Test(heartbeats, an_older_one_that_comes_later_takes_nothing_back, .timeout = 5)
{
    struct heartbeats h = { 0 };
    struct uuid one = beat(1), two = beat(2);

    heartbeats_made(&h, &one, START);
    heartbeats_made(&h, &two, START + 500 * MS);
    cr_expect(heartbeats_read(&h, &two));
    cr_expect(heartbeats_read(&h, &one));
    cr_expect_eq(heartbeats_age(&h, START + 600 * MS), 100 * MS);
}

Test(heartbeats, others_and_those_long_gone_count_for_nothing, .timeout = 5)
{
    struct heartbeats h = { 0 };
    struct uuid first = beat(1), stranger = beat(200);

    for (uint8_t n = 1; n <= HEARTBEATS_KEPT + 1; n++) {
        struct uuid id = beat(n);
        heartbeats_made(&h, &id, START + n * 500 * MS);
    }
    cr_expect_not(heartbeats_read(&h, &stranger));
    cr_expect_not(heartbeats_read(&h, &first), "its place has been given to another");
    cr_expect_not(heartbeats_fresh(&h, START + 5000 * MS));
    struct uuid last = beat(HEARTBEATS_KEPT + 1);
    cr_expect(heartbeats_read(&h, &last));
    cr_expect(heartbeats_fresh(&h, START + (HEARTBEATS_KEPT + 1) * 500 * MS));
}
