/* Revocations between instances, and what an instance may believe of its memory (protocol.md, section 5). */
#include "bus_fixture.h"

#include "auth.h"
#include "broadcast.h"
#include "clock.h"
#include "entropy.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#define TOLD_MAX 64

/* What the listeners of all buses have been told: "lost" or a user's id. */
static struct {
    char user[16];
} told[TOLD_MAX];
static size_t told_count;

static void write_down(struct text what)
{
    cr_assert_lt(told_count, TOLD_MAX);
    snprintf(told[told_count++].user, sizeof(told[0].user), "%.*s", TEXT_ARG(what));
}

static void on_revoked(void *cookie, const struct auth_revoked *r)
{
    (void)cookie;
    write_down(r->user_id);
}

static void on_lost(void *cookie)
{
    (void)cookie;
    write_down(TEXT("lost"));
}

static const struct broadcast_listener LISTENER = { on_revoked, on_lost };

static struct fixture *f;
static struct keyring *own;             /* the service's own key: who writes revocations in earnest */

static void up(void)
{
    char path[128];
    struct buffer why;

    f = fixture_new();
    f->options.listener = &LISTENER;
    buffer_init(&why, 1024);
    snprintf(path, sizeof(path), "%s/probe.key", f->directory);
    cr_assert(!keyring_load(path, NULL, &own, &why));
    buffer_free(&why);
}

static void down(void)
{
    keyring_free(own);
    fixture_free(f);
}

TestSuite(bus_broadcast, .init = up, .fini = down, .timeout = 60);

static bool fresh(struct fixture *fx, void *cookie)
{
    return bus_fresh(fx->buses[*(unsigned *)cookie]);
}

static void wait_fresh(unsigned bus)
{
    cr_assert(fixture_wait(f, fresh, &bus, 15000));
}

static size_t times_told(const char *what)
{
    size_t n = 0;

    for (size_t i = 0; i < told_count; i++)
        n += strcmp(told[i].user, what) == 0;
    return n;
}

struct expected {
    const char *what;
    size_t times;
};

static bool has_been_told(struct fixture *fx, void *cookie)
{
    const struct expected *e = cookie;

    (void)fx;
    return times_told(e->what) >= e->times;
}

static bool wait_told(const char *what, size_t times)
{
    return fixture_wait(f, has_been_told, &(struct expected){ what, times }, 5000);
}

/* Sealed with `from` under the name src, for the owner of `to`. */
static void send_sealed(struct keyring *from, struct keyring *to, const char *src, struct bytes body)
{
    struct envelope_header h = { .op = TEXT("revoked"), .src = text_of(src), .dst = TEXT("probe"), .ts = clock_unix_ms() };
    struct buffer value;
    uint8_t random[10];

    buffer_init(&value, 4096);
    entropy_fill(random, sizeof(random));
    entropy_fill(h.nonce, sizeof(h.nonce));
    h.id = uuid_v7(h.ts, random);
    cr_assert(!seal_message(from, ENVELOPE_REVOCATION, keyring_own(to), &h, body, false, &value));
    client_send(&f->backend, fixture_topic(f, "probe.revocations"), 0, text_bytes(TEXT("any")), buffer_bytes(&value));
    client_flush(&f->backend);
    buffer_free(&value);
}

static void send_body(struct keyring *from, const char *src, struct bytes body)
{
    send_sealed(from, own, src, body);
}

/* A revocation of that user. */
static void send_revoked(struct keyring *from, const char *src, const char *user)
{
    struct auth_revoked r = { .user_id = text_of(user), .time = clock_unix_ms() };
    struct buffer body;

    buffer_init(&body, 1024);
    struct mp_writer w = mp_writer_to(&body);
    cr_assert(!body_encode(&schema_auth_revoked, &r, &w));
    send_body(from, src, buffer_bytes(&body));
    buffer_free(&body);
}

static bool has_beaten(struct fixture *fx, void *cookie)
{
    (void)cookie;
    return fixture_metric(fx, 0, "hlidka_bus_delivered_total{kind=\"heartbeat\"} ") >= 5;
}

Test(bus_broadcast, an_instance_becomes_fresh_and_stays_it)
{
    fixture_bus(f, 0);
    wait_fresh(0);
    cr_expect_str_eq(told[0].user, "lost", "whatever was held before the topic was read is to be forgotten");
    for (uint64_t until = clock_boot_ns() + 3000 * UINT64_C(1000000), turned = clock_boot_ns(); turned < until;) {
        uint64_t now = clock_boot_ns();
        if (now - turned > 100 * UINT64_C(1000000))           /* this process was not given the processor */
            wait_fresh(0);
        cr_assert(bus_fresh(f->buses[0]));
        turned = clock_boot_ns();
        fixture_turn(f);
    }
    cr_expect_eq(told_count, 1);
    cr_expect(fixture_wait(f, has_beaten, NULL, 10000));
}

