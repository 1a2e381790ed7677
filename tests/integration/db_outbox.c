/* The outbox (outbox.h) against a real postgres: rows from memory and from the table, and who has them when. */
#include "db_pg_test.h"
#include "migrate.h"
#include "outbox.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

DB_TEMPLATE_BEFORE
DB_TEMPLATE_AFTER

static struct pg_test t;

static void on_migrated(void *cookie, enum result r, unsigned applied, struct text why)
{
    (void)applied;
    cr_assert_eq(r, RESULT_OK, "%.*s", TEXT_ARG(why));
    *(bool *)cookie = true;
}

static void setup(void)
{
    struct migrations m;
    struct secret *url;
    struct buffer why;
    bool migrated = false;

    pg_test_start(&t);
    buffer_init(&why, 1000);
    cr_assert_eq(secret_from(db_server_url(t.server), strlen(db_server_url(t.server)), &url), RESULT_OK);
    cr_assert_eq(migrations_load((const char *[]){ "common/db/schema" }, 1, &m, &why), RESULT_OK);
    cr_assert_eq(migrate_run(&t.loop, url, "hlidka", &m, 20000, on_migrated, &migrated, &why), RESULT_OK);
    cr_assert(db_run_until(&t.loop, 30000, migrated));
    migrations_free(&m);
    buffer_free(&why);
    secret_free(url);
}

static void teardown(void)
{
    pg_test_stop(&t);
}

TestSuite(db_outbox, .init = setup, .fini = teardown, .timeout = 120);

/* ---- relays --------------------------------------------------------------------------------------------------- */

#define SEEN_MAX 4096

struct relay {
    struct outbox *outbox;
    struct uuid holder;
    unsigned seen;
    char texts[SEEN_MAX][16];
    int64_t numbers[SEEN_MAX];
    unsigned reported;                  /* how many of them have their report */
    bool silent;                        /* no reports: Kafka hangs */
    unsigned fail_at, refuse_at;        /* this one's delivery fails, or publish refuses it; from 1 */
    unsigned calls;
    uint64_t poll_ms, gather_ms;        /* poll_ms 0: 50 */
    bool stopped;
};

static enum result on_publish(void *cookie, const struct outbox_row *row)
{
    struct relay *r = cookie;

    cr_assert_lt(r->seen, SEEN_MAX);
    if (++r->calls == r->refuse_at)
        return RESULT_FULL;
    snprintf(r->texts[r->seen], sizeof(r->texts[0]), "%.*s", (int)row->sealed.len, (const char *)row->sealed.data);
    r->numbers[r->seen++] = row->n;
    return RESULT_OK;
}

static struct uuid holder_of(uint8_t number)
{
    return (struct uuid){ { number } };
}

static void start_relay(struct relay *r, uint8_t number)
{
    struct outbox_options options = { .stream = "events", .publish = on_publish, .cookie = r,
                                      .poll_ms = r->poll_ms ? r->poll_ms : 50, .gather_ms = r->gather_ms };

    r->holder = options.holder = holder_of(number);
    cr_assert_eq(outbox_start(&t.loop, t.pg, &options, &r->outbox), RESULT_OK);
}

/* The broker's thread of time: everything published so far gets its report. */
static void report(struct relay *r)
{
    while (!r->silent && r->reported < r->seen) {
        unsigned i = r->reported++;

        outbox_done(r->outbox, r->numbers[i], i + 1 != r->fail_at);
    }
}

static void on_stopped(void *cookie)
{
    ((struct relay *)cookie)->stopped = true;
}

static void stop_relay(struct relay *r)
{
    outbox_stop(r->outbox, on_stopped, r);
    cr_assert(db_run_until(&t.loop, 5000, r->stopped));
}

static void add_row(struct pg_batch *b, const struct uuid *holder, const char *user, const char *text)
{
    struct outbox_row row = { .user_key = text_of(user), .topic = TEXT("topic"), .sealed = text_bytes(text_of(text)) };

    cr_assert_eq(outbox_append(b, holder, TEXT("events"), &row), RESULT_OK);
}

