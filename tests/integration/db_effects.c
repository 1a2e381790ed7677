/* Migrations and the record of effects (migrate.h, effects.h) against a real postgres. */
#include "db_pg_test.h"
#include "effects.h"
#include "migrate.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

static struct pg_test t;
static struct secret *url;

/* ---- migrations ------------------------------------------------------------------------------------------- */

struct migrated {
    bool over;
    enum result result;
    unsigned applied;
    char why[512];
};

static void on_migrated(void *cookie, enum result r, unsigned applied, struct text why)
{
    struct migrated *m = cookie;

    m->over = true;
    m->result = r;
    m->applied = applied;
    snprintf(m->why, sizeof(m->why), "%.*s", TEXT_ARG(why));
}

static void begin_migration(struct migrated *out, const struct migrations *m, uint64_t timeout_ms)
{
    struct buffer why;

    buffer_init(&why, 1000);
    *out = (struct migrated){ 0 };
    cr_assert_eq(migrate_run(&t.loop, url, "hlidka", m, timeout_ms, on_migrated, out, &why), RESULT_OK);
    buffer_free(&why);
}

static struct migrated migrate(const struct migrations *m)
{
    struct migrated out;

    begin_migration(&out, m, 20000);
    cr_assert(db_run_until(&t.loop, 30000, out.over));
    return out;
}

static void load_shipped(struct migrations *m)
{
    struct buffer why;

    buffer_init(&why, 1000);
    cr_assert_eq(migrations_load((const char *[]){ "common/db/schema" }, 1, m, &why), RESULT_OK, "%.*s", (int)why.len,
                 why.data);
    buffer_free(&why);
}

static void setup(void)
{
    pg_test_start(&t);
    cr_assert_eq(secret_from(db_server_url(t.server), strlen(db_server_url(t.server)), &url), RESULT_OK);
}

static void teardown(void)
{
    secret_free(url);
    pg_test_stop(&t);
}

static void setup_schema(void)
{
    struct migrations m;

    setup();
    load_shipped(&m);
    cr_assert_eq(migrate(&m).result, RESULT_OK);
    migrations_free(&m);
}

TestSuite(db_migrate, .init = setup, .fini = teardown, .timeout = 120);
TestSuite(db_effects, .init = setup_schema, .fini = teardown, .timeout = 120);

static struct migration made(unsigned version, const char *name, const char *sql)
{
    struct migration m = { .version = version, .sql = text_bytes(text_of(sql)) };

    snprintf(m.name, sizeof(m.name), "%s", name);
    return m;
}

Test(db_migrate, two_that_start_together_apply_everything_once)
{
    struct migration items[] = { made(10, "slow", "SELECT pg_sleep(0.5); CREATE TABLE slow (id int)"),
                                 made(11, "more", "CREATE TABLE more (id int) -- no newline") };
    struct migrations m = { .items = items, .count = 2 };
    struct migrated a, b;

    begin_migration(&a, &m, 20000);
    begin_migration(&b, &m, 20000);
    cr_assert(db_run_until(&t.loop, 30000, a.over && b.over));
    cr_expect_eq(a.result, RESULT_OK, "%s", a.why);
    cr_expect_eq(b.result, RESULT_OK, "%s", b.why);
    cr_expect_eq(a.applied + b.applied, 2);
    cr_expect(a.applied == 0 || b.applied == 0, "one waits and finds it done");
    cr_expect_eq(migrate(&m).applied, 0);
}

