#include "decide.h"

#include "judgement.h"

#include <criterion/criterion.h>

#define SECOND UINT64_C(1000000)
#define NOW (UINT64_C(1700000000) * SECOND)

static struct claim claim(enum algorithm algorithm, uint64_t limit, uint64_t cost, bool shadow)
{
    const struct term t = {
        .algorithm = algorithm, .limit = limit, .burst = limit, .window_us = 60 * SECOND, .cost = cost, .shadow = shadow,
    };

    return term_claim(&t, limit);
}

struct two {
    union account first, second;
    union account *all[2];
};

static struct two *fresh(struct two *t)
{
    *t = (struct two){ 0 };
    t->all[0] = &t->first;
    t->all[1] = &t->second;
    return t;
}

static bool run(struct two *t, const struct claim claims[2], bool peek, struct ruling rulings[2])
{
    bool allowed;

    cr_assert_eq(decide(claims, 2, peek, NOW, t->all, rulings, &allowed), RESULT_OK);
    return allowed;
}

static void end(struct two *t, enum algorithm first, enum algorithm second)
{
    if (first == ALGORITHM_ROLLING)
        rolling_free(&t->first.rolling);
    if (second == ALGORITHM_ROLLING)
        rolling_free(&t->second.rolling);
}

Test(decide, charges_all_enforcing_claims_or_none, .timeout = 5)
{
    for (enum algorithm a = ALGORITHM_ROLLING; a <= ALGORITHM_FIXED; a++)
        for (enum algorithm b = ALGORITHM_ROLLING; b <= ALGORITHM_FIXED; b++) {
            struct claim claims[2] = { claim(a, 10, 3, false), claim(b, 4, 3, false) };
            struct ruling r[2];
            struct two t;

            cr_expect(run(fresh(&t), claims, false, r));
            cr_expect(r[0].charged && r[1].charged);
            cr_expect_eq(claim_remaining(&claims[0], &r[0]), 7);
            cr_expect_not(run(&t, claims, false, r), "the second has 1 left");
            cr_expect(r[0].allowed && !r[0].charged && !r[1].allowed && !r[1].charged && r[1].wait_us > 0);
            cr_expect_eq(claim_remaining(&claims[0], &r[0]), 7, "and so the first is not charged");
            end(&t, a, b);
        }
}

Test(decide, a_shadow_claim_changes_no_verdict_and_is_charged_only_when_both_allow, .timeout = 5)
{
    struct claim claims[2] = { claim(ALGORITHM_FIXED, 10, 3, false), claim(ALGORITHM_GCRA, 4, 3, true) };
    struct ruling r[2];
    struct two t;

    cr_expect(run(fresh(&t), claims, false, r) && r[1].charged);
    cr_expect(run(&t, claims, false, r) && !r[1].allowed && !r[1].charged && r[0].charged, "it denies, and is not heard");
    claims[0].cost = 9;
    claims[1].cost = 1;
    cr_expect_not(run(&t, claims, false, r));
    cr_expect(r[1].allowed && !r[1].charged, "the check was denied");
}

Test(decide, a_peek_and_the_cost_0_charge_nothing, .timeout = 5)
{
    for (enum algorithm a = ALGORITHM_ROLLING; a <= ALGORITHM_FIXED; a++) {
        struct claim claims[2] = { claim(a, 5, 5, false), claim(ALGORITHM_FIXED, 5, 5, false) };
        struct ruling r[2];
        struct two t;

        cr_expect(run(fresh(&t), claims, true, r) && !r[0].charged);
        cr_expect(run(&t, claims, false, r) && r[0].charged);
        claims[0].cost = claims[1].cost = 0;
        cr_expect(run(&t, claims, false, r) && !r[0].charged, "used up is not overdrawn");
        cr_expect_eq(claim_remaining(&claims[0], &r[0]), 0);
        claims[0].limit = claims[0].burst = 4;          /* a lowered tier */
        cr_expect_not(run(&t, claims, false, r), "overdrawn denies even nothing");
        cr_expect_eq(claim_remaining(&claims[0], &r[0]), 0);
        end(&t, a, ALGORITHM_FIXED);
    }
}

Test(decide, more_than_the_capacity_is_denied_for_good_whatever_the_number, .timeout = 5)
{
    static const uint64_t COSTS[] = { 31, 1000, UINT64_C(1) << 32, (UINT64_C(1) << 53) + 1, UINT64_MAX };

    for (size_t i = 0; i < sizeof(COSTS) / sizeof(COSTS[0]); i++)
        for (enum algorithm a = ALGORITHM_ROLLING; a <= ALGORITHM_FIXED; a++) {
            const struct term term = { .algorithm = a, .limit = 30, .burst = 30, .window_us = SECOND, .cost = COSTS[i] };
            const struct claim c = term_claim(&term, 30);
            union account account = { 0 };
            union account *one[] = { &account };
            struct judgement j;
            struct ruling r;
            bool allowed;

            cr_assert_eq(decide(&c, 1, false, NOW, one, &r, &allowed), RESULT_OK);
            cr_expect_not(allowed);
            judgement_start(&j);
            judgement_add(&j, &term, &r);
            cr_expect(!j.allowed && j.retry_ms == RETRY_NEVER_MS && j.rows[0].remaining == 30 && j.rows[0].reset_ms == 0);
        }
}

Test(decide, fixed_windows_begin_at_multiples_of_their_length, .timeout = 5)
{
    struct claim c = claim(ALGORITHM_FIXED, 2, 2, false);
    union account account = { 0 };
    union account *one[] = { &account };
    uint64_t start = NOW - NOW % c.window_us;
    struct ruling r;
    bool allowed;

    cr_assert_eq(decide(&c, 1, false, start + c.window_us - 1, one, &r, &allowed), RESULT_OK);
    cr_expect(allowed && r.rest == 1);
    cr_assert_eq(decide(&c, 1, false, start, one, &r, &allowed), RESULT_OK);
    cr_expect(!allowed && r.at_us == start + c.window_us - 1 && r.wait_us == 1, "time does not run back");
    cr_assert_eq(decide(&c, 1, false, start + c.window_us, one, &r, &allowed), RESULT_OK);
    cr_expect(allowed && r.rest == c.window_us);
}
