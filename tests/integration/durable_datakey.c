/* A service's data key (datakey.h), with a real postgres and a crypto of the test's own on the other side of a bus. */
#include "crypto.h"
#include "datakey.h"
#include "db_server.h"
#include "migrate.h"
#include "responder.h"
#include "service_double.h"

#include "arena.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define FINDERS 2

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

/* ---- crypto -------------------------------------------------------------------------------------------------------- */

enum { WRAPPED_LEN = 24 };              /* `hld1`, version, 16 bytes from which the key follows */

static struct responder *r;
static struct {
    unsigned creates, opens, rewraps;
    unsigned refuse;                    /* so many opens, first */
    uint32_t version;                   /* the newest */
} crypto;

static void key_of(const uint8_t *wrapped, uint8_t key[DATAKEY_LEN])
{
    crypto_generichash(key, DATAKEY_LEN, wrapped + 8, WRAPPED_LEN - 8, NULL, 0);
}

static void put_version(uint8_t *wrapped)
{
    const uint8_t start[8] = { 'h', 'l', 'd', '1', 0, 0, 0, (uint8_t)crypto.version };

    memcpy(wrapped, start, sizeof(start));
}

static void create(const struct heard *m)
{
    uint8_t wrapped[WRAPPED_LEN], key[DATAKEY_LEN];

    crypto.creates++;
    put_version(wrapped);
    randombytes_buf(wrapped + 8, WRAPPED_LEN - 8);
    key_of(wrapped, key);
    responder_result(r, m, op_crypto_datakey_create.result, &(struct crypto_datakey_create_result){
        .key = { key, sizeof(key) }, .wrapped = { wrapped, sizeof(wrapped) },
    });
}

static void open_or_rewrap(const struct heard *m, struct bytes given, bool rewrap)
{
    uint8_t wrapped[WRAPPED_LEN], key[DATAKEY_LEN];

    cr_assert_eq(given.len, WRAPPED_LEN);
    memcpy(wrapped, given.data, WRAPPED_LEN);
    if (rewrap) {
        crypto.rewraps++;
        put_version(wrapped);
        responder_result(r, m, op_crypto_datakey_rewrap.result, &(struct crypto_datakey_rewrap_result){ { wrapped, WRAPPED_LEN } });
        return;
    }
    crypto.opens++;
    if (crypto.refuse > 0) {
        crypto.refuse--;
        responder_refuse(r, m, FAULT_KEY_DESTROYED, -1);
        return;
    }
    key_of(wrapped, key);
    responder_result(r, m, op_crypto_datakey_open.result, &(struct crypto_datakey_open_result){ { key, sizeof(key) } });
}

/* The context is the service's, whatever is asked. */
static void check_context(struct bytes body)
{
    static const char CONTEXT[] = "\xa7" "service" "\xa7" "backend";

    cr_expect(memmem(body.data, body.len, CONTEXT, sizeof(CONTEXT) - 1), "context {service: backend}");
}

static void hear(struct responder *responder, const struct heard *m)
{
    struct crypto_wrapped_request in;
    struct field_errors errors;
    struct arena arena;

    (void)responder;
    check_context(m->body);
    if (text_equal(m->envelope.header.op, TEXT("crypto.datakey.create"))) {
        create(m);
        return;
    }
    arena_init(&arena, NULL, 0, 1 << 16);
    cr_assert_eq(body_decode(op_crypto_datakey_open.request, m->body, &arena, &in, &errors), RESULT_OK);
    open_or_rewrap(m, in.wrapped, text_equal(m->envelope.header.op, TEXT("crypto.datakey.rewrap")));
    arena_reset(&arena);
}

/* ---- the service ---------------------------------------------------------------------------------------------------- */

static struct db_server *server;
static struct service services[FINDERS];
static struct pg *pg;
static struct datakey *finders[FINDERS];
static uint8_t found[FINDERS][DATAKEY_LEN];
static unsigned founds, losses;

static void on_migrated(void *cookie, enum result result, unsigned applied, struct text why)
{
    (void)applied;
    cr_assert_eq(result, RESULT_OK, "%.*s", TEXT_ARG(why));
    *(unsigned *)cookie = 1;
}

static void migrate(const struct secret *url)
{
    static const char *const DIRS[] = { "common/db/schema" };
    struct migrations m;
    struct buffer why;
    unsigned over = 0;

    buffer_init(&why, 4096);
    cr_assert_eq(migrations_load(DIRS, 1, &m, &why), RESULT_OK);
    cr_assert_eq(migrate_run(&r->loop, url, "backend", &m, 20000, on_migrated, &over, &why), RESULT_OK);
    cr_assert(responder_wait(r, &over, 20000));
    migrations_free(&m);
    buffer_free(&why);
}

static unsigned pg_is_up;

static void on_state(void *cookie, struct pg *pool, bool up)
{
    (void)cookie;
    (void)pool;
    pg_is_up = up;
}

