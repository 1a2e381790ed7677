/* What goes wrong around the bus: instances come and go, the broker is away, topics and offsets that fail. */
#include "bus_fixture.h"

#include "audit.h"
#include "bus_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum { KAFKA_PRODUCE = 0, KAFKA_FETCH = 1, KAFKA_OFFSET_COMMIT = 8 };     /* the protocol's numbers */

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

TestSuite(bus_faults, .init = up, .fini = down, .timeout = 120);

/* Faults are injected into the mock alone: elsewhere the test is skipped, and counted so. */
static void only_on_the_mock(void)
{
    if (f->real)
        cr_skip_test("needs the mock");
}

static bool begun(struct fixture *fx, void *cookie)
{
    return fx->probe->begun >= *(size_t *)cookie;
}

static bool answered(struct fixture *fx, void *cookie)
{
    return fx->backend.replies.count >= *(size_t *)cookie;
}

static bool nothing_in_flight(struct fixture *fx, void *cookie)
{
    (void)cookie;
    return fixture_metric(fx, 0, "hlidka_bus_in_flight ") == 0;
}

static bool has_shares(struct fixture *fx, void *cookie)
{
    unsigned instances = *(unsigned *)cookie;

    for (unsigned i = 0; i < instances; i++)
        if (!fixture_ready(fx, i) || bus_instances(fx->buses[i]) != instances)
            return false;
    return true;
}

/* ---- instances ---- */

enum { STREAM_MAX = 20000 };

struct stream {                         /* asks all the time, a little */
    struct uuid ids[STREAM_MAX];
    size_t count;
    unsigned turns;
};

static struct stream stream;

static void flow(void)
{
    if (stream.turns++ % 10 != 0 || stream.count == STREAM_MAX)
        return;
    stream.ids[stream.count] = client_ask(&f->backend, "probe.echo", "x", (int32_t)(stream.count % FIXTURE_PARTITIONS));
    stream.count++;
}

static bool shares_while_it_flows(struct fixture *fx, void *cookie)
{
    flow();
    return has_shares(fx, cookie);
}

static bool stopped_while_it_flows(struct fixture *fx, void *cookie)
{
    flow();
    return fx->stopped[*(unsigned *)cookie];
}

static bool for_a_while(struct fixture *fx, void *cookie)
{
    (void)fx;
    flow();
    return --*(unsigned *)cookie == 0;
}

static bool stream_answered(struct fixture *fx, void *cookie)
{
    size_t *first_open = cookie;

    while (*first_open < stream.count && client_reply(&fx->backend, &stream.ids[*first_open], 0))
        ++*first_open;
    return *first_open == stream.count;
}

Test(bus_faults, one_instance_two_and_one_again_lose_nothing)
{
    cr_assert(fixture_wait(f, for_a_while, &(unsigned){ 400 }, 10000));
    fixture_bus_start(f, 1);
    cr_assert(fixture_wait(f, shares_while_it_flows, &(unsigned){ 2 }, 30000));
    cr_assert(fixture_wait(f, for_a_while, &(unsigned){ 400 }, 10000));
    fixture_bus_stop_begin(f, 1, 2000);
    cr_assert(fixture_wait(f, stopped_while_it_flows, &(unsigned){ 1 }, 20000));
    fixture_bus_stop(f, 1, 0);
    cr_assert(fixture_wait(f, shares_while_it_flows, &(unsigned){ 1 }, 30000));
    cr_expect(fixture_wait(f, stream_answered, &(size_t){ 0 }, 10000));
    fixture_sleep(f, 300);
    /* The mock refuses the commits of a group that is rebalancing, and so what was not committed yet comes again. */
    if (f->real)
        cr_expect_eq(f->backend.replies.count, stream.count, "%zu answers to %zu", f->backend.replies.count, stream.count);
    cr_expect(fixture_wait(f, nothing_in_flight, NULL, 5000));
}

