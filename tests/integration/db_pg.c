/* common/db/pg.h against a real postgres that is killed, paused and restarted. */
#include "pg.h"
#include "db_pg_test.h"

#include <criterion/criterion.h>

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

static struct pg_test t;

static void setup(void)
{
    pg_test_start(&t);
}

static void teardown(void)
{
    pg_test_stop(&t);
}

TestSuite(db_pg, .init = setup, .fini = teardown, .timeout = 120);

static const struct pg_statement MAKE = { "make",
    "CREATE TABLE things (id bigint CONSTRAINT things_pkey PRIMARY KEY, name text, raw bytea, u uuid, ok boolean, "
    "at timestamptz, real float8, j jsonb, small int2)", "" };
static const struct pg_statement PUT = { "put",
    "INSERT INTO things (id, name, raw, u, ok, at, real, j, small) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)", "itbuomfti" };
static const struct pg_statement GET = { "get",
    "SELECT id, name, raw, u, ok, at, real, j, small FROM things WHERE id = $1", "i" };
static const struct pg_statement INSERT = { "insert", "INSERT INTO things (id, name) VALUES ($1, $2)", "it" };
static const struct pg_statement COUNT = { "count", "SELECT count(*) FROM things", "" };
static const struct pg_statement SLEEP = { "sleep", "SELECT pg_sleep($1)", "f" };
static const struct pg_statement DIVIDE = { "divide", "SELECT 1 / $1", "i" };
static const struct pg_statement BROKEN = { "broken", "SELEKT", "" };
static const struct pg_statement ANY = { "any", "SELECT count(*) FROM things WHERE id = ANY($1)", "I" };

static void make_table(void)
{
    struct pg_batch *b = pg_test_batch();

    cr_assert_eq(pg_add(b, &MAKE), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);
    pg_batch_free(b);
}

static int64_t rows_in_table(void)
{
    struct pg_batch *b = pg_test_batch();
    int64_t n;

    cr_assert_eq(pg_add(b, &COUNT), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);
    n = pg_int(b, 0, 0, 0);
    pg_batch_free(b);
    return n;
}

static struct pg_batch *insert_of(int64_t id)
{
    struct pg_batch *b = pg_test_batch();

    cr_assert_eq(pg_add(b, &INSERT, PG_INT(id), PG_TEXT(TEXT("x"))), RESULT_OK);
    return b;
}

/* ---- values ----------------------------------------------------------------------------------------------- */

Test(db_pg, every_type_comes_back_as_it_went)
{
    static const uint8_t raw[] = { 0, 1, 255, 0 };
    struct uuid u = uuid_v7(1700000000123, (const uint8_t[10]){ 1, 2, 3 });
    struct pg_batch *b = pg_test_batch();

    make_table();
    cr_assert_eq(pg_add(b, &PUT, PG_INT(INT64_MIN), PG_TEXT(TEXT("žluťoučký")), PG_BYTES(((struct bytes){ raw, 4 })),
                        PG_UUID(&u), PG_BOOL(true), PG_TIME_MS(1700000000123), PG_REAL(-0.1),
                        PG_TEXT(TEXT("{\"a\": 1}")), PG_INT(-32768)),
                 RESULT_OK);
    cr_assert_eq(pg_add(b, &PUT, PG_INT(2), PG_TEXT(TEXT("")), PG_NULL(), PG_NULL(), PG_NULL(), PG_TIME_MS(-1),
                        PG_NULL(), PG_TEXT(((struct text){ NULL, 0 })), PG_NULL()),
                 RESULT_OK);
    cr_assert_eq(pg_add(b, &GET, PG_INT(INT64_MIN)), RESULT_OK);
    cr_assert_eq(pg_add(b, &GET, PG_INT(2)), RESULT_OK);
    cr_assert_eq(pg_add(b, &ANY, PG_INTS(((const int64_t[]){ 2, 3, INT64_MIN }), 3)), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);

    cr_expect_eq(pg_affected(b, 0), 1);
    cr_expect_eq(pg_rows(b, 2), 1);
    cr_expect_eq(pg_int(b, 2, 0, 0), INT64_MIN);
    cr_expect(text_equal(pg_text(b, 2, 0, 1), TEXT("žluťoučký")));
    cr_expect(bytes_equal(pg_bytes(b, 2, 0, 2), (struct bytes){ raw, 4 }));
    struct uuid back = pg_uuid(b, 2, 0, 3);
    cr_expect_arr_eq(back.bytes, u.bytes, 16);
    cr_expect(pg_bool(b, 2, 0, 4));
    cr_expect_eq(pg_time_ms(b, 2, 0, 5), 1700000000123);
    cr_expect(pg_real(b, 2, 0, 6) == -0.1);
    cr_expect(text_equal(pg_text(b, 2, 0, 7), TEXT("{\"a\": 1}")));
    cr_expect_eq(pg_int(b, 2, 0, 8), -32768);

    cr_expect_not_null(pg_text(b, 3, 0, 1).data, "empty is not NULL");
    cr_expect_eq(pg_text(b, 3, 0, 1).len, 0);
    cr_expect(pg_is_null(b, 3, 0, 2));
    cr_expect_null(pg_bytes(b, 3, 0, 2).data);
    cr_expect_eq(pg_time_ms(b, 3, 0, 5), -1);
    cr_expect_null(pg_text(b, 3, 0, 7).data);
    cr_expect_eq(pg_int(b, 4, 0, 0), 2);
    cr_expect_not(pg_misread(b));
    pg_batch_free(b);
}

