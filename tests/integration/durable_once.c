/* Ops marked once on a real postgres and a bus (once.h, outgoing.h): two instances in one process, on one loop. */
#include "request_internal.h"
#include "durable_scene.h"
#include "once.h"
#include "outgoing.h"

#include "clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

/* ---- probe.once: by its text -------------------------------------------------------------------------------------- */

static const struct pg_statement LOCK = { "test_lock", "SELECT n FROM counter FOR UPDATE", "" };
static const struct pg_statement COUNT = { "test_count", "UPDATE counter SET n = n + 1", "" };
static const struct pg_statement READ = { "test_read", "SELECT n FROM counter", "" };
static const struct pg_statement CLASH = { "test_clash", "INSERT INTO names (name) VALUES ($1)", "t" };
static const struct pg_statement SLOW = { "test_slow", "INSERT INTO slow DEFAULT VALUES", "" };
static const struct pg_statement PAUSE = { "test_pause", "UPDATE pause SET seconds = $1", "f" };
static const struct pg_statement SEEN = { "test_seen", "SELECT count(*) FROM names WHERE name = $1", "t" };

static struct durable_scene scene;
static struct fixture *f;
static unsigned hooks;

static enum result read_counter(struct once *c, void *op, struct pg_batch *reads)
{
    const struct probe_request *body = request_body(once_request(c));

    (void)op;
    enum result r = pg_batch_add(reads, &LOCK, NULL, 0);
    return r ? r : pg_add(reads, &SEEN, PG_TEXT(body->text));
}

static void decide(struct once *c, void *op, struct pg_batch *rows)
{
    const struct probe_request *body = request_body(once_request(c));
    struct audit_event event = { .type = TEXT("auth.login"), .time = clock_unix_ms(), .outcome = AUDIT_SUCCESS,
                                 .user_id = TEXT("u-1") };
    struct pg_batch *writes = once_writes(c);
    int64_t n = pg_int(rows, ONCE_FIRST, 0, 0);

    (void)op;
    int64_t seen = pg_int(rows, ONCE_FIRST + 1, 0, 0);
    bool claims = body->text.len > 5 && memcmp(body->text.data, "claim", 5) == 0;

    if (text_equal(body->text, TEXT("refuse")) || (claims && seen > 0)) {
        once_refuse(c, FAULT_NOT_FOUND, NULL);
        return;
    }
    enum result r = pg_batch_add(writes, &COUNT, NULL, 0);
    if (!r)
        r = outgoing_event(once_durable(c), writes, &event, (struct text){ NULL, 0 });
    if (!r && text_equal(body->text, TEXT("slow")))
        r = pg_batch_add(writes, &SLOW, NULL, 0);
    if (!r && (claims || (text_equal(body->text, TEXT("clash")) && seen == 0)))
        r = pg_add(writes, &CLASH, PG_TEXT(body->text));
    if (r)
        once_fail(c, r);
    else if (text_equal(body->text, TEXT("wrong code")))
        once_commit_fault(c, FAULT_INVALID_CODE, 0, NULL);
    else
        once_commit(c, &(struct probe_result){ .count = (uint64_t)n + 1 });
}

static void committed(struct once *c, void *op, bool repeated, struct pg_batch *rows)
{
    const struct probe_request *body = request_body(once_request(c));

    (void)op;
    hooks++;
    cr_expect_eq(repeated, rows != NULL);
    if (!repeated && text_equal(body->text, TEXT("withhold")))
        once_withhold(c);
    else
        once_send(c);
}

/* ---- "of KEY/NAME": may share its transaction with those of other keys; makes a name, once ------------------------------ */

static struct text name_of(struct text text)
{
    const char *slash = memchr(text.data, '/', text.len);

    return (struct text){ slash, text.len - (size_t)(slash - text.data) };
}

static void key(void *op, uint8_t out[PG_SHARE_KEY_LEN])
{
    const struct probe_request *body = op;

    memset(out, 0, PG_SHARE_KEY_LEN);
    memcpy(out, body->text.data, body->text.len - name_of(body->text).len);
}

static enum result read_name(struct once *c, void *op, struct pg_batch *reads)
{
    const struct probe_request *body = op;

    (void)c;
    return pg_add(reads, &SEEN, PG_TEXT(name_of(body->text)));
}

