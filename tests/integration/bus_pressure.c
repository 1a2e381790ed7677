/* Bounds: windows, pauses, slow ops, memory. */
#include "bus_fixture.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdlib.h>

static struct fixture *f;

static void up(void)
{
    f = fixture_new();
}

static void down(void)
{
    fixture_free(f);
}

TestSuite(bus_pressure, .init = up, .fini = down, .timeout = 300);

static bool begun(struct fixture *fx, void *cookie)
{
    return fx->probe->begun >= *(size_t *)cookie;
}

static bool answered(struct fixture *fx, void *cookie)
{
    return fx->backend.replies.count >= *(size_t *)cookie;
}

struct drain {
    size_t replies, most;               /* wanted; held at once */
};

static bool is_drained(struct fixture *fx, void *cookie)
{
    struct drain *d = cookie;

    if (fx->probe->held_count > d->most)
        d->most = fx->probe->held_count;
    probe_release(fx->probe, 16);
    return fx->backend.replies.count >= d->replies;
}

Test(bus_pressure, above_the_window_a_partition_is_paused_and_every_message_comes_once)
{
    size_t many = 10000, window = 64;

    f->options.window = window;
    fixture_bus(f, 0);
    for (size_t i = 0; i < many; i++)
        client_ask(&f->backend, "probe.hold", NULL, (int32_t)(i % 2));
    cr_assert(fixture_wait(f, begun, &(size_t){ 2 * window }, 20000));
    fixture_sleep(f, 500);
    cr_expect_eq(f->probe->held_count, 2 * window, "%zu", f->probe->held_count);
    fixture_expect_metric(f, 0, "hlidka_bus_partitions_paused ", 2);
    /* The other partitions go on. */
    struct uuid id = client_ask(&f->backend, "probe.echo", NULL, 3);
    cr_expect(client_await(&f->backend, &id, 5000));
    struct drain drain = { many + 1, 0 };
    (void)fixture_wait(f, is_drained, &drain, 60000);
    fixture_sleep(f, 500);
    cr_expect_eq(f->backend.replies.count, many + 1, "%zu", f->backend.replies.count);
    cr_expect_eq(f->probe->begun, many + 1);
    cr_expect_leq(drain.most, 2 * window);
    cr_expect_gt(fixture_metric(f, 0, "hlidka_bus_pauses_total "), 2);
    fixture_expect_metric(f, 0, "hlidka_bus_in_flight ", 0);
}

/* A backlog of 250 windows: whoever lost 0.1 s at each would be at it for 25 s. */
Test(bus_pressure, a_partition_with_more_to_do_than_its_window_is_read_without_a_break)
{
    size_t many = 4000;

    f->options.window = 16;
    fixture_bus(f, 0);
    bus_hold(f->buses[0], true);
    for (size_t i = 0; i < many; i++)
        client_ask(&f->backend, "probe.echo", NULL, 0);
    fixture_sleep(f, 500);
    bus_hold(f->buses[0], false);
    cr_assert(fixture_wait(f, answered, &many, 10000), "%zu", f->backend.replies.count);
    cr_expect_gt(fixture_metric(f, 0, "hlidka_bus_pauses_total "), 2);
}

Test(bus_pressure, slow_ops_hold_a_quarter_of_a_window_and_the_rest_is_refused_at_once)
{
    f->options.window = 32;
    f->options.slow_max = 12;
    fixture_bus(f, 0);
    for (unsigned i = 0; i < 10; i++)
        client_ask(&f->backend, "probe.slow", NULL, 0);
    cr_assert(fixture_wait(f, answered, &(size_t){ 2 }, 5000));
    fixture_sleep(f, 200);
    cr_expect_eq(f->probe->held_count, 8, "a quarter of 32");
    for (unsigned i = 0; i < 8; i++)
        client_ask(&f->backend, "probe.slow", NULL, 1);
    cr_assert(fixture_wait(f, answered, &(size_t){ 6 }, 5000));
    fixture_sleep(f, 200);
    cr_expect_eq(f->probe->held_count, 12, "the process' share");
    for (size_t i = 0; i < f->backend.replies.count; i++)
        cr_expect_str_eq(f->backend.replies.items[i].code, "unavailable");
    struct uuid fast = client_ask(&f->backend, "probe.echo", NULL, 0);
    cr_expect(client_await(&f->backend, &fast, 5000));
    probe_release(f->probe, SIZE_MAX);
    cr_assert(fixture_wait(f, answered, &(size_t){ 19 }, 5000));
    client_ask(&f->backend, "probe.slow", NULL, 0);
    cr_assert(fixture_wait(f, begun, &(size_t){ 14 }, 5000), "its places were not given back");
    probe_release(f->probe, SIZE_MAX);
}

Test(bus_pressure, a_hold_stops_all_intake_and_letting_go_loses_nothing)
{
    fixture_bus(f, 0);
    bus_hold(f->buses[0], true);
    for (int32_t i = 0; i < 40; i++)
        client_ask(&f->backend, "probe.echo", NULL, i % FIXTURE_PARTITIONS);
    fixture_sleep(f, 500);
    cr_expect_eq(f->probe->begun, 0);
    bus_hold(f->buses[0], false);
    cr_assert(fixture_wait(f, answered, &(size_t){ 40 }, 10000));
}

static void round_of(size_t n)
{
    size_t target = f->backend.replies.count + n;

    for (size_t i = 0; i < n; i++)
        client_ask(&f->backend, "probe.echo", "some text", -1);
    cr_assert(fixture_wait(f, answered, &target, 60000));
}

Test(bus_pressure, memory_stays_flat)
{
    /* The soak runs more of it. */
    size_t rounds = getenv("BUS_ROUNDS") ? strtoul(getenv("BUS_ROUNDS"), NULL, 10) : 5;

    fixture_bus(f, 0);
    round_of(5000);
    fixture_sleep(f, 200);
    f->backend.replies.count = 0;
    size_t before = mallinfo2().uordblks;
    for (size_t i = 0; i < rounds; i++) {
        round_of(5000);
        f->backend.replies.count = 0;
    }
    fixture_sleep(f, 200);
    size_t after = mallinfo2().uordblks;
    /* The mock keeps what it was given, up to 5 MiB a partition: requests and replies. */
    size_t kept = f->real ? 0 : (FIXTURE_PARTITIONS + 1) * (5u << 20);
    cr_expect_leq(after, before + kept + (2u << 20), "%zu bytes, then %zu", before, after);
}