/* Committed, and nobody has been told yet. */
static struct pg_batch *committed_row(const struct uuid *holder, const char *user, const char *text)
{
    struct pg_batch *b = pg_test_batch();

    add_row(b, holder, user, text);
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);
    cr_assert_gt(pg_int(b, 0, 0, 0), 0);
    return b;
}

static void tell(struct relay *r, struct pg_batch *b)
{
    outbox_committed(r->outbox, b);
    pg_batch_free(b);
}

static void write_row(const struct uuid *holder, const char *user, const char *text)
{
    pg_batch_free(committed_row(holder, user, text));
}

static int64_t left_of(const char *user)
{
    struct pg_batch *b = pg_test_batch();
    int64_t n;

    cr_assert_eq(outbox_pending(b, TEXT("events"), text_of(user)), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);
    n = pg_int(b, 0, 0, 0);
    pg_batch_free(b);
    return n;
}

static struct relay first, second;

static unsigned published_times(const struct relay *r, const char *text)
{
    unsigned n = 0;

    for (unsigned i = 0; i < r->seen; i++)
        n += strcmp(r->texts[i], text) == 0;
    return n;
}

Test(db_outbox, rows_are_published_in_order_and_deleted_once_delivered)
{
    char text[16];

    start_relay(&first, 1);
    for (unsigned i = 0; i < 300; i++) {
        snprintf(text, sizeof(text), "%u", i);
        write_row(&first.holder, "u", text);
        outbox_wake(first.outbox);
        report(&first);
    }
    cr_assert(db_run_until(&t.loop, 10000, (report(&first), first.reported == 300)));
    cr_assert(db_run_until(&t.loop, 5000, left_of("u") == 0));
    for (unsigned i = 0; i < 300; i++)
        cr_assert_eq((unsigned)strtoul(first.texts[i], NULL, 10), i);
    cr_expect_eq(first.seen, 300, "each was published once");
    cr_expect_eq(outbox_stats(first.outbox)->published, 300);
    cr_expect_eq(outbox_stats(first.outbox)->takeovers, 0);
    stop_relay(&first);
}

Test(db_outbox, a_row_whose_delivery_failed_comes_again_and_so_do_the_users_later_ones)
{
    first.fail_at = 1;
    start_relay(&first, 1);
    first.silent = true;
    write_row(&first.holder, "u", "u1");
    write_row(&first.holder, "u", "u2");
    write_row(&first.holder, "v", "v1");
    cr_assert(db_run_until(&t.loop, 5000, first.seen >= 1));
    first.silent = false;
    cr_assert(db_run_until(&t.loop, 10000, (report(&first), left_of("u") + left_of("v") == 0)));
    cr_expect_eq(published_times(&first, "v1"), 1);
    cr_expect_eq(published_times(&first, "u1"), 2);
    unsigned last1 = 0, last2 = 0;
    for (unsigned i = 0; i < first.seen; i++) {
        if (strcmp(first.texts[i], "u1") == 0)
            last1 = i;
        if (strcmp(first.texts[i], "u2") == 0)
            last2 = i;
    }
    cr_expect_lt(last1, last2, "the last word is the later row's");
    stop_relay(&first);
}

Test(db_outbox, a_row_that_publish_refuses_holds_back_its_users_later_ones)
{
    first.refuse_at = 1;
    first.silent = true;
    write_row(&(struct uuid){ { 1 } }, "u", "u1");
    write_row(&(struct uuid){ { 1 } }, "u", "u2");
    write_row(&(struct uuid){ { 1 } }, "v", "v1");
    start_relay(&first, 1);
    cr_assert(db_run_until(&t.loop, 5000, first.seen == 1));
    cr_expect_str_eq(first.texts[0], "v1");
    first.silent = false;
    cr_assert(db_run_until(&t.loop, 10000, (report(&first), left_of("u") + left_of("v") == 0)));
    cr_expect_eq(first.seen, 3);
    cr_expect_str_eq(first.texts[1], "u1");
    cr_expect_str_eq(first.texts[2], "u2");
    stop_relay(&first);
}