Test(db_pg, a_misreading_is_remembered_and_harmless)
{
    struct pg_batch *b = pg_test_batch();

    make_table();
    cr_assert_eq(pg_add(b, &INSERT, PG_INT(1), PG_TEXT(TEXT("x"))), RESULT_OK);
    cr_assert_eq(pg_add(b, &GET, PG_INT(1)), RESULT_OK);
    for (unsigned i = 0; i < 6; i++) {
        cr_assert_eq(pg_test_run(&t, b), i == 0 ? PG_DONE : PG_UNIQUE);
        if (i > 0)
            break;
        cr_expect_not(pg_misread(b));
        cr_expect_eq(pg_int(b, 1, 0, 1), 0, "a text read as a number");
        cr_expect(pg_misread(b));
    }
    pg_batch_free(b);

    static const struct { size_t stmt, row, col; } places[] = { { 9, 0, 0 }, { 0, 9, 0 }, { 0, 0, 9 } };
    for (size_t i = 0; i < 3; i++) {
        b = pg_test_batch();
        cr_assert_eq(pg_add(b, &GET, PG_INT(1)), RESULT_OK);
        cr_assert_eq(pg_test_run(&t, b), PG_DONE);
        cr_expect_eq(pg_int(b, places[i].stmt, places[i].row, places[i].col), 0);
        cr_expect(pg_misread(b));
        pg_batch_free(b);
    }
}

Test(db_pg, parameters_that_do_not_fit_are_refused_before_anything_is_sent)
{
    struct pg_batch *b = pg_test_batch();

    cr_expect_eq(pg_add(b, &INSERT, PG_INT(1)), RESULT_WRONG_TYPE);
    cr_expect_eq(pg_add(b, &INSERT, PG_TEXT(TEXT("1")), PG_TEXT(TEXT("x"))), RESULT_WRONG_TYPE);
    cr_expect_eq(pg_add(b, &INSERT, PG_INT(1), PG_TEXT(TEXT("a\0b"))), RESULT_MALFORMED);
    cr_expect_eq(pg_count(b), 0);
    cr_expect_eq(pg_submit(t.pg, b, 1000, pg_test_done, NULL), RESULT_OUT_OF_RANGE);
    pg_batch_free(b);

    char *large = calloc(1, 200000);
    cr_assert_not_null(large);
    memset(large, 'x', 200000);
    cr_assert_eq(pg_batch_new(1000, &b), RESULT_OK);
    cr_expect_eq(pg_add(b, &INSERT, PG_INT(1), PG_TEXT(((struct text){ large, 200000 }))), RESULT_TOO_LARGE);
    pg_batch_free(b);
    free(large);
}

/* ---- a batch is a transaction ----------------------------------------------------------------------------- */

