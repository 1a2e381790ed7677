#include "revoked.h"

#include <criterion/criterion.h>

#define SECOND UINT64_C(1000000000)

static const uint8_t SEED[16] = { 1 };
static const uint8_t A[REVOKED_KEY_LEN] = { 'a' }, B[REVOKED_KEY_LEN] = { 'b' };

static struct revoked *begin(size_t limit)
{
    struct revoked *r;

    cr_assert(!revoked_new(limit, SEED, &r));
    revoked_missed(r, 10 * SECOND);
    return r;
}

Test(revoked, a_reading_that_began_before_is_overtaken_and_one_that_began_after_is_not, .timeout = 5)
{
    struct revoked *r = begin(8);

    revoked_add(r, A, 20 * SECOND);
    cr_expect(revoked_since(r, A, 20 * SECOND - 1));
    cr_expect(revoked_since(r, A, 20 * SECOND), "the same instant: nobody knows which was first");
    cr_expect_not(revoked_since(r, A, 20 * SECOND + 1));
    cr_expect_not(revoked_since(r, B, 0));
    revoked_add(r, A, 30 * SECOND);
    cr_expect(revoked_since(r, A, 25 * SECOND), "the newest counts");
    cr_expect_not(revoked_unknown(r, 11 * SECOND));
    revoked_free(r);
}

Test(revoked, before_the_topic_is_read_nothing_is_known, .timeout = 5)
{
    struct revoked *r;

    cr_assert(!revoked_new(8, SEED, &r));
    cr_expect(revoked_unknown(r, UINT64_MAX - 1));
    revoked_add(r, A, 5 * SECOND);
    cr_expect(revoked_unknown(r, 6 * SECOND));
    revoked_missed(r, 7 * SECOND);
    cr_expect(revoked_unknown(r, 7 * SECOND));
    cr_expect_not(revoked_unknown(r, 7 * SECOND + 1));
    revoked_free(r);
}

Test(revoked, what_goes_for_want_of_room_is_still_disbelieved, .timeout = 5)
{
    struct revoked *r = begin(2);

    revoked_add(r, A, 20 * SECOND);
    revoked_add(r, B, 21 * SECOND);
    revoked_add(r, B, 22 * SECOND);
    cr_expect_eq(revoked_count(r), 2);
    cr_expect_not(revoked_since(r, A, 19 * SECOND), "its name is gone");
    cr_expect(revoked_unknown(r, 20 * SECOND), "and so all names are suspect until then");
    cr_expect_not(revoked_unknown(r, 20 * SECOND + 1));
    revoked_add(r, A, 23 * SECOND);
    cr_expect(revoked_since(r, B, 22 * SECOND), "the older place of B went, the newer stands");
    revoked_free(r);
}

Test(revoked, two_minutes_later_it_is_forgotten, .timeout = 5)
{
    struct revoked *r = begin(8);

    revoked_add(r, A, 20 * SECOND);
    revoked_add(r, B, 20 * SECOND + REVOKED_KEPT_NS);
    cr_expect(revoked_since(r, A, 20 * SECOND));
    revoked_add(r, B, 20 * SECOND + REVOKED_KEPT_NS + 1);
    cr_expect_not(revoked_since(r, A, 20 * SECOND));
    cr_expect(revoked_unknown(r, 20 * SECOND));
    cr_expect_eq(revoked_count(r), 2);
    revoked_free(r);
}

Test(revoked, it_takes_no_more_room_however_many_come, .timeout = 10)
{
    struct revoked *r = begin(64);

    for (uint32_t i = 0; i < 10000; i++) {
        uint8_t key[REVOKED_KEY_LEN] = { (uint8_t)i, (uint8_t)(i >> 8) };
        uint64_t now = (20 + i) * SECOND;
        revoked_add(r, key, now);
        cr_assert(revoked_since(r, key, now) && !revoked_since(r, key, now + 1));
        cr_assert_leq(revoked_count(r), 64);
    }
    revoked_free(r);
}