static void decide_name(struct once *c, void *op, struct pg_batch *rows)
{
    const struct probe_request *body = op;
    struct audit_event event = { .type = TEXT("auth.login"), .time = clock_unix_ms(), .outcome = AUDIT_SUCCESS,
                                 .user_id = TEXT("u-1") };

    if (pg_int(rows, ONCE_FIRST, 0, 0) > 0) {
        once_refuse(c, FAULT_NOT_FOUND, NULL);
        return;
    }
    enum result r = pg_add(once_writes(c), &CLASH, PG_TEXT(name_of(body->text)));
    if (!r)
        r = outgoing_event(once_durable(c), once_writes(c), &event, (struct text){ NULL, 0 });
    if (r)
        once_fail(c, r);
    else
        once_commit(c, &(struct probe_result){ .count = 1 });
}

static void handle_once(void *service, struct request *rq)
{
    static const struct once_op HOW = { read_counter, decide, committed, NULL };
    static const struct once_op SHARED = { read_name, decide_name, NULL, key };

    const struct probe_request *body = request_body(rq);
    static bool slept;

    (void)service;
    if (text_equal(body->text, TEXT("sleep")) && !slept) {
        slept = true;
        rq->deadline_ns = clock_boot_ns() - 61 * UINT64_C(1000000000);
    }
    /* The probe serves both buses: which durable is all the same to the store. */
    static unsigned turn;
    if (body->text.len > 3 && memcmp(body->text.data, "of ", 3) == 0)
        once_run(scene.durables[turn++ / 40 % 2], rq, &SHARED, (void *)body);
    else
        once_run(scene.durables[turn++ % 2], rq, &HOW, NULL);
}

static const struct route ROUTES[] = { { &op_probe_once, handle_once } };

/* ---- the scene ---------------------------------------------------------------------------------------------------- */

static void up(void)
{
    static const char *const STREAMS[] = { OUTGOING_EVENTS, NULL };
    static const char SQL[] =
        "CREATE TABLE counter (n bigint); INSERT INTO counter VALUES (0); CREATE TABLE names (name text PRIMARY KEY);"
        "CREATE TABLE pause (seconds float8); INSERT INTO pause VALUES (0); CREATE TABLE slow (x int);"
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep((SELECT seconds FROM pause)); RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION dawdle();";

    durable_scene_open(&scene, STREAMS, SQL);
    f = scene.f;
    f->options.routes = ROUTES;
    f->options.route_count = 1;
    fixture_two_buses(f);
}

static void down(void)
{
    durable_scene_close(&scene);
}

TestSuite(durable_once, .init = up, .fini = down, .timeout = 120);

static int64_t effects(void)
{
    return durable_scene_int(&scene, 0, &READ);
}

/* The id again, sealed anew as a client would. */
static void send_again(const struct uuid *id, const char *text, int32_t partition)
{
    struct envelope_header h = client_header(&f->backend, "probe.once");
    struct buffer body, value;

    h.id = *id;
    buffer_init(&body, 4096);
    buffer_init(&value, 8192);
    probe_body(&body, text, 0);
    client_seal(&f->backend, &h, buffer_bytes(&body), &value);
    client_send(&f->backend, fixture_topic(f, "probe.requests"), partition, (struct bytes){ 0 }, buffer_bytes(&value));
    buffer_free(&value);
    buffer_free(&body);
}

struct wanted {
    const struct uuid *id;
    size_t replies;
};

static bool replied(struct fixture *fixture, void *cookie)
{
    const struct wanted *w = cookie;

    return client_replies(&fixture->backend, w->id) >= w->replies;
}

static const struct arrived *reply(const struct uuid *id, size_t i)
{
    struct wanted w = { id, i + 1 };

    cr_assert(fixture_wait(f, replied, &w, 15000), "reply %zu", i);
    return client_reply(&f->backend, id, i);
}

/* How long a COMMIT of "slow" takes from now on. */
static void pause_commits(double seconds)
{
    struct pg_batch *b;

    cr_assert_eq(pg_batch_new(64, &b), RESULT_OK);
    cr_assert_eq(pg_add(b, &PAUSE, PG_REAL(seconds)), RESULT_OK);
    (void)durable_scene_run(&scene, 0, b);
}

