/* An honest request's way through the bus, and what is answered with an error (protocol.md, sections 2 and 3). */
#include "bus_fixture.h"

#include "clock.h"

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

TestSuite(bus_serve, .init = up, .fini = down, .timeout = 60);

static const struct arrived *ask_with(struct fixture_client *c, const struct envelope_header *h, struct bytes body)
{
    struct buffer value;

    buffer_init(&value, 2000000);
    client_seal(c, h, body, &value);
    client_send(c, fixture_topic(f, "probe.requests"), 0, (struct bytes){ 0 }, buffer_bytes(&value));
    buffer_free(&value);
    return client_await(c, &h->id, 5000);
}

static struct bytes empty_map(void)
{
    static const uint8_t EMPTY = 0x80;

    return (struct bytes){ &EMPTY, 1 };
}

Test(bus_serve, an_op_is_answered_where_the_client_asked)
{
    for (int32_t partition = 0; partition < FIXTURE_PARTITIONS; partition++) {
        f->backend.partition = partition;
        struct uuid id = client_ask(&f->backend, "probe.echo", "ahoj", partition);
        const struct arrived *reply = client_await(&f->backend, &id, 5000);
        cr_assert(reply);
        cr_expect_eq(reply->status, 200);
        cr_expect_eq(reply->partition, partition);
    }
}

Test(bus_serve, the_trace_is_carried_to_the_reply)
{
    struct envelope_header h = client_header(&f->backend, "probe.echo");

    h.trace = TEXT("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    const struct arrived *reply = ask_with(&f->backend, &h, empty_map());
    cr_assert(reply);
    cr_expect_str_eq(reply->trace, h.trace.data);
    h = client_header(&f->backend, "probe.echo");
    reply = ask_with(&f->backend, &h, empty_map());
    cr_assert(reply);
    cr_expect_str_eq(reply->trace, "");
}

Test(bus_serve, what_cannot_be_served_is_refused_by_its_code)
{
    static const struct {
        const char *who, *op;
        int64_t ts_shift_ms, id_shift_ms;
        uint8_t body[4];
        size_t body_len;
        uint64_t status;
        const char *code;
    } CASES[] = {
        { "backend", "probe.nonsense", 0, 0, { 0x80 }, 1, 400, "unknown_op" },
        { "backend", "probe.none", 0, 0, { 0x80 }, 1, 400, "unknown_op" },
        { "edge", "probe.hold", 0, 0, { 0x80 }, 1, 403, "forbidden" },
        { "edge", "probe.hold", 0, 0, { 0xc1 }, 1, 403, "forbidden" },
        { "backend", "probe.echo", 65000, 0, { 0x80 }, 1, 400, "stale_message" },
        { "backend", "probe.echo", 0, 65000, { 0x80 }, 1, 400, "stale_message" },
        { "backend", "probe.echo", 0, -16 * 60000, { 0x80 }, 1, 400, "stale_message" },
        { "backend", "probe.echo", 0, 0, { 0xc1 }, 1, 400, "invalid_request" },
        { "backend", "probe.echo", 0, 0, { 0x81, 0xa1, 'x', 1 }, 4, 400, "invalid_request" },
    };

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct fixture_client *c = CASES[i].who[0] == 'e' ? &f->edge : &f->backend;
        struct envelope_header h = client_header(c, CASES[i].op);
        uint8_t random[10] = { (uint8_t)i, 1, 2 };
        h.id = uuid_v7(h.ts + (uint64_t)CASES[i].id_shift_ms, random);
        h.ts += (uint64_t)CASES[i].ts_shift_ms;
        const struct arrived *reply = ask_with(c, &h, (struct bytes){ CASES[i].body, CASES[i].body_len });
        cr_assert(reply, "case %zu", i);
        cr_expect_eq(reply->status, CASES[i].status, "case %zu", i);
        cr_expect_str_eq(reply->code, CASES[i].code, "case %zu", i);
    }
    fixture_expect_metric(f, 0, "hlidka_bus_requests_total{op=\"probe.echo\",status=\"400\"} ", 5);
    fixture_expect_metric(f, 0, "hlidka_bus_requests_total{op=\"other\",status=\"400\"} ", 2);
}

