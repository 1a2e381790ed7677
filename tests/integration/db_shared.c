/* Transactions that several share (pg_begin_shared) against a real postgres: who is in one, and what ends it. */
#include "db_pg_test.h"

#include <criterion/criterion.h>

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

enum { MEMBERS = 24 };

static const struct pg_statement MAKE = { "shared_make",
    "CREATE TABLE IF NOT EXISTS made (k int8 PRIMARY KEY, at int8 NOT NULL)", "" };
static const struct pg_statement XID = { "shared_xid", "SELECT pg_current_xact_id()::text::int8, nextval('turns')", "" };
static const struct pg_statement TURNS = { "shared_turns", "CREATE SEQUENCE IF NOT EXISTS turns", "" };
static const struct pg_statement BAD = { "shared_bad", "SELECT 1 / $1", "i" };
static const struct pg_statement INSERT = { "shared_insert", "INSERT INTO made (k, at) VALUES ($1, $2)", "ii" };
static const struct pg_statement COUNT = { "shared_count", "SELECT count(*) FROM made", "" };
static const struct pg_statement TERMINATE = { "shared_terminate",
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'one'", "" };

struct member {
    int64_t key;                        /* also what it inserts */
    bool refuses, waits, fails_to_read;
    unsigned begun, ended;
    struct pg_txn *txn;                 /* if it waits */
    int64_t xid, turn;
    enum pg_outcome outcome;
};

static struct pg_test t;
static struct member members[MEMBERS];
static const char KIND = 'k', OTHER = 'o';

static void setup(void)
{
    struct pg_batch *b = pg_test_batch();

    pg_test_start(&t);
    cr_assert_eq(pg_add(b, &MAKE), RESULT_OK);
    cr_assert_eq(pg_add(b, &TURNS), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);
    pg_batch_free(b);
    for (unsigned i = 0; i < MEMBERS; i++)
        members[i].key = MEMBERS - i;
}

static void teardown(void)
{
    pg_test_stop(&t);
}

TestSuite(db_shared, .init = setup, .fini = teardown, .timeout = 60);

static void on_end(void *cookie, struct pg_batch *b)
{
    struct member *m = cookie;

    m->outcome = pg_outcome(b);
    m->ended++;
    pg_batch_free(b);
}

static enum result commit(struct member *m, struct pg_txn *txn)
{
    struct pg_batch *b = pg_test_batch();

    cr_assert_eq(pg_add(b, &INSERT, PG_INT(m->key), PG_INT(m->xid)), RESULT_OK);
    enum result r = pg_commit(txn, b, 5000, on_end, m);
    if (r)
        pg_batch_free(b);
    return r;
}

static void on_begun(void *cookie, struct pg_txn *txn, struct pg_batch *b)
{
    struct member *m = cookie;

    m->begun++;
    m->outcome = pg_outcome(b);
    if (txn) {
        m->xid = pg_int(b, 0, 0, 0);
        m->turn = pg_int(b, 0, 0, 1);
    }
    pg_batch_free(b);
    if (!txn)
        return;
    if (m->refuses)
        pg_rollback(txn);
    else if (m->waits)
        m->txn = txn;
    else
        cr_assert_eq(commit(m, txn), RESULT_OK);
}

/* In the pool of one connection, so that all but the first wait for it, together. */
static void begin(struct member *m, const char *kind)
{
    struct pg_share share = { .kind = kind };
    struct pg_batch *b = pg_test_batch();

    share.key[PG_SHARE_KEY_LEN - 1] = (uint8_t)m->key;
    cr_assert_eq(pg_add(b, &XID), RESULT_OK);
    if (m->fails_to_read)
        cr_assert_eq(pg_add(b, &BAD, PG_INT(0)), RESULT_OK);
    cr_assert_eq(pg_begin_shared(t.one, b, &share, 5000, on_begun, m), RESULT_OK);
}

static void begin_all(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        begin(&members[i], &KIND);
}

static unsigned ended(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < MEMBERS; i++)
        n += members[i].ended;
    return n;
}

