/* Ops marked once on a real postgres and a bus (once.h, outgoing.h): two instances in one process, on one loop. */
#include "bus_fixture.h"
#include "db_server.h"
#include "once.h"
#include "outgoing.h"

#include "clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
    (void)set;
    db_template_make();
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
    (void)stats;
    db_template_remove();
}

/* ---- a service of the test's own, in place of common/service ----------------------------------------------------- */

struct service {
    struct fixture *f;
    unsigned number;
    bool given_up;
    struct metrics *metrics;
    char name[16];
};

struct uv_loop_s *service_loop(struct service *s)
{
    return &s->f->loop;
}

struct metrics *service_metrics(struct service *s)
{
    return s->metrics;
}

struct bus *service_bus(struct service *s)
{
    return s->f->buses[s->number];
}

const char *service_instance(const struct service *s)
{
    return s->name;
}

struct service_identity service_identity(const struct service *s)
{
    return (struct service_identity){ s->f->brokers, s->f->prefix, s->f->principals_path, "" };
}

void service_hold(struct service *s, bool hold)
{
    (void)s;
    (void)hold;
}

void service_give_up(struct service *s, const char *why)
{
    (void)why;
    s->given_up = true;
}

/* ---- probe.once: by its text -------------------------------------------------------------------------------------- */

static const struct pg_statement LOCK = { "test_lock", "SELECT n FROM counter FOR UPDATE", "" };
static const struct pg_statement COUNT = { "test_count", "UPDATE counter SET n = n + 1", "" };
static const struct pg_statement READ = { "test_read", "SELECT n FROM counter", "" };
static const struct pg_statement CLASH = { "test_clash", "INSERT INTO names (name) VALUES ($1)", "t" };
static const struct pg_statement SEEN = { "test_seen", "SELECT count(*) FROM names WHERE name = $1", "t" };

static struct fixture *f;
static struct db_server *server;
static struct service services[2];
static struct durable *durables[2];
static unsigned opened, closed, hooks;
static char directory[64];

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
    if (text_equal(body->text, TEXT("refuse"))) {
        once_refuse(c, FAULT_NOT_FOUND, NULL);
        return;
    }
    enum result r = pg_batch_add(writes, &COUNT, NULL, 0);
    if (!r)
        r = outgoing_event(once_durable(c), writes, &event, (struct text){ NULL, 0 });
    if (!r && text_equal(body->text, TEXT("clash")) && pg_int(rows, ONCE_FIRST + 1, 0, 0) == 0)
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
    (void)op;
    hooks++;
    cr_expect_eq(repeated, rows != NULL);
    once_send(c);
}

static void handle_once(void *service, struct request *rq)
{
    static const struct once_op HOW = { read_counter, decide, committed };

    (void)service;
    /* The probe serves both buses: which durable is all the same to the store. */
    static unsigned turn;
    once_run(durables[turn++ % 2], rq, &HOW, NULL);
}

static const struct route ROUTES[] = { { &op_probe_once, handle_once } };

/* ---- the scene ---------------------------------------------------------------------------------------------------- */

static void on_opened(void *cookie)
{
    (void)cookie;
    opened++;
}

static void on_migrated(void *cookie)
{
    struct secret *secret;
    uint8_t key[32] = "the same key for both instances";
    struct durable **d = cookie;

    cr_assert_eq(secret_from(key, sizeof(key), &secret), RESULT_OK);
    cr_assert_eq(durable_set_secret(*d, secret), RESULT_OK);
    secret_free(secret);
}

static void on_closed(void *cookie)
{
    (void)cookie;
    closed++;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0 && chmod(path, mode) == 0);
}