static bool events_came(struct fixture *fixture, void *cookie)
{
    return fixture->events.count >= *(size_t *)cookie;
}

/* ---- what must hold ----------------------------------------------------------------------------------------------- */

Test(durable_once, what_is_sent_again_gets_the_first_answer_and_has_no_second_effect)
{
    struct uuid id = client_ask(&f->backend, "probe.once", "a", 0);
    uint32_t first = reply(&id, 0)->hash;
    size_t events = 1;

    for (int32_t i = 1; i <= 3; i++) {
        send_again(&id, "a", i % FIXTURE_PARTITIONS);
        cr_expect_eq(reply(&id, (size_t)i)->hash, first);
    }
    cr_expect_eq(effects(), 1);
    cr_expect_eq(hooks, 4);
    cr_expect(fixture_wait(f, events_came, &events, 10000));
    fixture_sleep(f, 1500);
    cr_expect_eq(f->events.count, 1, "%zu events", f->events.count);
}

Test(durable_once, another_body_under_the_same_id_is_a_conflict)
{
    struct uuid id = client_ask(&f->backend, "probe.once", "a", 0);

    cr_assert_eq(reply(&id, 0)->status, 200);
    send_again(&id, "b", 0);
    cr_expect_eq(reply(&id, 1)->status, 409);
    cr_expect_str_eq(reply(&id, 1)->code, "conflict");
    cr_expect_eq(effects(), 1);
}

Test(durable_once, copies_at_one_instant_have_one_effect)
{
    enum { ROUNDS = 10 };

    for (int round = 0; round < ROUNDS; round++) {
        uint8_t random[10] = { (uint8_t)round };
        struct uuid id = uuid_v7(clock_unix_ms(), random);
        for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++)
            send_again(&id, "same", p);
        uint32_t first = reply(&id, 0)->hash;
        for (size_t i = 1; i < FIXTURE_PARTITIONS; i++)
            cr_expect_eq(reply(&id, i)->hash, first);
    }
    cr_expect_eq(effects(), ROUNDS);
}

Test(durable_once, two_that_claim_the_same_thing_both_end)
{
    struct uuid ids[4];

    for (size_t i = 0; i < 4; i++)
        ids[i] = client_ask(&f->backend, "probe.once", "clash", (int32_t)i);
    for (size_t i = 0; i < 4; i++)
        cr_expect_eq(reply(&ids[i], 0)->status, 200);
    cr_expect_eq(effects(), 4);
}

Test(durable_once, a_refusal_is_recorded_only_when_it_had_an_effect)
{
    struct uuid plain = client_ask(&f->backend, "probe.once", "refuse", 0);
    struct uuid counted_one = client_ask(&f->backend, "probe.once", "wrong code", 1);

    cr_expect_eq(reply(&plain, 0)->status, 404);
    cr_expect_str_eq(reply(&counted_one, 0)->code, "invalid_code");
    uint32_t first = reply(&counted_one, 0)->hash;
    send_again(&plain, "refuse", 0);
    send_again(&counted_one, "wrong code", 2);
    cr_expect_eq(reply(&plain, 1)->status, 404);
    cr_expect_eq(reply(&counted_one, 1)->hash, first);
    cr_expect_eq(effects(), 1);
}

Test(durable_once, without_the_store_it_is_unavailable_and_the_same_id_has_its_effect_later)
{
    struct uuid before = client_ask(&f->backend, "probe.once", "a", 0), during;

    uint32_t first = reply(&before, 0)->hash;
    durable_scene_kill(&scene);
    during = client_ask(&f->backend, "probe.once", "b", 1);
    cr_expect_eq(reply(&during, 0)->status, 503);
    send_again(&before, "a", 2);
    cr_expect_eq(reply(&before, 1)->status, 503);
    durable_scene_restart(&scene);
    send_again(&during, "b", 1);
    send_again(&before, "a", 2);
    cr_expect_eq(reply(&during, 1)->status, 200, "%s", reply(&during, 1)->code);
    cr_expect_eq(reply(&before, 2)->hash, first);
    cr_expect_eq(effects(), 2);
}