Test(db_pg, a_batch_that_fails_leaves_nothing_and_says_what_failed)
{
    struct pg_batch *b = pg_test_batch();

    make_table();
    cr_assert_eq(pg_add(b, &INSERT, PG_INT(1), PG_TEXT(TEXT("x"))), RESULT_OK);
    cr_assert_eq(pg_add(b, &DIVIDE, PG_INT(0)), RESULT_OK);
    cr_assert_eq(pg_add(b, &INSERT, PG_INT(2), PG_TEXT(TEXT("x"))), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, b), PG_FAILED);
    cr_expect_str_eq(pg_sqlstate(b), "22012");
    cr_expect_eq(pg_failed_at(b), 1);
    cr_expect_eq(pg_rows(b, 0), 0);
    pg_batch_free(b);
    cr_expect_eq(rows_in_table(), 0);

    b = pg_test_batch();
    cr_assert_eq(pg_add(b, &INSERT, PG_INT(1), PG_TEXT(TEXT("x"))), RESULT_OK);
    cr_assert_eq(pg_add(b, &INSERT, PG_INT(1), PG_TEXT(TEXT("y"))), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, b), PG_UNIQUE);
    cr_expect_str_eq(pg_constraint(b), "things_pkey");
    cr_expect_eq(pg_failed_at(b), 1);
    pg_batch_free(b);
    cr_expect_eq(rows_in_table(), 0);
}

Test(db_pg, a_statement_that_cannot_be_prepared_fails_its_batch_alone)
{
    struct pg_batch *bad = pg_test_batch(), *good = NULL;

    make_table();
    for (unsigned round = 0; round < 3; round++) {
        good = insert_of(round);
        pg_batch_free(bad);
        bad = pg_test_batch();
        cr_assert_eq(pg_add(bad, &INSERT, PG_INT(100), PG_TEXT(TEXT("x"))), RESULT_OK);
        cr_assert_eq(pg_add(bad, &BROKEN), RESULT_OK);
        cr_assert_eq(pg_submit(t.pg, bad, 5000, pg_test_done, &t), RESULT_OK);
        cr_assert_eq(pg_test_run(&t, good), PG_DONE);
        cr_assert(db_run_until(&t.loop, 5000, t.done == 1));
        t.done = 0;
        cr_expect_eq(pg_outcome(bad), PG_FAILED);
        cr_expect_str_eq(pg_sqlstate(bad), "42601");
        cr_expect_eq(pg_failed_at(bad), 1);
        pg_batch_free(good);
    }
    pg_batch_free(bad);
    cr_expect_eq(rows_in_table(), 3);
    cr_expect_eq(pg_stats(t.pg)->connects, 4, "no connection had to be given up");
}

Test(db_pg, an_error_at_the_commit_is_the_batchs_and_the_next_ones_are_not_touched)
{
    static const struct pg_statement DEFERRED = { "deferred",
        "CREATE TABLE late (id int8 UNIQUE DEFERRABLE INITIALLY DEFERRED)", "" };
    static const struct pg_statement LATE = { "late", "INSERT INTO late VALUES ($1)", "i" };
    struct pg_batch *b[6];

    b[0] = pg_test_batch();
    cr_assert_eq(pg_add(b[0], &DEFERRED), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, b[0]), PG_DONE);
    pg_batch_free(b[0]);
    for (unsigned i = 0; i < 6; i++) {
        b[i] = pg_test_batch();
        cr_assert_eq(pg_add(b[i], &LATE, PG_INT(i % 2 ? 7 : (int64_t)i + 10)), RESULT_OK);
        cr_assert_eq(pg_add(b[i], &LATE, PG_INT(i % 2 ? 7 : (int64_t)i + 20)), RESULT_OK);
        cr_assert_eq(pg_submit(t.one, b[i], 5000, pg_test_done, &t), RESULT_OK);
    }
    cr_assert(db_run_until(&t.loop, 10000, t.done == 6));
    t.done = 0;
    for (unsigned i = 0; i < 6; i++) {
        cr_expect_eq(pg_outcome(b[i]), i % 2 ? PG_UNIQUE : PG_DONE, "%u: %s", i, pg_outcome_text(pg_outcome(b[i])));
        if (i % 2)
            cr_expect_eq(pg_failed_at(b[i]), 2);
        pg_batch_free(b[i]);
    }
}

static struct order {
    int64_t next;
} order;

static void in_order(void *cookie, struct pg_batch *b)
{
    (void)cookie;
    cr_assert_eq(pg_outcome(b), PG_DONE);
    cr_assert_eq(pg_int(b, 1, 0, 0), order.next, "batches of one connection are answered in their order");
    order.next++;
    pg_batch_free(b);
}