static unsigned begun(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < MEMBERS; i++)
        n += members[i].begun;
    return n;
}

static int64_t rows(void)
{
    struct pg_batch *b = pg_test_batch();

    cr_assert_eq(pg_add(b, &COUNT), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);
    int64_t n = pg_int(b, 0, 0, 0);
    pg_batch_free(b);
    return n;
}

/* The one connection serves on, and nobody holds it. */
static void serves_on(void)
{
    struct member after = { .key = 200 };
    int64_t before = rows();

    begin(&after, &KIND);
    cr_assert(db_run_until(&t.loop, 5000, after.ended == 1));
    cr_expect_eq(after.outcome, PG_DONE);
    cr_expect_eq(rows(), before + 1);
    cr_expect_eq(pg_stats(t.one)->pinned, 0);
}

Test(db_shared, those_that_wait_together_are_one_transaction_in_the_order_of_their_keys)
{
    begin_all(MEMBERS);
    cr_assert(db_run_until(&t.loop, 5000, ended() == MEMBERS));
    for (unsigned i = 0; i < MEMBERS; i++)
        cr_assert_eq(members[i].outcome, PG_DONE);
    cr_expect_neq(members[0].xid, members[1].xid, "the first had the connection for itself");
    for (unsigned i = 2; i <= PG_SHARED_MAX; i++) {
        cr_expect_eq(members[i].xid, members[1].xid);
        cr_expect_lt(members[i].turn, members[i - 1].turn, "lesser keys first");
    }
    cr_expect_neq(members[PG_SHARED_MAX + 1].xid, members[1].xid, "as many as may");
    cr_expect_eq(members[MEMBERS - 1].xid, members[PG_SHARED_MAX + 1].xid);
    cr_expect_eq(rows(), MEMBERS);
    serves_on();
}

Test(db_shared, two_of_one_key_or_of_two_kinds_are_never_in_one)
{
    members[2].key = members[1].key + 100;
    begin(&members[0], &KIND);
    begin(&members[1], &KIND);
    begin(&members[2], &OTHER);
    begin(&members[3], NULL);
    begin(&members[4], &KIND);
    members[5].key = members[1].key;
    members[5].refuses = true;
    begin(&members[5], &KIND);
    begin(&members[6], NULL);
    cr_assert(db_run_until(&t.loop, 5000, begun() == 7 && ended() == 6));
    cr_expect_eq(members[4].xid, members[1].xid);
    const unsigned apart[] = { 0, 1, 2, 3, 5, 6 };
    for (unsigned i = 0; i < 6; i++)
        for (unsigned j = 0; j < i; j++)
            cr_expect_neq(members[apart[i]].xid, members[apart[j]].xid, "%u and %u", apart[i], apart[j]);
    serves_on();
}

Test(db_shared, what_one_decides_against_is_not_written_and_the_others_is)
{
    members[1].refuses = members[3].refuses = members[6].refuses = true;
    begin_all(7);
    cr_assert(db_run_until(&t.loop, 5000, begun() == 7 && ended() == 4));
    cr_expect_eq(rows(), 4);
    cr_expect_eq(members[2].xid, members[5].xid);
    serves_on();
}

Test(db_shared, where_all_decide_against_it_the_connection_serves_on)
{
    for (unsigned i = 0; i < 4; i++)
        members[i].refuses = true;
    begin_all(4);
    cr_assert(db_run_until(&t.loop, 5000, begun() == 4));
    cr_expect_eq(rows(), 0);
    serves_on();
}

