/* What effects send, from the row in their transaction to Kafka (outgoing.h), on a real postgres and a bus. */
#include "broadcast.h"
#include "durable_scene.h"
#include "outgoing.h"

#include "arena.h"
#include "clock.h"
#include "ip.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#define HEARD_MAX 1024

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

/* ---- audit, as it reads its topic --------------------------------------------------------------------------------- */

struct heard {
    struct uuid id;
    char user[16], endpoint[16], trace[65], key[16];
    size_t key_len;
};

static struct durable_scene scene;
static struct fixture *f;
static struct keyring *audit;
static struct principals *principals;
static rd_kafka_t *reader;
static struct heard heard[HEARD_MAX];
static size_t heard_count;
static char revoked[HEARD_MAX][16];     /* users that the listeners were told of */
static size_t revoked_count;

static void hear(const rd_kafka_message_t *m)
{
    struct envelope e;
    struct buffer plain;
    struct arena arena;
    struct audit_event event;
    struct field_errors errors;

    cr_assert_lt(heard_count, HEARD_MAX);
    buffer_init(&plain, ENVELOPE_VALUE_MAX);
    arena_init(&arena, NULL, 0, 1 << 20);
    cr_assert(!envelope_frame((struct bytes){ m->payload, m->len }, &e) && !envelope_parse(&e, ENVELOPE_EVENT));
    const struct principal *from = principals_find(principals, e.header.src);
    cr_assert(from && text_equal(from->name, TEXT("probe")) && text_equal(e.header.op, TEXT("event")));
    cr_assert(!e.header.has_n, "an event of the outbox is not counted");
    cr_assert(!open_box(audit, SEAL_RESPONDER, principal_key_find(from, &e.header.skid), &e, &plain));
    cr_assert(!body_decode(op_audit_event.request, buffer_bytes(&plain), &arena, &event, &errors));
    struct heard *h = &heard[heard_count++];
    *h = (struct heard){ .id = e.header.id, .key_len = m->key_len };
    snprintf(h->user, sizeof(h->user), "%.*s", TEXT_ARG(event.user_id));
    snprintf(h->endpoint, sizeof(h->endpoint), "%.*s", TEXT_ARG(event.endpoint));
    snprintf(h->trace, sizeof(h->trace), "%.*s", TEXT_ARG(e.header.trace));
    snprintf(h->key, sizeof(h->key), "%.*s", (int)m->key_len, (const char *)m->key);
    arena_reset(&arena);
    buffer_free(&plain);
}