Test(bus_faults, an_end_in_the_midst_of_a_stream_is_an_end)
{
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 3000; i++)
            client_ask(&f->backend, "probe.echo", "x", (int32_t)(i % FIXTURE_PARTITIONS));
        fixture_sleep(f, 20 + 15 * round);
        fixture_bus_stop(f, 0, 1000);
        fixture_bus(f, 0);
    }
    cr_expect(fixture_wait(f, answered, &(size_t){ 9000 }, 30000));
}

/* ---- the broker ---- */

static bool reports_bus(struct fixture *fx, void *cookie)
{
    struct buffer detail;

    (void)cookie;
    buffer_init(&detail, 1024);
    const char *fault = bus_not_ready(fx->buses[0], &detail);
    buffer_free(&detail);
    return fault && strcmp(fault, "bus") == 0;
}

static struct uuid ask_late(unsigned i)
{
    struct envelope_header h = client_header(&f->backend, "probe.echo");
    struct buffer value;

    h.ts -= 7000;
    h.ttl = 60000;
    buffer_init(&value, 4096);
    client_seal(&f->backend, &h, (struct bytes){ (const uint8_t *)"\x80", 1 }, &value);
    client_send(&f->backend, fixture_topic(f, "probe.requests"), (int32_t)(i % FIXTURE_PARTITIONS), (struct bytes){ 0 }, buffer_bytes(&value));
    buffer_free(&value);
    return h.id;
}

static const char *fault_of(struct buffer *detail)
{
    buffer_init(detail, 1024);
    const char *fault = bus_not_ready(f->buses[0], detail);
    buffer_free(detail);
    return fault ? fault : "";
}

/* Whoever takes over from a process that died finds 8 s of requests, and no clock is wrong for it. */
Test(bus_faults, what_waited_in_kafka_says_nothing_about_a_clock_and_what_did_not_does)
{
    struct buffer detail;
    size_t many = 40;

    fixture_bus_stop(f, 0, 1000);
    for (unsigned i = 0; i < many; i++)
        ask_late(i);
    client_flush(&f->backend);
    fixture_bus(f, 0);
    cr_assert(fixture_wait(f, answered, &many, 10000), "%zu of %zu", f->backend.replies.count, many);
    cr_expect_str_neq(fault_of(&detail), "clock");
    for (unsigned i = 0; i < 6; i++) {
        struct uuid id = ask_late(i);
        cr_assert(client_await(&f->backend, &id, 5000));
    }
    cr_expect_str_eq(fault_of(&detail), "clock");
}

/* What came late speaks as a wrong clock would (clock_watch.h), until as much has come in time: so it goes on. */
static bool is_ready_in_use(struct fixture *fx, void *cookie)
{
    (void)cookie;
    flow();
    return fixture_ready(fx, 0);
}

Test(bus_faults, while_no_broker_is_there_it_is_not_ready_and_then_all_are_answered)
{
    size_t many = 100;

    only_on_the_mock();
    for (size_t i = 0; i < many / 2; i++)
        client_ask(&f->backend, "probe.hold", "x", -1);
    cr_assert(fixture_wait(f, begun, &(size_t){ many / 2 }, 5000));
    rd_kafka_mock_broker_set_down(f->mock, 1);
    cr_expect(fixture_wait(f, reports_bus, NULL, 5000));
    for (size_t i = many / 2; i < many; i++)
        client_ask(&f->backend, "probe.echo", "x", -1);
    fixture_sleep(f, 1000);
    probe_release(f->probe, SIZE_MAX);
    fixture_sleep(f, 1000);
    rd_kafka_mock_broker_set_up(f->mock, 1);
    cr_expect(fixture_wait(f, answered, &many, 20000), "%zu of %zu", f->backend.replies.count, many);
    cr_expect(fixture_wait(f, is_ready_in_use, NULL, 10000));
    cr_expect(fixture_wait(f, nothing_in_flight, NULL, 5000));
}

static bool has_room(struct fixture *fx, void *cookie)
{
    (void)cookie;
    return fx->buses[0]->producer.events_out == 0;
}

