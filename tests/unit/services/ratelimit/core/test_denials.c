#include "denials.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const uint8_t SEED[16] = "0123456789abcde";
static const struct policy POLICY = { .name = "lessons-free", .scope = SCOPE_USER };
static const struct subject WHO = { .user = TEXT("u1"), .endpoint = TEXT("lessons.create") };

struct told {
    unsigned start, running, end;
    uint64_t sum;
    char user[80], endpoint[80], tier[40];
};

static void tell(void *cookie, const struct episode *e, enum episode_phase phase)
{
    struct told *t = cookie;

    *(phase == EPISODE_START ? &t->start : phase == EPISODE_RUNNING ? &t->running : &t->end) += 1;
    t->sum += e->count;
    snprintf(t->user, sizeof(t->user), "%s", e->user);
    snprintf(t->endpoint, sizeof(t->endpoint), "%s", e->endpoint);
    snprintf(t->tier, sizeof(t->tier), "%s", e->tier);
}

static struct denials *fresh(size_t limit, struct told *t)
{
    struct denials *d;

    *t = (struct told){ 0 };
    cr_assert_eq(denials_new(limit, SEED, tell, t, &d), RESULT_OK);
    return d;
}

static enum result deny(struct denials *d, uint8_t account, uint64_t now_ms)
{
    return denials_add(d, &POLICY, &WHO, TEXT("free"), (const uint8_t[POLICY_ACCOUNT_LEN]){ account }, now_ms);
}

Test(denials, are_one_episode_told_at_its_start_each_minute_and_at_its_end, .timeout = 5)
{
    struct told t;
    struct denials *d = fresh(10, &t);
    uint64_t now = 1000000;

    for (unsigned i = 0; i < 20; i++)
        cr_expect_eq(deny(d, 1, now), RESULT_OK);
    cr_expect(t.start == 1 && t.sum == 1, "only its start is told at once");
    cr_expect_str_eq(t.user, "u1");
    cr_expect_str_eq(t.endpoint, "lessons.create");
    cr_expect_str_eq(t.tier, "free");
    for (unsigned second = 1; second <= 150; second++) {
        denials_tick(d, now + second * 1000);
        cr_expect_eq(deny(d, 1, now + second * 1000), RESULT_OK);
    }
    cr_expect(t.start == 1 && t.running == 2 && t.end == 0, "%u %u %u", t.start, t.running, t.end);
    denials_tick(d, now + 150000 + EPISODE_MS - 1);
    cr_expect_eq(t.end, 0);
    denials_tick(d, now + 150000 + EPISODE_MS);
    cr_expect_eq(t.end, 1);
    cr_expect_eq(t.sum, 170, "what is told adds up to the denials: %lu", t.sum);
    cr_expect_eq(denials_count(d), 0);
    cr_expect_eq(deny(d, 1, now + 300000), RESULT_OK);
    cr_expect_eq(t.start, 2, "a new one");
    denials_free(d);
}

Test(denials, a_clock_that_goes_back_ends_no_episode, .timeout = 5)
{
    struct told t;
    struct denials *d = fresh(10, &t);

    cr_expect_eq(deny(d, 1, 1000000), RESULT_OK);
    denials_tick(d, 900000);
    cr_expect(t.running == 0 && t.end == 0);
    denials_free(d);
}

Test(denials, are_bounded_and_what_is_not_told_is_said, .timeout = 5)
{
    struct told t;
    struct denials *d = fresh(3, &t);

    for (uint8_t i = 0; i < 3; i++)
        cr_expect_eq(deny(d, i, 1000), RESULT_OK);
    cr_expect_eq(deny(d, 3, 1000), RESULT_FULL);
    cr_expect_eq(deny(d, 2, 1000), RESULT_OK, "one that has its place");
    cr_expect_eq(t.start, 3);
    denials_flush(d);
    cr_expect(t.running == 1 && t.sum == 4, "only what was not told yet");
    denials_free(d);
}