/* What the second would decide from the rows that the first has changed is not what the client is told. */
Test(durable_once, a_copy_at_another_instance_is_not_refused_for_what_the_first_has_done)
{
    enum { ROUNDS = 20 };
    char name[16];

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t random[10] = { (uint8_t)round };
        struct uuid id = uuid_v7(clock_unix_ms(), random);
        snprintf(name, sizeof(name), "claim-%u", round);
        for (int32_t p = 0; p < FIXTURE_PARTITIONS; p++)
            send_again(&id, name, p);
        for (size_t i = 0; i < FIXTURE_PARTITIONS; i++) {
            cr_expect_eq(reply(&id, i)->status, 200, "round %u, copy %zu: %s", round, i, reply(&id, i)->code);
            cr_expect_eq(reply(&id, i)->hash, reply(&id, 0)->hash);
        }
    }
    cr_expect_eq(effects(), ROUNDS);
}

/* The connection is given up after 3 s; the server commits a second later, and nobody hears of it. */
Test(durable_once, a_commit_that_was_not_answered_is_looked_up_and_answered_with_its_reply)
{
    pause_commits(4);
    struct uuid id = client_ask(&f->backend, "probe.once", "slow", 0);
    const struct arrived *first = reply(&id, 0);

    cr_expect_eq(first->status, 200, "%s", first->code);
    cr_expect_eq(effects(), 1);
    pause_commits(0);
    send_again(&id, "slow", 1);
    cr_expect_eq(reply(&id, 1)->hash, reply(&id, 0)->hash);
    cr_expect_eq(effects(), 1);
}

static bool is_committing(struct fixture *fixture, void *cookie)
{
    static const struct pg_statement SLEEPING = { "test_sleeping",
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'", "" };

    (void)fixture;
    (void)cookie;
    return durable_scene_int(&scene, 0, &SLEEPING) > 0;
}

Test(durable_once, a_server_killed_in_the_middle_of_a_commit_has_the_effect_once_when_it_is_back)
{
    pause_commits(20);
    struct uuid id = client_ask(&f->backend, "probe.once", "slow", 0);
    size_t events = 1;

    cr_assert(fixture_wait(f, is_committing, NULL, 10000));
    pause_commits(0);
    db_server_kill(scene.server);
    fixture_sleep(f, 500);
    cr_assert_eq(client_replies(&f->backend, &id), 0);
    db_server_restart(scene.server);
    cr_expect_eq(reply(&id, 0)->status, 200, "%s", reply(&id, 0)->code);
    cr_expect_eq(effects(), 1);
    cr_expect(fixture_wait(f, events_came, &events, 10000));
    fixture_sleep(f, 1500);
    cr_expect_eq(f->events.count, 1);
}

Test(durable_once, an_answer_withheld_is_unavailable_and_the_repeat_has_it)
{
    struct uuid id = client_ask(&f->backend, "probe.once", "withhold", 0);

    cr_expect_eq(reply(&id, 0)->status, 503);
    send_again(&id, "withhold", 1);
    cr_expect_eq(reply(&id, 1)->status, 200);
    cr_expect_eq(effects(), 1);
}

/* Stopped before it began, it may wake when another has had the effect and the record of that is gone. */
Test(durable_once, who_wakes_long_after_the_deadline_does_nothing)
{
    struct uuid id = client_ask(&f->backend, "probe.once", "sleep", 0);

    cr_expect_eq(reply(&id, 0)->status, 503);
    cr_expect_eq(effects(), 0);
    send_again(&id, "sleep", 1);
    cr_expect_eq(reply(&id, 1)->status, 200);
    cr_expect_eq(effects(), 1);
}

/* ---- transactions that are shared ---------------------------------------------------------------------------------- */

static int64_t names_made(void)
{
    static const struct pg_statement NAMES = { "test_names", "SELECT count(*) FROM names", "" };

    return durable_scene_int(&scene, 0, &NAMES);
}

static int64_t transactions(void)
{
    static const struct pg_statement MADE = { "test_made_by", "SELECT count(DISTINCT xmin::text) FROM names", "" };

    return durable_scene_int(&scene, 0, &MADE);
}

Test(durable_once, those_that_wait_together_have_each_an_effect_an_answer_and_an_event)
{
    enum { MANY = 200 };
    struct uuid ids[MANY];
    uint32_t hashes[MANY];
    char text[40];
    size_t events = MANY;

    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "of %d/%d", i, i);
        ids[i] = client_ask(&f->backend, "probe.once", text, i % FIXTURE_PARTITIONS);
    }
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(reply(&ids[i], 0)->status, 200, "%d: %s", i, reply(&ids[i], 0)->code);
        hashes[i] = reply(&ids[i], 0)->hash;
    }
    cr_expect_eq(names_made(), MANY);
    cr_expect_lt(transactions(), MANY, "%d", (int)transactions());
    for (int i = 0; i < MANY; i += 20) {
        snprintf(text, sizeof(text), "of %d/%d", i, i);
        send_again(&ids[i], text, 0);
        cr_expect_eq(reply(&ids[i], 1)->hash, hashes[i]);
    }
    cr_expect(fixture_wait(f, events_came, &events, 10000));
    fixture_sleep(f, 1500);
    cr_expect_eq(f->events.count, MANY, "%zu events", f->events.count);
}