Test(bus_broadcast, a_revocation_is_told_to_every_instance)
{
    fixture_two_buses(f);
    wait_fresh(0);
    wait_fresh(1);
    send_revoked(own, "probe", "u-1");
    send_revoked(own, "probe", "u-2");
    cr_assert(wait_told("u-1", 2) && wait_told("u-2", 2));
    cr_expect_eq(told_count, 6, "and nothing else");
    fixture_expect_metric(f, 1, "hlidka_bus_revocations_total ", 2);
}

Test(bus_broadcast, what_was_there_before_an_instance_is_not_told_to_it)
{
    send_revoked(own, "probe", "u-1");
    fixture_bus(f, 0);
    wait_fresh(0);
    cr_expect_eq(times_told("u-1"), 0);
}

static bool dead_letters(struct fixture *fx, void *cookie)
{
    return fx->dead.count >= *(size_t *)cookie;
}

Test(bus_broadcast, a_forged_revocation_is_a_dead_letter_and_nothing_else)
{
    size_t three = 3;

    fixture_bus(f, 0);
    wait_fresh(0);
    send_revoked(f->backend.keyring, "backend", "u-1");       /* honest about who it is */
    send_revoked(own, "backend", "u-2");                      /* and not: a key that is not that principal's */
    client_send(&f->backend, fixture_topic(f, "probe.revocations"), 0, (struct bytes){ 0 }, text_bytes(TEXT("junk")));
    cr_assert(fixture_wait(f, dead_letters, &three, 5000));
    cr_expect_str_eq(f->dead.items[0].reason, "wrong_topic");
    cr_expect_str_eq(f->dead.items[1].reason, "unknown_key");
    cr_expect_str_eq(f->dead.items[2].reason, "malformed");
    send_revoked(own, "probe", "u-3");
    cr_assert(wait_told("u-3", 1));
    cr_expect_eq(told_count, 2, "lost at the start, and u-3");
    fixture_expect_metric(f, 0, "hlidka_bus_revocations_refused_total ", 3);
    wait_fresh(0);
}

/* A later version's, while instances are replaced one by one: authentic, and of whom it is cannot be told. */
Test(bus_broadcast, what_is_said_in_words_not_known_here_is_told_as_lost)
{
    static const uint8_t LATER[] = "\x83\xa7user_id\xa3u-1\xa4time\x01\xa5later\xc3";

    fixture_bus(f, 0);
    wait_fresh(0);
    cr_expect_eq(times_told("lost"), 1);
    send_body(own, "probe", (struct bytes){ LATER, sizeof(LATER) - 1 });
    cr_expect(wait_told("lost", 2));
    cr_expect_eq(told_count, 2);
}

/*
 * Keys are being replaced and this instance is the last to hear of it: another uses the new one already, as sender or as
 * receiver. What it says cannot be read; heartbeats of our own come back all the while, so nothing else would tell.
 */
Test(bus_broadcast, what_comes_under_a_key_of_ours_not_known_yet_is_told_as_lost)
{
    static const uint8_t BODY[] = "\x82\xa7user_id\xa3u-1\xa4time\x01";
    struct keyring *newer = f->backend.keyring;               /* any that the service has not been told of */

    fixture_bus(f, 0);
    wait_fresh(0);
    cr_expect_eq(times_told("lost"), 1);
    send_sealed(newer, own, "probe", (struct bytes){ BODY, sizeof(BODY) - 1 });
    cr_expect(wait_told("lost", 2), "an unknown sender's key");
    send_sealed(own, newer, "probe", (struct bytes){ BODY, sizeof(BODY) - 1 });
    cr_expect(wait_told("lost", 3), "an unknown receiver's key");
    send_revoked(own, "probe", "u-2");
    cr_assert(wait_told("u-2", 1));
    cr_expect_eq(told_count, 4, "u-2 alone, whose order it keeps");
    wait_fresh(0);                                            /* what is read from now on may be kept */
    fixture_expect_metric(f, 0, "hlidka_bus_revocations_lost_total ", 3);
}

