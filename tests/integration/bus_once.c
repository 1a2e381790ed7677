/* Copies of one message: one effect, the same bytes again, whatever the order they come in. */
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

TestSuite(bus_once, .init = up, .fini = down, .timeout = 60);

static void send_copy(const struct envelope_header *h, const char *text, int32_t partition)
{
    struct buffer body, value;

    buffer_init(&body, 4096);
    buffer_init(&value, 4096);
    probe_body(&body, text, 0);
    client_seal(&f->backend, h, buffer_bytes(&body), &value);
    client_send(&f->backend, fixture_topic(f, "probe.requests"), partition, (struct bytes){ 0 }, buffer_bytes(&value));
    buffer_free(&body);
    buffer_free(&value);
}

static bool begun(struct fixture *fx, void *cookie)
{
    return fx->probe->begun >= *(size_t *)cookie;
}

static bool answered(struct fixture *fx, void *cookie)
{
    probe_release(fx->probe, SIZE_MAX);
    return fx->backend.replies.count >= *(size_t *)cookie;
}

Test(bus_once, a_copy_waits_for_the_first_and_gets_the_same_bytes)
{
    struct envelope_header h = client_header(&f->backend, "probe.once");
    size_t one = 1, three = 3;

    for (int32_t partition = 0; partition < 3; partition++)
        send_copy(&h, "a", partition);
    cr_assert(fixture_wait(f, begun, &one, 5000));
    fixture_sleep(f, 300);
    cr_expect_eq(f->probe->begun, 1, "a copy ran beside the first");
    fixture_expect_metric(f, 0, "hlidka_bus_copies_waited_total ", 2);
    cr_assert(fixture_wait(f, answered, &three, 5000));
    fixture_sleep(f, 200);
    cr_expect_eq(f->backend.replies.count, 3);
    cr_expect_eq(f->probe->effect_count, 1);
    cr_expect_eq(f->probe->at_once_max, 1);
    for (size_t i = 1; i < 3; i++)
        cr_expect_eq(f->backend.replies.items[i].hash, f->backend.replies.items[0].hash);
    fixture_expect_metric(f, 0, "hlidka_bus_in_flight ", 0);
}

Test(bus_once, the_same_id_with_another_body_is_the_stores_to_refuse)
{
    struct envelope_header h = client_header(&f->backend, "probe.once");
    size_t two = 2;

    send_copy(&h, "a", 0);
    send_copy(&h, "b", 0);
    cr_assert(fixture_wait(f, answered, &two, 5000));
    cr_expect_eq(client_reply(&f->backend, &h.id, 0)->status, 200);
    cr_expect_eq(client_reply(&f->backend, &h.id, 1)->status, 409);
}

Test(bus_once, a_repeat_with_a_fresh_envelope_gets_the_first_reply_where_it_asks)
{
    struct envelope_header first = client_header(&f->backend, "probe.once");
    size_t one = 1, two = 2;

    send_copy(&first, "a", 0);
    cr_assert(fixture_wait(f, answered, &one, 5000));
    f->backend.partition = 3;
    struct envelope_header again = client_header(&f->backend, "probe.once");
    again.id = first.id;
    send_copy(&again, "a", 2);
    cr_assert(fixture_wait(f, answered, &two, 5000));
    cr_expect_eq(f->backend.replies.items[1].hash, f->backend.replies.items[0].hash);
    cr_expect_eq(f->backend.replies.items[1].partition, 3);
}

Test(bus_once, the_same_id_of_two_principals_is_two_messages)
{
    struct envelope_header h = client_header(&f->backend, "probe.once");
    size_t two = 2;

    /* edge may not; it is answered while backend's is at work, and does not wait for it. */
    struct envelope_header other = client_header(&f->edge, "probe.echo");
    struct buffer value;
    other.id = h.id;
    send_copy(&h, "a", 0);
    cr_assert(fixture_wait(f, begun, &(size_t){ 1 }, 5000));
    buffer_init(&value, 4096);
    client_seal(&f->edge, &other, (struct bytes){ (const uint8_t *)"\x80", 1 }, &value);
    client_send(&f->edge, fixture_topic(f, "probe.requests"), 0, (struct bytes){ 0 }, buffer_bytes(&value));
    buffer_free(&value);
    cr_expect(fixture_wait(f, begun, &two, 5000));
    cr_assert(client_await(&f->edge, &h.id, 5000));
}

Test(bus_once, what_waited_past_its_deadline_is_dropped)
{
    struct envelope_header h = client_header(&f->backend, "probe.once");
    size_t one = 1;

    send_copy(&h, "a", 0);
    cr_assert(fixture_wait(f, begun, &one, 5000));
    struct envelope_header late = client_header(&f->backend, "probe.once");
    late.id = h.id;
    late.ttl = 300;
    send_copy(&late, "a", 1);
    fixture_sleep(f, 600);
    cr_assert(fixture_wait(f, answered, &one, 5000));
    fixture_sleep(f, 200);
    cr_expect_eq(f->backend.replies.count, 1);
    cr_expect_eq(f->probe->begun, 1);
    fixture_expect_metric(f, 0, "hlidka_bus_expired_total{src=\"backend\"} ", 1);
    fixture_expect_metric(f, 0, "hlidka_bus_in_flight ", 0);
}

Test(bus_once, copies_beyond_a_bound_are_refused_at_once)
{
    struct envelope_header h = client_header(&f->backend, "probe.once");
    size_t refused = 7;

    for (unsigned i = 0; i < 40; i++)
        send_copy(&h, "a", 0);
    for (unsigned i = 0; i < 50 && f->backend.replies.count < refused; i++)
        fixture_sleep(f, 100);
    cr_expect_eq(f->backend.replies.count, refused);
    for (size_t i = 0; i < f->backend.replies.count; i++)
        cr_expect_str_eq(f->backend.replies.items[i].code, "unavailable");
    cr_assert(fixture_wait(f, answered, &(size_t){ 40 }, 5000));
    cr_expect_eq(f->probe->effect_count, 1);
}