Test(db_pg, many_batches_share_one_connection_in_order)
{
    static const struct pg_statement SAME = { "echo", "SELECT $1", "i" };

    make_table();
    for (int64_t i = 0; i < 500; i++) {
        struct pg_batch *b = insert_of(i);

        cr_assert_eq(pg_add(b, &SAME, PG_INT(i)), RESULT_OK);
        cr_assert_eq(pg_submit(t.one, b, 20000, in_order, NULL), RESULT_OK);
    }
    cr_expect_eq(pg_stats(t.one)->in_flight, 16);
    cr_assert(db_run_until(&t.loop, 20000, order.next == 500));
    cr_expect_eq(rows_in_table(), 500);
}

/* ---- transactions ----------------------------------------------------------------------------------------- */

struct deal {
    struct pg_txn *txn;
    enum pg_outcome outcome;
    unsigned steps, ended;
};

static void on_step(void *cookie, struct pg_txn *txn, struct pg_batch *b)
{
    struct deal *d = cookie;

    d->txn = txn;
    d->outcome = pg_outcome(b);
    d->steps++;
    pg_batch_free(b);
}

static void on_end(void *cookie, struct pg_batch *b)
{
    struct deal *d = cookie;

    d->outcome = pg_outcome(b);
    d->ended++;
    pg_batch_free(b);
}

/* Of batches whose end is not looked at. */
static struct deal sink;

static void begin(struct deal *d, struct pg *pg, struct pg_batch *b)
{
    unsigned before = d->steps;

    cr_assert_eq(pg_begin(pg, b, 5000, on_step, d), RESULT_OK);
    cr_assert(db_run_until(&t.loop, 10000, d->steps > before));
}

Test(db_pg, a_transaction_is_seen_by_others_when_it_is_committed)
{
    struct deal d = { 0 };
    struct pg_batch *b;

    make_table();
    begin(&d, t.pg, insert_of(1));
    cr_assert_not_null(d.txn);
    cr_expect_eq(pg_stats(t.pg)->pinned, 1);
    cr_expect_eq(rows_in_table(), 0);
    cr_assert_eq(pg_continue(d.txn, insert_of(2), 5000, on_step, &d), RESULT_OK);
    cr_assert(db_run_until(&t.loop, 5000, d.steps == 2));
    cr_assert_not_null(d.txn);
    cr_expect_eq(rows_in_table(), 0);
    cr_assert_eq(pg_commit(d.txn, insert_of(3), 5000, on_end, &d), RESULT_OK);
    cr_assert(db_run_until(&t.loop, 5000, d.ended == 1));
    cr_expect_eq(d.outcome, PG_DONE);
    cr_expect_eq(rows_in_table(), 3);
    cr_expect_eq(pg_stats(t.pg)->pinned, 0);

    begin(&d, t.pg, insert_of(4));
    pg_rollback(d.txn);
    cr_expect_eq(rows_in_table(), 3);
    b = pg_test_batch();
    cr_assert_eq(pg_add(b, &INSERT, PG_INT(4), PG_TEXT(TEXT("x"))), RESULT_OK);
    cr_expect_eq(pg_test_run(&t, b), PG_DONE, "the rolled back row is not in the way");
    pg_batch_free(b);
}

Test(db_pg, a_failure_in_a_transaction_ends_it_and_frees_the_connection)
{
    struct deal d = { 0 };

    make_table();
    for (unsigned i = 0; i < 8; i++) {  /* more often than there are connections */
        begin(&d, t.pg, insert_of(1));
        cr_assert_not_null(d.txn);
        if (i % 2) {
            cr_assert_eq(pg_commit(d.txn, insert_of(1), 5000, on_end, &d), RESULT_OK);
            cr_assert(db_run_until(&t.loop, 5000, d.ended == i / 2 + 1));
        } else {
            cr_assert_eq(pg_continue(d.txn, insert_of(1), 5000, on_step, &d), RESULT_OK);
            unsigned before = d.steps;
            cr_assert(db_run_until(&t.loop, 5000, d.steps > before));
            cr_expect_null(d.txn);
        }
        cr_expect_eq(d.outcome, PG_UNIQUE);
        cr_expect_eq(pg_stats(t.pg)->pinned, 0);
    }
    cr_expect_eq(rows_in_table(), 0);
}