/* As SIGSTOP does: the loop stands still, and what comes meanwhile waits. */
Test(bus_broadcast, who_was_stopped_knows_all_before_it_is_fresh_again)
{
    unsigned zero = 0;

    for (unsigned round = 0; round < 3; round++) {
        char user[8];
        snprintf(user, sizeof(user), "u-%u", round);
        if (round == 0)
            fixture_bus(f, 0);
        wait_fresh(0);
        usleep(600 * 1000);
        send_revoked(own, "probe", user);
        usleep(700 * 1000);
        cr_assert(!bus_fresh(f->buses[0]), "asked before anything was read");
        cr_assert_eq(times_told(user), 0);
        cr_assert(fixture_wait(f, fresh, &zero, 5000));
        cr_assert_eq(times_told(user), 1, "told before it was fresh");
    }
    cr_expect_eq(times_told("lost"), 1, "nothing was missed: it all waited");
}

Test(bus_broadcast, without_heartbeats_nothing_is_fresh_after_a_second)
{
    unsigned zero = 0;

    if (f->real)
        cr_skip("needs the mock's faults");
    fixture_bus(f, 0);
    wait_fresh(0);
    cr_assert(!rd_kafka_mock_broker_set_down(f->mock, 1));
    fixture_sleep(f, 1100);                                   /* what it had been sent is read */
    cr_expect(!bus_fresh(f->buses[0]));
    cr_assert(!rd_kafka_mock_broker_set_up(f->mock, 1));
    cr_assert(fixture_wait(f, fresh, &zero, 15000));
}

/* The mock keeps 5 MiB: what is over is gone, unread. */
Test(bus_broadcast, what_went_by_unread_is_told_as_lost)
{
    static uint8_t junk[1000000];

    if (f->real)
        cr_skip("needs the mock's short memory");
    fixture_bus(f, 0);
    wait_fresh(0);
    send_revoked(own, "probe", "u-1");
    for (unsigned i = 0; i < 12; i++)
        client_send(&f->backend, fixture_topic(f, "probe.revocations"), 0, (struct bytes){ 0 }, (struct bytes){ junk, sizeof(junk) });
    client_flush(&f->backend);
    usleep(1100 * 1000);
    wait_fresh(0);
    cr_expect_eq(times_told("lost"), 2);
}

static void on_reported(void *cookie, int64_t number, bool delivered)
{
    unsigned *missing = cookie;

    (void)number;
    cr_expect(delivered);
    --*missing;
}

static bool none_missing(struct fixture *fx, void *cookie)
{
    (void)fx;
    return *(unsigned *)cookie == 0;
}

static enum result publish(unsigned number, unsigned *missing)
{
    char user[16];
    uint8_t random[10];
    struct bus_message m = { .kind = PUBLISH_REVOCATION, .body = text_bytes(TEXT("any")) };

    entropy_fill(random, sizeof(random));
    m.id = uuid_v7(clock_unix_ms(), random);
    m.key = (struct bytes){ (uint8_t *)user, (size_t)snprintf(user, sizeof(user), "u-%u", number) };
    return bus_publish(f->buses[0], &m, on_reported, missing, number);
}

static bool published(struct fixture *fx, void *cookie)
{
    (void)fx;
    return publish(0, cookie) == RESULT_OK;
}

/* An operator may add partitions to it while instances run. They read the first, and must not think that it is silent. */
Test(bus_broadcast, every_revocation_goes_where_it_is_read_whatever_its_key)
{
    enum { REVOCATIONS = 16, PARTITIONS = 4 };
    static const char *const TOPICS[] = { "wide.probe.requests", "wide.probe.dead", "wide.audit.events", "wide.probe.revocations" };
    unsigned missing = REVOCATIONS;

    if (f->real)
        cr_skip("its topics are the mock's");
    for (size_t i = 0; i < sizeof(TOPICS) / sizeof(TOPICS[0]); i++)
        cr_assert(!rd_kafka_mock_topic_create(f->mock, TOPICS[i], PARTITIONS, 1));
    f->options.prefix = "wide.";
    fixture_bus_start(f, 0);
    cr_assert(fixture_wait(f, published, &missing, 15000));
    for (unsigned i = 1; i < REVOCATIONS; i++)
        cr_assert_eq(publish(i, &missing), RESULT_OK);
    cr_assert(fixture_wait(f, none_missing, &missing, 15000));
    for (int32_t p = 0; p < PARTITIONS; p++) {
        int64_t low, high;

        cr_assert(!rd_kafka_query_watermark_offsets(f->producer, "wide.probe.revocations", p, &low, &high, 5000));
        cr_expect_eq(high, p == 0 ? REVOCATIONS : 0, "partition %d: %lld", p, (long long)high);
    }
}