static void up(void)
{
    struct secret *url;
    struct buffer why;

    memset(&crypto, 0, sizeof(crypto));
    crypto.version = 1;
    founds = losses = 0;
    server = db_postgres_start(NULL);
    r = responder_new();
    r->hear = hear;
    setenv("HLIDKA_KAFKA_FETCH_WAIT_MAX_MS", r->real ? "50" : "1", 1);
    cr_assert_eq(secret_from(db_server_url(server), strlen(db_server_url(server)), &url), RESULT_OK);
    migrate(url);
    buffer_init(&why, 4096);
    cr_assert_eq(pg_open(&r->loop, &(struct pg_options){ .url = url, .application_name = "test", .schema = "backend",
                                                         .state = on_state }, &pg, &why), RESULT_OK);
    cr_assert(responder_wait(r, &pg_is_up, 10000));
    secret_free(url);
    buffer_free(&why);
    for (unsigned i = 0; i < FINDERS; i++) {
        service_double(&services[i], &r->loop, i == 0 ? "backend-0" : "backend-1");
        services[i].identity = (struct service_identity){ r->brokers, r->prefix, r->principals_path, r->key_path };
    }
}

static void on_closed(void *cookie)
{
    *(unsigned *)cookie = 1;
}

static void stop(unsigned i)
{
    unsigned over = 0;

    if (!finders[i])
        return;
    datakey_stop(finders[i], on_closed, &over);
    cr_assert(responder_wait(r, &over, 10000));
    finders[i] = NULL;
}

static void down(void)
{
    unsigned over = 0;

    pg_close(pg, on_closed, &over);
    cr_assert(responder_wait(r, &over, 10000));
    for (unsigned i = 0; i < FINDERS; i++)
        stop(i);
    responder_free(r);
    db_server_stop(server);
}

TestSuite(durable_datakey, .init = up, .fini = down, .timeout = 60);

static void on_found(void *cookie, const struct secret *key)
{
    struct bytes b = secret_bytes(key);

    cr_assert_eq(b.len, DATAKEY_LEN);
    memcpy(cookie, b.data, DATAKEY_LEN);
    founds++;
}

static void on_lost(void *cookie)
{
    (void)cookie;
    losses++;
}

static void begin(unsigned i)
{
    struct buffer why;

    buffer_init(&why, 4096);
    enum result result = datakey_find(&(struct datakey_options){
        .service = &services[i], .pg = pg, .schema = "backend", .found = on_found, .lost = on_lost, .cookie = found[i],
    }, &finders[i], &why);
    cr_assert_eq(result, RESULT_OK, "%.*s", (int)why.len, (const char *)why.data);
    buffer_free(&why);
}

/* Until `count` of the finders have nothing to do any more. */
static bool over(unsigned count, uint32_t ms)
{
    for (uint32_t waited = 0; waited < ms; waited += 20) {
        unsigned n = 0;
        for (unsigned i = 0; i < FINDERS; i++)
            n += finders[i] && datakey_over(finders[i]);
        if (n >= count)
            return true;
        responder_wait(r, NULL, 20);
    }
    return false;
}

static void on_row(void *cookie, struct pg_batch *b)
{
    struct bytes wrapped = pg_bytes(b, 0, 0, 0);

    cr_assert_eq(pg_rows(b, 0), 1);
    cr_assert_eq(wrapped.len, WRAPPED_LEN);
    memcpy(cookie, wrapped.data, WRAPPED_LEN);
    pg_batch_free(b);
    pg_is_up = 2;
}

/* The row, and the version that it says. */
static uint8_t row(uint8_t wrapped[WRAPPED_LEN])
{
    static const struct pg_statement READ = { "test_read", "SELECT wrapped FROM data_key", "" };
    struct pg_batch *b;

    cr_assert_eq(pg_batch_new(64, &b), RESULT_OK);
    cr_assert_eq(pg_batch_add(b, &READ, NULL, 0), RESULT_OK);
    cr_assert_eq(pg_submit(pg, b, 5000, on_row, wrapped), RESULT_OK);
    while (pg_is_up != 2)
        responder_wait(r, NULL, 5);
    pg_is_up = 1;
    return wrapped[7];
}

static void on_run(void *cookie, struct pg_batch *b)
{
    (void)cookie;
    cr_assert_eq(pg_outcome(b), PG_DONE, "%s", pg_sqlstate(b));
    pg_batch_free(b);
    pg_is_up = 2;
}

static void sql(const struct pg_statement *s)
{
    struct pg_batch *b;

    cr_assert_eq(pg_batch_new(1024, &b), RESULT_OK);
    cr_assert_eq(pg_batch_add(b, s, NULL, 0), RESULT_OK);
    cr_assert_eq(pg_submit(pg, b, 5000, on_run, NULL), RESULT_OK);
    while (pg_is_up != 2)
        responder_wait(r, NULL, 5);
    pg_is_up = 1;
}

/* ---- what must hold -------------------------------------------------------------------------------------------------- */

