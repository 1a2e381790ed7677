#include "touches.h"

#include <criterion/criterion.h>

static struct {
    struct bearer_store store;          /* first */
    struct touch got[2 * TOUCHES_MAX];
    size_t count, calls;
    void (*cb)(void *cookie);
    void *cookie;
    enum result refuse;
} fake;

static enum result fake_touch(struct bearer_store *s, const struct touch *touches, size_t count, void (*cb)(void *cookie), void *cookie)
{
    (void)s;
    if (fake.refuse)
        return fake.refuse;
    cr_assert_null(fake.cb, "one batch at a time");
    memcpy(&fake.got[fake.count], touches, count * sizeof(*touches));
    fake.count += count;
    fake.calls++;
    fake.cb = cb;
    fake.cookie = cookie;
    return RESULT_OK;
}

static void written(void)
{
    void (*cb)(void *cookie) = fake.cb;

    fake.cb = NULL;
    cb(fake.cookie);
}

static struct touches t;

static void begin(void)
{
    memset(&fake, 0, sizeof(fake));
    fake.store.touch = fake_touch;
    touches_init(&t, &fake.store);
}

TestSuite(touches, .init = begin, .timeout = 5);

static void add(uint32_t n)
{
    struct uuid id = { { 0 } };

    bytes_put_u32(id.bytes, n);
    touches_add(&t, &id, n);
}

Test(touches, what_gathers_while_one_batch_is_written_goes_with_the_next)
{
    for (uint32_t n = 0; n < 100; n++)
        add(n);
    cr_expect_eq(fake.count, 1);
    written();
    cr_expect_eq(fake.count, 100);
    cr_expect_eq(fake.calls, 2);
    written();
    cr_expect_eq(t.written, 100);
}

Test(touches, each_is_written_once)
{
    bool seen[1000] = { false };

    for (uint32_t n = 0; n < 1000; n++)
        add(n);
    while (fake.cb)
        written();
    cr_assert_eq(fake.count, 1000);
    for (size_t i = 0; i < fake.count; i++) {
        cr_assert_not(seen[fake.got[i].at_ms]);
        seen[fake.got[i].at_ms] = true;
    }
}

Test(touches, what_does_not_fit_or_is_refused_is_lost_and_counted)
{
    for (uint32_t n = 0; n < TOUCHES_MAX + 11; n++)
        add(n);
    cr_expect_eq(t.lost, 10);
    fake.refuse = RESULT_UNAVAILABLE;
    written();
    cr_expect_eq(t.lost, 10 + BEARER_BATCH);
    fake.refuse = RESULT_OK;
    add(1);
    cr_expect_eq(fake.calls, 2, "the next one tries again");
}
