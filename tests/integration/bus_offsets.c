/* Which offsets are committed: what is finished, nothing beyond; redelivery; the end of a process. */
#include "bus_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct fixture *f;

static void up(void)
{
    f = fixture_new();
    fixture_bus(f, 0);
}

static void down(void)
{
    fixture_free(f);
}

TestSuite(bus_offsets, .init = up, .fini = down, .timeout = 120);

static bool begun(struct fixture *fx, void *cookie)
{
    return fx->probe->begun >= *(size_t *)cookie;
}

static bool answered(struct fixture *fx, void *cookie)
{
    return fx->backend.replies.count >= *(size_t *)cookie;
}

Test(bus_offsets, what_is_finished_is_committed_and_nothing_beyond_what_is_not)
{
    size_t nine = 9, ten = 10;
    struct uuid held = { { 0 } };

    for (unsigned i = 0; i < 10; i++) {
        struct uuid id = client_ask(&f->backend, i == 4 ? "probe.hold" : "probe.echo", NULL, 0);
        if (i == 4)
            held = id;
    }
    cr_assert(fixture_wait(f, answered, &nine, 5000));
    fixture_sleep(f, 1500);
    fixture_expect_committed(f, 0, 4);
    probe_release(f->probe, 1);
    cr_assert(fixture_wait(f, answered, &ten, 5000));
    cr_expect_eq(client_replies(&f->backend, &held), 1);
    fixture_sleep(f, 1500);
    fixture_expect_committed(f, 0, 10);
}

Test(bus_offsets, a_stop_commits_what_was_finished_to_the_last)
{
    size_t many = 500;

    for (size_t i = 0; i < many; i++)
        client_ask(&f->backend, "probe.echo", NULL, 0);
    cr_assert(fixture_wait(f, answered, &many, 10000));
    fixture_bus_stop(f, 0, 3000);
    fixture_expect_committed(f, 0, (int64_t)many);
}

Test(bus_offsets, a_stop_lets_handlers_finish)
{
    struct uuid id = client_ask(&f->backend, "probe.hold", NULL, 0);
    size_t one = 1;

    cr_assert(fixture_wait(f, begun, &one, 5000));
    fixture_bus_stop_begin(f, 0, 5000);
    fixture_sleep(f, 300);
    client_ask(&f->backend, "probe.echo", NULL, 0);
    fixture_sleep(f, 300);
    cr_expect_eq(f->probe->begun, 1, "a message was begun after the stop");
    probe_release(f->probe, 1);
    cr_expect(client_await(&f->backend, &id, 5000));
}

Test(bus_offsets, what_a_handler_never_answered_is_delivered_again)
{
    struct uuid id = client_ask(&f->backend, "probe.hold", NULL, 0);
    size_t two = 2, three = 3;

    client_ask(&f->backend, "probe.echo", NULL, 0);
    cr_assert(fixture_wait(f, begun, &two, 5000));
    fixture_bus_stop(f, 0, 200);
    f->probe->held_count = 0;           /* died with its process */
    cr_expect_eq(client_replies(&f->backend, &id), 0);
    fixture_bus(f, 0);
    cr_assert(fixture_wait(f, begun, &three, 20000));
    probe_release(f->probe, SIZE_MAX);
    cr_assert(client_await(&f->backend, &id, 5000));
}

Test(bus_offsets, a_rewound_offset_brings_the_same_reply_and_no_second_effect)
{
    struct uuid id = client_ask(&f->backend, "probe.once", "a", 0);
    size_t one = 1, two = 2;

    cr_assert(fixture_wait(f, begun, &one, 5000));
    probe_release(f->probe, SIZE_MAX);
    cr_assert(client_await(&f->backend, &id, 5000));
    fixture_bus_stop(f, 0, 1000);
    fixture_commit(f, 0, 0);
    fixture_bus(f, 0);
    cr_assert(fixture_wait(f, begun, &two, 20000));
    probe_release(f->probe, SIZE_MAX);
    cr_assert(fixture_wait(f, answered, &two, 5000));
    cr_expect_eq(f->probe->effect_count, 1);
    cr_expect_eq(f->backend.replies.items[0].hash, f->backend.replies.items[1].hash);
}

/* What was committed of a log that has been made anew since says nothing of this one. */
Test(bus_offsets, a_committed_offset_beyond_the_end_gives_way_to_where_we_are)
{
    size_t five = 5, ten = 10;

    for (unsigned i = 0; i < 5; i++)
        client_ask(&f->backend, "probe.echo", NULL, 0);
    cr_assert(fixture_wait(f, answered, &five, 5000));
    fixture_bus_stop(f, 0, 1000);
    fixture_commit(f, 0, 1000);
    struct uuid held = client_ask(&f->backend, "probe.hold", NULL, 0);
    fixture_bus(f, 0);
    cr_assert(fixture_wait(f, answered, &ten, 20000));
    fixture_sleep(f, 1500);
    cr_expect_eq(client_replies(&f->backend, &held), 0);
    fixture_expect_committed(f, 0, 5);     /* what is at work must not lie below what is committed */
    probe_release(f->probe, 1);
    cr_assert(client_await(&f->backend, &held, 5000));
    fixture_sleep(f, 1500);
    fixture_expect_committed(f, 0, 6);
}

Test(bus_offsets, nothing_finished_and_all_to_do_again_is_what_is_committed)
{
    size_t one = 1, three = 3;

    fixture_bus_stop(f, 0, 1000);
    fixture_commit(f, 0, 1000);
    client_ask(&f->backend, "probe.hold", NULL, 0);
    client_ask(&f->backend, "probe.echo", NULL, 0);
    client_ask(&f->backend, "probe.echo", NULL, 0);
    fixture_bus(f, 0);
    cr_assert(fixture_wait(f, begun, &three, 20000));
    fixture_sleep(f, 1500);
    fixture_expect_committed(f, 0, 0);     /* a crash now would go on at 1000 */
    probe_release(f->probe, 1);
    cr_assert(fixture_wait(f, answered, &one, 5000));
    fixture_bus_stop(f, 0, 1000);
    fixture_expect_committed(f, 0, 3);
}

Test(bus_offsets, instances_are_told_by_shares)
{
    cr_expect_eq(bus_instances(f->buses[0]), 1);
}