/* The keys say that they have nothing in common, which is not so: the database finds it, and each is decided alone. */
Test(durable_once, one_that_undoes_a_shared_transaction_costs_the_others_nothing_but_time)
{
    enum { MANY = 60, CLASHING = 6 };
    struct uuid ids[MANY];
    unsigned made = 0, refused = 0;
    char text[40];

    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "of %d/%d", i, i % 10 == 0 ? 0 : i);
        ids[i] = client_ask(&f->backend, "probe.once", text, i % FIXTURE_PARTITIONS);
    }
    for (int i = 0; i < MANY; i++) {
        uint64_t status = reply(&ids[i], 0)->status;
        if (i % 10 == 0) {
            made += status == 200;
            refused += status == 404;
        } else {
            cr_expect_eq(status, 200, "%d: %s", i, reply(&ids[i], 0)->code);
        }
    }
    cr_expect_eq(made, 1);
    cr_expect_eq(refused, CLASHING - 1);
    cr_expect_eq(names_made(), MANY - CLASHING + 1);
}

Test(durable_once, one_id_with_two_bodies_at_one_instant_has_one_effect_and_a_conflict)
{
    enum { ROUNDS = 20 };
    char text[40];

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t random[10] = { (uint8_t)round };
        struct uuid id = uuid_v7(clock_unix_ms(), random);
        for (int32_t p = 0; p < 4; p++) {
            snprintf(text, sizeof(text), "of %d/%u-%d", p % 2, round, p % 2);
            send_again(&id, text, p % FIXTURE_PARTITIONS);
        }
        unsigned made = 0, conflicts = 0;
        for (size_t i = 0; i < 4; i++) {
            made += reply(&id, i)->status == 200;
            conflicts += reply(&id, i)->status == 409;
        }
        cr_expect(made == 2 && conflicts == 2, "round %u: %u and %u", round, made, conflicts);
    }
    cr_expect_eq(names_made(), ROUNDS);
}

Test(durable_once, a_shared_transaction_whose_connection_is_lost_has_its_effects_once_or_not)
{
    enum { MANY = 100 };
    struct uuid ids[MANY];
    char text[40];

    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "of %d/%d", i, i);
        ids[i] = client_ask(&f->backend, "probe.once", text, i % FIXTURE_PARTITIONS);
    }
    struct wanted some = { &ids[MANY / 4], 1 };
    (void)fixture_wait(f, replied, &some, 5000);
    durable_scene_kill(&scene);
    fixture_sleep(f, 200);
    durable_scene_restart(&scene);
    for (int i = 0; i < MANY; i++)
        (void)reply(&ids[i], 0);
    for (int i = 0; i < MANY; i++) {
        uint64_t first = reply(&ids[i], 0)->status;
        uint32_t hash = reply(&ids[i], 0)->hash;
        snprintf(text, sizeof(text), "of %d/%d", i, i);
        send_again(&ids[i], text, 0);
        cr_expect(first == 200 || first == 503, "%d: %d", i, (int)first);
        cr_expect_eq(reply(&ids[i], 1)->status, 200, "%d: %s", i, reply(&ids[i], 1)->code);
        cr_expect(first == 503 || reply(&ids[i], 1)->hash == hash);
    }
    cr_expect_eq(names_made(), MANY);
}
