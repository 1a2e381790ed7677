#include "decrypts.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define T0 UINT64_C(1700000000000)

static struct {
    char src[40], owner[80];
    uint64_t since_ms, count;
} told[8];
static size_t told_count;
static struct decrypts *d;

static void tell(void *cookie, const struct decrypts_count *c)
{
    (void)cookie;
    cr_assert_lt(told_count, 8);
    snprintf(told[told_count].src, sizeof(told[0].src), "%.*s", TEXT_ARG(c->src));
    snprintf(told[told_count].owner, sizeof(told[0].owner), "%.*s", c->owner.data ? (int)c->owner.len : 1, c->owner.data ? c->owner.data : "-");
    told[told_count].since_ms = c->since_ms;
    told[told_count++].count = c->count;
}

static void setup(void)
{
    static const uint8_t SEED[16] = { 1 };

    told_count = 0;
    cr_assert_eq(decrypts_new(2, SEED, tell, NULL, &d), RESULT_OK);
}

static void teardown(void)
{
    decrypts_free(d);
}

TestSuite(decrypts, .init = setup, .fini = teardown, .timeout = 10);

Test(decrypts, a_minute_is_one_event_with_its_count)
{
    decrypts_add(d, TEXT("backend"), TEXT("u-1"), 2, T0);
    decrypts_add(d, TEXT("backend"), TEXT("u-1"), 3, T0 + DECRYPTS_MS - 1);
    decrypts_tick(d, T0 + DECRYPTS_MS - 1);
    cr_assert_eq(told_count, 0);
    decrypts_tick(d, T0 + DECRYPTS_MS);
    cr_assert_eq(told_count, 1);
    cr_expect_str_eq(told[0].src, "backend");
    cr_expect_str_eq(told[0].owner, "u-1");
    cr_expect(told[0].count == 5 && told[0].since_ms == T0);
    decrypts_tick(d, T0 + 2 * DECRYPTS_MS);
    cr_expect_eq(told_count, 1);
}

Test(decrypts, nobodys_and_each_owners_are_apart)
{
    decrypts_add(d, TEXT("backend"), (struct text){ NULL, 0 }, 1, T0);
    decrypts_add(d, TEXT("backend"), TEXT("u-1"), 1, T0);
    decrypts_tick(d, T0 + DECRYPTS_MS);
    cr_expect_eq(told_count, 2);
}

Test(decrypts, beyond_the_bound_each_is_told_at_once)
{
    decrypts_add(d, TEXT("a"), TEXT("1"), 1, T0);
    decrypts_add(d, TEXT("a"), TEXT("2"), 1, T0);
    decrypts_add(d, TEXT("a"), TEXT("3"), 7, T0);
    cr_assert_eq(told_count, 1);
    cr_expect_eq(told[0].count, 7);
    cr_expect_eq(decrypts_counted(d), 2);
}

Test(decrypts, draining_tells_of_all_and_holds_nothing_back)
{
    decrypts_add(d, TEXT("a"), TEXT("1"), 1, T0);
    decrypts_drain(d);
    cr_expect_eq(told_count, 1);
    decrypts_add(d, TEXT("a"), TEXT("1"), 4, T0);
    cr_assert_eq(told_count, 2);
    cr_expect_eq(told[1].count, 4);
}

Test(decrypts, a_clock_set_back_keeps_no_minute_open)
{
    decrypts_add(d, TEXT("a"), TEXT("1"), 1, T0);
    decrypts_tick(d, T0 - 1);
    cr_expect_eq(told_count, 1);
}