/* Whoever floods it with refusals does not hide behind them what there was no room for. */
Test(bus_faults, an_event_that_there_is_no_room_for_is_a_hole_in_what_audit_counts)
{
    enum { ROOM = 2000, LOST = 3 };
    const struct audit_event event = { .type = TEXT("auth.authorize"), .outcome = AUDIT_DENIED, .user_id = TEXT("u-1") };
    struct bus *b = f->buses[0];

    only_on_the_mock();
    cr_assert(fixture_wait(f, has_room, NULL, 10000));
    rd_kafka_mock_broker_set_down(f->mock, 1);
    uint64_t first = b->events.n, dropped = b->events.dropped;
    for (unsigned i = 0; i < ROOM + LOST; i++)
        bus_event(b, &event, text_bytes(event.user_id));
    cr_expect_eq(b->events.dropped - dropped, LOST);
    cr_expect_eq(b->events.n - first, ROOM + LOST, "each has a number, whatever became of it");
    rd_kafka_mock_broker_set_up(f->mock, 1);
}

Test(bus_faults, errors_that_pass_cost_no_reply_and_no_commit)
{
    size_t many = 20;

    only_on_the_mock();
    for (size_t i = 0; i < many; i++)
        client_ask(&f->backend, "probe.hold", NULL, 0);
    cr_assert(fixture_wait(f, begun, &many, 5000));
    rd_kafka_mock_push_request_errors(f->mock, KAFKA_PRODUCE, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    rd_kafka_mock_push_request_errors(f->mock, KAFKA_OFFSET_COMMIT, 2, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
    probe_release(f->probe, SIZE_MAX);
    cr_expect(fixture_wait(f, answered, &many, 10000));
    fixture_sleep(f, 2500);
    cr_expect_eq(f->backend.replies.count, many, "%zu answers to %zu", f->backend.replies.count, many);
    fixture_bus_stop(f, 0, 1000);
    fixture_expect_committed(f, 0, (int64_t)many);
}

static void on_lost(void *cookie, const char *why)
{
    (void)why;
    ++*(unsigned *)cookie;
}

/* librdkafka does not come back from a fatal error: every message after it fails, and its failing must finish nothing. */
Test(bus_faults, a_producer_that_is_lost_for_good_answers_nobody_and_forgets_nobody)
{
    size_t two = 2;
    unsigned told = 0;
    struct uuid before = client_ask(&f->backend, "probe.echo", NULL, 0);

    cr_assert(client_await(&f->backend, &before, 5000));
    fixture_bus_stop(f, 0, 1000);
    f->options.lost = on_lost;
    f->options.lost_cookie = &told;
    fixture_bus(f, 0);
    struct uuid held = client_ask(&f->backend, "probe.hold", NULL, 0);
    cr_assert(fixture_wait(f, begun, &two, 5000));
    cr_assert(!rd_kafka_test_fatal_error(f->buses[0]->producer.rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "test"));
    cr_expect(fixture_wait(f, reports_bus, NULL, 5000), "it still says that it is ready");
    probe_release(f->probe, SIZE_MAX);
    struct uuid after = client_ask(&f->backend, "probe.echo", NULL, 0);
    fixture_sleep(f, 1500);
    cr_expect_eq(told, 1, "told %u times", told);
    cr_expect_eq(f->probe->begun, 2, "it took in what it cannot answer");
    fixture_bus_stop(f, 0, 1000);
    fixture_expect_committed(f, 0, 1);     /* what was never answered is committed */
    f->options.lost = NULL;
    fixture_bus(f, 0);
    cr_expect(client_await(&f->backend, &after, 10000));
    probe_release(f->probe, SIZE_MAX);
    cr_expect(client_await(&f->backend, &held, 5000));
}

/* ---- topics and offsets ---- */

Test(bus_faults, a_dead_reply_topic_holds_up_nobody_else)
{
    struct uuid lost[5];

    only_on_the_mock();
    struct uuid known = client_ask(&f->edge, "probe.echo", NULL, 0);
    cr_assert(client_await(&f->edge, &known, 5000));
    for (int32_t i = 0; i < FIXTURE_PARTITIONS; i++)
        rd_kafka_mock_partition_set_leader(f->mock, f->edge.reply_topic, i, -1);
    for (size_t i = 0; i < 5; i++)
        lost[i] = client_ask(&f->edge, "probe.echo", NULL, 0);
    fixture_sleep(f, 200);
    for (size_t i = 0; i < 20; i++) {
        struct uuid id = client_ask(&f->backend, "probe.echo", NULL, 0);
        cr_assert(client_await(&f->backend, &id, 3000), "behind a reply that nobody takes, for 5 s");
    }
    /* Their offsets wait for the producer to give up, and no longer. */
    cr_expect(fixture_wait(f, nothing_in_flight, NULL, 10000));
    fixture_expect_metric(f, 0, "hlidka_bus_not_delivered_total{kind=\"reply\"} ", 5);
    for (size_t i = 0; i < 5; i++)
        cr_expect_eq(client_replies(&f->edge, &lost[i]), 0);
    fixture_sleep(f, 800);
    fixture_expect_committed(f, 0, 26);
}

static bool has_skipped(struct fixture *fx, void *cookie)
{
    (void)cookie;
    return fixture_metric(fx, 0, "hlidka_bus_offsets_skipped_total ") > 0;
}

Test(bus_faults, an_offset_that_cannot_be_read_for_ten_seconds_is_passed_over_and_told)
{
    enum { ERRORS = 20000 };
    static rd_kafka_resp_err_t errors[ERRORS];

    only_on_the_mock();
    struct uuid id = client_ask(&f->backend, "probe.echo", NULL, 0);
    cr_assert(client_await(&f->backend, &id, 5000));
    for (size_t i = 0; i < ERRORS; i++)
        errors[i] = RD_KAFKA_RESP_ERR_INVALID_MSG;
    rd_kafka_mock_push_request_errors_array(f->mock, KAFKA_FETCH, ERRORS, errors);
    fixture_sleep(f, 100);
    struct uuid unread = client_ask(&f->backend, "probe.echo", NULL, 0), after = client_ask(&f->backend, "probe.echo", NULL, 0);
    fixture_sleep(f, 8000);
    cr_expect_eq(fixture_metric(f, 0, "hlidka_bus_offsets_skipped_total "), 0, "before its ten seconds");
    cr_assert(fixture_wait(f, has_skipped, NULL, 5000));
    rd_kafka_mock_clear_request_errors(f->mock, KAFKA_FETCH);
    cr_expect(client_await(&f->backend, &after, 5000));
    cr_expect_eq(client_replies(&f->backend, &unread), 0);
    cr_expect_geq(fixture_metric(f, 0, "hlidka_bus_dead_total{reason=\"malformed\"} "), 1);
    fixture_sleep(f, 800);
    fixture_expect_committed(f, 0, 3);
}

/* ---- principals ---- */

/* Without the line of edge. */
static void take_edge_away(void)
{
    char text[8192], *line;
    FILE *file = fopen(f->principals_path, "r");

    cr_assert(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    line = strstr(text, "  edge:");
    cr_assert(line);
    memmove(line, strchr(line, '\n') + 1, strlen(strchr(line, '\n') + 1) + 1);
    file = fopen(f->principals_path, "w");
    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static bool dead_letters(struct fixture *fx, void *cookie)
{
    return fx->dead.count >= *(size_t *)cookie;
}

Test(bus_faults, principals_are_reloaded_while_requests_are_held)
{
    struct uuid held = client_ask(&f->backend, "probe.hold", NULL, 0);

    cr_assert(fixture_wait(f, begun, &(size_t){ 1 }, 5000));
    struct uuid before = client_ask(&f->edge, "probe.echo", NULL, 0);
    cr_assert(client_await(&f->edge, &before, 5000));
    take_edge_away();
    bus_reload(f->buses[0]);
    struct uuid refused = client_ask(&f->edge, "probe.echo", NULL, 0);
    cr_assert(fixture_wait(f, dead_letters, &(size_t){ 1 }, 5000));
    cr_expect_str_eq(f->dead.items[0].reason, "unknown_principal");
    cr_expect_eq(client_replies(&f->edge, &refused), 0);
    probe_release(f->probe, 1);
    const struct arrived *reply = client_await(&f->backend, &held, 5000);
    cr_assert(reply, "what was held over the reload is answered");
    cr_expect_eq(reply->status, 200);
}