Test(db_pg, transactions_leave_a_lane_for_batches_and_wait_their_turn)
{
    struct deal d[4] = { { 0 } };

    make_table();
    for (unsigned i = 0; i < 3; i++)
        begin(&d[i], t.pg, insert_of(i));
    cr_assert_eq(pg_begin(t.pg, insert_of(3), 5000, on_step, &d[3]), RESULT_OK);
    cr_expect_eq(rows_in_table(), 0, "a batch does not wait for transactions");
    cr_expect_eq(d[3].steps, 0);
    pg_rollback(d[0].txn);
    cr_assert(db_run_until(&t.loop, 5000, d[3].steps == 1));
    for (unsigned i = 1; i < 4; i++)
        pg_rollback(d[i].txn);
    cr_expect_eq(rows_in_table(), 0);
}

Test(db_pg, an_idle_transaction_is_ended_by_the_server_and_the_owner_finds_out)
{
    struct pg *pg = pg_test_open_strict(&t, 500);
    struct deal d = { 0 };

    make_table();
    begin(&d, pg, insert_of(1));
    cr_assert_not_null(d.txn);
    cr_assert(db_run_until(&t.loop, 10000, pg_stats(pg)->up == 1 || pg_stats(pg)->connects > 2));
    struct pg_batch *b = insert_of(2);
    cr_expect_eq(pg_commit(d.txn, b, 5000, on_end, &d), RESULT_UNAVAILABLE);
    pg_batch_free(b);
    cr_expect_eq(rows_in_table(), 0);
    cr_expect_eq(pg_stats(pg)->pinned, 0);
    pg_test_close(&t, pg);
}

Test(db_pg, a_deadlock_is_told_as_one_to_try_again)
{
    static const struct pg_statement LOCK = { "lock", "SELECT pg_advisory_xact_lock($1)", "i" };
    struct deal d[2] = { { 0 } };
    struct pg_batch *b;

    for (unsigned i = 0; i < 2; i++) {
        b = pg_test_batch();
        cr_assert_eq(pg_add(b, &LOCK, PG_INT(i)), RESULT_OK);
        begin(&d[i], t.pg, b);
    }
    for (unsigned i = 0; i < 2; i++) {
        b = pg_test_batch();
        cr_assert_eq(pg_add(b, &LOCK, PG_INT(1 - i)), RESULT_OK);
        cr_assert_eq(pg_commit(d[i].txn, b, 8000, on_end, &d[i]), RESULT_OK);
    }
    cr_assert(db_run_until(&t.loop, 15000, d[0].ended + d[1].ended == 2));
    cr_expect_eq((d[0].outcome == PG_RETRY) + (d[1].outcome == PG_RETRY), 1);
    cr_expect_eq((d[0].outcome == PG_DONE) + (d[1].outcome == PG_DONE), 1);
}

/* ---- trouble ---------------------------------------------------------------------------------------------- */

Test(db_pg, what_was_sent_when_the_server_died_is_unknown_and_the_pool_comes_back)
{
    struct pg_batch *b[3];
    struct deal d = { 0 };

    make_table();
    begin(&d, t.pg, insert_of(50));
    db_server_pause(t.server);
    for (unsigned i = 0; i < 3; i++) {
        b[i] = insert_of(i);
        cr_assert_eq(pg_submit(t.pg, b[i], 30000, pg_test_done, &t), RESULT_OK);
    }
    cr_assert_eq(pg_continue(d.txn, insert_of(51), 30000, on_step, &d), RESULT_OK);
    uv_run(&t.loop, UV_RUN_NOWAIT);
    db_server_kill(t.server);
    cr_assert(db_run_until(&t.loop, 10000, t.done == 3 && d.steps == 2));
    for (unsigned i = 0; i < 3; i++) {
        cr_expect_eq(pg_outcome(b[i]), PG_UNKNOWN);
        pg_batch_free(b[i]);
    }
    cr_expect_eq(d.outcome, PG_UNAVAILABLE, "a transaction whose COMMIT was not sent has not happened");
    cr_expect_null(d.txn);
    cr_assert(db_run_until(&t.loop, 5000, !pg_up(t.pg) && t.downs == 2), "%u of both pools are down", t.downs);
    b[0] = insert_of(1);
    cr_expect_eq(pg_submit(t.pg, b[0], 1000, pg_test_done, &t), RESULT_UNAVAILABLE);
    pg_batch_free(b[0]);

    t.done = 0;
    db_server_restart(t.server);
    cr_assert(db_run_until(&t.loop, 20000, pg_stats(t.pg)->up == 4));
    cr_expect_leq(rows_in_table(), 3);
}