Test(db_outbox, what_a_dead_process_left_is_taken_over_after_a_second_and_not_before)
{
    uint64_t begun;

    start_relay(&second, 2);
    begun = uv_hrtime();
    write_row(&(struct uuid){ { 1 } }, "u", "dead1");
    write_row(&second.holder, "u", "own2");
    write_row(&second.holder, "v", "own");
    outbox_wake(second.outbox);
    cr_assert(db_run_until(&t.loop, 5000, (report(&second), second.seen == 1)));
    cr_expect_str_eq(second.texts[0], "own", "another user's row does not wait");
    cr_assert(db_run_until(&t.loop, 5000, (report(&second), second.seen == 3)));
    cr_expect_geq((uv_hrtime() - begun) / 1000000, 950);
    cr_expect_str_eq(second.texts[1], "dead1", "the user's order is kept across processes");
    cr_expect_str_eq(second.texts[2], "own2");
    cr_assert(db_run_until(&t.loop, 5000, left_of("u") + left_of("v") == 0));
    cr_expect_eq(outbox_stats(second.outbox)->takeovers, 1);
    stop_relay(&second);
}

Test(db_outbox, two_that_take_over_do_not_both_publish)
{
    char text[16];

    for (unsigned i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "%u", i);
        write_row(&(struct uuid){ { 9 } }, i % 2 ? "u" : "v", text);
    }
    start_relay(&first, 1);
    start_relay(&second, 2);
    cr_assert(db_run_until(&t.loop, 10000,
                           (report(&first), report(&second), first.reported + second.reported >= 100)));
    cr_assert(db_run_until(&t.loop, 5000, left_of("u") + left_of("v") == 0));
    cr_expect_eq(first.seen + second.seen, 100);
    stop_relay(&first);
    stop_relay(&second);
}

/*
 * Each user has a row of a dead process and then one of this relay's own. The first ones' time runs out while takes are under
 * way, each at another moment: none may be passed over by the row that came after it.
 */
Test(db_outbox, no_row_goes_out_before_one_whose_time_ran_out_meanwhile)
{
    enum { USERS = 200 };
    static const struct pg_statement PAIRS = { "test_pairs",
        "INSERT INTO outbox (stream, user_key, topic, sealed, holder, held_until)"
        " SELECT 'events', 'u' || i, 'topic', convert_to(k || ' ' || i, 'UTF8'), CASE k WHEN 1 THEN $1 ELSE $2 END,"
        " now() + CASE k WHEN 1 THEN 200 + 5 * i ELSE 60000 END * interval '1 millisecond'"
        " FROM generate_series(1, 200) AS i, generate_series(1, 2) AS k ORDER BY k, i", "uu" };
    struct pg_batch *b = pg_test_batch();
    bool out[USERS + 1] = { false };

    start_relay(&first, 1);
    cr_assert_eq(pg_add(b, &PAIRS, PG_UUID((&(struct uuid){ { 9 } })), PG_UUID(&first.holder)), RESULT_OK);
    cr_assert_eq(pg_test_run(&t, b), PG_DONE, "%s", pg_sqlstate(b));
    pg_batch_free(b);
    cr_assert(db_run_until(&t.loop, 20000, (report(&first), outbox_wake(first.outbox), first.seen >= 2 * USERS)));
    for (unsigned i = 0; i < first.seen; i++) {
        unsigned k, user;

        cr_assert_eq(sscanf(first.texts[i], "%u %u", &k, &user), 2);
        cr_assert(user <= USERS && (k == 1 || out[user]), "the second row of user %u came first", user);
        out[user] = true;
    }
    stop_relay(&first);
}

