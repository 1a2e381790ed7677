#include "reuse.h"

#include <criterion/criterion.h>

#define NOW UINT64_C(1700000000000)

static struct {
    struct reuse reuse;
} told[64];
static size_t told_count;

static void write_down(void *cookie, const struct reuse *r)
{
    (void)cookie;
    cr_assert_lt(told_count, 64);
    told[told_count++].reuse = *r;
}

static struct reuses *begin(size_t limit)
{
    struct reuses *rs;

    told_count = 0;
    cr_assert(!reuses_new(limit, (uint8_t[16]){ 1 }, write_down, NULL, &rs));
    return rs;
}

static void note(struct reuses *rs, uint8_t session, uint64_t now)
{
    struct uuid id = { { session } };

    reuses_note(rs, &id, TEXT("u-1"), NULL, (struct text){ 0 }, now);
}

Test(reuse, the_first_use_is_told_at_once_and_the_others_when_the_hour_is_over, .timeout = 5)
{
    struct reuses *rs = begin(8);

    for (unsigned i = 0; i < 48; i++)
        note(rs, 1, NOW + i * 1000);
    cr_assert_eq(told_count, 1);
    cr_expect_eq(told[0].reuse.count, 1);
    cr_expect_str_eq(told[0].reuse.user_id, "u-1");
    reuses_tick(rs, NOW + REUSE_MS - 1);
    cr_expect_eq(told_count, 1);
    reuses_tick(rs, NOW + REUSE_MS);
    cr_assert_eq(told_count, 2);
    cr_expect_eq(told[1].reuse.count, 47);
    cr_expect_eq(told[1].reuse.last_ms, NOW + 47000);
    note(rs, 1, NOW + REUSE_MS + 1);
    cr_expect_eq(told_count, 2, "that report began another hour");
    reuses_tick(rs, NOW + 2 * REUSE_MS);
    cr_expect_eq(told[2].reuse.count, 1);
    reuses_tick(rs, NOW + 3 * REUSE_MS);
    cr_expect_eq(told_count, 3);
    cr_expect_eq(reuses_count(rs), 0, "an hour without");
    note(rs, 1, NOW + 4 * REUSE_MS);
    cr_expect_eq(told_count, 4);
    reuses_free(rs);
}

Test(reuse, each_session_has_its_own_hour, .timeout = 5)
{
    struct reuses *rs = begin(8);

    note(rs, 1, NOW);
    note(rs, 2, NOW + 1000);
    note(rs, 1, NOW + 2000);
    note(rs, 2, NOW + 2000);
    cr_expect_eq(told_count, 2);
    reuses_tick(rs, NOW + REUSE_MS);
    cr_expect_eq(told_count, 3);
    reuses_tick(rs, NOW + REUSE_MS + 1000);
    cr_expect_eq(told_count, 4);
    reuses_free(rs);
}

Test(reuse, the_latest_address_that_was_named_is_told, .timeout = 5)
{
    struct reuses *rs = begin(8);
    struct uuid id = { { 1 } };
    struct ip ip;

    cr_assert(!ip_parse(TEXT("192.0.2.1"), &ip));
    note(rs, 1, NOW);
    reuses_note(rs, &id, TEXT("u-1"), &ip, TEXT("t-1"), NOW + 1);
    note(rs, 1, NOW + 2);
    reuses_flush(rs);
    cr_assert_eq(told_count, 2);
    cr_expect_eq(told[0].reuse.ip.family, 0);
    cr_expect_eq(memcmp(&told[1].reuse.ip, &ip, sizeof(ip)), 0);
    reuses_free(rs);
}

Test(reuse, its_memory_is_bounded_and_no_use_goes_untold, .timeout = 5)
{
    struct reuses *rs = begin(2);
    uint64_t uses = 0, sum = 0;

    for (uint8_t i = 0; i < 12; i++)
        for (unsigned j = 0; j < 3; j++, uses++)
            note(rs, i, NOW + uses);
    cr_expect_eq(reuses_count(rs), 2);
    reuses_flush(rs);
    for (size_t i = 0; i < told_count; i++)
        sum += told[i].reuse.count;
    cr_expect_eq(sum, uses);
    reuses_free(rs);
}