Test(db_pg, an_overdue_batch_costs_its_connection_and_is_unknown)
{
    struct pg_batch *b = pg_test_batch();

    make_table();
    cr_assert_eq(pg_add(b, &SLEEP, PG_REAL(30)), RESULT_OK);   /* the server would end it after 10 s, which is PG_RETRY */
    cr_assert_eq(pg_submit(t.pg, b, 300, pg_test_done, &t), RESULT_OK);
    cr_assert_eq(rows_in_table(), 0, "the others go on");
    cr_assert(db_run_until(&t.loop, 5000, t.done == 1));
    cr_expect_eq(pg_outcome(b), PG_UNKNOWN);
    cr_expect_eq(pg_stats(t.pg)->timeouts, 1);
    pg_batch_free(b);
    cr_assert(db_run_until(&t.loop, 10000, pg_stats(t.pg)->up == 4));
}

Test(db_pg, a_server_that_hangs_is_not_waited_for)
{
    struct pg_batch *sent = insert_of(1), *waiting = NULL;

    make_table();
    db_server_pause(t.server);
    for (unsigned i = 0; i < 16; i++) {
        struct pg_batch *filler = insert_of(100 + i);

        cr_assert_eq(pg_submit(t.one, filler, 600, on_end, &sink), RESULT_OK);
    }
    waiting = insert_of(2);
    cr_assert_eq(pg_submit(t.one, waiting, 300, pg_test_done, &t), RESULT_OK);
    cr_assert_eq(pg_submit(t.pg, sent, 300, pg_test_done, &t), RESULT_OK);
    cr_assert(db_run_until(&t.loop, 5000, t.done == 2));
    cr_expect_eq(pg_outcome(sent), PG_UNKNOWN);
    cr_expect_eq(pg_outcome(waiting), PG_UNAVAILABLE, "what was never sent has not happened");
    pg_batch_free(sent);
    pg_batch_free(waiting);
    cr_assert(db_run_until(&t.loop, 5000, !pg_up(t.one)));
    db_server_resume(t.server);
    cr_assert(db_run_until(&t.loop, 20000, pg_up(t.one) && pg_stats(t.pg)->up == 4));
}

Test(db_pg, a_statement_over_the_servers_own_timeout_is_cancelled_there)
{
    struct pg_batch *b = pg_test_batch();

    struct pg *pg = pg_test_open_strict(&t, 500);

    cr_assert_eq(pg_add(b, &SLEEP, PG_REAL(30)), RESULT_OK);
    cr_assert_eq(pg_test_run_on(&t, pg, b), PG_RETRY);
    cr_expect_str_eq(pg_sqlstate(b), "57014");
    pg_batch_free(b);
    cr_expect_eq(pg_stats(pg)->up, 2);
    pg_test_close(&t, pg);
}

Test(db_pg, the_queue_has_a_bound)
{
    struct pg_batch *b;
    enum result r;
    unsigned accepted = 0;

    make_table();
    do {
        b = insert_of(accepted);
        r = pg_submit(t.one, b, 20000, pg_test_done, &t);
        if (!r)
            accepted++;
    } while (!r && accepted < 10000);
    cr_expect_eq(r, RESULT_FULL);
    cr_expect_eq(accepted, 16 + 1024);
    pg_batch_free(b);
    t.free_done = true;
    cr_assert(db_run_until(&t.loop, 20000, t.done == accepted));
    cr_expect_eq(rows_in_table(), accepted);
}

Test(db_pg, a_table_that_changed_under_a_prepared_statement_is_one_to_try_again)
{
    static const struct pg_statement ALL = { "all", "SELECT * FROM things", "" };
    static const struct pg_statement ALTER = { "alter", "ALTER TABLE things ADD COLUMN more text", "" };
    struct pg_batch *b = pg_test_batch();

    make_table();
    cr_assert_eq(pg_add(b, &ALL), RESULT_OK);
    cr_assert_eq(pg_test_run_on(&t, t.one, b), PG_DONE);
    struct pg_batch *alter = pg_test_batch();
    cr_assert_eq(pg_add(alter, &ALTER), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, alter), PG_DONE);
    pg_batch_free(alter);
    cr_expect_eq(pg_test_run_on(&t, t.one, b), PG_RETRY);
    cr_assert(db_run_until(&t.loop, 5000, pg_stats(t.one)->connects == 2 && pg_up(t.one)));
    cr_expect_eq(pg_test_run_on(&t, t.one, b), PG_DONE);
    pg_batch_free(b);
}