Test(db_outbox, a_slow_broker_is_no_reason_to_take_over)
{
    start_relay(&first, 1);
    start_relay(&second, 2);
    first.silent = true;
    write_row(&first.holder, "u", "slow");
    outbox_wake(first.outbox);
    cr_assert(db_run_until(&t.loop, 5000, first.seen == 1));
    cr_expect_not(db_run_until(&t.loop, 2500, second.seen > 0));
    first.silent = false;
    cr_assert(db_run_until(&t.loop, 5000, (report(&first), left_of("u") == 0)));
    cr_expect_eq(second.seen, 0);
    stop_relay(&first);
    stop_relay(&second);
}

Test(db_outbox, a_relay_that_stops_leaves_its_rows_to_others)
{
    start_relay(&first, 1);
    first.silent = true;
    write_row(&first.holder, "u", "left");
    outbox_wake(first.outbox);
    cr_assert(db_run_until(&t.loop, 5000, first.seen == 1));
    stop_relay(&first);
    start_relay(&second, 2);
    cr_assert(db_run_until(&t.loop, 5000, (report(&second), second.reported == 1)));
    cr_assert(db_run_until(&t.loop, 5000, left_of("u") == 0));
    stop_relay(&second);
}

/* ---- rows from memory ----------------------------------------------------------------------------------------- */

/*
 * The longest poll: whatever happens before is not the poll's doing. It counts from the start of the relay; so where a test
 * needs it, the rows are committed, which takes what it takes, under the relay's name before it starts.
 */
#define NEVER_MS 400

Test(db_outbox, what_this_process_committed_is_published_without_being_read_back)
{
    char text[16];

    first.poll_ms = NEVER_MS;
    start_relay(&first, 1);
    for (unsigned i = 0; i < 600; i++) {
        struct pg_batch *b = pg_test_batch();
        snprintf(text, sizeof(text), "%u", i);
        add_row(b, &first.holder, i % 3 ? "u" : "v", text);
        cr_assert_eq(pg_test_run(&t, b), PG_DONE);
        tell(&first, b);
        report(&first);
    }
    cr_assert(db_run_until(&t.loop, 10000, (report(&first), first.reported >= 600 && left_of("u") + left_of("v") == 0)));
    unsigned last_u = 0, last_v = 0;
    for (unsigned i = 0; i < first.seen; i++) {
        unsigned n = (unsigned)strtoul(first.texts[i], NULL, 10);
        unsigned *last = n % 3 ? &last_u : &last_v;
        cr_assert(n == 0 || n > *last, "%u after %u", n, *last);
        *last = n;
    }
    cr_expect_eq(first.seen, 600, "each was published once");
    /* How many a poll came upon, with those behind them, is the machine's affair; without a memory it is all of them. */
    cr_expect_gt(outbox_stats(first.outbox)->kept, 100, "%zu", (size_t)outbox_stats(first.outbox)->kept);
    cr_expect_eq(outbox_stats(first.outbox)->published, 600);
    stop_relay(&first);
}

Test(db_outbox, a_transaction_s_rows_of_one_user_stay_in_their_order)
{
    const struct uuid holder = holder_of(1);
    struct pg_batch *b = pg_test_batch();

    first.poll_ms = NEVER_MS;
    add_row(b, &holder, "u", "u1");
    add_row(b, &holder, "v", "v1");
    add_row(b, &holder, "u", "u2");
    cr_assert_eq(pg_test_run(&t, b), PG_DONE);
    start_relay(&first, 1);
    tell(&first, b);
    cr_assert_eq(first.seen, 3, "published at once");
    cr_expect_str_eq(first.texts[0], "u1");
    cr_expect_str_eq(first.texts[2], "u2");
    cr_expect_eq(outbox_stats(first.outbox)->kept, 3);
    cr_assert(db_run_until(&t.loop, 5000, (report(&first), left_of("u") + left_of("v") == 0)));
    stop_relay(&first);
}