static void open_audit(void)
{
    char path[128], error[256];
    struct buffer why;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    buffer_init(&why, 1024);
    snprintf(path, sizeof(path), "%s/audit.key", f->directory);
    cr_assert(!keyring_load(path, NULL, &audit, &why) && !principals_load(f->principals_path, &principals, &why));
    buffer_free(&why);
    cr_assert(!rd_kafka_conf_set(conf, "bootstrap.servers", f->brokers, error, sizeof(error)) &&
              !rd_kafka_conf_set(conf, "group.id", "none", error, sizeof(error)) &&
              !rd_kafka_conf_set(conf, "enable.auto.commit", "false", error, sizeof(error)) &&
              !rd_kafka_conf_set(conf, "fetch.wait.max.ms", f->real ? "50" : "1", error, sizeof(error)));
    reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
    cr_assert(reader);
    rd_kafka_topic_partition_list_add(list, fixture_topic(f, "audit.events"), 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    cr_assert(!rd_kafka_assign(reader, list));
    rd_kafka_topic_partition_list_destroy(list);
}

static void close_audit(void)
{
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
    keyring_free(audit);
    principals_drop(principals);
}

static bool heard_enough(struct fixture *fixture, void *cookie)
{
    rd_kafka_message_t *m;

    (void)fixture;
    while ((m = rd_kafka_consumer_poll(reader, 0))) {
        if (!m->err)
            hear(m);
        rd_kafka_message_destroy(m);
    }
    return heard_count >= *(size_t *)cookie;
}

static bool hear_events(size_t count, uint32_t ms)
{
    return fixture_wait(f, heard_enough, &count, ms);
}

/* ---- the service --------------------------------------------------------------------------------------------------- */

static void on_revoked(void *cookie, const struct auth_revoked *r)
{
    (void)cookie;
    cr_assert_lt(revoked_count, HEARD_MAX);
    snprintf(revoked[revoked_count++], sizeof(revoked[0]), "%.*s", TEXT_ARG(r->user_id));
}

static void on_lost(void *cookie)
{
    (void)cookie;
}

static void up(void)
{
    static const struct broadcast_listener LISTENER = { on_revoked, on_lost };
    static const char *const STREAMS[] = { OUTGOING_EVENTS, OUTGOING_REVOCATIONS, NULL };

    durable_scene_open(&scene, STREAMS, "CREATE TABLE kept AS SELECT * FROM outbox;");
    f = scene.f;
    f->options.listener = &LISTENER;
    open_audit();
}

static void down(void)
{
    close_audit();
    durable_scene_close(&scene);
}

TestSuite(durable_outbox, .init = up, .fini = down, .timeout = 120);

static const struct pg_statement ROWS = { "test_rows", "SELECT count(*) FROM outbox", "" };

static int64_t rows_left(unsigned i)
{
    return durable_scene_int(&scene, i, &ROWS);
}

static struct pg_batch *writes(void)
{
    struct pg_batch *b;

    cr_assert_eq(pg_batch_new(1 << 20, &b), RESULT_OK);
    return b;
}

static struct audit_event event_of(const char *user, const char *endpoint)
{
    return (struct audit_event){
        .type = TEXT("auth.login"), .time = clock_unix_ms(), .outcome = AUDIT_SUCCESS,
        .user_id = user ? text_of(user) : (struct text){ NULL, 0 }, .endpoint = text_of(endpoint),
    };
}

static void add_event(struct pg_batch *b, unsigned i, const char *user, const char *endpoint)
{
    struct audit_event e = event_of(user, endpoint);

    cr_assert_eq(outgoing_event(scene.durables[i], b, &e, (struct text){ NULL, 0 }), RESULT_OK);
}

/* One transaction. */
static void commit(unsigned i, struct pg_batch *b)
{
    cr_assert_neq(durable_scene_run(&scene, i, b), -1);
    durable_wake(scene.durables[i]);
}

static void send_event(unsigned i, const char *user, const char *endpoint)
{
    struct pg_batch *b = writes();

    add_event(b, i, user, endpoint);
    commit(i, b);
}

static void sql(unsigned i, const struct pg_statement *s)
{
    (void)durable_scene_int(&scene, i, s);
}

struct published {
    bool over, published;
};

static void on_published(void *cookie, bool published)
{
    *(struct published *)cookie = (struct published){ true, published };
}

static bool is_over(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    return ((struct published *)cookie)->over;
}

static bool published(unsigned i, const char *stream, const char *user, uint64_t timeout_ms)
{
    struct published p = { false, false };

    durable_when_published(scene.durables[i], stream, text_of(user), timeout_ms, on_published, &p);
    cr_assert(!p.over, "called back from within");
    cr_assert(fixture_wait(f, is_over, &p, (uint32_t)timeout_ms + 3000));
    return p.published;
}

/* ---- what must hold ------------------------------------------------------------------------------------------------ */

Test(durable_outbox, an_event_comes_to_audit_as_it_was_written_and_leaves_no_row)
{
    static const char TRACE[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    struct audit_event e = event_of("u-1", "first"), from_address = event_of(NULL, "second"), bare = event_of(NULL, "third");
    struct pg_batch *b = writes();
    uint64_t before_ms = clock_unix_ms();

    from_address.has_ip = true;
    cr_assert_eq(ip_parse(TEXT("192.0.2.7"), &from_address.ip), RESULT_OK);
    cr_assert_eq(outgoing_event(scene.durables[0], b, &e, text_of(TRACE)), RESULT_OK);
    cr_assert_eq(outgoing_event(scene.durables[0], b, &from_address, (struct text){ NULL, 0 }), RESULT_OK);
    cr_assert_eq(outgoing_event(scene.durables[0], b, &bare, (struct text){ NULL, 0 }), RESULT_OK);
    commit(0, b);
    uint64_t after_ms = clock_unix_ms();
    fixture_sleep(f, 300);
    fixture_bus(f, 0);
    cr_assert(hear_events(3, 10000));
    cr_expect_str_eq(heard[0].endpoint, "first");
    cr_expect_str_eq(heard[0].user, "u-1");
    cr_expect_str_eq(heard[0].key, "u-1");
    cr_expect_str_eq(heard[0].trace, TRACE);
    cr_expect_eq(heard[1].key_len, 2, "an address is hashed to where, not who");
    cr_expect_str_eq(heard[2].key, "hlidka");
    for (size_t i = 0; i < 3; i++) {
        uint64_t t = uuid_time_ms(&heard[i].id);
        cr_expect(t >= before_ms && t <= after_ms, "T is when it was written, not when it was relayed");
    }
    cr_expect(published(0, OUTGOING_EVENTS, "u-1", 5000));
    fixture_sleep(f, 1500);
    cr_expect_eq(rows_left(0), 0);
    cr_expect(!hear_events(4, 500), "nothing comes twice");
}

Test(durable_outbox, each_users_events_come_in_the_order_of_their_commits)
{
    enum { USERS = 3, EACH = 120 };
    static const char *const NAMES[USERS] = { "a", "b", "c" };
    unsigned next[USERS] = { 0 };
    char number[16];

    fixture_two_buses(f);
    for (unsigned n = 0; n < EACH; n++) {
        struct pg_batch *b = writes();
        snprintf(number, sizeof(number), "%u", n);
        for (unsigned u = 0; u < USERS; u++)
            add_event(b, n % 2, NAMES[u], number);
        commit(n % 2, b);
    }
    cr_assert(hear_events((size_t)USERS * EACH, 20000), "%zu", heard_count);
    cr_expect(!hear_events((size_t)USERS * EACH + 1, 1500), "nothing comes twice");
    for (size_t i = 0; i < heard_count; i++) {
        unsigned u = (unsigned)(heard[i].user[0] - 'a');
        cr_assert_lt(u, USERS);
        cr_assert_eq((unsigned)strtoul(heard[i].endpoint, NULL, 10), next[u], "%s: %s instead of %u", heard[i].user, heard[i].endpoint, next[u]);
        next[u]++;
    }
    cr_expect_eq(rows_left(0), 0);
}

Test(durable_outbox, what_a_dead_instance_left_is_relayed_by_another)
{
    send_event(0, "u-1", "left");
    cr_assert_eq(rows_left(0), 1);
    durable_scene_close_one(&scene, 0);
    fixture_bus(f, 1);
    cr_assert(hear_events(1, 10000));
    cr_expect_str_eq(heard[0].endpoint, "left");
    cr_expect(published(1, OUTGOING_EVENTS, "u-1", 5000));
    cr_expect_eq(rows_left(1), 0);
}

/* The second instance has no bus, and takes whatever is due as eagerly as the first. */
Test(durable_outbox, an_instance_that_cannot_reach_kafka_does_not_keep_its_rows_from_others)
{
    fixture_bus(f, 0);
    for (unsigned n = 0; n < 5; n++) {
        size_t count = n + 1;
        send_event(1, "u-1", "stuck");
        cr_assert(fixture_wait(f, heard_enough, &count, 6000), "%u", n);
    }
    cr_expect(published(0, OUTGOING_EVENTS, "u-1", 5000));
}

/* A relay that died between the delivery and the deletion. */
Test(durable_outbox, a_row_that_is_relayed_again_is_the_same_message)
{
    static const struct pg_statement KEEP = { "test_keep", "INSERT INTO kept SELECT * FROM outbox", "" };
    static const struct pg_statement AGAIN = { "test_again",
        "INSERT INTO outbox OVERRIDING SYSTEM VALUE SELECT * FROM kept", "" };

    send_event(0, "u-1", "twice");
    sql(0, &KEEP);
    fixture_bus(f, 0);
    cr_assert(hear_events(1, 10000));
    cr_assert(published(0, OUTGOING_EVENTS, "u-1", 5000));
    sql(0, &AGAIN);
    cr_assert(hear_events(2, 10000));
    cr_expect_eq(memcmp(&heard[0].id, &heard[1].id, sizeof(struct uuid)), 0);
    cr_expect_str_eq(heard[1].endpoint, "twice");
}

Test(durable_outbox, a_row_that_was_tampered_with_goes_nowhere_and_holds_up_nobody_else)
{
    static const struct pg_statement STEAL = { "test_steal",
        "UPDATE outbox SET user_key = 'mallory', kafka_key = 'mallory' WHERE user_key = 'u-1'", "" };
    static const struct pg_statement BEND = { "test_bend",
        "UPDATE outbox SET sealed = set_byte(sealed, 40, get_byte(sealed, 40) # 1) WHERE user_key = 'u-2'", "" };

    send_event(0, "u-1", "stolen");
    send_event(0, "u-2", "bent");
    send_event(0, "u-3", "sound");
    sql(0, &STEAL);
    sql(0, &BEND);
    fixture_bus(f, 0);
    cr_assert(hear_events(1, 10000));
    cr_expect_str_eq(heard[0].endpoint, "sound");
    cr_expect(!hear_events(2, 1500));
    cr_expect_eq(rows_left(0), 2);
}

/* For an hour or so, as the metrics say, which are left in `cookie`. */
static bool two_wait(struct fixture *fixture, void *cookie)
{
    static const char OLDEST[] = "hlidka_outbox_oldest_seconds{stream=\"events\"} ";
    const size_t cap = 65536;
    struct buffer text;

    (void)fixture;
    buffer_init(&text, cap);
    cr_assert(!metrics_print(scene.services[0].metrics, &text));
    snprintf(cookie, cap, "%.*s", (int)text.len, (const char *)text.data);
    buffer_free(&text);
    const char *oldest = strstr(cookie, OLDEST);
    double seconds = oldest ? atof(oldest + sizeof(OLDEST) - 1) : 0;
    return strstr(cookie, "hlidka_outbox_waiting{stream=\"events\"} 2\n") && seconds > 3600 && seconds < 3660;
}

/* Looked at every 10 s. */
Test(durable_outbox, the_operator_sees_how_many_wait_and_for_how_long)
{
    static const struct pg_statement AGE = { "test_age", "UPDATE outbox SET created = created - interval '1 hour'", "" };
    static char out[65536];

    send_event(0, "u-1", "one");
    send_event(0, "u-2", "two");
    sql(0, &AGE);
    cr_assert(fixture_wait(f, two_wait, out, 25000), "%s", out);
    cr_expect(strstr(out, "hlidka_outbox_waiting{stream=\"revocations\"} 0\n"));
}

Test(durable_outbox, rows_say_nothing_of_what_they_send)
{
    static const struct pg_statement CLEAR = { "test_clear",
        "SELECT count(*) FROM outbox WHERE position('canary' IN encode(sealed, 'escape')) > 0", "" };

    send_event(0, "u-1", "canary");
    cr_assert_eq(rows_left(0), 1);
    cr_expect_eq(durable_scene_int(&scene, 0, &CLEAR), 0);
}

static bool told(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    return revoked_count >= *(size_t *)cookie;
}

static void send_revoked(unsigned i, const char *user)
{
    struct auth_revoked r = { .user_id = text_of(user), .time = clock_unix_ms() };
    struct pg_batch *b = writes();

    cr_assert_eq(outgoing_revoked(scene.durables[i], b, &r, (struct text){ NULL, 0 }), RESULT_OK);
    commit(i, b);
}

static bool fresh(struct fixture *fixture, void *cookie)
{
    (void)cookie;
    return bus_fresh(fixture->buses[0]) && bus_fresh(fixture->buses[1]);
}

Test(durable_outbox, revocations_reach_every_instance_and_whoever_waits_for_them_is_told)
{
    size_t both = 2;

    send_revoked(0, "u-1");
    cr_expect(!published(0, OUTGOING_REVOCATIONS, "u-1", 500), "there is no bus yet");
    cr_expect(published(0, OUTGOING_REVOCATIONS, "u-2", 5000), "of another user there is nothing");
    cr_expect(published(0, OUTGOING_EVENTS, "u-1", 5000), "nor in another stream");
    fixture_two_buses(f);
    cr_expect(published(1, OUTGOING_REVOCATIONS, "u-1", 5000), "written elsewhere, waited for here");
    cr_assert(fixture_wait(f, fresh, NULL, 10000));
    revoked_count = 0;
    send_revoked(1, "u-3");
    cr_expect(published(1, OUTGOING_REVOCATIONS, "u-3", 5000));
    cr_assert(fixture_wait(f, told, &both, 5000));
    cr_expect_str_eq(revoked[0], "u-3");
    cr_expect_str_eq(revoked[1], "u-3");
}

Test(durable_outbox, what_is_waited_for_when_it_closes_is_not_published)
{
    struct published p = { false, false };

    send_revoked(0, "u-1");
    durable_when_published(scene.durables[0], OUTGOING_REVOCATIONS, TEXT("u-1"), 60000, on_published, &p);
    fixture_sleep(f, 100);
    durable_scene_close_one(&scene, 0);
    cr_expect(p.over);
    cr_expect(!p.published);
}