Test(db_migrate, a_changed_or_unknown_file_is_refused_with_what_to_do)
{
    struct migration items[] = { made(10, "one", "CREATE TABLE one (id int)"),
                                 made(11, "two", "CREATE TABLE two (id int)") };
    struct migrations m = { .items = items, .count = 2 };
    struct migrated out = migrate(&m);

    cr_assert_eq(out.applied, 2);
    items[0] = made(10, "one", "CREATE TABLE one (id bigint)");
    out = migrate(&m);
    cr_expect_eq(out.result, RESULT_CONFLICT);
    cr_expect(strstr(out.why, "010_one.sql") && strstr(out.why, "new migration"), "%s", out.why);

    items[0] = made(10, "one", "CREATE TABLE one (id int)");
    m.count = 1;
    out = migrate(&m);
    cr_expect_eq(out.result, RESULT_CONFLICT);
    cr_expect(strstr(out.why, "011_two") && strstr(out.why, "newer"), "%s", out.why);
}

Test(db_migrate, one_that_fails_leaves_nothing_and_the_ones_before_it_stay)
{
    struct migration items[] = { made(10, "good", "CREATE TABLE good (id int)"),
                                 made(11, "bad", "CREATE TABLE half (id int); SELECT 1/0;") };
    struct migrations m = { .items = items, .count = 2 };
    struct migrated out = migrate(&m);

    cr_expect_eq(out.result, RESULT_MALFORMED);
    cr_expect_eq(out.applied, 1);
    cr_expect(strstr(out.why, "011_bad.sql") && strstr(out.why, "22012"), "%s", out.why);
    items[1] = made(11, "bad", "CREATE TABLE half (id int)");
    out = migrate(&m);
    cr_expect_eq(out.result, RESULT_OK, "%s", out.why);
    cr_expect_eq(out.applied, 1);
}

Test(db_migrate, a_server_that_hangs_or_is_gone_is_said_to_be)
{
    struct migration items[] = { made(10, "one", "CREATE TABLE one (id int)") };
    struct migrations m = { .items = items, .count = 1 };
    struct migrated out;

    db_server_pause(t.server);
    begin_migration(&out, &m, 300);
    cr_assert(db_run_until(&t.loop, 5000, out.over));
    cr_expect_eq(out.result, RESULT_TIMEOUT);
    db_server_kill(t.server);
    out = migrate(&m);
    cr_expect_eq(out.result, RESULT_UNAVAILABLE, "%s", out.why);
    db_server_restart(t.server);
}