Test(bus_serve, a_passed_deadline_is_dropped_and_counted)
{
    struct envelope_header h = client_header(&f->backend, "probe.echo");
    struct buffer value;

    h.ts -= 10000;
    h.ttl = 5000;
    buffer_init(&value, 4096);
    client_seal(&f->backend, &h, empty_map(), &value);
    client_send(&f->backend, fixture_topic(f, "probe.requests"), 0, (struct bytes){ 0 }, buffer_bytes(&value));
    buffer_free(&value);
    struct uuid probe = client_ask(&f->backend, "probe.echo", NULL, 0);
    cr_assert(client_await(&f->backend, &probe, 5000));
    cr_expect_eq(client_replies(&f->backend, &h.id), 0);
    fixture_expect_metric(f, 0, "hlidka_bus_expired_total{src=\"backend\"} ", 1);
}

Test(bus_serve, a_reply_over_a_million_bytes_is_too_large)
{
    static const struct {
        uint64_t size, status;
    } CASES[] = { { 990000, 200 }, { 1000000, 413 }, { 1900000, 413 } };
    struct buffer body;

    buffer_init(&body, 4096);
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct envelope_header h = client_header(&f->backend, "probe.echo");
        buffer_reset(&body);
        probe_body(&body, NULL, CASES[i].size);
        const struct arrived *reply = ask_with(&f->backend, &h, buffer_bytes(&body));
        cr_assert(reply, "case %zu", i);
        cr_expect_eq(reply->status, CASES[i].status, "case %zu", i);
    }
    buffer_free(&body);
}

Test(bus_serve, a_million_bytes_are_read)
{
    struct envelope_header h = client_header(&f->backend, "probe.echo");
    struct buffer body;
    char *text = calloc(1, 999000);

    memset(text, 'a', 998999);
    buffer_init(&body, 2000000);
    probe_body(&body, text, 0);
    free(text);
    const struct arrived *reply = ask_with(&f->backend, &h, buffer_bytes(&body));
    buffer_free(&body);
    cr_assert(reply);
    cr_expect_eq(reply->status, 200);
}

static uint64_t round_trip_ms(void)
{
    uint64_t began = clock_boot_ns();
    struct uuid id = client_ask(&f->backend, "probe.echo", NULL, 0);

    cr_assert(client_await(&f->backend, &id, 5000));
    return (clock_boot_ns() - began) / 1000000;
}

Test(bus_serve, the_first_call_after_readiness_takes_no_longer_than_later_ones)
{
    uint64_t first = UINT64_MAX, later = 0;

    /* By now the client knows its way, and the group an offset: without one librdkafka waits 100 ms before it asks. */
    round_trip_ms();
    /* What must not come back is a second spent on finding the topic: it was spent every time, a busy machine's now and then. */
    for (unsigned attempt = 0; attempt < 5 && first > later + 200; attempt++) {
        fixture_bus_stop(f, 0, 1000);
        fixture_bus(f, 0);
        first = round_trip_ms();
        later = 0;
        for (unsigned i = 0; i < 20; i++) {
            uint64_t ms = round_trip_ms();
            later = ms > later ? ms : later;
        }
    }
    cr_expect_leq(first, later + 200, "%lu ms, then %lu at most", first, later);
}

static bool all_answered(struct fixture *fx, void *cookie)
{
    return fx->backend.replies.count >= *(size_t *)cookie;
}

Test(bus_serve, many_at_once_are_answered_once_each)
{
    enum { MANY = 3000 };
    struct uuid *ids = calloc(MANY, sizeof(*ids));
    size_t many = MANY;

    for (size_t i = 0; i < MANY; i++)
        ids[i] = client_ask(&f->backend, "probe.echo", "x", -1);
    cr_assert(fixture_wait(f, all_answered, &many, 30000));
    fixture_sleep(f, 200);
    cr_expect_eq(f->backend.replies.count, MANY);
    for (size_t i = 0; i < MANY; i += 101)
        cr_expect_eq(client_replies(&f->backend, &ids[i]), 1);
    free(ids);
    fixture_expect_metric(f, 0, "hlidka_bus_delivered_total{kind=\"reply\"} ", MANY);
    fixture_expect_metric(f, 0, "hlidka_bus_in_flight ", 0);
}

Test(bus_serve, an_event_reaches_audits_topic)
{
    struct uuid id = client_ask(&f->backend, "probe.echo", NULL, 0);

    cr_assert(client_await(&f->backend, &id, 5000));
    client_send(&f->backend, fixture_topic(f, "probe.requests"), 0, (struct bytes){ 0 }, text_bytes(TEXT("junk")));
    for (unsigned i = 0; i < 50 && f->events.count == 0; i++)
        fixture_sleep(f, 100);
    cr_expect_eq(f->events.count, 1);
    fixture_expect_metric(f, 0, "hlidka_bus_delivered_total{kind=\"event\"} ", 1);
}