Test(db_shared, one_that_fails_to_write_undoes_all_and_the_others_may_begin_again)
{
    begin(&members[0], &KIND);
    cr_assert(db_run_until(&t.loop, 5000, ended() == 1));
    members[0] = (struct member){ .key = 100 };
    members[3].key = 100;
    begin(&members[0], &KIND);
    begin(&members[1], &KIND);
    begin(&members[2], &KIND);
    begin(&members[3], &OTHER);
    cr_assert(db_run_until(&t.loop, 5000, ended() == 4));
    cr_expect_eq(members[3].outcome, PG_UNIQUE, "made by the first");
    cr_expect_eq(rows(), 4);
    members[4].key = 99;
    members[5].key = 98;
    begin(&members[4], &KIND);
    begin(&members[5], &KIND);
    cr_assert(db_run_until(&t.loop, 5000, ended() == 6));
    /* 99 and 98 exist: the first goes alone, the other three together with a new one. */
    members[6] = (struct member){ .key = 97 };
    members[7] = (struct member){ .key = 96 };
    members[8] = (struct member){ .key = 99 };
    members[9] = (struct member){ .key = 95 };
    for (unsigned i = 6; i < 10; i++)
        begin(&members[i], &KIND);
    cr_assert(db_run_until(&t.loop, 5000, ended() == 10));
    cr_expect_eq(members[6].outcome, PG_DONE);
    cr_expect_eq(members[8].outcome, PG_UNIQUE);
    cr_expect(members[7].outcome == PG_RETRY && members[9].outcome == PG_RETRY);
    cr_expect_eq(rows(), 7);
    serves_on();
}

Test(db_shared, one_that_fails_to_read_ends_it_for_all)
{
    members[2].fails_to_read = true;
    begin_all(4);
    cr_assert(db_run_until(&t.loop, 5000, begun() == 4));
    cr_expect_eq(members[2].outcome, PG_FAILED);
    cr_expect(members[1].outcome == PG_RETRY && members[3].outcome == PG_RETRY);
    cr_assert(db_run_until(&t.loop, 5000, ended() == 1));
    cr_expect_eq(rows(), 1);
    serves_on();
}

static void lose_the_connection(void)
{
    struct pg_batch *b = pg_test_batch();

    cr_assert_eq(pg_add(b, &TERMINATE), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);
    pg_batch_free(b);
    cr_assert(db_run_until(&t.loop, 5000, !pg_up(t.one)));
}

Test(db_shared, a_connection_lost_before_all_have_decided_had_no_effect)
{
    members[1].waits = true;
    begin_all(4);
    cr_assert(db_run_until(&t.loop, 5000, begun() == 4 && members[1].txn));
    cr_expect_eq(ended(), 1, "the others wait for it");
    lose_the_connection();
    cr_expect_eq(ended(), 3);
    cr_expect(members[2].outcome == PG_UNAVAILABLE && members[3].outcome == PG_UNAVAILABLE);
    cr_expect_eq(commit(&members[1], members[1].txn), RESULT_UNAVAILABLE);
    cr_assert(db_run_until(&t.loop, 10000, pg_up(t.one)));
    cr_expect_eq(rows(), 1);
    serves_on();
}

Test(db_shared, the_last_to_decide_commits_for_all_or_frees_them)
{
    members[1].waits = members[2].waits = true;
    begin_all(4);
    cr_assert(db_run_until(&t.loop, 5000, begun() == 4 && members[1].txn && members[2].txn));
    cr_assert_eq(commit(&members[1], members[1].txn), RESULT_OK);
    cr_expect_not(db_run_until(&t.loop, 200, ended() > 1));
    pg_rollback(members[2].txn);
    cr_assert(db_run_until(&t.loop, 5000, ended() == 3));
    cr_expect_eq(rows(), 3);
    serves_on();
}

Test(db_shared, closing_ends_it_for_all)
{
    members[1].waits = true;
    begin_all(4);
    cr_assert(db_run_until(&t.loop, 5000, begun() == 4 && members[1].txn));
    pg_test_close_one(&t);
    cr_expect_eq(ended(), 3);
    cr_expect_eq(members[3].outcome, PG_UNAVAILABLE);
    pg_rollback(members[1].txn);
    cr_expect_eq(rows(), 1);
}
