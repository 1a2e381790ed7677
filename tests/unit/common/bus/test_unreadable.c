#include "unreadable.h"

#include <criterion/criterion.h>

#define MS UINT64_C(1000000)

static struct unreadable u;
static int64_t to;
static uint64_t skipped;

static bool error_at(int64_t offset, uint64_t ms)
{
    return unreadable_error(&u, offset, ms * MS, &to, &skipped);
}

/* Errors every 100 ms; whether the last of them asked for a seek, and none before. */
static bool errors(int64_t offset, uint64_t from_ms, uint64_t to_ms)
{
    for (uint64_t ms = from_ms; ms < to_ms; ms += 100)
        cr_expect_not(error_at(offset, ms), "at %lu ms", ms);
    return error_at(offset, to_ms);
}

Test(unreadable, after_ten_seconds_it_is_passed_over_in_steps_that_double)
{
    cr_expect(errors(7, 5000, 15000));
    cr_expect(to == 8 && skipped == 1);
    cr_expect(error_at(7, 15100));
    cr_expect(to == 9 && skipped == 1);
    cr_expect(error_at(7, 15200));
    cr_expect(to == 11 && skipped == 2);
    cr_expect(error_at(7, 15300));
    cr_expect(to == 15 && skipped == 4);
}

Test(unreadable, an_error_at_another_offset_begins_anew)
{
    cr_expect_not(errors(7, 5000, 14900));
    cr_expect_not(errors(8, 15000, 24900));
    cr_expect(error_at(8, 25000));
}

Test(unreadable, errors_with_quiet_between_them_are_not_one_that_stays)
{
    cr_expect_not(error_at(7, 5000));
    cr_expect_not(error_at(7, 15000));
    cr_expect_not(error_at(7, 3600000));
    cr_expect_not(errors(7, 3604000, 3613900), "the ten seconds begin with the second burst");
    cr_expect(error_at(7, 3614000));
}

Test(unreadable, steps_stay_within_what_an_offset_can_be)
{
    cr_expect(errors(7, 5000, 15000));
    for (unsigned i = 0; i < 100; i++) {
        cr_expect(error_at(7, 15000 + i));
        cr_expect_gt(to, 7);
    }
}

Test(unreadable, a_refusal_of_the_broker_is_not_of_what_is_stored)
{
    cr_expect_not(unreadable_by(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED));
    cr_expect_not(unreadable_by(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART));
    cr_expect(unreadable_by(RD_KAFKA_RESP_ERR__BAD_COMPRESSION));
    cr_expect(unreadable_by(RD_KAFKA_RESP_ERR_INVALID_MSG));
}