Test(durable_datakey, it_is_made_on_the_first_start_and_opened_on_every_other)
{
    uint8_t wrapped[WRAPPED_LEN], key[DATAKEY_LEN];

    begin(0);
    cr_assert(over(1, 15000), "%s", datakey_why(finders[0]));
    stop(0);
    (void)row(wrapped);
    key_of(wrapped, key);
    cr_expect_arr_eq(found[0], key, sizeof(key));
    begin(0);
    cr_assert(over(1, 15000), "%s", datakey_why(finders[0]));
    cr_expect_eq(founds, 2);
    cr_expect_eq(crypto.creates, 1);
    cr_expect_arr_eq(found[0], key, sizeof(key));
}

Test(durable_datakey, two_that_start_at_once_end_with_the_same)
{
    begin(0);
    begin(1);
    cr_assert(over(2, 20000));
    cr_expect_eq(founds, 2);
    cr_expect_arr_eq(found[0], found[1], DATAKEY_LEN);
}

#define REFUSED "crypto.datakey.open: key_destroyed"

Test(durable_datakey, it_goes_on_trying_and_says_what_it_waits_for)
{
    crypto.refuse = 2;
    begin(0);
    for (unsigned i = 0; i < 500 && strcmp(datakey_why(finders[0]), REFUSED) != 0; i++)
        responder_wait(r, NULL, 20);
    cr_expect_str_eq(datakey_why(finders[0]), REFUSED);
    cr_expect_eq(founds, 0);
    cr_assert(over(1, 15000), "%s", datakey_why(finders[0]));
    cr_expect_eq(founds, 1);
    cr_expect_eq(crypto.opens, 3);
    cr_expect_eq(crypto.creates, 1);
}

Test(durable_datakey, after_a_rotation_the_row_is_wrapped_anew_and_the_key_is_the_same)
{
    uint8_t before[WRAPPED_LEN], after[WRAPPED_LEN], key[DATAKEY_LEN];

    begin(0);
    cr_assert(over(1, 15000), "%s", datakey_why(finders[0]));
    stop(0);
    cr_expect_eq(row(before), 1);
    memcpy(key, found[0], sizeof(key));
    crypto.version = 2;
    begin(0);
    cr_assert(over(1, 15000), "%s", datakey_why(finders[0]));
    stop(0);
    cr_expect_eq(row(after), 2);
    cr_expect_arr_eq(before + 8, after + 8, WRAPPED_LEN - 8);
    begin(0);
    cr_assert(over(1, 15000), "%s", datakey_why(finders[0]));
    cr_expect_arr_eq(found[0], key, sizeof(key));
    cr_expect_eq(crypto.rewraps, 3);
}

/* Sealed rows whose key is gone: another key is neither made nor kept, whatever happens; the row's return heals it. */
Test(durable_datakey, a_schema_that_lost_its_key_gets_no_other)
{
    static const struct pg_statement SEAL = { "test_seal",
        "INSERT INTO effects (src, id, fingerprint, reply) VALUES ('x', gen_random_uuid(), decode(repeat('00', 32), 'hex'), 'sealed')", "" };
    static const struct pg_statement KEEP = { "test_keep", "CREATE TABLE kept AS SELECT wrapped::text AS hex FROM data_key", "" };
    static const struct pg_statement LOSE = { "test_lose", "DELETE FROM data_key", "" };
    static const struct pg_statement RESTORE = { "test_restore", "INSERT INTO data_key (wrapped) SELECT hex::bytea FROM kept", "" };

    begin(0);
    cr_assert(over(1, 15000), "%s", datakey_why(finders[0]));
    stop(0);
    sql(&SEAL);
    sql(&KEEP);
    sql(&LOSE);
    begin(0);
    for (unsigned i = 0; i < 250 && losses < 2; i++)
        responder_wait(r, NULL, 20);
    cr_expect_geq(losses, 2);
    cr_expect_eq(founds, 1);
    cr_expect_eq(crypto.creates, 1);
    cr_expect(strstr(datakey_why(finders[0]), "backend.effects"), "%s", datakey_why(finders[0]));
    cr_expect(strstr(datakey_why(finders[0]), "restore its row from a backup"), "%s", datakey_why(finders[0]));
    sql(&RESTORE);
    cr_assert(over(1, 15000), "%s", datakey_why(finders[0]));
    cr_expect_eq(founds, 2);
    cr_expect_eq(crypto.creates, 1);
}

/* What migrations put into a new schema is not sealed: an empty bytea, and rows without any. */
Test(durable_datakey, rows_that_a_migration_made_are_no_reason_to_refuse)
{
    static const struct pg_statement EMPTY = { "test_empty", "CREATE TABLE log AS SELECT true AS one, ''::bytea AS roots", "" };
    static const struct pg_statement PLAIN = { "test_plain", "CREATE TABLE lease AS SELECT 1 AS epoch", "" };

    sql(&EMPTY);
    sql(&PLAIN);
    begin(0);
    cr_assert(over(1, 15000), "%s", datakey_why(finders[0]));
    cr_expect_eq(losses, 0);
    cr_expect_eq(crypto.creates, 1);
}