Test(db_pg, a_server_that_is_stopped_gently_says_so_and_what_it_refused_had_no_effect)
{
    static const struct pg_statement TERMINATE = { "terminate",
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE application_name = 'one' AND pid <> pg_backend_pid()", "" };
    struct pg_batch *b = pg_test_batch(), *kill = pg_test_batch();

    make_table();
    cr_assert_eq(pg_add(b, &INSERT, PG_INT(1), PG_TEXT(TEXT("x"))), RESULT_OK);
    cr_assert_eq(pg_add(b, &SLEEP, PG_REAL(20)), RESULT_OK);
    cr_assert_eq(pg_submit(t.one, b, 30000, pg_test_done, &t), RESULT_OK);
    db_run_until(&t.loop, 200, false);
    cr_assert_eq(pg_add(kill, &TERMINATE), RESULT_OK);
    cr_assert_eq(pg_submit(t.pg, kill, 5000, on_end, &sink), RESULT_OK);
    cr_assert(db_run_until(&t.loop, 5000, t.done == 1));
    cr_expect(pg_outcome(b) == PG_RETRY || pg_outcome(b) == PG_UNKNOWN, "%s", pg_outcome_text(pg_outcome(b)));
    pg_batch_free(b);
    cr_expect_eq(rows_in_table(), 0);
}

Test(db_pg, closing_ends_everything_that_is_under_way)
{
    struct deal open = { 0 }, waiting = { 0 };
    struct pg_batch *b;

    make_table();
    begin(&open, t.one, insert_of(1));
    cr_assert_not_null(open.txn);
    b = insert_of(2);
    cr_assert_eq(pg_submit(t.one, b, 5000, pg_test_done, &t), RESULT_OK);
    cr_assert_eq(pg_begin(t.one, insert_of(3), 5000, on_step, &waiting), RESULT_OK);
    pg_test_close_one(&t);
    cr_expect_eq(t.done, 1);
    cr_expect_eq(pg_outcome(b), PG_UNAVAILABLE);
    pg_batch_free(b);
    cr_expect_eq(waiting.steps, 1);
    cr_expect_null(waiting.txn);
    pg_rollback(open.txn);              /* the owner of a transaction still has it, and may end it */
    cr_expect_eq(rows_in_table(), 0);
}

Test(db_pg, it_closes_in_every_state)
{
    char nowhere[] = "postgresql://hlidka:hlidka@localhost:1/postgres", numeric[] = "postgresql://a:b@127.0.0.1:1/x";
    const char *const urls[] = { nowhere, numeric, db_server_url(t.server) };

    for (unsigned i = 0; i < 18; i++)
        pg_test_open_and_close(&t, urls[i % 3], i);
}

Test(db_pg, a_wrong_password_never_comes_up_and_a_url_that_will_not_do_is_refused)
{
    static const char *const bad[] = {
        "mysql://hunter2@localhost", "postgresql:///db?password=hunter2", "postgresql://u:hunter2@a,b/db",
        "postgresql://u:hunter2@localhost:0/db", "postgresql://u:hunter2@localhost/db?nonsense=1",
    };
    char url[128];

    snprintf(url, sizeof(url), "postgresql://hlidka:wrong@localhost:%u/postgres", db_server_port(t.server));
    cr_expect_eq(pg_test_open_and_close(&t, url, 100), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buffer why;
        struct secret *secret;
        struct pg *pg;

        buffer_init(&why, 1000);
        cr_assert_eq(secret_from(bad[i], strlen(bad[i]), &secret), RESULT_OK);
        cr_expect_eq(pg_open(&t.loop, &(struct pg_options){ .url = secret, .application_name = "x", .schema = "public" },
                             &pg, &why),
                     RESULT_BAD_CONFIG, "%s", bad[i]);
        cr_expect_gt(why.len, 0);
        cr_expect_null(memmem(why.data, why.len, "hunter2", 7));
        secret_free(secret);
        buffer_free(&why);
    }
}