/* A directory that looks as the project's does to durable_open. */
static void make_directory(void)
{
    char command[512], *root = getcwd(NULL, 0);

    snprintf(directory, sizeof(directory), "/tmp/hlidka-durable-XXXXXX");
    cr_assert(root && mkdtemp(directory));
    snprintf(command, sizeof(command), "mkdir -p %s/common/db %s/services/hlidka/schema && ln -s %s/common/db/schema %s/common/db/schema",
             directory, directory, root, directory);
    cr_assert_eq(system(command), 0);
    free(root);
    cr_assert_eq(chdir(directory), 0);
    write_file("services/hlidka/schema/010_probe.sql",
               "CREATE TABLE counter (n bigint); INSERT INTO counter VALUES (0); CREATE TABLE names (name text PRIMARY KEY);", 0644);
    write_file("url", db_server_url(server), 0600);
}

static bool both_open(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    (void)cookie;
    return opened == 2;
}

static bool both_closed(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    (void)cookie;
    return closed == 2;
}

static void up(void)
{
    static const char *const STREAMS[] = { OUTGOING_EVENTS, NULL };
    struct buffer why;

    server = db_postgres_start(NULL);
    f = fixture_new();
    f->options.routes = ROUTES;
    f->options.route_count = 1;
    make_directory();
    buffer_init(&why, 4096);
    for (unsigned i = 0; i < 2; i++) {
        services[i] = (struct service){ .f = f, .number = i };
        snprintf(services[i].name, sizeof(services[i].name), "probe-%u", i);
        cr_assert_eq(metrics_new(&services[i].metrics), RESULT_OK);
        cr_assert_eq(durable_open(&(struct durable_options){
            .service = &services[i], .pg_url_file = "url", .schema = "hlidka", .streams = STREAMS, .migrated = on_migrated,
            .opened = on_opened, .cookie = &durables[i],
        }, &durables[i], &why), RESULT_OK, "%.*s", (int)why.len, why.data);
    }
    buffer_free(&why);
    for (unsigned i = 0; i < 2; i++)
        fixture_bus(f, i);
    cr_assert(fixture_wait(f, both_open, NULL, 20000));
}

static void down(void)
{
    char command[128];

    for (unsigned i = 0; i < 2; i++)
        fixture_bus_stop(f, i, 1000);
    for (unsigned i = 0; i < 2; i++)
        durable_close(durables[i], on_closed, NULL);
    cr_assert(fixture_wait(f, both_closed, NULL, 10000));
    for (unsigned i = 0; i < 2; i++)
        metrics_free(services[i].metrics);
    fixture_free(f);
    db_server_stop(server);
    cr_assert_eq(chdir("/"), 0);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    cr_assert_eq(system(command), 0);
}

TestSuite(durable_once, .init = up, .fini = down, .timeout = 120);

struct counting {
    bool over;
    int64_t n;
};

static void on_count(void *cookie, struct pg_batch *b)
{
    struct counting *k = cookie;

    k->over = true;
    k->n = pg_outcome(b) == PG_DONE ? pg_int(b, 0, 0, 0) : -1;
    pg_batch_free(b);
}

static bool counted(struct fixture *fixture, void *cookie)
{
    (void)fixture;
    return ((struct counting *)cookie)->over;
}

static int64_t effects(void)
{
    struct counting k = { false, 0 };
    struct pg_batch *b;

    cr_assert_eq(pg_batch_new(64, &b), RESULT_OK);
    cr_assert_eq(pg_batch_add(b, &READ, NULL, 0), RESULT_OK);
    cr_assert_eq(pg_submit(durable_pg(durables[0]), b, 5000, on_count, &k), RESULT_OK);
    cr_assert(fixture_wait(f, counted, &k, 6000));
    return k.n;
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
    db_server_kill(server);
    during = client_ask(&f->backend, "probe.once", "b", 1);
    cr_expect_eq(reply(&during, 0)->status, 503);
    send_again(&before, "a", 2);
    cr_expect_eq(reply(&before, 1)->status, 503);
    db_server_restart(server);
    fixture_sleep(f, 3000);
    send_again(&during, "b", 1);
    send_again(&before, "a", 2);
    cr_expect_eq(reply(&during, 1)->status, 200, "%s", reply(&during, 1)->code);
    cr_expect_eq(reply(&before, 2)->hash, first);
    cr_expect_eq(effects(), 2);
}