Test(db_outbox, rows_wait_for_others_to_go_with_them_and_not_for_long)
{
    const struct uuid holder = holder_of(1);
    struct pg_batch *u1 = committed_row(&holder, "u", "u1"), *v1 = committed_row(&holder, "v", "v1");

    first.poll_ms = NEVER_MS;
    first.gather_ms = 100;
    uv_update_time(&t.loop);            /* what the relay's timers count from */
    uint64_t begun = uv_hrtime();
    start_relay(&first, 1);
    tell(&first, u1);
    tell(&first, v1);
    cr_assert_eq(first.seen, 0);
    cr_assert(db_run_until(&t.loop, 5000, first.seen == 2));
    cr_expect_geq((uv_hrtime() - begun) / 1000000, 95);
    cr_assert(db_run_until(&t.loop, 5000, (report(&first), left_of("u") + left_of("v") == 0)));
    cr_expect_eq(outbox_stats(first.outbox)->taken, 0, "it was the poll");
    stop_relay(&first);
}

/* The answers to two commits of one user come in the other order: the first is on another connection. */
Test(db_outbox, a_row_is_not_published_before_one_whose_commit_was_not_heard_of_yet)
{
    const struct uuid holder = holder_of(1);
    struct pg_batch *late = committed_row(&holder, "u", "u1"), *heard_of = committed_row(&holder, "u", "u2");

    first.poll_ms = NEVER_MS;
    start_relay(&first, 1);
    tell(&first, heard_of);
    cr_assert_eq(first.seen, 0);
    cr_assert(db_run_until(&t.loop, 5000, first.seen == 2));
    cr_expect_str_eq(first.texts[0], "u1");
    cr_expect_str_eq(first.texts[1], "u2");
    tell(&first, late);
    cr_expect_eq(first.seen, 2, "in hand");
    cr_assert(db_run_until(&t.loop, 5000, (report(&first), left_of("u") == 0)));
    cr_expect_eq(first.seen, 2);
    stop_relay(&first);
}

Test(db_outbox, a_row_waits_in_memory_or_not_while_another_process_has_an_earlier_one_of_its_user)
{
    uint64_t begun = uv_hrtime();

    start_relay(&first, 1);
    write_row(&(struct uuid){ { 2 } }, "u", "theirs");
    tell(&first, committed_row(&first.holder, "u", "mine"));
    tell(&first, committed_row(&first.holder, "u", "mine too"));
    tell(&first, committed_row(&first.holder, "v", "v1"));
    cr_assert(db_run_until(&t.loop, 5000, (report(&first), first.seen == 1)));
    cr_expect_str_eq(first.texts[0], "v1");
    cr_assert(db_run_until(&t.loop, 5000, (report(&first), first.seen == 4)));
    cr_expect_geq((uv_hrtime() - begun) / 1000000, 950);
    cr_expect_str_eq(first.texts[1], "theirs");
    cr_expect_str_eq(first.texts[2], "mine");
    cr_expect_str_eq(first.texts[3], "mine too");
    cr_assert(db_run_until(&t.loop, 5000, left_of("u") + left_of("v") == 0));
    stop_relay(&first);
}

Test(db_outbox, what_a_process_had_in_memory_when_it_died_is_relayed_by_another)
{
    first.gather_ms = 10000;
    first.poll_ms = NEVER_MS;
    start_relay(&first, 1);
    tell(&first, committed_row(&first.holder, "u", "u1"));
    tell(&first, committed_row(&first.holder, "u", "u2"));
    stop_relay(&first);
    cr_assert_eq(first.seen, 0);
    start_relay(&second, 2);
    cr_assert(db_run_until(&t.loop, 5000, (report(&second), second.seen == 2)));
    cr_expect_str_eq(second.texts[0], "u1");
    cr_expect_str_eq(second.texts[1], "u2");
    cr_assert(db_run_until(&t.loop, 5000, left_of("u") == 0));
    cr_expect_eq(outbox_stats(second.outbox)->takeovers, 2);
    stop_relay(&second);
}