Test(db_migrate, files_are_read_in_order_and_bad_names_are_refused)
{
    static const struct { const char *first, *second, *reason; } cases[] = {
        { "010_b.sql", "009_a.sql", NULL },
        { "010_b.sql", "010_c.sql", "number 010" },
        { "010_b.sql", "11_c.sql", "NNN_name.sql" },
        { "010_b.sql", "011_Č.sql", "NNN_name.sql" },
        { "010_b.sql", "000_a.sql", "NNN_name.sql" },
        { "010_b.sql", "README.md", NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char dir[] = "/tmp/hlidka-migrations-XXXXXX", paths[2][256];
        const char *const dirs[] = { dir };
        struct migrations m;
        struct buffer why;
        enum result r;

        buffer_init(&why, 1000);
        cr_assert_not_null(mkdtemp(dir));
        for (unsigned k = 0; k < 2; k++) {
            snprintf(paths[k], sizeof(paths[k]), "%s/%s", dir, k ? cases[i].second : cases[i].first);
            FILE *f = fopen(paths[k], "w");
            cr_assert(f && fprintf(f, "SELECT %u", k) > 0 && fclose(f) == 0);
        }
        r = migrations_load(dirs, 1, &m, &why);
        if (cases[i].reason) {
            cr_expect_eq(r, RESULT_BAD_CONFIG);
            cr_expect(memmem(why.data, why.len, cases[i].reason, strlen(cases[i].reason)), "%.*s", (int)why.len, why.data);
        } else {
            cr_assert_eq(r, RESULT_OK);
            cr_expect_eq(m.items[m.count - 1].version, 10);
            cr_expect(bytes_equal(m.items[m.count - 1].sql, text_bytes(TEXT("SELECT 0"))));
            migrations_free(&m);
        }
        buffer_free(&why);
        unlink(paths[0]);
        unlink(paths[1]);
        rmdir(dir);
    }
}

/* ---- effects ---------------------------------------------------------------------------------------------- */

static const struct pg_statement MAKE_BALANCE = { "make_balance", "CREATE TABLE balance (total int8 NOT NULL)", "" };
static const struct pg_statement SET_BALANCE = { "set_balance", "INSERT INTO balance VALUES (0)", "" };
static const struct pg_statement ADD = { "add", "UPDATE balance SET total = total + $1", "i" };
static const struct pg_statement TOTAL = { "total", "SELECT total FROM balance", "" };
static const struct uuid ID = { { 1, 2, 3 } };
static const uint8_t PRINT[32] = { 7 };

static void make_balance(void)
{
    const struct pg_statement *const statements[] = { &MAKE_BALANCE, &SET_BALANCE };

    for (unsigned i = 0; i < 2; i++) {
        struct pg_batch *b = pg_test_batch();

        cr_assert_eq(pg_add(b, statements[i]), RESULT_OK);
        cr_assert_eq(pg_test_run(&t, b), PG_DONE);
        pg_batch_free(b);
    }
}

static int64_t total(void)
{
    struct pg_batch *b = pg_test_batch();
    int64_t n;

    cr_assert_eq(pg_add(b, &TOTAL), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);
    n = pg_int(b, 0, 0, 0);
    pg_batch_free(b);
    return n;
}

static struct pg_batch *effect_of(const char *reply)
{
    struct pg_batch *b = pg_test_batch();

    cr_assert_eq(effects_record(b, TEXT("backend"), &ID, (struct bytes){ PRINT, 32 }, text_bytes(text_of(reply))), RESULT_OK);
    cr_assert_eq(pg_add(b, &ADD, PG_INT(1)), RESULT_OK);
    return b;
}

static bool recorded(const char *reply)
{
    struct pg_batch *b = pg_test_batch();
    struct effect e;
    bool same;

    cr_assert_eq(effects_find(b, TEXT("backend"), &ID), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);
    cr_assert_eq(effects_read(b, 0, &e), RESULT_OK);
    same = e.found && bytes_equal(e.reply, text_bytes(text_of(reply))) &&
           bytes_equal(e.fingerprint, (struct bytes){ PRINT, 32 });
    pg_batch_free(b);
    return same;
}

Test(db_effects, of_many_at_once_one_has_the_effect_and_the_others_learn_of_it)
{
    struct pg_batch *b[12];
    unsigned done = 0;

    make_balance();
    for (unsigned i = 0; i < 12; i++) {
        b[i] = effect_of("the reply");
        cr_assert_eq(pg_submit(i % 3 ? t.pg : t.one, b[i], 10000, pg_test_done, &t), RESULT_OK);
    }
    cr_assert(db_run_until(&t.loop, 10000, t.done == 12));
    for (unsigned i = 0; i < 12; i++) {
        done += pg_outcome(b[i]) == PG_DONE;
        cr_expect(pg_outcome(b[i]) == PG_DONE || effects_taken(b[i]));
        pg_batch_free(b[i]);
    }
    cr_expect_eq(done, 1);
    cr_expect_eq(total(), 1);
    cr_expect(recorded("the reply"));
    cr_expect_not(recorded("another"));
}

static void on_first(void *cookie, struct pg_txn *txn, struct pg_batch *b)
{
    *(struct pg_txn **)cookie = txn;
    pg_batch_free(b);
}

Test(db_effects, a_second_waits_for_the_first_and_runs_when_the_first_did_not_commit)
{
    struct pg_txn *txn = NULL;
    struct pg_batch *second = effect_of("second");

    make_balance();
    cr_assert_eq(pg_begin(t.pg, effect_of("first"), 5000, on_first, &txn), RESULT_OK);
    cr_assert(db_run_until(&t.loop, 5000, txn != NULL));
    cr_assert_eq(pg_submit(t.pg, second, 10000, pg_test_done, &t), RESULT_OK);
    cr_expect_not(db_run_until(&t.loop, 300, t.done > 0), "it waits at the key");
    pg_rollback(txn);
    cr_assert(db_run_until(&t.loop, 5000, t.done == 1));
    cr_expect_eq(pg_outcome(second), PG_DONE);
    pg_batch_free(second);
    cr_expect_eq(total(), 1);
    cr_expect(recorded("second"));
}

Test(db_effects, a_crash_leaves_effect_and_record_together_or_neither)
{
    struct pg_batch *b;

    make_balance();
    for (unsigned round = 0; round < 4; round++) {
        uint64_t connects = pg_stats(t.pg)->connects;
        int64_t before = total();

        t.done = 0;
        b = pg_test_batch();
        struct uuid id = { { 9, (uint8_t)round } };
        cr_assert_eq(effects_record(b, TEXT("x"), &id, (struct bytes){ PRINT, 32 }, text_bytes(TEXT("r"))), RESULT_OK);
        cr_assert_eq(pg_add(b, &ADD, PG_INT(1)), RESULT_OK);
        cr_assert_eq(pg_submit(t.pg, b, 10000, pg_test_done, &t), RESULT_OK);
        for (unsigned turns = 0; turns < round; turns++)
            uv_run(&t.loop, UV_RUN_NOWAIT);
        db_server_kill(t.server);
        cr_assert(db_run_until(&t.loop, 10000, t.done == 1));
        enum pg_outcome outcome = pg_outcome(b);
        pg_batch_free(b);
        db_server_restart(t.server);
        /* All anew, and not some that have not yet noticed. */
        cr_assert(db_run_until(&t.loop, 20000, pg_stats(t.pg)->connects >= connects + 4 && pg_stats(t.pg)->up == 4));

        b = pg_test_batch();
        struct effect e;
        cr_assert_eq(effects_find(b, TEXT("x"), &id), RESULT_OK);
        cr_assert_eq(pg_test_run(&t, b), PG_DONE);
        cr_assert_eq(effects_read(b, 0, &e), RESULT_OK);
        cr_expect_eq(total() - before, e.found ? 1 : 0);
        cr_expect(outcome == PG_UNKNOWN || (outcome == PG_DONE) == e.found);
        pg_batch_free(b);
    }
}

Test(db_effects, records_go_when_their_time_is_over)
{
    static const struct pg_statement AGE = { "age",
        "UPDATE effects SET made = made - interval '1199 seconds' - $1 * interval '1 second'", "i" };
    struct pg_batch *b;

    make_balance();
    b = effect_of("r");
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);
    pg_batch_free(b);
    for (unsigned i = 0; i < 2; i++) {
        b = pg_test_batch();
        cr_assert_eq(pg_add(b, &AGE, PG_INT(i ? -1198 + 1 : -5)), RESULT_OK);
        cr_assert_eq(pg_test_run(&t, b), PG_DONE);
        pg_batch_free(b);
        b = pg_test_batch();
        cr_assert_eq(effects_purge(b, 100), RESULT_OK);
        cr_assert_eq(pg_test_run(&t, b), PG_DONE);
        cr_expect_eq(pg_affected(b, 0), 0);
        pg_batch_free(b);
        if (i == 0) {
            b = pg_test_batch();
            cr_assert_eq(pg_add(b, &AGE, PG_INT(10)), RESULT_OK);
            cr_assert_eq(pg_test_run(&t, b), PG_DONE);
            pg_batch_free(b);
            b = pg_test_batch();
            cr_assert_eq(effects_purge(b, 100), RESULT_OK);
            cr_assert_eq(pg_test_run(&t, b), PG_DONE);
            cr_expect_eq(pg_affected(b, 0), 1);
            pg_batch_free(b);
        }
    }
}
