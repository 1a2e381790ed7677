#include "producers.h"

#include <criterion/criterion.h>

TestSuite(producers, .timeout = 30);

static const uint8_t SEED[16];
static struct producers *ps;

static void up(void)
{
    cr_assert_eq(producers_new(SEED, &ps), RESULT_OK);
}

static void down(void)
{
    producers_free(ps);
}

/* That source's instance `number` has sent an event numbered n. */
static enum gaps_said see(const char *src, uint32_t number, uint64_t n, uint64_t now_ms)
{
    uint8_t instance[PRODUCER_INSTANCE_LEN] = { 0 };
    struct producer *p;

    bytes_put_u32(instance, number);
    cr_assert_eq(producers_get(ps, text_of(src), instance, now_ms, &p), RESULT_OK);
    producers_changed(ps, p);
    return gaps_see(&p->gaps, n, now_ms);
}

Test(producers, who_invents_instances_makes_nobody_else_forgotten, .init = up, .fini = down)
{
    struct producer *p;
    uint64_t n, count;

    see("auth", 1, 0, 1000);
    see("auth", 1, 2, 1000);
    for (uint32_t i = 0; i < 2 * PRODUCERS_MAX; i++) {
        see("backend", i, 0, 2000 + i);
        (void)producers_take_changed(ps);
    }
    cr_expect_eq(producers_count(ps), PRODUCERS_EACH + 1);
    cr_expect_eq(see("auth", 1, 0, 9000), GAPS_REPEATED);
    cr_assert(producers_due(ps, 1000 + GAPS_STAY_MS, &p, &n, &count));
    cr_expect(strcmp(p->src, "auth") == 0 && n == 1 && count == 1);
}

Test(producers, of_a_source_the_one_that_was_silent_for_longest_is_forgotten, .init = up, .fini = down)
{
    for (uint32_t i = 0; i < PRODUCERS_EACH; i++)
        see("backend", i, 0, 1000 + i);
    (void)producers_take_changed(ps);
    see("backend", 0, 1, 5000);
    (void)producers_take_changed(ps);
    see("backend", PRODUCERS_EACH, 0, 6000);
    cr_expect_eq(producers_count(ps), PRODUCERS_EACH);
    cr_expect_eq(see("backend", 0, 0, 6001), GAPS_REPEATED);
    cr_expect_eq(see("backend", 1, 0, 6002), GAPS_NEW, "it begins anew");
}

Test(producers, what_is_yet_to_be_stored_is_not_forgotten, .init = up, .fini = down)
{
    static const uint8_t LAST[PRODUCER_INSTANCE_LEN] = { 0xff };
    struct producer *p;

    see("auth", 1, 0, 500);
    for (uint32_t i = 0; i < PRODUCERS_EACH; i++)
        see("backend", i, 0, 1000 + i);
    cr_expect_eq(producers_get(ps, TEXT("backend"), LAST, 9000, &p), RESULT_FULL);
    cr_expect_eq(see("auth", 2, 0, 9000), GAPS_NEW);
    (void)producers_take_changed(ps);
    cr_expect_eq(producers_get(ps, TEXT("backend"), LAST, 9000, &p), RESULT_OK);
    cr_expect_eq(producers_count(ps), PRODUCERS_EACH + 2);
}