Test(db_outbox, rows_that_wait_in_memory_behind_a_slow_broker_are_not_taken_over)
{
    start_relay(&first, 1);
    start_relay(&second, 2);
    first.silent = true;
    tell(&first, committed_row(&first.holder, "u", "slow"));
    tell(&first, committed_row(&first.holder, "v", "behind it"));
    cr_assert_eq(first.seen, 1);
    cr_expect_not(db_run_until(&t.loop, 2500, second.seen > 0));
    first.silent = false;
    cr_assert(db_run_until(&t.loop, 5000, (report(&first), left_of("u") + left_of("v") == 0)));
    cr_expect_eq(first.seen, 2);
    cr_expect_eq(second.seen, 0);
    stop_relay(&first);
    stop_relay(&second);
}

Test(db_outbox, what_is_in_memory_comes_after_an_earlier_row_that_failed)
{
    first.fail_at = 1;
    first.silent = true;
    start_relay(&first, 1);
    tell(&first, committed_row(&first.holder, "u", "u1"));
    tell(&first, committed_row(&first.holder, "u", "u2"));
    cr_assert_eq(first.seen, 1);
    first.silent = false;
    cr_assert(db_run_until(&t.loop, 10000, (report(&first), left_of("u") == 0)));
    cr_assert_eq(first.seen, 3);
    cr_expect_str_eq(first.texts[1], "u1");
    cr_expect_str_eq(first.texts[2], "u2");
    stop_relay(&first);
}

Test(db_outbox, a_row_behind_one_that_publish_refused_is_left_with_it)
{
    first.refuse_at = 1;
    start_relay(&first, 1);
    tell(&first, committed_row(&first.holder, "u", "u1"));
    tell(&first, committed_row(&first.holder, "u", "u2"));
    cr_assert(db_run_until(&t.loop, 10000, (report(&first), left_of("u") == 0)));
    cr_assert_eq(first.seen, 2);
    cr_expect_str_eq(first.texts[0], "u1");
    cr_expect_str_eq(first.texts[1], "u2");
    stop_relay(&first);
}

Test(db_outbox, what_the_dead_left_is_not_put_off_by_what_keeps_coming)
{
    char text[16];
    uint64_t begun = uv_hrtime();

    start_relay(&first, 1);
    write_row(&(struct uuid){ { 9 } }, "w", "dead");
    for (unsigned i = 0; published_times(&first, "dead") == 0 && uv_hrtime() - begun < UINT64_C(4000000000); i++) {
        snprintf(text, sizeof(text), "%u", i);
        tell(&first, committed_row(&first.holder, i % 2 ? "u" : "v", text));
        cr_expect_not(db_run_until(&t.loop, 1, (report(&first), false)));
    }
    cr_expect_eq(published_times(&first, "dead"), 1);
    cr_assert(db_run_until(&t.loop, 5000, (report(&first), left_of("u") + left_of("v") + left_of("w") == 0)));
    cr_expect_eq(outbox_stats(first.outbox)->takeovers, 1);
    stop_relay(&first);
}

/* More than memory is given: the rest is read from the table, in order. */
Test(db_outbox, what_has_no_room_in_memory_is_published_after_what_has)
{
    enum { ROWS = 2000, EACH = 100 };
    char text[16];

    first.silent = true;
    start_relay(&first, 1);
    for (unsigned i = 0; i < ROWS;) {
        struct pg_batch *b = pg_test_batch();
        for (unsigned end = i + EACH; i < end; i++) {
            snprintf(text, sizeof(text), "%u", i);
            add_row(b, &first.holder, "u", text);
        }
        cr_assert_eq(pg_test_run(&t, b), PG_DONE);
        tell(&first, b);
    }
    first.silent = false;
    cr_assert(db_run_until(&t.loop, 20000, (report(&first), left_of("u") == 0)));
    cr_assert_eq(first.seen, ROWS);
    for (unsigned i = 0; i < ROWS; i++)
        cr_assert_eq((unsigned)strtoul(first.texts[i], NULL, 10), i);
    stop_relay(&first);
}
